//! What a cluster would take, by a model: nothing that was measured but the times of tasks.

use std::num::NonZero;
use std::time::Duration;

use oyster_thunks::{Cluster, Reducer, TaskCost, Thunk, ThunkId, simulate};
use serde::Serialize;

/// What the model says of a number of workers.
#[derive(Debug, Serialize)]
pub(crate) struct Simulated {
    workers: usize,
    wall_s: f64,
    /// How long it would take with any number of workers.
    critical_path_s: f64,
    /// The share of their time that the workers have work.
    busy: f64,
}

impl Simulated {
    /// The same so many `times`, on as many lanes at once, which all `workers` share.
    pub(crate) fn repeated(self, times: u64, lanes: NonZero<usize>, workers: NonZero<usize>) -> Self {
        let rounds = times.div_ceil(lanes.get() as u64);
        let wall_s = self.wall_s * rounds as f64;
        let worked_s = self.busy * self.wall_s * self.workers as f64 * times as f64;
        let workers = workers.get();
        Self { workers, wall_s, busy: worked_s / (wall_s * workers as f64).max(f64::MIN_POSITIVE), ..self }
    }
}

/// Lets a cluster of so many `workers` make what `reducer` walks to.
pub(crate) fn on_cluster(
    reducer: Reducer,
    cost: &dyn Fn(ThunkId, &Thunk) -> TaskCost,
    workers: NonZero<usize>,
) -> Simulated {
    let workers = workers.get();
    let cluster = Cluster { workers, overhead: OVERHEAD, bytes_per_second: BYTES_PER_SECOND };
    let simulated = simulate(reducer, cost, cluster);
    let wall_s = simulated.wall.as_secs_f64();
    Simulated {
        workers,
        wall_s,
        critical_path_s: simulated.critical_path.as_secs_f64(),
        busy: simulated.busy.as_secs_f64() / (wall_s * workers as f64).max(f64::MIN_POSITIVE),
    }
}

/// The model's answers for people.
pub(crate) fn words(simulated: &[Simulated]) -> String {
    let line = |it: &Simulated| {
        let Simulated { workers, wall_s, critical_path_s, .. } = it;
        format!("by a model, {workers} workers take {wall_s:.2} s; any number takes {critical_path_s:.2} s\n")
    };
    simulated.iter().map(line).collect()
}

/// What BuildBox takes for a thunk besides running it, measured on two cores.
const OVERHEAD: Duration = Duration::from_millis(80);
/// A network of a gigabit a second.
const BYTES_PER_SECOND: f64 = 125e6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_repeated_waits_for_a_lane() {
        let once = Simulated { workers: 4, wall_s: 10.0, critical_path_s: 8.0, busy: 0.5 };
        let count = |n| NonZero::new(n).unwrap();
        // Of six places in three rounds one is empty.
        let Simulated { workers, wall_s, critical_path_s, busy } = once.repeated(5, count(2), count(8));
        assert_eq!((workers, wall_s, critical_path_s), (8, 30.0, 8.0));
        assert!((busy - 0.5 * 5.0 / 6.0).abs() < 1e-9, "{busy}");
    }
}
