//! Clips that are none: every command that takes one says which file, and what is wrong with it.

use crate::shell::Folder;

/// All commands that take a clip, given `clip`.
fn everywhere(folder: &Folder, clip: &str, parts: &[&str]) {
    folder.link(10);
    let commands: [&[&str]; 5] = [
        &["codec", "encode", clip, "--output", "out.ivf", "--quantizer", "40"],
        &["codec", "encode", clip, "--output", "out.ivf", "--bitrate", "100"],
        &["codec", "bench", clip, "--json", "-"],
        &["experiment", "run", "--clip", clip, "--link", "link.down", "--seconds", "3", "--json", "-"],
        &["demo", "--headless", "--clip", clip, "--seconds", "1", "--json", "-"],
    ];
    for arguments in commands {
        let run = folder.oyster(arguments);
        assert_eq!(run.output, "", "{arguments:?}");
        run.fails(1, &[&[clip], parts].concat());
    }
    assert!(!folder.names().iter().any(|name| name.starts_with("out")), "nothing half written is left");
}

fn with_content(name: &str, bytes: impl AsRef<[u8]>, parts: &[&str]) {
    let folder = Folder::new(name);
    folder.write("bad.y4m", bytes);
    everywhere(&folder, "bad.y4m", parts);
}

#[test]
fn a_clip_that_is_not_there() {
    everywhere(&Folder::new("missing-clip"), "nowhere.y4m", &["cannot read", "No such file"]);
}

#[test]
fn a_folder_in_place_of_a_clip() {
    let folder = Folder::new("folder-clip");
    folder.make_folder("folder.y4m");
    everywhere(&folder, "folder.y4m", &["it is a folder"]);
}

#[test]
fn an_empty_file() {
    with_content("empty-clip", "", &["empty: no y4m header"]);
}

#[test]
fn a_header_without_a_frame() {
    with_content("header-only-clip", "YUV4MPEG2 W16 H16 F30:1 C420jpeg\n", &["a y4m header but no frame"]);
}

#[test]
fn a_header_cut_short() {
    with_content("short-header-clip", "YUV4MPEG2 W16 H1", &["y4m header is cut off"]);
}

#[test]
fn a_clip_cut_in_its_third_frame() {
    let folder = Folder::new("cut-clip");
    folder.clip(3);
    let whole = folder.read("clip.y4m");
    folder.write("bad.y4m", &whole[..whole.len() - 1000]);
    everywhere(&folder, "bad.y4m", &["frame 2 is cut off: 20600 of 21600 bytes"]);
}

#[test]
fn a_picture_of_another_kind() {
    with_content("png-clip", "\x7fPNG\r\n\x1a\n and so on", &["not y4m: begins with \"\\x7fPNG\\r\\n"]);
}

#[test]
fn a_clip_with_rubbish_between_its_frames() {
    let folder = Folder::new("rubbish-clip");
    folder.clip(2);
    let mut bytes = folder.read("clip.y4m");
    let second = bytes.len() - 160 * 90 * 3 / 2 - "FRAME\n".len();
    bytes[second] = b'G';
    folder.write("bad.y4m", bytes);
    everywhere(&folder, "bad.y4m", &["frame 1: \"G", "FRAME"]);
}

#[test]
fn a_picture_of_no_size() {
    with_content("zero-clip", "YUV4MPEG2 W0 H0 F30:1\nFRAME\n", &["a picture of 0x0 has no samples"]);
    with_content("no-height-clip", "YUV4MPEG2 W16 F30:1\nFRAME\n", &["no width (W) or no height (H)"]);
}

#[test]
fn a_picture_over_the_limit() {
    let header = "YUV4MPEG2 W16000 H16000 F30:1\nFRAME\n";
    with_content("large-clip", header, &["16000x16000", "over the limit of 9437184 samples"]);
    with_content("huge-clip", "YUV4MPEG2 W4294967295 H4294967295 F30:1\n", &["4294967295x4294967295"]);
    with_content("endless-clip", "YUV4MPEG2 W99999999999 H16 F30:1\n", &["\"W99999999999\" is no valid number"]);
}

#[test]
fn chroma_that_is_not_420() {
    let clip = [&b"YUV4MPEG2 W16 H16 F30:1 C422\nFRAME\n"[..], &[128; 512]].concat();
    with_content("422-clip", clip, &["C422", "4:2:0"]);
    with_content("10-bit-clip", "YUV4MPEG2 W16 H16 F30:1 C420p10\nFRAME\n", &["C420p10"]);
}

#[test]
fn a_clip_that_states_an_absurd_rate_is_played_only_at_one_that_is_said() {
    let folder = Folder::new("fast-clip");
    folder.link(10);
    folder.clip(2);
    let bytes = folder.clip_with_rate("F4000000000:1");
    folder.write("fast.y4m", bytes);
    let run = ["experiment", "run", "--clip", "fast.y4m", "--link", "link.down", "--seconds", "0.2", "--json", "-"];
    folder.oyster(&run).fails(1, &["fast.y4m", "4000000000 pictures a second", "--fps"]);
    folder.oyster(&[&run[..], &["--fps", "30"]].concat()).json(&["frames.captured"]);
}

impl Folder {
    /// The clip with another rate in its header.
    fn clip_with_rate(&self, rate: &str) -> Vec<u8> {
        let bytes = self.read("clip.y4m");
        let line = bytes.iter().position(|&byte| byte == b'\n').unwrap();
        let header = std::str::from_utf8(&bytes[..line]).unwrap().replace("F30:1", rate);
        [header.as_bytes(), &bytes[line..]].concat()
    }
}
