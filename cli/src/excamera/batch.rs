//! A batch of chunks: read, and encoded by whoever runs thunks.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::num::NonZero;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, ScopedJoinHandle};
use std::{iter, slice};

use anyhow::{Context, Result, anyhow, bail};
use oyster_call::Stop;
use oyster_codec::Image;
use oyster_codec::container::FrameRate;
use oyster_codec::container::y4m::{Y4mReader, Y4mWriter};
use oyster_excamera::{Batch, ChunkPictures, Settings, Step, frames};
use oyster_thunks::{Digest, Engine, Event, Reducer, ThunkId, force};

use super::Arguments;
use super::model::Tasks;
use crate::engine::{Counts, fetch, telling};
use crate::progress::Progress;

/// The pictures from one key frame to the next, and what becomes of them.
pub(super) struct Pictures {
    /// The first one, as y4m.
    opening: Vec<u8>,
    chunks: Vec<Chunk>,
    /// None until they are encoded.
    pub(super) frames: Vec<Vec<u8>>,
}

/// What follows the opening.
struct Chunk {
    /// All but the last, as y4m.
    between: Vec<u8>,
    /// The last.
    anchor: Vec<u8>,
    /// How many pictures of the batch come before the anchor.
    before: usize,
}

impl Pictures {
    /// All files in the order of their pictures.
    pub(super) fn files(&self) -> impl Iterator<Item = &[u8]> {
        let chunks = self.chunks.iter().flat_map(|chunk| [&chunk.between[..], &chunk.anchor]);
        iter::once(&self.opening[..]).chain(chunks)
    }
}

/// The pictures of the next batch; none at the film's end.
pub(super) fn read_batch(clip: &mut Y4mReader<File>, arguments: &Arguments) -> Result<Option<Pictures>> {
    let size = clip.size();
    let y4m = |images: &[Image]| -> Result<Vec<u8>> {
        // What a chunk depends on is its pictures, not how fast they are shown.
        let rate = FrameRate::new(1, 1).context("one a second is a rate")?;
        let mut file = Y4mWriter::new(Vec::new(), size, rate)?;
        images.iter().try_for_each(|image| file.write_frame(image))?;
        Ok(file.finish()?)
    };
    let Some(first) = clip.read_frame()? else { return Ok(None) };
    let mut pictures = Pictures { opening: y4m(&[first])?, chunks: Vec::new(), frames: Vec::new() };
    let mut count = 1;
    for number in 1..=usize::from(arguments.batch_chunks) {
        let until = number * usize::from(arguments.chunk_frames);
        let mut images = Vec::with_capacity(until - count);
        while count < until
            && let Some(image) = clip.read_frame()?
        {
            images.push(image);
            count += 1;
        }
        if let Some((anchor, between)) = images.split_last() {
            let (between, anchor) = (y4m(between)?, y4m(slice::from_ref(anchor))?);
            pictures.chunks.push(Chunk { between, anchor, before: count - 1 });
        }
        if count < until {
            break;
        }
    }
    Ok(Some(pictures))
}

/// Batches that are encoded at once: they share the jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lanes {
    jobs: NonZero<usize>,
    /// How many batches.
    pub(super) count: NonZero<usize>,
}

impl Lanes {
    /// As many as give each job a chunk of its own: more jobs than it has chunks are of no use to a batch.
    pub(super) fn of(jobs: NonZero<usize>, batch_chunks: u16) -> Self {
        let count = NonZero::new(jobs.get().div_ceil(usize::from(batch_chunks.max(1))));
        Self { jobs, count: count.unwrap_or(NonZero::<usize>::MIN) }
    }

    /// How many jobs the batch of this number may have. Those of as many batches as there are lanes, one after another, are all.
    pub(super) fn jobs(self, number: usize) -> NonZero<usize> {
        let (each, left) = (self.jobs.get() / self.count, self.jobs.get() % self.count);
        NonZero::new(each + usize::from(number % self.count < left)).unwrap_or(NonZero::<usize>::MIN)
    }
}

/// What batches are encoded with.
pub(super) struct Encoder<'a> {
    pub(super) engine: Box<dyn Engine>,
    /// The executable.
    pub(super) function: Vec<u8>,
    pub(super) settings: Settings,
    pub(super) progress: Mutex<Progress>,
    /// Ends it after the next task.
    pub(super) stop: &'a Stop,
    /// So does this: something has gone wrong elsewhere.
    pub(super) is_given_up: AtomicBool,
    pub(super) made: Mutex<Made>,
}

/// What came of batches so far.
#[derive(Debug, Default)]
pub(super) struct Made {
    /// What was run.
    pub(super) tasks: Tasks,
    pub(super) counts: Counts,
}

