//! Our controller: a budget for every frame, from how long the link took to serve each packet.
//!
//! A packet's service time is the time since the later of the previous arrival and its own earliest possible arrival
//! (Lindley's recursion read backwards). Whatever the sender paced, paused or skipped never counts: grace removal,
//! done exactly. Acked bytes over service time, both fading, is the rate; silence while something is under way is added
//! to the service time, so that a link that falls silent slows the sender continuously. Ceilings then bound the
//! serialisation of one frame and the whole queue: longer ones on a link that stands still now and then, where delay is not
//! for us to save. Constants are the controller study's.
//!
//! A queue that others keep standing is part of the path: waiting in it is not service. Which queue is whose a packet tells
//! that meets none of ours; if none has for long, the sender pauses for a round trip so that one does. Where a queue never
//! empties, whoever's it is, frames are spread out and rooms are such that calls side by side come to equal shares.

mod ceilings;
mod pauses;

use ceilings::{Ceilings, Link};
use pauses::Pauses;

use super::{Allowance, CongestionControl, Flight, FrameAllowance, News};
use crate::config::{Ingredient, SenderConfig};
use crate::path::Path;

/// The service rate, as far as it is known, and the ceilings.
#[derive(Debug)]
pub(crate) struct Oyster {
    ceilings: Ceilings,
    removes_pauses: bool,
    brakes: bool,
    survives: bool,
    first_budget_bytes: f64,
    survival_wire_bytes: f64,
    served_bytes: f64,
    busy_us: f64,
    pauses: Pauses,
    measured_packets: u32,
    last_received_us: Option<i64>,
    last_ack_us: Option<i64>,
    /// Nothing goes until all that is under way has arrived, so that the next packet meets none of ours.
    drains: bool,
    drained_us: i64,
    lost_at_us: Option<i64>,
}

impl Oyster {
    pub(crate) fn new(config: &SenderConfig, packet_wire_bytes: usize, survival_wire_bytes: usize) -> Self {
        Self {
            ceilings: Ceilings::new(config.delay_ceiling, config.has(Ingredient::ElasticCeiling), packet_wire_bytes),
            removes_pauses: config.has(Ingredient::PauseRemoval),
            brakes: config.has(Ingredient::Brake),
            survives: config.has(Ingredient::Survival),
            first_budget_bytes: config.first_budget_bytes as f64,
            survival_wire_bytes: survival_wire_bytes as f64,
            served_bytes: 0.0,
            busy_us: 0.0,
            pauses: Pauses::default(),
            measured_packets: 0,
            last_received_us: None,
            last_ack_us: None,
            drains: false,
            drained_us: 0,
            lost_at_us: None,
        }
    }

    /// Wire bytes per µs over fading memory, were the link to have been silent for `stall_us` on top.
    fn rate_per_us(&self, stall_us: f64) -> f64 {
        let prior = 1.0 - f64::from(self.measured_packets.min(PRIOR_PACKETS)) / f64::from(PRIOR_PACKETS);
        let served_bytes = self.served_bytes + prior * PRIOR_BYTES;
        let busy_us = self.busy_us + prior * PRIOR_BUSY_US;
        (served_bytes / (busy_us + stall_us).max(BUSY_MIN_US)).max(RATE_MIN_PER_US)
    }

    /// How long the link has been silent, as far as acks could tell by now, although it had something to carry.
    fn stall_us(&self, flight: &Flight, path: &Path, now_us: i64) -> f64 {
        let (Some(oldest_sent_us), Some(base_us), Some(way_back_us), Some(last_received_us)) =
            (flight.oldest_sent_us, path.one_way_base_us(), path.way_back_us(), self.last_received_us)
        else {
            return 0.0;
        };
        if !self.brakes {
            return 0.0;
        }
        let told_until_us = now_us - way_back_us;
        let busy_since_us = last_received_us.max(oldest_sent_us + base_us);
        (told_until_us - busy_since_us).max(0) as f64
    }

