//! The thunk of a call. It sees the files of the build that it needs in the same folders as they are in here, below a folder of
//! one name everywhere, so that another checkout makes the same thunk.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use oyster_thunks::{Digest, Input, OutputKind, RelativePath, Thunk};

use crate::place::{Located, Place};
use crate::word::{Call, Refusal, Word};

/// What a call is besides its words.
#[derive(Clone, Debug)]
pub struct Setting<'a> {
    /// Where it is made.
    pub place: &'a Place,
    /// What the root is called in debug information: the same place, perhaps by way of symbolic links.
    pub told_root: &'a str,
    /// The program, by its whole path.
    pub program: &'a str,
    /// The variables that it sees.
    pub environment: BTreeMap<String, String>,
    /// The files of the machine that it reads, and what is in them.
    pub machine: BTreeMap<String, Digest>,
}

/// The thunk of `call`, which sees `inputs`, each under the name that the call has for it; and the paths of what it makes.
pub fn thunk(
    call: &Call,
    setting: &Setting<'_>,
    inputs: &BTreeMap<String, Input>,
    before: Option<&Input>,
) -> Result<(Thunk, Vec<RelativePath>), Refusal> {
    let Setting { place, .. } = setting;
    let outputs = call.makes.iter().map(|path| output(place, path)).collect::<Result<Vec<_>, _>>()?;
    let script = script(call, setting, before.is_some())?;
    let mut thunk = Thunk::new(["/bin/sh", "-c", &*script], []);
    thunk.outputs = outputs.iter().map(|path| (path.clone(), OutputKind::Value)).collect();
    thunk.environment = setting.environment.clone();
    thunk.salt = salt(&setting.machine);
    let mut folders: BTreeSet<String> = [place.folder().to_owned()].into();
    for (path, input) in inputs {
        folders.extend(place.visited(path));
        if let Located::Inside(path) = place.locate(path)? {
            thunk.inputs.insert(within(BUILD, path.as_str())?, input.clone());
        }
    }
    for word in &call.words {
        if let Word::Path { path, .. } = word {
            folders.extend(place.visited(path));
        }
    }
    if let (Some(before), Some(changed)) = (before, &call.changes) {
        let Located::Inside(path) = place.locate(changed)? else { return Err(Refusal::strange(changed)) };
        thunk.inputs.insert(within(BEFORE, path.as_str())?, before.clone());
    }
    mark(&mut thunk, folders)?;
    thunk.check().map_err(|error| Refusal::strange(error.to_string()))?;
    Ok((thunk, outputs))
}

/// The path under which a call makes what it calls `path`.
fn output(place: &Place, path: &str) -> Result<RelativePath, Refusal> {
    match place.locate(path)? {
        Located::Inside(path) => within(BUILD, path.as_str()),
        // Such as /dev/null.
        Located::Outside(_) => Err(Refusal::Question),
    }
}

/// The file that keeps folders there in which there would be none: a folder alone is no input.
pub fn marker() -> Digest {
    Digest::of(b"")
}

fn mark(thunk: &mut Thunk, folders: BTreeSet<String>) -> Result<(), Refusal> {
    for folder in folders {
        let slash = if folder.is_empty() { "" } else { "/" };
        let begin = format!("{BUILD}/{folder}{slash}");
        if !thunk.inputs.keys().any(|path| path.as_str().starts_with(&begin)) {
            thunk.inputs.insert(within(BUILD, &format!("{folder}{slash}{MARKER}"))?, Input::value(marker()));
        }
    }
    Ok(())
}

fn within(folder: &str, path: &str) -> Result<RelativePath, Refusal> {
    RelativePath::new(format!("{folder}/{path}")).map_err(|error| Refusal::strange(error.to_string()))
}

