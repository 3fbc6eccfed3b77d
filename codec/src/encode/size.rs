//! How large a frame will be at a quantizer, before a bit of it is written: its coefficients are settled and their tokens
//! counted as finishing would, and priced under the probabilities that finishing would choose. Only intra macroblocks are an
//! estimate, since what they are predicted from depends on the quantizer.

use super::analysis::{Analysis, known_probabilities};
use super::contexts::TokenContexts;
use super::fineness::Fineness;
use super::intra_coding::Workspace;
use super::rate::bits_cost;
use super::residue::ALL_BLOCKS;
use super::settle::Settling;
use super::tokens::TokenRecord;
use crate::bitstream::bool_coder::BoolEncoder;
use crate::bitstream::probabilities::TokenUpdates;
use crate::bitstream::token_probabilities::TOKEN_UPDATE_PROBABILITIES;
use crate::macroblock::Reference;

impl Analysis {
    /// The size in bytes that the frame will have at a quantizer or [`Fineness`], from token statistics: within a few percent.
    pub fn predict_size(&self, fineness: impl Into<Fineness>) -> usize {
        self.predict_size_at(fineness.into())
    }

    fn predict_size_at(&self, fineness: Fineness) -> usize {
        let known = known_probabilities(&self.source, &self.plan);
        let macroblocks = (self.grid.columns() * self.grid.rows()) as u32;
        let tokens = self.record_tokens(fineness);
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
    fn record_tokens(&self, fineness: Fineness) -> TokenRecord {
        let grid = &self.grid;
        let settling = Settling::new(fineness, self.token_prices());
        let mut tokens = TokenRecord::with_room_for(grid.columns() * grid.rows());
        let mut contexts = TokenContexts::new(grid.columns());
        let Workspace { coefficients: mut loaded, mut levels } = Workspace::default();
        let mut intra = self.intra_coefficients(fineness.quantizer()).iter();
        for row in 0..grid.rows() {
            contexts.begin_row();
            for (column, macroblock) in grid.row(row).iter().enumerate() {
                let around = contexts.around(column, macroblock.luma_mode.has_y2());
                let mut settler = settling.settler(macroblock.segment, around);
                let (blocks, coefficients) = match macroblock.reference {
                    Reference::Intra => (ALL_BLOCKS, intra.next().expect("all intra macroblocks are estimated")),
                    _ => (self.coefficients(fineness.quantizer(), macroblock, (row, column), &mut loaded), &loaded),
                };
                if settler.settle_all(blocks, coefficients, &mut levels) {
                    tokens.record(&levels, settler.own);
                }
                contexts.keep(column, settler.own);
            }
        }
        tokens
    }
}
