//! A command line once it is understood: which of its words name files, which files it reads, and which it makes.

use std::fmt;

/// A word of a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// It means what it says wherever the command runs.
    Text(String),
    /// It names a file or a folder, which may be elsewhere where the command runs.
    Path {
        /// What stands before the name, such as `-I`.
        before: String,
        /// The name, from the folder that the command was called in.
        path: String,
        /// What stands behind it.
        after: String,
    },
}

impl Word {
    /// A word that is a text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A word that is the name of a file.
    pub fn path(path: impl Into<String>) -> Self {
        Self::joined("", path)
    }

    /// A word that ends with the name of a file.
    pub fn joined(before: &str, path: impl Into<String>) -> Self {
        Self::Path { before: before.to_owned(), path: path.into(), after: String::new() }
    }
}

impl fmt::Display for Word {
    /// As it was given.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Path { before, path, after } => write!(f, "{before}{path}{after}"),
        }
    }
}

/// A call of a program: a function of files to files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// Its words behind the program's name.
    pub words: Vec<Word>,
    /// The files that it reads for sure, by the names that it has for them.
    pub reads: Vec<String>,
    /// Sources, which include others.
    pub sources: Vec<Source>,
    /// The words that a compiler's driver is to be asked with how it links (`-###`).
    pub links: Option<Vec<String>>,
    /// The files that it makes.
    pub makes: Vec<String>,
    /// One of those that it makes, if it makes it from what was there under that name before.
    pub changes: Option<String>,
    /// It writes into its outputs which folder it was called in: debug information does.
    pub tells_folder: bool,
    /// What it makes may be run.
    pub makes_program: bool,
}

/// A source, of which the compiler itself knows what it includes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// Its name.
    pub path: String,
    /// The words that say how it is preprocessed.
    pub words: Vec<String>,
    /// The rule for make that is to be written, too.
    pub rule: Option<Rule>,
}

/// What is asked for by `-MD` and those around it: a file that tells make what an object is made from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// The file.
    pub path: String,
    /// The words that say what the rule is about.
    pub words: Vec<String>,
    /// Whether it leaves out the headers of the system (`-MMD`).
    pub is_short: bool,
}

/// Why a call is made for real, and put off by nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It asks the program something, and makes no file that would be put off.
    Question,
    /// Something in it is not understood: this.
    Strange(String),
}

impl Refusal {
    /// Something that is not understood.
    pub fn strange(what: impl fmt::Display) -> Self {
        Self::Strange(what.to_string())
    }
}
