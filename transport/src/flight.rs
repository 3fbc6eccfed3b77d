//! Which packets are on their way, and what becomes of them and of their frames: arrived or lost.
//!
//! A packet is taken as lost once a packet sent three later, or one sent an eighth of a round trip later, has arrived:
//! reordering up to that is tolerated (RFC 9002 §6.1 in spirit, but without a timer: a newer arrival is always awaited).

use std::collections::BTreeMap;

use crate::config::FrameNumber;
use crate::control::Arrival;
use crate::wire::AckHeader;

/// Packets sent and neither acked nor lost, and the frames they belong to.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    packets: BTreeMap<u32, SentPacket>,
    frames: BTreeMap<u32, Progress>,
    wire_bytes: usize,
    newest_arrived: Option<(u32, i64)>,
    /// Frames of packets that were given up to make room, not reported yet.
    given_up: Outcome,
}

/// A packet on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SentPacket {
    pub(crate) frame: u32,
    pub(crate) sent_us: i64,
    pub(crate) wire_bytes: usize,
}

/// How far a frame is; forgotten when nothing of it is open.
#[derive(Clone, Copy, Debug)]
struct Progress {
    open: usize,
    /// Packets that still have to arrive: any so many of those open.
    needed: usize,
    lost: bool,
}

/// What an ack changed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    /// In sequence order but for the packet that caused the ack, which is last and alone has its receive time.
    pub(crate) arrivals: Vec<Arrival>,
    pub(crate) lost_packets: usize,
    pub(crate) lost_frames: Vec<FrameNumber>,
    pub(crate) completed_frames: Vec<FrameNumber>,
}

impl InFlight {
    /// A frame was taken; its packets will be sent, of which any `slices` give the frame.
    pub(crate) fn add_frame(&mut self, frame: u32, slices: usize, repair_slices: usize) {
        self.frames.insert(frame, Progress { open: slices + repair_slices, needed: slices, lost: false });
    }

    /// A packet leaves now.
    pub(crate) fn add_packet(&mut self, sequence: u32, packet: SentPacket) {
        if self.packets.len() >= MAX_PACKETS
            && let Some((_, oldest)) = self.packets.pop_first()
        {
            self.wire_bytes -= oldest.wire_bytes;
            let mut given_up = std::mem::take(&mut self.given_up);
            self.lose(oldest.frame, &mut given_up);
            self.given_up = given_up;
        }
        self.wire_bytes += packet.wire_bytes;
        self.packets.insert(sequence, packet);
    }

    /// Takes over what an ack tells. `reorder_us`: a packet sent this much before one that arrived is lost.
    pub(crate) fn on_ack(&mut self, ack: &AckHeader, received_us: i64, reorder_us: i64) -> Outcome {
        let mut outcome = std::mem::take(&mut self.given_up);
        let told: Vec<u32> =
            self.packets.range(..=ack.newest).map(|(&sequence, _)| sequence).filter(|&s| ack.covers(s)).collect();
        let mut cause = None;
        for sequence in told {
            let Some(packet) = self.packets.remove(&sequence) else { continue };
            self.wire_bytes -= packet.wire_bytes;
            if self.newest_arrived.is_none_or(|(newest, _)| sequence > newest) {
                self.newest_arrived = Some((sequence, packet.sent_us));
            }
            self.arrive(packet.frame, &mut outcome);
            let arrival = Arrival { sent_us: packet.sent_us, wire_bytes: packet.wire_bytes, received_us: None };
            if sequence == ack.sequence {
                cause = Some(Arrival { received_us: Some(received_us), ..arrival });
            } else {
                outcome.arrivals.push(arrival);
            }
        }
        outcome.arrivals.extend(cause);
        self.find_lost(reorder_us, &mut outcome);
        outcome
    }

    /// The send time of a packet on its way.
    pub(crate) fn sent_us(&self, sequence: u32) -> Option<i64> {
        self.packets.get(&sequence).map(|packet| packet.sent_us)
    }

    /// When the oldest packet left that is on its way.
    pub(crate) fn oldest_sent_us(&self) -> Option<i64> {
        self.packets.first_key_value().map(|(_, packet)| packet.sent_us)
    }

    /// Wire bytes on their way.
    pub(crate) fn wire_bytes(&self) -> usize {
        self.wire_bytes
    }

    fn find_lost(&mut self, reorder_us: i64, outcome: &mut Outcome) {
        let Some((newest, newest_sent_us)) = self.newest_arrived else { return };
        while let Some(entry) = self.packets.first_entry() {
            let sequence = *entry.key();
            let overtaken = sequence < newest
                && (newest - sequence >= REORDER_PACKETS || newest_sent_us - entry.get().sent_us >= reorder_us);
            if !overtaken {
                return; // later packets were sent later still
            }
            let packet = entry.remove();
            self.wire_bytes -= packet.wire_bytes;
            self.lose(packet.frame, outcome);
        }
    }

    fn arrive(&mut self, frame: u32, outcome: &mut Outcome) {
        let Some(progress) = self.frames.get_mut(&frame) else { return };
        progress.open -= 1;
        if progress.needed == 1 && !progress.lost {
            outcome.completed_frames.push(FrameNumber(frame));
        }
        progress.needed = progress.needed.saturating_sub(1);
        if progress.open == 0 {
            self.frames.remove(&frame);
        }
    }

