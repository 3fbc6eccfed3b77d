//! What the sound thread does: blocks of 10 ms from the microphone to packets, from packets to the loudspeaker.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use oyster_audio::{AudioReceiver, AudioSender, BLOCK_SAMPLES, Cleaner, CodecError, FRAME_SAMPLES, LevelMeter, Talk};

use super::choice::Choice;
use super::line::{BLOCK, Input, Line, Output, Pace};
use super::{Event, Figures, Tap};
use crate::Clock;
use crate::recording::Voice;

/// What the call wishes; read before each block.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    pub(super) talk: Talk,
    pub(super) link_bits_per_second: Option<f64>,
    pub(super) extra_wait: Duration,
    pub(super) microphone: Option<Choice>,
    pub(super) speaker: Option<Choice>,
    pub(super) tap: Option<Tap>,
}

/// What both threads see.
#[derive(Debug, Default)]
pub(super) struct Shared {
    wishes: Mutex<Wishes>,
    figures: Mutex<Figures>,
    stop: AtomicBool,
}

impl Shared {
    pub(super) fn wishes(&self) -> MutexGuard<'_, Wishes> {
        self.wishes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn figures(&self) -> MutexGuard<'_, Figures> {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// The other ends of the call's channels.
pub(super) struct Wire {
    pub(super) arrived: Receiver<(Vec<u8>, Duration)>,
    pub(super) leaving: SyncSender<Vec<u8>>,
    pub(super) events: SyncSender<Event>,
    /// Tells the call that a packet leaves.
    pub(super) wake: Box<dyn Fn() + Send>,
}

pub(super) struct Engine {
    clock: Clock,
    shared: Arc<Shared>,
    wire: Wire,
    microphone: Line<Input>,
    speaker: Line<Output>,
    /// Paces what nobody hears: it is decoded all the same, and measured.
    silent: Pace,
    sender: AudioSender,
    receiver: AudioReceiver,
    cleaner: Cleaner,
    /// The frame that fills, and when its first sample was captured.
    filling: Vec<f32>,
    captured: Duration,
    /// From a block's hand-over to the loudspeaker to its sound.
    output_latency: Duration,
    heard: LevelMeter,
    said: LevelMeter,
    tap: Option<Tap>,
    figures: Figures,
}

impl Engine {
    /// # Errors
    /// No memory for the codec.
    pub(super) fn new(
        clock: Clock,
        shared: Arc<Shared>,
        wire: Wire,
        (microphone, speaker): (Line<Input>, Line<Output>),
    ) -> Result<Self, CodecError> {
        Ok(Self {
            clock,
            shared,
            wire,
            microphone,
            speaker,
            silent: Pace::default(),
            sender: AudioSender::new()?,
            receiver: AudioReceiver::new()?,
            cleaner: Cleaner::new(),
            filling: Vec::with_capacity(FRAME_SAMPLES),
            captured: Duration::ZERO,
            output_latency: Duration::ZERO,
            heard: LevelMeter::default(),
            said: LevelMeter::default(),
            tap: None,
            figures: Figures::default(),
        })
    }

    pub(super) fn run(mut self) {
        while !self.shared.stop.load(Ordering::Relaxed) {
            self.turn(self.clock.now());
            // Devices wake us before that.
            std::thread::park_timeout(BLOCK / 4);
        }
        let events = self.wire.events;
        // One who stopped us need not listen.
        let mut tell = |event| events.try_send(event).unwrap_or_default();
        self.microphone.close(&mut tell);
        self.speaker.close(&mut tell);
    }

    fn turn(&mut self, now: Duration) {
        let talk = self.take_wishes(now);
        while let Ok((packet, arrived)) = self.wire.arrived.try_recv() {
            if self.receiver.handle_packet(&packet, arrived).is_err() {
                self.figures.refused_packets += 1;
            }
        }
        self.play(now);
        self.hear(&talk, now);
        if let Some(report) = self.sender.poll_report(now) {
            self.send(report);
        }
        self.publish(&talk, now);
    }

