//! The kernels as closures for `benches/kernels.rs`: each as its callers call it, and by its definition.

use super::edge_filter::{
    EdgeLimits, MacroblockEdges, MacroblockPlanes, filter_macroblock, filter_macroblock_by_definition,
};
use super::interpolate::{Interpolation, predict, predict_two};
use super::intra::{Edges, SubblockCandidates, predict_block, predict_subblock, subblock_candidates};
use super::quantise::Quantiser;
use super::steps::Intervals;
use super::symbols::{MOST_SYMBOLS, MacroblockLevels};
use super::{difference, forward, interpolate, intra, inverse, subpixel};
use crate::bitstream::symbols::Symbol;
use crate::bitstream::tables::ZIGZAG;
use crate::macroblock::{ChromaMode, SubblockMode};
use std::hint::black_box;

/// One kernel on a typical macroblock, to be timed.
#[expect(missing_debug_implementations, reason = "closures have nothing to show")]
pub struct Case {
    /// The kernel, and on what it works.
    pub name: &'static str,
    /// The kernel with whatever vectors this processor has.
    pub vector: Box<dyn FnMut()>,
    /// Its definition, as the compiler makes it.
    pub scalar: Box<dyn FnMut()>,
}

fn case<A, B>(
    name: &'static str,
    mut vector: impl FnMut() -> A + 'static,
    mut scalar: impl FnMut() -> B + 'static,
) -> Case {
    Case {
        name,
        vector: Box::new(move || {
            black_box(vector());
        }),
        scalar: Box::new(move || {
            black_box(scalar());
        }),
    }
}

/// As in a picture of 1280x720.
const STRIDE: usize = 1344;
/// As in U and V of such a picture.
const CHROMA_STRIDE: usize = 672;

/// A plane's worth of smooth samples with a little noise.
fn plane() -> Vec<u8> {
    (0..STRIDE * 40).map(|at| (at % STRIDE / 3 + at / STRIDE + at * at / 7 % 6) as u8).collect()
}

fn distances(cases: &mut Vec<Case>) {
    macro_rules! distance {
        ($name:literal, $vector:path, $scalar:expr) => {{
            let (a, b) = (plane(), plane());
            let (c, d) = (a.clone(), b.clone());
            cases.push(case(
                $name,
                move || $vector(black_box(&a[3..]), STRIDE, black_box(&b), STRIDE),
                move || $scalar(black_box(&c[3..]), STRIDE, black_box(&d), STRIDE),
            ));
        }};
    }
    use difference::definition;
    distance!("sad 16x16", difference::sad_16x16, definition::sad::<16, 16>);
    distance!("sad 8x8", difference::sad_8x8, definition::sad::<8, 8>);
    distance!("satd 16x16", difference::satd_quarters, |a, b, c, d| {
        definition::quarters(a, b, c, d, definition::satd_8x8)
    });
    distance!("satd 8x8", difference::satd_8x8, definition::satd_8x8);
    distance!("satd 4x4", difference::satd_4x4, definition::satd_4x4);
    let offsets = [2, 3 * STRIDE, 4 * STRIDE + 5, 7];
    let (a, b) = (plane(), plane());
    cases.push(case(
        "sad 16x16 of four",
        move || difference::sad_quarters_of_four(&a, STRIDE, black_box(&b), offsets, STRIDE),
        {
            let (a, b) = (plane(), plane());
            move || {
                let b = black_box(&b);
                let sads = |at| definition::quarters(&a, STRIDE, &b[at..], STRIDE, definition::sad::<8, 8>);
                black_box(offsets.map(sads));
            }
        },
    ));
    use subpixel::definition::products_8x8;
    distance!("products of quarters", subpixel::products_of_quarters, |a: &[u8], b, c: &[u8], d| {
        [(0, 0), (8, 0), (0, 8), (8, 8)].map(|(x, y)| products_8x8(&a[y * b + x..], b, &c[y * d + x..], d))
    });
    distance!("products 8x8", subpixel::products_8x8, products_8x8);
}

