//! Rate control by averages, as usual calls do: once a second the target follows what arrived, with back-off on delay and
//! on loss. In the manner of Google's congestion control (draft-ietf-rmcat-gcc-02), much simplified: the queueing delay
//! itself in place of its filtered gradient, and no probing but a steeper growth on an empty queue. For comparison.

use super::{Allowance, CongestionControl, Flight, FrameAllowance, News};
use crate::path::Path;

/// A target rate and what the current second has shown so far.
#[derive(Debug)]
pub(crate) struct Conventional {
    target: f64,
    capacity: Option<Capacity>,
    last_ack_us: Option<i64>,
    second: Second,
}

/// What arrived when the link was last found full, and how many updates ago.
#[derive(Clone, Copy, Debug)]
struct Capacity {
    received: f64,
    age: u32,
}

/// Sums over the time since the last update.
#[derive(Clone, Copy, Debug, Default)]
struct Second {
    start_us: Option<i64>,
    bytes: usize,
    arrived_packets: usize,
    lost_packets: usize,
    queueing_us: i64,
    samples: i64,
}

impl Conventional {
    pub(crate) fn new() -> Self {
        Self { target: RATE_START, capacity: None, last_ack_us: None, second: Second::default() }
    }
}

impl Second {
    fn queueing_mean_us(&self) -> f64 {
        self.queueing_us as f64 / self.samples.max(1) as f64
    }
}

impl CongestionControl for Conventional {
    fn on_ack(&mut self, news: &News<'_>, path: &Path, now_us: i64) {
        self.last_ack_us = Some(now_us);
        let second = &mut self.second;
        let start_us = *second.start_us.get_or_insert(now_us);
        second.bytes += news.arrivals.iter().map(|arrival| arrival.wire_bytes).sum::<usize>();
        second.arrived_packets += news.arrivals.len();
        second.lost_packets += news.lost_packets;
        if let Some(queueing_us) = path.queueing_us() {
            second.queueing_us = second.queueing_us.saturating_add(queueing_us); // a peer may claim any time
            second.samples += 1;
        }
        if now_us - start_us >= UPDATE_US {
            let received = second.bytes as f64 * 1e6 / (now_us - start_us) as f64;
            self.target = next_target(self.target, second, received, self.capacity);
            self.capacity = if second.queueing_mean_us() > QUEUEING_OVERUSE_US {
                Some(Capacity { received, age: 0 })
            } else {
                self.capacity.map(|old| Capacity { age: old.age + 1, ..old }).filter(|old| old.age < CAPACITY_UPDATES)
            };
            self.second = Second { start_us: Some(now_us), ..Second::default() };
        }
    }

    fn allowance(&self, flight: &Flight, _floor_wire_bytes: f64, path: &Path, now_us: i64) -> Allowance {
        let backlog_us = flight.queued_bytes as f64 / self.rate(flight, path, now_us) * 1e6;
        let frame = if backlog_us > BACKLOG_MAX_US { FrameAllowance::Packets(0) } else { FrameAllowance::Unbounded };
        Allowance { frame, survival: false, braked: false }
    }

    fn rate(&self, flight: &Flight, _path: &Path, now_us: i64) -> f64 {
        let silent_us = match (self.last_ack_us, flight.oldest_sent_us) {
            (Some(last_ack_us), Some(oldest_sent_us)) => now_us - last_ack_us.max(oldest_sent_us),
            _ => 0,
        };
        // Halved for each second in which something is under way and nothing is heard.
        let halvings = (silent_us / UPDATE_US).clamp(0, 32) as i32;
        (self.target * 0.5f64.powi(halvings)).max(RATE_MIN)
    }

    fn pacing_gap_us(&self, wire_bytes: usize, flight: &Flight, path: &Path, now_us: i64) -> i64 {
        (wire_bytes as f64 / (PACING_GAIN * self.rate(flight, path, now_us)) * 1e6) as i64
    }
}

