//! The sending half: takes whole frames, answers how large the next one may be, and hands out paced datagrams.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::breaker::CircuitBreaker;
use crate::config::{
    FrameNumber, Ingredient, MAX_FRAGMENTS_PER_FRAME, MAX_FRAME_BYTES, MAX_SLICE_BYTES, Profile, SenderConfig,
};
use crate::control::{self, CongestionControl, Flight, FrameAllowance, News};
use crate::exchange::{Acked, Budget, SendError};
use crate::flight::{InFlight, SentPacket};
use crate::loss::LossShare;
use crate::others::Others;
use crate::pacer::{Pacer, Waiting};
use crate::path::{Path, micros};
use crate::repair::{MAX_REPAIRED_SLICES, repair_slice};
use crate::wire::{AckError, AckHeader, FRAGMENT_HEADER_BYTES, FragmentHeader};

/// Carries frames one way. Give it one input, then drain [`FrameSender::poll_transmit`] until it says none.
#[derive(Debug)]
pub struct FrameSender {
    config: SenderConfig,
    control: Box<dyn CongestionControl>,
    path: Path,
    in_flight: InFlight,
    others: Others,
    loss: LossShare,
    breaker: CircuitBreaker,
    pacer: Pacer,
    next_frame: u32,
    next_sequence: u32,
    fragments_taken: u64,
    last_frame_taken: Option<Duration>,
    last_sent_us: Option<i64>,
    last_activity_us: Option<i64>,
    newest_ack: Option<NewestAck>,
}

/// What orders acks.
#[derive(Clone, Copy, Debug)]
struct NewestAck {
    number: u32,
    sequence: u32,
    newest: u32,
}

impl FrameSender {
    /// A sender that knows nothing of its path yet.
    pub fn new(config: SenderConfig) -> Self {
        let payload_bytes_max = config.payload_bytes_max.clamp(1, MAX_SLICE_BYTES);
        let survival_payload_bytes = config.survival_payload_bytes.clamp(1, payload_bytes_max);
        let config = SenderConfig { payload_bytes_max, survival_payload_bytes, ..config };
        Self {
            control: new_control(&config),
            path: Path::new(config.base_window),
            in_flight: InFlight::default(),
            others: Others::default(),
            loss: LossShare::default(),
            breaker: CircuitBreaker::default(),
            pacer: Pacer::default(),
            next_frame: 0,
            next_sequence: 0,
            fragments_taken: 0,
            last_frame_taken: None,
            last_sent_us: None,
            last_activity_us: None,
            newest_ack: None,
            config,
        }
    }

    /// How large a frame may go now. Ask at capture to plan, and again when the encoder is done.
    pub fn budget(&self, now: Duration) -> Budget {
        self.budget_above(0, now)
    }

    /// As [`FrameSender::budget`], where the smallest real frame is predicted to have `floor_payload_bytes`: on a slow
    /// link the delay ceiling of `Oyster` stretches, within bounds, to let it pass. Other profiles don't use it.
    pub fn budget_above(&self, floor_payload_bytes: usize, now: Duration) -> Budget {
        self.budget_after(Duration::ZERO, floor_payload_bytes, now)
    }

