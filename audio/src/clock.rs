//! When a sample was captured: a device counts samples evenly, but tells of them in blocks and late.

use std::time::Duration;

use crate::{duration_of, micros};

/// Tells the time of each sample of a device from when its blocks came, without their jitter. A device whose clock drifts is
/// followed.
#[derive(Clone, Copy, Debug, Default)]
pub struct SampleClock {
    /// A sample and its time, µs.
    anchor: Option<(u64, i64)>,
}

impl SampleClock {
    /// Sample number `sample` is said to be of `time`: never earlier than it was, often later.
    pub fn observe(&mut self, sample: u64, time: Duration) {
        let time_us = micros(time);
        let expected_us = self.anchor.map(|anchor| since(anchor, sample));
        let anchor_us = match expected_us.map(|expected_us| (expected_us, time_us - expected_us)) {
            Some((expected_us, error_us)) if error_us.abs() < JUMP_US => {
                // Early is true, late is a block that was told of late, or drift.
                let share = if error_us < 0 { EARLY_SHARE } else { LATE_SHARE };
                expected_us + (error_us as f64 * share).round() as i64
            }
            _ => time_us,
        };
        self.anchor = Some((sample, anchor_us));
    }

    /// When a sample is of; none before the first observation.
    pub fn time_of(&self, sample: u64) -> Option<Duration> {
        let us = since(self.anchor?, sample);
        Some(Duration::from_micros(us.max(0).unsigned_abs()))
    }
}

fn since((sample_then, us): (u64, i64), sample: u64) -> i64 {
    us + micros(duration_of(sample.saturating_sub(sample_then)))
        - micros(duration_of(sample_then.saturating_sub(sample)))
}

/// The device was away, or the machine asleep.
const JUMP_US: i64 = 100_000;

/// With a block each 10 ms, a drift of 200 ppm is followed 0.2 ms behind.
const LATE_SHARE: f64 = 0.01;
const EARLY_SHARE: f64 = 0.3;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn late_blocks_and_a_drifting_device_are_told_apart(
            drift_ppm in -200.0..200.0f64, lates_us in prop::collection::vec(0u64..8000, 400),
        ) {
            let mut clock = SampleClock::default();
            for (block, late_us) in (0u64..).zip(lates_us) {
                let sample = block * 480;
                let true_us = (10_000.0 * block as f64 * (1.0 + drift_ppm * 1e-6)) as u64 + 1_000_000;
                clock.observe(sample, Duration::from_micros(true_us + if block % 7 == 0 { 0 } else { late_us }));
                let told_us = clock.time_of(sample).unwrap().as_micros() as i64;
                // Half of what a block is late on average, once it is settled.
                prop_assert!(block < 50 || (told_us - true_us as i64).abs() < 1500, "{} of {}", told_us, true_us);
            }
        }
    }

    #[test]
    fn a_device_that_was_away_begins_anew() {
        let mut clock = SampleClock::default();
        assert_eq!(clock.time_of(0), None);
        clock.observe(0, Duration::from_secs(1));
        clock.observe(480, Duration::from_secs(5));
        assert_eq!(clock.time_of(960), Some(Duration::from_millis(5010)));
        assert_eq!(clock.time_of(0), Some(Duration::from_millis(4990)));
    }
}
