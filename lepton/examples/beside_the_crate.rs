//! Size and speed beside the crate's own whole-file coding, on one thread: `beside_the_crate JPEG…`. Times are the least
//! of several, taken in turns; packing always decodes and compares.

use std::io::Cursor;
use std::time::{Duration, Instant};

use lepton_jpeg::{EnabledFeatures, SingleThreadPool, decode_lepton, encode_lepton, encode_lepton_verify};
use oyster_lepton::{Container, InTurn, pack, unpack};

const ROUNDS: usize = 5;
const CHUNK_BYTES: [u64; 3] = [4 << 20, 1 << 20, 64 << 10];

#[expect(clippy::disallowed_methods, reason = "an example that measures")]
fn least(work: &mut dyn FnMut()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("| file | coder | ratio | encode + verify MB/s | decode MB/s |\n|---|---|---|---|---|");
    for path in std::env::args().skip(1) {
        let original = std::fs::read(&path)?;
        let features = EnabledFeatures { max_partitions: 1, ..EnabledFeatures::compat_lepton_vector_write() };
        let pool = SingleThreadPool::default();
        let mut lepton = Cursor::new(Vec::new());
        encode_lepton(&mut Cursor::new(&original), &mut lepton, &features, &pool).map_err(|error| error.to_string())?;
        let lepton = lepton.into_inner();
        let mut packed = Vec::new();
        for chunk_bytes in CHUNK_BYTES {
            let mut output = Cursor::new(Vec::new());
            pack(&mut Cursor::new(&original), &mut output, chunk_bytes, &InTurn, &mut |_| {})?;
            packed.push(output.into_inner());
        }
        let mut times = [[Duration::MAX; 2]; 1 + CHUNK_BYTES.len()];
        for _ in 0..ROUNDS {
            let encoded = least(&mut || drop(encode_lepton_verify(&original, &features, &pool)));
            let decoded =
                least(&mut || drop(decode_lepton(&mut Cursor::new(&lepton), &mut Vec::new(), &features, &pool)));
            times[0] = [times[0][0].min(encoded), times[0][1].min(decoded)];
            for ((chunk_bytes, packed), times) in CHUNK_BYTES.into_iter().zip(&packed).zip(&mut times[1..]) {
                let mut output = Cursor::new(Vec::new());
                let encoded = least(&mut || {
                    drop(pack(&mut Cursor::new(&original), &mut output, chunk_bytes, &InTurn, &mut |_| {}));
                });
                let mut container = Container::open(Cursor::new(packed))?;
                let mut back = Vec::new();
                let decoded = least(&mut || drop(unpack(&mut container, 0..original.len() as u64, &mut back, &InTurn)));
                assert_eq!(back, original);
                *times = [times[0].min(encoded), times[1].min(decoded)];
            }
        }
        let name = std::path::Path::new(&path).file_stem().unwrap_or_default().display().to_string();
        let sizes = std::iter::once(lepton.len()).chain(packed.iter().map(Vec::len));
        for (coder, (size, times)) in ["the crate", "4 MiB", "1 MiB", "64 KiB"].iter().zip(sizes.zip(times)) {
            let speed = times.map(|time| original.len() as f64 / 1e6 / time.as_secs_f64());
            let ratio = size as f64 / original.len() as f64;
            println!("| {name} | {coder} | {ratio:.4} | {:.1} | {:.1} |", speed[0], speed[1]);
        }
    }
    Ok(())
}
