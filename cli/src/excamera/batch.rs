//! A batch of chunks: read, and encoded by whoever runs thunks.

use std::collections::BTreeMap;
use std::fs::File;
use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};
use std::{iter, slice};

use anyhow::{Context, Result, bail};
use oyster_call::Stop;
use oyster_codec::Image;
use oyster_codec::container::FrameRate;
use oyster_codec::container::y4m::{Y4mReader, Y4mWriter};
use oyster_excamera::{Batch, ChunkPictures, Settings, Step, frames};
use oyster_thunks::{Digest, Engine, Event, ThunkId};

use super::model::Tasks;
use super::{Arguments, Figures};
use crate::engine::{fetch, telling};
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

/// What batches are encoded with.
pub(super) struct Encoder<'a> {
    pub(super) arguments: &'a Arguments,
    pub(super) engine: Box<dyn Engine>,
    /// The executable.
    pub(super) function: Vec<u8>,
    pub(super) settings: Settings,
    pub(super) progress: Mutex<Progress>,
    /// Ends it after the next task.
    pub(super) stop: &'a Stop,
    /// What was run.
    pub(super) tasks: Tasks,
}

impl Encoder<'_> {
    /// Encodes a batch.
    pub(super) fn encode(&mut self, pictures: &mut Pictures, figures: &mut Figures) -> Result<()> {
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
        let tasks = Mutex::new(&mut self.tasks);
        let tell_progress = telling(&self.progress, figures.counts.thunks);
        let tell = |event: Event| {
            if let Some(step) = steps.get(&event.thunk).filter(|_| !event.memoised) {
                tasks.lock().unwrap_or_else(PoisonError::into_inner).add(*step, event.took);
            }
            if self.stop.is_set() { ControlFlow::Break(()) } else { tell_progress(event) }
        };
        let forced = self.arguments.engine.force(&*self.engine, graph, &targets, &sources, &tell)?;
        figures.counts.add(&forced);
        let mut encoded = Vec::new();
        for target in targets {
            let made = |name: &str| {
                let (_, file) = forced.outputs.get(&target)?.iter().find(|(path, _)| path.as_str() == name)?;
                Some(file.digest)
            };
            let Some(made_frames) = made("frames") else { bail!("the thunk {target} has made no frames") };
            if let Some(state) = made("state") {
                self.tasks.state_bytes = state.bytes();
            }
            figures.counts.fetched_bytes += made_frames.bytes();
            encoded.extend(frames(&fetch(&*self.engine, made_frames)?)?);
        }
        pictures.frames = encoded;
        Ok(())
    }
}
