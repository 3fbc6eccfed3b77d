//! A call that is put off: placeholders are written where it would have made files.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use oyster_thunks::{Content, Digest, Engine, Input, RelativePath, Thunk};

use super::files::{Found, Obstacle, read_placeholder};
use super::links;
use super::toolchain::toolchain;
use crate::models::{Model, Program, archiver};
use crate::place::{Located, Place};
use crate::placeholder::Placeholder;
use crate::rule::prerequisites;
use crate::split::expand;
use crate::task::{self, BUILD, Setting, marker};
use crate::word::{Call, Refusal, Source};

/// Where a call is made.
pub struct Site<'a> {
    /// The root of the build, without symbolic links.
    pub root: &'a Path,
    /// The store that thunks and files are put into.
    pub store: &'a dyn Engine,
    /// The folder where is kept what toolchains are.
    pub cache: &'a Path,
    /// The search path without models.
    pub path: OsString,
}

/// What becomes of a call.
#[derive(Debug)]
pub enum Outcome {
    /// These files stand for what it would have made.
    PutOff(Vec<PathBuf>),
    /// These files must be forced; then one may ask again.
    Needs(Vec<PathBuf>),
    /// It is to be made for real, with these files forced; this is what was not understood, if it was that.
    Real(Vec<PathBuf>, Option<String>),
}

/// Puts off the call of `program` with these words, or says why not.
pub fn put_off(site: &Site<'_>, program: &Path, known: &Program, words: &[String]) -> io::Result<Outcome> {
    let expanded = expand(words, |path| fs::read_to_string(path).ok());
    let tried = expanded.map_err(Obstacle::from).and_then(|expanded| {
        let calls = known.parse(&expanded)?;
        calls.iter().map(|call| Put::of(site, program, known, call)).collect::<Result<Vec<_>, _>>()
    });
    match tried {
        Ok(put) => {
            let written = put.iter().map(|put| put.write(site.store)).collect::<io::Result<Vec<_>>>()?;
            Ok(Outcome::PutOff(written.concat()))
        }
        Err(Obstacle::Failed(error)) => Err(error),
        Err(Obstacle::Needs(paths)) => Ok(Outcome::Needs(paths.into_iter().map(PathBuf::from).collect())),
        Err(Obstacle::Refused(refusal)) => {
            let why = match refusal {
                Refusal::Question => None,
                Refusal::Strange(what) => Some(what),
            };
            Ok(Outcome::Real(named_placeholders(words)?, why))
        }
    }
}

/// A call as a thunk, not yet written.
struct Put {
    thunk: Thunk,
    outputs: Vec<(String, RelativePath)>,
    makes_program: bool,
    /// Rules for make, and their files.
    rules: Vec<(String, Vec<u8>)>,
}

impl Put {
    fn of(site: &Site<'_>, program: &Path, known: &Program, call: &Call) -> Result<Self, Obstacle> {
        let folder = std::env::current_dir()?;
        let place = place(site.root, &folder)?;
        expect_places(&call.makes)?;
        let model = match known {
            Program::Modelled(model) => Some(*model),
            Program::Described(_) => None,
        };
        let toolchain = toolchain(program, model, &site.path, site.cache)?;
        let mut found = Found::new(&place, site.store, toolchain.files);
        let rules = find(&mut found, site, program, model, call)?;
        let Found { inputs, machine, .. } = found;
        let setting = Setting {
            place: &place,
            told_root: &told_root(&place, &folder),
            program: program.to_str().ok_or_else(|| Refusal::strange("the program's name"))?,
            environment: environment(&place, &toolchain.folders)?,
            machine,
        };
        site.store.store(marker(), b"").map_err(io::Error::other)?;
        let (mut thunk, outputs) = task::thunk(call, &setting, &inputs, None)?;
        if let Some(changed) = &call.changes
            && let Some(before) = before(site.store, &place, model, call, changed, &thunk)?
        {
            thunk = task::thunk(call, &setting, &inputs, Some(&before))?.0;
        }
        let outputs = call.makes.iter().cloned().zip(outputs).collect();
        Ok(Self { thunk, outputs, makes_program: call.makes_program, rules })
    }

    fn write(&self, store: &dyn Engine) -> io::Result<Vec<PathBuf>> {
        let bytes = self.thunk.to_bytes();
        let id = self.thunk.id();
        store.store(id.0, &bytes).map_err(io::Error::other)?;
        for (path, rule) in &self.rules {
            fs::write(path, rule)?;
        }
        let mut written = Vec::new();
        for (path, output) in &self.outputs {
            let is_executable = self.makes_program
                || fs::metadata(path)
                    .is_ok_and(|about| about.permissions().mode() & 0o111 != 0 && self.changes(output));
            let text = Placeholder { thunk: id, output: output.clone() }.to_text();
            write(Path::new(path), text.as_bytes(), if is_executable { 0o777 } else { 0o666 })?;
            written.push(PathBuf::from(path));
        }
        Ok(written)
    }

