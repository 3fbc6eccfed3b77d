//! What a seed stands for: a path between two peers, what each of them is like, and a list of troubles, all of which end.

use std::ops::Range;
use std::time::Duration;

use oyster_emulator::{Loss, Random, Reordering, Trace, TraceError};

use super::clock::Clock;

/// One of the two directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Media,
    Acks,
}

/// What a peer computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    Encoding,
    Decoding,
}

/// Something that goes wrong for a while, or once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Trouble {
    /// Packets are lost.
    Loss(Way, Loss),
    /// Packets come late and some twice.
    Disorder(Way, Reordering, f64),
    /// The link carries nothing, and what is sent waits in its queue.
    Silence(Way),
    /// It carries this many bits a second.
    Narrow(Way, u64),
    /// It carries as much as it will, another rate every so often.
    Unsteady(Way, Duration),
    /// This work takes so long, each time.
    Slow(Work, Duration),
    /// The camera gives no pictures.
    CameraOff,
    /// The camera gives pictures of another of [`SIZES`].
    NewSize(usize),
    /// The receiver forgets all it had, as when its program is started anew on the same path.
    ReceiverRestarts,
    /// Both ends do, and what was under way belongs to nobody.
    CallRestarts,
}

/// A trouble and when it is; of one that happens at once only the beginning counts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Episode {
    pub(super) trouble: Trouble,
    pub(super) time: Range<Duration>,
}

/// All that a call depends on.
#[derive(Clone, Debug)]
pub(super) struct Weather {
    pub(super) frames_per_second: f64,
    /// Which of [`SIZES`] the camera has at first.
    pub(super) size: usize,
    /// Of encoding a frame and of decoding one, when nothing is wrong.
    pub(super) work: [Duration; 2],
    pub(super) one_way: [Duration; 2],
    pub(super) queue_packets: [u64; 2],
    /// Of either link, when nothing is wrong.
    pub(super) bits_per_second: [u64; 2],
    pub(super) sender_clock: Clock,
    pub(super) receiver_clock: Clock,
    /// In the order of their beginnings.
    pub(super) episodes: Vec<Episode>,
    /// When the last trouble is over.
    pub(super) calm_from: Duration,
    pub(super) duration: Duration,
    seed: u64,
}

/// Tiny pictures: a macroblock and six, and one whose edges are no macroblock's.
pub(super) const SIZES: [(u32, u32); 3] = [(16, 16), (48, 32), (37, 21)];
/// Time left at the end in which nothing goes wrong.
pub(super) const CALM: Duration = Duration::from_secs(15);
/// Before the first trouble.
const QUIET: Duration = Duration::from_secs(2);
/// Links are drawn in pieces this long.
const PIECE_MS: u64 = 10;

impl Weather {
    /// The weather of a seed in a call of this length, which is longer than [`CALM`] and a few seconds.
    pub(super) fn of(seed: u64, duration: Duration) -> Self {
        let mut dice = Dice(Random::new(seed, 20));
        let interval = Duration::from_secs(1).div_f64(dice.either(&[10.0, 15.0, 24.0, 30.0, 30.0, 60.0]));
        let mut weather = Self {
            frames_per_second: 1.0 / interval.as_secs_f64(),
            size: dice.below(SIZES.len()),
            work: [(); 2].map(|()| interval.mul_f64(dice.between(0.05, 0.6))),
            one_way: [dice.millis(1.0, 150.0), dice.millis(1.0, 150.0)],
            queue_packets: [dice.log(20.0, 2000.0) as u64, dice.log(20.0, 2000.0) as u64],
            bits_per_second: [dice.log(4e5, 3e7) as u64, dice.log(2e5, 3e7) as u64],
            sender_clock: dice.clock(),
            receiver_clock: dice.clock(),
            episodes: Vec::new(),
            calm_from: QUIET,
            duration,
            seed,
        };
        let last = duration.saturating_sub(CALM);
        for _ in 0..dice.below(MAX_EPISODES + 1) {
            let from = dice.span(QUIET, last);
            let until = (from + Duration::from_secs_f64(dice.log(0.05, 10.0))).min(last);
            weather.calm_from = weather.calm_from.max(until);
            let trouble = dice.trouble();
            weather.episodes.push(Episode { trouble, time: from..until });
        }
        weather.episodes.sort_by_key(|episode| episode.time.start);
        for clock in [&mut weather.sender_clock, &mut weather.receiver_clock] {
            if dice.0.chance(0.15) {
                let at = dice.span(QUIET, last);
                weather.calm_from = weather.calm_from.max(at);
                clock.leaps.push((at, Duration::from_secs_f64(dice.log(0.02, 10.0))));
            }
        }
        weather
    }

    /// The same, with peers that live on.
    pub(super) fn without_restarts(&mut self) {
        let restarts = |trouble: &Trouble| matches!(trouble, Trouble::ReceiverRestarts | Trouble::CallRestarts);
        self.episodes.retain(|episode| !restarts(&episode.trouble));
    }

