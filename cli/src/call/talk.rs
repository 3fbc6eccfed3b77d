//! A call while it lasts, from the moment that media may flow: devices, the picture, figures, the log, the last word.

use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use anyhow::{Context, Result};
use oyster_call::camera::{Camera, Source};
use oyster_call::connection::{Event, Session};
use oyster_call::live::{Event as LiveEvent, Live, What};
use oyster_call::screen::{Key, Kind, Screen};
use oyster_call::{Clock, Happening, Stop};
use oyster_codec::Size;
use oyster_signalling::{Farewell, MediaState};
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
    let live = Live::start(session, SenderConfig::default(), clock).context("the call's threads cannot be started")?;
    let camera_off = open_camera(&live, media, clock);
    if camera_off {
        session.tell_media(MediaState { camera_off, ..MediaState::default() });
    }
    let size = media.wanted.size.unwrap_or(USUAL_SIZE);
    let screen = Screen::open(media.display, "oyster", size)?;
    if screen.kind() != Kind::Terminal {
        words::tell(&format!("{}: {}; q or Ctrl-C hangs up\n", screen.kind(), screen.reason()));
    }
    let mut watch = Watch { clock, screen, log, figures: CallFigures::default(), spoken, reported: Duration::ZERO };
    let ending = watch.until_the_end(session, &live, stop)?;
    // Devices are closed and the terminal is given back before the summary.
    drop(live);
    let Watch { figures, screen, log, .. } = watch;
    drop(screen);
    log.end(figures.clock_offset_us())?;
    words::tell(&figures.summary(clock.now()));
    Ok(ending)
}

/// Opens the camera, or says why there is none: the call goes on without. Answers whether there is none.
fn open_camera(live: &Live, media: &Media, clock: Clock) -> bool {
    if media.camera == Source::None {
        return true;
    }
    match Camera::open(&media.camera, media.wanted, clock, live.wake()) {
        Ok(camera) => {
            words::tell(&format!("camera: {}\n", camera.description()));
            live.use_camera(Some(camera));
            false
        }
        Err(error) => {
            words::tell(&format!("no camera: {error}; the call goes on without\n"));
            true
        }
    }
}

/// What the person sees and what is written down.
struct Watch<'a> {
    clock: Clock,
    screen: Screen,
    log: &'a mut CallLog,
    figures: CallFigures,
    spoken: &'a str,
    reported: Duration,
}

impl Watch<'_> {
    fn until_the_end(&mut self, session: &Session, live: &Live, stop: &Stop) -> Result<Ending> {
        let mut hung_up = None;
        loop {
            match live.events.recv_timeout(LOOK) {
                Ok(event) => self.take(event)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    session.hang_up();
                    anyhow::bail!("the call's thread has ended");
                }
            }
            while let Some(event) = session.poll() {
                match event {
                    Event::Ended { farewell, by_us } => return Ok(Ending { farewell, by_us }),
                    Event::PeerMedia(state) => self.figures.peer_media = state,
                    Event::PeerReport(report) => self.figures.peer = report,
                    Event::Meet(..) | Event::Show(_) | Event::Ask | Event::StartMedia => {}
                }
            }
            let now = self.clock.now();
            let wants_out = self.screen.poll_keys().contains(&Key::Quit) || stop.is_set();
            if wants_out && hung_up.is_none() {
                session.report(self.figures.report(now));
                session.hang_up();
                hung_up = Some(now);
            }
            if hung_up.is_some_and(|since| now > since + LAST_WORD) {
                return Ok(Ending { farewell: Farewell::HungUp, by_us: true });
            }
            if now >= self.reported + REPORT_EVERY {
                self.reported = now;
                session.report(self.figures.report(now));
            }
        }
    }

    fn take(&mut self, event: LiveEvent) -> Result<()> {
        let LiveEvent { at, what } = event;
        match what {
            What::Here(happening, label) => {
                self.log.take(at, &happening, label, self.figures.clock_offset_us())?;
                match happening {
                    Happening::Captured { .. } => self.figures.captured(at),
                    Happening::Decided { decision, .. } => self.figures.decided(&decision),
                    Happening::Ready(shown) => {
                        self.screen.show(&shown.picture.image(), &self.figures.status(self.spoken))?;
                        let now = self.clock.now();
                        self.log.shown(shown.frame.0, now);
                        if self.figures.shown(label, now) == 1 {
                            self.say(&format!("first picture after {} ms of talk", now.as_millis()));
                        }
                    }
                    Happening::EncodeStarted { .. } | Happening::Received { .. } | Happening::Decoded { .. } => {}
                }
            }
            What::Measured { ssim_y, .. } => self.figures.measured(ssim_y),
            What::Path(path) => self.figures.path = path,
            What::Camera(event) => self.say(&event.to_string()),
            What::Failed(error) => self.say(&format!("no more pictures are sent: {error}")),
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
/// Of a window, before the first picture says more.
const USUAL_SIZE: Size = match Size::new(640, 360) {
    Ok(size) => size,
    Err(_) => unreachable!(),
};