    /// Does what the call wishes; how one talks.
    fn take_wishes(&mut self, now: Duration) -> Talk {
        let mut wishes = self.shared.wishes();
        let (microphone, speaker) = (wishes.microphone.take(), wishes.speaker.take());
        let (talk, extra_wait) = (wishes.talk, wishes.extra_wait);
        let link_bits_per_second = wishes.link_bits_per_second.take();
        self.tap = wishes.tap.take().or(self.tap.take());
        drop(wishes);
        self.receiver.set_extra_wait(extra_wait);
        if let Some(bits) = link_bits_per_second {
            // An encoder that refuses goes on as it was.
            let _ = self.sender.handle_link_rate(bits);
        }
        let events = &self.wire.events;
        // A call that does not listen misses what it was told.
        let mut tell = |event| events.try_send(event).unwrap_or_default();
        if let Some(choice) = microphone {
            self.filling.clear();
            self.microphone.switch(choice, &mut tell);
        }
        if let Some(choice) = speaker {
            self.speaker.switch(choice, &mut tell);
        }
        self.microphone.poll(now, &mut tell);
        self.speaker.poll(now, &mut tell);
        talk
    }

    fn play(&mut self, now: Duration) {
        for _ in 0..MAX_BLOCKS_A_TURN {
            let wanted = match self.speaker.end() {
                Some(end) => end.wants(now),
                None => self.silent.poll(now).map(|_| Duration::ZERO),
            };
            let Some(latency) = wanted else { return };
            let mut block = [0.0; BLOCK_SAMPLES];
            self.receiver.pull(&mut block, now, latency);
            self.output_latency = latency;
            self.heard.handle_samples(&block);
            if let Some(Tap(tap)) = &self.tap {
                tap(Voice::Theirs, &block, now + latency);
            }
            if let Some(end) = self.speaker.end() {
                self.cleaner.handle_played(&block);
                end.write(&block);
            }
        }
    }

    fn hear(&mut self, talk: &Talk, now: Duration) {
        for _ in 0..MAX_BLOCKS_A_TURN {
            let Some((block, captured)) = self.microphone.end().and_then(|end| end.read(now)) else { return };
            let is_live = talk.is_live(now);
            let cleaned = if matches!(self.microphone.end(), Some(Input::File { .. })) {
                block // nothing of the room is in it
            } else {
                self.cleaner.clean(&block, self.output_latency + now.saturating_sub(captured))
            };
            self.said.handle_samples(&cleaned);
            if self.filling.is_empty() {
                self.captured = captured;
            }
            let said = if is_live { cleaned } else { [0.0; BLOCK_SAMPLES] };
            self.filling.extend_from_slice(&said);
            if let Some(Tap(tap)) = &self.tap {
                tap(Voice::Own, &said, captured);
            }
            self.sender.set_muted(!is_live);
            let Ok(frame) = <&[f32; FRAME_SAMPLES]>::try_from(self.filling.as_slice()) else { continue };
            let packet = self.sender.send(frame, self.captured);
            self.filling.clear();
            if let Some(packet) = packet {
                self.send(packet);
            }
            self.protect();
        }
    }

    fn send(&mut self, packet: Vec<u8>) {
        self.figures.sent_packets += 1;
        self.figures.sent_bytes += packet.len() as u64;
        // A network loop that is this far behind has no use for old sound.
        if self.wire.leaving.try_send(packet).is_ok() {
            (self.wire.wake)();
        }
    }

    fn protect(&mut self) {
        self.sender.set_loss_to_report(self.receiver.figures().loss);
        // An encoder that refuses goes on as it was.
        let _ = self.sender.handle_loss(self.receiver.peer_loss());
    }

    fn publish(&mut self, talk: &Talk, now: Duration) {
        self.figures.received = self.receiver.figures();
        self.figures.play_out = self.receiver.play_out();
        self.figures.peer_muted = self.receiver.peer_muted();
        self.figures.peer_loss = self.receiver.peer_loss();
        self.figures.protection = self.sender.protection();
        self.figures.microphone_level = self.said.level();
        self.figures.speaker_level = self.heard.level();
        self.figures.is_live = talk.is_live(now) && self.microphone.end().is_some();
        self.figures.has_speaker = self.speaker.end().is_some();
        self.figures.output_latency = self.output_latency;
        self.figures.underruns = self.speaker.end().map_or(0, |end| end.underruns());
        *self.shared.figures() = self.figures;
    }
}

/// After a hold-up there is that much to make up for at once: 0.3 s.
const MAX_BLOCKS_A_TURN: usize = 32;
