//! From quantizer indices to the steps that coefficients are multiplied by (RFC 6386 §9.6, §14.1).

use crate::bitstream::frame_header::{QuantizerHeader, SegmentValues};
use crate::bitstream::tables::{AC_STEPS, DC_STEPS};
use crate::macroblock::QuantizerIndex;

/// The steps of DC and AC coefficients, by kind of block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct QuantizerSteps {
    /// Of luma.
    pub(crate) y: [i16; 2],
    /// Of the block of luma's DCs.
    pub(crate) y2: [i16; 2],
    /// Of U and V.
    pub(crate) chroma: [i16; 2],
}

impl QuantizerSteps {
    /// The steps of macroblocks with `index`; the differences are the frame header's.
    pub(crate) fn new(index: QuantizerIndex, header: &QuantizerHeader) -> Self {
        let at = |table: &[u16; 128], delta: i8| {
            let index = QuantizerIndex::saturating(i32::from(index.value()) + i32::from(delta));
            table[usize::from(index.value())] as i16
        };
        let y2_ac = i32::from(at(&AC_STEPS, header.y2_ac_delta)) * 155 / 100;
        Self {
            y: [at(&DC_STEPS, header.y_dc_delta), at(&AC_STEPS, 0)],
            y2: [2 * at(&DC_STEPS, header.y2_dc_delta), y2_ac.max(8) as i16],
            chroma: [at(&DC_STEPS, header.chroma_dc_delta).min(132), at(&AC_STEPS, header.chroma_ac_delta)],
        }
    }

    /// The steps of each segment; all alike where there are no segments.
    pub(crate) fn of_segments(header: &QuantizerHeader, segments: Option<&SegmentValues>) -> [Self; 4] {
        std::array::from_fn(|segment| Self::new(segment_index(header.index, segments, segment), header))
    }
}

/// The quantizer index of a segment (RFC 6386 §9.3).
pub(crate) fn segment_index(index: QuantizerIndex, segments: Option<&SegmentValues>, segment: usize) -> QuantizerIndex {
    match segments {
        None => index,
        Some(values) if values.absolute => QuantizerIndex::saturating(values.quantizers[segment].into()),
        Some(values) => QuantizerIndex::saturating(i32::from(index.value()) + i32::from(values.quantizers[segment])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_follow_the_tables_and_their_limits() {
        let header = QuantizerHeader::default();
        let finest = QuantizerSteps::new(QuantizerIndex::MIN, &header);
        assert_eq!(finest, QuantizerSteps { y: [4, 4], y2: [8, 8], chroma: [4, 4] });
        let coarsest = QuantizerSteps::new(QuantizerIndex::MAX, &header);
        assert_eq!(coarsest, QuantizerSteps { y: [157, 284], y2: [314, 440], chroma: [132, 284] });
        let shifted = QuantizerHeader { y_dc_delta: -15, chroma_ac_delta: 15, ..header };
        assert_eq!(QuantizerSteps::new(QuantizerIndex::MIN, &shifted).y[0], 4);
        assert_eq!(QuantizerSteps::new(QuantizerIndex::MIN, &shifted).chroma[1], 19);
    }

    #[test]
    fn segments_replace_or_change_the_index() {
        let index = QuantizerIndex::saturating(100);
        let values = SegmentValues { absolute: false, quantizers: [0, 50, -120, 7], ..SegmentValues::default() };
        let indices =
            |values: &SegmentValues| [0, 1, 2, 3].map(|segment| segment_index(index, Some(values), segment).value());
        assert_eq!(indices(&values), [100, 127, 0, 107]);
        assert_eq!(indices(&SegmentValues { absolute: true, ..values }), [0, 50, 0, 7]);
        assert_eq!(segment_index(index, None, 3), index);
    }
}