    /// How long after the last thing that happened a packet goes to ask whether the link is still there. As TCP's probe
    /// after a lost tail (RFC 9002 §6.2): after a round trip and a half, then later by three quarters of the silence there was, so that
    /// a link that comes back waits for no longer than that; and at last each second.
    fn probe_after_us(&self, last_activity_us: i64, path: &Path) -> i64 {
        let (Some(last_ack_us), Some(round_trip_us)) = (self.last_ack_us, path.smoothed_round_trip_us()) else {
            return SURVIVAL_TIMER_US;
        };
        let silence_us = last_activity_us - last_ack_us;
        (silence_us * 3 / 4).max(round_trip_us + round_trip_us / 2).clamp(PROBE_MIN_US, SURVIVAL_TIMER_US)
    }

    /// Whether packets were lost of late, as where others fill the queue until it overflows.
    fn overflows(&self, now_us: i64) -> bool {
        self.lost_at_us.is_some_and(|lost_at_us| now_us - lost_at_us <= LOSS_MEMORY_US)
    }

    /// Whether a queue stands that others will not fill whatever we do: one that overflows is filled by those who go by loss.
    fn yields(&self, path: &Path, now_us: i64) -> bool {
        path.has_standing_queue() && !self.overflows(now_us)
    }

    /// Lets the memory fade, but both sums alike, and never below what holds against a single odd packet.
    fn fade(&mut self, now_us: i64) {
        let elapsed_us = self.last_ack_us.map_or(0, |last_ack_us| (now_us - last_ack_us).max(0));
        self.last_ack_us = Some(now_us);
        self.pauses.fade(elapsed_us);
        if self.busy_us > MEMORY_MIN_US {
            let keep = (-(elapsed_us as f64) / MEMORY_US).exp().max(MEMORY_MIN_US / self.busy_us);
            self.served_bytes *= keep;
            self.busy_us *= keep;
        }
    }
}

impl CongestionControl for Oyster {
    fn on_ack(&mut self, news: &News<'_>, path: &Path, now_us: i64) {
        self.fade(now_us);
        if news.lost_packets > 0 {
            self.lost_at_us = Some(now_us);
        }
        let rate_per_us = self.rate_per_us(0.0);
        let Some(base_us) = path.one_way_base_us() else { return };
        for arrival in news.arrivals {
            let earliest_us = arrival.sent_us + base_us;
            let Some(last_received_us) = self.last_received_us else {
                // The first packet has nothing before it to be measured against.
                self.last_received_us = arrival.received_us;
                continue;
            };
            let start_us = if self.removes_pauses { last_received_us.max(earliest_us) } else { last_received_us };
            // A packet whose ack was lost is taken to have been served at the rate known so far; what that gets wrong
            // falls to the packet after it, whose time is known, so that the sum is right.
            let served_us = start_us + (arrival.wire_bytes as f64 / rate_per_us) as i64;
            let received_us = arrival.received_us.unwrap_or(served_us.min(news.received_us));
            let service_us = ((received_us - start_us).max(0) as f64).min(SERVICE_MAX_US);
            self.served_bytes += arrival.wire_bytes as f64;
            self.busy_us += service_us;
            self.pauses.on_service(service_us, self.ceilings.pause_from_us(rate_per_us));
            self.measured_packets = self.measured_packets.saturating_add(1);
            self.last_received_us = Some(last_received_us.max(received_us));
        }
        self.last_received_us = self.last_received_us.map(|last_received_us| last_received_us.max(news.received_us));
        if self.drains && news.in_flight_bytes == 0 {
            (self.drains, self.drained_us) = (false, now_us);
        } else if path.lone_at_us().is_some_and(|lone_at_us| now_us - lone_at_us.max(self.drained_us) > LONE_EVERY_US) {
            self.drains = true;
        }
    }

