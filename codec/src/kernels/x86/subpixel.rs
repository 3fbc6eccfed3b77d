//! Variance against a block between whole samples, in bytes throughout: rounded means of two samples, and quarters as the
//! mean of a sample and the mean that is rounded down.

use super::difference::Moments;
use super::memory::Block;
use std::arch::x86_64::*;

/// `(a * (4 - QUARTERS) + b * QUARTERS + 2) >> 2` of every byte.
#[inline]
#[target_feature(enable = "avx2")]
fn between<const QUARTERS: usize>(a: __m256i, b: __m256i) -> __m256i {
    let rounded_up = _mm256_avg_epu8(a, b);
    if QUARTERS == 0 {
        return a;
    }
    if QUARTERS == 2 {
        return rounded_up;
    }
    let odd = _mm256_and_si256(_mm256_xor_si256(a, b), _mm256_set1_epi8(1));
    let rounded_down = _mm256_sub_epi8(rounded_up, odd);
    _mm256_avg_epu8(if QUARTERS == 1 { a } else { b }, rounded_down)
}

/// The sum and the sum of squares of the differences of `source` to `reference` displaced by `X` and `Y` quarters. Of the
/// reference `W` samples of `H` rows are read: one more than 16 in a direction where it is displaced.
#[inline]
#[target_feature(enable = "avx2")]
fn displaced<const X: usize, const Y: usize, const W: usize, const H: usize>(
    source: Block<'_, 16, 16>,
    reference: Block<'_, W, H>,
) -> (i32, u32) {
    let mut moments = Moments::zero();
    let right = if X == 0 { 0 } else { 1 };
    // Two rows at a time; those that begin with an odd row are put together from halves of two pairs.
    let mut above = across::<X, W, H>(reference, right, 0, 1);
    for y in 0..8 {
        let mut rows = above;
        if Y != 0 {
            let (first, second) = if y < 7 { (2 * y + 2, 2 * y + 3) } else { (16, 16) };
            let below = across::<X, W, H>(reference, right, first, second);
            let odd = _mm256_permute2x128_si256::<0x21>(above, below);
            rows = between::<Y>(above, odd);
            above = below;
        } else if y < 7 {
            above = across::<X, W, H>(reference, right, 2 * y + 2, 2 * y + 3);
        }
        moments.add(source.load_16_of_two(0, 2 * y, 2 * y + 1), rows);
    }
    moments.total()
}

#[inline]
#[target_feature(enable = "avx2")]
fn across<const X: usize, const W: usize, const H: usize>(
    reference: Block<'_, W, H>,
    right: usize,
    first: usize,
    second: usize,
) -> __m256i {
    let left = reference.load_16_of_two(0, first, second);
    if X == 0 { left } else { between::<X>(left, reference.load_16_of_two(right, first, second)) }
}

#[target_feature(enable = "avx2")]
pub(in crate::kernels) fn bilinear_moments_16x16(
    source: &[u8],
    source_stride: usize,
    reference: &[u8],
    reference_stride: usize,
    x: usize,
    y: usize,
) -> (i32, u32) {
    let source = Block::<16, 16>::new(source, source_stride);
    macro_rules! displaced {
        ($x:literal, $y:literal, $w:literal, $h:literal) => {
            displaced::<$x, $y, $w, $h>(source, Block::new(reference, reference_stride))
        };
    }
    match (x, y) {
        (0, 0) => displaced!(0, 0, 16, 16),
        (0, 1) => displaced!(0, 1, 16, 17),
        (0, 2) => displaced!(0, 2, 16, 17),
        (0, 3) => displaced!(0, 3, 16, 17),
        (1, 0) => displaced!(1, 0, 17, 16),
        (1, 1) => displaced!(1, 1, 17, 17),
        (1, 2) => displaced!(1, 2, 17, 17),
        (1, 3) => displaced!(1, 3, 17, 17),
        (2, 0) => displaced!(2, 0, 17, 16),
        (2, 1) => displaced!(2, 1, 17, 17),
        (2, 2) => displaced!(2, 2, 17, 17),
        (2, 3) => displaced!(2, 3, 17, 17),
        (3, 0) => displaced!(3, 0, 17, 16),
        (3, 1) => displaced!(3, 1, 17, 17),
        (3, 2) => displaced!(3, 2, 17, 17),
        (3, 3) => displaced!(3, 3, 17, 17),
        _ => panic!("a displacement is less than a whole sample"),
    }
}

/// As [`bilinear_moments_16x16`] for four places of one plane, each an offset and its displacement.
#[target_feature(enable = "avx2")]
pub(in crate::kernels) fn bilinear_moments_16x16_four(
    source: &[u8],
    source_stride: usize,
    reference: &[u8],
    places: [(usize, usize, usize); 4],
    reference_stride: usize,
) -> [(i32, u32); 4] {
    let mut moments = [(0, 0); 4];
    for (moments, (offset, x, y)) in moments.iter_mut().zip(places) {
        *moments = bilinear_moments_16x16(source, source_stride, &reference[offset..], reference_stride, x, y);
    }
    moments
}
