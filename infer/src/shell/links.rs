//! Which files a link takes: the compiler's driver is asked how it would call the linker, and the linker's folders are looked through.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::process::Command;

use oyster_thunks::{Content, Thunk};

use super::files::{Found, Obstacle};
use crate::models::Model;
use crate::models::linker::{self, Wanted};
use crate::place::Located;
use crate::word::Refusal;

/// Adds what a link with `words` takes.
pub(super) fn find(
    found: &mut Found<'_>,
    model: Option<Model>,
    program: &Path,
    words: &[String],
    path: &OsStr,
) -> Result<(), Obstacle> {
    let mut wanted = if model == Some(Model::Compiler) {
        let output = Command::new(program).arg("-###").args(words).env("PATH", path).env("LC_ALL", "C").output()?;
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        // What the driver itself refuses, it is to refuse for real.
        let called = linker::called(&told).filter(|_| output.status.success()).ok_or(Refusal::Question)?;
        linker::wanted(&called[1..])
    } else {
        let mut wanted = linker::wanted(words);
        wanted.folders.extend(FOLDERS.map(str::to_owned));
        wanted
    };
    let mut seen = BTreeSet::new();
    for file in std::mem::take(&mut wanted.files) {
        take(found, &file, &wanted, &mut seen)?;
    }
    for (library, is_static) in wanted.libraries.clone() {
        search(found, &library, is_static, &wanted, &mut seen)?;
    }
    Ok(())
}

/// Adds a library from the first folder that has it.
fn search(
    found: &mut Found<'_>,
    library: &str,
    is_static: bool,
    wanted: &Wanted,
    seen: &mut BTreeSet<String>,
) -> Result<(), Obstacle> {
    for folder in &wanted.folders {
        for file in linker::library_files(library, is_static) {
            let path = format!("{}/{file}", folder.trim_end_matches('/'));
            if Path::new(&path).is_file() {
                return take(found, &path, wanted, seen);
            }
        }
    }
    // The linker is to say that there is none.
    Err(Refusal::Question.into())
}

/// Adds a file if it is there, and what it stands for if it is a linker's script.
fn take(found: &mut Found<'_>, path: &str, wanted: &Wanted, seen: &mut BTreeSet<String>) -> Result<(), Obstacle> {
    // Objects that the driver would make on the way have no file yet.
    if !Path::new(path).is_file() || !seen.insert(path.to_owned()) {
        return Ok(());
    }
    found.add(path, &[])?;
    if matches!(found.place.locate(path)?, Located::Inside(_)) {
        if is_thin(path)? {
            return Err(Refusal::strange("a thin archive").into());
        }
        if needs_libraries(found, path)? {
            return Err(Refusal::strange("a library that needs others of the build").into());
        }
        return Ok(());
    }
    if !path.contains(".so") && !path.ends_with(".a") || fs::metadata(path)?.len() > MOST_SCRIPT_BYTES {
        return Ok(());
    }
    let Ok(script) = String::from_utf8(fs::read(path)?) else { return Ok(()) };
    for input in linker::script_inputs(&script) {
        match input.strip_prefix("-l") {
            Some(library) => search(found, library, false, wanted, seen)?,
            None if input.starts_with('/') => take(found, &input, wanted, seen)?,
            None => search(found, &format!(":{input}"), false, wanted, seen)?,
        }
    }
    Ok(())
}

/// Whether a shared library is linked with others of the build, which the linker would look for by names that are in it.
fn needs_libraries(found: &Found<'_>, path: &str) -> Result<bool, Obstacle> {
    let Some(Content::Output { thunk, .. }) = found.inputs.get(path).map(|input| &input.content) else {
        return Ok(false);
    };
    let bytes = found.store.fetch(thunk.0).map_err(io::Error::other)?.unwrap_or_default();
    let thunk = Thunk::from_bytes(&bytes).unwrap_or_default();
    Ok(path.contains(".so") && thunk.inputs.keys().any(|input| input.as_str().contains(".so")))
}

/// Whether an archive only names its members, which are files beside it.
fn is_thin(path: &str) -> Result<bool, Obstacle> {
    let mut begin = Vec::new();
    fs::File::open(path)?.take(8).read_to_end(&mut begin)?;
    Ok(begin == b"!<thin>\n")
}

/// The folders that GNU's linker looks through on Debian.
const FOLDERS: [&str; 4] = ["/usr/local/lib", "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/usr/lib"];
/// `libc.so` has 283.
const MOST_SCRIPT_BYTES: u64 = 64 << 10;
