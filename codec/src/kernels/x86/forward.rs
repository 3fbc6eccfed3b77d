//! The forward DCT, four 4x4 blocks at a time.
//!
//! A vector holds one row of four blocks. In both directions sums and differences of opposite samples are followed by
//! multiplications in pairs into 32 bits.

use super::memory::{Block, store_coefficients};
use std::arch::x86_64::*;

/// Of [`crate::kernels::forward`].
const SINE: i16 = 2217;
const COSINE: i16 = 5352;

/// Differences of sixteen bytes to sixteen others.
#[inline]
#[target_feature(enable = "avx2")]
fn difference(source: __m128i, prediction: __m128i) -> __m256i {
    _mm256_sub_epi16(_mm256_cvtepu8_epi16(source), _mm256_cvtepu8_epi16(prediction))
}

#[inline]
#[target_feature(enable = "avx2")]
fn repeated(numbers: [i16; 4]) -> __m256i {
    let [a, b, c, d] = numbers.map(|number| u64::from(number as u16));
    _mm256_set1_epi64x((a | b << 16 | c << 32 | d << 48) as i64)
}

/// The horizontal transform of a row of four blocks, by lanes: the coefficients 0 and 1 of both blocks, then 2 and 3.
///
/// The definition scales by 8 and rounds the odd coefficients by 2048 / 4096; it is the same to weigh by 4096 where it only
/// scales, and round all by 256 / 512.
#[inline]
#[target_feature(enable = "avx2")]
fn row(samples: __m256i) -> __m256i {
    // [0, 1, 0, 1] and [3, 2, 3, 2] of every block.
    let forward = _mm256_shuffle_epi32::<0b10_10_00_00>(samples);
    let backward = _mm256_shuffle_epi8(
        samples,
        _mm256_broadcastsi128_si256(_mm_setr_epi8(6, 7, 4, 5, 6, 7, 4, 5, 14, 15, 12, 13, 14, 15, 12, 13)),
    );
    let folded = _mm256_add_epi16(forward, _mm256_sign_epi16(backward, repeated([1, 1, -1, -1])));
    let rounding = _mm256_set1_epi32(256);
    let lower = _mm256_madd_epi16(folded, repeated([4096, 4096, COSINE, SINE]));
    let upper = _mm256_madd_epi16(folded, repeated([4096, -4096, SINE, -COSINE]));
    _mm256_packs_epi32(
        _mm256_srai_epi32::<9>(_mm256_add_epi32(lower, rounding)),
        _mm256_srai_epi32::<9>(_mm256_add_epi32(upper, rounding)),
    )
}

/// The vertical transform of four rows.
#[inline]
#[target_feature(enable = "avx2")]
fn columns([r0, r1, r2, r3]: [__m256i; 4]) -> [__m256i; 4] {
    let (a, b) = (_mm256_add_epi16(r0, r3), _mm256_add_epi16(r1, r2));
    let (c, d) = (_mm256_sub_epi16(r1, r2), _mm256_sub_epi16(r0, r3));
    let eight = _mm256_set1_epi16(8);
    let (lower, upper) = (_mm256_unpacklo_epi16(c, d), _mm256_unpackhi_epi16(c, d));
    [
        _mm256_srai_epi16::<4>(_mm256_add_epi16(_mm256_add_epi16(a, b), eight)),
        turned(lower, upper, repeated([SINE, COSINE, SINE, COSINE])),
        _mm256_srai_epi16::<4>(_mm256_add_epi16(_mm256_sub_epi16(a, b), eight)),
        turned(lower, upper, repeated([-COSINE, SINE, -COSINE, SINE])),
    ]
}

#[inline]
#[target_feature(enable = "avx2")]
fn turned(lower: __m256i, upper: __m256i, weights: __m256i) -> __m256i {
    let rounding = _mm256_set1_epi32(32768);
    let lower = _mm256_add_epi32(_mm256_madd_epi16(lower, weights), rounding);
    let upper = _mm256_add_epi32(_mm256_madd_epi16(upper, weights), rounding);
    _mm256_packs_epi32(_mm256_srai_epi32::<16>(lower), _mm256_srai_epi32::<16>(upper))
}

