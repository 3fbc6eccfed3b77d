//! `oyster experiment bound`.

use std::path::PathBuf;

use anyhow::{Context, Result};
use oyster_emulator::Bound;
use serde::Serialize;

use crate::files::read_trace;
use crate::values::{JsonOutput, write_json};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// A mahimahi trace
    trace: PathBuf,
    /// One-way delay
    #[arg(long, value_name = "MS", default_value = "20")]
    delay_ms: u64,
    /// Where the window begins in the looped trace
    #[arg(long, value_name = "MS", default_value = "0")]
    start_ms: u64,
    /// Where it ends (default: one period after its beginning)
    #[arg(long, value_name = "MS")]
    end_ms: Option<u64>,
    #[command(flatten)]
    json: JsonOutput,
}

#[derive(Debug, Serialize)]
struct Figures {
    b1_mean_ms: f64,
    b1_p50_ms: f64,
    b1_p95_ms: f64,
    b1_p99_ms: f64,
    b1_max_ms: f64,
    link_kbps: f64,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let trace = read_trace(&arguments.trace)?;
    let end_ms = arguments.end_ms.unwrap_or(arguments.start_ms + trace.period_ms());
    let bound = Bound::b1(&trace, arguments.start_ms..end_ms, arguments.delay_ms)
        .with_context(|| format!("from {} to {end_ms} ms", arguments.start_ms))?;
    let figures = Figures {
        b1_mean_ms: bound.delay.mean_ms,
        b1_p50_ms: bound.delay.p50_ms,
        b1_p95_ms: bound.delay.p95_ms,
        b1_p99_ms: bound.delay.p99_ms,
        b1_max_ms: bound.delay.max_ms,
        link_kbps: bound.capacity_kbps,
    };
    if let Some(path) = &arguments.json.json {
        return write_json(path, &figures);
    }
    println!("signal delay of an omniscient sender, ms");
    println!(
        "  mean {:.1}  p50 {:.1}  p95 {:.1}  p99 {:.1}  max {:.1}",
        figures.b1_mean_ms, figures.b1_p50_ms, figures.b1_p95_ms, figures.b1_p99_ms, figures.b1_max_ms
    );
    println!("the link carries {:.0} kbit/s", figures.link_kbps);
    Ok(())
}
