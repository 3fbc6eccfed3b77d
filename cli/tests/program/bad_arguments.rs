//! Arguments that cannot be: status 2 and a line that names the flag and the value, before any work is done.

use crate::shell::Folder;

const ENCODE: [&str; 5] = ["codec", "encode", "clip.y4m", "--output", "out.ivf"];
const RUN: [&str; 6] = ["experiment", "run", "--clip", "clip.y4m", "--link", "link.down"];
const BOUND: [&str; 3] = ["experiment", "bound", "link.down"];
const RELAY: [&str; 10] =
    ["relay", "--listen", "127.0.0.1:0", "--to", "127.0.0.1:9", "--up", "link.down", "--down", "link.down", "--seed"];
const EMULATE: [&str; 3] = ["emulate", "link.down", "link.down"];

/// Each of these, put after `command`, is refused with these words.
fn refuses(name: &str, command: &[&str], table: &[(&[&str], &[&str])]) {
    let folder = Folder::new(name);
    folder.clip(2);
    folder.link(10);
    for &(arguments, parts) in table {
        let run = folder.oyster(&[command, arguments].concat());
        assert_eq!(run.output, "", "{arguments:?}");
        run.fails(2, parts);
    }
    assert_eq!(folder.names(), ["clip.y4m", "link.down"], "nothing is written");
}

#[test]
fn what_nobody_knows() {
    refuses(
        "unknown",
        &[],
        &[
            (&["frobnicate"], &["frobnicate"]),
            (&["--frobnicate"], &["--frobnicate"]),
            (&["codec", "transcode"], &["transcode"]),
            (&["codec", "decode", "in.ivf", "--frobnicate"], &["--frobnicate"]),
            (&["demo", "--seconds", "1", "--headles"], &["--headles", "--headless"]),
        ],
    );
}

#[test]
fn how_to_encode() {
    let quantizer = "from 0 (finest) to 127 (coarsest)";
    refuses(
        "bad-encode",
        &ENCODE,
        &[
            (&[], &["--quantizer", "--bitrate"]),
            (&["--quantizer", "40", "--bitrate", "100"], &["--quantizer", "cannot be used with", "--bitrate"]),
            (&["--quantizer", "128"], &["'128'", "--quantizer", quantizer]),
            (&["--quantizer", "-1"], &["'-1'", "--quantizer", quantizer]),
            (&["--quantizer", "fine"], &["'fine'", "--quantizer", quantizer]),
            (&["--quantizer"], &["--quantizer", "value is required"]),
            (&["--bitrate", "0"], &["'0'", "--bitrate", "kbit/s from 1 to 1000000"]),
            (&["--bitrate", "-100"], &["'-100'", "--bitrate"]),
            (&["--bitrate", "inf"], &["'inf'", "--bitrate"]),
            (&["--quantizer", "40", "--effort", "heroic"], &["'heroic'", "live", "balanced", "film"]),
            (&["--quantizer", "40", "--threads", "0"], &["--threads"]),
            (&["--quantizer", "40", "--keyframe-interval", "0"], &["--keyframe-interval"]),
            (&["--quantizer", "40", "--keyframe-interval", "-3"], &["'-3'", "--keyframe-interval"]),
            (&["--quantizer", "40", "--quantizer", "41"], &["--quantizer", "multiple times"]),
        ],
    );
}

#[test]
fn how_to_measure() {
    refuses(
        "bad-bench",
        &["codec", "bench", "clip.y4m"],
        &[
            (&["--quantizer", "200"], &["'200'", "--quantizer"]),
            (&["--frames", "1"], &["1", "--frames"]),
            (&["--frames", "-1"], &["-1", "--frames"]),
        ],
    );
}

