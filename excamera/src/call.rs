//! One function applied: the words after an executable's name, and the files in its folder.

use std::fmt;
use std::io::{self, Read, Write};

use oyster_codec::{Effort, QuantizerIndex, State};

use crate::functions::{Error, Settings, decide, encode, open, rebase};
use crate::graph::Step;

/// A step with its settings, as the executable of a thunk is told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// [`open`]: of `picture`, `frames` and `state`.
    Open(Settings),
    /// [`decide`]: of `picture-before` and `picture`, `frames`.
    Decide {
        /// How.
        settings: Settings,
        /// How many pictures of the batch come before.
        before: usize,
    },
    /// [`rebase`]: of `picture`, `decided` and `before`, `frames` and `state`. Its settings are in the frames.
    Rebase,
    /// [`encode`]: of `pictures`, `anchor` and `before`, `frames`.
    Encode(Settings),
}

/// Words that call nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallError {
    words: String,
    known: &'static str,
}

impl CallError {
    /// These words, where only those of the `known` call something.
    pub fn new(words: &[&str], known: &'static str) -> Self {
        Self { words: words.join(" "), known }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { words, known } = self;
        write!(f, "`{words}` is no function: {known} are")
    }
}

impl std::error::Error for CallError {}

impl Call {
    /// What it does.
    pub fn step(&self) -> Step {
        match self {
            Self::Open(_) => Step::Open,
            Self::Decide { .. } => Step::Decide,
            Self::Rebase => Step::Rebase,
            Self::Encode(_) => Step::Encode,
        }
    }

    /// The names of what it reads and of what it makes.
    pub fn files(&self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Self::Open(_) => (&["picture"], &["frames", "state"]),
            Self::Decide { .. } => (&["picture-before", "picture"], &["frames"]),
            Self::Rebase => (&["picture", "decided", "before"], &["frames", "state"]),
            Self::Encode(_) => (&["pictures", "anchor", "before"], &["frames"]),
        }
    }

    /// The words that [`Call::parse`] reads.
    pub fn words(&self) -> Vec<String> {
        let settings = |it: &Settings| [it.quantizer.value().to_string(), effort_name(it.effort).to_owned()];
        let mut words = vec![self.step().name().to_owned()];
        match self {
            Self::Open(it) | Self::Encode(it) => words.extend(settings(it)),
            Self::Decide { settings: it, before } => words.extend(settings(it).into_iter().chain([before.to_string()])),
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
            ["open", quantizer, effort] => settings(quantizer, effort).map(Self::Open),
            ["decide", quantizer, effort, before] => settings(quantizer, effort)
                .and_then(|settings| Some(Self::Decide { settings, before: before.parse().ok()? })),
            ["encode", quantizer, effort] => settings(quantizer, effort).map(Self::Encode),
            ["rebase"] => Some(Self::Rebase),
            _ => None,
        };
        call.ok_or_else(|| CallError::new(&words, KNOWN))
    }

    /// Applies the function: `read` opens an input, and `write` has an output filled.
    pub fn apply<R: Read, E: From<Error>>(
        &self,
        read: impl Fn(&'static str) -> Result<R, E>,
        write: impl Fn(&'static str, Fill<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let (frames, state) = match self {
            Self::Open(settings) => with_state(open(read("picture")?, *settings)?),
            Self::Rebase => with_state(rebase(read("picture")?, read("decided")?, read("before")?)?),
            Self::Decide { settings, before } => {
                (decide(read("picture-before")?, read("picture")?, *before, *settings)?, None)
            }
            Self::Encode(settings) => (encode(read("pictures")?, read("anchor")?, read("before")?, *settings)?, None),
        };
        write("frames", &|output| output.write_all(&frames))?;
        state.map_or(Ok(()), |state| write("state", &|output| state.write_content(output)))
    }
}

/// Writes the whole of an output.
pub type Fill<'a> = &'a dyn Fn(&mut dyn Write) -> io::Result<()>;

fn with_state((frames, state): (Vec<u8>, State)) -> (Vec<u8>, Option<State>) {
    (frames, Some(state))
}

const KNOWN: &str = "open Q EFFORT, decide Q EFFORT BEFORE, rebase and encode Q EFFORT";

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
            for call in
                [Call::Open(settings), Call::Decide { settings, before: 12 }, Call::Rebase, Call::Encode(settings)]
            {
                assert_eq!(Call::parse(&call.words()), Ok(call));
            }
        }
        for words in [
            "",
            "encode",
            "encode 128 film",
            "encode 12 best",
            "encode -1 film",
            "rebase 12",
            "decide 1 live",
            "decide 12 film -1",
        ] {
            let words: Vec<&str> = words.split(' ').collect();
            let error = Call::parse(&words).unwrap_err().to_string();
            assert!(error.contains(&words.join(" ")), "{error}");
        }
    }
}
