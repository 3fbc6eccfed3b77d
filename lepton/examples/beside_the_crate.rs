//! Size and speed beside the crate's own whole-file coding and cjxl's, each on one thread: `beside_the_crate JPEG…`.
//! Times are processor time, the least of several, taken in turns. Ours always decodes and compares what it packs; the crate is
//! timed with and without. cjxl and djxl, if they are installed, are timed by the clock, with their start and their files.

use std::io::Cursor;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use lepton_jpeg::{EnabledFeatures, SingleThreadPool, decode_lepton, encode_lepton, encode_lepton_verify};
use oyster_lepton::{Container, InTurn, pack, unpack};
use rustix::time::{ClockId, clock_gettime};

const ROUNDS: usize = 5;
const CHUNKS: [(&str, u64); 3] = [("4 MiB", 4 << 20), ("1 MiB", 1 << 20), ("64 KiB", 64 << 10)];

/// What one coder made of a file.
struct Coder {
    name: &'static str,
    bytes: usize,
    /// Of encoding, of that and decoding again for comparison, of decoding.
    times: [Duration; 3],
}

impl Coder {
    fn new(name: &'static str, bytes: usize) -> Self {
        Self { name, bytes, times: [Duration::MAX; 3] }
    }

    /// `now` is the clock.
    fn time(&mut self, which: usize, now: fn() -> Duration, work: &mut dyn FnMut()) {
        let start = now();
        work();
        self.times[which] = self.times[which].min(now() - start);
    }
}

/// How long this thread has computed: whatever else the machine does.
fn processor() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

#[expect(clippy::disallowed_methods, reason = "an example that measures")]
fn clock() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("| file | coder | ratio | encode MB/s | and verify | decode MB/s |\n|---|---|---|---|---|---|");
    for path in std::env::args().skip(1) {
        let original = std::fs::read(&path)?;
        let mut coders = beside_the_crate(&original)?;
        coders.extend(cjxl(Path::new(&path)));
        let name = Path::new(&path).file_stem().unwrap_or_default().display().to_string();
        for Coder { name: coder, bytes, times } in coders {
            let ratio = bytes as f64 / original.len() as f64;
            let [encode, verify, decode] = times.map(|time| match time {
                Duration::MAX => String::new(),
                time => format!("{:.1}", original.len() as f64 / 1e6 / time.as_secs_f64()),
            });
            println!("| {name} | {coder} | {ratio:.4} | {encode} | {verify} | {decode} |");
        }
    }
    Ok(())
}

fn beside_the_crate(original: &[u8]) -> Result<Vec<Coder>, Box<dyn std::error::Error>> {
    let features = EnabledFeatures { max_partitions: 1, ..EnabledFeatures::compat_lepton_vector_write() };
    let pool = SingleThreadPool::default();
    let encode = || {
        let mut lepton = Cursor::new(Vec::new());
        encode_lepton(&mut Cursor::new(original), &mut lepton, &features, &pool).map(|_| lepton.into_inner())
    };
    let lepton = encode().map_err(|error| error.to_string())?;
    let decode = || decode_lepton(&mut Cursor::new(&lepton), &mut Vec::new(), &features, &pool);
    let packed_at = |chunk_bytes| -> std::io::Result<Vec<u8>> {
        let mut output = Cursor::new(Vec::new());
        pack(&mut Cursor::new(original), &mut output, chunk_bytes, &InTurn, &mut |_| {})?;
        Ok(output.into_inner())
    };
    let packed = CHUNKS.map(|(_, chunk_bytes)| packed_at(chunk_bytes));
    let mut coders = vec![Coder::new("the crate", lepton.len())];
    for ((name, _), packed) in CHUNKS.iter().zip(&packed) {
        coders.push(Coder::new(name, packed.as_ref().map_or(0, Vec::len)));
    }
    for _ in 0..ROUNDS {
        coders[0].time(0, processor, &mut || drop(encode()));
        coders[0].time(1, processor, &mut || drop(encode_lepton_verify(original, &features, &pool)));
        coders[0].time(2, processor, &mut || drop(decode()));
        for (((_, chunk_bytes), packed), coder) in CHUNKS.iter().zip(&packed).zip(&mut coders[1..]) {
            coder.time(1, processor, &mut || drop(packed_at(*chunk_bytes)));
            let packed = packed.as_ref().map_err(ToString::to_string)?;
            let mut back = Vec::new();
            let mut container = Container::open(Cursor::new(packed))?;
            coder
                .time(2, processor, &mut || drop(unpack(&mut container, 0..original.len() as u64, &mut back, &InTurn)));
            assert_eq!(back, original);
        }
    }
    Ok(coders)
}

/// `None` where it is not installed or does not take the file.
fn cjxl(path: &Path) -> Option<Coder> {
    let folder = std::env::temp_dir().join(format!("beside-the-crate-{}", std::process::id()));
    std::fs::create_dir_all(&folder).ok()?;
    let (packed, back) = (folder.join("packed.jxl"), folder.join("back.jpg"));
    let run = |program: &str, options: &[&str], input: &Path, output: &Path| {
        let mut command = Command::new(program);
        command.arg(input).arg(output).args(options).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let encode = || run("cjxl", &["--lossless_jpeg=1", "--num_threads=0"], path, &packed);
    let decode = || run("djxl", &["--num_threads=0"], &packed, &back);
    let coder = (encode() && decode()).then(|| {
        let mut coder = Coder::new("cjxl", std::fs::metadata(&packed).map_or(0, |about| about.len() as usize));
        for _ in 0..ROUNDS {
            coder.time(0, clock, &mut || assert!(encode()));
            coder.time(2, clock, &mut || assert!(decode()));
        }
        coder
    });
    // What is left in a folder for temporary files is in nobody's way.
    let _ = std::fs::remove_dir_all(&folder);
    coder
}
