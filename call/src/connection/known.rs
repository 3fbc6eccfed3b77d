//! The identities whose calls were accepted before: a line of 64 hexadecimal digits each, in the configuration folder.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use oyster_signalling::Fingerprint;

/// The peers that were let in.
#[derive(Clone, Debug, Default)]
pub struct KnownPeers {
    path: PathBuf,
    known: Vec<Fingerprint>,
}

impl KnownPeers {
    /// Those kept in `folder`. Lines that are no fingerprint are passed over.
    ///
    /// # Errors
    /// When there is a file and it cannot be read.
    pub fn load(folder: &Path) -> io::Result<Self> {
        let path = folder.join("known_peers");
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            read => read?,
        };
        let known = text.lines().filter_map(|line| line.trim().parse().ok()).take(MAX_KNOWN).collect();
        Ok(Self { path, known })
    }

    /// Whether this one was let in before.
    pub fn contains(&self, peer: &Fingerprint) -> bool {
        self.known.contains(peer)
    }

    /// Remembers one; past a thousand nobody is.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn insert(&mut self, peer: Fingerprint) -> io::Result<()> {
        if self.contains(&peer) || self.known.len() >= MAX_KNOWN {
            return Ok(());
        }
        self.known.push(peer);
        let mut file = fs::OpenOptions::new().append(true).create(true).open(&self.path)?;
        // One write of one line: another process's lines stay whole.
        file.write_all(format!("{peer}\n").as_bytes())
    }
}

/// More people than anyone calls.
const MAX_KNOWN: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_let_in_is_known_after_a_restart() {
        let folder = std::env::temp_dir().join(format!("oyster-known-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let mut known = KnownPeers::load(&folder).unwrap();
        let (friend, stranger) = (Fingerprint([1; 32]), Fingerprint([2; 32]));
        known.insert(friend).unwrap();
        known.insert(friend).unwrap();
        let known = KnownPeers::load(&folder).unwrap();
        assert!(known.contains(&friend) && !known.contains(&stranger));
        assert_eq!(known.known.len(), 1);
        fs::remove_dir_all(folder).unwrap();
    }
}
