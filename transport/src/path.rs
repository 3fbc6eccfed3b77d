//! What acks tell of the path's times: one-way delay on two clocks, its floor, and the round trip.
//!
//! A one-way delay is the receiver's clock minus ours, so it holds an unknown constant. It is only ever used in
//! differences, where the constant cancels. All times here are µs in an i64.

use std::time::Duration;

/// The path's times, from the newest acks.
#[derive(Clone, Debug)]
pub(crate) struct Path {
    base: WindowedMinimum,
    latest: Option<Sample>,
    smoothed_round_trip_us: f64,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    one_way_us: i64,
    round_trip_us: i64,
}

impl Path {
    /// A path of which nothing is known yet; the floor of its delay will be remembered for `base_window`.
    pub(crate) fn new(base_window: Duration) -> Self {
        Self { base: WindowedMinimum::new(micros(base_window)), latest: None, smoothed_round_trip_us: 0.0 }
    }

    /// A packet sent at `sent_us` was received at `received_us` by the receiver's clock; its ack is here now.
    pub(crate) fn on_ack(&mut self, sent_us: i64, received_us: i64, now_us: i64) {
        let sample = Sample { one_way_us: received_us - sent_us, round_trip_us: (now_us - sent_us).max(0) };
        self.base.update(sample.one_way_us, now_us);
        let round_trip_us = sample.round_trip_us as f64;
        self.smoothed_round_trip_us = match self.latest {
            None => round_trip_us,
            Some(_) => self.smoothed_round_trip_us + (round_trip_us - self.smoothed_round_trip_us) / 8.0, // RFC 6298
        };
        self.latest = Some(sample);
    }

    /// The smallest one-way delay in the base window.
    pub(crate) fn one_way_base_us(&self) -> Option<i64> {
        self.base.value()
    }

    /// How much longer than the smallest the newest packet took.
    pub(crate) fn queueing_us(&self) -> Option<i64> {
        Some(self.latest?.one_way_us - self.base.value()?)
    }

    /// What is left of the newest round trip without its way there: the way back, minus the difference of the clocks.
    pub(crate) fn way_back_us(&self) -> Option<i64> {
        self.latest.map(|sample| sample.round_trip_us - sample.one_way_us)
    }

    /// The round trip without queueing on the way there.
    pub(crate) fn round_trip_floor_us(&self) -> Option<i64> {
        Some((self.one_way_base_us()? + self.way_back_us()?).max(0))
    }

    /// The round trip, smoothed as TCP does.
    pub(crate) fn smoothed_round_trip_us(&self) -> Option<i64> {
        self.latest.map(|_| self.smoothed_round_trip_us as i64)
    }
}

/// The smallest value of about the last window, in two buckets of half a window: what was seen is remembered for at
/// least half of it and at most all, so a path that has become longer is believed in the end. The window is of time in
/// which acks came: a silence ages nothing, or the first packet after an outage, which waited it out, would be the floor.
#[derive(Clone, Debug)]
struct WindowedMinimum {
    half_window_us: i64,
    /// Time in which acks came, and when the last did.
    heard_us: i64,
    heard_at_us: Option<i64>,
    bucket_start_us: i64,
    current: Option<i64>,
    previous: Option<i64>,
}

impl WindowedMinimum {
    fn new(window_us: i64) -> Self {
        Self {
            half_window_us: (window_us / 2).max(1),
            heard_us: 0,
            heard_at_us: None,
            bucket_start_us: 0,
            current: None,
            previous: None,
        }
    }

    fn update(&mut self, value: i64, now_us: i64) {
        let pause_us = self.heard_at_us.map_or(0, |heard_at_us| now_us.saturating_sub(heard_at_us).max(0));
        self.heard_us += pause_us.min(SILENCE_US);
        self.heard_at_us = Some(now_us);
        let age_us = self.heard_us - self.bucket_start_us;
        if self.current.is_none() || age_us >= self.half_window_us {
            self.previous = self.current.take();
            self.bucket_start_us = self.heard_us;
        }
        self.current = Some(self.current.map_or(value, |current| current.min(value)));
    }

    fn value(&self) -> Option<i64> {
        match (self.current, self.previous) {
            (Some(current), Some(previous)) => Some(current.min(previous)),
            (current, previous) => current.or(previous),
        }
    }
}

/// A pause between acks counts as heard up to this long; one packet a second is the least that is sent.
const SILENCE_US: i64 = 1_000_000;

/// A time of the caller's clock in µs; times past 4,500 years stand still, so that differences never overflow.
pub(crate) fn micros(time: Duration) -> i64 {
    const LATEST: i64 = 1 << 57;
    i64::try_from(time.as_micros()).map_or(LATEST, |micros| micros.min(LATEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_is_forgotten_after_the_window_and_not_before_half_of_it() {
        let mut path = Path::new(Duration::from_secs(10));
        path.on_ack(0, 20_000, 40_000);
        for second in 1..=20 {
            let sent_us = second * 1_000_000;
            path.on_ack(sent_us, sent_us + 50_000, sent_us + 70_000);
            let expected = if second < 10 { 20_000 } else { 50_000 };
            assert_eq!(path.one_way_base_us(), Some(expected), "second {second}");
        }
    }

    #[test]
    fn the_floor_outlives_an_outage() {
        let mut path = Path::new(Duration::from_secs(10));
        for second in 0..7 {
            let sent_us = second * 1_000_000;
            path.on_ack(sent_us, sent_us + 20_000, sent_us + 40_000);
        }
        // Sent into an outage of half a minute, and delivered at its end.
        path.on_ack(7_000_000, 37_000_000, 37_020_000);
        assert_eq!(path.one_way_base_us(), Some(20_000));
        assert_eq!(path.queueing_us(), Some(30_000_000 - 20_000));
    }

    #[test]
    fn a_constant_between_the_clocks_leaves_everything_but_the_delays_names() {
        let mut together = Path::new(Duration::from_secs(10));
        let mut apart = Path::new(Duration::from_secs(10));
        for (sent_us, delay_us) in [(0, 30_000), (10_000, 25_000), (20_000, 90_000)] {
            together.on_ack(sent_us, sent_us + delay_us, sent_us + delay_us + 20_000);
            apart.on_ack(sent_us, sent_us + delay_us + 7_000_000, sent_us + delay_us + 20_000);
        }
        assert_eq!(together.queueing_us(), Some(65_000));
        assert_eq!(apart.queueing_us(), Some(65_000));
        assert_eq!(together.round_trip_floor_us(), Some(45_000));
        assert_eq!(apart.round_trip_floor_us(), Some(45_000));
        assert_eq!(apart.smoothed_round_trip_us(), together.smoothed_round_trip_us());
    }
}
