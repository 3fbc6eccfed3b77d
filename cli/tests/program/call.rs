//! Two people call each other: two processes, a made-up camera each, the network of this machine.

use std::process::Stdio;

use crate::shell::{Folder, OYSTER, Run, Running, installed};
use rustix::process::Signal;

const ANSWER: &str = "answer --listen 127.0.0.1:0";
const MEDIA: &str = "--camera pattern --size 160x96 --speaker none --display none";
const NO_MICROPHONE: &str = "--microphone none";

/// Someone's machine: a folder, and with it an identity.
pub(crate) struct Machine(pub(crate) Folder);

impl Machine {
    pub(crate) fn new(name: &str) -> Self {
        Self(Folder::new(name))
    }

    /// `oyster answer` with these further words, and its ticket.
    pub(crate) fn answers(&self, more: &str) -> (Running, String) {
        self.answers_with(&format!("{NO_MICROPHONE} {more}"))
    }

    /// As [`Self::answers`], with a microphone among the words.
    fn answers_with(&self, more: &str) -> (Running, String) {
        let arguments: Vec<&str> = ANSWER.split(' ').chain(MEDIA.split(' ')).chain(more.split_whitespace()).collect();
        let mut command = self.0.command(OYSTER, &arguments);
        command.stdin(Stdio::piped());
        let mut answer = Running::start(command, &arguments);
        let ticket = answer.output_line();
        assert!(ticket.starts_with("oy1"), "{ticket}: {}", answer.line());
        (answer, ticket)
    }

    fn arguments<'a>(ticket: &'a str, more: &'a str) -> Vec<&'a str> {
        ["call", ticket].into_iter().chain(MEDIA.split(' ')).chain(more.split_whitespace()).collect()
    }

    /// `oyster call`.
    pub(crate) fn calls(&self, ticket: &str, more: &str) -> Running {
        self.calls_with(ticket, &format!("{NO_MICROPHONE} {more}"))
    }

    /// As [`Self::calls`], with a microphone among the words.
    fn calls_with(&self, ticket: &str, more: &str) -> Running {
        self.0.start_oyster(&Self::arguments(ticket, more))
    }

    /// `oyster call` that comes to nothing.
    #[track_caller]
    pub(crate) fn calls_in_vain(&self, ticket: &str, more: &str, parts: &[&str]) {
        let run = self.0.oyster(&Self::arguments(ticket, &format!("{NO_MICROPHONE} {more}")));
        assert_eq!(run.status, Some(1), "{}", run.words);
        let last = run.words.lines().last().unwrap_or_default();
        for part in parts {
            assert!(last.starts_with("oyster: ") && last.contains(part), "no \"{part}\" in {}", run.words);
        }
    }
}

/// The words that a person is shown.
fn words(run: &Run) -> &str {
    let line = run.words.lines().find_map(|line| line.strip_prefix("words to read to each other: "));
    line.unwrap_or_else(|| panic!("no words in {}", run.words))
}

/// The rows of a log in one direction, as fields by the names of the header.
fn rows(log: &str, direction: &str) -> Vec<Vec<(String, String)>> {
    let mut lines = log.lines();
    let names: Vec<String> = lines.next().unwrap().split(',').map(str::to_owned).collect();
    let fields = |line: &str| names.iter().cloned().zip(line.split(',').map(str::to_owned)).collect();
    lines.map(fields).filter(|row: &Vec<(String, String)>| row[0].1 == direction).collect()
}

fn field<T: std::str::FromStr>(row: &[(String, String)], name: &str) -> Option<T> {
    row.iter().find(|(field, _)| field == name)?.1.parse().ok()
}

/// What both ends wrote and said of a call in which pictures went both ways.
fn expect_call(logs: [&str; 2], runs: [&Run; 2]) {
    assert_eq!(words(runs[0]), words(runs[1]));
    for (sender, receiver) in [(logs[0], logs[1]), (logs[1], logs[0])] {
        let (out, incoming) = (rows(sender, "out"), rows(receiver, "in"));
        let shown = incoming.iter().filter(|row| field::<u64>(row, "shown_us").is_some());
        let mut pairs = 0;
        for row in shown {
            let frame: u64 = field(row, "frame").unwrap();
            let Some(sent) = out.iter().find(|row| field(row, "frame") == Some(frame)) else { continue };
            // Both ends read one clock here.
            let (captured_us, shown_us): (u64, u64) =
                (field(sent, "captured_us").unwrap(), field(row, "shown_us").unwrap());
            assert!(captured_us < shown_us, "{sent:?} {row:?}");
            for same in ["target_state", "coded_size"] {
                assert_eq!(field::<String>(sent, same).unwrap(), field::<String>(row, same).unwrap());
            }
            pairs += 1;
        }
        assert!(pairs > 0, "no picture went from {sender} to {receiver}");
    }
    for run in runs {
        for row in ["signal delay", "pictures shown", "SSIM", "kbit/s", "lost", "versions sent"] {
            assert!(run.words.contains(row), "no {row} in {}", run.words);
        }
    }
}

