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
        let end = self.quantisers.of(block).quantise(coefficients, levels) as u8;
        self.refine(block, coefficients, levels, end)
    }

    /// Refines levels that are rounded and reach to `end`; answers how far they reach now.
    #[inline]
    fn refine(&mut self, block: usize, coefficients: &[i16; 16], levels: &mut [i16; 16], end: u8) -> u8 {
        let (column, row) = SIDES[block];
        let (above, left) = (&mut self.above[usize::from(column)], &mut self.left[usize::from(row)]);
        let mut end = usize::from(end);
        if let (1.., Some(refinement)) = (end, &self.refinement) {
            let kind = match block {
                Y2 => BlockKind::Y2,
                16.. => BlockKind::Chroma,
                _ if self.y2 => BlockKind::LumaWithoutDc,
                _ => BlockKind::LumaWithDc,
            };
            let quantiser = self.quantisers.of(block);
            end = refinement.refine(levels, coefficients, end, quantiser, kind, usize::from(*above + *left));
        }
        *above = u8::from(end > 0);
        *left = u8::from(end > 0);
        end as u8
    }

    /// Settles all blocks; answers whether any level is not zero.
    pub(super) fn settle_all(&mut self, coefficients: &Blocks, levels: &mut Levels) -> bool {
        let rounded = self.quantisers.round(0..16, coefficients, levels)
            | self.quantisers.round(16..Y2, coefficients, levels)
            | (self.y2 && self.quantisers.round(Y2..BLOCKS, coefficients, levels));
        if !rounded || self.refinement.is_none() {
            return rounded;
        }
        let blocks = if self.y2 { BLOCKS } else { Y2 };
        self.refine_blocks(0..blocks, coefficients, levels);
        levels.any(self.y2)
    }

    /// Settles the blocks of chroma.
    pub(super) fn settle_chroma(&mut self, coefficients: &Blocks, levels: &mut Levels) {
        self.quantisers.round(16..Y2, coefficients, levels);
        self.refine_blocks(16..Y2, coefficients, levels);
    }

    fn refine_blocks(&mut self, blocks: Range<usize>, coefficients: &Blocks, levels: &mut Levels) {
        for block in blocks {
            let end = levels.ends[block];
            levels.ends[block] = self.refine(block, &coefficients[block], &mut levels.blocks[block], end);
        }
    }
}
