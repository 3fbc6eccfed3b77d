//! Containers that were damaged, cut off or made to do harm: what is wrong is named by its range, the rest still decodes.

#![expect(clippy::unwrap_used, reason = "a test fails where its data are not as they should be")]

mod pictures;

use std::io::Cursor;
use std::ops::Range;

use oyster_lepton::{Container, ContainerError, Damage, Header, InTurn, UnpackError, decode_all, pack, unpack};
use pictures::Kind;
use proptest::prelude::*;

const CHUNK_BYTES: u64 = 1 << 15;

struct Packed {
    original: Vec<u8>,
    container: Vec<u8>,
    header_bytes: usize,
}

/// A photograph in several chunks with a primer.
fn photograph() -> Packed {
    let original = Kind::photograph(700, 1000).jpeg();
    let mut packed = Cursor::new(Vec::new());
    pack(&mut Cursor::new(&original), &mut packed, CHUNK_BYTES, &InTurn, &mut |_| {}).unwrap();
    let container = packed.into_inner();
    let header_bytes = Header::read(&container[..]).unwrap().to_bytes().len();
    assert!(header_bytes > 5000, "there is no primer");
    assert!(original.len() as u64 > 4 * CHUNK_BYTES);
    Packed { original, container, header_bytes }
}

impl Packed {
    /// The damaged ranges. What is not damaged must be the original's.
    fn damages(&self, container: &[u8]) -> Vec<Damage> {
        let mut container = Container::open(Cursor::new(container)).unwrap();
        let mut damages = Vec::new();
        let mut reached = 0;
        decode_all(&mut container, 0..self.original.len() as u64, &InTurn, &mut |task| {
            assert_eq!(task.piece.start, reached);
            reached = task.piece.end;
            match task.bytes {
                Ok(bytes) => assert!(bytes == self.original[task.piece.start as usize..task.piece.end as usize]),
                Err(damage) => damages.push(damage),
            }
            Ok(())
        })
        .unwrap();
        assert_eq!(reached, self.original.len() as u64);
        damages
    }

    /// Where the stored bytes of a chunk lie in the container.
    fn stored(&self, number: usize) -> Range<usize> {
        let mut container = Container::open(Cursor::new(&self.container)).unwrap();
        let mut length =
            |range| container.frames(range).map(|frame| frame.unwrap().unwrap().bytes.len()).sum::<usize>();
        let chunk = number as u64 * CHUNK_BYTES..(number as u64 + 1) * CHUNK_BYTES;
        let start = self.header_bytes + if number == 0 { 0 } else { length(0..chunk.start) };
        start..start + length(chunk)
    }
}

/// A header's last four bytes are the hash of those before.
fn with_right_check(mut container: Vec<u8>, header_bytes: usize) -> Vec<u8> {
    let (header, check) = container[..header_bytes].split_at_mut(header_bytes - 4);
    check.copy_from_slice(&blake3::hash(header).as_bytes()[..4]);
    container
}

#[test]
fn a_wrong_byte_damages_one_range_of_its_chunk_and_the_others_decode() {
    let packed = photograph();
    let stored = packed.stored(2);
    for at in [stored.start + 40, (stored.start + stored.end) / 2, stored.end - 1] {
        let mut container = packed.container.clone();
        container[at] ^= 0x10;
        let damages = packed.damages(&container);
        assert_eq!(damages.len(), 1);
        let Damage { bytes, .. } = &damages[0];
        assert!(2 * CHUNK_BYTES <= bytes.start && bytes.start < bytes.end && bytes.end <= 3 * CHUNK_BYTES, "{bytes:?}");
        let mut container = Container::open(Cursor::new(container)).unwrap();
        let (mut before, mut all) = (Vec::new(), Vec::new());
        unpack(&mut container, 0..bytes.start, &mut before, &InTurn).unwrap();
        assert!(before == packed.original[..before.len()] && before.len() as u64 == bytes.start);
        let error = unpack(&mut container, 0..packed.original.len() as u64, &mut all, &InTurn).unwrap_err();
        assert!(error.to_string().contains(&format!("bytes {}-{}", bytes.start, bytes.end)), "{error}");
        assert!(packed.original.starts_with(&all), "what was written before it came to the damage");
    }
}

