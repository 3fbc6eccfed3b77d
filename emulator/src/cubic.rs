//! A bulk transfer by TCP with Cubic (RFC 9438), as something for a call to share a link with. It models what others see of
//! it: when it sends how much. Bytes have no content, a lost segment is sent again as a new one, and acks name each segment
//! (as SACK would tell); no HyStart, no delayed acks.

use std::collections::BTreeMap;
use std::time::Duration;

/// The sending half; the receiving half acknowledges every segment.
#[derive(Clone, Debug)]
pub struct Cubic {
    next_sequence: u64,
    outstanding: BTreeMap<u64, Duration>,
    highest_acked: Option<u64>,
    /// In segments.
    window: f64,
    threshold: f64,
    /// The window before the last reduction, in segments.
    largest_window: f64,
    /// When the present growth began, and the window that Reno would have by now.
    epoch: Option<(Duration, f64)>,
    /// Losses before this segment belong to the last reduction.
    recovery_point: u64,
    round_trip: Option<RoundTrip>,
    retransmission_timer: Option<Duration>,
    backoff: u32,
    starts_at: Duration,
}

/// RFC 6298.
#[derive(Clone, Copy, Debug)]
struct RoundTrip {
    smoothed: f64,
    deviation: f64,
}

impl Cubic {
    /// The wire bytes of each segment.
    pub const SEGMENT_BYTES: usize = 1500;
    /// The wire bytes of each ack.
    pub const ACK_BYTES: usize = 52;

    /// A transfer without end that begins at a time.
    #[must_use]
    pub fn new(starts_at: Duration) -> Self {
        Self {
            next_sequence: 0,
            outstanding: BTreeMap::new(),
            highest_acked: None,
            window: INITIAL_WINDOW,
            threshold: f64::INFINITY,
            largest_window: 0.0,
            epoch: None,
            recovery_point: 0,
            round_trip: None,
            retransmission_timer: None,
            backoff: 0,
            starts_at,
        }
    }

    /// The next segment to send now, if the window has room for one.
    pub fn poll_transmit(&mut self, now: Duration) -> Option<u64> {
        if now < self.starts_at {
            return None;
        }
        if self.retransmission_timer.is_some_and(|due| due <= now) {
            self.time_out();
        }
        if self.outstanding.len() as f64 + 1.0 > self.window.max(1.0) {
            return None;
        }
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        self.outstanding.insert(sequence, now);
        if self.retransmission_timer.is_none() {
            self.restart_timer(now);
        }
        Some(sequence)
    }

    /// A segment has arrived at the other end, which says so now.
    pub fn handle_ack(&mut self, sequence: u64, now: Duration) {
        let Some(sent_at) = self.outstanding.remove(&sequence) else { return };
        self.backoff = 0;
        self.on_round_trip(now.saturating_sub(sent_at).as_secs_f64());
        let highest = self.highest_acked.map_or(sequence, |highest| highest.max(sequence));
        self.highest_acked = Some(highest);
        let lost = self.outstanding.range(..highest.saturating_sub(REORDERING - 1)).map(|(&lost, _)| lost);
        let lost: Vec<u64> = lost.collect();
        for sequence in &lost {
            self.outstanding.remove(sequence);
        }
        if lost.iter().any(|&sequence| sequence >= self.recovery_point) {
            self.reduce();
        } else if sequence >= self.recovery_point {
            self.grow(now);
        }
        self.retransmission_timer = None;
        if !self.outstanding.is_empty() {
            self.restart_timer(now);
        }
    }

    /// When to ask [`Cubic::poll_transmit`] again, if no ack comes before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        if self.next_sequence == 0 { Some(self.starts_at) } else { self.retransmission_timer }
    }

    /// The congestion window, in segments.
    #[must_use]
    pub fn window(&self) -> f64 {
        self.window
    }

    fn on_round_trip(&mut self, sample: f64) {
        let update = |RoundTrip { smoothed, deviation }| RoundTrip {
            smoothed: 0.875 * smoothed + 0.125 * sample,
            deviation: 0.75 * deviation + 0.25 * f64::abs(smoothed - sample),
        };
        let first = RoundTrip { smoothed: sample, deviation: sample / 2.0 };
        self.round_trip = Some(self.round_trip.map_or(first, update));
    }

    /// RFC 9438 §4.2 to §4.4, or slow start.
    fn grow(&mut self, now: Duration) {
        if self.window < self.threshold {
            self.window += 1.0;
            return;
        }
        let window = self.window;
        let (began, reno) = self.epoch.get_or_insert((now, window));
        let elapsed = now.saturating_sub(*began).as_secs_f64();
        let round_trip = self.round_trip.map_or(0.0, |round_trip| round_trip.smoothed);
        *reno += RENO_GAIN / window;
        let plateau = self.largest_window.max(self.threshold);
        let to_plateau = ((plateau - self.threshold) / SCALE).cbrt();
        let at = |time: f64| SCALE * (time - to_plateau).powi(3) + plateau;
        let target = at(elapsed + round_trip).clamp(window, 1.5 * window);
        self.window = (window + (target - window) / window).max(*reno);
    }

    /// RFC 9438 §4.6 and §4.7.
    fn reduce(&mut self) {
        self.largest_window =
            if self.window < self.largest_window { self.window * (1.0 + DECREASE) / 2.0 } else { self.window };
        self.window = (self.window * DECREASE).max(2.0);
        self.threshold = self.window;
        self.epoch = None;
        self.recovery_point = self.next_sequence;
    }

    /// Nothing was heard for long: all that is out is lost.
    fn time_out(&mut self) {
        let due = self.retransmission_timer.take();
        self.reduce();
        self.window = 1.0;
        self.outstanding.clear();
        self.backoff = (self.backoff + 1).min(MAX_BACKOFF);
        if let Some(due) = due {
            self.restart_timer(due);
        }
    }

    fn restart_timer(&mut self, now: Duration) {
        let seconds = self.round_trip.map_or(1.0, |round_trip| round_trip.smoothed + 4.0 * round_trip.deviation);
        let seconds = seconds.max(SHORTEST_TIMEOUT_SECONDS) * f64::from(1 << self.backoff);
        self.retransmission_timer = Some(now + Duration::from_secs_f64(seconds));
    }
}

