//! What acks tell of the path's times: one-way delay on two clocks, its floor, and the round trip.
//!
//! A one-way delay is the receiver's clock minus ours, so it holds an unknown constant. It is only ever used in
//! differences, where the constant cancels. All times here are µs in an i64.

use std::time::Duration;

/// The path's times, from the newest acks.
#[derive(Clone, Debug)]
pub(crate) struct Path {
    /// Of all packets.
    base: WindowedMinimum,
    /// Of those that met none of ours on their way: with the queue that others keep.
    lone: WindowedMinimum,
    /// Of the way back, by which a leap of the receiver's clock is told from a queue.
    way_back: WindowedMinimum,
    /// Of all packets of the last second or two: with the queue that never emptied, whoever's it is.
    recent: WindowedMinimum,
    /// When the newest packet was received, on the receiver's clock.
    received_us: Option<i64>,
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
        Self {
            base: WindowedMinimum::new(micros(base_window)),
            lone: WindowedMinimum::new(LONE_WINDOW_US),
            way_back: WindowedMinimum::new(WAY_BACK_WINDOW_US),
            recent: WindowedMinimum::new(RECENT_WINDOW_US),
            received_us: None,
            latest: None,
            smoothed_round_trip_us: 0.0,
        }
    }

    /// A packet sent at `sent_us` was received at `received_us` by the receiver's clock; its ack is here now.
    pub(crate) fn on_ack(&mut self, sent_us: i64, received_us: i64, now_us: i64) {
        let sample = Sample { one_way_us: received_us - sent_us, round_trip_us: (now_us - sent_us).max(0) };
        self.follow_leap(sample);
        self.way_back.update(sample.round_trip_us - sample.one_way_us, now_us);
        self.base.update(sample.one_way_us, now_us);
        self.recent.update(sample.one_way_us, now_us);
        // Whatever of ours left before it was out of the queue before it can have joined it.
        let floor_us = self.base.value().unwrap_or(sample.one_way_us);
        if self.received_us.is_none_or(|received_us| received_us <= sent_us + floor_us) {
            self.lone.update(sample.one_way_us, now_us);
        }
        self.received_us = self.received_us.max(Some(received_us));
        let round_trip_us = sample.round_trip_us as f64;
        self.smoothed_round_trip_us = match self.latest {
            None => round_trip_us,
            Some(_) => self.smoothed_round_trip_us + (round_trip_us - self.smoothed_round_trip_us) / 8.0, // RFC 6298
        };
        self.latest = Some(sample);
    }

    /// If the receiver's clock has leapt ahead: the way there seems longer by that and the way back shorter than it ever was, where
    /// a queue leaves the way back alone. What was measured before is then as if it had been by the new clock. If ours has leapt, it
    /// is the other way round: the way there falls below its floor by itself, but the floor of the way back has to be told, or the
    /// next leap of the receiver's would seem smaller than it is, and what is left of it a queue.
    fn follow_leap(&mut self, sample: Sample) {
        let floors = self.way_back.value().zip(self.base.value());
        let Some((way_back_us, one_way_us)) = floors else { return };
        let leap_us = way_back_us - (sample.round_trip_us - sample.one_way_us);
        if leap_us >= LEAP_MIN_US && sample.one_way_us - one_way_us >= leap_us {
            self.base.shift(leap_us);
            self.lone.shift(leap_us);
            self.recent.shift(leap_us);
            self.way_back.shift(-leap_us);
            self.received_us = self.received_us.map(|received_us| received_us + leap_us);
        }
        let shorter_us = one_way_us - sample.one_way_us;
        if shorter_us >= LEAP_MIN_US && -leap_us >= shorter_us {
            self.way_back.shift(shorter_us);
        }
    }

    /// The one-way delay that is not of our making: the smallest in the base window, and up to so much of what packets found
    /// standing that met none of ours.
    pub(crate) fn one_way_base_us(&self) -> Option<i64> {
        let floor_us = self.base.value()?;
        let standing_us = self.lone.value()? - floor_us;
        Some(if standing_us < STANDING_MIN_US { floor_us } else { floor_us + standing_us.min(STANDING_MAX_US) })
    }

    /// Whether others keep a queue standing on the path.
    pub(crate) fn is_contested(&self) -> bool {
        self.one_way_base_us() > self.base.value()
    }

    /// Whether the queue, ours or others', has not emptied of late: no packet came through it at once. (Copa, NSDI 2018, §2.2,
    /// tells so that others are there.)
    pub(crate) fn has_standing_queue(&self) -> bool {
        let standing_us = self.recent.value().zip(self.base.value()).map(|(recent_us, floor_us)| recent_us - floor_us);
        standing_us.is_some_and(|standing_us| standing_us > EMPTY_MAX_US)
    }

    /// When a packet last met none of ours on its way.
    pub(crate) fn lone_at_us(&self) -> Option<i64> {
        self.lone.heard_at_us
    }

    /// How much longer than the smallest the newest packet took.
    pub(crate) fn queueing_us(&self) -> Option<i64> {
        Some(self.latest?.one_way_us - self.one_way_base_us()?)
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

/// How far back lone packets are remembered: half of this at least. Until the queue that a bulk transfer keeps is taken for the path's,
/// the call starves beside it: with 4 s it did for three, and of its few packets most were dropped.
const LONE_WINDOW_US: i64 = 3_000_000;

/// How far back the way back is remembered: longer than a queue of acks stands, shorter than two clocks take to part by
/// [`LEAP_MIN_US`] (300 millionths).
const WAY_BACK_WINDOW_US: i64 = 60_000_000;

/// A leap of a clock is at least this; less does no harm, and a path may become shorter by as much while a queue grows.
const LEAP_MIN_US: i64 = 20_000;

/// How far back a queue may have been empty last that is a standing one: half of this at least. Links whose rate changes all
/// the time empty it more often, and one that falls to a tenth has settled by then.
const RECENT_WINDOW_US: i64 = 2_000_000;

/// A packet that took no longer than this over the floor found the queue as good as empty.
const EMPTY_MAX_US: i64 = 5000;

/// Less than this over the floor is nobody's queue: a lone packet may be larger than the one that made the
/// floor, or wait for the link's next turn.
const STANDING_MIN_US: i64 = 20_000;

/// A standing queue up to this is taken for the path's: a buffer that others fill. Without a bound, a queue of seconds on a
/// link that has fallen to nothing would be as well (T-Mobile UMTS: p95 2235 ms instead of 1151).
const STANDING_MAX_US: i64 = 150_000;

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

    /// As if all values had been greater by this.
    fn shift(&mut self, by: i64) {
        self.current = self.current.map(|value| value.saturating_add(by));
        self.previous = self.previous.map(|value| value.saturating_add(by));
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

    /// A packet each tenth of a second, of 20 ms and from the fifth second on of `later_us`; `ours`: with one of ours before it.
    fn base_after(seconds: i64, later_us: i64, ours: bool) -> i64 {
        let mut path = Path::new(Duration::from_secs(10));
        for tenth in 0..10 * seconds {
            let sent_us = tenth * 100_000;
            let delay_us = if tenth < 50 { 20_000 } else { later_us };
            if ours && tenth >= 50 {
                path.on_ack(sent_us - 1000, sent_us + delay_us - 1000, sent_us + delay_us);
            }
            path.on_ack(sent_us, sent_us + delay_us, sent_us + delay_us + 20_000);
        }
        path.one_way_base_us().unwrap()
    }

    #[test]
    fn a_queue_that_stands_where_none_of_ours_is_is_taken_for_the_path_but_not_all_of_a_long_one() {
        assert_eq!(base_after(6, 60_000, false), 20_000);
        assert_eq!(base_after(9, 39_000, false), 20_000);
        assert_eq!(base_after(9, 60_000, false), 60_000);
        assert_eq!(base_after(9, 90_000, false), 90_000);
        assert_eq!(base_after(9, 900_000, true), 20_000, "behind packets of ours it may be our own");
    }

    #[test]
    fn a_queue_stands_when_for_a_second_or_two_no_packet_has_come_through_at_once() {
        let mut path = Path::new(Duration::from_secs(10));
        let mut stands_after = |from_ms: i64, until_ms: i64, delay_us: i64| {
            for sent_us in (from_ms..until_ms).step_by(10).map(|sent_ms| 1000 * sent_ms) {
                path.on_ack(sent_us, sent_us + delay_us, sent_us + delay_us + 20_000);
            }
            path.has_standing_queue()
        };
        assert!(!stands_after(0, 2000, 20_000));
        assert!(!stands_after(2000, 2900, 35_000), "it may be a stall");
        assert!(stands_after(2900, 4500, 35_000));
        assert!(!stands_after(4500, 4510, 22_000));
        assert!(!stands_after(4510, 5400, 35_000), "it was empty a moment ago");
        assert!(stands_after(5400, 7000, 35_000));
    }

    #[test]
    fn a_path_that_has_become_longer_is_believed_in_the_end() {
        let base_us = base_after(20, 400_000, true);
        assert_eq!(base_us, 400_000);
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
    fn a_clock_that_leaps_ahead_is_no_queue_and_a_queue_is_no_leap() {
        let queueing_after = |leap_us: i64, queue_us: i64| {
            let mut path = Path::new(Duration::from_secs(10));
            for tenth in 0..60 {
                let sent_us = tenth * 100_000;
                let (leapt_us, queued_us) = if tenth < 50 { (0, 0) } else { (leap_us, queue_us) };
                let arrives_us = sent_us + 20_000 + queued_us;
                path.on_ack(sent_us, arrives_us + leapt_us, arrives_us + 20_000);
            }
            path.queueing_us().unwrap()
        };
        assert_eq!(queueing_after(400_000, 0), 0);
        assert_eq!(queueing_after(-400_000, 0), 0);
        assert_eq!(queueing_after(400_000, 300_000), 300_000);
        assert_eq!(queueing_after(0, 300_000), 300_000);
    }

    #[test]
    fn a_leap_after_one_of_our_own_clock_is_no_queue_either() {
        for ours_us in [300_000, 8_000_000] {
            let mut path = Path::new(Duration::from_secs(10));
            for tenth in 0..90 {
                let ours_us = if tenth < 30 { 0 } else { ours_us };
                let theirs_us = if tenth < 60 { 0 } else { 4_000_000 };
                let sent_us = tenth * 100_000;
                path.on_ack(sent_us + ours_us, sent_us + 20_000 + theirs_us, sent_us + 40_000 + ours_us);
            }
            assert_eq!(path.queueing_us(), Some(0), "our clock leapt {ours_us} µs before");
        }
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
