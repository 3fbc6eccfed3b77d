//! `oyster function`: what a film's thunks run where they are given no smaller executable. Reads and writes files of the folder it is
//! started in, and nothing else; so the digest of this program, as an input, stands for the function.

use anyhow::Result;
use oyster_excamera::Call;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Which, and its settings
    words: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    // Nobody looks at an output before the function has ended, so it need not be written beside.
    Ok(Call::parse(&arguments.words)?.apply(|name| std::fs::read(name), |name, bytes| std::fs::write(name, bytes))?)
}
