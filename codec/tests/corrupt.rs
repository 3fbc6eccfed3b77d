//! Damaged frames answer an error or a picture, never a panic, and the same one every time.

#![expect(clippy::unwrap_used, reason = "a test fails where its data are not as they should be")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use oyster_codec::container::ivf::IvfReader;
use oyster_codec::{State, decode, decode_prefix};
use proptest::prelude::*;

/// Small streams that between them use every feature of the format.
const STREAMS: [&str; 10] = [
    "00-comprehensive-001",
    "00-comprehensive-003",
    "00-comprehensive-004",
    "00-comprehensive-005",
    "00-comprehensive-006",
    "00-comprehensive-010",
    "00-comprehensive-016",
    "00-comprehensive-018",
    "03-segmentation-1436",
    "04-partitions-1405",
];

/// Frames taken of each, so that states are built in a moment.
const FRAMES: usize = 8;

/// A frame and the state it is for.
struct Step {
    source: State,
    frame: Vec<u8>,
}

fn steps() -> &'static [Step] {
    static STEPS: OnceLock<Vec<Step>> = OnceLock::new();
    STEPS.get_or_init(|| {
        let data = std::env::var_os("OYSTER_DATA")
            .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from);
        let folder = data.join("vp8-test-vectors");
        if !folder.is_dir() {
            assert!(std::env::var_os("CI").is_none(), "no test vectors in {}", folder.display());
            eprintln!("skipped: no test vectors in {}", folder.display());
            return Vec::new();
        }
        let mut steps = Vec::new();
        for name in STREAMS {
            let file = fs::read(folder.join(format!("vp80-{name}.ivf"))).unwrap();
            let mut reader = IvfReader::new(&file[..]).unwrap();
            let mut source = State::blank();
            for frame in std::iter::from_fn(|| reader.read_frame().unwrap()).take(FRAMES) {
                let target = decode(&source, &frame.bytes).unwrap().target;
                steps.push(Step { source: std::mem::replace(&mut source, target), frame: frame.bytes });
            }
        }
        steps
    })
}

/// Decodes twice, and goes on from what came out, as a receiver would; and the same bytes as the beginning of a frame.
fn decode_and_go_on(source: &State, frame: &[u8], next: &[u8]) -> Result<(), TestCaseError> {
    match (decode_prefix(source, frame), decode_prefix(source, frame)) {
        (Ok(one), Ok(other)) => {
            prop_assert_eq!(one.target.id(), other.target.id());
            let _ = decode_prefix(&one.target, next);
        }
        (one, other) => prop_assert_eq!(one.err(), other.err()),
    }
    let decoded = decode(source, frame);
    match (&decoded, &decode(source, frame)) {
        (Ok(one), Ok(other)) => {
            prop_assert_eq!(one.target.id(), other.target.id());
            let _ = decode(&one.target, next);
        }
        (one, other) => prop_assert_eq!(one.as_ref().err(), other.as_ref().err()),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn flipped_bytes_never_panic(
        at in any::<prop::sample::Index>(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 1..=255u8), 1..12),
        near_the_start in any::<bool>(),
    ) {
        let steps = steps();
        if steps.is_empty() {
            return Ok(());
        }
        let step = at.get(steps);
        let mut frame = step.frame.clone();
        let reach = if near_the_start { frame.len().min(60) } else { frame.len() };
        for (position, change) in &flips {
            frame[position.index(reach)] ^= change;
        }
        decode_and_go_on(&step.source, &frame, &step.frame)?;
    }

    #[test]
    fn truncated_frames_never_panic(at in any::<prop::sample::Index>(), length in any::<prop::sample::Index>()) {
        let steps = steps();
        if steps.is_empty() {
            return Ok(());
        }
        let step = at.get(steps);
        decode_and_go_on(&step.source, &step.frame[..length.index(step.frame.len())], &step.frame)?;
    }

    #[test]
    fn a_frame_for_another_state_never_panics(at in any::<prop::sample::Index>(), other in any::<prop::sample::Index>()) {
        let steps = steps();
        if steps.is_empty() {
            return Ok(());
        }
        decode_and_go_on(&at.get(steps).source, &other.get(steps).frame, &at.get(steps).frame)?;
    }

    #[test]
    fn noise_after_a_possible_head_never_panics(
        tag in (0..4u8, any::<bool>(), any::<bool>(), 0..200u32),
        (width, height) in (1..200u16, 1..200u16),
        noise in prop::collection::vec(any::<u8>(), 200..600),
    ) {
        let (version, shown, is_inter, first_partition) = tag;
        let tag = u32::from(is_inter) | u32::from(version) << 1 | u32::from(shown) << 4 | first_partition << 5;
        let mut frame = tag.to_le_bytes()[..3].to_vec();
        if !is_inter {
            frame.extend_from_slice(&[0x9d, 0x01, 0x2a]);
            frame.extend_from_slice(&width.to_le_bytes());
            frame.extend_from_slice(&height.to_le_bytes());
        }
        frame.extend_from_slice(&noise);
        let source = steps().first().map_or(State::blank(), |step| decode(&step.source, &step.frame).unwrap().target);
        decode_and_go_on(&source, &frame, &frame)?;
    }
}

#[test]
fn a_state_that_was_stored_goes_on_as_if_it_had_not() {
    for step in steps() {
        let stored = State::deserialise(&step.source.serialise()).unwrap();
        assert_eq!(stored, step.source);
        let (one, other) = (decode(&step.source, &step.frame).unwrap(), decode(&stored, &step.frame).unwrap());
        assert_eq!(one.target.id(), other.target.id());
        assert_eq!(one.shown.map(|picture| picture.image()), other.shown.map(|picture| picture.image()));
    }
}
