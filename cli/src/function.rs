//! `oyster function`: what a film's thunks run. Reads and writes files of the folder it is started in, and nothing else; so
//! the digest of this program, as an input, stands for the function.

use anyhow::{Context, Result};
use clap::Subcommand;
use oyster_codec::QuantizerIndex;
use oyster_excamera::{JoinedChunk, Settings, encode, rebase, reencode};

use crate::values::{EffortName, quantizer};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// pictures -> frames, state
    Encode {
        #[command(flatten)]
        settings: SettingsArguments,
        /// Frames before, in the batch
        before: usize,
    },
    /// pictures, before -> frames
    Reencode(SettingsArguments),
    /// pictures, chunk, first, expected, before -> frames, state
    Rebase,
}

#[derive(Debug, clap::Args)]
pub(crate) struct SettingsArguments {
    #[arg(value_parser = quantizer)]
    quantizer: QuantizerIndex,
    effort: EffortName,
}

impl SettingsArguments {
    fn settings(&self) -> Settings {
        Settings { quantizer: self.quantizer, effort: self.effort.into() }
    }
}

pub(crate) fn run(command: &Command) -> Result<()> {
    let pictures = read("pictures")?;
    let (frames, state) = match command {
        Command::Encode { settings, before } => encode(&pictures, *before, settings.settings())?,
        Command::Reencode(arguments) => {
            return write("frames", &reencode(&pictures, &read("before")?, arguments.settings())?);
        }
        Command::Rebase => rebase(&JoinedChunk {
            pictures: &pictures,
            chunk: &read("chunk")?,
            first: &read("first")?,
            expected: &read("expected")?,
            before: &read("before")?,
        })?,
    };
    write("frames", &frames)?;
    write("state", &state)
}

fn read(name: &str) -> Result<Vec<u8>> {
    std::fs::read(name).with_context(|| format!("{name}: cannot read"))
}

/// Nobody looks at an output before the function has ended, so it need not be written beside.
fn write(name: &str, bytes: &[u8]) -> Result<()> {
    std::fs::write(name, bytes).with_context(|| format!("{name}: cannot write"))
}
