//! The functions that thunks of films and of JPEGs run. Each opens the files that it declares of the folder it is called in, and can
//! reach nothing else of the machine from then on: no other file, no network, and those of films no clock. So the digest of an
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
            // The model's crate says how long it took, which is in none of its bytes.
            call.apply(&Folder::enter(reads, makes, true)?)
        }
        words => {
            let call = oyster_excamera::Call::parse(words)?;
            let (reads, makes) = call.files();
            let folder = Folder::enter(reads, makes, false)?;
            call.apply(|name| folder.input(name), |name, fill| folder.write(name, fill))
        }
    }
}

/// Why a call came to nothing.
#[derive(Debug)]
#[non_exhaustive]
pub enum Failed {
    /// These words name no function.
    NoFunction(CallError),
    /// A file of the folder could not be read.
    Read(&'static str, io::Error),
    /// A file of the folder could not be written.
    Write(&'static str, io::Error),
    /// A function of films cannot be applied to these.
    Film(oyster_excamera::Error),
    /// A function of JPEGs cannot be applied to these.
    Jpeg(jpeg::Error),
    /// The rest of the machine cannot be put out of reach.
    Sandbox(String),
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoFunction(error) => error.fmt(f),
            Self::Read(name, error) => write!(f, "{name}: cannot read: {error}"),
            Self::Write(name, error) => write!(f, "{name}: cannot write: {error}"),
            Self::Film(error) => error.fmt(f),
            Self::Jpeg(error) => error.fmt(f),
            Self::Sandbox(error) => f.write_str(error),
        }
    }
}

impl std::error::Error for Failed {}

impl From<CallError> for Failed {
    fn from(error: CallError) -> Self {
        Self::NoFunction(error)
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
