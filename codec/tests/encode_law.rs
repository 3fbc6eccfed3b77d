//! The laws: what a decoder makes of an encoded frame is, to the bit, the state that the encoder named; and a frame is the same
//! on however many threads it was encoded.

use oyster_codec::executor::{Executor, Serial, both};
use oyster_codec::{
    Analysis, DecodedPrefix, Effort, Encoded, Fineness, FrameKind, Hints, Image, Plan, QuantizerIndex, Size, State,
    Transition, analyse, analyse_on, decode, decode_prefix,
};
use proptest::prelude::*;

/// A picture with edges, gradients and noise that moves with `time`.
fn scene(size: Size, time: i32, seed: u32) -> Image {
    let mut image = Image::black(size);
    let mut noise = seed | 1;
    let [luma, u, v] = image.planes_mut();
    for (index, sample) in luma.iter_mut().enumerate() {
        let (x, y) = ((index % size.width()) as i32, (index / size.width()) as i32);
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let wave = (x + 2 * time) * (y - time) / 16 % 64;
        let disc = if (x - 20 - 3 * time).pow(2) + (y - 20 - time).pow(2) < 150 { 90 } else { 0 };
        *sample = (60 + wave + disc + (noise >> 29) as i32).clamp(0, 255) as u8;
    }
    for (index, sample) in u.iter_mut().enumerate() {
        *sample = (128 + (index as i32 + time) % 40) as u8;
    }
    for (index, sample) in v.iter_mut().enumerate() {
        *sample = (100 + (index as i32 / 7 + 2 * time) % 30) as u8;
    }
    image
}

/// What a frame of the walk is to be.
#[derive(Clone, Debug)]
struct Step {
    key: bool,
    finest: u8,
    finish: u8,
    /// Finished to take so many bytes instead.
    budget: Option<usize>,
    golden: bool,
    altref: bool,
    last: bool,
    probabilities: bool,
    /// How far the scene moves on; far is a scene cut.
    time: i32,
    hinted: bool,
    effort: Effort,
}

fn step() -> impl Strategy<Value = Step> {
    let refreshes = (any::<bool>(), any::<bool>(), prop::bool::weighted(0.8), prop::bool::weighted(0.8));
    let effort = prop_oneof![3 => Just(Effort::Live), 1 => Just(Effort::Balanced), 1 => Just(Effort::Film)];
    let budget = prop::option::weighted(0.3, 1..20_000usize);
    (prop::bool::weighted(0.1), 0..=127u8, -8..=30i32, budget, refreshes, -3..20i32, any::<bool>(), effort).prop_map(
        |(key, finest, coarser, budget, (golden, altref, last, probabilities), time, hinted, effort)| Step {
            key,
            finest,
            finish: (i32::from(finest) + coarser).clamp(0, 127) as u8,
            budget,
            golden,
            altref,
            last,
            probabilities,
            time,
            hinted,
            effort,
        },
    )
}