#[test]
fn two_processes_see_each_other_until_one_hangs_up() {
    for signal in [Signal::INT, Signal::TERM] {
        let (ann, bob) = (Machine::new("call-ann"), Machine::new("call-bob"));
        let (mut answer, ticket) = ann.answers("--accept --once --log ann.csv");
        let mut call = bob.calls(&ticket, "--log bob.csv");
        call.hears("first picture");
        answer.hears("first picture");
        call.signal(signal);
        let runs = [answer.end().succeeds(), call.end().succeeds()];
        expect_call([&ann.0.text("ann.csv"), &bob.0.text("bob.csv")], [&runs[0], &runs[1]]);
        assert!(runs[0].output.is_empty(), "standard output carries tickets alone: {}", runs[0].output);
    }
}

/// `oyster relay` in front of the one who gave the ticket.
fn relay_to(machine: &Machine, ticket: &str) -> Running {
    let to = ticket.parse::<oyster_signalling::Ticket>().unwrap().addresses()[0].to_string();
    let relay = "relay --listen 127.0.0.1:0 --up link.down --down link.down --delay-ms 5 --to";
    machine.0.start_oyster(&relay.split(' ').chain([to.as_str()]).collect::<Vec<_>>())
}

#[test]
fn a_call_crosses_a_relay() {
    let (ann, bob) = (Machine::new("call-relay-ann"), Machine::new("call-relay-bob"));
    ann.0.link(1);
    let (mut answer, ticket) = ann.answers("--accept --once --log ann.csv");
    let mut relay = relay_to(&ann, &ticket);
    let listens = relay.line().split(' ').nth(1).unwrap().to_owned();
    let mut call = bob.calls(&ticket, &format!("--via {listens} --log bob.csv"));
    call.hears("first picture");
    answer.hears("first picture");
    answer.signal(Signal::INT);
    let runs = [answer.end().succeeds(), call.end().succeeds()];
    expect_call([&ann.0.text("ann.csv"), &bob.0.text("bob.csv")], [&runs[0], &runs[1]]);
    assert!(runs[1].words.contains("the other side hung up"), "{}", runs[1].words);
    relay.signal(Signal::TERM);
    let relayed = relay.end().succeeds();
    assert!(!relayed.words.contains(" 0 arrived"), "{}", relayed.words);
}

#[test]
fn after_a_call_there_is_a_new_ticket_and_the_old_one_is_refused() {
    let (ann, bob) = (Machine::new("call-again-ann"), Machine::new("call-again-bob"));
    let (mut answer, first) = ann.answers("--accept");
    let mut call = bob.calls(&first, "");
    answer.hears("first picture");
    call.hears("first picture");
    call.signal(Signal::INT);
    call.end().succeeds();
    let second = answer.output_line();
    assert!(second.starts_with("oy1") && second != first, "{second}");
    bob.calls_in_vain(&first, "", &["used"]);
    let mut call = bob.calls(&second, "");
    call.hears("first picture");
    call.signal(Signal::INT);
    call.end().succeeds();
    answer.signal(Signal::INT);
    answer.end().succeeds();
}

#[test]
fn the_answerer_is_asked_and_says_yes() {
    let (ann, bob) = (Machine::new("call-yes-ann"), Machine::new("call-yes-bob"));
    let (mut answer, ticket) = ann.answers("--once");
    let mut call = bob.calls(&ticket, "--record /dev/full");
    answer.hears("words to read");
    answer.types("what?\n");
    answer.types("y\n");
    answer.hears("first picture");
    call.hears("first picture");
    call.hears("/dev/full: the disk is full; the recording ends here");
    call.signal(Signal::INT);
    call.end().succeeds();
    answer.end().succeeds();
}

