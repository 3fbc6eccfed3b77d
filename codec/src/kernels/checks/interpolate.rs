//! Prediction from between samples, of every size at every fraction.

use super::{Random, Texture, exact};
use crate::kernels::interpolate::{Interpolation, TAPS_AROUND, TAPS_BEFORE, definition, predict, predict_two};

/// The definition's prediction.
fn plain(
    interpolation: Interpolation,
    source: &[u8],
    stride: usize,
    fractions: (usize, usize),
    target: &mut [u8],
    target_stride: usize,
    (width, height): (usize, usize),
) {
    if fractions == (0, 0) {
        let whole = &source[TAPS_BEFORE * stride + TAPS_BEFORE..];
        return match (width, height) {
            (16, 16) => definition::copy::<16, 16>(whole, stride, target, target_stride),
            (8, 8) => definition::copy::<8, 8>(whole, stride, target, target_stride),
            (8, 4) => definition::copy::<8, 4>(whole, stride, target, target_stride),
            _ => definition::copy::<4, 4>(whole, stride, target, target_stride),
        };
    }
    let kernel = match (interpolation, width, height) {
        (Interpolation::SixTap, 16, 16) => definition::six_tap::<16, 16>,
        (Interpolation::SixTap, 8, 8) => definition::six_tap::<8, 8>,
        (Interpolation::SixTap, 8, 4) => definition::six_tap::<8, 4>,
        (Interpolation::SixTap, ..) => definition::six_tap::<4, 4>,
        (Interpolation::Bilinear, 16, 16) => definition::bilinear::<16, 16>,
        (Interpolation::Bilinear, 8, 8) => definition::bilinear::<8, 8>,
        (Interpolation::Bilinear, 8, 4) => definition::bilinear::<8, 4>,
        (Interpolation::Bilinear, ..) => definition::bilinear::<4, 4>,
    };
    kernel(source, stride, fractions, target, target_stride);
}

#[test]
fn every_size_and_fraction_agrees_with_the_definition() {
    let mut random = Random(1);
    for (width, height) in [(16, 16), (8, 8), (8, 4), (4, 4)] {
        let (columns, rows) = (width + TAPS_AROUND, height + TAPS_AROUND);
        for (stride, target_stride) in [(columns, width), (64, 48), (37, 19)] {
            for fractions in (0..64).map(|i| (i % 8, i / 8)) {
                for texture in Texture::ALL {
                    let source = texture.paint(exact(columns, rows, stride), stride, &mut random);
                    let before = Texture::Noise.paint(exact(width, height + 2, target_stride) + 1, 16, &mut random);
                    for interpolation in [Interpolation::SixTap, Interpolation::Bilinear] {
                        let (mut vector, mut expected) = (before.clone(), before.clone());
                        let end = target_stride + 1 + exact(width, height, target_stride);
                        let (v, e) = (&mut vector[target_stride + 1..end], &mut expected[target_stride + 1..end]);
                        predict(interpolation, &source, stride, fractions, v, target_stride, width, height);
                        plain(interpolation, &source, stride, fractions, e, target_stride, (width, height));
                        assert_eq!(vector, expected, "{interpolation:?} {width}x{height} {fractions:?} {texture:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn six_taps_read_no_more_rows_than_they_weigh() {
    // Across only, the rows above and below the block are not looked at, nor down only the columns beside it.
    let mut random = Random(2);
    for side in [16, 8, 4] {
        let stride = side + TAPS_AROUND;
        let source = Texture::Noise.paint(exact(stride, side + TAPS_AROUND, stride), stride, &mut random);
        let (mut cut, mut whole) = ([0; 256], [0; 256]);
        let end = (TAPS_BEFORE + side) * stride;
        predict(Interpolation::SixTap, &source[..end], stride, (2, 0), &mut cut, 16, side, side);
        predict(Interpolation::SixTap, &source, stride, (2, 0), &mut whole, 16, side, side);
        assert_eq!(cut, whole);
    }
}

#[test]
fn two_blocks_at_once_are_two_blocks() {
    let mut random = Random(3);
    for side in [8, 4] {
        let (stride, target_stride) = (side + TAPS_AROUND, 24);
        for fractions in (0..64).map(|i| (i % 8, i / 8)) {
            for texture in Texture::ALL {
                let sources =
                    [texture, Texture::Noise].map(|texture| texture.paint(stride * stride, stride, &mut random));
                for interpolation in [Interpolation::SixTap, Interpolation::Bilinear] {
                    let length = exact(side, side, target_stride);
                    let (mut u, mut v) = (vec![1; length], vec![2; length]);
                    let mut expected = [u.clone(), v.clone()];
                    let both = [&sources[0][..], &sources[1][..]];
                    predict_two(interpolation, both, stride, fractions, [&mut u, &mut v], target_stride, side);
                    for (source, target) in sources.iter().zip(&mut expected) {
                        plain(interpolation, source, stride, fractions, target, target_stride, (side, side));
                    }
                    assert_eq!([u, v], expected, "{interpolation:?} {side} {fractions:?} {texture:?}");
                }
            }
        }
    }
}
