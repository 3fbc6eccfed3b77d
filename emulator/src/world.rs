//! A deterministic world in virtual time: a queue of what happens next. Cameras, links and peers are driven by whoever
//! takes the events out.

use std::collections::BTreeMap;
use std::time::Duration;

/// Events of a caller's own type `E`, taken out in the order of time, and those of one moment in the order in which they
/// were put in.
#[derive(Clone, Debug)]
pub struct World<E> {
    events: BTreeMap<(Duration, u64), E>,
    next_sequence: u64,
    now: Duration,
}

impl<E> Default for World<E> {
    fn default() -> Self {
        Self { events: BTreeMap::new(), next_sequence: 0, now: Duration::ZERO }
    }
}

impl<E> World<E> {
    /// An empty world at time 0.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The time of the last event taken out.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.now
    }

    /// Lets `event` happen at `at`, or now if that is past.
    ///
    /// # Panics
    /// When [`MAX_PENDING_EVENTS`] are waiting: someone schedules more than happens.
    pub fn schedule(&mut self, at: Duration, event: E) {
        assert!(self.events.len() < MAX_PENDING_EVENTS, "more events are scheduled than ever happen");
        self.events.insert((at.max(self.now), self.next_sequence), event);
        self.next_sequence += 1;
    }

    /// Goes on to the next event, if it comes before `end`.
    pub fn next_before(&mut self, end: Duration) -> Option<(Duration, E)> {
        let entry = self.events.first_entry().filter(|entry| entry.key().0 < end)?;
        let ((at, _), event) = entry.remove_entry();
        self.now = at;
        Some((at, event))
    }
}

/// The most events that may wait at once: far over what a call schedules (a handful for each peer and link).
pub const MAX_PENDING_EVENTS: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn order(world: &mut World<&'static str>, end_ms: u64) -> Vec<(u64, &'static str)> {
        std::iter::from_fn(|| world.next_before(Duration::from_millis(end_ms)))
            .map(|(at, event)| (at.as_millis() as u64, event))
            .collect()
    }

    #[test]
    fn events_come_in_the_order_of_time_and_then_of_being_scheduled() {
        let mut world = World::new();
        for (at_ms, event) in [(5, "e"), (1, "a"), (3, "b"), (3, "c"), (3, "d"), (9, "f")] {
            world.schedule(Duration::from_millis(at_ms), event);
        }
        assert_eq!(order(&mut world, 9), [(1, "a"), (3, "b"), (3, "c"), (3, "d"), (5, "e")]);
        assert_eq!(world.now(), Duration::from_millis(5));
    }

    #[test]
    fn what_is_scheduled_for_the_past_happens_now() {
        let mut world = World::new();
        world.schedule(Duration::from_millis(7), "first");
        assert_eq!(order(&mut world, 100), [(7, "first")]);
        world.schedule(Duration::from_millis(2), "late");
        assert_eq!(order(&mut world, 100), [(7, "late")]);
    }
}