    /// Whether an output is a file changed in its place, whose mode stays.
    fn changes(&self, output: &RelativePath) -> bool {
        let name = output.as_str().trim_start_matches(BUILD);
        self.thunk.inputs.keys().any(|input| input.as_str().strip_prefix("before") == Some(name))
    }
}

/// Writes a file beside and renames it; the mode is less what the user's mask takes away.
fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    // A link stays one, and the file that it leads to is another.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut beside = tempfile::Builder::new().permissions(Permissions::from_mode(mode)).tempfile_in(folder)?;
    beside.write_all(bytes)?;
    beside.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// That there can be files of these names: otherwise the program itself is to say so.
fn expect_places(makes: &[String]) -> Result<(), Refusal> {
    let is_place = |path: &Path| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        folder.is_none_or(Path::is_dir) && !path.is_dir()
    };
    if makes.iter().all(|made| is_place(Path::new(made))) { Ok(()) } else { Err(Refusal::Question) }
}

/// Finds all files that a call reads, and answers the rules for make that it writes.
fn find(
    found: &mut Found<'_>,
    site: &Site<'_>,
    program: &Path,
    model: Option<Model>,
    call: &Call,
) -> Result<Vec<(String, Vec<u8>)>, Obstacle> {
    let alien: &[&str] = match model {
        Some(Model::Compiler) => &[".incbin", "#embed"],
        Some(Model::Assembler) => &[".incbin", ".include"],
        _ => &[],
    };
    let mut rules = Vec::new();
    for source in &call.sources {
        let included = included(program, source, &site.path, &mut rules)?;
        let unmade = placeholders(&included)?;
        if !unmade.is_empty() {
            return Err(Obstacle::Needs(unmade));
        }
        for path in &included {
            found.add(path, alien)?;
        }
    }
    for path in &call.reads {
        found.add(path, alien)?;
    }
    if let Some(words) = &call.links {
        links::find(found, model, program, words, &site.path)?;
    }
    Ok(rules)
}

fn place(root: &Path, folder: &Path) -> Result<Place, Refusal> {
    let both = root.to_str().zip(folder.to_str());
    let place = both.and_then(|(root, folder)| Place::new(root, folder));
    place.ok_or_else(|| Refusal::strange(format!("a call in {}, outside of {}", folder.display(), root.display())))
}

/// What a compiler would call the root in debug information: it goes by `PWD` where that is right.
fn told_root(place: &Place, folder: &Path) -> String {
    let told = std::env::var("PWD")
        .ok()
        .filter(|told| told.starts_with('/') && fs::canonicalize(told).is_ok_and(|told| told == folder));
    let root = told.as_deref().and_then(|told| told.trim_end_matches('/').strip_suffix(place.folder()));
    root.map_or_else(|| place.root().to_owned(), |root| root.trim_end_matches('/').to_owned())
}

/// What a source includes, itself among it, as the compiler finds it; and the rule for make that was asked for.
fn included(
    program: &Path,
    source: &Source,
    path: &OsStr,
    rules: &mut Vec<(String, Vec<u8>)>,
) -> Result<Vec<String>, Obstacle> {
    let ask = |words: &[&str]| -> Result<Vec<u8>, Obstacle> {
        let output = Command::new(program).args(&source.words).args(words).env("PATH", path).output()?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        // A header that is yet to be made is no C: the compiler names it.
        let told = String::from_utf8_lossy(&output.stderr);
        let named: Vec<String> = told.lines().filter_map(|line| Some(line.split_once(':')?.0.to_owned())).collect();
        let unmade = placeholders(&named)?;
        Err(if unmade.is_empty() { Refusal::Question.into() } else { Obstacle::Needs(unmade) })
    };
    let Some(rule) = &source.rule else { return Ok(prerequisites(&String::from_utf8_lossy(&ask(&["-M"])?))) };
    let words: Vec<&str> = rule.words.iter().map(String::as_str).collect();
    let long = ask(&[&["-M"], &words[..]].concat())?;
    let names = prerequisites(&String::from_utf8_lossy(&long));
    let text = if rule.is_short { ask(&[&["-MM"], &words[..]].concat())? } else { long };
    rules.push((rule.path.clone(), text));
    Ok(names)
}

fn placeholders(paths: &[String]) -> io::Result<Vec<String>> {
    let mut unmade = Vec::new();
    for path in paths {
        // What the machine has is none of the build's.
        if !path.starts_with("/usr/") && read_placeholder(Path::new(path))?.is_some() && !unmade.contains(path) {
            unmade.push(path.clone());
        }
    }
    Ok(unmade)
}