impl Encoder<'_> {
    fn made(&self) -> MutexGuard<'_, Made> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Encodes the batches that `read` has, as many at once as there are lanes. Each is given to `write` in their order, and then, while others
    /// are encoded, to `look_at`.
    pub(super) fn encode_all(
        &self,
        lanes: Lanes,
        mut read: impl FnMut() -> Result<Option<Pictures>>,
        mut write: impl FnMut(&Pictures) -> Result<()>,
        mut look_at: impl FnMut(&Pictures) -> Result<()>,
    ) -> Result<()> {
        thread::scope(|scope| {
            let mut under_way = VecDeque::new();
            let mut encode_all = || {
                for number in 0.. {
                    let next = read()?;
                    let waits = next.is_none() || under_way.len() == lanes.count.get();
                    let first = if waits { under_way.pop_front().map(join).transpose()? } else { None };
                    if next.is_none() && first.is_none() {
                        break;
                    }
                    first.as_ref().map_or(Ok(()), &mut write)?;
                    if let Some(pictures) = next {
                        under_way.push_back(scope.spawn(move || self.encode(pictures, lanes.jobs(number))));
                    }
                    first.as_ref().map_or(Ok(()), &mut look_at)?;
                }
                Ok(())
            };
            let encoded = encode_all();
            self.is_given_up.store(encoded.is_err(), Ordering::Relaxed);
            encoded
        })
    }

    /// Encodes a batch with so many jobs.
    fn encode(&self, mut pictures: Pictures, jobs: NonZero<usize>) -> Result<Pictures> {
        let function = Digest::of(&self.function);
        let opening = Digest::of(&pictures.opening);
        let chunks: Vec<_> = pictures
            .chunks
            .iter()
            .map(|Chunk { between, anchor, before }| ChunkPictures {
                between: Digest::of(between),
                anchor: Digest::of(anchor),
                before: *before,
            })
            .collect();
        let Batch { graph, frames: targets } = Batch::new(function, opening, &chunks, self.settings)?;
        let steps: BTreeMap<ThunkId, Step> =
            graph.iter().filter_map(|(id, thunk)| Some((id, Step::of(thunk)?))).collect();
        let digests = iter::once(opening).chain(chunks.iter().flat_map(|chunk| [chunk.between, chunk.anchor]));
        let values: BTreeMap<Digest, &[u8]> =
            digests.zip(pictures.files()).chain([(function, &self.function[..])]).collect();
        let sources = |digest| Ok(values.get(&digest).map(|bytes| bytes.to_vec()));
        let tell = |event: Event| {
            let mut made = self.made();
            made.tasks.made += 1;
            if let Some(step) = steps.get(&event.thunk).filter(|_| !event.memoised) {
                made.tasks.add(*step, event.took);
            }
            let done = made.tasks.made;
            drop(made);
            if self.stop.is_set() || self.is_given_up.load(Ordering::Relaxed) {
                return ControlFlow::Break(());
            }
            telling(&self.progress, 0)(Event { done, ..event })
        };
        let forced = force(Reducer::new(graph, &targets)?, &*self.engine, &sources, jobs, &tell)?;
        self.made().counts.add(&forced);
        for target in targets {
            let made = |name: &str| {
                let (_, file) = forced.outputs.get(&target)?.iter().find(|(path, _)| path.as_str() == name)?;
                Some(file.digest)
            };
            let Some(made_frames) = made("frames") else { bail!("the thunk {target} has made no frames") };
            if let Some(state) = made("state") {
                self.made().tasks.state_bytes = state.bytes();
            }
            self.made().counts.fetched_bytes += made_frames.bytes();
            pictures.frames.extend(frames(&fetch(&*self.engine, made_frames)?[..])?);
        }
        Ok(pictures)
    }
}

fn join<T>(thread: ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    thread.join().map_err(|_| anyhow!("a thread has panicked"))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_at_once_share_all_jobs_and_no_more() {
        for (jobs, chunks, count) in [(1, 16, 1), (2, 16, 1), (16, 16, 1), (17, 16, 2), (1000, 16, 63), (3, 1, 3)] {
            let lanes = Lanes::of(NonZero::new(jobs).unwrap(), chunks);
            assert_eq!(lanes.count.get(), count);
            for first in [0, 1, 1000] {
                let shares: Vec<usize> = (first..first + count).map(|number| lanes.jobs(number).get()).collect();
                assert_eq!(shares.iter().sum::<usize>(), jobs);
                assert!(shares.iter().all(|&share| share <= usize::from(chunks)), "{shares:?}");
            }
        }
    }
}
