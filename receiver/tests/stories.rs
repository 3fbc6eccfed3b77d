//! What a receiver makes of frames: fed by hand, without a sender's policy.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::time::Duration;

use oyster_codec::{
    Effort, Encoded, Hints, Image, Plan, PrefixState, QuantizerIndex, Size, State, StateReport, StateTag, Transition,
    analyse, decode, decode_prefix, show_altref,
};
use oyster_receiver::{MAX_PICTURE_BYTES, MAX_STATES, Receiver, Shown};
use oyster_scene::Scene;
use oyster_transport::{AckHeader, FragmentError, FragmentHeader, FrameNumber, FrameSender, Profile, SenderConfig};

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Somebody who sends frames, and a receiver they go to at once unless a test holds them back.
struct Bench {
    scene: Scene,
    transport: FrameSender,
    receiver: Receiver,
    now: Duration,
}

impl Bench {
    fn new(profile: Profile) -> Self {
        let config = SenderConfig { payload_bytes_max: 300, ..SenderConfig::for_profile(profile) };
        Self {
            scene: Scene::new(Size::new(48, 32).unwrap(), 5),
            transport: FrameSender::new(config),
            receiver: Receiver::new(profile),
            now: Duration::ZERO,
        }
    }

    fn image(&self, number: u64) -> Image {
        self.scene.frame(number)
    }

    /// The scene's `number`th picture for a receiver in `source`.
    fn encode(&self, source: &State, number: u64) -> Encoded {
        let quantizer = QuantizerIndex::saturating(40);
        let plan = if source.size().is_some() { Plan::inter(quantizer) } else { Plan::key(quantizer) };
        let analysis = analyse(source, &self.image(number), &plan, &Hints::default(), Effort::Live).unwrap();
        analysis.finish(quantizer)
    }

    /// `frames` pictures, each built on the one before, the first on blank.
    fn chain(&self, frames: u64) -> Vec<Encoded> {
        let mut chain: Vec<Encoded> = Vec::new();
        for number in 0..frames {
            let source = chain.last().map_or_else(State::blank, |frame| frame.target.clone());
            chain.push(self.encode(&source, number));
        }
        chain
    }

    /// The datagrams of a transition.
    fn datagrams(&mut self, transition: &Transition) -> Vec<Vec<u8>> {
        self.transport.send(transition.to_bytes(), self.now).expect("there is room");
        let later = self.now + millis(1000);
        std::iter::from_fn(|| self.transport.poll_transmit(later)).collect()
    }

    fn deliver(&mut self, datagrams: &[Vec<u8>]) -> Vec<Shown> {
        self.now += millis(33);
        for datagram in datagrams {
            self.receiver.handle_datagram(datagram, self.now).expect("our own fragment");
        }
        self.decode()
    }

    fn send(&mut self, frame: &Encoded) -> Vec<Shown> {
        let datagrams = self.datagrams(&frame.transition());
        self.deliver(&datagrams)
    }

    fn decode(&mut self) -> Vec<Shown> {
        let mut shown = Vec::new();
        while let Some(job) = self.receiver.poll_job(self.now) {
            shown.extend(self.receiver.handle_decoded(job.run()));
        }
        shown
    }

    /// The newest ack's report.
    fn report(&mut self) -> StateReport {
        let acks = std::iter::from_fn(|| self.receiver.poll_ack(self.now));
        let newest = acks.last().expect("there is something to acknowledge");
        StateReport::from_bytes(AckHeader::read(&newest).unwrap().1).expect("our own report")
    }
}

fn tag(frame: &Encoded) -> StateTag {
    frame.target.id().tag()
}