    fn allowance(&self, flight: &Flight, floor_wire_bytes: f64, path: &Path, now_us: i64) -> Allowance {
        let in_flight_bytes = flight.in_flight_bytes as f64;
        let alone = flight.in_flight_bytes == 0;
        // Whatever is believed to be under way: if all of it was lost, only this gets the sender out of its own brake.
        let unheard =
            flight.last_activity_us.is_none_or(|last_us| now_us - last_us >= self.probe_after_us(last_us, path));
        let Some(round_trip_floor_us) = path.round_trip_floor_us() else {
            let wire_bytes = (self.first_budget_bytes - in_flight_bytes).max(0.0);
            let survival = wire_bytes >= self.survival_wire_bytes || alone || unheard;
            return Allowance { frame: FrameAllowance::WireBytes(wire_bytes), survival, braked: false };
        };
        let stall_us = self.stall_us(flight, path, now_us);
        let link = Link {
            rate_per_us: self.rate_per_us(stall_us),
            round_trip_floor_us: round_trip_floor_us as f64,
            stall_us,
            pause_us: self.pauses.mean_us(),
            is_contested: path.is_contested(),
            overflows: self.overflows(now_us),
            yields: self.yields(path, now_us),
        };
        let frame_bytes = self.ceilings.frame_bytes(&link, floor_wire_bytes, in_flight_bytes);
        let braked = frame_bytes == 0.0 && self.ceilings.caution(&link) < 1.0;
        if self.drains && !alone {
            let survival = unheard || has_drained(flight, path, now_us);
            return Allowance { frame: FrameAllowance::WireBytes(0.0), survival, braked };
        }
        let survival_fits = in_flight_bytes + self.survival_wire_bytes
            <= self.ceilings.survival_bytes(&link, floor_wire_bytes, self.survival_wire_bytes);
        Allowance {
            frame: FrameAllowance::WireBytes(frame_bytes),
            survival: (self.survives && (survival_fits || alone)) || unheard,
            braked,
        }
    }

    fn rate(&self, flight: &Flight, path: &Path, now_us: i64) -> f64 {
        self.rate_per_us(self.stall_us(flight, path, now_us)) * 1e6
    }

    fn pacing_gap_us(&self, wire_bytes: usize, flight: &Flight, path: &Path, now_us: i64) -> i64 {
        let rate_per_us = self.rate_per_us(self.stall_us(flight, path, now_us));
        let (gain, gap_max_us) = match self.yields(path, now_us) {
            true => (STANDING_PACING_GAIN, STANDING_PACING_MAX_US),
            false => (PACING_GAIN, PACING_MAX_US),
        };
        ((wire_bytes as f64 / (gain * rate_per_us)) as i64).min(gap_max_us)
    }
}

/// Whether what was sent last would have been heard of by now: then it is lost, and nothing of ours is under way.
fn has_drained(flight: &Flight, path: &Path, now_us: i64) -> bool {
    let round_trip_us = path.smoothed_round_trip_us().unwrap_or(0);
    flight.last_sent_us.is_some_and(|sent_us| now_us - sent_us > round_trip_us + round_trip_us / 4)
}

/// A queue in which packets of ours stand all the time may be ours or others'. If none has met none for this long, frames
/// are skipped for a round trip: the next packet tells.
const LONE_EVERY_US: i64 = 4_000_000;

/// Memory of the rate. 100 to 500 ms did alike in the study, 1 s worse.
const MEMORY_US: f64 = 300_000.0;

/// What is kept of the memory however long the pause: else one packet that found an idle link would make any rate.
const MEMORY_MIN_US: f64 = 5_000.0;

/// One packet that waited out an outage would fill the memory long after the link's return; the outage itself
/// counts in full, as stall. 300 ms brought the picture back in 0.6 s where without it took up to 2.3 s.
const SERVICE_MAX_US: f64 = 300_000.0;

/// Clocks of whole milliseconds make service times of zero.
const BUSY_MIN_US: f64 = 500.0;

/// What is believed before anything is measured, 40 kB/s, and how many measured packets it takes to be done with it.
/// The study let it fade with time only; with packets, a link of any constant rate is known after ten.
const PRIOR_BYTES: f64 = 800.0;
const PRIOR_BUSY_US: f64 = 20_000.0;
const PRIOR_PACKETS: u32 = 8;

/// 200 bytes/s: a link on which a packet takes six seconds is as good as silent.
const RATE_MIN_PER_US: f64 = 200e-6;

