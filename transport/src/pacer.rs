//! Spreads the fragments of frames over time. A packet's due time is set when its frame is taken, so the schedule does not
//! drift with how often the caller polls.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// Packets that wait for their time, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Pacer {
    queue: VecDeque<Waiting>,
    wire_bytes: usize,
    last_due: Option<Duration>,
}

/// A fragment that waits.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    pub(crate) due: Duration,
    pub(crate) frame: u32,
    pub(crate) index: u16,
    pub(crate) count: u16,
    pub(crate) grace_us: u32,
    pub(crate) frame_bytes: u32,
    pub(crate) payload: Arc<[u8]>,
    pub(crate) range: Range<usize>,
    pub(crate) wire_bytes: usize,
}

impl Waiting {
    /// The fragment's bytes.
    pub(crate) fn slice(&self) -> &[u8] {
        &self.payload[self.range.clone()]
    }
}

impl Pacer {
    /// When a packet is due that follows everything that waits. `gap` is kept from the packet before it; from a packet
    /// that has left already only if `keeps_gap_when_empty`.
    pub(crate) fn next_due(&self, gap: Duration, keeps_gap_when_empty: bool, now: Duration) -> Duration {
        match self.last_due {
            Some(last_due) if !self.queue.is_empty() || keeps_gap_when_empty => now.max(last_due.saturating_add(gap)),
            _ => now,
        }
    }

    /// Queues a packet behind all others.
    pub(crate) fn push(&mut self, packet: Waiting) {
        self.wire_bytes += packet.wire_bytes;
        self.last_due = Some(packet.due);
        self.queue.push_back(packet);
    }

    /// Something else of ours leaves now and takes the link for `gap`: what waits, or comes next, leaves later by that.
    pub(crate) fn yield_for(&mut self, gap: Duration, now: Duration) {
        for packet in &mut self.queue {
            packet.due = packet.due.saturating_add(gap);
        }
        let last_due = self.last_due.map_or(now, |due| due.max(now));
        self.last_due = Some(if self.queue.is_empty() { now } else { last_due.saturating_add(gap) });
    }

    /// The oldest packet, if it is due.
    pub(crate) fn pop(&mut self, now: Duration) -> Option<Waiting> {
        let packet = self.queue.pop_front_if(|packet| packet.due <= now)?;
        self.wire_bytes -= packet.wire_bytes;
        Some(packet)
    }

    /// When the oldest packet is due.
    pub(crate) fn due(&self) -> Option<Duration> {
        self.queue.front().map(|packet| packet.due)
    }

    /// Packets that wait.
    pub(crate) fn packets(&self) -> usize {
        self.queue.len()
    }

    /// Wire bytes of the packets that wait.
    pub(crate) fn wire_bytes(&self) -> usize {
        self.wire_bytes
    }
}
