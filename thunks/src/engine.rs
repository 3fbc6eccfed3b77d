//! Where actions run and blobs are kept: the one thing that the reducer asks of a machine or a cluster.

mod executed;
mod local;
mod remote;
mod store;
mod work;

use std::time::Duration;
use std::{fmt, io};

use bazel_remote_apis::build::bazel::remote::execution::v2 as api;

use crate::action::{OutputFile, Outputs};
use crate::digest::Digest;
use crate::path::RelativePath;

pub use local::{Local, LocalConfig};
pub use remote::{Address, AddressError, Remote, RemoteConfig};

/// A store of blobs, a memo of actions, and somebody who executes them. Calls may come from several threads.
pub trait Engine: Sync {
    /// What this action has made before, if that is remembered. The blobs need not be there any more.
    fn recall(&self, action: Digest) -> Result<Option<Outputs>, EngineError>;

    /// Those of `blobs` that the store lacks.
    fn missing(&self, blobs: &[Digest]) -> Result<Vec<Digest>, EngineError>;

    /// Stores a blob.
    fn store(&self, digest: Digest, blob: &[u8]) -> Result<(), EngineError>;

    /// A blob, if the store has it.
    fn fetch(&self, digest: Digest) -> Result<Option<Vec<u8>>, EngineError>;

    /// Executes an action whose parts and values are all in the store; remembers what it made if it succeeds.
    fn execute(&self, action: Digest) -> Result<Execution, EngineError>;

    /// Throws away what was used longest ago, where there is too much and that is ours to do. What is remembered of it is worked
    /// out again when it is asked for.
    fn shrink(&self) -> Result<(), EngineError> {
        Ok(())
    }
}

/// How an action ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Execution {
    /// It made all it was to make.
    Made {
        /// The files.
        outputs: Outputs,
        /// How long it ran.
        took: Duration,
        /// The end of what it said on standard error, as a compiler warns.
        said: String,
    },
    /// It did not. This is never remembered.
    Failed(Failure),
}

/// How an action failed, in its own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Why.
    pub reason: FailureReason,
    /// The end of what it said on standard error.
    pub stderr: String,
}

/// Why an action failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureReason {
    /// It could not be started.
    NotStarted(String),
    /// It ended with this status.
    Status(i32),
    /// A signal ended it.
    Signal(i32),
    /// It took longer than it may.
    TimedOut(Duration),
    /// It ended well, but did not make this.
    NotMade(RelativePath),
}

impl fmt::Display for FailureReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStarted(error) => write!(f, "it cannot be started: {error}"),
            Self::Status(status) => write!(f, "it ended with status {status}"),
            Self::Signal(signal) => write!(f, "signal {signal} ended it"),
            Self::TimedOut(timeout) => write!(f, "it took longer than {} s", timeout.as_secs_f64()),
            Self::NotMade(path) => write!(f, "it did not make {path}"),
        }
    }
}

/// Why an engine could not do its work.
#[derive(Debug)]
#[non_exhaustive]
pub enum EngineError {
    /// These blobs are needed, and are not in its store.
    Lost(Vec<Digest>),
    /// A file of its store could not be read or written.
    Io {
        /// What was done to which file.
        what: String,
        /// How that failed.
        error: io::Error,
    },
    /// A cluster could not be reached, or did not do what it was asked.
    Remote {
        /// Where it is.
        address: String,
        /// What was asked of it.
        what: &'static str,
        /// What it says.
        why: String,
    },
    /// Something in its store is not what its name says.
    Damaged {
        /// What should be there.
        digest: Digest,
        /// What is wrong with it.
        what: String,
    },
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost(digests) => {
                let names: Vec<String> = digests.iter().map(ToString::to_string).collect();
                write!(f, "the engine's store lacks {}", names.join(", "))
            }
            Self::Io { what, error } => write!(f, "{what}: {error}"),
            Self::Remote { address, what, why } => write!(f, "{address}: {what}: {why}"),
            Self::Damaged { digest, what } => write!(f, "the engine's store has something else for {digest}: {what}"),
        }
    }
}

impl std::error::Error for EngineError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { error, .. } => Some(error),
            Self::Lost(_) | Self::Remote { .. } | Self::Damaged { .. } => None,
        }
    }
}

/// What a result says was made; none if it says anything that nobody makes.
fn outputs(result: &api::ActionResult) -> Option<Outputs> {
    let file = |file: &api::OutputFile| {
        let digest = Digest::of_part(&file.digest)?;
        Some((RelativePath::new(&*file.path).ok()?, OutputFile { digest, executable: file.is_executable }))
    };
    result.output_files.iter().map(file).collect()
}

/// The end of what a function said on standard error, which is what tells why it failed.
fn ending(said: &[u8]) -> String {
    String::from_utf8_lossy(&said[said.len().saturating_sub(MOST_STDERR_BYTES)..]).into_owned()
}

const MOST_STDERR_BYTES: usize = 64 << 10;
