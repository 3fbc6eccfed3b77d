//! How much a peer may send before it is cut off: far more than any call has, so that only a flood meets it.

use tokio::time::Instant;

/// So many at once, and so many a second from then on.
#[derive(Debug)]
pub(super) struct Allowance {
    at_once: f64,
    a_second: f64,
    left: f64,
    since: Instant,
}

impl Allowance {
    /// For what the other end says on its stream: a report a second, and what a person's keys change.
    pub(super) fn of_messages(now: Instant) -> Self {
        Self::new(200, 20, now)
    }

    /// For its datagrams: 190 Mbit/s where each is full, ten times a call in 4K; or two seconds of that which a link held back.
    pub(super) fn of_datagrams(now: Instant) -> Self {
        Self::new(40_000, 20_000, now)
    }

    fn new(at_once: u32, a_second: u32, now: Instant) -> Self {
        Self { at_once: at_once.into(), a_second: a_second.into(), left: at_once.into(), since: now }
    }

    /// One came; whether that is within it.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let grown = now.saturating_duration_since(self.since).as_secs_f64() * self.a_second;
        self.left = (self.left + grown).min(self.at_once) - 1.0;
        self.since = now;
        self.left >= 0.0
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_and_a_rate_are_allowed_and_no_more() {
        let mut now = Instant::now();
        let mut allowance = Allowance::new(5, 10, now);
        assert_eq!((0..7).filter(|_| allowance.take(now)).count(), 5);
        let mut allowance = Allowance::new(5, 10, now);
        let mut allowed_of_100 = |every_ms| {
            let mut came = || {
                now += Duration::from_millis(every_ms);
                allowance.take(now)
            };
            (0..100).filter(|_| came()).count()
        };
        assert_eq!(allowed_of_100(101), 100);
        assert!(allowed_of_100(50) < 15, "twice as many soon are too many");
    }
}
