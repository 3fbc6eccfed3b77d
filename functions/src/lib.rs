//! The functions that thunks of films and of JPEGs run. Each reads the files that it declares of the folder it is called in, and can
//! reach nothing else of the machine from then on: no other file, no network, no clock. It writes its outputs. So the digest of an
//! executable that has them, as an input, stands for the function.

mod folder;
pub mod jpeg;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub mod sandbox;

use std::{fmt, io};

use oyster_excamera::CallError;

use folder::Folder;

/// Applies the function that these words name, and its settings, to the files of this folder. The calling thread is locked in for
/// good: all that is left to it is to end.
pub fn run<W: AsRef<str>>(words: &[W]) -> Result<(), Failed> {
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    match &words[..] {
        [jpeg::NAME, words @ ..] => {
            let call = jpeg::Call::parse(words)?;
            let (reads, makes) = call.files();
            call.apply(&Folder::enter(reads, makes)?)
        }
        words => {
            let call = oyster_excamera::Call::parse(words)?;
            let (reads, makes) = call.files();
            let folder = Folder::enter(reads, makes)?;
            call.apply(|name| folder.read(name), |name, bytes| folder.write(name, bytes))
        }
    }
}

/// Why a call came to nothing.
#[derive(Debug)]
#[non_exhaustive]
pub enum Failed {
    /// These words name no function of films.
    NoFunction(CallError),
    /// Nor of JPEGs.
    NoJpegFunction(jpeg::CallError),
    /// A file of the folder could not be read.
    Read(&'static str, io::Error),
    /// A file of the folder could not be written.
    Write(&'static str, io::Error),
    /// A function of films cannot be applied to these.
    Film(oyster_excamera::Error),
    /// A function of JPEGs cannot be applied to these.
    Jpeg(jpeg::Error),
    /// The rest of the machine cannot be put out of reach.
    Sandbox(Box<dyn std::error::Error>),
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoFunction(error) => error.fmt(f),
            Self::NoJpegFunction(error) => error.fmt(f),
            Self::Read(name, error) => write!(f, "{name}: cannot read: {error}"),
            Self::Write(name, error) => write!(f, "{name}: cannot write: {error}"),
            Self::Film(error) => error.fmt(f),
            Self::Jpeg(error) => error.fmt(f),
            Self::Sandbox(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Failed {}

impl From<CallError> for Failed {
    fn from(error: CallError) -> Self {
        Self::NoFunction(error)
    }
}

impl From<jpeg::CallError> for Failed {
    fn from(error: jpeg::CallError) -> Self {
        Self::NoJpegFunction(error)
    }
}

impl From<oyster_excamera::Error> for Failed {
    fn from(error: oyster_excamera::Error) -> Self {
        Self::Film(error)
    }
}

impl From<jpeg::Error> for Failed {
    fn from(error: jpeg::Error) -> Self {
        Self::Jpeg(error)
    }
}
