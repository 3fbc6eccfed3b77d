//! Prediction from between the samples of a reference: six-tap and bilinear (RFC 6386 §18.3).
//!
//! Both are separable. Each pass rounds to whole samples; a pass with fraction 0 changes nothing and is left out.

use super::row;

/// Which filter a stream's profile prescribes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interpolation {
    /// Profile 0.
    SixTap,
    /// Profiles 1 to 3.
    Bilinear,
}

/// How many samples before a block, above and to the left, the source of a prediction starts.
pub(crate) const TAPS_BEFORE: usize = 2;
/// How many more rows and columns than the block's the source of a prediction has: two before, three after.
pub(crate) const TAPS_AROUND: usize = 5;

/// Taps of the six-tap filter by eighths of a sample (RFC 6386 §18.3).
pub(super) const SIX_TAPS: [[i16; 6]; 8] = [
    [0, 0, 128, 0, 0, 0],
    [0, -6, 123, 12, -1, 0],
    [2, -11, 108, 36, -8, 1],
    [0, -9, 93, 50, -6, 0],
    [3, -16, 77, 77, -16, 3],
    [0, -6, 50, 93, -9, 0],
    [1, -8, 36, 108, -11, 2],
    [0, -1, 12, 123, -6, 0],
];

/// Predicts a block of `width` by `height`: 16x16, 8x8, 8x4 or 4x4.
///
/// `source` starts [`TAPS_BEFORE`] rows above and samples to the left of the block at whole samples; the block lies
/// `x_eighths` and `y_eighths` (0..=7) further.
#[expect(clippy::too_many_arguments, reason = "two planes with strides, a size and a fraction each way")]
#[inline]
pub(crate) fn predict(
    interpolation: Interpolation,
    source: &[u8],
    source_stride: usize,
    fractions: (usize, usize),
    target: &mut [u8],
    target_stride: usize,
    width: usize,
    height: usize,
) {
    if fractions == (0, 0) {
        let source = &source[TAPS_BEFORE * source_stride + TAPS_BEFORE..];
        return copy(source, source_stride, target, target_stride, width, height);
    }
    match (interpolation, width, height) {
        (Interpolation::SixTap, 16, 16) => six_tap_16x16(source, source_stride, fractions, target, target_stride),
        (Interpolation::SixTap, 8, 8) => six_tap_8x8(source, source_stride, fractions, target, target_stride),
        (Interpolation::SixTap, 8, 4) => six_tap_8x4(source, source_stride, fractions, target, target_stride),
        (Interpolation::SixTap, ..) => six_tap_4x4(source, source_stride, fractions, target, target_stride),
        (Interpolation::Bilinear, 16, 16) => bilinear_16x16(source, source_stride, fractions, target, target_stride),
        (Interpolation::Bilinear, 8, 8) => bilinear_8x8(source, source_stride, fractions, target, target_stride),
        (Interpolation::Bilinear, 8, 4) => bilinear_8x4(source, source_stride, fractions, target, target_stride),
        (Interpolation::Bilinear, ..) => bilinear_4x4(source, source_stride, fractions, target, target_stride),
    }
}

/// As [`predict`] for two blocks of `side` by `side`, 8 or 4, at the same fractions: those of U and of V.
#[inline]
pub(crate) fn predict_two(
    interpolation: Interpolation,
    sources: [&[u8]; 2],
    source_stride: usize,
    fractions: (usize, usize),
    targets: [&mut [u8]; 2],
    target_stride: usize,
    side: usize,
) {
    if interpolation == Interpolation::SixTap && fractions != (0, 0) {
        return match side {
            8 => six_tap_8x8_of_two(sources, source_stride, fractions, targets, target_stride),
            _ => six_tap_4x4_of_two(sources, source_stride, fractions, targets, target_stride),
        };
    }
    for (source, target) in sources.into_iter().zip(targets) {
        predict(interpolation, source, source_stride, fractions, target, target_stride, side, side);
    }
}

/// Copies a block of `width` by `height`.
#[inline(always)]
fn copy(source: &[u8], source_stride: usize, target: &mut [u8], target_stride: usize, width: usize, height: usize) {
    match (width, height) {
        (16, 16) => copy_16x16(source, source_stride, target, target_stride),
        (8, 8) => copy_8x8(source, source_stride, target, target_stride),
        (8, 4) => copy_8x4(source, source_stride, target, target_stride),
        _ => copy_4x4(source, source_stride, target, target_stride),
    }
}

