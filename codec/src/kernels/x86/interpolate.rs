//! Prediction from between samples, as two columns of eight samples at a time, one a lane of a vector.
//!
//! The columns are the halves of a block of sixteen, a block of U and the one of V, or the upper and the lower half
//! of a smaller block. Both passes run together, row by row: the six rows that the vertical filter weighs stay in registers.
//!
//! Taps are taken in pairs whose weighted sums stay within 16 bits: the outermost, and those one and three apart
//! around the centre. Only the last addition can leave them, upwards, where saturation changes nothing after the shift and
//! the clamp to a sample.

use super::lanes;
use super::memory::{Block, BlockMut, load_32_bytes};
use crate::kernels::interpolate::{SIX_TAPS, TAPS_AROUND, TAPS_BEFORE};
use std::arch::x86_64::*;

/// A fraction's weights, as pairs of bytes in every 16-bit lane.
#[derive(Clone, Copy)]
struct Taps {
    /// The first and the last.
    outer: __m256i,
    /// The second and the fourth.
    before: __m256i,
    /// The third and the fifth.
    after: __m256i,
}

impl Taps {
    #[inline]
    #[target_feature(enable = "avx2")]
    fn of(eighths: usize) -> Self {
        let taps = SIX_TAPS[eighths & 7].map(|tap| tap as i8 as u8);
        let pair = |a: usize, b: usize| _mm256_set1_epi16(i16::from_le_bytes([taps[a], taps[b]]));
        Self { outer: pair(0, 5), before: pair(1, 3), after: pair(2, 4) }
    }

    /// The weighted sums of pairs of samples, rounded to samples but not yet clamped.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn weigh(&self, outer: __m256i, before: __m256i, after: __m256i) -> __m256i {
        let sum = _mm256_add_epi16(_mm256_maddubs_epi16(outer, self.outer), _mm256_maddubs_epi16(after, self.after));
        let sum = _mm256_adds_epi16(sum, _mm256_maddubs_epi16(before, self.before));
        // (sum * 256 + 16384) >> 15 is (sum + 64) >> 7, in one instruction and without overflow.
        _mm256_mulhrs_epi16(sum, _mm256_set1_epi16(256))
    }
}

/// Eight samples of each of two columns, clamped, in the lower half of each lane.
#[inline]
#[target_feature(enable = "avx2")]
fn clamped(numbers: __m256i) -> __m256i {
    _mm256_packus_epi16(numbers, numbers)
}

/// Two columns of samples, `ROWS` rows of `W`: 16 for a whole row of a wide block (in the upper lane's block the column
/// starts with its fourth sample), 13 or 9 for what eight or four samples need across, 8 or 4 for a column alone.
struct Columns<'a, const W: usize, const ROWS: usize> {
    lower: Block<'a, W, ROWS>,
    upper: Block<'a, W, ROWS>,
}

/// Where the samples that an eighth of a column needs lie in the bytes of [`Columns::load`].
struct Places([[u8; 32]; 3]);

impl Places {
    /// For blocks of `w` samples a row.
    const fn of(w: usize) -> Self {
        // Pairs of taps as in [`Taps`]: outer, before, after.
        let pairs = [[0, 5], [1, 3], [2, 4]];
        let mut places = [[0; 32]; 3];
        let mut i = 0;
        while i < 3 * 32 {
            let (pair, byte) = (i / 32, i % 32);
            let sample = byte % 16 / 2 + pairs[pair][byte % 2];
            let place = match (w, sample) {
                (16, _) => sample + byte / 16 * 3,
                (_, 0..8) => sample,
                _ => sample + 16 - w,
            };
            places[pair][byte] = (place % 16) as u8;
            i += 1;
        }
        Self(places)
    }
}

