//! The terminal screen against a real terminal device (a pty): what it writes, what it hears, and that the terminal comes
//! back as it was. The screen runs in a process of its own, as it takes over standard input and output.

#![expect(clippy::unwrap_used, reason = "what arranges a test fails the test")]

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use oyster_call::screen::{Choice, Key, Kind, Screen, StatusLines};
use oyster_call::{Clock, Inbox};
use oyster_codec::{Image, Size};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Termios, Winsize, tcgetattr, tcsetwinsize};

const FRAME_END: &[u8] = b"\x1b[?2026l";
const QUESTION: &[u8] = b"\x1b[5n";
/// What it can do.
const ABILITIES_QUESTION: &[u8] = b"\x1b[c";
/// A terminal with colours and without graphics.
const PLAIN: &str = "\x1b[?62;22c";
const GIVEN_BACK: [&[u8]; 3] = [b"\x1b[?7h", b"\x1b[?25h", b"\x1b[?1049l"];
const PICTURES_UNREAD: usize = 200;

/// Both ends of a terminal of 40 columns and 12 rows, and all that was written to it.
struct Terminal {
    person: File,
    device: File,
    written: Vec<u8>,
    answers: bool,
    questions_seen: usize,
    /// What it answers when it is asked what it can do.
    abilities: &'static str,
    abilities_asked: usize,
}

impl Terminal {
    fn open() -> Self {
        let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&person).unwrap();
        unlockpt(&person).unwrap();
        let name = ptsname(&person, Vec::new()).unwrap();
        let device = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        tcsetwinsize(&device, Winsize { ws_row: 12, ws_col: 40, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let person = File::from(person);
        Self {
            person,
            device,
            written: Vec::new(),
            answers: true,
            questions_seen: 0,
            abilities: PLAIN,
            abilities_asked: 0,
        }
    }

    /// Starts one of the ignored tests below in this terminal.
    fn start(&self, name: &str) -> Child {
        let device = || Stdio::from(self.device.try_clone().unwrap());
        Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "--nocapture", name])
            .env("TERM", "xterm-256color")
            .env_remove("SSH_CONNECTION")
            .env_remove("SSH_TTY")
            .stdin(device())
            .stdout(device())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Reads, and answers questions, until `count` of `what` were written.
    fn read_until(&mut self, count: usize, what: &[u8]) {
        let mut bytes = [0; 4096];
        while self.count(what) < count {
            let length = self.person.read(&mut bytes).unwrap();
            self.written.extend_from_slice(&bytes[..length]);
            let (questions, asked) = (self.count(QUESTION), self.count(ABILITIES_QUESTION));
            if self.answers {
                for _ in self.abilities_asked..asked {
                    self.person.write_all(self.abilities.as_bytes()).unwrap();
                }
                for _ in self.questions_seen..questions {
                    self.person.write_all(b"\x1b[0n").unwrap();
                }
            }
            (self.questions_seen, self.abilities_asked) = (questions, asked);
        }
    }

    /// What stands between the first `begin` and the next `end`.
    fn between(&self, begin: &str, end: &str) -> String {
        let written = String::from_utf8_lossy(&self.written);
        let (_, after) = written.split_once(begin).unwrap_or_else(|| panic!("no {begin:?} was written"));
        after.split_once(end).unwrap().0.to_owned()
    }

    fn count(&self, what: &[u8]) -> usize {
        self.written.windows(what.len()).filter(|window| *window == what).count()
    }

    fn mode(&self) -> Termios {
        tcgetattr(&self.device).unwrap()
    }

    fn is_raw(&self) -> bool {
        !self.mode().local_modes.intersects(LocalModes::ICANON | LocalModes::ECHO)
    }

    /// Where in what was written the terminal was given back.
    fn given_back_at(&self) -> Option<usize> {
        let find = |what: &[u8]| self.written.windows(what.len()).position(|window| window == what);
        GIVEN_BACK.into_iter().map(find).collect::<Option<Vec<_>>>()?.into_iter().max()
    }
}

#[test]
fn a_picture_is_shown_until_q_and_the_terminal_is_as_it_was() {
    let mut terminal = Terminal::open();
    let before = format!("{:?}", terminal.mode());
    let mut call = terminal.start("shows_until_a_key_quits");
    terminal.read_until(1, FRAME_END);
    assert!(terminal.is_raw());
    assert_eq!(terminal.count(b"48;2;128;128;128m"), 1, "a grey picture names its colour once");
    assert_eq!(terminal.count("i figures  q quit".as_bytes()), 1);
    terminal.person.write_all(b"q").unwrap();
    terminal.read_until(1, b"test result: ok");
    assert!(call.wait().unwrap().success());
    assert!(terminal.given_back_at().is_some());
    assert_eq!(format!("{:?}", terminal.mode()), before);
}

#[test]
fn a_terminal_with_sixels_is_shown_sixels() {
    let mut terminal = Terminal::open();
    terminal.abilities = "\x1b[?62;4;22c";
    let mut call = terminal.start("shows_until_a_key_quits");
    terminal.read_until(2, b"\x1bP0;1q");
    // 40 columns of 8 pixels; 10 rows of 16, as the last but one stays free and the last are words.
    assert_eq!(terminal.between("\x1bP0;1q\"1;1;", "#"), "320;160");
    terminal.person.write_all(b"q").unwrap();
    terminal.read_until(1, b"test result: ok");
    assert!(call.wait().unwrap().success());
}