/// RFC 6928.
const INITIAL_WINDOW: f64 = 10.0;
/// Segments later that arrive show a loss (RFC 9002 §6.1.1, RFC 6675).
const REORDERING: u64 = 3;
/// RFC 9438: C, β, and Reno's growth for that β.
const SCALE: f64 = 0.4;
const DECREASE: f64 = 0.7;
const RENO_GAIN: f64 = 3.0 * (1.0 - DECREASE) / (1.0 + DECREASE);
/// As Linux has it.
const SHORTEST_TIMEOUT_SECONDS: f64 = 0.2;
/// Timeouts double up to 2⁶ times.
const MAX_BACKOFF: u32 = 6;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Link, LinkConfig, QueueDiscipline, Trace};

    /// Over a link of 12 Mbit/s and 40 ms of round trip with a buffer of so many packets: bytes carried in each second, and the
    /// longest time a segment waited.
    fn carried(buffer_packets: u64, seconds: usize) -> (Vec<u64>, Duration) {
        let trace = Trace::constant(12_000_000).unwrap();
        let queue = QueueDiscipline::drop_tail_packets(buffer_packets);
        let mut link = Link::new(trace.clone(), &LinkConfig { queue, ..LinkConfig::default() });
        let mut back = Link::new(trace, &LinkConfig::default());
        let mut cubic = Cubic::new(Duration::ZERO);
        let (mut bytes, mut longest) = (vec![0; seconds], Duration::ZERO);
        let mut now = Duration::ZERO;
        while now < Duration::from_secs(seconds as u64) {
            while let Some(ack) = back.poll(now) {
                cubic.handle_ack(ack.packet, now);
            }
            while let Some(segment) = cubic.poll_transmit(now) {
                link.send(segment, Cubic::SEGMENT_BYTES, now);
            }
            while let Some(delivery) = link.poll(now) {
                bytes[now.as_secs() as usize] += delivery.wire_bytes as u64;
                longest = longest.max(delivery.queue_delay);
                back.send(delivery.packet, Cubic::ACK_BYTES, now);
            }
            now += Duration::from_millis(1);
        }
        (bytes, longest)
    }

    #[test]
    fn it_fills_a_link_and_its_buffer_whatever_that_is() {
        for buffer_packets in [40, 80, 160] {
            let (bytes, longest) = carried(buffer_packets, 30);
            let used = bytes[5..].iter().sum::<u64>() as f64 / (25.0 * 1_500_000.0);
            assert!(used > 0.9, "{buffer_packets}: {used}");
            assert!(longest.as_millis() as u64 >= buffer_packets - 1, "{buffer_packets}: {longest:?}");
        }
    }

    #[test]
    fn it_starts_with_ten_segments_and_doubles() {
        let mut cubic = Cubic::new(Duration::from_secs(1));
        assert_eq!(cubic.poll_transmit(Duration::ZERO), None);
        assert_eq!(cubic.poll_timeout(), Some(Duration::from_secs(1)));
        let flight = |cubic: &mut Cubic, at_ms| {
            let at = Duration::from_millis(at_ms);
            std::iter::from_fn(|| cubic.poll_transmit(at)).collect::<Vec<u64>>()
        };
        let first = flight(&mut cubic, 1000);
        assert_eq!(first.len(), 10);
        for segment in first {
            cubic.handle_ack(segment, Duration::from_millis(1040));
        }
        assert_eq!(flight(&mut cubic, 1040).len(), 20);
    }

    #[test]
    fn losses_of_one_round_trip_reduce_it_once_and_silence_to_one_segment() {
        let mut cubic = Cubic::new(Duration::ZERO);
        let sent: Vec<u64> = std::iter::from_fn(|| cubic.poll_transmit(Duration::ZERO)).collect();
        for &segment in &sent[5..] {
            cubic.handle_ack(segment, Duration::from_millis(40));
        }
        assert!((cubic.window() - 7.0).abs() < 0.01, "{}", cubic.window());
        while cubic.poll_transmit(Duration::from_millis(40)).is_some() {}
        let due = cubic.poll_timeout().unwrap();
        assert!(cubic.poll_transmit(due).is_some() && cubic.poll_transmit(due).is_none());
        assert!(cubic.poll_timeout().unwrap() >= due + Duration::from_millis(400), "the next timeout comes later");
    }
}
