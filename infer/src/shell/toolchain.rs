//! Which files of the machine a program is: itself, the programs that it runs, the libraries that these load. Their content is part of
//! the name of all that they make. Worked out once and kept; the next time only size and time of each file are looked at.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use oyster_thunks::Digest;

use super::programs::real_program;
use crate::models::Model;

/// The files of a program, and the folders in which it finds others by their plain names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Toolchain {
    pub(super) files: BTreeMap<String, Digest>,
    pub(super) folders: Vec<String>,
}

/// The toolchain behind `program`, as it was kept in `cache` or is found now.
pub(super) fn toolchain(program: &Path, model: Option<Model>, path: &OsStr, cache: &Path) -> io::Result<Toolchain> {
    let name = format!("{} {model:?} {}", program.display(), path.display());
    let kept = cache.join(format!("toolchain-{}", Digest::of(name.as_bytes()).hash()));
    if let Some(toolchain) = fs::read_to_string(&kept).ok().and_then(|text| read(&text)) {
        return Ok(toolchain);
    }
    let found = find(program, model, path)?;
    let text = write(&found)?;
    fs::create_dir_all(cache)?;
    let beside = tempfile::NamedTempFile::new_in(cache)?;
    fs::write(beside.path(), text)?;
    beside.persist(&kept).map_err(|error| error.error)?;
    Ok(found)
}

fn find(program: &Path, model: Option<Model>, path: &OsStr) -> io::Result<Toolchain> {
    let mut programs = vec![program.to_owned()];
    let mut folders = Vec::new();
    let mut data = Vec::new();
    if model == Some(Model::Compiler) {
        for name in PARTS {
            // One that it does not have is answered by its plain name, and may be another's on the search path.
            let told = say(program, &[&format!("-print-prog-name={name}")], path)?;
            let found = if told.contains('/') { Some(PathBuf::from(&told)) } else { real_program(&told, path) };
            let Some(found) = found.filter(|found| found.is_file()) else { continue };
            if !told.contains('/')
                && let Some(folder) = found.parent()
            {
                folders.push(folder.display().to_string());
            }
            programs.push(found);
        }
        for name in DATA {
            let told = say(program, &[&format!("-print-file-name={name}")], path)?;
            data.extend(Some(PathBuf::from(told)).filter(|path| path.is_absolute() && path.is_file()));
        }
    }
    for program in programs {
        let libraries = Command::new("ldd").arg(&program).env("PATH", path).output();
        let told = libraries.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        let paths = told.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from);
        data.extend(paths.filter(|path| path.is_file()));
        data.push(program);
    }
    let mut files = BTreeMap::new();
    for path in data {
        files.insert(path.display().to_string(), Digest::of(&fs::read(&path)?));
    }
    folders.dedup();
    Ok(Toolchain { files, folders })
}

fn say(program: &Path, words: &[&str], path: &OsStr) -> io::Result<String> {
    let output = Command::new(program).args(words).env("PATH", path).output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// What a compiler's driver runs.
const PARTS: [&str; 9] = ["cc1", "cc1plus", "cc1obj", "as", "ld", "collect2", "lto1", "lto-wrapper", "ld.bfd"];
/// What it reads besides sources and libraries.
const DATA: [&str; 2] = ["specs", "liblto_plugin.so"];

/// A toolchain as a text, with what tells whether its files are still the same.
fn write(toolchain: &Toolchain) -> io::Result<String> {
    let mut text = String::new();
    for folder in &toolchain.folders {
        let _ = writeln!(text, "folder\t{folder}");
    }
    for (path, digest) in &toolchain.files {
        let _ = writeln!(text, "{}\t{digest}\t{path}", stamp(Path::new(path))?);
    }
    Ok(text)
}

/// Reads what [`write`] wrote; none if a file is another by now.
fn read(text: &str) -> Option<Toolchain> {
    let mut toolchain = Toolchain::default();
    for line in text.lines() {
        if let Some(folder) = line.strip_prefix("folder\t") {
            toolchain.folders.push(folder.to_owned());
            continue;
        }
        let (stamped, rest) = line.split_once('\t')?;
        let (digest, path) = rest.split_once('\t')?;
        if stamp(Path::new(path)).ok()? != stamped {
            return None;
        }
        toolchain.files.insert(path.to_owned(), digest.parse().ok()?);
    }
    Some(toolchain).filter(|toolchain| !toolchain.files.is_empty())
}

fn stamp(path: &Path) -> io::Result<String> {
    let about = fs::metadata(path)?;
    Ok(format!("{}-{}-{}.{}", about.ino(), about.size(), about.mtime(), about.mtime_nsec()))
}
