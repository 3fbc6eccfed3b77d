//! One direction of a link: packets wait for the delivery opportunities of a trace, with mahimahi's semantics.
//!
//! A packet first meets its fate (lost, late, twice), then travels the one-way delay, and only then joins the queue
//! (as with `mm-delay` outside `mm-link`); it has arrived when its last byte is served. The queue keeps a clock of whole
//! milliseconds. An opportunity serves up to its bytes, in order, across the borders of packets: a small packet shares
//! one with others, a large one goes on in the next. An opportunity in the millisecond in which a packet joins the
//! queue comes before it; one that finds nothing to serve is wasted.

use crate::impairment::{Impairments, Loss, Reordering};
use crate::log::{Event, EventLog};
use crate::queue::{Dropped, Queue, QueueDiscipline, Queued};
use crate::trace::{OPPORTUNITY_BYTES, Trace};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// What a link is like besides its trace. The default is a bare 20 ms link with 256 packets of drop-tail.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkConfig {
    /// Propagation, before the queue.
    pub one_way_delay: Duration,
    /// Where in the trace the link's time 0 is, in milliseconds, taken modulo the trace's period.
    pub start_ms: u64,
    /// Whether the trace starts over at its end. Otherwise the link is dead from there on (`--once`).
    pub repeat: bool,
    /// What waits in front of the link, and who is dropped.
    pub queue: QueueDiscipline,
    /// Bytes that one opportunity serves, at least 1. 1500 if packet sizes are those of IP packets; mahimahi serves 1504
    /// and counts packets 4 bytes larger.
    pub opportunity_bytes: u64,
    /// Which packets are lost on the way to the queue.
    pub loss: Loss,
    /// Which packets take longer on the way to the queue.
    pub reordering: Reordering,
    /// How many packets, 0 to 1, join the queue twice.
    pub duplicate_probability: f64,
    /// Decides every random choice of this link.
    pub seed: u64,
    /// Whether to keep the events of mahimahi's log for [`Link::poll_event`].
    pub record_events: bool,
}

impl Default for LinkConfig {
    fn default() -> Self {
        Self {
            one_way_delay: Duration::from_millis(20),
            start_ms: 0,
            repeat: true,
            queue: QueueDiscipline::drop_tail_packets(256),
            opportunity_bytes: OPPORTUNITY_BYTES,
            loss: Loss::None,
            reordering: Reordering::default(),
            duplicate_probability: 0.0,
            seed: 0,
            record_events: false,
        }
    }
}

/// A packet that has crossed the link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery<P> {
    /// What was sent.
    pub packet: P,
    /// Its size on the wire, in bytes.
    pub wire_bytes: usize,
    /// When it arrived: whole milliseconds.
    pub arrival: Duration,
    /// How long it was in the queue and in service, without the one-way delay: whole milliseconds.
    pub queue_delay: Duration,
}

/// What a link has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkFigures {
    /// Packets given to the link.
    pub sent_packets: u64,
    /// Packets lost by chance before the queue.
    pub lost_packets: u64,
    /// Packets that were doubled.
    pub duplicated_packets: u64,
    /// Packets dropped by the queue, or at our own limit of packets in flight.
    pub dropped_packets: u64,
    /// Packets that have arrived.
    pub delivered_packets: u64,
    /// Their bytes on the wire.
    pub delivered_bytes: u64,
    /// Opportunities that have passed.
    pub opportunities: u64,
}

/// One direction of a link, carrying packets of any type `P`. Values and virtual time only: nothing happens until
/// [`poll`](Self::poll) says what time it is, and how often it is called changes nothing but when one hears of it.
#[derive(Clone, Debug)]
pub struct Link<P> {
    trace: Trace,
    start_ms: u64,
    opportunity_bytes: u64,
    /// The first opportunity that never comes.
    end: u64,
    one_way_delay: Duration,
    impairments: Impairments,
    /// On the way to the queue, by the time they join it and then by the order they were sent in.
    in_flight: BTreeMap<(Duration, u64), (P, u64)>,
    next_sequence: u64,
    queue: Queue<P>,
    /// The packet in service, and how many of its bytes are still to be served.
    in_transit: Option<(Queued<P>, u64)>,
    /// The index, in the looped trace, of the first opportunity that has not passed.
    next_opportunity: u64,
    arrived: VecDeque<Delivery<P>>,
    now: Duration,
    figures: LinkFigures,
    log: Option<EventLog>,
}

