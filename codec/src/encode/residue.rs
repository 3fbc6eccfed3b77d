//! What prediction leaves of a macroblock: its 25 blocks of coefficients (RFC 6386 §13), their levels at a quantizer, and
//! the way back into the picture.

use crate::bitstream::frame_header::QuantizerHeader;
use crate::bitstream::tokens::BlockKind;
use crate::kernels::forward::{forward_dct_8x8, forward_dct_16x16, forward_wht};
use crate::kernels::inverse::{
    add_inverse_dct, add_inverse_dct_of_dc, add_residue_8x8, add_residue_16x16, inverse_walsh,
};
use crate::kernels::quantise::{Positions, Quantiser};
use crate::macroblock::QuantizerIndex;
use crate::picture::{PlaneView, PlaneViewMut};
use crate::quantizer::QuantizerSteps;

/// Blocks of a macroblock: sixteen of luma, four of each chroma, and Y2.
pub(super) const BLOCKS: usize = 25;

/// Which of them is Y2.
pub(super) const Y2: usize = 24;

// The blocks of each kind, and all of them, a bit for each.
pub(super) const LUMA_BLOCKS: u32 = 0xffff;
pub(super) const CHROMA_BLOCKS: u32 = 0xff << 16;
pub(super) const Y2_BLOCK: u32 = 1 << Y2;
pub(super) const ALL_BLOCKS: u32 = LUMA_BLOCKS | CHROMA_BLOCKS | Y2_BLOCK;

/// Coefficients or levels of a macroblock, each block in raster order. Where there is a Y2, the DCs of luma are 0.
pub(super) type Blocks = [[i16; 16]; BLOCKS];

/// The coefficients of a frame's macroblocks: of each only the blocks that have levels at the finest quantizer, as at a
/// coarser one no others have any. They are few, and stay near at hand where all of them would not.
pub(super) struct Residue {
    /// Which blocks of each macroblock are kept, a bit for each, and where they begin.
    busy: Vec<(u32, u32)>,
    blocks: Vec<[i16; 16]>,
}

/// Blocks of a macroblock that there is room for from the beginning; what is not needed costs nothing.
const USUALLY_BUSY: usize = 8;

impl Residue {
    /// Room for `macroblocks`, all without coefficients.
    pub(super) fn new(macroblocks: usize) -> Self {
        Self { busy: vec![(0, 0); macroblocks], blocks: Vec::with_capacity(macroblocks * USUALLY_BUSY) }
    }

    /// Keeps the blocks of the `index`th macroblock whose bits are set in `busy`.
    pub(super) fn keep(&mut self, index: usize, busy: u32, coefficients: &Blocks) {
        self.busy[index] = (busy, self.blocks.len() as u32);
        let mut rest = busy;
        while rest != 0 {
            self.blocks.push(coefficients[rest.trailing_zeros() as usize]);
            rest &= rest - 1;
        }
    }

    /// Gives back the room that is left.
    pub(super) fn shrink(&mut self) {
        self.blocks.shrink_to_fit();
    }

    /// Which blocks of the `index`th macroblock are kept, a bit for each.
    #[inline]
    pub(super) fn busy(&self, index: usize) -> u32 {
        self.busy[index].0
    }

    /// Puts the blocks that are kept of the `index`th macroblock into their places in `coefficients`; answers which they are.
    #[inline]
    pub(super) fn load(&self, index: usize, coefficients: &mut Blocks) -> u32 {
        let (busy, start) = self.busy[index];
        let mut rest = busy;
        for block in &self.blocks[start as usize..][..busy.count_ones() as usize] {
            coefficients[(rest.trailing_zeros() & 31) as usize] = *block;
            rest &= rest.wrapping_sub(1);
        }
        busy
    }
}

/// Where a macroblock's three planes start in a picture.
pub(super) type Starts = [usize; 3];

/// A predicted macroblock: luma at a stride of 16, then both chroma blocks at a stride of 8.
pub(super) type Prediction = [u8; 384];

/// The predictions of a frame's macroblocks, of those that are not predicted as what lies in their place.
pub(super) struct Predictions {
    /// Where each macroblock's is.
    places: Vec<u32>,
    blocks: Vec<Prediction>,
}

impl Predictions {
    /// Room for `macroblocks`, all without one.
    pub(super) fn new(macroblocks: usize) -> Self {
        Self { places: vec![u32::MAX; macroblocks], blocks: Vec::with_capacity(macroblocks) }
    }

    /// The same where hardly any will be kept.
    pub(super) fn few(macroblocks: usize) -> Self {
        Self { places: vec![u32::MAX; macroblocks], blocks: Vec::new() }
    }

    /// Keeps the prediction of the `index`th macroblock.
    pub(super) fn keep(&mut self, index: usize, prediction: Prediction) {
        self.places[index] = self.blocks.len() as u32;
        self.blocks.push(prediction);
    }

    /// The prediction of the `index`th macroblock, if one is kept.
    #[inline]
    pub(super) fn of(&self, index: usize) -> Option<&Prediction> {
        self.blocks.get(self.places[index] as usize)
    }
}

