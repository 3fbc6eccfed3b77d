//! What distinguishes the profiles, seen from outside: which versions are made and which one goes.

mod call;

use call::{Call, lost_if, millis, scene, seconds};
use oyster_codec::{Encoded, QuantizerIndex};
use oyster_sender::{Choice, EncodeJob, Encoding, Sender, Versions};
use oyster_transport::{Profile, SenderConfig};

#[test]
fn classic_sends_the_larger_of_the_two_that_fit() {
    let mut call = Call::new(Profile::Classic);
    call.pictures = scene(176, 144);
    call.bytes_per_second = 60e3;
    call.run_for(seconds(10));
    let mut skipped = 0;
    for turn in &call.turns {
        assert_eq!(turn.sizes.len(), 2);
        let fitting = (0..2).filter(|&version| turn.sizes[version] <= turn.budget).max_by_key(|&v| turn.sizes[v]);
        let expected = match fitting {
            Some(0) => Choice::Fine,
            None if skipped < 3 => Choice::Skip,
            _ => Choice::Coarse,
        };
        assert_eq!(turn.decision.choice, expected, "{turn:?}");
        skipped = if expected == Choice::Skip { skipped + 1 } else { 0 };
    }
    let went = |choice| call.turns.iter().filter(|turn| turn.decision.choice == choice).count();
    assert!(went(Choice::Fine) > 20 && went(Choice::Coarse) > 20, "a link on which both are chosen");
}

#[test]
fn classic_forces_every_fourth_frame_where_nothing_fits() {
    let mut call = Call::new(Profile::Classic);
    call.bytes_per_second = 500.0;
    call.run_for(seconds(30));
    let late: Vec<Choice> = call.turns.iter().skip(150).map(|turn| turn.decision.choice).collect();
    let start = late.iter().position(|&choice| choice == Choice::Coarse).expect("one is forced");
    for four in late[start..].chunks_exact(4) {
        assert_eq!(four, [Choice::Coarse, Choice::Skip, Choice::Skip, Choice::Skip]);
    }
}

#[test]
fn classic_is_careful_for_five_seconds_after_the_receiver_names_a_state_it_never_made() {
    let mut call = Call::new(Profile::Classic);
    call.media = Box::new(|fragment| lost_if(fragment.frame == 30));
    call.run_for(seconds(10));
    let chained = call.committed.windows(2).map(|pair| (pair[1].at, pair[1].sent.source == pair[0].sent.target));
    let careful: Vec<_> = chained.clone().filter(|&(_, chained)| !chained).map(|(at, _)| at).collect();
    let (first, last) = (careful[0], *careful.last().unwrap());
    // The frame after the lost one is decoded from what there was: its ack tells.
    let told_at = call.frame(31).at + 2 * call::ONE_WAY;
    assert!(first >= told_at && first <= told_at + call::FRAME, "from {first:?}, told at {told_at:?}");
    assert!(last > told_at + millis(4900) && last <= told_at + seconds(5), "until {last:?}");
    // In between no frame starts from one that is not known to have arrived, which takes longer than a frame.
    assert!(chained.filter(|(at, _)| (first..last).contains(at)).all(|(_, chained)| !chained));
    assert!(call.committed.iter().skip(1).all(|frame| !frame.key));
}

#[test]
fn classic_shows_what_a_broken_frame_gives_and_the_others_never_do() {
    for (profile, shows) in [(Profile::Classic, true), (Profile::Oyster, false), (Profile::Conventional, false)] {
        let mut call = Call::new(profile);
        call.pictures = scene(176, 144);
        call.media = Box::new(|fragment| lost_if(fragment.frame == 30 && fragment.index + 1 == fragment.count));
        call.run_for(seconds(2));
        let wrong = call.shown.iter().filter(|shown| shown.picture != call.frame(shown.frame.0).picture).count();
        assert_eq!(wrong > 0, shows, "{profile:?}: {wrong} pictures nobody meant");
    }
}

#[test]
fn conventional_makes_one_version_and_its_average_meets_the_rate() {
    let mut call = Call::new(Profile::Conventional);
    call.pictures = scene(176, 144);
    call.bytes_per_second = 20e3;
    call.run_for(seconds(10));
    let (mut rate_sum, ticks) = (0.0, 10_000);
    let from = call.now;
    for _ in 0..ticks {
        call.run_for(millis(1));
        rate_sum += call.sender.transport().rate(call.now);
    }
    let sent: usize = call.committed_from(from).map(|frame| frame.sent.bytes).sum();
    let met = sent as f64 / 10.0 / (rate_sum / f64::from(ticks));
    assert!(call.turns.iter().all(|turn| turn.sizes.len() == 1));
    assert!((0.85..=1.05).contains(&met), "sends {met:.2} of its rate");
}

