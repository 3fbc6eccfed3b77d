//! A live call: one end over a connection. A thread of its own drives the sender and receiver machines by the clock; encoding
//! and decoding run on workers, datagrams come from the network's thread, pictures from the camera's; what happens is told as
//! [`Event`]s to whoever shows and records it.
//!
//! It is begun by one who was told [`StartMedia`](crate::connection::Event::StartMedia), and has no camera, microphone or
//! loudspeaker until it is given them.

mod clock_offset;
mod labels;
mod line;

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver as Events, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use oyster_codec::{EncodeError, Image, quality};
use oyster_sender::Decision;
use oyster_signalling::{Datagram, Label};
use oyster_transport::{AckHeader, DEFAULT_OVERHEAD_BYTES, FRAGMENT_HEADER_BYTES, FragmentHeader, SenderConfig};

use crate::camera::{self, Camera};
use crate::connection::{MAX_DATAGRAM_BYTES, Session};
use crate::end::{Done, End};
use crate::sound::{self, Sound};
use crate::{Clock, Happening, Inbox, Post, Worker};
use line::Line;

/// Something that happened, and when by the call's clock.
#[derive(Clone, Debug)]
pub struct Event {
    /// When.
    pub at: Duration,
    /// What.
    pub what: What,
    /// The place that an event with a picture takes until it is dropped.
    _place: Option<Arc<()>>,
}

/// What happens in a call.
#[derive(Clone, Debug)]
pub enum What {
    /// Something at this end; with what comes from the other end, which of its pictures that is.
    Here(Happening, Option<Label>),
    /// A picture that was sent is like what was captured: linear SSIM of luma.
    Measured {
        /// Its number.
        capture: u64,
        /// 1 is the same.
        ssim_y: f64,
    },
    /// The camera has something to say.
    Camera(camera::Event),
    /// A microphone or loudspeaker has.
    Sound(sound::Event),
    /// How sound fares, about ten times a second.
    SoundFigures(sound::Figures),
    /// How the path is, about ten times a second.
    Path(PathFigures),
    /// The encoder refused a picture; no further ones are sent.
    Failed(EncodeError),
}

/// How the path is, seen from this end.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PathFigures {
    /// The round trip, smoothed.
    pub round_trip: Option<Duration>,
    /// How much longer than the quickest the newest packet took.
    pub queueing: Option<Duration>,
    /// What the link is believed to carry, bits a second.
    pub rate: f64,
    /// The share of packets lost of late.
    pub loss: f64,
    /// The other end's clock minus ours, µs; none before it is known.
    pub clock_offset_us: Option<i64>,
    /// How long nothing at all was heard from the other end.
    pub silence: Duration,
    /// Bytes on the wire that left for the other end so far: media and acks.
    pub sent_bytes: u64,
    /// Bytes on the wire that came from it.
    pub received_bytes: u64,
}

/// A running call. Dropped, it ends: camera, workers and thread.
#[derive(Debug)]
pub struct Live {
    /// What happens, in order.
    pub events: Events<Event>,
    post: Post<Input>,
    thread: Option<JoinHandle<()>>,
}

impl Live {
    /// Begins to send and to receive.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn start(session: &Session, sender: SenderConfig, clock: Clock) -> io::Result<Self> {
        let (told, events) = sync_channel(MAX_EVENTS);
        let inbox = Inbox::new();
        let end = End::new(over_quic(sender), &inbox)?;
        let measurer = Worker::spawn("measurer", &inbox)?;
        let arrivals = inbox.post(MAX_ARRIVED);
        let datagrams = session.datagrams(move |datagram| {
            // Where the loop is this far behind, a datagram is lost as on a full link.
            arrivals.put(Input::Arrived(datagram, clock.now()));
        });
        let post = inbox.post(MAX_POSTED);
        let line = Line::new(datagrams, session.silence(), told);
        let exchange = Exchange {
            clock,
            end: Some(end),
            line,
            camera: None,
            measurer,
            encoding: None,
            measured_at: None,
            path_at: None,
            silence: Duration::ZERO,
        };
        let thread = std::thread::Builder::new().name("exchange".to_owned()).spawn(move || exchange.run(&inbox))?;
        Ok(Self { events, post, thread: Some(thread) })
    }

    /// Sends what this camera sees from now on, in place of the one before; or nothing.
    pub fn use_camera(&self, camera: Option<Camera>) {
        self.post.put(Input::Camera(camera));
    }

    /// Hears and plays with this from now on.
    pub fn use_sound(&self, sound: Sound) {
        self.post.put(Input::Sound(Box::new(sound)));
    }

    /// What the person wants of the sound.
    pub fn ask_sound(&self, wish: sound::Wish) {
        self.post.put(Input::Wish(wish));
    }

    /// What a camera calls when it has a picture, and sound when it has a packet.
    pub fn wake(&self) -> impl Fn() + Send + Sync + 'static {
        let post = self.post.clone();
        // A wake that is refused stands among others that were not taken: one is enough.
        move || _ = post.put(Input::Woken)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        // The loop takes a post soon or is gone: a full one is emptied within a turn.
        while !self.post.put(Input::Over) && self.thread.as_ref().is_some_and(|thread| !thread.is_finished()) {
            std::thread::yield_now();
        }
        if let Some(thread) = self.thread.take() {
            // A panic there has said so on standard error.
            let _ = thread.join();
        }
    }
}

