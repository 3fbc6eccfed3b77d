//! JPEGs packed, verified and given back; and what is said of packed files that are damaged.

use std::io::Cursor;

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use oyster_lepton::Container;

use crate::shell::{Folder, OYSTER};

/// A picture as a JPEG of some 100 kB, other for each number.
fn jpeg(number: u32) -> Vec<u8> {
    let (width, height) = (640_u32, 480_u32);
    let mut noise = number + 1;
    let mut sample = |x: u32, y: u32| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((x * 2 + y) % 400).abs_diff(200) as u8 / 2 + (noise >> 27) as u8
    };
    let samples: Vec<u8> =
        (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| sample(x, y)).collect();
    let rgb: Vec<u8> = samples.iter().flat_map(|&sample| [sample, sample / 2, 255 - sample]).collect();
    let mut jpeg = Vec::new();
    let mut encoder = Encoder::new(&mut jpeg, 90);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.encode(&rgb, width as u16, height as u16, ColorType::Rgb).unwrap();
    jpeg
}

/// `a.jpg`, and packed as `a.oyl` in chunks of 16 KiB. Answers the original.
fn packed(folder: &Folder) -> Vec<u8> {
    let original = jpeg(0);
    folder.write("a.jpg", &original);
    folder.oyster(&["jpeg", "pack", "a.jpg", "-o", "a.oyl", "--chunk-bytes", "16384"]).succeeds();
    assert!(original.len() > 4 * 16384 && folder.read("a.oyl").len() < original.len() * 9 / 10);
    original
}

#[test]
fn a_jpeg_comes_back_whole_and_in_part_and_the_original_is_not_touched() {
    let folder = Folder::new("jpeg-back");
    let original = packed(&folder);
    assert!(folder.read("a.jpg") == original);
    for options in [&["--threads", "1"][..], &["--threads", "3"], &["--sandbox"], &["--sandbox", "--threads", "3"]] {
        folder.oyster(&[&["jpeg", "unpack", "a.oyl", "-o", "back.jpg"], options].concat()).succeeds();
        assert!(folder.read("back.jpg") == original, "{options:?}");
        folder.oyster(&[&["jpeg", "verify", "a.oyl"], options].concat()).succeeds();
    }
    folder.oyster(&["jpeg", "unpack", "a.oyl", "-o", "part", "--range", "20000-50001"]).succeeds();
    assert!(folder.read("part") == original[20000..50001]);
    let said = folder.oyster(&["jpeg", "verify", "a.oyl"]).succeeds().output;
    assert_eq!(said, format!("a.oyl: whole, {} bytes in {} chunks\n", original.len(), original.len().div_ceil(16384)));
    assert_eq!(folder.names(), ["a.jpg", "a.oyl", "back.jpg", "part"]);
}

/// In a process of its own, and in a folder in which there is nothing but the header and that chunk.
#[test]
fn each_chunk_decodes_alone_in_a_fresh_process() {
    let folder = Folder::new("jpeg-alone");
    let original = jpeg(0);
    folder.write("a.jpg", &original);
    for chunk_bytes in ["1024", "4096", "65536", "1048576", "4194304", "whole"] {
        folder.oyster(&["jpeg", "pack", "a.jpg", "-o", "a.oyl", "--chunk-bytes", chunk_bytes]).succeeds();
        let mut container = Container::open(Cursor::new(folder.read("a.oyl"))).unwrap();
        let header = container.header().clone();
        for number in 0..header.chunks() {
            let alone = Folder::new("jpeg-alone-chunk");
            alone.write("chunk", [header.to_bytes(), container.stored(number).unwrap()].concat());
            alone.oyster(&["jpeg", "function", "unpack", &number.to_string()]).succeeds();
            let bytes = header.chunk(number);
            let expected = &original[bytes.start as usize..bytes.end as usize];
            assert!(alone.read("original") == expected, "chunk {number} of {chunk_bytes} bytes");
        }
    }
}

