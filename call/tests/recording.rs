//! A recording as other programs see it: ffprobe and ffmpeg read what was shown, when, and with what sound, also from a file that
//! was cut off.

#![expect(clippy::unwrap_used, reason = "what arranges a test fails the test")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use oyster_audio::BLOCK_SAMPLES;
use oyster_call::Clock;
use oyster_call::camera::{Camera, Source, Wanted, pattern_number};
use oyster_call::recording::{Recording, Voice};
use oyster_codec::container::y4m::Y4mReader;
use oyster_codec::{Image, Size};

/// A place for a file that goes with the test.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("oyster-{name}-{}.webm", std::process::id()));
        let _ = std::fs::remove_file(&path);
        Self(path)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// What a program says about the file, or `None`, with a word why, where it is not installed.
fn asked(program: &str, arguments: &[&str], path: &Path) -> Option<Vec<u8>> {
    let mut command = Command::new(program);
    command.args(["-v", "error"]).args(arguments);
    let [before, after]: [&[&str]; 2] = if program == "ffmpeg" { [&["-i"], FRAMES] } else { [&[], &[]] };
    let Ok(output) = command.args(before).arg(path).args(after).output() else {
        eprintln!("skipped: {program} is not installed");
        return None;
    };
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    Some(output.stdout)
}

/// Every frame of the file, none twice.
const FRAMES: &[&str] = &["-fps_mode", "passthrough", "-f", "yuv4mpegpipe", "-"];

const SILENCE: [f32; BLOCK_SAMPLES] = [0.0; BLOCK_SAMPLES];
const SHOWN: u64 = 150;

/// When the other side begins to speak.
const SPEAKS_AT: Duration = Duration::from_secs(12);

/// Records the pattern's first pictures, shown every 40 ms from 10 s on, and sound on both sides.
fn record(path: &Path) -> u64 {
    let wanted = Wanted { size: Some(Size::new(320, 180).unwrap()), frames_per_second: Some(1000.0) };
    let (wake, woken) = channel();
    let camera = Camera::open(&Source::Pattern, wanted, Clock::start(), move || _ = wake.send(())).unwrap();
    let recording = Recording::create(path).unwrap();
    let ear = recording.ear();
    let tone = std::array::from_fn(|sample| (sample as f32 / 10.0).sin() / 2.0);
    let (mut frames, mut heard_until) = (0, Duration::from_secs(10));
    while frames < SHOWN {
        woken.recv().unwrap();
        let Some(capture) = camera.take() else { continue };
        let at = Duration::from_secs(10) + 40 * u32::try_from(capture.number).unwrap() * Duration::from_millis(1);
        recording.show(capture.image, at);
        // Nothing is left out of what is heard.
        while heard_until < at + Duration::from_millis(40) {
            for voice in [Voice::Theirs, Voice::Own] {
                let speaks = voice == Voice::Theirs && heard_until >= SPEAKS_AT;
                ear(voice, if speaks { &tone } else { &SILENCE }, heard_until);
            }
            heard_until += Duration::from_millis(10);
        }
        frames = capture.number + 1;
    }
    recording.finish().unwrap()
}

/// The numbers on the pictures of a file.
fn numbers(path: &Path) -> Option<Vec<u64>> {
    let y4m = asked("ffmpeg", &[], path)?;
    let images = Y4mReader::new(&y4m[..]).unwrap().map(|image| image.unwrap());
    Some(images.map(|image: Image| pattern_number(&image).expect("a strip that is to be read")).collect())
}

/// When the packets of a stream are due.
fn times(stream: &str, path: &Path) -> Option<Vec<f64>> {
    let arguments = ["-select_streams", stream, "-show_entries", "packet=pts_time", "-of", "csv=p=0"];
    let text = String::from_utf8(asked("ffprobe", &arguments, path)?).unwrap();
    Some(text.lines().map(|line| line.trim_end_matches(',').parse().unwrap()).collect())
}

#[test]
fn pictures_come_when_they_were_shown_and_sound_with_them() {
    let place = Place::new("recorded");
    let count = record(&place.0);
    let Some(kinds) = asked("ffprobe", &["-show_entries", "stream=codec_name", "-of", "csv=p=0"], &place.0) else {
        return;
    };
    assert_eq!(String::from_utf8(kinds).unwrap().split_whitespace().collect::<Vec<_>>(), ["vp8", "opus", "opus"]);
    let numbers = numbers(&place.0).unwrap();
    let shown_at = times("v:0", &place.0).unwrap();
    assert_eq!((numbers.len() as u64, shown_at.len() as u64), (count, count));
    // A slow machine leaves pictures out, perhaps the last one wanted in favour of a later one; the others keep their times.
    let end = *numbers.last().unwrap();
    assert!(numbers.is_sorted_by(|a, b| a < b) && end >= SHOWN - 1);
    // The recording may begin before, with what was heard first.
    let begin = shown_at[0];
    for (number, at) in numbers.iter().zip(shown_at) {
        let expected = begin + (number - numbers[0]) as f64 * 0.04;
        assert!((at - expected).abs() < 0.002, "picture {number} at {at} s instead of {expected} s");
    }
    let heard_at = times("a:1", &place.0).unwrap();
    assert!(heard_at.windows(2).all(|pair| pair[1] > pair[0]), "{heard_at:?}");
    let last = *heard_at.last().unwrap();
    let expected = begin + (end - numbers[0]) as f64 * 0.04 + 0.02;
    assert!((last - expected).abs() < 0.002, "{last} s instead of {expected} s");
    let whole = asked("ffprobe", &["-show_entries", "format=duration", "-of", "csv=p=0"], &place.0).unwrap();
    let seconds: f64 = String::from_utf8(whole).unwrap().trim().parse().unwrap();
    assert!((seconds - expected).abs() < 0.1, "{seconds}");
}

