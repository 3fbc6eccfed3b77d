//! Which state each frame starts from: the chain of a call, and how it goes on after losses, restarts and silence.

mod call;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use call::{Call, FRAME, PROFILES, arrives, chance, lost_if, millis, scene, seconds};
use oyster_codec::{State, StateTag};
use oyster_receiver::Receiver;
use oyster_transport::{FrameNumber, Profile};

fn blank() -> StateTag {
    State::blank().id().tag()
}

/// The frames that do not start from where the frame before them led.
fn breaks(call: &Call) -> Vec<u32> {
    let pairs = call.committed.windows(2).filter(|pair| pair[1].sent.source != pair[0].sent.target);
    pairs.map(|pair| pair[1].sent.frame.0).collect()
}

fn key_frames(call: &Call) -> Vec<u32> {
    call.committed.iter().filter(|frame| frame.key).map(|frame| frame.sent.frame.0).collect()
}

#[test]
fn the_first_frame_is_a_key_frame_and_later_ones_never_are_while_the_receiver_answers() {
    for profile in PROFILES {
        let mut call = Call::new(profile);
        call.run_for(seconds(10));
        assert!(call.committed.len() > 290, "{profile:?}: {}", call.committed.len());
        assert_eq!(key_frames(&call), [0], "{profile:?}");
        assert_eq!(breaks(&call), [], "{profile:?}");
        assert!(call.shown.len() + 2 >= call.committed.len(), "{profile:?}");
        call.assert_every_picture_is_as_committed();
    }
}

#[test]
fn with_acks_withheld_frames_chain_on_the_last_sent() {
    for profile in PROFILES {
        let mut call = Call::new(profile);
        call.acks = Box::new(|_| call::lost());
        call.run_for(seconds(3));
        assert!(call.committed.len() > 5, "{profile:?}: {}", call.committed.len());
        assert_eq!(key_frames(&call), [0], "{profile:?}");
        assert_eq!(breaks(&call), [], "{profile:?}");
    }
}

#[test]
fn a_lost_frame_is_followed_at_once_by_one_frame_built_on_the_newest_held_state() {
    for profile in [Profile::Oyster, Profile::Conventional] {
        let mut call = Call::new(profile);
        call.media = Box::new(|fragment| lost_if(fragment.frame == 30));
        call.run_for(seconds(3));
        let broken = breaks(&call);
        let [recovery] = broken[..] else { panic!("{profile:?}: one new chain, not {broken:?}") };
        assert_eq!(call.frame(recovery).sent.source, call.frame(29).sent.target, "{profile:?}");
        assert!(!call.frame(recovery).key);
        // The loss shows when a frame that came after it has been acknowledged.
        let known_at = call.frame(31).at + 2 * call::ONE_WAY;
        assert!(call.frame(recovery).at <= known_at + FRAME, "{profile:?}: frame {recovery}");
        assert!(call.was_shown(recovery) && !call.was_shown(30) && !call.was_shown(31), "{profile:?}");
        call.assert_every_picture_is_as_committed();
    }
}

#[test]
fn each_loss_of_a_row_costs_the_frames_of_one_round_trip_and_nothing_after() {
    let mut call = Call::new(Profile::Oyster);
    call.media = Box::new(|fragment| lost_if(fragment.frame > 20 && fragment.frame.is_multiple_of(20)));
    call.run_for(seconds(5));
    let losses = call.committed.len() as u32 / 20 - 1;
    let hidden = (0..call.committed.len() as u32 - 2).filter(|&number| !call.was_shown(number)).count() as u32;
    assert_eq!(key_frames(&call), [0]);
    // The lost one, the one by which it is missed, and one captured while that was told.
    assert!(losses >= 5 && hidden <= 3 * losses, "{hidden} frames not shown after {losses} losses");
}

