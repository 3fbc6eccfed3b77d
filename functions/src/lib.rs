//! The functions that thunks of films and of JPEGs run. Each reads and writes files of the folder it is called in, and nothing
//! else; so the digest of an executable that has them, as an input, stands for the function.

pub mod jpeg;

use std::{fmt, fs, io};

use oyster_excamera::CallError;

/// Applies the function that these words name, and its settings, to the files of this folder.
pub fn run<W: AsRef<str>>(words: &[W]) -> Result<(), Failed> {
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    match &words[..] {
        [jpeg::NAME, words @ ..] => jpeg::Call::parse(words)?.apply(),
        words => oyster_excamera::Call::parse(words)?.apply(read, write),
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

fn read(name: &'static str) -> Result<Vec<u8>, Failed> {
    fs::read(name).map_err(|error| Failed::Read(name, error))
}

/// Nobody looks at an output before the function has ended, so it need not be written beside.
fn write(name: &'static str, bytes: &[u8]) -> Result<(), Failed> {
    fs::write(name, bytes).map_err(|error| Failed::Write(name, error))
}
