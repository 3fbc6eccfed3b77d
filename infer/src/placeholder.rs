//! The file that a build finds where it expects a product: it stands for what a thunk makes, and is a script that forces it when
//! it is run.

use std::fmt;

use oyster_thunks::{Digest, DigestError, PathError, RelativePath, ThunkId};

/// A file that stands for an output of a thunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placeholder {
    /// The thunk.
    pub thunk: ThunkId,
    /// The path under which it makes the file.
    pub output: RelativePath,
}

/// A file that begins as a placeholder does and is none.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlaceholderError {
    /// It is not three lines of text.
    Lines,
    /// Its second line is no digest.
    Digest(DigestError),
    /// Its third line is no path.
    Path(PathError),
}

impl fmt::Display for PlaceholderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this begins as a placeholder and is none: ")?;
        match self {
            Self::Lines => write!(f, "behind its first line there is one with a digest and one with a path"),
            Self::Digest(error) => error.fmt(f),
            Self::Path(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for PlaceholderError {}

impl Placeholder {
    /// The most bytes that one has.
    pub const MAX_BYTES: usize = 8192;

    /// Whether a file that begins with these bytes is to be one.
    pub fn is_begun(bytes: &[u8]) -> bool {
        bytes.starts_with(MAGIC.as_bytes())
    }

    /// Reads what [`Placeholder::to_text`] wrote; none if the bytes are no placeholder's.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, PlaceholderError> {
        let Some(rest) = bytes.strip_prefix(MAGIC.as_bytes()) else { return Ok(None) };
        let text = Some(rest).filter(|rest| rest.len() < Self::MAX_BYTES).and_then(|rest| str::from_utf8(rest).ok());
        let lines: Vec<&str> = text.and_then(|text| text.strip_suffix('\n')).unwrap_or_default().split('\n').collect();
        let [digest, path] = lines[..] else { return Err(PlaceholderError::Lines) };
        let digest: Digest = digest.parse().map_err(PlaceholderError::Digest)?;
        Ok(Some(Self { thunk: ThunkId(digest), output: RelativePath::new(path).map_err(PlaceholderError::Path)? }))
    }

    /// What is in the file.
    pub fn to_text(&self) -> String {
        format!("{MAGIC}{}\n{}\n", self.thunk, self.output)
    }
}

/// Run, it is forced and then run for real, by the `oyster` on the search path. (Behind `#!` the kernel gives one word.)
const MAGIC: &str = "#!/usr/bin/env -S oyster thunk exec\n";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_placeholder_reads_back(data in any::<[u8; 4]>(), path in "[a-z]{1,9}(/[a-z .]{1,9}x){0,3}") {
            let placeholder =
                Placeholder { thunk: ThunkId(Digest::of(&data)), output: RelativePath::new(path).unwrap() };
            prop_assert_eq!(Placeholder::parse(placeholder.to_text().as_bytes()), Ok(Some(placeholder)));
        }
    }

    #[test]
    fn other_files_are_other_files_and_broken_ones_are_errors() {
        assert_eq!(Placeholder::parse(b"\x7fELF"), Ok(None));
        assert_eq!(Placeholder::parse(b"#!/bin/sh\n"), Ok(None));
        let whole = Placeholder { thunk: ThunkId(Digest::of(b"")), output: RelativePath::new("a").unwrap() }.to_text();
        for end in MAGIC.len()..whole.len() {
            assert!(Placeholder::parse(&whole.as_bytes()[..end]).is_err(), "{end}");
        }
        assert!(Placeholder::parse(whole.replace("\na\n", "\n../a\n").as_bytes()).is_err());
        assert!(Placeholder::parse(whole.replace("\na\n", "\na\nb\n").as_bytes()).is_err());
    }
}
