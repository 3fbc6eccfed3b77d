//! What a cluster would take, by a model: nothing that was measured but the times of tasks.

use std::num::NonZero;
use std::time::Duration;

use anyhow::Result;
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

/// Lets clusters of so many `workers` make what `reducer` walks to.
pub(crate) fn on_clusters(
    reducer: impl Fn() -> Result<Reducer>,
    cost: &dyn Fn(ThunkId, &Thunk) -> TaskCost,
    workers: &[NonZero<usize>],
) -> Result<Vec<Simulated>> {
    let of = |workers: &NonZero<usize>| {
        let workers = workers.get();
        let cluster = Cluster { workers, overhead: OVERHEAD, bytes_per_second: BYTES_PER_SECOND };
        let simulated = simulate(reducer()?, cost, cluster);
        let wall_s = simulated.wall.as_secs_f64();
        Ok(Simulated {
            workers,
            wall_s,
            critical_path_s: simulated.critical_path.as_secs_f64(),
            busy: simulated.busy.as_secs_f64() / (wall_s * workers as f64).max(f64::MIN_POSITIVE),
        })
    };
    workers.iter().map(of).collect()
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
