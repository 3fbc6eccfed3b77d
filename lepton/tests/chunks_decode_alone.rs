//! The test JPEGs, cut at every size: each chunk, decoded with the header and nothing else, is exactly its bytes.

#![expect(clippy::unwrap_used, reason = "a test fails where its data are not as they should be")]

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use oyster_lepton::{Container, Header, InTurn, MAX_CHUNK_BYTES, pack};

/// The test data, or none where there are none: on CI that is a failure.
fn jpegs() -> Vec<PathBuf> {
    let data = std::env::var_os("OYSTER_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from);
    let folder = data.join("jpegs");
    if !folder.is_dir() {
        assert!(std::env::var_os("CI").is_none(), "no JPEGs in {}", folder.display());
        eprintln!("skipped: no JPEGs in {}", folder.display());
        return Vec::new();
    }
    let paths = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some_and(|extension| extension == "jpg")).collect();
    paths.sort();
    paths
}

fn expect_chunks_alone(chunk_bytes: u64) {
    let mut wrong = Vec::new();
    for path in jpegs() {
        let original = fs::read(&path).unwrap();
        let mut packed = Cursor::new(Vec::new());
        let savings = pack(&mut Cursor::new(&original), &mut packed, chunk_bytes, &InTurn, &mut |_| {}).unwrap();
        let packed = packed.into_inner();
        assert_eq!(savings.packed_bytes, packed.len() as u64);
        let name = path.file_name().unwrap().display().to_string();
        eprintln!("{chunk_bytes:>10} {name:<40} {:.4}", packed.len() as f64 / original.len() as f64);
        if chunk_bytes >= 1 << 16 && packed.len() as f64 > original.len() as f64 * 1.01 {
            wrong.push(format!("{name}: grew from {} to {}", original.len(), packed.len()));
        }
        // All that decoding may see: the header, and one chunk's stored bytes.
        let header = Header::read(&packed[..]).unwrap();
        let mut container = Container::open(Cursor::new(&packed)).unwrap();
        for number in 0..header.chunks() {
            let chunk = header.chunk(number);
            let frames = container.frames(chunk.clone()).map(|frame| frame.unwrap().unwrap().bytes);
            let stored = frames.collect::<Vec<_>>().concat();
            match header.decode_chunk(number, &stored) {
                Ok(bytes) if bytes == original[chunk.start as usize..chunk.end as usize] => {}
                Ok(_) => wrong.push(format!("{name}: chunk {number} decodes to other bytes")),
                Err(damage) => wrong.push(format!("{name}: chunk {number}: {damage}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn of_1_kib() {
    expect_chunks_alone(1 << 10);
}

#[test]
fn of_4_kib() {
    expect_chunks_alone(1 << 12);
}

#[test]
fn of_64_kib() {
    expect_chunks_alone(1 << 16);
}

#[test]
fn of_1_mib() {
    expect_chunks_alone(1 << 20);
}

#[test]
fn of_4_mib() {
    expect_chunks_alone(4 << 20);
}

#[test]
fn of_whole_files() {
    expect_chunks_alone(MAX_CHUNK_BYTES);
}
