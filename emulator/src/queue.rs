//! What waits in front of a link, and who is dropped: mm-link's queues with their arguments.
//!
//! The packet being transmitted is not part of the queue. CoDel and PIE have files of their own.

use crate::codel::CoDel;
use crate::pie::Pie;
use crate::random::Random;
use std::collections::VecDeque;
use std::fmt;

/// The most a queue may hold. Both apply; an absent one does not limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueLimit {
    /// In packets, the one in transit not counted.
    pub packets: Option<u64>,
    /// In bytes on the wire, the packet in transit not counted.
    pub bytes: Option<u64>,
}

/// A queue as `mm-link` names them. Times are in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueueDiscipline {
    /// Never drops, up to our own [`MAX_QUEUED_PACKETS`].
    Infinite,
    /// Drops the arriving packet when it does not fit.
    DropTail(QueueLimit),
    /// Takes every packet and drops the oldest ones until the rest fits.
    DropHead(QueueLimit),
    /// Controlled delay (RFC 8289): drops on departure, more and more often, while every packet waits too long.
    CoDel {
        /// The most the queue holds; what does not fit is dropped on arrival.
        limit: QueueLimit,
        /// The wait that is still acceptable.
        target_ms: u64,
        /// How long the wait may be exceeded before the first drop.
        interval_ms: u64,
    },
    /// Proportional integral controller enhanced (RFC 8033, with mm-link's constants): drops on arrival at random.
    Pie {
        /// The most the queue holds; what does not fit is dropped on arrival.
        limit: QueueLimit,
        /// The wait to aim for.
        qdelay_ref_ms: u64,
        /// How long a burst is let through after the queue was idle.
        max_burst_ms: u64,
    },
}

/// Why a queue's name or arguments cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueueError {
    /// No queue has this name.
    UnknownQueue(String),
    /// Something in the arguments is not `NAME=NUMBER` with a name that `mm-link` knows.
    BadArgument(String),
    /// The queue must be given this argument, and not as 0.
    Missing {
        /// The queue.
        queue: &'static str,
        /// What it lacks.
        argument: &'static str,
    },
    /// An infinite queue takes no arguments.
    InfiniteTakesNone,
}

impl QueueDiscipline {
    /// Drop-tail with a limit in packets.
    #[must_use]
    pub fn drop_tail_packets(packets: u64) -> Self {
        Self::DropTail(QueueLimit { packets: Some(packets), bytes: None })
    }

    /// Drop-tail with a limit in bytes.
    #[must_use]
    pub fn drop_tail_bytes(bytes: u64) -> Self {
        Self::DropTail(QueueLimit { packets: None, bytes: Some(bytes) })
    }

    /// Reads `mm-link`'s `--uplink-queue=NAME` and `--uplink-queue-args="NAME=N, NAME=N"`. The names are `packets`,
    /// `bytes`, `target`, `interval`, `qdelay_ref` and `max_burst`; 0 counts as absent. Unlike `mm-link` this refuses
    /// names it does not know.
    ///
    /// # Errors
    /// Says which word is wrong or missing.
    pub fn from_words(name: &str, arguments: &str) -> Result<Self, QueueError> {
        let given = Arguments::parse(arguments)?;
        let limit = QueueLimit { packets: given.packets, bytes: given.bytes };
        let limited = |queue| match limit {
            QueueLimit { packets: None, bytes: None } => {
                Err(QueueError::Missing { queue, argument: "packets or bytes" })
            }
            QueueLimit { .. } => Ok(limit),
        };
        let needed = |queue, argument, value: Option<u64>| value.ok_or(QueueError::Missing { queue, argument });
        match name {
            "infinite" if arguments.trim().is_empty() => Ok(Self::Infinite),
            "infinite" => Err(QueueError::InfiniteTakesNone),
            "droptail" => Ok(Self::DropTail(limited("droptail")?)),
            "drophead" => Ok(Self::DropHead(limited("drophead")?)),
            "codel" => Ok(Self::CoDel {
                limit: limited("codel")?,
                target_ms: needed("codel", "target", given.target)?,
                interval_ms: needed("codel", "interval", given.interval)?,
            }),
            "pie" => Ok(Self::Pie {
                limit: limited("pie")?,
                qdelay_ref_ms: needed("pie", "qdelay_ref", given.qdelay_ref)?,
                max_burst_ms: needed("pie", "max_burst", given.max_burst)?,
            }),
            other => Err(QueueError::UnknownQueue(other.to_owned())),
        }
    }

