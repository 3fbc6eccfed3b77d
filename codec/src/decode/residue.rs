//! The residue of one macroblock: its tokens read at once, then added block by block (RFC 6386 §13, §14).

use crate::bitstream::bool_coder::BoolDecoder;
use crate::bitstream::tokens::{BlockKind, PositionProbabilities, TokenContext, read_block};
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
    #[inline(always)]
    pub(super) fn read(
        &mut self,
        decoder: &mut BoolDecoder<'_>,
        probabilities: &PositionProbabilities,
        steps: &QuantizerSteps,
        has_y2: bool,
        above: &mut TokenContext,
        left: &mut TokenContext,
    ) -> bool {
        // Copies of one's own stay in registers.
        let mut own = decoder.clone();
        let (mut any, mut luma_kind) = (false, BlockKind::LumaWithDc);
        if has_y2 {
            luma_kind = BlockKind::LumaWithoutDc;
            any = self.read_y2(&mut own, probabilities, steps.y2, above, left);
        }
        any |= self.read_square(&mut own, probabilities, luma_kind, steps.y, 0, &mut above.luma, &mut left.luma);
        for (plane, (above, left)) in above.chroma.iter_mut().zip(&mut left.chroma).enumerate() {
            let first = FIRST_CHROMA_BLOCK + 4 * plane;
            any |= self.read_square(&mut own, probabilities, BlockKind::Chroma, steps.chroma, first, above, left);
        }
        *decoder = own;
        any
    }

    /// Reads a square of `SIDE` by `SIDE` blocks from block `first_block` on; whether any tokens came.
    #[expect(clippy::too_many_arguments, reason = "what blocks share, and their place")]
    #[inline(always)]
    fn read_square<const SIDE: usize>(
        &mut self,
        decoder: &mut BoolDecoder<'_>,
        probabilities: &PositionProbabilities,
        kind: BlockKind,
        steps: [i16; 2],
        first_block: usize,
        above: &mut [u8; SIDE],
        left: &mut [u8; SIDE],
    ) -> bool {
        let probabilities = &probabilities[kind as usize];
        let first = kind.first();
        let blocks = self.coefficients[first_block..][..SIDE * SIDE].as_chunks_mut::<SIDE>().0;
        let ends = self.ends[first_block..][..SIDE * SIDE].as_chunks_mut::<SIDE>().0;
        let mut any = 0;
        for ((blocks, ends), left) in blocks.iter_mut().zip(ends).zip(left) {
            for ((block, block_end), above) in blocks.iter_mut().zip(ends).zip(above.iter_mut()) {
                let context = usize::from(*above + *left);
                let end = read_block(decoder, probabilities, context, first, steps, block);
                let has_coefficients = u8::from(end > first);
                (*above, *left) = (has_coefficients, has_coefficients);
                // Where nothing came, a DC from Y2 may have.
                *block_end = (*block_end).max(end as u8 * has_coefficients);
                any |= has_coefficients;
            }
        }
        any != 0
    }

    /// Reads Y2 and spreads it over the DCs of luma.
    #[inline(always)]
    fn read_y2(
        &mut self,
        decoder: &mut BoolDecoder<'_>,
        probabilities: &PositionProbabilities,
        steps: [i16; 2],
        above: &mut TokenContext,
        left: &mut TokenContext,
    ) -> bool {
        let mut y2 = [0; 16];
        let context = usize::from(above.y2 + left.y2);
        let end = read_block(decoder, &probabilities[BlockKind::Y2 as usize], context, 0, steps, &mut y2);
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