/// Frames in slices that one QUIC packet takes, and what surrounds them on the wire.
fn over_quic(config: SenderConfig) -> SenderConfig {
    let most = MAX_DATAGRAM_BYTES - FRAGMENT_HEADER_BYTES - Datagram::VIDEO_HEADER_BYTES;
    SenderConfig {
        payload_bytes_max: config.payload_bytes_max.min(most),
        overhead_bytes: DEFAULT_OVERHEAD_BYTES + Datagram::VIDEO_HEADER_BYTES,
        ..config
    }
}

/// What wakes the loop.
#[derive(Debug)]
enum Input {
    Done(Done),
    Arrived(Bytes, Duration),
    Woken,
    Sound(Box<Sound>),
    Wish(sound::Wish),
    Measured { capture: u64, ssim_y: f64 },
    Unmeasured,
    Camera(Option<Camera>),
    Over,
}

impl From<Done> for Input {
    fn from(done: Done) -> Self {
        Self::Done(done)
    }
}

struct Exchange {
    clock: Clock,
    /// None once the encoder has failed.
    end: Option<End<Input>>,
    line: Line,
    camera: Option<Camera>,
    measurer: Worker<Input>,
    /// The picture at the encoder.
    encoding: Option<(u64, Arc<Image>)>,
    measured_at: Option<Duration>,
    path_at: Option<Duration>,
    /// At that time.
    silence: Duration,
}

impl Exchange {
    fn run(mut self, inbox: &Inbox<Input>) {
        loop {
            let due = [self.end.as_ref().and_then(End::poll_timeout), self.line.held_until()];
            let due = due.into_iter().flatten().min().unwrap_or(Duration::MAX);
            let first = inbox.wait(due.saturating_sub(self.clock.now()).min(LONGEST_SLEEP));
            // Whatever else comes meanwhile, what there is to do is done between.
            for input in first.into_iter().chain(std::iter::from_fn(|| inbox.poll())).take(MAX_TAKEN) {
                if self.take(input).is_none() {
                    return;
                }
            }
            let now = self.clock.now();
            self.speak(now);
            self.line.release(now);
            if let Some(end) = &mut self.end
                && let Some(taken) = end.turn(now, &mut self.line)
            {
                self.encoding = Some(taken);
            }
            self.tell_path(now);
        }
    }

    /// None when the call is over.
    fn take(&mut self, input: Input) -> Option<()> {
        let now = self.clock.now();
        match input {
            Input::Over => return None,
            Input::Camera(camera) => self.camera = camera,
            Input::Woken => self.look(now),
            Input::Sound(sound) => self.line.sound = Some(*sound),
            Input::Wish(wish) => self.line.sound.iter_mut().for_each(|sound| sound.obey(wish.clone(), now)),
            Input::Arrived(datagram, at) => self.arrive(&datagram, at),
            Input::Measured { capture, ssim_y } => self.line.report(now, What::Measured { capture, ssim_y }),
            Input::Unmeasured => {}
            Input::Done(done) => {
                let decided = self.end.as_mut()?.handle_done(done, now, &mut self.line);
                match decided {
                    Ok(decision) => decision.into_iter().for_each(|decision| self.measure(&decision, now)),
                    Err(error) => {
                        self.line.report(now, What::Failed(error));
                        self.camera = None;
                        self.end = None;
                    }
                }
            }
        }
        Some(())
    }

    fn look(&mut self, now: Duration) {
        let Some(camera) = &self.camera else { return };
        while let Some(event) = camera.poll_event() {
            self.line.report(now, What::Camera(event));
        }
        if let (Some(capture), Some(end)) = (camera.take(), &mut self.end) {
            self.line.remember(capture.number, capture.captured_at);
            end.handle_image(capture.number, capture.image, capture.captured_at, &mut self.line);
        }
    }