impl<const W: usize, const ROWS: usize> Columns<'_, W, ROWS> {
    const PLACES: Places = Places::of(W);

    /// Row `y` filtered across by `taps`; as it is where the columns stand alone.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn row(&self, y: usize, taps: &Taps) -> __m256i {
        match W {
            4 => lanes(self.lower.load_4(0, y), self.upper.load_4(0, y)),
            8 => self.halves(0, y),
            _ => clamped(self.across(y, taps)),
        }
    }

    /// Row `y` filtered across by `taps`.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn across(&self, y: usize, taps: &Taps) -> __m256i {
        let bytes = if W == 16 {
            lanes(self.lower.load_16(0, y), self.upper.load_16(0, y))
        } else {
            _mm256_blend_epi32::<0b1100_1100>(self.halves(0, y), self.halves(W - 8, y))
        };
        let [outer, before, after] = &const { Self::PLACES.0 };
        taps.weigh(
            _mm256_shuffle_epi8(bytes, load_32_bytes(outer)),
            _mm256_shuffle_epi8(bytes, load_32_bytes(before)),
            _mm256_shuffle_epi8(bytes, load_32_bytes(after)),
        )
    }

    /// Eight samples of either column from `x` on, in both halves of its lane.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn halves(&self, x: usize, y: usize) -> __m256i {
        let (lower, upper) = (self.lower.load_8_everywhere(x, y), self.upper.load_8_everywhere(x, y));
        _mm256_blend_epi32::<0b1111_0000>(lower, upper)
    }

    /// Filters across if the columns have samples around them, and down if they have rows around them: not yet clamped.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn filter<const H: usize>(&self, (x, y): (usize, usize)) -> [__m256i; H] {
        let (horizontal, vertical) = (Taps::of(x), Taps::of(y));
        let mut out = [_mm256_setzero_si256(); H];
        if ROWS == H {
            for (y, out) in out.iter_mut().enumerate() {
                *out = self.across(y, &horizontal);
            }
            return out;
        }
        let mut first = self.row(0, &horizontal);
        let mut second = self.row(1, &horizontal);
        let mut third = self.row(2, &horizontal);
        let mut fourth = self.row(3, &horizontal);
        let mut fifth = self.row(4, &horizontal);
        let mut before = _mm256_unpacklo_epi8(second, fourth);
        for (y, out) in out.iter_mut().enumerate() {
            let sixth = self.row(y + TAPS_AROUND, &horizontal);
            let after = _mm256_unpacklo_epi8(third, fifth);
            *out = vertical.weigh(_mm256_unpacklo_epi8(first, sixth), before, after);
            before = after;
            (first, second, third, fourth, fifth) = (second, third, fourth, fifth, sixth);
        }
        out
    }
}

/// Stores two rows of `N` samples.
#[inline]
#[target_feature(enable = "sse2")]
fn store_two_rows<const N: usize, const H: usize>(target: &mut BlockMut<'_, N, H>, y: usize, rows: __m128i) {
    if N == 8 {
        target.store_8(0, y, rows);
        target.store_upper_8(0, y + 1, rows);
    } else {
        target.store_4(0, y, rows);
        target.store_4(0, y + 1, _mm_unpackhi_epi64(rows, rows));
    }
}

/// Stores the columns into two blocks.
#[inline]
#[target_feature(enable = "avx2")]
fn store_both<const N: usize, const H: usize>(rows: &[__m256i; H], targets: [&mut [u8]; 2], stride: usize) {
    let [lower, upper] = targets;
    let (mut lower, mut upper) = (BlockMut::<N, H>::new(lower, stride), BlockMut::<N, H>::new(upper, stride));
    for y in 0..H / 2 {
        let two = _mm256_packus_epi16(rows[2 * y], rows[2 * y + 1]);
        store_two_rows(&mut lower, 2 * y, _mm256_castsi256_si128(two));
        store_two_rows(&mut upper, 2 * y, _mm256_extracti128_si256::<1>(two));
    }
}

/// Stores the columns as the upper and the lower half of a block of `TWICE` rows.
#[inline]
#[target_feature(enable = "avx2")]
fn store_halves<const N: usize, const H: usize, const TWICE: usize>(
    rows: &[__m256i; H],
    target: &mut [u8],
    stride: usize,
) {
    let mut target = BlockMut::<N, TWICE>::new(target, stride);
    for y in 0..H / 2 {
        let two = _mm256_packus_epi16(rows[2 * y], rows[2 * y + 1]);
        store_two_rows(&mut target, 2 * y, _mm256_castsi256_si128(two));
        store_two_rows(&mut target, 2 * y + H, _mm256_extracti128_si256::<1>(two));
    }
}

