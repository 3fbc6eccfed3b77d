//! What a receiver remembers of packets: which of late arrived, and how evenly.

use std::collections::VecDeque;
use std::time::Duration;

use crate::micros;

/// Which of the newest 128 numbers were seen.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    newest: Option<u32>,
    /// Bit j: whether newest − j was seen.
    bits: u128,
    /// Numbers since the first, at most 128.
    span: u32,
}

impl Seen {
    /// Takes a number; whether it is new. What is older than the memory is not.
    pub(crate) fn insert(&mut self, number: u32) -> bool {
        let Some(newest) = self.newest else {
            *self = Self { newest: Some(number), bits: 1, span: 1 };
            return true;
        };
        if number > newest {
            let ahead = number - newest;
            self.bits = self.bits.checked_shl(ahead).unwrap_or(0) | 1;
            self.span = self.span.saturating_add(ahead).min(u128::BITS);
            self.newest = Some(number);
            return true;
        }
        let Some(bit) = 1u128.checked_shl(newest - number) else { return false };
        let is_new = self.bits & bit == 0;
        self.bits |= bit;
        self.span = self.span.max(newest - number + 1);
        is_new
    }

    /// The share of them that is missing, leaving aside the newest few, which may yet come.
    pub(crate) fn missing_share(&self) -> f64 {
        let counted = self.span.saturating_sub(REORDERED);
        if counted < LEAST_COUNTED {
            return 0.0;
        }
        let mask = u128::MAX >> (u128::BITS - counted);
        let seen = (self.bits >> REORDERED & mask).count_ones();
        f64::from(counted - seen) / f64::from(counted)
    }
}

/// How long frames took to be here, from which follows how long to wait for one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Delays {
    recent: VecDeque<Bunch>,
    frames: u32,
    base_us: i64,
    spread_us: i64,
}

/// Frames that came together: a queue that stood and now moves. Together they say one thing of the network.
#[derive(Clone, Copy, Debug)]
struct Bunch {
    at: Duration,
    /// Arrival minus capture: the one-way delay and an unknown constant between the clocks.
    least_us: i64,
    most_us: i64,
}

impl Delays {
    /// A frame captured at `captured_us` of the sender's clock can be played as of `now`.
    pub(crate) fn on_frame(&mut self, captured_us: i64, now: Duration) {
        let delay_us = micros(now) - captured_us;
        match self.recent.back_mut() {
            Some(bunch) if now.saturating_sub(bunch.at) < BUNCH => {
                bunch.at = now;
                bunch.least_us = bunch.least_us.min(delay_us);
                bunch.most_us = bunch.most_us.max(delay_us);
            }
            _ => self.recent.push_back(Bunch { at: now, least_us: delay_us, most_us: delay_us }),
        }
        let oldest = now.saturating_sub(MEMORY);
        while self.recent.len() > MEMORY_BUNCHES || self.recent.front().is_some_and(|bunch| bunch.at < oldest) {
            self.recent.pop_front();
        }
        self.frames = self.frames.saturating_add(1);
        let breaks_record = delay_us < self.base_us || delay_us > self.base_us + self.spread_us;
        if self.frames == 1 || breaks_record || self.frames.is_multiple_of(RECOUNT_FRAMES) {
            self.recount();
        }
    }

    /// The least delay of late.
    pub(crate) fn base_us(&self) -> i64 {
        self.base_us
    }

    /// The delay after which nearly all frames are here: arrival minus capture, as the base.
    pub(crate) fn target_us(&self) -> i64 {
        let known = i64::from(self.frames.min(PRIOR_FRAMES));
        let prior_us = PRIOR_SPREAD_US * (i64::from(PRIOR_FRAMES) - known) / i64::from(PRIOR_FRAMES);
        self.base_us + self.spread_us.max(prior_us) + MARGIN_US
    }

    fn recount(&mut self) {
        let Some(base_us) = self.recent.iter().map(|bunch| bunch.least_us).min() else { return };
        let mut delays: Vec<i64> = self.recent.iter().map(|bunch| bunch.most_us).collect();
        let rank = (delays.len() - 1) * TARGET_PERCENT / 100;
        let (_, target_us, _) = delays.select_nth_unstable(rank);
        (self.base_us, self.spread_us) = (base_us, (*target_us - base_us).min(SPREAD_MAX_US));
    }
}

