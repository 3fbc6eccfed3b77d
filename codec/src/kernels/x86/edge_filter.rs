//! The loop filters over vectors of 32 places: the sixteen of a luma edge in the lower lane, eight of U and eight of V in
//! the upper one. Where luma is filtered alone, the upper lane idles.
//!
//! A horizontal edge lies in memory as its vectors want it. A vertical edge is turned from rows into columns and back; of a
//! macroblock with inner edges this is done once for all of them.

use super::lanes;
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

/// Four rows of luma in the lower lanes, of U and V in the halves of the upper ones.
type FourRows = [__m256i; 4];

/// The samples of a macroblock with the four columns to the left of it and the four rows above.
struct Surroundings<'a> {
    luma: BlockMut<'a, 20, 20>,
    u: BlockMut<'a, 12, 12>,
    v: BlockMut<'a, 12, 12>,
}

/// The macroblock's own first column and row among its [`Surroundings`].
const START: usize = 4;

impl<'a> Surroundings<'a> {
    #[inline(always)]
    fn of<'b: 'a>(planes: &'a mut MacroblockPlanes<'b>) -> Self {
        let [u, v] = &mut planes.chroma;
        let luma_at = planes.luma_at - START * planes.luma_stride - START;
        let chroma_at = planes.chroma_at - START * planes.chroma_stride - START;
        Self {
            luma: BlockMut::new(&mut planes.luma[luma_at..], planes.luma_stride),
            u: BlockMut::new(&mut u[chroma_at..], planes.chroma_stride),
            v: BlockMut::new(&mut v[chroma_at..], planes.chroma_stride),
        }
    }

    /// Eight columns of the macroblock's rows from `x` on, of luma in the lower and of chroma in the upper lane.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn load_columns(&self, x: usize) -> [__m256i; 8] {
        let (luma, u, v) = (self.luma.as_block(), self.u.as_block(), self.v.as_block());
        let mut rows = [_mm256_setzero_si256(); 8];
        for (i, row) in rows.iter_mut().enumerate() {
            let y = START + i;
            *row = lanes(luma.load_8_of_two(x, y, y + 8), v.load_upper_8(u.load_8(x, y), x, y));
        }
        turn_to_columns(rows)
    }

    /// Eight columns of luma from `x` on in the lower lane.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn load_luma_columns(&self, x: usize) -> [__m256i; 8] {
        let mut rows = [_mm256_setzero_si256(); 8];
        for (i, row) in rows.iter_mut().enumerate() {
            let y = START + i;
            *row = _mm256_castsi128_si256(self.luma.as_block().load_8_of_two(x, y, y + 8));
        }
        turn_to_columns(rows)
    }

    /// Stores the eight columns across the left edge.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn store_left_edge(&mut self, columns: &[__m256i; 8]) {
        for (i, row) in turn_to_rows(columns).into_iter().enumerate() {
            let (luma, chroma) = (_mm256_castsi256_si128(row), _mm256_extracti128_si256::<1>(row));
            let (y, chroma_y) = (START + 2 * i, START + 2 * i % 8);
            self.luma.store_8(0, y, luma);
            self.luma.store_upper_8(0, y + 1, luma);
            let plane = if i < 4 { &mut self.u } else { &mut self.v };
            plane.store_8(0, chroma_y, chroma);
            plane.store_upper_8(0, chroma_y + 1, chroma);
        }
    }

    /// Four rows of the macroblock's columns from `y` on.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn load_rows(&self, y: usize) -> FourRows {
        let (luma, u, v) = (self.luma.as_block(), self.u.as_block(), self.v.as_block());
        let mut rows = [_mm256_setzero_si256(); 4];
        for (i, row) in rows.iter_mut().enumerate() {
            let chroma = v.load_upper_8(u.load_8(START, y + i), START, y + i);
            *row = lanes(luma.load_16(START, y + i), chroma);
        }
        rows
    }

    /// Stores rows from `y` on.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn store_rows(&mut self, y: usize, rows: &[__m256i]) {
        for (i, row) in rows.iter().enumerate() {
            let chroma = _mm256_extracti128_si256::<1>(*row);
            self.luma.store_16(START, y + i, _mm256_castsi256_si128(*row));
            self.u.store_8(START, y + i, chroma);
            self.v.store_upper_8(START, y + i, chroma);
        }
    }

    /// Stores the rows of the lower lanes alone.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn store_luma_rows(&mut self, y: usize, rows: &[__m256i]) {
        for (i, row) in rows.iter().enumerate() {
            self.luma.store_16(START, y + i, _mm256_castsi256_si128(*row));
        }
    }
}

#[inline(always)]
fn eight([a, b, c, d]: FourRows, [e, f, g, h]: FourRows) -> [__m256i; 8] {
    [a, b, c, d, e, f, g, h]
}

#[inline(always)]
fn last_four([_, _, _, _, e, f, g, h]: [__m256i; 8]) -> FourRows {
    [e, f, g, h]
}

/// Filters the edges to the left and above.
///
/// The rows below the upper edge are loaded before those across the left one are stored, and what has changed of them
/// is put in: a load that overlaps a smaller store just made would have to wait for it.
#[inline]
#[target_feature(enable = "avx2")]
fn filter_outer(samples: &mut Surroundings<'_>, edges: MacroblockEdges, limits: &Limits) {
    let mut below = match edges.top {
        true => samples.load_rows(START),
        false => [_mm256_setzero_si256(); 4],
    };
    if edges.left {
        let mut across = samples.load_columns(0);
        filter_macroblock_edge(&mut across, limits);
        samples.store_left_edge(&across);
        let [_, _, _, _, c0, c1, c2, c3] = across;
        put_first_columns(&mut below, turn_four_to_rows(c0, c1, c2, c3));
    }
    if edges.top {
        let mut across = eight(samples.load_rows(0), below);
        filter_macroblock_edge(&mut across, limits);
        samples.store_rows(1, &across[1..7]);
    }
}

