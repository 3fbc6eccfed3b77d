//! `oyster codec encode`.

use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::ArgGroup;
use oyster_call::Stop;
use oyster_codec::container::FrameRate;
use oyster_codec::executor::{Executor, both};
use oyster_codec::{Analysis, Effort, Encoded, Fineness, Hints, Plan, analyse_on};
use oyster_codec::{Image, Picture, QuantizerIndex, State, quality};
use serde::Serialize;

use super::bucket::Bucket;
use crate::cpu;
use crate::files::open_y4m;
use crate::film::FilmFile;
use crate::progress::Progress;
use crate::threads::on_threads;
use crate::values::{EffortName, JsonOutput, kilobits_per_second, quantizer, thread_count};
use crate::words;

#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("rate").required(true))]
pub(crate) struct Arguments {
    /// The y4m clip (8-bit 4:2:0)
    input: PathBuf,
    /// The file to write: WebM if its name ends in .webm, else IVF
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Every frame at this VP8 quantizer index, 0 (finest) to 127; a film's are about it, those finer that others are predicted from for long
    #[arg(long, value_name = "Q", group = "rate", value_parser = quantizer, allow_negative_numbers = true)]
    quantizer: Option<QuantizerIndex>,
    /// Every frame as fine as this many kbit/s let it be
    #[arg(long, value_name = "KBPS", group = "rate", value_parser = kilobits_per_second, allow_negative_numbers = true)]
    bitrate: Option<f64>,
    /// Threads to encode with; the file is the same for any number
    #[arg(long, value_name = "N", default_value = "1", value_parser = thread_count, allow_negative_numbers = true)]
    threads: NonZero<usize>,
    /// How hard to try
    #[arg(long, default_value = "live")]
    effort: EffortName,
    /// A key frame every N frames (default: the first frame only)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), allow_negative_numbers = true)]
    keyframe_interval: Option<u64>,
    #[command(flatten)]
    json: JsonOutput,
}

#[derive(Debug, Serialize)]
struct Figures {
    frames: u64,
    bytes: u64,
    kbps: f64,
    psnr_y_db: f64,
    ssim_y_db: f64,
    cpu_ms_per_frame: f64,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    on_threads(arguments.threads, |executor| encode(arguments, executor))
}

fn encode(arguments: &Arguments, executor: &dyn Executor) -> Result<()> {
    let input = || arguments.input.display().to_string();
    let measured = arguments.json.expected()?;
    let mut clip = open_y4m(&arguments.input)?;
    let frame_rate = clip.frame_rate().unwrap_or(DEFAULT_RATE);
    let stop = Stop::on_signals().context("signals cannot be caught")?;
    let mut film = FilmFile::create(&arguments.output, clip.size(), frame_rate)?;
    let mut encoder = Encoder::new(arguments, executor, frame_rate);
    let mut sums = Sums::default();
    let mut progress = Progress::of("frames encoded");
    let mut next = clip.read_frame();
    while let Some(image) = next.with_context(input)? {
        if stop.is_set() {
            bail!("{}: not written: interrupted", arguments.output.display());
        }
        let ((encoded, cost), ahead) = both(executor, || cpu::of(|| encoder.encode(&image)), || clip.read_frame());
        next = ahead;
        let frame = encoded.with_context(|| format!("{}: frame {}", input(), sums.frames))?;
        film.write_frame(&frame)?;
        sums.add(frame.len(), cost);
        if measured && let Some([picture, ..]) = encoder.state.references() {
            sums.compare(&image, picture)?;
        }
        progress.tell(sums.frames);
    }
    drop(progress);
    ensure!(sums.frames > 0, "{}: a y4m header but no frame", input());
    film.finish()?;
    if encoder.overflows > 0 {
        let (count, of, kbps) = (encoder.overflows, sums.frames, arguments.bitrate.unwrap_or_default());
        words::tell(&format!(
            "{count} of {of} frames are too large for {kbps} kbit/s even at the coarsest quantizer\n"
        ));
    }
    if measured { arguments.json.write_or_print(&sums.figures(frame_rate), |_| String::new()) } else { Ok(()) }
}

/// What a clip without a rate is taken for.
const DEFAULT_RATE: FrameRate = FrameRate::new(30, 1).expect("30 a second is a rate");

/// How the quantizer of a frame is found.
enum Rate {
    Constant(QuantizerIndex),
    Bucket { bucket: Bucket, last: Option<QuantizerIndex> },
}

/// Encodes pictures one after another, for a decoder that sees every frame.
struct Encoder<'a> {
    executor: &'a dyn Executor,
    rate: Rate,
    effort: Effort,
    keyframe_interval: Option<u64>,
    state: State,
    hints: Hints,
    frames: u64,
    /// Frames for which there was no room in the bucket however coarse they were.
    overflows: u64,
}

impl<'a> Encoder<'a> {
    fn new(arguments: &Arguments, executor: &'a dyn Executor, frame_rate: FrameRate) -> Self {
        let rate = match (arguments.quantizer, arguments.bitrate) {
            (Some(quantizer), _) => Rate::Constant(quantizer),
            (None, kbps) => Rate::Bucket { bucket: Bucket::new(kbps.unwrap_or_default(), frame_rate), last: None },
        };
        Self {
            executor,
            rate,
            effort: Effort::from(arguments.effort),
            keyframe_interval: arguments.keyframe_interval,
            state: State::blank(),
            hints: Hints::default(),
            frames: 0,
            overflows: 0,
        }
    }