fn transforms(cases: &mut Vec<Case>) {
    use forward::definition::forward_dct_of_blocks;
    let (a, b) = (plane(), vec![90; 256]);
    let (c, d) = (a.clone(), b.clone());
    let (mut out, mut plain) = ([[0; 16]; 16], [[0; 16]; 16]);
    cases.push(case(
        "forward DCT 16x16",
        move || forward::forward_dct_16x16(black_box(&a), STRIDE, &b, 16, black_box(&mut out)),
        move || forward_dct_of_blocks(black_box(&c), STRIDE, &d, 16, black_box(&mut plain), 4),
    ));
    let (a, b) = (plane(), vec![90; 256]);
    let (c, d) = (a.clone(), b.clone());
    let (mut out, mut plain) = ([[0; 16]; 4], [[0; 16]; 4]);
    cases.push(case(
        "forward DCT 8x8",
        move || forward::forward_dct_8x8(black_box(&a), STRIDE, &b, 8, black_box(&mut out)),
        move || forward_dct_of_blocks(black_box(&c), STRIDE, &d, 8, black_box(&mut plain), 2),
    ));
    let (a, b) = (plane(), vec![90; 256]);
    let (c, d) = (a.clone(), b.clone());
    let (mut out, mut plain) = ([0; 16], [0; 16]);
    cases.push(case(
        "forward DCT 4x4",
        move || forward::forward_dct(black_box(&a), STRIDE, &b, 8, black_box(&mut out)),
        move || forward::definition::forward_dct(black_box(&c), STRIDE, &d, 8, black_box(&mut plain)),
    ));
    let dcs: [i16; 16] = std::array::from_fn(|i| 100 * i as i16 - 700);
    cases.push(case(
        "forward WHT",
        move || forward::forward_wht(black_box(&dcs)),
        move || forward::definition::forward_wht(black_box(&dcs)),
    ));
    cases.push(case(
        "inverse WHT",
        move || inverse::inverse_walsh(black_box(&dcs)),
        move || inverse::definition::inverse_walsh(black_box(&dcs)),
    ));
    let quantiser = Quantiser::new(20, 24, &[48; 16]);
    let coefficients: [[i16; 16]; 16] = std::array::from_fn(|i| dcs.map(|c| c / (i as i16 + 1)));
    let (mut levels, mut ends) = ([[0; 16]; 16], [0; 16]);
    let (mut plain, mut plain_ends) = ([[0; 16]; 16], [0; 16]);
    cases.push(case(
        "quantise 16 blocks",
        move || quantiser.quantise_blocks(0xffff, black_box(&coefficients), &mut levels, &mut ends),
        move || {
            for ((block, levels), end) in black_box(&coefficients).iter().zip(&mut plain).zip(&mut plain_ends) {
                *end = quantiser.quantise_by_definition(block, levels);
            }
            black_box((&mut plain, &mut plain_ends));
        },
    ));
    for (name, end) in [("inverse DCT 16x16", 16), ("inverse DCT 16x16 of DCs", 1)] {
        let (mut a, mut b) = (plane(), plane());
        let ends = [end; 16];
        cases.push(case(
            name,
            move || inverse::add_residue_16x16(black_box(&coefficients), &ends, &mut a, STRIDE),
            move || inverse::definition::add_residue(black_box(&coefficients), &ends, &mut b, STRIDE, 4),
        ));
    }
    let (mut a, mut b) = (plane(), plane());
    cases.push(case(
        "inverse DCT 4x4",
        move || inverse::add_inverse_dct(black_box(&coefficients[1]), &mut a, STRIDE),
        move || inverse::definition::add_inverse_dct(black_box(&coefficients[1]), &mut b, STRIDE),
    ));
}

