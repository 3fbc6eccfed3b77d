//! Values as people write them in arguments: whatever is out of its range is refused here, with the range.

use std::fmt::Display;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::ValueEnum;
use oyster_codec::Effort;
use oyster_codec::container::FrameRate;
use oyster_codec::{QuantizerIndex, Size};
use oyster_emulator::{Loss, MAX_QUEUED_PACKETS, MAX_WINDOW_MS};
use oyster_transport::{Ingredient, Profile, SenderConfig};
use serde::Serialize;

use crate::{files, words};

/// `640x360`.
pub(crate) fn size(text: &str) -> Result<Size, String> {
    let (width, height) = text.split_once('x').ok_or("a size is written WIDTHxHEIGHT, as in 640x360")?;
    let side = |digits: &str| digits.parse::<u32>().map_err(|_| format!("\"{digits}\" is no number of samples"));
    Size::new(side(width)?, side(height)?).map_err(|error| error.to_string())
}

/// 0 to 127.
pub(crate) fn quantizer(text: &str) -> Result<QuantizerIndex, String> {
    let index = text.parse::<u8>().ok().and_then(QuantizerIndex::new);
    index.ok_or_else(|| "a VP8 quantizer index is a number from 0 (finest) to 127 (coarsest)".to_owned())
}

/// How long a call lasts, in seconds.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    within("seconds", text, 0.001, MAX_SECONDS).map(Duration::from_secs_f64)
}

/// Pictures a second.
pub(crate) fn frames_per_second(text: &str) -> Result<f64, String> {
    within("pictures a second", text, MIN_FRAMES_PER_SECOND, MAX_FRAMES_PER_SECOND)
}

/// A bitrate in kbit/s.
pub(crate) fn kilobits_per_second(text: &str) -> Result<f64, String> {
    within("kbit/s", text, 1.0, MAX_KILOBITS_PER_SECOND)
}

/// How many threads.
pub(crate) fn thread_count(text: &str) -> Result<NonZero<usize>, String> {
    within("threads", text, NonZero::<usize>::MIN, MAX_THREADS)
}

/// Thunks at once.
pub(crate) fn job_count(text: &str) -> Result<NonZero<usize>, String> {
    within("jobs", text, NonZero::<usize>::MIN, MAX_JOBS)
}

/// 0 to 1.
pub(crate) fn probability(text: &str) -> Result<f64, String> {
    within("a probability", text, 0.0, 1.0)
}

/// One way across a link.
pub(crate) fn delay_ms(text: &str) -> Result<Duration, String> {
    within("milliseconds, whole ones", text, 0, MAX_DELAY_MS).map(Duration::from_millis)
}

/// How long one frame may occupy the link: from smooth to sharp.
pub(crate) fn delay_ceiling_ms(text: &str) -> Result<Duration, String> {
    within("milliseconds, whole ones", text, 5, 500).map(Duration::from_millis)
}

/// How many packets a queue holds.
pub(crate) fn queue_packets(text: &str) -> Result<u64, String> {
    within("packets", text, 1, MAX_QUEUED_PACKETS)
}

fn within<T: Copy + FromStr + PartialOrd + Display>(unit: &str, text: &str, least: T, most: T) -> Result<T, String> {
    let number = text.parse::<T>().ok().filter(|number| (&least..=&most).contains(&number));
    number.ok_or_else(|| format!("{unit} from {least} to {most}"))
}

/// How often a clip is to be played: as asked, else at its own rate, else at [`DEFAULT_FRAMES_PER_SECOND`].
pub(crate) fn play_rate(clip: &Path, own: Option<FrameRate>, asked: Option<f64>) -> Result<f64> {
    let rate = asked.unwrap_or_else(|| own.map_or(DEFAULT_FRAMES_PER_SECOND, FrameRate::per_second));
    if !(MIN_FRAMES_PER_SECOND..=MAX_FRAMES_PER_SECOND).contains(&rate) {
        bail!("{}: states {rate} pictures a second; say how many with --fps", clip.display());
    }
    Ok(rate)
}

/// Random loss of a stated probability.
pub(crate) fn loss(probability: f64) -> Loss {
    if probability > 0.0 { Loss::Random(probability) } else { Loss::None }
}

/// What a clip without a rate is played at.
pub(crate) const DEFAULT_FRAMES_PER_SECOND: f64 = 30.0;
/// The longest call: a bound can be given to no longer one. Every captured picture keeps a record.
pub(crate) const MAX_SECONDS: f64 = (MAX_WINDOW_MS / 1000) as f64;
/// Slower than a slide show.
const MIN_FRAMES_PER_SECOND: f64 = 0.01;
/// No camera gives more, and time counts in milliseconds on a link.
const MAX_FRAMES_PER_SECOND: f64 = 1000.0;
/// A frame of the largest size has 144 rows, and no machine that is used for this has more processors.
const MAX_THREADS: NonZero<usize> = NonZero::new(64).expect("it is not 0");
/// What a cluster runs of one build or film; each takes a thread of ours that waits for it.
const MAX_JOBS: NonZero<usize> = NonZero::new(4096).expect("it is not 0");
/// A gigabit a second: no lossy video needs more.
const MAX_KILOBITS_PER_SECOND: f64 = 1_000_000.0;
/// A minute: the Moon is 1.3 s away, so that more is a mistake.
const MAX_DELAY_MS: u64 = 60_000;

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum EffortName {
    /// For a call: as fast as pays
    Live,
    /// In between
    Balanced,
    /// For films: as small as it gets
    Film,
}