#[test]
fn the_threads_make_no_difference_to_the_bytes() {
    let folder = Folder::new("jpeg-threads");
    packed(&folder);
    let pack = ["jpeg", "pack", "a.jpg", "-o", "b.oyl", "--chunk-bytes", "16384", "--threads", "3"];
    folder.oyster(&pack).succeeds();
    assert!(folder.read("a.oyl") == folder.read("b.oyl"));
}

#[test]
fn folders_and_patterns_are_packed_file_by_file() {
    let folder = Folder::new("jpeg-folder");
    folder.make_folder("in");
    folder.make_folder("in/deep");
    for (number, name) in (0..).zip(["in/a.jpg", "in/b.JPEG", "in/deep/c.jpg"]) {
        folder.write(name, jpeg(number));
    }
    folder.write("in/notes.txt", "no JPEG");
    let keys = ["files", "original_bytes", "packed_bytes", "saved_percent", "chunk_bytes", "cpu_ms"];
    let figures = folder.oyster(&["jpeg", "pack", "in", "-o", "out", "--threads", "2", "--json", "-"]).json(&keys);
    let names: Vec<_> = figures["files"].as_array().unwrap().iter().map(|file| file["output"].clone()).collect();
    assert_eq!(names, ["out/a.jpg.oyl", "out/b.JPEG.oyl", "out/deep/c.jpg.oyl"]);
    assert!(figures["saved_percent"].as_f64().unwrap() > 10.0, "{figures}");
    let table = folder.oyster(&["jpeg", "pack", "in/*.jpg", "in/*.JPEG", "-o", "again"]).succeeds().output;
    assert_eq!(table.lines().count(), 1 + 2 + 1, "a head, two files and the total:\n{table}");
    assert!(folder.read("again/a.jpg.oyl") == folder.read("out/a.jpg.oyl"));
    let verified =
        folder.oyster(&["jpeg", "verify", "out", "--sandbox", "--json", "-"]).json(&["files", "damaged_files"]);
    assert_eq!((verified["files"].as_array().unwrap().len(), verified["damaged_files"].as_u64()), (3, Some(0)));
}

#[test]
fn a_wrong_byte_is_named_by_its_range_and_the_others_are_given_back() {
    let folder = Folder::new("jpeg-wrong-byte");
    let original = packed(&folder);
    let mut container = folder.read("a.oyl");
    let at = container.len() - 3000;
    container[at] ^= 1;
    folder.write("a.oyl", &container);
    let verify = folder.oyster(&["jpeg", "verify", "a.oyl", "--json", "-"]);
    assert_eq!(verify.status, Some(1), "{}", verify.words);
    let figures: serde_json::Value = serde_json::from_str(&verify.output).unwrap();
    let damaged = &figures["files"][0]["damaged"];
    assert_eq!(damaged.as_array().unwrap().len(), 1, "{figures}");
    let [from, to] = ["from", "to"].map(|key| damaged[0][key].as_u64().unwrap());
    let range = format!("bytes {from}-{to}");
    folder.oyster(&["jpeg", "unpack", "a.oyl", "-o", "back.jpg"]).fails(1, &["a.oyl", &range]);
    folder.oyster(&["jpeg", "unpack", "a.oyl", "-o", "back.jpg", "--sandbox"]).fails(1, &["a.oyl", &range]);
    assert_eq!(folder.names(), ["a.jpg", "a.oyl"], "nothing is half written");
    let before = format!("0-{from}");
    folder.oyster(&["jpeg", "unpack", "a.oyl", "-o", "before", "--range", &before]).succeeds();
    assert!(folder.read("before") == original[..from as usize]);
    let after = format!("{to}-{}", original.len());
    folder.oyster(&["jpeg", "unpack", "a.oyl", "-o", "after", "--range", &after]).succeeds();
    assert!(folder.read("after") == original[to as usize..]);
}