    fn lose(&mut self, frame: u32, outcome: &mut Outcome) {
        outcome.lost_packets += 1;
        let Some(progress) = self.frames.get_mut(&frame) else { return };
        progress.open -= 1;
        if !progress.lost && progress.open < progress.needed {
            progress.lost = true;
            outcome.lost_frames.push(FrameNumber(frame));
        }
        if progress.open == 0 {
            self.frames.remove(&frame);
        }
    }
}

/// Packets sent this much later that arrive show a loss.
const REORDER_PACKETS: u32 = 3;

/// Packets remembered: eight seconds at 20 Mbit/s. Past that the oldest count as lost; only a profile without a bound,
/// sending into silence, comes there.
const MAX_PACKETS: usize = 1 << 14;

#[cfg(test)]
mod tests {
    use super::*;

    fn ack(newest: u32, received: &[u32]) -> AckHeader {
        let bitmap = received.iter().filter(|&&s| s < newest).fold(0, |bits, s| bits | 1 << (newest - 1 - s));
        AckHeader {
            number: 0,
            sequence: newest,
            received_us: 0,
            newest,
            bitmap,
            run_start: newest,
            inter_arrival_us: 0,
        }
    }

    /// Frames of two packets each, all sent in one burst.
    fn burst(frames: u32) -> InFlight {
        let mut in_flight = InFlight::default();
        for frame in 0..frames {
            in_flight.add_frame(frame, 2, 0);
            in_flight.add_packet(2 * frame, SentPacket { frame, sent_us: 0, wire_bytes: 100 });
            in_flight.add_packet(2 * frame + 1, SentPacket { frame, sent_us: 0, wire_bytes: 100 });
        }
        in_flight
    }

    #[test]
    fn a_packet_overtaken_by_two_may_still_come_and_by_three_is_lost() {
        let mut in_flight = burst(4);
        let outcome = in_flight.on_ack(&ack(2, &[1]), 0, 1000);
        assert_eq!((outcome.lost_packets, outcome.arrivals.len()), (0, 2));
        let outcome = in_flight.on_ack(&ack(3, &[2]), 0, 1000);
        assert_eq!(outcome.lost_frames, [FrameNumber(0)]);
        assert_eq!(outcome.completed_frames, [FrameNumber(1)]);
        assert_eq!(in_flight.wire_bytes(), 400);
    }

    #[test]
    fn a_frame_that_loses_two_packets_is_named_once() {
        let mut in_flight = burst(3);
        let outcome = in_flight.on_ack(&ack(5, &[4, 3, 2]), 0, 1000);
        assert_eq!((outcome.lost_packets, outcome.lost_frames), (2, vec![FrameNumber(0)]));
        let late = in_flight.on_ack(&ack(5, &[4, 3, 2, 1, 0]), 0, 1000);
        assert_eq!((late.lost_packets, late.lost_frames.len(), late.completed_frames.len()), (0, 0, 0));
    }

    #[test]
    fn a_repaired_frame_is_lost_when_more_are_than_its_repair_makes_up_for() {
        let mut in_flight = InFlight::default();
        in_flight.add_frame(0, 2, 1);
        in_flight.add_frame(1, 2, 1);
        for sequence in 0..6 {
            in_flight.add_packet(sequence, SentPacket { frame: sequence / 3, sent_us: 0, wire_bytes: 100 });
        }
        let outcome = in_flight.on_ack(&ack(4, &[1, 3]), 0, 1000);
        assert_eq!((outcome.lost_packets, outcome.lost_frames), (1, vec![]));
        assert_eq!(outcome.completed_frames, [FrameNumber(1)], "the third of its packets is not needed");
        let outcome = in_flight.on_ack(&ack(5, &[4, 3, 1]), 0, 1000);
        assert_eq!((outcome.lost_packets, outcome.lost_frames), (1, vec![FrameNumber(0)]));
    }

    #[test]
    fn one_packet_sent_an_eighth_of_a_round_trip_later_shows_a_loss() {
        let mut in_flight = InFlight::default();
        for frame in 0..2 {
            in_flight.add_frame(frame, 1, 0);
            in_flight.add_packet(frame, SentPacket { frame, sent_us: i64::from(frame) * 33_000, wire_bytes: 100 });
        }
        assert_eq!(in_flight.on_ack(&ack(1, &[]), 0, 5000).lost_frames, [FrameNumber(0)]);
    }

    #[test]
    fn packets_past_the_limit_count_as_lost_and_are_reported() {
        let mut in_flight = InFlight::default();
        in_flight.add_frame(0, MAX_PACKETS + 1, 0);
        for sequence in 0..=MAX_PACKETS as u32 {
            in_flight.add_packet(sequence, SentPacket { frame: 0, sent_us: 0, wire_bytes: 1 });
        }
        assert_eq!(in_flight.wire_bytes(), MAX_PACKETS);
        let outcome = in_flight.on_ack(&ack(1, &[]), 0, 1000);
        assert_eq!((outcome.lost_packets, outcome.lost_frames), (1, vec![FrameNumber(0)]));
    }
}
