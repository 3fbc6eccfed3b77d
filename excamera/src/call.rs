//! One function applied: the words after an executable's name, and the files in its folder.

use std::fmt;

use oyster_codec::{Effort, QuantizerIndex};

use crate::functions::{Error, JoinedChunk, Settings, encode, rebase, reencode};
use crate::graph::Step;

/// A step with its settings, as the executable of a thunk is told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// [`encode`]: of `pictures`, `frames` and `state`.
    Encode {
        /// How.
        settings: Settings,
        /// How many frames of the batch come before.
        before: usize,
    },
    /// [`reencode`]: of `pictures` and `before`, `frames`.
    Reencode(Settings),
    /// [`rebase`]: of `pictures`, `chunk`, `first`, `expected` and `before`, `frames` and `state`. Its settings are in the frames.
    Rebase,
}

/// Words that call nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallError {
    /// The words.
    pub words: Vec<String>,
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.words.join(" ");
        write!(f, "`{words}` is no function: encode Q EFFORT BEFORE, reencode Q EFFORT and rebase are")
    }
}

impl std::error::Error for CallError {}

impl Call {
    /// What it does.
    pub fn step(&self) -> Step {
        match self {
            Self::Encode { .. } => Step::Encode,
            Self::Reencode(_) => Step::Reencode,
            Self::Rebase => Step::Rebase,
        }
    }

    /// The names of what it reads and of what it makes.
    pub fn files(&self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Self::Encode { .. } => (&["pictures"], &["frames", "state"]),
            Self::Reencode(_) => (&["pictures", "before"], &["frames"]),
            Self::Rebase => (&["pictures", "chunk", "first", "expected", "before"], &["frames", "state"]),
        }
    }

    /// The words that [`Call::parse`] reads.
    pub fn words(&self) -> Vec<String> {
        let settings = |it: &Settings| [it.quantizer.value().to_string(), effort_name(it.effort).to_owned()];
        let mut words = vec![self.step().name().to_owned()];
        match self {
            Self::Encode { settings: it, before } => words.extend(settings(it).into_iter().chain([before.to_string()])),
            Self::Reencode(it) => words.extend(settings(it)),
            Self::Rebase => {}
        }
        words
    }

    /// Reads the words of a call.
    pub fn parse<W: AsRef<str>>(words: &[W]) -> Result<Self, CallError> {
        let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
        let settings = |quantizer: &str, effort: &str| {
            let quantizer = quantizer.parse().ok().and_then(QuantizerIndex::new)?;
            let effort = EFFORTS.into_iter().find(|it| effort_name(*it) == effort)?;
            Some(Settings { quantizer, effort })
        };
        let call = match words[..] {
            ["encode", quantizer, effort, before] => settings(quantizer, effort)
                .and_then(|settings| Some(Self::Encode { settings, before: before.parse().ok()? })),
            ["reencode", quantizer, effort] => settings(quantizer, effort).map(Self::Reencode),
            ["rebase"] => Some(Self::Rebase),
            _ => None,
        };
        call.ok_or_else(|| CallError { words: words.into_iter().map(str::to_owned).collect() })
    }

    /// Applies the function: reads its inputs by `read` and gives its outputs to `write`.
    pub fn apply<E: From<Error>>(
        &self,
        read: impl Fn(&'static str) -> Result<Vec<u8>, E>,
        write: impl Fn(&'static str, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let pictures = read("pictures")?;
        let (frames, state) = match self {
            Self::Encode { settings, before } => encode(&pictures, *before, *settings)?,
            Self::Reencode(settings) => return write("frames", &reencode(&pictures, &read("before")?, *settings)?),
            Self::Rebase => rebase(&JoinedChunk {
                pictures: &pictures,
                chunk: &read("chunk")?,
                first: &read("first")?,
                expected: &read("expected")?,
                before: &read("before")?,
            })?,
        };
        write("frames", &frames)?;
        write("state", &state)
    }
}

const EFFORTS: [Effort; 3] = [Effort::Live, Effort::Balanced, Effort::Film];

fn effort_name(effort: Effort) -> &'static str {
    match effort {
        Effort::Live => "live",
        Effort::Balanced => "balanced",
        Effort::Film => "film",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_reads_back_and_other_words_are_refused() {
        for effort in EFFORTS {
            let settings = Settings { quantizer: QuantizerIndex::MAX, effort };
            for call in [Call::Encode { settings, before: 12 }, Call::Reencode(settings), Call::Rebase] {
                assert_eq!(Call::parse(&call.words()), Ok(call));
            }
        }
        for words in [
            "",
            "encode",
            "encode 128 film 0",
            "encode 12 best 0",
            "encode 12 film -1",
            "rebase 12",
            "reencode 1 live 2",
        ] {
            let words: Vec<&str> = words.split(' ').collect();
            let error = Call::parse(&words).unwrap_err().to_string();
            assert!(error.contains(&words.join(" ")), "{error}");
        }
    }
}
