//! PSNR and SSIM against ffmpeg's `psnr` and `ssim` filters, frame by frame, on real clips and their damaged copies.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use oyster_codec::container::y4m::Y4mReader;
use oyster_codec::{Image, quality};

/// The agreement asked for, in dB.
const TOLERANCE_DB: f64 = 0.01;

#[test]
fn every_frame_of_carphone_and_face_agrees() {
    let Some(clips) = clips() else { return };
    if Command::new("ffmpeg").arg("-version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "ffmpeg is missing: apt-get install ffmpeg");
        eprintln!("skipped: ffmpeg is not installed");
        return;
    }
    for (clip, frames, damage) in [
        ("carphone-176x144-120f.y4m", 120, "noise=alls=12:allf=t"),
        ("carphone-176x144-120f.y4m", 120, "gblur=sigma=2,eq=brightness=0.03"),
        ("face-320x180-150f.y4m", 60, "scale=80:46,scale=320:180"),
        // 175x143: rows and columns past the last whole block, chroma rounded up.
        ("carphone-176x144-120f.y4m", 20, "crop=175:143:0:0:exact=1,noise=alls=30"),
    ] {
        let scratch =
            std::env::temp_dir().join(format!("oyster-quality-{}-{}", std::process::id(), frames + damage.len()));
        fs::create_dir_all(&scratch).unwrap();
        compare(&clips.join(clip), frames, damage, &scratch);
        fs::remove_dir_all(&scratch).unwrap();
    }
}

fn compare(clip: &Path, frames: usize, damage: &str, scratch: &Path) {
    let (source, picture) = (scratch.join("source.y4m"), scratch.join("picture.y4m"));
    // A crop is part of the source, any other damage is not.
    let kept = damage.split_once(',').filter(|(first, _)| first.starts_with("crop")).map_or("null", |(crop, _)| crop);
    for (filter, output) in [(kept, &source), (damage, &picture)] {
        ffmpeg(&[
            "-i",
            text(clip),
            "-frames:v",
            &frames.to_string(),
            "-vf",
            filter,
            "-pix_fmt",
            "yuv420p",
            text(output),
        ]);
    }
    let (psnr_log, ssim_log) = (scratch.join("psnr.log"), scratch.join("ssim.log"));
    let graph = format!(
        "[0:v]split[a][b];[1:v]split[c][d];[a][c]psnr=stats_file={};[b][d]ssim=stats_file={}",
        text(&psnr_log),
        text(&ssim_log)
    );
    ffmpeg(&["-i", text(&picture), "-i", text(&source), "-lavfi", &graph, "-f", "null", "-"]);
    let (psnr_log, ssim_log) = (fs::read_to_string(psnr_log).unwrap(), fs::read_to_string(ssim_log).unwrap());

    let (sources, pictures) = (read(&source), read(&picture));
    assert_eq!((sources.len(), psnr_log.lines().count(), ssim_log.lines().count()), (frames, frames, frames));
    for (number, ((source, picture), (psnr_line, ssim_line))) in
        sources.iter().zip(&pictures).zip(psnr_log.lines().zip(ssim_log.lines())).enumerate()
    {
        let (mse, ssim) = (quality::mse(source, picture).unwrap(), quality::ssim(source, picture).unwrap());
        for (ours, key) in [(mse.y, "psnr_y:"), (mse.u, "psnr_u:"), (mse.v, "psnr_v:"), (mse.all, "psnr_avg:")] {
            agree(quality::psnr_db(ours), value(psnr_line, key), &format!("{damage}, frame {number}, {key}"));
        }
        for (ours, key) in [(ssim.y, "Y:"), (ssim.u, "U:"), (ssim.v, "V:"), (ssim.all, "All:")] {
            let theirs = quality::ssim_db(value(ssim_line, key));
            agree(quality::ssim_db(ours), theirs, &format!("{damage}, frame {number}, SSIM {key}"));
        }
    }
}

fn agree(ours: f64, theirs: f64, what: &str) {
    assert!((ours - theirs).abs() <= TOLERANCE_DB, "{what}: {ours} dB here, {theirs} dB in ffmpeg");
}

fn value(line: &str, key: &str) -> f64 {
    let word = line.split(' ').find_map(|word| word.strip_prefix(key)).unwrap_or_else(|| panic!("no {key} in {line}"));
    word.parse().unwrap()
}

fn read(y4m: &Path) -> Vec<Image> {
    Y4mReader::new(File::open(y4m).unwrap()).unwrap().map(Result::unwrap).collect()
}

fn ffmpeg(arguments: &[&str]) {
    // Without SIMD: ffmpeg 5.1's SSE code adds windows twice where their number in a row is 1 more than a multiple of 4
    // (U of 88x72: 0.690 in place of 0.675), its C code does not.
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-y", "-threads", "1", "-cpuflags", "0"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "ffmpeg {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The folder of clips, or a word about why the test is skipped.
fn clips() -> Option<PathBuf> {
    let data = std::env::var_os("OYSTER_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from);
    let clips = data.join("clips");
    if clips.is_dir() {
        return Some(clips);
    }
    assert!(std::env::var_os("CI").is_none(), "no clips in {}: set OYSTER_DATA", clips.display());
    eprintln!("skipped: no clips in {}", clips.display());
    None
}
