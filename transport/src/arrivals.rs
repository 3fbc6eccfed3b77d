//! What a receiver remembers of packets, as opposed to frames: which sequences arrived, and how far apart.

use std::time::Duration;

use crate::wire::ACK_BITMAP_BITS;

/// Which packet sequences arrived: the newest, 64 before it one by one, and the unbroken run before those.
#[derive(Clone, Debug)]
pub(crate) struct Arrivals {
    /// −1 before the first.
    newest: i64,
    /// Bit j: whether newest − j arrived, for j from 0 to 64.
    window: u128,
    run_start: i64,
}

impl Arrivals {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Self { newest: -1, window: 0, run_start: 0 }
    }

    /// Whether this sequence is known to have arrived. Of what is older than window and run, nothing is known.
    pub(crate) fn contains(&self, sequence: u32) -> bool {
        match self.newest - i64::from(sequence) {
            back if back < 0 => false,
            back if back <= i64::from(ACK_BITMAP_BITS) => self.window >> back & 1 == 1,
            _ => i64::from(sequence) >= self.run_start,
        }
    }

    /// A packet of this sequence arrived.
    pub(crate) fn insert(&mut self, sequence: u32) {
        let sequence = i64::from(sequence);
        let ahead = sequence - self.newest;
        if ahead <= 0 {
            if -ahead <= i64::from(ACK_BITMAP_BITS) {
                self.window |= 1 << -ahead;
            }
            return;
        }
        self.leave_window(ahead);
        let kept = if ahead <= i64::from(ACK_BITMAP_BITS) { self.window << ahead } else { 0 };
        self.window = (kept | 1) & WINDOW_MASK;
        self.newest = sequence;
    }

    /// The newest sequence, the bitmap of those before it, and where the run before the bitmap starts, as an ack has them.
    pub(crate) fn summary(&self) -> (u32, u64, u32) {
        let bound = |sequence: i64| u32::try_from(sequence).unwrap_or(0);
        (bound(self.newest), (self.window >> 1) as u64, bound(self.run_start))
    }

    /// The window moves `ahead`: whatever was missing among the sequences that leave it breaks the run.
    fn leave_window(&mut self, ahead: i64) {
        let bits = i64::from(ACK_BITMAP_BITS);
        if ahead > bits + 1 {
            self.run_start = self.newest + ahead - bits; // sequences that were never in the window leave it, unseen
            return;
        }
        for back in (bits + 1 - ahead..=bits).rev() {
            let sequence = self.newest - back;
            if sequence >= 0 && self.window >> back & 1 == 0 {
                self.run_start = sequence + 1;
            }
        }
    }
}

/// The receiver's smoothed inter-arrival time (Salsify §4.2): the sender's pauses taken out by what it tells of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct InterArrival {
    last: Option<Duration>,
    average_us: f64,
}

impl InterArrival {
    /// A packet arrived after a pause of the sender of `grace_us`.
    pub(crate) fn on_packet(&mut self, grace_us: u32, now: Duration) {
        if let Some(last) = self.last {
            let interval_us = now.saturating_sub(last).as_micros() as f64;
            let sample_us = (interval_us - f64::from(grace_us)).max(0.0);
            self.average_us += ALPHA * (sample_us - self.average_us);
        }
        self.last = Some(now);
    }

    /// The average in whole µs; 0 after the first packet.
    pub(crate) fn micros(&self) -> u32 {
        self.average_us as u32 // saturates
    }
}

const WINDOW_MASK: u128 = (1 << (ACK_BITMAP_BITS + 1)) - 1;

/// The original's weight of a new sample.
const ALPHA: f64 = 0.1;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::wire::AckHeader;

    proptest! {
        /// The summary is checked against a plain set: all of the window, and nothing in the run that did not arrive.
        #[test]
        fn an_ack_never_claims_what_did_not_arrive(
            first in 0u32..300, steps in prop::collection::vec((-70i64..90, 1i64..6), 1..200),
        ) {
            let mut arrivals = Arrivals::new();
            let mut arrived = BTreeSet::new();
            let mut sequence = i64::from(first);
            for (jump, walk) in steps {
                // mostly a walk forward by one, now and then a jump
                sequence = (sequence + if walk > 1 { 1 } else { jump }).max(0);
                let known = arrivals.contains(sequence as u32);
                prop_assert!(!known || arrived.contains(&sequence));
                arrivals.insert(sequence as u32);
                arrived.insert(sequence);
                let (newest, bitmap, run_start) = arrivals.summary();
                prop_assert_eq!(i64::from(newest), *arrived.last().unwrap());
                let ack = AckHeader {
                    number: 0, sequence: newest, received_us: 0, newest, bitmap, run_start, inter_arrival_us: 0,
                };
                for sequence in 0..=newest {
                    if newest - sequence <= ACK_BITMAP_BITS {
                        prop_assert_eq!(ack.covers(sequence), arrived.contains(&i64::from(sequence)));
                    } else if ack.covers(sequence) {
                        prop_assert!(arrived.contains(&i64::from(sequence)));
                    }
                }
            }
        }
    }

    #[test]
    fn an_unbroken_run_is_claimed_whole() {
        let mut arrivals = Arrivals::new();
        for sequence in 0..1000 {
            arrivals.insert(sequence);
        }
        assert_eq!(arrivals.summary(), (999, u64::MAX, 0));
        arrivals.insert(1001); // 1000 is missing
        for sequence in 1002..1200 {
            arrivals.insert(sequence);
        }
        assert_eq!(arrivals.summary(), (1199, u64::MAX, 1001));
    }

    #[test]
    fn the_average_by_hand() {
        let mut inter_arrival = InterArrival::default();
        let mut at = |ms: u64, grace_us: u32| {
            inter_arrival.on_packet(grace_us, Duration::from_millis(ms));
            inter_arrival.micros()
        };
        assert_eq!(at(100, 5_000), 0); // the first sets it to zero
        assert_eq!(at(110, 0), 1_000); // 0.1 × 10 ms
        assert_eq!(at(150, 30_000), 1_900); // 40 ms minus a pause of 30: 0.9 × 1 + 0.1 × 10
        assert_eq!(at(160, 30_000), 1_710); // a pause longer than the interval counts as zero
    }
}