fn sizes() -> impl Strategy<Value = Size> {
    prop_oneof![Just((1, 1)), Just((16, 16)), Just((17, 33)), Just((175, 143)), (1..200u32, 1..100u32),]
        .prop_map(|(width, height)| Size::new(width, height).expect("sizes of tests are small"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_more_of_a_frame_is_here_the_more_of_it_is_decoded_and_in_the_end_all(
        size in sizes(), key in any::<bool>(), finest in 0..=127u8, time in 1..20i32, seed in any::<u32>(),
        mut lengths in prop::collection::vec(0.0..1.0f64, 1..12),
    ) {
        let quantizer = QuantizerIndex::new(finest).unwrap();
        let first = analyse(&State::blank(), &scene(size, 0, seed), &Plan::key(quantizer), &Hints::default(), Effort::Live);
        let source = first.unwrap().finish(quantizer).target;
        let plan = if key { Plan::key(quantizer) } else { Plan::inter(quantizer) };
        let encoded = analyse(&source, &scene(size, time, seed), &plan, &Hints::default(), Effort::Live).unwrap().finish(quantizer);
        let told = |prefix: &DecodedPrefix| (prefix.predicted, prefix.whole, prefix.target.id());

        lengths.sort_by(f64::total_cmp);
        let mut last: Option<DecodedPrefix> = None;
        for length in lengths {
            let prefix = &encoded.frame[..(length * encoded.frame.len() as f64) as usize];
            let Ok(decoded) = decode_prefix(&source, prefix) else {
                prop_assert!(last.is_none(), "a longer prefix has the header, too");
                continue;
            };
            prop_assert_eq!(told(&decode_prefix(&source, prefix).unwrap()), told(&decoded));
            prop_assert!(decoded.whole <= decoded.predicted && decoded.predicted <= decoded.macroblocks);
            if let Some(last) = last {
                prop_assert!(decoded.predicted >= last.predicted && decoded.whole >= last.whole);
                let as_much = (decoded.predicted, decoded.whole) == (last.predicted, last.whole);
                prop_assert!(!as_much || decoded.target.id() == last.target.id());
            }
            last = Some(decoded);
        }
        let all = decode_prefix(&source, &encoded.frame).unwrap();
        prop_assert_eq!(told(&all), (all.macroblocks, all.macroblocks, encoded.target.id()));
        prop_assert_eq!(all.shown.unwrap().image(), decode(&source, &encoded.frame).unwrap().shown.unwrap().image());
    }

    #[test]
    fn a_decoder_reaches_the_state_that_the_encoder_named(
        size in sizes(),
        steps in prop::collection::vec(step(), 1..6),
        seed in any::<u32>(),
        threads in 2..6usize,
    ) {
        let mut state = State::blank();
        let mut hints = Hints::default();
        let mut time = 0;
        let threads = Threads(threads);
        for step in steps {
            time += step.time;
            let finest = QuantizerIndex::new(step.finest).unwrap();
            let plan = if step.key || state.size().is_none() { Plan::key(finest) } else {
                Plan {
                    refresh_golden: step.golden,
                    refresh_altref: step.altref,
                    refresh_last: step.last,
                    refresh_probabilities: step.probabilities,
                    ..Plan::inter(finest)
                }
            };
            let image = scene(size, time, seed);
            let told = if step.hinted { hints.clone() } else { Hints::default() };
            let analysis = analyse(&state, &image, &plan, &told, step.effort).unwrap();
            let quantizer = QuantizerIndex::new(step.finish).unwrap();
            let finish = |executor: &dyn Executor, analysis: &Analysis| match step.budget {
                Some(bytes) => analysis.finish_on(executor, analysis.sizes_on(executor).fit(bytes, finest, finest)),
                None => analysis.finish_on(executor, quantizer),
            };
            let encoded = finish(&Serial, &analysis);
            let side_by_side = analyse_on(&threads, &state, &image, &plan, &told, step.effort).unwrap();
            prop_assert_eq!(side_by_side.hints(), analysis.hints());
            let other: Encoded = finish(&threads, &side_by_side);
            prop_assert_eq!((&other.frame, &other.target), (&encoded.frame, &encoded.target));
            let decoded = decode(&state, &encoded.frame).unwrap();
            prop_assert_eq!(decoded.target.id(), encoded.target.id());
            prop_assert_eq!(&decoded.target, &encoded.target);
            prop_assert!(decoded.shown.is_some());

            let transition = encoded.transition();
            prop_assert_eq!(Transition::from_bytes(&transition.to_bytes()).unwrap(), transition);
            hints = analysis.hints();
            state = encoded.target;
        }
    }
}

#[test]
fn a_frame_is_the_same_on_any_number_of_threads() {
    let size = Size::new(330, 250).unwrap();
    let at = |value| QuantizerIndex::new(value).unwrap();
    for effort in [Effort::Live, Effort::Balanced, Effort::Film] {
        let (mut state, mut hints) = (State::blank(), Hints::default());
        for time in 0..4 {
            let image = scene(size, time * time, 5);
            let plan = if time == 0 { Plan::key(at(24)) } else { Plan::inter(at(24)) };
            let encode = |executor: &dyn Executor| {
                let analysis = analyse_on(executor, &state, &image, &plan, &hints, effort).unwrap();
                let pair =
                    both(executor, || analysis.finish_on(executor, at(24)), || analysis.finish_on(executor, at(28)));
                ([pair.0.frame, pair.1.frame], [pair.0.target, pair.1.target], analysis.hints())
            };
            let alone = encode(&Serial);
            for threads in 1..=4 {
                assert!(encode(&Threads(threads)) == alone, "frame {time} on {threads} threads, {effort:?}");
            }
            (state, hints) = (alone.1[0].clone(), alone.2);
        }
    }
}

/// A new thread for every task.
struct Threads(usize);

impl Executor for Threads {
    fn width(&self) -> usize {
        self.0
    }

    fn run(&self, tasks: &[&(dyn Fn() + Sync)]) {
        std::thread::scope(|scope| tasks.iter().for_each(|task| drop(scope.spawn(task))));
    }
}

#[test]
fn finishing_twice_gives_the_same_bytes_on_any_thread() {
    let size = Size::new(96, 80).unwrap();
    let (fine, coarse) = (QuantizerIndex::new(20).unwrap(), QuantizerIndex::new(26).unwrap());
    let first =
        analyse(&State::blank(), &scene(size, 0, 1), &Plan::key(fine), &Hints::default(), Effort::Live).unwrap();
    let source = first.finish(fine).target;
    let analysis = analyse(&source, &scene(size, 2, 1), &Plan::inter(fine), &first.hints(), Effort::Live).unwrap();
    let alone = [fine, coarse].map(|quantizer| analysis.finish(quantizer).frame);
    let together = std::thread::scope(|scope| {
        let analysis = &analysis;
        let threads = [fine, coarse].map(|quantizer| scope.spawn(move || analysis.finish(quantizer).frame));
        threads.map(|thread| thread.join().unwrap())
    });
    assert_eq!(alone, together);
}

#[test]
fn an_inter_frame_without_pictures_of_its_size_is_refused() {
    let (small, large) = (Size::new(16, 16).unwrap(), Size::new(64, 48).unwrap());
    let plan = Plan::inter(QuantizerIndex::MIN);
    let inter = |state: &State, size| analyse(state, &scene(size, 0, 1), &plan, &Hints::default(), Effort::Live);
    assert!(inter(&State::blank(), small).is_err());
    let key = Plan::key(QuantizerIndex::MIN);
    assert_eq!(key.kind, FrameKind::Key);
    let state = analyse(&State::blank(), &scene(small, 0, 1), &key, &Hints::default(), Effort::Live)
        .unwrap()
        .finish(QuantizerIndex::MIN)
        .target;
    assert!(inter(&state, large).is_err());
    assert!(inter(&state, small).is_ok());
}

#[test]
fn a_coarser_version_is_smaller_and_its_size_is_predicted() {
    let size = Size::new(176, 144).unwrap();
    let at = |value| QuantizerIndex::new(value).unwrap();
    let first =
        analyse(&State::blank(), &scene(size, 0, 1), &Plan::key(at(30)), &Hints::default(), Effort::Live).unwrap();
    let source = first.finish(at(30)).target;
    let analysis = analyse(&source, &scene(size, 1, 7), &Plan::inter(at(30)), &first.hints(), Effort::Live).unwrap();
    let sizes = [30, 34, 38, 50, 80].map(|value| analysis.finish(at(value)).frame.len());
    assert!(sizes.is_sorted_by(|fine, coarse| fine > coarse), "{sizes:?}");
    for (value, size) in [30, 34, 38].into_iter().zip(sizes) {
        let predicted = analysis.predict_size(at(value)) as f64;
        assert!((predicted / size as f64 - 1.0).abs() < 0.03, "{predicted} predicted for {size} at {value}");
    }
    assert_eq!(analysis.fit(10), Fineness::COARSEST);
}

#[test]
fn a_key_frame_s_size_is_predicted_too() {
    let at = |value| QuantizerIndex::new(value).unwrap();
    for (width, height) in [(176, 144), (33, 17)] {
        let image = scene(Size::new(width, height).unwrap(), 0, 3);
        let analysis = analyse(&State::blank(), &image, &Plan::key(at(40)), &Hints::default(), Effort::Live).unwrap();
        for value in [20, 40, 80] {
            let (predicted, size) = (analysis.predict_size(at(value)), analysis.finish(at(value)).frame.len());
            assert!(predicted.abs_diff(size) <= 8 + size / 5, "{predicted} predicted for {size} at {value}");
        }
        let chosen = analysis.fit(analysis.finish(at(60)).frame.len()).quantizer();
        assert!((50..=70).contains(&chosen.value()), "{chosen:?}");
    }
}

#[test]
fn a_budget_is_met_whatever_it_was_before() {
    let size = Size::new(320, 240).unwrap();
    let middle = QuantizerIndex::new(40).unwrap();
    let (mut state, mut hints, mut near) = (State::blank(), Hints::default(), middle);
    let mut parts = Vec::new();
    for (time, eighths) in [8, 4, 16, 9, 10, 3, 5, 12, 14, 8, 8, 6, 4, 7, 20, 11].into_iter().enumerate() {
        let plan = if time == 0 { Plan::key(near) } else { Plan::inter(near) };
        let analysis = analyse(&state, &scene(size, time as i32, 1), &plan, &hints, Effort::Live).unwrap();
        let budget = analysis.predict_size(middle) * eighths / 8;
        let mut sizes = analysis.sizes();
        let fineness = sizes.fit(budget, QuantizerIndex::MIN, near);
        let encoded = sizes.finish_within(budget, fineness, QuantizerIndex::MIN);
        parts.push(encoded.frame.len() * 100 / budget);
        (state, hints, near) = (encoded.target, analysis.hints(), encoded.quantizer);
    }
    assert!(parts.iter().all(|percent| (90..=100).contains(percent)), "{parts:?}");
}
