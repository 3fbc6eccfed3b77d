//! Folders that functions run in, below one of this process's own. What a process leaves that was killed goes when the next begins.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::EngineError;
use super::store::doing;
use crate::digest::Digest;

/// A folder of this process's own.
#[derive(Debug)]
pub(super) struct Work {
    folder: TempDir,
    /// Locked for as long as the process lives.
    _lock: File,
}

impl Work {
    /// Makes one below `parent`, and removes what others left there that are no more.
    pub(super) fn open(parent: &Path) -> Result<Self, EngineError> {
        fs::create_dir_all(parent).map_err(|error| doing("making", parent, error))?;
        remove_abandoned(parent).map_err(|error| doing("reading", parent, error))?;
        let begin = || -> io::Result<Self> {
            let folder = TempDir::new_in(parent)?;
            // Who finds the lock finds it locked.
            let begun = folder.path().join("begun");
            let lock = File::create(&begun)?;
            lock.lock()?;
            fs::rename(begun, folder.path().join(LOCK))?;
            Ok(Self { folder, _lock: lock })
        };
        begin().map_err(|error| doing("making a folder in", parent, error))
    }

    /// A folder for one function, which goes with its value.
    pub(super) fn folder(&self) -> Result<TempDir, EngineError> {
        TempDir::new_in(self.folder.path()).map_err(|error| doing("making a folder in", self.folder.path(), error))
    }

    /// A file without a name, for what one function says.
    pub(super) fn file(&self) -> Result<File, EngineError> {
        tempfile::tempfile_in(self.folder.path()).map_err(|error| doing("making a file in", self.folder.path(), error))
    }

    /// Where a program lies that functions are.
    pub(super) fn program(&self, digest: Digest) -> PathBuf {
        self.folder.path().join(format!("program-{}", digest.hash()))
    }
}

fn remove_abandoned(parent: &Path) -> io::Result<()> {
    for entry in fs::read_dir(parent)? {
        let folder = entry?.path();
        // One without a lock has only just begun; one that is gone was removed by somebody else.
        let Ok(lock) = File::open(folder.join(LOCK)) else { continue };
        if lock.try_lock().is_ok() {
            // What a function that outlives its caller goes on to write there is removed by the next.
            let _ = fs::remove_dir_all(folder);
        }
    }
    Ok(())
}

const LOCK: &str = "lock";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_dead_left_goes_and_what_the_living_have_stays() {
        let parent = tempfile::tempdir().unwrap();
        let living = Work::open(parent.path()).unwrap();
        let used = living.folder().unwrap();
        let dead = parent.path().join("dead");
        fs::create_dir_all(dead.join("tree")).unwrap();
        fs::write(dead.join(LOCK), "").unwrap();
        let other = Work::open(parent.path()).unwrap();
        assert!(used.path().is_dir() && !dead.exists());
        drop((living, used, other));
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }
}
