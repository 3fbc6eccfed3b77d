//! The loop filters over vectors of 32 places: the sixteen of a luma edge in the lower lane, eight of U and eight of V in
//! the upper one. Where luma is filtered alone, the upper lane idles.
//!
//! A horizontal edge lies in memory as its vectors want it. A vertical edge is turned from rows into columns and back; of a
//! macroblock with inner edges this is done once for all of them.

use super::memory::BlockMut;
use crate::kernels::edge_filter::{EdgeLimits, MacroblockEdges, MacroblockPlanes};
use std::arch::x86_64::*;

/// Limits in every place.
#[derive(Clone, Copy)]
struct Limits {
    edge: __m256i,
    interior: __m256i,
    high_variance: __m256i,
}

impl Limits {
    #[inline]
    #[target_feature(enable = "avx2")]
    fn of(limits: &EdgeLimits) -> Self {
        let everywhere = |limit: u8| _mm256_set1_epi8(limit as i8);
        Self {
            edge: everywhere(limits.edge),
            interior: everywhere(limits.interior),
            high_variance: everywhere(limits.high_variance),
        }
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn distance(a: __m256i, b: __m256i) -> __m256i {
    _mm256_or_si256(_mm256_subs_epu8(a, b), _mm256_subs_epu8(b, a))
}

/// By how much the difference across the edge is over its limit; 0 where it is not.
#[inline]
#[target_feature(enable = "avx2")]
fn over_edge([p1, p0, q0, q1]: [__m256i; 4], limit: __m256i) -> __m256i {
    let near = distance(p0, q0);
    let even = _mm256_and_si256(distance(p1, q1), _mm256_set1_epi8(!1));
    let sum = _mm256_adds_epu8(_mm256_adds_epu8(near, near), _mm256_srli_epi16::<1>(even));
    _mm256_subs_epu8(sum, limit)
}

/// Where to filter, and where the variance next to the edge is not high: all bits or none.
#[inline]
#[target_feature(enable = "avx2")]
fn masks(across: &[__m256i; 8], limits: &Limits) -> (__m256i, __m256i) {
    let [p3, p2, p1, p0, q0, q1, q2, q3] = *across;
    let zero = _mm256_setzero_si256();
    let next = _mm256_max_epu8(distance(p1, p0), distance(q1, q0));
    let before = _mm256_max_epu8(distance(p3, p2), distance(p2, p1));
    let after = _mm256_max_epu8(distance(q3, q2), distance(q2, q1));
    let interior = _mm256_max_epu8(next, _mm256_max_epu8(before, after));
    let over = _mm256_or_si256(_mm256_subs_epu8(interior, limits.interior), over_edge([p1, p0, q0, q1], limits.edge));
    let calm = _mm256_cmpeq_epi8(_mm256_subs_epu8(next, limits.high_variance), zero);
    (_mm256_cmpeq_epi8(over, zero), calm)
}

/// Turns samples into signed numbers around 0 and back.
#[inline]
#[target_feature(enable = "avx2")]
fn biased(samples: __m256i) -> __m256i {
    _mm256_xor_si256(samples, _mm256_set1_epi8(-128))
}

/// `start` plus three times the difference across the edge, clamped.
#[inline]
#[target_feature(enable = "avx2")]
fn plus_thrice(start: __m256i, p0: __m256i, q0: __m256i) -> __m256i {
    let difference = _mm256_subs_epi8(q0, p0);
    _mm256_adds_epi8(_mm256_adds_epi8(_mm256_adds_epi8(start, difference), difference), difference)
}

/// `clamp(value + by) >> 3`, and that plus 16: the shift is made without a sign.
#[inline]
#[target_feature(enable = "avx2")]
fn eighth(value: __m256i, by: i8) -> (__m256i, __m256i) {
    let sum = _mm256_adds_epu8(biased(value), _mm256_set1_epi8(by));
    let shifted = _mm256_and_si256(_mm256_srli_epi16::<3>(sum), _mm256_set1_epi8(0x1f));
    (_mm256_sub_epi8(shifted, _mm256_set1_epi8(16)), shifted)
}

/// `(value * weight + 63) >> 7` of every number.
#[inline]
#[target_feature(enable = "avx2")]
fn weighted(lower: __m256i, upper: __m256i, weight: i8) -> __m256i {
    let weights = _mm256_set1_epi16(i16::from_le_bytes([weight as u8, 63]));
    _mm256_packs_epi16(
        _mm256_srai_epi16::<7>(_mm256_maddubs_epi16(weights, lower)),
        _mm256_srai_epi16::<7>(_mm256_maddubs_epi16(weights, upper)),
    )
}

/// Filters across an edge between macroblocks.
#[inline]
#[target_feature(enable = "avx2")]
fn filter_macroblock_edge(across: &mut [__m256i; 8], limits: &Limits) {
    let (mask, calm) = masks(across, limits);
    let [_, p2, p1, p0, q0, q1, q2, _] = across.map(|samples| biased(samples));
    let w = _mm256_and_si256(plus_thrice(_mm256_subs_epi8(p1, q1), p0, q0), mask);

    // Where variance is high, only the two samples at the edge move.
    let steep = _mm256_andnot_si256(calm, w);
    let q0 = _mm256_subs_epi8(q0, eighth(steep, 4).0);
    let p0 = _mm256_adds_epi8(p0, eighth(steep, 3).0);

    // Elsewhere three on either side.
    let smooth = _mm256_and_si256(calm, w);
    let one = _mm256_set1_epi8(1);
    let (lower, upper) = (_mm256_unpacklo_epi8(smooth, one), _mm256_unpackhi_epi8(smooth, one));
    let (near, middle, far) = (weighted(lower, upper, 27), weighted(lower, upper, 18), weighted(lower, upper, 9));
    across[1] = biased(_mm256_adds_epi8(p2, far));
    across[2] = biased(_mm256_adds_epi8(p1, middle));
    across[3] = biased(_mm256_adds_epi8(p0, near));
    across[4] = biased(_mm256_subs_epi8(q0, near));
    across[5] = biased(_mm256_subs_epi8(q1, middle));
    across[6] = biased(_mm256_subs_epi8(q2, far));
}

/// Filters across an edge between subblocks.
#[inline]
#[target_feature(enable = "avx2")]
fn filter_subblock_edge(across: &mut [__m256i; 8], limits: &Limits) {
    let (mask, calm) = masks(across, limits);
    let [_, _, p1, p0, q0, q1, _, _] = across.map(|samples| biased(samples));
    let outer = _mm256_andnot_si256(calm, _mm256_subs_epi8(p1, q1));
    let a = _mm256_and_si256(plus_thrice(outer, p0, q0), mask);
    let ((after, after_plus_16), (before, _)) = (eighth(a, 4), eighth(a, 3));
    // (after + 1) >> 1, which is the rounded mean of it plus 16 and 0, less 8.
    let half = _mm256_avg_epu8(after_plus_16, _mm256_setzero_si256());
    let half = _mm256_and_si256(calm, _mm256_sub_epi8(half, _mm256_set1_epi8(8)));
    across[2] = biased(_mm256_adds_epi8(p1, half));
    across[3] = biased(_mm256_adds_epi8(p0, before));
    across[4] = biased(_mm256_subs_epi8(q0, after));
    across[5] = biased(_mm256_subs_epi8(q1, half));
}

/// Turns, in either lane, eight vectors of two rows of eight into eight columns of two times eight.
#[inline]
#[target_feature(enable = "avx2")]
fn turn_to_columns([r0, r1, r2, r3, r4, r5, r6, r7]: [__m256i; 8]) -> [__m256i; 8] {
    let first = column_pairs([
        _mm256_unpacklo_epi8(r0, r1),
        _mm256_unpacklo_epi8(r2, r3),
        _mm256_unpacklo_epi8(r4, r5),
        _mm256_unpacklo_epi8(r6, r7),
    ]);
    let second = column_pairs([
        _mm256_unpackhi_epi8(r0, r1),
        _mm256_unpackhi_epi8(r2, r3),
        _mm256_unpackhi_epi8(r4, r5),
        _mm256_unpackhi_epi8(r6, r7),
    ]);
    [
        _mm256_unpacklo_epi64(first[0], second[0]),
        _mm256_unpackhi_epi64(first[0], second[0]),
        _mm256_unpacklo_epi64(first[1], second[1]),
        _mm256_unpackhi_epi64(first[1], second[1]),
        _mm256_unpacklo_epi64(first[2], second[2]),
        _mm256_unpackhi_epi64(first[2], second[2]),
        _mm256_unpacklo_epi64(first[3], second[3]),
        _mm256_unpackhi_epi64(first[3], second[3]),
    ]
}

/// From four pairs of rows, sample beside sample, the eight columns, two after each other in each vector.
#[inline]
#[target_feature(enable = "avx2")]
fn column_pairs([r01, r23, r45, r67]: [__m256i; 4]) -> [__m256i; 4] {
    let (upper_left, upper_right) = (_mm256_unpacklo_epi16(r01, r23), _mm256_unpackhi_epi16(r01, r23));
    let (lower_left, lower_right) = (_mm256_unpacklo_epi16(r45, r67), _mm256_unpackhi_epi16(r45, r67));
    [
        _mm256_unpacklo_epi32(upper_left, lower_left),
        _mm256_unpackhi_epi32(upper_left, lower_left),
        _mm256_unpacklo_epi32(upper_right, lower_right),
        _mm256_unpackhi_epi32(upper_right, lower_right),
    ]
}

/// Turns four columns into vectors of four rows of four: the rows of the first eight, then those of the second.
#[inline]
#[target_feature(enable = "avx2")]
fn turn_four_to_rows(c0: __m256i, c1: __m256i, c2: __m256i, c3: __m256i) -> [__m256i; 4] {
    let (first_01, second_01) = (_mm256_unpacklo_epi8(c0, c1), _mm256_unpackhi_epi8(c0, c1));
    let (first_23, second_23) = (_mm256_unpacklo_epi8(c2, c3), _mm256_unpackhi_epi8(c2, c3));
    [
        _mm256_unpacklo_epi16(first_01, first_23),
        _mm256_unpackhi_epi16(first_01, first_23),
        _mm256_unpacklo_epi16(second_01, second_23),
        _mm256_unpackhi_epi16(second_01, second_23),
    ]
}

/// Turns eight columns into vectors of two rows of eight: rows 0 and 1, 2 and 3 and so on of the first eight, then of the
/// second.
#[inline]
#[target_feature(enable = "avx2")]
fn turn_to_rows(columns: &[__m256i; 8]) -> [__m256i; 8] {
    let [c0, c1, c2, c3, c4, c5, c6, c7] = *columns;
    let [a, b, c, d] = turn_four_to_rows(c0, c1, c2, c3);
    let [e, f, g, h] = turn_four_to_rows(c4, c5, c6, c7);
    [
        _mm256_unpacklo_epi32(a, e),
        _mm256_unpackhi_epi32(a, e),
        _mm256_unpacklo_epi32(b, f),
        _mm256_unpackhi_epi32(b, f),
        _mm256_unpacklo_epi32(c, g),
        _mm256_unpackhi_epi32(c, g),
        _mm256_unpacklo_epi32(d, h),
        _mm256_unpackhi_epi32(d, h),
    ]
}

/// The rows of a macroblock and the four samples to the left of it.
struct WithLeft<'a> {
    luma: BlockMut<'a, 20, 16>,
    u: BlockMut<'a, 12, 8>,
    v: BlockMut<'a, 12, 8>,
}

/// Where the macroblock starts in the rows of [`WithLeft`].
const LEFT: usize = 4;

impl WithLeft<'_> {
    /// Eight columns from `x` on, of luma in the lower and of chroma in the upper lane.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn load(&self, x: usize) -> [__m256i; 8] {
        let (luma, u, v) = (self.luma.as_block(), self.u.as_block(), self.v.as_block());
        let mut rows = [_mm256_setzero_si256(); 8];
        for (y, row) in rows.iter_mut().enumerate() {
            let luma = _mm256_blend_epi32::<0b1100>(luma.load_8_everywhere(x, y), luma.load_8_everywhere(x, y + 8));
            let chroma = _mm256_blend_epi32::<0b1100_0000>(u.load_8_everywhere(x, y), v.load_8_everywhere(x, y));
            *row = _mm256_blend_epi32::<0b1111_0000>(luma, chroma);
        }
        turn_to_columns(rows)
    }

    /// Eight columns of luma from `x` on in the lower lane.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn load_luma(&self, x: usize) -> [__m256i; 8] {
        let mut rows = [_mm256_setzero_si256(); 8];
        for (y, row) in rows.iter_mut().enumerate() {
            *row = _mm256_castsi128_si256(self.luma.as_block().load_8_of_two(x, y, y + 8));
        }
        turn_to_columns(rows)
    }

    /// Stores eight columns from `x` on.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn store(&mut self, x: usize, columns: &[__m256i; 8]) {
        let rows = turn_to_rows(columns);
        for (i, row) in rows.into_iter().enumerate() {
            let (luma, chroma) = (_mm256_castsi256_si128(row), _mm256_extracti128_si256::<1>(row));
            self.luma.store_8(x, 2 * i, luma);
            self.luma.store_upper_8(x, 2 * i + 1, luma);
            let plane = if i < 4 { &mut self.u } else { &mut self.v };
            plane.store_8(x, 2 * i % 8, chroma);
            plane.store_upper_8(x, 2 * i % 8 + 1, chroma);
        }
    }

    /// Stores eight columns of luma from `x` on.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn store_luma(&mut self, x: usize, columns: &[__m256i; 8]) {
        for (i, row) in turn_to_rows(columns).into_iter().enumerate() {
            let luma = _mm256_castsi256_si128(row);
            self.luma.store_8(x, 2 * i, luma);
            self.luma.store_upper_8(x, 2 * i + 1, luma);
        }
    }
}

