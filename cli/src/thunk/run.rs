//! `oyster thunk run`: a compiler called now, by way of a thunk. `CC="oyster thunk run -- gcc"` needs no other change of a build.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use oyster_infer::shell::{real_path, real_program};

use super::session::{self, Session};
use crate::engine::EngineArguments;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The folder that the build is in [default: the one around this one that git knows, else this one]
    #[arg(long, value_name = "FOLDER")]
    root: Option<PathBuf>,
    /// A file that describes further programs, as `thunk infer` has it
    #[arg(long, value_name = "FILE")]
    programs: Option<PathBuf>,
    #[command(flatten)]
    engine: EngineArguments,
    /// The call of a compiler, an archiver, a linker
    #[arg(required = true, last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let here = std::env::current_dir().context("this folder")?;
    let known = here.ancestors().find(|folder| folder.join(".git").exists());
    let root = arguments.root.as_deref().or(known).unwrap_or(&here);
    let (name, words) = arguments.command.split_first().context("no command")?;
    let path = real_path();
    let program = real_program(name, &path).with_context(|| format!("{name}: there is no such program"))?;
    let (_folder, session) = Session::create(root, arguments.engine.clone(), arguments.programs.as_deref())?;
    let plain = Path::new(name).file_name().and_then(|name| name.to_str()).unwrap_or(name);
    let Some(files) = session.put_off(plain, &program, words)? else {
        return session::replace(Command::new(program).args(words).env("PATH", path));
    };
    if let Err(error) = session.force(&files) {
        // What was not made is not there, as with the program itself.
        files.iter().for_each(|file| drop(fs::remove_file(file)));
        return Err(error);
    }
    Ok(ExitCode::SUCCESS)
}
