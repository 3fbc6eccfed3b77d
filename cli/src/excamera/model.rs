//! What a cluster would take to encode a film, by a model: the same graph, its tasks as long as they were here.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::time::Duration;

use anyhow::{Result, ensure};
use oyster_excamera::{Batch, ChunkPictures, Settings, Step};
use oyster_thunks::{Digest, Graph, Reducer, TaskCost, Thunk, ThunkId};

use crate::model::{Simulated, on_clusters};

/// The tasks that were run.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    /// By name: how many, and how long they took, added up.
    run: BTreeMap<&'static str, (u32, Duration)>,
    /// How large a state is.
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
        let (pictures, states) = match step {
            Step::Open => (1, 1),
            Step::Decide => (2, 0),
            Step::Rebase => (1, 2),
            Step::Encode => (film.chunk_frames - 1, 1),
        };
        film.function_bytes + pictures * film.picture_bytes + states * tasks.state_bytes
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
    /// Its tasks, and those that make its frames, each picture being another.
    fn graph(&self, settings: Settings) -> Result<(Graph, Vec<ThunkId>)> {
        let digest = |what: &str, number: u64| Digest::of(format!("{what} {number}").as_bytes());
        let (mut graph, mut targets) = (Graph::default(), Vec::new());
        let batch_frames = self.chunk_frames * self.batch_chunks;
        for opening in (0..self.frames).step_by(batch_frames as usize) {
            let end = self.frames.min(opening + batch_frames);
            let ends = (1..=self.batch_chunks).map(|number| end.min(opening + number * self.chunk_frames));
            // None behind the film's end, and none of an opening alone.
            let mut anchors: Vec<u64> = ends.map(|end| end - 1).filter(|&anchor| anchor > opening).collect();
            anchors.dedup();
            let chunk = |&anchor: &u64| ChunkPictures {
                between: digest("between", anchor),
                anchor: digest("picture", anchor),
                before: (anchor - opening) as usize,
            };
            let chunks: Vec<_> = anchors.iter().map(chunk).collect();
            let batch = Batch::new(digest("function", 0), digest("picture", opening), &chunks, settings)?;
            graph.join(&batch.graph);
            targets.extend(batch.frames);
        }
        Ok((graph, targets))
    }
}