/// Where chroma starts in a [`Prediction`].
pub(super) const CHROMA_AT: [usize; 2] = [256, 320];

/// The three planes of a picture, from a macroblock's first sample on.
#[derive(Clone, Copy)]
pub(super) struct MacroblockSamples<'a> {
    pub(super) luma: &'a [u8],
    pub(super) chroma: [&'a [u8]; 2],
    pub(super) luma_stride: usize,
    pub(super) chroma_stride: usize,
}

impl<'a> MacroblockSamples<'a> {
    /// The macroblock at (`row`, `column`) of `planes`.
    #[inline]
    pub(super) fn of(planes: &[PlaneView<'a>; 3], row: usize, column: usize) -> Self {
        let [y, u, v] = planes;
        let chroma = |plane: &PlaneView<'a>| plane.at(8 * column as isize, 8 * row as isize);
        Self {
            luma: y.at(16 * column as isize, 16 * row as isize),
            chroma: [chroma(u), chroma(v)],
            luma_stride: y.stride,
            chroma_stride: u.stride,
        }
    }

    /// A macroblock of a picture that is being painted, whose planes' first samples are at `at`.
    #[inline]
    pub(super) fn painted(planes: &'a [PlaneViewMut<'_>; 3], at: Starts) -> Self {
        Self {
            luma: &planes[0].samples[at[0]..],
            chroma: [&planes[1].samples[at[1]..], &planes[2].samples[at[2]..]],
            luma_stride: planes[0].stride,
            chroma_stride: planes[1].stride,
        }
    }

    /// A prediction seen as samples.
    #[inline]
    pub(super) fn of_prediction(prediction: &'a Prediction) -> Self {
        Self { luma: prediction, chroma: CHROMA_AT.map(|at| &prediction[at..]), luma_stride: 16, chroma_stride: 8 }
    }
}

/// Transforms `source - prediction`; with `y2` the DCs of luma are gathered there.
pub(super) fn transform(source: &MacroblockSamples, prediction: &MacroblockSamples, y2: bool, out: &mut Blocks) {
    transform_luma(source, prediction, y2, out);
    transform_chroma(source, prediction, out);
}

/// Luma's part of [`transform`].
pub(super) fn transform_luma(source: &MacroblockSamples, prediction: &MacroblockSamples, y2: bool, out: &mut Blocks) {
    let luma = out.first_chunk_mut().expect("the first sixteen blocks are luma's");
    forward_dct_16x16(source.luma, source.luma_stride, prediction.luma, prediction.luma_stride, luma);
    if y2 {
        let mut dc = [0; 16];
        for (dc, block) in dc.iter_mut().zip(&mut *out) {
            *dc = std::mem::take(&mut block[0]);
        }
        out[Y2] = forward_wht(&dc);
    }
}

/// Chroma's part of [`transform`].
pub(super) fn transform_chroma(source: &MacroblockSamples, prediction: &MacroblockSamples, out: &mut Blocks) {
    let (blocks, _) = out[16..].as_chunks_mut::<4>();
    for ((source_samples, predicted), out) in source.chroma.into_iter().zip(prediction.chroma).zip(blocks) {
        forward_dct_8x8(source_samples, source.chroma_stride, predicted, prediction.chroma_stride, out);
    }
}

/// The quantisers of a frame's three kinds of blocks (RFC 6386 §9.6, §14.1).
#[derive(Clone)]
pub(super) struct Quantisers {
    pub(super) luma: Quantiser,
    pub(super) y2: Quantiser,
    pub(super) chroma: Quantiser,
}

/// Rounding in 128ths of a step. A level costs bits, so less than half is rounded up: DC a little under half, and less the
/// higher the frequency (raster order). Found by measuring BD-rate; libvpx's fast quantiser uses 48 throughout.
const LUMA_ROUNDING: [u16; 16] = [56, 48, 44, 42, 48, 44, 42, 42, 44, 42, 42, 42, 42, 42, 42, 42];
const Y2_ROUNDING: [u16; 16] = [60, 52, 52, 52, 52, 52, 52, 52, 52, 52, 52, 52, 52, 52, 52, 52];
const CHROMA_ROUNDING: [u16; 16] = [56, 48, 44, 42, 48, 44, 42, 42, 44, 42, 42, 42, 42, 42, 42, 42];

impl Quantisers {
    /// The quantisers at `index`, with no differences between kinds of blocks.
    pub(super) fn new(index: QuantizerIndex) -> Self {
        let steps = QuantizerSteps::new(index, &QuantizerHeader::default());
        let quantiser = |[dc, ac]: [i16; 2], rounding: &[u16; 16]| Quantiser::new(dc as u16, ac as u16, rounding);
        Self {
            luma: quantiser(steps.y, &LUMA_ROUNDING),
            y2: quantiser(steps.y2, &Y2_ROUNDING),
            chroma: quantiser(steps.chroma, &CHROMA_ROUNDING),
        }
    }

