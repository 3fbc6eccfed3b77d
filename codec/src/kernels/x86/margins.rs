//! One transform of the source: eight rows at a time, a block row to a lane.

use super::memory::{Block, load_coefficients, store_coefficients, store_integers};
use super::{add_lanes, sum_of_four};
use crate::kernels::margins::{Margins, Predicted};
use std::arch::x86_64::*;

/// The vertical Hadamard transform of four rows: first what does not vary, then rising frequencies.
#[inline]
#[target_feature(enable = "avx2")]
fn of_columns([r0, r1, r2, r3]: [__m256i; 4]) -> [__m256i; 4] {
    let (a, b) = (_mm256_add_epi16(r0, r1), _mm256_sub_epi16(r0, r1));
    let (c, d) = (_mm256_add_epi16(r2, r3), _mm256_sub_epi16(r2, r3));
    [_mm256_add_epi16(a, c), _mm256_sub_epi16(a, c), _mm256_add_epi16(b, d), _mm256_sub_epi16(b, d)]
}

/// The coefficients of all blocks in raster order, from those of two pairs of block rows.
#[inline]
#[target_feature(enable = "avx2")]
fn store(coefficients: &mut [i16; 16], upper: __m256i, lower: __m256i) {
    let packed = _mm256_packs_epi32(upper, lower);
    store_coefficients(coefficients, _mm256_permute4x64_epi64::<0b11_01_10_00>(packed));
}

#[target_feature(enable = "avx2")]
pub(in crate::kernels) fn of(source: &[u8], stride: usize) -> Margins {
    let source = Block::<16, 16>::new(source, stride);
    let both = _mm256_set1_epi8(1);
    let apart = _mm256_set1_epi16(i16::from_le_bytes([1, 0xff]));
    let (sum, difference) = (_mm256_set1_epi16(1), _mm256_set1_epi32(i32::from_le_bytes([1, 0, 0xff, 0xff])));
    let mut interior = _mm256_setzero_si256();
    // By half: DC, the three across, the three down.
    let mut found = [[_mm256_setzero_si256(); 7]; 2];
    for (half, found) in found.iter_mut().enumerate() {
        let (mut sums, mut differences) = ([_mm256_setzero_si256(); 4], [_mm256_setzero_si256(); 4]);
        for y in 0..4 {
            let rows = source.load_16_of_two(0, 8 * half + y, 8 * half + y + 4);
            sums[y] = _mm256_maddubs_epi16(rows, both);
            differences[y] = _mm256_maddubs_epi16(rows, apart);
        }
        let (sums, differences) = (of_columns(sums), of_columns(differences));
        found[0] = _mm256_madd_epi16(sums[0], sum);
        found[1] = _mm256_madd_epi16(sums[0], difference);
        found[2] = _mm256_madd_epi16(differences[0], sum);
        found[3] = _mm256_madd_epi16(differences[0], difference);
        for k in 1..4 {
            found[3 + k] = _mm256_madd_epi16(sums[k], sum);
            // |a + b| + |a - b| is twice the larger of |a| and |b|.
            let magnitudes = _mm256_abs_epi16(differences[k]);
            let larger = _mm256_max_epi16(magnitudes, _mm256_srli_epi32::<16>(magnitudes));
            let larger = _mm256_and_si256(larger, _mm256_set1_epi32(0xffff));
            let other = _mm256_abs_epi32(_mm256_madd_epi16(sums[k], difference));
            interior = _mm256_add_epi32(interior, _mm256_add_epi32(other, _mm256_slli_epi32::<1>(larger)));
        }
    }
    let [upper, lower] = found;
    let mut margins = Margins { interior: sum_of_four(add_lanes(interior)) as u32, ..Margins::default() };
    store(&mut margins.dc, upper[0], lower[0]);
    for k in 0..3 {
        store(&mut margins.across[k], upper[1 + k], lower[1 + k]);
        store(&mut margins.down[k], upper[4 + k], lower[4 + k]);
    }
    margins
}

/// As [`Margins::differences`]: what all blocks have at one frequency is a vector.
#[target_feature(enable = "avx2")]
pub(in crate::kernels) fn differences(margins: &Margins, predicted: &Predicted) -> [u32; 4] {
    // A group of the row above belongs to a column of blocks, one of the left column to a row of them.
    let spread = |groups: [i16; 4]| {
        _mm256_set1_epi64x(groups.iter().rev().fold(0, |all, group| all << 16 | i64::from(*group as u16)))
    };
    let of_rows = _mm256_setr_epi8(
        0, 1, 0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3, 2, 3, 4, 5, 4, 5, 4, 5, 4, 5, 6, 7, 6, 7, 6, 7, 6, 7,
    );
    let down_rows = |groups: [i16; 4]| _mm256_shuffle_epi8(spread(groups), of_rows);
    let zero = _mm256_setzero_si256();
    let (mut across, mut across_changed, mut down, mut down_changed) = (zero, zero, zero, zero);
    for k in 0..3 {
        let (own_across, own_down) = (load_coefficients(&margins.across[k]), load_coefficients(&margins.down[k]));
        across = _mm256_add_epi32(across, distance(own_across, zero));
        across_changed = _mm256_add_epi32(across_changed, distance(own_across, spread(predicted.above[k + 1])));
        down = _mm256_add_epi32(down, distance(own_down, zero));
        down_changed = _mm256_add_epi32(down_changed, distance(own_down, down_rows(predicted.left[k + 1])));
    }
    let dc = load_coefficients(&margins.dc);
    let (vertical, horizontal) = (spread(predicted.above[0]), down_rows(predicted.left[0]));
    let corner = _mm256_set1_epi16(predicted.corner);
    let true_motion = _mm256_sub_epi16(_mm256_add_epi16(vertical, horizontal), corner);
    let total = |a: __m256i, b: __m256i, prediction: __m256i| {
        add_lanes(_mm256_add_epi32(_mm256_add_epi32(a, b), distance(dc, prediction)))
    };
    let totals = [
        total(across, down, _mm256_set1_epi16(predicted.dc)),
        total(across_changed, down, vertical),
        total(across, down_changed, horizontal),
        total(across_changed, down_changed, true_motion),
    ];
    let sums = _mm_hadd_epi32(_mm_hadd_epi32(totals[0], totals[1]), _mm_hadd_epi32(totals[2], totals[3]));
    let mut differences = [0; 4];
    let all = _mm_add_epi32(sums, _mm_set1_epi32(margins.interior as i32));
    store_integers(&mut differences, _mm_srli_epi32::<1>(all));
    differences
}

/// Absolute differences, two added to each other.
#[inline]
#[target_feature(enable = "avx2")]
fn distance(a: __m256i, b: __m256i) -> __m256i {
    _mm256_madd_epi16(_mm256_abs_epi16(_mm256_sub_epi16(a, b)), _mm256_set1_epi16(1))
}
