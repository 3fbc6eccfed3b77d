//! `oyster thunk create`.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use oyster_infer::Placeholder;
use oyster_thunks::{Digest, Engine, Input, RelativePath, Thunk, ThunkError};

use super::target::{self, Target};
use crate::engine::StoreArguments;
use crate::fault::BadArgument;
use crate::files;
use crate::values::seconds;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The thunk to write; whoever needs the file that it stands for names this one as an input
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// A file that the command sees under the path NAME; the file itself may be a thunk
    #[arg(long = "input", value_name = "NAME[=FILE]", value_parser = input)]
    inputs: Vec<(RelativePath, PathBuf)>,
    /// What the command makes [default: out]; the first of them is what the thunk stands for
    #[arg(long = "makes", value_name = "NAME", value_parser = path, default_value = "out")]
    makes: Vec<RelativePath>,
    /// A variable that the command sees; it sees no others
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = variable)]
    environment: Vec<(String, String)>,
    /// How long it may take
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
    /// What the outputs depend on besides, such as the version of a compiler that is no input
    #[arg(long, value_name = "TEXT", default_value = "")]
    salt: String,
    #[command(flatten)]
    store: StoreArguments,
    /// The command: a program of this machine by its whole path, or an input
    #[arg(required = true, last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

fn path(text: &str) -> Result<RelativePath, String> {
    RelativePath::new(text).map_err(|error| error.to_string())
}

fn input(text: &str) -> Result<(RelativePath, PathBuf), String> {
    let (name, file) = text.split_once('=').unwrap_or((text, text));
    Ok((path(name)?, file.into()))
}

fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a variable is written NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    files::expect_place(&arguments.output)?;
    let store = arguments.store.open()?;
    let mut thunk = Thunk::new(arguments.command.clone(), arguments.makes.clone());
    thunk.environment = arguments.environment.iter().cloned().collect();
    thunk.timeout = arguments.timeout;
    thunk.salt = arguments.salt.clone().into_bytes();
    for (name, file) in &arguments.inputs {
        let bytes = target::read(file)?;
        let placeholder = Placeholder::parse(&bytes).with_context(|| file.display().to_string())?;
        let input = match (placeholder, Thunk::from_bytes(&bytes)) {
            (Some(placeholder), _) => Input::output(placeholder.thunk, placeholder.output),
            (None, Ok(other)) => Input::output(other.id(), target::meant(&other)?),
            (None, Err(ThunkError::NoThunk | ThunkError::TooLarge(_))) => Input::value(Digest::of(&bytes)),
            (None, Err(error)) => bail!("{}: {error}", file.display()),
        };
        let about = std::fs::metadata(file).with_context(|| file.display().to_string())?;
        let executable = about.permissions().mode() & 0o111 != 0;
        store.store(Digest::of(&bytes), &bytes)?;
        if thunk.inputs.insert(name.clone(), Input { executable, ..input }).is_some() {
            bail!(BadArgument(format!("--input {name}: said twice")));
        }
    }
    thunk.check().map_err(|error| BadArgument(error.to_string()))?;
    // What it needs must be known now: that is easier mended than when it is run.
    Target::of(&store, arguments.output.clone(), thunk.clone())?;
    files::write(&arguments.output, &thunk.to_bytes())
}