    /// The frame that shows `image`.
    fn encode(&mut self, image: &Image) -> Result<Vec<u8>> {
        let plan = self.plan();
        let analysis = analyse_on(self.executor, &self.state, image, &plan, &self.hints, self.effort)?;
        let encoded = self.finish(&analysis, &plan);
        self.hints = analysis.hints();
        self.state = encoded.target;
        self.frames += 1;
        Ok(encoded.frame)
    }

    /// What the next frame is to be. A film's golden frame follows it at a distance: what was hidden for a moment is found there.
    fn plan(&self) -> Plan {
        let is_key = self.frames == 0 || self.keyframe_interval.is_some_and(|n| self.frames.is_multiple_of(n));
        let refresh_golden = self.effort == Effort::Film && self.frames.is_multiple_of(GOLDEN_INTERVAL);
        let percent = match (is_key, refresh_golden) {
            (true, _) => KEY_PERCENT,
            (false, true) => GOLDEN_PERCENT,
            (false, false) => OTHER_PERCENT,
        };
        let finest = match self.rate {
            Rate::Constant(quantizer) if self.effort == Effort::Film => quantizer.percent(percent),
            _ => self.rate.expected(),
        };
        if is_key { Plan::key(finest) } else { Plan { refresh_golden, ..Plan::inter(finest) } }
    }

    fn finish(&mut self, analysis: &Analysis, &Plan { kind, finest, .. }: &Plan) -> Encoded {
        let (bucket, last) = match &mut self.rate {
            Rate::Constant(_) => return analysis.finish_on(self.executor, finest),
            Rate::Bucket { bucket, last } => (bucket, last),
        };
        let room = bucket.allowance(kind).room_bytes;
        let mut sizes = analysis.sizes_on(self.executor);
        let near = last.unwrap_or(FIRST_GUESS);
        let mut fineness = bucket.fineness(kind, *last, |bytes| sizes.fit(bytes, QuantizerIndex::MIN, near));
        // Sizes are predicted to a percent: where the room is that tight, what was written decides.
        let encoded = loop {
            let encoded = analysis.finish_on(self.executor, fineness);
            if encoded.frame.len() <= room || fineness == Fineness::COARSEST {
                break encoded;
            }
            fineness = QuantizerIndex::saturating(i32::from(fineness.quantizer().value()) + 1).into();
        };
        self.overflows += u64::from(encoded.frame.len() > room);
        *last = Some(encoded.quantizer);
        *bucket = bucket.with(encoded.frame.len());
        encoded
    }
}

impl Rate {
    /// Where decisions for the next frame are made.
    fn expected(&self) -> QuantizerIndex {
        match self {
            Self::Constant(quantizer) => *quantizer,
            Self::Bucket { last, .. } => {
                last.map_or(FIRST_GUESS, |last| QuantizerIndex::saturating(i32::from(last.value()) - DECIDE_FINER))
            }
        }
    }
}

/// Decisions are made this much finer than the last frame landed: a finer λ costs nothing, a coarser one does where the budget grows.
const DECIDE_FINER: i32 = 2;

/// Frames from one golden frame of a film to the next. Of none, 16, 8 and 5 this is the best by BD-rate: 1.5 % on foreman.
const GOLDEN_INTERVAL: u64 = 8;

/// The quantizers of a film's key frames, golden frames and others, in hundredths of what is asked for: the longer a frame is predicted
/// from, the more its bits are worth. Found by measuring BD-rate.
const KEY_PERCENT: u8 = 30;
const GOLDEN_PERCENT: u8 = 70;
const OTHER_PERCENT: u8 = 115;

/// Where decisions for a first frame are made whose quantizer is not known yet: the middle of what calls use.
const FIRST_GUESS: QuantizerIndex = QuantizerIndex::saturating(40);

/// Sums over the frames so far.
#[derive(Default)]
struct Sums {
    frames: u64,
    bytes: u64,
    spent: Duration,
    squared_error: f64,
    ssim: f64,
}

impl Sums {
    fn add(&mut self, bytes: usize, cost: Duration) {
        self.frames += 1;
        self.bytes += bytes as u64;
        self.spent += cost;
    }

    fn compare(&mut self, original: &Image, coded: &Arc<Picture>) -> Result<()> {
        let coded = coded.image();
        self.squared_error += quality::mse_y(original, &coded)?;
        self.ssim += quality::ssim_y(original, &coded)?;
        Ok(())
    }

    fn figures(&self, rate: FrameRate) -> Figures {
        let count = self.frames as f64;
        Figures {
            frames: self.frames,
            bytes: self.bytes,
            kbps: self.bytes as f64 * 8.0 / 1000.0 * rate.per_second() / count,
            psnr_y_db: quality::psnr_db(self.squared_error / count),
            ssim_y_db: quality::ssim_db(self.ssim / count),
            cpu_ms_per_frame: cpu::milliseconds(self.spent) / count,
        }
    }
}