#[test]
fn a_voice_is_heard_at_the_picture_it_was_heard_at() {
    let place = Place::new("voice");
    record(&place.0);
    let Some(shown_at) = times("v:0", &place.0) else { return };
    let first = numbers(&place.0).unwrap()[0] as f64 * 0.04 - shown_at[0];
    let decode = |track: &str| {
        let mut command = Command::new("ffmpeg");
        command.args(["-v", "error", "-i"]).arg(&place.0).args(["-map", track, "-af", "aresample=async=1:first_pts=0"]);
        let output = command.args(["-ar", "48000", "-ac", "1", "-f", "f32le", "-"]).output().unwrap();
        output.stdout.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect::<Vec<_>>()
    };
    let onset = decode("0:a:0").iter().position(|sample| sample.abs() > 0.1).unwrap() as f64 / 48_000.0;
    // What is noticed is 45 ms (ITU-R BT.1359).
    assert!((onset + first - 2.0).abs() < 0.02, "the voice begins at {onset} s");
    assert!(decode("0:a:1").iter().all(|sample| sample.abs() < 0.01), "this side is silent");
}

#[test]
fn a_file_that_was_cut_off_plays_up_to_there() {
    let (place, cut) = (Place::new("whole"), Place::new("cut"));
    record(&place.0);
    let bytes = std::fs::read(&place.0).unwrap();
    // As a crash leaves it: no index, and the size of the whole still unknown.
    let mut crashed = bytes[..bytes.len() * 6 / 10].to_vec();
    let segment = crashed.windows(4).position(|id| id == [0x18, 0x53, 0x80, 0x67]).unwrap();
    crashed[segment + 4..segment + 12].copy_from_slice(&[1, 255, 255, 255, 255, 255, 255, 255]);
    std::fs::write(&cut.0, crashed).unwrap();
    let (Some(all), Some(some)) = (numbers(&place.0), numbers_of_a_cut(&cut.0)) else { return };
    assert!(some.len() >= all.len() / 3 && some.len() < all.len(), "{} of {}", some.len(), all.len());
    assert_eq!(some, all[..some.len()]);
}

/// A player is not to be stopped by the last, broken cluster; what it says about that is no error of ours.
fn numbers_of_a_cut(path: &Path) -> Option<Vec<u64>> {
    let output = Command::new("ffmpeg").args(["-v", "quiet", "-i"]).arg(path).args(FRAMES).output().ok()?;
    let images = Y4mReader::new(&output.stdout[..]).unwrap().map_while(Result::ok);
    Some(images.map_while(|image| pattern_number(&image)).collect())
}

#[test]
fn a_full_disk_is_told_once_and_holds_up_nobody() {
    let mut recording = Recording::create(Path::new("/dev/full")).unwrap();
    let picture = Arc::new(Image::black(Size::new(64, 36).unwrap()));
    let clock = Clock::start();
    let error = loop {
        recording.show(Arc::clone(&picture), clock.now());
        if let Some(error) = recording.poll_error() {
            break error.to_string();
        }
        assert!(clock.now() < Duration::from_secs(20), "a full disk was not told of");
    };
    assert_eq!(error, "/dev/full: the disk is full; the recording ends here");
    recording.show(picture, clock.now());
    assert!(recording.poll_error().is_none());
    assert_eq!(recording.finish().unwrap(), 0);
}

#[test]
fn nothing_is_replaced() {
    let place = Place::new("there");
    std::fs::write(&place.0, "precious").unwrap();
    let error = Recording::create(&place.0).unwrap_err().to_string();
    assert!(error.ends_with("is there already; a recording replaces nothing"), "{error}");
    assert_eq!(std::fs::read_to_string(&place.0).unwrap(), "precious");
}

#[test]
fn voices_are_recorded_from_before_the_first_picture_and_without_any() {
    for shows in [true, false] {
        let place = Place::new("voices");
        let recording = Recording::create(&place.0).unwrap();
        let ear = recording.ear();
        for block in 0..50 {
            ear(Voice::Own, &SILENCE, Duration::from_millis(10_000 + 10 * block));
        }
        if shows {
            recording.show(Arc::new(Image::black(Size::new(64, 48).unwrap())), Duration::from_millis(10_500));
        }
        assert_eq!(recording.finish().unwrap(), 1, "a voice without a picture is heard in the dark");
        let (Some(shown_at), Some(heard_at)) = (times("v:0", &place.0), times("a:1", &place.0)) else { return };
        assert_eq!(shown_at, [if shows { 0.5 } else { 0.0 }]);
        assert_eq!((heard_at[0], heard_at.len()), (0.0, 25));
    }
}

#[test]
fn a_call_without_picture_and_sound_leaves_an_empty_file_and_no_error() {
    let place = Place::new("empty");
    let recording = Recording::create(&place.0).unwrap();
    assert_eq!(recording.finish().unwrap(), 0);
    assert_eq!(std::fs::metadata(&place.0).unwrap().len(), 0);
}
