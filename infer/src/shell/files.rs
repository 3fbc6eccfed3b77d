//! Files of a build: what is in them, or whose outputs they stand for.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use oyster_thunks::{Digest, Engine, Input};

use crate::place::{Located, Place};
use crate::placeholder::Placeholder;
use crate::word::Refusal;

/// What keeps a call from being put off.
#[derive(Debug)]
pub(super) enum Obstacle {
    /// It is made for real.
    Refused(Refusal),
    /// A file or the store could not be used.
    Failed(io::Error),
    /// These must be files first.
    Needs(Vec<String>),
}

impl From<Refusal> for Obstacle {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<io::Error> for Obstacle {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

/// The placeholder in the file at `path`; none if it is another file, or not there.
pub fn read_placeholder(path: &Path) -> io::Result<Option<Placeholder>> {
    // A folder or a pipe is none.
    if !fs::metadata(path).is_ok_and(|about| about.is_file() && about.len() <= Placeholder::MAX_BYTES as u64) {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(Placeholder::MAX_BYTES as u64).read_to_end(&mut bytes)?;
    Placeholder::parse(&bytes).map_err(|error| io::Error::other(format!("{}: {error}", path.display())))
}

/// The files that a call reads, as they are found.
pub(super) struct Found<'a> {
    pub(super) place: &'a Place,
    pub(super) store: &'a dyn Engine,
    /// Those of the build, by the names that the call has for them.
    pub(super) inputs: BTreeMap<String, Input>,
    /// Those of the machine, by their whole paths.
    pub(super) machine: BTreeMap<String, Digest>,
}

impl<'a> Found<'a> {
    pub(super) fn new(place: &'a Place, store: &'a dyn Engine, machine: BTreeMap<String, Digest>) -> Self {
        Self { place, store, inputs: BTreeMap::new(), machine }
    }

    /// Adds a file. Where one of `alien` is in it, the call reads more than is known.
    pub(super) fn add(&mut self, path: &str, alien: &[&str]) -> Result<(), Obstacle> {
        if self.inputs.contains_key(path) {
            return Ok(());
        }
        match self.place.locate(path)? {
            Located::Outside(whole) => {
                if !self.machine.contains_key(&whole) {
                    self.machine.insert(whole.clone(), Digest::of(&read(&whole)?));
                }
            }
            Located::Inside(_) => {
                expect_plain(self.place, path)?;
                let input = self.input(path, alien)?;
                self.inputs.insert(path.to_owned(), input);
            }
        }
        Ok(())
    }

    /// What a file of the build is to a thunk.
    pub(super) fn input(&self, path: &str, alien: &[&str]) -> Result<Input, Obstacle> {
        let bytes = read(path)?;
        if let Some(placeholder) = Placeholder::parse(&bytes).map_err(io::Error::other)? {
            return Ok(Input::output(placeholder.thunk, placeholder.output));
        }
        if !alien.is_empty() {
            let text = String::from_utf8_lossy(&bytes);
            if let Some(alien) = alien.iter().find(|alien| text.contains(**alien)) {
                return Err(Refusal::strange(format!("{alien} in {path}")).into());
            }
        }
        let digest = Digest::of(&bytes);
        if !self.store.missing(&[digest]).map_err(io::Error::other)?.is_empty() {
            self.store.store(digest, &bytes).map_err(io::Error::other)?;
        }
        let input = Input::value(digest);
        let is_executable = fs::metadata(path)?.permissions().mode() & 0o111 != 0;
        Ok(if is_executable { input.executable() } else { input })
    }
}

/// What is in a file; if it cannot be read, the program itself is to say so.
fn read(path: &str) -> Result<Vec<u8>, Obstacle> {
    fs::read(path).map_err(|_| Refusal::Question.into())
}

/// That `..` leads to where it seems to lead, with no symbolic link before it.
fn expect_plain(place: &Place, path: &str) -> Result<(), Obstacle> {
    if !path.split('/').any(|name| name == "..") {
        return Ok(());
    }
    let Located::Inside(below) = place.locate(path)? else { return Ok(()) };
    let plain = Path::new(place.root()).join(below.as_str());
    let is_same = |a: &Path, b: &Path| Some(fs::canonicalize(a.parent()?).ok()? == fs::canonicalize(b.parent()?).ok()?);
    match is_same(Path::new(path), &plain) {
        Some(true) => Ok(()),
        _ => Err(Refusal::strange(format!("{path}, where .. follows a symbolic link")).into()),
    }
}
