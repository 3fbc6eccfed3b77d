//! `oyster jpeg verify`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use oyster_lepton::{Container, Damage, Executor, decode_all};
use serde::Serialize;

use super::inputs::{Input, gather};
use super::thunks::{self, OnEngine, Thunks};
use super::workers::{Workers, on_each};
use super::{SandboxArgument, ThreadsArgument, pack};
use crate::engine::Counts;
use crate::files::open;
use crate::progress::Progress;
use crate::values::JsonOutput;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Packed files, folders (their .oyl, and those below) or patterns
    #[arg(required = true, value_name = "IN")]
    inputs: Vec<PathBuf>,
    #[command(flatten)]
    threads: ThreadsArgument,
    #[command(flatten)]
    sandbox: SandboxArgument,
    #[command(flatten)]
    on_engine: OnEngine,
    #[command(flatten)]
    json: JsonOutput,
}

#[derive(Debug, Serialize)]
struct Figures {
    files: Vec<FileFigures>,
    damaged_files: usize,
    #[serde(flatten)]
    thunks: Option<Counts>,
}

#[derive(Debug, Serialize)]
struct FileFigures {
    input: PathBuf,
    original_bytes: u64,
    chunks: usize,
    /// Why nothing of it can be read, if so.
    error: Option<String>,
    damaged: Vec<DamageFigures>,
}

impl FileFigures {
    /// Of one in which nothing is damaged, as far as is known.
    fn of(input: &Path, original_bytes: u64, chunks: usize) -> Self {
        Self { input: input.to_owned(), original_bytes, chunks, error: None, damaged: Vec::new() }
    }
}

#[derive(Debug, Serialize)]
struct DamageFigures {
    from: u64,
    to: u64,
    what: String,
}

impl From<Damage> for DamageFigures {
    fn from(Damage { bytes, what }: Damage) -> Self {
        Self { from: bytes.start, to: bytes.end, what: what.into_owned() }
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    arguments.json.expected()?;
    let inputs = gather(&arguments.inputs, &[pack::EXTENSION])?;
    let (outcomes, thunks) = match arguments.on_engine.open()? {
        None => (by_threads(&inputs, arguments)?, None),
        Some(mut thunks) => (by_thunks(&inputs, &mut thunks)?, Some(thunks.counts)),
    };
    let files: Vec<_> = inputs.iter().zip(outcomes).map(|(input, outcome)| or_say(&input.path, outcome)).collect();
    let damaged_files = files.iter().filter(|file| file.error.is_some() || !file.damaged.is_empty()).count();
    let figures = Figures { files, damaged_files, thunks };
    arguments.json.write_or_print(&figures, words)?;
    match &figures.files[..] {
        [file] if damaged_files > 0 => bail!("{}: damaged", file.input.display()),
        files if damaged_files > 0 => bail!("{damaged_files} of {} files are damaged", files.len()),
        _ => Ok(()),
    }
}

fn by_threads(inputs: &[Input], arguments: &Arguments) -> Result<Vec<Result<FileFigures>>> {
    let (enter, threads) = (arguments.sandbox.enter()?, arguments.threads.count());
    if let [input] = inputs {
        return Ok(vec![verify(&input.path, &Workers { threads, enter })]);
    }
    let mut progress = Progress::of("files verified");
    // Of many files each is work for one thread, which in the sandbox is one beside that which reads.
    let work = |input: &Input| verify(&input.path, &Workers { threads: 1, enter });
    Ok(on_each(inputs, threads, &work, &mut |count| progress.tell(count as u64)))
}

fn by_thunks(inputs: &[Input], thunks: &mut Thunks<'_>) -> Result<Vec<Result<FileFigures>>> {
    let put_off = |thunks: &mut Thunks<'_>, input: &Input| {
        let container = Container::open(open(&input.path)?).with_context(|| input.path.display().to_string())?;
        let header = container.header();
        let figures = FileFigures::of(&input.path, header.file_bytes(), header.chunks());
        Ok((figures, thunks::decode(thunks, &input.path, &container, 0..header.chunks())?))
    };
    thunks.for_each(inputs, put_off, |made, _, (mut figures, chunks)| {
        for thunk in chunks {
            figures.damaged.extend(made.damages(thunk)?.into_iter().map(DamageFigures::from));
        }
        Ok(figures)
    })
}

fn or_say(input: &Path, outcome: Result<FileFigures>) -> FileFigures {
    outcome.unwrap_or_else(|error| FileFigures { error: Some(format!("{error:#}")), ..FileFigures::of(input, 0, 0) })
}

fn verify(input: &Path, executor: &dyn Executor) -> Result<FileFigures> {
    let mut container = Container::open(open(input)?).with_context(|| input.display().to_string())?;
    let original_bytes = container.header().file_bytes();
    let mut figures = FileFigures::of(input, original_bytes, container.header().chunks());
    decode_all(&mut container, 0..original_bytes, executor, &mut |task| {
        figures.damaged.extend(task.bytes.err().map(DamageFigures::from));
        Ok(())
    })
    .with_context(|| input.display().to_string())?;
    Ok(figures)
}

fn words(figures: &Figures) -> String {
    let mut text = String::new();
    for file in &figures.files {
        let input = file.input.display();
        match &file.error {
            Some(error) => text.push_str(&format!("{error}\n")),
            None if file.damaged.is_empty() => {
                text.push_str(&format!("{input}: whole, {} bytes in {} chunks\n", file.original_bytes, file.chunks));
            }
            None => {
                for DamageFigures { from, to, what } in &file.damaged {
                    text.push_str(&format!("{input}: bytes {from}-{to} are damaged: {what}\n"));
                }
            }
        }
    }
    text
}