#[test]
fn a_no_is_told_and_the_ticket_stands() {
    let (ann, bob) = (Machine::new("call-no-ann"), Machine::new("call-no-bob"));
    let (mut answer, ticket) = ann.answers("--once");
    for word in ["n\n", "y\n"] {
        let mut call = bob.calls(&ticket, "");
        answer.hears("words to read");
        answer.types(word);
        if word == "n\n" {
            let run = call.end();
            assert_eq!(run.status, Some(1));
            assert!(run.words.contains("oyster: the other side said no"), "{}", run.words);
            assert!(!run.words.contains("camera: "), "a camera was opened: {}", run.words);
        } else {
            call.hears("first picture");
            answer.signal(Signal::INT);
            call.end().succeeds();
        }
    }
    answer.end().succeeds();
}

#[test]
fn a_peer_that_is_killed_is_missed() {
    let (ann, bob) = (Machine::new("call-killed-ann"), Machine::new("call-killed-bob"));
    let (mut answer, ticket) = ann.answers("--accept");
    let mut call = bob.calls(&ticket, "--patience-s 6 --log bob.csv --record bob.webm");
    call.hears("first picture");
    answer.hears("first picture");
    answer.signal(Signal::KILL);
    call.hears("not heard from the other side for 4 s; the call waits for it up to 6 s");
    let run = call.end();
    assert_eq!(run.status, Some(1));
    assert!(run.words.contains("oyster: the other side is gone"), "{}", run.words);
    assert!(bob.0.text("bob.csv").lines().count() > 1, "the log is written all the same");
    if installed("ffprobe") {
        let frames = ["-v", "error", "-count_frames", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0"];
        let probe = bob.0.command("ffprobe", &[&frames[..], &["bob.webm"]].concat()).output().unwrap();
        let words = String::from_utf8(probe.stdout).unwrap();
        let pictures = words.lines().find_map(|line| line.trim_end_matches(',').parse::<u64>().ok());
        assert!(probe.status.success() && pictures > Some(0), "the recording plays up to there: {words}");
    }
    // Who was killed can be called again.
    let (mut answer, ticket) = ann.answers("--accept --once");
    let mut call = bob.calls(&ticket, "");
    call.hears("first picture");
    answer.hears("first picture");
    call.signal(Signal::INT);
    call.end().succeeds();
    answer.end().succeeds();
}

#[test]
fn a_caller_that_is_killed_leaves_an_answerer_that_can_be_called_again() {
    let (ann, bob) = (Machine::new("call-lost-ann"), Machine::new("call-lost-bob"));
    let (mut answer, ticket) = ann.answers("--accept --patience-s 5");
    let mut call = bob.calls(&ticket, "");
    call.hears("first picture");
    answer.hears("first picture");
    call.signal(Signal::KILL);
    answer.hears("not heard from the other side for 4 s");
    answer.hears("the other side is gone");
    let ticket = answer.output_line();
    let mut call = bob.calls(&ticket, "");
    call.hears("first picture");
    call.signal(Signal::INT);
    call.end().succeeds();
}

#[test]
fn a_caller_that_is_killed_calls_again_at_once_with_the_same_ticket() {
    let (ann, bob, eve) =
        (Machine::new("call-again-ann"), Machine::new("call-again-bob"), Machine::new("call-again-eve"));
    let (mut answer, ticket) = ann.answers("--accept");
    let mut call = bob.calls(&ticket, "");
    call.hears("first picture");
    bob.calls_in_vain(&ticket, "", &["busy"]);
    call.signal(Signal::KILL);
    eve.calls_in_vain(&ticket, "", &["busy"]);
    let mut call = bob.calls(&ticket, "");
    answer.hears("the other side is gone");
    call.hears("first picture");
    call.signal(Signal::INT);
    call.end().succeeds();
    answer.hears("hung up");
    bob.calls_in_vain(&ticket, "", &["used"]);
}

#[test]
fn a_call_outlasts_a_blackout_of_its_link() {
    let (ann, bob) = (Machine::new("call-blackout-ann"), Machine::new("call-blackout-bob"));
    ann.0.link(1);
    let (mut answer, ticket) = ann.answers("--accept --once --json ann.json");
    let mut relay = relay_to(&ann, &ticket);
    let listens = relay.line().split(' ').nth(1).unwrap().to_owned();
    let mut call = bob.calls(&ticket, &format!("--via {listens} --json bob.json --diagnostics bob.log"));
    call.hears("first picture");
    answer.hears("first picture");
    relay.signal(Signal::STOP);
    call.hears("not heard from the other side for 4 s; the call waits for it up to 30 s");
    answer.hears("not heard from the other side for 4 s");
    relay.signal(Signal::CONT);
    call.hears("the other side is back after");
    answer.hears("the other side is back after");
    call.signal(Signal::INT);
    call.end().succeeds();
    answer.end().succeeds();
    for json in [ann.0.text("ann.json"), bob.0.text("bob.json")] {
        let figures: serde_json::Value = serde_json::from_str(&json).unwrap();
        let number = |pointer: &str| figures.pointer(pointer).and_then(serde_json::Value::as_f64);
        assert!(number("/longest_silence_ms") >= Some(4000.0), "{json}");
        assert!(number("/received/shown") > Some(0.0) && number("/first_picture_ms") > Some(0.0), "{json}");
        assert!(figures["sound"].is_null(), "{json}");
    }
    let diary = bob.0.text("bob.log");
    for words in ["ringing", "camera: ", "not heard from", "is back", "picture: "] {
        assert!(diary.contains(words), "no \"{words}\" in {diary}");
    }
    assert!(!diary.contains("words to read"), "what proves the call's secrecy is for ears alone: {diary}");
}

#[test]
fn a_friend_needs_no_new_ticket_where_the_configuration_says_so() {
    let (ann, bob) = (Machine::new("call-friend-ann"), Machine::new("call-friend-bob"));
    ann.0.make_folder("config");
    ann.0.make_folder("config/oyster");
    ann.0.write("config/oyster/config.toml", "known-peers-may-call = true\n");
    let (mut answer, ticket) = ann.answers("--accept");
    for _ in 0..2 {
        let mut call = bob.calls(&ticket, "");
        call.hears("first picture");
        call.signal(Signal::INT);
        call.end().succeeds();
        answer.hears("hung up");
    }
    Machine::new("call-stranger").calls_in_vain(&ticket, "", &["used"]);
}

#[test]
fn voices_and_pictures_of_a_call_agree_and_are_recorded() {
    let (ann, bob) = (Machine::new("call-voice-ann"), Machine::new("call-voice-bob"));
    // A tone of a second, 48 kHz, 16 bits.
    let samples: Vec<u8> =
        (0..48_000).flat_map(|n| (((f64::from(n) / 20.0).sin() * 9000.0) as i16).to_le_bytes()).collect();
    let head = [
        &b"RIFF"[..],
        &(36 + samples.len() as u32).to_le_bytes(),
        b"WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\xbb\0\0\0\x77\x01\0\x02\0\x10\0data",
        &(samples.len() as u32).to_le_bytes(),
    ];
    for machine in [&ann, &bob] {
        machine.0.write("tone.wav", [&head.concat()[..], &samples].concat());
    }
    let voice = "--microphone file:tone.wav --json call.json --record call.webm --diagnostics call.log";
    let (mut answer, ticket) = ann.answers_with(&format!("--accept --once {voice}"));
    let mut call = bob.calls_with(&ticket, voice);
    call.hears("first picture");
    answer.hears("first picture");
    // The figures of sound come with the second line of figures; both have ten seconds of memory.
    while [&ann, &bob].iter().any(|machine| machine.0.text("call.log").matches("picture: ").count() < 3) {
        std::thread::yield_now();
    }
    call.signal(Signal::INT);
    call.end().succeeds();
    answer.end().succeeds();
    for machine in [&ann, &bob] {
        let figures: serde_json::Value = serde_json::from_str(&machine.0.text("call.json")).unwrap();
        let number = |pointer: &str| figures.pointer(pointer).and_then(serde_json::Value::as_f64);
        assert!(number("/sound/skew_p95_ms").is_some_and(|ms| ms < 500.0), "{figures}");
        assert!(number("/sound/mouth_to_ear_ms").is_some_and(|ms| ms > 0.0), "{figures}");
        assert!(number("/sound/frames_played") > Some(0.0), "{figures}");
        eprintln!("{}", figures["sound"]);
        if installed("ffmpeg") {
            let arguments =
                ["-hide_banner", "-i", "call.webm", "-map", "0:a:0", "-af", "volumedetect", "-f", "null", "-"];
            let output = machine.0.command("ffmpeg", &arguments).output().unwrap();
            let words = String::from_utf8(output.stderr).unwrap();
            let (_, loudness) = words.split_once("max_volume: ").expect("there is a voice");
            let decibels: f64 = loudness.split(' ').next().unwrap().parse().unwrap();
            assert!(decibels > -30.0, "what was heard is recorded: {words}");
        }
    }
}
