//! Calls that come to nothing, and what is said then.

use std::net::UdpSocket;

use crate::call::Machine;
use crate::shell::Running;
use crate::shell::{Folder, OYSTER};
use oyster_signalling::{Fingerprint, Secret, Ticket};
use rustix::process::Signal;

#[test]
fn a_wrong_ticket_is_refused_and_the_right_one_stands() {
    let (ann, bob) = (Machine::new("refused-ann"), Machine::new("refused-bob"));
    let (answer, ticket) = ann.answers("--accept --once");
    let mut forged: Ticket = ticket.parse().unwrap();
    forged.secret = Secret([7; 16]);
    bob.calls_in_vain(&forged.to_string(), "", &["the ticket is wrong"]);
    let mut call = bob.calls(&ticket, "");
    call.hears("first picture");
    call.signal(Signal::INT);
    call.end().succeeds();
    let run = answer.end().succeeds();
    assert_eq!(run.words.matches(" calls\n").count(), 1, "nobody is told of the forged one: {}", run.words);
}

#[test]
fn who_answers_in_place_of_another_is_a_stranger() {
    let (ann, bob) = (Machine::new("stranger-ann"), Machine::new("stranger-bob"));
    let (_answer, ticket) = ann.answers("--accept");
    let ticket: Ticket = ticket.parse().unwrap();
    let other = Ticket::new(Fingerprint([9; 32]), ticket.secret, ticket.addresses().iter().copied());
    bob.calls_in_vain(&other.to_string(), "", &["someone else"]);
}

#[test]
fn two_at_once_are_one_too_many() {
    let (ann, bob, eve) = (Machine::new("busy-ann"), Machine::new("busy-bob"), Machine::new("busy-eve"));
    let (mut answer, ticket) = ann.answers("");
    let mut call = bob.calls(&ticket, "");
    answer.hears("words to read");
    eve.calls_in_vain(&ticket, "", &["busy"]);
    answer.types("y\n");
    call.hears("first picture");
    eve.calls_in_vain(&ticket, "", &["busy"]);
}

#[test]
fn nobody_there_is_told_with_what_would_help() {
    let bob = Machine::new("nobody-bob");
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let ticket = Ticket::new(Fingerprint([1; 32]), Secret([2; 16]), [silent.local_addr().unwrap()]);
    let address = silent.local_addr().unwrap().to_string();
    bob.calls_in_vain(&ticket.to_string(), "", &["nobody answers at", &address, "forward", "--via"]);
    let nowhere = Ticket::new(Fingerprint([1; 32]), Secret([2; 16]), []);
    bob.calls_in_vain(&nowhere.to_string(), "", &["no address", "--via"]);
}

#[test]
fn a_call_that_nobody_wants_any_more_ends_at_once() {
    let bob = Machine::new("unwanted-bob");
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let ticket = Ticket::new(Fingerprint([1; 32]), Secret([2; 16]), [silent.local_addr().unwrap()]).to_string();
    let call = bob.calls(&ticket, "");
    // It has dialled, so it catches signals.
    silent.recv_from(&mut [0; 2000]).unwrap();
    call.signal(Signal::INT);
    call.end().succeeds();
}

#[test]
fn what_is_no_ticket_is_a_bad_argument() {
    let folder = Folder::new("no-ticket");
    folder.oyster(&["call", "hello"]).fails(2, &["hello", "no ticket"]);
    folder.oyster(&["call", "oy1abcd"]).fails(2, &["copied as a whole"]);
    folder.oyster(&["call", "oy9abcd"]).fails(2, &["version 9"]);
    assert!(folder.names().is_empty());
}

#[test]
fn a_port_in_use_is_named() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    Folder::new("port-in-use").oyster(&["answer", "--listen", &address]).fails(1, &[&address, "in use"]);
}

