//! JPEGs packed and given back by thunks, on any engine: of a file of one chunk the whole is one, else each chunk is. This
//! program plans, in one quick pass over each file, and writes what comes back; only what the engine lacks is read again.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::{Context, Result, ensure};
use oyster_functions::jpeg::Call;
use oyster_lepton::{Container, Damage};
use oyster_thunks::{Digest, Engine, Graph, Outputs, ThunkId};

use crate::engine::{Counts, EngineArguments, FunctionsArgument, fetch, telling};
use crate::progress::Progress;

/// An engine, if the work is to be done by one.
#[derive(Debug, clap::Args)]
pub(super) struct OnEngine {
    #[command(flatten)]
    engine: EngineArguments,
    #[command(flatten)]
    functions: FunctionsArgument,
}

impl OnEngine {
    /// The engine, if one is named.
    pub(super) fn open(&self) -> Result<Option<Thunks<'_>>> {
        if !self.engine.is_named()? {
            return Ok(None);
        }
        let function = self.functions.read()?;
        Ok(Some(Thunks {
            arguments: &self.engine,
            engine: self.engine.open()?,
            function: (Digest::of(&function), function),
            graph: Graph::default(),
            values: BTreeMap::new(),
            bytes: 0,
            counts: Counts::default(),
            progress: Mutex::new(Progress::of("thunks done")),
        }))
    }
}

/// Thunks that are put off until they are forced together; then come others.
pub(super) struct Thunks<'a> {
    arguments: &'a EngineArguments,
    engine: Box<dyn Engine>,
    function: (Digest, Vec<u8>),
    graph: Graph,
    /// The inputs of those that are put off.
    values: BTreeMap<Digest, Value>,
    /// Of files, in them.
    bytes: u64,
    pub(super) counts: Counts,
    progress: Mutex<Progress>,
}

/// Where the bytes of an input are.
enum Value {
    Held(Vec<u8>),
    InFile(PathBuf, Range<u64>),
}

impl Thunks<'_> {
    /// Puts off what is to be done with each item, forces that, and finishes each: many items at a time, not all.
    pub(super) fn for_each<T, P, U>(
        &mut self,
        items: &[T],
        mut put_off: impl FnMut(&mut Self, &T) -> Result<P>,
        mut finish: impl FnMut(&mut Made<'_>, &T, P) -> Result<U>,
    ) -> Result<Vec<Result<U>>> {
        let mut outcomes = Vec::with_capacity(items.len());
        while outcomes.len() < items.len() {
            let items = &items[outcomes.len()..];
            let mut planned = Vec::new();
            while planned.len() < items.len() && self.graph.len() < BATCH_THUNKS && self.bytes < BATCH_BYTES {
                planned.push(put_off(self, &items[planned.len()]));
            }
            let mut made = self.force()?;
            for (item, planned) in items.iter().zip(planned) {
                outcomes.push(planned.and_then(|planned| finish(&mut made, item, planned)));
            }
            let fetched_bytes = made.fetched_bytes;
            self.counts.fetched_bytes += fetched_bytes;
            self.engine.shrink()?;
        }
        Ok(outcomes)
    }

    /// An input that is these bytes.
    pub(super) fn hold(&mut self, bytes: Vec<u8>) -> Digest {
        let digest = Digest::of(&bytes);
        self.values.insert(digest, Value::Held(bytes));
        digest
    }

    /// An input that is these bytes of a file, or as many of them as there are. They are read now for their name, and again
    /// if the engine lacks them.
    pub(super) fn in_file(&mut self, path: &Path, range: Range<u64>) -> Result<Digest> {
        self.bytes += range.end - range.start;
        let value = Value::InFile(path.to_owned(), range);
        let digest = Digest::of(&value.read().with_context(|| format!("{}: cannot read", path.display()))?);
        self.values.insert(digest, value);
        Ok(digest)
    }

    /// Puts off a call whose inputs are these.
    pub(super) fn put_off(&mut self, call: Call, inputs: &[Digest]) -> Result<ThunkId> {
        ensure!(self.graph.len() < MOST_THUNKS, "more than {MOST_THUNKS} chunks at once; longer chunks are fewer");
        Ok(self.graph.insert(call.thunk(self.function.0, inputs)?)?)
    }

    fn force(&mut self) -> Result<Made<'_>> {
        let (graph, values) = (std::mem::take(&mut self.graph), std::mem::take(&mut self.values));
        self.bytes = 0;
        let (function, executable) = &self.function;
        let sources = |digest| match values.get(&digest) {
            _ if digest == *function => Ok(Some(executable.clone())),
            Some(value) => value.read_again(digest).map(Some),
            None => Ok(None),
        };
        let targets: Vec<ThunkId> = graph.iter().map(|(id, _)| id).collect();
        let tell = telling(&self.progress, self.counts.thunks);
        let forced = self.arguments.force(&*self.engine, graph, &targets, &sources, &tell)?;
        self.counts.add(&forced);
        Ok(Made { engine: &*self.engine, outputs: forced.outputs, fetched_bytes: 0 })
    }
}