/// A function that copies blocks of one size.
macro_rules! copy_block {
    ($name:ident, $width:literal, $height:literal) => {
        #[inline]
        fn $name(source: &[u8], source_stride: usize, target: &mut [u8], target_stride: usize) {
            return_with_sse2!(interpolate::$name(source, source_stride, target, target_stride));
            #[cfg(not(target_arch = "x86_64"))]
            definition::copy::<$width, $height>(source, source_stride, target, target_stride);
        }
    };
}

copy_block!(copy_16x16, 16, 16);
copy_block!(copy_8x8, 8, 8);
copy_block!(copy_8x4, 8, 4);
copy_block!(copy_4x4, 4, 4);

#[inline(always)]
fn row_mut<const W: usize>(samples: &mut [u8], at: usize) -> &mut [u8; W] {
    samples[at..].first_chunk_mut().expect("a block lies within its plane")
}

/// A function for one filter and size of block; at least one of the fractions is not 0.
macro_rules! predict_block {
    ($name:ident, $definition:ident, $width:literal, $height:literal) => {
        fn $name(
            source: &[u8],
            source_stride: usize,
            fractions: (usize, usize),
            target: &mut [u8],
            target_stride: usize,
        ) {
            return_with_avx2!(interpolate::$name(source, source_stride, fractions, target, target_stride));
            definition::$definition::<$width, $height>(source, source_stride, fractions, target, target_stride);
        }
    };
}

predict_block!(six_tap_16x16, six_tap, 16, 16);
predict_block!(six_tap_8x8, six_tap, 8, 8);
predict_block!(six_tap_8x4, six_tap, 8, 4);
predict_block!(six_tap_4x4, six_tap, 4, 4);
predict_block!(bilinear_16x16, bilinear, 16, 16);
predict_block!(bilinear_8x8, bilinear, 8, 8);
predict_block!(bilinear_8x4, bilinear, 8, 4);
predict_block!(bilinear_4x4, bilinear, 4, 4);

/// The same for two blocks at once.
macro_rules! predict_two_blocks {
    ($name:ident, $side:literal) => {
        fn $name(
            sources: [&[u8]; 2],
            source_stride: usize,
            fractions: (usize, usize),
            targets: [&mut [u8]; 2],
            target_stride: usize,
        ) {
            return_with_avx2!(interpolate::$name(sources, source_stride, fractions, targets, target_stride));
            for (source, target) in sources.into_iter().zip(targets) {
                definition::six_tap::<$side, $side>(source, source_stride, fractions, target, target_stride);
            }
        }
    };
}

predict_two_blocks!(six_tap_8x8_of_two, 8);
predict_two_blocks!(six_tap_4x4_of_two, 4);

/// What the kernels compute, written plainly.
pub(super) mod definition {
    use super::{SIX_TAPS, TAPS_AROUND, TAPS_BEFORE, row, row_mut};

    pub(in crate::kernels) fn copy<const W: usize, const H: usize>(
        source: &[u8],
        source_stride: usize,
        target: &mut [u8],
        target_stride: usize,
    ) {
        for y in 0..H {
            *row_mut::<W>(target, y * target_stride) = *row::<W>(source, y * source_stride);
        }
    }

    /// The widest intermediate of the first pass: 16 samples of 16 + 5 rows.
    type Intermediate = [[u8; 16]; 16 + TAPS_AROUND];

    pub(in crate::kernels) fn six_tap<const W: usize, const H: usize>(
        source: &[u8],
        source_stride: usize,
        (x_eighths, y_eighths): (usize, usize),
        target: &mut [u8],
        target_stride: usize,
    ) {
        let horizontal = &SIX_TAPS[x_eighths];
        let vertical = &SIX_TAPS[y_eighths];
        if y_eighths == 0 {
            for y in 0..H {
                let source = &source[(TAPS_BEFORE + y) * source_stride..][..W + TAPS_AROUND];
                six_tap_row::<W>(
                    std::array::from_fn(|tap| row(source, tap)),
                    horizontal,
                    row_mut(target, y * target_stride),
                );
            }
            return;
        }
        let mut intermediate: Intermediate = [[0; 16]; 16 + TAPS_AROUND];
        for (y, passed) in intermediate[..H + TAPS_AROUND].iter_mut().enumerate() {
            let source = &source[y * source_stride..][..W + TAPS_AROUND];
            let passed = row_mut::<W>(passed, 0);
            if x_eighths == 0 {
                *passed = *row(source, TAPS_BEFORE);
            } else {
                six_tap_row::<W>(std::array::from_fn(|tap| row(source, tap)), horizontal, passed);
            }
        }
        for y in 0..H {
            let rows = std::array::from_fn(|tap| row(&intermediate[y + tap], 0));
            six_tap_row::<W>(rows, vertical, row_mut(target, y * target_stride));
        }
    }