/// Filters the vertical edges of a macroblock.
#[inline]
#[target_feature(enable = "avx2")]
fn filter_vertical(rows: &mut WithLeft<'_>, left: Option<&Limits>, inner: Option<&Limits>) {
    // All loads come before the stores that they overlap: the processor would have to wait for those.
    let loaded = inner.map(|limits| (limits, rows.load(LEFT), rows.load_luma(LEFT + 8)));
    let mut first_columns = None;
    if let Some(limits) = left {
        let mut across = rows.load(0);
        filter_macroblock_edge(&mut across, limits);
        rows.store(0, &across);
        let [_, _, _, _, c0, c1, c2, c3] = across;
        first_columns = Some([c0, c1, c2, c3]);
    }
    let Some((limits, mut across, [c8, c9, c10, c11, c12, c13, c14, c15])) = loaded else { return };
    if let Some(changed) = first_columns {
        across[..4].copy_from_slice(&changed);
    }
    filter_subblock_edge(&mut across, limits);
    let [_, _, _, _, c4, c5, c6, c7] = across;
    let mut across_8 = [c4, c5, c6, c7, c8, c9, c10, c11];
    filter_subblock_edge(&mut across_8, limits);
    let [c4, c5, c6, c7, c8, c9, c10, c11] = across_8;
    let mut across_12 = [c8, c9, c10, c11, c12, c13, c14, c15];
    filter_subblock_edge(&mut across_12, limits);
    // Chroma has no edge there.
    for (column, luma) in across[4..].iter_mut().zip([c4, c5, c6, c7]) {
        *column = _mm256_blend_epi32::<0b1111>(*column, luma);
    }
    rows.store(LEFT, &across);
    rows.store_luma(LEFT + 8, &across_12);
}

