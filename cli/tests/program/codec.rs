//! Encoding and decoding: what goes in comes out, at the rate that was asked for, as other decoders see it.

use md5::{Digest, Md5};
use oyster_codec::is_key_frame;

use crate::shell::{Folder, installed};

/// Encodes the folder's clip as `out.ivf`.
fn encode(folder: &Folder, arguments: &[&str]) {
    folder.oyster(&[&["codec", "encode", "clip.y4m", "--output", "out.ivf"], arguments].concat()).succeeds();
}

/// The MD5 of every picture of `out.ivf`, as we decode it.
fn hashes(folder: &Folder) -> Vec<String> {
    let run = folder.oyster(&["codec", "decode", "out.ivf", "--md5"]).succeeds();
    run.output.lines().map(str::to_owned).collect()
}

fn md5(bytes: &[u8]) -> String {
    Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

const PICTURE_BYTES: usize = 160 * 90 * 3 / 2;

#[test]
fn a_fine_quantizer_gives_the_clip_back_nearly() {
    let folder = Folder::new("round-trip");
    folder.clip(5);
    let out = ["codec", "encode", "clip.y4m", "--output", "out.ivf", "--json", "-", "--quantizer"];
    let figures = |quantizer| folder.oyster(&[&out[..], &[quantizer]].concat()).json(&["psnr_y_db"]);
    let [fine, coarse] = ["0", "100"].map(figures);
    assert!(fine["psnr_y_db"].as_f64().unwrap() > 45.0, "{fine}");
    assert!(coarse["psnr_y_db"].as_f64() < fine["psnr_y_db"].as_f64());
    assert!(coarse["bytes"].as_u64() < fine["bytes"].as_u64());
}

#[test]
fn the_y4m_that_is_written_holds_the_pictures_that_are_hashed() {
    let folder = Folder::new("y4m-out");
    folder.clip(5);
    encode(&folder, &["--quantizer", "30"]);
    let run = folder.oyster(&["codec", "decode", "out.ivf", "--md5", "--output", "out.y4m"]).succeeds();
    let bytes = folder.read("out.y4m");
    let header = bytes.iter().position(|&byte| byte == b'\n').unwrap();
    assert!(bytes.starts_with(b"YUV4MPEG2 W160 H90 F30:1 "));
    let pictures = bytes[header + 1..].chunks(6 + PICTURE_BYTES);
    let expected: Vec<String> = pictures.map(|frame| md5(frame.strip_prefix(b"FRAME\n").unwrap())).collect();
    assert_eq!(run.output.lines().collect::<Vec<_>>(), expected);
    assert_eq!(expected.len(), 5);
}

#[test]
fn other_decoders_see_the_same_pictures() {
    let folder = Folder::new("foreign");
    folder.clip(20);
    for arguments in [&["--quantizer", "20"][..], &["--bitrate", "150", "--keyframe-interval", "7"]] {
        encode(&folder, arguments);
        let ours = hashes(&folder);
        assert_eq!(ours.len(), 20);
        let vpxdec = ["--i420", "-o", "vpxdec.yuv", "out.ivf"];
        let ffmpeg = [
            "-v",
            "error",
            "-y",
            "-i",
            "out.ivf",
            "-pix_fmt",
            "yuv420p",
            "-f",
            "rawvideo",
            "-fps_mode",
            "passthrough",
            "ffmpeg.yuv",
        ];
        for (program, arguments) in [("vpxdec", &vpxdec[..]), ("ffmpeg", &ffmpeg)] {
            if !installed(program) {
                continue;
            }
            assert!(folder.command(program, arguments).status().unwrap().success());
            let theirs: Vec<String> = folder.read(&format!("{program}.yuv")).chunks(PICTURE_BYTES).map(md5).collect();
            assert_eq!(theirs, ours, "{program}");
        }
    }
}

#[test]
fn the_same_clip_gives_the_same_file_whatever_the_threads() {
    let folder = Folder::new("threads");
    folder.clip(6);
    encode(&folder, &["--quantizer", "50"]);
    let one = folder.read("out.ivf");
    encode(&folder, &["--quantizer", "50", "--threads", "2"]);
    assert_eq!(folder.read("out.ivf"), one);
}

#[test]
fn more_effort_is_another_file_and_none_is_refused() {
    let folder = Folder::new("effort");
    folder.clip(4);
    let sizes = ["live", "balanced", "film"].map(|effort| {
        encode(&folder, &["--quantizer", "40", "--effort", effort]);
        assert_eq!(hashes(&folder).len(), 4, "{effort}");
        folder.read("out.ivf").len()
    });
    assert!(sizes[2] < 2 * sizes[0], "{sizes:?}");
}

#[test]
fn a_film_is_finer_where_it_is_predicted_from_for_long() {
    let folder = Folder::new("in-turn");
    folder.clip(12);
    let sizes = |effort| -> Vec<usize> {
        encode(&folder, &["--quantizer", "40", "--effort", effort]);
        folder.frames("out.ivf").iter().map(Vec::len).collect()
    };
    let (film, live) = (sizes("film"), sizes("live"));
    assert!(film[0] > live[0], "the key frame: {film:?} {live:?}");
    assert!(film[8] > film[7].max(film[9]), "the golden frame: {film:?}");
    assert!(film[1] < live[1], "what nothing is predicted from but the next: {film:?} {live:?}");
}

#[test]
fn a_key_frame_comes_as_often_as_asked() {
    let folder = Folder::new("key-frames");
    folder.clip(8);
    let keys = |folder: &Folder| -> Vec<usize> {
        let frames = folder.frames("out.ivf");
        (0..frames.len()).filter(|&number| is_key_frame(&frames[number])).collect()
    };
    encode(&folder, &["--quantizer", "60"]);
    assert_eq!(keys(&folder), [0]);
    encode(&folder, &["--quantizer", "60", "--keyframe-interval", "3"]);
    assert_eq!(keys(&folder), [0, 3, 6]);
    encode(&folder, &["--bitrate", "200", "--keyframe-interval", "4"]);
    assert_eq!(keys(&folder), [0, 4]);
}

#[test]
fn a_bitrate_is_kept_on_average_and_in_the_bucket() {
    let folder = Folder::new("bitrate");
    folder.clip(200);
    encode(&folder, &["--bitrate", "150"]);
    let sizes: Vec<f64> = folder.frames("out.ivf").iter().map(|frame| frame.len() as f64).collect();
    let frame_bytes = 150.0 * 1000.0 / 8.0 / 30.0;
    let mean = sizes[..199].iter().sum::<f64>() / 199.0;
    assert!((mean / frame_bytes - 1.0).abs() < 0.05, "{mean} bytes a frame at {frame_bytes}");
    // However one cuts a piece out of the clip: it takes no more than drained meanwhile, and one bucket, a second's.
    for first in 0..sizes.len() {
        let mut taken = 0.0;
        for (count, bytes) in (1..).zip(&sizes[first..]) {
            taken += bytes;
            let most = 30.0 * frame_bytes + f64::from(count) * frame_bytes;
            assert!(taken <= most, "{taken} bytes in {count} frames from {first}, at most {most}");
        }
    }
}

#[test]
fn a_bitrate_that_cannot_be_kept_is_told() {
    let folder = Folder::new("low-bitrate");
    folder.clip(40);
    let run = folder.oyster(&["codec", "encode", "clip.y4m", "--output", "out.ivf", "--bitrate", "1"]).succeeds();
    assert!(run.words.contains("frames are too large for 1 kbit/s"), "{}", run.words);
}

#[test]
fn a_bench_says_what_things_cost() {
    let folder = Folder::new("bench");
    folder.clip(6);
    let keys = "encode_one_ms encode_pair_ms decode_ms snapshot_us state_id_ms bytes_fine bytes_coarse";
    let keys: Vec<&str> = keys.split(' ').collect();
    let run = folder.oyster(&["codec", "bench", "clip.y4m", "--frames", "5", "--quantizer", "30", "--json", "-"]);
    let json = run.json(&keys);
    let value = |key: &str| json[key].as_f64().unwrap();
    assert!(keys.iter().all(|key| value(key) > 0.0), "{json}");
    assert!(value("encode_pair_ms") < 2.5 * value("encode_one_ms"), "{json}");
    assert!(value("bytes_coarse") < value("bytes_fine"), "{json}");
    // The fine half of the pair is the frame that a plain encode makes.
    encode(&folder, &["--quantizer", "30"]);
    let sizes: Vec<usize> = folder.frames("out.ivf")[1..5].iter().map(Vec::len).collect();
    assert_eq!(value("bytes_fine"), sizes.iter().sum::<usize>() as f64 / 4.0);
}

#[test]
fn a_bench_says_how_well_sizes_are_foretold() {
    let folder = Folder::new("bench-sizes");
    folder.clip(6);
    let keys = ["size_error_percent", "fit_within_percent", "fit_over_percent"];
    let json = folder.oyster(&["codec", "bench", "clip.y4m", "--sizes", "--json", "-"]).json(&keys);
    let value = |key: &str| json[key].as_f64().unwrap();
    assert!((0.0..10.0).contains(&value("size_error_percent")), "{json}");
    assert!(value("fit_within_percent") >= 50.0 && value("fit_over_percent") == 0.0, "{json}");
}

#[test]
fn one_frame_cannot_be_benched() {
    let folder = Folder::new("bench-one");
    folder.clip(1);
    folder.oyster(&["codec", "bench", "clip.y4m", "--json", "-"]).fails(1, &["clip.y4m", "one frame is a key frame"]);
}