    /// Rounds the levels of the blocks whose bits are set in `blocks`; answers which of them have levels that are not zero.
    #[inline]
    pub(super) fn round(&self, blocks: u32, coefficients: &Blocks, levels: &mut Levels) -> u32 {
        let mut round = |quantiser: &Quantiser, kind: u32| match blocks & kind {
            0 => 0,
            blocks => quantiser.quantise_blocks(blocks, coefficients, &mut levels.blocks, &mut levels.nonzero),
        };
        round(&self.luma, LUMA_BLOCKS) | round(&self.chroma, CHROMA_BLOCKS) | round(&self.y2, Y2_BLOCK)
    }

    /// Which blocks of a macroblock, with Y2 or without, have levels that are not zero once they are rounded.
    pub(super) fn busy(&self, y2: bool, coefficients: &Blocks) -> u32 {
        let luma_and_chroma =
            self.luma.busy_blocks(&coefficients[..16]) | self.chroma.busy_blocks(&coefficients[16..Y2]) << 16;
        if y2 { luma_and_chroma | self.y2.busy_blocks(&coefficients[Y2..]) << Y2 } else { luma_and_chroma }
    }

    /// The quantiser of blocks of `kind`.
    #[inline]
    pub(super) fn of(&self, kind: BlockKind) -> &Quantiser {
        match kind {
            BlockKind::LumaWithoutDc | BlockKind::LumaWithDc => &self.luma,
            BlockKind::Y2 => &self.y2,
            BlockKind::Chroma => &self.chroma,
        }
    }
}

/// The levels of a macroblock.
pub(super) struct Levels {
    /// In raster order; without a Y2 its block is stale.
    pub(super) blocks: Blocks,
    /// Which levels of each block are not zero; without a Y2 its are stale.
    pub(super) nonzero: [Positions; BLOCKS],
    /// Which blocks have any, a bit for each.
    pub(super) coded: u32,
}

impl Default for Levels {
    fn default() -> Self {
        Self { blocks: [[0; 16]; BLOCKS], nonzero: [0; BLOCKS], coded: 0 }
    }
}

impl Levels {
    /// Adds chroma's residue to its prediction, which lies in `planes` from the indices `at` on.
    pub(super) fn add_chroma(&self, quantisers: &Quantisers, planes: &mut [PlaneViewMut; 3], at: Starts) {
        for (plane, (first, at)) in planes[1..].iter_mut().zip([(16, at[1]), (20, at[2])]) {
            if self.coded >> first & 15 != 0 {
                let (coefficients, ends) = self.dequantised::<4>(first, &quantisers.chroma);
                add_residue_8x8(&coefficients, &ends, &mut plane.samples[at..], plane.stride);
            }
        }
    }

    /// The coefficients of `N` blocks from `first` on, and how far each reaches in zigzag order.
    #[inline(always)]
    fn dequantised<const N: usize>(&self, first: usize, quantiser: &Quantiser) -> ([[i16; 16]; N], [u8; N]) {
        let (mut coefficients, mut ends) = ([[0; 16]; N], [0; N]);
        for i in 0..N {
            if self.coded >> (first + i) & 1 != 0 {
                coefficients[i] = dequantise(&self.blocks[first + i], quantiser);
                ends[i] = end_of(self.nonzero[first + i]);
            }
        }
        (coefficients, ends)
    }
}

/// How far levels reach in zigzag order.
#[inline(always)]
fn end_of(nonzero: Positions) -> u8 {
    (Positions::BITS - nonzero.leading_zeros()) as u8
}

/// Adds a macroblock's residue to its prediction, which lies in `planes` from the indices `at` on.
pub(super) fn reconstruct(
    levels: &Levels,
    quantisers: &Quantisers,
    y2: bool,
    planes: &mut [PlaneViewMut; 3],
    at: Starts,
) {
    let (mut coefficients, mut ends) = levels.dequantised::<16>(0, &quantisers.luma);
    if y2 && levels.coded >> Y2 & 1 != 0 {
        let dc = inverse_walsh(&dequantise(&levels.blocks[Y2], &quantisers.y2));
        for ((block, end), dc) in coefficients.iter_mut().zip(&mut ends).zip(dc) {
            block[0] = dc;
            *end = (*end).max(u8::from(dc != 0));
        }
    }
    let luma = &mut planes[0];
    add_residue_16x16(&coefficients, &ends, &mut luma.samples[at[0]..], luma.stride);
    levels.add_chroma(quantisers, planes, at);
}

/// Adds the residue of a block with its own DC to the prediction that `samples` starts with.
pub(super) fn add_block(
    levels: &[i16; 16],
    nonzero: Positions,
    quantiser: &Quantiser,
    samples: &mut [u8],
    stride: usize,
) {
    match nonzero {
        0 => {}
        1 => add_inverse_dct_of_dc(levels[0] * quantiser.divisor[0] as i16, samples, stride),
        _ => add_inverse_dct(&dequantise(levels, quantiser), samples, stride),
    }
}

fn dequantise(levels: &[i16; 16], quantiser: &Quantiser) -> [i16; 16] {
    std::array::from_fn(|i| levels[i] * quantiser.divisor[i] as i16)
}
