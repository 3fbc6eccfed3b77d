//! Forces thunks: drives a [`Reducer`] with an [`Engine`], as many jobs at once as are allowed. What is remembered is not run
//! again; blobs are moved to the engine only if it lacks them, and from it only where a thunk is read; what fails is told in
//! its own words. A run that is ended and begun again goes on where it was, as the engine remembers.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::action::Outputs;
use crate::digest::Digest;
use crate::engine::{Engine, EngineError, Execution, Failure, FailureReason};
use crate::path::RelativePath;
use crate::reducer::{Job, Reducer};
use crate::thunk::{OutputKind, Thunk, ThunkError, ThunkId};

/// Where the values come from that are not outputs: the content of a digest, if it is known.
pub type Sources<'a> = &'a (dyn Fn(Digest) -> io::Result<Option<Vec<u8>>> + Sync);

/// A thunk is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Which.
    pub thunk: ThunkId,
    /// It was remembered.
    pub memoised: bool,
    /// How long it ran, if it was not.
    pub took: Duration,
    /// The end of what it said then.
    pub said: String,
    /// How many are made by now.
    pub done: usize,
    /// How many are wanted, as far as is known by now.
    pub wanted: usize,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forced {
    /// What the targets made.
    pub outputs: BTreeMap<ThunkId, Outputs>,
    /// How many thunks were run.
    pub executed: usize,
    /// How many were remembered.
    pub memoised: usize,
    /// Bytes given to the engine.
    pub stored_bytes: u64,
    /// Bytes taken from it.
    pub fetched_bytes: u64,
    /// How long thunks ran, added up.
    pub ran: Duration,
    /// How long the longest chain of them ran.
    pub critical_path: Duration,
}

/// Why the targets could not be made.
#[derive(Debug)]
#[non_exhaustive]
pub enum ForceError {
    /// A function failed.
    Failed {
        /// Which thunk it was.
        thunk: ThunkId,
        /// What was run.
        command: Vec<String>,
        /// How it failed.
        failure: Failure,
    },
    /// The engine failed.
    Engine(EngineError),
    /// A value could not be read.
    Source(Digest, io::Error),
    /// Nobody has these bytes.
    NoSource(Digest),
    /// An output that is to be a thunk is none that fits the graph.
    NoThunk {
        /// Which thunk made it.
        thunk: ThunkId,
        /// What is wrong with it.
        error: ThunkError,
    },
    /// Whoever was told of the last thunk wants no more.
    Stopped,
}

impl fmt::Display for ForceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { command, failure, .. } => {
                write!(f, "{}: {}", command.join(" "), failure.reason)?;
                if failure.stderr.is_empty() { Ok(()) } else { write!(f, "\n{}", failure.stderr.trim_end()) }
            }
            Self::Engine(error) => error.fmt(f),
            Self::Source(digest, error) => write!(f, "reading {digest}: {error}"),
            Self::NoSource(digest) => write!(f, "nobody has the bytes of {digest}"),
            Self::NoThunk { thunk, error } => write!(f, "an output of {thunk} is to be a thunk: {error}"),
            Self::Stopped => write!(f, "stopped"),
        }
    }
}

impl std::error::Error for ForceError {}

impl From<EngineError> for ForceError {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

/// Who hears of each thunk that is made, and may end it all.
pub type Tell<'a> = &'a (dyn Fn(Event) -> ControlFlow<()> + Sync);

/// Makes the targets of `reducer`, running up to `jobs` functions at once; `tell` hears of each thunk that is made.
pub fn force(
    reducer: Reducer,
    engine: &dyn Engine,
    sources: Sources<'_>,
    jobs: NonZeroUsize,
    tell: Tell<'_>,
) -> Result<Forced, ForceError> {
    let run = Run {
        engine,
        sources,
        tell,
        shared: Mutex::new(Shared { reducer, forced: Forced::default(), error: None }),
        changed: Condvar::new(),
    };
    std::thread::scope(|scope| {
        for _ in 0..jobs.get() {
            scope.spawn(|| run.work());
        }
    });
    let Shared { reducer, mut forced, error } = run.shared.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(error) = error {
        return Err(error);
    }
    forced.critical_path = reducer.critical_path();
    let made = |target: &ThunkId| reducer.made(*target).map(|outputs| (*target, outputs.clone()));
    forced.outputs = reducer.targets().iter().filter_map(made).collect();
    Ok(forced)
}

struct Run<'a> {
    engine: &'a dyn Engine,
    sources: Sources<'a>,
    tell: Tell<'a>,
    shared: Mutex<Shared>,
    /// There may be something to do, or nothing more.
    changed: Condvar,
}

struct Shared {
    reducer: Reducer,
    forced: Forced,
    /// The first thing that went wrong: what runs ends, nothing more begins.
    error: Option<ForceError>,
}

/// What came of one job.
enum Done {
    Made { outputs: Outputs, thunks: BTreeMap<RelativePath, Thunk>, ran: Option<Ran> },
    Lost(Vec<Digest>),
}

