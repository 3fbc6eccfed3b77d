//! Files as people name them: read with errors that say which, written beside and renamed so that none is half there.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use oyster_codec::Image;
use oyster_codec::container::FrameRate;
use oyster_codec::container::ivf::IvfReader;
use oyster_codec::container::y4m::Y4mReader;
use oyster_emulator::Trace;

/// A file being written: it gets its name only when it is whole.
pub(crate) struct NewFile {
    path: PathBuf,
    beside: PathBuf,
    done: bool,
}

impl NewFile {
    /// Begins a file that will be called `path`.
    pub(crate) fn create(path: &Path) -> Result<(Self, BufWriter<File>)> {
        let mut name = path.file_name().with_context(|| format!("{}: not a file's name", path.display()))?.to_owned();
        name.push(".part");
        let beside = path.with_file_name(name);
        let file = File::create(&beside).with_context(|| format!("cannot write {}", path.display()))?;
        Ok((Self { path: path.to_owned(), beside, done: false }, BufWriter::with_capacity(1 << 18, file)))
    }

    /// Gives the whole file its name.
    pub(crate) fn commit(mut self) -> Result<()> {
        std::fs::rename(&self.beside, &self.path).with_context(|| format!("cannot write {}", self.path.display()))?;
        self.done = true;
        Ok(())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.done {
            // What is half written is of no use; that it could not be removed would be no news after the error.
            let _ = std::fs::remove_file(&self.beside);
        }
    }
}

/// Writes `bytes` as the whole of `path`.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let (file, mut output) = NewFile::create(path)?;
    output
        .write_all(bytes)
        .and_then(|()| output.flush())
        .with_context(|| format!("cannot write {}", path.display()))?;
    file.commit()
}

fn open(path: &Path) -> Result<File> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    ensure!(!file.metadata().is_ok_and(|about| about.is_dir()), "cannot read {}: it is a folder", path.display());
    Ok(file)
}

/// Opens a y4m clip.
pub(crate) fn open_y4m(path: &Path) -> Result<Y4mReader<File>> {
    Y4mReader::new(open(path)?).with_context(|| path.display().to_string())
}

/// Opens an IVF file.
pub(crate) fn open_ivf(path: &Path) -> Result<IvfReader<BufReader<File>>> {
    IvfReader::new(BufReader::with_capacity(1 << 18, open(path)?)).with_context(|| path.display().to_string())
}

/// The first `most` pictures of a y4m clip, at least one, and their rate if the file states one.
pub(crate) fn read_clip(path: &Path, most: usize) -> Result<(Vec<Arc<Image>>, Option<FrameRate>)> {
    let mut clip = open_y4m(path)?;
    let mut frames = Vec::new();
    while frames.len() < most
        && let Some(image) = clip.read_frame().with_context(|| path.display().to_string())?
    {
        frames.push(Arc::new(image));
    }
    ensure!(!frames.is_empty(), "{}: a y4m header but no frame", path.display());
    Ok((frames, clip.frame_rate()))
}

/// Reads a mahimahi trace.
pub(crate) fn read_trace(path: &Path) -> Result<Trace> {
    let mut bytes = Vec::new();
    // One byte past the limit is enough to be told of it.
    let most = MAX_TRACE_BYTES + 1;
    open(path)?.take(most).read_to_end(&mut bytes).with_context(|| format!("cannot read {}", path.display()))?;
    ensure!(bytes.len() < most as usize, "{}: a trace of more than {MAX_TRACE_BYTES} bytes", path.display());
    Trace::parse(&bytes).with_context(|| path.display().to_string())
}

/// The most lines a trace may have, each as long as its longest time: what is larger is no trace.
const MAX_TRACE_BYTES: u64 = 1 << 28;
