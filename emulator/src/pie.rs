//! PIE (RFC 8033) with mm-link's constants and whole milliseconds: drops arriving packets with a probability that an
//! integral controller moves every 30 ms, from the wait that the departure rate implies.

use crate::random::Random;
use crate::trace::OPPORTUNITY_BYTES;

/// The controller's state. Rates are bytes a millisecond, times milliseconds.
#[derive(Clone, Debug)]
pub(crate) struct Pie {
    reference_ms: u64,
    max_burst_ms: u64,
    drop_probability: f64,
    burst_allowance_ms: u64,
    delay_ms: u64,
    delay_before_ms: u64,
    /// The measurement of the departure rate that is going on: since when, and how many bytes.
    measuring: Option<(u64, u64)>,
    departure_rate: u64,
    updated_ms: u64,
    random: Random,
}

impl Pie {
    pub(crate) fn new(reference_ms: u64, max_burst_ms: u64, random: Random) -> Self {
        Self {
            reference_ms,
            max_burst_ms,
            drop_probability: 0.0,
            burst_allowance_ms: 0,
            delay_ms: 0,
            delay_before_ms: 0,
            measuring: None,
            departure_rate: 0,
            updated_ms: 0,
            random,
        }
    }

    /// Whether the packet that arrives now is to be dropped.
    pub(crate) fn refuses(&mut self, queued_bytes: u64, now_ms: u64) -> bool {
        self.update(queued_bytes, now_ms);
        let calm = self.delay_before_ms < self.reference_ms / 2 && self.drop_probability < 0.2;
        let nearly_empty = queued_bytes < 2 * OPPORTUNITY_BYTES;
        !(self.burst_allowance_ms > 0 || calm || nearly_empty) && self.random.chance(self.drop_probability)
    }

    /// A packet has left; `queued_bytes` remain.
    pub(crate) fn handle_departure(&mut self, wire_bytes: u64, queued_bytes: u64, now_ms: u64) {
        if self.measuring.is_none() && queued_bytes >= MEASURE_BYTES {
            self.measuring = Some((now_ms, 0));
        }
        if let Some((since_ms, bytes)) = &mut self.measuring {
            *bytes += wire_bytes;
            let took_ms = now_ms - *since_ms;
            if *bytes > MEASURE_BYTES && took_ms > 0 {
                let rate = *bytes / took_ms;
                self.departure_rate = match self.departure_rate {
                    0 => rate,
                    average => average - average / 8 + rate / 8,
                };
                self.measuring = (queued_bytes >= MEASURE_BYTES).then_some((now_ms, 0));
                self.burst_allowance_ms = self.burst_allowance_ms.saturating_sub(took_ms);
            }
        }
        self.update(queued_bytes, now_ms);
    }

    /// Catches up with the 30 ms timer. Once the probability has settled nothing more changes, so a long silence is
    /// skipped instead of walked.
    fn update(&mut self, queued_bytes: u64, now_ms: u64) {
        let due = now_ms.saturating_sub(self.updated_ms + 1) / UPDATE_MS;
        for _ in 0..due.min(MAX_UPDATES) {
            self.step(queued_bytes);
        }
        self.updated_ms += due * UPDATE_MS;
    }

    fn step(&mut self, queued_bytes: u64) {
        self.delay_before_ms = self.delay_ms;
        self.delay_ms = queued_bytes.checked_div(self.departure_rate).unwrap_or(0);
        let (delay, before) = (self.delay_ms as f64, self.delay_before_ms as f64);
        let change = ALPHA * (delay - self.reference_ms as f64) + BETA * (delay - before);
        let scale = match self.drop_probability {
            small if small < 0.01 => 128.0,
            medium if medium < 0.1 => 32.0,
            _ => 16.0,
        };
        let wanted = self.drop_probability + change / scale;
        self.drop_probability = wanted.clamp(0.0, 1.0);
        // Without a measured rate a delay of 0 says nothing while bytes are queued.
        let idle = self.delay_ms == 0 && self.delay_before_ms == 0 && queued_bytes == 0;
        if idle && wanted <= 1.0 {
            self.drop_probability *= IDLE_DECAY;
        }
        self.burst_allowance_ms = self.burst_allowance_ms.saturating_sub(UPDATE_MS);
        let low = self.reference_ms / 2;
        let calm = self.drop_probability == 0.0 && self.delay_ms < low && self.delay_before_ms < low;
        if calm && self.departure_rate > 0 {
            self.measuring = None;
            self.departure_rate = 0;
            self.burst_allowance_ms = self.max_burst_ms;
        }
    }
}

/// mm-link's gains, per millisecond of delay.
const ALPHA: f64 = 0.125;
const BETA: f64 = 1.25;
/// How often the probability moves.
const UPDATE_MS: u64 = 30;
/// The departure rate is measured over this many bytes.
const MEASURE_BYTES: u64 = 16384;
/// What is left of the probability after each idle step.
const IDLE_DECAY: f64 = 0.98;
/// Steps after which the probability has long settled at 0 or 1: five minutes of silence.
const MAX_UPDATES: u64 = 10_000;

#[cfg(test)]
mod tests {
    use crate::queue::{Queue, QueueDiscipline, Queued};

    /// The longest queue, in packets, after the first ten seconds, and the share dropped, at one packet a ms out.
    fn run(arrivals_per_ms: u64) -> (u64, f64) {
        let discipline = QueueDiscipline::from_words("pie", "packets=10000, qdelay_ref=20, max_burst=100").unwrap();
        let mut queue = Queue::new(&discipline, 5);
        let (mut longest, mut dropped) = (0, 0);
        for now_ms in 0..30_000 {
            queue.dequeue(now_ms);
            for _ in 0..arrivals_per_ms {
                dropped += queue.enqueue(Queued { packet: (), wire_bytes: 1500, arrived_ms: now_ms }).packets;
            }
            if now_ms > 10_000 {
                longest = longest.max(queue.backlog().len());
            }
        }
        (longest, dropped as f64 / (30_000 * arrivals_per_ms) as f64)
    }

    #[test]
    fn an_overloaded_queue_is_held_near_its_reference() {
        let (longest, dropped) = run(2);
        assert!(longest < 300, "{longest}");
        assert!((0.4..0.6).contains(&dropped), "{dropped}");
    }

    #[test]
    fn a_queue_that_keeps_up_drops_nothing() {
        assert_eq!(run(1).1, 0.0);
    }
}
