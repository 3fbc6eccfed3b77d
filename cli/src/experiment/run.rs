//! `oyster experiment run`.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use oyster_codec::Effort;
use oyster_emulator::{LinkConfig, Loss, QueueDiscipline, Trace};
use oyster_experiments::{Clip, Cost, Scenario};

use crate::files::{read_clip, read_trace};
use crate::report;
use crate::values::{JsonOutput, ProfileName, positive, probability, write_json};

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
    #[arg(long, value_name = "MS", default_value = "20")]
    delay_ms: u64,
    /// Drop-tail queue of the media link
    #[arg(long, value_name = "N", default_value = "256", value_parser = clap::value_parser!(u64).range(1..))]
    queue_packets: u64,
    /// Random loss on the media link, 0 to 1
    #[arg(long, value_name = "P", default_value = "0", value_parser = probability)]
    loss: f64,
    /// Where in the trace the run begins
    #[arg(long, value_name = "MS", default_value = "0")]
    start_ms: u64,
    /// How long the call lasts; the first 2 s are not scored
    #[arg(long, value_name = "N", default_value = "60", value_parser = positive)]
    seconds: f64,
    /// Decides every random choice
    #[arg(long, value_name = "N", default_value = "1")]
    seed: u64,
    /// Which sender and receiver
    #[arg(long, default_value = "oyster")]
    profile: ProfileName,
    /// What encoding a frame costs in virtual time
    #[arg(long, value_name = "measured|MS", default_value = "measured", value_parser = cost)]
    encode_cost: Cost,
    /// What decoding a frame costs in virtual time
    #[arg(long, value_name = "measured|MS", default_value = "measured", value_parser = cost)]
    decode_cost: Cost,
    /// Pictures a second (default: the clip's own rate); frames are not resampled
    #[arg(long, value_name = "N", value_parser = positive)]
    fps: Option<f64>,
    /// Write a row a frame, the paper's analysis.csv and a plot into this folder
    #[arg(long, value_name = "DIR")]
    log: Option<PathBuf>,
    #[command(flatten)]
    json: JsonOutput,
}

/// Longer runs are cut up by whoever makes them: every captured frame keeps a record.
const MAX_SECONDS: f64 = 24.0 * 3600.0;
/// A clip is held in memory: more than a run can use, or than is wise, is not read. 4 GB of 640x360.
const MAX_CLIP_FRAMES: f64 = 12_000.0;
/// What a clip without a rate is played at.
const DEFAULT_FRAMES_PER_SECOND: f64 = 30.0;
/// The ack link unless one is given.
const ACK_LINK_BITS_PER_SECOND: u64 = 12_000_000;

fn cost(text: &str) -> Result<Cost, String> {
    if text == "measured" {
        return Ok(Cost::Measured);
    }
    let milliseconds = text.parse::<f64>().ok().filter(|ms| (0.0..=10_000.0).contains(ms));
    let milliseconds = milliseconds.ok_or("either `measured` or a number of milliseconds from 0 to 10000")?;
    Ok(Cost::Charged(Duration::from_secs_f64(milliseconds / 1000.0)))
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    ensure!(arguments.seconds <= MAX_SECONDS, "--seconds {}: at most {MAX_SECONDS}", arguments.seconds);
    let frames = (arguments.seconds * arguments.fps.unwrap_or(120.0)).ceil().min(MAX_CLIP_FRAMES) as usize;
    let (frames, rate) = read_clip(&arguments.clip, frames)?;
    let clip = Clip::new(frames).context("a clip's frames have one size")?;
    let own_rate = rate.map_or(DEFAULT_FRAMES_PER_SECOND, oyster_codec::container::FrameRate::per_second);
    let link = read_trace(&arguments.link)?;
    let ack_link = match &arguments.ack_link {
        Some(path) => read_trace(path)?,
        None => Trace::constant(ACK_LINK_BITS_PER_SECOND)?,
    };
    let config = LinkConfig {
        one_way_delay: Duration::from_millis(arguments.delay_ms),
        start_ms: arguments.start_ms,
        queue: QueueDiscipline::drop_tail_packets(arguments.queue_packets),
        loss: if arguments.loss > 0.0 { Loss::Random(arguments.loss) } else { Loss::None },
        seed: arguments.seed,
        ..LinkConfig::default()
    };
    let ack_config = LinkConfig {
        one_way_delay: Duration::from_millis(arguments.delay_ms),
        start_ms: arguments.start_ms,
        seed: arguments.seed + 1,
        ..LinkConfig::default()
    };
    let scenario = Scenario {
        clip,
        frames_per_second: arguments.fps.unwrap_or(own_rate),
        duration: Duration::from_secs_f64(arguments.seconds),
        link: (link, config),
        ack_link: (ack_link, ack_config),
        profile: arguments.profile.into(),
        effort: Effort::Live,
        encode_cost: arguments.encode_cost,
        decode_cost: arguments.decode_cost,
    };
    let run = oyster_experiments::run(&scenario, &mut stopwatch)?;
    let recording = run.record.finish(&scenario.link, Duration::ZERO, scenario.duration)?;
    if let Some(folder) = &arguments.log {
        let name = |path: &std::path::Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let title = format!("{:?}: {} over {}", scenario.profile, name(&arguments.clip), name(&arguments.link));
        report::write(folder, &recording, &title)?;
    }
    let figures = recording.figures();
    match &arguments.json.json {
        Some(path) => write_json(path, &figures),
        None => {
            print!("{}", report::summary(&figures));
            Ok(())
        }
    }
}

/// What the work took by the clock: that is what a call would have waited.
#[expect(clippy::disallowed_methods, reason = "virtual time is charged with what work really took")]
fn stopwatch(work: &mut dyn FnMut()) -> Duration {
    let before = Instant::now();
    work();
    before.elapsed()
}
