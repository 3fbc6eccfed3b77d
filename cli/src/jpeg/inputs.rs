//! Which files are meant: files by name, folders with all JPEGs in and below them, patterns that no shell has filled in.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// A file and what to call it below a folder of results.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Input {
    pub(crate) path: PathBuf,
    pub(crate) name: PathBuf,
}

/// The files meant, in the order of the arguments and by name within them. `wanted` are the ends of names taken from folders.
pub(crate) fn gather(arguments: &[PathBuf], wanted: &[&str]) -> Result<Vec<Input>> {
    let mut inputs = Vec::new();
    for argument in arguments {
        if argument.is_dir() {
            let before = inputs.len();
            walk(argument, argument, wanted, 0, &mut inputs)?;
            if inputs.len() == before {
                bail!("{}: no file here ends in {}", argument.display(), wanted.join(", "));
            }
        } else if !argument.exists() && argument.to_str().is_some_and(|text| text.contains(['*', '?', '['])) {
            let text = argument.to_str().unwrap_or_default();
            let matches = glob::glob(text).with_context(|| format!("{text}: not a pattern of file names"))?;
            let before = inputs.len();
            for path in matches {
                let path = path.with_context(|| format!("{text}: cannot look through"))?;
                if path.is_file() {
                    inputs.push(named(path));
                }
            }
            if inputs.len() == before {
                bail!("{text}: no file has such a name");
            }
        } else {
            inputs.push(named(argument.clone()));
        }
    }
    Ok(inputs)
}

fn named(path: PathBuf) -> Input {
    let name = path.file_name().map_or_else(|| path.clone(), PathBuf::from);
    Input { path, name }
}

fn walk(top: &Path, folder: &Path, wanted: &[&str], depth: usize, inputs: &mut Vec<Input>) -> Result<()> {
    if depth > MAX_DEPTH {
        bail!("{}: more than {MAX_DEPTH} folders within each other", folder.display());
    }
    let entries = std::fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut entries = entries.with_context(|| format!("{}: cannot read this folder", folder.display()))?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        // Links are not followed: they may lead round in a circle.
        let kind = entry.file_type().with_context(|| format!("{}: cannot read", path.display()))?;
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
        if kind.is_dir() {
            walk(top, &path, wanted, depth + 1, inputs)?;
        } else if kind.is_file() && extension.is_some_and(|extension| wanted.contains(&&extension[..])) {
            let name = path.strip_prefix(top).unwrap_or(&path).to_owned();
            inputs.push(Input { path, name });
        }
    }
    Ok(())
}

/// Deeper than anybody files pictures.
const MAX_DEPTH: usize = 64;