/// A grey key frame in twenty bytes, and the state after it.
fn grey(width: u16, height: u16) -> (Transition, State) {
    let ([a, b], [c, d]) = (width.to_le_bytes(), height.to_le_bytes());
    let frame = vec![0x50, 1, 0, 0x9d, 1, 0x2a, a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let state = decode(&State::blank(), &frame).unwrap().target;
    let (source, target) = (State::blank().id().tag(), state.id().tag());
    (Transition { source, target, scaled: None, frame }, state)
}

/// A few bytes that show the state's picture at another size.
fn stretched(state: &State, width: u32, height: u32) -> Transition {
    let size = Size::new(width, height).unwrap();
    show_altref(&state.scaled(size)).unwrap().from_scaled(state).transition()
}

#[test]
fn frames_are_shown_as_they_were_meant_and_their_states_are_named() {
    let mut bench = Bench::new(Profile::Oyster);
    let chain = bench.chain(3);
    for (number, frame) in chain.iter().enumerate() {
        let shown = bench.send(frame);
        assert_eq!(shown.len(), 1);
        assert_eq!(shown[0].frame, FrameNumber(number as u32));
        assert_eq!(shown[0].picture, frame.target.references().unwrap()[0]);
        let report = bench.report();
        assert_eq!((report.current, report.handled), (tag(frame), Some(number as u32)));
        assert_eq!(report.held, chain[..=number].iter().map(tag).collect::<Vec<_>>());
    }
}

#[test]
fn a_frame_is_decoded_from_whichever_held_state_it_names() {
    let mut bench = Bench::new(Profile::Oyster);
    let chain = bench.chain(4);
    for frame in &chain {
        bench.send(frame);
    }
    for (place, start) in chain.iter().enumerate().rev() {
        let branch = bench.encode(&start.target, 20 + place as u64);
        let shown = bench.send(&branch);
        assert_eq!(shown[0].picture, branch.target.references().unwrap()[0], "from the {place}th");
    }
}

#[test]
fn a_frame_from_a_state_that_is_not_held_is_not_shown_and_the_ack_says_so() {
    // Ours waits longer for the frame between, as whatever comes from a held state overtakes it.
    for (profile, wait_ms) in [(Profile::Oyster, 500), (Profile::Conventional, 40)] {
        let mut bench = Bench::new(profile);
        let chain = bench.chain(4);
        bench.send(&chain[0]);
        bench.datagrams(&chain[1].transition()); // these are lost
        assert!(bench.send(&chain[2]).is_empty());
        bench.now += millis(wait_ms); // for what may only be late
        assert!(bench.receiver.poll_timeout().is_some_and(|at| at <= bench.now));
        assert!(bench.decode().is_empty());
        let report = bench.report();
        assert_eq!((report.handled, report.held), (Some(2), vec![tag(&chain[0])]), "{profile:?}");
        let recovery = bench.encode(&chain[0].target, 3);
        assert_eq!(bench.send(&recovery).len(), 1);
    }
}

#[test]
fn a_frame_waits_for_the_one_before_it_and_a_recovery_overtakes_both() {
    let mut bench = Bench::new(Profile::Oyster);
    let chain = bench.chain(3);
    bench.send(&chain[0]);
    let late = bench.datagrams(&chain[1].transition());
    assert!(bench.send(&chain[2]).is_empty());
    let shown: Vec<u32> = bench.deliver(&late).iter().map(|shown| shown.frame.0).collect();
    assert_eq!(shown, [1, 2], "reordered, and nothing lost");

    let recovery = bench.encode(&chain[2].target, 5);
    let late = bench.datagrams(&bench.encode(&chain[2].target, 4).transition());
    assert_eq!(bench.send(&recovery).len(), 1, "nothing before it is waited for");
    assert!(bench.deliver(&late).is_empty(), "a picture older than what is on the screen");
    assert_eq!(bench.report().handled, Some(4));
}

#[test]
fn when_the_rest_of_a_frame_is_late_its_beginning_is_shown_and_named_and_then_all_of_it() {
    let mut bench = Bench::new(Profile::Oyster);
    bench.receiver = Receiver::new(Profile::Oyster).with_prefixes();
    let key = bench.encode(&State::blank(), 0);
    bench.send(&key);
    let fine = QuantizerIndex::saturating(2);
    let analysis = analyse(&key.target, &bench.image(25), &Plan::inter(fine), &Hints::default(), Effort::Live).unwrap();
    let frame = analysis.finish(fine);
    let datagrams = bench.datagrams(&frame.transition());
    let (first, rest) = datagrams.split_at(datagrams.len() - 1);
    assert!(!first.is_empty(), "a frame of several fragments");
    assert!(bench.deliver(first).is_empty(), "the rest may come at once");

    bench.now = bench.receiver.poll_timeout().expect("it is not waited for as long as it takes");
    let shown = bench.decode();
    let bytes = FragmentHeader::read(&first[0]).unwrap().1.len() * first.len() - Transition::HEADER_BYTES;
    let begun = decode_prefix(&key.target, &frame.frame[..bytes]).unwrap();
    assert_eq!((shown[0].frame, shown[0].is_whole), (FrameNumber(1), false));
    assert_eq!(shown[0].picture, begun.shown.unwrap());
    let named = PrefixState { transition: 1, bytes: bytes as u32, state: begun.target.id().tag() };
    assert_eq!(bench.report().prefix, Some(named));
    assert_eq!(bench.receiver.poll_timeout(), None, "no more can be made of it");

    let onward = bench.encode(&begun.target, 26);
    let shown = bench.deliver(rest);
    assert_eq!((shown[0].frame, shown[0].is_whole), (FrameNumber(1), true));
    assert_eq!(bench.report().prefix, None, "all of it is here");
    assert_eq!(bench.send(&onward).len(), 1, "a sender that gave up the rest is followed all the same");
}

#[test]
fn it_asks_to_be_woken_when_it_gives_up_and_not_before() {
    let mut bench = Bench::new(Profile::Oyster);
    let chain = bench.chain(4);
    bench.send(&chain[0]);
    bench.datagrams(&chain[1].transition()); // these are lost
    let late = bench.datagrams(&chain[2].transition());
    bench.send(&chain[3]);
    bench.now += millis(100);
    bench.deliver(&late); // overtaken, and without its source as well
    for wakings in 0..3 {
        let Some(due) = bench.receiver.poll_timeout() else { break };
        assert!(due > bench.now && wakings < 2, "woken at {due:?} for nothing");
        bench.now = due;
        bench.decode();
    }
    assert_eq!(bench.report().handled, Some(3));
}

#[test]
fn a_receiver_without_the_source_says_so_at_once_when_nothing_before_is_missing() {
    let mut bench = Bench::new(Profile::Oyster);
    let chain = bench.chain(3);
    assert!(bench.send(&chain[2]).is_empty());
    assert_eq!(bench.report().handled, Some(0));
}

#[test]
fn a_frame_whose_target_is_not_what_it_gives_is_neither_shown_nor_held() {
    let mut bench = Bench::new(Profile::Oyster);
    let chain = bench.chain(2);
    bench.send(&chain[0]);
    let wrong = Transition { target: StateTag([3; 8]), ..chain[1].transition() };
    let datagrams = bench.datagrams(&wrong);
    assert!(bench.deliver(&datagrams).is_empty());
    let report = bench.report();
    assert_eq!((report.handled, report.held), (Some(1), vec![tag(&chain[0])]));
}

#[test]
fn a_state_that_was_forged_under_a_held_name_is_not_believed() {
    // Another picture that claims to lead to a state which is already held.
    let mut bench = Bench::new(Profile::Oyster);
    let chain = bench.chain(2);
    bench.send(&chain[0]);
    let other = bench.encode(&chain[0].target, 50);
    let forged = Transition { target: tag(&chain[0]), ..other.transition() };
    let datagrams = bench.datagrams(&forged);
    assert!(bench.deliver(&datagrams).is_empty());
    assert_eq!(bench.send(&chain[1]).len(), 1, "the held state is still the true one");
}

#[test]
fn a_hidden_frame_is_held_and_not_shown() {
    let mut bench = Bench::new(Profile::Oyster);
    let key = bench.encode(&State::blank(), 0);
    bench.send(&key);
    let quantizer = QuantizerIndex::saturating(40);
    let plan = Plan { shown: false, ..Plan::inter(quantizer) };
    let analysis = analyse(&key.target, &bench.image(1), &plan, &Hints::default(), Effort::Live).unwrap();
    let hidden = analysis.finish(quantizer);
    assert!(bench.send(&hidden).is_empty());
    assert_eq!(bench.report().held.last(), Some(&tag(&hidden)));
    let next = bench.encode(&hidden.target, 2);
    assert_eq!(bench.send(&next).len(), 1);
}

#[test]
fn a_frame_of_no_vp8_is_an_error_that_costs_that_frame() {
    for profile in [Profile::Oyster, Profile::Classic, Profile::Conventional] {
        let mut bench = Bench::new(profile);
        let chain = bench.chain(2);
        bench.send(&chain[0]);
        for frame in [vec![], vec![0xff; 3], vec![0; 5000], chain[1].frame[..4].to_vec()] {
            let transition = Transition { frame, ..chain[1].transition() };
            let datagrams = bench.datagrams(&transition);
            let shown = bench.deliver(&datagrams);
            assert!(profile == Profile::Classic || shown.is_empty(), "{profile:?}");
        }
        // Too short to name its states.
        bench.transport.send(vec![1; 7], bench.now).unwrap();
        let later = bench.now + millis(1000);
        let datagrams: Vec<_> = std::iter::from_fn(|| bench.transport.poll_transmit(later)).collect();
        assert!(bench.deliver(&datagrams).is_empty());
        assert_eq!(bench.report().held, [tag(&chain[0])], "{profile:?}");
        assert_eq!(bench.send(&chain[1]).len(), 1, "{profile:?}");
    }
}

#[test]
fn classic_names_no_state_of_the_senders_after_a_frame_it_cannot_decode() {
    let mut bench = Bench::new(Profile::Classic);
    let chain = bench.chain(2);
    assert!(bench.send(&chain[1]).is_empty(), "there is nothing to decode it onto");
    let report = bench.report();
    assert!(report.held.is_empty());
    assert!(report.current != State::blank().id().tag() && chain.iter().all(|frame| tag(frame) != report.current));
    let key = bench.encode(&State::blank(), 2);
    assert_eq!(bench.send(&key).len(), 1);
    assert_eq!(bench.report().current, tag(&key));
}

#[test]
fn datagrams_that_are_no_fragments_are_refused_and_not_acknowledged() {
    let mut bench = Bench::new(Profile::Oyster);
    let refused = |bench: &mut Bench, bytes: &[u8]| bench.receiver.handle_datagram(bytes, bench.now);
    assert_eq!(refused(&mut bench, &[]), Err(FragmentError::Truncated { bytes: 0 }));
    assert_eq!(refused(&mut bench, &[0x22; 40]), Err(FragmentError::Kind { kind: 0x22 }));
    assert_eq!(bench.receiver.poll_ack(bench.now), None);
}

#[test]
fn of_more_frames_in_one_moment_than_are_kept_the_newest_are() {
    let mut bench = Bench::new(Profile::Oyster);
    let first = bench.encode(&State::blank(), 0);
    let frames: Vec<Vec<u8>> = (0..300).flat_map(|_| bench.datagrams(&first.transition())).collect();
    assert_eq!(bench.deliver(&frames).len(), 1, "all of them are taken, and the last is shown");
    assert_eq!(bench.report().handled, Some(299));
}

#[test]
fn states_and_waiting_frames_stay_within_their_limits() {
    let mut bench = Bench::new(Profile::Oyster);
    let chain = bench.chain(150);
    for frame in &chain[..100] {
        bench.send(frame);
        assert!(bench.receiver.states_held() <= MAX_STATES);
    }
    assert_eq!(bench.receiver.states_held(), MAX_STATES);
    let report = bench.report();
    assert_eq!(report.held, chain[96..100].iter().map(tag).collect::<Vec<_>>(), "the newest are named");

    // A decoder that never comes back: frames wait, and the oldest are given up.
    let first = bench.encode(&chain[99].target, 100);
    for datagram in bench.datagrams(&first.transition()) {
        bench.receiver.handle_datagram(&datagram, bench.now).unwrap();
    }
    let stuck = bench.receiver.poll_job(bench.now).expect("the decoder is free");
    for frame in chain[100..].iter().cycle().take(200) {
        for datagram in bench.datagrams(&frame.transition()) {
            bench.receiver.handle_datagram(&datagram, bench.now).unwrap();
        }
        assert!(bench.receiver.poll_job(bench.now).is_none(), "it is busy");
    }
    bench.receiver.handle_decoded(stuck.run());
    let mut jobs = 0;
    while let Some(job) = bench.receiver.poll_job(bench.now) {
        jobs += 1;
        bench.receiver.handle_decoded(job.run());
    }
    assert!(jobs <= 64, "{jobs} frames had waited");
}

#[test]
fn a_decoder_that_fell_far_behind_gives_up_what_waits_and_goes_on_from_what_is_held() {
    let mut bench = Bench::new(Profile::Oyster);
    let chain = bench.chain(10);
    let mut slow = None;
    for frame in &chain {
        bench.now += millis(100);
        for datagram in bench.datagrams(&frame.transition()) {
            bench.receiver.handle_datagram(&datagram, bench.now).unwrap();
        }
        slow = slow.or_else(|| bench.receiver.poll_job(bench.now));
    }
    let slow = slow.expect("the first frame is decodable");
    bench.receiver.handle_decoded(slow.run());
    assert!(bench.decode().is_empty(), "the second has waited for 800 ms, and eight stand behind it");
    let report = bench.report();
    assert_eq!((report.handled, report.held), (Some(9), vec![tag(&chain[0])]));
    let recovery = bench.encode(&chain[0].target, 11);
    assert_eq!(bench.send(&recovery).len(), 1);
}

#[test]
fn frames_that_wait_for_a_state_are_bounded_in_bytes() {
    let mut bench = Bench::new(Profile::Oyster);
    let transition =
        Transition { source: StateTag([1; 8]), target: StateTag([2; 8]), scaled: None, frame: vec![0; 1 << 20] };
    let bytes = transition.to_bytes();
    let slices: Vec<&[u8]> = bytes.chunks(1200).collect();
    let count = slices.len() as u16;
    // The first frame never comes, so that those after it may still be of use.
    for frame in 1..20 {
        for (index, slice) in (0..).zip(&slices) {
            let sequence = frame * u32::from(count) + u32::from(index);
            let header = FragmentHeader { sequence, frame, index, count, grace_us: 0, frame_bytes: 0 };
            bench.receiver.handle_datagram(&header.write(slice), bench.now).unwrap();
        }
        bench.decode();
        let least = 1_048_576 * (frame as usize).min(7);
        assert!((least..=8 << 20).contains(&bench.receiver.waiting_bytes()), "{}", bench.receiver.waiting_bytes());
    }
}

#[test]
fn states_of_the_largest_pictures_are_bounded_in_bytes() {
    let mut bench = Bench::new(Profile::Oyster);
    for height in 2280..2304 {
        let datagrams = bench.datagrams(&grey(4096, height).0);
        assert_eq!(bench.deliver(&datagrams).len(), 1);
        assert!(bench.receiver.picture_bytes() <= MAX_PICTURE_BYTES);
    }
    assert_eq!(bench.receiver.states_held(), 19, "as many as fit, the newest");
}

#[test]
fn a_peer_that_asks_for_scaled_states_again_and_again_is_bounded_in_bytes_and_in_how_far() {
    let mut bench = Bench::new(Profile::Oyster);
    for height in 564..576 {
        let (key, state) = grey(1024, height);
        for transition in [key, stretched(&state, 4096, 4 * u32::from(height))] {
            let datagrams = bench.datagrams(&transition);
            assert_eq!(bench.deliver(&datagrams).len(), 1);
            assert!(bench.receiver.picture_bytes() <= MAX_PICTURE_BYTES);
        }
    }
    assert!(bench.receiver.states_held() < 20, "of large pictures few are kept, however they came to be");
    // From a state that cost nothing: what would take seconds is not begun.
    let (key, state) = grey(16_383, 576);
    let datagrams = bench.datagrams(&key);
    assert_eq!(bench.deliver(&datagrams).len(), 1);
    let turned = Transition { scaled: Size::new(576, 16_383).ok(), ..stretched(&state, 4096, 2304) };
    let datagrams = bench.datagrams(&turned);
    assert_eq!(bench.deliver(&datagrams).len(), 0);
    // The call goes on.
    let honest = bench.encode(&State::blank(), 1);
    assert_eq!(bench.send(&honest).len(), 1);
    assert_eq!(bench.report().current, tag(&honest));
}