/// The placeholders that words name, alone, behind an option or in a list: a program that runs for real needs the files.
fn named_placeholders(words: &[String]) -> io::Result<Vec<PathBuf>> {
    let mut names = Vec::new();
    let mut folders = vec!["."];
    for (before, word) in [&String::new()].into_iter().chain(words).zip(words) {
        // What is written over is not needed.
        if before == "-o" || word.starts_with("-o") {
            continue;
        }
        names.push(word.clone());
        names.extend(word.get(2..).map(str::to_owned));
        names.extend(word.split(['=', ',']).skip(1).map(str::to_owned));
        folders.extend(word.strip_prefix("-L"));
        if let Some(library) = word.strip_prefix("-l") {
            for folder in &folders {
                names.extend([format!("{folder}/lib{library}.so"), format!("{folder}/lib{library}.a")]);
            }
        }
    }
    Ok(placeholders(&names)?.into_iter().map(PathBuf::from).collect())
}

/// The variables that programs heed, besides where they find each other.
fn environment(place: &Place, folders: &[String]) -> Result<BTreeMap<String, String>, Refusal> {
    let mut path: Vec<&str> = folders.iter().map(String::as_str).chain(["/usr/bin", "/bin"]).collect();
    path.dedup();
    let mut environment = BTreeMap::from([("PATH".to_owned(), path.join(":"))]);
    for name in VARIABLES {
        if let Ok(value) = std::env::var(name) {
            if value.contains(place.root()) {
                return Err(Refusal::strange(format!("{name}={value}")));
            }
            environment.insert((*name).to_owned(), value);
        }
    }
    match STRANGE_VARIABLES.iter().find(|name| std::env::var_os(name).is_some()) {
        Some(name) => Err(Refusal::strange(format!("the variable {name}"))),
        None => Ok(environment),
    }
}

/// GCC's manual, "Environment Variables Affecting GCC", and binutils'. Locales only change what is said.
const VARIABLES: &[&str] = &[
    "CPATH",
    "C_INCLUDE_PATH",
    "CPLUS_INCLUDE_PATH",
    "OBJC_INCLUDE_PATH",
    "LIBRARY_PATH",
    "COMPILER_PATH",
    "GCC_EXEC_PREFIX",
    "SOURCE_DATE_EPOCH",
    "LD_RUN_PATH",
    "ZERO_AR_DATE",
];
/// Those that let a compiler write more than it is asked for.
const STRANGE_VARIABLES: &[&str] = &["DEPENDENCIES_OUTPUT", "SUNPRO_DEPENDENCIES", "GCC_COMPARE_DEBUG"];

/// What was under the name of a file that is changed in its place; none if there was nothing, or nothing of it is left.
fn before(
    store: &dyn Engine,
    place: &Place,
    model: Option<Model>,
    call: &Call,
    changed: &str,
    fresh: &Thunk,
) -> Result<Option<Input>, Obstacle> {
    if !Path::new(changed).exists() {
        // An archive begins with nothing; what is stripped must be there.
        return if model == Some(Model::Archiver) { Ok(None) } else { Err(Refusal::Question.into()) };
    }
    let input = Found::new(place, store, BTreeMap::new()).input(changed, &[])?;
    let Located::Inside(_) = place.locate(changed)? else { return Err(Refusal::strange(changed).into()) };
    let replaces =
        model == Some(Model::Archiver) && call.words.first().is_some_and(|word| !word.to_string().contains('q'));
    if !replaces {
        return Ok(Some(input));
    }
    let is_made_anew = match &input.content {
        Content::Output { thunk, .. } => is_made_alike(store, thunk.0, fresh)?,
        Content::Value(_) => {
            archiver::members(&fs::read(changed)?).is_some_and(|old| archiver::is_replaced(&old, &call.reads))
        }
    };
    Ok(if is_made_anew { None } else { Some(input) })
}

/// Whether an archive that is to be was put together by the same words, and perhaps changed in its place since.
fn is_made_alike(store: &dyn Engine, thunk: Digest, fresh: &Thunk) -> Result<bool, Obstacle> {
    let mut next = Some(thunk);
    for _ in 0..MOST_CHANGES {
        let Some(bytes) = next.map(|id| store.fetch(id)).transpose().map_err(io::Error::other)?.flatten() else {
            break;
        };
        let Ok(old) = Thunk::from_bytes(&bytes) else { break };
        if old.arguments == fresh.arguments && old.outputs == fresh.outputs {
            return Ok(true);
        }
        next = old.references().find(|(_, path)| old.outputs.contains_key(*path)).map(|(other, _)| other.0);
    }
    Ok(false)
}

/// An archive is indexed, stripped, and put together from two or three parts.
const MOST_CHANGES: usize = 16;
