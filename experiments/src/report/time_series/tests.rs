//! Drawings of calls that were made up here; the words and lines they must have.

use super::*;

fn call(frames: u64) -> Vec<CapturedFrame> {
    let mut calls = Vec::new();
    for number in 0..frames {
        let captured_us = 10_000_000 + number * 33_333;
        let lost = (300..345).contains(&(number % 900));
        let wave = ((number % 211) as f64 / 211.0 - 0.5).abs();
        let choice = match number % 7 {
            _ if lost => Choice::Skip,
            0..3 => Choice::Coarse,
            _ => Choice::Fine,
        };
        let delay_us = 60_000 + (number * 7919 % 40) * 1_000 + (wave * 90_000.0) as u64;
        calls.push(CapturedFrame {
            number,
            captured_us,
            sent_us: (!lost).then_some(captured_us + 11_000),
            received_us: (!lost).then_some(captured_us + delay_us - 5_000),
            shown_us: (!lost).then_some(captured_us + delay_us),
            bytes: (!lost).then_some(3_000 + number * 104_729 % 3_000),
            choice: Some(choice),
            ssim_y: Some(0.97 + 0.02 * wave),
            ..CapturedFrame::default()
        });
    }
    calls
}

fn series<'a>(frames: &'a [CapturedFrame], capacity_kbps: &'a [f64]) -> TimeSeries<'a> {
    let ends_us = 10_000_000 + frames.len() as u64 * 33_333;
    let run = Run { frames, starts_us: 10_000_000, ends_us, link: None, bound_b1_p95_ms: Some(51.0) };
    TimeSeries { title: "oyster over Verizon-LTE <short>", run, capacity_kbps }
}

#[test]
fn a_call_is_drawn_with_its_axes_units_and_legend() {
    let frames = call(1800);
    let capacity_kbps: Vec<f64> = (0..120).map(|bin: u64| 1_500.0 + (bin * 7919 % 37) as f64 * 120.0).collect();
    let svg = time_series(&series(&frames, &capacity_kbps));
    if let Some(path) = std::env::var_os("OYSTER_SAMPLE_SVG") {
        std::fs::write(path, &svg).unwrap(); // to be looked at
    }
    for words in [
        "Mbit/s",
        "Signal delay, ms",
        "SSIM of the pictures shown, dB",
        "link capacity",
        "video sent",
        "coarse",
        "seconds",
    ] {
        assert!(svg.contains(words), "no {words}");
    }
    assert!(svg.contains("oyster over Verizon-LTE &lt;short&gt;") && svg.contains("bound p95 51 ms"));
    assert!(svg.len() < 200_000, "{} bytes", svg.len());
    assert_eq!(svg, time_series(&series(&frames, &capacity_kbps)));
}

#[test]
fn a_long_call_takes_no_more_room_than_a_drawing_has_columns() {
    let frames = call(36_000);
    assert!(time_series(&series(&frames, &[])).len() < 500_000);
}

#[test]
fn a_call_in_which_nothing_happened_is_still_a_drawing() {
    for frames in [Vec::new(), call(1)] {
        let svg = time_series(&series(&frames, &[]));
        assert!(svg.ends_with("</svg>\n") && !svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}
