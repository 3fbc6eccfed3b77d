//! The sending half: frames of 20 ms in, packets out, protected against the loss that the peer reports.

use std::collections::VecDeque;
use std::time::Duration;

use opus::Encoder;

use crate::codec::{self, CodecError, SILENCE_BYTES};
use crate::packet::{Packet, Piece};
use crate::{FRAME, FRAME_SAMPLES, micros};

/// Carries sound one way.
#[derive(Debug)]
pub struct AudioSender {
    encoder: Encoder,
    protection: Protection,
    link_bits_per_second: Option<f64>,
    bits_per_second: i32,
    /// Payloads of frames already sent, oldest first.
    sent: VecDeque<(u32, Vec<u8>)>,
    next_sequence: u32,
    next_frame: u32,
    in_pause: bool,
    muted: bool,
    loss_to_report: u8,
    last_captured: Option<Duration>,
    last_sent: Option<Duration>,
}

impl AudioSender {
    /// A sender that knows nothing of its path yet.
    ///
    /// # Errors
    /// [`CodecError`] if there is no memory for an encoder.
    pub fn new() -> Result<Self, CodecError> {
        let mut sender = Self {
            encoder: codec::encoder()?,
            protection: Protection::default(),
            link_bits_per_second: None,
            bits_per_second: 0,
            sent: VecDeque::new(),
            next_sequence: 0,
            next_frame: 0,
            in_pause: true,
            muted: false,
            loss_to_report: 0,
            last_captured: None,
            last_sent: None,
        };
        sender.adapt()?;
        Ok(sender)
    }

    /// Takes the next frame, whose first sample was captured at `captured`; the packet to send, none in silence. A muted
    /// sender sends silence whatever it is given.
    pub fn send(&mut self, samples: &[f32; FRAME_SAMPLES], captured: Duration) -> Option<Vec<u8>> {
        let missed = self.frames_missed(captured);
        if missed > 0 {
            self.in_pause = true;
        }
        let frame = self.next_frame.checked_add(missed)?; // after 2.7 years there is silence
        self.next_frame = frame.checked_add(1)?;
        self.last_captured = Some(captured);
        let mut payload = vec![0; MAX_PAYLOAD_BYTES];
        let silence = [0.0; FRAME_SAMPLES];
        let samples = if self.muted { &silence } else { samples };
        // What the encoder refuses (it has no reason to) is as good as lost.
        let length = self.encoder.encode_float(samples, &mut payload).ok()?;
        if length <= SILENCE_BYTES {
            self.in_pause = true;
            return None;
        }
        payload.truncate(length);
        let copy = frame.checked_sub(COPY_DISTANCE).filter(|_| self.protection == Protection::FecAndCopy);
        let copy = copy.and_then(|back| self.sent.iter().find(|(number, _)| *number == back));
        let mut pieces: Vec<Piece> = copy
            .map(|(_, payload)| Piece { back: COPY_DISTANCE as u8, payload: payload.clone() })
            .into_iter()
            .collect();
        pieces.push(Piece { back: 0, payload: payload.clone() });
        self.sent.push_back((frame, payload));
        if self.sent.len() > COPY_DISTANCE as usize {
            self.sent.pop_front();
        }
        let follows_pause = std::mem::replace(&mut self.in_pause, false);
        let has_fec = self.protection != Protection::None && !follows_pause;
        Some(self.packet(frame, captured, follows_pause, has_fec, pieces))
    }

    /// A packet of no sound if nothing was sent for long: it says what of the peer's arrived, which one who is silent, muted
    /// or without a microphone must say too.
    pub fn poll_report(&mut self, now: Duration) -> Option<Vec<u8>> {
        if self.last_sent.is_some_and(|last| now.saturating_sub(last) < REPORT_INTERVAL) {
            return None;
        }
        Some(self.packet(self.next_frame, now, false, false, Vec::new()))
    }

    /// Takes over the share of our packets that the peer says it missed, 0 to 1.
    ///
    /// # Errors
    /// [`CodecError`] if the encoder refuses its settings; the old ones are kept.
    pub fn handle_loss(&mut self, loss: f64) -> Result<(), CodecError> {
        self.protection = Protection::against(loss, self.protection);
        self.adapt()
    }

    /// Takes over what the link is believed to carry, bits a second: sound takes at most a small share of it.
    ///
    /// # Errors
    /// [`CodecError`] if the encoder refuses its settings; the old ones are kept.
    pub fn handle_link_rate(&mut self, bits_per_second: f64) -> Result<(), CodecError> {
        self.link_bits_per_second = Some(bits_per_second);
        self.adapt()
    }

