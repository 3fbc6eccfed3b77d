//! The inverse DCT: of one 4x4 block, and of a row of four.
//!
//! A vector holds one row of each block. The vertical pass comes first; the blocks are then turned, go the same way
//! again, and are turned back.

use super::memory::{BlockMut, load_coefficients};
use std::arch::x86_64::*;

/// Of [`crate::kernels::inverse`]; the sine, 35,468, less 65,536, to be taken with its number added once more.
const COS_LESS_ONE: i16 = 20_091;
const SIN_LESS_ONE: i16 = (35_468 - 65_536) as i16;

/// One pass over four rows. All sums wrap, as the definition's do.
#[inline]
#[target_feature(enable = "avx2")]
fn pass([i0, i1, i2, i3]: [__m256i; 4]) -> [__m256i; 4] {
    let cosine = _mm256_set1_epi16(COS_LESS_ONE);
    let sine = _mm256_set1_epi16(SIN_LESS_ONE);
    let (a, b) = (_mm256_add_epi16(i0, i2), _mm256_sub_epi16(i0, i2));
    let sine_of = |value| _mm256_add_epi16(value, _mm256_mulhi_epi16(value, sine));
    let cosine_of = |value| _mm256_add_epi16(value, _mm256_mulhi_epi16(value, cosine));
    let c = _mm256_sub_epi16(sine_of(i1), cosine_of(i3));
    let d = _mm256_add_epi16(cosine_of(i1), sine_of(i3));
    [_mm256_add_epi16(a, d), _mm256_add_epi16(b, c), _mm256_sub_epi16(b, c), _mm256_sub_epi16(a, d)]
}

/// Turns each of four squares of four by four numbers.
#[inline]
#[target_feature(enable = "avx2")]
fn turn([r0, r1, r2, r3]: [__m256i; 4]) -> [__m256i; 4] {
    // 16-bit pairs of rows 0 and 1 (and 2 and 3) of the first block of a lane, then of the second.
    let (a01, b01) = (_mm256_unpacklo_epi16(r0, r1), _mm256_unpackhi_epi16(r0, r1));
    let (a23, b23) = (_mm256_unpacklo_epi16(r2, r3), _mm256_unpackhi_epi16(r2, r3));
    // Columns 0 and 1, 2 and 3 of each.
    let (a_01, a_23) = (_mm256_unpacklo_epi32(a01, a23), _mm256_unpackhi_epi32(a01, a23));
    let (b_01, b_23) = (_mm256_unpacklo_epi32(b01, b23), _mm256_unpackhi_epi32(b01, b23));
    [
        _mm256_unpacklo_epi64(a_01, b_01),
        _mm256_unpackhi_epi64(a_01, b_01),
        _mm256_unpacklo_epi64(a_23, b_23),
        _mm256_unpackhi_epi64(a_23, b_23),
    ]
}

/// The residue of four blocks, whose rows lie beside each other.
#[inline]
#[target_feature(enable = "avx2")]
fn residue_of_four([a, b, c, d]: [__m256i; 4]) -> [__m256i; 4] {
    // Rows 0 and 1 of A and C, rows 2 and 3 of A and C, and so of B and D.
    let (ac_01, ac_23) = (_mm256_permute2x128_si256::<0x20>(a, c), _mm256_permute2x128_si256::<0x31>(a, c));
    let (bd_01, bd_23) = (_mm256_permute2x128_si256::<0x20>(b, d), _mm256_permute2x128_si256::<0x31>(b, d));
    let rows = [
        _mm256_unpacklo_epi64(ac_01, bd_01),
        _mm256_unpackhi_epi64(ac_01, bd_01),
        _mm256_unpacklo_epi64(ac_23, bd_23),
        _mm256_unpackhi_epi64(ac_23, bd_23),
    ];
    let four = _mm256_set1_epi16(4);
    let mut residue = turn(pass(turn(pass(rows))));
    for row in &mut residue {
        *row = _mm256_srai_epi16::<3>(_mm256_add_epi16(*row, four));
    }
    residue
}

#[inline]
#[target_feature(enable = "avx2")]
fn load_four([a, b, c, d]: &[[i16; 16]; 4]) -> [__m256i; 4] {
    [load_coefficients(a), load_coefficients(b), load_coefficients(c), load_coefficients(d)]
}

/// Adds residue to sixteen samples, given as numbers; the lower and the upper eight come as the halves of a vector.
#[inline]
#[target_feature(enable = "avx2")]
fn add(samples: __m128i, residue: __m256i) -> __m128i {
    // The residue is at most 4096 (a 16-bit number shifted by 3): nothing wraps here.
    let sum = _mm256_add_epi16(_mm256_cvtepu8_epi16(samples), residue);
    _mm_packus_epi16(_mm256_castsi256_si128(sum), _mm256_extracti128_si256::<1>(sum))
}

#[target_feature(enable = "avx2")]
pub(in crate::kernels) fn add_inverse_dct(coefficients: &[i16; 16], samples: &mut [u8], stride: usize) {
    let mut target = BlockMut::<4, 4>::new(samples, stride);
    let zero = _mm256_setzero_si256();
    let residue = residue_of_four([load_coefficients(coefficients), zero, zero, zero]);
    for (y, residue) in residue.into_iter().enumerate() {
        let sum = add(target.as_block().load_4(0, y), residue);
        target.store_4(0, y, sum);
    }
}

#[target_feature(enable = "avx2")]
pub(in crate::kernels) fn add_residue_16x16(
    blocks: &[[i16; 16]; 16],
    ends: &[u8; 16],
    samples: &mut [u8],
    stride: usize,
) {
    let mut target = BlockMut::<16, 16>::new(samples, stride);
    for (row, (blocks, ends)) in blocks.as_chunks::<4>().0.iter().zip(ends.as_chunks::<4>().0).enumerate() {
        let Some(residue) = residue_by_ends(blocks, *ends) else { continue };
        for (y, residue) in residue.into_iter().enumerate() {
            let sum = add(target.as_block().load_16(0, 4 * row + y), residue);
            target.store_16(0, 4 * row + y, sum);
        }
    }
}

#[target_feature(enable = "avx2")]
pub(in crate::kernels) fn add_residue_8x8(blocks: &[[i16; 16]; 4], ends: &[u8; 4], samples: &mut [u8], stride: usize) {
    let mut target = BlockMut::<8, 8>::new(samples, stride);
    let Some(residue) = residue_by_ends(blocks, *ends) else { return };
    for (y, residue) in residue.into_iter().enumerate() {
        // The first two blocks are the upper ones, as are the first two quarters of a vector of residue.
        let sum = add(target.as_block().load_8_of_two(0, y, y + 4), residue);
        target.store_8(0, y, sum);
        target.store_upper_8(0, y + 4, sum);
    }
}

/// The residue of four blocks, or none where there is no coefficient.
#[inline]
#[target_feature(enable = "avx2")]
fn residue_by_ends(blocks: &[[i16; 16]; 4], ends: [u8; 4]) -> Option<[__m256i; 4]> {
    let all = u32::from_le_bytes(ends);
    if all == 0 {
        return None;
    }
    if all & !0x0101_0101 != 0 {
        return Some(residue_of_four(load_four(blocks)));
    }
    let [a, b, c, d] = blocks;
    let residue = |block: &[i16; 16]| {
        let dc = u64::from((block[0].wrapping_add(4) >> 3) as u16);
        (dc * 0x0001_0001_0001_0001) as i64
    };
    Some([_mm256_setr_epi64x(residue(a), residue(b), residue(c), residue(d)); 4])
}
