//! The residue of one macroblock: its tokens read at once, then added block by block (RFC 6386 §13, §14).

use crate::bitstream::bool_coder::BoolDecoder;
use crate::bitstream::tables::TokenProbabilities;
use crate::bitstream::tokens::{BlockKind, TokenContext, read_block};
use crate::kernels::inverse::{
    add_inverse_dct, add_inverse_dct_of_dc, add_residue_8x8, add_residue_16x16, inverse_walsh,
};
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
    /// How far each block reaches in zigzag order: with 0 there is nothing in it, with 1 perhaps a DC.
    ends: [u8; BLOCKS],
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
                self.ends[index] = 1;
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
        if has_coefficients {
            self.ends[index] = end as u8;
        }
        has_coefficients
    }

    /// Adds luma block `index` to a macroblock whose first sample is `block`'s.
    #[inline]
    pub(super) fn add_luma_block(&mut self, index: usize, block: &mut [u8], stride: usize) {
        let samples = &mut block[index / 4 * 4 * stride + index % 4 * 4..];
        let coefficients = &mut self.coefficients[index];
        match std::mem::take(&mut self.ends[index]) {
            0 => {}
            1 => add_inverse_dct_of_dc(std::mem::take(&mut coefficients[0]), samples, stride),
            _ => add_inverse_dct(&std::mem::take(coefficients), samples, stride),
        }
    }

    /// Adds all of luma to the macroblock at (`row`, `column`).
    pub(super) fn add_luma(&mut self, luma: &mut PlaneViewMut<'_>, row: usize, column: usize) {
        let stride = luma.stride;
        let (blocks, _) = self.coefficients.split_first_chunk_mut().expect("a macroblock has 16 blocks of luma");
        let (ends, _) = self.ends.split_first_chunk_mut().expect("a macroblock has 16 blocks of luma");
        add_residue_16x16(blocks, ends, luma.at_mut(column * 16, row * 16), stride);
        clear(blocks, ends);
    }

    /// Adds U and V to the macroblock at (`row`, `column`).
    pub(super) fn add_chroma(&mut self, planes: &mut [PlaneViewMut<'_>; 3], row: usize, column: usize) {
        let blocks = self.coefficients[FIRST_CHROMA_BLOCK..].as_chunks_mut::<4>().0;
        let ends = self.ends[FIRST_CHROMA_BLOCK..].as_chunks_mut::<4>().0;
        for ((view, blocks), ends) in planes[1..].iter_mut().zip(blocks).zip(ends) {
            let stride = view.stride;
            add_residue_8x8(blocks, ends, view.at_mut(column * 8, row * 8), stride);
            clear(blocks, ends);
        }
    }
}

/// Makes blocks zero again that are not.
#[inline]
fn clear(blocks: &mut [[i16; 16]], ends: &mut [u8]) {
    for (block, end) in blocks.iter_mut().zip(&mut *ends) {
        if *end > 1 {
            *block = [0; 16];
        } else {
            block[0] = 0;
        }
    }
    ends.fill(0);
}