    /// From now on silence is sent, and the peer is told so; or sound again.
    pub fn set_muted(&mut self, muted: bool) {
        if self.muted != muted {
            self.muted = muted;
            self.last_sent = None; // the peer hears of it at once
        }
    }

    /// The share of the peer's packets that did not arrive, 0 to 1: told to it in every packet.
    pub fn set_loss_to_report(&mut self, loss: f64) {
        self.loss_to_report = (loss.clamp(0.0, 1.0) * 255.0).round() as u8;
    }

    /// What packets are protected with now.
    pub fn protection(&self) -> Protection {
        self.protection
    }

    /// Frames that were never captured, because the microphone was away: frame numbers keep time.
    fn frames_missed(&self, captured: Duration) -> u32 {
        let Some(last) = self.last_captured else { return 0 };
        let gap = captured.saturating_sub(last + FRAME).as_micros() + FRAME.as_micros() / 2;
        u32::try_from(gap / FRAME.as_micros()).unwrap_or(u32::MAX)
    }

    fn adapt(&mut self) -> Result<(), CodecError> {
        let share = self.link_bits_per_second.map_or(f64::INFINITY, |bits| bits * LINK_SHARE);
        let bits_per_second = share.clamp(f64::from(MIN_BITS_PER_SECOND), f64::from(BITS_PER_SECOND)) as i32;
        let loss_percent = self.protection.expected_loss_percent();
        codec::adapt(&mut self.encoder, bits_per_second, loss_percent)?;
        self.bits_per_second = bits_per_second;
        Ok(())
    }

    fn packet(
        &mut self,
        frame: u32,
        captured: Duration,
        follows_pause: bool,
        has_fec: bool,
        pieces: Vec<Piece>,
    ) -> Vec<u8> {
        let sequence = self.next_sequence;
        self.next_sequence = self.next_sequence.wrapping_add(1);
        self.last_sent = Some(captured);
        let captured_us = micros(captured).unsigned_abs();
        let (loss, muted) = (self.loss_to_report, self.muted);
        Packet { sequence, frame, captured_us, loss, muted, follows_pause, has_fec, pieces }.write()
    }
}

/// What goes with each frame so that a lost one can be made up for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protection {
    /// Nothing; Opus conceals.
    #[default]
    None,
    /// A coarser copy of the frame before, in Opus's own format (in-band FEC).
    Fec,
    /// That, and the frame before the one before, whole.
    FecAndCopy,
}

impl Protection {
    /// What a share of losses asks for. `now` is kept until the loss is well below what it was chosen for.
    fn against(loss: f64, now: Self) -> Self {
        let keeps = |protection: Self| if now == protection { 0.5 } else { 1.0 };
        if loss >= COPY_LOSS * keeps(Self::FecAndCopy) {
            Self::FecAndCopy
        } else if loss >= FEC_LOSS * keeps(Self::Fec) {
            Self::Fec
        } else {
            Self::None
        }
    }

    /// What Opus is told: how much of its rate goes into FEC follows from it.
    fn expected_loss_percent(self) -> i32 {
        match self {
            Self::None => 0,
            Self::Fec => 5,
            Self::FecAndCopy => 20,
        }
    }
}

/// Fullband speech is transparent about here (RFC 7587 §3.1.1 recommends 28 to 40 kbit/s).
const BITS_PER_SECOND: i32 = 32_000;

/// Wideband speech: below that words begin to suffer.
const MIN_BITS_PER_SECOND: i32 = 12_000;

/// The share of a thin link that sound's own bits take; its headers take as much again.
const LINK_SHARE: f64 = 0.1;

/// From this loss on, each frame carries the one before.
const FEC_LOSS: f64 = 0.01;

/// From this loss on also a copy. At 20 % random loss 4 % of frames are lost together with their FEC, 0.8 % with both.
const COPY_LOSS: f64 = 0.04;

/// Frames between a frame and its copy: FEC has the one before.
const COPY_DISTANCE: u32 = 2;

/// No frame is longer, whatever Opus thinks of it: 100 kbit/s, with which three fit a datagram on any path.
const MAX_PAYLOAD_BYTES: usize = 250;

