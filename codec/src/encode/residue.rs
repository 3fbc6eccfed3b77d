//! What prediction leaves of a macroblock: its 25 blocks of coefficients (RFC 6386 §13), their levels at a quantizer, and
//! the way back into the picture.

use std::ops::Range;

use crate::bitstream::frame_header::QuantizerHeader;
use crate::kernels::forward::{forward_dct_8x8, forward_dct_16x16, forward_wht};
use crate::kernels::inverse::{
    add_inverse_dct, add_inverse_dct_of_dc, add_residue_8x8, add_residue_16x16, inverse_walsh,
};
use crate::kernels::quantise::Quantiser;
use crate::macroblock::QuantizerIndex;
use crate::picture::{PlaneView, PlaneViewMut};
use crate::quantizer::QuantizerSteps;

/// Blocks of a macroblock: sixteen of luma, four of each chroma, and Y2.
pub(super) const BLOCKS: usize = 25;

/// Which of them is Y2.
pub(super) const Y2: usize = 24;

/// Coefficients or levels of a macroblock, each block in raster order. Where there is a Y2, the DCs of luma are 0.
pub(super) type Blocks = [[i16; 16]; BLOCKS];

/// Where a macroblock's three planes start in a picture.
pub(super) type Starts = [usize; 3];

/// A predicted macroblock: luma at a stride of 16, then both chroma blocks at a stride of 8.
pub(super) type Prediction = [u8; 384];

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

    /// Rounds the levels of some blocks of one kind; answers whether any is not zero.
    #[inline]
    pub(super) fn round(&self, blocks: Range<usize>, coefficients: &Blocks, levels: &mut Levels) -> bool {
        let quantiser = self.of(blocks.start);
        let (coefficients, ends) = (&coefficients[blocks.clone()], &mut levels.ends[blocks.clone()]);
        quantiser.quantise_blocks(coefficients, &mut levels.blocks[blocks], ends)
    }

    /// The quantiser of block `block`.
    #[inline]
    pub(super) fn of(&self, block: usize) -> &Quantiser {
        match block {
            0..16 => &self.luma,
            Y2 => &self.y2,
            _ => &self.chroma,
        }
    }
}

/// The levels of a macroblock.
pub(super) struct Levels {
    /// In raster order; without a Y2 its block is stale.
    pub(super) blocks: Blocks,
    /// How far each block reaches in zigzag order; 0 for one that is all zeros.
    pub(super) ends: [u8; BLOCKS],
}

impl Default for Levels {
    fn default() -> Self {
        Self { blocks: [[0; 16]; BLOCKS], ends: [0; BLOCKS] }
    }
}

impl Levels {
    /// Whether any level is not zero.
    pub(super) fn any(&self, y2: bool) -> bool {
        self.ends[..if y2 { BLOCKS } else { Y2 }].iter().any(|end| *end > 0)
    }

    /// Adds chroma's residue to its prediction, which lies in `planes` from the indices `at` on.
    pub(super) fn add_chroma(&self, quantisers: &Quantisers, planes: &mut [PlaneViewMut; 3], at: Starts) {
        let (blocks, ends) = (self.blocks[16..].as_chunks::<4>().0, self.ends[16..].as_chunks::<4>().0);
        for ((plane, start), (blocks, ends)) in planes.iter_mut().zip(at).skip(1).zip(blocks.iter().zip(ends)) {
            if *ends != [0; 4] {
                let coefficients = std::array::from_fn(|i| dequantise(&blocks[i], &quantisers.chroma));
                add_residue_8x8(&coefficients, ends, &mut plane.samples[start..], plane.stride);
            }
        }
    }
}

/// Adds a macroblock's residue to its prediction, which lies in `planes` from the indices `at` on.
pub(super) fn reconstruct(
    levels: &Levels,
    quantisers: &Quantisers,
    y2: bool,
    planes: &mut [PlaneViewMut; 3],
    at: Starts,
) {
    let mut coefficients: [[i16; 16]; 16] = std::array::from_fn(|block| match levels.ends[block] {
        0 => [0; 16],
        _ => dequantise(&levels.blocks[block], &quantisers.luma),
    });
    let mut ends = *levels.ends.first_chunk::<16>().expect("the first sixteen blocks are luma's");
    if y2 && levels.ends[Y2] > 0 {
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
pub(super) fn add_block(levels: &[i16; 16], end: u8, quantiser: &Quantiser, samples: &mut [u8], stride: usize) {
    match end {
        0 => {}
        1 => add_inverse_dct_of_dc(levels[0] * quantiser.divisor[0] as i16, samples, stride),
        _ => add_inverse_dct(&dequantise(levels, quantiser), samples, stride),
    }
}

fn dequantise(levels: &[i16; 16], quantiser: &Quantiser) -> [i16; 16] {
    std::array::from_fn(|i| levels[i] * quantiser.divisor[i] as i16)
}
