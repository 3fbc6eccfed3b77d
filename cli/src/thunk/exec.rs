//! `oyster thunk exec`: what a placeholder does that is run.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::Result;

use super::force;
use super::session::{self, Session};
use crate::engine::EngineArguments;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The placeholder; the program takes its place
    program: PathBuf,
    /// What the program is called with
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "WORDS")]
    words: Vec<OsString>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let files = [arguments.program.clone()];
    match Session::current()? {
        Some(session) => session.force(&files)?,
        None => drop(force::force(&files, &EngineArguments::default(), &[])?),
    }
    // A name without a slash would be looked for on the search path.
    let program = std::path::absolute(&arguments.program)?;
    session::replace(Command::new(program).args(&arguments.words))
}
