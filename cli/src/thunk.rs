//! `oyster thunk`: commands put off as values, looked at, and run; builds put off as they are.

mod create;
mod drawing;
mod exec;
mod explain;
mod force;
mod infer;
mod run;
mod session;
mod target;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

pub(crate) use session::{called_as, run_as};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Put off a command: write a thunk that stands for the file it would make
    Create(create::Arguments),
    /// Put off a build: compilers, archivers and linkers that it calls leave placeholders of what they would make
    Infer(infer::Arguments),
    /// Call a compiler, an archiver or a linker by way of a thunk: what was made before is remembered
    Run(run::Arguments),
    /// Run what thunks and placeholders stand for, and put what they make in their place
    Force(force::Arguments),
    /// Say what a thunk is made from
    Explain(explain::Arguments),
    /// Force a placeholder, and run the program that it becomes
    #[command(hide = true)]
    Exec(exec::Arguments),
}

pub(crate) fn run(command: &Command) -> Result<ExitCode> {
    let done = |()| ExitCode::SUCCESS;
    match command {
        Command::Create(arguments) => create::run(arguments).map(done),
        Command::Infer(arguments) => infer::run(arguments),
        Command::Run(arguments) => run::run(arguments),
        Command::Force(arguments) => force::run(arguments).map(done),
        Command::Explain(arguments) => explain::run(arguments).map(done),
        Command::Exec(arguments) => exec::run(arguments),
    }
}
