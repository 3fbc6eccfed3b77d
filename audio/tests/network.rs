//! The voice over networks of every kind, in virtual time.

mod world;

use std::time::Duration;

use oyster_audio::{AudioReceiver, AudioSender, FRAME_SAMPLES};
use proptest::prelude::*;
use world::{Dice, Heard, cross, spectral_distance, speech};

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn clean(sound: &[f32]) -> Heard {
    cross(sound, 0.0, true, &mut |_, _| vec![ms(30)])
}

fn lossy(loss: f64) -> impl FnMut(&mut Dice, Duration) -> Vec<Duration> {
    move |dice, _| if dice.roll() < loss { vec![] } else { vec![ms(30) + ms(2).mul_f64(dice.roll())] }
}

#[test]
fn over_an_even_network_every_frame_is_played_and_waits_for_nothing() {
    let heard = clean(&speech(20.0, 1));
    let figures = heard.last();
    assert_eq!((figures.concealed_frames, figures.recovered_frames, figures.late_frames), (0, 0, 0));
    // 20 ms of frame, 30 ms of network, and what it waits here.
    assert!(heard.delay_p95() < ms(50 + 20), "{:?}", heard.delay_p95());
    assert!(heard.bytes * 8 / 20 < 45_000, "{} bit/s", heard.bytes * 8 / 20);
}

#[test]
fn jitter_is_waited_out_and_no_more() {
    let heard = cross(&speech(30.0, 2), 0.0, true, &mut |dice, _| vec![ms(30) + ms(60).mul_f64(dice.roll())]);
    let figures = heard.last();
    let (missed, played) = (figures.concealed_frames + figures.late_frames, figures.played_frames);
    assert!(missed * 40 < played, "{missed} of {played}");
    assert!(heard.delay_p95() < ms(20 + 90 + 25), "{:?}", heard.delay_p95());
}

#[test]
fn at_a_fifth_lost_the_voice_is_clear() {
    let sound = speech(30.0, 3);
    let clean = clean(&sound);
    let protected = cross(&sound, 0.0, true, &mut lossy(0.2));
    let bare = cross(&sound, 0.0, false, &mut lossy(0.2));
    let figures = protected.last();
    let (concealed, all) = (figures.concealed_frames, figures.played_frames + figures.recovered_frames);
    eprintln!(
        "concealed {concealed}, recovered {}, played {}; {:.2} dB from the clean one, unprotected {:.2} dB; p95 {:?} against {:?}; {} bit/s against {}",
        figures.recovered_frames,
        figures.played_frames,
        spectral_distance(&protected, &clean),
        spectral_distance(&bare, &clean),
        protected.delay_p95(),
        clean.delay_p95(),
        protected.bytes * 8 / 30,
        clean.bytes * 8 / 30,
    );
    assert!(concealed * 50 < all, "{concealed} of {all} frames were made up");
    assert!(spectral_distance(&protected, &clean) < 0.6 * spectral_distance(&bare, &clean));
    assert!(protected.delay_p95() < clean.delay_p95() + ms(60), "{:?}", protected.delay_p95());
}

#[test]
fn no_gap_is_heard_where_packets_are_lost() {
    let sound: Vec<f32> = (0..48_000 * 10).map(|i| (i as f32 * 0.03).sin() * 0.3).collect();
    let heard = cross(&sound, 0.0, true, &mut lossy(0.2));
    let quiet = heard.blocks[200..].iter().filter(|(_, block)| block.iter().all(|sample| sample.abs() < 0.02)).count();
    assert_eq!(quiet, 0, "blocks of silence in an unbroken tone");
}

#[test]
fn clocks_that_part_by_200_ppm_are_followed_unheard() {
    for drift_ppm in [-200.0, 200.0] {
        let heard = cross(&speech(240.0, 4), drift_ppm, true, &mut |dice, _| vec![ms(30) + ms(5).mul_f64(dice.roll())]);
        let figures = heard.last();
        assert!(figures.concealed_frames + figures.late_frames <= 5, "{figures:?}");
        let waited = heard.figures.iter().skip(5).map(|figures| figures.waited).max().unwrap();
        assert!(waited < ms(35), "{waited:?} at {drift_ppm} ppm");
        // 200 ppm of four minutes are 48 ms; the first second's caution is given back on top.
        let net = figures.shortened.as_secs_f64() - (figures.lengthened + figures.filled).as_secs_f64();
        assert!((net - drift_ppm.signum() * 0.048).abs() < 0.035, "{net} s at {drift_ppm} ppm: {figures:?}");
        assert!(figures.filled < ms(2000), "{figures:?}");
    }
}

