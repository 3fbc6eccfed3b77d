//! `oyster experiment bound`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use oyster_emulator::Bound;
use serde::Serialize;

use crate::fault::BadArgument;
use crate::files::read_trace;
use crate::values::{JsonOutput, delay_ms};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// A mahimahi trace
    trace: PathBuf,
    /// One-way delay
    #[arg(long, value_name = "MS", default_value = "20", value_parser = delay_ms, allow_negative_numbers = true)]
    delay_ms: Duration,
    /// Where the window begins in the looped trace
    #[arg(long, value_name = "MS", default_value = "0", allow_negative_numbers = true)]
    start_ms: u64,
    /// Where it ends (default: one period after its beginning)
    #[arg(long, value_name = "MS", allow_negative_numbers = true)]
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
    arguments.json.expected()?;
    let trace = read_trace(&arguments.trace)?;
    let start_ms = arguments.start_ms;
    let end_ms = arguments.end_ms.unwrap_or(start_ms.saturating_add(trace.period_ms()));
    let bound = Bound::b1(&trace, start_ms..end_ms, arguments.delay_ms.as_millis() as u64)
        .map_err(|error| BadArgument(format!("from {start_ms} to {end_ms} ms: {error}")))?;
    let figures = Figures {
        b1_mean_ms: bound.delay.mean_ms,
        b1_p50_ms: bound.delay.p50_ms,
        b1_p95_ms: bound.delay.p95_ms,
        b1_p99_ms: bound.delay.p99_ms,
        b1_max_ms: bound.delay.max_ms,
        link_kbps: bound.capacity_kbps,
    };
    arguments.json.write_or_print(&figures, Figures::table)
}

impl Figures {
    fn table(&self) -> String {
        format!(
            "signal delay of an omniscient sender, ms\n  mean {:.1}  p50 {:.1}  p95 {:.1}  p99 {:.1}  max {:.1}\n\
             the link carries {:.0} kbit/s\n",
            self.b1_mean_ms, self.b1_p50_ms, self.b1_p95_ms, self.b1_p99_ms, self.b1_max_ms, self.link_kbps
        )
    }
}
