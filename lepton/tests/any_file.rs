//! Laws that hold for any file: it comes back from each chunk alone, and never grows by more than a hundredth.

#![expect(clippy::unwrap_used, reason = "a test fails where its data are not as they should be")]

mod pictures;

use std::io::Cursor;

use jpeg_encoder::{ColorType, SamplingFactor};
use oyster_lepton::{
    Container, DEFAULT_CHUNK_BYTES, Header, InTurn, MAX_CHUNK_BYTES, Plan, encode_chunk, pack, plan, unpack,
};
use pictures::Kind;
use proptest::prelude::*;

/// A file so short may grow by this instead of a hundredth: a header and a frame's head.
const MOST_OVERHEAD: usize = 40;

fn packed(original: &[u8], chunk_bytes: u64) -> Vec<u8> {
    let mut packed = Cursor::new(Vec::new());
    let savings = pack(&mut Cursor::new(original), &mut packed, chunk_bytes, &InTurn, &mut |_| {}).unwrap();
    let packed = packed.into_inner();
    assert_eq!((savings.original_bytes, savings.packed_bytes), (original.len() as u64, packed.len() as u64));
    packed
}

/// Packs, and decodes each chunk with the header and nothing else. Answers the packed length.
fn expect_chunks_alone(original: &[u8], chunk_bytes: u64) -> usize {
    let packed = packed(original, chunk_bytes);
    let mut container = Container::open(Cursor::new(&packed)).unwrap();
    let header = Header::read(&packed[..]).unwrap();
    for number in 0..header.chunks() {
        let chunk = header.chunk(number);
        let frames = container.frames(chunk.clone()).map(|frame| frame.unwrap().unwrap().bytes);
        let stored = frames.collect::<Vec<_>>().concat();
        let bytes = header.decode_chunk(number, &stored).unwrap();
        assert!(bytes == original[chunk.start as usize..chunk.end as usize], "chunk {number}");
    }
    if chunk_bytes >= 1 << 16 {
        assert!(packed.len() <= original.len() + (original.len() / 100).max(MOST_OVERHEAD), "it grew");
    }
    packed.len()
}

/// What may befall a JPEG.
#[derive(Clone, Debug)]
enum Fate {
    Whole,
    CutAt(f64),
    Followed(Vec<u8>),
    /// Bytes put in the place of others.
    Damaged(f64, Vec<u8>),
    Twice,
}

impl Fate {
    fn befall(&self, mut jpeg: Vec<u8>) -> Vec<u8> {
        match self {
            Self::Whole => {}
            Self::CutAt(part) => jpeg.truncate((jpeg.len() as f64 * part) as usize),
            Self::Followed(bytes) => jpeg.extend(bytes),
            Self::Damaged(part, bytes) => {
                let at = (jpeg.len() as f64 * part) as usize;
                let end = (at + bytes.len()).min(jpeg.len());
                jpeg[at..end].copy_from_slice(&bytes[..end - at]);
            }
            Self::Twice => jpeg.extend(jpeg.clone()),
        }
        jpeg
    }
}

fn fate() -> impl Strategy<Value = Fate> {
    let bytes = || prop::collection::vec(any::<u8>(), 1..2000);
    prop_oneof![
        2 => Just(Fate::Whole),
        1 => (0.0..1.0).prop_map(Fate::CutAt),
        1 => bytes().prop_map(Fate::Followed),
        1 => ((0.0..1.0), bytes()).prop_map(|(part, bytes)| Fate::Damaged(part, bytes)),
        1 => Just(Fate::Twice),
    ]
}