    fn limit(&self) -> QueueLimit {
        match *self {
            Self::Infinite => QueueLimit::default(),
            Self::DropTail(limit) | Self::DropHead(limit) | Self::CoDel { limit, .. } | Self::Pie { limit, .. } => {
                limit
            }
        }
    }
}

/// As the header of mm-link's log shows it: `droptail [bytes=30000, packets=20]`.
impl fmt::Display for QueueDiscipline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Infinite => return write!(f, "infinite"),
            Self::DropTail(_) => "droptail",
            Self::DropHead(_) => "drophead",
            Self::CoDel { .. } => "codel",
            Self::Pie { .. } => "pie",
        };
        let limit = self.limit();
        let parts = [limit.bytes.map(|bytes| format!("bytes={bytes}")), limit.packets.map(|n| format!("packets={n}"))];
        write!(f, "{name} [{}]", parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}

impl fmt::Display for QueueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownQueue(name) => {
                write!(f, "no queue is called \"{name}\": there are infinite, droptail, drophead, codel and pie")
            }
            Self::BadArgument(text) => write!(f, "queue argument \"{text}\" is not NAME=NUMBER with a known name"),
            Self::Missing { queue, argument } => write!(f, "queue {queue} needs {argument}, over 0"),
            Self::InfiniteTakesNone => write!(f, "an infinite queue takes no arguments"),
        }
    }
}

impl std::error::Error for QueueError {}

#[derive(Default)]
struct Arguments {
    packets: Option<u64>,
    bytes: Option<u64>,
    target: Option<u64>,
    interval: Option<u64>,
    qdelay_ref: Option<u64>,
    max_burst: Option<u64>,
}

impl Arguments {
    fn parse(text: &str) -> Result<Self, QueueError> {
        let mut arguments = Self::default();
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            let bad = || QueueError::BadArgument(word.to_owned());
            let (name, value) = word.split_once('=').ok_or_else(bad)?;
            let place = match name.trim() {
                "packets" => &mut arguments.packets,
                "bytes" => &mut arguments.bytes,
                "target" => &mut arguments.target,
                "interval" => &mut arguments.interval,
                "qdelay_ref" => &mut arguments.qdelay_ref,
                "max_burst" => &mut arguments.max_burst,
                _ => return Err(bad()),
            };
            let value: u32 = value.trim().parse().map_err(|_| bad())?;
            *place = Some(u64::from(value)).filter(|&value| value > 0);
        }
        Ok(arguments)
    }
}

/// A packet that waits, or is being transmitted.
#[derive(Clone, Debug)]
pub(crate) struct Queued<P> {
    pub(crate) packet: P,
    pub(crate) wire_bytes: u64,
    pub(crate) arrived_ms: u64,
}

/// How many packets and bytes were dropped at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dropped {
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
}

impl Dropped {
    pub(crate) fn add(&mut self, wire_bytes: u64) {
        self.packets += 1;
        self.bytes += wire_bytes;
    }
}

/// The waiting packets themselves, first in first out, without any rule of dropping.
#[derive(Clone, Debug)]
pub(crate) struct Backlog<P> {
    packets: VecDeque<Queued<P>>,
    bytes: u64,
}

