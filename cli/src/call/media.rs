//! What a call is made with: camera, sound, display, log, from the arguments or else the configuration file.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result};
use oyster_call::camera::{Source, Wanted};
use oyster_call::connection::DEFAULT_PATIENCE;
use oyster_call::{screen, sound};
use oyster_codec::Size;
use oyster_transport::SenderConfig;

use crate::config::Config;
use crate::fault::BadArgument;
use crate::values::{DelayCeiling, delay_ceiling_ms, frames_per_second, seconds, size};

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Media")]
pub(crate) struct MediaArguments {
    /// v4l:DEV, file:F.y4m, pattern or none (default: v4l:/dev/video0 where there is one, else none)
    #[arg(long, value_name = "CAMERA")]
    camera: Option<Source>,
    /// The size of the pictures sent
    #[arg(long, value_name = "WxH", value_parser = size)]
    size: Option<Size>,
    /// Pictures a second (default: a clip's own rate, else 30)
    #[arg(long, value_name = "N", value_parser = frames_per_second, allow_negative_numbers = true)]
    fps: Option<f64>,
    /// A microphone's name, file:F.wav or none
    #[arg(long, value_name = "NAME")]
    microphone: Option<sound::Choice>,
    /// A loudspeaker's name, file:F.wav or none
    #[arg(long, value_name = "NAME")]
    speaker: Option<sound::Choice>,
    /// window, terminal, file:F.y4m or none (default: a window where there is a display, else the terminal)
    #[arg(long, value_name = "WHERE")]
    display: Option<screen::Choice>,
    #[command(flatten)]
    ceiling: DelayCeiling,
    /// End the call when nothing was heard of the other side for so long (default: 30)
    #[arg(long, value_name = "SECONDS", value_parser = seconds, allow_negative_numbers = true)]
    patience_s: Option<Duration>,
    /// Record what is shown and heard into this file, which must not be there (WebM)
    #[arg(long, value_name = "F.webm")]
    record: Option<PathBuf>,
    /// Write a row a frame and direction into this file
    #[arg(long, value_name = "F.csv")]
    log: Option<PathBuf>,
    /// Write the call's figures as one JSON object into this file when it is over
    #[arg(long, value_name = "F.json")]
    json: Option<PathBuf>,
    /// Add what happens, with its time, to this file: for finding out why a call was as it was
    #[arg(long, value_name = "F.log")]
    diagnostics: Option<PathBuf>,
}

/// What a call is made with.
#[derive(Debug)]
pub(crate) struct Media {
    pub(crate) camera: Source,
    pub(crate) wanted: Wanted,
    pub(crate) sound: sound::Choices,
    pub(crate) display: screen::Choice,
    pub(crate) sender: SenderConfig,
    pub(crate) patience: Duration,
    pub(crate) record: Option<PathBuf>,
    pub(crate) log: Option<PathBuf>,
    pub(crate) json: Option<PathBuf>,
    pub(crate) diagnostics: Option<PathBuf>,
}

impl MediaArguments {
    /// The arguments, and what the configuration says where they say nothing.
    pub(crate) fn or(&self, config: &Config) -> Result<Media> {
        let camera = given(self.camera.as_ref(), config.camera.as_deref(), "camera", Source::from_str)?;
        let size = given(self.size.as_ref(), config.size.as_deref(), "size", size)?;
        let text = |number: Option<f64>| number.map(|number| number.to_string());
        let fps = given(self.fps.as_ref(), text(config.fps).as_deref(), "fps", frames_per_second)?;
        let ceiling_ms = config.delay_ceiling_ms.map(|ms| ms.to_string());
        let asked = self.ceiling.delay_ceiling_ms.as_ref();
        let ceiling = given(asked, ceiling_ms.as_deref(), "delay-ceiling-ms", delay_ceiling_ms)?;
        let patience = given(self.patience_s.as_ref(), text(config.patience_s).as_deref(), "patience-s", seconds)?;
        let display = given(self.display.as_ref(), config.display.as_deref(), "display", screen::Choice::from_str)?;
        let microphone =
            given(self.microphone.as_ref(), config.microphone.as_deref(), "microphone", sound::Choice::from_str)?;
        let speaker = given(self.speaker.as_ref(), config.speaker.as_deref(), "speaker", sound::Choice::from_str)?;
        let camera = camera.unwrap_or_else(default_camera);
        if let Source::File(path) = &camera {
            // Better known before the other side is rung up.
            std::fs::metadata(path).with_context(|| format!("{}: cannot read", path.display()))?;
        }
        Ok(Media {
            camera,
            wanted: Wanted { size, frames_per_second: fps },
            sound: sound::Choices { microphone: microphone.unwrap_or_default(), speaker: speaker.unwrap_or_default() },
            display: display.unwrap_or_default(),
            sender: DelayCeiling { delay_ceiling_ms: ceiling }.on(SenderConfig::default()),
            patience: patience.unwrap_or(DEFAULT_PATIENCE),
            record: self.record.clone(),
            log: self.log.clone(),
            json: self.json.clone(),
            diagnostics: self.diagnostics.as_ref().or(config.diagnostics.as_ref()).cloned(),
        })
    }
}

fn given<T: Clone, E: std::fmt::Display>(
    argument: Option<&T>,
    configured: Option<&str>,
    name: &str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Option<T>> {
    match (argument, configured) {
        (Some(argument), _) => Ok(Some(argument.clone())),
        (None, Some(text)) => parse(text).map(Some).map_err(|error| wrong(name, &error)),
        (None, None) => Ok(None),
    }
}

fn wrong(name: &str, error: &dyn std::fmt::Display) -> anyhow::Error {
    BadArgument(format!("config.toml: {name}: {error}")).into()
}

fn default_camera() -> Source {
    let device = PathBuf::from("/dev/video0");
    if device.exists() { Source::Device(device) } else { Source::None }
}
