//! A film's file: frames in the container that its name asks for.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use oyster_call::NewFile;
use oyster_call::webm::WebmWriter;
use oyster_codec::container::FrameRate;
use oyster_codec::container::ivf::IvfWriter;
use oyster_codec::{Size, is_shown_frame};

use crate::files::{self, writing};

/// A film that is being written; it has its name once it is whole.
pub(crate) struct FilmFile {
    path: PathBuf,
    file: NewFile,
    writer: Writer,
    rate: FrameRate,
    frames: u64,
}

enum Writer {
    Ivf(IvfWriter<BufWriter<File>>),
    Webm(WebmWriter<BufWriter<File>>),
}

impl FilmFile {
    /// Begins a film that will be called `path`: WebM if that ends so, else IVF.
    pub(crate) fn create(path: &Path, size: Size, rate: FrameRate) -> Result<Self> {
        let (file, bytes) = files::create(path)?;
        let is_webm = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("webm"));
        let writer = if is_webm {
            WebmWriter::film(bytes, size, rate).map(Writer::Webm)
        } else {
            IvfWriter::new(bytes, size, rate).map(Writer::Ivf)
        };
        let writer = writer.with_context(|| writing(path))?;
        Ok(Self { path: path.to_owned(), file, writer, rate, frames: 0 })
    }

    /// Adds the next frame. A hidden one has the time of the shown one that comes next.
    pub(crate) fn write_frame(&mut self, frame: &[u8]) -> Result<()> {
        let written = match &mut self.writer {
            Writer::Ivf(ivf) => ivf.write_frame(frame, self.frames),
            Writer::Webm(webm) => webm.write_frame(frame, self.rate.time_of(self.frames)),
        };
        self.frames += u64::from(is_shown_frame(frame));
        written.with_context(|| writing(&self.path))
    }

    /// How many frames are shown of those that were added.
    pub(crate) fn frames(&self) -> u64 {
        self.frames
    }

    /// Gives the film its name.
    pub(crate) fn finish(self) -> Result<()> {
        let finished = match self.writer {
            Writer::Ivf(ivf) => ivf.finish(),
            Writer::Webm(webm) => webm.finish(),
        };
        finished.and_then(|_| self.file.commit()).with_context(|| writing(&self.path))
    }
}
