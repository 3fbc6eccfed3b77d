//! The linker `ld` and the assembler `as`; what is said to the first through a compiler's driver; and which libraries it takes.

use crate::word::{Call, Refusal, Word};

/// What a call of `ld` with these words does.
pub fn parse(words: &[String]) -> Result<Call, Refusal> {
    let pieces: Vec<&str> = words.iter().map(String::as_str).collect();
    let understood = pieces_of(&pieces)?;
    if understood.reads.is_empty() {
        return Err(Refusal::Question);
    }
    let output = understood.output.clone().unwrap_or_else(|| "a.out".to_owned());
    let links = Some(words.to_vec());
    Ok(Call {
        words: understood.words,
        reads: understood.reads,
        links,
        makes: vec![output],
        makes_program: !words.iter().any(|word| word == "-r" || word == "--relocatable"),
        ..Call::default()
    })
}

/// What a call of `as` with these words does. Files that the source includes are looked for by who calls this.
pub fn assemble(words: &[String]) -> Result<Call, Refusal> {
    let mut call = Call::default();
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        match word {
            "-o" => {
                let output = words.next().ok_or_else(|| Refusal::strange("-o without a value"))?;
                call.makes = vec![output.to_owned()];
                call.words.extend([Word::text("-o"), Word::path(output)]);
            }
            "--version" | "-v" | "--help" => return Err(Refusal::Question),
            _ if is_plain_for_assembler(word) => call.words.push(Word::text(word)),
            _ if word.starts_with("-g") => {
                call.tells_folder = true;
                call.words.push(Word::text(word));
            }
            _ if word.starts_with("-I") && word.len() > 2 => call.words.push(Word::joined("-I", &word[2..])),
            _ if word.starts_with('-') => return Err(Refusal::strange(word)),
            _ => {
                call.reads.push(word.to_owned());
                call.words.push(Word::path(word));
            }
        }
    }
    match (call.reads.is_empty(), call.makes.is_empty()) {
        (true, _) => Err(Refusal::Question),
        (false, true) => Ok(Call { makes: vec!["a.out".to_owned()], ..call }),
        (false, false) => Ok(call),
    }
}

/// Whether a word for the assembler names no file and takes no other word.
pub(crate) fn is_plain_for_assembler(word: &str) -> bool {
    const FLAGS: [&str; 8] =
        ["--64", "--32", "--x32", "--noexecstack", "--execstack", "-W", "--no-warn", "--fatal-warnings"];
    FLAGS.contains(&word) || (word.starts_with("-m") || word.starts_with("-O")) && !word.ends_with("=native")
}

/// Words for the linker, once they are understood.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    pub(crate) words: Vec<Word>,
    pub(crate) reads: Vec<String>,
    pub(crate) output: Option<String>,
}

/// What is said to the linker through `-Wl,`.
pub(crate) fn pieces(pieces: &[&str]) -> Result<Pieces, Refusal> {
    let understood = pieces_of(pieces)?;
    match understood.output {
        Some(_) => Err(Refusal::strange("-Wl,-o")),
        None => Ok(understood),
    }
}

/// Whether a word for the linker names no file and takes no other word.
pub(crate) fn is_plain(word: &str) -> bool {
    matches!(meaning(word), Some((Meaning::Flag, ..)))
}

fn pieces_of(pieces: &[&str]) -> Result<Pieces, Refusal> {
    let mut understood = Pieces::default();
    let mut pieces = pieces.iter().copied();
    while let Some(piece) = pieces.next() {
        if !piece.starts_with('-') {
            understood.reads.push(piece.to_owned());
            understood.words.push(Word::path(piece));
            continue;
        }
        let (meaning, spelled, joined) = meaning(piece).ok_or_else(|| Refusal::strange(piece))?;
        let value = match (meaning, joined) {
            (Meaning::Flag, _) => {
                understood.words.push(Word::text(piece));
                continue;
            }
            (Meaning::Question, _) => return Err(Refusal::Question),
            (_, Some(joined)) => joined,
            (_, None) => {
                understood.words.push(Word::text(spelled));
                pieces.next().ok_or_else(|| Refusal::strange(format!("{piece} without a value")))?
            }
        };
        let before = if joined.is_some() { spelled } else { "" };
        match meaning {
            Meaning::File => understood.reads.push(value.to_owned()),
            Meaning::Output => understood.output = Some(value.to_owned()),
            Meaning::Flag | Meaning::Question | Meaning::Text | Meaning::Folder => {}
        }
        understood.words.push(match meaning {
            Meaning::Text => Word::Text(format!("{before}{value}")),
            _ => Word::joined(before, value),
        });
    }
    Ok(understood)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Flag,
    Text,
    Folder,
    File,
    Output,
    Question,
}