#[test]
fn after_an_outage_the_voice_is_back_without_its_delay() {
    let outage = ms(10_000)..ms(11_500);
    let heard = cross(&speech(20.0, 5), 0.0, true, &mut |_, sent| {
        // What was sent meanwhile arrives all at once after it.
        vec![if outage.contains(&sent) { outage.end - sent + ms(30) } else { ms(30) }]
    });
    let offset = |block: usize| heard.blocks[block].0.unwrap().offset_us();
    assert!(offset(1250) < offset(990) + 30_000, "{} after, {} before", offset(1250), offset(990));
    assert!(heard.last().played_frames > 850);
}

#[test]
fn a_pause_costs_nothing_and_what_follows_it_is_on_time() {
    let mut sound = speech(6.0, 6);
    sound.extend(std::iter::repeat_n(0.0, 48_000 * 4));
    sound.extend(speech(6.0, 7));
    let heard = clean(&sound);
    let figures = heard.last();
    assert!(heard.packets < 16 * 50 - 120, "{} packets", heard.packets);
    assert_eq!((figures.concealed_frames, figures.late_frames), (0, 0));
    let offset = |block: usize| heard.blocks[block].0.unwrap().offset_us();
    assert!((offset(1500) - offset(550)).abs() < 20_000, "{} after, {} before", offset(1500), offset(550));
}

#[test]
fn a_peer_that_begins_again_is_heard_again() {
    let mut receiver = AudioReceiver::new().unwrap();
    let frame: [f32; FRAME_SAMPLES] = std::array::from_fn(|i| (i as f32 * 0.05).sin() * 0.3);
    let mut now = Duration::ZERO;
    for _ in 0..2 {
        let mut sender = AudioSender::new().unwrap();
        let mut loudest = 0.0f32;
        for number in 0..200 {
            let packet = sender.send(&frame, ms(20 * number)).unwrap();
            receiver.handle_packet(&packet, now).unwrap();
            now += ms(20);
            let mut out = [0.0; FRAME_SAMPLES];
            receiver.pull(&mut out, now, Duration::ZERO);
            loudest = out.iter().fold(0.0, |loudest, sample| loudest.max(sample.abs()));
        }
        assert!(loudest > 0.2);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the network does, and however oddly it is asked for, sound comes: exactly as much as asked for, and nothing but
    /// sound.
    #[test]
    fn any_network_gives_sound_and_nothing_else(
        fates in prop::collection::vec((prop::bool::weighted(0.2), 0u64..400, 0usize..3), 1..120),
        asks in prop::collection::vec(1usize..2500, 1..8), drift in -200i64..200, seed in 0u64..50,
    ) {
        let sound = speech(2.4, seed);
        let (mut sender, mut receiver) = (AudioSender::new().unwrap(), AudioReceiver::new().unwrap());
        let mut arrivals = Vec::new();
        for (number, frame) in sound.as_chunks::<FRAME_SAMPLES>().0.iter().enumerate() {
            let (is_lost, jitter_ms, copies) = fates[number % fates.len()];
            sender.handle_loss(jitter_ms as f64 / 1000.0).unwrap();
            let captured = ms(20 * number as u64);
            let Some(packet) = sender.send(frame, captured).filter(|_| !is_lost) else { continue };
            for copy in 0..=copies as u64 {
                let late = Duration::from_micros((20_000 + drift) as u64 * number as u64) + ms(20 + jitter_ms + 7 * copy);
                arrivals.push((late, packet.clone()));
            }
        }
        arrivals.sort();
        let mut arrivals = arrivals.into_iter().peekable();
        let mut pulled = 0u64;
        for ask in asks.iter().cycle() {
            let now = oyster_audio::duration_of(pulled);
            while let Some((at, packet)) = arrivals.next_if(|(at, _)| *at <= now) {
                receiver.handle_packet(&packet, at).unwrap();
            }
            let mut out = vec![f32::NAN; *ask];
            receiver.pull(&mut out, now, ms(10));
            prop_assert!(out.iter().all(|sample| sample.abs() < 4.0), "not sound");
            pulled += *ask as u64;
            if arrivals.peek().is_none() && now > ms(3000) {
                break;
            }
        }
        let figures = receiver.figures();
        prop_assert!(figures.waited < ms(1000), "{:?}", figures);
    }
}
