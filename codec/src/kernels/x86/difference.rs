//! Distances between blocks, two rows of sixteen samples or four of eight at a time.

use super::memory::{Block, store_integers};
use super::{add_lanes, lanes, sum_of_four};
use std::arch::x86_64::*;

#[target_feature(enable = "avx2")]
pub(in crate::kernels) fn sad_16x16(a: &[u8], a_stride: usize, b: &[u8], b_stride: usize) -> u32 {
    let (a, b) = (Block::<16, 16>::new(a, a_stride), Block::<16, 16>::new(b, b_stride));
    let mut total = _mm256_setzero_si256();
    for y in 0..8 {
        let rows = _mm256_sad_epu8(a.load_16_of_two(0, 2 * y, 2 * y + 1), b.load_16_of_two(0, 2 * y, 2 * y + 1));
        total = _mm256_add_epi32(total, rows);
    }
    sum_of_four(add_lanes(total)) as u32
}

#[target_feature(enable = "avx2")]
pub(in crate::kernels) fn sad_quarters_of_four(
    a: &[u8],
    a_stride: usize,
    b: &[u8],
    offsets: [usize; 4],
    b_stride: usize,
) -> [[u32; 4]; 4] {
    let a = Block::<16, 16>::new(a, a_stride);
    let [b0, b1, b2, b3] = offsets;
    let b0 = Block::<16, 16>::new(&b[b0..], b_stride);
    let b1 = Block::<16, 16>::new(&b[b1..], b_stride);
    let b2 = Block::<16, 16>::new(&b[b2..], b_stride);
    let b3 = Block::<16, 16>::new(&b[b3..], b_stride);
    let mut halves = [[_mm256_setzero_si256(); 4]; 2];
    for (half, totals) in halves.iter_mut().enumerate() {
        for y in 0..4 {
            let (first, second) = (8 * half + 2 * y, 8 * half + 2 * y + 1);
            let source = a.load_16_of_two(0, first, second);
            for (total, block) in totals.iter_mut().zip([&b0, &b1, &b2, &b3]) {
                let rows = _mm256_sad_epu8(source, block.load_16_of_two(0, first, second));
                *total = _mm256_add_epi32(*total, rows);
            }
        }
    }
    let mut quarters = [[0; 4]; 4];
    for (i, quarters) in quarters.iter_mut().enumerate() {
        // Left and right are 64 bits apart; the upper half of these is 0.
        let (upper, lower) = (add_lanes(halves[0][i]), add_lanes(halves[1][i]));
        store_integers(quarters, of_both(upper, lower));
    }
    quarters
}

/// Numbers 0 and 2 of two vectors.
#[inline]
#[target_feature(enable = "sse2")]
fn of_both(first: __m128i, second: __m128i) -> __m128i {
    let both = _mm_shuffle_ps::<0b10_00_10_00>(_mm_castsi128_ps(first), _mm_castsi128_ps(second));
    _mm_castps_si128(both)
}

#[target_feature(enable = "avx2")]
pub(in crate::kernels) fn sad_8x8(a: &[u8], a_stride: usize, b: &[u8], b_stride: usize) -> u32 {
    let (a, b) = (Block::<8, 8>::new(a, a_stride), Block::<8, 8>::new(b, b_stride));
    let mut total = _mm_setzero_si128();
    for y in 0..4 {
        let rows = _mm_sad_epu8(a.load_8_of_two(0, 2 * y, 2 * y + 1), b.load_8_of_two(0, 2 * y, 2 * y + 1));
        total = _mm_add_epi32(total, rows);
    }
    sum_of_four(total) as u32
}

/// Half the sum of the absolute Hadamard coefficients of 4x4 blocks, whose four rows of differences come as bytes in
/// four pairs of vectors.
///
/// The horizontal sums and differences of neighbours come straight from the bytes. The last butterfly is never made:
/// |a + b| + |a - b| is twice the larger of |a| and |b|.
#[inline]
#[target_feature(enable = "avx2")]
fn satd_of_rows(a: [__m256i; 4], b: [__m256i; 4]) -> __m256i {
    let plus = _mm256_set1_epi8(1);
    let minus = _mm256_set1_epi16(i16::from_le_bytes([1, 0xff]));
    let mut sums = [_mm256_setzero_si256(); 4];
    let mut differences = [_mm256_setzero_si256(); 4];
    for y in 0..4 {
        sums[y] = _mm256_sub_epi16(_mm256_maddubs_epi16(a[y], plus), _mm256_maddubs_epi16(b[y], plus));
        differences[y] = _mm256_sub_epi16(_mm256_maddubs_epi16(a[y], minus), _mm256_maddubs_epi16(b[y], minus));
    }
    let (sums, differences) = (magnitudes_of_columns(sums), magnitudes_of_columns(differences));
    let mut total = _mm256_setzero_si256();
    for y in 0..4 {
        // The partners of the last butterfly lie beside each other: even numbers of both rows against odd ones.
        let even = _mm256_blend_epi16::<0b1010_1010>(sums[y], _mm256_slli_epi32::<16>(differences[y]));
        let odd = _mm256_blend_epi16::<0b1010_1010>(_mm256_srli_epi32::<16>(sums[y]), differences[y]);
        total = _mm256_add_epi16(total, _mm256_max_epi16(even, odd));
    }
    _mm256_madd_epi16(total, _mm256_set1_epi16(1))
}