/// What an option means, how it is spelled without its value, and the value if that is joined to it. Long options may begin with
/// one hyphen or two; without any a word is none.
fn meaning(word: &str) -> Option<(Meaning, &str, Option<&str>)> {
    let name = word.strip_prefix("--").or_else(|| word.strip_prefix('-'))?;
    if FLAGS.contains(&name) {
        return Some((Meaning::Flag, word, None));
    }
    let (plain, joined) = name.split_once('=').map_or((name, None), |(plain, value)| (plain, Some(value)));
    if let Some((_, meaning)) = LONG.iter().find(|(long, _)| *long == plain) {
        let spelled = &word[..word.len() - joined.map_or(0, str::len)];
        return Some((*meaning, spelled, joined));
    }
    let short = SHORT.iter().find(|(short, _)| !word.starts_with("--") && name.starts_with(short));
    short.map(|(short, meaning)| {
        let (spelled, joined) = word.split_at(1 + short.len());
        (*meaning, spelled, Some(joined).filter(|joined| !joined.is_empty()))
    })
}

const FLAGS: &[&str] = &[
    "s",
    "S",
    "r",
    "relocatable",
    "pie",
    "no-pie",
    "shared",
    "Bshareable",
    "static",
    "Bstatic",
    "Bdynamic",
    "dn",
    "dy",
    "non_shared",
    "call_shared",
    "Bsymbolic",
    "Bsymbolic-functions",
    "E",
    "export-dynamic",
    "no-export-dynamic",
    "as-needed",
    "no-as-needed",
    "gc-sections",
    "no-gc-sections",
    "print-gc-sections",
    "whole-archive",
    "no-whole-archive",
    "start-group",
    "end-group",
    "(",
    ")",
    "push-state",
    "pop-state",
    "no-undefined",
    "allow-shlib-undefined",
    "no-allow-shlib-undefined",
    "no-copy-dt-needed-entries",
    "copy-dt-needed-entries",
    "enable-new-dtags",
    "disable-new-dtags",
    "eh-frame-hdr",
    "build-id",
    "fatal-warnings",
    "no-fatal-warnings",
    "strip-all",
    "strip-debug",
    "discard-all",
    "discard-locals",
    "x",
    "X",
    "O1",
    "O2",
    "O0",
    "warn-common",
    "no-warn-mismatch",
    "allow-multiple-definition",
    "nostdlib",
    "relax",
    "no-relax",
    "d",
    "EL",
    "EB",
    "no-dynamic-linker",
    "no-omagic",
    "N",
    "n",
    "warn-execstack",
    "no-warn-execstack",
    "no-warn-rwx-segments",
    "warn-once",
    "icf=none",
    "no-ld-generated-unwind-info",
];

/// Options whose value follows `=` or is the next word.
const LONG: &[(&str, Meaning)] = &[
    ("version", Meaning::Question),
    ("help", Meaning::Question),
    ("output", Meaning::Output),
    ("soname", Meaning::Text),
    ("hash-style", Meaning::Text),
    ("rpath", Meaning::Text),
    ("rpath-link", Meaning::Folder),
    ("dynamic-linker", Meaning::Text),
    ("defsym", Meaning::Text),
    ("entry", Meaning::Text),
    ("undefined", Meaning::Text),
    ("wrap", Meaning::Text),
    ("init", Meaning::Text),
    ("fini", Meaning::Text),
    ("sort-section", Meaning::Text),
    ("unresolved-symbols", Meaning::Text),
    ("compress-debug-sections", Meaning::Text),
    ("Ttext", Meaning::Text),
    ("Tdata", Meaning::Text),
    ("Tbss", Meaning::Text),
    ("image-base", Meaning::Text),
    ("exclude-libs", Meaning::Text),
    ("library-path", Meaning::Folder),
    ("library", Meaning::Text),
    ("script", Meaning::File),
    ("version-script", Meaning::File),
    ("dynamic-list", Meaning::File),
    ("retain-symbols-file", Meaning::File),
    ("just-symbols", Meaning::File),
    ("build-id", Meaning::Text),
];

/// Options of one letter whose value is joined to them or is the next word.
const SHORT: &[(&str, Meaning)] = &[
    ("o", Meaning::Output),
    ("h", Meaning::Text),
    ("m", Meaning::Text),
    ("e", Meaning::Text),
    ("u", Meaning::Text),
    ("z", Meaning::Text),
    ("l", Meaning::Text),
    ("L", Meaning::Folder),
    ("T", Meaning::File),
    ("v", Meaning::Question),
    ("V", Meaning::Question),
];

/// What a linker takes besides what is named on its command line: libraries that it looks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Files by their names, in their order; those of the compiler among them.
    pub files: Vec<String>,
    /// Folders that are looked through, in their order.
    pub folders: Vec<String>,
    /// Libraries: what follows `-l`, and whether it is to be a static one.
    pub libraries: Vec<(String, bool)>,
}

/// What the linker is called with, as the compiler's driver says it (`-###`): its last line.
pub fn called(told: &str) -> Option<Vec<String>> {
    let is_call = |line: &&str| line.starts_with(' ') || line.starts_with('"');
    let words = crate::split::split(told.lines().rfind(is_call)?);
    Some(words).filter(|words| words.len() > 1)
}

