//! Which edges the loop filter smooths, and how strongly (RFC 6386 §9.3, §9.6, §15).

use crate::bitstream::frame_header::{FilterHeader, SegmentValues};
use crate::kernels::edge_filter::{
    Edge, EdgeLimits, MacroblockEdges, MacroblockPlanes, filter_macroblock, simple_edge_luma,
};
use crate::macroblock::{LumaMode, Macroblock, Reference};
use crate::picture::{PictureBuffer, PlaneViewMut};

/// By how much references and modes change the filter level: what lasts from frame to frame (RFC 6386 §9.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FilterDeltas {
    /// By reference: intra, last, golden, altref; -63..=63.
    pub(crate) references: [i8; 4],
    /// By mode: subblocks, zero, other vectors, split; -63..=63.
    pub(crate) modes: [i8; 4],
}

/// The highest filter level.
const MAX_LEVEL: i32 = 63;

/// The loop filter of one frame.
#[derive(Clone, Debug)]
pub(crate) struct LoopFilter {
    simple: bool,
    /// Levels by segment, reference and class of mode.
    levels: [[[u8; 4]; 4]; 4],
    /// Limits by level, of edges between macroblocks and between subblocks.
    limits: Vec<(EdgeLimits, EdgeLimits)>,
}

impl LoopFilter {
    /// The filter of a frame, or none where its level is 0.
    ///
    /// `segments` are the values of its segments, where it has any; `deltas` contain the header's updates.
    pub(crate) fn new(
        header: &FilterHeader,
        segments: Option<&SegmentValues>,
        deltas: &FilterDeltas,
        is_key: bool,
    ) -> Option<Self> {
        if header.level == 0 {
            return None;
        }
        let levels = std::array::from_fn(|segment| {
            let level = segment_level(header.level, segments, segment);
            std::array::from_fn(|reference| {
                std::array::from_fn(|class| match header.deltas {
                    Some(_) => adjusted_level(level, deltas, reference, class),
                    None => level as u8,
                })
            })
        });
        let limits = (0..=MAX_LEVEL as u8).map(|level| edge_limits(level, header.sharpness, is_key)).collect();
        Some(Self { simple: header.simple, levels, limits })
    }

    /// The level for a macroblock.
    #[inline]
    fn level(&self, macroblock: &Macroblock) -> u8 {
        let class = mode_class(macroblock.luma_mode);
        self.levels[usize::from(macroblock.segment)][macroblock.reference as usize][class]
    }

    /// Filters row `row` of macroblocks, where those above are filtered and this one is decoded.
    ///
    /// Up to three rows of samples above change too; the lowest ones of this row change again with the next.
    pub(crate) fn filter_row(&self, picture: &mut PictureBuffer, row: usize, macroblocks: &[Macroblock]) {
        let [luma, u, v] = &mut picture.planes_mut();
        for (column, macroblock) in macroblocks.iter().enumerate() {
            let level = self.level(macroblock);
            if level == 0 {
                continue;
            }
            let (outer_limits, inner_limits) = &self.limits[usize::from(level)];
            let inner = macroblock.has_coefficients || !macroblock.luma_mode.has_y2();
            if self.simple {
                filter_simply(luma, row, column, outer_limits, inner.then_some(inner_limits));
                continue;
            }
            let mut planes = MacroblockPlanes {
                luma_at: luma.index(column * 16, row * 16),
                luma_stride: luma.stride,
                luma: &mut *luma.samples,
                chroma_at: u.index(column * 8, row * 8),
                chroma_stride: u.stride,
                chroma: [&mut *u.samples, &mut *v.samples],
            };
            let edges = MacroblockEdges { left: column > 0, top: row > 0, inner };
            filter_macroblock(&mut planes, edges, outer_limits, inner_limits);
        }
    }
}

fn filter_simply(
    luma: &mut PlaneViewMut<'_>,
    row: usize,
    column: usize,
    outer: &EdgeLimits,
    inner: Option<&EdgeLimits>,
) {
    let (stride, at) = (luma.stride, luma.index(column * 16, row * 16));
    let samples = &mut *luma.samples;
    for (edge, across, has_outer) in [(Edge::Vertical, 1, column > 0), (Edge::Horizontal, stride, row > 0)] {
        if has_outer {
            simple_edge_luma(samples, at, stride, edge, outer.edge);
        }
        if let Some(inner) = inner {
            for offset in [4, 8, 12] {
                simple_edge_luma(samples, at + offset * across, stride, edge, inner.edge);
            }
        }
    }
}

/// The level of a segment before references and modes change it.
fn segment_level(level: u8, segments: Option<&SegmentValues>, segment: usize) -> i32 {
    let level = i32::from(level);
    let level = match segments {
        None => level,
        Some(values) if values.absolute => i32::from(values.filter_levels[segment]),
        Some(values) => level + i32::from(values.filter_levels[segment]),
    };
    level.clamp(0, MAX_LEVEL)
}