    /// What the link of this way carries, from the beginning to the end and ten seconds more.
    pub(super) fn trace(&self, way: Way) -> Result<Trace, TraceError> {
        let calm = self.bits_per_second[way as usize];
        let pieces = (self.duration.as_millis() as u64).div_ceil(PIECE_MS);
        let steps = (0..pieces).map(|piece| (self.rate(way, piece * PIECE_MS), PIECE_MS));
        let mut joined: Vec<(u64, u64)> = Vec::new();
        for (rate, length_ms) in steps.chain([(calm, 10_000)]) {
            match joined.last_mut() {
                Some((last, length)) if *last == rate => *length += length_ms,
                _ => joined.push((rate, length_ms)),
            }
        }
        Trace::steps(&joined)
    }

    /// The worst that any trouble makes of the rate, in bits a second.
    fn rate(&self, way: Way, at_ms: u64) -> u64 {
        let calm = self.bits_per_second[way as usize];
        let left = |trouble: &Trouble| match *trouble {
            Trouble::Silence(of) if of == way => 0,
            Trouble::Narrow(of, bits_per_second) if of == way => bits_per_second,
            Trouble::Unsteady(of, every) if of == way => {
                let stretch = at_ms / (every.as_millis() as u64).max(PIECE_MS);
                Dice(Random::new(self.seed ^ stretch, 21 + way as u64)).log(3e3, 3e7) as u64
            }
            _ => calm,
        };
        self.at(Duration::from_millis(at_ms)).map(left).fold(calm, u64::min)
    }

    /// The troubles of a moment.
    pub(super) fn at(&self, now: Duration) -> impl Iterator<Item = &Trouble> {
        self.episodes.iter().filter(move |episode| episode.time.contains(&now)).map(|episode| &episode.trouble)
    }
}

/// Troubles in a call, at most.
const MAX_EPISODES: usize = 12;

/// Values drawn at random.
struct Dice(Random);

impl Dice {
    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.0.uniform()
    }

    /// About evenly in the logarithm: as likely between 1 and 2 as between 16 and 32. A seed is the same on every CPU: there
    /// is no power or logarithm in it.
    fn log(&mut self, low: f64, high: f64) -> f64 {
        let doublings = (0..).take_while(|&n| low * f64::from(1 << n) < high).count();
        let octave = low * f64::from(1 << self.below(doublings.max(1)));
        self.between(octave, (2.0 * octave).min(high))
    }

    fn below(&mut self, end: usize) -> usize {
        (self.0.bits() % end as u64) as usize
    }

    fn either<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    fn millis(&mut self, low: f64, high: f64) -> Duration {
        Duration::from_secs_f64(self.log(low, high) / 1000.0)
    }

    fn span(&mut self, from: Duration, until: Duration) -> Duration {
        from + until.saturating_sub(from).mul_f64(self.0.uniform())
    }

    fn clock(&mut self) -> Clock {
        let starts_at = Duration::from_secs_f64(self.log(1.0, 1e9));
        Clock { starts_at, speed: 1.0 + self.between(-3e-4, 3e-4), leaps: Vec::new() }
    }

    fn trouble(&mut self) -> Trouble {
        let way = self.either(&[Way::Media, Way::Media, Way::Acks]);
        match self.below(13) {
            0 => Trouble::Loss(way, Loss::Random(self.log(0.01, 1.0))),
            1 => Trouble::Loss(way, Loss::bursts(self.between(0.02, 0.4), self.between(1.5, 8.0))),
            2 => {
                let extra_delay = self.millis(2.0, 500.0);
                Trouble::Disorder(way, Reordering { probability: self.between(0.05, 0.5), extra_delay }, 0.0)
            }
            3 => Trouble::Disorder(way, Reordering::default(), self.between(0.05, 1.0)),
            4 | 5 => Trouble::Silence(way),
            6 => Trouble::Narrow(way, self.log(3e3, 2e5) as u64),
            7 => Trouble::Unsteady(way, self.millis(20.0, 2000.0)),
            8 => Trouble::Slow(Work::Encoding, self.millis(20.0, 1500.0)),
            9 => Trouble::Slow(Work::Decoding, self.millis(20.0, 1500.0)),
            10 => Trouble::CameraOff,
            11 => Trouble::NewSize(self.below(SIZES.len())),
            _ => self.either(&[Trouble::ReceiverRestarts, Trouble::CallRestarts]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_one_weather_and_every_trouble_comes_and_ends() {
        let duration = Duration::from_secs(60);
        let mut seen = std::collections::HashSet::new();
        for seed in 0..200 {
            let weather = Weather::of(seed, duration);
            assert_eq!(weather.episodes, Weather::of(seed, duration).episodes);
            for episode in &weather.episodes {
                assert!(episode.time.start >= QUIET && episode.time.end <= duration - CALM, "{episode:?}");
                seen.insert(std::mem::discriminant(&episode.trouble));
            }
            let trace = weather.trace(Way::Media).unwrap();
            let calm = trace.capacity_bytes(46_000..60_000) as f64 * 8.0 / 14.0;
            let expected = weather.bits_per_second[0] as f64;
            assert!((calm / expected - 1.0).abs() < 0.01, "{calm} for {expected}");
        }
        assert_eq!(seen.len(), 10);
    }
}
