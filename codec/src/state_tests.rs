//! Laws of states: serialised and read back they are equal, equal ones have one id, and different ones have two.

use super::*;
use crate::Image;
use crate::executor::Serial;
use crate::picture::PictureBuffer;
use proptest::prelude::*;

pub(crate) fn any_size() -> impl Strategy<Value = Size> {
    (1..50u32, 1..50u32).prop_map(|(width, height)| Size::new(width, height).unwrap())
}

fn any_picture(size: Size) -> impl Strategy<Value = Arc<Picture>> {
    (any::<u8>(), any::<u8>()).prop_map(move |(start, step)| {
        let mut image = Image::black(size);
        for (index, sample) in image.i420_mut().iter_mut().enumerate() {
            *sample = start.wrapping_add((index as u8).wrapping_mul(step));
        }
        PictureBuffer::from_image(&Serial, &image).freeze()
    })
}

pub(crate) fn any_stream() -> impl Strategy<Value = Stream> {
    any_size().prop_flat_map(|size| {
        let levels = || prop::array::uniform4(-63..=63i8);
        let segments = prop_oneof![Just(vec![0; macroblocks(size)]), prop::collection::vec(0..4u8, macroblocks(size)),];
        (
            (prop::array::uniform3(any_picture(size)), prop::array::uniform3(0..3usize)),
            prop::collection::vec(any::<u8>(), Probabilities::BYTES),
            (any::<bool>(), prop::array::uniform4(-127..=127i8), levels()),
            (segments, levels(), levels()),
        )
            .prop_map(move |((pictures, which), probabilities, values, (segments, references, modes))| {
                Stream {
                    size,
                    references: which.map(|index| Arc::clone(&pictures[index])),
                    probabilities: Arc::new(Probabilities::from_bytes(probabilities.as_slice().try_into().unwrap())),
                    segment_values: SegmentValues { absolute: values.0, quantizers: values.1, filter_levels: values.2 },
                    segment_map: SegmentMap::new(&segments),
                    filter_deltas: FilterDeltas { references, modes },
                }
            })
    })
}

/// Draws that change exactly one part of a stream.
fn change(stream: &mut Stream, part: usize, at: prop::sample::Index) {
    match part {
        0 => {
            let mut image = stream.references[at.index(3)].image();
            let sample = at.index(image.i420().len());
            image.i420_mut()[sample] ^= 1;
            stream.references[at.index(3)] = PictureBuffer::from_image(&Serial, &image).freeze();
        }
        1 => {
            let mut bytes: Vec<u8> = stream.probabilities.bytes().collect();
            bytes[at.index(Probabilities::BYTES)] ^= 1;
            stream.probabilities = Arc::new(Probabilities::from_bytes(bytes.as_slice().try_into().unwrap()));
        }
        2 => stream.segment_values.absolute ^= true,
        3 => stream.segment_values.quantizers[at.index(4)] ^= 1,
        4 => stream.segment_values.filter_levels[at.index(4)] ^= 1,
        5 => stream.filter_deltas.references[at.index(4)] ^= 1,
        6 => stream.filter_deltas.modes[at.index(4)] ^= 1,
        _ => {
            let mut segments: Vec<u8> =
                (0..macroblocks(stream.size)).map(|index| stream.segment_map.segment(index)).collect();
            let index = at.index(segments.len());
            segments[index] ^= 1;
            stream.segment_map = SegmentMap::new(&segments);
        }
    }
}