    /// As [`FrameSender::budget_above`], but what it will be `ahead` of now, should the link serve on as it does: for a frame
    /// that has yet to be encoded.
    pub fn budget_after(&self, ahead: Duration, floor_payload_bytes: usize, now: Duration) -> Budget {
        let floor_wire_bytes = self.wire_bytes(floor_payload_bytes) as f64;
        let others_bytes = self.others.wire_bytes(micros(now));
        let mut flight = self.flight();
        let served_bytes = (self.rate(now) * ahead.as_secs_f64()) as usize;
        // Whether anything will be under way is not for a guess to say.
        flight.in_flight_bytes = flight.in_flight_bytes.saturating_sub(served_bytes).max(flight.in_flight_bytes.min(1));
        let allowance = self.control.allowance(&flight, floor_wire_bytes, &self.path, micros(now));
        let (payload_bytes, wire_bytes) = match allowance.frame {
            FrameAllowance::Unbounded => (usize::MAX, f64::INFINITY),
            FrameAllowance::WireBytes(wire_bytes) => {
                let wire_bytes = (wire_bytes * self.breaker.share() - others_bytes as f64).max(0.0);
                (self.payload_within(self.without_stub(wire_bytes)), wire_bytes)
            }
            FrameAllowance::Packets(packets) => {
                let taken = others_bytes.div_ceil(self.packet_wire_bytes());
                let packets = usize::try_from(packets).unwrap_or(usize::MAX).saturating_sub(taken);
                let payload_bytes = packets.saturating_mul(self.config.payload_bytes_max);
                (payload_bytes, packets as f64 * self.packet_wire_bytes() as f64)
            }
        };
        Budget {
            payload_bytes,
            survival_payload_bytes: allowance.survival.then_some(self.config.survival_payload_bytes),
            wire_bytes,
            braked: allowance.braked,
        }
    }

    /// Takes a frame and schedules its fragments.
    ///
    /// # Errors
    /// [`SendError`], none of which a sender meets that keeps to the budget and sends no empty frame.
    pub fn send(&mut self, payload: impl Into<Arc<[u8]>>, now: Duration) -> Result<FrameNumber, SendError> {
        let payload: Arc<[u8]> = payload.into();
        if payload.is_empty() {
            return Err(SendError::Empty);
        }
        let fragments = payload.len().div_ceil(self.config.payload_bytes_max);
        let count = match u16::try_from(fragments) {
            Ok(count) if fragments <= MAX_FRAGMENTS_PER_FRAME && payload.len() <= MAX_FRAME_BYTES => count,
            _ => return Err(SendError::TooLarge { bytes: payload.len() }),
        };
        let repair_slices = self.repair_slices(fragments);
        let packets = fragments + repair_slices;
        if self.pacer.packets() + packets > MAX_WAITING_PACKETS {
            return Err(SendError::QueueFull { packets: self.pacer.packets() });
        }
        if self.fragments_taken + packets as u64 > u64::from(u32::MAX) {
            return Err(SendError::Exhausted);
        }
        let frame = self.next_frame;
        self.next_frame += 1; // there are never more frames than fragments
        self.schedule(frame, count, repair_slices, &payload, now);
        self.in_flight.add_frame(frame, fragments, repair_slices);
        self.fragments_taken += packets as u64;
        self.last_frame_taken = Some(now);
        self.last_activity_us = Some(micros(now));
        Ok(FrameNumber(frame))
    }