fn predictions(cases: &mut Vec<Case>) {
    macro_rules! six_tap {
        ($name:literal, $side:literal, $fractions:expr) => {{
            let (a, b) = (plane(), plane());
            let (mut c, mut d) = (plane(), plane());
            cases.push(case(
                $name,
                move || {
                    let a = black_box(&a);
                    predict(Interpolation::SixTap, a, STRIDE, $fractions, &mut c, STRIDE, $side, $side);
                },
                move || {
                    let b = black_box(&b);
                    interpolate::definition::six_tap::<$side, $side>(b, STRIDE, $fractions, &mut d, STRIDE);
                },
            ));
        }};
    }
    six_tap!("six-tap 16x16 both ways", 16, (2, 6));
    six_tap!("six-tap 16x16 across", 16, (4, 0));
    six_tap!("six-tap 16x16 down", 16, (0, 4));
    six_tap!("six-tap 8x8 both ways", 8, (3, 6));
    six_tap!("six-tap 4x4 both ways", 4, (3, 6));
    let (a, b) = (plane(), plane());
    let (mut u, mut v) = (plane(), plane());
    let (c, d) = (plane(), plane());
    let (mut e, mut f) = (plane(), plane());
    cases.push(case(
        "six-tap 8x8 of two",
        move || {
            let sources = [black_box(&a[..]), black_box(&b)];
            predict_two(Interpolation::SixTap, sources, CHROMA_STRIDE, (3, 6), [&mut u, &mut v], CHROMA_STRIDE, 8);
        },
        move || {
            for (source, target) in [(&c, &mut e), (&d, &mut f)] {
                interpolate::definition::six_tap::<8, 8>(
                    black_box(source),
                    CHROMA_STRIDE,
                    (3, 6),
                    target,
                    CHROMA_STRIDE,
                );
            }
        },
    ));
    let (a, b) = (plane(), plane());
    let (mut c, mut d) = (plane(), plane());
    cases.push(case(
        "bilinear 16x16",
        move || predict(Interpolation::Bilinear, black_box(&a), STRIDE, (3, 6), &mut c, STRIDE, 16, 16),
        move || interpolate::definition::bilinear::<16, 16>(black_box(&b), STRIDE, (3, 6), &mut d, STRIDE),
    ));
    let edges = Edges { above: [90; 16], left: [100; 16], corner: 95, has_above: true, has_left: true };
    let (mut a, mut b) = (plane(), plane());
    cases.push(case(
        "intra 16x16 TM",
        move || predict_block(ChromaMode::TrueMotion, black_box(&edges), &mut a, STRIDE),
        move || intra::definition::predict_block(ChromaMode::TrueMotion, black_box(&edges), &mut b, STRIDE),
    ));
    let edge = std::array::from_fn(|i| 90 + 3 * i as u8);
    let (source, other) = (plane(), plane());
    let (mut candidates, mut plain) = (SubblockCandidates::default(), SubblockCandidates::default());
    cases.push(case(
        "intra 4x4 candidates",
        move || subblock_candidates(black_box(&edge), &source, STRIDE, black_box(&mut candidates)),
        move || intra::definition::subblock_candidates(black_box(&edge), &other, STRIDE, black_box(&mut plain)),
    ));
    let (mut a, mut b) = (plane(), plane());
    cases.push(case(
        "intra 4x4 in all ten modes",
        move || {
            for mode in SubblockMode::ALL {
                predict_subblock(black_box(mode), black_box(&edge), &mut a, STRIDE);
            }
        },
        move || {
            for mode in SubblockMode::ALL {
                intra::definition::predict_subblock(black_box(mode), black_box(&edge), &mut b, STRIDE);
            }
        },
    ));
}

fn filters(cases: &mut Vec<Case>) {
    for (name, inner) in [("loop filter outside", false), ("loop filter in and outside", true)] {
        let edges = MacroblockEdges { left: true, top: true, inner };
        let limits = EdgeLimits { edge: 40, interior: 12, high_variance: 1 };
        let filter = move |run: fn(&mut MacroblockPlanes<'_>, MacroblockEdges, &EdgeLimits, &EdgeLimits)| {
            let (mut luma, mut u, mut v) = (plane(), plane(), plane());
            let mut column = 1;
            move || {
                let mut planes = MacroblockPlanes {
                    luma: &mut luma,
                    luma_at: 16 * STRIDE + 16 * column,
                    luma_stride: STRIDE,
                    chroma: [&mut u, &mut v],
                    chroma_at: 8 * CHROMA_STRIDE + 8 * column,
                    chroma_stride: CHROMA_STRIDE,
                };
                run(&mut planes, edges, black_box(&limits), black_box(&limits));
                column = column % 70 + 1;
            }
        };
        cases.push(case(name, filter(filter_macroblock), filter(filter_macroblock_by_definition)));
    }
}

fn tokens(cases: &mut Vec<Case>) {
    let blocks: [[i16; 16]; 25] = std::array::from_fn(|block| std::array::from_fn(|i| (i * block % 5 / 4) as i16));
    let nonzero =
        blocks.map(|block| (1..16).fold(0, |bits, i| bits | u16::from(block[usize::from(ZIGZAG[i])] != 0) << i));
    let coded = (0..25).fold(0, |bits, block| bits | u32::from(nonzero[block] != 0) << block);
    let list = move |run: fn(&MacroblockLevels<'_>, &mut [Symbol; MOST_SYMBOLS])| {
        let mut symbols = [0; MOST_SYMBOLS];
        move || {
            let contexts = &[1; 25];
            let macroblock = MacroblockLevels { blocks: &blocks, nonzero: &nonzero, coded, y2: true, contexts };
            run(black_box(&macroblock), black_box(&mut symbols));
        }
    };
    cases.push(case(
        "symbols of a macroblock",
        list(|macroblock, symbols| _ = macroblock.list(symbols)),
        list(|macroblock, symbols| _ = macroblock.list_by_definition(symbols)),
    ));
    let (untouched, mut plain) = (Intervals::untouched(), Intervals::untouched());
    cases.push(case(
        "intervals after a bool",
        move || untouched.after(black_box(true), black_box(100)),
        move || {
            plain.clone_from(&Intervals::untouched());
            plain.narrow_by_definition(black_box(true), black_box(100));
        },
    ));
}

/// All kernels that have vector code.
pub fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    distances(&mut cases);
    transforms(&mut cases);
    predictions(&mut cases);
    filters(&mut cases);
    tokens(&mut cases);
    cases
}
