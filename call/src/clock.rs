//! The one place of a call that reads a clock. Everything else takes `now: Duration` since the clock was started, so
//! that the same code runs in virtual time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A monotonic clock that also knows which moment of the calendar it was started at.
///
/// Copies tell the same time. A step of the calendar (NTP) while a call lasts does not show: logs stay in order.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
    start_unix: Duration,
}

impl Clock {
    /// A clock that reads 0 now.
    #[expect(clippy::disallowed_methods, reason = "the call's clock is read here and handed on as an argument")]
    pub fn start() -> Self {
        // A calendar before 1970 is a machine without one: its logs then count from the start of the call.
        let start_unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { start: Instant::now(), start_unix }
    }

    /// Time since the start; never goes backwards.
    pub fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// The Unix time, in microseconds, of a moment this clock told: what logs write.
    pub fn unix_us(&self, moment: Duration) -> u64 {
        u64::try_from((self.start_unix + moment).as_micros()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_never_goes_backwards_and_copies_agree() {
        let clock = Clock::start();
        let copy = clock;
        let earlier = clock.now();
        assert!(copy.now() >= earlier);
        assert_eq!(copy.unix_us(earlier), clock.unix_us(earlier));
    }

    #[test]
    fn a_second_on_the_clock_is_a_million_unix_microseconds() {
        let clock = Clock::start();
        assert_eq!(clock.unix_us(Duration::from_secs(1)) - clock.unix_us(Duration::ZERO), 1_000_000);
    }

    #[test]
    fn the_calendar_is_the_machines() {
        let clock = Clock::start();
        let year_2020_us = 1_577_836_800_000_000;
        assert!(clock.unix_us(clock.now()) > year_2020_us);
    }
}
