//! What a broken network or a wrong peer can do to a call: cost a frame, never more.

mod call;

use call::{Call, FRAME, chance, millis, seconds};
use oyster_codec::{PrefixState, StateReport, StateTag, Transition};
use oyster_transport::{ACK_HEADER_BYTES, AckError, AckHeader, FRAGMENT_HEADER_BYTES, Profile};

/// The newest ack again, written `later` by its number, with a report of somebody's choosing.
fn forged(call: &Call, later: i32, report: &StateReport) -> Vec<u8> {
    let newest = call.newest_ack.expect("something arrived");
    let header = AckHeader { number: newest.number.saturating_add_signed(later), ..newest };
    header.write(&report.to_bytes())
}

fn key_frames(call: &Call) -> usize {
    call.committed.iter().filter(|frame| frame.key).count()
}

#[test]
fn a_corrupt_frame_is_not_shown_and_the_next_chain_starts_before_it() {
    for profile in [Profile::Oyster, Profile::Conventional] {
        let mut call = Call::new(profile);
        let mut random = chance(2);
        call.tamper = Box::new(move |fragment, bytes| {
            if fragment.frame == 30 {
                let vp8 = FRAGMENT_HEADER_BYTES + Transition::HEADER_BYTES;
                let place = vp8 + ((bytes.len() - vp8) as f64 * random()) as usize;
                bytes[place] ^= 0x55;
            }
        });
        call.run_for(seconds(3));
        assert!(!call.was_shown(30), "{profile:?}");
        let anew = call.committed.windows(2).filter(|pair| pair[1].sent.source != pair[0].sent.target);
        let sources: Vec<StateTag> = anew.map(|pair| pair[1].sent.source).collect();
        assert_eq!(sources, [call.frame(29).sent.target], "{profile:?}");
        assert_eq!(key_frames(&call), 1);
        call.assert_every_picture_is_as_committed();
    }
}

#[test]
fn corruption_of_any_payload_at_any_time_shows_no_wrong_picture() {
    let mut call = Call::new(Profile::Oyster);
    let mut random = chance(7);
    call.tamper = Box::new(move |_, bytes| {
        if random() < 0.05 {
            // Names of states and VP8 alike.
            let place = FRAGMENT_HEADER_BYTES + ((bytes.len() - FRAGMENT_HEADER_BYTES) as f64 * random()) as usize;
            bytes[place] ^= 1 << (random() * 8.0) as u32;
        }
    });
    call.run_for(seconds(20));
    assert!(call.shown.len() > call.committed.len() / 2, "{} of {}", call.shown.len(), call.committed.len());
    call.assert_every_picture_is_as_committed();
}

#[test]
fn a_transition_that_names_a_wrong_target_is_neither_shown_nor_held() {
    for profile in [Profile::Oyster, Profile::Conventional] {
        let mut call = Call::new(profile);
        call.tamper = Box::new(|fragment, bytes| {
            if (fragment.frame, fragment.index) == (30, 0) {
                bytes[FRAGMENT_HEADER_BYTES + 8] ^= 1;
            }
        });
        call.run_for(seconds(2));
        assert!(!call.was_shown(30) && !call.was_shown(31), "{profile:?}");
        assert!(call.shown.last().unwrap().frame.0 > 40 && key_frames(&call) == 1, "{profile:?}");
        call.assert_every_picture_is_as_committed();
    }
}

#[test]
fn datagrams_of_others_change_nothing() {
    let mut call = Call::new(Profile::Oyster);
    let mut clean = Call::new(Profile::Oyster);
    let mut random = chance(3);
    for _ in 0..60 {
        let bytes: Vec<u8> = (0..(random() * 100.0) as usize).map(|_| (random() * 256.0) as u8 & 0xee).collect();
        assert!(call.receiver.handle_datagram(&bytes, call.now).is_err(), "{bytes:?}");
        assert!(call.sender.handle_ack(&bytes, call.now).is_err(), "{bytes:?}");
        call.run_for(FRAME);
        clean.run_for(FRAME);
    }
    assert_eq!(call.turns, clean.turns);
}

#[test]
fn an_ack_of_what_was_never_sent_changes_nothing() {
    let mut call = Call::new(Profile::Oyster);
    let mut clean = Call::new(Profile::Oyster);
    for second in 0..3 {
        call.run_for(seconds(1));
        clean.run_for(seconds(1));
        let report =
            StateReport { current: StateTag([9; 8]), handled: Some(u32::MAX - 1), held: Vec::new(), prefix: None };
        let mut ack = forged(&call, 1, &report);
        ack[17..21].copy_from_slice(&100_000_u32.to_be_bytes());
        let refused = call.sender.handle_ack(&ack, call.now);
        assert_eq!(refused, Err(AckError::NeverSent { newest: 100_000 }), "second {second}");
        assert!(call.sender.handle_ack(&ack[..ACK_HEADER_BYTES - 1], call.now).is_err());
    }
    call.run_for(seconds(1));
    clean.run_for(seconds(1));
    assert_eq!(call.turns, clean.turns);
}

#[test]
fn an_ack_older_than_the_newest_says_nothing_of_states() {
    let mut call = Call::new(Profile::Oyster);
    call.run_for(seconds(2));
    let report =
        StateReport { current: StateTag([9; 8]), handled: Some(1000), held: vec![StateTag([9; 8])], prefix: None };
    let ack = forged(&call, -60, &report);
    call.sender.handle_ack(&ack, call.now).expect("it is well formed");
    call.run_for(seconds(1));
    assert_eq!(key_frames(&call), 1);
    assert!(call.committed.windows(2).all(|pair| pair[1].sent.source == pair[0].sent.target));
}

#[test]
fn a_beginning_that_a_peer_names_is_not_followed_where_beginnings_are_not_used() {
    let mut call = Call::new(Profile::Oyster);
    call.run_for(seconds(2));
    let [known, newest] = [3, 1].map(|back| call.committed[call.committed.len() - back].sent.clone());
    let begun = PrefixState { transition: newest.frame.0, bytes: 1, state: StateTag([9; 8]) };
    let held = vec![known.target];
    let report = StateReport { current: known.target, handled: Some(newest.frame.0), held, prefix: Some(begun) };
    let ack = forged(&call, 1, &report);
    call.sender.handle_ack(&ack, call.now).expect("it is well formed");
    let from = call.now;
    call.run_for(millis(200));
    assert_eq!(call.committed_from(from).next().map(|frame| frame.sent.source), Some(known.target));
    assert_eq!(key_frames(&call), 1);
}

#[test]
fn a_report_that_names_unknown_states_among_known_ones_costs_nothing() {
    for profile in [Profile::Oyster, Profile::Conventional] {
        let mut call = Call::new(profile);
        call.run_for(seconds(2));
        for known_place in 0..2 {
            let mut held = vec![StateTag([9; 8])];
            held.insert(known_place, call.committed[call.committed.len() - 3].sent.target);
            let report = StateReport { current: StateTag([7; 8]), handled: None, held, prefix: None };
            let ack = forged(&call, 1, &report);
            call.sender.handle_ack(&ack, call.now).expect("it is well formed");
            call.run_for(millis(200));
        }
        call.run_for(seconds(1));
        assert_eq!(key_frames(&call), 1, "{profile:?}");
        call.assert_every_picture_is_as_committed();
    }
}