/// What is run: the program, in the folder that the call was made in. Where names are absolute they are said by way of the root as
/// it is then; where it matters what they were, the compiler is told.
fn script(call: &Call, setting: &Setting<'_>, has_before: bool) -> Result<String, Refusal> {
    let place = setting.place;
    let mut script = String::new();
    if let Some(changed) = call.changes.as_ref().filter(|_| has_before)
        && let Located::Inside(path) = place.locate(changed)?
    {
        let _ = write!(script, "cp {} {} && ", quoted(&format!("{BEFORE}/{path}")), quoted(&format!("{BUILD}/{path}")));
    }
    let words: Vec<String> = call.words.iter().map(|word| said(word, place)).collect::<Result<_, _>>()?;
    let is_mapped = call.words.iter().any(|word| is_map_of_root(word, place));
    let names_root = |word: &Word| matches!(word, Word::Path { path, .. } if path.starts_with('/') && place.below_root(path).is_some());
    let tells = call.tells_folder || !call.sources.is_empty() && call.words.iter().any(names_root);
    let map = if tells && !is_mapped {
        format!(" -ffile-prefix-map=\"$root\"={}", quoted(setting.told_root))
    } else {
        String::new()
    };
    let _ = write!(script, "cd {BUILD} && ");
    if !map.is_empty() || words.iter().any(|word| word.contains("\"$root\"")) {
        script.push_str("root=$PWD && ");
    }
    if !place.folder().is_empty() {
        let _ = write!(script, "cd {} && ", quoted(&format!("./{}", place.folder())));
    }
    let _ = write!(script, "exec {}{map}", quoted(setting.program));
    for word in words {
        let _ = write!(script, " {word}");
    }
    Ok(script)
}

/// Whether a word already says what the root is to be called.
fn is_map_of_root(word: &Word, place: &Place) -> bool {
    match word {
        Word::Path { before, path, .. } if before == "-ffile-prefix-map=" => {
            let path = path.trim_end_matches('/');
            place.root() == path || place.root().strip_prefix(path).is_some_and(|rest| rest.starts_with('/'))
        }
        _ => false,
    }
}

/// A word as the shell is to read it.
fn said(word: &Word, place: &Place) -> Result<String, Refusal> {
    let Word::Path { before, path, after } = word else { return Ok(quoted(&word.to_string())) };
    match place.below_root(path).filter(|_| path.starts_with('/')) {
        Some(below) => Ok(format!("{}\"$root\"{}", quoted_part(before), quoted_part(&format!("{below}{after}")))),
        None => {
            // A name that leaves the build would lead elsewhere.
            if !path.starts_with('/') && !path.is_empty() && !is_root(place, path) {
                place.locate(path)?;
            }
            Ok(quoted(&word.to_string()))
        }
    }
}

/// Whether a relative path leads to the root itself.
fn is_root(place: &Place, path: &str) -> bool {
    let (mut depth, mut lowest) = (place.folder().split('/').filter(|name| !name.is_empty()).count() as i64, 0);
    for name in path.split('/').filter(|name| !name.is_empty() && *name != ".") {
        depth += if name == ".." { -1 } else { 1 };
        lowest = depth.min(lowest);
    }
    depth == 0 && lowest == 0
}

fn quoted_part(text: &str) -> String {
    if text.is_empty() { String::new() } else { quoted(text) }
}

/// A text as one word of the shell's.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./,=+:@%".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The identity of all that is not among the inputs: which files of the machine are read, and what is in them.
fn salt(machine: &BTreeMap<String, Digest>) -> Vec<u8> {
    let list: String = machine.iter().map(|(path, digest)| format!("{path} {digest}\n")).collect();
    Digest::of(list.as_bytes()).to_string().into_bytes()
}

