//! The still background, renewed piece by piece: a few of the macroblocks that stand still are coded again with a finer
//! quantizer in each frame, and are then kept for nothing for as long as they stand still. That is where a call's bits
//! buy most (libvpx's cyclic background refresh rests on the same fact).

use std::sync::Arc;

use crate::QuantizerIndex;
use crate::bitstream::frame_header::{SegmentValues, SegmentationHeader};

use super::rate::best_probability;

/// The segment of the macroblocks that are being renewed; all others are in segment 0.
pub(super) const RENEWED_SEGMENT: u8 = 1;

/// The quantizer of what is renewed in a frame at `quantizer`.
pub(super) fn renewing(quantizer: QuantizerIndex) -> QuantizerIndex {
    QuantizerIndex::saturating(i32::from(quantizer.value()) / 2)
}

/// Macroblocks renewed in one frame at most, in thousandths.
const SHARE: usize = 25;

/// How far the background has been renewed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Background {
    /// Which macroblocks are as fine as they will get; empty if none is.
    fresh: Arc<[bool]>,
    /// The macroblock that the next search begins at.
    next: usize,
}

impl Background {
    /// A background of so many macroblocks, of which nothing is known but where the search has come to in `frames` frames.
    pub(super) fn begun(macroblocks: usize, frames: usize) -> Self {
        Self { fresh: Arc::default(), next: frames.wrapping_mul(most(macroblocks)) % macroblocks.max(1) }
    }

    /// Chooses what to renew among macroblocks that stand still, and answers what the next frame is to know.
    /// `stands_still(index)` and `is_kept(index)` tell which macroblocks are where they were, and which are also exactly as they were.
    pub(super) fn renew(
        &self,
        macroblocks: usize,
        stands_still: impl Fn(usize) -> bool,
        is_kept: impl Fn(usize) -> bool,
    ) -> (Vec<usize>, Self) {
        let was_fresh = |index: usize| self.fresh.get(index).copied().unwrap_or(false);
        let mut fresh: Vec<bool> = (0..macroblocks).map(|index| was_fresh(index) && is_kept(index)).collect();
        let most = most(macroblocks);
        let mut chosen = Vec::with_capacity(most);
        let mut next = self.next;
        for index in (0..macroblocks).map(|step| (self.next + step) % macroblocks) {
            if chosen.len() == most {
                break;
            }
            next = index + 1;
            if stands_still(index) && !fresh[index] {
                fresh[index] = true;
                chosen.push(index);
            }
        }
        (chosen, Self { fresh: fresh.into(), next })
    }
}

/// How many of so many macroblocks are renewed in one frame.
fn most(macroblocks: usize) -> usize {
    (macroblocks * SHARE / 1000).max(1)
}

/// What a frame at `quantizer` says of its segments where `renewed` of its macroblocks are being renewed.
pub(super) fn segmentation(quantizer: QuantizerIndex, renewed: u32, macroblocks: u32) -> Option<SegmentationHeader> {
    let probability = best_probability(macroblocks - renewed, renewed)?;
    let difference = renewing(quantizer).value() as i8 - quantizer.value() as i8;
    (renewed > 0).then_some(SegmentationHeader {
        // The tree asks first for the upper pair of segments, which nobody is in.
        map_update: Some([255, probability, 255]),
        values_update: Some(SegmentValues {
            absolute: false,
            quantizers: [0, difference, 0, 0],
            filter_levels: [0; 4],
        }),
    })
}
