//! What a cluster would take to encode a film, by a model: the same graph, its tasks as long as they were here.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::time::Duration;

use anyhow::{Result, ensure};
use oyster_excamera::{Batch, Settings, Step};
use oyster_thunks::{Digest, Graph, Reducer, TaskCost, Thunk, ThunkId};

use crate::model::{Simulated, on_clusters};

/// The tasks that were run.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    /// By name: how many, and how long they took, added up.
    run: BTreeMap<&'static str, (u32, Duration)>,
    /// How large the state is that a chunk leads to.
    pub(super) state_bytes: u64,
}

impl Tasks {
    pub(super) fn add(&mut self, step: Step, took: Duration) {
        let (count, whole) = self.run.entry(step.name()).or_default();
        *count += 1;
        *whole += took;
    }

    /// How long all of a kind took.
    pub(super) fn took(&self, step: Step) -> Duration {
        self.run.get(step.name()).map_or(Duration::ZERO, |(_, took)| *took)
    }

    /// How long one of a kind takes, if any was run.
    fn mean(&self, step: Step) -> Option<Duration> {
        self.run.get(step.name()).map(|(count, took)| *took / *count)
    }
}

/// A film whose tasks are like those that were run.
#[derive(Debug)]
pub(super) struct Film {
    pub(super) frames: u64,
    pub(super) chunk_frames: u64,
    pub(super) batch_chunks: u64,
    /// One picture, uncompressed.
    pub(super) picture_bytes: u64,
    /// The executable.
    pub(super) function_bytes: u64,
}

/// What clusters of so many `workers` would take for the whole of `film`, all its batches at once.
pub(super) fn simulated(
    film: &Film,
    tasks: &Tasks,
    settings: Settings,
    workers: &[NonZero<usize>],
) -> Result<Vec<Simulated>> {
    let (graph, targets) = film.graph(settings)?;
    let moved = |step| {
        let pictures = film.function_bytes + film.chunk_frames * film.picture_bytes;
        let states = match step {
            Step::Encode | Step::Reencode => 1,
            Step::Rebase => 3,
        };
        pictures + states * tasks.state_bytes
    };
    let costs: BTreeMap<&str, TaskCost> = Step::ALL
        .into_iter()
        .filter_map(|step| Some((step.name(), TaskCost { runs: tasks.mean(step)?, moved_bytes: moved(step) })))
        .collect();
    let cost = |thunk: &Thunk| Step::of(thunk).and_then(|step| costs.get(step.name())).copied();
    ensure!(
        graph.iter().all(|(_, thunk)| cost(thunk).is_some()),
        "--simulate: not every kind of task was run just now, so that nothing says how long it takes; with another --store nothing is \
         remembered"
    );
    let reducer = || Ok(Reducer::new(graph.clone(), &targets)?);
    on_clusters(reducer, &|_, thunk| cost(thunk).unwrap_or_default(), workers)
}

impl Film {
    /// Its tasks, and those that make its chunks, each chunk being another.
    fn graph(&self, settings: Settings) -> Result<(Graph, Vec<ThunkId>)> {
        let digest = |what: &str| Digest::of(what.as_bytes());
        let chunks: Vec<Digest> =
            (0..self.frames.div_ceil(self.chunk_frames)).map(|number| digest(&number.to_string())).collect();
        let (mut graph, mut targets) = (Graph::default(), Vec::new());
        for chunks in chunks.chunks(self.batch_chunks as usize) {
            let batch = Batch::new(digest("function"), chunks, self.chunk_frames as usize, settings)?;
            graph.join(&batch.graph);
            targets.extend(batch.chunks);
        }
        Ok((graph, targets))
    }
}
