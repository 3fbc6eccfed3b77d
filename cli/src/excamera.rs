//! `oyster excamera`: films, encoded in many small tasks.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Subcommand;
use oyster_codec::container::FrameRate;
use oyster_codec::container::y4m::{Y4mReader, Y4mWriter};
use oyster_codec::{Image, QuantizerIndex, State, decode, quality};
use oyster_excamera::{Batch, Settings, Step, frames};
use oyster_thunks::{Digest, Engine, Event};
use serde::Serialize;

use crate::cpu;
use crate::engine::{EngineArguments, FunctionsArgument, fetch, telling};
use crate::files::open_y4m;
use crate::film::FilmFile;
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
    /// Every frame at this VP8 quantizer index, 0 (finest) to 127
    #[arg(long, value_name = "Q", value_parser = quantizer, allow_negative_numbers = true)]
    quantizer: QuantizerIndex,
    /// Frames that are encoded in one task
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u16).range(1..=600))]
    chunk_frames: u16,
    /// Chunks from one key frame to the next, which are in memory at once
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=600))]
    batch_chunks: u16,
    /// How hard to try
    #[arg(long, default_value = "film")]
    effort: EffortName,
    #[command(flatten)]
    functions: FunctionsArgument,
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
    encode_s: f64,
    reencode_s: f64,
    serial_rebase_s: f64,
    thunks: usize,
    executed: usize,
    memoised: usize,
    stored_bytes: u64,
    fetched_bytes: u64,
}

#[expect(clippy::disallowed_methods, reason = "how long a person has waited is a matter of real time")]
fn encode(arguments: &Arguments) -> Result<()> {
    let measured = arguments.json.expected()?;
    let (begin, spent) = (Instant::now(), cpu::used_with_children());
    let input = || arguments.input.display().to_string();
    let mut clip = open_y4m(&arguments.input)?;
    let rate = clip.frame_rate().unwrap_or(DEFAULT_RATE);
    let engine = arguments.engine.open()?;
    let function = arguments.functions.read()?;
    let mut film = FilmFile::create(&arguments.output, clip.size(), rate)?;
    let settings = Settings { quantizer: arguments.quantizer, effort: arguments.effort.into() };
    let mut figures = Figures::default();
    let mut shown = Shown { state: State::blank(), ssim: 0.0 };
    let progress = Mutex::new(Progress::of("tasks done"));
    loop {
        let chunks = read_batch(&mut clip, arguments).with_context(input)?;
        if chunks.is_empty() {
            break;
        }
        let joined = force(arguments, &*engine, &function, &chunks, settings, &progress, &mut figures)?;
        for (pictures, chunk) in chunks.iter().zip(joined) {
            let encoded = frames(&chunk)?;
            for frame in &encoded {
                film.write_frame(frame)?;
                figures.frames += 1;
                figures.bytes += frame.len() as u64;
            }
            if measured {
                shown.compare(pictures, &encoded)?;
            }
        }
        engine.shrink()?;
    }
    drop(progress);
    ensure!(figures.frames > 0, "{}: a y4m header but no frame", input());
    film.finish()?;
    let count = figures.frames as f64;
    figures.kbps = figures.bytes as f64 * 8.0 / 1000.0 * rate.per_second() / count;
    figures.ssim_y_db = quality::ssim_db(shown.ssim / count);
    figures.wall_s = begin.elapsed().as_secs_f64();
    figures.cpu_s = cpu::used_with_children().saturating_sub(spent).as_secs_f64();
    if measured { arguments.json.write_or_print(&figures, |_| String::new()) } else { Ok(()) }
}

/// What a film without a rate is taken for.
const DEFAULT_RATE: FrameRate = FrameRate::new(24, 1).expect("24 a second is a rate");

