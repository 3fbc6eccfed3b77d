//! The connection, seen from the loop of a live call: what leaves for the other end, and what the listener at this one is told.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use oyster_signalling::{Datagram, Label};
use oyster_transport::{DEFAULT_OVERHEAD_BYTES, FragmentHeader};

use super::clock_offset::ClockOffset;
use super::labels::Labels;
use super::{Event, What};
use crate::Happening;
use crate::connection::{Datagrams, Silence};
use crate::end::Outlet;
use crate::sound::Sound;

/// The connection, seen from the loop.
pub(super) struct Line {
    datagrams: Datagrams,
    pub(super) silence: Silence,
    told: SyncSender<Event>,
    /// Counts the events with pictures that were told and are still there.
    places: Arc<()>,
    /// Which pictures arriving frames hold.
    pub(super) labels: Labels,
    /// When the newest pictures were captured: number and time.
    captures: VecDeque<(u64, Label)>,
    pub(super) offset: ClockOffset,
    pub(super) sound: Option<Sound>,
    /// Pictures that wait for the sound they belong to, and until when.
    held: VecDeque<(Duration, Happening, Label)>,
    pub(super) sent_bytes: u64,
    pub(super) received_bytes: u64,
}

impl Line {
    pub(super) fn new(datagrams: Datagrams, silence: Silence, told: SyncSender<Event>) -> Self {
        Self {
            datagrams,
            silence,
            told,
            places: Arc::default(),
            labels: Labels::default(),
            captures: VecDeque::new(),
            offset: ClockOffset::default(),
            sound: None,
            held: VecDeque::new(),
            sent_bytes: 0,
            received_bytes: 0,
        }
    }

    /// When the next picture that waits for its sound is to be shown.
    pub(super) fn held_until(&self) -> Option<Duration> {
        self.held.front().map(|(until, ..)| *until)
    }

    /// Hands on the pictures that have waited for their sound.
    pub(super) fn release(&mut self, now: Duration) {
        while let Some((_, happening, label)) = self.held.pop_front_if(|(until, ..)| *until <= now) {
            if let Some(sound) = &mut self.sound {
                sound.handle_shown(label.captured_us(), now);
            }
            self.report(now, What::Here(happening, Some(label)));
        }
    }

    /// Holds a picture back until its sound is heard, in the order of pictures.
    fn hold(&mut self, at: Duration, happening: Happening, label: Label) {
        let until = self.sound.as_mut().map_or(at, |sound| sound.show_at(label.captured_us(), at));
        let until = self.held.back().map_or(until, |(before, ..)| until.max(*before));
        if self.held.len() == MAX_HELD {
            self.held.pop_front();
        }
        self.held.push_back((until, happening, label));
        self.release(at);
    }

    /// Tells the listener; one that is far behind misses things rather than holding up the call.
    pub(super) fn report(&self, at: Duration, what: What) {
        let has_picture = matches!(what, What::Here(Happening::Captured { .. } | Happening::Ready(_), _));
        if has_picture && Arc::strong_count(&self.places) > MAX_TOLD_PICTURES {
            return;
        }
        let place = has_picture.then(|| Arc::clone(&self.places));
        let _ = self.told.try_send(Event { at, what, _place: place });
    }

    pub(super) fn remember(&mut self, capture: u64, captured_at: Duration) {
        if self.captures.len() == MAX_CAPTURES {
            self.captures.pop_front();
        }
        self.captures.push_back((capture, Label::new(capture, captured_at)));
    }

    /// Sends a datagram; answers how many bytes it is on the wire.
    pub(super) fn send(&mut self, datagram: Datagram<'_>) -> usize {
        let bytes = datagram.to_bytes();
        let wire_bytes = bytes.len() + DEFAULT_OVERHEAD_BYTES;
        self.sent_bytes += wire_bytes as u64;
        self.datagrams.send(bytes);
        wire_bytes
    }
}

impl Outlet for Line {
    fn send_fragment(&mut self, fragment: Vec<u8>, now: Duration) {
        let Ok((header, _)) = FragmentHeader::read(&fragment) else { return };
        self.offset.handle_sent(header.sequence, now);
        let label = self.labels.sent(header.frame).unwrap_or(Label::new(0, now));
        self.send(Datagram::Video(label, &fragment));
    }

    fn send_ack(&mut self, ack: Vec<u8>, _now: Duration) {
        self.send(Datagram::Ack(&ack));
    }

    fn tell(&mut self, at: Duration, happening: Happening) {
        let label = match &happening {
            Happening::Captured { .. } | Happening::EncodeStarted { .. } => None,
            Happening::Decided { decision, .. } => {
                let label = self.captures.iter().find(|(capture, _)| *capture == decision.capture);
                if let (Some(sent), Some((_, label))) = (&decision.sent, label) {
                    self.labels.insert_sent(sent.frame.0, *label);
                }
                None
            }
            Happening::Received { frame, .. } | Happening::Decoded { frame } => self.labels.get(frame.0),
            Happening::Ready(shown) => self.labels.get(shown.frame.0),
        };
        match (&happening, label) {
            (Happening::Ready(_), Some(label)) => self.hold(at, happening, label),
            _ => self.report(at, What::Here(happening, label)),
        }
    }
}

/// Events with a picture, told and still there: a listener that stands still, as one does whose terminal is stopped, would hold gigabytes of them.
pub(super) const MAX_TOLD_PICTURES: usize = 16;
/// Pictures captured and not yet decided on: the encoder has one, and one waits.
const MAX_CAPTURES: usize = 8;
/// Pictures that wait for their sound: more than the longest wait's.
const MAX_HELD: usize = 16;
