//! What a call is made with: camera, sound, display, log, from the arguments or else the configuration file.

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, Result};
use oyster_call::camera::{Source, Wanted};
use oyster_call::screen;
use oyster_codec::Size;

use crate::config::Config;
use crate::fault::BadArgument;
use crate::values::{frames_per_second, size};

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Media")]
pub(crate) struct MediaArguments {
    /// v4l:DEV, file:F.y4m, pattern or none (default: v4l:/dev/video0 where there is one, else none)
    #[arg(long, value_name = "CAMERA")]
    camera: Option<Source>,
    /// The size of the pictures sent
    #[arg(long, value_name = "WxH", value_parser = size)]
    size: Option<Size>,
    /// Pictures a second
    #[arg(long, value_name = "N", value_parser = frames_per_second, allow_negative_numbers = true)]
    fps: Option<f64>,
    /// A microphone's name, file:F.wav or none
    #[arg(long, value_name = "NAME")]
    microphone: Option<String>,
    /// A loudspeaker's name, file:F.wav or none
    #[arg(long, value_name = "NAME")]
    speaker: Option<String>,
    /// window, terminal or none (default: a window where there is a display, else the terminal)
    #[arg(long, value_name = "WHERE", value_parser = display)]
    display: Option<screen::Choice>,
    /// Write a row a frame and direction into this file
    #[arg(long, value_name = "F.csv")]
    pub(crate) log: Option<PathBuf>,
}

/// What a call is made with.
#[derive(Debug)]
pub(crate) struct Media {
    pub(crate) camera: Source,
    pub(crate) wanted: Wanted,
    pub(crate) display: screen::Choice,
}

impl MediaArguments {
    /// The arguments, and what the configuration says where they say nothing.
    pub(crate) fn or(&self, config: &Config) -> Result<Media> {
        let camera = given(self.camera.as_ref(), config.camera.as_deref(), "camera", Source::from_str)?;
        let size = given(self.size.as_ref(), config.size.as_deref(), "size", size)?;
        let fps = match (self.fps, config.fps) {
            (None, Some(fps)) => Some(frames_per_second(&fps.to_string()).map_err(|error| wrong("fps", &error))?),
            (fps, _) => fps,
        };
        let display = given(self.display.as_ref(), config.display.as_deref(), "display", display)?;
        let camera = camera.unwrap_or_else(default_camera);
        if let Source::File(path) = &camera {
            // Better known before the other side is rung up.
            std::fs::metadata(path).with_context(|| format!("{}: cannot read", path.display()))?;
        }
        Ok(Media { camera, wanted: Wanted { size, frames_per_second: fps }, display: display.unwrap_or_default() })
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

fn display(text: &str) -> Result<screen::Choice, String> {
    match text {
        "window" => Ok(screen::Choice::Window),
        "terminal" => Ok(screen::Choice::Terminal),
        "none" => Ok(screen::Choice::None),
        _ => Err(format!("\"{text}\" is no display: window, terminal or none is")),
    }
}
