//! `oyster demo`: the main job on built-in defaults.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use oyster_call::demo::{Camera, Demo, Event, What};
use oyster_call::screen::{Choice as ScreenChoice, Key, Kind, Screen, StatusLines};
use oyster_call::{Clock, Happening, Stop};
use oyster_codec::{Size, quality};
use oyster_emulator::{LinkConfig, Trace};
use oyster_experiments::{Clip, Record};
use oyster_scene::Scene;
use oyster_sender::Choice;

use crate::files::{expect_folder, read_clip, read_trace};
use crate::report;
use crate::values::{DEFAULT_FRAMES_PER_SECOND, JsonOutput, MAX_SECONDS, SenderArguments};
use crate::values::{frames_per_second, play_rate, seconds, size};
use crate::words;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// What the camera sees: a y4m clip, played forwards and backwards (default: a built-in scene)
    #[arg(long, value_name = "FILE")]
    clip: Option<PathBuf>,
    /// Pictures a second (default: the clip's own rate, or 30)
    #[arg(long, value_name = "N", value_parser = frames_per_second, allow_negative_numbers = true)]
    fps: Option<f64>,
    /// The size of the built-in scene
    #[arg(long, value_name = "WxH", default_value = "640x360", value_parser = scene_size, conflicts_with = "clip")]
    size: Size,
    /// The link media crosses, a mahimahi trace (default: a built-in LTE-like one)
    #[arg(long, value_name = "TRACE")]
    down: Option<PathBuf>,
    /// How long (default: 60 s, or until q or Ctrl-C with a screen)
    #[arg(long, value_name = "N", value_parser = seconds, allow_negative_numbers = true)]
    seconds: Option<Duration>,
    /// Without a picture
    #[arg(long)]
    headless: bool,
    /// Write a row a frame, the paper's analysis.csv and a plot into this folder
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    #[command(flatten)]
    sender: SenderArguments,
    #[command(flatten)]
    json: JsonOutput,
}

/// The built-in link: an hour of it, then again; what Salsify's traces look like on average.
const LINK_SEED: u64 = 7;
const LINK_SECONDS: u64 = 3600;
const LINK_BITS_PER_SECOND: u64 = 4_000_000;
/// The link acks cross.
const ACK_LINK_BITS_PER_SECOND: u64 = 12_000_000;
const SCENE_SEED: u64 = 1;
/// How long a demo lasts that nobody watches.
const HEADLESS: Duration = Duration::from_secs(60);
/// A clip is held in memory: at most two minutes of it, which play to and fro.
const MAX_CLIP_FRAMES: usize = 3600;
/// How often keys are looked at and the status line is made anew, at least.
const LOOK: Duration = Duration::from_millis(50);

/// The size of the built-in scene.
fn scene_size(text: &str) -> Result<Size, String> {
    let size = size(text)?;
    let room = size.width() >= SCENE_SIDE && size.height() >= SCENE_SIDE;
    if room { Ok(size) } else { Err(format!("the built-in scene needs {SCENE_SIDE}x{SCENE_SIDE} or more")) }
}

/// One macroblock: in less there is nobody to be seen.
const SCENE_SIDE: usize = 16;

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let measured = arguments.json.expected()?;
    let down = match &arguments.down {
        Some(path) => read_trace(path)?,
        None => Trace::lte_like(LINK_SEED, LINK_SECONDS, LINK_BITS_PER_SECOND)?,
    };
    let (camera, picture_size, frames_per_second) = camera(arguments)?;
    if let Some(folder) = &arguments.report {
        expect_folder(folder)?;
    }
    let link = (down, LinkConfig::default());
    let headless = arguments.headless;
    let choice = if headless { ScreenChoice::None } else { ScreenChoice::Auto };
    let stop = Stop::on_signals().context("signals cannot be caught")?;
    let mut screen = Screen::open(choice, "oyster demo", picture_size)?;
    if screen.kind() != Kind::Terminal {
        words::tell(&format!("{}: {}; q or Ctrl-C ends the call\n", screen.kind(), screen.reason()));
    }
    let unwatched = screen.kind() == Kind::None;
    let longest = if unwatched { HEADLESS } else { Duration::from_secs_f64(MAX_SECONDS) };

    let clock = Clock::start();
    let demo = Demo {
        camera,
        frames_per_second,
        duration: Some(arguments.seconds.unwrap_or(longest)),
        link: link.clone(),
        ack_link: (Trace::constant(ACK_LINK_BITS_PER_SECOND)?, LinkConfig::default()),
        sender: arguments.sender.config(),
    };
    let mut watch = Watch { record: Record::default(), live: Live::default(), begin: None, end: None };
    let running = demo.start(clock, &stop).context("the call's threads cannot be started")?;
    while watch.end.is_none() {
        match running.events.recv_timeout(LOOK) {
            Ok(event) => watch.take(event, &mut screen, &clock)?,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => bail!("the call ended without a word"),
        }
        if screen.poll_keys().contains(&Key::Quit) {
            stop.set();
        }
    }
    drop(screen);
    drop(running);
    let end = watch.end.unwrap_or_default();
    // A call that is ended before its first picture has a summary too, an empty one.
    let recording = watch.record.finish(&link, watch.begin.unwrap_or(end), end)?;
    if let Some(folder) = &arguments.report {
        report::write(folder, &recording, "oyster demo")?;
    }
    let figures = recording.figures();
    words::tell(&report::summary(&figures));
    if measured { arguments.json.write_or_print(&figures, |_| String::new()) } else { Ok(()) }
}