    /// Takes over an ack.
    ///
    /// # Errors
    /// [`AckError`] for what no receiver of this sender's packets would have written; nothing is changed then.
    pub fn handle_ack(&mut self, ack: &[u8], now: Duration) -> Result<Acked, AckError> {
        let (header, report) = AckHeader::read(ack)?;
        if header.newest >= self.next_sequence {
            return Err(AckError::NeverSent { newest: header.newest });
        }
        let now_us = micros(now);
        let received_us = micros(Duration::from_micros(header.received_us));
        if self.comes_from_a_new_receiver(&header) {
            // Its clock is another, and nothing that was measured against the old one holds.
            self.path = Path::new(self.config.base_window);
            self.control = new_control(&self.config);
        }
        let newest = self.is_newest(&header);
        let sent_us = self.in_flight.sent_us(header.sequence);
        if let Some(sent_us) = sent_us {
            self.others.on_arrival(sent_us);
        }
        if newest && let Some(sent_us) = sent_us {
            self.path.on_ack(sent_us, received_us, now_us);
        }
        let reorder_us = (self.path.smoothed_round_trip_us().unwrap_or(0) / 8).max(REORDER_MIN_US);
        let outcome = self.in_flight.on_ack(&header, received_us, reorder_us);
        self.loss.on_outcome(outcome.arrivals.len(), outcome.lost_packets);
        let arrived_bytes = outcome.arrivals.iter().map(|arrival| arrival.wire_bytes).sum();
        let round_trip_us = self.path.smoothed_round_trip_us().unwrap_or(0);
        self.breaker.on_ack((outcome.arrivals.len(), arrived_bytes), outcome.lost_packets, round_trip_us, now_us);
        if newest {
            let AckHeader { number, sequence, newest, .. } = header;
            self.newest_ack = Some(NewestAck { number, sequence, newest });
            // One that is renewed for its report alone says nothing of the link.
            if !outcome.arrivals.is_empty() {
                self.last_activity_us = Some(now_us);
            }
            let news = News {
                arrivals: &outcome.arrivals,
                lost_packets: outcome.lost_packets,
                sequence: header.sequence,
                received_us,
                inter_arrival_us: header.inter_arrival_us,
                in_flight_bytes: self.in_flight.wire_bytes() + self.pacer.wire_bytes(),
            };
            self.control.on_ack(&news, &self.path, now_us);
        }
        Ok(Acked {
            report: if newest { report.to_vec() } else { Vec::new() },
            newest,
            arrived_packets: outcome.arrivals.len(),
            lost_packets: outcome.lost_packets,
            lost_frames: outcome.lost_frames,
            completed_frames: outcome.completed_frames,
        })
    }

    /// The caller sends something of its own beside the frames, such as sound, of so many bytes on the wire: at once, and before
    /// any frame. The frames make room for it: the next ones are smaller, and what waits leaves later.
    pub fn handle_other_bytes(&mut self, wire_bytes: usize, now: Duration) {
        let gap_us = self.control.pacing_gap_us(wire_bytes, &self.flight(), &self.path, micros(now));
        self.pacer.yield_for(Duration::from_micros(gap_us.max(0).unsigned_abs()), now);
        self.others.on_sent(wire_bytes, micros(now));
    }

    /// The other end is heard again, as the caller knows, after a time in which nothing came: a packet of ours may go at once, where a
    /// probe of the silent path would be due later and later.
    pub fn handle_return(&mut self) {
        self.last_activity_us = None;
    }

    /// A datagram that is due; call until none, after every input and at [`FrameSender::poll_timeout`].
    pub fn poll_transmit(&mut self, now: Duration) -> Option<Vec<u8>> {
        let packet = self.pacer.pop(now)?;
        let sequence = self.next_sequence;
        self.next_sequence += 1; // `send` refuses what would overflow
        let sent_us = micros(now);
        self.in_flight.add_packet(sequence, SentPacket { frame: packet.frame, sent_us, wire_bytes: packet.wire_bytes });
        (self.last_sent_us, self.last_activity_us) = (Some(sent_us), Some(sent_us));
        let header = FragmentHeader {
            sequence,
            frame: packet.frame,
            index: packet.index,
            count: packet.count,
            grace_us: packet.grace_us,
            frame_bytes: packet.frame_bytes,
        };
        Some(header.write(packet.slice()))
    }

