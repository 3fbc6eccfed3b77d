//! `oyster codec encode`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::ArgGroup;
use oyster_codec::container::FrameRate;
use oyster_codec::container::ivf::IvfWriter;
use oyster_codec::{Analysis, Effort, Encoded, Hints, Plan, analyse};
use oyster_codec::{Image, Picture, QuantizerIndex, State, quality};
use serde::Serialize;

use crate::cpu;
use crate::files::{NewFile, open_y4m};
use crate::values::{EffortName, JsonOutput, quantizer, write_json};

#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("rate").required(true))]
pub(crate) struct Arguments {
    /// The y4m clip (8-bit 4:2:0)
    input: PathBuf,
    /// The IVF file to write
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Every frame at this VP8 quantizer index, 0 (finest) to 127
    #[arg(long, value_name = "Q", group = "rate", value_parser = quantizer)]
    quantizer: Option<QuantizerIndex>,
    /// Every frame as fine as this many kbit/s let it be
    #[arg(long, value_name = "KBPS", group = "rate", value_parser = crate::values::positive)]
    bitrate: Option<f64>,
    /// Threads to encode with
    #[arg(long, default_value = "1", value_parser = clap::value_parser!(u16).range(1..=64))]
    threads: u16,
    /// How hard to try
    #[arg(long, default_value = "live")]
    effort: EffortName,
    /// A key frame every N frames (default: the first frame only)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
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

/// What a clip without a rate is taken for.
const DEFAULT_RATE: FrameRate = FrameRate::new(30, 1).expect("30 a second is a rate");

/// How the quantizer of a frame is found.
enum Rate {
    Constant(QuantizerIndex),
    Bucket(Bucket),
}

/// A leaky bucket: frames pour in, the rate drains it.
struct Bucket {
    frame_bytes: f64,
    filled_bytes: f64,
    last: QuantizerIndex,
}

/// The bucket holds this many frames' worth: what a receiver at that rate would have to wait at the worst.
const BUCKET_FRAMES: f64 = 10.0;
/// A frame takes at most this share of the room that is left.
const SHARE_OF_ROOM: f64 = 0.25;

impl Rate {
    /// Where decisions for the next frame are made.
    fn expected(&self) -> QuantizerIndex {
        match self {
            Self::Constant(quantizer) => *quantizer,
            Self::Bucket(bucket) => bucket.last,
        }
    }

    fn finish(&mut self, analysis: &Analysis, key: bool) -> Encoded {
        match self {
            Self::Constant(quantizer) => analysis.finish(*quantizer),
            Self::Bucket(bucket) => bucket.finish(analysis, key),
        }
    }
}

impl Bucket {
    fn new(kbps: f64, rate: FrameRate) -> Self {
        let frame_bytes = kbps * 1000.0 / 8.0 / rate.per_second();
        Self { frame_bytes, filled_bytes: 0.0, last: QuantizerIndex::saturating(40) }
    }

    /// The finest version that fits, by prediction and then by what was really written.
    fn finish(&mut self, analysis: &Analysis, key: bool) -> Encoded {
        let room = BUCKET_FRAMES * self.frame_bytes - self.filled_bytes;
        let share = if key { 1.0 } else { SHARE_OF_ROOM };
        let most = (room * share).min(self.frame_bytes.max(room * share)).max(self.frame_bytes * SHARE_OF_ROOM);
        let mut quantizer = analysis.quantizer_for(most as usize);
        let encoded = loop {
            let encoded = analysis.finish(quantizer);
            if encoded.frame.len() as f64 <= most || quantizer == QuantizerIndex::MAX {
                break encoded;
            }
            quantizer = QuantizerIndex::saturating(i32::from(quantizer.value()) + 1);
        };
        self.filled_bytes = (self.filled_bytes + encoded.frame.len() as f64 - self.frame_bytes).max(0.0);
        self.last = quantizer;
        encoded
    }
}

/// Sums of what was encoded against what it came from.
#[derive(Default)]
struct Quality {
    squared_error: f64,
    ssim: f64,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mut clip = open_y4m(&arguments.input)?;
    let frame_rate = clip.frame_rate().unwrap_or(DEFAULT_RATE);
    let size = clip.size();
    let (file, output) = NewFile::create(&arguments.output)?;
    let writing = || format!("cannot write {}", arguments.output.display());
    let mut ivf = IvfWriter::new(output, size, frame_rate).with_context(writing)?;
    let mut rate = match (arguments.quantizer, arguments.bitrate) {
        (Some(quantizer), _) => Rate::Constant(quantizer),
        (None, kbps) => Rate::Bucket(Bucket::new(kbps.unwrap_or_default(), frame_rate)),
    };
    let effort = Effort::from(arguments.effort);
    let (mut state, mut hints) = (State::blank(), Hints::default());
    let (mut frames, mut bytes, mut spent) = (0_u64, 0_u64, Duration::ZERO);
    let mut sums = Quality::default();
    while let Some(image) = clip.read_frame().with_context(|| arguments.input.display().to_string())? {
        let key = frames == 0 || arguments.keyframe_interval.is_some_and(|interval| frames.is_multiple_of(interval));
        let plan = if key { Plan::key(rate.expected()) } else { Plan::inter(rate.expected()) };
        let (encoded, cost) = cpu::of(|| -> Result<_> {
            let analysis = analyse(&state, &image, &plan, &hints, effort)?;
            hints = analysis.hints();
            Ok(rate.finish(&analysis, key))
        });
        let encoded = encoded.with_context(|| format!("{}: frame {frames}", arguments.input.display()))?;
        ivf.write_frame(&encoded.frame, frames).with_context(writing)?;
        frames += 1;
        bytes += encoded.frame.len() as u64;
        spent += cost;
        state = encoded.target;
        if arguments.json.json.is_some()
            && let Some([picture, ..]) = state.references()
        {
            sums.add(&image, picture)?;
        }
    }
    ivf.finish().with_context(writing)?;
    file.commit()?;
    let Some(path) = &arguments.json.json else { return Ok(()) };
    let count = frames.max(1) as f64;
    write_json(
        path,
        &Figures {
            frames,
            bytes,
            kbps: bytes as f64 * 8.0 / 1000.0 * frame_rate.per_second() / count,
            psnr_y_db: quality::psnr_db(sums.squared_error / count),
            ssim_y_db: quality::ssim_db(sums.ssim / count),
            cpu_ms_per_frame: cpu::milliseconds(spent) / count,
        },
    )
}

impl Quality {
    fn add(&mut self, original: &Image, coded: &Arc<Picture>) -> Result<()> {
        let coded = coded.image();
        self.squared_error += quality::mse_y(original, &coded)?;
        self.ssim += quality::ssim_y(original, &coded)?;
        Ok(())
    }
}
