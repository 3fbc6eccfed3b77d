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
    let mut busy = 0;
    for (i, coefficients) in coefficients.iter().enumerate() {
        let magnitudes = quantiser.magnitudes(load_coefficients(coefficients));
        busy |= u32::from(_mm256_testz_si256(magnitudes, magnitudes) == 0) << i;
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

    /// Of levels, before they are limited.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn magnitudes(&self, coefficients: __m256i) -> __m256i {
        _mm256_mulhi_epu16(_mm256_adds_epu16(_mm256_abs_epi16(coefficients), self.rounding), self.reciprocal)
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn quantise(&self, coefficients: &[i16; 16], levels: &mut [i16; 16]) -> Positions {
        let coefficients = load_coefficients(coefficients);
        let magnitudes = _mm256_min_epi16(self.magnitudes(coefficients), _mm256_set1_epi16(MAX_LEVEL));
        let signs = _mm256_srai_epi16::<15>(coefficients);
        store_coefficients(levels, _mm256_sub_epi16(_mm256_xor_si256(magnitudes, signs), signs));

        // One bit a level in zigzag order.
        let bytes = _mm_packs_epi16(_mm256_castsi256_si128(magnitudes), _mm256_extracti128_si256::<1>(magnitudes));
        let zigzag = _mm_setr_epi8(0, 1, 4, 8, 5, 2, 3, 6, 9, 12, 13, 10, 7, 11, 14, 15);
        let zeros = _mm_cmpeq_epi8(_mm_shuffle_epi8(bytes, zigzag), _mm_setzero_si128());
        !_mm_movemask_epi8(zeros) as Positions
    }
}