/// What a linker that is called with these words takes.
pub fn wanted(words: &[String]) -> Wanted {
    let mut wanted = Wanted::default();
    let mut is_static = false;
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        match word {
            "-Bstatic" | "-dn" | "-non_shared" | "-static" | "--static" => is_static = true,
            "-Bdynamic" | "-dy" | "-call_shared" => is_static = false,
            "-plugin" | "--plugin" => wanted.files.extend(words.next().map(str::to_owned)),
            "-dynamic-linker" | "-A" | "-b" | "-y" | "-Map" | "-f" | "-F" => drop(words.next()),
            _ if !word.starts_with('-') => wanted.files.push(word.to_owned()),
            _ => {
                let Some((meaning, spelled, joined)) = meaning(word) else { continue };
                let value = if meaning == Meaning::Flag { None } else { joined.or_else(|| words.next()) };
                match (meaning, value) {
                    (Meaning::File, Some(value)) => wanted.files.push(value.to_owned()),
                    (Meaning::Folder, Some(value)) if !spelled.contains("rpath") => {
                        wanted.folders.push(value.to_owned());
                    }
                    (Meaning::Text, Some(value)) if spelled == "-l" || spelled.ends_with("-library=") => {
                        wanted.libraries.push((value.to_owned(), is_static));
                    }
                    _ => {}
                }
            }
        }
    }
    wanted
}

/// The files that a library may be in one of the linker's folders, the first that is there being taken.
pub fn library_files(library: &str, is_static: bool) -> Vec<String> {
    match (library.strip_prefix(':'), is_static) {
        (Some(file), _) => vec![file.to_owned()],
        (None, true) => vec![format!("lib{library}.a")],
        (None, false) => vec![format!("lib{library}.so"), format!("lib{library}.a")],
    }
}

/// The files and libraries (with `-l`) that a linker's script names in `INPUT` and `GROUP`: what `libc.so` is.
pub fn script_inputs(script: &str) -> Vec<String> {
    let mut plain = String::new();
    let mut rest = script;
    while let Some((before, comment)) = rest.split_once("/*") {
        plain.push_str(before);
        rest = comment.split_once("*/").map_or("", |(_, behind)| behind);
    }
    plain.push_str(rest);
    let mut inputs = Vec::new();
    for command in ["INPUT", "GROUP"] {
        for list in plain.split(command).skip(1) {
            let Some(list) = list.trim_start().strip_prefix('(') else { continue };
            let mut depth = 1;
            let end = list.find(|c: char| {
                depth += i32::from(c == '(') - i32::from(c == ')');
                depth == 0
            });
            let list = &list[..end.unwrap_or(list.len())];
            let names = list.split(|c: char| c.is_ascii_whitespace() || "(),".contains(c));
            inputs.extend(names.filter(|name| !name.is_empty() && *name != "AS_NEEDED").map(str::to_owned));
        }
    }
    inputs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split::split;

    #[test]
    fn a_relocatable_object_is_linked_from_its_parts() {
        let call = parse(&split("-r -o all.o a.o b.o -T x.ld")).unwrap();
        assert_eq!((call.makes, call.reads, call.makes_program), (vec!["all.o".into()], split("a.o b.o x.ld"), false));
        assert_eq!(parse(&split("--version")), Err(Refusal::Question));
        assert_eq!(parse(&split("a.o --plugin=x")), Err(Refusal::strange("--plugin=x")));
        assert!(is_plain("-s") && !is_plain("s") && !is_plain("e"), "files may be called so");
    }

    #[test]
    fn what_the_driver_says_of_the_linker_is_read() {
        let told = "Target: x\nCOLLECT=y\n /usr/lib/collect2 -plugin /p.so \"-plugin-opt=-x\" -m elf -dynamic-linker /lib/ld.so \
                    -pie -o prog /usr/Scrt1.o -L. -L/usr/lib a.o -lz --push-state -Bstatic -lq -Bdynamic --version-script=v.map -lc\nCOLLECT=z\n";
        let wanted = wanted(&called(told).unwrap()[1..]);
        assert_eq!(wanted.files, ["/p.so", "/usr/Scrt1.o", "a.o", "v.map"]);
        assert_eq!(wanted.folders, [".", "/usr/lib"]);
        assert_eq!(wanted.libraries, [("z".into(), false), ("q".into(), true), ("c".into(), false)]);
    }

    #[test]
    fn scripts_name_what_they_stand_for() {
        let script = "/* GNU ld script GROUP ( no ) */\nOUTPUT_FORMAT(elf64-x86-64)\n\
                      GROUP ( /lib/libc.so.6 /usr/lib/libc_nonshared.a  AS_NEEDED ( /lib64/ld.so -lm ) )\nINPUT(x)";
        assert_eq!(script_inputs(script), ["x", "/lib/libc.so.6", "/usr/lib/libc_nonshared.a", "/lib64/ld.so", "-lm"]);
    }

    #[test]
    fn a_source_is_assembled() {
        let call = assemble(&split("--64 -g -Iinc a.s -o a.o")).unwrap();
        assert_eq!((call.reads, call.makes, call.tells_folder), (vec!["a.s".into()], vec!["a.o".into()], true));
        assert!(matches!(assemble(&split("-al=x a.s")), Err(Refusal::Strange(_))));
    }
}
