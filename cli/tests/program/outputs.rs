//! What is written, and where: whole or not at all, and without a panic when nobody takes it.

use std::fs;
use std::io::{Write, pipe};
use std::os::unix::fs::symlink;
use std::process::Stdio;

use crate::shell::{Folder, OYSTER, Run};
use rustix::process::{Pid, Signal, kill_process};

const ENCODE: [&str; 5] = ["codec", "encode", "clip.y4m", "--quantizer", "40"];

#[test]
fn there_is_no_place_for_the_output() {
    let folder = Folder::new("no-place");
    folder.clip(2);
    folder.link(10);
    folder.make_folder("folder");
    folder.write("file", "");
    let missing = "there is no folder missing";
    let encode = |output| folder.oyster(&[&ENCODE[..], &["--output", output]].concat());
    encode("missing/out.ivf").fails(1, &["missing/out.ivf", missing]);
    encode("folder").fails(1, &["folder", "it is a folder"]);
    encode("file/out.ivf").fails(1, &["file/out.ivf", "file is no folder"]);
    encode("").fails(2, &["--output", "value is required"]);
    encode("..").fails(1, &["..", "not a file's name"]);
    encode("out.ivf").succeeds();
    let decode = |output| folder.oyster(&["codec", "decode", "out.ivf", "--output", output]);
    decode("missing/out.y4m").fails(1, &["missing/out.y4m", missing]);
    let json = ["--json", "missing/figures.json"];
    folder.oyster(&[&ENCODE[..], &["--output", "other.ivf"], &json].concat()).fails(1, &[json[1], missing]);
    folder.oyster(&[&["codec", "bench", "clip.y4m"], &json[..]].concat()).fails(1, &[json[1], missing]);
    folder.oyster(&[&["experiment", "bound", "link.down"], &json[..]].concat()).fails(1, &[json[1], missing]);
    let run = ["experiment", "run", "--clip", "clip.y4m", "--link", "link.down", "--seconds", "1"];
    folder.oyster(&[&run[..], &json].concat()).fails(1, &[json[1], missing]);
    folder.oyster(&[&run[..], &["--log", "file/log"]].concat()).fails(1, &["file/log", "cannot make this folder"]);
    let demo = ["demo", "--headless", "--seconds", "1"];
    folder.oyster(&[&demo[..], &json].concat()).fails(1, &[json[1], missing]);
    folder.oyster(&[&demo[..], &["--report", "file"]].concat()).fails(1, &["file", "cannot make this folder"]);
    assert_eq!(folder.names(), ["clip.y4m", "file", "folder", "link.down", "out.ivf"]);
}

#[test]
fn what_was_there_stays_until_the_new_is_whole() {
    let folder = Folder::new("existing");
    folder.clip(3);
    let whole = folder.read("clip.y4m");
    folder.write("clip.y4m", &whole[..whole.len() - 1]);
    folder.write("out.ivf", "precious");
    folder.oyster(&[&ENCODE[..], &["--output", "out.ivf"]].concat()).fails(1, &["clip.y4m", "frame 2"]);
    assert_eq!(folder.text("out.ivf"), "precious");
    folder.write("clip.y4m", &whole);
    folder.oyster(&[&ENCODE[..], &["--output", "out.ivf"]].concat()).succeeds();
    assert_eq!(folder.frames("out.ivf").len(), 3);
    assert_eq!(folder.names(), ["clip.y4m", "out.ivf"]);
}

#[test]
fn an_interrupt_leaves_nothing_half_written() {
    let folder = Folder::new("interrupted");
    // A pipe that gives one frame and no more: the program waits in the middle of its work.
    folder.clip(1);
    let clip = folder.read("clip.y4m");
    folder.write("out.ivf", "precious");
    let (input, mut feed) = pipe().unwrap();
    let arguments = ["codec", "encode", "/dev/stdin", "--output", "out.ivf", "--quantizer", "40"];
    let mut command = folder.command(OYSTER, &arguments);
    let child = command.stdin(input).stderr(Stdio::piped()).spawn().unwrap();
    drop(command);
    feed.write_all(&clip).unwrap();
    while folder.names().len() < 3 {
        std::thread::yield_now();
    }
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    // The frames that it still gets do not keep it.
    let header = clip.iter().position(|&byte| byte == b'\n').unwrap() + 1;
    feed.write_all(&clip[header..]).unwrap();
    drop(feed);
    Run::of(child.wait_with_output().unwrap(), &arguments).fails(1, &["out.ivf", "interrupted"]);
    assert_eq!(folder.text("out.ivf"), "precious");
    assert_eq!(folder.names(), ["clip.y4m", "out.ivf"]);
}

