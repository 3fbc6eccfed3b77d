//! What an omniscient sender would get: the bounds that every measured delay is set beside.
//!
//! B1 is Sprout's omniscient protocol (Winstein et al., NSDI 2013): a packet reaches the queue exactly at every
//! opportunity, so that the signal at the receiver is as old as the last opportunity plus the propagation. B2 adds the
//! camera's clock and a frame's size: each frame needs so many opportunities, from an empty queue.

use crate::trace::Trace;
use std::fmt;
use std::ops::Range;

/// How a delay was spread over a window, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DelayFigures {
    /// Arithmetic mean.
    pub mean_ms: f64,
    /// Median. Percentiles are the item ⌊p·n⌋ of the n sorted values, as in mahimahi's and Sprout's tools.
    pub p50_ms: f64,
    /// 95th percentile.
    pub p95_ms: f64,
    /// 99th percentile.
    pub p99_ms: f64,
    /// The largest.
    pub max_ms: f64,
}

/// The omniscient bound over a window of a looped trace.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    /// The delay of the signal.
    pub delay: DelayFigures,
    /// What the link can carry in the window, in kbit/s.
    pub capacity_kbps: f64,
}

/// Why there is no bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BoundError {
    /// The window has no millisecond, or no frame.
    EmptyWindow,
    /// The window is longer than [`MAX_WINDOW_MS`].
    WindowTooLong {
        /// Its length.
        length_ms: u64,
    },
    /// Frames a second must be over 0 and at most [`MAX_FRAMES_PER_SECOND`], and a frame takes an opportunity or more.
    NoSuchFrames,
}

impl Bound {
    /// B1: for every millisecond of the window, the propagation and the time since the last opportunity at or before it.
    /// Before the first opportunity of all, the loop before counts.
    ///
    /// # Errors
    /// [`BoundError::EmptyWindow`], [`BoundError::WindowTooLong`].
    pub fn b1(trace: &Trace, window_ms: Range<u64>, propagation_ms: u64) -> Result<Self, BoundError> {
        check(&window_ms)?;
        // Two periods on, so that there is a whole loop before: the first opportunity of all may be at the period's end.
        let shifted_ms = window_ms.start % trace.period_ms() + 2 * trace.period_ms();
        let mut next = trace.opportunities_before(shifted_ms);
        let mut last_ms = trace.time_ms(next - 1);
        let ages = (shifted_ms..shifted_ms + (window_ms.end - window_ms.start)).map(|at_ms| {
            while trace.time_ms(next) <= at_ms {
                last_ms = trace.time_ms(next);
                next += 1;
            }
            (propagation_ms + at_ms - last_ms) as f64
        });
        Ok(Self { delay: DelayFigures::of(ages.collect()), capacity_kbps: capacity_kbps(trace, window_ms) })
    }

    /// B2: for every frame that a camera captures in the window, each `1 / frames_per_second` from its start, the time
    /// until the link has had `opportunities` of them from `propagation_ms` after its capture on: no encoder whose
    /// frames need as many can be faster. With one opportunity it is B1 as the frames of a camera see it.
    ///
    /// # Errors
    /// All of [`BoundError`].
    pub fn b2(
        trace: &Trace,
        window_ms: Range<u64>,
        propagation_ms: u64,
        frames_per_second: f64,
        opportunities: u64,
    ) -> Result<Self, BoundError> {
        check(&window_ms)?;
        let frames_fit = frames_per_second > 0.0 && frames_per_second <= MAX_FRAMES_PER_SECOND;
        if !frames_fit || !(1..=crate::MAX_QUEUED_PACKETS).contains(&opportunities) {
            return Err(BoundError::NoSuchFrames);
        }
        let length_ms = window_ms.end - window_ms.start;
        let start_ms = window_ms.start % trace.period_ms();
        let delays = (0_u64..)
            .map(|frame| frame as f64 * 1000.0 / frames_per_second)
            .take_while(|&captured_ms| captured_ms < length_ms as f64)
            .map(|captured_ms| {
                // Opportunities are at whole milliseconds, so the first at or after a moment is that after its ceiling.
                let ready_ms = start_ms + propagation_ms + captured_ms.ceil() as u64;
                let served_ms = trace.time_ms(trace.opportunities_before(ready_ms) + opportunities - 1);
                (served_ms - start_ms) as f64 - captured_ms
            });
        Ok(Self { delay: DelayFigures::of(delays.collect()), capacity_kbps: capacity_kbps(trace, window_ms) })
    }
}