#[test]
fn a_first_frame_that_is_lost_is_made_up_for_by_another_key_frame() {
    for profile in PROFILES {
        let mut call = Call::new(profile);
        call.media = Box::new(|fragment| lost_if(fragment.frame == 0));
        call.run_for(seconds(2));
        assert!(!call.shown.is_empty(), "{profile:?} never shows a picture");
        assert!(call.shown[0].at < millis(400), "{profile:?}: first picture at {:?}", call.shown[0].at);
        if profile != Profile::Classic {
            call.assert_every_picture_is_as_committed();
            assert_eq!(key_frames(&call).len(), 2, "{profile:?}");
        }
    }
}

#[test]
fn duplicates_change_nothing_at_all() {
    for profile in PROFILES {
        let mut clean = Call::new(profile);
        let mut doubled = Call::new(profile);
        doubled.media = Box::new(|_| vec![Duration::ZERO, millis(3)]);
        doubled.acks = Box::new(|_| vec![Duration::ZERO, millis(5)]);
        for call in [&mut clean, &mut doubled] {
            call.run_for(seconds(3));
        }
        assert_eq!(doubled.turns, clean.turns, "{profile:?}");
        assert_eq!(doubled.shown.len(), clean.shown.len(), "{profile:?}");
        doubled.assert_every_picture_is_as_committed();
    }
}

#[test]
fn reordering_across_frame_boundaries_loses_no_picture() {
    for late_ms in [5, 20, 38] {
        let mut call = Call::new(Profile::Oyster);
        call.pictures = scene(176, 144); // several packets a frame
        let mut random = chance(9);
        call.media = Box::new(move |_| if random() < 0.1 { vec![millis(late_ms)] } else { arrives() });
        call.run_for(seconds(5));
        let hidden: Vec<u32> = (0..call.committed.len() as u32 - 3).filter(|&n| !call.was_shown(n)).collect();
        assert_eq!(hidden, [], "packets {late_ms} ms late");
        assert_eq!(key_frames(&call), [0]);
        call.assert_every_picture_is_as_committed();
    }
}

#[test]
fn a_newest_frame_that_was_given_up_and_came_after_all_is_built_upon() {
    // The first packet of frame 30 is overtaken by all others of it, so that it counts as lost; then it comes.
    let mut call = Call::new(Profile::Oyster);
    call.pictures = scene(256, 192);
    call.media = Box::new(|fragment| match (fragment.frame, fragment.index) {
        (30, 0) => {
            assert!(fragment.count > 3, "{} fragments are too few for this story", fragment.count);
            vec![millis(10)]
        }
        _ => arrives(),
    });
    call.run_for(seconds(2));
    assert_eq!((key_frames(&call), breaks(&call)), (vec![0], vec![]));
    assert!(call.was_shown(30) && call.was_shown(31));
}

#[test]
fn a_receiver_that_starts_anew_is_sent_a_key_frame() {
    for profile in PROFILES {
        let mut call = Call::new(profile);
        call.run_for(seconds(4));
        call.receiver = Receiver::new(profile);
        let restarted_at = call.now;
        let shown_before = call.shown.len();
        call.run_to(|call| call.shown.len() > shown_before);
        assert!(call.now - restarted_at < millis(300), "{profile:?}: blind for {:?}", call.now - restarted_at);
        let anew = call.committed_from(restarted_at).find(|frame| frame.key).expect("nothing else would do");
        assert_eq!(anew.sent.source, blank());
        call.run_for(seconds(2));
        let keys = call.committed_from(restarted_at).filter(|frame| frame.key).count();
        // The original's caution makes every frame a key frame until one of them is known to have arrived.
        assert!(keys <= if profile == Profile::Classic { 4 } else { 1 }, "{profile:?}: {keys} key frames");
        assert!(call.shown.len() > shown_before + 45, "{profile:?}");
    }
}