    /// Sound goes before pictures, and they make room for it.
    fn speak(&mut self, now: Duration) {
        let Some(sound) = &mut self.line.sound else { return };
        let packets: Vec<_> = std::iter::from_fn(|| sound.poll_packet()).collect();
        let events: Vec<_> = std::iter::from_fn(|| sound.poll_event()).collect();
        for packet in packets {
            let wire_bytes = self.line.send(Datagram::Audio(&packet));
            if let Some(end) = &mut self.end {
                end.handle_other_bytes(wire_bytes, now);
            }
        }
        events.into_iter().for_each(|event| self.line.report(now, What::Sound(event)));
    }

    fn arrive(&mut self, datagram: &[u8], at: Duration) {
        self.line.received_bytes += (datagram.len() + DEFAULT_OVERHEAD_BYTES) as u64;
        let Some(end) = &mut self.end else { return };
        match Datagram::from_bytes(datagram) {
            Ok(Datagram::Video(label, fragment)) => {
                if let Ok((header, _)) = FragmentHeader::read(fragment) {
                    self.line.labels.insert(header.frame, label);
                }
                end.handle_fragment(fragment, at);
            }
            Ok(Datagram::Ack(ack)) => {
                if let Ok((header, _)) = AckHeader::read(ack) {
                    self.line.offset.handle_ack(&header, at);
                }
                end.handle_ack(ack, at);
            }
            Ok(Datagram::Audio(packet)) => {
                if let Some(sound) = &mut self.line.sound {
                    sound.handle_packet(packet.to_vec(), at);
                }
            }
            // What later versions send.
            Err(_) => {}
        }
    }

    /// Has the likeness of a picture that was sent measured now and then: each would cost as much as decoding it.
    fn measure(&mut self, decision: &Decision, now: Duration) {
        let Some((capture, image)) = self.encoding.take() else { return };
        let Some(sent) = decision.sent.as_ref().filter(|_| decision.capture == capture) else { return };
        if self.measured_at.is_some_and(|before| now < before + MEASURE_EVERY) || !self.measurer.is_idle() {
            return;
        }
        let state = self.end.as_ref().and_then(|end| end.sender().state(sent.target));
        let Some([last, ..]) = state.and_then(|state| state.references()) else { return };
        let picture = Arc::clone(last);
        self.measured_at = Some(now);
        let measured = move || match quality::ssim_y(&image, &picture.image().scaled(image.size())) {
            Ok(ssim_y) => Input::Measured { capture, ssim_y },
            Err(_) => Input::Unmeasured,
        };
        // It was idle a moment ago, and only we give it work.
        let _ = self.measurer.submit(measured);
    }

    fn tell_path(&mut self, now: Duration) {
        if self.path_at.is_some_and(|before| now < before + PATH_EVERY) {
            return;
        }
        let Some(end) = &mut self.end else { return };
        self.path_at = Some(now);
        let silence = self.line.silence.poll();
        if std::mem::replace(&mut self.silence, silence) >= NOTABLE_SILENCE && silence < NOTABLE_SILENCE {
            end.handle_return();
        }
        let transport = end.sender().transport();
        let path = PathFigures {
            round_trip: transport.round_trip(),
            queueing: transport.queueing_delay(),
            rate: 8.0 * transport.rate(now),
            loss: transport.loss(),
            clock_offset_us: self.line.offset.microseconds(),
            silence,
            sent_bytes: self.line.sent_bytes,
            received_bytes: self.line.received_bytes,
        };
        if let Some(sound) = &mut self.line.sound {
            sound.set_link_rate(path.rate);
            let figures = sound.figures();
            self.line.report(now, What::SoundFigures(figures));
        }
        self.line.report(now, What::Path(path));
    }
}

/// Events not yet taken: past that a slow listener is told no more than the newest would be late anyway. Ten seconds.
const MAX_EVENTS: usize = 2048;
/// Inputs between two turns: fewer than acks that may wait to be sent, of which each may make one.
const MAX_TAKEN: usize = 128;
/// Datagrams that wait for the loop: two of the largest frames.
const MAX_ARRIVED: usize = 4096;
/// Wakes and cameras that wait for the loop.
const MAX_POSTED: usize = 16;
/// How long the loop may sleep when nothing is due.
const LONGEST_SLEEP: Duration = Duration::from_millis(200);
/// A sixtieth of the pictures of a usual call.
const MEASURE_EVERY: Duration = Duration::from_secs(1);
const PATH_EVERY: Duration = Duration::from_millis(100);
/// Longer than a camera that is on and its acks are ever silent, shorter than a change of networks.
const NOTABLE_SILENCE: Duration = Duration::from_millis(300);

#[cfg(test)]
mod hostile_tests;
