//! Quantisation, a whole block a vector.

use super::memory::{load_coefficients, load_unsigned, store_coefficients};
use crate::kernels::quantise::{MAX_LEVEL, Positions, Quantiser};
use std::arch::x86_64::*;

#[target_feature(enable = "avx2")]
pub(in crate::kernels) fn quantise(
    quantiser: &Quantiser,
    coefficients: &[i16; 16],
    levels: &mut [i16; 16],
) -> Positions {
    let quantiser = Vectors::of(quantiser);
    quantiser.quantise(coefficients, levels)
}

#[target_feature(enable = "avx2")]
pub(in crate::kernels) fn quantise_blocks(
    quantiser: &Quantiser,
    blocks: u32,
    coefficients: &[[i16; 16]],
    levels: &mut [[i16; 16]],
    nonzero: &mut [Positions],
) -> u32 {
    let quantiser = Vectors::of(quantiser);
    let (mut rest, mut coded) = (blocks, 0);
    while rest != 0 {
        let block = rest.trailing_zeros() as usize;
        rest &= rest - 1;
        nonzero[block] = quantiser.quantise(&coefficients[block], &mut levels[block]);
        coded |= u32::from(nonzero[block] != 0) << block;
    }
    coded
}

#[target_feature(enable = "avx2")]
pub(in crate::kernels) fn busy_blocks(quantiser: &Quantiser, coefficients: &[[i16; 16]]) -> u32 {
    let quantiser = Vectors::of(quantiser);
    let zero = _mm256_setzero_si256();
    let mut busy = 0;
    for (block, coefficients) in coefficients.iter().enumerate() {
        let magnitudes = _mm256_abs_epi16(load_coefficients(coefficients));
        let magnitudes = _mm256_mulhi_epu16(_mm256_adds_epu16(magnitudes, quantiser.rounding), quantiser.reciprocal);
        let any = _mm256_testc_si256(zero, magnitudes) == 0;
        busy |= u32::from(any) << block;
    }
    busy
}

struct Vectors {
    rounding: __m256i,
    reciprocal: __m256i,
}

impl Vectors {
    #[inline]
    #[target_feature(enable = "avx2")]
    fn of(quantiser: &Quantiser) -> Self {
        Self { rounding: load_unsigned(&quantiser.rounding), reciprocal: load_unsigned(&quantiser.reciprocal) }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn quantise(&self, coefficients: &[i16; 16], levels: &mut [i16; 16]) -> Positions {
        let coefficients = load_coefficients(coefficients);
        let magnitudes = _mm256_adds_epu16(_mm256_abs_epi16(coefficients), self.rounding);
        let magnitudes = _mm256_mulhi_epu16(magnitudes, self.reciprocal);
        let magnitudes = _mm256_min_epi16(magnitudes, _mm256_set1_epi16(MAX_LEVEL));
        let signs = _mm256_srai_epi16::<15>(coefficients);
        store_coefficients(levels, _mm256_sub_epi16(_mm256_xor_si256(magnitudes, signs), signs));

        // One bit a level in zigzag order.
        let bytes = _mm_packs_epi16(_mm256_castsi256_si128(magnitudes), _mm256_extracti128_si256::<1>(magnitudes));
        let zigzag = _mm_setr_epi8(0, 1, 4, 8, 5, 2, 3, 6, 9, 12, 13, 10, 7, 11, 14, 15);
        let zeros = _mm_cmpeq_epi8(_mm_shuffle_epi8(bytes, zigzag), _mm_setzero_si128());
        !_mm_movemask_epi8(zeros) as Positions
    }
}