proptest! {
    #[test]
    fn a_state_comes_back_whole(stream in any_stream()) {
        let state = State::new(stream);
        let read = State::deserialise(&state.serialise()).unwrap();
        prop_assert_eq!(&read, &state);
        prop_assert_eq!(read.id(), state.id());
        let mut content = Vec::new();
        state.write_content(&mut content).unwrap();
        prop_assert_eq!(State::read_content(&content[..]), Ok(state));
        prop_assert!(State::read_content(&content[..content.len() - 1]).is_err());
        prop_assert!(State::read_content(&[&content[..], &[0]].concat()[..]).is_err());
    }

    #[test]
    fn every_part_is_in_the_id(stream in any_stream(), part in 0..8usize, at in any::<prop::sample::Index>()) {
        let mut other = stream.clone();
        change(&mut other, part, at);
        let (state, other) = (State::new(stream), State::new(other));
        prop_assert_ne!(&state, &other);
        prop_assert_ne!(state.id(), other.id());
    }

    #[test]
    fn a_damaged_state_is_refused(
        stream in any_stream(),
        at in any::<prop::sample::Index>(),
        bit in 0..8u32,
        keep in any::<prop::sample::Index>(),
    ) {
        let bytes = State::new(stream).serialise();
        let mut flipped = bytes.clone();
        flipped[at.index(bytes.len())] ^= 1 << bit;
        prop_assert!(State::deserialise(&flipped).is_err());
        prop_assert!(State::deserialise(&bytes[..keep.index(bytes.len())]).is_err());
        prop_assert!(State::deserialise(&[&bytes[..], &[0]].concat()).is_err());
    }
}

#[test]
fn a_blank_state_has_no_size_and_comes_back() {
    let blank = State::blank();
    assert_eq!(blank.size(), None);
    assert_eq!(State::deserialise(&blank.serialise()), Ok(blank));
}

#[test]
fn a_scaled_state_keeps_which_references_are_one_and_forgets_single_macroblocks() {
    let size = Size::new(40, 24).unwrap();
    let picture = |level| {
        let image = Image::from_i420(size, vec![level; size.i420_bytes()]).unwrap();
        PictureBuffer::from_image(&Serial, &image).freeze()
    };
    let (last, golden) = (picture(100), picture(200));
    let state = State::new(Stream {
        size,
        references: [Arc::clone(&last), Arc::clone(&golden), golden],
        probabilities: Arc::default(),
        segment_values: SegmentValues::default(),
        segment_map: SegmentMap::new(&[1, 0, 2, 0, 0, 3]),
        filter_deltas: FilterDeltas::default(),
    });
    let small = Size::new(30, 18).unwrap();
    let scaled = state.scaled(small);
    let [last, golden, altref] = scaled.references().unwrap();
    assert!(Arc::ptr_eq(golden, altref));
    let first = |picture: &Picture| picture.image().i420()[0];
    assert_eq!((scaled.size(), first(last), first(golden)), (Some(small), 100, 200));
    assert_eq!(scaled.stream().unwrap().segment_map, SegmentMap::default());
    assert_eq!(scaled.id(), state.scaled(small).id());
    assert_eq!(state.scaled(size), state);
    assert_eq!(State::blank().scaled(small), State::blank());
}

#[test]
fn equal_states_from_different_pictures_in_memory_have_one_id() {
    let image = Image::black(Size::new(20, 20).unwrap());
    let state = |one: Arc<Picture>, other: Arc<Picture>| {
        State::new(Stream {
            size: image.size(),
            references: [Arc::clone(&one), other, one],
            probabilities: Arc::default(),
            segment_values: SegmentValues::default(),
            segment_map: SegmentMap::default(),
            filter_deltas: FilterDeltas::default(),
        })
    };
    let (one, other) =
        (PictureBuffer::from_image(&Serial, &image).freeze(), PictureBuffer::from_image(&Serial, &image).freeze());
    let shared = state(Arc::clone(&one), Arc::clone(&one));
    let separate = state(one, other);
    assert_eq!(shared, separate);
    assert_eq!(shared.id(), separate.id());
    assert_eq!(shared.serialise(), separate.serialise());
}

#[test]
fn a_state_of_a_huge_size_is_refused_before_its_pictures_are_read() {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&[0xff, 0x3f, 0xff, 0x3f]);
    assert!(matches!(State::deserialise(&bytes), Err(StateError::Size(SizeError::TooLarge { .. }))));
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&[0x00, 0x10, 0x00, 0x09]);
    assert!(matches!(State::deserialise(&bytes), Err(StateError::WrongLength { .. })));
    assert_eq!(State::deserialise(b"something else"), Err(StateError::NotAState));
}
