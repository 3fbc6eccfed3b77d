//! `oyster thunk`: commands put off as values, looked at, and run.

mod create;
mod explain;
mod force;
mod target;

use anyhow::Result;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Put off a command: write a thunk that stands for the file it would make
    Create(create::Arguments),
    /// Run what thunks stand for, and put what they make in their place
    Force(force::Arguments),
    /// Say what a thunk is made from
    Explain(explain::Arguments),
}

pub(crate) fn run(command: &Command) -> Result<()> {
    match command {
        Command::Create(arguments) => create::run(arguments),
        Command::Force(arguments) => force::run(arguments),
        Command::Explain(arguments) => explain::run(arguments),
    }
}
