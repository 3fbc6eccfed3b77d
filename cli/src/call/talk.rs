//! A call while it lasts, from the moment that media may flow: devices, the picture, figures, the log, the last word.

use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use anyhow::{Context, Result};
use oyster_call::camera::{self, Camera, DEFAULT_SIZE, Source};
use oyster_call::connection::{Event, Session};
use oyster_call::live::{Event as LiveEvent, Live, What};
use oyster_call::recording::Recording;
use oyster_call::screen::{Key, Kind, Screen, StatusLines};
use oyster_call::sound::{self, Side, Sound, Wish};
use oyster_call::{Clock, Happening, Stop};
use oyster_codec::Image;
use oyster_receiver::Shown;
use oyster_signalling::{Farewell, Label};

use super::figures::CallFigures;
use super::media::Media;
use super::notice::Notices;
use super::records::Records;
use crate::words;

/// How a call ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ending {
    pub(crate) farewell: Farewell,
    /// Whether the person here, or this program, ended it.
    pub(crate) by_us: bool,
}

/// Talks until someone hangs up. `spoken`: the words that both were shown.
pub(crate) fn talk(
    session: &Session,
    media: &Media,
    spoken: &str,
    stop: &Stop,
    records: &mut Records,
) -> Result<Ending> {
    let clock = Clock::start();
    records.log.begin(clock);
    let live = Live::start(session, media.sender, clock).context("the call's threads cannot be started")?;
    let screen = Screen::open(media.display.clone(), "oyster", media.wanted.size.unwrap_or(DEFAULT_SIZE))?;
    let mut watch = Watch {
        session,
        media,
        clock,
        live,
        screen,
        records,
        figures: CallFigures::default(),
        notices: Notices::default(),
        recording: None,
        spoken,
        sound: media.sound.clone(),
        picture: Arc::new(Image::black(DEFAULT_SIZE)),
        drawn: clock.now(),
        reported: clock.now(),
    };
    watch.say(&format!("{}: {}; q or Ctrl-C hangs up", watch.screen.kind(), watch.screen.reason()));
    match media.record.as_deref().map(Recording::create).transpose() {
        Ok(recording) => watch.recording = recording,
        // As the second call of an answerer finds the first one's.
        Err(error) => watch.say(&format!("{error}; this call is not recorded")),
    }
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
    records: &'a mut Records,
    figures: CallFigures,
    notices: Notices,
    recording: Option<Recording>,
    spoken: &'a str,
    /// What is heard with and through.
    sound: sound::Choices,
    /// What the screen shows, and since when.
    picture: Arc<Image>,
    drawn: Duration,
    reported: Duration,
}

impl Watch<'_> {
    /// Opens camera, microphone and loudspeaker, or says why there is none: the call goes on without.
    fn open_devices(&mut self) {
        self.figures.media.camera_off = !self.open_camera();
        let choices = self.media.sound.clone();
        if choices != (sound::Choices { microphone: sound::Choice::None, speaker: sound::Choice::None }) {
            match Sound::open(choices, self.clock, self.live.wake()) {
                Ok(mut sound) => {
                    if let Some(recording) = &self.recording {
                        sound.set_tap(recording.ear());
                    }
                    self.live.use_sound(sound);
                }
                Err(error) => self.say(&format!("no sound: {error}; the call goes on without")),
            }
        }
        self.session.tell_media(self.figures.media);
    }

    /// Answers whether there is one.
    fn open_camera(&mut self) -> bool {
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
            self.redraw(now)?;
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
                self.records.diary.note(&self.figures.status(self.spoken, now).summary);
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
                    self.live.ask_sound(Wish::Mute(self.figures.media.muted));
                    self.session.tell_media(self.figures.media);
                }
                Key::Talk => self.live.ask_sound(Wish::Talk),
                Key::NextMicrophone => self.switch(Side::Microphone),
                Key::NextSpeaker => self.switch(Side::Speaker),
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

    /// Goes on to the next microphone or loudspeaker; the sound says what it took.
    fn switch(&mut self, side: Side) {
        let found = sound::devices();
        let (choice, devices, wish): (_, _, fn(sound::Choice) -> Wish) = match side {
            Side::Microphone => (&mut self.sound.microphone, found.microphones, Wish::Microphone),
            Side::Speaker => (&mut self.sound.speaker, found.speakers, Wish::Speaker),
        };
        let Some(next) = choice.next(&devices) else {
            return self.say(&format!("there is no other {side}"));
        };
        *choice = next.clone();
        self.live.ask_sound(wish(next));
    }

    fn take(&mut self, event: LiveEvent) -> Result<()> {
        let LiveEvent { at, what, .. } = event;
        match what {
            What::Here(happening, label) => {
                self.records.log.take(at, &happening, label, self.figures.clock_offset_us())?;
                self.figures.take(at, &happening);
                match happening {
                    Happening::Captured { image, .. } => self.screen.set_self_view(Some(image)),
                    Happening::Ready(shown) => self.show(&shown, label)?,
                    _ => {}
                }
            }
            What::Measured { ssim_y, .. } => self.figures.measured(ssim_y),
            What::Path(path) => {
                self.figures.handle_path(path);
                if let Some(text) = self.notices.handle_silence(path.silence, self.media.patience) {
                    self.say(&text);
                }
            }
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
        // What nobody looks at need not be copied out of the decoder.
        if self.screen.kind() != Kind::None || self.recording.is_some() {
            self.picture = Arc::new(shown.picture.image());
            self.draw()?;
        }
        let now = self.clock.now();
        self.records.log.shown(shown.frame.0, now);
        if self.figures.shown(label, now) == 1 {
            self.say(&format!("first picture after {} ms of talk", now.as_millis()));
        }
        if let Some(recording) = &self.recording {
            recording.show(Arc::clone(&self.picture), now);
        }
        Ok(())
    }

    fn draw(&mut self) -> Result<()> {
        self.drawn = self.clock.now();
        let status = match self.screen.kind() {
            Kind::Window | Kind::Terminal => self.status(),
            Kind::File | Kind::None => StatusLines::default(),
        };
        self.screen.show(&self.picture, &status)?;
        Ok(())
    }

    fn status(&self) -> StatusLines {
        let now = self.clock.now();
        let mut status = self.figures.status(self.spoken, now);
        if let Some(notice) = self.notices.line(now) {
            status.summary = format!("{notice}  {}", status.summary);
        }
        status
    }

    /// Keeps the words under a picture that stands still true.
    fn redraw(&mut self, now: Duration) -> Result<()> {
        let is_looked_at = matches!(self.screen.kind(), Kind::Window | Kind::Terminal);
        if is_looked_at && now >= self.drawn + REDRAW_AFTER { self.draw() } else { Ok(()) }
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
        let Self { live, screen, records, figures, recording, clock, .. } = self;
        let now = clock.now();
        drop(live);
        let closed = screen.close();
        records.log.end(figures.clock_offset_us())?;
        records.tell(&figures.summary(now));
        records.write_figures(&figures.json(now))?;
        closed?;
        if let Some(recording) = recording {
            let pictures = recording.finish()?;
            records.tell(&format!("recorded {pictures} pictures\n"));
        }
        Ok(())
    }

    /// Tells the person something: under the picture, and on standard error where that is not the screen.
    fn say(&mut self, text: &str) {
        self.notices.say(text, self.clock.now());
        self.records.diary.note(text);
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
/// Figures that are read change twice a second.
const REDRAW_AFTER: Duration = Duration::from_millis(500);