/// The chunks of the next batch, each as y4m; none at the film's end.
fn read_batch(clip: &mut Y4mReader<File>, arguments: &Arguments) -> Result<Vec<Vec<u8>>> {
    let mut chunks = Vec::new();
    while chunks.len() < usize::from(arguments.batch_chunks) {
        // What a chunk depends on is its pictures, not how fast they are shown.
        let rate = FrameRate::new(1, 1).context("one a second is a rate")?;
        let mut chunk = Y4mWriter::new(Vec::new(), clip.size(), rate)?;
        let mut count = 0;
        while count < arguments.chunk_frames
            && let Some(image) = clip.read_frame()?
        {
            chunk.write_frame(&image)?;
            count += 1;
        }
        if count > 0 {
            chunks.push(chunk.finish()?);
        }
        if count < arguments.chunk_frames {
            break;
        }
    }
    Ok(chunks)
}

/// Encodes a batch; answers the frames of its chunks, each as IVF.
fn force(
    arguments: &Arguments,
    engine: &dyn Engine,
    function: &[u8],
    chunks: &[Vec<u8>],
    settings: Settings,
    progress: &Mutex<Progress>,
    figures: &mut Figures,
) -> Result<Vec<Vec<u8>>> {
    let digests: Vec<Digest> = chunks.iter().map(|chunk| Digest::of(chunk)).collect();
    let Batch { graph, chunks: targets } =
        Batch::new(Digest::of(function), &digests, arguments.chunk_frames.into(), settings)?;
    let steps: BTreeMap<_, _> = graph.iter().filter_map(|(id, thunk)| Some((id, Step::of(thunk)?))).collect();
    let values: BTreeMap<Digest, &[u8]> = digests
        .into_iter()
        .zip(chunks.iter().map(|chunk| &chunk[..]))
        .chain([(Digest::of(function), function)])
        .collect();
    let sources = |digest| Ok(values.get(&digest).map(|bytes| bytes.to_vec()));
    let ran = Mutex::new(BTreeMap::<&str, Duration>::new());
    let tell_progress = telling(progress, figures.thunks);
    let tell = |event: Event| {
        let step = steps.get(&event.thunk).map_or("", |step| step.name());
        *ran.lock().unwrap_or_else(PoisonError::into_inner).entry(step).or_default() += event.took;
        tell_progress(event);
    };
    let forced = arguments.engine.force(engine, graph, &targets, &sources, &tell)?;
    let ran = ran.into_inner().unwrap_or_else(PoisonError::into_inner);
    let seconds = |step: Step| ran.get(step.name()).map_or(0.0, Duration::as_secs_f64);
    figures.encode_s += seconds(Step::Encode);
    figures.reencode_s += seconds(Step::Reencode);
    figures.serial_rebase_s += seconds(Step::Rebase);
    figures.thunks += forced.executed + forced.memoised;
    figures.executed += forced.executed;
    figures.memoised += forced.memoised;
    figures.stored_bytes += forced.stored_bytes;
    figures.fetched_bytes += forced.fetched_bytes;
    let mut joined = Vec::with_capacity(targets.len());
    for target in targets {
        let frames = forced.outputs.get(&target).and_then(|made| {
            let (_, file) = made.iter().find(|(path, _)| path.as_str() == "frames")?;
            Some(file.digest)
        });
        let Some(digest) = frames else { bail!("the thunk {target} has made no frames") };
        figures.fetched_bytes += digest.bytes();
        joined.push(fetch(engine, digest)?);
    }
    Ok(joined)
}

/// What a player sees.
struct Shown {
    state: State,
    /// Added up.
    ssim: f64,
}

impl Shown {
    /// Decodes frames and compares them with their pictures, which are y4m.
    fn compare(&mut self, pictures: &[u8], encoded: &[Vec<u8>]) -> Result<()> {
        let mut pictures = Y4mReader::new(pictures)?;
        for frame in encoded {
            let decoded = decode(&self.state, frame)?;
            let image: Option<Image> = pictures.read_frame()?;
            if let (Some(image), Some(picture)) = (image, decoded.shown) {
                self.ssim += quality::ssim_y(&image, &picture.image())?;
            }
            self.state = decoded.target;
        }
        Ok(())
    }
}
