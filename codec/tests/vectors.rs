//! The 61 test vectors of the WebM project, frame by frame: the picture of every shown frame has the stated MD5.

#![expect(clippy::unwrap_used, reason = "a test fails where its data are not as they should be")]

use std::fs;
use std::path::{Path, PathBuf};

use md5::{Digest, Md5};
use oyster_codec::container::ivf::IvfReader;
use oyster_codec::{Plane, State, decode};

/// The test data, or none where there are none: on CI that is a failure.
fn vectors_folder() -> Option<PathBuf> {
    let data = std::env::var_os("OYSTER_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from);
    let folder = data.join("vp8-test-vectors");
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var_os("CI").is_none(), "no test vectors in {}", folder.display());
    eprintln!("skipped: no test vectors in {}", folder.display());
    None
}

fn ivf_frames(file: &[u8]) -> Vec<Vec<u8>> {
    let mut reader = IvfReader::new(file).unwrap();
    std::iter::from_fn(|| reader.read_frame().unwrap()).map(|frame| frame.bytes).collect()
}

/// One line for each shown frame, as the vectors' own MD5 files have them.
fn decoded_lines(name: &str, frames: &[Vec<u8>]) -> Vec<String> {
    let mut state = State::blank();
    let mut lines = Vec::new();
    for (index, frame) in frames.iter().enumerate() {
        let decoded = decode(&state, frame).unwrap_or_else(|error| panic!("{name} frame {}: {error}", index + 1));
        state = decoded.target;
        if let Some(picture) = decoded.shown {
            let mut hasher = Md5::new();
            Plane::ALL.into_iter().flat_map(|plane| picture.rows(plane)).for_each(|row| hasher.update(row));
            let md5: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
            lines.push(format!("{md5}  {name}-{}-{:04}.i420", picture.size(), index + 1));
        }
    }
    lines
}

#[test]
fn every_vector_decodes_to_the_bit() {
    let Some(folder) = vectors_folder() else { return };
    let mut paths: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "ivf"))
        .collect();
    paths.sort();
    assert_eq!(paths.len(), 61);
    let mut wrong = Vec::new();
    for path in paths {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let file = fs::read(&path).unwrap();
        let stated = fs::read_to_string(path.with_extension("ivf.md5")).unwrap();
        let stated: Vec<&str> = stated.lines().collect();
        let decoded = decoded_lines(&name, &ivf_frames(&file));
        if let Some(first) = decoded.iter().zip(&stated).position(|(decoded, stated)| decoded != stated) {
            wrong.push(format!("{name}: shown frame {} differs", first + 1));
        } else if decoded.len() != stated.len() {
            wrong.push(format!("{name}: {} frames shown instead of {}", decoded.len(), stated.len()));
        }
    }
    assert!(wrong.is_empty(), "{} of 61 wrong:\n{}", wrong.len(), wrong.join("\n"));
}
