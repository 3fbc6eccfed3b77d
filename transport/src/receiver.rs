//! The receiving half: fragments in; frames out in their order, and an ack for every packet that was taken.

use std::collections::VecDeque;
use std::time::Duration;

use crate::arrivals::{Arrivals, InterArrival};
use crate::config::{FrameNumber, MAX_REPORT_BYTES, ReceiverConfig};
use crate::exchange::{PartialFrame, ReceivedFrame};
use crate::path::micros;
use crate::reassembly::Reassembly;
use crate::wire::{AckHeader, FragmentError, FragmentHeader};

/// Takes the datagrams of a [`crate::FrameSender`]. Give it one, take the frames, then the acks.
#[derive(Debug)]
pub struct FrameReceiver {
    acks_late: bool,
    reassembly: Reassembly,
    arrivals: Arrivals,
    inter_arrival: InterArrival,
    accepted: u32,
    next_ack: u32,
    newest_ack: Option<PendingAck>,
    pending_acks: VecDeque<PendingAck>,
}

/// An ack that waits for a report.
#[derive(Clone, Copy, Debug)]
struct PendingAck {
    number: u32,
    sequence: u32,
    received_us: u64,
    inter_arrival_us: u32,
}

impl FrameReceiver {
    /// A receiver that has seen nothing.
    pub fn new(config: ReceiverConfig) -> Self {
        Self {
            acks_late: config.acks_late,
            reassembly: Reassembly::new(&config),
            arrivals: Arrivals::new(),
            inter_arrival: InterArrival::default(),
            accepted: 0,
            next_ack: 0,
            newest_ack: None,
            pending_acks: VecDeque::new(),
        }
    }

    /// Takes a datagram that arrived now. A duplicate is ignored, and so is, without `acks_late`, what is left of a
    /// frame that is done with; with it such a packet is acknowledged and its bytes are not kept.
    ///
    /// # Errors
    /// [`FragmentError`] for what no sender would have sent, and `Full` when frames are not taken; nothing is kept then.
    pub fn handle_fragment(&mut self, datagram: &[u8], now: Duration) -> Result<(), FragmentError> {
        let (header, slice) = FragmentHeader::read(datagram)?;
        self.reassembly.advance(now);
        let late = self.reassembly.is_past(header.frame);
        if self.arrivals.contains(header.sequence) || (late && !self.acks_late) {
            return Ok(());
        }
        if !late {
            self.reassembly.insert(&header, slice, now)?;
            self.reassembly.advance(now);
        }
        self.arrivals.insert(header.sequence);
        self.inter_arrival.on_packet(header.grace_us, now);
        self.accepted = self.accepted.saturating_add(1);
        self.queue_ack(header.sequence, micros(now).unsigned_abs());
        Ok(())
    }

    /// The next frame: complete, or, where they come in order, not waited for any longer. Call until none, after every datagram and at
    /// [`FrameReceiver::poll_timeout`].
    pub fn poll_frame(&mut self, now: Duration) -> Option<ReceivedFrame> {
        self.reassembly.poll(now)
    }

    /// The frames whose beginning is here and that are not complete, newest first.
    pub fn partial_frames(&self) -> impl Iterator<Item = PartialFrame<'_>> {
        self.reassembly.partial()
    }

    /// The bytes that are here of such a frame from its beginning up to the first fragment that is missing; none of another.
    pub fn prefix(&self, number: FrameNumber) -> Vec<u8> {
        self.reassembly.prefix(number)
    }

    /// Where frames come out as they are complete: those before this one are not waited for any longer.
    pub fn forget_before(&mut self, number: FrameNumber) {
        self.reassembly.forget_before(number.0);
    }

    /// The next ack, with `report` (at most [`MAX_REPORT_BYTES`]; a longer one is left out and the ack goes without).
    /// There is one for each packet taken and for each [`FrameReceiver::renew_ack`], oldest first; call until none, after the frames, so that the report is fresh.
    pub fn poll_ack(&mut self, report: &[u8], _now: Duration) -> Option<Vec<u8>> {
        let ack = self.pending_acks.pop_front()?;
        let (newest, bitmap, run_start) = self.arrivals.summary();
        let header = AckHeader {
            number: ack.number,
            sequence: ack.sequence,
            received_us: ack.received_us,
            newest,
            bitmap,
            run_start,
            inter_arrival_us: ack.inter_arrival_us,
        };
        Some(header.write(if report.len() <= MAX_REPORT_BYTES { report } else { &[] }))
    }

    /// The report has changed although nothing arrived: the newest packet is acknowledged once more, to carry it.
    pub fn renew_ack(&mut self) {
        // An ack that still waits will carry the new report.
        if self.pending_acks.is_empty()
            && let Some(newest) = self.newest_ack
        {
            self.queue_ack(newest.sequence, newest.received_us);
        }
    }

    fn queue_ack(&mut self, sequence: u32, received_us: u64) {
        if self.pending_acks.len() >= MAX_PENDING_ACKS {
            self.pending_acks.pop_front();
        }
        let ack =
            PendingAck { number: self.next_ack, sequence, received_us, inter_arrival_us: self.inter_arrival.micros() };
        self.next_ack = self.next_ack.saturating_add(1);
        self.newest_ack = Some(ack);
        self.pending_acks.push_back(ack);
    }

    /// When an incomplete frame will not be waited for any longer; none when nothing waits. It may be past: poll then.
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.reassembly.deadline()
    }

    /// Datagrams taken so far.
    pub fn accepted_packets(&self) -> u32 {
        self.accepted
    }

    /// The smoothed inter-arrival time with the sender's pauses taken out, µs (Salsify §4.2).
    pub fn inter_arrival_us(&self) -> u32 {
        self.inter_arrival.micros()
    }
}

/// Acks not taken: past this the oldest count as lost on their way, which senders are made for.
const MAX_PENDING_ACKS: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FrameSender, SenderConfig};

    #[test]
    fn a_renewed_ack_carries_a_newer_report_and_nothing_else_new() {
        let mut sender = FrameSender::new(SenderConfig::default());
        let mut receiver = FrameReceiver::new(ReceiverConfig::default());
        receiver.renew_ack();
        assert_eq!(receiver.poll_ack(b"nothing", Duration::ZERO), None, "there is nothing to acknowledge yet");

        sender.send(vec![1; 100], Duration::ZERO).unwrap();
        let datagram = sender.poll_transmit(Duration::ZERO).unwrap();
        receiver.handle_fragment(&datagram, Duration::from_millis(20)).unwrap();
        let first = receiver.poll_ack(b"decoding", Duration::from_millis(20)).unwrap();
        receiver.renew_ack();
        receiver.renew_ack();
        let renewed = receiver.poll_ack(b"decoded", Duration::from_millis(25)).unwrap();
        assert_eq!(receiver.poll_ack(b"decoded", Duration::from_millis(25)), None);

        assert_eq!(sender.handle_ack(&first, Duration::from_millis(40)).unwrap().arrived_packets, 1);
        let acked = sender.handle_ack(&renewed, Duration::from_millis(45)).unwrap();
        assert_eq!((acked.newest, acked.arrived_packets, acked.report), (true, 0, b"decoded".to_vec()));
    }
}
