//! JPEGs packed, verified and given back; and what is said of packed files that are damaged.

use std::io::Cursor;

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use oyster_lepton::Container;

use crate::buildbox::Server;
use crate::infer::WITH_LIBRARIES;
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
            alone.write("header", header.to_bytes());
            alone.write("chunk", container.stored(number).unwrap());
            alone.oyster(&["function", "jpeg", "decode", &number.to_string()]).succeeds();
            assert_eq!(alone.text("damaged"), "");
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

/// `oyster jpeg` with these words, by thunks; answers how many were run and remembered.
fn by_thunks(folder: &Folder, words: &[&str], engine: &[&str]) -> [u64; 2] {
    let figures = folder.oyster(&[&["jpeg"], words, engine, &["--json", "-"]].concat()).json(&["thunks"]);
    ["executed", "memoised"].map(|key| figures[key].as_u64().unwrap())
}

/// A folder of files of several chunks and of one, packed, verified and given back as by threads, once.
fn expect_the_same_of(folder: &Folder, engine: &[&str]) {
    folder.make_folder("in");
    for (number, name) in (0..).zip(["in/a.jpg", "in/b.jpg"]) {
        folder.write(name, jpeg(number));
    }
    folder.write("in/short.jpg", &jpeg(2)[..9000]);
    folder.oyster(&["jpeg", "pack", "in", "-o", "threads", "--chunk-bytes", "16384"]).succeeds();
    let original = jpeg(0);
    let chunks = |bytes: usize| bytes.div_ceil(16384) as u64;
    let all = chunks(original.len()) + chunks(jpeg(1).len()) + 1;
    for remembered in [0, all] {
        let pack = ["pack", "in", "-o", "thunks", "--chunk-bytes", "16384"];
        assert_eq!(by_thunks(folder, &pack, engine), [all - remembered, remembered]);
        for name in ["a", "b", "short"] {
            let packed = |place| folder.read(&format!("{place}/{name}.jpg.oyl"));
            assert!(packed("thunks") == packed("threads"), "{name}");
        }
    }
    assert_eq!(by_thunks(folder, &["verify", "thunks"], engine), [all, 0]);
    // A chunk is decoded once for who only wants to know that it can be and for who wants it.
    let unpack = ["unpack", "thunks/a.jpg.oyl", "-o", "back.jpg"];
    assert_eq!(by_thunks(folder, &unpack, engine), [0, chunks(original.len())]);
    assert!(folder.read("back.jpg") == original);
    let part = [&unpack[..], &["--range", "20000-50001"]].concat();
    assert_eq!(by_thunks(folder, &part, engine), [0, 3]);
    assert!(folder.read("back.jpg") == original[20000..50001]);
}

#[test]
fn thunks_of_this_machine_make_the_same_bytes_and_are_remembered() {
    let folder = Folder::new("jpeg-engine");
    expect_the_same_of(&folder, &["--engine", "local", "--store", "store", "--jobs", "2"]);
    // In another chunk than the damage nothing is missing, and of the chunk itself what lies beside it is not.
    let mut container = folder.read("threads/a.jpg.oyl");
    let at = container.len() - 3000;
    container[at] ^= 1;
    folder.write("a.oyl", &container);
    let engine = ["--engine", "local", "--store", "store"];
    let verify = |more: &[&str]| {
        let run = folder.oyster(&[&["jpeg", "verify", "a.oyl", "in/short.jpg", "--json", "-"], more].concat());
        assert_eq!(run.status, Some(1));
        serde_json::from_str::<serde_json::Value>(&run.output).unwrap()["files"].clone()
    };
    let files = verify(&engine);
    assert_eq!(files, verify(&[]));
    let [from, to] = ["from", "to"].map(|key| files[0]["damaged"][0][key].as_u64().unwrap());
    let unpack = |range: &str| {
        let unpack = ["jpeg", "unpack", "a.oyl", "-o", "part", "--range", range];
        folder.oyster(&[&unpack[..], &engine].concat())
    };
    unpack(&format!("0-{}", from + 1)).fails(1, &["a.oyl", &format!("bytes {from}-{to} are damaged")]);
    for (from, to) in [(0, from), (to, jpeg(0).len() as u64)] {
        unpack(&format!("{from}-{to}")).succeeds();
        assert!(folder.read("part") == jpeg(0)[from as usize..to as usize]);
    }
}

#[test]
fn thunks_of_a_cluster_make_the_same_bytes_and_are_remembered_there() {
    let Some(server) = Server::start(&WITH_LIBRARIES) else { return };
    let folder = Folder::new("jpeg-cluster");
    expect_the_same_of(&folder, &["--engine", &server.address()]);
}

#[test]
fn what_is_for_threads_is_not_for_engines() {
    let folder = Folder::new("jpeg-no-engine");
    packed(&folder);
    let verify = |more: &[&str]| folder.oyster(&[&["jpeg", "verify", "a.oyl"], more].concat());
    verify(&["--engine", "local", "--threads", "2"]).fails(2, &["--threads", "--engine"]);
    verify(&["--engine", "local", "--sandbox"]).fails(2, &["--sandbox", "--engine"]);
    verify(&["--engine", "nowhere"]).fails(2, &["nowhere"]);
    verify(&["--jobs", "2"]).fails(2, &["--jobs", "--engine"]);
}

/// A file that a thunk is to pack is given to one that takes a chunk out, and that to one that decodes it alone.
#[test]
fn thunks_follow_each_other() {
    let folder = Folder::new("jpeg-thunks");
    let functions = format!("oyster={OYSTER}");
    let create = |output: &str, inputs: &[&str], makes: &str, function: [&str; 2]| {
        let mut words =
            vec!["thunk", "create", "-o", output, "--store", "store", "--input", &functions, "--makes", makes];
        words.extend(inputs.iter().flat_map(|input| ["--input", input]));
        words.extend(["--", "oyster", "function", "jpeg", function[0], function[1]]);
        folder.oyster(&words).succeeds();
    };
    folder.write("a.jpg", jpeg(0));
    create("a.oyl", &["original=a.jpg"], "packed", ["pack", "16384"]);
    create("a.header", &["packed=a.oyl"], "header", ["chunk", "2"]);
    create("a.chunk", &["packed=a.oyl"], "chunk", ["chunk", "2"]);
    create("a.part", &["header=a.header", "chunk=a.chunk"], "original", ["decode", "2"]);
    let figures = folder.oyster(&["thunk", "force", "--store", "store", "a.part", "--json", "-"]).json(&["executed"]);
    assert_eq!(figures["executed"], 4);
    assert!(folder.read("a.part") == jpeg(0)[2 * 16384..3 * 16384]);
}
