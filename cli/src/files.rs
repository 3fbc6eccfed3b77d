//! Files as people name them: read with errors that say which, written beside and renamed so that none is half there.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use oyster_call::NewFile;
use oyster_codec::Image;
use oyster_codec::container::FrameRate;
use oyster_codec::container::ivf::IvfReader;
use oyster_codec::container::y4m::Y4mReader;
use oyster_emulator::Trace;

/// Begins a file that will be called `path` once it is whole.
pub(crate) fn create(path: &Path) -> Result<(NewFile, BufWriter<File>)> {
    expect_place(path)?;
    NewFile::create(path).with_context(|| writing(path))
}

/// Whether a file can be called `path`, to be asked before long work whose result goes there.
pub(crate) fn expect_place(path: &Path) -> Result<()> {
    ensure!(path.file_name().is_some(), "{}: not a file's name", path.display());
    ensure!(!path.is_dir(), "{}: cannot write: it is a folder", path.display());
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        ensure!(folder.exists(), "{}: cannot write: there is no folder {}", path.display(), folder.display());
        ensure!(folder.is_dir(), "{}: cannot write: {} is no folder", path.display(), folder.display());
    }
    Ok(())
}

/// Makes the folder `path` if it is not there.
pub(crate) fn expect_folder(path: &Path) -> Result<()> {
    std::fs::create_dir_all(path).with_context(|| format!("{}: cannot make this folder", path.display()))
}

/// Writes `bytes` as the whole of `path`.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let (file, mut output) = create(path)?;
    output.write_all(bytes).and_then(|()| output.flush()).and_then(|()| file.commit()).with_context(|| writing(path))
}

/// What an error is about that befell the writing of `path`.
pub(crate) fn writing(path: &Path) -> String {
    format!("{}: cannot write", path.display())
}

fn reading(path: &Path) -> String {
    format!("{}: cannot read", path.display())
}

/// Opens a file for reading.
pub(crate) fn open(path: &Path) -> Result<File> {
    let file = File::open(path).with_context(|| reading(path))?;
    ensure!(!file.metadata().is_ok_and(|about| about.is_dir()), "{}: it is a folder", reading(path));
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

/// The first `most` pictures of a y4m clip, at least one and not more than fit [`MAX_CLIP_BYTES`], and their rate if the
/// file states one.
pub(crate) fn read_clip(path: &Path, most: usize) -> Result<(Vec<Arc<Image>>, Option<FrameRate>)> {
    let mut clip = open_y4m(path)?;
    let most = most.min((MAX_CLIP_BYTES / clip.size().i420_bytes()).max(1));
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
    open(path)?.take(most).read_to_end(&mut bytes).with_context(|| reading(path))?;
    ensure!(bytes.len() < most as usize, "{}: a trace of more than {MAX_TRACE_BYTES} bytes", path.display());
    Trace::parse(&bytes).with_context(|| path.display().to_string())
}

/// What a clip may take in memory: 12 000 pictures of 640x360, 3000 of 720p. Longer ones play to and fro in this much.
const MAX_CLIP_BYTES: usize = 4 << 30;
/// The most lines a trace may have, each as long as its longest time: what is larger is no trace.
const MAX_TRACE_BYTES: u64 = 1 << 28;
