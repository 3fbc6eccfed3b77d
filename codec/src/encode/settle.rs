//! From coefficients to levels, block by block in the order of coding, so that each block's bits are weighed in the context that
//! the blocks before it leave.

use super::background::renewing;
use super::contexts::Surroundings;
use super::fineness::Fineness;
use super::price::Lambda;
use super::rate::{BIT, Cost};
use super::refine::Refinement;
use super::residue::{Blocks, CHROMA_BLOCKS, LUMA_BLOCKS, Levels, Quantisers, Y2_BLOCK};
use super::token_prices::TokenPrices;
use super::tokens::kind_of;
use crate::bitstream::symbols::END;
use crate::bitstream::tokens::BlockKind;
use crate::kernels::quantise::Positions;

/// Squared errors of Y2 are so many times those of luma.
const Y2_SCALE: i64 = 4;

/// Macroblocks with more blocks than this that have levels are never better off without any.
const FEW_BLOCKS: u32 = 10;

/// What it is worth besides that a macroblock stays as it was predicted: scattered levels are noise for the most part, which the next frame
/// would have to code again. Found by measuring BD-rate.
const STAYING: Cost = 8 * BIT;

/// With what all macroblocks of a version are settled, by segment.
pub(super) struct Settling<'a>([(Quantisers, Refinement<'a>); 2]);

impl<'a> Settling<'a> {
    /// Settles macroblocks at `fineness`, or those of the renewed background somewhat finer, where tokens have these prices.
    pub(super) fn new(fineness: Fineness, prices: &'a TokenPrices) -> Self {
        let quantizer = fineness.quantizer();
        Self([quantizer, renewing(quantizer)].map(|quantizer| {
            let quantisers = Quantisers::new(quantizer);
            let worth = fineness.worth(Lambda::new(quantisers.luma.divisor[1]).of_coefficients());
            (quantisers, Refinement::new(prices, worth))
        }))
    }

    /// For a macroblock of `segment` that sees `around`, above and to its left.
    #[inline]
    pub(super) fn settler(&self, segment: u8, around: Surroundings) -> Settler<'_> {
        let (quantisers, refinement) = &self.0[usize::from(segment)];
        Settler { quantisers, refinement: Some(refinement), own: around, gain: 0 }
    }
}

/// Settles the levels of one macroblock.
pub(super) struct Settler<'a> {
    pub(super) quantisers: &'a Quantisers,
    /// Without it levels are only rounded.
    refinement: Option<&'a Refinement<'a>>,
    /// The blocks that have levels so far, and their neighbours.
    pub(super) own: Surroundings,
    /// How much less the blocks so far cost than they would if they were empty, in luma's distortion.
    gain: i64,
}

impl<'a> Settler<'a> {
    /// Only rounds levels.
    pub(super) fn rounding(quantisers: &'a Quantisers, y2: bool) -> Self {
        Self { quantisers, refinement: None, own: Surroundings::alone(y2), gain: 0 }
    }
}

impl Settler<'_> {
    /// Settles block `block` of luma; answers which of its levels are not zero.
    #[inline]
    pub(super) fn settle_luma(&mut self, block: usize, coefficients: &[i16; 16], levels: &mut [i16; 16]) -> Positions {
        let nonzero = self.quantisers.luma.quantise(coefficients, levels);
        if nonzero == 0 { 0 } else { self.refine(block, coefficients, levels, nonzero, kind_of(0, self.own.has_y2())) }
    }

    /// Refines levels of a block of `kind` that are rounded and not all zero; answers which are not zero now.
    #[inline(always)]
    fn refine(
        &mut self,
        block: usize,
        coefficients: &[i16; 16],
        levels: &mut [i16; 16],
        mut nonzero: Positions,
        kind: BlockKind,
    ) -> Positions {
        if let Some(refinement) = self.refinement {
            let quantiser = self.quantisers.of(kind);
            let (kept, gain) =
                refinement.refine(levels, coefficients, nonzero, quantiser, kind, self.own.context(block));
            nonzero = kept;
            self.gain += if kind == BlockKind::Y2 { gain / Y2_SCALE } else { gain };
        }
        self.own = self.own.with(block, nonzero != 0);
        nonzero
    }

    /// Settles the blocks whose bits are set in `blocks`, where all others are empty; answers whether any level is not zero.
    pub(super) fn settle_all(&mut self, blocks: u32, coefficients: &Blocks, levels: &mut Levels) -> bool {
        let blocks = if self.own.has_y2() { blocks } else { blocks & !Y2_BLOCK };
        let around = self.own;
        levels.coded = self.quantisers.round(blocks, coefficients, levels);
        for (blocks, kind) in
            [(Y2_BLOCK, BlockKind::Y2), (LUMA_BLOCKS, kind_of(0, around.has_y2())), (CHROMA_BLOCKS, BlockKind::Chroma)]
        {
            self.refine_blocks(levels.coded & blocks, kind, coefficients, levels);
        }
        if levels.coded.count_ones() <= FEW_BLOCKS && self.is_dearer_than_nothing(around) {
            (levels.coded, self.own) = (0, around);
        }
        levels.coded != 0
    }

    /// Whether what few levels a macroblock has gain less than it costs to say that all its other blocks have none: a macroblock without
    /// any says so once.
    fn is_dearer_than_nothing(&self, around: Surroundings) -> bool {
        let Some(refinement) = self.refinement else { return false };
        let luma = kind_of(0, around.has_y2());
        let mut price = 0;
        for (kind, counts) in [BlockKind::Y2, luma, BlockKind::Chroma].into_iter().zip(around.empty_blocks()) {
            let ending = &refinement.prices.of(kind).ending[kind.first()];
            price += counts.iter().zip(ending).map(|(count, prices)| count * prices[END]).sum::<u32>();
        }
        self.gain < i64::from(price + STAYING) * refinement.worth[luma as usize]
    }

    /// Settles the blocks of chroma.
    pub(super) fn settle_chroma(&mut self, coefficients: &Blocks, levels: &mut Levels) {
        let coded = self.quantisers.round(CHROMA_BLOCKS, coefficients, levels);
        levels.coded |= coded;
        self.refine_blocks(coded, BlockKind::Chroma, coefficients, levels);
    }

    /// Refines the blocks whose bits are set in `blocks`, all of `kind`.
    fn refine_blocks(&mut self, mut blocks: u32, kind: BlockKind, coefficients: &Blocks, levels: &mut Levels) {
        while blocks != 0 {
            let block = blocks.trailing_zeros() as usize;
            blocks &= blocks - 1;
            let rounded = levels.nonzero[block];
            let nonzero = self.refine(block, &coefficients[block], &mut levels.blocks[block], rounded, kind);
            levels.nonzero[block] = nonzero;
            levels.coded &= !(u32::from(nonzero == 0) << block);
        }
    }
}
