//! Distances, and distances to places between samples.

use super::{Random, Texture, exact, pairs_of_textures};
use crate::kernels::difference::{self, definition};
use crate::kernels::margins::{self, Margins, Predicted};
use crate::kernels::subpixel::{self, definition::products_8x8};

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
            difference::sad_quarters_of_four(&a, 16, &b, offsets, stride),
            offsets.map(|offset| definition::quarters(&a, 16, &b[offset..], stride, definition::sad::<8, 8>))
        );
    }
}

#[test]
fn transformed_differences_agree_in_every_quarter() {
    let mut random = Random(6);
    for (a, b) in pairs_of_textures() {
        for (a_stride, b_stride) in [(16, 16), (64, 33), (37, 48)] {
            let a = a.paint(exact(16, 16, a_stride), a_stride, &mut random);
            let b = b.paint(exact(16, 16, b_stride), b_stride, &mut random);
            let plain = definition::quarters(&a, a_stride, &b, b_stride, definition::satd_8x8);
            assert_eq!(difference::satd_quarters(&a, a_stride, &b, b_stride), plain);
        }
    }
}

#[test]
fn margins_agree() {
    let mut random = Random(7);
    for texture in Texture::ALL {
        for stride in [16, 37, 64] {
            let source = texture.paint(exact(16, 16, stride), stride, &mut random);
            let found = Margins::of(&source, stride);
            assert_eq!(found, margins::definition::of(&source, stride));
            let mut numbers = || std::array::from_fn(|_| std::array::from_fn(|_| random.below(8160) as i16 - 4080));
            let predicted = Predicted { above: numbers(), left: numbers(), corner: 4080, dc: 16 };
            assert_eq!(found.differences_from(&predicted), margins::definition::differences(&found, &predicted));
        }
    }
}

#[test]
fn products_of_differences_agree() {
    let mut random = Random(5);
    for (a, b) in pairs_of_textures() {
        for (a_stride, b_stride) in [(16, 17), (24, 32), (40, 19)] {
            let a = a.paint(exact(16, 16, a_stride), a_stride, &mut random);
            let b = b.paint(exact(17, 17, b_stride), b_stride, &mut random);
            let plain = [(0, 0), (8, 0), (0, 8), (8, 8)]
                .map(|(x, y)| products_8x8(&a[y * a_stride + x..], a_stride, &b[y * b_stride + x..], b_stride));
            assert_eq!(subpixel::products_of_quarters(&a, a_stride, &b, b_stride), plain);
            for quarter in plain {
                for first in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                    let prices = [(); 2].map(|()| std::array::from_fn(|_| random.below(500) as u32));
                    let [across, down] = prices;
                    assert_eq!(
                        quarter.cheapest(first, across, down),
                        subpixel::definition::cheapest(&quarter, first, across, down)
                    );
                }
            }
            let (a, b) = (&a[..exact(8, 8, a_stride)], &b[..exact(9, 9, b_stride)]);
            assert_eq!(subpixel::products_8x8(a, a_stride, b, b_stride), plain[0]);
        }
    }
}
