//! Experiments: the same words give the same bytes, and the bound is what one reckons by hand.

use crate::shell::Folder;

fn prepared(name: &str) -> Folder {
    let folder = Folder::new(name);
    folder.clip(20);
    folder.link(8); // 1.5 Mbit/s
    folder
}

/// Four seconds with constant costs.
fn run(folder: &Folder, arguments: &[&str]) -> String {
    let fixed =
        "experiment run --clip clip.y4m --link link.down --seconds 4 --fps 30 --encode-cost 6 --decode-cost 2 --json -";
    let words: Vec<&str> = fixed.split(' ').chain(arguments.iter().copied()).collect();
    folder.oyster(&words).succeeds().output
}

#[test]
fn a_run_repeats_to_the_byte_in_every_profile() {
    let folder = prepared("repeat");
    let runs = ["oyster", "classic", "conventional"].map(|profile| {
        let [first, second] =
            ["first", "second"].map(|log| run(&folder, &["--profile", profile, "--loss", "0.05", "--log", log]));
        assert_eq!(first, second, "{profile}");
        for file in ["frames.csv", "analysis.csv", "playback.csv", "call.svg"] {
            let [first, second] = ["first", "second"].map(|log| folder.read(&format!("{log}/{file}")));
            assert!(first == second, "{profile}: {file}");
        }
        first
    });
    assert!(runs[0] != runs[1] && runs[1] != runs[2] && runs[2] != runs[0], "profiles differ");
}

#[test]
fn another_seed_is_another_run_where_there_is_loss() {
    let folder = prepared("seeds");
    let [one, two] = ["1", "2"].map(|seed| run(&folder, &["--loss", "0.05", "--seed", seed]));
    assert_ne!(one, two);
    let [one, last] = ["1", "18446744073709551615"].map(|seed| run(&folder, &["--seed", seed]));
    assert_eq!(one, last, "without loss a seed decides nothing");
}

#[test]
fn costs_are_charged_and_reported_as_stated() {
    let folder = prepared("costs");
    let figures: serde_json::Value = serde_json::from_str(&run(&folder, &[])).unwrap();
    assert_eq!([&figures["encode_ms"]["p50"], &figures["encode_ms"]["p95"]], [6.0, 6.0]);
    assert_eq!(figures["decode_ms"]["p50"], 2.0);
    assert_eq!(figures["frames"]["captured"], 60, "two seconds are scored");
    // 6 ms to encode, 20 ms of delay, 2 ms to decode: nothing is faster.
    assert!(figures["signal_delay_ms"]["p50"].as_f64().unwrap() > 28.0);
    assert_eq!(figures["link_kbps"], 1500.0);
}

#[test]
fn who_else_uses_the_link_has_a_part_of_it() {
    let folder = prepared("beside");
    let words = "experiment run --clip clip.y4m --link link.down --seconds 9 --fps 30 --encode-cost 6 --decode-cost 2 \
                 --queue-packets 20 --beside cubic@1.5 --beside call@0 --json -";
    let figures = folder.oyster(&words.split(' ').collect::<Vec<_>>()).json(&["sharing"]);
    let sharing = &figures["sharing"];
    assert_eq!(sharing["from_s"], 6.5);
    let kbps: Vec<f64> = sharing["kbps"].as_array().unwrap().iter().map(|kbps| kbps.as_f64().unwrap()).collect();
    assert_eq!(kbps.len(), 3);
    assert!(kbps.iter().all(|&kbps| kbps > 50.0) && kbps.iter().sum::<f64>() <= 1510.0, "{kbps:?}");
    assert!((sharing["share"].as_f64().unwrap() - kbps[0] / kbps.iter().sum::<f64>()).abs() < 1e-9);
    assert!((1.0 / 3.0..1.0).contains(&sharing["jain"].as_f64().unwrap()));
}

#[test]
fn a_start_is_taken_modulo_the_period() {
    let folder = prepared("start");
    folder.write("link.down", "10\n15\n30\n31\n40\n");
    let [one, looped] = ["7", "4007"].map(|start| run(&folder, &["--start-ms", start]));
    assert_eq!(one, looped);
    run(&folder, &["--start-ms", "18446744073709551615"]);
}

#[test]
fn a_run_too_short_to_be_scored_has_nulls() {
    let folder = prepared("short");
    let arguments = "experiment run --clip clip.y4m --link link.down --seconds 1 --json -";
    let json = folder.oyster(&arguments.split(' ').collect::<Vec<_>>()).json(&["ratio_to_bound"]);
    assert!(json["ratio_to_bound"].is_null() && json["signal_delay_ms"]["p95"].is_null(), "{json}");
}

