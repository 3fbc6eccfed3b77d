//! What the program says of itself.

use crate::shell::Folder;

const COMMANDS: [&str; 11] = [
    "",
    "demo",
    "codec",
    "codec decode",
    "codec encode",
    "codec bench",
    "experiment",
    "experiment run",
    "experiment bound",
    "relay",
    "devices",
];

#[test]
fn every_command_has_help_and_a_version() {
    let folder = Folder::new("words");
    let linux = cfg!(target_os = "linux").then_some("emulate");
    for command in COMMANDS.into_iter().chain(linux) {
        let words: Vec<&str> = command.split_whitespace().collect();
        let help = folder.oyster(&[&words[..], &["--help"]].concat()).succeeds();
        assert!(
            help.output.contains(&format!("Usage: {}", ["oyster", command].join(" ").trim_end())),
            "{}",
            help.output
        );
        assert_eq!(help.words, "");
        let version = folder.oyster(&[&words[..], &["--version"]].concat()).succeeds();
        assert!(version.output.starts_with("oyster") && version.output.contains(env!("CARGO_PKG_VERSION")));
    }
}

#[test]
fn a_call_without_a_command_shows_what_there_is() {
    let folder = Folder::new("no-command");
    for words in [&[][..], &["codec"], &["experiment"]] {
        let run = folder.oyster(words);
        assert_eq!((run.status, run.output.as_str()), (Some(2), ""));
        assert!(run.words.contains("Commands:"), "{}", run.words);
    }
}

#[test]
fn the_flags_of_the_contract_are_all_known() {
    let folder = Folder::new("contract");
    for (command, flags) in [
        ("demo", "--clip --fps --size --down --seconds --headless --report --json"),
        ("codec decode", "--output --md5"),
        ("codec encode", "--output --quantizer --bitrate --threads --effort --json --keyframe-interval"),
        ("codec bench", "--quantizer --frames --effort --json"),
        ("relay", "--listen --to --up --down --delay-ms --queue-packets --loss --seed"),
        (
            "experiment run",
            "--clip --link --ack-link --delay-ms --queue-packets --loss --start-ms --seconds --seed --profile --encode-cost \
             --decode-cost --fps --log --json",
        ),
        ("experiment bound", "--delay-ms --start-ms --end-ms --json"),
    ] {
        let words: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        let help = folder.oyster(&words).output;
        for flag in flags.split_whitespace() {
            assert!(help.split_whitespace().any(|word| word == flag), "{command} has no {flag}:\n{help}");
        }
    }
}