/// Replaces the first four samples of four rows of luma, U and V. The new ones come as turned: rows 0 to 3 of luma and U, later
/// those of luma's rows 8 to 11 and V's first.
#[inline]
#[target_feature(enable = "avx2")]
fn put_first_columns(rows: &mut FourRows, [luma_and_u, _, v, _]: [__m256i; 4]) {
    // U stays in the first half of the upper lane, V goes to the second.
    let [row_0, row_1, row_2, row_3] = rows;
    *row_0 = put(*row_0, luma_and_u, _mm256_shuffle_epi32::<0b00_00_00_00>(v));
    *row_1 = put(*row_1, _mm256_shuffle_epi32::<0b01>(luma_and_u), _mm256_shuffle_epi32::<0b01_01_01_01>(v));
    *row_2 = put(*row_2, _mm256_shuffle_epi32::<0b10>(luma_and_u), _mm256_shuffle_epi32::<0b10_10_10_10>(v));
    *row_3 = put(*row_3, _mm256_shuffle_epi32::<0b11>(luma_and_u), _mm256_shuffle_epi32::<0b11_11_11_11>(v));
}

#[inline]
#[target_feature(enable = "avx2")]
fn put(row: __m256i, luma_and_u: __m256i, v: __m256i) -> __m256i {
    _mm256_blend_epi32::<0b0100_0000>(_mm256_blend_epi32::<0b0001_0001>(row, luma_and_u), v)
}

/// Filters all edges of a macroblock, which stays in registers between its columns and its rows.
#[inline]
#[target_feature(enable = "avx2")]
fn filter_all(samples: &mut Surroundings<'_>, edges: MacroblockEdges, outer: &Limits, inner: &Limits) {
    let mut across = samples.load_columns(START);
    let [c8, c9, c10, c11, c12, c13, c14, c15] = samples.load_luma_columns(START + 8);
    if edges.left {
        let mut across_left = samples.load_columns(0);
        filter_macroblock_edge(&mut across_left, outer);
        samples.store_left_edge(&across_left);
        across[..4].copy_from_slice(&across_left[4..]);
    }
    filter_subblock_edge(&mut across, inner);
    let [_, _, _, _, c4, c5, c6, c7] = across;
    let mut across_8 = [c4, c5, c6, c7, c8, c9, c10, c11];
    filter_subblock_edge(&mut across_8, inner);
    let [c4, c5, c6, c7, c8, c9, c10, c11] = across_8;
    let mut across_12 = [c8, c9, c10, c11, c12, c13, c14, c15];
    filter_subblock_edge(&mut across_12, inner);
    // Chroma has no edge there.
    for (column, luma) in across[4..].iter_mut().zip([c4, c5, c6, c7]) {
        *column = _mm256_blend_epi32::<0b1111>(*column, luma);
    }

    let [r0, r4, r8, r12] = rows_of_macroblock(turn_to_rows(&across), turn_to_rows(&across_12));
    let mut first = r0;
    if edges.top {
        let mut across = eight(samples.load_rows(0), r0);
        filter_macroblock_edge(&mut across, outer);
        samples.store_rows(1, &across[1..4]);
        first = last_four(across);
    }
    let mut across = eight(first, r4);
    filter_subblock_edge(&mut across, inner);
    samples.store_rows(START, &across);
    // From here on there is luma alone; the upper lanes hold what does not matter.
    let mut across = eight(last_four(across), r8);
    filter_subblock_edge(&mut across, inner);
    samples.store_luma_rows(START + 4, &across[..4]);
    let mut across = eight(last_four(across), r12);
    filter_subblock_edge(&mut across, inner);
    samples.store_luma_rows(START + 8, &across);
}

/// Puts the rows of a macroblock together from their halves, as [`turn_to_rows`] gives them: of luma's left half and of chroma, and of
/// luma's right half.
#[inline]
#[target_feature(enable = "avx2")]
fn rows_of_macroblock(left: [__m256i; 8], right: [__m256i; 8]) -> [FourRows; 4] {
    let [l0, l1, l2, l3, l4, l5, l6, l7] = left;
    let [r0, r1, r2, r3, r4, r5, r6, r7] = right;
    // U lies beside luma's first eight rows and V beside the others: V belongs to the right of U.
    let with_v = |right, left_with_v| _mm256_blend_epi32::<0b1111_0000>(right, left_with_v);
    let (r0, r1, r2, r3) = (with_v(r0, l4), with_v(r1, l5), with_v(r2, l6), with_v(r3, l7));
    let four = |l0, r0, l1, r1| {
        [
            _mm256_unpacklo_epi64(l0, r0),
            _mm256_unpackhi_epi64(l0, r0),
            _mm256_unpacklo_epi64(l1, r1),
            _mm256_unpackhi_epi64(l1, r1),
        ]
    };
    [four(l0, r0, l1, r1), four(l2, r2, l3, r3), four(l4, r4, l5, r5), four(l6, r6, l7, r7)]
}

#[target_feature(enable = "avx2")]
pub(in crate::kernels) fn filter_macroblock(
    planes: &mut MacroblockPlanes<'_>,
    edges: MacroblockEdges,
    macroblock_limits: &EdgeLimits,
    subblock_limits: &EdgeLimits,
) {
    let mut samples = Surroundings::of(planes);
    let outer = Limits::of(macroblock_limits);
    if edges.inner {
        filter_all(&mut samples, edges, &outer, &Limits::of(subblock_limits));
    } else {
        filter_outer(&mut samples, edges, &outer);
    }
}
