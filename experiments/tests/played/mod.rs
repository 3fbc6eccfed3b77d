//! A whole call of a small picture over a synthetic link in virtual time, at charged costs, and what one asks of it.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use oyster_codec::quality::ssim_db;
use oyster_codec::{Image, Size, State};
use oyster_emulator::{LinkConfig, LinkFigures, Trace};
use oyster_experiments::metrics::{CapturedFrame, Figures, Pair, Run, signal_delays_ms};
use oyster_experiments::{Clip, Cost, Scenario, Sharing, run};
use oyster_scene::Scene;
use oyster_sender::Encoding;
use oyster_transport::{Profile, SenderConfig};

/// The camera's frame interval.
const FRAME: Duration = Duration::from_nanos(33_333_333);

/// A call of twelve seconds at 176x144 and 30 pictures a second, for which 1 Mbit/s is more than enough, over `link`, 20 ms
/// one way, with 10 ms charged for encoding a frame and 5 ms for decoding.
pub(crate) fn scenario(link: Trace) -> Scenario {
    Scenario {
        clip: clip(),
        frames_per_second: 30.0,
        duration: seconds(12.0),
        link: (link, LinkConfig { seed: 1, ..LinkConfig::default() }),
        ack_link: (rate(12_000), LinkConfig { seed: 2, ..LinkConfig::default() }),
        sender: SenderConfig::for_profile(Profile::Oyster),
        encoding: Encoding::default(),
        encode_cost: Cost::Charged(Duration::from_millis(10)),
        decode_cost: Cost::Charged(Duration::from_millis(5)),
        neighbours: Vec::new(),
    }
}

/// Three seconds of one room, forwards and backwards.
fn clip() -> Clip {
    static CLIP: LazyLock<Clip> = LazyLock::new(|| clip_of(&[0, 0, 0]));
    CLIP.clone()
}

/// A second of each of these rooms in turn.
pub(crate) fn clip_of(rooms: &[u64]) -> Clip {
    sized_clip_of(Size::new(176, 144).expect("a size VP8 has"), rooms)
}

/// The same in pictures of this size.
pub(crate) fn sized_clip_of(size: Size, rooms: &[u64]) -> Clip {
    let second = |(place, &seed): (usize, &u64)| {
        let scene = Scene::new(size, 3 + seed);
        let first = 30 * place as u64;
        (first..first + 30).map(move |number| Arc::new(scene.frame(number))).collect::<Vec<Arc<Image>>>()
    };
    Clip::new(rooms.iter().enumerate().flat_map(second).collect()).expect("frames of one size")
}

pub(crate) fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

pub(crate) fn rate(kilobits_per_second: u64) -> Trace {
    Trace::constant(kilobits_per_second * 1000).expect("a rate in range")
}

/// Kilobits a second, each for so many milliseconds.
pub(crate) fn steps(steps: &[(u64, u64)]) -> Trace {
    let steps: Vec<(u64, u64)> = steps.iter().map(|&(kilobits, length_ms)| (kilobits * 1000, length_ms)).collect();
    Trace::steps(&steps).expect("rates and lengths in range")
}

/// What happened in a call.
pub(crate) struct Played {
    pub(crate) figures: Figures,
    pub(crate) link: LinkFigures,
    /// Names and contents of all that is written about it.
    pub(crate) files: Vec<(&'static str, String)>,
    frames: Vec<CapturedFrame>,
    /// What the link carried for the call and then for each neighbour.
    carried: Vec<Vec<(Duration, usize)>>,
    ends_us: u64,
}

pub(crate) fn play(scenario: &Scenario) -> Played {
    let played = run(scenario, &mut |work| {
        work();
        Duration::ZERO
    })
    .expect("every picture can be encoded");
    let frames = played.record.frames().to_vec();
    let recording =
        played.record.finish(&scenario.link, Duration::ZERO, scenario.duration).expect("the link has a bound");
    Played {
        figures: recording.figures(),
        link: played.link,
        files: recording.files("story").into(),
        frames,
        carried: played.carried,
        ends_us: micros(scenario.duration),
    }
}

impl Played {
    fn captured(&self, from: Duration, until: Duration) -> impl Iterator<Item = &CapturedFrame> {
        self.frames.iter().filter(move |frame| (micros(from)..micros(until)).contains(&frame.captured_us))
    }

    /// How much of what was captured is shown, of the scored part of the call but for what is in flight at its end.
    pub(crate) fn shown_share(&self) -> f64 {
        let scored = || self.captured(seconds(2.0), Duration::from_micros(self.ends_us) - seconds(0.5));
        scored().filter(|frame| frame.shown_us.is_some()).count() as f64 / scored().count() as f64
    }