/// Both transforms of four blocks; the blocks of the lower lane come first.
#[inline]
#[target_feature(enable = "avx2")]
fn transform(rows: [__m256i; 4]) -> [__m256i; 4] {
    let [r0, r1, r2, r3] = rows;
    let [r0, r1, r2, r3] = columns([row(r0), row(r1), row(r2), row(r3)]);
    // Each row is [0, 1 of A][0, 1 of B][2, 3 of A][2, 3 of B] in either lane.
    let (even_01, odd_01) = (_mm256_unpacklo_epi32(r0, r1), _mm256_unpackhi_epi32(r0, r1));
    let (even_23, odd_23) = (_mm256_unpacklo_epi32(r2, r3), _mm256_unpackhi_epi32(r2, r3));
    // Now [row 0: 0, 1][row 1: 0, 1] of A, then of B; and [row 0: 2, 3][row 1: 2, 3].
    let (a_01, b_01) = (_mm256_unpacklo_epi64(even_01, odd_01), _mm256_unpackhi_epi64(even_01, odd_01));
    let (a_23, b_23) = (_mm256_unpacklo_epi64(even_23, odd_23), _mm256_unpackhi_epi64(even_23, odd_23));
    const ORDER: i32 = 0b11_01_10_00;
    let (a_01, b_01) = (_mm256_shuffle_epi32::<ORDER>(a_01), _mm256_shuffle_epi32::<ORDER>(b_01));
    let (a_23, b_23) = (_mm256_shuffle_epi32::<ORDER>(a_23), _mm256_shuffle_epi32::<ORDER>(b_23));
    [
        _mm256_permute2x128_si256::<0x20>(a_01, a_23),
        _mm256_permute2x128_si256::<0x20>(b_01, b_23),
        _mm256_permute2x128_si256::<0x31>(a_01, a_23),
        _mm256_permute2x128_si256::<0x31>(b_01, b_23),
    ]
}

#[target_feature(enable = "avx2")]
pub(in crate::kernels) fn forward_dct(
    source: &[u8],
    source_stride: usize,
    prediction: &[u8],
    prediction_stride: usize,
    out: &mut [i16; 16],
) {
    let source = Block::<4, 4>::new(source, source_stride);
    let prediction = Block::<4, 4>::new(prediction, prediction_stride);
    let mut rows = [_mm256_setzero_si256(); 4];
    for (y, row) in rows.iter_mut().enumerate() {
        *row = difference(source.load_4(0, y), prediction.load_4(0, y));
    }
    store_coefficients(out, transform(rows)[0]);
}

#[target_feature(enable = "avx2")]
pub(in crate::kernels) fn forward_dct_16x16(
    source: &[u8],
    source_stride: usize,
    prediction: &[u8],
    prediction_stride: usize,
    out: &mut [[i16; 16]; 16],
) {
    let source = Block::<16, 16>::new(source, source_stride);
    let prediction = Block::<16, 16>::new(prediction, prediction_stride);
    for (y, out) in out.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        let mut rows = [_mm256_setzero_si256(); 4];
        for (i, row) in rows.iter_mut().enumerate() {
            *row = difference(source.load_16(0, 4 * y + i), prediction.load_16(0, 4 * y + i));
        }
        for (out, block) in out.iter_mut().zip(transform(rows)) {
            store_coefficients(out, block);
        }
    }
}

#[target_feature(enable = "avx2")]
pub(in crate::kernels) fn forward_dct_8x8(
    source: &[u8],
    source_stride: usize,
    prediction: &[u8],
    prediction_stride: usize,
    out: &mut [[i16; 16]; 4],
) {
    let source = Block::<8, 8>::new(source, source_stride);
    let prediction = Block::<8, 8>::new(prediction, prediction_stride);
    let mut rows = [_mm256_setzero_si256(); 4];
    for (y, row) in rows.iter_mut().enumerate() {
        // The upper two blocks in the lower lane, the lower two in the upper one.
        *row = difference(source.load_8_of_two(0, y, y + 4), prediction.load_8_of_two(0, y, y + 4));
    }
    for (out, block) in out.iter_mut().zip(transform(rows)) {
        store_coefficients(out, block);
    }
}
