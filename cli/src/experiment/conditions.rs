//! What `experiment run` and `experiment compare` have in common: the conditions under which a call is played.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use oyster_emulator::{LinkConfig, QueueDiscipline, Trace};
use oyster_experiments::{Clip, Cost};

use crate::files::read_clip;
use crate::values::{delay_ms, frames_per_second, loss, play_rate, probability, queue_packets, seconds};

/// Of the call and the links it is played over.
#[derive(Debug, clap::Args)]
pub(super) struct Conditions {
    /// How long a call lasts; the first 2 s are not scored
    #[arg(long, value_name = "N", default_value = "60", value_parser = seconds, allow_negative_numbers = true)]
    pub(super) seconds: Duration,
    /// Pictures a second (default: the clip's own rate); frames are not resampled
    #[arg(long, value_name = "N", value_parser = frames_per_second, allow_negative_numbers = true)]
    pub(super) fps: Option<f64>,
    /// One-way delay of either link
    #[arg(long, value_name = "MS", default_value = "20", value_parser = delay_ms, allow_negative_numbers = true)]
    pub(super) delay_ms: Duration,
    /// Drop-tail queue of the media link
    #[arg(long, value_name = "N", default_value = "256", value_parser = queue_packets, allow_negative_numbers = true)]
    pub(super) queue_packets: u64,
    /// Random loss on the media link, 0 to 1
    #[arg(long, value_name = "P", default_value = "0", value_parser = probability, allow_negative_numbers = true)]
    pub(super) loss: f64,
    /// Decides every random choice
    #[arg(long, value_name = "N", default_value = "1", allow_negative_numbers = true)]
    pub(super) seed: u64,
}

impl Conditions {
    /// As much of a clip as such a call can show, and its pictures a second.
    pub(super) fn read_clip(&self, path: &Path) -> Result<(Clip, f64)> {
        let most = self.seconds.as_secs_f64() * self.fps.unwrap_or(MOST_FRAMES_PER_SECOND);
        let (frames, own_rate) = read_clip(path, most.ceil() as usize)?;
        let frames_per_second = play_rate(path, own_rate, self.fps)?;
        Ok((Clip::new(frames).context("a clip's frames have one size")?, frames_per_second))
    }

    /// The media link and the ack link, which is a clean one unless one is given, each from `start_ms` on.
    pub(super) fn links(&self, media: Trace, acks: Option<Trace>, start_ms: u64) -> Result<[(Trace, LinkConfig); 2]> {
        let acks = acks.map_or_else(|| Trace::constant(ACK_LINK_BITS_PER_SECOND), Ok)?;
        let way = |link: &Trace, seed| LinkConfig {
            one_way_delay: self.delay_ms,
            start_ms: start_ms % link.period_ms(),
            seed,
            ..LinkConfig::default()
        };
        let media_config = LinkConfig {
            queue: QueueDiscipline::drop_tail_packets(self.queue_packets),
            loss: loss(self.loss),
            ..way(&media, self.seed)
        };
        let ack_config = way(&acks, self.seed.wrapping_add(1));
        Ok([(media, media_config), (acks, ack_config)])
    }
}

/// What work costs in virtual time.
pub(super) fn cost(text: &str) -> Result<Cost, String> {
    if text == "measured" {
        return Ok(Cost::Measured);
    }
    let milliseconds = text.parse::<f64>().ok().filter(|ms| (0.0..=10_000.0).contains(ms));
    let milliseconds = milliseconds.ok_or("either `measured` or a number of milliseconds from 0 to 10000")?;
    Ok(Cost::Charged(Duration::from_secs_f64(milliseconds / 1000.0)))
}

/// What the work took by the clock: that is what a call would have waited.
#[expect(clippy::disallowed_methods, reason = "virtual time is charged with what work really took")]
pub(super) fn stopwatch(work: &mut dyn FnMut()) -> Duration {
    let before = Instant::now();
    work();
    before.elapsed()
}

/// A clip is held in memory: more than a run can use is not read, where its own rate is not faster than this.
const MOST_FRAMES_PER_SECOND: f64 = 120.0;
/// The ack link unless one is given.
const ACK_LINK_BITS_PER_SECOND: u64 = 12_000_000;
