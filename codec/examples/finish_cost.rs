//! What follows the analysis of a frame, alone: how long one version of it takes and how long a size takes to predict, and
//! whether the bytes have changed.
//!
//!     cargo run --release -p oyster-codec --example finish_cost -- IN.y4m QUANTIZER [FRAMES]

use std::error::Error;
use std::fs::File;
use std::hint::black_box;
use std::io::BufReader;
use std::time::{Duration, Instant};

use oyster_codec::container::y4m::Y4mReader;
use oyster_codec::{Effort, Hints, Plan, QuantizerIndex, State, analyse};

/// Each is done so often, and the least time counts.
const REPEATS: usize = 9;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, quantizer, frames @ ..] = arguments.as_slice() else {
        return Err("usage: finish_cost IN.y4m QUANTIZER [FRAMES]".into());
    };
    let quantizer = QuantizerIndex::new(quantizer.parse()?).ok_or("a quantizer is 0 to 127")?;
    let frames: usize = frames.first().map_or(Ok(40), |frames| frames.parse())?;
    let mut clip = Y4mReader::new(BufReader::new(File::open(input)?))?;

    let (mut state, mut hints) = (State::blank(), Hints::default());
    let (mut finishing, mut predicting, mut naming) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    let (mut bytes, mut checksum, mut apart, mut count) = (0, 0u64, 0.0, 0);
    while let Some(image) = clip.read_frame()? {
        if count > frames {
            break;
        }
        let plan = if count == 0 { Plan::key(quantizer) } else { Plan::inter(quantizer) };
        let analysis = analyse(&state, &image, &plan, &hints, Effort::Live)?;
        let (encoded, finish) = least(|| analysis.finish(quantizer));
        let (_, name) = timed(|| encoded.target.id());
        let (predicted, predict) = least(|| analysis.predict_size(quantizer));
        if count > 0 {
            finishing += finish;
            predicting += predict;
            naming += name;
            bytes += encoded.frame.len();
            apart += (predicted as f64 / encoded.frame.len() as f64 - 1.0).abs();
        }
        // FNV-1a.
        checksum =
            encoded.frame.iter().fold(checksum, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
        (state, hints) = (encoded.target, analysis.hints());
        count += 1;
    }
    let inter = f64::from(u32::try_from(count)?.max(2) - 1);
    let ms = |time: Duration| time.as_secs_f64() * 1000.0 / inter;
    println!(
        "finish {:.3} ms  predict {:.3} ms  name {:.3} ms  {:.0} bytes  predicted within {:.2} %  bytes' checksum {checksum:016x}",
        ms(finishing),
        ms(predicting),
        ms(naming),
        bytes as f64 / inter,
        100.0 * apart / inter
    );
    Ok(())
}

fn least<T>(work: impl Fn() -> T) -> (T, Duration) {
    let (mut result, mut least) = timed(&work);
    for _ in 1..REPEATS {
        let (again, time) = timed(&work);
        drop(std::mem::replace(&mut result, again));
        least = least.min(time);
    }
    (result, least)
}

#[expect(clippy::disallowed_methods, reason = "a measurement of real time")]
fn timed<T>(work: impl Fn() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = black_box(work());
    (result, start.elapsed())
}
