//! Intra prediction of macroblocks from what the frame has so far, before the loop filter (RFC 6386 §12).
//!
//! The frame is filtered row by row while it is decoded, so the last unfiltered row of samples above is kept aside in
//! [`RowAbove`]; what is to the left is not filtered yet and is taken from the picture.

use crate::Size;
use crate::kernels::intra::{Edges, SubblockEdge, predict_block, predict_subblock};
use crate::macroblock::{ChromaMode, LumaMode, SubblockMode};
use crate::picture::{PictureBuffer, Plane, PlaneViewMut};

/// What stands for samples above the picture (RFC 6386 §12.2, §12.3).
const ABOVE_PICTURE: u8 = 127;
/// What stands for samples to the left of the picture.
const LEFT_OF_PICTURE: u8 = 129;
/// Entries of a kept row before its first sample: one is needed, for the corner.
const LEAD: usize = 16;
/// Samples above and to the right of the last macroblock that are looked at too.
const BEYOND: usize = 4;

/// The lowest row of samples of `COUNT` macroblocks side by side, not filtered yet.
pub(crate) struct LowestSamples {
    luma: [u8; 16 * Self::COUNT],
    chroma: [[u8; 8 * Self::COUNT]; 2],
}

impl LowestSamples {
    /// How many macroblocks.
    pub(crate) const COUNT: usize = 4;

    /// Those of the macroblocks from `column` on in the row that `planes` begin with; past its end they mean nothing.
    pub(crate) fn of(planes: &[PlaneViewMut<'_>; 3], column: usize) -> Self {
        fn lowest<const N: usize>(plane: &PlaneViewMut<'_>, side: usize, column: usize) -> [u8; N] {
            let samples = &plane.samples[plane.index(column * side, side - 1)..];
            samples
                .first_chunk()
                .copied()
                .unwrap_or_else(|| std::array::from_fn(|x| samples.get(x).copied().unwrap_or(0)))
        }
        let [luma, u, v] = planes;
        Self { luma: lowest(luma, 16, column), chroma: [lowest(u, 8, column), lowest(v, 8, column)] }
    }
}

/// The unfiltered row of samples above the macroblock row that is being predicted, for each plane.
#[derive(Clone, Debug)]
pub(crate) struct RowAbove {
    planes: [Vec<u8>; 3],
    is_within_picture: bool,
}

impl RowAbove {
    /// What is above the first row of macroblocks.
    pub(crate) fn new(size: Size) -> Self {
        let row = |side: usize| vec![ABOVE_PICTURE; LEAD + size.macroblock_columns() * side + BEYOND];
        Self { planes: [row(16), row(8), row(8)], is_within_picture: false }
    }

    /// Keeps the last row of samples of macroblock row `row`, which must not be filtered yet.
    pub(crate) fn keep(&mut self, picture: &PictureBuffer, row: usize) {
        for (plane, kept) in Plane::ALL.into_iter().zip(&mut self.planes) {
            let view = picture.plane(plane);
            let side = if plane == Plane::Y { 16 } else { 8 };
            let last = (row * side + side - 1) as isize;
            kept[LEAD - 1] = LEFT_OF_PICTURE;
            let (samples, beyond) = kept[LEAD..].split_at_mut(view.width);
            // Above and to the right of the last macroblock its own upper neighbour goes on. The specification leaves
            // this open; the test vectors don't.
            samples.copy_from_slice(view.row(0, last, view.width));
            beyond.fill(samples[samples.len() - 1]);
        }
        self.is_within_picture = true;
    }

    /// Keeps what lies above the macroblocks from `column` on, as far as `part` goes.
    pub(crate) fn keep_part(&mut self, column: usize, part: &LowestSamples) {
        let parts = [&part.luma[..], &part.chroma[0], &part.chroma[1]];
        for ((kept, part), side) in self.planes.iter_mut().zip(parts).zip([16, 8, 8]) {
            kept[LEAD - 1] = LEFT_OF_PICTURE;
            let end = kept.len() - BEYOND;
            let samples = &mut kept[LEAD + column * side..end];
            let length = samples.len().min(part.len());
            samples[..length].copy_from_slice(&part[..length]);
            if length == samples.len() {
                let last = kept[end - 1];
                kept[end..].fill(last);
            }
        }
        self.is_within_picture = true;
    }

    /// The sample to the left of sample `x` of a plane's row above, and those from `x` on.
    #[inline]
    fn samples_from(&self, plane: Plane, x: usize) -> (u8, &[u8]) {
        let (&corner, rest) = self.planes[plane as usize][LEAD - 1 + x..].split_first().expect("the row has a lead");
        (corner, rest)
    }

