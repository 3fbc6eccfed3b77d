//! An LTE-like link made by rule, so that a demo needs no recording: after the model behind Sprout (Winstein et al.,
//! NSDI 2013, §3): deliveries are a Poisson process whose rate drifts as a Brownian motion, now and then the link goes
//! silent. On top come fades, which recordings of driving show: for some seconds little of the rate is left.
//!
//! Only sums, products and square roots, which IEEE 754 defines to the bit: a seed gives the same link on every CPU.

use crate::random::Random;
use crate::trace::{MAX_BITS_PER_SECOND, MAX_OPPORTUNITIES, OPPORTUNITY_BYTES, Trace, TraceError};

impl Trace {
    /// A link like LTE from a moving car, of a length in seconds and with about this mean rate in bits a second: most
    /// of the time between 0.4 and 1.6 times that, sometimes down to a tenth and less for a few seconds, and silent for
    /// up to a second and a half about twice a minute. Around 5 000 000 it resembles the recordings our links are
    /// measured on.
    ///
    /// # Errors
    /// [`TraceError::RateOutOfRange`], [`TraceError::LengthOutOfRange`], or [`TraceError::TooManyOpportunities`].
    pub fn lte_like(seed: u64, seconds: u64, mean_bits_per_second: u64) -> Result<Self, TraceError> {
        let length_ms = seconds.saturating_mul(1000);
        if !(1..=u64::from(MAX_LTE_LIKE_MS)).contains(&length_ms) {
            return Err(TraceError::LengthOutOfRange { length_ms, max_ms: MAX_LTE_LIKE_MS });
        }
        if !(1..=MAX_BITS_PER_SECOND).contains(&mean_bits_per_second) {
            return Err(TraceError::RateOutOfRange { bits_per_second: mean_bits_per_second });
        }
        let mean_per_ms = mean_bits_per_second as f64 / (OPPORTUNITY_BYTES * 8 * 1000) as f64;
        // Twice the mean leaves room for a good spell; what is random cannot be counted beforehand.
        if 2.0 * mean_per_ms * length_ms as f64 > MAX_OPPORTUNITIES as f64 {
            return Err(TraceError::TooManyOpportunities);
        }
        let mut channel = Channel::new(seed);
        let mut deliveries = Random::new(seed, 12);
        let mut times_ms = Vec::new();
        for at_ms in 1..=length_ms as u32 {
            let count = poisson(&mut deliveries, mean_per_ms * channel.step());
            times_ms.extend((0..count).map(|_| at_ms));
        }
        // The format ends in an opportunity, which also says how long the trace is.
        if times_ms.last().is_none_or(|&last_ms| u64::from(last_ms) < length_ms) {
            times_ms.push(length_ms as u32);
        }
        Ok(Self::from_times(times_ms))
    }
}

/// The rate of the link as a share of its mean, a millisecond at a time.
struct Channel {
    random: Random,
    /// Where the Brownian motion is, as a share of the mean rate.
    drift: f64,
    now_ms: u32,
    fade: Spells,
    /// What the present fade leaves.
    fade_depth: f64,
    outage: Spells,
}

impl Channel {
    fn new(seed: u64) -> Self {
        let fade = Spells::new(seed, 10, FADE_EVERY_MS, FADE_LASTS_MS);
        let outage = Spells::new(seed, 11, OUTAGE_EVERY_MS, OUTAGE_LASTS_MS);
        Self { random: Random::new(seed, 9), drift: 1.0, now_ms: 0, fade, fade_depth: 1.0, outage }
    }

    fn step(&mut self) -> f64 {
        if self.now_ms.is_multiple_of(TICK_MS) {
            self.drift = reflect(self.drift + DRIFT_A_TICK * normal(&mut self.random), DRIFT_LOW, DRIFT_HIGH);
        }
        self.now_ms += 1;
        let was_fading = self.fade.is_on;
        self.fade.step();
        if self.fade.is_on && !was_fading {
            self.fade_depth = FADE_DEEPEST + (FADE_SHALLOWEST - FADE_DEEPEST) * self.random.uniform();
        }
        self.outage.step();
        let fading = if self.fade.is_on { self.fade_depth } else { 1.0 };
        if self.outage.is_on { 0.0 } else { self.drift * fading * MEAN_CORRECTION }
    }
}

/// Something that comes at random moments and lasts a random time, evenly between two bounds.
struct Spells {
    random: Random,
    every_ms: (f64, f64),
    lasts_ms: (f64, f64),
    is_on: bool,
    left_ms: f64,
}

impl Spells {
    fn new(seed: u64, stream: u64, every_ms: (f64, f64), lasts_ms: (f64, f64)) -> Self {
        let mut random = Random::new(seed, stream);
        let left_ms = between(&mut random, every_ms);
        Self { random, every_ms, lasts_ms, is_on: false, left_ms }
    }

    fn step(&mut self) {
        self.left_ms -= 1.0;
        if self.left_ms <= 0.0 {
            self.is_on = !self.is_on;
            self.left_ms = between(&mut self.random, if self.is_on { self.lasts_ms } else { self.every_ms });
        }
    }
}

fn between(random: &mut Random, (low, high): (f64, f64)) -> f64 {
    low + (high - low) * random.uniform()
}

/// Standard normal, near enough: twelve uniforms, whose variances sum to 1.
fn normal(random: &mut Random) -> f64 {
    (0..12).map(|_| random.uniform()).sum::<f64>() - 6.0
}

fn reflect(value: f64, low: f64, high: f64) -> f64 {
    let above_low = if value < low { 2.0 * low - value } else { value };
    (if above_low > high { 2.0 * high - above_low } else { above_low }).clamp(low, high)
}

