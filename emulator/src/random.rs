//! The dice of the emulator: SplitMix64 (Steele, Lea, Flood 2014).
//!
//! Ours, in ten lines, because a seed must give the same link for ever: a generator from a crate may change its stream
//! with a new version. Its statistics are plenty for losing packets; nothing here is secret.

/// A seeded stream of random numbers.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    /// Stream `stream` of `seed`. Streams do not move each other: a link loses the same packets whether or not it
    /// duplicates some as well.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut random = Self { state: seed };
        let start = random.bits();
        Self { state: start ^ stream.wrapping_mul(GOLDEN) }
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Uniform in 0 ≤ x < 1.
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True with this probability: never for 0 and below, always for 1 and above. Always takes one number.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.uniform() < probability
    }
}

/// 2^64 divided by the golden ratio, made odd.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_the_published_one() {
        // SplitMix64 from 1234567: the first outputs of the reference program.
        let mut random = Random { state: 1_234_567 };
        let outputs = [random.bits(), random.bits(), random.bits()];
        assert_eq!(outputs, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn chances_come_as_often_as_they_should() {
        let mut random = Random::new(1, 2);
        let hits = (0..100_000).filter(|_| random.chance(0.3)).count();
        assert!((29_500..30_500).contains(&hits), "{hits}");
        assert!((0..1000).all(|_| random.chance(1.0) && !random.chance(0.0) && !random.chance(f64::NAN)));
    }
}
