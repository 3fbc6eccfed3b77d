//! Transforms both ways and quantisation.

use super::{Random, exact, pairs_of_textures};
use crate::kernels::quantise::Quantiser;
use crate::kernels::{forward, inverse};

#[test]
fn forward_transforms_agree_with_their_definitions() {
    let mut random = Random(1);
    for (a, b) in pairs_of_textures() {
        for (a_stride, b_stride) in [(16, 16), (32, 19), (80, 8), (21, 16)] {
            for side in [4, 8, 16] {
                let (a_stride, b_stride) = (a_stride.max(side), b_stride.max(side));
                let a = a.paint(exact(side, side, a_stride), a_stride, &mut random);
                let b = b.paint(exact(side, side, b_stride), b_stride, &mut random);
                let (mut vector, mut plain) = ([[7; 16]; 16], [[7; 16]; 16]);
                let blocks = side * side / 16;
                match side {
                    4 => forward::forward_dct(&a, a_stride, &b, b_stride, &mut vector[0]),
                    8 => forward::forward_dct_8x8(&a, a_stride, &b, b_stride, vector.first_chunk_mut().unwrap()),
                    _ => forward::forward_dct_16x16(&a, a_stride, &b, b_stride, &mut vector),
                }
                let out = &mut plain[..blocks];
                forward::definition::forward_dct_of_blocks(&a, a_stride, &b, b_stride, out, side / 4);
                assert_eq!(vector, plain);
            }
        }
    }
}

#[test]
fn walsh_hadamard_transforms_agree_with_their_definitions() {
    let mut random = Random(2);
    for round in 0..2000 {
        let dcs = std::array::from_fn(|_| match round % 3 {
            0 => random.below(4081) as i16 - 2040,
            1 => [-2040, 2040][random.below(2) as usize],
            _ => [0, 0, 0, 2040, -1][random.below(5) as usize],
        });
        assert_eq!(forward::forward_wht(&dcs), forward::definition::forward_wht(&dcs));
        let any = std::array::from_fn(|_| any_number(round, &mut random));
        assert_eq!(inverse::inverse_walsh(&any), inverse::definition::inverse_walsh(&any));
    }
}

/// Numbers of all sizes, among them those that overflow.
fn any_number(round: usize, random: &mut Random) -> i16 {
    match round % 4 {
        0 => random.next() as i16,
        1 => [i16::MIN, i16::MAX, 0, -1][random.below(4) as usize],
        2 => random.below(200) as i16 - 100,
        _ => [0, 0, 0, 0, 0, 1, 300, -2000][random.below(8) as usize],
    }
}

#[test]
fn residue_is_added_as_block_after_block() {
    let mut random = Random(3);
    for (round, (texture, _)) in (0..40).flat_map(|_| pairs_of_textures()).enumerate() {
        let stride = [16, 32, 51][round % 3];
        let mut blocks: [[i16; 16]; 16] =
            std::array::from_fn(|_| std::array::from_fn(|_| any_number(round, &mut random)));
        // Some macroblocks have hardly any coefficients, and some all of them.
        let kinds = [1, 2, 17][random.below(3) as usize];
        let ends: [u8; 16] = std::array::from_fn(|_| random.below(kinds) as u8);
        for (block, end) in blocks.iter_mut().zip(ends) {
            let zeros_from = if end > 1 { 16 } else { usize::from(end) };
            block[zeros_from..].fill(0);
        }
        let before = texture.paint(exact(16, 17, stride), stride, &mut random);
        let at = |x: usize, y: usize| y * stride + x;

        let (mut vector, mut plain) = (before.clone(), before.clone());
        inverse::add_residue_16x16(&blocks, &ends, &mut vector[at(0, 1)..], stride);
        inverse::definition::add_residue(&blocks, &ends, &mut plain[at(0, 1)..], stride, 4);
        assert_eq!(vector, plain);

        let (four, four_ends) = (blocks.first_chunk().unwrap(), ends.first_chunk().unwrap());
        let (mut vector, mut plain) = (before.clone(), before.clone());
        let end = at(4, 2) + exact(8, 8, stride);
        inverse::add_residue_8x8(four, four_ends, &mut vector[at(4, 2)..end], stride);
        inverse::definition::add_residue(four, four_ends, &mut plain[at(4, 2)..end], stride, 2);
        assert_eq!(vector, plain);

        let (mut vector, mut plain) = (before.clone(), before);
        let end = at(3, 5) + exact(4, 4, stride);
        inverse::add_inverse_dct(&blocks[0], &mut vector[at(3, 5)..end], stride);
        inverse::definition::add_inverse_dct(&blocks[0], &mut plain[at(3, 5)..end], stride);
        inverse::add_inverse_dct_of_dc(blocks[1][0], &mut vector[at(3, 9)..], stride);
        inverse::definition::add_inverse_dct_of_dc(blocks[1][0], &mut plain[at(3, 9)..], stride);
        assert_eq!(vector, plain);
    }
}

#[test]
fn levels_and_their_positions_agree_with_the_definition() {
    let mut random = Random(4);
    for round in 0..20_000 {
        let (dc, ac) = (random.below(314) as u16 + 2, random.below(442) as u16 + 2);
        let quantiser = Quantiser::new(dc, ac, &std::array::from_fn(|_| random.below(129) as u16));
        let coefficients: [[i16; 16]; 5] =
            std::array::from_fn(|_| std::array::from_fn(|_| any_number(round, &mut random)));
        let (mut vector, mut plain) = ([[0; 16]; 5], [[0; 16]; 5]);
        let (mut nonzero, mut plain_nonzero, mut plain_blocks) = ([0; 5], [0; 5], 0);
        let asked = random.below(32) as u32;
        assert_eq!(quantiser.busy_blocks(&coefficients), quantiser.busy_by_definition(&coefficients));
        let blocks = quantiser.quantise_blocks(asked, &coefficients, &mut vector, &mut nonzero);
        for i in (0..5).filter(|i| asked >> i & 1 != 0) {
            plain_nonzero[i] = quantiser.quantise_by_definition(&coefficients[i], &mut plain[i]);
            plain_blocks |= u32::from(plain_nonzero[i] != 0) << i;
        }
        assert_eq!((vector, nonzero, blocks), (plain, plain_nonzero, plain_blocks));
        assert_eq!(quantiser.quantise(&coefficients[0], &mut vector[0]), {
            quantiser.quantise_by_definition(&coefficients[0], &mut plain[0])
        });
        assert_eq!(vector[0], plain[0]);
    }
}