impl<P> Link<P> {
    /// A link whose time 0 is `config.start_ms` of the trace.
    #[must_use]
    pub fn new(trace: Trace, config: &LinkConfig) -> Self {
        let start_ms = config.start_ms % trace.period_ms();
        let next_opportunity = trace.opportunities_before(start_ms);
        Self {
            start_ms,
            opportunity_bytes: config.opportunity_bytes.max(1),
            end: if config.repeat { u64::MAX } else { trace.opportunities_per_period() },
            one_way_delay: config.one_way_delay,
            impairments: Impairments::new(config.loss, config.reordering, config.duplicate_probability, config.seed),
            in_flight: BTreeMap::new(),
            next_sequence: 0,
            queue: Queue::new(&config.queue, config.seed),
            in_transit: None,
            next_opportunity,
            arrived: VecDeque::new(),
            now: Duration::ZERO,
            figures: LinkFigures::default(),
            log: config.record_events.then(EventLog::default),
            trace,
        }
    }

    /// What becomes of packets sent from now on: the link's loss, reordering and duplicates change.
    pub fn set_impairments(&mut self, loss: Loss, reordering: Reordering, duplicate_probability: f64) {
        self.impairments.change(loss, reordering, duplicate_probability);
    }

    /// Sends a packet that takes `wire_bytes` of the link. A `now` before an earlier one counts as that.
    pub fn send(&mut self, packet: P, wire_bytes: usize, now: Duration)
    where
        P: Clone,
    {
        self.figures.sent_packets += 1;
        let fate = self.impairments.next_fate();
        if fate.lost {
            self.figures.lost_packets += 1;
            return;
        }
        let joins_queue = now.max(self.now).saturating_add(self.one_way_delay).saturating_add(fate.extra_delay);
        if fate.duplicated {
            self.figures.duplicated_packets += 1;
            self.put_in_flight(joins_queue, packet.clone(), wire_bytes);
        }
        self.put_in_flight(joins_queue, packet, wire_bytes);
    }

    /// The next packet that has arrived by `now`, in the order of arrival. To be called until there is none.
    pub fn poll(&mut self, now: Duration) -> Option<Delivery<P>> {
        self.now = now.max(self.now);
        while self.arrived.is_empty() {
            let joins_queue = self.in_flight.first_key_value().map(|(&(at, _), _)| at).filter(|&at| at <= self.now);
            let until_ms = whole_ms(joins_queue.unwrap_or(self.now));
            if self.next_opportunity_ms().is_some_and(|at_ms| at_ms <= until_ms) {
                self.pass_opportunities(until_ms);
            } else if joins_queue.is_some() {
                self.join_queue();
            } else {
                return None;
            }
        }
        self.arrived.pop_front()
    }

