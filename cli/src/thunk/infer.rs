//! `oyster thunk infer`.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context, Result};
use oyster_infer::models::Model;
use oyster_infer::shell::{MODELS_MARK, real_path, real_program};
use serde::Serialize;

use super::session::{Session, VARIABLE};
use crate::engine::EngineArguments;
use crate::values::JsonOutput;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The folder that the build is in: what is outside of it counts as the machine's [default: this one]
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    root: PathBuf,
    /// A file that describes further programs, a line each: `yacc: -d=flag -o=out *=in`, where a word is in, out, text or flag
    #[arg(long, value_name = "FILE")]
    programs: Option<PathBuf>,
    /// Put off nothing: only let a configure script find the model programs, where it keeps the paths of what it finds
    #[arg(long)]
    configure: bool,
    #[command(flatten)]
    engine: EngineArguments,
    #[command(flatten)]
    json: JsonOutput,
    /// The build, such as `make -j2`
    #[arg(required = true, last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

#[derive(Debug, Serialize)]
struct Figures {
    /// Calls that were put off.
    put_off: u64,
    /// Calls of modelled programs that were made for real.
    real: u64,
    wall_s: f64,
}

#[expect(clippy::disallowed_methods, reason = "how long a person has waited is a matter of real time")]
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let is_json = arguments.json.expected()?;
    let begin = Instant::now();
    let (folder, session) = Session::create(&arguments.root, arguments.engine.clone(), arguments.programs.as_deref())?;
    let models = arguments.engine.store_folder()?.join("models");
    write_models(&models, &session).with_context(|| format!("{}: cannot write", models.display()))?;
    let path = std::env::join_paths([models].into_iter().chain(std::env::split_paths(&real_path())))?;
    let (program, words) = arguments.command.split_first().context("no command")?;
    let mut command = Command::new(program);
    command.args(words).env("PATH", path);
    if !arguments.configure {
        command.env(VARIABLE, folder.path());
    }
    if is_json {
        // Standard output is for the figures.
        command.stdout(Stdio::from(io::stderr()));
    }
    let status = command.status().with_context(|| program.display().to_string())?;
    let (put_off, real) = session.counts();
    let figures = Figures { put_off, real, wall_s: begin.elapsed().as_secs_f64() };
    arguments.json.write_or_print(&figures, |Figures { put_off, real, .. }| {
        if arguments.configure { String::new() } else { format!("{put_off} calls put off, {real} made for real\n") }
    })?;
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

/// Puts a link to this program by each name of a modelled program that the machine has. The folder stays: configure scripts keep the
/// paths of what they find.
fn write_models(folder: &Path, session: &Session) -> Result<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join(MODELS_MARK), "")?;
    let own = std::env::current_exe()?;
    let path = real_path();
    let mut names = vec!["oyster".to_owned()];
    for folder in std::env::split_paths(&path) {
        // A folder that is not there has no programs.
        let Ok(entries) = fs::read_dir(folder) else { continue };
        let found = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        names.extend(found.filter(|name| Model::of(name).is_some()));
    }
    names.extend(session.descriptions().filter(|name| real_program(name, &path).is_some()).map(str::to_owned));
    names.sort();
    names.dedup();
    for name in names {
        let link = folder.join(&name);
        if fs::read_link(&link).is_ok_and(|target| target == own) {
            continue;
        }
        // Another build may be doing the same.
        let beside = folder.join(format!("{name}.{}.part", std::process::id()));
        symlink(&own, &beside)?;
        fs::rename(&beside, &link)?;
    }
    Ok(())
}
