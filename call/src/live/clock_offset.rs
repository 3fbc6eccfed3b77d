//! The other end's clock against ours, from acks, as NTP does it (RFC 5905 §8): an ack says when a packet came by their clock,
//! and we know when it left and when the ack was here. Of the round trips of late the shortest tells most: the offset is wrong
//! by at most half of it, and by none where the ways there and back take equally long.

use std::collections::VecDeque;
use std::time::Duration;

use oyster_transport::AckHeader;

/// An estimate that grows better with every ack.
#[derive(Debug, Default)]
pub(super) struct ClockOffset {
    /// When the newest packets left: sequence and time.
    sent: VecDeque<(u32, Duration)>,
    /// The best of this window and of the one before.
    current: Option<Sample>,
    previous: Option<Sample>,
    window_began: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    round_trip_us: i64,
    offset_us: i64,
}

impl ClockOffset {
    /// A packet leaves.
    pub(super) fn handle_sent(&mut self, sequence: u32, now: Duration) {
        if self.sent.len() == MAX_SENT {
            self.sent.pop_front();
        }
        self.sent.push_back((sequence, now));
    }

    /// An ack of a packet is here.
    pub(super) fn handle_ack(&mut self, ack: &AckHeader, now: Duration) {
        let Ok(place) = self.sent.binary_search_by_key(&ack.sequence, |(sequence, _)| *sequence) else { return };
        let (sent_us, now_us) = (micros(self.sent[place].1), micros(now));
        let received_us = i64::try_from(ack.received_us).unwrap_or(i64::MAX / 4); // the wire allows no more
        let sample =
            Sample { round_trip_us: now_us - sent_us, offset_us: received_us.saturating_sub((sent_us + now_us) / 2) };
        if now.saturating_sub(self.window_began) >= WINDOW {
            self.previous = self.current.take();
            self.window_began = now;
        }
        if self.current.is_none_or(|best| sample.round_trip_us < best.round_trip_us) {
            self.current = Some(sample);
        }
    }

    /// Their clock minus ours, µs; none before the first ack.
    pub(super) fn microseconds(&self) -> Option<i64> {
        let samples = [self.current, self.previous].into_iter().flatten();
        samples.min_by_key(|sample| sample.round_trip_us).map(|sample| sample.offset_us)
    }
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX / 4)
}

/// Packets that may be acked yet: two seconds at 6 Mbit/s; older ones say nothing new.
const MAX_SENT: usize = 1024;
/// Clocks drift apart by some 100 µs in this time.
const WINDOW: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    fn ack(sequence: u32, received_us: u64) -> AckHeader {
        AckHeader { number: 0, sequence, received_us, newest: sequence, bitmap: 0, run_start: 0, inter_arrival_us: 0 }
    }

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn the_shortest_round_trip_of_late_tells_the_offset() {
        let mut offset = ClockOffset::default();
        assert_eq!(offset.microseconds(), None);
        // Their clock is a second ahead. One way takes 10 ms, the first ack waits 30 ms more.
        for (sequence, sent, back) in [(0, 0, 50), (1, 100, 120), (2, 200, 240)] {
            offset.handle_sent(sequence, ms(sent));
            offset.handle_ack(&ack(sequence, 1_000_000 + (sent + 10) * 1000), ms(back));
        }
        assert_eq!(offset.microseconds(), Some(1_000_000));
    }

    #[test]
    fn an_old_estimate_is_forgotten_and_an_unknown_packet_says_nothing() {
        let mut offset = ClockOffset::default();
        offset.handle_ack(&ack(77, 5), ms(1));
        assert_eq!(offset.microseconds(), None);
        for (sequence, second, ahead_us, way) in [(0, 0, 1_000_000, 10), (1, 6, 1_000_600, 20), (2, 12, 1_001_200, 20)]
        {
            let sent = ms(1000 * second);
            offset.handle_sent(sequence, sent);
            let received_us = micros(sent + ms(way)) + ahead_us;
            offset.handle_ack(&ack(sequence, received_us.unsigned_abs()), sent + 2 * ms(way));
        }
        assert_eq!(offset.microseconds(), Some(1_001_200), "of equal round trips the newer tells");
    }

    #[test]
    fn packets_that_are_never_acked_take_no_room() {
        let mut offset = ClockOffset::default();
        (0..5000).for_each(|sequence| offset.handle_sent(sequence, ms(1)));
        assert_eq!(offset.sent.len(), MAX_SENT);
    }
}