/// Bytes that nothing makes smaller.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..count).map(|_| next()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_file_grows_by_more_than_a_hundredth(
        kind in any::<Kind>(),
        fate in fate(),
        before in 0..100_000_usize,
        after in 0..300_000_usize,
        chunk_bytes in 1_u64 << 16..400_000,
    ) {
        let original = [noise(before), fate.befall(kind.jpeg()), noise(after)].concat();
        expect_chunks_alone(&original, chunk_bytes);
        expect_chunks_alone(&original[before..], chunk_bytes);
        expect_chunks_alone(&original[before..], 1 << 16);
    }

    #[test]
    fn a_chunk_is_coded_alone_as_it_is_among_the_others(kind in any::<Kind>(), fate in fate(), chunk_bytes in 1000_u64..40_000) {
        let original = fate.befall(kind.jpeg());
        let mut container = Container::open(Cursor::new(packed(&original, chunk_bytes))).unwrap();
        let plan = plan(&mut Cursor::new(&original), chunk_bytes).unwrap();
        // Without stored lengths, as they are not known.
        let header = Header::read(&Header::new(&plan).to_bytes()[..]).unwrap();
        for number in (0..header.chunks()).filter(|_| header.chunks() > 1) {
            let pieces = plan.chunk_to_bytes(number);
            let chunk = header.chunk(number);
            let own = Plan::of_chunk(&header, number, &pieces).unwrap();
            let coded = encode_chunk(&own, number, &original[chunk.start as usize..chunk.end as usize]);
            prop_assert!(coded == container.stored(number).unwrap(), "chunk {}", number);
            prop_assert!(Plan::of_chunk(&header, number, &pieces[..pieces.len() - 1]).is_none());
            prop_assert!(Plan::of_chunk(&header, number, &[&pieces[..], &[0]].concat()).is_none());
        }
    }

    #[test]
    fn any_jpeg_comes_back_from_chunks_alone(kind in any::<Kind>(), fate in fate(), chunk_bytes in 1000_u64..40_000) {
        let original = fate.befall(kind.jpeg());
        expect_chunks_alone(&original, chunk_bytes);
        expect_chunks_alone(&original, 1 << 16);
        expect_chunks_alone(&original, DEFAULT_CHUNK_BYTES);
    }

    #[test]
    fn any_bytes_come_back_from_chunks_alone(original in prop::collection::vec(any::<u8>(), 0..5000), chunk_bytes in 1_u64..6000) {
        expect_chunks_alone(&original, chunk_bytes);
        expect_chunks_alone(&original, 1 << 16);
    }

    #[test]
    fn any_range_comes_back(kind in any::<Kind>(), chunk_bytes in 500_u64..40_000, from in 0.0..1.0, to in 0.0..1.0) {
        let original = kind.jpeg();
        let mut container = Container::open(Cursor::new(packed(&original, chunk_bytes))).unwrap();
        let at = |part: f64| (original.len() as f64 * part) as u64;
        let range = at(f64::min(from, to))..at(f64::max(from, to));
        let mut back = Vec::new();
        unpack(&mut container, range.clone(), &mut back, &InTurn).unwrap();
        prop_assert!(back == original[range.start as usize..range.end as usize]);
    }
}

#[test]
fn chunks_of_one_byte_come_back() {
    expect_chunks_alone(&Kind::photograph(40, 24).jpeg(), 1);
}

#[test]
fn photographs_lose_little_to_being_cut() {
    let original = Kind::photograph(1600, 1200).jpeg();
    let whole = expect_chunks_alone(&original, MAX_CHUNK_BYTES) as f64 / original.len() as f64;
    let cut = expect_chunks_alone(&original, 1 << 16) as f64 / original.len() as f64;
    assert!(whole < 0.9, "the model was not used: {whole:.3}");
    assert!(cut < whole + 0.02, "{cut:.4} in chunks, {whole:.4} at once");
}

#[test]
fn progressive_images_are_modelled_whole_and_not_in_parts() {
    // The model takes one first scan of DC values; of several components this encoder writes several.
    let kind = Kind { is_progressive: true, colour: ColorType::Luma, ..Kind::photograph(800, 600) };
    let original = kind.jpeg();
    let whole = expect_chunks_alone(&original, MAX_CHUNK_BYTES) as f64 / original.len() as f64;
    assert!(whole < 0.9, "the model was not used: {whole:.3}");
    expect_chunks_alone(&original, 1 << 14);
}

/// Pieces end where the model's memory does, in the middle of a chunk and of a line of the image.
#[test]
fn an_image_of_more_blocks_than_the_model_holds_comes_back() {
    let original = Kind { noise: 0, quality: 40, ..Kind::photograph(4096, 2400) }.jpeg();
    assert!(original.len() < 1 << 20);
    assert!(expect_chunks_alone(&original, MAX_CHUNK_BYTES) < original.len() * 9 / 10);
}

#[test]
fn a_file_of_more_bytes_than_a_piece_has_comes_back() {
    let kind = Kind { noise: 250, quality: 100, sampling: SamplingFactor::F_1_1, ..Kind::photograph(1500, 1100) };
    let original = kind.jpeg();
    assert!(original.len() > 4 << 20, "{}", original.len());
    expect_chunks_alone(&original, MAX_CHUNK_BYTES);
}

#[test]
fn an_image_wider_than_a_chunk_comes_back() {
    let kind = Kind { quality: 95, noise: 100, ..Kind::photograph(20_000, 64) };
    expect_chunks_alone(&kind.jpeg(), 1 << 14);
}
