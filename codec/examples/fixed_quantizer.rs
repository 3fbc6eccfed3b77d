//! Encodes a Y4M clip at one quantizer into an IVF file, and says how long a frame took: alone, and as a pair of
//! quantizers from one analysis.
//!
//!     cargo run --release -p oyster-codec --example fixed_quantizer -- IN.y4m OUT.ivf 29

use std::error::Error;
use std::fs;
use std::time::{Duration, Instant};

use oyster_codec::{Analysis, Effort, Hints, Image, Plan, QuantizerIndex, Size, State, analyse};

/// Quantizer steps between the two versions of a pair.
const PAIR_STEPS: i32 = 4;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, output, quantizer] = arguments.as_slice() else {
        return Err("usage: fixed_quantizer IN.y4m OUT.ivf QUANTIZER".into());
    };
    let quantizer = QuantizerIndex::new(quantizer.parse()?).ok_or("a quantizer is 0 to 127")?;
    let coarser = QuantizerIndex::saturating(i32::from(quantizer.value()) + PAIR_STEPS);
    let (size, images) = read_y4m(&fs::read(input)?)?;

    let mut state = State::default();
    let mut hints = Hints::default();
    let mut frames: Vec<Vec<u8>> = Vec::new();
    let (mut one, mut second) = (Duration::ZERO, Duration::ZERO);
    let mut errors = Vec::new();
    for image in &images {
        let plan = if frames.is_empty() { Plan::key(quantizer) } else { Plan::inter(quantizer) };
        let start = now();
        let analysis: Analysis = analyse(&state, image, &plan, &hints, Effort::Live)?;
        let fine = analysis.finish(quantizer);
        let middle = now();
        let coarse = analysis.finish(coarser);
        if !frames.is_empty() {
            one += middle - start;
            second += now() - middle;
            for (encoded, at) in [(&fine, quantizer), (&coarse, coarser)] {
                let size = encoded.frame.len() as f64;
                errors.push((analysis.predict_size(at) as f64 - size) / size);
            }
        }
        hints = analysis.hints();
        state = fine.target;
        frames.push(fine.frame);
    }
    fs::write(output, ivf(size, &frames))?;

    let inter = (frames.len().max(2) - 1) as f64;
    let ms = |time: Duration| time.as_secs_f64() * 1000.0 / inter;
    let bytes: usize = frames.iter().map(Vec::len).sum();
    let mean_error = errors.iter().map(|e: &f64| e.abs()).sum::<f64>() / errors.len().max(1) as f64;
    let bias = errors.iter().sum::<f64>() / errors.len().max(1) as f64;
    println!(
        "{} frames, {bytes} bytes, key {}; one {:.2} ms, pair {:.2} ms a frame; size predicted within {:.2} % (bias {:+.2} %)",
        frames.len(),
        frames[0].len(),
        ms(one),
        ms(one + second),
        100.0 * mean_error,
        100.0 * bias
    );
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a measurement of real time")]
fn now() -> Instant {
    Instant::now()
}

fn read_y4m(bytes: &[u8]) -> Result<(Size, Vec<Image>), Box<dyn Error>> {
    let line = |from: usize| bytes[from..].iter().position(|byte| *byte == b'\n').map(|end| from + end);
    let end = line(0).ok_or("no header line")?;
    let header = std::str::from_utf8(&bytes[..end])?;
    let field = |name: char| header.split(' ').skip(1).find_map(|word| word.strip_prefix(name)).ok_or("no size");
    let size = Size::new(field('W')?.parse()?, field('H')?.parse()?)?;
    let mut images = Vec::new();
    let mut at = end + 1;
    while let Some(end) = line(at.min(bytes.len())) {
        let samples = bytes.get(end + 1..end + 1 + size.i420_bytes()).ok_or("the last frame is cut short")?;
        images.push(Image::from_i420(size, samples.to_vec())?);
        at = end + 1 + size.i420_bytes();
    }
    Ok((size, images))
}

fn ivf(size: Size, frames: &[Vec<u8>]) -> Vec<u8> {
    let mut out = b"DKIF\0\0\x20\0VP80".to_vec();
    out.extend_from_slice(&(size.width() as u16).to_le_bytes());
    out.extend_from_slice(&(size.height() as u16).to_le_bytes());
    for value in [30, 1, frames.len() as u32, 0] {
        out.extend_from_slice(&u32::to_le_bytes(value));
    }
    for (number, frame) in frames.iter().enumerate() {
        out.extend_from_slice(&(frame.len() as u32).to_le_bytes());
        out.extend_from_slice(&(number as u64).to_le_bytes());
        out.extend_from_slice(frame);
    }
    out
}