/// Predicts a block of luma of 16x16. At least one of the fractions is not 0, here and in what follows.
#[target_feature(enable = "avx2")]
pub(in crate::kernels) fn six_tap_16x16(
    source: &[u8],
    stride: usize,
    fractions: (usize, usize),
    target: &mut [u8],
    target_stride: usize,
) {
    let rows: [__m256i; 16] = match fractions {
        (_, 0) => {
            let source = &source[TAPS_BEFORE * stride..];
            // The upper lane starts three samples early, so as not to read beyond the row.
            let (lower, upper) = (Block::<16, 16>::new(source, stride), Block::new(&source[TAPS_AROUND..], stride));
            Columns { lower, upper }.filter(fractions)
        }
        (0, _) => {
            let source = &source[TAPS_BEFORE..];
            let (lower, upper) = (Block::<8, 21>::new(source, stride), Block::new(&source[8..], stride));
            Columns { lower, upper }.filter(fractions)
        }
        _ => {
            let (lower, upper) = (Block::<16, 21>::new(source, stride), Block::new(&source[TAPS_AROUND..], stride));
            Columns { lower, upper }.filter(fractions)
        }
    };
    let mut target = BlockMut::<16, 16>::new(target, target_stride);
    for y in 0..8 {
        let two = _mm256_packus_epi16(rows[2 * y], rows[2 * y + 1]);
        target.store_16_of_two(0, 2 * y, 2 * y + 1, _mm256_permute4x64_epi64::<0b11_01_10_00>(two));
    }
}

/// Predicts two blocks of `N` by `H` (8x8 or 4x4) by the same fractions: U and V.
macro_rules! six_tap_of_two {
    ($name:ident, $n:literal, $h:literal, $across:literal, $rows:literal) => {
        #[target_feature(enable = "avx2")]
        pub(in crate::kernels) fn $name(
            [lower, upper]: [&[u8]; 2],
            stride: usize,
            fractions: (usize, usize),
            targets: [&mut [u8]; 2],
            target_stride: usize,
        ) {
            let rows: [__m256i; $h] = match fractions {
                (_, 0) => {
                    let skipped = TAPS_BEFORE * stride;
                    let lower = Block::<$across, $h>::new(&lower[skipped..], stride);
                    let upper = Block::new(&upper[skipped..], stride);
                    Columns { lower, upper }.filter(fractions)
                }
                (0, _) => {
                    let lower = Block::<$n, $rows>::new(&lower[TAPS_BEFORE..], stride);
                    let upper = Block::new(&upper[TAPS_BEFORE..], stride);
                    Columns { lower, upper }.filter(fractions)
                }
                _ => {
                    let lower = Block::<$across, $rows>::new(lower, stride);
                    Columns { lower, upper: Block::new(upper, stride) }.filter(fractions)
                }
            };
            store_both::<$n, $h>(&rows, targets, target_stride);
        }
    };
}

six_tap_of_two!(six_tap_8x8_of_two, 8, 8, 13, 13);
six_tap_of_two!(six_tap_4x4_of_two, 4, 4, 9, 9);

/// Predicts one block of `N` by twice `H`: 8x8, 8x4 or 4x4.
macro_rules! six_tap_of_halves {
    ($name:ident, $n:literal, $h:literal, $twice:literal, $across:literal, $rows:literal) => {
        #[target_feature(enable = "avx2")]
        pub(in crate::kernels) fn $name(
            source: &[u8],
            stride: usize,
            fractions: (usize, usize),
            target: &mut [u8],
            target_stride: usize,
        ) {
            let rows: [__m256i; $h] = match fractions {
                (_, 0) => {
                    let source = &source[TAPS_BEFORE * stride..];
                    let lower = Block::<$across, $h>::new(source, stride);
                    let upper = Block::new(&source[$h * stride..], stride);
                    Columns { lower, upper }.filter(fractions)
                }
                (0, _) => {
                    let source = &source[TAPS_BEFORE..];
                    let lower = Block::<$n, $rows>::new(source, stride);
                    let upper = Block::new(&source[$h * stride..], stride);
                    Columns { lower, upper }.filter(fractions)
                }
                _ => {
                    let lower = Block::<$across, $rows>::new(source, stride);
                    let upper = Block::new(&source[$h * stride..], stride);
                    Columns { lower, upper }.filter(fractions)
                }
            };
            store_halves::<$n, $h, $twice>(&rows, target, target_stride);
        }
    };
}