/// A silent side reports this often.
const REPORT_INTERVAL: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(frame: usize) -> [f32; FRAME_SAMPLES] {
        std::array::from_fn(|i| ((frame * FRAME_SAMPLES + i) as f32 * 0.05).sin() * 0.3)
    }

    fn packets_of(sender: &mut AudioSender, frames: usize) -> Vec<Packet> {
        let at = |frame: usize| crate::duration_of((frame * FRAME_SAMPLES) as u64);
        let sent = (0..frames).filter_map(|frame| sender.send(&tone(frame), at(frame)));
        sent.map(|packet| Packet::read(&packet).unwrap()).collect()
    }

    #[test]
    fn a_clean_link_carries_one_piece_a_packet_at_the_rate_asked_for() {
        let mut sender = AudioSender::new().unwrap();
        let packets = packets_of(&mut sender, 200);
        assert_eq!(packets.len(), 200);
        assert!(packets.iter().all(|packet| packet.pieces.len() == 1 && !packet.has_fec));
        let bytes: usize = packets.iter().map(|packet| packet.pieces[0].payload.len()).sum();
        assert!((40..=100).contains(&(bytes / 200)), "{} bytes a frame", bytes / 200);
    }

    #[test]
    fn each_frame_goes_twice_when_the_peer_reports_loss() {
        let mut sender = AudioSender::new().unwrap();
        sender.handle_loss(0.2).unwrap();
        let packets = packets_of(&mut sender, 50);
        for [earlier, _, packet] in packets[1..].array_windows() {
            assert!(packet.has_fec);
            assert_eq!(packet.pieces[0].back, 2);
            assert_eq!(packet.pieces[0].payload, earlier.pieces.last().unwrap().payload);
        }
    }

    #[test]
    fn protection_does_not_flutter_at_its_threshold() {
        assert_eq!(Protection::against(0.03, Protection::None), Protection::Fec);
        assert_eq!(Protection::against(0.03, Protection::FecAndCopy), Protection::FecAndCopy);
        assert_eq!(Protection::against(0.015, Protection::FecAndCopy), Protection::Fec);
        assert_eq!(Protection::against(0.006, Protection::Fec), Protection::Fec);
        assert_eq!(Protection::against(0.0, Protection::Fec), Protection::None);
    }

    #[test]
    fn a_muted_sender_sends_nothing_of_what_it_is_given() {
        let mut sender = AudioSender::new().unwrap();
        packets_of(&mut sender, 20);
        sender.set_muted(true);
        let muted = packets_of(&mut sender, 100);
        assert!(muted.len() < 20, "{} packets of silence", muted.len());
        let mut decoder = codec::decoder().unwrap();
        let mut samples = [0.0f32; FRAME_SAMPLES];
        for packet in muted.iter().skip(2) {
            assert!(packet.muted);
            decoder.decode_float(&packet.pieces.last().unwrap().payload, &mut samples, false).unwrap();
        }
        assert!(samples.iter().all(|sample| sample.abs() < 1e-3));
    }

    #[test]
    fn frames_that_were_never_captured_have_their_numbers() {
        let mut sender = AudioSender::new().unwrap();
        let mut frame_at = |ms| {
            let packet = sender.send(&tone(0), Duration::from_millis(ms)).unwrap();
            let packet = Packet::read(&packet).unwrap();
            (packet.frame, packet.follows_pause)
        };
        assert_eq!(frame_at(0), (0, true));
        assert_eq!(frame_at(21), (1, false));
        assert_eq!(frame_at(541), (27, true));
        assert_eq!(frame_at(540), (28, false));
    }

    #[test]
    fn one_who_says_nothing_reports_what_he_misses() {
        let mut sender = AudioSender::new().unwrap();
        sender.set_loss_to_report(0.2);
        let report = Packet::read(&sender.poll_report(Duration::ZERO).unwrap()).unwrap();
        assert_eq!((report.loss, report.pieces.len()), (51, 0));
        assert_eq!(sender.poll_report(Duration::from_millis(400)), None);
        assert!(sender.poll_report(Duration::from_millis(500)).is_some());
    }

    #[test]
    fn a_thin_link_gets_a_lower_rate_and_never_none() {
        let mut sender = AudioSender::new().unwrap();
        sender.handle_link_rate(200_000.0).unwrap();
        assert_eq!(sender.bits_per_second, 20_000);
        sender.handle_link_rate(0.0).unwrap();
        assert_eq!(sender.bits_per_second, MIN_BITS_PER_SECOND);
        sender.handle_link_rate(f64::INFINITY).unwrap();
        assert_eq!(sender.bits_per_second, BITS_PER_SECOND);
    }
}
