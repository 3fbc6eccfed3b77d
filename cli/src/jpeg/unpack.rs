//! `oyster jpeg unpack`.

use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use oyster_call::Stop;
use oyster_lepton::{Container, Damage, UnpackError, unpack};
use oyster_thunks::ThunkId;
use serde::Serialize;

use super::pack::Watched;
use super::thunks::{self, Made, OnEngine, Thunks};
use super::workers::Workers;
use super::{SandboxArgument, ThreadsArgument};
use crate::engine::Counts;
use crate::fault::BadArgument;
use crate::files::{create, open, writing};
use crate::values::JsonOutput;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The packed file
    input: PathBuf,
    /// The file to write
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// Only bytes A up to but not including B of the original; what is not needed for them is not decoded
    #[arg(long, value_name = "A-B", value_parser = range)]
    range: Option<Range<u64>>,
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
    original_bytes: u64,
    chunks: usize,
    from: u64,
    to: u64,
    #[serde(flatten)]
    thunks: Option<Counts>,
}

fn range(text: &str) -> Result<Range<u64>, String> {
    let parsed = text.split_once('-').and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    parsed.filter(|range| range.start <= range.end).ok_or_else(|| "a range is written A-B, as in 0-4096".to_owned())
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    arguments.json.expected()?;
    let input = arguments.input.display();
    let mut container = Container::open(open(&arguments.input)?).with_context(|| input.to_string())?;
    let (original_bytes, chunks) = (container.header().file_bytes(), container.header().chunks());
    let range = arguments.range.clone().unwrap_or(0..original_bytes);
    let Range { start: from, end: to } = range;
    if to > original_bytes {
        bail!(BadArgument(format!("{input}: the original has {original_bytes} bytes, no range {from}-{to}")));
    }
    let thunks = arguments.on_engine.open()?;
    let (file, mut output) = create(&arguments.output)?;
    let unpacked = match thunks {
        None => by_threads(&mut container, range, &mut output, arguments).map(|()| None),
        Some(mut thunks) => {
            by_thunks(&container, &range, &mut output, arguments, &mut thunks).map(|()| Some(thunks.counts))
        }
    };
    let thunks = unpacked.with_context(|| format!("{input}: cannot unpack as {}", arguments.output.display()))?;
    file.commit_to_disk(output).with_context(|| writing(&arguments.output))?;
    arguments.json.write_or_print(&Figures { original_bytes, chunks, from, to, thunks }, |_| String::new())
}

fn by_threads(
    container: &mut Container<File>,
    range: Range<u64>,
    output: &mut impl Write,
    arguments: &Arguments,
) -> Result<()> {
    let enter = arguments.sandbox.enter()?;
    let stop = Stop::on_signals().context("signals cannot be caught")?;
    let workers = Workers { threads: arguments.threads.count(), enter };
    Ok(unpack(container, range, output, &Watched { executor: &workers, stop: &stop })?)
}

fn by_thunks(
    container: &Container<File>,
    range: &Range<u64>,
    output: &mut impl Write,
    arguments: &Arguments,
    thunks: &mut Thunks<'_>,
) -> Result<()> {
    let header = container.header();
    let chunks = header.chunks_of(range);
    let put_off = |thunks: &mut Thunks<'_>, _: &()| thunks::decode(thunks, &arguments.input, container, chunks.clone());
    let finish = |made: &mut Made<'_>, _: &(), decoded: Vec<ThunkId>| {
        let mut damaged = Vec::new();
        for (number, thunk) in chunks.clone().zip(decoded) {
            let chunk = header.chunk(number);
            let wanted = range.start.max(chunk.start)..range.end.min(chunk.end);
            let missing = made.damages(thunk)?;
            // What is not given back is left out, and so moves what comes after it.
            let before = missing.iter().filter(|missing| missing.bytes.end <= wanted.start);
            let moved =
                before.map(|missing| missing.bytes.end - missing.bytes.start).fold(chunk.start, u64::saturating_add);
            let within = |at: u64| at.saturating_sub(moved) as usize;
            let overlaps = |missing: &Damage| missing.bytes.start < wanted.end && wanted.start < missing.bytes.end;
            damaged.extend(missing.into_iter().filter(overlaps));
            if damaged.is_empty() {
                let original = made.fetch(thunk, "original")?;
                let part = original.get(within(wanted.start)..within(wanted.end));
                output.write_all(part.with_context(|| format!("chunk {number} came back too short"))?)?;
            }
        }
        if damaged.is_empty() { Ok(()) } else { Err(UnpackError::Damaged(damaged).into()) }
    };
    thunks.for_each(&[()], put_off, finish)?.into_iter().collect()
}
