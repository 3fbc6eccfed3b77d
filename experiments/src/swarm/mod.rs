//! A swarm of calls in every weather: each seed is a path, two peers with clocks of their own, and troubles that come and
//! end; after every step what must always hold is looked at, and at the end that the call has recovered.
//!
//! In the manner of FoundationDB's and TigerBeetle's simulators: a seed that finds something is the whole report.

mod checks;
mod clock;
mod weather;
mod world;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use oyster_codec::Size;
use oyster_scene::Scene;

use crate::clip::Clip;
use weather::{CALM, SIZES, Weather};
pub use world::Peers;
use world::World;

/// The calls of all seeds: what their cameras see, made once.
#[derive(Debug)]
pub struct Swarm {
    clips: Vec<Clip>,
    duration: Duration,
}

/// How a call went in which nothing was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// Pictures the camera gave, or would have given if it had not been off.
    pub captured: u64,
    /// Pictures shown.
    pub shown: u64,
    /// Signal delay at the end, when the last trouble was over for a while; 95th percentile.
    pub delay_p95_ms: f64,
}

/// What must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Time of the call.
    pub at: Duration,
    /// In words.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {:.3} s: {}", self.at.as_secs_f64(), self.what)
    }
}

impl std::error::Error for Finding {}

/// The shortest call: some seconds for troubles, and the fair weather after them.
pub const SHORTEST: Duration = Duration::from_secs(CALM.as_secs() + 5);
/// A second and a half of each size, played forwards and backwards.
const CLIP_FRAMES: u64 = 45;

impl Swarm {
    /// Calls of this length, at least [`SHORTEST`].
    pub fn new(duration: Duration) -> Self {
        let clip = |&(width, height): &(u32, u32)| {
            let scene = Scene::new(Size::new(width, height).expect("a size VP8 has"), 5);
            Clip::new((0..CLIP_FRAMES).map(|number| Arc::new(scene.frame(number))).collect())
                .expect("frames of one size")
        };
        Self { clips: SIZES.iter().map(clip).collect(), duration: duration.max(SHORTEST) }
    }

    /// Plays the call of a seed. The same seed gives the same outcome.
    ///
    /// # Errors
    /// What was found.
    pub fn play(&self, seed: u64) -> Result<Outcome, Finding> {
        let weather = Weather::of(seed, self.duration);
        World::new(&weather, &self.clips, seed, None).play().map(|(outcome, _)| outcome)
    }

    /// Plays the weather of a seed for peers that have lived through others before, without restarts: a call of hours changes its
    /// network each minute. With none, or after a finding, a call begins.
    ///
    /// # Errors
    /// What was found.
    pub fn play_on(&self, seed: u64, peers: &mut Option<Peers>) -> Result<Outcome, Finding> {
        let mut weather = Weather::of(seed, self.duration);
        weather.without_restarts();
        if let Some(peers) = peers {
            [weather.sender_clock.starts_at, weather.receiver_clock.starts_at] = peers.local();
        }
        let (outcome, lived_on) = World::new(&weather, &self.clips, seed, peers.take()).play()?;
        *peers = Some(lived_on);
        Ok(outcome)
    }

    /// What a seed's call is like, for a person who looks into it.
    pub fn describe(&self, seed: u64) -> String {
        let mut weather = Weather::of(seed, self.duration);
        let episodes = std::mem::take(&mut weather.episodes);
        let lines = episodes.iter().map(|episode| {
            let time = &episode.time;
            format!("{:7.3} to {:7.3} s: {:?}\n", time.start.as_secs_f64(), time.end.as_secs_f64(), episode.trouble)
        });
        format!("{weather:#?}\n{}", lines.collect::<String>())
    }
}
