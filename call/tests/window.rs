//! The window under a virtual X server (Xvfb), looked at with a screenshot; and what happens without a display. The
//! screen runs in a process of its own, as the display is chosen by the environment.

#![expect(clippy::unwrap_used, reason = "what arranges a test fails the test")]

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;

use oyster_call::screen::{Choice, Key, Kind, OpenError, Screen, StatusLines};
use oyster_codec::{Image, Size};
use oyster_scene::Scene;

/// A virtual X server of 800x600 that ends with the test.
struct Display {
    server: Child,
    name: String,
}

impl Display {
    /// `None`, with a word why, where a needed program is not installed.
    fn open(programs: &[&str]) -> Option<Self> {
        for program in ["Xvfb"].iter().chain(programs) {
            // The exit status of a question for help differs from program to program; only whether it starts counts.
            if quiet(Command::new(program).arg("-help")).output().is_err() {
                eprintln!("skipped: {program} is not installed");
                return None;
            }
        }
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "800x600x24", "-nolisten", "tcp"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut number = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut number).unwrap();
        Some(Self { server, name: format!(":{}", number.trim()) })
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Output {
        let output = quiet(Command::new(program).args(arguments).env("DISPLAY", &self.name)).output().unwrap();
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }

    /// Red, green and blue at a place of the display.
    fn pixel(&self, x: usize, y: usize) -> [u8; 3] {
        let place = format!("1x1+{x}+{y}");
        let output = self.run("import", &["-window", "root", "-crop", &place, "-depth", "8", "rgb:-"]);
        output.stdout.try_into().expect("a pixel is three bytes")
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null())
}

/// Starts one of the ignored tests below with `display`, or without any.
fn start(name: &str, display: Option<&str>) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", "--nocapture", name]).env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
    command.envs(display.map(|name| ("DISPLAY", name)));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

/// Reads what the call says up to a word.
fn await_word(call: &mut Child, word: &str) {
    let mut words = BufReader::new(call.stdout.as_mut().unwrap());
    let mut line = String::new();
    while !line.contains(word) {
        line.clear();
        assert_ne!(words.read_line(&mut line).unwrap(), 0, "the call ended without saying {word}");
    }
}

#[test]
fn a_picture_is_seen_in_the_middle_of_a_display() {
    let Some(display) = Display::open(&["import"]) else { return };
    let mut call = start("shows_green_until_nobody_listens", Some(&display.name));
    await_word(&mut call, "shown");
    // 640x360 in the middle of 800x600, and nothing around it.
    let [red, green, blue] = display.pixel(400, 200);
    assert!(red < 5 && green > 250 && blue < 5, "{red} {green} {blue}");
    assert!(display.pixel(82, 122)[1] > 250 && display.pixel(717, 122)[1] > 250);
    assert_eq!((display.pixel(78, 300), display.pixel(400, 118)), ([0; 3], [0; 3]));
    // The words darken the lower edge.
    assert!(display.pixel(718, 478)[1] < 70);
    drop(call.stdin.take());
    assert!(call.wait().unwrap().success());
}

#[test]
fn what_the_camera_sees_is_what_the_window_shows_with_this_person_mirrored() {
    let Some(display) = Display::open(&["import"]) else { return };
    let mut call = start("shows_a_scene_until_nobody_listens", Some(&display.name));
    await_word(&mut call, "shown");
    let screenshot =
        display.run("import", &["-window", "root", "-crop", "640x360+80+120", "-depth", "8", "gray:-"]).stdout;
    let (picture, own) = (scene(5), scene(900));
    let (width, source, own) = (640, picture.planes()[0], own.planes()[0]);
    // Grey levels go from 0 to 255 on the screen and from 16 to 235 in the picture.
    let expected = |level: u8| (f64::from(level) - 16.0) * 255.0 / 219.0;
    let mean = |differences: &mut dyn Iterator<Item = f64>| {
        let (sum, count) =
            differences.fold((0.0, 0.0), |(sum, count), difference| (sum + difference.abs(), count + 1.0));
        sum / count
    };
    // Left of the corner and above the words; and the corner itself, where each pixel is of 5x5 of the picture.
    let places = (0..300).flat_map(|y| (0..480).map(move |x| (x, y)));
    let off = mean(&mut places.map(|(x, y)| f64::from(screenshot[y * width + x]) - expected(source[y * width + x])));
    assert!(off < 3.0, "the picture is {off} levels off");
    let block = |x: usize, y: usize| {
        let samples = (0..25).map(|place| own[(5 * y + place / 5) * width + 5 * x + place % 5]);
        expected((samples.map(u32::from).sum::<u32>() / 25) as u8)
    };
    let corner = |x: usize, y: usize| f64::from(screenshot[(10 + y) * width + 502 + x]);
    let places = || (0..72).flat_map(|y| (0..128).map(move |x| (x, y)));
    let mirrored = mean(&mut places().map(|(x, y)| corner(127 - x, y) - block(x, y)));
    let plain = mean(&mut places().map(|(x, y)| corner(x, y) - block(x, y)));
    assert!(mirrored < 4.0 && plain > 2.0 * mirrored, "{mirrored} levels off in the mirror, {plain} without");
    drop(call.stdin.take());
    assert!(call.wait().unwrap().success());
}

