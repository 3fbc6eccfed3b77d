//! An intra macroblock through the closed loop: predicted from what is already reconstructed, its residue settled and added,
//! so that what comes after can be predicted from it in turn.

use super::intra::Canvas;
use super::residue::{
    ALL_BLOCKS, Blocks, Levels, MacroblockSamples, Quantisers, add_block, reconstruct, transform, transform_chroma,
};
use super::settle::Settler;
use crate::kernels::forward::forward_dct;
use crate::kernels::intra::{Edges, SubblockEdge};
use crate::macroblock::{Macroblock, SubblockMode};
use crate::picture::{Plane, PlaneViewMut};
use crate::predict::intra::{RowAbove, SubblockEdges, predict_chroma, predict_luma};

/// Room for one macroblock's coefficients and levels, kept from one to the next.
#[derive(Default)]
pub(super) struct Workspace {
    pub(super) coefficients: Blocks,
    pub(super) levels: Levels,
}

/// Predicts the macroblock at (`row`, `column`) of `planes` as `macroblock` and `modes` say, settles what that leaves of
/// `source`, and paints the result. Answers whether any level is not zero.
#[expect(clippy::too_many_arguments, reason = "a macroblock, its source, and where both of its results go")]
pub(super) fn code_intra(
    macroblock: &Macroblock,
    modes: &[SubblockMode; 16],
    source: &MacroblockSamples,
    (row, column): (usize, usize),
    above: &RowAbove,
    settler: &mut Settler,
    planes: &mut [PlaneViewMut; 3],
    work: &mut Workspace,
) -> bool {
    let at = [
        planes[0].index(16 * column, 16 * row),
        planes[1].index(8 * column, 8 * row),
        planes[2].index(8 * column, 8 * row),
    ];
    let [luma, u, v] = planes;
    predict_chroma(macroblock.chroma_mode, above, Plane::U, u, row, column);
    predict_chroma(macroblock.chroma_mode, above, Plane::V, v, row, column);
    let Workspace { coefficients, levels } = work;
    if macroblock.luma_mode.has_y2() {
        predict_luma(macroblock.luma_mode, above, luma, row, column);
        transform(source, &MacroblockSamples::painted(planes, at), true, coefficients);
        let any = settler.settle_all(ALL_BLOCKS, coefficients, levels);
        if any {
            reconstruct(levels, settler.quantisers, true, planes, at);
        }
        return any;
    }
    transform_chroma(source, &MacroblockSamples::painted(planes, at), coefficients);
    let stride = planes[0].stride;
    let edges = SubblockEdges::new(above, planes[0].samples, at[0], stride, column);
    let block = &mut planes[0].samples[at[0]..];
    levels.coded = 0;
    for (index, mode) in modes.iter().enumerate() {
        edges.predict(*mode, index, block, stride);
        let (x, y) = (index % 4 * 4, index / 4 * 4);
        let samples = &mut block[y * stride + x..];
        let source_samples = &source.luma[y * source.luma_stride + x..];
        forward_dct(source_samples, source.luma_stride, samples, stride, &mut coefficients[index]);
        let nonzero = settler.settle_luma(index, &coefficients[index], &mut levels.blocks[index]);
        levels.nonzero[index] = nonzero;
        levels.coded |= u32::from(nonzero != 0) << index;
        add_block(&levels.blocks[index], nonzero, &settler.quantisers.luma, samples, stride);
    }
    settler.settle_chroma(coefficients, levels);
    levels.add_chroma(settler.quantisers, planes, at);
    levels.coded != 0
}

/// A canvas on which each subblock is reconstructed at once.
pub(super) struct ClosedCanvas<'a> {
    edges: SubblockEdges,
    source: &'a MacroblockSamples<'a>,
    quantisers: &'a Quantisers,
    /// The picture's luma from the macroblock's first sample on.
    luma: &'a mut [u8],
    stride: usize,
}

impl<'a> ClosedCanvas<'a> {
    /// For the macroblock at `column` of a row, whose luma `plane` holds alone.
    pub(super) fn new(
        source: &'a MacroblockSamples<'a>,
        quantisers: &'a Quantisers,
        above: &RowAbove,
        plane: &'a mut PlaneViewMut<'_>,
        column: usize,
    ) -> Self {
        let (at, stride) = (plane.index(16 * column, 0), plane.stride);
        let edges = SubblockEdges::new(above, plane.samples, at, stride, column);
        Self { edges, source, quantisers, luma: &mut plane.samples[at..], stride }
    }
}

/// What lies around the chroma of the macroblock at `column` of a row, which `planes` hold alone.
pub(super) fn painted_chroma_edges(above: &RowAbove, planes: &[PlaneViewMut; 3], column: usize) -> [Edges<8>; 2] {
    [Plane::U, Plane::V].map(|plane| {
        let view = &planes[plane as usize];
        above.edges(plane, view.samples, view.index(8 * column, 0), view.stride, column)
    })
}

impl Canvas for ClosedCanvas<'_> {
    fn around(&self, index: usize) -> SubblockEdge {
        self.edges.around(index, self.luma, self.stride)
    }

    fn paint(&mut self, index: usize, prediction: &[u8; 16]) {
        let (x, y) = (index % 4 * 4, index / 4 * 4);
        let samples = &mut self.luma[y * self.stride + x..];
        for (row, predicted) in samples.chunks_mut(self.stride).zip(prediction.chunks_exact(4)) {
            row[..4].copy_from_slice(predicted);
        }
        let (mut coefficients, mut levels) = ([0; 16], [0; 16]);
        let source = &self.source.luma[y * self.source.luma_stride + x..];
        forward_dct(source, self.source.luma_stride, prediction, 4, &mut coefficients);
        let nonzero = self.quantisers.luma.quantise(&coefficients, &mut levels);
        add_block(&levels, nonzero, &self.quantisers.luma, samples, self.stride);
    }
}