fn camera(arguments: &Arguments) -> Result<(Camera, Size, f64)> {
    if let Some(path) = &arguments.clip {
        let (frames, own_rate) = read_clip(path, MAX_CLIP_FRAMES)?;
        let clip = Clip::new(frames).context("a clip's frames have one size")?;
        let rate = play_rate(path, own_rate, arguments.fps)?;
        let size = clip.size();
        return Ok((Arc::new(move |number| Arc::clone(clip.frame(number))), size, rate));
    }
    let size = arguments.size;
    let scene = Scene::new(size, SCENE_SEED);
    let rate = arguments.fps.unwrap_or(DEFAULT_FRAMES_PER_SECOND);
    Ok((Arc::new(move |number| Arc::new(scene.frame(number))), size, rate))
}

/// What the one who watches sees and writes down.
struct Watch {
    record: Record,
    live: Live,
    begin: Option<Duration>,
    end: Option<Duration>,
}

/// The figures of the last moments, for the live line.
#[derive(Default)]
struct Live {
    delay_ms: f64,
    ssim_y: f64,
    rate: f64,
    sent_bits: f64,
    shown: f64,
    fine: u64,
    coarse: u64,
    skipped: u64,
    quantizer: u8,
    coded_size: Option<Size>,
}

/// How much of the past the live figures keep from one frame to the next: about a second at 30 a second.
const KEEP: f64 = 29.0 / 30.0;

impl Watch {
    fn take(&mut self, event: Event, screen: &mut Screen, clock: &Clock) -> Result<()> {
        let at = event.at;
        match event.what {
            What::Peer(happening) => self.peer(happening, at, screen, clock)?,
            What::Delivered { wire_bytes, queue_delay } => self.record.delivered(at, wire_bytes, queue_delay),
            What::Over(_) => self.end = Some(at),
            What::Failed(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn peer(&mut self, happening: Happening, at: Duration, screen: &mut Screen, clock: &Clock) -> Result<()> {
        match happening {
            Happening::Captured { capture, image } => {
                self.begin.get_or_insert(at);
                self.record.captured(capture, image, at);
                self.live.sent_bits *= KEEP;
                self.live.shown *= KEEP;
            }
            Happening::EncodeStarted { capture } => self.record.encode_started(capture, at),
            Happening::Decided { decision, rate } => {
                self.record.decided(&decision, at);
                self.live.rate = rate;
                match decision.choice {
                    Choice::Fine => self.live.fine += 1,
                    Choice::Coarse | Choice::Survival => self.live.coarse += 1,
                    Choice::Skip => self.live.skipped += 1,
                }
                if let Some(sent) = decision.sent {
                    self.live.sent_bits += sent.bytes as f64 * 8.0;
                    self.live.quantizer = sent.quantizer.value();
                    self.live.coded_size = Some(sent.coded_size);
                }
            }
            Happening::Received { frame, received_at, .. } => self.record.decode_started(frame, received_at, at),
            Happening::Decoded { frame } => self.record.decoded(frame, at),
            Happening::Ready(shown) => {
                screen.show(&shown.picture.image(), &self.live.status())?;
                let now = clock.now();
                if let Some(ssim_y) = self.record.shown(&shown, now) {
                    self.live.ssim_y = ssim_y;
                }
                self.live.shown += 1.0;
                if let Some(delay) = self.record.delay(shown.frame) {
                    self.live.delay_ms = delay.as_secs_f64() * 1000.0;
                }
            }
        }
        Ok(())
    }
}

impl Live {
    fn status(&self) -> StatusLines {
        StatusLines::new(format!(
            "delay {:3.0} ms  {:4.1} fps  SSIM {:4.1} dB  q {:3}  {}  sent {:.2} of {:.2} Mbit/s  fine {} coarse {} skipped {}",
            self.delay_ms,
            self.shown * (1.0 - KEEP) * 30.0,
            quality::ssim_db(self.ssim_y),
            self.quantizer,
            self.coded_size.map(|size| size.to_string()).unwrap_or_default(),
            self.sent_bits * (1.0 - KEEP) * 30.0 / 1e6,
            self.rate / 1e6,
            self.fine,
            self.coarse,
            self.skipped,
        ))
    }
}
