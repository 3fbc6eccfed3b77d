//! A circuit breaker (RFC 8083 §4.3): where a sender keeps on sending ten times what TCP would at this loss and round trip,
//! something is wrong with how it sees the path, and it gives way whatever it believes.

/// Watches a sender in intervals of a second.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CircuitBreaker {
    interval: Interval,
    /// Intervals in a row that were over the limit, and that were not.
    over: u32,
    within: u32,
    /// How often it has given way.
    reductions: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Interval {
    began_us: Option<i64>,
    arrived_packets: usize,
    arrived_bytes: usize,
    lost_packets: usize,
}

impl CircuitBreaker {
    /// An ack told of packets that arrived, of so many bytes on the wire, and of packets lost, after this round trip.
    pub(crate) fn on_ack(&mut self, arrived: (usize, usize), lost_packets: usize, round_trip_us: i64, now_us: i64) {
        let interval = &mut self.interval;
        let began_us = *interval.began_us.get_or_insert(now_us);
        interval.arrived_packets += arrived.0;
        interval.arrived_bytes += arrived.1;
        interval.lost_packets += lost_packets;
        if now_us - began_us < INTERVAL_US {
            return;
        }
        if interval.is_over(now_us - began_us, round_trip_us) {
            (self.over, self.within) = (self.over + 1, 0);
        } else {
            (self.over, self.within) = (0, self.within + 1);
        }
        if self.over == INTERVALS_TO_BREAK {
            (self.over, self.reductions) = (0, (self.reductions + 1).min(MAX_REDUCTIONS));
        }
        if self.within == INTERVALS_TO_MEND {
            (self.within, self.reductions) = (0, self.reductions.saturating_sub(1));
        }
        self.interval = Interval::default();
    }

    /// How much of what would be sent may be.
    pub(crate) fn share(&self) -> f64 {
        REDUCTION.powi(self.reductions as i32)
    }
}

impl Interval {
    /// TCP's throughput by the simple equation of RFC 8083 §4.3: `s / (R · √(2p/3))`.
    fn is_over(&self, length_us: i64, round_trip_us: i64) -> bool {
        let packets = (self.arrived_packets + self.lost_packets) as f64;
        if self.lost_packets == 0 || self.arrived_packets == 0 {
            return false;
        }
        let packet_bytes = self.arrived_bytes as f64 / self.arrived_packets as f64;
        let loss = self.lost_packets as f64 / packets;
        let tcp_per_us = packet_bytes / (round_trip_us.max(1) as f64 * (2.0 * loss / 3.0).sqrt());
        packets * packet_bytes / length_us as f64 > TIMES_TCP * tcp_per_us
    }
}

/// Long for any round trip, so that one loss or one late ack decides nothing.
const INTERVAL_US: i64 = 1_000_000;
/// RFC 8083 §4.3.
const TIMES_TCP: f64 = 10.0;
const INTERVALS_TO_BREAK: u32 = 3;
/// RFC 8083 §4.5: by a factor of ten; a second one leaves survival packets only.
const REDUCTION: f64 = 0.1;
const MAX_REDUCTIONS: u32 = 2;
/// Slower back than down.
const INTERVALS_TO_MEND: u32 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds of 100 acks for packets of 1250 bytes, so many lost for each that arrives.
    fn after(breaker: &mut CircuitBreaker, seconds: i64, lost_per_arrival: usize, round_trip_us: i64) -> f64 {
        for _ in 0..seconds {
            let began_us = breaker.interval.began_us.unwrap_or(0);
            for tick in 0..=100 {
                breaker.on_ack((1, 1250), lost_per_arrival, round_trip_us, began_us + tick * 10_000);
            }
        }
        breaker.share()
    }

    #[test]
    fn it_gives_way_after_three_seconds_far_over_tcp_and_comes_back_slowly() {
        // 75 % of 400 packets a second lost at 200 ms: TCP would send 7 packets a second.
        let mut breaker = CircuitBreaker::default();
        assert_eq!(after(&mut breaker, 2, 3, 200_000), 1.0);
        assert_eq!(after(&mut breaker, 1, 3, 200_000), REDUCTION);
        assert!((after(&mut breaker, 9, 3, 200_000) - 0.01).abs() < 1e-9, "and once more, not for ever less");
        assert!((after(&mut breaker, 10, 0, 200_000) - REDUCTION).abs() < 1e-9);
        assert_eq!(after(&mut breaker, 10, 0, 200_000), 1.0);
    }

    #[test]
    fn a_call_on_a_lossy_link_of_a_short_round_trip_is_no_matter_for_it() {
        assert_eq!(after(&mut CircuitBreaker::default(), 20, 1, 40_000), 1.0);
    }
}
