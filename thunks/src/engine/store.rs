//! Blobs and remembered results as files. Written beside and renamed, so that none is half there; the least lately used go
//! when there is too much. Several processes may share a store.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::EngineError;
use crate::digest::Digest;

/// A folder of files that are named by a digest each.
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
}

impl Store {
    /// The store in `folder`, which is made where it is missing.
    pub(super) fn open(folder: PathBuf) -> Result<Self, EngineError> {
        fs::create_dir_all(&folder).map_err(|error| doing("making", &folder, error))?;
        Ok(Self { folder })
    }

    /// Where the file of this name is, if it is there. The first byte of a hash is a folder, so that no folder has too many files.
    pub(super) fn path(&self, digest: Digest) -> PathBuf {
        let hash = digest.hash();
        self.folder.join(&hash[..2]).join(format!("{hash}-{}", digest.bytes()))
    }

    /// Whether a blob is there; it counts as used. One of another length was cut off when a machine lost its power.
    pub(super) fn holds(&self, digest: Digest) -> bool {
        self.touch(digest) == Some(digest.bytes())
    }

    /// Lets a file that is there count as used; answers its length.
    pub(super) fn touch(&self, digest: Digest) -> Option<u64> {
        let file = File::options().append(true).open(self.path(digest)).ok()?;
        // One that cannot be marked is only thrown away sooner.
        let _ = file.set_modified(now());
        file.metadata().ok().map(|about| about.len())
    }

    pub(super) fn read(&self, digest: Digest) -> Result<Option<Vec<u8>>, EngineError> {
        let path = self.path(digest);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(doing("reading", &path, error)),
        }
    }

    pub(super) fn write(&self, digest: Digest, bytes: &[u8]) -> Result<(), EngineError> {
        let path = self.path(digest);
        let failed = |error| doing("writing", &path, error);
        let mut beside = self.beside(&path).map_err(failed)?;
        beside.write_all(bytes).map_err(failed)?;
        beside.persist(&path).map_err(|error| failed(error.error))?;
        Ok(())
    }

    /// Takes the file at `from`, which need not be there any more after that, and answers its name.
    pub(super) fn take(&self, from: &Path) -> Result<Digest, EngineError> {
        let bytes = fs::read(from).map_err(|error| doing("reading", from, error))?;
        let digest = Digest::of(&bytes);
        if !self.holds(digest) && !self.moved(from, digest) {
            self.write(digest, &bytes)?;
        }
        Ok(digest)
    }

    /// Whether the file at `from` could be moved here: one that is no link, and has no other name by which it could be written into.
    fn moved(&self, from: &Path, digest: Digest) -> bool {
        let is_alone = fs::symlink_metadata(from).is_ok_and(|about| about.is_file() && about.nlink() == 1);
        is_alone
            && fs::set_permissions(from, fs::Permissions::from_mode(0o600)).is_ok()
            && fs::rename(from, self.path(digest)).is_ok()
    }

    fn beside(&self, path: &Path) -> io::Result<tempfile::NamedTempFile> {
        let folder = path.parent().unwrap_or(&self.folder);
        let make = || tempfile::Builder::new().prefix(PART).tempfile_in(folder);
        make().or_else(|error| match error.kind() {
            // The first of its byte: 256 folders are not made for a store that is opened to look at one file.
            io::ErrorKind::NotFound => fs::create_dir_all(folder).and_then(|()| make()),
            _ => Err(error),
        })
    }

    /// Removes what was used longest ago, until what is left has no more than `most` bytes.
    pub(super) fn shrink(&self, most: u64) -> Result<(), EngineError> {
        let mut files = Vec::new();
        for byte in 0..=u8::MAX {
            let folder = self.folder.join(format!("{byte:02x}"));
            let entries = match fs::read_dir(&folder) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                entries => entries.map_err(|error| doing("reading", &folder, error))?,
            };
            for entry in entries {
                // Another process may be shrinking, too: what is gone is gone.
                let Some((entry, about)) = entry.ok().and_then(|entry| Some((entry.path(), entry.metadata().ok()?)))
                else {
                    continue;
                };
                files.push((about.modified().unwrap_or(SystemTime::UNIX_EPOCH), about.len(), entry));
            }
        }
        let mut bytes: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        files.sort();
        for (_, size, path) in files {
            if bytes <= most {
                break;
            }
            let _ = fs::remove_file(path);
            bytes -= size;
        }
        Ok(())
    }
}

pub(super) fn doing(what: &str, path: &Path, error: io::Error) -> EngineError {
    EngineError::Io { what: format!("{what} {}", path.display()), error }
}

#[expect(clippy::disallowed_methods, reason = "only tells what was used before what, in a store on disk")]
fn now() -> SystemTime {
    SystemTime::now()
}

/// What files not yet whole begin with.
const PART: &str = ".part-";

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn what_was_used_longest_ago_goes_first() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().to_owned()).unwrap();
        let blobs: Vec<Vec<u8>> = (0..5u8).map(|n| vec![n; 100]).collect();
        for (age, blob) in (1..).zip(&blobs) {
            let digest = Digest::of(blob);
            store.write(digest, blob).unwrap();
            let file = File::options().append(true).open(store.path(digest)).unwrap();
            file.set_modified(now() - Duration::from_secs(100 * age)).unwrap();
        }
        // The oldest is used again.
        assert!(store.holds(Digest::of(&blobs[4])));
        store.shrink(250).unwrap();
        let held: Vec<bool> = blobs.iter().map(|blob| store.read(Digest::of(blob)).unwrap().is_some()).collect();
        assert_eq!(held, [true, false, false, false, true]);
    }
}
