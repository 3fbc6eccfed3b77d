//! The loop filters across one edge of 16 samples (RFC 6386 §15).
//!
//! Eight rows of sixteen lanes hold the samples across the edge: p3, p2, p1, p0 before it, q0, q1, q2, q3 after it. A
//! vertical edge is turned to lie so, and the edges of U and V at one place go together as eight lanes each.

/// How strong a difference across an edge may be for it to be filtered (RFC 6386 §15.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct EdgeLimits {
    /// Across the edge, 0..=193.
    pub(crate) edge: u8,
    /// Between neighbours on either side.
    pub(crate) interior: u8,
    /// Over this between the two next to the edge, variance is high.
    pub(crate) high_variance: u8,
}

/// Samples along an edge.
type Lanes = [u8; 16];
/// p3, p2, p1, p0, q0, q1, q2, q3.
type Across = [Lanes; 8];

/// Where an edge lies and how far its samples are apart.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Edge {
    /// The edge above a row of blocks.
    Horizontal,
    /// The edge to the left of a column of blocks.
    Vertical,
}

/// The planes of a picture, and where a macroblock starts in them. There must be four samples to the left of it and four
/// rows above, whether or not its outer edges are filtered: every plane has its border.
#[derive(Debug)]
pub(crate) struct MacroblockPlanes<'a> {
    pub(crate) luma: &'a mut [u8],
    /// The macroblock's first sample of luma.
    pub(crate) luma_at: usize,
    pub(crate) luma_stride: usize,
    /// U and V.
    pub(crate) chroma: [&'a mut [u8]; 2],
    /// The macroblock's first sample of either chroma plane.
    pub(crate) chroma_at: usize,
    pub(crate) chroma_stride: usize,
}

/// Which edges of a macroblock are filtered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MacroblockEdges {
    /// The one to the left.
    pub(crate) left: bool,
    /// The one above.
    pub(crate) top: bool,
    /// Those between its subblocks.
    pub(crate) inner: bool,
}

/// Filters the edges of a macroblock in the prescribed order: left, inner vertical, top, inner horizontal (RFC 6386 §15.1).
#[inline]
pub(crate) fn filter_macroblock(
    planes: &mut MacroblockPlanes<'_>,
    edges: MacroblockEdges,
    macroblock_limits: &EdgeLimits,
    subblock_limits: &EdgeLimits,
) {
    return_with_avx2!(edge_filter::filter_macroblock(planes, edges, macroblock_limits, subblock_limits));
    filter_macroblock_by_definition(planes, edges, macroblock_limits, subblock_limits);
}

pub(super) fn filter_macroblock_by_definition(
    planes: &mut MacroblockPlanes<'_>,
    edges: MacroblockEdges,
    macroblock_limits: &EdgeLimits,
    subblock_limits: &EdgeLimits,
) {
    let MacroblockPlanes { luma, luma_at, luma_stride, chroma: [u, v], chroma_at, chroma_stride } = planes;
    let (luma_at, luma_stride, chroma_at, chroma_stride) = (*luma_at, *luma_stride, *chroma_at, *chroma_stride);
    for (edge, outer, luma_step, chroma_step) in
        [(Edge::Vertical, edges.left, 1, 1), (Edge::Horizontal, edges.top, luma_stride, chroma_stride)]
    {
        if outer {
            macroblock_edge_luma(luma, luma_at, luma_stride, edge, macroblock_limits);
            macroblock_edge_chroma(u, v, chroma_at, chroma_stride, edge, macroblock_limits);
        }
        if edges.inner {
            for inner in [4, 8, 12] {
                subblock_edge_luma(luma, luma_at + inner * luma_step, luma_stride, edge, subblock_limits);
            }
            subblock_edge_chroma(u, v, chroma_at + 4 * chroma_step, chroma_stride, edge, subblock_limits);
        }
    }
}

/// Filters the edge between macroblocks that starts with the luma sample `at` (q0) (RFC 6386 §15.3).
pub(crate) fn macroblock_edge_luma(samples: &mut [u8], at: usize, stride: usize, edge: Edge, limits: &EdgeLimits) {
    let mut across = load_luma(samples, at, stride, edge);
    if filter_macroblock_edge(&mut across, limits) {
        store_luma(samples, at, stride, edge, &across, 3);
    }
}

