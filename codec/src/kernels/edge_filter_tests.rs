//! The filters over sixteen lanes against the definition, one sample position at a time (RFC 6386 §15).

use super::*;
use proptest::prelude::*;

fn clamp(value: i32) -> i32 {
    value.clamp(-128, 127)
}

/// One position across an edge, p3 to q3, filtered as RFC 6386 §15 writes it.
fn plain(eight: [u8; 8], limits: &EdgeLimits, kind: Kind) -> [u8; 8] {
    let [p3, p2, p1, p0, q0, q1, q2, q3] = eight.map(i32::from);
    let far = |a: i32, b: i32, limit: u8| (a - b).abs() > i32::from(limit);
    let over_edge = (p0 - q0).abs() * 2 + (p1 - q1).abs() / 2 > i32::from(limits.edge);
    let over_interior =
        [(p3, p2), (p2, p1), (p1, p0), (q1, q0), (q2, q1), (q3, q2)].iter().any(|&(a, b)| far(a, b, limits.interior));
    if over_edge || (kind != Kind::Simple && over_interior) {
        return eight;
    }
    let high_variance = far(p1, p0, limits.high_variance) || far(q1, q0, limits.high_variance);
    let [p2, p1, p0, q0, q1, q2] = [p2, p1, p0, q0, q1, q2].map(|sample| sample - 128);
    let [mut p2, mut p1, mut p0, mut q0, mut q1, mut q2] = [p2, p1, p0, q0, q1, q2];
    let adjust = |use_outer: bool, p0: &mut i32, q0: &mut i32| {
        let a = clamp(if use_outer { clamp(p1 - q1) } else { 0 } + 3 * (*q0 - *p0));
        let after = clamp(a + 4) >> 3;
        *q0 = clamp(*q0 - after);
        *p0 = clamp(*p0 + (clamp(a + 3) >> 3));
        after
    };
    match kind {
        Kind::Simple => {
            adjust(true, &mut p0, &mut q0);
        }
        Kind::Subblock => {
            let after = adjust(high_variance, &mut p0, &mut q0);
            if !high_variance {
                let a = (after + 1) >> 1;
                (q1, p1) = (clamp(q1 - a), clamp(p1 + a));
            }
        }
        Kind::Macroblock if high_variance => {
            adjust(true, &mut p0, &mut q0);
        }
        Kind::Macroblock => {
            let w = clamp(clamp(p1 - q1) + 3 * (q0 - p0));
            let by = |weight: i32| clamp((weight * w + 63) >> 7);
            (q0, p0) = (clamp(q0 - by(27)), clamp(p0 + by(27)));
            (q1, p1) = (clamp(q1 - by(18)), clamp(p1 + by(18)));
            (q2, p2) = (clamp(q2 - by(9)), clamp(p2 + by(9)));
        }
    }
    let [p2, p1, p0, q0, q1, q2] = [p2, p1, p0, q0, q1, q2].map(|value| (value + 128) as u8);
    [eight[0], p2, p1, p0, q0, q1, q2, eight[7]]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Simple,
    Subblock,
    Macroblock,
}

/// Samples near each other, so that all branches are taken, and now and then wild ones.
fn any_samples() -> impl Strategy<Value = Vec<u8>> {
    (any::<u8>(), prop::collection::vec(prop_oneof![8 => 0..24u8, 1 => any::<u8>()], STRIDE * 24))
        .prop_map(|(base, offsets)| offsets.into_iter().map(|offset| base.saturating_add(offset)).collect())
}

const STRIDE: usize = 32;
/// The position of q0's first sample in the test's planes.
const AT: usize = 4 * STRIDE + 4;

fn expected(samples: &[u8], lanes: usize, edge: Edge, limits: &EdgeLimits, kind: Kind) -> Vec<u8> {
    let mut expected = samples.to_vec();
    let (along, across) = match edge {
        Edge::Horizontal => (1, STRIDE),
        Edge::Vertical => (STRIDE, 1),
    };
    for lane in 0..lanes {
        let at = |i: usize| AT + lane * along + i * across - 4 * across;
        let filtered = plain(std::array::from_fn(|i| samples[at(i)]), limits, kind);
        for (i, sample) in filtered.into_iter().enumerate() {
            expected[at(i)] = sample;
        }
    }
    expected
}

proptest! {
    #[test]
    fn every_filter_agrees_with_the_definition(
        samples in any_samples(),
        other in any_samples(),
        (edge_limit, interior, high_variance) in (0..=193u8, 1..=63u8, 0..=3u8),
    ) {
        let limits = EdgeLimits { edge: edge_limit, interior, high_variance };
        for edge in [Edge::Horizontal, Edge::Vertical] {
            let mut filtered = samples.clone();
            macroblock_edge_luma(&mut filtered, AT, STRIDE, edge, &limits);
            prop_assert_eq!(filtered, expected(&samples, 16, edge, &limits, Kind::Macroblock));

            let mut filtered = samples.clone();
            subblock_edge_luma(&mut filtered, AT, STRIDE, edge, &limits);
            prop_assert_eq!(filtered, expected(&samples, 16, edge, &limits, Kind::Subblock));

            let mut filtered = samples.clone();
            simple_edge_luma(&mut filtered, AT, STRIDE, edge, edge_limit);
            prop_assert_eq!(filtered, expected(&samples, 16, edge, &limits, Kind::Simple));

            let (mut u, mut v) = (samples.clone(), other.clone());
            macroblock_edge_chroma(&mut u, &mut v, AT, STRIDE, edge, &limits);
            prop_assert_eq!(u, expected(&samples, 8, edge, &limits, Kind::Macroblock));
            prop_assert_eq!(v, expected(&other, 8, edge, &limits, Kind::Macroblock));

            let (mut u, mut v) = (samples.clone(), other.clone());
            subblock_edge_chroma(&mut u, &mut v, AT, STRIDE, edge, &limits);
            prop_assert_eq!(u, expected(&samples, 8, edge, &limits, Kind::Subblock));
            prop_assert_eq!(v, expected(&other, 8, edge, &limits, Kind::Subblock));
        }
    }
}
