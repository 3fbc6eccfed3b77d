//! Sound through real sound servers: a PulseAudio of the test's own with devices that are only there in name. What is played and
//! what is heard share one stereo device, so that one recording has both on one clock.

#![expect(clippy::unwrap_used, reason = "what arranges a test fails the test")]

#[path = "../../audio/tests/world/mod.rs"]
mod world;

use std::fs::{File, create_dir_all, read, remove_dir_all, write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use oyster_call::Clock;
use oyster_call::sound::{Choice, Choices, Event, Sound, devices};

/// A sound server that ends with the test, in a folder of its own.
struct Server {
    folder: PathBuf,
    child: Child,
}

const DEVICES: &str = "
load-module module-native-protocol-unix
load-module module-null-sink sink_name=bench rate=48000 channels=2
load-module module-remap-sink sink_name=mouth master=bench channels=1 channel_map=mono master_channel_map=front-left remix=no
load-module module-remap-sink sink_name=ear master=bench channels=1 channel_map=mono master_channel_map=front-right remix=no
load-module module-remap-source source_name=microphone master=bench.monitor channels=1 channel_map=mono master_channel_map=front-left remix=no
set-default-sink ear
set-default-source microphone
";

impl Server {
    /// `None`, with a word why, where PulseAudio is not installed.
    fn start(name: &str) -> Option<Self> {
        for program in ["pulseaudio", "pactl", "paplay", "parec"] {
            if Command::new(program).arg("--version").output().is_err() {
                eprintln!("skipped: {program} is not installed");
                return None;
            }
        }
        let folder = folder(name);
        write(folder.join("devices.pa"), DEVICES).unwrap();
        let child = serve(&folder);
        Some(Self { folder, child })
    }

    fn restart(&mut self) {
        self.child = serve(&self.folder);
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
        let _ = remove_dir_all(&self.folder);
    }
}

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("oyster-sound-{}-{name}", std::process::id()));
    create_dir_all(&folder).unwrap();
    folder
}

fn serve(folder: &Path) -> Child {
    let server = at_home(Command::new("pulseaudio"), folder)
        .args(["-n", "--daemonize=no", "--exit-idle-time=-1", "--disable-shm=1", "--use-pid-file=no", "-F"])
        .arg(folder.join("devices.pa"))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // The last thing that is set up is the default source.
    let is_up = |answer: Output| String::from_utf8_lossy(&answer.stdout).contains("Default Source: microphone");
    let asked = (0..1000).any(|_| is_up(at_home(Command::new("pactl"), folder).arg("info").output().unwrap()));
    assert!(asked, "the sound server did not come up");
    server
}

/// Sees no other sound server than that of the folder.
fn at_home(mut command: Command, folder: &Path) -> Command {
    command.env("XDG_RUNTIME_DIR", folder).env("HOME", folder).env_remove("PULSE_SERVER").env_remove("DISPLAY");
    command.stdin(Stdio::null());
    command
}

