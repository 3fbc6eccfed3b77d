//! CoDel, the controlled-delay queue, after RFC 8289 §5: while every packet waits longer than a target for a whole
//! interval, drop on departure, at times that come closer with the square root of the number of drops. As in mm-link,
//! the last packet of a queue is never dropped, and times are whole milliseconds.

use crate::queue::{Backlog, Dropped, Queued};
use crate::trace::OPPORTUNITY_BYTES;

/// The state of RFC 8289's control loop.
#[derive(Clone, Debug)]
pub(crate) struct CoDel {
    target_ms: u64,
    interval_ms: u64,
    /// When the wait will have been above the target for an interval; `None` while it is not above.
    first_above_ms: Option<u64>,
    dropping: bool,
    drop_next_ms: u64,
    count: u64,
    last_count: u64,
}

impl CoDel {
    pub(crate) fn new(target_ms: u64, interval_ms: u64) -> Self {
        Self { target_ms, interval_ms, first_above_ms: None, dropping: false, drop_next_ms: 0, count: 0, last_count: 0 }
    }

    pub(crate) fn dequeue<P>(&mut self, backlog: &mut Backlog<P>, now_ms: u64) -> (Option<Queued<P>>, Dropped) {
        let mut dropped = Dropped::default();
        let (mut head, mut may_drop) = self.pop(backlog, now_ms);
        if self.dropping {
            self.dropping = may_drop;
            while self.dropping && now_ms >= self.drop_next_ms {
                head.iter().for_each(|queued| dropped.add(queued.wire_bytes));
                self.count += 1;
                (head, may_drop) = self.pop(backlog, now_ms);
                self.dropping = may_drop;
                if may_drop {
                    self.drop_next_ms = self.control_law(self.drop_next_ms);
                }
            }
        } else if may_drop {
            head.iter().for_each(|queued| dropped.add(queued.wire_bytes));
            (head, _) = self.pop(backlog, now_ms);
            self.dropping = true;
            // A spell of dropping that ended lately goes on about where it was.
            let since_last = self.count - self.last_count;
            let lately = now_ms.saturating_sub(self.drop_next_ms) < 16 * self.interval_ms;
            self.count = if since_last > 1 && lately { since_last } else { 1 };
            self.last_count = self.count;
            self.drop_next_ms = self.control_law(now_ms);
        }
        (head, dropped)
    }

    /// The head of the queue, and whether it may be dropped: another packet follows, and the wait has been above the
    /// target for an interval with more than one full packet queued.
    fn pop<P>(&mut self, backlog: &mut Backlog<P>, now_ms: u64) -> (Option<Queued<P>>, bool) {
        let head = backlog.pop();
        let wait_ms = head.as_ref().map_or(0, |queued| now_ms.saturating_sub(queued.arrived_ms));
        if backlog.len() == 0 || wait_ms < self.target_ms || backlog.bytes() <= OPPORTUNITY_BYTES {
            self.first_above_ms = None;
            return (head, false);
        }
        let first_above_ms = *self.first_above_ms.get_or_insert(now_ms + self.interval_ms);
        (head, now_ms >= first_above_ms)
    }

    fn control_law(&self, from_ms: u64) -> u64 {
        from_ms + (self.interval_ms as f64 / (self.count as f64).sqrt()) as u64
    }
}

#[cfg(test)]
mod tests {
    use crate::queue::{Queue, QueueDiscipline, Queued};

    /// Ten packets a millisecond come, eight leave: when are packets dropped?
    fn drop_times_ms(arrivals_per_ms: u64, until_ms: u64) -> Vec<u64> {
        let discipline = QueueDiscipline::from_words("codel", "packets=100000, target=5, interval=100").unwrap();
        let mut queue = Queue::new(&discipline, 0);
        let mut drops = Vec::new();
        for now_ms in 0..until_ms {
            for _ in 0..8 {
                let (_, dropped) = queue.dequeue(now_ms);
                drops.extend((0..dropped.packets).map(|_| now_ms));
            }
            for _ in 0..arrivals_per_ms {
                queue.enqueue(Queued { packet: (), wire_bytes: 1000, arrived_ms: now_ms });
            }
        }
        drops
    }

    #[test]
    fn drops_start_an_interval_after_the_target_was_passed_and_come_closer() {
        let drops = drop_times_ms(10, 600);
        // At time t packets 8(t-1) to 8(t-1)+7 leave, and packet k came at k/10: from 20 ms on all of them have waited
        // 5 ms. Then 100 ms of patience, then a drop every 100/√n ms, in whole milliseconds.
        assert_eq!(drops[..6], [120, 220, 290, 347, 397, 441]);
    }

    #[test]
    fn nothing_is_dropped_while_the_queue_stays_short() {
        assert_eq!(drop_times_ms(8, 600), []);
    }
}
