//! What a cluster would do: a model. The same walk as when it is forced, in virtual time, over workers that take a thunk each.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use crate::action::{OutputFile, Outputs};
use crate::digest::Digest;
use crate::reducer::Reducer;
use crate::thunk::{Thunk, ThunkId};

/// What a thunk takes of a worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaskCost {
    /// How long it runs.
    pub runs: Duration,
    /// What must be moved to it and from it.
    pub moved_bytes: u64,
}

/// Workers that are all alike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cluster {
    /// How many there are.
    pub workers: usize,
    /// What it takes to begin and end a thunk, besides running it.
    pub overhead: Duration,
    /// What each can move.
    pub bytes_per_second: f64,
}

/// What the model says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Simulated {
    /// How long it takes from the first to the last thunk.
    pub wall: Duration,
    /// How long workers are busy, added up.
    pub busy: Duration,
    /// How long it would take with any number of workers.
    pub critical_path: Duration,
    /// How many thunks are run.
    pub thunks: usize,
}

/// Lets `cluster` make the targets of `reducer`, nothing being remembered. No function is run, so that none whose outputs are
/// thunks can be asked what they are: such outputs count as files.
pub fn simulate(mut reducer: Reducer, cost: &dyn Fn(ThunkId, &Thunk) -> TaskCost, cluster: Cluster) -> Simulated {
    let mut simulated = Simulated::default();
    let mut running = BinaryHeap::new();
    loop {
        while running.len() < cluster.workers.max(1) {
            let Some(job) = reducer.poll_job() else { break };
            let Some(thunk) = reducer.graph().get(job.thunk) else { break };
            let cost = cost(job.thunk, thunk);
            let moves = Duration::from_secs_f64(cost.moved_bytes as f64 / cluster.bytes_per_second.max(1.0));
            let takes = cluster.overhead + cost.runs + moves;
            simulated.busy += takes;
            simulated.thunks += 1;
            running.push(Reverse((simulated.wall + takes, job.thunk, takes)));
        }
        let Some(Reverse((at, thunk, takes))) = running.pop() else { break };
        simulated.wall = at;
        let made = reducer.graph().get(thunk).map(|made| outputs(thunk, made)).unwrap_or_default();
        reducer.handle_made(thunk, made, takes, BTreeMap::new()).expect("no thunk comes to light in a model");
    }
    simulated.critical_path = reducer.critical_path();
    simulated
}

/// Something else for each output of each thunk.
fn outputs(id: ThunkId, thunk: &Thunk) -> Outputs {
    let file = |path| OutputFile { digest: Digest::of(format!("{id} {path}").as_bytes()), executable: false };
    thunk.outputs.keys().map(|path| (path.clone(), file(path))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Graph;
    use crate::thunk::Input;
    use crate::thunk::tests::path;

    #[test]
    fn workers_share_what_can_be_shared_and_wait_for_what_cannot() {
        let mut graph = Graph::default();
        let parts: Vec<ThunkId> =
            (0..8).map(|n| graph.insert(Thunk::new([format!("part {n}")], [path("out")])).unwrap()).collect();
        let whole = parts.iter().enumerate().fold(Thunk::new(["whole"], [path("out")]), |whole, (n, &part)| {
            whole.with_input(path(&format!("in{n}")), Input::output(part, path("out")))
        });
        let whole = graph.insert(whole).unwrap();
        let wall = |workers| {
            let reducer = Reducer::new(graph.clone(), &[whole]).unwrap();
            let cost = |_, _: &Thunk| TaskCost { runs: Duration::from_secs(1), moved_bytes: 500 };
            let cluster = Cluster { workers, overhead: Duration::from_millis(500), bytes_per_second: 1000.0 };
            let simulated = simulate(reducer, &cost, cluster);
            assert_eq!((simulated.thunks, simulated.critical_path), (9, Duration::from_secs(4)));
            assert_eq!(simulated.busy, Duration::from_secs(18));
            simulated.wall.as_secs()
        };
        assert_eq!([1, 2, 4, 8, 100].map(wall), [18, 10, 6, 4, 4]);
    }
}