/// The rows of a macroblock and the four above it.
struct WithAbove<'a> {
    luma: BlockMut<'a, 16, 20>,
    u: BlockMut<'a, 8, 12>,
    v: BlockMut<'a, 8, 12>,
}

impl WithAbove<'_> {
    /// Four rows from `y` on, of luma in the lower and of chroma in the upper lane.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn load(&self, y: usize) -> [__m256i; 4] {
        let (luma, u, v) = (self.luma.as_block(), self.u.as_block(), self.v.as_block());
        let mut rows = [_mm256_setzero_si256(); 4];
        for (i, row) in rows.iter_mut().enumerate() {
            let (u, v) = (u.load_8_everywhere(0, y + i), v.load_8_everywhere(0, y + i));
            let chroma = _mm256_blend_epi32::<0b1100_0000>(u, v);
            *row = _mm256_blend_epi32::<0b1111>(chroma, _mm256_castsi128_si256(luma.load_16(0, y + i)));
        }
        rows
    }

    /// Four rows of luma from `y` on in the lower lane.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn load_luma(&self, y: usize) -> [__m256i; 4] {
        let luma = self.luma.as_block();
        let mut rows = [_mm256_setzero_si256(); 4];
        for (i, row) in rows.iter_mut().enumerate() {
            *row = _mm256_castsi128_si256(luma.load_16(0, y + i));
        }
        rows
    }

    /// Stores rows from `y` on.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn store(&mut self, y: usize, rows: &[__m256i]) {
        for (i, row) in rows.iter().enumerate() {
            let chroma = _mm256_extracti128_si256::<1>(*row);
            self.luma.store_16(0, y + i, _mm256_castsi256_si128(*row));
            self.u.store_8(0, y + i, chroma);
            self.v.store_upper_8(0, y + i, chroma);
        }
    }

    /// Stores rows of luma from `y` on.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn store_luma(&mut self, y: usize, rows: &[__m256i]) {
        for (i, row) in rows.iter().enumerate() {
            self.luma.store_16(0, y + i, _mm256_castsi256_si128(*row));
        }
    }
}

