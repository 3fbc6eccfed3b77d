//! The program `oyster`: arguments in, words and files out.
//!
//! Standard output carries what was asked for and nothing else; words for people go to standard error. Exit status 0
//! only when what was asked was done, 2 for bad arguments, 1 otherwise with one line that names what is at fault.

mod codec;
mod cpu;
mod demo;
mod experiment;
mod files;
mod relay;
mod report;
mod values;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A real-time video call made of tiny functions, after Salsify.
#[derive(Debug, Parser)]
#[command(name = "oyster", version, max_term_width = 110)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Two peers in this process call each other in real time over an emulated LTE link
    Demo(demo::Arguments),
    /// VP8 files: decode, encode, measure
    #[command(subcommand)]
    Codec(codec::Command),
    /// Calls over emulated links in virtual time, and what an omniscient sender would get there
    #[command(subcommand)]
    Experiment(experiment::Command),
    /// Carries datagrams between two programs over emulated links in real time
    Relay(relay::Arguments),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Codec(command) => codec::run(&command),
        Command::Experiment(command) => experiment::run(&command),
        Command::Relay(arguments) => relay::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("oyster: {error:#}");
            ExitCode::FAILURE
        }
    }
}
