//! A batch of chunks: read, and encoded by whoever runs thunks.

use std::collections::BTreeMap;
use std::fs::File;
use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use oyster_call::Stop;
use oyster_codec::container::FrameRate;
use oyster_codec::container::y4m::{Y4mReader, Y4mWriter};
use oyster_excamera::{Batch, Settings, Step, frames};
use oyster_thunks::{Digest, Engine, Event, ThunkId};

use super::model::Tasks;
use super::{Arguments, Figures};
use crate::engine::{fetch, telling};
use crate::progress::Progress;

/// Some pictures, and what becomes of them.
pub(super) struct Chunk {
    /// As y4m.
    pub(super) pictures: Vec<u8>,
    /// None until they are encoded.
    pub(super) frames: Vec<Vec<u8>>,
}

/// The chunks of the next batch; none at the film's end.
pub(super) fn read_batch(clip: &mut Y4mReader<File>, arguments: &Arguments) -> Result<Vec<Chunk>> {
    let mut chunks = Vec::new();
    while chunks.len() < usize::from(arguments.batch_chunks) {
        // What a chunk depends on is its pictures, not how fast they are shown.
        let rate = FrameRate::new(1, 1).context("one a second is a rate")?;
        let mut pictures = Y4mWriter::new(Vec::new(), clip.size(), rate)?;
        let mut count = 0;
        while count < arguments.chunk_frames
            && let Some(image) = clip.read_frame()?
        {
            pictures.write_frame(&image)?;
            count += 1;
        }
        if count > 0 {
            chunks.push(Chunk { pictures: pictures.finish()?, frames: Vec::new() });
        }
        if count < arguments.chunk_frames {
            break;
        }
    }
    Ok(chunks)
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
    pub(super) fn encode(&mut self, chunks: &mut [Chunk], figures: &mut Figures) -> Result<()> {
        let function = Digest::of(&self.function);
        let digests: Vec<Digest> = chunks.iter().map(|chunk| Digest::of(&chunk.pictures)).collect();
        let Batch { graph, chunks: targets } =
            Batch::new(function, &digests, self.arguments.chunk_frames.into(), self.settings)?;
        let steps: BTreeMap<ThunkId, Step> =
            graph.iter().filter_map(|(id, thunk)| Some((id, Step::of(thunk)?))).collect();
        let pictures = digests.into_iter().zip(chunks.iter().map(|chunk| &chunk.pictures[..]));
        let values: BTreeMap<Digest, &[u8]> = pictures.chain([(function, &self.function[..])]).collect();
        let sources = |digest| Ok(values.get(&digest).map(|bytes| bytes.to_vec()));
        let tasks = Mutex::new(&mut self.tasks);
        let tell_progress = telling(&self.progress, figures.thunks);
        let tell = |event: Event| {
            if let Some(step) = steps.get(&event.thunk).filter(|_| !event.memoised) {
                tasks.lock().unwrap_or_else(PoisonError::into_inner).add(*step, event.took);
            }
            if self.stop.is_set() { ControlFlow::Break(()) } else { tell_progress(event) }
        };
        let forced = self.arguments.engine.force(&*self.engine, graph, &targets, &sources, &tell)?;
        figures.thunks += forced.executed + forced.memoised;
        figures.executed += forced.executed;
        figures.memoised += forced.memoised;
        figures.stored_bytes += forced.stored_bytes;
        figures.fetched_bytes += forced.fetched_bytes;
        for (chunk, target) in chunks.iter_mut().zip(targets) {
            let made = |name: &str| {
                let (_, file) = forced.outputs.get(&target)?.iter().find(|(path, _)| path.as_str() == name)?;
                Some(file.digest)
            };
            let (Some(encoded), Some(state)) = (made("frames"), made("state")) else {
                bail!("the thunk {target} has made no frames");
            };
            self.tasks.state_bytes = state.bytes();
            figures.fetched_bytes += encoded.bytes();
            chunk.frames = frames(&fetch(&*self.engine, encoded)?)?;
        }
        Ok(())
    }
}
