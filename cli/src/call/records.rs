//! What is written down of calls: a row a frame, what happened, and the figures at the end.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use serde::Serialize;

use super::diary::Diary;
use super::log::CallLog;
use super::media::Media;
use crate::{files, words};

/// The files of calls that are being written.
#[derive(Debug)]
pub(crate) struct Records {
    pub(crate) log: CallLog,
    pub(crate) diary: Diary,
    figures: Option<PathBuf>,
}

impl Records {
    /// Begins those that are asked for; that there is no place for one, or for the recording, is better known before anyone is rung up.
    pub(crate) fn create(media: &Media) -> Result<Self> {
        if let Some(path) = &media.json {
            files::expect_place(path)?;
        }
        if let Some(path) = &media.record {
            files::expect_place(path)?;
            ensure!(!path.is_file(), "{}: is there already; a recording replaces nothing", path.display());
        }
        let log = CallLog::create(media.log.as_deref())?;
        Ok(Self { log, diary: Diary::open(media.diagnostics.as_deref())?, figures: media.json.clone() })
    }

    /// Tells the person something, and notes it.
    pub(crate) fn tell(&mut self, text: &str) {
        words::tell(text);
        self.diary.note(text);
    }

    /// Writes a call's figures, if they are asked for.
    pub(crate) fn write_figures(&self, figures: &impl Serialize) -> Result<()> {
        let Some(path) = &self.figures else { return Ok(()) };
        let mut text = serde_json::to_string_pretty(figures)?;
        text.push('\n');
        files::write(path, text.as_bytes())
    }

    /// Gives the files their names.
    pub(crate) fn commit(self) -> Result<()> {
        self.log.commit()?;
        self.diary.close()
    }
}