impl Value {
    fn read(&self) -> io::Result<Vec<u8>> {
        match self {
            Self::Held(bytes) => Ok(bytes.clone()),
            Self::InFile(path, range) => {
                let mut file = File::open(path)?;
                file.seek(SeekFrom::Start(range.start))?;
                let mut bytes = Vec::new();
                file.take(range.end - range.start).read_to_end(&mut bytes)?;
                Ok(bytes)
            }
        }
    }

    /// Reads what has this name: an engine's store would keep something else under it.
    fn read_again(&self, digest: Digest) -> io::Result<Vec<u8>> {
        let bytes = self.read()?;
        match self {
            Self::InFile(path, _) if Digest::of(&bytes) != digest => {
                Err(io::Error::other(format!("{} has changed meanwhile", path.display())))
            }
            _ => Ok(bytes),
        }
    }
}

/// What thunks have made.
pub(super) struct Made<'a> {
    engine: &'a dyn Engine,
    outputs: BTreeMap<ThunkId, Outputs>,
    /// By [`Made::fetch`].
    fetched_bytes: u64,
}

impl Made<'_> {
    /// An output of one of them.
    pub(super) fn fetch(&mut self, thunk: ThunkId, name: &str) -> Result<Vec<u8>> {
        let made = self.outputs.get(&thunk).and_then(|made| made.iter().find(|(path, _)| path.as_str() == name));
        let (_, file) = made.with_context(|| format!("the thunk {thunk} has made no {name}"))?;
        self.fetched_bytes += file.digest.bytes();
        fetch(self.engine, file.digest)
    }

    /// What the chunk that this thunk decodes cannot give back.
    pub(super) fn damages(&mut self, thunk: ThunkId) -> Result<Vec<Damage>> {
        let text = String::from_utf8(self.fetch(thunk, "damaged")?)?;
        Ok(text.lines().map(str::parse).collect::<Result<_, _>>()?)
    }
}

/// Puts off the decoding of these chunks of a packed file.
pub(super) fn decode(
    thunks: &mut Thunks<'_>,
    path: &Path,
    container: &Container<File>,
    chunks: Range<usize>,
) -> Result<Vec<ThunkId>> {
    let header = thunks.hold(container.header().to_bytes());
    let put_off = |number| {
        let chunk = thunks.in_file(path, container.place(number))?;
        thunks.put_off(Call::Decode { number }, &[header, chunk])
    };
    chunks.map(put_off).collect()
}

/// Enough at once to keep a cluster busy, of files and of thunks; a file is never parted.
const BATCH_BYTES: u64 = 1 << 30;
const BATCH_THUNKS: usize = 10_000;
/// Some hundred megabytes of memory.
const MOST_THUNKS: usize = 100_000;
