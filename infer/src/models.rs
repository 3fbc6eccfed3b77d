//! What is known of programs: from the words of a call to what it reads and makes. Pure: no model looks at a file.

pub mod archiver;
pub mod compiler;
pub mod described;
pub mod linker;

use self::described::Description;
use crate::word::{Call, Refusal};

/// A program whose calls are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// A compiler's driver, which also assembles and links.
    Compiler,
    /// `ar`.
    Archiver,
    /// `ranlib`.
    Indexer,
    /// `ld`.
    Linker,
    /// `strip`.
    Stripper,
    /// `as`.
    Assembler,
    /// One that only reads what others make, such as `nm`: it runs for real once that is made.
    Reader,
}

/// The programs of which there are models, by their plain names.
pub const PROGRAMS: [(&str, Model); 21] = [
    ("cc", Model::Compiler),
    ("c++", Model::Compiler),
    ("gcc", Model::Compiler),
    ("g++", Model::Compiler),
    ("clang", Model::Compiler),
    ("clang++", Model::Compiler),
    ("ar", Model::Archiver),
    ("gcc-ar", Model::Archiver),
    ("llvm-ar", Model::Archiver),
    ("ranlib", Model::Indexer),
    ("gcc-ranlib", Model::Indexer),
    ("llvm-ranlib", Model::Indexer),
    ("ld", Model::Linker),
    ("strip", Model::Stripper),
    ("as", Model::Assembler),
    ("nm", Model::Reader),
    ("gcc-nm", Model::Reader),
    ("objcopy", Model::Reader),
    ("objdump", Model::Reader),
    ("readelf", Model::Reader),
    ("size", Model::Reader),
];

impl Model {
    /// The model of the program that is called `name`, perhaps with a machine before it and a version behind it, as in
    /// `x86_64-linux-gnu-gcc-12`.
    pub fn of(name: &str) -> Option<Self> {
        let is_version = |text: &str| text.chars().all(|c| c.is_ascii_digit() || c == '.');
        let plain = name.rsplit_once('-').filter(|(_, version)| is_version(version)).map_or(name, |(plain, _)| plain);
        let is_called = |known: &str| {
            let machine = plain.strip_suffix(known);
            // A machine has at least two parts: `git-ar` is another program.
            machine
                .is_some_and(|machine| machine.is_empty() || machine.ends_with('-') && machine.matches('-').count() > 1)
        };
        PROGRAMS.iter().find(|(known, _)| is_called(known)).map(|(_, model)| *model)
    }

    /// What a call with these words does.
    pub fn parse(self, words: &[String]) -> Result<Vec<Call>, Refusal> {
        match self {
            Self::Compiler => compiler::parse(words),
            Self::Archiver => archiver::archive(words).map(|call| vec![call]),
            Self::Indexer => archiver::index(words).map(|call| vec![call]),
            Self::Stripper => archiver::strip(words).map(|call| vec![call]),
            Self::Linker => linker::parse(words).map(|call| vec![call]),
            Self::Assembler => linker::assemble(words).map(|call| vec![call]),
            Self::Reader => Err(Refusal::Question),
        }
    }
}

/// Whose calls are understood, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// By a model.
    Modelled(Model),
    /// By a line of text.
    Described(Description),
}

impl Program {
    /// What a call with these words does.
    pub fn parse(&self, words: &[String]) -> Result<Vec<Call>, Refusal> {
        match self {
            Self::Modelled(model) => model.parse(words),
            Self::Described(description) => description.parse(words).map(|call| vec![call]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_and_versions_do_not_hide_a_program() {
        for (name, model) in [
            ("cc", Some(Model::Compiler)),
            ("x86_64-linux-gnu-gcc-12", Some(Model::Compiler)),
            ("clang++-14", Some(Model::Compiler)),
            ("x86_64-linux-gnu-gcc-ar-12", Some(Model::Archiver)),
            ("aarch64-linux-gnu-ld", Some(Model::Linker)),
            ("git-ar", None),
            ("tar", None),
            ("ccc", None),
            ("gcc-x", None),
        ] {
            assert_eq!(Model::of(name), model, "{name}");
        }
    }
}