/// The target for the next second, in wire bytes per second.
fn next_target(target: f64, second: &Second, received: f64, capacity: Option<Capacity>) -> f64 {
    let queueing_us = second.queueing_mean_us();
    let loss = second.lost_packets as f64 / (second.lost_packets + second.arrived_packets).max(1) as f64;
    let next = if queueing_us > QUEUEING_SEVERE_US {
        target.min(BACK_OFF_SEVERE * received)
    } else if queueing_us > QUEUEING_OVERUSE_US {
        target.min(BACK_OFF * received)
    } else if loss > LOSS_HIGH {
        target * (1.0 - 0.5 * loss)
    } else if loss > LOSS_LOW || queueing_us > QUEUEING_HOLD_US {
        target
    } else {
        let unexplored = capacity.is_none_or(|capacity| target * GROWTH_EMPTY < capacity.received);
        let growth = if queueing_us < QUEUEING_EMPTY_US && unexplored { GROWTH_EMPTY } else { GROWTH };
        // Where the encoder does not use the target up, it does not run away.
        (target * growth).min((RECEIVED_GAIN * received + RECEIVED_OFFSET).max(target))
    };
    next.clamp(RATE_MIN, RATE_MAX)
}

/// 300 kbit/s: where WebRTC begins.
const RATE_START: f64 = 37_500.0;
/// 40 kbit/s: the least that still is a picture.
const RATE_MIN: f64 = 5_000.0;
/// 100 Mbit/s.
const RATE_MAX: f64 = 12.5e6;

/// Usual rate control decides about once a second (Salsify's own ablation, and its criticism of the rest).
const UPDATE_US: i64 = 1_000_000;

/// GCC's numbers: 0.85 of what arrives on overuse, 8 % a second, at most 1.5 times what arrives and 10 kbit/s.
const BACK_OFF: f64 = 0.85;
const GROWTH: f64 = 1.08;
const RECEIVED_GAIN: f64 = 1.5;
const RECEIVED_OFFSET: f64 = 1250.0;

/// Where seconds of queue stand, GCC's back-off would take as long as the queue to drain: ours takes twice.
const BACK_OFF_SEVERE: f64 = 0.5;

/// In place of probing: on an empty queue grow by half each second, ten times in six seconds; carefully near what the
/// link was last seen to carry, for as long as that is remembered.
const GROWTH_EMPTY: f64 = 1.5;
const CAPACITY_UPDATES: u32 = 10;

/// GCC's loss thresholds.
const LOSS_LOW: f64 = 0.02;
const LOSS_HIGH: f64 = 0.1;

/// Mean queueing delay over a second: far too much, too much, enough, and next to none.
const QUEUEING_SEVERE_US: f64 = 500_000.0;
const QUEUEING_OVERUSE_US: f64 = 100_000.0;
const QUEUEING_HOLD_US: f64 = 60_000.0;
const QUEUEING_EMPTY_US: f64 = 20_000.0;

/// WebRTC's pacing factor.
const PACING_GAIN: f64 = 2.5;

/// The leaky bucket holds half a second at the target; past that frames are dropped before they are encoded.
const BACKLOG_MAX_US: f64 = 500_000.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn second(bytes: usize, queueing_us: i64, lost_packets: usize) -> Second {
        Second { bytes, queueing_us, samples: 1, lost_packets, arrived_packets: 90, ..Second::default() }
    }

    #[test]
    fn the_target_grows_holds_and_backs_off() {
        let next = |second: Second| next_target(100_000.0, &second, second.bytes as f64, None).round();
        assert_eq!(next(second(100_000, 5_000, 0)), 150_000.0);
        assert_eq!(next(second(100_000, 40_000, 0)), 108_000.0);
        assert_eq!(next(second(100_000, 80_000, 0)), 100_000.0);
        assert_eq!(next(second(60_000, 150_000, 0)), 51_000.0);
        assert_eq!(next(second(60_000, 1_500_000, 0)), 30_000.0);
        assert_eq!(next(second(100_000, 5_000, 10)), 100_000.0); // exactly 10 % lost
        assert_eq!(next(second(100_000, 5_000, 30)), 87_500.0); // 25 %
        assert_eq!(next(second(40_000, 5_000, 0)), 100_000.0); // the encoder uses little: no growth, no fall
    }

    #[test]
    fn near_what_the_link_last_carried_it_grows_carefully() {
        let near = Some(Capacity { received: 120_000.0, age: 3 });
        assert_eq!(next_target(100_000.0, &second(100_000, 5_000, 0), 100_000.0, near).round(), 108_000.0);
        assert_eq!(next_target(50_000.0, &second(50_000, 5_000, 0), 50_000.0, near).round(), 75_000.0);
    }
}
