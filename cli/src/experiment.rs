//! `oyster experiment`: calls in virtual time, and their bounds.

mod bound;
mod compare;
mod conditions;
mod run;
mod swarm;

use anyhow::Result;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// One call over an emulated link in virtual time
    Run(Box<run::Arguments>),
    /// Many calls: every clip over every link with every profile, side by side
    Compare(Box<compare::Arguments>),
    /// What an omniscient sender would get on a link
    Bound(bound::Arguments),
    /// Many short calls of tiny pictures in every weather: what must always hold does, and each recovers
    Swarm(swarm::Arguments),
}

pub(crate) fn run(command: &Command) -> Result<()> {
    match command {
        Command::Run(arguments) => run::run(arguments),
        Command::Compare(arguments) => compare::run(arguments),
        Command::Bound(arguments) => bound::run(arguments),
        Command::Swarm(arguments) => swarm::run(arguments),
    }
}
