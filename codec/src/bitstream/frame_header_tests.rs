//! Every header that can be written is read back as it was, and what cannot be a header is refused. The stress streams are
//! made of these headers, too.

use super::*;
use crate::Size;
use proptest::prelude::*;

fn option_of<T: Clone + std::fmt::Debug + 'static>(
    values: impl Strategy<Value = T> + 'static,
) -> BoxedStrategy<Option<T>> {
    prop::option::of(values).boxed()
}

fn any_size() -> impl Strategy<Value = Size> {
    (1..2000u32, 1..2000u32).prop_map(|(width, height)| Size::new(width, height).unwrap())
}

pub(crate) fn any_key_frame(size: impl Strategy<Value = Size>) -> impl Strategy<Value = FrameKind> {
    (size, 0..4u8, 0..4u8, any::<bool>(), any::<bool>()).prop_map(
        |(size, horizontal_scale, vertical_scale, reserved_colour_space, clamping_unneeded)| {
            FrameKind::Key(KeyFrame {
                size,
                horizontal_scale,
                vertical_scale,
                reserved_colour_space,
                clamping_unneeded,
            })
        },
    )
}

fn any_reference_update() -> impl Strategy<Value = ReferenceUpdate> {
    prop::sample::select(vec![
        ReferenceUpdate::Keep,
        ReferenceUpdate::Refresh,
        ReferenceUpdate::CopyLast,
        ReferenceUpdate::CopyOther,
    ])
}

pub(crate) fn any_inter_frame() -> impl Strategy<Value = FrameKind> {
    let vectors = prop::collection::vec(option_of((1..=255u8).prop_map(VectorUpdates::nearest)), 38);
    (
        (any_reference_update(), any_reference_update(), any::<[bool; 3]>(), any::<[u8; 3]>()),
        (option_of(any::<[u8; 4]>()), option_of(any::<[u8; 3]>()), vectors),
    )
        .prop_map(|((golden, alt_ref, flags, probabilities), (luma_mode_update, chroma_mode_update, vectors))| {
            let mut vector_updates = VectorUpdates::default();
            vector_updates.0.as_flattened_mut().copy_from_slice(&vectors);
            FrameKind::Inter(InterFrame {
                golden,
                alt_ref,
                golden_sign_bias: flags[0],
                alt_ref_sign_bias: flags[1],
                refresh_last: flags[2],
                intra_probability: probabilities[0],
                last_probability: probabilities[1],
                golden_probability: probabilities[2],
                luma_mode_update,
                chroma_mode_update,
                vector_updates,
            })
        })
}

fn any_segmentation() -> impl Strategy<Value = SegmentationHeader> {
    let values = (any::<bool>(), prop::array::uniform4(-127..=127i8), prop::array::uniform4(-63..=63i8))
        .prop_map(|(absolute, quantizers, filter_levels)| SegmentValues { absolute, quantizers, filter_levels });
    (option_of(any::<[u8; 3]>()), option_of(values))
        .prop_map(|(map_update, values_update)| SegmentationHeader { map_update, values_update })
}

fn any_filter() -> impl Strategy<Value = FilterHeader> {
    let four = || prop::array::uniform4(option_of(-63..=63i8));
    let deltas = (four(), four()).prop_map(|(references, modes)| FilterDeltaUpdates { references, modes });
    (any::<bool>(), 0..64u8, 0..8u8, option_of(deltas)).prop_map(|(simple, level, sharpness, deltas)| FilterHeader {
        simple,
        level,
        sharpness,
        deltas,
    })
}

fn any_quantizers() -> impl Strategy<Value = QuantizerHeader> {
    (0..128, prop::array::uniform5(-15..=15i8)).prop_map(|(index, deltas)| QuantizerHeader {
        index: QuantizerIndex::saturating(index),
        y_dc_delta: deltas[0],
        y2_dc_delta: deltas[1],
        y2_ac_delta: deltas[2],
        chroma_dc_delta: deltas[3],
        chroma_ac_delta: deltas[4],
    })
}

fn any_token_updates() -> impl Strategy<Value = TokenUpdates> {
    prop::collection::vec((0..4usize, 0..8usize, 0..3usize, 0..11usize, any::<u8>()), 0..40).prop_map(|changes| {
        let mut updates = TokenUpdates::default();
        for (kind, band, context, node, probability) in changes {
            updates.0[kind][band][context][node] = Some(probability);
        }
        updates
    })
}

