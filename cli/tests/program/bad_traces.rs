//! Traces that are none: every command that takes one says which file, which line and what stands there.

use crate::shell::Folder;

fn everywhere(folder: &Folder, trace: &str, parts: &[&str]) {
    folder.clip(2);
    folder.write("good", "10\n");
    let run = ["experiment", "run", "--clip", "clip.y4m", "--seconds", "1", "--json", "-", "--link"];
    let relay = ["relay", "--listen", "127.0.0.1:0", "--to", "127.0.0.1:9"];
    let mut commands: Vec<Vec<&str>> = vec![
        [&run[..], &[trace]].concat(),
        [&run[..], &["good", "--ack-link", trace]].concat(),
        vec!["experiment", "bound", trace, "--json", "-"],
        [&relay[..], &["--up", trace, "--down", "good"]].concat(),
        [&relay[..], &["--up", "good", "--down", trace]].concat(),
        vec!["demo", "--headless", "--seconds", "1", "--down", trace, "--json", "-"],
    ];
    if cfg!(target_os = "linux") {
        commands.push(vec!["emulate", trace, "good", "--", "true"]);
        commands.push(vec!["emulate", "good", trace, "--", "true"]);
    }
    for arguments in commands {
        let run = folder.oyster(&arguments);
        assert_eq!(run.output, "", "{arguments:?}");
        run.fails(1, &[&[trace], parts].concat());
    }
}

fn with_content(name: &str, bytes: impl AsRef<[u8]>, parts: &[&str]) {
    let folder = Folder::new(name);
    folder.write("bad.trace", bytes);
    everywhere(&folder, "bad.trace", parts);
}

#[test]
fn a_trace_that_is_not_there() {
    everywhere(&Folder::new("missing-trace"), "nowhere.trace", &["cannot read", "No such file"]);
}

#[test]
fn a_folder_in_place_of_a_trace() {
    let folder = Folder::new("folder-trace");
    folder.make_folder("folder.trace");
    everywhere(&folder, "folder.trace", &["it is a folder"]);
}

#[test]
fn a_trace_without_lines() {
    with_content("empty-trace", "", &["no lines"]);
}

#[test]
fn an_empty_line() {
    with_content("gap-trace", "1\n2\n\n4\n", &["line 3: empty"]);
}

#[test]
fn a_time_that_goes_back() {
    with_content("back-trace", "1\n20\n19\n", &["line 3: 19 ms comes before the 20 ms"]);
}

#[test]
fn letters_signs_and_fractions() {
    with_content("letters-trace", "1\ntwo\n", &["line 2: \"two\" is not a whole number"]);
    with_content("sign-trace", "-5\n", &["line 1: \"-5\" is not a whole number"]);
    with_content("fraction-trace", "1\n2.5\n", &["line 2: \"2.5\" is not a whole number"]);
    with_content("noise-trace", [0xff, 0xfe, b'\n'], &["line 1: "]);
}

#[test]
fn a_last_time_of_zero() {
    with_content("zero-trace", "0\n0\n", &["line 2: the last time is 0"]);
}

#[test]
fn a_time_beyond_all_recordings() {
    with_content("late-trace", "99999999999999999999\n", &["line 1: over 2592000000 ms"]);
}