/// Filters the edge between subblocks that starts with the luma sample `at` (q0) (RFC 6386 §15.3).
pub(crate) fn subblock_edge_luma(samples: &mut [u8], at: usize, stride: usize, edge: Edge, limits: &EdgeLimits) {
    let mut across = load_luma(samples, at, stride, edge);
    if filter_subblock_edge(&mut across, limits) {
        store_luma(samples, at, stride, edge, &across, 2);
    }
}

/// Filters the edges between macroblocks that start with the sample `at` of U and of V.
pub(crate) fn macroblock_edge_chroma(
    u: &mut [u8],
    v: &mut [u8],
    at: usize,
    stride: usize,
    edge: Edge,
    limits: &EdgeLimits,
) {
    let mut across = load_chroma(u, v, at, stride, edge);
    if filter_macroblock_edge(&mut across, limits) {
        store_chroma(u, v, at, stride, edge, &across, 3);
    }
}

/// Filters the edges between subblocks that start with the sample `at` of U and of V.
pub(crate) fn subblock_edge_chroma(
    u: &mut [u8],
    v: &mut [u8],
    at: usize,
    stride: usize,
    edge: Edge,
    limits: &EdgeLimits,
) {
    let mut across = load_chroma(u, v, at, stride, edge);
    if filter_subblock_edge(&mut across, limits) {
        store_chroma(u, v, at, stride, edge, &across, 2);
    }
}

/// Filters the luma edge that starts with the sample `at` (q0) by the simple filter (RFC 6386 §15.2).
pub(crate) fn simple_edge_luma(samples: &mut [u8], at: usize, stride: usize, edge: Edge, edge_limit: u8) {
    let mut across = load_luma(samples, at, stride, edge);
    filter_simple_edge(&mut across, edge_limit);
    store_luma(samples, at, stride, edge, &across, 1);
}

#[inline(always)]
fn load_luma(samples: &[u8], at: usize, stride: usize, edge: Edge) -> Across {
    match edge {
        Edge::Horizontal => {
            let samples = &samples[at - 4 * stride..];
            let mut across = [[0; 16]; 8];
            for (row, lanes) in across.iter_mut().enumerate() {
                *lanes = *samples[row * stride..].first_chunk().expect("an edge lies within its plane");
            }
            across
        }
        Edge::Vertical => {
            let samples = &samples[at - 4..];
            let mut lines = [[0; 8]; 16];
            for (lane, line) in lines.iter_mut().enumerate() {
                *line = *samples[lane * stride..].first_chunk().expect("an edge lies within its plane");
            }
            turn_to_across(&lines)
        }
    }
}

/// Stores the `changed` rows nearest to the edge on either side.
#[inline(always)]
fn store_luma(samples: &mut [u8], at: usize, stride: usize, edge: Edge, across: &Across, changed: usize) {
    match edge {
        Edge::Horizontal => {
            let samples = &mut samples[at - changed * stride..];
            for (row, lanes) in across[4 - changed..4 + changed].iter().enumerate() {
                *samples[row * stride..].first_chunk_mut().expect("an edge lies within its plane") = *lanes;
            }
        }
        Edge::Vertical => {
            let samples = &mut samples[at - 4..];
            for (lane, eight) in turn_from_across(across).iter().enumerate() {
                *samples[lane * stride..].first_chunk_mut().expect("an edge lies within its plane") = *eight;
            }
        }
    }
}

#[inline(always)]
fn load_chroma(u: &[u8], v: &[u8], at: usize, stride: usize, edge: Edge) -> Across {
    match edge {
        Edge::Horizontal => {
            let mut across = [[0; 16]; 8];
            for (row, lanes) in across.iter_mut().enumerate() {
                let start = at + row * stride - 4 * stride;
                lanes[..8].copy_from_slice(&u[start..start + 8]);
                lanes[8..].copy_from_slice(&v[start..start + 8]);
            }
            across
        }
        Edge::Vertical => {
            let mut lines = [[0; 8]; 16];
            for (lane, line) in lines.iter_mut().enumerate() {
                let plane = if lane < 8 { u } else { v };
                *line = *plane[at - 4 + lane % 8 * stride..].first_chunk().expect("an edge lies within its plane");
            }
            turn_to_across(&lines)
        }
    }
}

