//! How large a frame will be at a quantizer, before a bit of it is written: its coefficients are settled and their tokens
//! counted as finishing would, and priced under the probabilities that finishing would choose. Only intra macroblocks are an
//! estimate, since what they are predicted from depends on the quantizer.

use std::sync::{Mutex, PoisonError};

use super::analysis::{Analysis, known_probabilities};
use super::contexts::TokenContexts;
use super::fineness::Fineness;
use super::intra_coding::Workspace;
use super::rate::bits_cost;
use super::residue::ALL_BLOCKS;
use super::settle::Settling;
use super::tokens::TokenRecord;
use super::wavefront::{Row, SPAN, Wavefront};
use crate::bitstream::bool_coder::BoolEncoder;
use crate::bitstream::probabilities::TokenUpdates;
use crate::bitstream::token_probabilities::TOKEN_UPDATE_PROBABILITIES;
use crate::executor::{Executor, Serial, on_each_thread};
use crate::macroblock::Reference;

impl Analysis {
    /// The size in bytes that the frame will have at a quantizer or [`Fineness`], from token statistics: within a few percent.
    pub fn predict_size(&self, fineness: impl Into<Fineness>) -> usize {
        self.predict_size_on(&Serial, fineness.into())
    }

    /// As [`Self::predict_size`], with rows side by side as far as `executor` lets them.
    pub(super) fn predict_size_on(&self, executor: &dyn Executor, fineness: Fineness) -> usize {
        let known = known_probabilities(&self.source, &self.plan);
        let macroblocks = (self.grid.columns() * self.grid.rows()) as u32;
        let tokens = self.record_tokens(executor, fineness);
        let skipped = macroblocks - tokens.macroblocks() as u32;
        let coding = tokens.best_coding(&known.tokens, &TOKEN_UPDATE_PROBABILITIES);
        let updates = TokenUpdates::between(&known.tokens, &coding.probabilities);
        let header = self.header(fineness.quantizer(), updates, skipped, 1);
        let mut uncoded = Vec::new();
        header.write_uncoded(0, &mut uncoded);
        let mut first = BoolEncoder::new();
        header.write(&mut first);
        let skips = header.skip_probability.map_or(0, |p| bits_cost(macroblocks - skipped, skipped, p));
        let map = header.segmentation.as_ref().and_then(|segmentation| segmentation.map_update);
        // The tree asks first for the upper pair of segments, then which of the lower pair it is.
        let segments = map.map_or(0, |[upper, second, _]| {
            bits_cost(macroblocks, 0, upper) + bits_cost(macroblocks - self.renewed, self.renewed, second)
        });
        let price = coding.cost + self.modes().cost + skips + segments;
        uncoded.len() + first.finish().len() + (price / (8 * 256)) as usize + 1
    }

    /// The tokens of the frame at `fineness`.
    fn record_tokens(&self, executor: &dyn Executor, fineness: Fineness) -> TokenRecord {
        let grid = &self.grid;
        let settling = Settling::new(fineness, self.token_prices());
        let intra = self.intra_coefficients(fineness.quantizer());
        let front: Wavefront<_, [u64; SPAN]> = Wavefront::new(intra, grid.columns());
        let records = Mutex::new(Vec::new());
        on_each_thread(executor, &|| {
            let mut tokens = TokenRecord::with_room_for(grid.columns() * grid.rows());
            let mut contexts = TokenContexts::new(grid.columns());
            let Workspace { coefficients: mut loaded, mut levels } = Workspace::default();
            while let Some(Row { number: row, own: intra, mut above, mut below }) = front.begin() {
                let mut intra = intra.iter();
                contexts.begin_row();
                for span in front.spans() {
                    above.reach(span.start, |first, above| contexts.see_above(first, above));
                    for (column, macroblock) in span.clone().zip(&grid.row(row)[span.clone()]) {
                        let around = contexts.around(column, macroblock.luma_mode.has_y2());
                        let mut settler = settling.settler(macroblock.segment, around);
                        let (blocks, coefficients) = match macroblock.reference {
                            Reference::Intra => {
                                (ALL_BLOCKS, intra.next().expect("all intra macroblocks are estimated"))
                            }
                            _ => {
                                let place = (row, column);
                                (self.coefficients(fineness.quantizer(), macroblock, place, &mut loaded), &loaded)
                            }
                        };
                        if settler.settle_all(blocks, coefficients, &mut levels) {
                            tokens.record(&levels, settler.own);
                        }
                        contexts.keep(column, settler.own);
                    }
                    below.tell(|| contexts.below(span.start));
                }
                tokens.end_row(row);
            }
            records.lock().unwrap_or_else(PoisonError::into_inner).push(tokens);
        });
        TokenRecord::join(records.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}
