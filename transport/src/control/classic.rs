//! The original's controller (Salsify §4.2): as many packets as arrive in 100 ms at the mean spacing the receiver saw,
//! minus those in flight. Nothing before the first ack bounds it, loss and silence do not change it.
//!
//! One thing is left out: the original sleeps between paced packets in whole milliseconds, so that its packets leave
//! up to 1 ms early in small bursts. Here they leave when they are due.

use super::{Allowance, CongestionControl, Flight, FrameAllowance, News};
use crate::path::Path;

/// The original's state.
#[derive(Debug)]
pub(crate) struct Classic {
    packet_wire_bytes: usize,
    last: Option<LastAck>,
}

#[derive(Clone, Copy, Debug)]
struct LastAck {
    fragment_index: u32,
    inter_arrival_us: u32,
}

impl Classic {
    /// `packet_wire_bytes`: the wire bytes of a full packet, for the rate that is only reported.
    pub(crate) fn new(packet_wire_bytes: usize) -> Self {
        Self { packet_wire_bytes, last: None }
    }
}

impl CongestionControl for Classic {
    fn on_ack(&mut self, news: &News<'_>, _path: &Path, _now_us: i64) {
        self.last = Some(LastAck { fragment_index: news.sequence, inter_arrival_us: news.inter_arrival_us });
    }

    fn allowance(&self, flight: &Flight, _floor_wire_bytes: f64, _path: &Path, _now_us: i64) -> Allowance {
        let frame = match self.last {
            None => FrameAllowance::Unbounded,
            Some(last) => FrameAllowance::Packets(packets_allowed(
                last.inter_arrival_us,
                flight.fragments_taken,
                last.fragment_index,
            )),
        };
        Allowance { frame, survival: false, braked: false }
    }

    fn rate(&self, _flight: &Flight, _path: &Path, _now_us: i64) -> f64 {
        self.last
            .map_or(f64::INFINITY, |last| self.packet_wire_bytes as f64 * 1e6 / f64::from(last.inter_arrival_us.max(1)))
    }

    fn pacing_gap_us(&self, _wire_bytes: usize, _flight: &Flight, _path: &Path, _now_us: i64) -> i64 {
        self.last.map_or(PACING_MAX_US, |last| i64::from(last.inter_arrival_us / 5).clamp(PACING_MIN_US, PACING_MAX_US))
    }
}

/// The original's budget in packets. The count is from one and the index from zero: an idle path shows one in flight.
fn packets_allowed(inter_arrival_us: u32, fragments_taken: u64, last_acked_index: u32) -> u64 {
    let in_flight = fragments_taken.saturating_sub(u64::from(last_acked_index));
    (DELAY_CEILING_US / u64::from(inter_arrival_us.max(1))).saturating_sub(in_flight)
}

/// The queue the original allows.
const DELAY_CEILING_US: u64 = 100_000;

/// Pacing at five times the arrival rate, within these.
const PACING_MIN_US: i64 = 500;
const PACING_MAX_US: i64 = 2000;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn after_ack(fragment_index: u32, inter_arrival_us: u32) -> Classic {
        let mut classic = Classic::new(1481);
        let news = News {
            arrivals: &[],
            lost_packets: 0,
            sequence: fragment_index,
            received_us: 0,
            inter_arrival_us,
            in_flight_bytes: 0,
        };
        classic.on_ack(&news, &nothing_known(), 0);
        classic
    }

    fn nothing_known() -> Path {
        Path::new(Duration::from_secs(10))
    }

    fn packets(classic: &Classic, fragments_taken: u64) -> FrameAllowance {
        let flight = Flight { fragments_taken, ..Flight::default() };
        classic.allowance(&flight, 0.0, &nothing_known(), 0).frame
    }

    #[test]
    fn nothing_bounds_it_before_the_first_ack() {
        assert_eq!(packets(&Classic::new(1481), 500), FrameAllowance::Unbounded);
    }

    #[test]
    fn a_hundred_milliseconds_of_packets_minus_those_in_flight() {
        // 2.8 ms apart: floor(100 / 2.8) = 35 packets. 40 sent, index 39 acked: one counts as in flight.
        assert_eq!(packets(&after_ack(39, 2800), 40), FrameAllowance::Packets(34));
        // 40 sent, index 9 acked: 31 in flight.
        assert_eq!(packets(&after_ack(9, 2800), 40), FrameAllowance::Packets(4));
        // 40 sent, index 2 acked: 38 in flight, more than 35.
        assert_eq!(packets(&after_ack(2, 2800), 40), FrameAllowance::Packets(0));
        // 120 ms apart: not one packet in 100 ms.
        assert_eq!(packets(&after_ack(39, 120_000), 40), FrameAllowance::Packets(0));
        // A mean of 0 counts as 1 µs.
        assert_eq!(packets(&after_ack(0, 0), 1), FrameAllowance::Packets(99_999));
    }

    #[test]
    fn pacing_is_a_fifth_of_the_spacing_within_its_bounds() {
        let gap = |classic: &Classic| classic.pacing_gap_us(1481, &Flight::default(), &nothing_known(), 0);
        assert_eq!(gap(&Classic::new(1481)), 2000);
        assert_eq!(gap(&after_ack(0, 1000)), 500);
        assert_eq!(gap(&after_ack(0, 6000)), 1200);
        assert_eq!(gap(&after_ack(0, 50_000)), 2000);
    }
}
