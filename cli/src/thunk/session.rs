//! A build that is being put off: what programs called by it must know, in a folder that a variable names.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use clap::Parser;
use oyster_infer::models::described::{self, Description};
use oyster_infer::models::{Model, Program};
use oyster_infer::shell::{Outcome, Site, put_off, real_path, real_program};
use oyster_thunks::Digest;
use tempfile::TempDir;

use super::force;
use crate::engine::EngineArguments;
use crate::words;

/// What is known of a build.
#[derive(Debug)]
pub(crate) struct Session {
    /// Where notices and counts are put.
    folder: PathBuf,
    root: PathBuf,
    engine: EngineArguments,
    descriptions: BTreeMap<String, Description>,
}

/// Says which folder it is.
pub(super) const VARIABLE: &str = "OYSTER_INFER";
const ROOT: &str = "root";
const ENGINE: &str = "engine";
const DESCRIPTIONS: &str = "programs";
const PUT_OFF: &str = "put-off";
const REAL: &str = "real";

/// The engine's arguments, as words of a command line.
#[derive(Debug, Parser)]
#[command(no_binary_name = true)]
struct EngineWords {
    #[command(flatten)]
    engine: EngineArguments,
}

impl Session {
    /// A session of the build at `root`.
    pub(super) fn create(root: &Path, engine: EngineArguments, programs: Option<&Path>) -> Result<(TempDir, Self)> {
        let root = fs::canonicalize(root).with_context(|| format!("{}: cannot be the root", root.display()))?;
        let text = match programs {
            Some(path) => fs::read_to_string(path).with_context(|| format!("{}: cannot read", path.display()))?,
            None => String::new(),
        };
        let told = || programs.map_or_else(String::new, |path| path.display().to_string());
        let descriptions = described::read(&text).with_context(told)?;
        let folder = TempDir::with_prefix("oyster-infer-").context("a folder for the build")?;
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text);
        write(ROOT, root.to_str().context("the root's name")?)?;
        write(ENGINE, &engine.words()?.join("\n"))?;
        write(DESCRIPTIONS, &text)?;
        let session = Self { folder: folder.path().to_owned(), root, engine, descriptions };
        Ok((folder, session))
    }

    /// The session that this process is called in, if it is.
    pub(super) fn current() -> Result<Option<Self>> {
        let Some(folder) = std::env::var_os(VARIABLE).map(PathBuf::from) else { return Ok(None) };
        let read = |name: &str| {
            let path = folder.join(name);
            fs::read_to_string(&path).with_context(|| format!("{}: {VARIABLE} names no build", path.display()))
        };
        let engine = EngineWords::try_parse_from(read(ENGINE)?.lines())?.engine;
        let descriptions = described::read(&read(DESCRIPTIONS)?)?;
        Ok(Some(Self { root: PathBuf::from(read(ROOT)?), engine, descriptions, folder }))
    }

    pub(super) fn descriptions(&self) -> impl Iterator<Item = &str> {
        self.descriptions.keys().map(String::as_str)
    }

    /// How a program's calls are understood, if they are.
    fn program(&self, name: &str) -> Option<Program> {
        let name = Path::new(name).file_name()?.to_str()?;
        let described = self.descriptions.get(name).cloned().map(Program::Described);
        described.or_else(|| Model::of(name).map(Program::Modelled))
    }

    /// Puts off a call; what it makes stands for files then. None if it is to be made for real, once the files that it needs are made.
    pub(super) fn put_off(&self, name: &str, program: &Path, words: &[String]) -> Result<Option<Vec<PathBuf>>> {
        let Some(known) = self.program(name) else {
            self.tell_once(&format!("{name} is not modelled: it runs for real"));
            return Ok(None);
        };
        let store = self.engine.open_store()?;
        let cache = self.engine.store_folder()?.join("toolchains");
        let site = Site { root: &self.root, store: &store, cache: &cache, path: real_path() };
        for _ in 0..MOST_TRIES {
            match put_off(&site, program, &known, words).with_context(|| name.to_owned())? {
                Outcome::PutOff(files) => {
                    self.count(PUT_OFF);
                    return Ok(Some(files));
                }
                Outcome::Needs(files) => drop(self.force(&files)?),
                Outcome::Real(files, why) => {
                    self.count(REAL);
                    if let Some(why) = why {
                        self.tell_once(&format!("{name}: {why} is not modelled: it runs for real"));
                    }
                    self.force(&files)?;
                    return Ok(None);
                }
            }
        }
        bail!("{name}: each header that is made needs another that is to be made")
    }

    /// Makes files of placeholders.
    pub(super) fn force(&self, files: &[PathBuf]) -> Result<()> {
        if files.is_empty() { Ok(()) } else { force::force(files, &self.engine, &[]).map(drop) }
    }

    fn count(&self, what: &str) {
        // A count that cannot be kept is no reason to end a build.
        let file = File::options().append(true).create(true).open(self.folder.join(what));
        let _ = file.and_then(|mut file| file.write_all(b"1"));
    }

    /// How many calls were put off, and how many were made for real.
    pub(super) fn counts(&self) -> (u64, u64) {
        let count = |what: &str| fs::metadata(self.folder.join(what)).map_or(0, |about| about.len());
        (count(PUT_OFF), count(REAL))
    }

    /// Says something once in a build.
    fn tell_once(&self, what: &str) {
        let name = format!("told-{}", Digest::of(what.as_bytes()).hash());
        if File::create_new(self.folder.join(name)).is_ok() {
            words::tell(&format!("oyster: {what}\n"));
        }
    }
}

/// More than headers are made of headers that are made.
const MOST_TRIES: usize = 16;

/// The name that this program is called by, if it is one of which there are models.
pub(crate) fn called_as() -> Option<String> {
    let name = PathBuf::from(std::env::args_os().next()?).file_name()?.to_str()?.to_owned();
    if name.starts_with("oyster") {
        return None;
    }
    let is_described = || matches!(Session::current(), Ok(Some(session)) if session.descriptions.contains_key(&name));
    (Model::of(&name).is_some() || is_described()).then_some(name)
}

/// Answers a call as the program `name`: puts it off in a build that is put off, and runs the real program elsewhere.
pub(crate) fn run_as(name: &str) -> Result<ExitCode> {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let path = real_path();
    let program = real_program(name, &path).with_context(|| format!("{name}: there is no such program"))?;
    let text: Option<Vec<String>> = arguments.iter().map(|word| word.to_str().map(str::to_owned)).collect();
    if let (Some(session), Some(text)) = (Session::current()?, text)
        && session.put_off(name, &program, &text)?.is_some()
    {
        return Ok(ExitCode::SUCCESS);
    }
    replace(Command::new(program).args(arguments).env("PATH", path))
}

/// Becomes another program.
pub(super) fn replace(command: &mut Command) -> Result<ExitCode> {
    let error: io::Error = command.exec();
    Err(error).with_context(|| command.get_program().display().to_string())
}