#[test]
fn a_container_that_is_cut_off_names_what_is_missing() {
    let packed = photograph();
    let stored = packed.stored(3);
    for end in [stored.start, stored.start + 1, stored.start + 30, stored.end - 1] {
        let damages = packed.damages(&packed.container[..end]);
        assert_eq!(damages[0].bytes.start / CHUNK_BYTES, 3, "{damages:?}");
        let chunks: Vec<_> = damages.iter().map(|damage| damage.bytes.start / CHUNK_BYTES).collect();
        let last = (packed.original.len() as u64 - 1) / CHUNK_BYTES;
        assert_eq!(*chunks.last().unwrap(), last, "each chunk that is not there is named");
        assert!(chunks.is_sorted());
    }
    for end in 0..packed.header_bytes.min(300) {
        Container::open(Cursor::new(&packed.container[..end])).unwrap_err();
    }
}

#[test]
fn a_damaged_header_is_refused() {
    let packed = photograph();
    for at in (0..packed.header_bytes).step_by(97) {
        let mut container = packed.container.clone();
        container[at] ^= 0x04;
        assert!(Container::open(Cursor::new(container)).is_err(), "byte {at}");
    }
}

#[test]
fn a_damaged_primer_damages_what_begins_with_it_and_nothing_decodes_wrongly() {
    let packed = photograph();
    let whole_header = packed.header_bytes - 4 * (packed.original.len().div_ceil(CHUNK_BYTES as usize) + 1);
    for at in [whole_header - 1, whole_header - 2000, whole_header - 4000] {
        let mut container = packed.container.clone();
        container[at] ^= 0x40;
        let damages = packed.damages(&with_right_check(container, packed.header_bytes));
        assert!(!damages.is_empty(), "byte {at}");
    }
}

#[test]
fn other_versions_and_other_files_are_told_apart() {
    let mut container = photograph().container;
    container[3] = 1;
    let error = Container::open(Cursor::new(&container)).unwrap_err();
    assert!(matches!(error, ContainerError::Version { version: 1 }), "{error}");
    assert!(matches!(Container::open(Cursor::new(b"GIF89a..")), Err(ContainerError::NotPacked)));
    assert!(matches!(Container::open(Cursor::new(b"")), Err(ContainerError::NotPacked)));
}

#[test]
fn a_header_that_promises_more_than_there_is_takes_no_memory_for_it() {
    // A file of 2^49 bytes in chunks of one byte, whose stored lengths would be two petabytes.
    let mut header = b"OyL\x03".to_vec();
    header.extend([0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01, 1, 0]);
    let error = Header::read(&header[..]).unwrap_err();
    assert!(error.to_string().contains("not all there"), "{error}");
    // One byte more of anything is refused at once.
    for (at, what) in [(4, "the file's length"), (12, "the chunks' length"), (13, "the length of its scans")] {
        let mut header = header.clone();
        header.splice(at..=at, [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]);
        let error = Header::read(&header[..]).unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
    }
}

#[test]
fn ranges_beyond_the_file_are_refused() {
    let packed = photograph();
    let mut container = Container::open(Cursor::new(&packed.container)).unwrap();
    let end = packed.original.len() as u64;
    #[expect(clippy::reversed_empty_ranges, reason = "one that is to be refused")]
    for range in [0..end + 1, end + 1..end + 1, 5..4] {
        let outcome = unpack(&mut container, range, &mut Vec::new(), &InTurn);
        assert!(matches!(outcome, Err(UnpackError::OutOfRange { .. })));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nothing_decodes_to_other_bytes(places in prop::collection::vec((0.0..1.0, any::<u8>()), 1..20)) {
        let packed = photograph();
        let mut container = packed.container.clone();
        let stored = container.len() - packed.header_bytes;
        for (part, byte) in places {
            container[packed.header_bytes + (stored as f64 * part) as usize] = byte;
        }
        packed.damages(&container);
    }
}
