//! A call while it lasts, from the moment that media may flow: devices, the picture, figures, the log, the last word.

use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use anyhow::{Context, Result};
use oyster_call::camera::{self, Camera, DEFAULT_SIZE, Source};
use oyster_call::connection::{Event, Session};
use oyster_call::live::{Event as LiveEvent, Live, What};
use oyster_call::recording::Recording;
use oyster_call::screen::{Key, Kind, Screen};
use oyster_call::sound::{self, Sound};
use oyster_call::{Clock, Happening, Stop};
use oyster_receiver::Shown;
use oyster_signalling::{Farewell, Label};
use oyster_transport::SenderConfig;

use super::figures::CallFigures;
use super::log::CallLog;
use super::media::Media;
use crate::words;

/// How a call ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ending {
    pub(crate) farewell: Farewell,
    /// Whether the person here, or this program, ended it.
    pub(crate) by_us: bool,
}

/// Talks until someone hangs up. `spoken`: the words that both were shown.
pub(crate) fn talk(session: &Session, media: &Media, spoken: &str, stop: &Stop, log: &mut CallLog) -> Result<Ending> {
    let clock = Clock::start();
    log.begin(clock);
    let recording = media.record.as_deref().map(Recording::create).transpose()?;
    let live = Live::start(session, SenderConfig::default(), clock).context("the call's threads cannot be started")?;
    let screen = Screen::open(media.display.clone(), "oyster", media.wanted.size.unwrap_or(DEFAULT_SIZE))?;
    if screen.kind() != Kind::Terminal {
        words::tell(&format!("{}: {}; q or Ctrl-C hangs up\n", screen.kind(), screen.reason()));
    }
    let figures = CallFigures::default();
    let mut watch =
        Watch { session, media, clock, live, screen, log, figures, recording, spoken, reported: clock.now() };
    watch.open_devices();
    let ending = watch.until_the_end(stop)?;
    watch.close()?;
    Ok(ending)
}

/// What the person sees and what is written down.
struct Watch<'a> {
    session: &'a Session,
    media: &'a Media,
    clock: Clock,
    live: Live,
    screen: Screen,
    log: &'a mut CallLog,
    figures: CallFigures,
    recording: Option<Recording>,
    spoken: &'a str,
    reported: Duration,
}