    /// One row of samples from the six rows (or six shifts of a row) that the taps weigh.
    ///
    /// A sum lies between -32 x 255 and 160 x 255: raised by 8192 it fits 16 bits without sign, and wrapping on the way
    /// does no harm, so that vectors of 16-bit lanes do.
    #[inline(always)]
    fn six_tap_row<const W: usize>(rows: [&[u8; W]; 6], taps: &[i16; 6], target: &mut [u8; W]) {
        const RAISED: u16 = 8192;
        for x in 0..W {
            let mut sum = RAISED + 64;
            for tap in 0..6 {
                sum = sum.wrapping_add(u16::from(rows[tap][x]).wrapping_mul(taps[tap] as u16));
            }
            target[x] = ((sum >> 7) as i16 - (RAISED >> 7) as i16).clamp(0, 255) as u8;
        }
    }

    pub(in crate::kernels) fn bilinear<const W: usize, const H: usize>(
        source: &[u8],
        source_stride: usize,
        (x_eighths, y_eighths): (usize, usize),
        target: &mut [u8],
        target_stride: usize,
    ) {
        let mut intermediate: Intermediate = [[0; 16]; 16 + TAPS_AROUND];
        for (y, passed) in intermediate[..=H].iter_mut().enumerate() {
            let at = (TAPS_BEFORE + y) * source_stride + TAPS_BEFORE;
            bilinear_row::<W>(row(source, at), row(source, at + 1), x_eighths, row_mut(passed, 0));
        }
        for y in 0..H {
            let (upper, lower) = (row(&intermediate[y], 0), row(&intermediate[y + 1], 0));
            bilinear_row::<W>(upper, lower, y_eighths, row_mut(target, y * target_stride));
        }
    }

    #[inline(always)]
    fn bilinear_row<const W: usize>(first: &[u8; W], second: &[u8; W], eighths: usize, target: &mut [u8; W]) {
        let weight = 16 * eighths as u16;
        for x in 0..W {
            target[x] = ((u16::from(first[x]) * (128 - weight) + u16::from(second[x]) * weight + 64) >> 7) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SIDE: usize = 32;

    /// The definition, sample by sample, both passes always made (RFC 6386 §18.3).
    fn plain(interpolation: Interpolation, source: &[u8], fractions: (usize, usize), x: usize, y: usize) -> u8 {
        let taps = |eighths: usize| match interpolation {
            Interpolation::SixTap => SIX_TAPS[eighths],
            Interpolation::Bilinear => [0, 0, 128 - 16 * eighths as i16, 16 * eighths as i16, 0, 0],
        };
        let filter = |samples: [u8; 6], eighths| {
            let sum: i32 = samples.iter().zip(taps(eighths)).map(|(&s, tap)| i32::from(s) * i32::from(tap)).sum();
            ((sum + 64) >> 7).clamp(0, 255) as u8
        };
        let first = |row: usize| filter(std::array::from_fn(|tap| source[row * SIDE + x + tap]), fractions.0);
        filter(std::array::from_fn(|tap| first(y + tap)), fractions.1)
    }

    proptest! {
        #[test]
        fn every_block_size_agrees_with_the_definition(
            source in prop::collection::vec(prop_oneof![any::<u8>(), Just(0), Just(255)], SIDE * SIDE),
            fractions in (0..8usize, 0..8usize),
            bilinear in any::<bool>(),
        ) {
            let interpolation = if bilinear { Interpolation::Bilinear } else { Interpolation::SixTap };
            for (width, height) in [(16, 16), (8, 8), (8, 4), (4, 4)] {
                let mut target = [1; 16 * 20];
                predict(interpolation, &source, SIDE, fractions, &mut target, 20, width, height);
                for (y, x) in (0..16).flat_map(|y| (0..20).map(move |x| (y, x))) {
                    let expected =
                        if x < width && y < height { plain(interpolation, &source, fractions, x, y) } else { 1 };
                    prop_assert_eq!(target[y * 20 + x], expected);
                }
            }
        }
    }
}
