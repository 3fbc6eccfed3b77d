//! Where thunks are run and kept, as arguments of every command that has some.

use std::num::NonZero;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::thread::available_parallelism;

use anyhow::{Context, Result, bail};
use oyster_thunks::engine::{Address, AddressError, Local, LocalConfig, Remote, RemoteConfig};
use oyster_thunks::{Digest, Engine, Event, Forced, Graph, Reducer, Sources, Tell, ThunkId, force};
use serde::Serialize;

use crate::fault::BadArgument;
use crate::progress::Progress;
use crate::values::job_count;

/// Who runs thunks, how many at once, and where what they make is kept.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct EngineArguments {
    /// Who runs thunks: this machine (local), or a server of the Remote Execution API at grpc://HOST:PORT[/INSTANCE], over TLS
    /// at grpcs://HOST:PORT[/INSTANCE] [default: local; of `jpeg` threads of this program]
    #[arg(long, value_parser = place)]
    engine: Option<Place>,
    /// The file with the token that is sent to the server
    #[arg(long, value_name = "FILE")]
    engine_token: Option<PathBuf>,
    /// The file with the certificates (PEM) that vouch for the server [default: those that this machine trusts]
    #[arg(long, value_name = "FILE")]
    engine_ca: Option<PathBuf>,
    /// How many thunks run at once [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = job_count, allow_negative_numbers = true)]
    jobs: Option<NonZero<usize>>,
    #[command(flatten)]
    store: StoreArguments,
}

/// The executable that thunks run.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct FunctionsArgument {
    /// The executable with the functions [default: oyster-functions beside this program, else this program]
    #[arg(long, value_name = "FILE")]
    functions: Option<PathBuf>,
}

impl FunctionsArgument {
    pub(crate) fn read(&self) -> Result<Vec<u8>> {
        let default = || {
            let own = std::env::current_exe().context("this program cannot be found")?;
            let beside = own.with_file_name("oyster-functions");
            Ok::<_, anyhow::Error>(if beside.is_file() { beside } else { own })
        };
        let path = self.functions.clone().map_or_else(default, Ok)?;
        std::fs::read(&path).with_context(|| format!("{}: cannot read", path.display()))
    }
}

/// Where thunks are run.
#[derive(Clone, Debug)]
enum Place {
    Local,
    Remote(Address),
}

fn place(text: &str) -> Result<Place, AddressError> {
    if text == "local" { Ok(Place::Local) } else { text.parse().map(Place::Remote) }
}

/// Where what thunks are made of and make is kept.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct StoreArguments {
    /// The folder where blobs and results are kept [default: oyster/thunks in the cache folder]
    #[arg(long, value_name = "FOLDER")]
    store: Option<PathBuf>,
    /// The most bytes of blobs that stay there from one run to the next
    #[arg(long, value_name = "N", default_value_t = MOST_STORE_BYTES)]
    store_bytes: u64,
}

/// About ten minutes of film in 720p, uncompressed.
const MOST_STORE_BYTES: u64 = 16 << 30;

impl Default for StoreArguments {
    fn default() -> Self {
        Self { store: None, store_bytes: MOST_STORE_BYTES }
    }
}

impl StoreArguments {
    pub(crate) fn open(&self) -> Result<Local> {
        Ok(Local::open(LocalConfig { folder: self.folder()?, most_bytes: self.store_bytes })?)
    }

    fn folder(&self) -> Result<PathBuf> {
        let folder = self.store.clone().map_or_else(default_folder, Ok)?;
        // Functions run in folders below it, and say paths within these.
        std::path::absolute(&folder).with_context(|| folder.display().to_string())
    }
}

impl EngineArguments {
    /// The same as words of a command line, wherever that is called.
    pub(crate) fn words(&self) -> Result<Vec<String>> {
        let whole = |path: &PathBuf| Ok::<_, std::io::Error>(std::path::absolute(path)?.display().to_string());
        let mut words = vec![format!("--store={}", whole(&self.store.folder()?)?)];
        words.push(format!("--store-bytes={}", self.store.store_bytes));
        if let Some(Place::Remote(address)) = &self.engine {
            words.push(format!("--engine={address}"));
        }
        for (option, path) in [("--engine-token", &self.engine_token), ("--engine-ca", &self.engine_ca)] {
            if let Some(path) = path {
                words.push(format!("{option}={}", whole(path)?));
            }
        }
        words.extend(self.jobs.map(|jobs| format!("--jobs={jobs}")));
        Ok(words)
    }