impl Watch<'_> {
    /// Opens camera, microphone and loudspeaker, or says why there is none: the call goes on without.
    fn open_devices(&mut self) {
        self.figures.media.camera_off = !self.open_camera();
        let choices = self.media.sound.clone();
        if choices != (sound::Choices { microphone: sound::Choice::None, speaker: sound::Choice::None }) {
            match Sound::open(choices, self.clock, self.live.wake()) {
                Ok(sound) => self.live.use_sound(sound),
                Err(error) => self.say(&format!("no sound: {error}; the call goes on without")),
            }
        }
        self.session.tell_media(self.figures.media);
    }

    /// Answers whether there is one.
    fn open_camera(&self) -> bool {
        if self.media.camera == Source::None {
            return false;
        }
        match Camera::open(&self.media.camera, self.media.wanted, self.clock, self.live.wake()) {
            Ok(camera) => {
                self.say(&format!("camera: {}", camera.description()));
                self.live.use_camera(Some(camera));
                true
            }
            Err(error) => {
                self.say(&format!("no camera: {error}; the call goes on without"));
                false
            }
        }
    }

    fn until_the_end(&mut self, stop: &Stop) -> Result<Ending> {
        let mut hung_up = None;
        loop {
            match self.live.events.recv_timeout(LOOK) {
                Ok(event) => self.take(event)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    self.session.hang_up();
                    anyhow::bail!("the call's thread has ended");
                }
            }
            while let Some(event) = self.session.poll() {
                match event {
                    Event::Ended { farewell, by_us } => return Ok(Ending { farewell, by_us }),
                    Event::PeerMedia(state) => self.figures.peer_media = state,
                    Event::PeerReport(report) => self.figures.peer = report,
                    Event::Meet(..) | Event::Show(_) | Event::Ask | Event::StartMedia => {}
                }
            }
            let now = self.clock.now();
            let wants_out = self.obey_keys() || stop.is_set();
            if wants_out && hung_up.is_none() {
                self.session.report(self.figures.report(now));
                self.session.hang_up();
                hung_up = Some(now);
            }
            if hung_up.is_some_and(|since| now > since + LAST_WORD) {
                return Ok(Ending { farewell: Farewell::HungUp, by_us: true });
            }
            if now >= self.reported + REPORT_EVERY {
                self.reported = now;
                self.session.report(self.figures.report(now));
                self.check_recording();
            }
        }
    }

    /// Answers whether the person wants to hang up.
    fn obey_keys(&mut self) -> bool {
        let mut wants_out = false;
        for key in self.screen.poll_keys() {
            match key {
                Key::Quit => wants_out = true,
                Key::Mute => {
                    self.figures.media.muted = !self.figures.media.muted;
                    self.live.set_muted(self.figures.media.muted);
                    self.session.tell_media(self.figures.media);
                }
                Key::Talk => self.live.press(),
                Key::Camera => {
                    // Off means closed: its light goes out.
                    let goes_on = self.figures.media.camera_off && self.open_camera();
                    if !goes_on {
                        self.live.use_camera(None);
                        self.screen.set_self_view(None);
                    }
                    self.figures.media.camera_off = !goes_on;
                    self.session.tell_media(self.figures.media);
                }
                _ => {}
            }
        }
        wants_out
    }

    fn take(&mut self, event: LiveEvent) -> Result<()> {
        let LiveEvent { at, what } = event;
        match what {
            What::Here(happening, label) => {
                self.log.take(at, &happening, label, self.figures.clock_offset_us())?;
                self.figures.take(at, &happening);
                match happening {
                    Happening::Captured { image, .. } => self.screen.set_self_view(Some(image)),
                    Happening::Ready(shown) => self.show(&shown, label)?,
                    _ => {}
                }
            }
            What::Measured { ssim_y, .. } => self.figures.measured(ssim_y),
            What::Path(path) => self.figures.path = path,
            What::SoundFigures(sound) => self.figures.sound = Some(sound),
            What::Sound(event) => self.say(&event.to_string()),
            What::Camera(event) => {
                self.figures.camera_lost = !matches!(event, camera::Event::Back(_));
                self.say(&event.to_string());
            }
            What::Failed(error) => self.say(&format!("no more pictures are sent: {error}")),
        }
        Ok(())
    }

    fn show(&mut self, shown: &Shown, label: Option<Label>) -> Result<()> {
        let image = shown.picture.image();
        self.screen.show(&image, &self.figures.status(self.spoken, self.clock.now()))?;
        let now = self.clock.now();
        self.log.shown(shown.frame.0, now);
        if self.figures.shown(label, now) == 1 {
            self.say(&format!("first picture after {} ms of talk", now.as_millis()));
        }
        if let Some(recording) = &self.recording {
            recording.show(Arc::new(image), now);
        }
        Ok(())
    }

    /// A recording that fails ends; the call goes on.
    fn check_recording(&mut self) {
        if let Some(error) = self.recording.as_mut().and_then(Recording::poll_error) {
            self.say(&error.to_string());
            self.recording = None;
        }
    }

    /// Devices are closed and the terminal is given back before the summary.
    fn close(self) -> Result<()> {
        let Self { live, screen, log, figures, recording, clock, .. } = self;
        let now = clock.now();
        drop(live);
        let closed = screen.close();
        log.end(figures.clock_offset_us())?;
        words::tell(&figures.summary(now));
        closed?;
        if let Some(recording) = recording {
            let pictures = recording.finish()?;
            words::tell(&format!("recorded {pictures} pictures\n"));
        }
        Ok(())
    }

    /// Tells the person something, but not into the picture.
    fn say(&self, text: &str) {
        if self.screen.kind() != Kind::Terminal {
            words::tell(&format!("{text}\n"));
        }
    }
}

/// How often keys are looked at, at least.
const LOOK: Duration = Duration::from_millis(50);
const REPORT_EVERY: Duration = Duration::from_secs(1);
/// How long the network's thread has to say the last word.
const LAST_WORD: Duration = Duration::from_millis(500);
