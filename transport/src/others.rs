//! Bytes that leave beside the frames, such as sound: not acked, but ahead of the next frame in the same queue.

use std::collections::VecDeque;

/// What of them is believed to be on its way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Others {
    sent: VecDeque<(i64, usize)>,
    wire_bytes: usize,
}

impl Others {
    pub(crate) fn on_sent(&mut self, wire_bytes: usize, now_us: i64) {
        self.forget_until(now_us - AGE_MAX_US);
        if self.sent.len() == MAX_REMEMBERED {
            self.forget_oldest();
        }
        self.sent.push_back((now_us, wire_bytes));
        self.wire_bytes += wire_bytes;
    }

    /// A packet of a frame that was sent at `sent_us` has arrived: so has what left before it, or is lost.
    pub(crate) fn on_arrival(&mut self, sent_us: i64) {
        self.forget_until(sent_us);
    }

    pub(crate) fn wire_bytes(&self, now_us: i64) -> usize {
        let aged = self.sent.iter().take_while(|(sent_us, _)| *sent_us < now_us - AGE_MAX_US);
        self.wire_bytes - aged.map(|(_, wire_bytes)| wire_bytes).sum::<usize>()
    }

    fn forget_until(&mut self, until_us: i64) {
        while self.sent.front().is_some_and(|(sent_us, _)| *sent_us < until_us) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, wire_bytes)) = self.sent.pop_front() {
            self.wire_bytes -= wire_bytes;
        }
    }
}

/// Where no frames go, nothing tells of arrivals: after a second it counts as gone.
const AGE_MAX_US: i64 = 1_000_000;

/// Sound has 50 packets a second.
const MAX_REMEMBERED: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_counts_until_something_later_arrives_or_a_second_is_over() {
        let mut others = Others::default();
        for packet in 0..1000 {
            others.on_sent(20, packet * 20_000);
        }
        assert_eq!(others.wire_bytes(999 * 20_000), 51 * 20);
        assert_eq!(others.wire_bytes(999 * 20_000 + 500_000), 26 * 20);
        others.on_arrival(990 * 20_000);
        assert_eq!(others.wire_bytes(999 * 20_000), 10 * 20);
        assert_eq!(others.wire_bytes(i64::MAX / 2), 0);
    }

    #[test]
    fn no_more_are_remembered_than_the_limit() {
        let mut others = Others::default();
        for _ in 0..10_000 {
            others.on_sent(1, 0);
        }
        assert_eq!(others.wire_bytes(0), MAX_REMEMBERED);
    }
}
