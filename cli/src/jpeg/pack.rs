//! `oyster jpeg pack`.

use std::fmt::Write;
use std::io::{self, Seek, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use oyster_call::Stop;
use oyster_functions::jpeg::Call;
use oyster_lepton::{DEFAULT_CHUNK_BYTES, Executor, Header, InTurn, MAX_CHUNK_BYTES, Savings, Task, pack, plan};
use oyster_thunks::ThunkId;
use serde::Serialize;

use super::inputs::{Input, gather};
use super::thunks::{OnEngine, Thunks};
use super::workers::{Workers, on_each};
use super::{ThreadsArgument, saved_percent};
use crate::cpu;
use crate::engine::Counts;
use crate::fault::BadArgument;
use crate::files::{create, expect_folder, expect_place, open, writing};
use crate::progress::Progress;
use crate::values::JsonOutput;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Files, folders (their .jpg and .jpeg, and those below) or patterns such as '*.jpg'
    #[arg(required = true, value_name = "IN")]
    inputs: Vec<PathBuf>,
    /// The packed file; of several files the folder for them, where each keeps its name with .oyl at the end
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// How much of the original each chunk is about, which decodes without the others; `whole` for one chunk
    #[arg(long, value_name = "N", value_parser = chunk_bytes, default_value_t = DEFAULT_CHUNK_BYTES)]
    chunk_bytes: u64,
    #[command(flatten)]
    threads: ThreadsArgument,
    #[command(flatten)]
    on_engine: OnEngine,
    #[command(flatten)]
    json: JsonOutput,
}

pub(super) fn chunk_bytes(text: &str) -> Result<u64, String> {
    if text == "whole" {
        return Ok(MAX_CHUNK_BYTES);
    }
    let bytes = text.parse().ok().filter(|bytes| (1..=MAX_CHUNK_BYTES).contains(bytes));
    bytes.ok_or_else(|| format!("bytes from 1 to {MAX_CHUNK_BYTES}, or whole"))
}

/// What the end of a packed file's name is.
pub(super) const EXTENSION: &str = "oyl";

#[derive(Debug, Serialize)]
struct Figures {
    files: Vec<FileFigures>,
    original_bytes: u64,
    packed_bytes: u64,
    saved_percent: f64,
    chunk_bytes: u64,
    cpu_ms: f64,
    #[serde(flatten)]
    thunks: Option<Counts>,
}

#[derive(Debug, Serialize)]
struct FileFigures {
    input: PathBuf,
    output: PathBuf,
    original_bytes: u64,
    packed_bytes: u64,
    saved_percent: f64,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    arguments.json.expected()?;
    let inputs = gather(&arguments.inputs, &["jpg", "jpeg", "jpe"])?;
    let jobs = place(inputs, arguments)?;
    let before = cpu::used_with_children();
    let (outcomes, thunks) = match arguments.on_engine.open()? {
        None => (by_threads(&jobs, arguments)?, None),
        Some(mut thunks) => (by_thunks(&jobs, arguments.chunk_bytes, &mut thunks)?, Some(thunks.counts)),
    };
    let mut figures = Figures {
        files: Vec::new(),
        original_bytes: 0,
        packed_bytes: 0,
        saved_percent: 0.0,
        chunk_bytes: arguments.chunk_bytes,
        cpu_ms: cpu::milliseconds(cpu::used_with_children().saturating_sub(before)),
        thunks,
    };
    let mut errors = Vec::new();
    for ((input, output), outcome) in jobs.into_iter().zip(outcomes) {
        match outcome {
            Ok(Savings { original_bytes, packed_bytes, .. }) => {
                figures.original_bytes += original_bytes;
                figures.packed_bytes += packed_bytes;
                let saved_percent = saved_percent(original_bytes, packed_bytes);
                figures.files.push(FileFigures {
                    input: input.path,
                    output,
                    original_bytes,
                    packed_bytes,
                    saved_percent,
                });
            }
            Err(error) => errors.push(error),
        }
    }
    figures.saved_percent = saved_percent(figures.original_bytes, figures.packed_bytes);
    if !figures.files.is_empty() {
        arguments.json.write_or_print(&figures, table)?;
    }
    let others = errors.len().saturating_sub(1);
    match errors.into_iter().next() {
        None => Ok(()),
        Some(error) if others == 0 => Err(error),
        Some(error) => Err(error.context(format!("{} files were not packed, the first of them", others + 1))),
    }
}