#[test]
fn a_missing_clip_is_told_before_anyone_is_rung_up() {
    let folder = Folder::new("no-clip");
    let ticket = Ticket::new(Fingerprint([1; 32]), Secret([2; 16]), []).to_string();
    folder.oyster(&["call", &ticket, "--camera", "file:no.y4m"]).fails(1, &["no.y4m"]);
    folder.oyster(&["answer", "--camera", "file:no.y4m"]).fails(1, &["no.y4m"]);
    folder.oyster(&["answer", "--camera", "webcam"]).fails(2, &["webcam"]);
}

#[test]
fn without_a_display_a_window_is_refused() {
    let (ann, bob) = (Machine::new("no-display-ann"), Machine::new("no-display-bob"));
    let (_answer, ticket) = ann.answers("--accept");
    let arguments = ["call", &ticket, "--camera", "none", "--display", "window"];
    let mut command = bob.0.command(OYSTER, &arguments);
    command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").env_remove("WAYLAND_SOCKET");
    let run = Running::start(command, &arguments).end();
    assert_eq!(run.status, Some(1));
    let last = run.words.lines().last().unwrap();
    assert!(last.starts_with("oyster: no window can be opened"), "{}", run.words);
}

#[test]
fn without_camera_and_microphone_the_call_goes_on_and_says_so() {
    let (ann, bob) = (Machine::new("no-device-ann"), Machine::new("no-device-bob"));
    let (mut answer, ticket) = ann.answers("--accept --once");
    let devices = "--camera v4l:/dev/video77 --microphone no-such-microphone --speaker none --display none";
    let mut call = bob.0.start_oyster(&["call", &ticket].into_iter().chain(devices.split(' ')).collect::<Vec<_>>());
    let told = call.hears("no camera: ");
    assert!(told.contains("the call goes on without"), "{told}");
    let told = call.hears("no microphone: ");
    assert!(told.contains("no-such-microphone"), "{told}");
    answer.hears("camera: ");
    call.signal(Signal::INT);
    call.end().succeeds();
    answer.end().succeeds();
}

#[test]
fn a_recording_or_a_diary_that_cannot_be_begun_is_told_before_anyone_is_rung_up() {
    let folder = Folder::new("no-place");
    let ticket = Ticket::new(Fingerprint([1; 32]), Secret([2; 16]), []).to_string();
    for option in ["--log", "--json", "--diagnostics"] {
        folder
            .oyster(&["call", &ticket, "--camera", "none", option, "no/folder"])
            .fails(1, &["no/folder", "cannot write"]);
    }
    folder.write("there.webm", "precious");
    for (place, part) in [("there.webm", "is there already"), ("no/folder.webm", "cannot write")] {
        folder.oyster(&["call", &ticket, "--camera", "none", "--record", place]).fails(1, &[place, part]);
    }
    assert_eq!(folder.text("there.webm"), "precious");
}

#[test]
fn a_key_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let (ann, bob) = (Machine::new("exposed-ann"), Machine::new("exposed-bob"));
    let (answer, ticket) = ann.answers("");
    answer.signal(Signal::INT);
    answer.end().succeeds();
    let key = ann.0.path("config/oyster/identity.pem");
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o640)).unwrap();
    ann.0.oyster(&["answer"]).fails(1, &["identity.pem", "chmod 600"]);
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    bob.calls_in_vain(&ticket, "", &["nobody answers"]);
}

#[test]
fn a_wrong_line_in_the_configuration_is_named() {
    let folder = Folder::new("bad-config");
    folder.make_folder("config");
    folder.make_folder("config/oyster");
    for (text, part) in
        [("camra = \"none\"", "camra"), ("fps = \"fast\"", "fps"), ("size = \"wide\"", "size"), ("=", "line 1")]
    {
        folder.write("config/oyster/config.toml", text);
        let run = folder.oyster(&["answer", "--camera", "none"]);
        assert!(matches!(run.status, Some(1 | 2)), "{text}");
        assert!(run.words.contains("config.toml") && run.words.contains(part), "{text}: {}", run.words);
    }
}