#[test]
fn how_to_run_an_experiment() {
    refuses(
        "bad-run",
        &RUN,
        &[
            (&["--profile", "skype"], &["'skype'", "oyster", "classic", "conventional"]),
            (&["--delay-ceiling-ms", "4"], &["4", "--delay-ceiling-ms", "from 5 to 500"]),
            (&["--delay-ceiling-ms", "-4"], &["-4", "--delay-ceiling-ms"]),
            (&["--loss", "1.5"], &["'1.5'", "--loss", "a probability from 0 to 1"]),
            (&["--loss", "-0.1"], &["'-0.1'", "--loss"]),
            (&["--loss", "NaN"], &["'NaN'", "--loss"]),
            (&["--fps", "0"], &["'0'", "--fps", "pictures a second from 0.01 to 1000"]),
            (&["--fps", "1e300"], &["'1e300'", "--fps"]),
            (&["--seconds", "0"], &["'0'", "--seconds"]),
            (&["--seconds", "1e300"], &["'1e300'", "--seconds", "to 21600"]),
            (&["--delay-ms", "-1"], &["'-1'", "--delay-ms", "from 0 to 60000"]),
            (&["--delay-ms", "18446744073709551615"], &["--delay-ms"]),
            (&["--queue-packets", "0"], &["'0'", "--queue-packets"]),
            (&["--encode-cost", "much"], &["'much'", "--encode-cost", "measured"]),
            (&["--decode-cost", "-1"], &["'-1'", "--decode-cost"]),
            (&["--seed", "x"], &["'x'", "--seed"]),
            (&["--beside", "skype@5"], &["skype", "neither `call` nor `cubic`"]),
            (&["--beside", "call"], &["'call'", "such as call@5"]),
            (&["--beside", "cubic@-1"], &["cubic@-1", "seconds"]),
        ],
    );
    refuses("no-clip", &["experiment", "run"], &[(&["--link", "link.down"], &["--clip"])]);
}

#[test]
fn which_window_is_bounded() {
    refuses(
        "bad-bound",
        &BOUND,
        &[
            (&["--start-ms", "500", "--end-ms", "500"], &["from 500 to 500 ms", "ends where it starts"]),
            (&["--start-ms", "500", "--end-ms", "100"], &["from 500 to 100 ms"]),
            (&["--end-ms", "18446744073709551615"], &["longer than 21600000 ms"]),
            (&["--start-ms", "18446744073709551615"], &["from 18446744073709551615"]),
            (&["--start-ms", "-1"], &["'-1'", "--start-ms"]),
        ],
    );
}

#[test]
fn how_to_relay() {
    refuses(
        "bad-relay",
        &RELAY[..9],
        &[
            (&["--loss", "2"], &["'2'", "--loss"]),
            (&["--queue-packets", "99999999999"], &["--queue-packets", "to 262144"]),
            (&["--to", "127.0.0.1:9"], &["--to", "multiple times"]),
        ],
    );
    refuses("no-address", &["relay", "--listen", "here"], &[(&[], &["'here'", "--listen", "socket address"])]);
}

#[test]
#[cfg(target_os = "linux")]
fn how_to_emulate() {
    refuses(
        "bad-emulate",
        &EMULATE,
        &[
            (&["--uplink-queue=fifo"], &["--uplink-queue", "\"fifo\"", "droptail"]),
            (&["--downlink-queue=droptail"], &["--downlink-queue", "packets or bytes"]),
            (&["--uplink-queue=droptail", "--uplink-queue-args=packets=many"], &["\"packets=many\""]),
            (&["--downlink-queue-args=packets=5"], &["an infinite queue takes no arguments"]),
            (&["--loss-up", "7"], &["'7'", "--loss-up"]),
        ],
    );
}

#[test]
fn how_to_show_the_demo() {
    refuses(
        "bad-demo",
        &["demo", "--headless"],
        &[
            (&["--size", "640"], &["'640'", "--size", "WIDTHxHEIGHT"]),
            (&["--size", "0x0"], &["'0x0'", "no samples"]),
            (&["--size", "8x8"], &["'8x8'", "16x16 or more"]),
            (&["--size", "16000x16000"], &["over the limit"]),
            (&["--size", "64x64", "--clip", "clip.y4m"], &["--size", "cannot be used with", "--clip"]),
            (&["--seconds", "-3"], &["'-3'", "--seconds"]),
            (&["--fps", "nan"], &["'nan'", "--fps"]),
        ],
    );
}