/// Runs one of the ignored tests below in a process of its own, as the server is chosen by the environment.
fn run(name: &str, folder: &Path) -> Child {
    let mut command = at_home(Command::new(std::env::current_exe().unwrap()), folder);
    command.args(["--ignored", "--exact", "--nocapture", name]).env("OYSTER_SOUND_TEST", folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn said(child: Child) -> (String, String) {
    let output = child.wait_with_output().unwrap();
    let words = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let (out, err) = (words(output.stdout), words(output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    (out, err)
}

fn here() -> PathBuf {
    std::env::var_os("OYSTER_SOUND_TEST").expect("run by another test").into()
}

/// Sound that tells a channel when there is something to send.
fn open(microphone: &str, speaker: &str, clock: Clock) -> (Sound, Receiver<()>) {
    let (wake, woken) = channel();
    let choices = Choices { microphone: microphone.parse().unwrap(), speaker: speaker.parse().unwrap() };
    (Sound::open(choices, clock, move || wake.send(()).unwrap_or_default()).unwrap(), woken)
}

fn await_events(
    sound: &mut Sound,
    woken: &Receiver<()>,
    clock: Clock,
    wanted: impl Fn(&[Event]) -> bool,
) -> Vec<Event> {
    let mut events = Vec::new();
    while !wanted(&events) {
        assert!(clock.now() < Duration::from_secs(60), "only these: {events:?}");
        // A report leaves twice a second at least.
        let _ = woken.recv_timeout(Duration::from_secs(1));
        while sound.poll_packet().is_some() {}
        events.extend(std::iter::from_fn(|| sound.poll_event()));
    }
    events
}

#[test]
fn speech_crosses_from_microphone_to_loudspeaker_and_silence_when_muted() {
    let Some(server) = Server::start("cross") else { return };
    let speech = world::speech(8.0, 31);
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 48_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(server.folder.join("speech.wav"), spec).unwrap();
    speech.iter().for_each(|sample| writer.write_sample((sample * 32_767.0) as i16).unwrap());
    writer.finalize().unwrap();
    let (out, _) = said(run("crossing", &server.folder));
    println!("{out}");
    let recorded = read(server.folder.join("recorded.raw")).unwrap();
    let (frames, _) = recorded.as_chunks::<4>();
    let channel = |side: usize| -> Vec<f32> {
        frames.iter().map(|f| f32::from(i16::from_le_bytes([f[2 * side], f[2 * side + 1]])) / 32_768.0).collect()
    };
    let (spoken, heard) = (channel(0), channel(1));
    let begin = spoken.iter().position(|sample| sample.abs() > 0.01).expect("speech was played");
    // Until the fifth second, when the microphone is muted. A second at a time, as the delay moves.
    let second = |number: usize| {
        let from = begin + number * 48_000;
        delay(&spoken[from..from + 48_000], &heard[from..from + 2 * 48_000])
    };
    let (delay_ms, likeness) = (1..4).map(second).max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
    println!(
        "mouth to ear: {delay_ms:.1} ms (correlation {likeness:.2}); {:?}",
        (1..4).map(second).collect::<Vec<_>>()
    );
    assert!(likeness > 0.4, "{likeness}");
    assert!((20.0..400.0).contains(&delay_ms), "{delay_ms} ms");
    let muted = &heard[begin + 6 * 48_000..begin + 7 * 48_000];
    assert!(spoken[begin + 6 * 48_000..begin + 7 * 48_000].iter().any(|sample| sample.abs() > 0.05));
    let loudest = muted.iter().fold(0.0f32, |loudest, sample| loudest.max(sample.abs()));
    assert!(loudest < 1e-3, "{loudest} of full scale crosses a muted microphone");
}

/// The delay, ms, after which one sound is most like another, and how much. Sampled at 6 kHz: good to 0.2 ms.
fn delay(sound: &[f32], later: &[f32]) -> (f64, f64) {
    // A mean over eight samples keeps what is above out.
    let thin = |sound: &[f32]| -> Vec<f64> {
        sound.chunks_exact(8).map(|eight| eight.iter().map(|&s| f64::from(s)).sum()).collect()
    };
    let (sound, later) = (thin(sound), thin(later));
    let energy: f64 = sound.iter().map(|sample| sample * sample).sum();
    let at = |lag: usize| {
        let pairs = || sound.iter().zip(&later[lag..]);
        let product: f64 = pairs().map(|(a, b)| a * b).sum();
        product / (energy * pairs().map(|(_, b)| b * b).sum::<f64>()).sqrt().max(1e-9)
    };
    // The phase of filters on the way may turn a wave over.
    let best = (0..6000 / 2).map(|lag| (lag, at(lag).abs())).max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
    (best.0 as f64 / 6.0, best.1)
}

#[test]
#[ignore = "run by the test of speech, with its sound server"]
fn crossing() {
    let clock = Clock::start();
    let (mut alice, alice_woken) = open("microphone", "none", clock);
    let (mut bob, bob_woken) = open("none", "ear", clock);
    let opened = |events: &[Event]| matches!(events, [.., Event::Opened { .. }]);
    await_events(&mut alice, &alice_woken, clock, opened);
    await_events(&mut bob, &bob_woken, clock, opened);
    let raw = File::create(here().join("recorded.raw")).unwrap();
    let mut recorder = Command::new("parec")
        .args([
            "--device=bench.monitor",
            "--format=s16le",
            "--rate=48000",
            "--channels=2",
            "--latency-msec=20",
            "--raw",
        ])
        .stdout(raw)
        .spawn()
        .unwrap();
    // It hears silence before it hears speech: the player begins once something is recorded.
    while std::fs::metadata(here().join("recorded.raw")).unwrap().len() < 40_000 {
        assert!(clock.now() < Duration::from_secs(60), "nothing is recorded");
        let _ = alice_woken.recv_timeout(Duration::from_millis(50));
    }
    let mut player = Command::new("paplay").arg("--device=mouth").arg(here().join("speech.wav")).spawn().unwrap();
    let begin = clock.now();
    while player.try_wait().unwrap().is_none() {
        alice.set_muted(clock.now() > begin + Duration::from_secs(5));
        assert!(clock.now() < begin + Duration::from_secs(60), "the player does not end");
        let _ = alice_woken.recv_timeout(Duration::from_millis(20));
        while let Some(packet) = alice.poll_packet() {
            bob.handle_packet(packet, clock.now());
        }
        while let Some(packet) = bob.poll_packet() {
            alice.handle_packet(packet, clock.now());
        }
    }
    let figures = bob.figures();
    println!(
        "told: mouth to ear {:?}, loudspeaker {:?}, underruns {}",
        figures.mouth_to_ear(0).unwrap(),
        figures.output_latency,
        figures.underruns
    );
    println!("received: {:?}", figures.received);
    assert!(figures.peer_muted);
    recorder.kill().unwrap();
    recorder.wait().unwrap();
}

#[test]
fn without_a_sound_server_or_card_the_call_says_so_and_goes_on_and_nothing_is_written_into_the_picture() {
    let folder = folder("none");
    let (out, err) = said(run("without", &folder));
    assert!(out.contains("no microphone: ") && out.contains("no loudspeaker: "), "{out}");
    let noise: Vec<&str> = err.lines().filter(|line| line.contains("ALSA") || line.contains(".c:")).collect();
    assert!(noise.is_empty(), "{noise:?}");
    remove_dir_all(folder).unwrap();
}

#[test]
#[ignore = "run by the test of a machine without sound"]
fn without() {
    let clock = Clock::start();
    let (mut sound, woken) = open("default", "default", clock);
    let events = await_events(&mut sound, &woken, clock, |events| events.len() >= 2);
    events.iter().for_each(|event| println!("{event}"));
    let figures = sound.figures();
    assert!(!figures.is_live && !figures.has_speaker);
    assert!(figures.sent_packets > 0, "what one hears of the peer is reported all the same");
}

#[test]
fn a_device_that_goes_is_told_of_and_taken_again_when_it_is_back() {
    let Some(mut server) = Server::start("gone") else { return };
    let mut call = run("gone", &server.folder);
    let mut words = std::io::BufReader::new(call.stdout.take().unwrap());
    let mut await_word = |word: &str| {
        let mut line = String::new();
        while !line.contains(word) {
            line.clear();
            assert_ne!(
                std::io::BufRead::read_line(&mut words, &mut line).unwrap(),
                0,
                "it ended without saying {word}"
            );
        }
    };
    await_word("both run");
    server.end();
    await_word("both lost");
    server.restart();
    await_word("both run again");
    await_word("another name");
    assert!(call.wait().unwrap().success());
}

#[test]
#[ignore = "run by the test of a device that goes, with its sound server"]
fn gone() {
    let clock = Clock::start();
    let found = devices();
    assert_eq!(found.host, "PulseAudio");
    assert!(found.microphones.iter().any(|device| device.id == "microphone" && device.is_default), "{found:?}");
    assert!(found.speakers.iter().any(|device| device.id == "ear" && device.is_default), "{found:?}");
    let (mut sound, woken) = open("microphone", "default", clock);
    let both = |events: &[Event], is_it: fn(&Event) -> bool| events.iter().filter(|event| is_it(event)).count() >= 2;
    await_events(&mut sound, &woken, clock, |events| both(events, |event| matches!(event, Event::Opened { .. })));
    println!("both run");
    await_events(&mut sound, &woken, clock, |events| both(events, |event| matches!(event, Event::Lost { .. })));
    println!("both lost");
    await_events(&mut sound, &woken, clock, |events| both(events, |event| matches!(event, Event::Opened { .. })));
    println!("both run again");
    sound.set_speaker(Choice::Named("mouth".to_owned()));
    sound.set_microphone(Choice::Named("no such thing".to_owned()));
    let events =
        await_events(&mut sound, &woken, clock, |events| both(events, |event| !matches!(event, Event::Lost { .. })));
    println!("another name: {events:?}");
    assert!(events.iter().any(|event| event.to_string().contains("there is no 'no such thing' among")));
    assert!(sound.figures().has_speaker);
}