fn any_header() -> impl Strategy<Value = FrameHeader> {
    any_header_of(prop_oneof![any_key_frame(any_size()), any_inter_frame()])
}

/// Headers of some kind of frame, all else being free.
pub(crate) fn any_header_of(kind: impl Strategy<Value = FrameKind>) -> impl Strategy<Value = FrameHeader> {
    (
        (0..4u8, any::<bool>(), kind),
        (option_of(any_segmentation()), any_filter(), 0..4u8, any_quantizers()),
        (any::<bool>(), any_token_updates(), option_of(any::<u8>())),
    )
        .prop_map(|((version, shown, kind), (segmentation, filter, log2, quantizers), (refresh, tokens, skip))| {
            FrameHeader {
                version: Version::new(version).unwrap(),
                shown,
                kind,
                segmentation,
                filter,
                token_partitions_log2: log2,
                quantizers,
                refresh_entropy: refresh,
                token_updates: tokens,
                skip_probability: skip,
            }
        })
}

fn written(header: &FrameHeader) -> Vec<u8> {
    let mut encoder = BoolEncoder::new();
    header.write(&mut encoder);
    // A mark, to see that the reader stops where the writer did.
    encoder.write_literal(0xbeef, 16);
    let first_partition = encoder.finish();
    let mut frame = Vec::new();
    header.write_uncoded(first_partition.len(), &mut frame);
    frame.extend_from_slice(&first_partition);
    frame.extend_from_slice(b"tokens");
    frame
}

proptest! {
    #[test]
    fn a_header_comes_back(header in any_header()) {
        let frame = written(&header);
        let mut parsed = FrameHeader::parse(&frame).unwrap();
        prop_assert_eq!(&parsed.header, &header);
        prop_assert_eq!(parsed.modes.read_literal(16), 0xbeef);
        prop_assert_eq!(parsed.tokens, b"tokens");
        prop_assert_eq!((is_key_frame(&frame), is_shown_frame(&frame)), (header.is_key(), header.shown));
    }

    #[test]
    fn a_header_cut_short_is_refused(header in any_header(), cut in any::<prop::sample::Index>()) {
        let frame = written(&header);
        let length = cut.index(frame.len() - b"tokens".len());
        let is_refused = matches!(FrameHeader::parse(&frame[..length]), Err(HeaderError::Truncated { .. }));
        prop_assert!(is_refused);
    }

    #[test]
    fn any_bytes_are_a_header_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = FrameHeader::parse(&bytes);
    }
}

fn key_frame_bytes(width: u16, height: u16) -> Vec<u8> {
    let mut frame = vec![0x10, 0, 0, 0x9d, 0x01, 0x2a];
    frame.extend_from_slice(&width.to_le_bytes());
    frame.extend_from_slice(&height.to_le_bytes());
    frame
}

#[test]
fn impossible_heads_are_refused_with_the_fact() {
    let error = |frame: &[u8]| FrameHeader::parse(frame).map(|_| ()).unwrap_err();
    assert_eq!(error(&[]), HeaderError::Truncated { needed: 3, found: 0 });
    assert_eq!(error(&[0x10, 0, 0]), HeaderError::Truncated { needed: 10, found: 3 });
    assert_eq!(error(&[0x18, 0, 0, 0, 0, 0, 0, 0, 0, 0]), HeaderError::UnknownVersion(4));
    assert_eq!(error(&[0x10, 0, 0, 1, 2, 3, 0, 0, 0, 0]), HeaderError::NoStartCode([1, 2, 3]));
    assert_eq!(error(&key_frame_bytes(0, 16)), HeaderError::Size(SizeError::Empty { width: 0, height: 16 }));
    assert!(matches!(error(&key_frame_bytes(0x3fff, 0x3fff)), HeaderError::Size(SizeError::TooLarge { .. })));
    assert_eq!(error(&[0x30, 0, 0, 0x9d, 1, 0x2a, 16, 0, 16, 0]), HeaderError::Truncated { needed: 11, found: 10 });
    assert!(FrameHeader::parse(&key_frame_bytes(16, 16)).is_ok());
}