fn by_threads(jobs: &[(Input, PathBuf)], arguments: &Arguments) -> Result<Vec<Result<Savings>>> {
    let stop = Stop::on_signals().context("signals cannot be caught")?;
    let threads = arguments.threads.count();
    // The pieces of one file are work for all; of many files each is work for one.
    if let [(input, output)] = jobs {
        let mut progress = Progress::of("MB packed");
        let mut tell = |at: u64| progress.tell(at / 1_000_000);
        let workers = Workers { threads, enter: None };
        return Ok(vec![pack_file(&input.path, output, arguments, &workers, &stop, &mut tell)]);
    }
    let mut progress = Progress::of("files packed");
    let work =
        |(input, output): &(Input, PathBuf)| pack_file(&input.path, output, arguments, &InTurn, &stop, &mut |_| {});
    Ok(on_each(jobs, threads, &work, &mut |count| progress.tell(count as u64)))
}

/// What makes a packed file.
enum Packing {
    /// This thunk, all of it.
    AtOnce(ThunkId),
    /// These, a chunk each, behind the header.
    InChunks(Box<Header>, Vec<ThunkId>),
}

fn by_thunks(jobs: &[(Input, PathBuf)], chunk_bytes: u64, thunks: &mut Thunks<'_>) -> Result<Vec<Result<Savings>>> {
    let put_off = |thunks: &mut Thunks<'_>, (input, _): &(Input, PathBuf)| put_off(thunks, &input.path, chunk_bytes);
    thunks.for_each(jobs, put_off, |made, (_, output), (packing, original_bytes)| {
        let (file, mut packed) = create(output)?;
        match packing {
            Packing::AtOnce(thunk) => packed.write_all(&made.fetch(thunk, "packed")?)?,
            Packing::InChunks(mut header, chunks) => {
                packed.write_all(&header.to_bytes())?;
                for (number, thunk) in chunks.into_iter().enumerate() {
                    let chunk = made.fetch(thunk, "chunk")?;
                    header.count_frame(header.chunk(number).start, &chunk);
                    packed.write_all(&chunk)?;
                }
                packed.rewind()?;
                packed.write_all(&header.to_bytes())?;
            }
        }
        let packed_bytes = packed.seek(SeekFrom::End(0))?;
        file.commit_to_disk(packed).with_context(|| writing(output))?;
        Ok(Savings { original_bytes, packed_bytes })
    })
}

/// Answers the original's length, too.
fn put_off(thunks: &mut Thunks<'_>, input: &Path, chunk_bytes: u64) -> Result<(Packing, u64)> {
    let mut original = open(input)?;
    let bytes = original.seek(SeekFrom::End(0)).with_context(|| input.display().to_string())?;
    if bytes <= chunk_bytes {
        let original = thunks.in_file(input, 0..bytes)?;
        return Ok((Packing::AtOnce(thunks.put_off(Call::Pack { chunk_bytes }, &[original])?), bytes));
    }
    let plan = plan(&mut original, chunk_bytes).with_context(|| input.display().to_string())?;
    let header = Header::new(&plan);
    let shared = thunks.hold(header.to_bytes());
    let put_off = |number| {
        let pieces = thunks.hold(plan.chunk_to_bytes(number));
        let original = thunks.in_file(input, header.chunk(number))?;
        thunks.put_off(Call::Encode { number }, &[shared, pieces, original])
    };
    let chunks = (0..header.chunks()).map(put_off).collect::<Result<_>>()?;
    Ok((Packing::InChunks(Box::new(header), chunks), bytes))
}