impl DelayFigures {
    /// Of at least one delay, in milliseconds and any order.
    fn of(mut delays_ms: Vec<f64>) -> Self {
        let count = delays_ms.len();
        assert!(count > 0, "the window was checked to have a sample");
        let mean_ms = delays_ms.iter().sum::<f64>() / count as f64;
        delays_ms.sort_unstable_by(f64::total_cmp);
        let percentile = |percent: usize| delays_ms[percent * count / 100];
        Self {
            mean_ms,
            p50_ms: percentile(50),
            p95_ms: percentile(95),
            p99_ms: percentile(99),
            max_ms: delays_ms[count - 1],
        }
    }
}

impl fmt::Display for BoundError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyWindow => write!(f, "the window ends where it starts, or before"),
            Self::WindowTooLong { length_ms } => {
                write!(f, "a window of {length_ms} ms is longer than {MAX_WINDOW_MS} ms")
            }
            Self::NoSuchFrames => {
                write!(
                    f,
                    "frames a second must be over 0 and at most {MAX_FRAMES_PER_SECOND}, opportunities at least 1"
                )
            }
        }
    }
}

impl std::error::Error for BoundError {}

fn check(window_ms: &Range<u64>) -> Result<(), BoundError> {
    match window_ms.end.saturating_sub(window_ms.start) {
        0 => Err(BoundError::EmptyWindow),
        length_ms if length_ms > MAX_WINDOW_MS => Err(BoundError::WindowTooLong { length_ms }),
        _ => Ok(()),
    }
}

fn capacity_kbps(trace: &Trace, window_ms: Range<u64>) -> f64 {
    let length_ms = window_ms.end - window_ms.start;
    trace.capacity_bytes(window_ms) as f64 * 8.0 / length_ms as f64
}

/// The longest window: six hours, 170 MB of samples.
pub const MAX_WINDOW_MS: u64 = 6 * 3600 * 1000;

/// More frames than this is a mistake: one each millisecond.
pub const MAX_FRAMES_PER_SECOND: f64 = 1000.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(text: &str) -> Trace {
        Trace::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn the_signal_ages_between_opportunities() {
        // At 0 ms the last one was the end of the loop before; ages 0 1 2 0 1 2 3, then 0 at 7 and so on.
        let bound = Bound::b1(&trace("3\n3\n7\n"), 0..7, 20).unwrap();
        let expected =
            DelayFigures { mean_ms: 20.0 + 9.0 / 7.0, p50_ms: 21.0, p95_ms: 23.0, p99_ms: 23.0, max_ms: 23.0 };
        assert_eq!(bound.delay, expected);
        assert!((bound.capacity_kbps - 2.0 * 12000.0 / 7.0).abs() < 1e-9); // the one at 7 ms is outside
    }

    #[test]
    fn a_trace_of_one_line_has_a_loop_before_it_too() {
        let bound = Bound::b1(&trace("10\n"), 0..1000, 20).unwrap();
        let expected = DelayFigures { mean_ms: 24.5, p50_ms: 25.0, p95_ms: 29.0, p99_ms: 29.0, max_ms: 29.0 };
        assert_eq!(bound.delay, expected);
    }

    #[test]
    fn a_window_far_on_is_that_window_of_the_loop() {
        let trace = trace("3\n3\n7\n9\n");
        let (early, late) = (Bound::b1(&trace, 4..40, 5).unwrap(), Bound::b1(&trace, 904..940, 5).unwrap());
        assert_eq!(early, late);
        let b2 = |window_ms| Bound::b2(&trace, window_ms, 5, 100.0, 3).unwrap();
        assert_eq!(b2(4..400), b2(904..1300));
    }

    #[test]
    fn a_frame_waits_for_its_last_opportunity() {
        // Frames at 0, 10, 20, 30; ready 1 ms later; one opportunity each 4 ms; the second one counts.
        let bound = Bound::b2(&trace("4\n"), 0..40, 1, 100.0, 2).unwrap();
        // ready at 1 11 21 31, served at 8 16 28 36: delays 8 6 8 6.
        let expected = DelayFigures { mean_ms: 7.0, p50_ms: 8.0, p95_ms: 8.0, p99_ms: 8.0, max_ms: 8.0 };
        assert_eq!(bound.delay, expected);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let trace = trace("4\n");
        assert_eq!(Bound::b1(&trace, 5..5, 0), Err(BoundError::EmptyWindow));
        assert_eq!(Bound::b1(&trace, Range { start: 5, end: 4 }, 0), Err(BoundError::EmptyWindow));
        let length_ms = MAX_WINDOW_MS + 1;
        assert_eq!(Bound::b1(&trace, 5..5 + length_ms, 0), Err(BoundError::WindowTooLong { length_ms }));
        for (frames_per_second, opportunities) in [(0.0, 1), (f64::NAN, 1), (1001.0, 1), (30.0, 0)] {
            assert_eq!(Bound::b2(&trace, 0..9, 0, frames_per_second, opportunities), Err(BoundError::NoSuchFrames));
        }
    }
}