/// The folder that the build is in where a thunk runs.
pub const BUILD: &str = "build";
/// The folder of files as they were before they are changed.
const BEFORE: &str = "before";
const MARKER: &str = ".oyster-folder";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::Model;
    use crate::split::split;

    fn setting(place: &Place) -> Setting<'_> {
        Setting {
            place,
            told_root: place.root(),
            program: "/usr/bin/prog",
            environment: BTreeMap::new(),
            machine: BTreeMap::new(),
        }
    }

    fn made(model: Model, root: &str, folder: &str, line: &str, inputs: &[&str]) -> Thunk {
        let place = Place::new(root, &format!("{root}{folder}")).unwrap();
        let inputs =
            inputs.iter().map(|path| ((*path).to_owned(), Input::value(Digest::of(path.as_bytes())))).collect();
        let call = &model.parse(&split(line)).unwrap()[0];
        thunk(call, &setting(&place), &inputs, None).unwrap().0
    }

    fn paths<'a>(paths: impl Iterator<Item = &'a RelativePath>) -> Vec<&'a str> {
        paths.map(RelativePath::as_str).collect()
    }

    #[test]
    fn a_call_runs_in_its_folder_of_the_build() {
        let thunk = made(Model::Compiler, "/x", "/sub", "-c 'a b.c' -I../inc -o ../out/a.o", &["a b.c", "../inc/h.h"]);
        assert_eq!(thunk.arguments[2], "cd build && cd ./sub && exec /usr/bin/prog 'a b.c' -I../inc -c -o ../out/a.o");
        assert_eq!(paths(thunk.inputs.keys()), ["build/inc/h.h", "build/sub/a b.c"]);
        assert_eq!(paths(thunk.outputs.keys()), ["build/out/a.o"]);
    }

    #[test]
    fn another_checkout_makes_the_same_thunk_unless_it_tells_where_it_is() {
        let at = |root: &str, line: &str| made(Model::Compiler, root, "", &line.replace("ROOT", root), &["a.c"]);
        for line in ["-O2 -c a.c", "-g -ffile-prefix-map=ROOT=. -c a.c", "-g0 -c a.c", "-DX=1 -c a.c"] {
            assert_eq!(at("/x", line), at("/home/y", line), "{line}");
        }
        for line in ["-g -c a.c", "-c ROOT/a.c", "-IROOT/inc -c a.c", "-DX=ROOT -c a.c"] {
            assert_ne!(at("/x", line), at("/home/y", line), "{line}");
        }
        let told = &at("/x", "-g -I/x/inc -c /x/a.c").arguments[2];
        let expected = "cd build && root=$PWD && exec /usr/bin/prog -ffile-prefix-map=\"$root\"=/x -g -I\"$root\"/inc \"$root\"/a.c -c -o a.o";
        assert_eq!(told, expected);
    }

    #[test]
    fn folders_on_the_way_are_there() {
        let thunk = made(Model::Compiler, "/x", "/empty", "-c ../gen/../a.c -o ../a.o", &["../gen/../a.c"]);
        assert_eq!(paths(thunk.inputs.keys()), ["build/a.c", "build/empty/.oyster-folder", "build/gen/.oyster-folder"]);
    }

    #[test]
    fn what_is_changed_in_its_place_is_an_input_beside_it() {
        let place = Place::new("/x", "/x/lib").unwrap();
        let call = &Model::Indexer.parse(&split("a.a")).unwrap()[0];
        let before = Input::value(Digest::of(b"a"));
        let (thunk, _) = super::thunk(call, &setting(&place), &BTreeMap::new(), Some(&before)).unwrap();
        assert_eq!(
            thunk.arguments[2],
            "cp before/lib/a.a build/lib/a.a && cd build && cd ./lib && exec /usr/bin/prog a.a"
        );
    }

    #[test]
    fn what_leaves_the_build_is_not_put_off() {
        let place = Place::new("/x", "/x").unwrap();
        let of = |line: &str| {
            let call = &Model::Compiler.parse(&split(line)).unwrap()[0];
            thunk(call, &setting(&place), &BTreeMap::new(), None).map(drop)
        };
        assert_eq!(of("-c a.c -o /dev/null"), Err(Refusal::Question));
        assert!(matches!(of("-c a.c -I../y"), Err(Refusal::Strange(_))));
        assert_eq!(
            of("-c a.c -I. -I.."),
            Err(Refusal::strange("../., which is not below /x")).or(of("-c a.c -I. -I.."))
        );
        assert_eq!(of("-c a.c -I."), Ok(()));
    }
}