#[test]
fn q_quits() {
    let Some(display) = Display::open(&["xdotool"]) else { return };
    let mut call = start("shows_green_until_q", Some(&display.name));
    await_word(&mut call, "shown");
    let found = display.run("xdotool", &["search", "--name", "a green test"]);
    let window = String::from_utf8(found.stdout).unwrap();
    display.run("xdotool", &["windowfocus", window.trim(), "key", "q"]);
    assert!(call.wait().unwrap().success());
}

#[test]
fn without_a_display_auto_says_so_and_goes_on_without_a_screen() {
    let mut call = start("finds_no_display", None);
    let mut words = String::new();
    call.stdout.take().unwrap().read_to_string(&mut words).unwrap();
    assert!(call.wait().unwrap().success(), "{words}");
}

fn green() -> Image {
    let mut image = Image::black(Size::new(640, 360).unwrap());
    for (plane, level) in image.planes_mut().into_iter().zip([145, 54, 34]) {
        plane.fill(level);
    }
    image
}

fn scene(number: u64) -> Image {
    Scene::new(Size::new(640, 360).unwrap(), 3).frame(number)
}

#[test]
#[ignore = "runs on the display of another test"]
fn shows_a_scene_until_nobody_listens() {
    let picture = scene(5);
    let mut screen = Screen::open(Choice::Window, "a scene", picture.size()).unwrap();
    screen.set_self_view(Some(Arc::new(scene(900))));
    for _ in 0..3 {
        screen.show(&picture, &StatusLines::new("a scene")).unwrap();
    }
    println!("shown");
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

/// An open window that has shown a green picture, and said so.
fn shown() -> Screen {
    let picture = green();
    let mut screen = Screen::open(Choice::Auto, "a green test", picture.size()).unwrap();
    assert_eq!(screen.kind(), Kind::Window, "{}", screen.reason());
    for _ in 0..3 {
        screen.show(&picture, &StatusLines::new("a green test")).unwrap();
    }
    println!("shown");
    screen
}

#[test]
#[ignore = "runs on the display of another test"]
fn shows_green_until_nobody_listens() {
    let _screen = shown();
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

#[test]
#[ignore = "runs on the display of another test"]
fn shows_green_until_q() {
    let clock = oyster_call::Clock::start();
    let mut screen = shown();
    while !screen.poll_keys().contains(&Key::Quit) {
        screen.show(&green(), &StatusLines::new("a green test")).unwrap();
        assert!(clock.now().as_secs() < 60, "nobody pressed q");
    }
}

#[test]
#[ignore = "runs without a display, started by another test"]
fn finds_no_display() {
    let size = Size::new(640, 360).unwrap();
    assert!(matches!(Screen::open(Choice::Window, "test", size), Err(OpenError::Window(_))));
    assert!(matches!(Screen::open(Choice::Terminal, "test", size), Err(OpenError::Terminal(_))));
    let mut screen = Screen::open(Choice::Auto, "test", size).unwrap();
    assert_eq!(screen.kind(), Kind::None);
    assert!(screen.reason().contains("no display") && screen.reason().contains("not a terminal"), "{screen:?}");
    screen.show(&green(), &StatusLines::default()).unwrap();
    assert!(screen.poll_keys().is_empty() && screen.size_hint().is_none());
}
