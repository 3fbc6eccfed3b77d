//! How an intra macroblock is predicted: one mode for all of luma or one for each subblock, and one for chroma. Weighed by
//! the transformed difference and by what the modes cost to say.

use super::price::Lambda;
use super::rate::{Cost, leaf_costs};
use super::residue::MacroblockSamples;
use crate::bitstream::tables::{
    CHROMA_MODE_TREE, KEY_CHROMA_MODE_PROBABILITIES, KEY_LUMA_MODE_PROBABILITIES, KEY_LUMA_MODE_TREE,
    KEY_SUBBLOCK_MODE_PROBABILITIES, LUMA_MODE_TREE, Probability, SUBBLOCK_MODE_PROBABILITIES, SUBBLOCK_MODE_TREE,
};
use crate::kernels::difference::satd_8x8;
use crate::kernels::intra::{Edges, SubblockCandidates, SubblockEdge, predict_block, subblock_candidates};
use crate::kernels::margins::Margins;
use crate::macroblock::{ChromaMode, LumaMode, SubblockMode};
use crate::predict::intra::SubblockEdges;

/// What intra modes cost to say in one frame.
pub(super) struct IntraPrices {
    luma: [Cost; 5],
    chroma: [Cost; 4],
    /// By the mode above and the mode to the left, which inter frames disregard.
    subblocks: Box<[[[Cost; 10]; 10]; 10]>,
}

impl IntraPrices {
    /// Prices on key frames, whose probabilities are fixed.
    pub(super) fn of_key_frame() -> Self {
        let subblocks = KEY_SUBBLOCK_MODE_PROBABILITIES.map(|above| above.map(|p| leaf_costs(&SUBBLOCK_MODE_TREE, &p)));
        Self {
            luma: leaf_costs(&KEY_LUMA_MODE_TREE, &KEY_LUMA_MODE_PROBABILITIES),
            chroma: leaf_costs(&CHROMA_MODE_TREE, &KEY_CHROMA_MODE_PROBABILITIES),
            subblocks: Box::new(subblocks),
        }
    }

    /// Prices on inter frames under the decoder's probabilities.
    pub(super) fn of_inter_frame(luma: &[Probability; 4], chroma: &[Probability; 3]) -> Self {
        let subblock = leaf_costs(&SUBBLOCK_MODE_TREE, &SUBBLOCK_MODE_PROBABILITIES);
        Self {
            luma: leaf_costs(&LUMA_MODE_TREE, luma),
            chroma: leaf_costs(&CHROMA_MODE_TREE, chroma),
            subblocks: Box::new([[subblock; 10]; 10]),
        }
    }

    /// Price of a luma mode, without those of its subblocks.
    pub(super) fn luma(&self, mode: LumaMode) -> Cost {
        self.luma[mode as usize]
    }

    /// Price of a chroma mode.
    pub(super) fn chroma(&self, mode: ChromaMode) -> Cost {
        self.chroma[mode as usize]
    }

    /// Price of a subblock's mode between those above and to the left.
    #[inline]
    pub(super) fn subblock(&self, mode: SubblockMode, above: SubblockMode, left: SubblockMode) -> Cost {
        self.subblocks[above as usize][left as usize][mode as usize]
    }
}

/// The modes of a whole luma block. Chroma's mean the same.
const LUMA_MODES: [LumaMode; 4] = [LumaMode::Dc, LumaMode::Vertical, LumaMode::Horizontal, LumaMode::TrueMotion];

const CHROMA_MODES: [ChromaMode; 4] =
    [ChromaMode::Dc, ChromaMode::Vertical, ChromaMode::Horizontal, ChromaMode::TrueMotion];

/// The best mode for all of luma, and its cost, transformed difference and price, or none once that must reach `limit`.
pub(super) fn choose_luma(
    source: &MacroblockSamples,
    around: impl FnOnce() -> Edges<16>,
    prices: &IntraPrices,
    lambda: &Lambda,
    limit: u32,
) -> Option<(LumaMode, u32)> {
    let margins = Margins::of(source.luma, source.luma_stride);
    if margins.least() >= limit {
        return None;
    }
    let costs = LUMA_MODES.into_iter().zip(margins.differences(&around()));
    costs
        .map(|(mode, difference)| (mode, difference + lambda.absolute(prices.luma(mode))))
        .min_by_key(|(_, cost)| *cost)
        .filter(|(_, cost)| *cost < limit)
}

/// The best mode for chroma.
pub(super) fn choose_chroma(
    source: &MacroblockSamples,
    around: &[Edges<8>; 2],
    prices: &IntraPrices,
    lambda: &Lambda,
) -> ChromaMode {
    let mut block = [0; 64];
    let weighed = CHROMA_MODES.map(|mode| {
        let mut cost = lambda.absolute(prices.chroma[mode as usize]);
        for (around, source_samples) in around.iter().zip(source.chroma) {
            predict_block(mode, around, &mut block, 8);
            cost += satd_8x8(source_samples, source.chroma_stride, &block, 8);
        }
        (cost, mode as usize)
    });
    CHROMA_MODES[weighed.into_iter().min().expect("there are four modes").1]
}

/// Where subblocks are predicted one from another.
pub(super) trait Canvas {
    /// What subblock `index` sees, once those before it are painted.
    fn around(&self, index: usize) -> SubblockEdge;

    /// Paints subblock `index`, which is predicted as `prediction`.
    fn paint(&mut self, index: usize, prediction: &[u8; 16]);
}

/// A canvas that is the source itself: what is coded is taken to be what was meant.
pub(super) struct OpenCanvas<'a> {
    pub(super) edges: SubblockEdges,
    pub(super) luma: &'a [u8],
    pub(super) stride: usize,
}

impl Canvas for OpenCanvas<'_> {
    fn around(&self, index: usize) -> SubblockEdge {
        self.edges.around(index, self.luma, self.stride)
    }

    fn paint(&mut self, _index: usize, _prediction: &[u8; 16]) {}
}

/// The modes around a macroblock: of the subblocks above it and of those to its left.
pub(super) struct ModesAround {
    pub(super) above: [SubblockMode; 4],
    pub(super) left: [SubblockMode; 4],
}

/// The best mode for each subblock, and the cost of them all, or none once that reaches `limit`.
pub(super) fn choose_subblocks(
    source: &MacroblockSamples,
    canvas: &mut impl Canvas,
    around: &ModesAround,
    prices: &IntraPrices,
    lambda: &Lambda,
    limit: u32,
) -> Option<([SubblockMode; 16], u32)> {
    let mut modes = [SubblockMode::Dc; 16];
    let mut candidates = SubblockCandidates::default();
    let mut total = lambda.absolute(prices.luma(LumaMode::Subblocks));
    for index in 0..16 {
        let above = if index < 4 { around.above[index] } else { modes[index - 4] };
        let left = if index % 4 == 0 { around.left[index / 4] } else { modes[index - 1] };
        let samples = &source.luma[index / 4 * 4 * source.luma_stride + index % 4 * 4..];
        subblock_candidates(&canvas.around(index), samples, source.luma_stride, &mut candidates);
        let mut best = (u32::MAX, SubblockMode::Dc);
        for (mode, difference) in SubblockMode::ALL.into_iter().zip(candidates.differences) {
            let cost = difference + lambda.absolute(prices.subblock(mode, above, left));
            if cost < best.0 {
                best = (cost, mode);
            }
        }
        total += best.0;
        if total >= limit {
            return None;
        }
        modes[index] = best.1;
        canvas.paint(index, &candidates.blocks[best.1 as usize]);
    }
    Some((modes, total))
}
