//! `oyster codec bench`: what encoding and decoding cost, as processor time on one thread; and how much sooner several threads
//! have encoded, and how well sizes are foretold.

mod sizes;

use std::hint::black_box;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use oyster_call::{Clock, Threads};
use oyster_codec::executor::{Executor, Serial, both};
use oyster_codec::{Effort, Hints, Image, Plan, analyse, analyse_on};
use oyster_codec::{QuantizerIndex, State, decode};
use serde::Serialize;
use sizes::SizeFigures;

use crate::cpu;
use crate::files::read_clip;
use crate::values::{EffortName, JsonOutput, quantizer, thread_count};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The y4m clip (8-bit 4:2:0)
    input: PathBuf,
    /// The finer of the pair's quantizers; the coarser is 4 above
    #[arg(long, value_name = "Q", default_value = "29", value_parser = quantizer, allow_negative_numbers = true)]
    quantizer: QuantizerIndex,
    /// How many frames of the clip
    #[arg(long, value_name = "N", default_value = "120", value_parser = clap::value_parser!(u32).range(2..), allow_negative_numbers = true)]
    frames: u32,
    /// Threads to encode with besides, for their wall-clock time beside one thread's
    #[arg(long, value_name = "N", default_value = "1", value_parser = thread_count, allow_negative_numbers = true)]
    threads: NonZero<usize>,
    /// See also how well sizes are foretold and budgets of any size met
    #[arg(long)]
    sizes: bool,
    /// How hard to try
    #[arg(long, default_value = "live")]
    effort: EffortName,
    #[command(flatten)]
    json: JsonOutput,
}

/// Means over all frames but the first, which is the key frame.
#[derive(Debug, Serialize)]
struct Figures {
    frames: usize,
    encode_one_ms: f64,
    encode_pair_ms: f64,
    decode_ms: f64,
    snapshot_us: f64,
    state_id_ms: f64,
    bytes_fine: f64,
    bytes_coarse: f64,
    /// Where there is more than one.
    #[serde(flatten)]
    threads: Option<OnThreads>,
    /// Where they were asked for.
    #[serde(flatten)]
    sizes: Option<SizeFigures>,
}

/// How far apart the pair is: one-frame sizes at +4 are about 0.7 of the fine one's.
const PAIR_STEP: i32 = 4;
/// A clone is over in nanoseconds: time this many.
const CLONES: u32 = 1000;

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    arguments.json.expected()?;
    let (clip, _) = read_clip(&arguments.input, arguments.frames as usize)?;
    ensure!(clip.len() > 1, "{}: one frame is a key frame; a bench needs more", arguments.input.display());
    let fine = arguments.quantizer;
    let coarse = QuantizerIndex::saturating(i32::from(fine.value()) + PAIR_STEP);
    let effort = Effort::from(arguments.effort);
    let inter_frames = clip.len() - 1;
    let at = |number| move || format!("{}: frame {number}", arguments.input.display());

    let mut one = Duration::ZERO;
    let mut coded = Vec::with_capacity(clip.len());
    let (mut state, mut hints) = (State::blank(), Hints::default());
    for (number, image) in clip.iter().enumerate() {
        let plan = if number == 0 { Plan::key(fine) } else { Plan::inter(fine) };
        let (encoded, cost) = cpu::of(|| {
            analyse(&state, image, &plan, &hints, effort).map(|analysis| (analysis.finish(fine), analysis.hints()))
        });
        let encoded = encoded.with_context(at(number))?;
        (state, hints) = (encoded.0.target, encoded.1);
        coded.push(encoded.0.frame);
        one += if number == 0 { Duration::ZERO } else { cost };
    }

    let (mut pair, mut identity, mut snapshot) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    let (mut bytes_fine, mut bytes_coarse) = (0, 0);
    (state, hints) = (State::blank(), Hints::default());
    for (number, image) in clip.iter().enumerate() {
        let plan = if number == 0 { Plan::key(fine) } else { Plan::inter(fine) };
        let (versions, cost) = cpu::of(|| {
            analyse(&state, image, &plan, &hints, effort)
                .map(|analysis| (analysis.finish(fine), analysis.finish(coarse), analysis.hints()))
        });
        let versions = versions.with_context(at(number))?;
        let (_, naming) = cpu::of(|| black_box((versions.0.target.id(), versions.1.target.id())));
        let (_, cloning) = cpu::of(|| {
            for _ in 0..CLONES {
                drop(black_box(versions.0.target.clone()));
            }
        });
        if number > 0 {
            pair += cost + naming;
            identity += naming;
            snapshot += cloning;
            bytes_fine += versions.0.frame.len();
            bytes_coarse += versions.1.frame.len();
        }
        (state, hints) = (versions.0.target, versions.2);
    }

    let mut decoding = Duration::ZERO;
    state = State::blank();
    for (number, frame) in coded.iter().enumerate() {
        let (decoded, cost) = cpu::of(|| decode(&state, frame));
        state = decoded.with_context(at(number))?.target;
        decoding += if number == 0 { Duration::ZERO } else { cost };
    }

    let per_frame = |time: Duration| cpu::milliseconds(time) / inter_frames as f64;
    let figures = Figures {
        frames: clip.len(),
        encode_one_ms: per_frame(one),
        encode_pair_ms: per_frame(pair),
        decode_ms: per_frame(decoding),
        snapshot_us: per_frame(snapshot) * 1000.0 / f64::from(CLONES),
        state_id_ms: per_frame(identity) / 2.0,
        bytes_fine: bytes_fine as f64 / inter_frames as f64,
        bytes_coarse: bytes_coarse as f64 / inter_frames as f64,
        threads: (arguments.threads.get() > 1).then(|| on_threads(arguments, &clip)).transpose()?,
        sizes: (arguments.sizes).then(|| SizeFigures::of(&arguments.input, &clip, fine, effort)).transpose()?,
    };
    arguments.json.write_or_print(&figures, Figures::table)
}

