//! `oyster jpeg`: JPEG files packed in chunks that decode alone, and back.

mod inputs;
mod pack;
mod thunks;
mod unpack;
mod verify;
mod workers;

use std::num::NonZeroUsize;

use anyhow::Result;
use clap::Subcommand;

use self::workers::Enter;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Pack JPEG files (any file will do)
    Pack(pack::Arguments),
    /// Give back a packed file, or a range of it
    Unpack(unpack::Arguments),
    /// Decode packed files and compare with what was packed
    Verify(verify::Arguments),
}

pub(crate) fn run(command: &Command) -> Result<()> {
    match command {
        Command::Pack(arguments) => pack::run(arguments),
        Command::Unpack(arguments) => unpack::run(arguments),
        Command::Verify(arguments) => verify::run(arguments),
    }
}

/// How many threads work, as an argument.
#[derive(Debug, clap::Args)]
struct ThreadsArgument {
    /// Threads that work [default: one for each processor]
    #[arg(long, value_name = "N", conflicts_with = "engine", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

impl ThreadsArgument {
    fn count(&self) -> usize {
        let all = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        self.threads.map_or_else(all, usize::from)
    }
}

/// Whether decoding is locked in, as an argument.
#[derive(Debug, clap::Args)]
struct SandboxArgument {
    /// Decode on threads that can compute and nothing else (Linux): for packed files of unknown origin
    #[arg(long, conflicts_with = "engine")]
    sandbox: bool,
}

impl SandboxArgument {
    /// What a thread does before it decodes, if anything.
    fn enter(&self) -> Result<Option<Enter>> {
        self.sandbox.then(sandbox).transpose()
    }
}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere there is no sandbox")]
fn sandbox() -> Result<Enter> {
    use oyster_functions::sandbox::{Clock, Files, enter};
    Ok(|| Ok(enter(&Files::default(), Clock::Answers)?))
}

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
fn sandbox() -> Result<Enter> {
    anyhow::bail!(crate::fault::BadArgument("--sandbox: there is none on this system".to_owned()))
}

/// In hundredths of the original.
fn saved_percent(original_bytes: u64, packed_bytes: u64) -> f64 {
    if original_bytes == 0 { 0.0 } else { 100.0 * (1.0 - packed_bytes as f64 / original_bytes as f64) }
}