impl<P> Backlog<P> {
    pub(crate) fn len(&self) -> u64 {
        self.packets.len() as u64
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn pop(&mut self) -> Option<Queued<P>> {
        let queued = self.packets.pop_front()?;
        self.bytes -= queued.wire_bytes;
        Some(queued)
    }

    fn push(&mut self, queued: Queued<P>) {
        self.bytes += queued.wire_bytes;
        self.packets.push_back(queued);
    }

    fn fits(&self, limit: QueueLimit, more_packets: u64, more_bytes: u64) -> bool {
        let (packets, bytes) = (self.len() + more_packets, self.bytes + more_bytes);
        packets <= limit.packets.unwrap_or(u64::MAX).min(MAX_QUEUED_PACKETS) && bytes <= limit.bytes.unwrap_or(u64::MAX)
    }
}

/// A backlog with a rule of dropping.
#[derive(Clone, Debug)]
pub(crate) struct Queue<P> {
    backlog: Backlog<P>,
    limit: QueueLimit,
    rule: Rule,
}

#[derive(Clone, Debug)]
enum Rule {
    DropTail,
    DropHead,
    CoDel(CoDel),
    Pie(Pie),
}

impl<P> Queue<P> {
    pub(crate) fn new(discipline: &QueueDiscipline, seed: u64) -> Self {
        let rule = match *discipline {
            QueueDiscipline::Infinite | QueueDiscipline::DropTail(_) => Rule::DropTail,
            QueueDiscipline::DropHead(_) => Rule::DropHead,
            QueueDiscipline::CoDel { target_ms, interval_ms, .. } => Rule::CoDel(CoDel::new(target_ms, interval_ms)),
            QueueDiscipline::Pie { qdelay_ref_ms, max_burst_ms, .. } => {
                Rule::Pie(Pie::new(qdelay_ref_ms, max_burst_ms, Random::new(seed, 4)))
            }
        };
        Self { backlog: Backlog { packets: VecDeque::new(), bytes: 0 }, limit: discipline.limit(), rule }
    }

    pub(crate) fn backlog(&self) -> &Backlog<P> {
        &self.backlog
    }

    /// Takes a packet in, or drops it or others. Its arrival is now.
    pub(crate) fn enqueue(&mut self, queued: Queued<P>) -> Dropped {
        let mut dropped = Dropped::default();
        if let Rule::DropHead = self.rule {
            self.backlog.push(queued);
            while !self.backlog.fits(self.limit, 0, 0)
                && let Some(oldest) = self.backlog.pop()
            {
                dropped.add(oldest.wire_bytes);
            }
            return dropped;
        }
        let refused = match &mut self.rule {
            Rule::Pie(pie) => pie.refuses(self.backlog.bytes(), queued.arrived_ms),
            Rule::DropTail | Rule::DropHead | Rule::CoDel(_) => false,
        };
        if refused || !self.backlog.fits(self.limit, 1, queued.wire_bytes) {
            dropped.add(queued.wire_bytes);
        } else {
            self.backlog.push(queued);
        }
        dropped
    }

    /// Gives the next packet to transmit at `now_ms`, if any, and says what was dropped instead.
    pub(crate) fn dequeue(&mut self, now_ms: u64) -> (Option<Queued<P>>, Dropped) {
        match &mut self.rule {
            Rule::DropTail | Rule::DropHead => (self.backlog.pop(), Dropped::default()),
            Rule::CoDel(codel) => codel.dequeue(&mut self.backlog, now_ms),
            Rule::Pie(pie) => {
                let queued = self.backlog.pop();
                if let Some(queued) = &queued {
                    pie.handle_departure(queued.wire_bytes, self.backlog.bytes(), now_ms);
                }
                (queued, Dropped::default())
            }
        }
    }
}

/// The most packets any queue holds, an infinite one too: about 400 MB of full packets, hours of an overloaded call.
pub const MAX_QUEUED_PACKETS: u64 = 1 << 18;

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(name: &str, arguments: &str) -> Queue<u32> {
        Queue::new(&QueueDiscipline::from_words(name, arguments).unwrap(), 0)
    }