    /// What lies around the block of `N` by `N` samples that is the part of `plane` of the macroblock at `column` of the row
    /// below; the block starts at `at` in the plane's `samples`.
    #[inline]
    pub(crate) fn edges<const N: usize>(
        &self,
        plane: Plane,
        samples: &[u8],
        at: usize,
        stride: usize,
        column: usize,
    ) -> Edges<N> {
        let (corner, above) = self.samples_from(plane, column * N);
        let above = *above.first_chunk().expect("the row above has every macroblock's samples");
        let left =
            if column == 0 { [LEFT_OF_PICTURE; N] } else { std::array::from_fn(|y| samples[at - 1 + y * stride]) };
        Edges { above, left, corner, has_above: self.is_within_picture, has_left: column > 0 }
    }
}

/// Predicts the luma of an intra macroblock whose mode is for the whole of it.
pub(crate) fn predict_luma(mode: LumaMode, above: &RowAbove, luma: &mut PlaneViewMut<'_>, row: usize, column: usize) {
    let (at, stride) = (luma.index(column * 16, row * 16), luma.stride);
    let edges = above.edges::<16>(Plane::Y, luma.samples, at, stride, column);
    predict_block(whole_mode(mode), &edges, luma.at_mut(column * 16, row * 16), stride);
}

/// The mode of a whole block that a luma mode is; the subblocks' own modes count as DC.
pub(crate) fn whole_mode(mode: LumaMode) -> ChromaMode {
    match mode {
        LumaMode::Vertical => ChromaMode::Vertical,
        LumaMode::Horizontal => ChromaMode::Horizontal,
        LumaMode::TrueMotion => ChromaMode::TrueMotion,
        _ => ChromaMode::Dc,
    }
}

/// Predicts U or V of an intra macroblock.
pub(crate) fn predict_chroma(
    mode: ChromaMode,
    above: &RowAbove,
    plane: Plane,
    view: &mut PlaneViewMut<'_>,
    row: usize,
    column: usize,
) {
    let (at, stride) = (view.index(column * 8, row * 8), view.stride);
    let edges = above.edges::<8>(plane, view.samples, at, stride, column);
    predict_block(mode, &edges, view.at_mut(column * 8, row * 8), stride);
}

/// What lies around the luma subblocks of one macroblock: its left column and corner, and 20 samples above.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SubblockEdges {
    above: [u8; 20],
    left: [u8; 16],
    corner: u8,
}

impl SubblockEdges {
    /// What lies around the subblocks of the macroblock at `column` of the row below `above`, which starts at `at` in
    /// `luma`.
    pub(crate) fn new(above: &RowAbove, luma: &[u8], at: usize, stride: usize, column: usize) -> Self {
        let edges = above.edges::<16>(Plane::Y, luma, at, stride, column);
        let (corner, samples) = above.samples_from(Plane::Y, column * 16);
        let above = *samples.first_chunk().expect("the row above goes on beyond the last macroblock");
        Self { above, left: edges.left, corner }
    }

    /// What lies around subblock `index`, once those before it are decoded in `block`: the samples from the macroblock's
    /// first one on.
    ///
    /// The four samples above and to the right of a subblock of the right column come from above the macroblock for
    /// all rows of subblocks (RFC 6386 §12.3).
    #[inline]
    pub(crate) fn around(&self, index: usize, block: &[u8], stride: usize) -> SubblockEdge {
        let (row, column) = (index / 4, index % 4);
        let mut edge = [0; 13];
        for (y, left) in edge[..4].iter_mut().rev().enumerate() {
            *left = match column {
                0 => self.left[row * 4 + y],
                _ => block[(row * 4 + y) * stride + column * 4 - 1],
            };
        }
        edge[4] = match (row, column) {
            (0, 0) => self.corner,
            (0, _) => self.above[column * 4 - 1],
            (_, 0) => self.left[row * 4 - 1],
            (_, _) => block[(row * 4 - 1) * stride + column * 4 - 1],
        };
        if row == 0 {
            edge[5..].copy_from_slice(&self.above[column * 4..][..8]);
        } else {
            let samples = &block[(row * 4 - 1) * stride + column * 4..];
            if column == 3 {
                edge[5..9].copy_from_slice(&samples[..4]);
                edge[9..].copy_from_slice(&self.above[16..]);
            } else {
                edge[5..].copy_from_slice(&samples[..8]);
            }
        }
        edge
    }

    /// Predicts subblock `index` in `block`, where those before it are decoded.
    #[inline]
    pub(crate) fn predict(&self, mode: SubblockMode, index: usize, block: &mut [u8], stride: usize) {
        let edge = self.around(index, block, stride);
        predict_subblock(mode, &edge, &mut block[index / 4 * 4 * stride + index % 4 * 4..], stride);
    }
}