/// Where each file's packed form goes.
fn place(inputs: Vec<Input>, arguments: &Arguments) -> Result<Vec<(Input, PathBuf)>> {
    let is_one_file = inputs.len() == 1 && !arguments.inputs[0].is_dir() && !arguments.output.is_dir();
    let mut jobs = Vec::with_capacity(inputs.len());
    for input in inputs {
        let mut name = input.name.clone().into_os_string();
        name.push(format!(".{EXTENSION}"));
        let output = if is_one_file { arguments.output.clone() } else { arguments.output.join(name) };
        jobs.push((input, output));
    }
    let mut outputs: Vec<_> = jobs.iter().map(|(_, output)| output).collect();
    outputs.sort();
    if let Some(pair) = outputs.windows(2).find(|pair| pair[0] == pair[1]) {
        bail!(BadArgument(format!("{}: two of the files would be called this", pair[0].display())));
    }
    for (input, output) in &jobs {
        if let Some(folder) = output.parent().filter(|folder| !is_one_file && !folder.as_os_str().is_empty()) {
            expect_folder(folder)?;
        }
        expect_place(output)?;
        let same = std::fs::canonicalize(&input.path).ok();
        if same.is_some() && same == std::fs::canonicalize(output).ok() {
            bail!(BadArgument(format!("{}: originals are not written over", output.display())));
        }
    }
    Ok(jobs)
}

fn pack_file(
    input: &Path,
    output: &Path,
    arguments: &Arguments,
    executor: &dyn Executor,
    stop: &Stop,
    tell: &mut (dyn FnMut(u64) + Send),
) -> Result<Savings> {
    let mut original = open(input)?;
    let (file, mut packed) = create(output)?;
    let watched = Watched { executor, stop };
    let savings = pack(&mut original, &mut packed, arguments.chunk_bytes, &watched, tell);
    let savings = savings.with_context(|| format!("{}: cannot pack as {}", input.display(), output.display()))?;
    file.commit_to_disk(packed).with_context(|| writing(output))?;
    Ok(savings)
}

/// An executor that ends when it is to stop.
pub(super) struct Watched<'a> {
    pub(super) executor: &'a dyn Executor,
    pub(super) stop: &'a Stop,
}

impl Executor for Watched<'_> {
    fn in_order(
        &self,
        tasks: &mut (dyn Iterator<Item = io::Result<Task>> + Send),
        work: &(dyn Fn(Task) -> Task + Sync),
        take: &mut dyn FnMut(Task) -> io::Result<()>,
    ) -> io::Result<()> {
        let stop = || if self.stop.is_set() { Err(io::Error::other("interrupted")) } else { Ok(()) };
        stop()?;
        self.executor.in_order(tasks, work, &mut |task| stop().and_then(|()| take(task)))
    }
}

fn table(figures: &Figures) -> String {
    let mut text = String::new();
    let name = |file: &FileFigures| file.input.display().to_string();
    let width = figures.files.iter().map(|file| name(file).chars().count()).max().unwrap_or(0).max(5);
    let mut row = |name: &str, original: u64, packed: u64, saved: f64| {
        // Writing to a String does not fail.
        let _ = writeln!(text, "{name:<width$} {original:>12} {packed:>12} {saved:>6.1} %");
    };
    for file in &figures.files {
        row(&name(file), file.original_bytes, file.packed_bytes, file.saved_percent);
    }
    if figures.files.len() > 1 {
        row("total", figures.original_bytes, figures.packed_bytes, figures.saved_percent);
    }
    format!("{:<width$} {:>12} {:>12} {:>8}\n{text}", "file", "bytes", "packed", "saved")
}
