//! What engines remember, looked at while they run.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::buildbox::Server;

pub(crate) fn files_below(folder: PathBuf) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths.flat_map(|path| if path.is_dir() { files_below(path) } else { vec![path] }).collect()
}

/// Waits until so many thunks are remembered in a store of this machine; how many those are then.
pub(crate) fn until_remembered(store: &Path, count: usize) -> u64 {
    until_there(&store.join("memo"), count)
}

/// Waits until a server has executed so many.
pub(crate) fn until_cluster_remembers(server: &Server, count: usize) {
    until_there(&server.folder.path().join("actioncache/objects"), count);
}

/// Waits until a folder has so many files that are whole.
#[track_caller]
fn until_there(folder: &Path, count: usize) -> u64 {
    for _ in 0..LOOKS {
        let files = files_below(folder.to_owned());
        let whole = files.iter().filter(|path| !path.file_name().unwrap().to_str().unwrap().starts_with('.')).count();
        if whole >= count {
            return whole as u64;
        }
        std::thread::park_timeout(Duration::from_millis(1));
    }
    panic!("there are never {count} files in {}", folder.display());
}

/// One a millisecond: for longer than any program has until it is killed.
const LOOKS: u32 = 100_000;
