//! What a call can see and hear with.

use crate::shell::Folder;

#[test]
fn what_there_is_is_listed_and_so_is_what_is_always_there() {
    let run = Folder::new("devices").oyster(&["devices"]).succeeds();
    for line in [
        "cameras",
        "  pattern: a made-up person; file:F.y4m: a clip",
        "microphones",
        "speakers",
        "  file:F.wav",
        "displays",
        "  terminal: no: standard output is not one",
    ] {
        assert!(run.output.lines().any(|other| other == line), "{}", run.output);
    }
    assert_eq!(run.words, "");
}