/// How many deliveries a millisecond has: many small chances, which is Poisson in the limit.
fn poisson(random: &mut Random, mean: f64) -> u32 {
    let slots = SLOTS_A_MS.max((mean * f64::from(SLOTS_A_MS)).ceil() as u32);
    let chance = mean / f64::from(slots);
    (0..slots).map(|_| u32::from(random.chance(chance))).sum()
}

/// Sprout's tick, at which the rate moves.
const TICK_MS: u32 = 20;
/// The Brownian motion stays between these shares of the mean, mirrored at both.
const DRIFT_LOW: f64 = 0.4;
const DRIFT_HIGH: f64 = 1.6;
/// Standard deviation of a tick's move. Sprout's σ, 200 packets a second in a second, is 2.4 Mbit/s: half of our 5 Mbit/s
/// mean, times the square root of 20 ms.
const DRIFT_A_TICK: f64 = 0.5 * 0.141_421_356;
/// Fades: how far apart, how long, and what they leave of the rate.
const FADE_EVERY_MS: (f64, f64) = (5_000.0, 20_000.0);
const FADE_LASTS_MS: (f64, f64) = (800.0, 4_000.0);
const FADE_DEEPEST: f64 = 0.04;
const FADE_SHALLOWEST: f64 = 0.25;
/// Outages: how far apart, and how long.
const OUTAGE_EVERY_MS: (f64, f64) = (12_000.0, 45_000.0);
const OUTAGE_LASTS_MS: (f64, f64) = (150.0, 1_500.0);
/// Fades and outages cost a fifth of the mean (2.4 of 14.9 s at 0.145 of the rate, 0.8 of 29.3 s at nothing); the rest
/// makes up for it.
const MEAN_CORRECTION: f64 = 1.0 / (0.862 * 0.972);
/// The longest link that is made, a day: every millisecond is drawn, which takes seconds for that.
const MAX_LTE_LIKE_MS: u32 = 24 * 3600 * 1000;
/// Chances a millisecond, at least: at our rates each is under a tenth.
const SLOTS_A_MS: u32 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    const MEAN: u64 = 5_000_000;

    fn rates_mbps(trace: &Trace, bin_ms: u64) -> Vec<f64> {
        let bins = trace.period_ms() / bin_ms;
        (0..bins)
            .map(|bin| trace.capacity_bytes(bin * bin_ms..(bin + 1) * bin_ms) as f64 * 0.008 / bin_ms as f64)
            .collect()
    }

    fn share(rates: &[f64], test: impl Fn(f64) -> bool) -> f64 {
        rates.iter().filter(|&&rate| test(rate)).count() as f64 / rates.len() as f64
    }

    #[test]
    fn a_seed_is_one_link_for_ever() {
        let trace = Trace::lte_like(1, 60, MEAN).unwrap();
        assert_eq!(trace, Trace::lte_like(1, 60, MEAN).unwrap());
        assert_ne!(trace, Trace::lte_like(2, 60, MEAN).unwrap());
        assert_eq!(trace.period_ms(), 60_000);
        // As it was when first written: on another CPU, and next year, it is the same.
        let first: Vec<u64> = trace.opportunities(0).take(8).collect();
        assert_eq!((trace.opportunities_per_period(), first), (27833, vec![1, 1, 1, 2, 2, 4, 4, 5]));
    }

    #[test]
    fn over_an_hour_it_has_its_mean_its_fades_and_its_outages() {
        let trace = Trace::lte_like(1, 3600, MEAN).unwrap();
        let mean = trace.mean_bits_per_second() / MEAN as f64;
        assert!((0.95..1.05).contains(&mean), "{mean}");
        let rates = rates_mbps(&trace, 500);
        let usual = share(&rates, |rate| (2.0..=9.6).contains(&rate));
        let faded = share(&rates, |rate| rate < 1.0);
        assert!((0.75..0.92).contains(&usual), "{usual}");
        assert!((0.05..0.20).contains(&faded), "{faded}");
    }

    #[test]
    fn silences_come_twice_a_minute_and_pass_soon() {
        let trace = Trace::lte_like(3, 3600, MEAN).unwrap();
        let times: Vec<u64> = trace.opportunities(0).take(trace.opportunities_per_period() as usize).collect();
        let gaps: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).filter(|&gap_ms| gap_ms > 200).collect();
        assert!((80..200).contains(&gaps.len()), "{}", gaps.len());
        assert!(gaps.iter().all(|&gap_ms| gap_ms < 2000), "{gaps:?}");
    }

    #[test]
    fn deliveries_within_a_steady_spell_are_poisson() {
        let mut random = Random::new(4, 0);
        let counts: Vec<f64> = (0..200_000).map(|_| f64::from(poisson(&mut random, 0.5))).collect();
        let mean = counts.iter().sum::<f64>() / counts.len() as f64;
        let variance = counts.iter().map(|count| (count - mean) * (count - mean)).sum::<f64>() / counts.len() as f64;
        assert!((0.495..0.505).contains(&mean), "{mean}");
        assert!((0.9..1.0).contains(&(variance / mean)), "{variance}");
    }

    #[test]
    fn what_cannot_be_made_is_refused() {
        assert_eq!(
            Trace::lte_like(1, 0, MEAN),
            Err(TraceError::LengthOutOfRange { length_ms: 0, max_ms: MAX_LTE_LIKE_MS })
        );
        assert_eq!(Trace::lte_like(1, 60, 0), Err(TraceError::RateOutOfRange { bits_per_second: 0 }));
        assert_eq!(Trace::lte_like(1, 3600, 1_000_000_000), Err(TraceError::TooManyOpportunities));
        assert_eq!(Trace::lte_like(1, 1, 1).unwrap().opportunities_per_period(), 1);
    }
}