/// How a function ran that was not remembered.
#[derive(Default)]
struct Ran {
    took: Duration,
    said: String,
}

impl Run<'_> {
    fn work(&self) {
        while let Some(job) = self.next_job() {
            let done = self.reduce(&job);
            let outcome = done.and_then(|done| self.take(&job, done));
            if let Err(error) = outcome {
                self.lock().error.get_or_insert(error);
            }
            self.changed.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for something to do; none once all is done, or something went wrong.
    fn next_job(&self) -> Option<Job> {
        let mut shared = self.lock();
        loop {
            if shared.error.is_some() || shared.reducer.is_finished() {
                return None;
            }
            if let Some(job) = shared.reducer.poll_job() {
                return Some(job);
            }
            shared = self.changed.wait(shared).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn take(&self, job: &Job, done: Done) -> Result<(), ForceError> {
        let mut shared = self.lock();
        match done {
            Done::Made { outputs, thunks, ran } => {
                let memoised = ran.is_none();
                let Ran { took, said } = ran.unwrap_or_default();
                let made = shared.reducer.handle_made(job.thunk, outputs, took, thunks);
                made.map_err(|error| ForceError::NoThunk { thunk: job.thunk, error })?;
                let counted = if memoised { &mut shared.forced.memoised } else { &mut shared.forced.executed };
                *counted += 1;
                shared.forced.ran += took;
                let done = shared.forced.memoised + shared.forced.executed;
                let wanted = shared.reducer.wanted();
                if (self.tell)(Event { thunk: job.thunk, memoised, took, said, done, wanted }).is_break() {
                    return Err(ForceError::Stopped);
                }
            }
            Done::Lost(lost) => {
                if !shared.reducer.handle_lost(job.thunk, &lost) {
                    let nobody = EngineError::Lost(Vec::new()).into();
                    return Err(lost.first().map_or(nobody, |lost| ForceError::NoSource(*lost)));
                }
            }
        }
        Ok(())
    }

    /// Remembers or runs.
    fn reduce(&self, job: &Job) -> Result<Done, ForceError> {
        let action = &job.action;
        if !job.anew
            && let Some(outputs) = self.engine.recall(action.digest)?
            // A cluster may remember one that ended well and did not make all.
            && self.wanted(job).keys().all(|path| outputs.contains_key(path))
        {
            let blobs: Vec<Digest> = outputs.values().map(|file| file.digest).collect();
            if self.engine.missing(&blobs)?.is_empty() {
                return self.made(job, outputs, None);
            }
        }
        let parts: Vec<Digest> = action.messages.keys().chain(&action.values).copied().collect();
        let mut lost = Vec::new();
        for digest in self.engine.missing(&parts)? {
            let read;
            let blob = match action.messages.get(&digest) {
                Some(message) => message,
                None => match (self.sources)(digest).map_err(|error| ForceError::Source(digest, error))? {
                    Some(bytes) => {
                        read = bytes;
                        &read
                    }
                    None => {
                        lost.push(digest);
                        continue;
                    }
                },
            };
            self.engine.store(digest, blob)?;
            self.lock().forced.stored_bytes += digest.bytes();
        }
        if !lost.is_empty() {
            return Ok(Done::Lost(lost));
        }
        match self.engine.execute(action.digest) {
            Ok(Execution::Made { outputs, took, said }) => self.made(job, outputs, Some(Ran { took, said })),
            Ok(Execution::Failed(failure)) => Err(self.failed(job, failure)),
            Err(EngineError::Lost(lost)) => Ok(Done::Lost(lost)),
            Err(error) => Err(error.into()),
        }
    }

    /// Looks through what a job made: all that it was to make, and thunks where it was to make these.
    fn made(&self, job: &Job, outputs: Outputs, ran: Option<Ran>) -> Result<Done, ForceError> {
        let mut thunks = BTreeMap::new();
        for (path, kind) in self.wanted(job) {
            let Some(file) = outputs.get(&path) else {
                return Err(self.failed(job, Failure { reason: FailureReason::NotMade(path), stderr: String::new() }));
            };
            if kind == OutputKind::Thunk {
                let bytes = self.engine.fetch(file.digest)?.ok_or(ForceError::NoSource(file.digest))?;
                self.lock().forced.fetched_bytes += file.digest.bytes();
                let thunk = Thunk::from_bytes(&bytes);
                thunks.insert(path, thunk.map_err(|error| ForceError::NoThunk { thunk: job.thunk, error })?);
            }
        }
        Ok(Done::Made { outputs, thunks, ran })
    }

    /// What a job is to make.
    fn wanted(&self, job: &Job) -> BTreeMap<RelativePath, OutputKind> {
        self.lock().reducer.graph().get(job.thunk).map(|thunk| thunk.outputs.clone()).unwrap_or_default()
    }

    fn failed(&self, job: &Job, failure: Failure) -> ForceError {
        let command = self.lock().reducer.graph().get(job.thunk).map(|thunk| thunk.arguments.clone());
        ForceError::Failed { thunk: job.thunk, command: command.unwrap_or_default(), failure }
    }
}