// Classes of modes by what changes their level.
const CLASS_SUBBLOCKS: usize = 0;
const CLASS_ZERO: usize = 1;
const CLASS_VECTOR: usize = 2;
const CLASS_SPLIT: usize = 3;

fn mode_class(mode: LumaMode) -> usize {
    match mode {
        LumaMode::Subblocks => CLASS_SUBBLOCKS,
        LumaMode::Nearest | LumaMode::Near | LumaMode::New => CLASS_VECTOR,
        LumaMode::Split => CLASS_SPLIT,
        // Intra modes of whole macroblocks share a class with Zero, and are told apart by their reference.
        _ => CLASS_ZERO,
    }
}

fn adjusted_level(level: i32, deltas: &FilterDeltas, reference: usize, class: usize) -> u8 {
    let is_intra = reference == Reference::Intra as usize;
    let by_mode = if is_intra && class != CLASS_SUBBLOCKS { 0 } else { deltas.modes[class] };
    (level + i32::from(deltas.references[reference]) + i32::from(by_mode)).clamp(0, MAX_LEVEL) as u8
}

/// The limits of edges between macroblocks and between subblocks at a level (RFC 6386 §15.2 to §15.4).
fn edge_limits(level: u8, sharpness: u8, is_key: bool) -> (EdgeLimits, EdgeLimits) {
    let mut interior = level >> (u8::from(sharpness > 0) + u8::from(sharpness > 4));
    if sharpness > 0 {
        interior = interior.min(9 - sharpness);
    }
    let interior = interior.max(1);
    let high_variance = match (level, is_key) {
        (40.., true) => 2,
        (15.., true) => 1,
        (40.., false) => 3,
        (20.., false) => 2,
        (15.., false) => 1,
        _ => 0,
    };
    let limits = |edge| EdgeLimits { edge, interior, high_variance };
    (limits((level + 2) * 2 + interior), limits(level * 2 + interior))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bitstream::frame_header::FilterDeltaUpdates;

    const DELTAS: FilterDeltas = FilterDeltas { references: [2, 0, -2, -40], modes: [4, -3, 1, 30] };

    fn filter(header: &FilterHeader, segments: Option<&SegmentValues>) -> LoopFilter {
        LoopFilter::new(header, segments, &DELTAS, false).unwrap()
    }

    #[test]
    fn level_0_filters_nothing_whatever_segments_say() {
        let segments = SegmentValues { absolute: true, filter_levels: [63; 4], ..SegmentValues::default() };
        assert!(LoopFilter::new(&FilterHeader::default(), Some(&segments), &DELTAS, true).is_none());
    }

    #[test]
    fn references_and_modes_change_the_level_where_the_header_says_so() {
        let header = FilterHeader { level: 20, ..FilterHeader::default() };
        let with_deltas = FilterHeader { deltas: Some(FilterDeltaUpdates::default()), ..header.clone() };
        let zero = Macroblock { luma_mode: LumaMode::Zero, reference: Reference::Last, ..Macroblock::OUTSIDE };
        let subblocks = Macroblock { luma_mode: LumaMode::Subblocks, ..Macroblock::OUTSIDE };
        let split = Macroblock { luma_mode: LumaMode::Split, reference: Reference::Golden, ..zero };
        let far = Macroblock { reference: Reference::AltRef, ..zero };
        let levels = |filter: &LoopFilter| {
            [&Macroblock::OUTSIDE, &subblocks, &zero, &split, &far].map(|macroblock| filter.level(macroblock))
        };
        assert_eq!(levels(&filter(&header, None)), [20; 5]);
        assert_eq!(levels(&filter(&with_deltas, None)), [22, 26, 17, 48, 0]);
    }

    #[test]
    fn segments_replace_or_change_the_level() {
        let header = FilterHeader { level: 20, ..FilterHeader::default() };
        let values = SegmentValues { absolute: true, filter_levels: [5, 63, -3, 0], ..SegmentValues::default() };
        let level = |values: &SegmentValues, segment| {
            filter(&header, Some(values)).level(&Macroblock { segment, ..Macroblock::OUTSIDE })
        };
        assert_eq!([0, 1, 2, 3].map(|segment| level(&values, segment)), [5, 63, 0, 0]);
        let values = SegmentValues { absolute: false, ..values };
        assert_eq!([0, 1, 2, 3].map(|segment| level(&values, segment)), [25, 63, 17, 20]);
    }

    #[test]
    fn limits_follow_level_and_sharpness() {
        let limits = |level, sharpness, is_key| edge_limits(level, sharpness, is_key);
        assert_eq!(limits(63, 0, true).0, EdgeLimits { edge: 193, interior: 63, high_variance: 2 });
        assert_eq!(limits(63, 0, false).1, EdgeLimits { edge: 189, interior: 63, high_variance: 3 });
        assert_eq!(limits(20, 3, false).1, EdgeLimits { edge: 46, interior: 6, high_variance: 2 });
        assert_eq!(limits(20, 7, true).1, EdgeLimits { edge: 42, interior: 2, high_variance: 1 });
        assert_eq!(limits(1, 7, true).1.interior, 1);
    }
}
