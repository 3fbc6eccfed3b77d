//! Streams that are none, or damaged: the frame is named, and no more memory is taken than the limit allows.

use crate::shell::{Folder, OYSTER, Run};

fn decode_fails(folder: &Folder, input: &str, parts: &[&str]) {
    folder.oyster(&["codec", "decode", input, "--md5"]).fails(1, &[&[input], parts].concat());
    folder.oyster(&["codec", "decode", input, "--output", "out.y4m"]).fails(1, &[&[input], parts].concat());
    assert!(!folder.names().iter().any(|name| name.starts_with("out")), "nothing half written is left");
}

/// A folder with `good.ivf`, three frames long.
fn with_stream(name: &str) -> (Folder, Vec<u8>) {
    let folder = Folder::new(name);
    folder.clip(3);
    folder.oyster(&["codec", "encode", "clip.y4m", "--output", "good.ivf", "--quantizer", "40"]).succeeds();
    let bytes = folder.read("good.ivf");
    (folder, bytes)
}

/// An IVF file of one frame.
fn ivf(frame: &[u8]) -> Vec<u8> {
    let mut bytes = b"DKIF\0\0\x20\0VP80\x10\0\x10\0\x1e\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0".to_vec();
    bytes.extend((frame.len() as u32).to_le_bytes());
    bytes.extend([0; 8]);
    bytes.extend(frame);
    bytes
}

/// A key frame's header with sides as they are written there (RFC 6386 §9.1), and nothing behind it but zeros.
fn key_frame(width: u16, height: u16) -> Vec<u8> {
    let (width, height) = (width.to_le_bytes(), height.to_le_bytes());
    [&[0x50, 0x01, 0x00, 0x9d, 0x01, 0x2a][..], &width, &height, &[0; 10]].concat()
}

#[test]
fn what_is_not_there_or_not_ivf() {
    let folder = Folder::new("not-ivf");
    folder.clip(1);
    folder.write("empty.ivf", "");
    folder.write("short.ivf", "DKIF\0\0");
    folder.make_folder("folder.ivf");
    decode_fails(&folder, "nowhere.ivf", &["cannot read", "No such file"]);
    decode_fails(&folder, "folder.ivf", &["it is a folder"]);
    decode_fails(&folder, "empty.ivf", &["empty"]);
    decode_fails(&folder, "short.ivf", &["IVF header is cut off: 6 of 32 bytes"]);
    decode_fails(&folder, "clip.y4m", &["not IVF: begins with \"YUV4MPEG2 W160"]);
}

#[test]
fn a_stream_of_another_codec() {
    let folder = Folder::new("vp9");
    let mut bytes = ivf(&key_frame(16, 16));
    bytes[8..12].copy_from_slice(b"VP90");
    folder.write("vp9.ivf", bytes);
    decode_fails(&folder, "vp9.ivf", &["\"VP90\"", "not VP8"]);
}

#[test]
fn a_header_without_a_frame() {
    let (folder, bytes) = with_stream("header-only-stream");
    folder.write("header.ivf", &bytes[..32]);
    decode_fails(&folder, "header.ivf", &["an IVF header but no frame"]);
}

#[test]
fn a_stream_cut_in_its_last_frame_shows_what_came_before() {
    let (folder, bytes) = with_stream("cut-stream");
    folder.write("cut.ivf", &bytes[..bytes.len() - 5]);
    decode_fails(&folder, "cut.ivf", &["frame 2 is cut off"]);
    let run = folder.oyster(&["codec", "decode", "cut.ivf", "--md5"]);
    assert_eq!(run.output.lines().count(), 2);
}

#[test]
fn a_frame_header_that_cannot_be() {
    let (folder, mut bytes) = with_stream("damaged-stream");
    // The start code of the key frame, behind the file's header, the frame's and its own first three bytes.
    bytes[32 + 12 + 3] ^= 0xff;
    folder.write("damaged.ivf", &bytes);
    decode_fails(&folder, "damaged.ivf", &["frame 0"]);
}

#[test]
fn a_stream_that_begins_in_the_middle() {
    let (folder, _) = with_stream("middle-stream");
    let frames = folder.frames("good.ivf");
    folder.write("middle.ivf", ivf(&frames[1]));
    decode_fails(&folder, "middle.ivf", &["frame 0", "inter frame came before any key frame"]);
}

#[test]
fn a_frame_of_no_size() {
    let folder = Folder::new("zero-stream");
    folder.write("zero.ivf", ivf(&key_frame(0, 0)));
    decode_fails(&folder, "zero.ivf", &["frame 0", "0x0 has no samples"]);
}

#[test]
fn a_frame_over_the_size_limit_is_refused_before_memory_is_taken() {
    let folder = Folder::new("large-stream");
    folder.write("large.ivf", ivf(&key_frame(16383, 16383)));
    decode_fails(&folder, "large.ivf", &["frame 0", "16383x16383", "over the limit of 9437184 samples"]);
    // The picture alone would take 400 MB: here nobody has as much to give.
    let line = format!("ulimit -v 300000; exec {OYSTER} codec decode large.ivf --md5");
    let output = folder.command("sh", &["-c", &line]).output().unwrap();
    Run::of(output, &["with little memory"]).fails(1, &["over the limit"]);
}

#[test]
fn a_frame_that_states_more_bytes_than_any_has() {
    let folder = Folder::new("long-stream");
    let mut bytes = ivf(&key_frame(16, 16));
    bytes[32..36].copy_from_slice(&u32::MAX.to_le_bytes());
    folder.write("long.ivf", bytes);
    decode_fails(&folder, "long.ivf", &["frame 0", "4294967295 bytes"]);
}
