//! How near frames come to a budget of bytes that changes with every frame, as a link's does.
//!
//!     cargo run --release -p oyster-codec --example exact_fit -- IN.y4m [MIDDLE_QUANTIZER [DOUBLINGS]]
//!
//! Budgets lie between half and double of what the middle quantizer takes, or so many doublings to either side of it.

use std::error::Error;
use std::fs::File;
use std::hint::black_box;
use std::io::BufReader;
use std::time::{Duration, Instant};

use oyster_codec::container::y4m::Y4mReader;
use oyster_codec::{Effort, Hints, Plan, QuantizerIndex, State, analyse};

/// Decisions are made this much finer than where the last frame landed, as the sender does.
const DECIDE_FINER: i32 = 6;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, middle @ ..] = arguments.as_slice() else {
        return Err("usage: exact_fit IN.y4m [MIDDLE_QUANTIZER]".into());
    };
    let doublings: f64 = middle.get(1).map_or(Ok(1.0), |doublings| doublings.parse())?;
    let middle: i32 = middle.first().map_or(Ok(30), |middle| middle.parse())?;
    let mut clip = Y4mReader::new(BufReader::new(File::open(input)?))?;

    let (mut state, mut hints) = (State::blank(), Hints::default());
    let (mut last, mut random) = (QuantizerIndex::saturating(middle), 1u32);
    let (mut at_once, mut within, mut over, mut under, mut unmet, mut count, mut used) = (0, 0, 0, 0, 0, 0, 0.0);
    let mut fitting = Duration::ZERO;
    let mut first = true;
    while let Some(image) = clip.read_frame()? {
        let decided_at = QuantizerIndex::saturating(i32::from(last.value()) - DECIDE_FINER);
        let plan = if first { Plan::key(last) } else { Plan::inter(decided_at) };
        let analysis = analyse(&state, &image, &plan, &hints, Effort::Live)?;
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let share = 2f64.powf(doublings * (f64::from(random >> 8) / f64::from(1 << 23) - 1.0));
        let budget = (analysis.predict_size(QuantizerIndex::saturating(middle)) as f64 * share) as usize;
        let (fineness, time) = timed(|| analysis.sizes().fit(budget, QuantizerIndex::MIN, last));
        let alone = analysis.finish(fineness);
        let encoded = analysis.sizes().finish_within(budget, fineness, QuantizerIndex::MIN);
        let met = analysis.predict_size(QuantizerIndex::MAX)..=analysis.predict_size(QuantizerIndex::MIN);
        unmet += i32::from(!met.contains(&budget));
        if !first && met.contains(&budget) {
            let part = encoded.frame.len() as f64 / budget as f64;
            fitting += time;
            count += 1;
            at_once += i32::from((0.9..=1.0).contains(&(alone.frame.len() as f64 / budget as f64)));
            within += i32::from((0.9..=1.0).contains(&part));
            over += i32::from(part > 1.0);
            under += i32::from(part < 0.9);
            used += part;
        }
        first = false;
        last = encoded.quantizer;
        (state, hints) = (encoded.target, analysis.hints());
    }
    let share = |frames: i32| 100.0 * f64::from(frames) / f64::from(count);
    println!(
        "{:5.1} % of frames within 90-100 % of their budget ({:.1} % at once; {:.1} % over, {:.1} % under; {unmet} budgets cannot be met), mean {:.1} %; fitting {:.3} ms",
        share(within),
        share(at_once),
        share(over),
        share(under),
        100.0 * used / f64::from(count),
        fitting.as_secs_f64() * 1000.0 / f64::from(count),
    );
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a measurement of real time")]
fn timed<T>(work: impl Fn() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = black_box(work());
    (result, start.elapsed())
}
