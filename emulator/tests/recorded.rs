//! The bounds on recorded traces, against figures computed independently for the literature review (Sprout's metric,
//! 20 ms one way, 30 frames a second).

use oyster_emulator::{Bound, Trace};
use std::path::PathBuf;

/// A trace from the test data, or `None` (said aloud) where there is none. On CI it must be there.
fn recorded(name: &str) -> Option<Trace> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let folder = std::env::var_os("OYSTER_DATA").map_or_else(beside, PathBuf::from);
    let path = folder.join("traces").join(name);
    if !path.exists() {
        assert!(std::env::var_os("CI").is_none(), "no {} on CI", path.display());
        eprintln!("skipped: no {}", path.display());
        return None;
    }
    let bytes = std::fs::read(&path).expect("a file that exists can be read");
    Some(Trace::parse(&bytes).expect("a recorded trace is well formed"))
}

fn percentiles_ms(bound: &Bound) -> [f64; 3] {
    [bound.delay.p50_ms, bound.delay.p95_ms, bound.delay.p99_ms]
}

#[test]
fn att_lte_on_the_window_of_the_paper() {
    let Some(trace) = recorded("ATT-LTE-driving.down") else { return };
    let bound = Bound::b1(&trace, 63_000..703_000, 20).expect("a good window");
    assert_eq!(percentiles_ms(&bound), [22.0, 61.0, 619.0]);
    assert_eq!((bound.capacity_kbps / 10.0).round(), 551.0);
    let frames = |opportunities| Bound::b2(&trace, 63_000..703_000, 20, 30.0, opportunities).expect("a good window");
    assert_eq!(percentiles_ms(&frames(4))[1..].iter().map(|ms| ms.round()).collect::<Vec<_>>(), [103.0, 3155.0]);
    assert_eq!(percentiles_ms(&frames(8))[1..].iter().map(|ms| ms.round()).collect::<Vec<_>>(), [163.0, 3614.0]);
}

#[test]
fn tmobile_umts_on_the_window_of_the_paper() {
    let Some(trace) = recorded("TMobile-UMTS-driving.down") else { return };
    let bound = Bound::b1(&trace, 60_000..690_000, 20).expect("a good window");
    assert_eq!(percentiles_ms(&bound), [26.0, 551.0, 2058.0]);
    assert_eq!((bound.capacity_kbps / 10.0).round(), 187.0);
}

#[test]
fn half_a_megabit_looped_ten_times() {
    let Some(trace) = recorded("salsify-0.57mbps-poisson.down") else { return };
    let bound = Bound::b1(&trace, 0..600_000, 20).expect("a good window");
    assert_eq!(percentiles_ms(&bound), [34.0, 85.0, 116.0]);
    assert_eq!(bound.capacity_kbps.round(), 557.0);
    let frames = Bound::b2(&trace, 0..600_000, 20, 30.0, 4).expect("a good window");
    assert_eq!((frames.delay.p95_ms.round(), frames.delay.p99_ms.round()), (198.0, 341.0));
}
