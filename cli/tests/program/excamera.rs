//! A film encoded in chunks: what comes out plays, is the same for any number of workers, and is not worked out twice.

use oyster_codec::container::FrameRate;
use oyster_codec::container::y4m::Y4mWriter;
use oyster_codec::is_key_frame;

use crate::shell::{Folder, installed};

const ENCODE: [&str; 13] = [
    "excamera",
    "encode",
    "clip.y4m",
    "--quantizer",
    "40",
    "--chunk-frames",
    "3",
    "--batch-chunks",
    "4",
    "--effort",
    "live",
    "--store",
    "store",
];

fn encode(folder: &Folder, arguments: &[&str]) -> [u64; 2] {
    let figures = folder.oyster(&[&ENCODE[..], &["--json", "-"], arguments].concat()).json(&[
        "frames",
        "bytes",
        "ssim_y_db",
        "wall_s",
        "cpu_s",
        "serial_rebase_s",
        "thunks",
        "executed",
        "memoised",
    ]);
    assert!(figures["ssim_y_db"].as_f64().unwrap() > 8.0, "{figures}");
    ["executed", "memoised"].map(|key| figures[key].as_u64().unwrap())
}

#[test]
fn a_film_is_encoded_once_and_only_what_changed_again() {
    let folder = Folder::new("excamera");
    let mut pictures = folder.clip(20);
    // Two batches, of four chunks and of three: a batch's opening takes a task, and each chunk three.
    assert_eq!(encode(&folder, &["--output", "one.ivf", "--jobs", "1"]), [13 + 10, 0]);
    assert_eq!(encode(&folder, &["--output", "two.ivf", "--jobs", "2"]), [0, 23]);
    // Of these jobs each batch has some.
    let other = ["--output", "three.ivf", "--jobs", "7", "--store", "other"];
    assert_eq!(folder.read("one.ivf"), folder.read("two.ivf"));
    folder.oyster(&[&ENCODE[..11], &other].concat()).succeeds();
    assert_eq!(folder.read("one.ivf"), folder.read("three.ivf"));
    let keys: Vec<usize> = folder
        .frames("one.ivf")
        .iter()
        .enumerate()
        .filter(|(_, frame)| is_key_frame(frame))
        .map(|(at, _)| at)
        .collect();
    // A chunk's anchor comes twice: hidden, and shown.
    assert_eq!(keys, [0, 12 + 4]);
    // An anchor depends on the one before it: of the last one the chunk is done again. A picture between anchors is none that others depend on.
    for (number, executed) in [(19, 3), (4, 1)] {
        pictures[number].i420_mut()[..400].fill(200);
        let mut clip = Y4mWriter::new(Vec::new(), pictures[0].size(), FrameRate::new(30, 1).unwrap()).unwrap();
        pictures.iter().for_each(|picture| clip.write_frame(picture).unwrap());
        folder.write("clip.y4m", clip.finish().unwrap());
        assert_eq!(encode(&folder, &["--output", "four.ivf"]), [executed, 23 - executed]);
    }
}

#[test]
fn other_decoders_see_the_same_film() {
    let folder = Folder::new("excamera-foreign");
    folder.clip(20);
    encode(&folder, &["--output", "out.ivf"]);
    folder.oyster(&["codec", "decode", "out.ivf", "--output", "ours.y4m"]).succeeds();
    if installed("vpxdec") {
        assert!(folder.command("vpxdec", &["-o", "theirs.y4m", "out.ivf"]).status().unwrap().success());
        let pictures = |name: &str| folder.read(name)[100..].to_vec();
        let (ours, theirs) = (pictures("ours.y4m"), pictures("theirs.y4m"));
        let length = ours.len().min(theirs.len()) - 200;
        assert_eq!(ours[ours.len() - length..], theirs[theirs.len() - length..]);
    }
}

#[test]
fn a_film_in_webm_is_the_same_film() {
    let folder = Folder::new("excamera-webm");
    folder.clip(20);
    let outputs = ["out.ivf", "out.webm"];
    for output in outputs {
        encode(&folder, &["--output", output]);
    }
    if !installed("ffmpeg") || !installed("ffprobe") {
        return;
    }
    let output = |program: &str, arguments: &[&str]| {
        let output = folder.command(program, &[&["-v", "error"], arguments].concat()).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let pictures = |film| output("ffmpeg", &["-i", film, "-fps_mode", "passthrough", "-f", "rawvideo", "-"]);
    let [ivf, webm] = outputs.map(pictures);
    assert_eq!(ivf.len(), 20 * 160 * 90 * 3 / 2);
    assert!(ivf == webm, "the pictures differ");
    let entries = "stream=r_frame_rate:format=duration";
    let told = output("ffprobe", &["-show_entries", entries, "-of", "default=nk=1:nw=1", "out.webm"]);
    assert_eq!(String::from_utf8(told).unwrap(), "30/1\n0.666000\n");
}

#[test]
fn a_function_takes_what_it_declares_and_says_what_is_wrong() {
    let folder = Folder::new("excamera-function");
    folder.write("picture", "no film");
    folder.write("before", "");
    folder.oyster(&["function", "decide", "40", "live"]).fails(1, &["`decide 40 live` is no function"]);
    folder.oyster(&["function", "open", "40", "live"]).fails(1, &["YUV4MPEG2"]);
    folder.oyster(&["function", "rebase"]).fails(1, &["decided", "cannot read"]);
}
