//! The main job, with nobody watching.

use crate::shell::Folder;
use rustix::process::Signal;

#[test]
fn three_seconds_of_a_call_leave_figures_and_files() {
    let folder = Folder::new("demo");
    let arguments = "demo --headless --seconds 3 --size 160x96 --json - --report report";
    let run = folder.oyster(&arguments.split(' ').collect::<Vec<_>>()).succeeds();
    for row in ["signal delay", "p50", "p95", "SSIM", "frames shown", "longest gap", "versions sent"] {
        assert!(run.words.contains(row), "no {row} in {}", run.words);
    }
    let json = run.json(&["signal_delay_ms.p95", "ssim_y_db.mean", "fps_shown", "bound.b1_p95_ms", "frames.shown"]);
    assert!(json["frames"]["captured"].as_u64().unwrap() > 0, "a second is scored: {json}");
    for (file, first) in [
        ("frames.csv", "direction,frame,"),
        ("analysis.csv", "# frame_index,"),
        ("playback.csv", ""),
        ("call.svg", "<"),
    ] {
        let text = folder.text(&format!("report/{file}"));
        assert!(text.starts_with(first), "{file}: {}", text.lines().next().unwrap());
        assert!(text.lines().count() > 3, "{file}: {text}");
    }
    expect_well_formed(&folder.text("report/call.svg"));
}

#[test]
fn an_interrupt_ends_the_call_with_its_summary() {
    for signal in [Signal::INT, Signal::TERM] {
        let folder = Folder::new("demo-interrupted");
        let arguments = "demo --headless --seconds 600 --size 64x64 --json figures.json";
        let mut call = folder.start_oyster(&arguments.split(' ').collect::<Vec<_>>());
        let begun = call.line();
        assert!(begun.contains("Ctrl-C"), "{begun}");
        call.signal(signal);
        let run = call.end().succeeds();
        assert!(run.words.contains("versions sent"), "{}", run.words);
        assert_eq!(folder.names(), ["figures.json"]);
    }
}

/// Every element that is opened is closed, in order, and every attribute is quoted.
fn expect_well_formed(text: &str) {
    let mut open = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        let outside = &rest[..start];
        assert!(!outside.contains('>'), "a stray > in {outside}");
        let end = start + rest[start..].find('>').expect("a tag ends");
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        if tag.starts_with('?') || tag.starts_with('!') {
            continue;
        }
        assert_eq!(tag.matches('"').count() % 2, 0, "<{tag}>");
        let name = tag.trim_matches('/').split_whitespace().next().expect("a tag has a name");
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !tag.ends_with('/') {
            open.push(name);
        }
    }
    assert!(open.is_empty() && text.contains("<svg"), "{open:?}");
}