#[test]
fn a_new_picture_size_is_a_key_frame_and_shown_at_its_size() {
    for profile in PROFILES {
        let mut call = Call::new(profile);
        call.run_for(seconds(1));
        call.pictures = scene(80, 64);
        let turned_at = call.now;
        call.run_for(seconds(1));
        call.pictures = scene(64, 48);
        let turned_back_at = call.now;
        call.run_for(seconds(1));
        let keys: Vec<Duration> = call.committed.iter().filter(|f| f.key).map(|f| f.at).collect();
        let near = |at: Duration, from: Duration| at >= from && at <= from + 2 * FRAME;
        assert!(
            keys.len() == 3 && near(keys[1], turned_at) && near(keys[2], turned_back_at),
            "{profile:?}: key frames at {keys:?}"
        );
        let at = |time: Duration| call.shown.iter().rfind(|shown| shown.at < time).unwrap().picture.size().to_string();
        assert_eq!([at(turned_at), at(turned_back_at), at(call.now)], ["64x48", "80x64", "64x48"]);
        call.assert_every_picture_is_as_committed();
    }
}

#[test]
fn after_a_long_silence_the_call_goes_on_without_a_key_frame() {
    // Thirty seconds in which nothing crosses in either direction.
    for profile in PROFILES {
        let mut call = Call::new(profile);
        let silent = Rc::new(RefCell::new(false));
        let (there, back) = (Rc::clone(&silent), Rc::clone(&silent));
        call.media = Box::new(move |_| lost_if(*there.borrow()));
        call.acks = Box::new(move |_| lost_if(*back.borrow()));
        call.run_for(seconds(3));
        *silent.borrow_mut() = true;
        call.run_for(seconds(30));
        *silent.borrow_mut() = false;
        let back_at = call.now;
        let shown_before = call.shown.len();
        call.run_to(|call| call.shown.len() > shown_before);
        if profile != Profile::Classic {
            let first = call.frame(call.shown.last().unwrap().frame.0);
            assert!(first.at >= back_at, "{profile:?}: nothing sent into the silence arrives");
            call.run_for(seconds(2));
            assert_eq!(key_frames(&call), [0], "{profile:?}: the receiver holds states from before");
            call.assert_every_picture_is_as_committed();
        }
    }
}

#[test]
fn states_stay_within_their_limits_over_thousands_of_frames() {
    for profile in PROFILES {
        let mut call = Call::new(profile);
        call.pictures = scene(48, 32);
        let mut random = chance(4);
        let mut random_back = chance(5);
        call.media = Box::new(move |fragment| {
            // A third of the call is clean, a third loses one in ten, a third is silent for seconds at a time.
            match fragment.frame / 64 % 3 {
                0 => arrives(),
                1 => lost_if(random() < 0.1),
                _ => lost_if(fragment.frame.is_multiple_of(64)),
            }
        });
        call.acks = Box::new(move |_| lost_if(random_back() < 0.2));
        let mut most = (0, 0);
        for _ in 0..350 {
            call.run_for(millis(200));
            most = (most.0.max(call.sender.states_held()), most.1.max(call.receiver.states_held()));
        }
        assert!(call.committed.len() > 1200, "{profile:?}: {}", call.committed.len());
        assert!(most.0 <= oyster_sender::MAX_STATES, "{profile:?}: {} states at the sender", most.0);
        assert!(most.1 <= oyster_receiver::MAX_STATES, "{profile:?}: {} states at the receiver", most.1);
        assert!(call.sender.states_held() < 40, "{profile:?}: {} states at its end", call.sender.states_held());
    }
}

#[test]
fn a_frame_is_never_built_on_a_state_whose_loss_is_known() {
    let mut call = Call::new(Profile::Oyster);
    call.encode_cost = millis(10);
    let mut random = chance(11);
    call.media = Box::new(move |_| lost_if(random() < 0.1));
    call.run_for(seconds(10));
    assert_eq!(call.shown.last().map(|shown| shown.frame > FrameNumber(200)), Some(true));
    call.assert_every_picture_is_as_committed();
}
