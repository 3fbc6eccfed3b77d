//! What happens on a link, and mahimahi's way of writing it down, so that its scripts and graphs keep working.
//!
//! One line an event: `<ms> + <bytes>` a packet joins the queue (also if it is then dropped), `<ms> # <bytes>` a delivery
//! opportunity, used or not, `<ms> - <bytes> <delay ms>` a packet has crossed, `<ms> d <packets> <bytes>` dropped on
//! arrival. What CoDel drops on departure leaves no line, as there.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;

/// Something that happened on a link. Times are milliseconds since the link's time 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A packet joined the queue, or tried to.
    Arrival {
        /// When.
        at_ms: u64,
        /// Its bytes on the wire.
        bytes: u64,
    },
    /// An opportunity to deliver passed, used or not.
    Opportunity {
        /// When.
        at_ms: u64,
        /// How many bytes it could serve.
        bytes: u64,
    },
    /// The last byte of a packet was served.
    Departure {
        /// When.
        at_ms: u64,
        /// Its bytes on the wire.
        bytes: u64,
        /// How long it was in queue and service, in milliseconds.
        delay_ms: u64,
    },
    /// Packets were dropped when one joined the queue.
    Drop {
        /// When.
        at_ms: u64,
        /// How many.
        packets: u64,
        /// Their bytes on the wire.
        bytes: u64,
    },
}

impl Event {
    /// The event's line in mahimahi's log, without a line end. `base_ms` is the clock's time at the link's time 0.
    #[must_use]
    pub fn line(&self, base_ms: u64) -> String {
        match *self {
            Self::Arrival { at_ms, bytes } => format!("{} + {bytes}", base_ms + at_ms),
            Self::Opportunity { at_ms, bytes } => format!("{} # {bytes}", base_ms + at_ms),
            Self::Departure { at_ms, bytes, delay_ms } => format!("{} - {bytes} {delay_ms}", base_ms + at_ms),
            Self::Drop { at_ms, packets, bytes } => format!("{} d {packets} {bytes}", base_ms + at_ms),
        }
    }
}

/// The lines that open mahimahi's log of one direction.
#[derive(Clone, Debug)]
pub struct LogHeader<'a> {
    /// `Uplink` or `Downlink`.
    pub direction: &'a str,
    /// The name of the trace file.
    pub trace: &'a str,
    /// The name of the log file.
    pub log: &'a str,
    /// The command, one word an item.
    pub command: &'a [String],
    /// The queue, as it names itself.
    pub queue: &'a str,
    /// The time on the clock, in milliseconds, when the link was made.
    pub init_ms: u64,
    /// The time on the clock, in milliseconds, at the link's time 0.
    pub base_ms: u64,
}

impl fmt::Display for LogHeader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# mahimahi mm-link ({}) [{}] > {}", self.direction, self.trace, self.log)?;
        write!(f, "# command line:")?;
        for word in self.command {
            // Quoted, so that no word can open a line of its own.
            write!(f, " '{}'", word.escape_debug())?;
        }
        writeln!(f, "\n# queue: {}", self.queue)?;
        writeln!(f, "# init timestamp: {}", self.init_ms)?;
        writeln!(f, "# base timestamp: {}", self.base_ms)
    }
}

/// Events that nobody has taken yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct EventLog {
    events: VecDeque<Event>,
    missed: u64,
}

impl EventLog {
    pub(crate) fn push(&mut self, event: Event) {
        if self.events.len() < MAX_EVENTS {
            self.events.push_back(event);
        } else {
            self.missed += 1;
        }
    }

    /// As many pushes, without walking through those for which there is no room: a link may sleep for years.
    pub(crate) fn extend(&mut self, indices: Range<u64>, event: impl Fn(u64) -> Event) {
        let room = (MAX_EVENTS - self.events.len()) as u64;
        let count = indices.end - indices.start;
        let kept = count.min(room);
        self.events.extend((indices.start..indices.start + kept).map(event));
        self.missed += count - kept;
    }

    pub(crate) fn pop(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    pub(crate) fn missed(&self) -> u64 {
        self.missed
    }
}

/// The most events kept until someone takes them: 128 MiB, about an hour of a link of 10 Mbit/s. More are counted only.
pub const MAX_EVENTS: usize = 1 << 22;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_of_mahimahi() {
        assert_eq!(Event::Arrival { at_ms: 5, bytes: 1504 }.line(1000), "1005 + 1504");
        assert_eq!(Event::Opportunity { at_ms: 5, bytes: 1504 }.line(1000), "1005 # 1504");
        assert_eq!(Event::Departure { at_ms: 5, bytes: 64, delay_ms: 3 }.line(1000), "1005 - 64 3");
        assert_eq!(Event::Drop { at_ms: 5, packets: 2, bytes: 3008 }.line(1000), "1005 d 2 3008");
    }

    #[test]
    fn the_header_names_what_was_run() {
        let command = ["oyster".to_owned(), "emulate".to_owned(), "a\nb".to_owned()];
        let header = LogHeader {
            direction: "Uplink",
            trace: "up.trace",
            log: "up.log",
            command: &command,
            queue: "droptail [packets=20]",
            init_ms: 7,
            base_ms: 9,
        };
        assert_eq!(
            header.to_string(),
            "# mahimahi mm-link (Uplink) [up.trace] > up.log\n# command line: 'oyster' 'emulate' 'a\\nb'\n\
             # queue: droptail [packets=20]\n# init timestamp: 7\n# base timestamp: 9\n"
        );
    }

    #[test]
    fn at_its_limit_the_log_counts_instead_of_growing() {
        let mut log = EventLog::default();
        let event = |index| Event::Opportunity { at_ms: index, bytes: 1500 };
        log.extend(0..1_000_000_000_000, event);
        log.push(event(0));
        assert_eq!(log.missed(), 1_000_000_000_001 - MAX_EVENTS as u64);
        assert_eq!(log.pop(), Some(event(0)));
    }
}