#[test]
fn kitty_reads_pictures_out_of_shared_memory_and_they_are_gone_afterwards() {
    let mut terminal = Terminal::open();
    terminal.abilities = "\x1b_Gi=31;OK\x1b\\\x1b_Gi=32;OK\x1b\\\x1b[6;20;10t\x1b[?62;22c";
    let mut call = terminal.start("shows_until_a_key_quits");
    terminal.read_until(1, FRAME_END);
    let about = terminal.between("\x1b_Ga=T,", ";");
    assert!(about.ends_with("s=400,v=220,c=40,r=11,t=s"), "{about}");
    // The second picture takes the place of the first, not before it is there.
    terminal.read_until(2, b"\x1b_Ga=T,");
    terminal.read_until(2, b"\x1b_Ga=d,d=I,");
    terminal.person.write_all(b"q").unwrap();
    terminal.read_until(1, b"test result: ok");
    assert!(call.wait().unwrap().success());
    assert_eq!(terminal.count(b"\x1b_Ga=d,d=A,"), 1);
    let left = std::fs::read_dir("/dev/shm").unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let ours = format!("oyster-{}-", call.id());
    assert_eq!(left.filter(|name| name.starts_with(&ours)).count(), 0);
}

#[test]
fn a_mute_terminal_is_shown_half_blocks() {
    let mut terminal = Terminal::open();
    terminal.abilities = "";
    let mut call = terminal.start("shows_until_a_key_quits");
    terminal.read_until(1, FRAME_END);
    assert_eq!(terminal.count(b"48;2;128;128;128m"), 1);
    terminal.person.write_all(b"q").unwrap();
    terminal.read_until(1, b"test result: ok");
    assert!(call.wait().unwrap().success());
}

#[test]
fn a_resized_terminal_is_drawn_anew() {
    let mut terminal = Terminal::open();
    let mut call = terminal.start("shows_until_a_key_quits");
    terminal.read_until(1, FRAME_END);
    tcsetwinsize(&terminal.device, Winsize { ws_row: 30, ws_col: 60, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    terminal.read_until(1, b"\x1b[30;1H");
    terminal.person.write_all(b"\x1b").unwrap();
    terminal.read_until(1, b"test result: ok");
    assert!(call.wait().unwrap().success());
}

#[test]
fn a_panic_gives_the_terminal_back_before_it_says_why() {
    let mut terminal = Terminal::open();
    let before = format!("{:?}", terminal.mode());
    let mut call = terminal.start("panics_while_it_shows");
    terminal.read_until(1, b"test result: FAILED");
    call.wait().unwrap();
    let written = String::from_utf8_lossy(&terminal.written[terminal.given_back_at().unwrap()..]).into_owned();
    assert!(written.contains("test result: FAILED"));
    assert_eq!(format!("{:?}", terminal.mode()), before);
}

#[test]
fn a_terminal_that_does_not_read_delays_nobody() {
    let mut terminal = Terminal::open();
    terminal.answers = false;
    let mut call = terminal.start("shows_changing_pictures");
    let mut line = String::new();
    let mut words = BufReader::new(call.stderr.take().unwrap());
    while !line.contains("dropped") {
        line.clear();
        assert_ne!(words.read_line(&mut line).unwrap(), 0, "the call ended without a word");
    }
    let dropped: usize = line.split(' ').next().unwrap().parse().unwrap();
    // One frame fills the pty's buffer; at most one more is begun.
    assert!((PICTURES_UNREAD - 2..PICTURES_UNREAD).contains(&dropped), "{dropped}");
    terminal.read_until(1, b"test result: ok");
    assert!(call.wait().unwrap().success());
}

/// A grey picture, 128 of 255 in all three colours, of the terminal's shape.
fn grey() -> Image {
    let mut image = Image::black(Size::new(80, 44).unwrap());
    image.planes_mut()[0].fill(126);
    image
}

fn opened() -> Screen {
    let screen = Screen::open(Choice::Terminal, "test", Size::new(80, 44).unwrap()).unwrap();
    assert_eq!(screen.kind(), Kind::Terminal);
    screen
}

#[test]
#[ignore = "runs inside the terminal of another test"]
fn shows_until_a_key_quits() {
    let (clock, pause) = (Clock::start(), Inbox::<()>::new());
    let mut screen = opened();
    while !screen.poll_keys().contains(&Key::Quit) {
        screen.show(&grey(), &StatusLines::new("grey")).unwrap();
        assert!(clock.now() < Duration::from_secs(60), "nobody pressed a key");
        let _ = pause.wait(Duration::from_millis(5));
    }
}

#[test]
#[ignore = "runs inside the terminal of another test"]
fn panics_while_it_shows() {
    let mut screen = opened();
    screen.show(&grey(), &StatusLines::new("grey")).unwrap();
    panic!("on purpose, in a test");
}

#[test]
#[ignore = "runs inside the terminal of another test"]
fn shows_changing_pictures() {
    let mut screen = opened();
    let mut picture = grey();
    for number in 0..PICTURES_UNREAD {
        for (index, sample) in picture.planes_mut()[0].iter_mut().enumerate() {
            *sample = (index * 97 + number * 53) as u8;
        }
        screen.show(&picture, &StatusLines::new("changing")).unwrap();
    }
    eprintln!("{} dropped", screen.frames_dropped());
}
