//! What happened in calls, line by line with its time, for finding out afterwards why one was as it was. It is added to, never
//! replaced, and each line is there as soon as it is written, so that a crash leaves it readable.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use oyster_call::Clock;

use crate::files::{self, writing};

/// A file of lines; perhaps nowhere.
#[derive(Debug)]
pub(crate) struct Diary {
    clock: Clock,
    place: Option<(File, PathBuf)>,
    outcome: Result<()>,
}

impl Diary {
    /// Goes on at the end of `path`, if there is to be one.
    pub(crate) fn open(path: Option<&Path>) -> Result<Self> {
        let open = |path: &Path| {
            files::expect_place(path)?;
            let file = File::options().append(true).create(true).open(path).with_context(|| writing(path))?;
            anyhow::Ok((file, path.to_owned()))
        };
        Ok(Self { clock: Clock::start(), place: path.map(open).transpose()?, outcome: Ok(()) })
    }

    /// Adds a line: Unix seconds, then the words.
    pub(crate) fn note(&mut self, words: &str) {
        let Some((file, path)) = &mut self.place else { return };
        let seconds = self.clock.unix_us(self.clock.now()) as f64 / 1e6;
        let line = format!("{seconds:.3} {}\n", words.trim_end().replace('\n', " | "));
        if let Err(error) = file.write_all(line.as_bytes()) {
            // The call is worth more than its diary.
            self.outcome = Err(error).with_context(|| writing(path));
            self.place = None;
        }
    }

    /// Whether all of it could be written.
    pub(crate) fn close(self) -> Result<()> {
        self.outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_added_with_their_times() {
        let path = std::env::temp_dir().join(format!("oyster-diary-{}.log", std::process::id()));
        for words in ["one\n", "two\nlines"] {
            let mut diary = Diary::open(Some(&path)).unwrap();
            diary.note(words);
            diary.close().unwrap();
        }
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let lines: Vec<(&str, &str)> = text.lines().map(|line| line.split_once(' ').unwrap()).collect();
        assert_eq!(lines.iter().map(|line| line.1).collect::<Vec<_>>(), ["one", "two | lines"]);
        assert!(lines.iter().all(|line| line.0.parse::<f64>().unwrap() > 1.7e9), "{text}");
    }

    #[test]
    fn a_full_disk_is_told_at_the_end() {
        let mut diary = Diary::open(Some(Path::new("/dev/full"))).unwrap();
        diary.note("one");
        diary.note("two");
        let error = format!("{:#}", diary.close().unwrap_err());
        assert!(error.starts_with("/dev/full: cannot write: No space left"), "{error}");
    }
}