#[inline(always)]
fn store_chroma(u: &mut [u8], v: &mut [u8], at: usize, stride: usize, edge: Edge, across: &Across, changed: usize) {
    match edge {
        Edge::Horizontal => {
            for (row, lanes) in across[4 - changed..4 + changed].iter().enumerate() {
                let start = at + row * stride - changed * stride;
                u[start..start + 8].copy_from_slice(&lanes[..8]);
                v[start..start + 8].copy_from_slice(&lanes[8..]);
            }
        }
        Edge::Vertical => {
            for (lane, eight) in turn_from_across(across).iter().enumerate() {
                let plane = if lane < 8 { &mut *u } else { &mut *v };
                *plane[at - 4 + lane % 8 * stride..].first_chunk_mut().expect("an edge lies within its plane") = *eight;
            }
        }
    }
}

#[inline(always)]
fn turn_to_across(lines: &[[u8; 8]; 16]) -> Across {
    let mut across = [[0; 16]; 8];
    for (half, lines) in lines.as_chunks::<8>().0.iter().enumerate() {
        for (lanes, turned) in across.iter_mut().zip(turned(*lines)) {
            lanes[8 * half..][..8].copy_from_slice(&turned);
        }
    }
    across
}

#[inline(always)]
fn turn_from_across(across: &Across) -> [[u8; 8]; 16] {
    let half = |start: usize| {
        let mut rows = [[0; 8]; 8];
        for (row, lanes) in rows.iter_mut().zip(across) {
            row.copy_from_slice(&lanes[start..start + 8]);
        }
        turned(rows)
    };
    let mut lines = [[0; 8]; 16];
    lines[..8].copy_from_slice(&half(0));
    lines[8..].copy_from_slice(&half(8));
    lines
}

/// 8x8 samples with rows and columns exchanged, by exchanging quarters, then quarters of quarters, then samples.
#[inline(always)]
fn turned(rows: [[u8; 8]; 8]) -> [[u8; 8]; 8] {
    let mut rows = rows.map(u64::from_le_bytes);
    for (distance, mask) in [(4, 0x0000_0000_ffff_ffff), (2, 0x0000_ffff_0000_ffff), (1, 0x00ff_00ff_00ff_00ff)] {
        for upper in (0..8).filter(|row| row & distance == 0) {
            let lower = upper + distance;
            let exchanged = (rows[upper] >> (8 * distance) ^ rows[lower]) & mask;
            rows[lower] ^= exchanged;
            rows[upper] ^= exchanged << (8 * distance);
        }
    }
    rows.map(u64::to_le_bytes)
}

/// Samples as signed numbers around 0, as the filters reckon.
#[inline(always)]
fn signed(sample: u8) -> i8 {
    (sample ^ 0x80) as i8
}

#[inline(always)]
fn unsigned(value: i8) -> u8 {
    value as u8 ^ 0x80
}

/// Whether the difference across the edge is within its limit: all bits or none.
#[inline(always)]
fn edge_mask(p1: u8, p0: u8, q0: u8, q1: u8, limit: u8) -> i8 {
    let near = p0.abs_diff(q0);
    let difference = near.saturating_add(near).saturating_add(p1.abs_diff(q1) >> 1);
    -i8::from(difference <= limit)
}

/// Whether to filter: the edge is within its limit and neighbours on either side within theirs.
#[inline(always)]
fn filter_masks(across: &Across, limits: &EdgeLimits) -> [i8; 16] {
    let [p3, p2, p1, p0, q0, q1, q2, q3] = across;
    let mut masks = [0; 16];
    for i in 0..16 {
        let before = p3[i].abs_diff(p2[i]).max(p2[i].abs_diff(p1[i])).max(p1[i].abs_diff(p0[i]));
        let after = q3[i].abs_diff(q2[i]).max(q2[i].abs_diff(q1[i])).max(q1[i].abs_diff(q0[i]));
        let interior = -i8::from(before.max(after) <= limits.interior);
        masks[i] = interior & edge_mask(p1[i], p0[i], q0[i], q1[i], limits.edge);
    }
    masks
}

