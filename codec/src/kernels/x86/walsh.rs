//! The Walsh-Hadamard transform both ways: the same butterflies, and a rounding of its own each way. SSE2 is enough, and
//! that every x86-64 has.

use super::memory::{load_numbers, store_numbers};
use std::arch::x86_64::*;

/// In 16 bits throughout: sixteen DCs of differences of samples, at most 2040, add up to 32,640.
#[inline]
#[target_feature(enable = "sse2")]
pub(in crate::kernels) fn forward_wht(dc: &[i16; 16]) -> [i16; 16] {
    let [upper, lower] = transform(dc);
    let one = _mm_set1_epi16(1);
    store(_mm_srai_epi16::<1>(_mm_add_epi16(upper, one)), _mm_srai_epi16::<1>(_mm_add_epi16(lower, one)))
}

/// Wraps at 16 bits, as the definition does.
#[inline]
#[target_feature(enable = "sse2")]
pub(in crate::kernels) fn inverse_walsh(input: &[i16; 16]) -> [i16; 16] {
    let [upper, lower] = transform(input);
    let three = _mm_set1_epi16(3);
    store(_mm_srai_epi16::<3>(_mm_add_epi16(upper, three)), _mm_srai_epi16::<3>(_mm_add_epi16(lower, three)))
}

#[inline]
#[target_feature(enable = "sse2")]
fn transform(input: &[i16; 16]) -> [__m128i; 2] {
    let (halves, _) = input.as_chunks::<8>();
    turn(butterflies(turn(butterflies([load_numbers(&halves[0]), load_numbers(&halves[1])]))))
}

#[inline]
#[target_feature(enable = "sse2")]
fn store(upper: __m128i, lower: __m128i) -> [i16; 16] {
    let mut out = [0; 16];
    let (halves, _) = out.as_chunks_mut::<8>();
    store_numbers(&mut halves[0], upper);
    store_numbers(&mut halves[1], lower);
    out
}

/// The vertical transform of rows 0 and 1, 2 and 3.
#[inline]
#[target_feature(enable = "sse2")]
fn butterflies([upper, lower]: [__m128i; 2]) -> [__m128i; 2] {
    // Rows 3 and 2 under 0 and 1.
    let lower = _mm_shuffle_epi32::<0b01_00_11_10>(lower);
    let (a_b, d_c) = (_mm_add_epi16(upper, lower), _mm_sub_epi16(upper, lower));
    let (a_d, b_c) = (_mm_unpacklo_epi64(a_b, d_c), _mm_unpackhi_epi64(a_b, d_c));
    [_mm_add_epi16(a_d, b_c), _mm_sub_epi16(a_d, b_c)]
}

/// Turns a square of four by four numbers, two rows a vector.
#[inline]
#[target_feature(enable = "sse2")]
fn turn([upper, lower]: [__m128i; 2]) -> [__m128i; 2] {
    let (even, odd) = (_mm_unpacklo_epi16(upper, lower), _mm_unpackhi_epi16(upper, lower));
    [_mm_unpacklo_epi16(even, odd), _mm_unpackhi_epi16(even, odd)]
}
