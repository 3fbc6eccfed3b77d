//! `oyster experiment run`.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use oyster_experiments::metrics::Figures;
use oyster_experiments::{Cost, Neighbour, Scenario, Sharing};
use oyster_sender::Encoding;
use serde::Serialize;

use super::compare::stem;
use super::conditions::{Conditions, cost, stopwatch};
use crate::files::{expect_folder, read_trace};
use crate::progress::Progress;
use crate::report;
use crate::values::{JsonOutput, SenderArguments, seconds};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// What the camera sees: a y4m clip, played forwards and backwards if it is shorter than the run
    #[arg(long, value_name = "FILE")]
    clip: PathBuf,
    /// The link media crosses, a mahimahi trace
    #[arg(long, value_name = "TRACE")]
    link: PathBuf,
    /// The link acks cross (default: a clean one of 12 Mbit/s)
    #[arg(long, value_name = "TRACE")]
    ack_link: Option<PathBuf>,
    #[command(flatten)]
    conditions: Conditions,
    /// Where in the trace the run begins, modulo its period
    #[arg(long, value_name = "MS", default_value = "0", allow_negative_numbers = true)]
    start_ms: u64,
    /// Who else uses the links, from a second of the run on: another call like this one, or a bulk transfer by TCP with Cubic; repeatable
    #[arg(long, value_name = "call@S|cubic@S", value_parser = neighbour)]
    beside: Vec<Neighbour>,
    #[command(flatten)]
    sender: SenderArguments,
    /// What encoding a frame costs in virtual time
    #[arg(long, value_name = "measured|MS", default_value = "measured", value_parser = cost, allow_negative_numbers = true)]
    encode_cost: Cost,
    /// What decoding a frame costs in virtual time
    #[arg(long, value_name = "measured|MS", default_value = "measured", value_parser = cost, allow_negative_numbers = true)]
    decode_cost: Cost,
    /// Write a row a frame, the paper's analysis.csv and a plot into this folder
    #[arg(long, value_name = "DIR")]
    log: Option<PathBuf>,
    #[command(flatten)]
    json: JsonOutput,
}

/// How long after its start a neighbour is given until what it has is counted.
const SETTLING: Duration = Duration::from_secs(5);

fn neighbour(text: &str) -> Result<Neighbour, String> {
    let (kind, from) = text.split_once('@').ok_or("a kind and a second of the run, such as call@5")?;
    let from = if from == "0" { Duration::ZERO } else { seconds(from)? };
    match kind {
        "call" => Ok(Neighbour::Call(from)),
        "cubic" => Ok(Neighbour::Cubic(from)),
        _ => Err(format!("{kind:?} is neither `call` nor `cubic`")),
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    arguments.json.expected()?;
    let link = read_trace(&arguments.link)?;
    let ack_link = arguments.ack_link.as_deref().map(read_trace).transpose()?;
    let conditions = &arguments.conditions;
    let (clip, frames_per_second) = conditions.read_clip(&arguments.clip)?;
    if let Some(folder) = &arguments.log {
        expect_folder(folder)?;
    }
    let [link, ack_link] = conditions.links(link, ack_link, arguments.start_ms)?;
    let scenario = Scenario {
        clip,
        frames_per_second,
        duration: conditions.seconds,
        link,
        ack_link,
        sender: arguments.sender.config(),
        encoding: Encoding::default(),
        encode_cost: arguments.encode_cost,
        decode_cost: arguments.decode_cost,
        neighbours: arguments.beside.clone(),
    };
    let mut progress = Progress::of("encodes and decodes");
    let mut jobs = 0;
    let mut timed = |work: &mut dyn FnMut()| {
        jobs += 1;
        progress.tell(jobs);
        stopwatch(work)
    };
    let run = oyster_experiments::run(&scenario, &mut timed)?;
    drop(progress);
    let sharing = arguments.beside.iter().map(|neighbour| neighbour.from()).max().and_then(|last| {
        let from = last + SETTLING;
        (from < scenario.duration).then(|| run.sharing(from, scenario.duration))
    });
    let recording = run.record.finish(&scenario.link, Duration::ZERO, scenario.duration)?;
    if let Some(folder) = &arguments.log {
        let title = format!("{:?}: {} over {}", scenario.sender.profile, stem(&arguments.clip), stem(&arguments.link));
        report::write(folder, &recording, &title)?;
    }
    arguments.json.write_or_print(&Outcome { figures: recording.figures(), sharing }, Outcome::summary)
}

/// The run in figures.
#[derive(Debug, Serialize)]
struct Outcome {
    #[serde(flatten)]
    figures: Figures,
    /// How the link was shared once the last neighbour had settled, if there are any and the run goes on for so long.
    #[serde(skip_serializing_if = "Option::is_none")]
    sharing: Option<Sharing>,
}

impl Outcome {
    fn summary(&self) -> String {
        let mut summary = report::summary(&self.figures);
        if let Some(Sharing { from_s, kbps, share: Some(share), jain: Some(jain) }) = &self.sharing {
            let all: Vec<String> = kbps.iter().map(|kbps| format!("{kbps:.0}")).collect();
            let all = all.join(" + ");
            // Writing to a String does not fail.
            let _ = writeln!(
                summary,
                "{:<28}{all} kbit/s from {from_s} s   ours {:.0} %   Jain {jain:.3}",
                "shared",
                share * 100.0
            );
        }
        summary
    }
}