    fn offer(queue: &mut Queue<u32>, packet: u32, wire_bytes: u64) -> Dropped {
        queue.enqueue(Queued { packet, wire_bytes, arrived_ms: 0 })
    }

    fn drain(queue: &mut Queue<u32>) -> Vec<u32> {
        std::iter::from_fn(|| queue.dequeue(0).0).map(|queued| queued.packet).collect()
    }

    #[test]
    fn drop_tail_fills_to_its_limit_in_packets_and_drops_the_newcomer() {
        let mut queue = queue("droptail", "packets=2");
        assert_eq!(offer(&mut queue, 1, 100), Dropped::default());
        assert_eq!(offer(&mut queue, 2, 100), Dropped::default());
        assert_eq!(offer(&mut queue, 3, 100), Dropped { packets: 1, bytes: 100 });
        assert_eq!(drain(&mut queue), [1, 2]);
    }

    #[test]
    fn both_limits_hold_and_a_smaller_packet_may_still_fit() {
        let mut queue = queue("droptail", "packets=3, bytes=250");
        let dropped =
            [(1, 100), (2, 100), (3, 51), (4, 50), (5, 0)].map(|(n, bytes)| offer(&mut queue, n, bytes).packets);
        assert_eq!(dropped, [0, 0, 1, 0, 1]);
        assert_eq!(drain(&mut queue), [1, 2, 4]);
    }

    #[test]
    fn drop_head_takes_the_newcomer_and_drops_the_oldest() {
        let mut queue = queue("drophead", "bytes=250");
        assert_eq!(offer(&mut queue, 1, 100), Dropped::default());
        assert_eq!(offer(&mut queue, 2, 100), Dropped::default());
        assert_eq!(offer(&mut queue, 3, 200), Dropped { packets: 2, bytes: 200 });
        assert_eq!(drain(&mut queue), [3]);
    }

    #[test]
    fn an_infinite_queue_ends_at_our_own_limit() {
        let mut queue = queue("infinite", "");
        let dropped: u64 = (0..MAX_QUEUED_PACKETS + 5).map(|_| offer(&mut queue, 0, 1500).packets).sum();
        assert_eq!(dropped, 5);
    }

    #[test]
    fn words_are_those_of_mm_link() {
        let words = QueueDiscipline::from_words;
        assert_eq!(words("droptail", "packets=100"), Ok(QueueDiscipline::drop_tail_packets(100)));
        assert_eq!(words("droptail", "bytes=10, packets=0"), Ok(QueueDiscipline::drop_tail_bytes(10)));
        let limit = QueueLimit { packets: Some(9), bytes: None };
        assert_eq!(
            words("codel", "packets=9, target=5, interval=100"),
            Ok(QueueDiscipline::CoDel { limit, target_ms: 5, interval_ms: 100 })
        );
        assert_eq!(
            words("pie", "packets=9,qdelay_ref=20,max_burst=150"),
            Ok(QueueDiscipline::Pie { limit, qdelay_ref_ms: 20, max_burst_ms: 150 })
        );
        assert_eq!(words("droptail", "bytes=10, packets=3").unwrap().to_string(), "droptail [bytes=10, packets=3]");
        assert_eq!(words("infinite", "packets=1"), Err(QueueError::InfiniteTakesNone));
        assert_eq!(words("red", ""), Err(QueueError::UnknownQueue("red".into())));
        assert_eq!(words("droptail", "packet=1"), Err(QueueError::BadArgument("packet=1".into())));
        assert_eq!(words("droptail", "packets=-1"), Err(QueueError::BadArgument("packets=-1".into())));
        assert_eq!(words("droptail", "").unwrap_err().to_string(), "queue droptail needs packets or bytes, over 0");
        assert!(words("codel", "packets=9, target=5").is_err());
    }
}
