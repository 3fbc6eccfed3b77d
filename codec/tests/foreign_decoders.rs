//! Our streams in other people's decoders: vpxdec (libvpx) and ffmpeg must show, to the bit, what we say they will.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, and its helpers are part of it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use oyster_codec::{Effort, Hints, Image, Plan, QuantizerIndex, Size, State, analyse};

/// The folder of test data, if there is one; on CI there must be.
fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("OYSTER_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from);
    if folder.join("clips").is_dir() {
        return Some(folder);
    }
    assert!(std::env::var_os("CI").is_none(), "no clips in {}", folder.display());
    eprintln!("skipped: no clips in {}", folder.display());
    None
}

/// Whether a program can be started.
fn installed(program: &str) -> bool {
    let found = Command::new(program).arg("-version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !found {
        eprintln!("skipped: {program} is not installed");
    }
    found
}

/// The first `limit` pictures of a Y4M file.
fn read_y4m(path: &Path, limit: usize) -> (Size, Vec<Image>) {
    let bytes = fs::read(path).unwrap();
    let line = |from: usize| from + bytes[from..].iter().position(|byte| *byte == b'\n').unwrap();
    let header = std::str::from_utf8(&bytes[..line(0)]).unwrap();
    let side = |name: char| header.split(' ').find_map(|word| word.strip_prefix(name)).unwrap().parse().unwrap();
    let size = Size::new(side('W'), side('H')).unwrap();
    let mut images = Vec::new();
    let mut at = line(0) + 1;
    while at < bytes.len() && images.len() < limit {
        let start = line(at) + 1;
        at = start + size.i420_bytes();
        images.push(Image::from_i420(size, bytes[start..at].to_vec()).unwrap());
    }
    (size, images)
}

/// Pictures with all sorts of content: a moving pattern over noise, and a cut half way.
fn generated(size: Size, count: u32) -> Vec<Image> {
    (0..count)
        .map(|time| {
            let mut image = Image::black(size);
            let shift = if time < count / 2 { time } else { 1000 + 3 * time };
            for (index, sample) in (0u32..).zip(image.i420_mut()) {
                let (x, y) = (index % size.width() as u32, index / size.width() as u32);
                let noise = (index ^ (time * 77)).wrapping_mul(2_654_435_761) >> 29;
                *sample = ((x + shift) * (y + 2 * shift) / 8 % 200 + noise) as u8;
            }
            image
        })
        .collect()
}

/// Encodes all of it, quantizers and references changing on the way; answers an IVF file and the pictures a decoder shows.
fn encode(size: Size, images: &[Image], quantizer: u8, effort: Effort) -> (Vec<u8>, Vec<u8>) {
    let mut file = b"DKIF\0\0\x20\0VP80".to_vec();
    file.extend_from_slice(&(size.width() as u16).to_le_bytes());
    file.extend_from_slice(&(size.height() as u16).to_le_bytes());
    for value in [30, 1, images.len() as u32, 0] {
        file.extend_from_slice(&u32::to_le_bytes(value));
    }
    let (mut state, mut hints, mut shown) = (State::blank(), Hints::default(), Vec::new());
    for (number, image) in images.iter().enumerate() {
        let finest = QuantizerIndex::saturating(i32::from(quantizer) + number as i32 % 9);
        let plan = match number {
            0 => Plan::key(finest),
            _ => Plan {
                refresh_golden: number % 5 == 0,
                refresh_altref: number % 7 == 0,
                refresh_last: number % 11 != 0,
                refresh_probabilities: number % 4 != 0,
                ..Plan::inter(finest)
            },
        };
        let analysis = analyse(&state, image, &plan, &hints, effort).unwrap();
        let encoded = analysis.finish(QuantizerIndex::saturating(i32::from(finest.value()) + number as i32 % 3));
        let decoded = oyster_codec::decode(&state, &encoded.frame).unwrap();
        assert_eq!(decoded.target, encoded.target);
        shown.extend_from_slice(decoded.shown.unwrap().image().i420());
        file.extend_from_slice(&(encoded.frame.len() as u32).to_le_bytes());
        file.extend_from_slice(&(number as u64).to_le_bytes());
        file.extend_from_slice(&encoded.frame);
        hints = analysis.hints();
        state = encoded.target;
    }
    (file, shown)
}

/// Checks that every decoder at hand shows the same as ours.
fn agree(name: &str, size: Size, images: &[Image], quantizer: u8, effort: Effort) {
    let (file, shown) = encode(size, images, quantizer, effort);
    let path = std::env::temp_dir().join(format!("oyster-{}-{name}.ivf", std::process::id()));
    fs::write(&path, file).unwrap();
    let decoders: [(&str, &[&str], &[&str]); 2] = [
        ("vpxdec", &["--i420", "-o", "-"], &[]),
        ("ffmpeg", &["-v", "error", "-i"], &["-f", "rawvideo", "-pix_fmt", "yuv420p", "-fps_mode", "passthrough", "-"]),
    ];
    for (program, before, after) in decoders {
        if installed(program) {
            let output = Command::new(program).args(before).arg(&path).args(after).output().unwrap();
            assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
            assert_eq!(output.stdout.len(), shown.len(), "{program} on {name}");
            let first = output.stdout.iter().zip(&shown).position(|(a, b)| a != b);
            assert_eq!(first.map(|at| at / size.i420_bytes()), None, "{program} shows another frame on {name}");
        }
    }
    fs::remove_file(path).unwrap();
}

#[test]
fn clips_look_the_same_everywhere() {
    let Some(data) = data() else { return };
    for (name, quantizer) in [("carphone-176x144-120f", 20), ("face-320x180-150f", 40)] {
        let (size, images) = read_y4m(&data.join("clips").join(name).with_extension("y4m"), 60);
        agree(name, size, &images, quantizer, Effort::Live);
    }
}

#[test]
fn pictures_of_any_size_look_the_same_everywhere() {
    for (width, height) in [(1, 1), (16, 16), (17, 33), (175, 143)] {
        let size = Size::new(width, height).unwrap();
        for (quantizer, effort) in [(0, Effort::Film), (35, Effort::Live), (110, Effort::Balanced)] {
            agree(&format!("{size}-{quantizer}"), size, &generated(size, 24), quantizer, effort);
        }
    }
}
