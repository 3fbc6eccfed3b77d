//! The loop filter's level: what suits most pictures at a quantizer, tried against a little more and a little less on a
//! strip of this one. A pure function of the version, so each version has its own.

use crate::QuantizerIndex;
use crate::bitstream::frame_header::{FilterDeltaUpdates, FilterHeader};
use crate::executor::{Executor, all};
use crate::kernels::difference::squared_error_16x16;
use crate::loop_filter::{FilterDeltas, LoopFilter};
use crate::macroblock::MacroblockGrid;
use crate::picture::{PictureBuffer, Plane};

/// By how much the filter level differs by reference and mode: as in libvpx's streams, less where the picture stands still, more
/// where prediction is poor.
pub(super) const FILTER_DELTAS: FilterDeltas = FilterDeltas { references: [2, 0, -2, -2], modes: [4, -2, 2, 4] };

/// Filter levels per thousand quantizer steps: found by measuring BD-rate.
const USUAL_LEVEL: u32 = 340;

/// Levels that are tried, in quarters of the usual one. The usual one comes first and wins ties.
const TRIED: [u32; 3] = [4, 3, 5];

/// The strip is this part of the rows of macroblocks, from the middle of the picture.
const STRIP_PART: usize = 15;

/// Pictures with fewer rows of macroblocks than this take the usual level.
const LEAST_ROWS: usize = 9;

/// The level for `picture`, which is not filtered yet, against what it should look like.
pub(super) fn choose_level(
    executor: &dyn Executor,
    quantizer: QuantizerIndex,
    picture: &PictureBuffer,
    meant: &PictureBuffer,
    grid: &MacroblockGrid,
    is_key: bool,
) -> u8 {
    let usual = u32::from(quantizer.value()) * USUAL_LEVEL / 1000;
    let rows = grid.rows();
    if rows < LEAST_ROWS || usual == 0 {
        return usual as u8;
    }
    let count = (rows / STRIP_PART).max(2);
    let first = (rows - count) / 2;
    let tries = TRIED.map(|quarters| {
        move || {
            let level = (usual * quarters / 4).min(63) as u8;
            let header = FilterHeader { level, deltas: Some(FilterDeltaUpdates::default()), ..FilterHeader::default() };
            let mut strip = picture.rows(first..first + count);
            if let Some(filter) = LoopFilter::new(&header, None, &FILTER_DELTAS, is_key) {
                // The first row only lends its samples to the next one.
                for row in 1..count {
                    filter.filter_row(&mut strip, row, grid.row(first + row));
                }
            }
            (squared_error(&strip, meant, first + 1, count - 1), level)
        }
    });
    let tried = all(executor, tries).into_iter().min_by_key(|(error, _)| *error);
    tried.map_or(usual as u8, |(_, level)| level)
}

/// Squared error of luma in a strip, leaving out its first row of macroblocks, against `count` rows of what it should look like
/// from `first` on.
fn squared_error(strip: &PictureBuffer, meant: &PictureBuffer, first: usize, count: usize) -> u32 {
    let (painted, meant) = (strip.plane(Plane::Y), meant.plane(Plane::Y));
    let mut total = 0u32;
    for y in (0..count * 16).step_by(16) {
        for x in (0..painted.width).step_by(16) {
            let a = painted.at(x as isize, (16 + y) as isize);
            let b = meant.at(x as isize, (first * 16 + y) as isize);
            total = total.saturating_add(squared_error_16x16(a, painted.stride, b, meant.stride));
        }
    }
    total
}
