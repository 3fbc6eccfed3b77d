//! Times without a new picture: the longest, and how many were freezes by WebRTC's rule.

use std::collections::VecDeque;

use super::Run;

/// Times without a new picture in the scored window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Gaps {
    /// How many were freezes.
    pub freezes: u64,
    /// The longest; `None` if the window is empty.
    pub longest_ms: Option<f64>,
}

/// The gaps between pictures on the screen, those at either end of the scored window included.
///
/// A gap is a freeze when it is at least three times, and at least 150 ms more than, the mean of the
/// [`AVERAGED_GAPS`] gaps before it (webrtc-stats, `freezeCount`). A freeze that lasts to the run's end counts; the
/// wait for the first picture of all does not, as there is nothing yet to freeze.
pub fn screen_gaps(run: &Run) -> Gaps {
    let (from_us, ends_us) = (run.scored_from_us(), run.ends_us);
    if from_us >= ends_us {
        return Gaps::default();
    }
    let mut instants: Vec<u64> = run.frames.iter().filter_map(|frame| run.shown_us(frame)).collect();
    instants.sort_unstable();

    let mut before = Before::default();
    let mut freezes = 0;
    let mut longest_us = 0;
    let mut last_us = None;
    for at_us in instants.into_iter().chain([ends_us]) {
        if at_us > from_us {
            longest_us = longest_us.max(at_us - last_us.unwrap_or(from_us).max(from_us));
            freezes += u64::from(last_us.is_some_and(|last_us| before.is_freeze(at_us - last_us)));
        }
        if let Some(last_us) = last_us {
            before.push(at_us - last_us);
        }
        last_us = Some(at_us);
    }
    Gaps { freezes, longest_ms: Some(longest_us as f64 / 1e3) }
}

/// The gaps before this one.
#[derive(Default)]
struct Before {
    gaps_us: VecDeque<u64>,
}

impl Before {
    fn is_freeze(&self, gap_us: u64) -> bool {
        let count = self.gaps_us.len() as u64;
        let sum: u64 = self.gaps_us.iter().sum();
        count > 0 && gap_us * count >= 3 * sum && gap_us * count >= sum + FREEZE_MARGIN_US * count
    }

    fn push(&mut self, gap_us: u64) {
        if self.gaps_us.len() == AVERAGED_GAPS {
            self.gaps_us.pop_front();
        }
        self.gaps_us.push_back(gap_us);
    }
}

/// As many gaps as webrtc-stats averages.
pub const AVERAGED_GAPS: usize = 30;

const FREEZE_MARGIN_US: u64 = 150_000;
