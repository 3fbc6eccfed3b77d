//! `oyster jpeg unpack`.

use std::ops::Range;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use oyster_call::Stop;
use oyster_lepton::{Container, unpack};

use super::pack::Watched;
use super::workers::Workers;
use super::{SandboxArgument, ThreadsArgument};
use crate::fault::BadArgument;
use crate::files::{create, open, writing};

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
}

fn range(text: &str) -> Result<Range<u64>, String> {
    let parsed = text.split_once('-').and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    parsed.filter(|range| range.start <= range.end).ok_or_else(|| "a range is written A-B, as in 0-4096".to_owned())
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let enter = arguments.sandbox.enter()?;
    let input = arguments.input.display();
    let mut container = Container::open(open(&arguments.input)?).with_context(|| input.to_string())?;
    let file_bytes = container.header().file_bytes();
    let range = arguments.range.clone().unwrap_or(0..file_bytes);
    if range.end > file_bytes {
        bail!(BadArgument(format!(
            "{input}: the original has {file_bytes} bytes, no range {}-{}",
            range.start, range.end
        )));
    }
    let stop = Stop::on_signals().context("signals cannot be caught")?;
    let workers = Workers { threads: arguments.threads.count(), enter };
    let executor = Watched { executor: &workers, stop: &stop };
    let (file, mut output) = create(&arguments.output)?;
    unpack(&mut container, range, &mut output, &executor)
        .with_context(|| format!("{input}: cannot unpack as {}", arguments.output.display()))?;
    file.commit_to_disk(output).with_context(|| writing(&arguments.output))
}
