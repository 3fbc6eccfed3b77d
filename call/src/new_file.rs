//! Files that get their name only when they are whole.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

/// A file being written beside the name it will have. What there was under that name stays until [`NewFile::commit`]; dropped
/// before, nothing is left of it.
#[derive(Debug)]
pub struct NewFile {
    path: PathBuf,
    /// Where it is until then; none for a device or a pipe, which is written as it is.
    beside: Option<PathBuf>,
}

impl NewFile {
    /// Begins a file that will be called `path`.
    pub fn create(path: &Path) -> io::Result<(Self, BufWriter<File>)> {
        let special = std::fs::metadata(path).is_ok_and(|about| !about.is_file());
        let (file, beside) = if special {
            (File::options().write(true).open(path)?, None)
        } else {
            // The number of the process, so that two at once do not write into each other's.
            let target = target(path);
            let mut name = target.file_name().unwrap_or_default().to_owned();
            name.push(format!(".{}.part", std::process::id()));
            let beside = target.with_file_name(name);
            (File::create(&beside)?, Some(beside))
        };
        Ok((Self { path: path.to_owned(), beside }, BufWriter::with_capacity(1 << 18, file)))
    }

    /// Gives the whole file its name once the disk has it: what it replaces may be deleted by whoever reads our word.
    pub fn commit_to_disk(self, output: BufWriter<File>) -> io::Result<()> {
        let file = output.into_inner().map_err(io::IntoInnerError::into_error)?;
        // A pipe or a terminal has no disk.
        if self.beside.is_some() {
            file.sync_all()?;
        }
        self.commit()
    }

    /// Gives the whole file its name.
    pub fn commit(mut self) -> io::Result<()> {
        let Some(beside) = &self.beside else { return Ok(()) };
        std::fs::rename(beside, target(&self.path))?;
        self.beside = None;
        Ok(())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if let Some(beside) = &self.beside {
            // What is half written is of no use; that it could not be removed would be no news after the error.
            let _ = std::fs::remove_file(beside);
        }
    }
}

/// The file that a symbolic link leads to: the link is to stay one.
fn target(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}
