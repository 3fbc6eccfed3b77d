//! What a cluster would take to encode a film, by a model: the same graph, its tasks as long as they were here.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::time::Duration;

use anyhow::{Result, ensure};
use oyster_excamera::{Batch, ChunkPictures, Settings, Step};
use oyster_thunks::{Digest, Reducer, TaskCost, Thunk};

use super::batch::Lanes;
use crate::model::{Simulated, on_cluster};

/// The tasks that were run.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    /// By name: how many, and how long they took, added up.
    run: BTreeMap<&'static str, (u32, Duration)>,
    /// How many are made by now, run or remembered.
    pub(super) made: usize,
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
    pub(super) chunk_frames: u16,
    pub(super) batch_chunks: u16,
    /// One picture, uncompressed.
    pub(super) picture_bytes: u64,
    /// The executable.
    pub(super) function_bytes: u64,
}

/// What clusters of so many `workers` would take for the whole of `film`, as many batches at once as have a chunk for each worker. All
/// batches count as whole.
pub(super) fn simulated(
    film: &Film,
    tasks: &Tasks,
    settings: Settings,
    workers: &[NonZero<usize>],
) -> Result<Vec<Simulated>> {
    let Batch { graph, frames: targets } = film.batch(settings)?;
    let moved = |step| {
        let (pictures, states) = match step {
            Step::Open => (1, 1),
            Step::Decide => (2, 0),
            Step::Rebase => (1, 2),
            Step::Encode => (u64::from(film.chunk_frames) - 1, 1),
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
    let batches = film.frames.div_ceil(film.batch_frames()).max(1);
    let of = |&workers: &NonZero<usize>| {
        let lanes = Lanes::of(workers, film.batch_chunks);
        // The last of the lanes has the fewest workers.
        let share = lanes.jobs(lanes.count.get() - 1);
        let reducer = Reducer::new(graph.clone(), &targets)?;
        let batch = on_cluster(reducer, &|_, thunk| cost(thunk).unwrap_or_default(), share);
        Ok(batch.repeated(batches, lanes.count, workers))
    };
    workers.iter().map(of).collect()
}

impl Film {
    /// How many frames a batch has.
    fn batch_frames(&self) -> u64 {
        u64::from(self.chunk_frames) * u64::from(self.batch_chunks)
    }

    /// Its first batch, each picture being another.
    fn batch(&self, settings: Settings) -> Result<Batch> {
        let digest = |what: &str, number: u64| Digest::of(format!("{what} {number}").as_bytes());
        let end = self.frames.min(self.batch_frames());
        let ends = (1..=u64::from(self.batch_chunks)).map(|number| end.min(number * u64::from(self.chunk_frames)));
        // None behind the film's end, and none of an opening alone.
        let mut anchors: Vec<u64> = ends.map(|end| end - 1).filter(|&anchor| anchor > 0).collect();
        anchors.dedup();
        let chunk = |&anchor: &u64| ChunkPictures {
            between: digest("between", anchor),
            anchor: digest("picture", anchor),
            before: anchor as usize,
        };
        let chunks: Vec<_> = anchors.iter().map(chunk).collect();
        Ok(Batch::new(digest("function", 0), digest("picture", 0), &chunks, settings)?)
    }
}
