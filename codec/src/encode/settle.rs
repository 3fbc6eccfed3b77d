//! From coefficients to levels, block by block in the order of coding, so that each block's bits are weighed in the context that
//! the blocks before it leave.

use std::ops::Range;

use super::background::renewing;
use super::contexts::{SIDES, Side};
use super::price::Lambda;
use super::refine::{Refinement, Worth};
use super::residue::{BLOCKS, Blocks, Levels, Quantisers, Y2};
use super::tokens::TokenPrices;
use crate::QuantizerIndex;
use crate::bitstream::tables::TokenProbabilities;
use crate::bitstream::tokens::BlockKind;

/// With what all macroblocks of a version are settled.
pub(super) struct Settling {
    prices: TokenPrices,
    /// By segment: the quantisers, and what bits are worth there.
    segments: [(Quantisers, Worth); 2],
}

impl Settling {
    /// Settles macroblocks at `quantizer`, or those of the renewed background somewhat finer, for a decoder that knows
    /// `probabilities`.
    pub(super) fn new(quantizer: QuantizerIndex, probabilities: &TokenProbabilities) -> Self {
        let segment = |quantizer| {
            let quantisers = Quantisers::new(quantizer);
            let worth = Lambda::new(quantisers.luma.divisor[1]).of_coefficients();
            (quantisers, worth)
        };
        Self { prices: TokenPrices::new(probabilities), segments: [segment(quantizer), segment(renewing(quantizer))] }
    }

    /// For a macroblock of `segment` that sees `around`, above and to its left.
    #[inline]
    pub(super) fn settler(&self, segment: u8, y2: bool, (above, left): (Side, Side)) -> Settler<'_> {
        let (quantisers, worth) = &self.segments[usize::from(segment)];
        let refinement = Some(Refinement { prices: &self.prices, worth: *worth });
        Settler { quantisers, refinement, y2, above, left }
    }
}

/// Settles the levels of one macroblock.
pub(super) struct Settler<'a> {
    pub(super) quantisers: &'a Quantisers,
    /// Without it levels are only rounded.
    refinement: Option<Refinement<'a>>,
    y2: bool,
    above: Side,
    left: Side,
}

impl<'a> Settler<'a> {
    /// Only rounds levels.
    pub(super) fn rounding(quantisers: &'a Quantisers, y2: bool) -> Self {
        Self { quantisers, refinement: None, y2, above: [0; 9], left: [0; 9] }
    }
}

impl Settler<'_> {
    /// Settles block `block`; answers how far its levels reach in zigzag order, 0 if all are zero.
    #[inline]
    pub(super) fn settle(&mut self, block: usize, coefficients: &[i16; 16], levels: &mut [i16; 16]) -> u8 {
        let quantiser = self.quantisers.of(block);
        let mut end = quantiser.quantise(coefficients, levels);
        let (column, row) = SIDES[block];
        let (above, left) = (&mut self.above[usize::from(column)], &mut self.left[usize::from(row)]);
        if let (1.., Some(refinement)) = (end, &self.refinement) {
            let kind = match block {
                Y2 => BlockKind::Y2,
                16.. => BlockKind::Chroma,
                _ if self.y2 => BlockKind::LumaWithoutDc,
                _ => BlockKind::LumaWithDc,
            };
            end = refinement.refine(levels, coefficients, end, quantiser, kind, usize::from(*above + *left));
        }
        *above = u8::from(end > 0);
        *left = u8::from(end > 0);
        end as u8
    }

    /// Settles all blocks; answers whether any level is not zero.
    pub(super) fn settle_all(&mut self, coefficients: &Blocks, levels: &mut Levels) -> bool {
        if self.y2 {
            self.settle_blocks(Y2..BLOCKS, coefficients, levels);
        }
        self.settle_blocks(0..Y2, coefficients, levels);
        levels.any(self.y2)
    }

    /// Settles some blocks, in the order of coding.
    pub(super) fn settle_blocks(&mut self, blocks: Range<usize>, coefficients: &Blocks, levels: &mut Levels) {
        for block in blocks {
            levels.ends[block] = self.settle(block, &coefficients[block], &mut levels.blocks[block]);
        }
    }
}
