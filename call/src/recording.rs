//! A call on disk: the pictures as they were shown, and what both sides said, in one WebM file. Shown pictures form no chain of VP8
//! frames (versions were skipped and lost), so they are encoded again, from states of the recording's own; a thread does that, and
//! where it is slow the newest picture wins. The call never waits for a disk, and goes on when that is full.

use std::collections::VecDeque;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{fmt, io};

use oyster_audio::{BLOCK_SAMPLES, Tape};
use oyster_codec::{Effort, Hints, Image, Plan, QuantizerIndex, Size, State, analyse};

use crate::camera::DEFAULT_SIZE;
use crate::scale::filled;
use crate::webm::{Track, WebmWriter};

/// A recording that is under way. Dropped, it ends as by [`Recording::finish`].
pub struct Recording {
    desk: Arc<Desk>,
    thread: Option<JoinHandle<Result<u64, RecordError>>>,
}

/// Why a recording ended, or never began.
#[derive(Debug)]
pub struct RecordError {
    path: PathBuf,
    reason: Reason,
}

#[derive(Debug)]
enum Reason {
    Exists,
    Write(io::Error),
    Encode(String),
    Died,
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.path.display())?;
        match &self.reason {
            Reason::Exists => f.write_str("is there already; a recording replaces nothing"),
            Reason::Write(error) if error.kind() == io::ErrorKind::StorageFull => {
                f.write_str("the disk is full; the recording ends here")
            }
            Reason::Write(error) => write!(f, "cannot write: {error}"),
            Reason::Encode(error) => write!(f, "what was shown or heard could not be recorded: {error}"),
            Reason::Died => f.write_str("the recording's thread has panicked"),
        }
    }
}

impl std::error::Error for RecordError {}

/// What the call lays down and the recording's thread takes up.
#[derive(Default)]
struct Desk {
    state: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    picture: Option<(Arc<Image>, Duration)>,
    blocks: VecDeque<Block>,
    is_over: bool,
}

/// 10 ms of one voice, and when they were heard or said.
type Block = (Voice, [f32; BLOCK_SAMPLES], Duration);

/// Whose voice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    /// The other side's, as it is heard here.
    Theirs,
    /// This side's, as it is sent.
    Own,
}

impl Recording {
    /// Begins a file; it must not be there. It is under its name from the beginning, so that what a crash leaves can be played.
    pub fn create(path: &Path) -> Result<Self, RecordError> {
        let failed = |error: io::Error| RecordError {
            path: path.to_owned(),
            reason: if error.kind() == io::ErrorKind::AlreadyExists { Reason::Exists } else { Reason::Write(error) },
        };
        let is_device = std::fs::metadata(path).is_ok_and(|about| !about.is_file());
        let file = File::options().write(true).create_new(!is_device).open(path).map_err(failed)?;
        let desk = Arc::new(Desk::default());
        let theirs = Arc::clone(&desk);
        let scribe = Scribe { path: path.to_owned(), file: Some(file), early: VecDeque::new(), chain: None };
        let thread = std::thread::Builder::new().name("recording".to_owned()).spawn(move || scribe.run(&theirs));
        Ok(Self { desk, thread: Some(thread.map_err(failed)?) })
    }

    /// A picture was shown at `at`, by the call's clock. The first one says how large all are.
    pub fn show(&self, picture: Arc<Image>, at: Duration) {
        self.desk.waiting().picture = Some((picture, at));
        self.desk.changed.notify_one();
    }

    /// Takes 10 ms of a voice that were heard, or said, at a time of the call's clock. Never waits, and may outlive the recording.
    pub fn ear(&self) -> impl Fn(Voice, &[f32; BLOCK_SAMPLES], Duration) + Send + 'static {
        let desk = Arc::clone(&self.desk);
        move |voice, block, at| {
            let mut waiting = desk.waiting();
            if waiting.is_over {
                return;
            }
            if waiting.blocks.len() == BLOCK_LIMIT {
                waiting.blocks.pop_front();
            }
            waiting.blocks.push_back((voice, *block, at));
            // The thread wakes for pictures; what is heard without any need not be written block by block.
            if waiting.blocks.len().is_multiple_of(BLOCKS_AT_ONCE) {
                desk.changed.notify_one();
            }
        }
    }

    /// Why the recording has ended before its time, once; the call need not.
    pub fn poll_error(&mut self) -> Option<RecordError> {
        let is_over = self.thread.as_ref().is_some_and(JoinHandle::is_finished);
        if is_over { self.end().err() } else { None }
    }

    /// Ends the recording: how many pictures are in it.
    pub fn finish(mut self) -> Result<u64, RecordError> {
        self.end()
    }

    fn end(&mut self) -> Result<u64, RecordError> {
        self.desk.waiting().is_over = true;
        self.desk.changed.notify_one();
        let Some(thread) = self.thread.take() else { return Ok(0) };
        thread.join().unwrap_or_else(|_| Err(RecordError { path: PathBuf::new(), reason: Reason::Died }))
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        // Whoever wants to know how it ended asks.
        let _ = self.end();
    }
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recording({})", if self.thread.is_some() { "under way" } else { "over" })
    }
}