impl From<EffortName> for Effort {
    fn from(name: EffortName) -> Self {
        match name {
            EffortName::Live => Self::Live,
            EffortName::Balanced => Self::Balanced,
            EffortName::Film => Self::Film,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProfileName {
    /// Ours
    Oyster,
    /// The original's algorithm and constants
    Classic,
    /// One version a frame at a rate controlled by average, as calls usually do
    Conventional,
    /// Ours with the sender's pauses counted as slowness
    OysterNoPauseRemoval,
    /// Ours without a brake in silence
    OysterNoBrake,
    /// Ours with one version a frame
    OysterOneVersion,
    /// Ours without a small version where no frame fits
    OysterNoSurvival,
    /// Ours with a ceiling that does not stretch for large frames
    OysterFixedCeiling,
    /// Ours with pictures of full size only
    OysterOneSize,
    /// Ours without repair of what is lost
    OysterNoRepair,
    /// Ours with a frame's beginning shown when its rest is late, and started from when that is lost
    OysterBeginnings,
}

impl ProfileName {
    /// The settings of this profile.
    pub(crate) fn config(self) -> SenderConfig {
        let without = match self {
            Self::Oyster | Self::Classic | Self::Conventional | Self::OysterBeginnings => None,
            Self::OysterNoPauseRemoval => Some(Ingredient::PauseRemoval),
            Self::OysterNoBrake => Some(Ingredient::Brake),
            Self::OysterOneVersion => Some(Ingredient::SecondVersion),
            Self::OysterNoSurvival => Some(Ingredient::Survival),
            Self::OysterFixedCeiling => Some(Ingredient::ElasticCeiling),
            Self::OysterOneSize => Some(Ingredient::SmallerPictures),
            Self::OysterNoRepair => Some(Ingredient::Repair),
        };
        let uses_beginnings = matches!(self, Self::OysterBeginnings);
        SenderConfig { without, uses_beginnings, ..SenderConfig::for_profile(self.into()) }
    }

    /// As it is written in arguments.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

impl From<ProfileName> for Profile {
    fn from(name: ProfileName) -> Self {
        match name {
            ProfileName::Classic => Self::Classic,
            ProfileName::Conventional => Self::Conventional,
            _ => Self::Oyster,
        }
    }
}

/// Which sender, and its one knob.
#[derive(Debug, clap::Args)]
pub(crate) struct SenderArguments {
    /// Which sender and receiver
    #[arg(long, default_value = "oyster")]
    profile: ProfileName,
    #[command(flatten)]
    ceiling: DelayCeiling,
}

impl SenderArguments {
    /// The settings asked for.
    pub(crate) fn config(&self) -> SenderConfig {
        self.ceiling.on(self.profile.config())
    }
}

/// The sender's one knob.
#[derive(Debug, clap::Args)]
pub(crate) struct DelayCeiling {
    /// From smooth (7) to sharp (50), 25 by default: how long one frame may occupy the link (profile oyster)
    #[arg(long, value_name = "MS", value_parser = delay_ceiling_ms, allow_negative_numbers = true)]
    pub(crate) delay_ceiling_ms: Option<Duration>,
}

impl DelayCeiling {
    /// These settings with this ceiling, if one is asked for.
    pub(crate) fn on(&self, config: SenderConfig) -> SenderConfig {
        SenderConfig { delay_ceiling: self.delay_ceiling_ms.unwrap_or(config.delay_ceiling), ..config }
    }
}

/// Where JSON goes, as an argument.
#[derive(Debug, clap::Args)]
pub(crate) struct JsonOutput {
    /// Write the figures as one JSON object to this file; `-` is standard output
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl JsonOutput {
    /// Whether figures are asked for. An error if there is no place for them: that is better known before the work.
    pub(crate) fn expected(&self) -> Result<bool> {
        if let Some(path) = self.json.as_deref().filter(|&path| path != STANDARD_OUTPUT) {
            files::expect_place(path)?;
        }
        Ok(self.json.is_some())
    }

    /// Writes `figures`, if they are asked for as JSON; else prints what `words` makes of them.
    pub(crate) fn write_or_print<T: Serialize>(&self, figures: &T, words: impl Fn(&T) -> String) -> Result<()> {
        let Some(path) = &self.json else { return words::print(&words(figures)) };
        let mut text = serde_json::to_string_pretty(figures)?;
        text.push('\n');
        if path == STANDARD_OUTPUT { words::print(&text) } else { files::write(path, text.as_bytes()) }
    }
}

const STANDARD_OUTPUT: &str = "-";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_within_their_ranges() {
        assert_eq!(seconds("60"), Ok(Duration::from_secs(60)));
        for text in ["0", "-1", "1e300", "NaN", "inf", "six", ""] {
            assert!(seconds(text).is_err() && frames_per_second(text).is_err(), "{text}");
        }
        assert_eq!(probability("0.5"), Ok(0.5));
        assert_eq!(probability("1.5"), Err("a probability from 0 to 1".to_owned()));
        assert_eq!(delay_ms("60000"), Ok(Duration::from_mins(1)));
        assert!(delay_ms("60001").is_err() && delay_ms("1.5").is_err());
        assert!(queue_packets("0").is_err() && queue_packets("18446744073709551615").is_err());
    }

    #[test]
    fn a_size_has_two_sides() {
        assert_eq!(size("640x360"), Ok(Size::new(640, 360).unwrap()));
        for text in ["640", "640x", "x", "0x0", "-1x5", "100000x100000", "640x360x3"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
