//! The residue of one macroblock: its tokens read at once, then added block by block (RFC 6386 §13, §14).

use crate::bitstream::bool_coder::BoolDecoder;
use crate::bitstream::tables::TokenProbabilities;
use crate::bitstream::tokens::{BlockKind, TokenContext, read_block};
use crate::kernels::inverse::{add_inverse_dct, add_inverse_dct_of_dc, inverse_walsh};
use crate::picture::PlaneViewMut;
use crate::quantizer::QuantizerSteps;

/// Blocks of a macroblock besides Y2: 16 of luma, 4 of U, 4 of V.
const BLOCKS: usize = 24;
/// The first block of U; V's follow.
const FIRST_CHROMA_BLOCK: usize = 16;

/// The dequantized coefficients of one macroblock. Between macroblocks all are zero: adding a block clears it.
#[derive(Clone, Debug, Default)]
pub(super) struct Residue {
    /// In raster order.
    coefficients: [[i16; 16]; BLOCKS],
    /// Which way each block is added.
    contents: [Content; BLOCKS],
}

/// What a block holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Content {
    /// Nothing.
    #[default]
    Zero,
    /// Perhaps a DC, and nothing else.
    Dc,
    /// Anything.
    Full,
}

impl Residue {
    /// Reads the tokens of a macroblock. Whether any came, as the loop filter wants to know.
    ///
    /// `above` and `left` are the contexts of its column and row, and become what it leaves to the next.
    pub(super) fn read(
        &mut self,
        decoder: &mut BoolDecoder<'_>,
        probabilities: &TokenProbabilities,
        steps: &QuantizerSteps,
        has_y2: bool,
        above: &mut TokenContext,
        left: &mut TokenContext,
    ) -> bool {
        let mut any = false;
        let mut luma_kind = BlockKind::LumaWithDc;
        if has_y2 {
            luma_kind = BlockKind::LumaWithoutDc;
            any |= self.read_y2(decoder, probabilities, steps, above, left);
        }
        for index in 0..FIRST_CHROMA_BLOCK {
            let (above, left) = (&mut above.luma[index % 4], &mut left.luma[index / 4]);
            any |= self.read_one(decoder, probabilities, luma_kind, steps.y, index, above, left);
        }
        for index in FIRST_CHROMA_BLOCK..BLOCKS {
            let (plane, within) = ((index - FIRST_CHROMA_BLOCK) / 4, index % 4);
            let (above, left) = (&mut above.chroma[plane][within % 2], &mut left.chroma[plane][within / 2]);
            any |= self.read_one(decoder, probabilities, BlockKind::Chroma, steps.chroma, index, above, left);
        }
        any
    }

    /// Reads Y2 and spreads it over the DCs of luma.
    fn read_y2(
        &mut self,
        decoder: &mut BoolDecoder<'_>,
        probabilities: &TokenProbabilities,
        steps: &QuantizerSteps,
        above: &mut TokenContext,
        left: &mut TokenContext,
    ) -> bool {
        let mut y2 = [0; 16];
        let context = usize::from(above.y2 + left.y2);
        let end = read_block(decoder, &probabilities[BlockKind::Y2 as usize], context, 0, steps.y2, &mut y2);
        let has_coefficients = end > 0;
        (above.y2, left.y2) = (has_coefficients.into(), has_coefficients.into());
        if has_coefficients {
            for (index, dc) in inverse_walsh(&y2).into_iter().enumerate() {
                self.coefficients[index][0] = dc;
                self.contents[index] = Content::Dc;
            }
        }
        has_coefficients
    }

    #[expect(clippy::too_many_arguments, reason = "a block's coding, steps and place")]
    #[inline(always)]
    fn read_one(
        &mut self,
        decoder: &mut BoolDecoder<'_>,
        probabilities: &TokenProbabilities,
        kind: BlockKind,
        steps: [i16; 2],
        index: usize,
        above: &mut u8,
        left: &mut u8,
    ) -> bool {
        let first = kind.first();
        let context = usize::from(*above + *left);
        let coefficients = &mut self.coefficients[index];
        let end = read_block(decoder, &probabilities[kind as usize], context, first, steps, coefficients);
        let has_coefficients = end > first;
        (*above, *left) = (has_coefficients.into(), has_coefficients.into());
        if end > 1 {
            self.contents[index] = Content::Full;
        } else if has_coefficients {
            self.contents[index] = Content::Dc;
        }
        has_coefficients
    }

    /// Adds luma block `index` to a macroblock whose first sample is `block`'s.
    #[inline]
    pub(super) fn add_luma_block(&mut self, index: usize, block: &mut [u8], stride: usize) {
        if self.contents[index] != Content::Zero {
            self.add(index, &mut block[index / 4 * 4 * stride + index % 4 * 4..], stride);
        }
    }

    /// Adds all of luma to the macroblock at (`row`, `column`).
    pub(super) fn add_luma(&mut self, luma: &mut PlaneViewMut<'_>, row: usize, column: usize) {
        let stride = luma.stride;
        let block = luma.at_mut(column * 16, row * 16);
        for index in 0..FIRST_CHROMA_BLOCK {
            self.add_luma_block(index, block, stride);
        }
    }

    /// Adds U and V to the macroblock at (`row`, `column`).
    pub(super) fn add_chroma(&mut self, planes: &mut [PlaneViewMut<'_>; 3], row: usize, column: usize) {
        for (plane, first) in [(1, FIRST_CHROMA_BLOCK), (2, FIRST_CHROMA_BLOCK + 4)] {
            let view = &mut planes[plane];
            let stride = view.stride;
            let block = view.at_mut(column * 8, row * 8);
            for within in 0..4 {
                if self.contents[first + within] != Content::Zero {
                    self.add(first + within, &mut block[within / 2 * 4 * stride + within % 2 * 4..], stride);
                }
            }
        }
    }

    #[inline]
    fn add(&mut self, index: usize, samples: &mut [u8], stride: usize) {
        let coefficients = &mut self.coefficients[index];
        if self.contents[index] == Content::Full {
            add_inverse_dct(coefficients, samples, stride);
            *coefficients = [0; 16];
        } else {
            add_inverse_dct_of_dc(coefficients[0], samples, stride);
            coefficients[0] = 0;
        }
        self.contents[index] = Content::Zero;
    }
}