/// Medians over all frames but the first, of wall-clock time.
#[derive(Debug, Serialize)]
struct OnThreads {
    threads: usize,
    wall_one_1_thread_ms: f64,
    wall_one_ms: f64,
    wall_pair_1_thread_ms: f64,
    wall_pair_ms: f64,
}

/// How often the clip is encoded on one thread and on several in turn: machines drift.
const ROUNDS: usize = 3;

fn on_threads(arguments: &Arguments, clip: &[Arc<Image>]) -> Result<OnThreads> {
    let threads = Threads::new(arguments.threads)?;
    let (mut alone, mut together) = (Walls::default(), Walls::default());
    for _ in 0..ROUNDS {
        alone.encode(arguments, clip, &Serial)?;
        threads.within(|| together.encode(arguments, clip, &threads))?;
        ensure!(alone.bytes == together.bytes, "another {} bytes on {} threads", together.bytes, arguments.threads);
    }
    Ok(OnThreads {
        threads: arguments.threads.get(),
        wall_one_1_thread_ms: median_ms(&mut alone.one),
        wall_one_ms: median_ms(&mut together.one),
        wall_pair_1_thread_ms: median_ms(&mut alone.pair),
        wall_pair_ms: median_ms(&mut together.pair),
    })
}

/// How long frames took to encode.
#[derive(Default)]
struct Walls {
    one: Vec<Duration>,
    pair: Vec<Duration>,
    /// Of all frames.
    bytes: usize,
}

impl Walls {
    fn encode(&mut self, arguments: &Arguments, clip: &[Arc<Image>], executor: &dyn Executor) -> Result<()> {
        let fine = arguments.quantizer;
        let coarse = QuantizerIndex::saturating(i32::from(fine.value()) + PAIR_STEP);
        let effort = Effort::from(arguments.effort);
        let clock = Clock::start();
        for is_pair in [false, true] {
            let (mut state, mut hints) = (State::blank(), Hints::default());
            for (number, image) in clip.iter().enumerate() {
                let plan = if number == 0 { Plan::key(fine) } else { Plan::inter(fine) };
                let before = clock.now();
                let analysis = analyse_on(executor, &state, image, &plan, &hints, effort)?;
                let finish = |quantizer| analysis.finish_on(executor, quantizer);
                let named = |quantizer| {
                    let encoded = finish(quantizer);
                    black_box(encoded.target.id());
                    encoded
                };
                let encoded = if is_pair { both(executor, || named(fine), || named(coarse)).0 } else { finish(fine) };
                hints = analysis.hints();
                drop(analysis);
                let spent = clock.now() - before;
                if number > 0 {
                    if is_pair { &mut self.pair } else { &mut self.one }.push(spent);
                }
                self.bytes += encoded.frame.len();
                state = encoded.target;
            }
        }
        Ok(())
    }
}

fn median_ms(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    cpu::milliseconds(times[times.len() / 2])
}

impl Figures {
    fn table(&self) -> String {
        let threads = self.threads.as_ref().map_or_else(String::new, |wall| {
            format!(
                "on {} threads, as medians of wall-clock time beside one thread's\n  \
                 encode one version  {:8.3} ms   {:8.3} ms\n  \
                 encode two versions {:8.3} ms   {:8.3} ms\n",
                wall.threads,
                wall.wall_one_ms,
                wall.wall_one_1_thread_ms,
                wall.wall_pair_ms,
                wall.wall_pair_1_thread_ms
            )
        });
        let sizes = self.sizes.as_ref().map_or_else(String::new, SizeFigures::table);
        format!(
            "means over {} frames, the key frame left out\n  \
             encode one version  {:8.3} ms   {:8.0} bytes\n  \
             encode two versions {:8.3} ms   {:8.0} bytes the coarser\n  \
             name a state        {:8.3} ms\n  \
             keep a state        {:8.3} µs\n  \
             decode              {:8.3} ms\n{threads}{sizes}",
            self.frames - 1,
            self.encode_one_ms,
            self.bytes_fine,
            self.encode_pair_ms,
            self.bytes_coarse,
            self.state_id_ms,
            self.snapshot_us,
            self.decode_ms,
        )
    }
}