/// Where the macroblock starts in the rows of [`WithAbove`].
const ABOVE: usize = 4;

#[inline(always)]
fn eight([a, b, c, d]: [__m256i; 4], [e, f, g, h]: [__m256i; 4]) -> [__m256i; 8] {
    [a, b, c, d, e, f, g, h]
}

#[inline(always)]
fn last_four([_, _, _, _, e, f, g, h]: [__m256i; 8]) -> [__m256i; 4] {
    [e, f, g, h]
}

/// Filters the horizontal edges of a macroblock.
#[inline]
#[target_feature(enable = "avx2")]
fn filter_horizontal(rows: &mut WithAbove<'_>, top: Option<&Limits>, inner: Option<&Limits>) {
    let mut first = rows.load(ABOVE);
    if let Some(limits) = top {
        let mut across = eight(rows.load(0), first);
        filter_macroblock_edge(&mut across, limits);
        first = last_four(across);
        rows.store(1, &across[1..4]);
        if inner.is_none() {
            rows.store(ABOVE, &first[..3]);
        }
    }
    let Some(limits) = inner else { return };
    let mut across = eight(first, rows.load(ABOVE + 4));
    filter_subblock_edge(&mut across, limits);
    rows.store(ABOVE, &across[..6]);
    // From here on there is luma alone; the upper lanes hold what does not matter.
    let mut across = eight(last_four(across), rows.load_luma(ABOVE + 8));
    filter_subblock_edge(&mut across, limits);
    rows.store_luma(ABOVE + 4, &across[..4]);
    let mut across = eight(last_four(across), rows.load_luma(ABOVE + 12));
    filter_subblock_edge(&mut across, limits);
    rows.store_luma(ABOVE + 8, &across[..6]);
}