    /// When the next datagram is due; none when nothing waits.
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.pacer.due()
    }

    /// What the link is believed to carry, wire bytes per second. `Conventional`: the rate to encode for, all headers
    /// included (see [`FrameSender::payload_within`]). `Classic` before the first ack: infinite.
    pub fn rate(&self, now: Duration) -> f64 {
        self.control.rate(&self.flight(), &self.path, micros(now))
    }

    /// The share of packets lost of late, 0 to 1.
    pub fn loss(&self) -> f64 {
        self.loss.value()
    }

    /// The largest frame payload whose datagrams, repair included, take at most this many bytes on the wire.
    pub fn payload_within(&self, wire_bytes: f64) -> usize {
        let wire_bytes = wire_bytes as usize; // saturates, and NaN is 0
        if self.repair_slices(MAX_REPAIRED_SLICES) > 0 {
            let fits = |&slices: &usize| {
                let headers = (slices + self.repair_slices(slices)) * self.surround_bytes();
                headers + slices <= wire_bytes
            };
            let within = |slices: usize| {
                let packets = slices + self.repair_slices(slices);
                let slice_bytes = (wire_bytes / packets).saturating_sub(self.surround_bytes());
                slices * slice_bytes.min(self.config.payload_bytes_max)
            };
            let repaired = (1..=MAX_REPAIRED_SLICES).take_while(fits).map(within).max().unwrap_or(0);
            if repaired < MAX_REPAIRED_SLICES * self.config.payload_bytes_max {
                return repaired;
            }
        }
        let full_packets = wire_bytes / self.packet_wire_bytes();
        let rest = (wire_bytes % self.packet_wire_bytes()).saturating_sub(self.surround_bytes());
        full_packets.saturating_mul(self.config.payload_bytes_max).saturating_add(rest)
    }

    /// The bytes that a frame payload takes on the wire: every datagram's headers, ours and the lower layers', and repair.
    pub fn wire_bytes(&self, payload_bytes: usize) -> usize {
        let slices = payload_bytes.div_ceil(self.config.payload_bytes_max);
        let repair_slices = self.repair_slices(slices);
        let repair_bytes = repair_slices * payload_bytes.div_ceil(slices.max(1));
        let headers = slices.saturating_add(repair_slices).saturating_mul(self.surround_bytes());
        payload_bytes.saturating_add(headers).saturating_add(repair_bytes)
    }

    /// Wire bytes sent and neither acked nor lost, with those that wait to be sent.
    pub fn in_flight_bytes(&self) -> usize {
        self.in_flight.wire_bytes() + self.pacer.wire_bytes()
    }

    /// The round trip, smoothed; none before the first ack.
    pub fn round_trip(&self) -> Option<Duration> {
        self.path.smoothed_round_trip_us().map(|us| Duration::from_micros(us.unsigned_abs()))
    }

    /// The smallest one-way delay of late, µs: the receiver's clock minus ours, so an unknown constant is in it.
    pub fn one_way_delay_base_us(&self) -> Option<i64> {
        self.path.one_way_base_us()
    }

    /// How much longer than the smallest the newest acked packet took: its time in queues.
    pub fn queueing_delay(&self) -> Option<Duration> {
        self.path.queueing_us().map(|us| Duration::from_micros(us.max(0).unsigned_abs()))
    }

    /// The settings, with sizes brought within their bounds.
    pub fn config(&self) -> &SenderConfig {
        &self.config
    }

    /// The original orders acks by the packet that caused them and ignores older ones; we by when they were written. A
    /// receiver that was restarted counts its acks anew, but what it has seen is newer all the same.
    fn is_newest(&self, ack: &AckHeader) -> bool {
        self.newest_ack.is_none_or(|last| match self.config.profile {
            Profile::Classic => ack.sequence >= last.sequence,
            Profile::Oyster | Profile::Conventional => (ack.newest, ack.number) > (last.newest, last.number),
        })
    }

    /// One receiver that has seen a newer packet has written more acks.
    fn comes_from_a_new_receiver(&self, ack: &AckHeader) -> bool {
        self.config.profile != Profile::Classic
            && self.newest_ack.is_some_and(|last| ack.newest > last.newest && ack.number <= last.number)
    }

    /// How many repair slices a frame of so many slices gets now.
    fn repair_slices(&self, slices: usize) -> usize {
        if self.config.has(Ingredient::Repair) { self.loss.repair_slices(slices) } else { 0 }
    }

    fn schedule(&mut self, frame: u32, count: u16, repair_slices: usize, payload: &Arc<[u8]>, now: Duration) {
        let pause = self.last_frame_taken.map_or(Duration::ZERO, |last| now.saturating_sub(last));
        // The original lets a frame's first packet go at once when nothing waits.
        let keeps_gap_when_empty = self.config.profile != Profile::Classic;
        let flight = self.flight();
        // Slices of one length, so that repair slices are no longer than they must; the original fills packets.
        let slice_bytes = match self.config.profile {
            Profile::Oyster => payload.len().div_ceil(usize::from(count)),
            Profile::Classic | Profile::Conventional => self.config.payload_bytes_max,
        };
        let mut slices: Vec<(Arc<[u8]>, Range<usize>)> = (0..payload.len())
            .step_by(slice_bytes)
            .map(|start| (Arc::clone(payload), start..payload.len().min(start + slice_bytes)))
            .collect();
        slices.extend((0..repair_slices).map(|number| {
            let slice: Arc<[u8]> = repair_slice(payload.chunks(slice_bytes), number).into();
            (slice, 0..slice_bytes)
        }));
        let frame_bytes = u32::try_from(payload.len()).unwrap_or(u32::MAX); // `send` refuses what is longer
        for (index, (payload, range)) in (0..).zip(slices) {
            let wire_bytes = range.len() + self.surround_bytes();
            let gap_us = self.control.pacing_gap_us(wire_bytes, &flight, &self.path, micros(now));
            let gap = Duration::from_micros(gap_us.max(0).unsigned_abs());
            self.pacer.push(Waiting {
                due: self.pacer.next_due(gap, keeps_gap_when_empty, now),
                frame,
                index,
                count,
                grace_us: if index == 0 { u32::try_from(pause.as_micros()).unwrap_or(u32::MAX) } else { 0 },
                frame_bytes: if index < count { 0 } else { frame_bytes },
                payload,
                range,
                wire_bytes,
            });
        }
    }

    fn flight(&self) -> Flight {
        Flight {
            in_flight_bytes: self.in_flight_bytes(),
            queued_bytes: self.pacer.wire_bytes(),
            oldest_sent_us: self.in_flight.oldest_sent_us(),
            fragments_taken: self.fragments_taken,
            last_sent_us: self.last_sent_us,
            last_activity_us: self.last_activity_us,
        }
    }

    /// So many wire bytes, but no packet after the first for a few bytes alone: on a link that carries a packet at a time, they
    /// would wait for its next turn, and the frame with them.
    fn without_stub(&self, wire_bytes: f64) -> f64 {
        let packet = self.packet_wire_bytes() as f64;
        let (packets, rest) = ((wire_bytes / packet).floor(), wire_bytes % packet);
        if packets >= 1.0 && rest < STUB_SHARE * packet { packets * packet } else { wire_bytes }
    }

    fn surround_bytes(&self) -> usize {
        FRAGMENT_HEADER_BYTES + self.config.overhead_bytes
    }

    fn packet_wire_bytes(&self) -> usize {
        self.config.payload_bytes_max + self.surround_bytes()
    }
}

/// The controller of the profile, which knows nothing yet.
fn new_control(config: &SenderConfig) -> Box<dyn CongestionControl> {
    let surround = FRAGMENT_HEADER_BYTES + config.overhead_bytes;
    control::for_config(config, config.payload_bytes_max + surround, config.survival_payload_bytes + surround)
}

/// Packets that may wait to be paced out: two of the largest frames. At the slowest pacing of `Oyster` and `Classic`
/// that is eight seconds, which no budget allows.
const MAX_WAITING_PACKETS: usize = 2 * MAX_FRAGMENTS_PER_FRAME;

/// A last packet that is filled less than this is not worth its turn. On a link of ten packets a second a frame took 70 ms
/// where it had taken 170, as one of 1.1 packets had waited for two turns.
const STUB_SHARE: f64 = 0.37;

/// Reordering within a millisecond is the granularity of timers and never shows a loss by time.
const REORDER_MIN_US: i64 = 1000;

#[cfg(test)]
#[path = "sender_tests.rs"]
mod tests;
