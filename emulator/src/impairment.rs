//! What a link does to packets besides making them wait: losing, reordering and duplicating them.

use crate::random::Random;
use std::time::Duration;

/// Which packets are lost before they reach the queue. Probabilities below 0 count as 0, above 1 as 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Loss {
    /// None.
    #[default]
    None,
    /// Each with the same probability, whatever happened to the others (as `mm-loss`).
    Random(
        /// The probability, 0 to 1.
        f64,
    ),
    /// In bursts: a good and a bad state, with a step between packets (Gilbert 1960, Elliott 1963). Starts good.
    GilbertElliott {
        /// Probability of a step from good to bad.
        good_to_bad: f64,
        /// Probability of a step from bad to good: one over the mean length of a bad spell in packets.
        bad_to_good: f64,
        /// Probability of losing a packet in the good state.
        loss_in_good: f64,
        /// Probability of losing a packet in the bad state.
        loss_in_bad: f64,
    },
}

impl Loss {
    /// Bursts in which every packet is lost: `mean_loss` of all packets (0 to 1), `burst_packets` in a row on average.
    #[must_use]
    pub fn bursts(mean_loss: f64, burst_packets: f64) -> Self {
        let bad_to_good = 1.0 / burst_packets;
        let good_to_bad = bad_to_good * mean_loss / (1.0 - mean_loss);
        Self::GilbertElliott { good_to_bad, bad_to_good, loss_in_good: 0.0, loss_in_bad: 1.0 }
    }
}

/// Some packets take longer on their way to the queue, so that later ones overtake them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reordering {
    /// How many of the packets, 0 to 1.
    pub probability: f64,
    /// How much longer at most; each draws its own, evenly from 0 to this.
    pub extra_delay: Duration,
}

/// What becomes of one packet on its way to the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fate {
    pub(crate) lost: bool,
    pub(crate) duplicated: bool,
    pub(crate) extra_delay: Duration,
}

/// Deals out fates. Each impairment has its own stream of randomness and takes the same number of draws for every
/// packet, so that one can be switched on without changing what the others do.
#[derive(Clone, Debug)]
pub(crate) struct Impairments {
    loss: Loss,
    loss_random: Random,
    in_bad_state: bool,
    reordering: Reordering,
    reordering_random: Random,
    duplicate_probability: f64,
    duplicate_random: Random,
}

impl Impairments {
    pub(crate) fn new(loss: Loss, reordering: Reordering, duplicate_probability: f64, seed: u64) -> Self {
        Self {
            loss,
            loss_random: Random::new(seed, 1),
            in_bad_state: false,
            reordering,
            reordering_random: Random::new(seed, 2),
            duplicate_probability,
            duplicate_random: Random::new(seed, 3),
        }
    }

    /// From the next packet on. The dice go on as they fell.
    pub(crate) fn change(&mut self, loss: Loss, reordering: Reordering, duplicate_probability: f64) {
        self.in_bad_state &= loss == self.loss;
        (self.loss, self.reordering, self.duplicate_probability) = (loss, reordering, duplicate_probability);
    }

    pub(crate) fn next_fate(&mut self) -> Fate {
        let late = self.reordering_random.chance(self.reordering.probability);
        let share = self.reordering_random.uniform();
        Fate {
            lost: self.loses(),
            duplicated: self.duplicate_random.chance(self.duplicate_probability),
            extra_delay: if late { self.reordering.extra_delay.mul_f64(share) } else { Duration::ZERO },
        }
    }

    fn loses(&mut self) -> bool {
        match self.loss {
            Loss::None => false,
            Loss::Random(probability) => self.loss_random.chance(probability),
            Loss::GilbertElliott { good_to_bad, bad_to_good, loss_in_good, loss_in_bad } => {
                let change = self.loss_random.chance(if self.in_bad_state { bad_to_good } else { good_to_bad });
                self.in_bad_state ^= change;
                self.loss_random.chance(if self.in_bad_state { loss_in_bad } else { loss_in_good })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(loss: Loss, seed: u64, packets: usize) -> Vec<bool> {
        let mut impairments = Impairments::new(loss, Reordering::default(), 0.0, seed);
        (0..packets).map(|_| impairments.next_fate().lost).collect()
    }

    #[test]
    fn random_loss_has_its_rate() {
        let count = lost(Loss::Random(0.1), 1, 100_000).into_iter().filter(|&lost| lost).count();
        assert!((9_700..10_300).contains(&count), "{count}");
    }

    #[test]
    fn bursts_have_their_rate_and_their_length() {
        let lost = lost(Loss::bursts(0.05, 4.0), 1, 400_000);
        let count = lost.iter().filter(|&&lost| lost).count();
        let bursts = lost.windows(2).filter(|pair| pair == &[false, true]).count();
        assert!((18_500..21_500).contains(&count), "{count}");
        let length = count as f64 / bursts as f64;
        assert!((3.8..4.2).contains(&length), "{length}");
    }

    #[test]
    fn the_same_packets_are_lost_whatever_else_happens_to_them() {
        let reordering = Reordering { probability: 0.5, extra_delay: Duration::from_millis(10) };
        let mut busy = Impairments::new(Loss::Random(0.2), reordering, 0.3, 7);
        let busy: Vec<bool> = (0..1000).map(|_| busy.next_fate().lost).collect();
        assert_eq!(busy, lost(Loss::Random(0.2), 7, 1000));
        assert_ne!(busy, lost(Loss::Random(0.2), 8, 1000));
    }
}
