//! A peer's own clock: it starts anywhere, runs a little too fast or too slow, and now and then leaps ahead, as one does
//! that stood still while its machine slept.

use std::time::Duration;

/// What a peer's clock shows at the world's times.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    pub(super) starts_at: Duration,
    /// Local seconds in a second of the world: 1 but for some hundred millionths.
    pub(super) speed: f64,
    /// When it leaps, in the world's time, and by how much.
    pub(super) leaps: Vec<(Duration, Duration)>,
}

impl Clock {
    /// The local time at the world's `now`.
    pub(super) fn at(&self, now: Duration) -> Duration {
        let leapt: Duration = self.leaps.iter().filter(|(at, _)| *at <= now).map(|(_, by)| *by).sum();
        self.starts_at + now.mul_f64(self.speed) + leapt
    }

    /// The world's time at which this clock shows `local`, if it does not leap before; `now` if it has shown it.
    pub(super) fn when(&self, local: Duration, now: Duration) -> Duration {
        // Up to the next microsecond, so that it has then: a caller who comes a nanosecond early would come for ever.
        let wait = local.saturating_sub(self.at(now)).div_f64(self.speed).as_nanos().div_ceil(1000);
        let due = now + Duration::from_micros(u64::try_from(wait).unwrap_or(u64::MAX / 2));
        let leap = self.leaps.iter().map(|(at, _)| *at).find(|at| (now..due).contains(at) && *at > now);
        leap.unwrap_or(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_due_time_is_met_by_a_clock_of_any_speed() {
        let second = Duration::from_secs(1);
        for speed in [0.9995, 1.0, 1.0005] {
            let clock = Clock { starts_at: 7 * second, speed, leaps: vec![(20 * second, 3 * second)] };
            for local_ms in [7_001, 9_123, 30_000] {
                let local = Duration::from_millis(local_ms);
                let mut now = Duration::ZERO;
                while clock.at(now) < local {
                    let due = clock.when(local, now);
                    assert!(due > now, "{due:?}");
                    now = due;
                }
                assert!(clock.at(now) < local + 4 * second, "no later than a leap makes it");
            }
        }
    }
}
