//! Values as people write them in arguments.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::ValueEnum;
use oyster_codec::Effort;
use oyster_codec::{QuantizerIndex, Size};
use oyster_transport::Profile;
use serde::Serialize;

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

/// A finite number above 0.
pub(crate) fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && *number > 0.0);
    number.ok_or_else(|| "a number above 0 is needed".to_owned())
}

/// 0 to 1.
pub(crate) fn probability(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| (0.0..=1.0).contains(number));
    number.ok_or_else(|| "a probability is a number from 0 to 1".to_owned())
}

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

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ProfileName {
    /// Ours
    Oyster,
    /// The original's algorithm and constants
    Classic,
    /// One version a frame at a rate controlled by average, as calls usually do
    Conventional,
}

impl From<ProfileName> for Profile {
    fn from(name: ProfileName) -> Self {
        match name {
            ProfileName::Oyster => Self::Oyster,
            ProfileName::Classic => Self::Classic,
            ProfileName::Conventional => Self::Conventional,
        }
    }
}

/// Writes `value` as JSON to a file, or to standard output for `-`.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    if path == Path::new("-") {
        print!("{text}");
        return Ok(());
    }
    crate::files::write(path, text.as_bytes())
}

/// Where JSON goes, as an argument.
#[derive(Debug, clap::Args)]
pub(crate) struct JsonOutput {
    /// Write the figures as one JSON object to this file; `-` is standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}