    /// The folder of the store of this machine.
    pub(crate) fn store_folder(&self) -> Result<PathBuf> {
        self.store.folder()
    }

    /// Whether one is named. What is for engines alone is refused where that is needed and none is.
    pub(crate) fn is_named(&self) -> Result<bool> {
        let others =
            [self.engine_token.is_some(), self.engine_ca.is_some(), self.jobs.is_some(), self.store.store.is_some()];
        if self.engine.is_none() && others.contains(&true) {
            bail!(BadArgument("--jobs, --store, --engine-token and --engine-ca are for an --engine".to_owned()));
        }
        Ok(self.engine.is_some())
    }

    /// The engine.
    pub(crate) fn open(&self) -> Result<Box<dyn Engine>> {
        match self.connect()? {
            Some(remote) => Ok(Box::new(remote)),
            None => Ok(Box::new(self.open_store()?)),
        }
    }

    /// The engine if it is a server: what it lacks may be in the store of this machine, which is the engine if it is none.
    pub(crate) fn connect(&self) -> Result<Option<Remote>> {
        let Some(Place::Remote(address)) = &self.engine else { return Ok(None) };
        let read =
            |path: &PathBuf| std::fs::read_to_string(path).with_context(|| format!("{}: cannot read", path.display()));
        Ok(Some(Remote::connect(RemoteConfig {
            token: self.engine_token.as_ref().map(read).transpose()?,
            authorities: self.engine_ca.as_ref().map(read).transpose()?.map(String::into_bytes),
            ..RemoteConfig::new(address.clone())
        })?))
    }

    /// The store of this machine, which has what was made into thunks here.
    pub(crate) fn open_store(&self) -> Result<Local> {
        self.store.open()
    }

    /// Makes `targets`, taking values that the engine lacks from `sources`.
    pub(crate) fn force(
        &self,
        engine: &dyn Engine,
        graph: Graph,
        targets: &[ThunkId],
        sources: Sources<'_>,
        tell: Tell<'_>,
    ) -> Result<Forced> {
        Ok(force(Reducer::new(graph, targets)?, engine, sources, self.jobs(), tell)?)
    }

    /// How many thunks run at once.
    pub(crate) fn jobs(&self) -> NonZero<usize> {
        self.jobs.or_else(|| available_parallelism().ok()).unwrap_or(NonZero::<usize>::MIN)
    }
}

/// What thunks came to, in figures.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Counts {
    pub(crate) thunks: usize,
    pub(crate) executed: usize,
    pub(crate) memoised: usize,
    stored_bytes: u64,
    pub(crate) fetched_bytes: u64,
}

impl Counts {
    /// Adds what was forced.
    pub(crate) fn add(&mut self, forced: &Forced) {
        self.thunks += forced.executed + forced.memoised;
        self.executed += forced.executed;
        self.memoised += forced.memoised;
        self.stored_bytes += forced.stored_bytes;
        self.fetched_bytes += forced.fetched_bytes;
    }
}

/// Tells how many thunks are made, on top of `before`, and what they said while they ran.
pub(crate) fn telling(progress: &Mutex<Progress>, before: usize) -> impl Fn(Event) -> ControlFlow<()> + Sync {
    move |event| {
        let mut progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.aside(&event.said);
        progress.tell((before + event.done) as u64);
        ControlFlow::Continue(())
    }
}

/// What is in a blob that must be in the store.
pub(crate) fn fetch(engine: &dyn Engine, digest: Digest) -> Result<Vec<u8>> {
    match engine.fetch(digest)? {
        Some(bytes) => Ok(bytes),
        None => bail!("the store no longer has {digest}: it holds too little for this"),
    }
}

fn default_folder() -> Result<PathBuf> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    match variable("XDG_CACHE_HOME").or_else(|| variable("HOME").map(|home| home.join(".cache"))) {
        Some(cache) => Ok(cache.join("oyster").join("thunks")),
        None => bail!("neither XDG_CACHE_HOME nor HOME says where thunks are to be kept; --store does"),
    }
}
