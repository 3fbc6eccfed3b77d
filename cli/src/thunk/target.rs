//! A thunk in a file, and the thunks that it needs, which the store has.

use std::collections::BTreeSet;
use std::fs::Permissions;
use std::io::{IntoInnerError, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use oyster_infer::Placeholder;
use oyster_infer::shell::read_placeholder;
use oyster_thunks::{Engine, Graph, RelativePath, Thunk, ThunkError, ThunkId};

use crate::files;

/// A file that stands for what its thunk makes.
pub(super) struct Target {
    pub(super) path: PathBuf,
    pub(super) thunk: ThunkId,
    /// The output that is meant.
    pub(super) output: RelativePath,
    /// The thunk and all it needs.
    pub(super) graph: Graph,
}

impl Target {
    /// The thunk in the file at `path`, or the one that it is a placeholder of.
    pub(super) fn open(store: &dyn Engine, path: &Path) -> Result<Self> {
        let told = || path.display().to_string();
        let bytes = read(path)?;
        let Some(placeholder) = Placeholder::parse(&bytes).with_context(told)? else {
            return Self::of(store, path.to_owned(), Thunk::from_bytes(&bytes).with_context(told)?);
        };
        let Some(bytes) = store.fetch(placeholder.thunk.0)? else {
            bail!("{}: the store no longer has its thunk {}: that is to be put off again", told(), placeholder.thunk);
        };
        let thunk = Thunk::from_bytes(&bytes).with_context(told)?;
        ensure!(thunk.outputs.contains_key(&placeholder.output), "{}: its thunk makes something else", told());
        Ok(Self { output: placeholder.output, ..Self::of(store, path.to_owned(), thunk)? })
    }

    /// `thunk` in the file at `path`.
    pub(super) fn of(store: &dyn Engine, path: PathBuf, thunk: Thunk) -> Result<Self> {
        let (id, output) = (thunk.id(), meant(&thunk)?);
        let graph = gather(store, thunk).with_context(|| path.display().to_string())?;
        Ok(Self { path, thunk: id, output, graph })
    }

    /// Puts the file in the place of what stood for it. It is as old as that was: to make, nothing has changed since. All of that is so once it
    /// has its name, as a file that is there is never made again.
    pub(super) fn become_file(&self, bytes: &[u8], is_executable: bool) -> Result<()> {
        let (file, mut output) = files::create(&self.path)?;
        let write = || {
            output.write_all(bytes)?;
            let whole = output.into_inner().map_err(IntoInnerError::into_error)?;
            if is_executable {
                whole.set_permissions(Permissions::from_mode(0o755))?;
            }
            whole.set_modified(std::fs::metadata(&self.path)?.modified()?)?;
            file.commit()
        };
        write().with_context(|| files::writing(&self.path))
    }
}

/// The targets at `paths`, and those in folders among these. What is a file already is left alone.
pub(super) fn open(store: &dyn Engine, paths: &[PathBuf]) -> Result<Vec<Target>> {
    let mut targets = Vec::new();
    for path in paths {
        if path.is_dir() {
            for path in placeholders_below(path)? {
                targets.push(Target::open(store, &path)?);
            }
        } else if is_begun(path)? {
            targets.push(Target::open(store, path)?);
        }
    }
    Ok(targets)
}

/// Whether a file begins as a thunk or a placeholder does.
fn is_begun(path: &Path) -> Result<bool> {
    let mut begin = Vec::new();
    let read = files::open(path)?.take(Placeholder::MAX_BYTES as u64).read_to_end(&mut begin);
    read.with_context(|| format!("{}: cannot read", path.display()))?;
    Ok(Placeholder::is_begun(&begin) || !matches!(Thunk::from_bytes(&begin), Err(ThunkError::NoThunk)))
}

fn placeholders_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let (mut open, mut found) = (vec![folder.to_owned()], Vec::new());
    while let Some(folder) = open.pop() {
        let told = || format!("{}: cannot read", folder.display());
        for entry in std::fs::read_dir(&folder).with_context(told)? {
            let entry = entry.with_context(told)?;
            let kind = entry.file_type().with_context(told)?;
            // What a link leads to is found where it is, if it is below.
            if kind.is_dir() {
                open.push(entry.path());
            } else if kind.is_file() && matches!(read_placeholder(&entry.path()), Ok(Some(_))) {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// What a thunk stands for.
pub(super) fn meant(thunk: &Thunk) -> Result<RelativePath> {
    thunk.outputs.keys().next().cloned().context("the thunk makes nothing")
}

/// `thunk` and all it needs, those that others need first.
fn gather(store: &dyn Engine, thunk: Thunk) -> Result<Graph> {
    let mut graph = Graph::default();
    let mut open = vec![thunk];
    let mut seen = BTreeSet::new();
    while let Some(thunk) = open.pop() {
        let lacking: BTreeSet<ThunkId> =
            thunk.references().map(|(id, _)| id).filter(|&id| graph.get(id).is_none()).collect();
        if lacking.is_empty() {
            graph.insert(thunk)?;
            continue;
        }
        open.push(thunk);
        for id in lacking {
            ensure!(seen.len() < MOST_THUNKS, "it needs more than {MOST_THUNKS} others");
            seen.insert(id);
            let Some(bytes) = store.fetch(id.0)? else {
                bail!("it needs the thunk {id}, which the store no longer has: that is to be created again");
            };
            let needed = Thunk::from_bytes(&bytes).with_context(|| id.to_string())?;
            ensure!(needed.id() == id, "the store has another thunk for {id}");
            open.push(needed);
        }
    }
    Ok(graph)
}

/// The content of a file that is an input or a thunk.
pub(super) fn read(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    files::open(path)?.read_to_end(&mut bytes).with_context(|| format!("{}: cannot read", path.display()))?;
    Ok(bytes)
}

/// More than the largest programs have files.
const MOST_THUNKS: usize = 1 << 20;
