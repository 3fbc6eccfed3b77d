//! The sound of a call on this machine: microphone and loudspeaker, and a thread between them and the packets.
//!
//! A call opens [`Sound`] once somebody has said yes, sends what [`Sound::poll_packet`] gives, and hands over what comes.
//! Everything is optional: without a device the call goes on, and [`Sound::poll_event`] says so.

mod choice;
mod device;
mod engine;
mod line;
mod wav;

use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use oyster_audio::{BLOCK_SAMPLES, CodecError, Level, LipSync, PlayOut, Protection, ReceiverFigures};

pub use choice::Choice;
pub use device::{DeviceName, Devices, devices};
use engine::{Engine, Shared, Wire};
use line::Line;

use crate::Clock;
use crate::recording::Voice;

/// What a call hears with and is heard through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choices {
    /// Where its voice comes from.
    pub microphone: Choice,
    /// Where the peer's goes to.
    pub speaker: Choice,
}

/// Sound that runs. Dropped, devices are closed and files finished.
#[derive(Debug)]
pub struct Sound {
    shared: Arc<Shared>,
    arrived: SyncSender<(Vec<u8>, Duration)>,
    leaving: Receiver<Vec<u8>>,
    events: Receiver<Event>,
    sync: LipSync,
    thread: Option<JoinHandle<()>>,
}

impl Sound {
    /// Opens what was chosen and starts the sound thread. Devices are opened in their own time: events tell of them. `wake` is called
    /// from that thread when there is a packet to send.
    ///
    /// # Errors
    /// [`OpenError`]: a file is not to be had, or the machine has no more threads or memory.
    pub fn open(choices: Choices, clock: Clock, wake: impl Fn() + Send + 'static) -> Result<Self, OpenError> {
        let shared = Arc::new(Shared::default());
        let (arrived, arriving) = sync_channel(MAX_PACKETS);
        let (leaving, left) = sync_channel(MAX_PACKETS);
        let (events, told) = sync_channel(MAX_EVENTS);
        let (started, start) = sync_channel(1);
        let wire = Wire { arrived: arriving, leaving, events, wake: Box::new(wake) };
        let thread = std::thread::Builder::new().name("sound".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || {
                let worker = std::thread::current();
                let lines = Line::open(choices.microphone, clock, worker.clone())
                    .and_then(|microphone| Ok((microphone, Line::open(choices.speaker, clock, worker)?)))
                    .map_err(OpenError::File);
                let engine = lines.and_then(|lines| Engine::new(clock, shared, wire, lines).map_err(OpenError::Codec));
                match engine {
                    Ok(engine) => {
                        let _ = started.send(Ok(()));
                        engine.run();
                    }
                    Err(error) => drop(started.send(Err(error))),
                }
            }
        });
        let thread = Some(thread.map_err(OpenError::Thread)?);
        let sound = Self { shared, arrived, leaving: left, events: told, sync: LipSync::default(), thread };
        match start.recv() {
            Ok(Ok(())) => Ok(sound),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(OpenError::Thread(std::io::Error::other("the sound thread ended in a panic"))),
        }
    }

    /// A packet to send to the peer; call until none, when woken and after every input.
    pub fn poll_packet(&mut self) -> Option<Vec<u8>> {
        self.leaving.try_recv().ok()
    }

    /// Takes over a packet that came from the peer at `now`. What is no sound is counted and forgotten.
    pub fn handle_packet(&mut self, packet: Vec<u8>, now: Duration) {
        // A sound thread that is two seconds behind has no use for more.
        let _ = self.arrived.try_send((packet, now));
    }

    /// Something to tell the user.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.try_recv().ok()
    }

    /// Mutes the microphone, or not any longer.
    pub fn set_muted(&mut self, muted: bool) {
        self.shared.wishes().talk.set_muted(muted);
    }

    /// Whether the microphone is muted by hand.
    pub fn is_muted(&self) -> bool {
        self.shared.wishes().talk.is_muted()
    }

    /// Only what is said while the key is held is heard; or all of it again.
    pub fn set_push_to_talk(&mut self, pushes: bool) {
        self.shared.wishes().talk.set_push_to_talk(pushes);
    }

    /// The key of push-to-talk went down, or repeats.
    pub fn press(&mut self, now: Duration) {
        self.shared.wishes().talk.press(now);
    }

    /// Another microphone from now on.
    pub fn set_microphone(&mut self, choice: Choice) {
        self.shared.wishes().microphone = Some(choice);
    }

    /// Another loudspeaker from now on.
    pub fn set_speaker(&mut self, choice: Choice) {
        self.shared.wishes().speaker = Some(choice);
    }

    /// Does what a person wants.
    pub fn obey(&mut self, wish: Wish, now: Duration) {
        match wish {
            Wish::Mute(muted) => self.set_muted(muted),
            Wish::Talk => self.press(now),
            Wish::Microphone(choice) => self.set_microphone(choice),
            Wish::Speaker(choice) => self.set_speaker(choice),
        }
    }

    /// What the link is believed to carry, bits a second: a thin one gets thinner sound. Once a second is often enough.
    pub fn set_link_rate(&mut self, bits_per_second: f64) {
        self.shared.wishes().link_bits_per_second = Some(bits_per_second);
    }

    /// Whoever wants to hear both voices, from now on.
    pub fn set_tap(&mut self, tap: impl Fn(Voice, &[f32; BLOCK_SAMPLES], Duration) + Send + 'static) {
        self.shared.wishes().tap = Some(Tap(Box::new(tap)));
    }

    /// When to show a picture that was captured at `captured_us` of the peer's clock and is ready `now`, so that it agrees
    /// with the voice: mostly at once.
    pub fn show_at(&mut self, captured_us: i64, now: Duration) -> Duration {
        if let Some(play_out) = self.shared.figures().play_out {
            self.sync.handle_play_out(play_out);
        }
        let show_at = self.sync.show_at(captured_us, now);
        self.shared.wishes().extra_wait = self.sync.extra_wait();
        show_at
    }

    /// That picture was shown.
    pub fn handle_shown(&mut self, captured_us: i64, now: Duration) {
        self.sync.handle_shown(captured_us, now);
    }

    /// How sound fares.
    pub fn figures(&self) -> Figures {
        Figures { skew_p95: self.sync.skew_p95(), ..*self.shared.figures() }
    }
}

