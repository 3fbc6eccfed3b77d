//! Calls small enough to work out on paper. Frame 0 of most is captured at 2 s, where scoring begins.

use super::*;

/// A frame captured every 100 ms from 2 s on, sent fine at once in 1000 bytes, and shown when the story says.
fn frame(number: u64, shown_ms: Option<u64>) -> CapturedFrame {
    let captured_us = UNSCORED_US + number * 100_000;
    CapturedFrame {
        number,
        captured_us,
        encode_start_us: Some(captured_us + 1_000),
        encoded_us: Some(captured_us + 11_000),
        sent_us: Some(captured_us + 11_000),
        decode_start_us: shown_ms.map(|shown| shown * 1000 - 3_000),
        decoded_us: shown_ms.map(|shown| shown * 1000),
        shown_us: shown_ms.map(|shown| shown * 1000),
        bytes: Some(1000),
        choice: Some(Choice::Fine),
        ..CapturedFrame::default()
    }
}

fn run(frames: &[CapturedFrame], ends_ms: u64) -> Run<'_> {
    Run { frames, starts_us: 0, ends_us: ends_ms * 1000, link: None, bound_b1_p95_ms: None }
}

fn delays(run: &Run) -> Vec<f64> {
    signal_delays_ms(run).into_iter().map(|(_, delay_ms)| delay_ms).collect()
}

fn close(found: Option<f64>, expected: f64) {
    assert!(found.is_some_and(|found| (found - expected).abs() < 1e-9), "{found:?} instead of {expected}");
}

#[test]
fn a_frame_that_is_shown_delays_the_signal_by_its_own_way() {
    let frames = [frame(0, Some(2_050)), frame(1, Some(2_160)), frame(2, Some(2_240))];
    assert_eq!(delays(&run(&frames, 2_300)), [50.0, 60.0, 40.0]);
}

#[test]
fn a_frame_that_is_not_shown_waits_for_a_later_one() {
    let frames = [frame(0, Some(2_050)), frame(1, None), frame(2, None), frame(3, Some(2_340))];
    assert_eq!(delays(&run(&frames, 2_400)), [50.0, 240.0, 140.0, 40.0]);
}

#[test]
fn a_later_frame_that_overtakes_serves_the_earlier_one() {
    let frames = [frame(0, Some(2_500)), frame(1, Some(2_150))];
    assert_eq!(delays(&run(&frames, 2_600)), [150.0, 50.0]);
}

#[test]
fn what_nothing_followed_is_charged_to_the_end() {
    let frames = [frame(0, Some(2_050)), frame(1, None), frame(2, Some(99_000))];
    let run = run(&frames, 3_000);
    assert_eq!(delays(&run), [50.0, 900.0, 800.0]);
    assert_eq!(
        run.figures().frames,
        FrameCounts { captured: 3, sent_fine: 3, shown: 1, lost: 2, ..Default::default() }
    );
}

#[test]
fn the_first_two_seconds_are_not_scored_but_can_be_served_later() {
    let mut early = frame(0, None);
    early.captured_us = UNSCORED_US - 1;
    let frames = [early, frame(1, Some(2_150))];
    let run = run(&frames, 2_200);
    assert_eq!(delays(&run), [150.001, 50.0]);
    let figures = run.figures();
    assert_eq!((figures.signal_delay_ms.max, figures.frames.captured), (Some(50.0), 1));
}

#[test]
fn every_frame_is_sent_or_skipped() {
    let mut frames: Vec<CapturedFrame> = (0..5).map(|number| frame(number, None)).collect();
    frames[1].choice = Some(Choice::Coarse);
    frames[2].choice = Some(Choice::Survival);
    frames[3].choice = Some(Choice::Skip);
    frames[4].choice = None;
    let counts = run(&frames, 3_000).figures().frames;
    let expected =
        FrameCounts { captured: 5, sent_fine: 1, sent_coarse: 1, sent_survival: 1, skipped: 2, shown: 0, lost: 3 };
    assert_eq!(counts, expected);
}

#[test]
fn ssim_is_averaged_linearly_and_only_over_what_was_shown() {
    let mut frames = [frame(0, Some(2_050)), frame(1, Some(2_150)), frame(2, None)];
    for (frame, ssim_y) in frames.iter_mut().zip([0.99, 0.81, 0.0]) {
        frame.ssim_y = Some(ssim_y);
    }
    let likeness = run(&frames, 2_300).figures().ssim_y_db;
    close(likeness.mean, 10.0); // of 0.9, not of 20 dB and 7.2 dB
    close(likeness.p5, -10.0 * (1.0 - 0.819_f64).log10()); // 0.81 + 0.05 * 0.18
}

#[test]
fn psnr_is_of_the_mean_squared_error() {
    let mut frames = [frame(0, Some(2_050)), frame(1, Some(2_150))];
    for (frame, mse) in frames.iter_mut().zip([1.0, 9.0]) {
        frame.psnr_y_db = Some(psnr_db(mse));
    }
    close(run(&frames, 2_300).figures().psnr_y_db, psnr_db(5.0));
}

