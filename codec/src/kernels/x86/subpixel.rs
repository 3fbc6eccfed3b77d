//! Inner products of the differences to four neighbouring places, sixteen samples at a time.

use super::add_lanes;
use super::memory::{Block, load_integers, store_integers};
use crate::kernels::subpixel::Products;
use std::arch::x86_64::*;

/// Nine sums in the making.
struct Sums([__m256i; 9]);

impl Sums {
    #[inline]
    #[target_feature(enable = "avx2")]
    fn zero() -> Self {
        Self([_mm256_setzero_si256(); 9])
    }

    /// Adds the products of sixteen differences at each of the four places.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn add(&mut self, [a, b, c, d]: [__m256i; 4]) {
        let sums = &mut self.0;
        sums[0] = _mm256_add_epi32(sums[0], _mm256_madd_epi16(a, a));
        sums[1] = _mm256_add_epi32(sums[1], _mm256_madd_epi16(a, b));
        sums[2] = _mm256_add_epi32(sums[2], _mm256_madd_epi16(b, b));
        sums[3] = _mm256_add_epi32(sums[3], _mm256_madd_epi16(c, c));
        sums[4] = _mm256_add_epi32(sums[4], _mm256_madd_epi16(c, d));
        sums[5] = _mm256_add_epi32(sums[5], _mm256_madd_epi16(d, d));
        sums[6] = _mm256_add_epi32(sums[6], _mm256_madd_epi16(a, c));
        let crossed = _mm256_add_epi32(_mm256_madd_epi16(a, d), _mm256_madd_epi16(b, c));
        sums[7] = _mm256_add_epi32(sums[7], crossed);
        sums[8] = _mm256_add_epi32(sums[8], _mm256_madd_epi16(b, d));
    }

    /// Each lane's sums, three to a vector.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn totals(&self) -> [__m256i; 3] {
        let [a, b, c, d, e, f, g, h, i] = self.0;
        let zero = _mm256_setzero_si256();
        [
            _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, zero)),
            _mm256_hadd_epi32(_mm256_hadd_epi32(d, e), _mm256_hadd_epi32(f, zero)),
            _mm256_hadd_epi32(_mm256_hadd_epi32(g, h), _mm256_hadd_epi32(i, zero)),
        ]
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn products([upper, lower, across]: [__m128i; 3]) -> Products {
    let mut products = Products::default();
    store_integers(&mut products.upper, upper);
    store_integers(&mut products.lower, lower);
    store_integers(&mut products.across, across);
    products
}

#[target_feature(enable = "avx2")]
pub(in crate::kernels) fn products_of_quarters(
    source: &[u8],
    source_stride: usize,
    reference: &[u8],
    reference_stride: usize,
) -> [Products; 4] {
    let source = Block::<16, 16>::new(source, source_stride);
    let reference = Block::<17, 17>::new(reference, reference_stride);
    let row = |x: usize, y: usize| _mm256_cvtepu8_epi16(reference.load_16(x, y));
    let mut quarters = [Products::default(); 4];
    for (half, quarters) in quarters.as_chunks_mut::<2>().0.iter_mut().enumerate() {
        let mut sums = Sums::zero();
        let mut above = [row(0, 8 * half), row(1, 8 * half)];
        for y in 8 * half..8 * half + 8 {
            let below = [row(0, y + 1), row(1, y + 1)];
            let source = _mm256_cvtepu8_epi16(source.load_16(0, y));
            sums.add([above[0], above[1], below[0], below[1]].map(|row| _mm256_sub_epi16(source, row)));
            above = below;
        }
        let totals = sums.totals();
        quarters[0] = products(totals.map(|lanes| _mm256_castsi256_si128(lanes)));
        quarters[1] = products(totals.map(|lanes| _mm256_extracti128_si256::<1>(lanes)));
    }
    quarters
}

#[target_feature(enable = "avx2")]
pub(in crate::kernels) fn products_8x8(
    source: &[u8],
    source_stride: usize,
    reference: &[u8],
    reference_stride: usize,
) -> Products {
    let source = Block::<8, 8>::new(source, source_stride);
    let reference = Block::<9, 9>::new(reference, reference_stride);
    // The upper four rows in one lane, the lower four in the other.
    let rows = |x: usize, y: usize| _mm256_cvtepu8_epi16(reference.load_8_of_two(x, y, y + 4));
    let mut sums = Sums::zero();
    let mut above = [rows(0, 0), rows(1, 0)];
    for y in 0..4 {
        let below = [rows(0, y + 1), rows(1, y + 1)];
        let source = _mm256_cvtepu8_epi16(source.load_8_of_two(0, y, y + 4));
        sums.add([above[0], above[1], below[0], below[1]].map(|row| _mm256_sub_epi16(source, row)));
        above = below;
    }
    products(sums.totals().map(|lanes| add_lanes(lanes)))
}

/// As [`Products::cheapest`]: a column at a time.
#[target_feature(enable = "avx2")]
pub(in crate::kernels) fn cheapest(
    products: &Products,
    first: (usize, usize),
    across: [u32; 4],
    down: [u32; 4],
) -> (usize, usize) {
    let y = _mm_add_epi32(_mm_set1_epi32(first.1 as i32), _mm_setr_epi32(0, 1, 2, 3));
    let up = _mm_sub_epi32(_mm_set1_epi32(4), y);
    let (above, below) = (_mm_mullo_epi32(up, up), _mm_mullo_epi32(y, y));
    let both = _mm_slli_epi32::<1>(_mm_mullo_epi32(up, y));
    let down = load_integers(&down);
    let mut costs = [_mm_setzero_si128(); 4];
    for (i, cost) in costs.iter_mut().enumerate() {
        let column = products.at_column(first.0 + i);
        let [upper, lower, crossed] = column.products().map(|product| _mm_set1_epi32(product));
        let error = _mm_add_epi32(
            _mm_add_epi32(_mm_mullo_epi32(above, upper), _mm_mullo_epi32(below, lower)),
            _mm_mullo_epi32(both, crossed),
        );
        let error = _mm_max_epi32(_mm_srai_epi32::<4>(error), _mm_setzero_si128());
        *cost = _mm_add_epi32(_mm_add_epi32(error, _mm_set1_epi32(across[i] as i32)), down);
    }
    // The first of the least, column by column.
    let least = _mm_min_epu32(_mm_min_epu32(costs[0], costs[1]), _mm_min_epu32(costs[2], costs[3]));
    let least = _mm_min_epu32(least, _mm_shuffle_epi32::<0b01_00_11_10>(least));
    let least = _mm_min_epu32(least, _mm_shuffle_epi32::<0b10_11_00_01>(least));
    let found = costs.map(|cost| _mm_cmpeq_epi32(cost, least));
    let columns = [_mm_packs_epi32(found[0], found[1]), _mm_packs_epi32(found[2], found[3])];
    let place = _mm_movemask_epi8(_mm_packs_epi16(columns[0], columns[1])).trailing_zeros() as usize;
    (first.0 + place / 4, first.1 + place % 4)
}
