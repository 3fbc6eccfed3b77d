//! The options of compilers' drivers, as GCC's manual (chapter 3) and Clang's have them.

use crate::word::Refusal;

/// What an option means for what is read and made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It reads and makes nothing.
    Flag,
    /// The same, of the linker alone.
    LinkFlag,
    /// There will be debug information.
    Debug,
    /// Its value is no file.
    Text,
    /// The same, of the linker alone.
    LinkText,
    /// Its value is a folder that is looked through, or a file that the compiler names when it says what it read.
    Folder,
    /// A folder that is looked through for libraries.
    LinkFolder,
    /// A file that the linker reads.
    LinkFile,
    /// What paths are written as, `OLD=NEW`.
    PrefixMap,
    Output,
    Object,
    Assembly,
    Language,
    /// A rule for make is written besides.
    Rule {
        is_short: bool,
    },
    RulePath,
    RuleText,
    RuleFlag,
    ForLinker,
    ForPreprocessor,
    ForAssembler,
    /// It asks something and makes nothing, or writes to standard output.
    Question,
}

/// What the option `word` means, how it is spelled without its value, and the value if that is joined to it.
pub(super) fn meaning(word: &str) -> Result<(Meaning, &str, Option<&str>), Refusal> {
    if let Some((_, meaning)) = WHOLE.iter().find(|(whole, _)| *whole == word) {
        return Ok((*meaning, word, None));
    }
    for (spelled, meaning) in VALUED {
        if let Some(joined) = word.strip_prefix(spelled) {
            return Ok((*meaning, spelled, Some(joined).filter(|joined| !joined.is_empty())));
        }
    }
    let is_strange = STRANGE.iter().any(|start| word.starts_with(start)) || word.ends_with("=native");
    let is_flag = FLAGS.iter().any(|start| word.starts_with(start));
    match (is_strange, is_flag, word.starts_with("-g")) {
        (false, true, _) => Ok((Meaning::Flag, word, None)),
        (false, _, true) => Ok((Meaning::Debug, word, None)),
        _ => Err(Refusal::strange(word)),
    }
}

/// Options that are one word and take no value, or take it as the next word only.
const WHOLE: &[(&str, Meaning)] = &[
    ("-c", Meaning::Object),
    ("-S", Meaning::Assembly),
    ("-E", Meaning::Question),
    ("-M", Meaning::Question),
    ("-MM", Meaning::Question),
    ("-MD", Meaning::Rule { is_short: false }),
    ("-MMD", Meaning::Rule { is_short: true }),
    ("-MP", Meaning::RuleFlag),
    ("-fsyntax-only", Meaning::Question),
    ("--version", Meaning::Question),
    ("--help", Meaning::Question),
    ("-v", Meaning::Question),
    ("-###", Meaning::Question),
    ("-w", Meaning::Flag),
    ("-s", Meaning::LinkFlag),
    ("-pipe", Meaning::Flag),
    ("-pthread", Meaning::Flag),
    ("-ansi", Meaning::Flag),
    ("-pedantic", Meaning::Flag),
    ("-pedantic-errors", Meaning::Flag),
    ("-undef", Meaning::Flag),
    ("-trigraphs", Meaning::Flag),
    ("-nostdinc", Meaning::Flag),
    ("-nostdinc++", Meaning::Flag),
    ("-pg", Meaning::Flag),
    ("-p", Meaning::Flag),
    ("-static", Meaning::Flag),
    ("-static-pie", Meaning::Flag),
    ("-pie", Meaning::Flag),
    ("-no-pie", Meaning::Flag),
    ("-shared", Meaning::Flag),
    ("-shared-libgcc", Meaning::LinkFlag),
    ("-static-libgcc", Meaning::LinkFlag),
    ("-static-libstdc++", Meaning::LinkFlag),
    ("-rdynamic", Meaning::LinkFlag),
    ("-nostdlib", Meaning::Flag),
    ("-nostartfiles", Meaning::LinkFlag),
    ("-nodefaultlibs", Meaning::LinkFlag),
    ("-nolibc", Meaning::LinkFlag),
    ("-nostdlib++", Meaning::LinkFlag),
    ("-symbolic", Meaning::LinkFlag),
    ("-e", Meaning::LinkText),
    ("-z", Meaning::LinkText),
    ("-u", Meaning::LinkText),
    ("-T", Meaning::LinkFile),
    ("-target", Meaning::Text),
    ("--param", Meaning::Text),
    ("-Xlinker", Meaning::ForLinker),
];

/// Options whose value is joined to them or is the next word. The longer come before the shorter that they begin with.
const VALUED: &[(&str, Meaning)] = &[
    ("-isystem", Meaning::Folder),
    ("-iquote", Meaning::Folder),
    ("-idirafter", Meaning::Folder),
    ("-include", Meaning::Folder),
    ("-imacros", Meaning::Folder),
    ("-I", Meaning::Folder),
    ("-D", Meaning::Text),
    ("-U", Meaning::Text),
    ("-L", Meaning::LinkFolder),
    ("-l", Meaning::LinkText),
    ("-o", Meaning::Output),
    ("-x", Meaning::Language),
    ("-MF", Meaning::RulePath),
    ("-MT", Meaning::RuleText),
    ("-MQ", Meaning::RuleText),
    ("-Wl,", Meaning::ForLinker),
    ("-Wp,", Meaning::ForPreprocessor),
    ("-Wa,", Meaning::ForAssembler),
    ("-ffile-prefix-map=", Meaning::PrefixMap),
    ("-fdebug-prefix-map=", Meaning::PrefixMap),
    ("-fmacro-prefix-map=", Meaning::PrefixMap),
    ("-print-", Meaning::Question),
    ("-dump", Meaning::Question),
];

/// Beginnings of options that read or write files of their own, or depend on more than files.
const STRANGE: &[&str] = &[
    "-fplugin",
    "-fpass-plugin",
    "-fprofile-use",
    "-fprofile-generate",
    "-fprofile-arcs",
    "-fprofile-dir",
    "-fprofile-instr",
    "-fprofile-list",
    "-fprofile-prefix",
    "-fprofile-sample",
    "-fcoverage-",
    "-ftest-coverage",
    "-fauto-profile",
    "-fbranch-probabilities",
    "-fdump",
    "-fcallgraph-info",
    "-fstack-usage",
    "-fmodule",
    "-fopt-info",
    "-fsave-optimization-record",
    "-foptimization-record",
    "-ftime-trace",
    "-frecord-gcc-switches",
    "-frecord-command-line",
    "-fcompare-debug",
    "-fsanitize-blacklist",
    "-fsanitize-ignorelist",
    "-fsanitize-coverage-",
    "-fembed-bitcode",
    "-fpch",
    "-fuse-ld=",
    "-fthinlto-index",
    "-foffload",
    "-gsplit-dwarf",
    "-grecord-command-line",
    "-mllvm",
    "-mrelax-relocations=",
    "-march=native",
];

/// Beginnings of options that say how to compile and name no file.
const FLAGS: &[&str] = &["-O", "-W", "-f", "-m", "-std=", "--std=", "--param="];
