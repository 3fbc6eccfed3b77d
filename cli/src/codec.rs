//! `oyster codec`: VP8 files in and out.

mod bench;
mod bucket;
mod decode;
mod encode;

use anyhow::Result;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Decode an IVF file
    Decode(decode::Arguments),
    /// Encode a y4m clip as an IVF file
    Encode(encode::Arguments),
    /// Measure encoding and decoding of a y4m clip, in processor time on one thread
    Bench(bench::Arguments),
}

pub(crate) fn run(command: &Command) -> Result<()> {
    match command {
        Command::Decode(arguments) => decode::run(arguments),
        Command::Encode(arguments) => encode::run(arguments),
        Command::Bench(arguments) => bench::run(arguments),
    }
}
