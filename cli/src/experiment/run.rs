//! `oyster experiment run`.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use oyster_emulator::{LinkConfig, QueueDiscipline, Trace};
use oyster_experiments::metrics::Figures;
use oyster_experiments::{Clip, Cost, Neighbour, Scenario, Sharing};
use oyster_sender::Encoding;
use serde::Serialize;

use crate::files::{expect_folder, read_clip, read_trace};
use crate::progress::Progress;
use crate::report;
use crate::values::{JsonOutput, SenderArguments, play_rate};
use crate::values::{delay_ms, frames_per_second, loss, probability, queue_packets, seconds};

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
    /// One-way delay of either link
    #[arg(long, value_name = "MS", default_value = "20", value_parser = delay_ms, allow_negative_numbers = true)]
    delay_ms: Duration,
    /// Drop-tail queue of the media link
    #[arg(long, value_name = "N", default_value = "256", value_parser = queue_packets, allow_negative_numbers = true)]
    queue_packets: u64,
    /// Random loss on the media link, 0 to 1
    #[arg(long, value_name = "P", default_value = "0", value_parser = probability, allow_negative_numbers = true)]
    loss: f64,
    /// Where in the trace the run begins, modulo its period
    #[arg(long, value_name = "MS", default_value = "0", allow_negative_numbers = true)]
    start_ms: u64,
    /// How long the call lasts; the first 2 s are not scored
    #[arg(long, value_name = "N", default_value = "60", value_parser = seconds, allow_negative_numbers = true)]
    seconds: Duration,
    /// Decides every random choice
    #[arg(long, value_name = "N", default_value = "1", allow_negative_numbers = true)]
    seed: u64,
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
    /// Pictures a second (default: the clip's own rate); frames are not resampled
    #[arg(long, value_name = "N", value_parser = frames_per_second, allow_negative_numbers = true)]
    fps: Option<f64>,
    /// Write a row a frame, the paper's analysis.csv and a plot into this folder
    #[arg(long, value_name = "DIR")]
    log: Option<PathBuf>,
    #[command(flatten)]
    json: JsonOutput,
}

/// A clip is held in memory: more than a run can use is not read, where its own rate is not faster than this.
pub(super) const MOST_FRAMES_PER_SECOND: f64 = 120.0;
/// The ack link unless one is given.
pub(super) const ACK_LINK_BITS_PER_SECOND: u64 = 12_000_000;

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

pub(super) fn cost(text: &str) -> Result<Cost, String> {
    if text == "measured" {
        return Ok(Cost::Measured);
    }
    let milliseconds = text.parse::<f64>().ok().filter(|ms| (0.0..=10_000.0).contains(ms));
    let milliseconds = milliseconds.ok_or("either `measured` or a number of milliseconds from 0 to 10000")?;
    Ok(Cost::Charged(Duration::from_secs_f64(milliseconds / 1000.0)))
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    arguments.json.expected()?;
    let link = read_trace(&arguments.link)?;
    let ack_link = match &arguments.ack_link {
        Some(path) => read_trace(path)?,
        None => Trace::constant(ACK_LINK_BITS_PER_SECOND)?,
    };
    let most = arguments.seconds.as_secs_f64() * arguments.fps.unwrap_or(MOST_FRAMES_PER_SECOND);
    let (frames, own_rate) = read_clip(&arguments.clip, most.ceil() as usize)?;
    let frames_per_second = play_rate(&arguments.clip, own_rate, arguments.fps)?;
    let clip = Clip::new(frames).context("a clip's frames have one size")?;
    if let Some(folder) = &arguments.log {
        expect_folder(folder)?;
    }
    let config = LinkConfig {
        one_way_delay: arguments.delay_ms,
        start_ms: arguments.start_ms % link.period_ms(),
        queue: QueueDiscipline::drop_tail_packets(arguments.queue_packets),
        loss: loss(arguments.loss),
        seed: arguments.seed,
        ..LinkConfig::default()
    };
    let ack_config = LinkConfig {
        one_way_delay: arguments.delay_ms,
        start_ms: arguments.start_ms % ack_link.period_ms(),
        seed: arguments.seed.wrapping_add(1),
        ..LinkConfig::default()
    };
    let scenario = Scenario {
        clip,
        frames_per_second,
        duration: arguments.seconds,
        link: (link, config),
        ack_link: (ack_link, ack_config),
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
        let name = |path: &std::path::Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let title = format!("{:?}: {} over {}", scenario.sender.profile, name(&arguments.clip), name(&arguments.link));
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

/// What the work took by the clock: that is what a call would have waited.
#[expect(clippy::disallowed_methods, reason = "virtual time is charged with what work really took")]
pub(super) fn stopwatch(work: &mut dyn FnMut()) -> Duration {
    let before = Instant::now();
    work();
    before.elapsed()
}
