//! Intra prediction, in every mode.

use super::{Random, Texture, pairs_of_textures};
use crate::kernels::intra::{
    Edges, SubblockCandidates, definition, predict_block, predict_subblock, subblock_candidates,
};
use crate::macroblock::{ChromaMode, SubblockMode};

fn painted<const N: usize>(texture: Texture, random: &mut Random) -> [u8; N] {
    texture.paint(N, 16, random).try_into().unwrap()
}

fn whole_blocks_agree<const N: usize>() {
    let mut random = Random(N as u64);
    for (above, left) in pairs_of_textures() {
        for (has_above, has_left) in [(true, true), (true, false), (false, true), (false, false)] {
            let (above, left) = (painted(above, &mut random), painted(left, &mut random));
            let edges = Edges::<N> { above, left, corner: random.next() as u8, has_above, has_left };
            for leaf in 0..4 {
                let mode = ChromaMode::from_leaf(leaf);
                let stride = N + usize::from(leaf);
                let (mut vector, mut plain) = (vec![3; stride * N], vec![3; stride * N]);
                let end = (N - 1) * stride + N;
                predict_block(mode, &edges, &mut vector[..end], stride);
                definition::predict_block(mode, &edges, &mut plain[..end], stride);
                assert_eq!(vector, plain, "{mode:?}");
            }
        }
    }
}

#[test]
fn whole_blocks_agree_with_the_definition() {
    whole_blocks_agree::<16>();
    whole_blocks_agree::<8>();
}

#[test]
fn subblocks_agree_in_every_mode() {
    let mut random = Random(2);
    for (texture, other) in (0..30).flat_map(|_| pairs_of_textures()) {
        let edge = painted(texture, &mut random);
        for mode in SubblockMode::ALL {
            let stride = 4 + random.below(30) as usize;
            let (mut vector, mut plain) = ([5; 150], [5; 150]);
            let end = 6 + 3 * stride + 4;
            predict_subblock(mode, &edge, &mut vector[6..end], stride);
            definition::predict_subblock(mode, &edge, &mut plain[6..end], stride);
            assert_eq!(vector, plain, "{mode:?} {edge:?}");
        }
        let source = other.paint(3 * 9 + 4, 9, &mut random);
        let (mut vector, mut plain) = (SubblockCandidates::default(), SubblockCandidates::default());
        subblock_candidates(&edge, &source, 9, &mut vector);
        definition::subblock_candidates(&edge, &source, 9, &mut plain);
        assert_eq!(vector, plain);
    }
}
