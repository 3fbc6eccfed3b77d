//! How large a frame will be at a quantizer, before a bit of it is written: its coefficients are settled and their tokens
//! counted as finishing would, and priced under the probabilities that finishing would choose. Only intra macroblocks are an
//! estimate, since what they are predicted from depends on the quantizer.

use super::analysis::{Analysis, known_probabilities};
use super::contexts::TokenContexts;
use super::intra_coding::Workspace;
use super::rate::bits_cost;
use super::residue::ALL_BLOCKS;
use super::settle::Settling;
use super::tokens::TokenRecord;
use crate::QuantizerIndex;
use crate::bitstream::bool_coder::BoolEncoder;
use crate::bitstream::probabilities::TokenUpdates;
use crate::bitstream::token_probabilities::TOKEN_UPDATE_PROBABILITIES;
use crate::macroblock::Reference;

impl Analysis {
    /// The size in bytes that the frame will have at `quantizer`, from token statistics: within a few percent.
    pub fn predict_size(&self, quantizer: QuantizerIndex) -> usize {
        let known = known_probabilities(&self.source, &self.plan);
        let macroblocks = (self.grid.columns() * self.grid.rows()) as u32;
        let tokens = self.record_tokens(quantizer);
        let skipped = macroblocks - tokens.macroblocks() as u32;
        let coding = tokens.best_coding(&known.tokens, &TOKEN_UPDATE_PROBABILITIES);
        let updates = TokenUpdates::between(&known.tokens, &coding.probabilities);
        let header = self.header(quantizer, updates, skipped, 1);
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

    /// The finest quantizer at which the frame is predicted to take at most `bytes`; the coarsest if there is none.
    pub fn quantizer_for(&self, bytes: usize) -> QuantizerIndex {
        Sizes::of(self).quantizer_for(bytes, QuantizerIndex::MIN, self.plan.finest)
    }

    /// The predicted sizes of this frame, each computed once: for more than one question.
    pub fn sizes(&self) -> Sizes<'_> {
        Sizes::of(self)
    }

    /// The tokens of the frame at `quantizer`.
    fn record_tokens(&self, quantizer: QuantizerIndex) -> TokenRecord {
        let grid = &self.grid;
        let settling = Settling::new(quantizer, &known_probabilities(&self.source, &self.plan).tokens);
        let mut tokens = TokenRecord::with_room_for(grid.columns() * grid.rows());
        let mut contexts = TokenContexts::new(grid.columns());
        let Workspace { coefficients: mut loaded, mut levels } = Workspace::default();
        let mut intra = self.intra_coefficients().iter();
        for row in 0..grid.rows() {
            contexts.begin_row();
            for (column, macroblock) in grid.row(row).iter().enumerate() {
                let around = contexts.around(column, macroblock.luma_mode.has_y2());
                let mut settler = settling.settler(macroblock.segment, around);
                let (blocks, coefficients) = match macroblock.reference {
                    Reference::Intra => (ALL_BLOCKS, intra.next().expect("all intra macroblocks are estimated")),
                    _ => (self.coefficients(quantizer, macroblock, (row, column), &mut loaded), &loaded),
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

/// The predicted sizes of one analysed frame.
///
/// A question costs a prediction for each quantizer it looks at; it looks at few where the answer is expected.
pub struct Sizes<'a> {
    analysis: &'a Analysis,
    known: [Option<usize>; QUANTIZERS],
}

/// How many quantizers there are.
const QUANTIZERS: usize = QuantizerIndex::MAX.value() as usize + 1;

impl<'a> Sizes<'a> {
    fn of(analysis: &'a Analysis) -> Self {
        Self { analysis, known: [None; QUANTIZERS] }
    }

    /// As [`Analysis::predict_size`].
    pub fn at(&mut self, quantizer: QuantizerIndex) -> usize {
        let known = &mut self.known[usize::from(quantizer.value())];
        *known.get_or_insert_with(|| self.analysis.predict_size(quantizer))
    }

    /// As [`Analysis::quantizer_for`], but not finer than `finest`; the search begins at `expected`.
    pub fn quantizer_for(&mut self, bytes: usize, finest: QuantizerIndex, expected: QuantizerIndex) -> QuantizerIndex {
        let index = |value: usize| QuantizerIndex::saturating(value as i32);
        let (first, last) = (usize::from(finest.value()), QUANTIZERS - 1);
        let expected = usize::from(expected.value()).max(first);
        // Steps that double, away from what was expected, until the answer lies between the last two: too fine and fitting.
        let mut step = 1;
        let (mut too_fine, mut fitting) = (None, expected);
        if self.at(index(expected)) <= bytes {
            while fitting > first && too_fine.is_none() {
                let finer = fitting.saturating_sub(step).max(first);
                if self.at(index(finer)) <= bytes {
                    fitting = finer;
                } else {
                    too_fine = Some(finer);
                }
                step *= 2;
            }
        } else {
            too_fine = Some(expected);
            loop {
                fitting = (fitting + step).min(last);
                if fitting == last || self.at(index(fitting)) <= bytes {
                    break;
                }
                too_fine = Some(fitting);
                step *= 2;
            }
        }
        let mut low = too_fine.map_or(first, |too_fine| too_fine + 1).min(fitting);
        while low < fitting {
            let middle = low + (fitting - low) / 2;
            if self.at(index(middle)) <= bytes { fitting = middle } else { low = middle + 1 }
        }
        index(fitting)
    }
}