#[test]
fn files_that_are_cut_off_or_something_else_are_refused_in_a_line() {
    let folder = Folder::new("jpeg-refused");
    packed(&folder);
    let container = folder.read("a.oyl");
    folder.write("cut.oyl", &container[..container.len() / 2]);
    folder.write("head.oyl", &container[..20]);
    folder.write("old.oyl", [b"OyL\x01", &container[4..]].concat());
    let unpack = |input| folder.oyster(&["jpeg", "unpack", input, "-o", "back.jpg"]);
    unpack("cut.oyl").fails(1, &["cut.oyl", "not all there"]);
    unpack("head.oyl").fails(1, &["head.oyl", "header", "not all there"]);
    unpack("old.oyl").fails(1, &["old.oyl", "version 1"]);
    unpack("a.jpg").fails(1, &["a.jpg", "not a packed file"]);
    unpack("absent").fails(1, &["absent", "cannot read"]);
    folder.oyster(&["jpeg", "unpack", "a.oyl", "-o", "b", "--range", "5-999999999"]).fails(2, &["a.oyl", "999999999"]);
    folder.oyster(&["jpeg", "unpack", "a.oyl", "-o", "b", "--range", "7-5"]).fails(2, &["7-5"]);
    folder.oyster(&["jpeg", "pack", "a.jpg", "-o", "b", "--chunk-bytes", "0"]).fails(2, &["chunk-bytes"]);
    folder.oyster(&["jpeg", "pack", "a.jpg", "-o", "a.jpg"]).fails(2, &["a.jpg", "originals are not written over"]);
    folder.oyster(&["jpeg", "pack", "absent*.jpg", "-o", "b"]).fails(1, &["absent*.jpg", "no file"]);
    assert_eq!(folder.names(), ["a.jpg", "a.oyl", "cut.oyl", "head.oyl", "old.oyl"]);
    assert!(folder.read("a.jpg") == jpeg(0));
}

#[test]
fn of_several_files_one_that_is_missing_does_not_keep_the_others() {
    let folder = Folder::new("jpeg-some");
    packed(&folder);
    folder.write("b.jpg", jpeg(1));
    let pack = folder.oyster(&["jpeg", "pack", "a.jpg", "absent.jpg", "b.jpg", "-o", "out"]);
    assert_eq!(pack.status, Some(1));
    assert!(pack.words.contains("absent.jpg"), "{}", pack.words);
    folder.oyster(&["jpeg", "verify", "out/a.jpg.oyl", "out/b.jpg.oyl"]).succeeds();
}

/// Each file is packed by a thunk, and any chunk given back by another that sees nothing but it and its header.
#[test]
fn files_and_chunks_are_packed_and_given_back_by_thunks() {
    let folder = Folder::new("jpeg-thunks");
    let functions = format!("oyster={OYSTER}");
    let create = |output: &str, input: &str, makes: &str, function: [&str; 2]| {
        let put_off = ["thunk", "create", "-o", output, "--store", "store", "--input", input, "--input", &functions];
        let command = ["--makes", makes, "--", "oyster", "jpeg", "function", function[0], function[1]];
        folder.oyster(&[&put_off[..], &command].concat()).succeeds();
    };
    for (number, name) in (0..).zip(["a", "b"]) {
        folder.write(&format!("{name}.jpg"), jpeg(number));
        create(&format!("{name}.oyl"), &format!("original={name}.jpg"), "packed", ["pack", "16384"]);
        create(&format!("{name}.2"), &format!("packed={name}.oyl"), "chunk", ["chunk", "2"]);
        create(&format!("{name}.part"), &format!("chunk={name}.2"), "original", ["unpack", "2"]);
    }
    let force = ["thunk", "force", "--store", "store", "--jobs", "2", "a.part", "b.part", "a.oyl", "--json", "-"];
    let figures = folder.oyster(&force).json(&["executed"]);
    assert_eq!(figures["executed"], 6);
    for (number, name) in (0..).zip(["a", "b"]) {
        assert!(folder.read(&format!("{name}.part")) == jpeg(number)[2 * 16384..3 * 16384]);
    }
    folder.oyster(&["jpeg", "verify", "a.oyl"]).succeeds();
}
