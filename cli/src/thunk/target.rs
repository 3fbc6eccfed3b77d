//! A thunk in a file, and the thunks that it needs, which the store has.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use oyster_thunks::{Engine, Graph, RelativePath, Thunk, ThunkId};

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
    /// The thunk in the file at `path`.
    pub(super) fn open(store: &dyn Engine, path: &Path) -> Result<Self> {
        let thunk = Thunk::from_bytes(&read(path)?).with_context(|| path.display().to_string())?;
        Self::of(store, path.to_owned(), thunk)
    }

    /// `thunk` in the file at `path`.
    pub(super) fn of(store: &dyn Engine, path: PathBuf, thunk: Thunk) -> Result<Self> {
        let (id, output) = (thunk.id(), meant(&thunk)?);
        let graph = gather(store, thunk).with_context(|| path.display().to_string())?;
        Ok(Self { path, thunk: id, output, graph })
    }
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