    /// How long after `from` a picture is shown that was captured since.
    pub(crate) fn first_picture_after(&self, from: Duration) -> Duration {
        let first = self.captured(from, Duration::MAX).find_map(|frame| Some(frame.shown_us? - micros(from)));
        Duration::from_micros(first.expect("a picture is shown"))
    }

    /// The longest time without a new picture.
    pub(crate) fn longest_gap(&self, from: Duration, until: Duration) -> Duration {
        let shown = self.frames.iter().filter_map(|frame| frame.shown_us);
        let mut instants: Vec<u64> = shown.filter(|at| (micros(from)..micros(until)).contains(at)).collect();
        instants.extend([micros(from), micros(until)]);
        instants.sort_unstable();
        Duration::from_micros(instants.windows(2).map(|pair| pair[1] - pair[0]).max().expect("two instants"))
    }

    /// For each capture of this time, how long until it or a later one was shown.
    fn signal_delays_ms(&self, from: Duration, until: Duration) -> Vec<(Duration, f64)> {
        let run = Run { frames: &self.frames, starts_us: 0, ends_us: self.ends_us, link: None, bound_b1_p95_ms: None };
        let all = signal_delays_ms(&run).into_iter().map(|(at_us, delay_ms)| (Duration::from_micros(at_us), delay_ms));
        all.filter(|(at, _)| (from..until).contains(at)).collect()
    }

    pub(crate) fn worst_delay_ms(&self, from: Duration, until: Duration) -> f64 {
        self.signal_delays_ms(from, until).into_iter().map(|(_, delay_ms)| delay_ms).fold(0.0, f64::max)
    }

    /// How long after `from` the delay was back under `bound_ms`, and stayed there for a second: a single picture that waits for the
    /// next one later on is not the fall's doing.
    pub(crate) fn delay_settles_after(&self, from: Duration, until: Duration, bound_ms: f64) -> Duration {
        let mut settled = from;
        for (at, delay_ms) in self.signal_delays_ms(from, until) {
            if at >= settled + seconds(1.0) {
                break;
            }
            if delay_ms > bound_ms {
                settled = at + FRAME;
            }
        }
        settled - from
    }

    /// Mean SSIM of what is shown of these captures, in dB.
    pub(crate) fn ssim_db(&self, from: Duration, until: Duration) -> f64 {
        let shown: Vec<f64> = self.captured(from, until).filter_map(|frame| frame.ssim_y).collect();
        assert!(!shown.is_empty(), "nothing is shown");
        ssim_db(shown.iter().sum::<f64>() / shown.len() as f64)
    }

    /// How long after `from` a picture was captured that is shown this good.
    pub(crate) fn quality_returns_after(&self, from: Duration, ssim_at_least_db: f64) -> Duration {
        let good = |frame: &&CapturedFrame| frame.ssim_y.is_some_and(|ssim| ssim_db(ssim) >= ssim_at_least_db);
        let first = self.captured(from, Duration::MAX).find(good).expect("it does");
        Duration::from_micros(first.captured_us) - from
    }

    /// How the call and its neighbours shared the link.
    pub(crate) fn sharing(&self, from: Duration, until: Duration) -> Sharing {
        Sharing::of(self.carried.iter().map(Vec::as_slice), from, until)
    }

    pub(crate) fn delay_p95_ms(&self, from: Duration, until: Duration) -> f64 {
        let delays = self.signal_delays_ms(from, until).into_iter().map(|(_, delay_ms)| delay_ms);
        Pair::of(delays.collect()).p95.expect("something is captured")
    }

    pub(crate) fn frames_per_second(&self, from: Duration, until: Duration) -> f64 {
        let shown = self.captured(from, until).filter(|frame| frame.shown_us.is_some()).count();
        shown as f64 / (until - from).as_secs_f64()
    }

    /// Key frames sent of pictures captured from then on.
    pub(crate) fn key_frames_after(&self, from: Duration) -> usize {
        let blank = State::blank().id().tag().to_string();
        self.captured(from, Duration::MAX).filter(|frame| frame.source_state.as_ref() == Some(&blank)).count()
    }

    pub(crate) fn first_frame_bytes(&self) -> u64 {
        self.frames.iter().find_map(|frame| frame.bytes).expect("a frame is sent")
    }

    /// The age of what an omniscient sender gets across.
    pub(crate) fn bound_p95_ms(&self) -> f64 {
        self.figures.bound.b1_p95_ms.expect("the call is scored")
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
