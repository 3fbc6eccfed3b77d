//! Damaged frames by the million: none may panic, take more than three times what a frame of its size takes, or leave memory behind.
//!
//!     cargo run --release -p oyster-codec --example corrupt -- CASES SEED STREAM.ivf…
//!
//! Each case is a frame of one of the streams, for the state before it or another one: with bytes changed, cut short, or noise behind
//! a head. What decodes is gone on from with the frame as it was. A case that takes long is timed again, up to a few times, as it may
//! have been the machine's doing. `codec/tests/corrupt.rs` looks at the same things without a clock.

use std::error::Error;
use std::fs;
use std::time::{Duration, Instant};

use oyster_codec::container::ivf::IvfReader;
use oyster_codec::{DecodeError, Decoded, Size, State, decode, is_key_frame};

/// Frames taken of each stream.
const FRAMES: usize = 8;
/// Longest over a usual frame's time.
const MOST: f64 = 3.0;
/// How often something is timed at most; the shortest counts.
const TIMES: usize = 12;
/// What a frame may take whatever its size: too little to be measured.
const LEAST: Duration = Duration::from_micros(100);
/// Kinds of damage, as they are told.
const KINDS: [&str; 4] = ["changed", "cut short", "of another state", "noise"];

/// A frame, the state it is for, and what the slowest frame of its stream takes.
struct Step {
    source: State,
    frame: Vec<u8>,
    usual: Duration,
    size: Size,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [cases, seed, streams @ ..] = &arguments[..] else {
        return Err("usage: corrupt CASES SEED STREAM.ivf…".into());
    };
    let (cases, seed): (u64, u64) = (cases.parse()?, seed.parse()?);
    let mut steps = Vec::new();
    for stream in streams {
        steps.extend(steps_of(&fs::read(stream)?)?);
    }
    if steps.is_empty() {
        return Err("no frames to damage".into());
    }
    let mut dice = Dice(seed);
    let (mut decoded, mut slowest, before) = ([0_u64; KINDS.len()], (0.0, 0, 0), peak_kib());
    for case in 0..cases {
        let step = &steps[dice.below(steps.len())];
        let kind = dice.below(KINDS.len());
        let (frame, origin) = damaged(step, &steps, kind, &mut dice);
        let (took, result) = timed(&step.source, &frame, 1);
        let Ok(Decoded { target, .. }) = result else { continue };
        decoded[kind] += 1;
        let size = target.size().unwrap_or(step.size);
        let allowed = origin.usual.mul_f64((macroblocks(size) / macroblocks(origin.size)).max(1.0)).max(LEAST);
        let mut share = took.as_secs_f64() / allowed.as_secs_f64();
        if share > slowest.0 {
            share = timed(&step.source, &frame, TIMES).0.as_secs_f64() / allowed.as_secs_f64();
            if share > slowest.0 {
                slowest = (share, case, kind);
            }
        }
        // What comes of it need not decode.
        let _ = decode(&target, &step.frame);
    }
    let told: Vec<String> = KINDS.iter().zip(decoded).map(|(kind, count)| format!("{kind} {count}")).collect();
    let (share, case, kind) = slowest;
    println!(
        "seed {seed}: {cases} damaged frames, no panic; decoded to some picture: {}; the slowest took {share:.2} of a usual frame's time \
         (case {case}, {}); memory {} KiB, {} of it since the first",
        told.join(", "),
        KINDS[kind],
        peak_kib(),
        peak_kib() - before
    );
    if share > MOST { Err(format!("a damaged frame took {share:.2} of a usual frame's time").into()) } else { Ok(()) }
}

/// The first frames of a stream.
fn steps_of(file: &[u8]) -> Result<Vec<Step>, Box<dyn Error>> {
    let mut reader = IvfReader::new(file)?;
    let (mut source, mut steps) = (State::blank(), Vec::new());
    while steps.len() < FRAMES
        && let Some(frame) = reader.read_frame()?
    {
        let (usual, decoded) = timed(&source, &frame.bytes, TIMES);
        let target = decoded?.target;
        let size = target.size().ok_or("a frame without a picture")?;
        steps.push(Step { source: std::mem::replace(&mut source, target), frame: frame.bytes, usual, size });
    }
    let slowest = steps.iter().map(|step| step.usual).max().unwrap_or_default();
    steps.iter_mut().for_each(|step| step.usual = slowest);
    Ok(steps)
}

/// The damaged frame, and which one it is made from.
fn damaged<'a>(step: &'a Step, steps: &'a [Step], kind: usize, dice: &mut Dice) -> (Vec<u8>, &'a Step) {
    let mut frame = step.frame.clone();
    match kind {
        0 => {
            let reach = if dice.below(2) == 0 { frame.len().min(60) } else { frame.len() };
            for _ in 0..1 + dice.below(12) {
                let at = dice.below(reach);
                frame[at] ^= 1 << dice.below(8);
            }
        }
        1 => frame.truncate(dice.below(frame.len())),
        2 => {
            let other = &steps[dice.below(steps.len())];
            return (other.frame.clone(), other);
        }
        _ => {
            let head = if is_key_frame(&frame) { 10 } else { 3 };
            frame.truncate(head + dice.below(12));
            frame.extend((0..200 + dice.below(2000)).map(|_| dice.roll() as u8));
            // Noise is as busy as any stream.
            let slowest = steps.iter().max_by_key(|step| step.usual);
            return (frame, slowest.unwrap_or(step));
        }
    }
    (frame, step)
}

/// The shortest of so many times.
#[expect(clippy::disallowed_methods, reason = "an example that measures")]
fn timed(source: &State, frame: &[u8], times: usize) -> (Duration, Result<Decoded, DecodeError>) {
    let time = || {
        let since = Instant::now();
        let decoded = decode(source, frame);
        (since.elapsed(), decoded)
    };
    (1..times).fold(time(), |best, _| {
        let other = time();
        if other.0 < best.0 { other } else { best }
    })
}

fn macroblocks(size: Size) -> f64 {
    (size.macroblock_columns() * size.macroblock_rows()) as f64
}

/// The most memory this process ever had, where the system tells.
fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// SplitMix64: a case is a function of the seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, end: usize) -> usize {
        (self.roll() % end as u64) as usize
    }
}
