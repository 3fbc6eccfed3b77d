//! The loop filter over whole macroblocks, against edge after edge.

use super::{Random, Texture, exact};
use crate::kernels::edge_filter::{
    EdgeLimits, MacroblockEdges, MacroblockPlanes, filter_macroblock, filter_macroblock_by_definition,
};

/// Planes with a macroblock's surroundings: four samples before it, and nothing behind it.
fn planes<'a>(luma: &'a mut [u8], u: &'a mut [u8], v: &'a mut [u8], strides: (usize, usize)) -> MacroblockPlanes<'a> {
    let at = |stride: usize| 4 * stride + 4;
    MacroblockPlanes {
        luma,
        luma_at: at(strides.0),
        luma_stride: strides.0,
        chroma: [u, v],
        chroma_at: at(strides.1),
        chroma_stride: strides.1,
    }
}

fn check(
    texture: Texture,
    edges: MacroblockEdges,
    limits: [EdgeLimits; 2],
    strides: (usize, usize),
    random: &mut Random,
) {
    let paint =
        |side: usize, stride, random: &mut Random| texture.paint(exact(side + 4, side + 4, stride), stride, random);
    let before = [paint(16, strides.0, random), paint(8, strides.1, random), paint(8, strides.1, random)];
    let [mut luma, mut u, mut v] = before.clone();
    filter_macroblock(&mut planes(&mut luma, &mut u, &mut v, strides), edges, &limits[0], &limits[1]);
    let [mut plain_luma, mut plain_u, mut plain_v] = before;
    let mut plain = planes(&mut plain_luma, &mut plain_u, &mut plain_v, strides);
    filter_macroblock_by_definition(&mut plain, edges, &limits[0], &limits[1]);
    assert_eq!(luma, plain_luma, "{texture:?} {edges:?} {limits:?}");
    assert_eq!([u, v], [plain_u, plain_v], "{texture:?} {edges:?} {limits:?}");
}

fn all_edges() -> impl Iterator<Item = MacroblockEdges> {
    (0..8).map(|bits| MacroblockEdges { left: bits & 1 != 0, top: bits & 2 != 0, inner: bits & 4 != 0 })
}

#[test]
fn whole_macroblocks_agree_at_every_limit() {
    let mut random = Random(1);
    for edge in 0..=193u8 {
        for interior in [0, 1, 2, 5, 9, 20, 63] {
            let high_variance = random.below(4) as u8;
            let limits = [edge, edge.saturating_sub(4)].map(|edge| EdgeLimits { edge, interior, high_variance });
            for texture in [Texture::Calm, Texture::Calm, Texture::Noise] {
                let edges = all_edges().nth(random.below(8) as usize).unwrap();
                check(texture, edges, limits, (32, 24), &mut random);
            }
        }
    }
}

#[test]
fn whole_macroblocks_agree_in_every_choice_of_edges() {
    let mut random = Random(2);
    for edges in all_edges() {
        for texture in Texture::ALL {
            for strides in [(20, 12), (32, 16), (45, 33)] {
                for high_variance in 0..=3 {
                    let edge = random.below(194) as u8;
                    let limits = EdgeLimits { edge, interior: random.below(64) as u8, high_variance };
                    let extreme = EdgeLimits { edge: 255, interior: 255, high_variance };
                    check(texture, edges, [limits; 2], strides, &mut random);
                    check(texture, edges, [extreme; 2], strides, &mut random);
                }
            }
        }
    }
}
