//! The original's decisions with its constants, as the baseline of every later claim.

use std::time::Duration;

use oyster_codec::{QuantizerIndex, StateTag};
use oyster_transport::Budget;

use super::Verdict;
use crate::belief::ReceiverBelief;
use crate::job::Versions;

/// The improved version's distance from the last quantizer sent.
const FINER_STEP: i32 = 17;
/// The fail-small version's distance.
const COARSER_STEP: i32 = 23;
/// The original never goes finer.
const FINEST: i32 = 3;
/// After this many skips in a row the next frame goes whatever its size.
const MAX_SKIPPED: u32 = 3;
/// How long frames start only from states the receiver named, once it named one we never made.
const CONSERVATIVE: Duration = Duration::from_secs(5);
/// The first frame's versions are made around this quantizer.
const FIRST_QUANTIZER: i32 = 64;

#[derive(Debug)]
pub(crate) struct Classic {
    last_quantizer: i32,
    skipped: u32,
    conservative_until: Duration,
}

impl Default for Classic {
    fn default() -> Self {
        Self { last_quantizer: FIRST_QUANTIZER, skipped: 0, conservative_until: Duration::ZERO }
    }
}

impl Classic {
    pub(crate) fn source(&self, belief: &ReceiverBelief, now: Duration) -> StateTag {
        if now < self.conservative_until { belief.known() } else { belief.assumed() }
    }

    pub(crate) fn handle_current(&mut self, known: bool, now: Duration) {
        if !known && now >= self.conservative_until {
            self.conservative_until = now + CONSERVATIVE;
        }
    }

    pub(crate) fn versions(&self) -> Versions {
        let at = |index: i32| QuantizerIndex::saturating(index.max(FINEST));
        Versions::At(vec![at(self.last_quantizer - FINER_STEP), at(self.last_quantizer + COARSER_STEP)])
    }

    pub(crate) fn choose(&mut self, sizes: &[usize], budget: &Budget) -> Verdict {
        let verdict = choose(sizes, budget.payload_bytes, self.skipped);
        self.skipped = if verdict == Verdict::Skip { self.skipped + 1 } else { 0 };
        verdict
    }

    pub(crate) fn handle_sent(&mut self, quantizer: QuantizerIndex) {
        self.last_quantizer = i32::from(quantizer.value());
    }
}

/// The largest version within the budget; else nothing, but never more than [`MAX_SKIPPED`] times in a row.
fn choose(sizes: &[usize], budget: usize, skipped: u32) -> Verdict {
    let fitting = (0..sizes.len()).filter(|&i| sizes[i] <= budget).max_by_key(|&i| (sizes[i], std::cmp::Reverse(i)));
    match fitting {
        Some(i) => Verdict::Send(i),
        None if skipped >= MAX_SKIPPED => Verdict::Send(sizes.len() - 1),
        None => Verdict::Skip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_larger_version_goes_when_both_fit() {
        assert_eq!(choose(&[9_000, 3_000], 10_000, 0), Verdict::Send(0));
        assert_eq!(choose(&[9_000, 3_000], 9_000, 0), Verdict::Send(0));
        assert_eq!(choose(&[9_000, 3_000], 8_999, 0), Verdict::Send(1));
        assert_eq!(choose(&[9_000, 3_000], usize::MAX, 0), Verdict::Send(0));
    }

    #[test]
    fn three_skips_force_the_small_one() {
        assert_eq!(choose(&[9_000, 3_000], 2_999, 0), Verdict::Skip);
        assert_eq!(choose(&[9_000, 3_000], 0, 2), Verdict::Skip);
        assert_eq!(choose(&[9_000, 3_000], 0, 3), Verdict::Send(1));
    }

    #[test]
    fn an_unknown_state_starts_five_seconds_of_caution_once() {
        let mut classic = Classic::default();
        let belief = ReceiverBelief::new(StateTag([0; 8]));
        classic.handle_current(false, Duration::from_secs(1));
        classic.handle_current(false, Duration::from_secs(3));
        assert_eq!(classic.conservative_until, Duration::from_secs(6));
        assert_eq!(classic.source(&belief, Duration::from_secs(5)), belief.known());
    }
}
