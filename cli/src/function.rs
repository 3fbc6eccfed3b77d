//! `oyster function`: what thunks of films and of JPEGs run where they are given no smaller executable. Its digest, as an input,
//! stands for the function.

use anyhow::Result;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Which, and its settings
    words: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    Ok(oyster_functions::run(&arguments.words)?)
}
