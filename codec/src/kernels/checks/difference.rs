//! Distances, and distances to places between samples.

use super::{Random, exact, pairs_of_textures};
use crate::kernels::difference::{self, definition};
use crate::kernels::subpixel;

type Distance<T> = fn(&[u8], usize, &[u8], usize) -> T;

fn agree<T: PartialEq + std::fmt::Debug>(side: usize, vector: Distance<T>, definition: Distance<T>) {
    let mut random = Random(side as u64);
    for (a, b) in pairs_of_textures() {
        for (a_stride, b_stride) in [(side, side), (64, side), (side, 33), (37, 48)] {
            let a = a.paint(exact(side, side, a_stride), a_stride, &mut random);
            let b = b.paint(exact(side, side, b_stride), b_stride, &mut random);
            assert_eq!(vector(&a, a_stride, &b, b_stride), definition(&a, a_stride, &b, b_stride));
        }
    }
}

#[test]
fn distances_agree_with_their_definitions() {
    agree(16, difference::sad_16x16, definition::sad::<16, 16>);
    agree(8, difference::sad_8x8, definition::sad::<8, 8>);
    agree(16, difference::moments_16x16, definition::moments::<16, 16>);
    agree(8, difference::moments_8x8, definition::moments::<8, 8>);
    agree(16, difference::satd_16x16, definition::satd_16x16);
    agree(8, difference::satd_8x8, definition::satd_8x8);
    agree(4, difference::satd_4x4, definition::satd_4x4);
}

#[test]
fn four_distances_agree_with_four_times_one() {
    let mut random = Random(4);
    for (a, b) in pairs_of_textures() {
        let stride = 40;
        let a = a.paint(exact(16, 16, 16), 16, &mut random);
        let b = b.paint(exact(stride, 30, stride), stride, &mut random);
        let last = b.len() - exact(16, 16, stride);
        let offsets = [0, last, random.below(last as u64) as usize, random.below(last as u64) as usize];
        assert_eq!(
            difference::sad_16x16_four(&a, 16, &b, offsets, stride),
            offsets.map(|offset| definition::sad::<16, 16>(&a, 16, &b[offset..], stride))
        );
    }
}

#[test]
fn distances_between_samples_agree_at_every_quarter() {
    let mut random = Random(5);
    for (a, b) in pairs_of_textures() {
        let (a_stride, b_stride) = (24, 32);
        let a = a.paint(exact(16, 16, a_stride), a_stride, &mut random);
        for (x, y) in (0..16).map(|i| (i % 4, i / 4)) {
            // The definition reads a column more than it needs where only y is between samples.
            let (width, rows) = (if x + y > 0 { 17 } else { 16 }, if y > 0 { 17 } else { 16 });
            let b = b.paint(exact(width, rows, b_stride), b_stride, &mut random);
            let plain = subpixel::definition::bilinear_moments_16x16(&a, a_stride, &b, b_stride, x, y);
            let variance = difference::variance_of_256(plain);
            assert_eq!(subpixel::bilinear_variance_16x16(&a, a_stride, &b, b_stride, x, y), variance, "{x} {y}");
        }
        let b = b.paint(exact(b_stride, 20, b_stride), b_stride, &mut random);
        let places = [(0, 2, 2), (1, 0, 0), (b_stride, 3, 0), (b_stride + 7, 1, 3)];
        assert_eq!(
            subpixel::bilinear_variance_16x16_four(&a, a_stride, &b, places, b_stride),
            places.map(|(at, x, y)| subpixel::bilinear_variance_16x16(&a, a_stride, &b[at..], b_stride, x, y))
        );
    }
}