impl Drop for Sound {
    fn drop(&mut self) {
        self.shared.stop();
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A panic there has said so on standard error.
            let _ = thread.join();
        }
    }
}

/// Is told each block of both voices, and when it was heard or said.
struct Tap(Box<Listener>);

type Listener = dyn Fn(Voice, &[f32; BLOCK_SAMPLES], Duration) + Send;

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tap")
    }
}

/// How sound fares.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    /// What arrives, how long it waits, and what had to be made up for.
    pub received: ReceiverFigures,
    /// Which sound is heard when.
    pub play_out: Option<PlayOut>,
    /// Whether what the microphone hears is sent.
    pub is_live: bool,
    /// Whether there is something to be heard through.
    pub has_speaker: bool,
    /// How loud the microphone is, after cleaning.
    pub microphone_level: Level,
    /// How loud the peer is.
    pub speaker_level: Level,
    /// Whether the peer says it is muted.
    pub peer_muted: bool,
    /// The share of our packets that the peer missed, 0 to 1.
    pub peer_loss: f64,
    /// What protects our packets now.
    pub protection: Protection,
    /// From the hand-over of a block to the loudspeaker to its sound.
    pub output_latency: Duration,
    /// How often the loudspeaker wanted sound that was not ready.
    pub underruns: u64,
    /// Packets sent.
    pub sent_packets: u64,
    /// Their bytes.
    pub sent_bytes: u64,
    /// Packets that were no sound.
    pub refused_packets: u64,
    /// How far apart pictures and their sound were of late: the 95th percentile. None without both.
    pub skew_p95: Option<Duration>,
}

impl Figures {
    /// How long a word takes from the peer's mouth to our ear. `peer_ahead_us`: the peer's clock minus ours, as far as
    /// it is known (of the transport: the least one-way delay minus half the least round trip).
    pub fn mouth_to_ear(&self, peer_ahead_us: i64) -> Option<Duration> {
        let us = self.play_out?.offset_us() + peer_ahead_us;
        Some(Duration::from_micros(us.max(0).unsigned_abs()) + CODEC_DELAY)
    }
}

/// What a person wants of the sound of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// See [`Sound::set_muted`].
    Mute(bool),
    /// See [`Sound::press`].
    Talk,
    /// See [`Sound::set_microphone`].
    Microphone(Choice),
    /// See [`Sound::set_speaker`].
    Speaker(Choice),
}

/// Which end of the sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// What hears us.
    Microphone,
    /// What we hear.
    Speaker,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Microphone => "microphone",
            Self::Speaker => "loudspeaker",
        })
    }
}

/// Something to tell the user; printed as a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A device runs.
    Opened {
        /// Which end.
        side: Side,
        /// What it is called.
        name: String,
    },
    /// There is none; the call goes on without, and it is looked for again.
    Missing {
        /// Which end.
        side: Side,
        /// Why.
        why: String,
    },
    /// It is gone, or its file can't be written any longer; a device is looked for again.
    Lost {
        /// Which end.
        side: Side,
        /// What is gone, or why.
        why: String,
    },
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opened { side, name } => write!(f, "{side}: {name}"),
            Self::Missing { side, why } => write!(f, "no {side}: {why}"),
            Self::Lost { side, why } => write!(f, "{side} lost: {why}"),
        }
    }
}

/// Why there is no sound at all.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// A file in place of a device is not to be had: what to tell the user.
    File(String),
    /// There is no memory for the codec.
    Codec(CodecError),
    /// There is no thread to be had.
    Thread(std::io::Error),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(why) => write!(f, "{why}"),
            Self::Codec(error) => write!(f, "sound: {error}"),
            Self::Thread(error) => write!(f, "sound: {error}"),
        }
    }
}

impl std::error::Error for OpenError {}

/// Two seconds of packets.
const MAX_PACKETS: usize = 128;

const MAX_EVENTS: usize = 64;

/// The encoder looks ahead 312 samples (opus_encoder_ctl, OPUS_GET_LOOKAHEAD, for voice at 48 kHz).
const CODEC_DELAY: Duration = Duration::from_micros(6500);