#[test]
fn a_device_is_written_to_and_a_link_stays_a_link() {
    let folder = Folder::new("special");
    folder.clip(2);
    symlink("real.ivf", folder.path("link.ivf")).unwrap();
    folder.write("real.ivf", "old");
    folder.oyster(&[&ENCODE[..], &["--output", "link.ivf"]].concat()).succeeds();
    assert!(fs::symlink_metadata(folder.path("link.ivf")).unwrap().is_symlink());
    assert_eq!(folder.frames("real.ivf").len(), 2);
    folder.oyster(&["codec", "decode", "real.ivf", "--output", "/dev/null"]).succeeds();
    assert!(!fs::metadata("/dev/null").unwrap().is_file(), "the device is still one");
}

/// Two seconds of an experiment and its figures.
const RUN: [&str; 12] = [
    "experiment",
    "run",
    "--clip",
    "clip.y4m",
    "--link",
    "link.down",
    "--seconds",
    "3",
    "--encode-cost",
    "3",
    "--decode-cost",
    "1",
];

#[test]
fn json_is_alone_on_standard_output() {
    let folder = Folder::new("json");
    folder.clip(4);
    folder.link(10);
    let json = ["--json", "-"];
    let spread = |name: &str| ["mean", "p50", "p95", "p99", "max"].map(|key| format!("{name}.{key}"));
    let encode = [&ENCODE[..], &["--output", "out.ivf"], &json].concat();
    let figures = ["frames", "bytes", "kbps", "psnr_y_db", "ssim_y_db", "cpu_ms_per_frame"];
    let encoded = folder.oyster(&encode).json(&figures);
    assert_eq!(encoded["frames"], 4);
    let bytes: usize = folder.frames("out.ivf").iter().map(Vec::len).sum();
    assert_eq!(encoded["bytes"], bytes);
    assert_eq!(encoded["kbps"].as_f64().unwrap(), bytes as f64 * 8.0 * 30.0 / 4.0 / 1000.0);

    let bound = folder.oyster(&[&["experiment", "bound", "link.down"], &json[..]].concat());
    bound.json(&["b1_p95_ms", "link_kbps"]);

    let run = folder.oyster(&[&RUN[..], &json].concat());
    assert_eq!(run.words, "", "there is nothing to say");
    let mut keys: Vec<String> = [spread("signal_delay_ms"), spread("frame_delay_ms")].concat();
    keys.extend(
        ["captured", "sent_fine", "sent_coarse", "skipped", "shown", "lost"].map(|key| format!("frames.{key}")),
    );
    let rest = "ssim_y_db.mean ssim_y_db.p5 psnr_y_db fps_captured fps_shown freezes longest_gap_ms video_kbps link_kbps \
                utilisation queue_delay_ms.p50 queue_delay_ms.p95 bound.b1_p95_ms ratio_to_bound encode_ms.p50 \
                encode_ms.p95 decode_ms.p50 decode_ms.p95";
    keys.extend(rest.split_whitespace().map(str::to_owned));
    run.json(&keys.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn json_goes_to_a_file_as_well_and_words_come_without_it() {
    let folder = Folder::new("json-file");
    folder.clip(4);
    folder.link(10);
    let run = folder.oyster(&[&RUN[..], &["--json", "figures.json"]].concat()).succeeds();
    assert_eq!(run.output, "");
    let figures: serde_json::Value = serde_json::from_str(&folder.text("figures.json")).unwrap();
    assert_eq!(figures["encode_ms"]["p50"], 3.0);
    let words = folder.oyster(&RUN).succeeds().output;
    assert!(words.contains("signal delay") && words.contains("SSIM"), "{words}");
    assert!(folder.oyster(&["codec", "bench", "clip.y4m"]).succeeds().output.contains("decode"));
    assert!(folder.oyster(&["experiment", "bound", "link.down"]).succeeds().output.contains("p95 29.0"));
}

#[test]
fn nobody_reads_what_is_printed() {
    let folder = Folder::new("broken-pipe");
    folder.clip(4);
    folder.link(10);
    folder.oyster(&[&ENCODE[..], &["--output", "out.ivf"]].concat()).succeeds();
    let run = [&RUN[..], &["--json", "-"]].concat();
    let commands: [&[&str]; 7] = [
        &["--help"],
        &["--version"],
        &["codec", "decode", "out.ivf", "--md5"],
        &["codec", "bench", "clip.y4m", "--json", "-"],
        &["experiment", "bound", "link.down"],
        &run,
        &RUN,
    ];
    for arguments in commands {
        let (nobody, output) = pipe().unwrap();
        drop(nobody);
        let mut command = folder.command(OYSTER, arguments);
        let run = Run::of(command.stdout(output).output().unwrap(), arguments);
        assert_eq!(run.status, Some(1), "{arguments:?}: {}", run.words);
        assert!(!run.words.contains("panicked"), "{arguments:?}: {}", run.words);
        if !arguments[0].starts_with("--") {
            run.fails(1, &["standard output", "Broken pipe"]);
        }
    }
}

#[test]
fn nobody_hears_the_words() {
    let folder = Folder::new("deaf");
    let (nobody, words) = pipe().unwrap();
    drop(nobody);
    let mut command = folder.command(OYSTER, &["codec", "decode", "nowhere.ivf"]);
    assert_eq!(command.stderr(words).status().unwrap().code(), Some(1));
}
