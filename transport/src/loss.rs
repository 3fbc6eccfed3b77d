//! How much of what is sent is lost, and how much repair a frame needs for that.

use crate::repair::{MAX_REPAIR_SLICES, MAX_REPAIRED_SLICES};

/// The share of packets lost of late, the newest counting most. Losses are those the sender took for such: a packet that
/// comes too late to be waited for is as good as lost, and its frame as glad of repair.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LossShare {
    lost: f64,
    told: f64,
}

impl LossShare {
    /// So many packets are now known to have arrived, and so many to be lost.
    pub(crate) fn on_outcome(&mut self, arrived: usize, lost: usize) {
        let told = (arrived + lost) as f64;
        let keep = (-told / MEMORY_PACKETS).exp();
        self.lost = self.lost * keep + lost as f64;
        self.told = self.told * keep + told;
    }

    /// 0 to 1.
    pub(crate) fn value(&self) -> f64 {
        self.lost / self.told.max(FEWEST_PACKETS)
    }

    /// How many repair slices a frame of so many slices takes: as few as leave it a [`BROKEN_SHARE`] chance to break, were
    /// losses independent.
    pub(crate) fn repair_slices(&self, slices: usize) -> usize {
        let loss = self.value();
        if loss < SMALLEST_LOSS || slices > MAX_REPAIRED_SLICES {
            return 0;
        }
        let most = MAX_REPAIR_SLICES.min(slices + 2);
        (0..most).find(|&repair| chance_of_more_than(repair, slices + repair, loss) <= BROKEN_SHARE).unwrap_or(most)
    }
}

/// The chance that more than `lost` of `packets` are lost, each with chance `loss`.
fn chance_of_more_than(lost: usize, packets: usize, loss: f64) -> f64 {
    let mut exactly = (1.0 - loss).powi(packets as i32);
    let mut at_most = 0.0;
    for count in 0..=lost {
        at_most += exactly;
        exactly *= (packets - count) as f64 / (count + 1) as f64 * loss / (1.0 - loss).max(1e-9);
    }
    1.0 - at_most
}

/// Packets remembered, with fading weight: one to seven seconds of a call.
const MEMORY_PACKETS: f64 = 200.0;
/// Until so many are told of, what is lost counts against so many: one early loss is no storm.
const FEWEST_PACKETS: f64 = 40.0;
/// Below this, a loss now and then is cheaper borne than repaired.
const SMALLEST_LOSS: f64 = 0.004;
/// A broken frame takes those of a round trip with it: at this share, about one picture in ten is missing.
const BROKEN_SHARE: f64 = 0.03;

#[cfg(test)]
mod tests {
    use super::*;

    fn losing(lost: usize) -> LossShare {
        let mut share = LossShare::default();
        for packet in 0..1000 {
            let is_lost = packet * lost / 100 != (packet + 1) * lost / 100;
            share.on_outcome(usize::from(!is_lost), usize::from(is_lost));
        }
        share
    }

    #[test]
    fn the_share_is_that_of_late() {
        assert!((losing(10).value() - 0.1).abs() < 0.01, "{}", losing(10).value());
        let mut healed = losing(30);
        healed.on_outcome(600, 0);
        assert!(healed.value() < 0.02);
    }

    #[test]
    fn chances_by_hand() {
        assert!((chance_of_more_than(0, 1, 0.1) - 0.1).abs() < 1e-12);
        assert!((chance_of_more_than(1, 4, 0.1) - 0.0523).abs() < 1e-12);
        assert!((chance_of_more_than(2, 3, 0.3) - 0.027).abs() < 1e-12);
        assert_eq!(chance_of_more_than(0, 5, 1.0), 1.0);
    }

    #[test]
    fn a_clean_link_takes_no_repair_a_bad_one_more_for_larger_frames() {
        assert_eq!(LossShare::default().repair_slices(10), 0);
        let repairs = |loss| [1, 3, 10].map(|slices| losing(loss).repair_slices(slices));
        assert_eq!(repairs(1), [0, 1, 1]);
        assert_eq!(repairs(10), [1, 2, 4]);
        assert_eq!(repairs(30), [2, 4, 10]);
    }
}