    /// When to call [`poll`](Self::poll) again: nothing arrives before, if nothing else is sent. `None` while the link is
    /// empty or dead.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        if let Some(delivery) = self.arrived.front() {
            return Some(delivery.arrival);
        }
        let arrives_with = if let Some((_, left)) = &self.in_transit {
            self.next_opportunity + left.div_ceil(self.opportunity_bytes) - 1
        } else if self.queue.backlog().len() > 0 {
            self.next_opportunity
        } else {
            let (&(joins_queue, _), _) = self.in_flight.first_key_value()?;
            self.next_opportunity.max(self.first_opportunity_after(whole_ms(joins_queue)))
        };
        (arrives_with < self.end).then(|| Duration::from_millis(self.opportunity_ms(arrives_with)))
    }

    /// The next event for mahimahi's log, if they are recorded: everything that happened up to the last poll.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.log.as_mut()?.pop()
    }

    /// How many events were not recorded because nobody took them (see [`MAX_EVENTS`](crate::MAX_EVENTS)).
    #[must_use]
    pub fn events_missed(&self) -> u64 {
        self.log.as_ref().map_or(0, EventLog::missed)
    }

    /// What the link has done up to the last poll.
    #[must_use]
    pub fn figures(&self) -> LinkFigures {
        self.figures
    }

    /// Packets in the queue at the last poll, the one in service not counted.
    #[must_use]
    pub fn queued_packets(&self) -> u64 {
        self.queue.backlog().len()
    }

    /// Bytes in the queue at the last poll, those of the packet in service not counted.
    #[must_use]
    pub fn queued_bytes(&self) -> u64 {
        self.queue.backlog().bytes()
    }

    /// Whether the trace has come to its end, for a link that does not repeat it: nothing will arrive any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.next_opportunity >= self.end && self.arrived.is_empty()
    }

    /// When the trace comes to its end, for a link that does not repeat it.
    #[must_use]
    pub fn end(&self) -> Option<Duration> {
        (self.end < u64::MAX).then(|| Duration::from_millis(self.opportunity_ms(self.end - 1)))
    }

    fn put_in_flight(&mut self, joins_queue: Duration, packet: P, wire_bytes: usize) {
        if self.in_flight.len() >= MAX_IN_FLIGHT_PACKETS {
            self.figures.dropped_packets += 1;
            return;
        }
        self.in_flight.insert((joins_queue, self.next_sequence), (packet, wire_bytes as u64));
        self.next_sequence += 1;
    }

    fn join_queue(&mut self) {
        let Some(((joins_queue, _), (packet, wire_bytes))) = self.in_flight.pop_first() else { return };
        let arrived_ms = whole_ms(joins_queue);
        self.record(Event::Arrival { at_ms: arrived_ms, bytes: wire_bytes });
        let dropped = self.queue.enqueue(Queued { packet, wire_bytes, arrived_ms });
        self.figures.dropped_packets += dropped.packets;
        if dropped != Dropped::default() {
            self.record(Event::Drop { at_ms: arrived_ms, packets: dropped.packets, bytes: dropped.bytes });
        }
    }

    /// Lets opportunities up to and including `until_ms` pass: all of them if there is nothing to serve, else one.
    fn pass_opportunities(&mut self, until_ms: u64) {
        let first = self.next_opportunity;
        if self.in_transit.is_some() || self.queue.backlog().len() > 0 {
            self.next_opportunity += 1;
        } else {
            self.next_opportunity = self.first_opportunity_after(until_ms).min(self.end);
        }
        self.figures.opportunities += self.next_opportunity - first;
        let (trace, start_ms, bytes) = (&self.trace, self.start_ms, self.opportunity_bytes);
        if let Some(log) = &mut self.log {
            log.extend(first..self.next_opportunity, |index| Event::Opportunity {
                at_ms: trace.time_ms(index) - start_ms,
                bytes,
            });
        }
        self.serve(self.opportunity_ms(first));
    }

    fn serve(&mut self, at_ms: u64) {
        let mut room = self.opportunity_bytes;
        while room > 0 {
            let Some((queued, left)) = self.in_transit.take().or_else(|| self.start_service(at_ms)) else { return };
            if left > room {
                self.in_transit = Some((queued, left - room));
                return;
            }
            room -= left;
            self.arrive(queued, at_ms);
        }
    }

    fn start_service(&mut self, at_ms: u64) -> Option<(Queued<P>, u64)> {
        let (queued, dropped) = self.queue.dequeue(at_ms);
        self.figures.dropped_packets += dropped.packets;
        queued.map(|queued| {
            let bytes = queued.wire_bytes;
            (queued, bytes)
        })
    }

    fn arrive(&mut self, queued: Queued<P>, at_ms: u64) {
        let Queued { packet, wire_bytes, arrived_ms } = queued;
        let delay_ms = at_ms - arrived_ms;
        self.record(Event::Departure { at_ms, bytes: wire_bytes, delay_ms });
        self.figures.delivered_packets += 1;
        self.figures.delivered_bytes += wire_bytes;
        self.arrived.push_back(Delivery {
            packet,
            wire_bytes: wire_bytes as usize,
            arrival: Duration::from_millis(at_ms),
            queue_delay: Duration::from_millis(delay_ms),
        });
    }

    fn record(&mut self, event: Event) {
        if let Some(log) = &mut self.log {
            log.push(event);
        }
    }

    fn first_opportunity_after(&self, time_ms: u64) -> u64 {
        self.trace.opportunities_before(self.start_ms.saturating_add(time_ms).saturating_add(1))
    }

    fn opportunity_ms(&self, index: u64) -> u64 {
        self.trace.time_ms(index) - self.start_ms
    }

    fn next_opportunity_ms(&self) -> Option<u64> {
        (self.next_opportunity < self.end).then(|| self.opportunity_ms(self.next_opportunity))
    }
}

/// The millisecond a moment falls into, as mahimahi's clock shows it.
fn whole_ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The most packets on their way to the queue, over which they are dropped: 38 Gbit/s of full packets over 20 ms, and
/// less than 100 MB.
pub const MAX_IN_FLIGHT_PACKETS: usize = 1 << 16;