#[test]
fn rates_are_over_the_scored_window() {
    let frames: Vec<CapturedFrame> = (0..10).map(|number| frame(number, Some(2_050 + 100 * number))).collect();
    let queue_delays_ms = [0.0, 10.0, 20.0];
    let link = LinkUse { capacity_bytes: 50_000, carried_bytes: 12_500, queue_delays_ms: &queue_delays_ms };
    let figures = Run { link: Some(link), bound_b1_p95_ms: Some(25.0), ..run(&frames, 3_000) }.figures();
    assert_eq!((figures.fps_captured, figures.fps_shown), (Some(10.0), Some(10.0)));
    assert_eq!((figures.video_kbps, figures.link_kbps, figures.utilisation), (Some(80.0), Some(400.0), Some(0.25)));
    assert_eq!(figures.queue_delay_ms.p50, Some(10.0));
    assert_eq!((figures.encode_ms.p95, figures.decode_ms.p50), (Some(10.0), Some(3.0)));
    assert_eq!((figures.signal_delay_ms.p95, figures.ratio_to_bound), (Some(50.0), Some(2.0)));
}

#[test]
fn a_gap_of_three_means_is_a_freeze_if_it_is_150_ms_more_too() {
    // Steps of 100 ms: a freeze begins at 300 ms, where 3 x 100 overtakes 100 + 150.
    for (gap_ms, freezes) in [(299, 0), (300, 1)] {
        let frames = [frame(0, Some(2_000)), frame(1, Some(2_100)), frame(2, Some(2_100 + gap_ms))];
        let gaps = screen_gaps(&run(&frames, 2_450));
        assert_eq!(gaps, Gaps { freezes, longest_ms: Some(gap_ms as f64) });
    }
    // Steps of 20 ms: it begins at 170 ms.
    for (gap_ms, freezes) in [(169, 0), (170, 1)] {
        let frames = [frame(0, Some(2_000)), frame(1, Some(2_020)), frame(2, Some(2_020 + gap_ms))];
        assert_eq!(screen_gaps(&run(&frames, 2_200)).freezes, freezes);
    }
}

#[test]
fn a_picture_that_stays_to_the_end_is_a_gap_and_a_freeze() {
    let frames = [frame(0, Some(2_000)), frame(1, Some(2_100))];
    assert_eq!(screen_gaps(&run(&frames, 5_000)), Gaps { freezes: 1, longest_ms: Some(2_900.0) });
}

#[test]
fn gaps_of_the_unscored_start_do_not_count_but_teach_the_mean() {
    let mut frames = [frame(0, Some(500)), frame(1, Some(1_500)), frame(2, Some(2_400)), frame(3, Some(2_700))];
    for (frame, captured_us) in frames.iter_mut().zip([400_000, 1_400_000, 2_300_000, 2_600_000]) {
        frame.captured_us = captured_us;
    }
    // 900 ms from 1.5 s, of which 400 ms are scored; no freeze at steps of a second.
    assert_eq!(screen_gaps(&run(&frames, 2_700)), Gaps { freezes: 0, longest_ms: Some(400.0) });
}

#[test]
fn nothing_on_the_screen_is_one_long_gap() {
    let frames = [frame(0, None)];
    assert_eq!(screen_gaps(&run(&frames, 6_000)), Gaps { freezes: 0, longest_ms: Some(4_000.0) });
}

#[test]
fn a_run_without_frames_is_null_not_nonsense() {
    for ends_ms in [0, 1_000, 2_000] {
        let json = run(&[], ends_ms).figures().to_json();
        assert!(
            json.contains(r#""signal_delay_ms":{"mean":null,"p50":null,"p95":null,"p99":null,"max":null}"#),
            "{json}"
        );
        assert!(json.contains(r#""fps_captured":null"#) && json.contains(r#""longest_gap_ms":null"#), "{json}");
    }
}

#[test]
fn the_keys_are_those_of_the_command_line() {
    let frames = [frame(0, Some(2_050))];
    let json: serde_json::Value = serde_json::from_str(&run(&frames, 2_100).figures().to_json()).unwrap();
    for (key, inner) in [
        ("signal_delay_ms", &["mean", "p50", "p95", "p99", "max"][..]),
        ("frame_delay_ms", &["mean", "p50", "p95", "p99", "max"]),
        ("ssim_y_db", &["mean", "p5"]),
        ("queue_delay_ms", &["p50", "p95"]),
        ("frames", &["captured", "sent_fine", "sent_coarse", "skipped", "shown", "lost"]),
        ("bound", &["b1_p95_ms"]),
        ("encode_ms", &["p50", "p95"]),
        ("decode_ms", &["p50", "p95"]),
    ] {
        let object = json[key].as_object().unwrap_or_else(|| panic!("no {key} in {json}"));
        assert!(inner.iter().all(|&inner| object.contains_key(inner)), "{key}: {object:?}");
    }
    let object = json.as_object().unwrap();
    for key in [
        "psnr_y_db",
        "fps_captured",
        "fps_shown",
        "freezes",
        "longest_gap_ms",
        "video_kbps",
        "link_kbps",
        "utilisation",
        "ratio_to_bound",
    ] {
        assert!(object.contains_key(key), "no {key} in {json}");
    }
}

#[test]
fn a_perfect_picture_is_null_in_json_which_has_no_infinity() {
    let mut frames = [frame(0, Some(2_050))];
    (frames[0].ssim_y, frames[0].psnr_y_db) = (Some(1.0), Some(f64::INFINITY));
    let figures = run(&frames, 2_100).figures();
    assert_eq!((figures.ssim_y_db.mean, figures.psnr_y_db), (Some(f64::INFINITY), Some(f64::INFINITY)));
    assert!(figures.to_json().contains(r#""psnr_y_db":null"#));
}
