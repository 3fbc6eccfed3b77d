//! The program `oyster`: arguments in, words and files out.
//!
//! Standard output carries what was asked for and nothing else; words for people go to standard error. Exit status 0
//! only when what was asked was done, 2 for bad arguments, 1 otherwise with one line that names what is at fault.

mod call;
mod codec;
mod config;
mod cpu;
mod demo;
mod devices;
#[cfg(target_os = "linux")]
mod emulate;
mod engine;
mod excamera;
mod experiment;
mod fault;
mod files;
mod film;
mod function;
mod jpeg;
mod model;
mod progress;
mod relay;
mod report;
mod signals;
mod threads;
mod thunk;
mod values;
mod words;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A real-time video call made of tiny functions, after Salsify.
#[derive(Debug, Parser)]
#[command(name = "oyster", version, propagate_version = true, max_term_width = 110)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Answer(call::AnswerArguments),
    Call(call::CallArguments),
    /// Two peers in this process call each other in real time over an emulated LTE link
    Demo(demo::Arguments),
    /// VP8 files: decode, encode, measure
    #[command(subcommand)]
    Codec(codec::Command),
    /// Calls over emulated links in virtual time, and what an omniscient sender would get there
    #[command(subcommand)]
    Experiment(experiment::Command),
    /// Runs a command behind two emulated links, as mahimahi's mm-link does (needs root)
    #[cfg(target_os = "linux")]
    Emulate(emulate::Arguments),
    /// JPEG files made a fifth smaller without loss, in chunks that decode alone
    #[command(subcommand)]
    Jpeg(jpeg::Command),
    /// The cameras and displays there are
    Devices,
    /// Films, encoded in many small tasks side by side
    #[command(subcommand)]
    Excamera(excamera::Command),
    /// One of the functions that thunks of films and of JPEGs are made of: files of this folder in, files out
    #[command(hide = true)]
    Function(function::Arguments),
    /// Commands put off as values: created, explained, forced in parallel and remembered
    #[command(subcommand)]
    Thunk(thunk::Command),
    /// Carries datagrams between two programs over emulated links in real time
    Relay(relay::Arguments),
}

fn main() -> ExitCode {
    if let Some(name) = thunk::called_as() {
        return thunk::run_as(&name).unwrap_or_else(|error| fault::of_work(&error));
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return fault::of_arguments(&error),
    };
    let done = |()| ExitCode::SUCCESS;
    let outcome = match arguments.command {
        Command::Answer(arguments) => call::answer(&arguments).map(done),
        Command::Call(arguments) => call::call(&arguments).map(done),
        Command::Demo(arguments) => demo::run(&arguments).map(done),
        Command::Codec(command) => codec::run(&command).map(done),
        Command::Experiment(command) => experiment::run(&command).map(done),
        #[cfg(target_os = "linux")]
        Command::Emulate(arguments) => emulate::run(&arguments),
        Command::Jpeg(command) => jpeg::run(&command).map(done),
        Command::Devices => devices::run().map(done),
        Command::Excamera(command) => excamera::run(&command).map(done),
        Command::Function(arguments) => function::run(&arguments).map(done),
        Command::Thunk(command) => thunk::run(&command),
        Command::Relay(arguments) => relay::run(&arguments).map(done),
    };
    outcome.unwrap_or_else(|error| fault::of_work(&error))
}