six_tap_of_halves!(six_tap_8x8, 8, 4, 8, 13, 9);
six_tap_of_halves!(six_tap_8x4, 8, 2, 4, 13, 7);
six_tap_of_halves!(six_tap_4x4, 4, 2, 4, 9, 7);

/// Predicts a block of `N` by `H` between two neighbours each way; one more row and column are read.
#[inline]
#[target_feature(enable = "avx2")]
fn bilinear<const N: usize, const W: usize, const ROWS: usize, const H: usize>(
    source: &[u8],
    stride: usize,
    (x, y): (usize, usize),
    target: &mut [u8],
    target_stride: usize,
) {
    let source = Block::<W, ROWS>::new(&source[TAPS_BEFORE * stride + TAPS_BEFORE..], stride);
    let mut target = BlockMut::<N, H>::new(target, target_stride);
    let mut above = bilinear_row::<N, W, ROWS>(&source, 0, x);
    for row in 0..H {
        let below = bilinear_row::<N, W, ROWS>(&source, row + 1, x);
        let mixed = mix(above, below, y);
        match N {
            16 => target.store_16(0, row, mixed),
            8 => target.store_8(0, row, mixed),
            _ => target.store_4(0, row, mixed),
        }
        above = below;
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn bilinear_row<const N: usize, const W: usize, const ROWS: usize>(
    source: &Block<'_, W, ROWS>,
    y: usize,
    eighths: usize,
) -> __m128i {
    match N {
        16 => mix(source.load_16(0, y), source.load_16(1, y), eighths),
        8 => mix(source.load_8(0, y), source.load_8(1, y), eighths),
        _ => mix(source.load_4(0, y), source.load_4(1, y), eighths),
    }
}

/// `(a * (128 - 16 * eighths) + b * 16 * eighths + 64) >> 7`, in eighths all the way.
#[inline]
#[target_feature(enable = "avx2")]
fn mix(a: __m128i, b: __m128i, eighths: usize) -> __m128i {
    let b_weight = (eighths & 7) as u8;
    let weights = _mm_set1_epi16(i16::from_le_bytes([8 - b_weight, b_weight]));
    let four = _mm_set1_epi16(4);
    let lower = _mm_add_epi16(_mm_maddubs_epi16(_mm_unpacklo_epi8(a, b), weights), four);
    let upper = _mm_add_epi16(_mm_maddubs_epi16(_mm_unpackhi_epi8(a, b), weights), four);
    _mm_packus_epi16(_mm_srli_epi16::<3>(lower), _mm_srli_epi16::<3>(upper))
}

macro_rules! bilinear_of {
    ($name:ident, $n:literal, $h:literal, $w:literal, $rows:literal) => {
        #[target_feature(enable = "avx2")]
        pub(in crate::kernels) fn $name(
            source: &[u8],
            stride: usize,
            fractions: (usize, usize),
            target: &mut [u8],
            target_stride: usize,
        ) {
            bilinear::<$n, $w, $rows, $h>(source, stride, fractions, target, target_stride);
        }
    };
}

bilinear_of!(bilinear_16x16, 16, 16, 17, 17);
bilinear_of!(bilinear_8x8, 8, 8, 9, 9);
bilinear_of!(bilinear_8x4, 8, 4, 9, 5);
bilinear_of!(bilinear_4x4, 4, 4, 5, 5);

/// Copies a block; SSE2 is enough.
macro_rules! copy_of {
    ($name:ident, $n:literal, $h:literal, $load:ident, $store:ident) => {
        #[inline]
        #[target_feature(enable = "sse2")]
        pub(in crate::kernels) fn $name(source: &[u8], stride: usize, target: &mut [u8], target_stride: usize) {
            let source = Block::<$n, $h>::new(source, stride);
            let mut target = BlockMut::<$n, $h>::new(target, target_stride);
            for y in 0..$h {
                target.$store(0, y, source.$load(0, y));
            }
        }
    };
}

copy_of!(copy_16x16, 16, 16, load_16, store_16);
copy_of!(copy_8x8, 8, 8, load_8, store_8);
copy_of!(copy_8x4, 8, 4, load_8, store_8);
copy_of!(copy_4x4, 4, 4, load_4, store_4);