#[test]
fn oyster_sends_the_finest_version_that_fits_or_waits_a_little_and_over_the_budget_only_the_smallest() {
    let mut call = Call::new(Profile::Oyster);
    call.pictures = scene(176, 144);
    call.bytes_per_second = 12e3;
    call.run_for(seconds(10));
    let mut sent_at = seconds(0);
    for turn in &call.turns {
        assert!(turn.sizes.is_sorted_by(|a, b| a >= b), "finest first: {turn:?}");
        let fits = turn.sizes.iter().position(|&bytes| bytes <= turn.budget);
        match turn.decision.choice {
            Choice::Fine => assert_eq!(fits, Some(0), "{turn:?}"),
            Choice::Coarse => assert_eq!(fits, Some(1), "{turn:?}"),
            Choice::Survival => assert!(fits.is_none_or(|place| place == 2), "{turn:?}"),
            Choice::Skip => assert!(fits.is_none() || turn.at - sent_at < millis(60), "{turn:?}"),
        }
        if let Some(sent) = &turn.decision.sent {
            assert!(fits.is_some() || Some(&sent.bytes) == turn.sizes.last(), "{turn:?}");
            sent_at = turn.at;
        }
    }
    let went = |choice| call.turns.iter().filter(|turn| turn.decision.choice == choice).count();
    assert!(went(Choice::Fine) > 0 && went(Choice::Fine) < call.turns.len(), "a link on which not all is fine");
}

#[test]
fn an_encode_job_run_twice_gives_the_same_bytes_states_and_hints() {
    for profile in call::PROFILES {
        let mut sender = Sender::new(SenderConfig::for_profile(profile), Encoding::default());
        for (capture, picture) in scene(80, 64).iter().take(5).enumerate() {
            let now = millis(33 * capture as u64);
            sender.handle_image(capture as u64, picture.clone());
            let job = sender.poll_job(now).expect("the encoder is free");
            let [once, again] = [(); 2].map(|()| job.run().expect("a picture"));
            let values = |version: &Encoded| (version.frame.clone(), version.target.id(), version.quantizer);
            assert!(once.versions.iter().map(values).eq(again.versions.iter().map(values)), "{profile:?} {capture}");
            assert_eq!(once.hints, again.hints);
            sender.handle_encoded(once, now);
        }
    }
}

#[test]
fn where_the_link_has_room_one_version_is_made_and_a_smaller_one_only_if_that_is_too_large_all_the_same() {
    let mut sender = Sender::new(SenderConfig::default(), Encoding::default());
    sender.handle_image(0, scene(176, 144)[0].clone());
    let job = sender.poll_job(millis(0)).expect("the encoder is free");
    let sizes = |bytes_max| {
        let quantizer = QuantizerIndex::saturating(8);
        let job = EncodeJob { versions: Versions::Roomy { quantizer, bytes_max }, ..job.clone() };
        job.run().expect("a picture").versions.iter().map(Encoded::transition_bytes).collect::<Vec<_>>()
    };
    let one = sizes(usize::MAX);
    assert_eq!(one.len(), 1);
    assert_eq!(sizes(one[0]), one);
    let two = sizes(one[0] / 2);
    assert!(two.len() == 2 && two[0] == one[0] && two[1] <= one[0] / 2, "{two:?}");
}

#[test]
fn no_version_is_finer_than_is_asked_for() {
    let finest = QuantizerIndex::saturating(60);
    let mut sender = Sender::new(SenderConfig::default(), Encoding { finest, ..Encoding::default() });
    for (capture, picture) in scene(80, 64).iter().take(5).enumerate() {
        let now = millis(33 * capture as u64);
        sender.handle_image(capture as u64, picture.clone());
        let result = sender.poll_job(now).expect("the encoder is free").run().expect("a picture");
        assert!(result.versions.iter().all(|version| version.quantizer >= finest));
        sender.handle_encoded(result, now);
    }
}

#[test]
fn a_picture_that_waits_for_the_encoder_gives_way_to_a_newer_one() {
    let mut sender = Sender::new(SenderConfig::default(), Encoding::default());
    let pictures = scene(64, 48);
    assert_eq!(sender.handle_image(0, pictures[0].clone()), None);
    let job = sender.poll_job(millis(0)).expect("the encoder is free");
    assert_eq!(sender.handle_image(1, pictures[1].clone()), None);
    assert!(sender.poll_job(millis(33)).is_none(), "it is busy");
    assert_eq!(sender.handle_image(2, pictures[2].clone()), Some(1));
    sender.handle_encoded(job.run().unwrap(), millis(70));
    assert_eq!(sender.poll_job(millis(70)).map(|job| job.capture), Some(2));
}