/// The magnitudes of the vertical Hadamard transform of four rows.
#[inline]
#[target_feature(enable = "avx2")]
fn magnitudes_of_columns([r0, r1, r2, r3]: [__m256i; 4]) -> [__m256i; 4] {
    let (a, b) = (_mm256_add_epi16(r0, r1), _mm256_sub_epi16(r0, r1));
    let (c, d) = (_mm256_add_epi16(r2, r3), _mm256_sub_epi16(r2, r3));
    [
        _mm256_abs_epi16(_mm256_add_epi16(a, c)),
        _mm256_abs_epi16(_mm256_sub_epi16(a, c)),
        _mm256_abs_epi16(_mm256_add_epi16(b, d)),
        _mm256_abs_epi16(_mm256_sub_epi16(b, d)),
    ]
}

#[target_feature(enable = "avx2")]
pub(in crate::kernels) fn satd_quarters(a: &[u8], a_stride: usize, b: &[u8], b_stride: usize) -> [u32; 4] {
    let (a, b) = (Block::<16, 16>::new(a, a_stride), Block::<16, 16>::new(b, b_stride));
    let mut halves = [_mm_setzero_si128(); 2];
    for (half, total) in halves.iter_mut().enumerate() {
        let (mut a_rows, mut b_rows) = ([_mm256_setzero_si256(); 4], [_mm256_setzero_si256(); 4]);
        for (i, (a_row, b_row)) in a_rows.iter_mut().zip(&mut b_rows).enumerate() {
            let y = 8 * half + i;
            *a_row = a.load_16_of_two(0, y, y + 4);
            *b_row = b.load_16_of_two(0, y, y + 4);
        }
        *total = add_lanes(satd_of_rows(a_rows, b_rows));
    }
    let mut quarters = [0; 4];
    store_integers(&mut quarters, _mm_hadd_epi32(halves[0], halves[1]));
    quarters
}

#[target_feature(enable = "avx2")]
pub(in crate::kernels) fn satd_8x8(a: &[u8], a_stride: usize, b: &[u8], b_stride: usize) -> u32 {
    let (a, b) = (Block::<8, 8>::new(a, a_stride), Block::<8, 8>::new(b, b_stride));
    let (mut a_rows, mut b_rows) = ([_mm256_setzero_si256(); 4], [_mm256_setzero_si256(); 4]);
    for (y, (a_row, b_row)) in a_rows.iter_mut().zip(&mut b_rows).enumerate() {
        // Two bands of four rows fill the lower lane; the upper one idles.
        *a_row = _mm256_castsi128_si256(a.load_8_of_two(0, y, y + 4));
        *b_row = _mm256_castsi128_si256(b.load_8_of_two(0, y, y + 4));
    }
    sum_of_four(_mm256_castsi256_si128(satd_of_rows(a_rows, b_rows))) as u32
}

#[target_feature(enable = "avx2")]
pub(in crate::kernels) fn satd_4x4(a: &[u8], a_stride: usize, b: &[u8], b_stride: usize) -> u32 {
    let (a, b) = (Block::<4, 4>::new(a, a_stride), Block::<4, 4>::new(b, b_stride));
    satd_of_blocks(a.load_all(), b.load_all())
}

/// Half the sum of the absolute Hadamard coefficients of the difference of two 4x4 blocks.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn satd_of_blocks(a: __m128i, b: __m128i) -> u32 {
    // Sums of neighbours in the lower lane, their differences in the upper one; a row is 32 bits of either.
    let weights = lanes(_mm_set1_epi8(1), _mm_set1_epi16(i16::from_le_bytes([1, 0xff])));
    let a = _mm256_maddubs_epi16(_mm256_broadcastsi128_si256(a), weights);
    let b = _mm256_maddubs_epi16(_mm256_broadcastsi128_si256(b), weights);
    let rows = _mm256_sub_epi16(a, b);
    let rows = butterfly(rows, _mm256_shuffle_epi32::<0b10_11_00_01>(rows), _mm256_set1_epi64x(!0 << 32));
    let rows = butterfly(rows, _mm256_shuffle_epi32::<0b01_00_11_10>(rows), _mm256_set_epi64x(!0, 0, !0, 0));
    let magnitudes = _mm256_abs_epi16(rows);
    let larger = _mm256_max_epi16(magnitudes, _mm256_srli_epi32::<16>(magnitudes));
    let larger = _mm256_and_si256(larger, _mm256_set1_epi32(0xffff));
    sum_of_four(add_lanes(larger)) as u32
}

/// `own + partner` where `subtracted` is 0 and `partner - own` where it is all ones.
#[inline]
#[target_feature(enable = "avx2")]
fn butterfly(own: __m256i, partner: __m256i, subtracted: __m256i) -> __m256i {
    let own = _mm256_sub_epi16(_mm256_xor_si256(own, subtracted), subtracted);
    _mm256_add_epi16(partner, own)
}
