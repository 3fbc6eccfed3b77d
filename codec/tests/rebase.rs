//! Chunks of a film, encoded without knowing of each other and then joined: what a decoder sees is what was joined.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, and its helpers are part of it")]

use oyster_codec::{
    DecisionReader, Effort, EncodeError, Encoded, Hints, Image, Plan, QuantizerIndex, RebaseError, Size, State,
    altref_shown, analyse, decode, quality, show_altref,
};
use proptest::prelude::*;

/// A textured picture that moves with `time`, under a disc that moves another way.
fn scene(size: Size, time: i32) -> Image {
    let mut image = Image::black(size);
    let [luma, u, v] = image.planes_mut();
    for (index, sample) in luma.iter_mut().enumerate() {
        let (x, y) = ((index % size.width()) as i32, (index / size.width()) as i32);
        let texture = (((x + time) * 7) ^ ((y - time / 2) * 13)) % 97;
        let disc = if (x - 90 + 3 * time).pow(2) + (y - 30 - time).pow(2) < 300 { 100 } else { 0 };
        *sample = (40 + texture + disc) as u8;
    }
    u.iter_mut().enumerate().for_each(|(index, sample)| *sample = (128 + (index as i32 + time) % 40) as u8);
    v.iter_mut().enumerate().for_each(|(index, sample)| *sample = (100 + (index as i32 / 7 + 2 * time) % 30) as u8);
    image
}

/// Encodes pictures `times` from `state` on, the first by `plan`.
fn encode(size: Size, times: std::ops::Range<i32>, mut state: State, plan: Plan, effort: Effort) -> Vec<Encoded> {
    let (mut plan, mut hints) = (plan, Hints::default());
    let encoded = times.map(|time| {
        let analysis = analyse(&state, &scene(size, time), &plan, &hints, effort).unwrap();
        hints = analysis.hints();
        let encoded = analysis.finish(plan.finest);
        state = encoded.target.clone();
        plan = Plan::inter(plan.finest);
        encoded
    });
    encoded.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_frame_moved_to_where_it_was_is_the_same(
        width in 1..150u32, height in 1..100u32, quantizer in 0..=127u8, live in any::<bool>(),
    ) {
        let (size, quantizer) = (Size::new(width, height).unwrap(), QuantizerIndex::new(quantizer).unwrap());
        let effort = if live { Effort::Live } else { Effort::Film };
        let frames = encode(size, 0..5, State::blank(), Plan::key(quantizer), effort);
        let mut decisions = DecisionReader::new(&State::blank());
        prop_assert_eq!(
            decisions.read(&frames[0].frame).unwrap().rebase(&State::blank(), &scene(size, 0)).unwrap_err(),
            RebaseError::KeyFrame
        );
        for ((before, frame), time) in frames.iter().zip(&frames[1..]).zip(1..) {
            let again = decisions.read(&frame.frame).unwrap().rebase(&before.target, &scene(size, time)).unwrap();
            prop_assert_eq!(&again.frame, &frame.frame);
            prop_assert_eq!(again.target, frame.target.clone());
        }
    }

    #[test]
    fn a_frame_moved_elsewhere_leads_where_it_says(
        width in 1..150u32, height in 1..100u32, quantizer in 0..=127u8, other in 0..=127u8, at in -40..40i32,
    ) {
        let (size, quantizer) = (Size::new(width, height).unwrap(), QuantizerIndex::new(quantizer).unwrap());
        let other = Plan::key(QuantizerIndex::new(other).unwrap());
        let mut state = encode(size, at..at + 3, State::blank(), other, Effort::Live).pop().unwrap().target;
        let frames = encode(size, 0..4, State::blank(), Plan::key(quantizer), Effort::Film);
        let mut decisions = DecisionReader::new(&State::blank());
        decisions.read(&frames[0].frame).unwrap();
        for (frame, time) in frames[1..].iter().zip(1..) {
            let image = scene(size, time);
            let moved = decisions.read(&frame.frame).unwrap().rebase(&state, &image).unwrap();
            prop_assert_eq!(moved.quantizer, quantizer);
            let decoded = decode(&state, &moved.frame).unwrap();
            prop_assert_eq!(&decoded.target, &moved.target);
            state = decoded.target;
        }
    }

    #[test]
    fn damaged_frames_are_refused_or_moved(at in any::<prop::sample::Index>(), by in 1..=255u8) {
        let size = Size::new(64, 48).unwrap();
        let frames = encode(size, 0..2, State::blank(), Plan::key(QuantizerIndex::saturating(40)), Effort::Live);
        let mut frame = frames[1].frame.clone();
        let at = at.index(frame.len());
        frame[at] ^= by;
        if let Ok(decisions) = DecisionReader::new(&frames[0].target).read(&frame) {
            let _ = decisions.rebase(&frames[0].target, &scene(size, 1));
        }
    }
}