/// Whether variance next to the edge is high: all bits or none.
#[inline(always)]
fn high_variance(p1: u8, p0: u8, q0: u8, q1: u8, threshold: u8) -> i8 {
    -i8::from(p1.abs_diff(p0).max(q1.abs_diff(q0)) > threshold)
}

/// `start` plus three times the difference across the edge, clamped. Adding thrice with saturation is the same.
#[inline(always)]
fn plus_thrice(start: i8, p0: i8, q0: i8) -> i8 {
    let difference = q0.saturating_sub(p0);
    start.saturating_add(difference).saturating_add(difference).saturating_add(difference)
}

/// Filters across an edge between macroblocks; whether anything may have changed.
#[inline(always)]
fn filter_macroblock_edge(across: &mut Across, limits: &EdgeLimits) -> bool {
    let masks = filter_masks(across, limits);
    if masks == [0; 16] {
        return false;
    }
    let [_, p2s, p1s, p0s, q0s, q1s, q2s, _] = across;
    for i in 0..16 {
        let variance = high_variance(p1s[i], p0s[i], q0s[i], q1s[i], limits.high_variance);
        let (p2, p1, p0) = (signed(p2s[i]), signed(p1s[i]), signed(p0s[i]));
        let (q0, q1, q2) = (signed(q0s[i]), signed(q1s[i]), signed(q2s[i]));
        let w = plus_thrice(p1.saturating_sub(q1), p0, q0) & masks[i];

        // Where variance is high, only the two samples at the edge move.
        let steep = w & variance;
        let q0 = q0.saturating_sub(steep.saturating_add(4) >> 3);
        let p0 = p0.saturating_add(steep.saturating_add(3) >> 3);

        // Elsewhere three on either side, by 27, 18 and 9 of 128.
        let smooth = i16::from(w & !variance);
        let by = |weight: i16| ((smooth * weight + 63) >> 7) as i8;
        let (near, middle, far) = (by(27), by(18), by(9));
        q0s[i] = unsigned(q0.saturating_sub(near));
        p0s[i] = unsigned(p0.saturating_add(near));
        q1s[i] = unsigned(q1.saturating_sub(middle));
        p1s[i] = unsigned(p1.saturating_add(middle));
        q2s[i] = unsigned(q2.saturating_sub(far));
        p2s[i] = unsigned(p2.saturating_add(far));
    }
    true
}

/// Filters across an edge between subblocks; whether anything may have changed.
#[inline(always)]
fn filter_subblock_edge(across: &mut Across, limits: &EdgeLimits) -> bool {
    let masks = filter_masks(across, limits);
    if masks == [0; 16] {
        return false;
    }
    let [_, _, p1s, p0s, q0s, q1s, _, _] = across;
    for i in 0..16 {
        let variance = high_variance(p1s[i], p0s[i], q0s[i], q1s[i], limits.high_variance);
        let (p1, p0, q0, q1) = (signed(p1s[i]), signed(p0s[i]), signed(q0s[i]), signed(q1s[i]));
        let a = plus_thrice(p1.saturating_sub(q1) & variance, p0, q0) & masks[i];
        let after = a.saturating_add(4) >> 3;
        let before = a.saturating_add(3) >> 3;
        let outer = ((after + 1) >> 1) & !variance;
        q0s[i] = unsigned(q0.saturating_sub(after));
        p0s[i] = unsigned(p0.saturating_add(before));
        q1s[i] = unsigned(q1.saturating_sub(outer));
        p1s[i] = unsigned(p1.saturating_add(outer));
    }
    true
}

#[inline(always)]
fn filter_simple_edge(across: &mut Across, edge_limit: u8) {
    let [_, _, p1s, p0s, q0s, q1s, _, _] = across;
    for i in 0..16 {
        let mask = edge_mask(p1s[i], p0s[i], q0s[i], q1s[i], edge_limit);
        let (p1, p0, q0, q1) = (signed(p1s[i]), signed(p0s[i]), signed(q0s[i]), signed(q1s[i]));
        let a = plus_thrice(p1.saturating_sub(q1), p0, q0) & mask;
        q0s[i] = unsigned(q0.saturating_sub(a.saturating_add(4) >> 3));
        p0s[i] = unsigned(p0.saturating_add(a.saturating_add(3) >> 3));
    }
}

#[cfg(test)]
#[path = "edge_filter_tests.rs"]
mod tests;