#[target_feature(enable = "avx2")]
pub(in crate::kernels) fn filter_macroblock(
    planes: &mut MacroblockPlanes<'_>,
    edges: MacroblockEdges,
    macroblock_limits: &EdgeLimits,
    subblock_limits: &EdgeLimits,
) {
    let (macroblock_limits, subblock_limits) = (Limits::of(macroblock_limits), Limits::of(subblock_limits));
    let inner = edges.inner.then_some(&subblock_limits);
    let MacroblockPlanes { luma, luma_at, luma_stride, chroma: [u, v], chroma_at, chroma_stride } = planes;
    let (luma_at, chroma_at) = (*luma_at, *chroma_at);
    if edges.left || edges.inner {
        let mut rows = WithLeft {
            luma: BlockMut::new(&mut luma[luma_at - LEFT..], *luma_stride),
            u: BlockMut::new(&mut u[chroma_at - LEFT..], *chroma_stride),
            v: BlockMut::new(&mut v[chroma_at - LEFT..], *chroma_stride),
        };
        filter_vertical(&mut rows, edges.left.then_some(&macroblock_limits), inner);
    }
    if edges.top || edges.inner {
        let mut rows = WithAbove {
            luma: BlockMut::new(&mut luma[luma_at - ABOVE * *luma_stride..], *luma_stride),
            u: BlockMut::new(&mut u[chroma_at - ABOVE * *chroma_stride..], *chroma_stride),
            v: BlockMut::new(&mut v[chroma_at - ABOVE * *chroma_stride..], *chroma_stride),
        };
        filter_horizontal(&mut rows, edges.top.then_some(&macroblock_limits), inner);
    }
}