impl Desk {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Nothing that can panic runs under the lock, so what waits is still whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All that waits, once there is something or it is over.
    fn take(&self) -> Waiting {
        let is_idle = |waiting: &mut Waiting| {
            waiting.picture.is_none() && waiting.blocks.len() < BLOCKS_AT_ONCE && !waiting.is_over
        };
        let waited = self.changed.wait_while(self.waiting(), is_idle);
        let mut waiting = waited.unwrap_or_else(PoisonError::into_inner);
        let taken = std::mem::take(&mut *waiting);
        waiting.is_over = taken.is_over;
        taken
    }
}

/// The recording's thread.
struct Scribe {
    path: PathBuf,
    /// Until it is known how large pictures are.
    file: Option<File>,
    /// What was heard before that.
    early: VecDeque<Block>,
    chain: Option<Chain>,
}

/// A chain of frames in a file.
struct Chain {
    writer: WebmWriter<File>,
    size: Size,
    begin: Duration,
    theirs: Tape,
    own: Tape,
    state: State,
    hints: Hints,
    key_at: Option<Duration>,
    frames: u64,
}

impl Scribe {
    fn run(mut self, desk: &Desk) -> Result<u64, RecordError> {
        loop {
            let waiting = desk.take();
            self.write(&waiting).map_err(|reason| RecordError { path: self.path.clone(), reason })?;
            if waiting.is_over {
                break;
            }
        }
        let Some(chain) = self.chain else { return Ok(0) };
        let frames = chain.frames;
        chain.writer.finish().map_err(|error| RecordError { path: self.path, reason: Reason::Write(error) })?;
        Ok(frames)
    }

    fn write(&mut self, waiting: &Waiting) -> Result<(), Reason> {
        self.early.extend(waiting.blocks.iter().copied());
        if self.chain.is_none() {
            self.begin(waiting)?;
        }
        let Some(chain) = &mut self.chain else { return Ok(()) };
        for block in self.early.drain(..) {
            chain.hear(&block).map_err(Reason::Write)?;
        }
        if let Some((picture, at)) = &waiting.picture {
            chain.add(picture, at.saturating_sub(chain.begin))?;
        }
        Ok(())
    }

    /// Begins with the first picture, or without one where voices have been heard for a while, or no longer are.
    fn begin(&mut self, waiting: &Waiting) -> Result<(), Reason> {
        let heard_at = self.early.iter().map(|(.., at)| *at).min();
        let stands_dark = heard_at.is_some() && (waiting.is_over || self.early.len() >= EARLY_LIMIT);
        let shown = waiting.picture.as_ref().map(|(picture, at)| (picture.size(), *at));
        let Some((size, at)) = shown.or(stands_dark.then_some((DEFAULT_SIZE, Duration::MAX))) else { return Ok(()) };
        let Some(file) = self.file.take() else { return Ok(()) };
        let mut chain = Chain::begin(file, size, heard_at.unwrap_or(at).min(at))?;
        if shown.is_none() {
            chain.add(&Image::black(size), Duration::ZERO)?;
        }
        self.chain = Some(chain);
        Ok(())
    }
}

impl Chain {
    fn begin(file: File, size: Size, begin: Duration) -> Result<Self, Reason> {
        let writer = WebmWriter::call(file, size).map_err(Reason::Write)?;
        let tape = || Tape::new().map_err(|error| Reason::Encode(error.to_string()));
        let (theirs, own) = (tape()?, tape()?);
        let (state, hints) = (State::blank(), Hints::default());
        Ok(Self { writer, size, begin, theirs, own, state, hints, key_at: None, frames: 0 })
    }

    fn hear(&mut self, (voice, block, at): &Block) -> io::Result<()> {
        let (track, tape) = match voice {
            Voice::Theirs => (Track::Theirs, &mut self.theirs),
            Voice::Own => (Track::Own, &mut self.own),
        };
        let Some((packet, due)) = tape.handle_block(block, *at) else { return Ok(()) };
        // What comes only now and was heard before the beginning is not in the recording.
        let Some(due) = due.checked_sub(self.begin) else { return Ok(()) };
        self.writer.write(track, &packet, due, false)
    }

    fn add(&mut self, picture: &Image, at: Duration) -> Result<(), Reason> {
        // A player cannot change its size in the middle.
        let scaled = (picture.size() != self.size).then(|| filled(picture.clone(), self.size));
        let picture = scaled.as_ref().unwrap_or(picture);
        let is_key = self.key_at.is_none_or(|key_at| at.saturating_sub(key_at) >= KEY_EVERY);
        let plan = if is_key { Plan::key(QUANTIZER) } else { Plan::inter(QUANTIZER) };
        let analysis = analyse(&self.state, picture, &plan, &self.hints, Effort::Live)
            .map_err(|error| Reason::Encode(error.to_string()))?;
        let encoded = analysis.finish(QUANTIZER);
        self.hints = analysis.hints();
        self.state = encoded.target;
        if is_key {
            self.key_at = Some(at);
        }
        self.frames += 1;
        self.writer.write_frame(&encoded.frame, at).map_err(Reason::Write)
    }
}

/// As fine as a good call: what was sent coarser costs few bits here.
const QUANTIZER: QuantizerIndex = QuantizerIndex::saturating(20);
/// A player that jumps lands at most this far before.
const KEY_EVERY: Duration = Duration::from_secs(4);
/// Two seconds of both sides: then it is a call without pictures, or its first one comes late.
const EARLY_LIMIT: usize = 400;
/// Five seconds of both sides, while a disk is slow.
const BLOCK_LIMIT: usize = 1000;
/// A tenth of a second of both.
const BLOCKS_AT_ONCE: usize = 20;