#[test]
fn chunks_are_joined_without_key_frames_between() {
    let size = Size::new(176, 144).unwrap();
    let quantizer = QuantizerIndex::saturating(30);
    let inter = Plan::inter(quantizer);
    let anchor = Plan { refresh_last: false, refresh_altref: true, shown: false, ..inter.clone() };
    let between = Plan { refresh_probabilities: false, ..inter };
    let finish = |state: &State, time, plan: &Plan| {
        analyse(state, &scene(size, time), plan, &Hints::default(), Effort::Film).unwrap().finish(quantizer)
    };
    let ssim = |state: &State, time| {
        let image = state.references().unwrap()[0].image();
        quality::ssim_db(quality::ssim_y(&scene(size, time), &image).unwrap())
    };
    let mut state = finish(&State::blank(), 0, &Plan::key(quantizer)).target;
    for end in [4, 8] {
        let key = finish(&State::blank(), end - 4, &Plan::key(quantizer));
        let decided = finish(&key.target, end, &anchor);
        let mut decisions = DecisionReader::new(&State::blank());
        decisions.read(&key.frame).unwrap();
        let moved = decisions.read(&decided.frame).unwrap().rebase(&state, &scene(size, end)).unwrap();
        assert!(2 * moved.frame.len() < key.frame.len());
        let joined = show_altref(&moved.target).unwrap().target;
        // What comes between is predicted from where the next chunk begins, and does not change it.
        state = moved.target;
        for time in end - 3..end {
            state = finish(&state, time, &between).target;
            assert!(ssim(&state, time) > ssim(&joined, end) - 0.5);
        }
        let shown = show_altref(&state).unwrap();
        assert_eq!(altref_shown(&state), Ok(shown.target.clone()));
        assert!(shown.frame.len() < 60, "{}", shown.frame.len());
        assert_eq!(decode(&state, &shown.frame).unwrap().target, shown.target);
        assert_eq!(shown.target, joined);
        state = joined;
    }
}

#[test]
fn nothing_is_shown_where_there_is_nothing() {
    assert_eq!(show_altref(&State::blank()).unwrap_err(), EncodeError::NothingToPredictFrom);
}

/// Found by fuzzing: a frame whose segments are ours by their values, and put to use otherwise.
#[test]
fn macroblocks_in_a_segment_that_is_not_ours_are_not_moved() {
    let mut rest = &include_bytes!("../fuzz/seeds/rebase/a_segment_of_anothers")[..];
    let (mut state, mut reader) = (State::blank(), DecisionReader::new(&State::blank()));
    let mut refused = false;
    while let Some((length, after)) = rest.split_first_chunk::<2>() {
        let (frame, after) = after.split_at(usize::from(u16::from_le_bytes(*length)).min(after.len()));
        rest = after;
        let Ok(decoded) = decode(&state, frame) else { break };
        let decisions = reader.read(frame).unwrap();
        if let Some(size) = state.size() {
            let moved = decisions.rebase(&state, &Image::black(size));
            refused |= matches!(moved, Err(RebaseError::Foreign("segments of its own")));
        }
        state = decoded.target;
    }
    assert!(refused);
}