#[test]
fn a_clip_that_changes_nothing_of_the_link_is_shown_on_it() {
    let folder = prepared("shown");
    let figures: serde_json::Value = serde_json::from_str(&run(&folder, &[])).unwrap();
    let count = |key: &str| figures["frames"][key].as_u64().unwrap();
    assert!(count("shown") >= 55, "of 60 on a link with room: {}", figures["frames"]);
    assert!(figures["ssim_y_db"]["mean"].as_f64().unwrap() > 10.0);
}

#[test]
fn a_bound_is_what_one_reckons_by_hand() {
    let folder = Folder::new("bound");
    let bound = |arguments: &str| {
        let words: Vec<&str> = arguments.split(' ').collect();
        folder.oyster(&[&["experiment", "bound"], &words[..], &["--json", "-"]].concat()).json(&["b1_p95_ms"])
    };
    // One opportunity each 10 ms: the signal is 0 to 9 ms older than the cable, each for a tenth of the time. In
    // 1000 ms from 0 there are 99 opportunities and one at the end, which is not part of it.
    folder.link(10);
    let even = bound("link.down --delay-ms 20 --end-ms 1000");
    for (key, value) in [("mean", 24.5), ("p50", 25.0), ("p95", 29.0), ("p99", 29.0), ("max", 29.0)] {
        assert_eq!(even[format!("b1_{key}_ms")], value, "{key}");
    }
    assert_eq!(even["link_kbps"], 99.0 * 12.0);
    // Opportunities at 10, 20, 30, 40 and 100: in a period from 100 on, 60 of 100 ms lie in the gap, so that the sorted
    // ages are 0 to 9 five times each, then 10 to 59; the 96th of them is 55.
    folder.write("gap.down", "10\n20\n30\n40\n100\n");
    let gap = bound("gap.down --delay-ms 0 --start-ms 100 --end-ms 200");
    assert_eq!([&gap["b1_p95_ms"], &gap["b1_max_ms"]], [55.0, 59.0]);
}

#[test]
fn a_swarm_plays_the_same_calls_on_any_number_of_threads() {
    let folder = Folder::new("swarm");
    let [one, two] = ["1", "2"].map(|threads| {
        let words = ["experiment", "swarm", "--seeds", "5..8", "--seconds", "20", "--threads", threads, "--json", "-"];
        folder.oyster(&words).json(&["calls", "captured", "shown", "recovered_delay_p50_ms", "findings"])
    });
    assert_eq!(one, two);
    assert_eq!((&one["calls"], &one["findings"]), (&3.into(), &serde_json::json!([])));
    folder.oyster(&["experiment", "swarm", "--seconds", "3"]).fails(2, &["at least 20 s"]);
    folder.oyster(&["experiment", "swarm", "--seeds", "7..7"]).fails(2, &["--seeds", "0..1000"]);
}

#[test]
fn a_comparison_is_gone_on_with_by_the_build_that_began_it_and_by_no_other() {
    let folder = prepared("compare");
    let words =
        "experiment compare --clip clip.y4m --links link.down --profiles classic --seconds 3 --output out --json -";
    let words: Vec<&str> = words.split(' ').collect();
    let p95_ms = || folder.oyster(&words).json(&["rows"])["rows"][0]["p95_ms"].as_f64().unwrap();
    let (run, ran_ms) = ("out/runs/clip~link.down~classic/run.json", p95_ms());
    let mut kept: serde_json::Value = serde_json::from_slice(&folder.read(run)).unwrap();
    assert_eq!(kept["figures"]["signal_delay_ms"]["p95"], ran_ms);

    kept["figures"]["signal_delay_ms"]["p95"] = 123_456.0.into();
    folder.write(run, kept.to_string());
    assert_eq!(p95_ms(), 123_456.0, "it is not run twice");

    kept["build"] = "another".into();
    folder.write(run, kept.to_string());
    let why = ["out/runs", "clip~link.down~classic", "another build", "--output"];
    folder.oyster(&words).fails(2, &why);
    std::fs::remove_dir_all(folder.path("out/runs")).unwrap();
    assert_eq!(p95_ms(), ran_ms);
}

#[test]
fn a_comparison_has_the_delay_ceiling_that_a_run_has() {
    let folder = prepared("compare-ceiling");
    let p95_ms = [7, 200].map(|ceiling_ms| {
        let common = format!("--clip clip.y4m --seconds 4 --delay-ceiling-ms {ceiling_ms} --json -");
        let figures = |words: String| {
            let words: Vec<&str> = words.split(' ').collect();
            folder.oyster(&words).json(&[])
        };
        let run = figures(format!("experiment run --link link.down --encode-cost 10 --decode-cost 3 {common}"));
        // In one folder: a run under another ceiling is another.
        let compared = figures(format!("experiment compare --links link.down --profiles oyster --output out {common}"));
        assert_eq!(compared["rows"][0]["p95_ms"], run["signal_delay_ms"]["p95"]);
        run["signal_delay_ms"]["p95"].as_f64().unwrap()
    });
    assert!(p95_ms[0] < p95_ms[1], "{p95_ms:?}");
}