/// How long a loss tells of others who fill the queue until it overflows: to Cubic, in a buffer of 1 BDP, all but 23 % of the
/// link was left that had been shared almost alike.
const LOSS_MEMORY_US: i64 = 4_000_000;

/// With nothing sent and nothing heard for this long, one packet goes whatever is believed to be in flight: a frame
/// interval short of a second, so that at least one packet a second goes.
const SURVIVAL_TIMER_US: i64 = 950_000;

/// The first probe: late enough for a queue of a full ceiling, or a frame interval in which nothing was captured. Where others keep
/// a queue of 160 ms full, three round trips of silence after a lost packet were 0.6 s, and a second loss made that a second.
const PROBE_MIN_US: i64 = 120_000;

/// Leave faster than the link serves, so that the sender never is what is measured; but in no burst.
const PACING_GAIN: f64 = 2.5;
const PACING_MAX_US: i64 = 2000;

/// Where the queue never empties, a packet that leaves at once only waits there. Of two calls whose cameras keep step, who sends
/// just after the other would find the queue full each time, and the other never: spread over about a frame interval,
/// the packets of both find the same.
const STANDING_PACING_GAIN: f64 = 1.25;
const STANDING_PACING_MAX_US: i64 = 20_000;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::super::Arrival;
    use super::*;

    const PACKET: usize = 1281;
    const SURVIVAL: usize = 681;

    /// A link that serves packets one after another at a constant rate, and the controller that hears of each.
    struct Queue {
        rate_per_us: f64,
        delay_us: i64,
        clock_offset_us: i64,
        free_us: f64,
        path: Path,
        oyster: Oyster,
        now_us: i64,
    }

    impl Queue {
        fn new(rate_per_us: f64, clock_offset_us: i64) -> Self {
            Self {
                rate_per_us,
                delay_us: 20_000,
                clock_offset_us,
                free_us: 0.0,
                path: Path::new(Duration::from_secs(10)),
                oyster: Oyster::new(&SenderConfig::default(), PACKET, SURVIVAL),
                now_us: 0,
            }
        }

        fn send_and_hear(&mut self, sent_us: i64) {
            self.free_us = self.free_us.max(sent_us as f64) + PACKET as f64 / self.rate_per_us;
            let arrived_us = self.free_us as i64 + self.delay_us;
            let received_us = arrived_us + self.clock_offset_us;
            self.now_us = arrived_us + self.delay_us;
            self.path.on_ack(sent_us, received_us, self.now_us);
            let arrival = Arrival { sent_us, wire_bytes: PACKET, received_us: Some(received_us) };
            let news = News {
                arrivals: &[arrival],
                lost_packets: 0,
                sequence: 0,
                received_us,
                inter_arrival_us: 0,
                in_flight_bytes: 0,
            };
            self.oyster.on_ack(&news, &self.path, self.now_us);
        }

        fn rate_per_us(&self) -> f64 {
            self.oyster.rate(&Flight::default(), &self.path, self.now_us) / 1e6
        }
    }

    proptest! {
        #[test]
        fn a_constant_rate_is_known_after_ten_packets(kilobytes_per_second in 20.0..5000.0f64) {
            let mut queue = Queue::new(kilobytes_per_second / 1000.0, 0);
            for _ in 0..10 {
                queue.send_and_hear(0);
            }
            let ratio = queue.rate_per_us() * 1000.0 / kilobytes_per_second;
            prop_assert!((0.95..1.05).contains(&ratio), "{ratio}");
        }

        #[test]
        fn pauses_of_the_sender_leave_the_rate_unchanged(pauses_ms in prop::collection::vec(0i64..20_000, 1..6)) {
            let mut queue = Queue::new(0.25, 0);
            let mut sent_us = 0;
            for pause_ms in pauses_ms {
                for _ in 0..200 {
                    queue.send_and_hear(sent_us);
                }
                let before = queue.rate_per_us();
                // The link is empty by then, and stays so.
                sent_us = queue.now_us + pause_ms * 1000;
                queue.now_us = sent_us;
                prop_assert_eq!(queue.rate_per_us(), before);
                prop_assert!((before / 0.25 - 1.0).abs() < 0.05, "{}", before);
            }
        }

        #[test]
        fn a_constant_on_the_receivers_clock_changes_nothing(
            offset_us in -1_000_000_000i64..1_000_000_000, gaps_us in prop::collection::vec(0i64..50_000, 1..60),
        ) {
            let mut together = Queue::new(0.1, 0);
            let mut apart = Queue::new(0.1, offset_us);
            let mut sent_us = 0;
            for gap_us in gaps_us {
                sent_us += gap_us;
                together.send_and_hear(sent_us);
                apart.send_and_hear(sent_us);
                let flight = Flight { in_flight_bytes: 2000, oldest_sent_us: Some(sent_us), ..Flight::default() };
                let now_us = together.now_us + gap_us;
                prop_assert_eq!(
                    together.oyster.allowance(&flight, 0.0, &together.path, now_us),
                    apart.oyster.allowance(&flight, 0.0, &apart.path, now_us)
                );
            }
        }

    }

    #[test]
    fn silence_lowers_the_rate_while_it_lasts() {
        let mut queue = Queue::new(0.1, 0);
        for _ in 0..40 {
            queue.send_and_hear(0);
        }
        let flight = Flight { in_flight_bytes: 6 * PACKET, oldest_sent_us: Some(queue.now_us), ..Flight::default() };
        let rate = |later_us| queue.oyster.rate(&flight, &queue.path, queue.now_us + later_us);
        // The first of the packets just sent cannot be acked before its own service and both ways: 40 ms and 13.
        assert_eq!(rate(0), rate(50_000));
        assert!(rate(200_000) < 0.75 * rate(0), "{} {}", rate(200_000), rate(0));
        assert!(rate(2_000_000) < 0.2 * rate(0));
        assert!(queue.oyster.allowance(&flight, 0.0, &queue.path, queue.now_us + 200_000).braked);
    }

    #[test]
    fn a_lost_ack_costs_no_rate() {
        // Ten packets back to back at 100 kB/s, of which only every third is told of by an ack of its own.
        let mut path = Path::new(Duration::from_secs(10));
        let mut oyster = Oyster::new(&SenderConfig::default(), PACKET, SURVIVAL);
        let mut unheard = Vec::new();
        for packet in 0..31 {
            let received_us = 20_000 + (packet + 1) * 12_810;
            let arrival = |received_us| Arrival { sent_us: 0, wire_bytes: PACKET, received_us };
            if packet % 3 != 0 {
                unheard.push(arrival(None));
                continue;
            }
            unheard.push(arrival(Some(received_us)));
            path.on_ack(0, received_us, received_us + 20_000);
            let news = News {
                arrivals: &unheard,
                lost_packets: 0,
                sequence: 0,
                received_us,
                inter_arrival_us: 0,
                in_flight_bytes: 0,
            };
            oyster.on_ack(&news, &path, received_us + 20_000);
            unheard.clear();
        }
        let rate = oyster.rate(&Flight::default(), &path, 500_000);
        assert!((95_000.0..105_000.0).contains(&rate), "{rate}");
    }

    #[test]
    fn into_silence_a_packet_goes_whatever_is_in_flight_then_ever_later_and_at_last_each_second() {
        let mut queue = Queue::new(0.1, 0);
        queue.send_and_hear(0);
        let heard_us = queue.now_us;
        let flight = |last_activity_us| Flight {
            in_flight_bytes: 1_000_000,
            oldest_sent_us: Some(0),
            last_activity_us: Some(last_activity_us),
            ..Flight::default()
        };
        let mut gaps_ms = Vec::new();
        let mut last_us = heard_us;
        for now_us in (heard_us..heard_us + 4_000_000).step_by(10_000) {
            if queue.oyster.allowance(&flight(last_us), 0.0, &queue.path, now_us).survival {
                gaps_ms.push((now_us - last_us) / 1000);
                last_us = now_us;
            }
        }
        // A round trip and a half of 53 ms is less than the least of 120; from then on three quarters of the silence there was.
        assert_eq!(gaps_ms, [120, 120, 180, 320, 560, 950, 950]);
    }
}
