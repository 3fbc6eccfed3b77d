//! `oyster excamera`: films, encoded in many small tasks.

mod batch;
mod model;

use std::collections::VecDeque;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use clap::Subcommand;
use oyster_call::Stop;
use oyster_codec::container::FrameRate;
use oyster_codec::container::y4m::Y4mReader;
use oyster_codec::{QuantizerIndex, State, decode, quality};
use oyster_excamera::{Settings, Step};
use serde::Serialize;

use self::batch::{Encoder, Lanes, Made, Pictures, read_batch};
use self::model::Film;
use crate::cpu;
use crate::engine::{Counts, EngineArguments, FunctionsArgument};
use crate::files::open_y4m;
use crate::film::FilmFile;
use crate::model::{Simulated, words};
use crate::progress::Progress;
use crate::values::{EffortName, JsonOutput, quantizer};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Encode a y4m film
    Encode(Arguments),
}

pub(crate) fn run(command: &Command) -> Result<()> {
    let Command::Encode(arguments) = command;
    encode(arguments)
}

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The y4m film (8-bit 4:2:0)
    input: PathBuf,
    /// The file to write: WebM if its name ends in .webm, else IVF
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// The VP8 quantizer index about which frames are coded, 0 (finest) to 127
    #[arg(long, value_name = "Q", value_parser = quantizer, allow_negative_numbers = true)]
    quantizer: QuantizerIndex,
    /// Frames that are encoded in one task
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u16).range(1..=600))]
    chunk_frames: u16,
    /// Chunks from one key frame to the next, a batch. So many batches are encoded at once that each of --jobs can have a chunk; these
    /// and one more are in memory
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=600))]
    batch_chunks: u16,
    /// How hard to try
    #[arg(long, default_value = "film")]
    effort: EffortName,
    #[command(flatten)]
    functions: FunctionsArgument,
    /// Say besides what a cluster of so many workers would take, by a model: tasks run as long as they ran now, on average
    #[arg(long, value_name = "WORKERS,…", value_delimiter = ',')]
    simulate: Vec<NonZero<usize>>,
    /// Of a film of so many frames [default: as many as this one has]
    #[arg(long, value_name = "N", requires = "simulate", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    simulate_frames: Option<u32>,
    #[command(flatten)]
    engine: EngineArguments,
    #[command(flatten)]
    json: JsonOutput,
}

#[derive(Debug, Default, Serialize)]
struct Figures {
    frames: u64,
    bytes: u64,
    kbps: f64,
    ssim_y_db: f64,
    wall_s: f64,
    cpu_s: f64,
    /// How long tasks ran, added up by kind.
    open_s: f64,
    decide_s: f64,
    serial_rebase_s: f64,
    encode_s: f64,
    #[serde(flatten)]
    counts: Counts,
    /// A model, not measured.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    simulated: Vec<Simulated>,
}

#[expect(clippy::disallowed_methods, reason = "how long a person has waited is a matter of real time")]
fn encode(arguments: &Arguments) -> Result<()> {
    let measured = arguments.json.expected()?;
    let (begin, spent) = (Instant::now(), cpu::used_with_children());
    let input = || arguments.input.display().to_string();
    let mut clip = open_y4m(&arguments.input)?;
    let (size, rate) = (clip.size(), clip.frame_rate().unwrap_or(DEFAULT_RATE));
    let stop = Stop::on_signals().context("signals cannot be caught")?;
    let encoder = Encoder {
        engine: arguments.engine.open()?,
        function: arguments.functions.read()?,
        settings: Settings { quantizer: arguments.quantizer, effort: arguments.effort.into() },
        progress: Mutex::new(Progress::of("tasks done")),
        stop: &stop,
        is_given_up: AtomicBool::new(false),
        made: Mutex::default(),
    };
    let lanes = Lanes::of(arguments.engine.jobs(), arguments.batch_chunks);
    let mut film = FilmFile::create(&arguments.output, size, rate)?;
    let mut figures = Figures::default();
    let mut shown = Shown { state: State::blank(), ssim: 0.0 };
    let read = || read_batch(&mut clip, arguments).with_context(input);
    let write = |pictures: &Pictures| {
        for frame in &pictures.frames {
            film.write_frame(frame)?;
            figures.bytes += frame.len() as u64;
        }
        Ok(encoder.engine.shrink()?)
    };
    let look_at = |pictures: &Pictures| if measured { shown.compare(pictures) } else { Ok(()) };
    let encoded = encoder.encode_all(lanes, read, write, look_at);
    if encoded.is_err() && stop.is_set() {
        bail!("{}: not written: interrupted", arguments.output.display());
    }
    encoded?;
    figures.frames = film.frames();
    ensure!(figures.frames > 0, "{}: a y4m header but no frame", input());
    film.finish()?;
    let count = figures.frames as f64;
    figures.kbps = figures.bytes as f64 * 8.0 / 1000.0 * rate.per_second() / count;
    figures.ssim_y_db = quality::ssim_db(shown.ssim / count);
    figures.wall_s = begin.elapsed().as_secs_f64();
    figures.cpu_s = cpu::used_with_children().saturating_sub(spent).as_secs_f64();
    let Encoder { made, function, settings, .. } = encoder;
    let Made { tasks, counts } = made.into_inner().unwrap_or_else(PoisonError::into_inner);
    figures.counts = counts;
    let seconds = |step| tasks.took(step).as_secs_f64();
    [figures.open_s, figures.decide_s, figures.serial_rebase_s, figures.encode_s] = Step::ALL.map(seconds);
    if !arguments.simulate.is_empty() {
        let film = Film {
            frames: arguments.simulate_frames.map_or(figures.frames, u64::from),
            chunk_frames: arguments.chunk_frames,
            batch_chunks: arguments.batch_chunks,
            picture_bytes: size.i420_bytes() as u64,
            function_bytes: function.len() as u64,
        };
        figures.simulated = model::simulated(&film, &tasks, settings, &arguments.simulate)?;
    }
    if measured || !figures.simulated.is_empty() {
        arguments.json.write_or_print(&figures, |figures| words(&figures.simulated))?;
    }
    Ok(())
}

/// What a film without a rate is taken for.
const DEFAULT_RATE: FrameRate = FrameRate::new(24, 1).expect("24 a second is a rate");

/// What a player sees.
struct Shown {
    state: State,
    /// Added up.
    ssim: f64,
}

impl Shown {
    /// Decodes the frames of a batch and compares what they show with its pictures.
    fn compare(&mut self, encoded: &Pictures) -> Result<()> {
        let mut images = encoded.files().map(Y4mReader::new).collect::<Result<VecDeque<_>, _>>()?;
        let mut next = || loop {
            let Some(file) = images.front_mut() else { bail!("more pictures are shown than there were") };
            if let Some(image) = file.read_frame()? {
                return Ok(image);
            }
            images.pop_front();
        };
        for frame in &encoded.frames {
            let decoded = decode(&self.state, frame)?;
            if let Some(picture) = decoded.shown {
                self.ssim += quality::ssim_y(&next()?, &picture.image())?;
            }
            self.state = decoded.target;
        }
        Ok(())
    }
}