/// Packets overtaken by as many are taken as lost (RFC 9002 §6.1.1).
const REORDERED: u32 = 3;

/// Fewer say nothing about a share.
const LEAST_COUNTED: u32 = 20;

/// A spike of delay is remembered this long, and so is a smaller delay than any now: clocks that part by 200 ppm move
/// it by 2 ms.
const MEMORY: Duration = Duration::from_secs(10);
const MEMORY_BUNCHES: usize = 500;

/// Half of what lies between frames in an even network, and a little less.
const BUNCH: Duration = Duration::from_millis(8);

/// Counting is a sort: once in a fifth of a second, or when a frame is outside of what was known.
const RECOUNT_FRAMES: u32 = 10;

/// One frame in fifty may come too late: concealing it is heard less than what waiting for it would cost.
const TARGET_PERCENT: usize = 98;

/// What is believed before anything is measured, and the frames it takes to be done with it.
const PRIOR_SPREAD_US: i64 = 20_000;
const PRIOR_FRAMES: u32 = 50;

/// Timers that wake late on our side.
const MARGIN_US: i64 = 3_000;

/// Past this nobody can talk: what comes later is left out, and a network that always is as late is heard broken.
const SPREAD_MAX_US: i64 = 250_000;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_number_is_new_once(start in 0u32..1000, steps in prop::collection::vec(-40i64..60, 1..300)) {
            let mut seen = Seen::default();
            let mut all = BTreeSet::new();
            let mut number = i64::from(start);
            for step in steps {
                number = (number + step).max(0);
                let newest = all.last().copied().unwrap_or(0);
                let is_new = all.insert(number);
                let remembered = newest - number < 128;
                prop_assert_eq!(seen.insert(number as u32), is_new && remembered);
                prop_assert!((0.0..=1.0).contains(&seen.missing_share()));
            }
        }
    }

    #[test]
    fn a_fifth_lost_is_seen_as_a_fifth() {
        let mut seen = Seen::default();
        for number in (0..500).filter(|number| number % 5 != 1) {
            seen.insert(number);
        }
        assert!((seen.missing_share() - 0.2).abs() < 0.02, "{}", seen.missing_share());
    }

    fn after(delays_ms: impl IntoIterator<Item = i64>) -> Delays {
        let mut delays = Delays::default();
        for (number, delay_ms) in delays_ms.into_iter().enumerate() {
            let captured_us = number as i64 * 20_000;
            let arrival_us = captured_us + 1000 * delay_ms + 5_000_000;
            delays.on_frame(captured_us, Duration::from_micros(arrival_us as u64));
        }
        delays
    }

    #[test]
    fn an_even_network_is_waited_for_no_longer_than_the_margin() {
        let delays = after(vec![30; 200]);
        assert_eq!(delays.target_us() - delays.base_us(), MARGIN_US);
        assert_eq!(delays.base_us(), 5_030_000);
    }

    #[test]
    fn nearly_the_worst_of_late_is_waited_for() {
        let delays = after((0..400).map(|number| if number % 20 == 0 { 90 } else { 30 }));
        assert_eq!(delays.target_us() - delays.base_us(), 60_000 + MARGIN_US);
        let rare = after((0..400).map(|number| if number % 100 == 0 { 90 } else { 30 }));
        assert_eq!(rare.target_us() - rare.base_us(), MARGIN_US);
    }

    #[test]
    fn a_spike_is_forgotten_and_an_outage_not_waited_for() {
        let delays = after((0..1000).map(|number| if number < 100 { 200 } else { 30 }));
        assert_eq!(delays.target_us() - delays.base_us(), MARGIN_US);
        let delays = after((0..100).map(|number| if number < 50 { 30 } else { 5000 }));
        assert_eq!(delays.target_us() - delays.base_us(), SPREAD_MAX_US + MARGIN_US);
        // A second in which nothing came, and then all of it.
        let delays =
            after((0..500).map(|number| if (400..450).contains(&number) { 30 + 20 * (450 - number) } else { 30 }));
        assert_eq!(delays.target_us() - delays.base_us(), MARGIN_US);
    }
}
