//! Programs that a line of text describes: which of their words name what.
//!
//! ```text
//! # program: words, each with what it means
//! yacc: -d=flag -b=text -o=out *=in
//! ```
//!
//! What a word means is `in` (a file that is read), `out` (one that is made), `text` (a value that is no file) or `flag` (no value);
//! `*` stands for words that are no options. Values follow as the next word, behind `=`, or joined to the option.

use std::collections::BTreeMap;
use std::fmt;

use crate::word::{Call, Refusal, Word};

/// How a program's words are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    options: BTreeMap<String, Meaning>,
    others: Option<Meaning>,
}

/// What a word means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    In,
    Out,
    Text,
    Flag,
}

/// A line that describes no program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescriptionError {
    /// Which line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for DescriptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for DescriptionError {}

/// The programs that a text describes, by their names.
pub fn read(text: &str) -> Result<BTreeMap<String, Description>, DescriptionError> {
    let mut programs = BTreeMap::new();
    for (number, line) in (1..).zip(text.lines().map(str::trim)) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = |what: String| DescriptionError { line: number, what };
        if programs.len() == MOST_PROGRAMS {
            return Err(wrong(format!("more than {MOST_PROGRAMS} programs")));
        }
        let (name, words) = line.split_once(':').ok_or_else(|| wrong("a line is PROGRAM: WORD=MEANING…".to_owned()))?;
        if name.is_empty()
            || name == "."
            || name == ".."
            || name.contains(|c: char| c == '/' || c == '\0' || c.is_whitespace())
        {
            return Err(wrong(format!("`{name}` is no program's name")));
        }
        let description =
            words.split_whitespace().try_fold(Description::default(), Description::with).map_err(wrong)?;
        if !description.meanings().any(|meaning| meaning == Meaning::Out) {
            return Err(wrong(format!("{name} makes nothing: no word is `out`")));
        }
        if programs.insert(name.to_owned(), description).is_some() {
            return Err(wrong(format!("{name} is described twice")));
        }
    }
    Ok(programs)
}

/// More than a project has tools of its own.
const MOST_PROGRAMS: usize = 1000;

impl Description {
    fn with(mut self, word: &str) -> Result<Self, String> {
        let (spelled, meaning) = word.rsplit_once('=').ok_or_else(|| format!("`{word}` is not WORD=MEANING"))?;
        let meaning = match meaning {
            "in" => Meaning::In,
            "out" => Meaning::Out,
            "text" => Meaning::Text,
            "flag" => Meaning::Flag,
            _ => return Err(format!("`{word}`: a word is in, out, text or flag")),
        };
        let is_new = match spelled {
            "*" => self.others.replace(meaning).is_none(),
            _ if spelled.len() > 1 && spelled.starts_with('-') => {
                self.options.insert(spelled.to_owned(), meaning).is_none()
            }
            _ => return Err(format!("`{word}`: an option begins with a hyphen; other words are *")),
        };
        if is_new { Ok(self) } else { Err(format!("{spelled} is said twice")) }
    }

    fn meanings(&self) -> impl Iterator<Item = Meaning> {
        self.options.values().copied().chain(self.others)
    }

    /// What a call with these words does.
    pub fn parse(&self, words: &[String]) -> Result<Call, Refusal> {
        let mut call = Call::default();
        let mut words = words.iter().map(String::as_str);
        while let Some(word) = words.next() {
            if !word.starts_with('-') || word == "-" {
                let meaning = self.others.filter(|_| word != "-").ok_or_else(|| Refusal::strange(word))?;
                call.take("", word, meaning);
                continue;
            }
            if let Some(meaning) = self.options.get(word) {
                call.words.push(Word::text(word));
                if *meaning != Meaning::Flag {
                    let value = words.next().ok_or_else(|| Refusal::strange(format!("{word} without a value")))?;
                    call.take("", value, *meaning);
                }
                continue;
            }
            // The longest option that the word begins with.
            let begun = self
                .options
                .iter()
                .filter(|(option, meaning)| **meaning != Meaning::Flag && word.starts_with(&***option));
            let (option, meaning) =
                begun.max_by_key(|(option, _)| option.len()).ok_or_else(|| Refusal::strange(word))?;
            let joined = &word[option.len()..];
            let value = joined.strip_prefix('=').unwrap_or(joined);
            call.take(&word[..word.len() - value.len()], value, *meaning);
        }
        if call.makes.is_empty() { Err(Refusal::Question) } else { Ok(Call { makes_program: false, ..call }) }
    }
}

impl Call {
    fn take(&mut self, before: &str, value: &str, meaning: Meaning) {
        match meaning {
            Meaning::In => self.reads.push(value.to_owned()),
            Meaning::Out => self.makes.push(value.to_owned()),
            Meaning::Text | Meaning::Flag => return self.words.push(Word::Text(format!("{before}{value}"))),
        }
        self.words.push(Word::joined(before, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split::split;
    use proptest::prelude::*;

    #[test]
    fn a_line_is_enough_for_a_program() {
        let programs = read("# tools\n\nyacc: -d=flag -b=text -o=out --output=out *=in\nlex: -o=out *=in\n").unwrap();
        assert_eq!(programs.len(), 2);
        let yacc = &programs["yacc"];
        for line in ["-d -b x -o y.c a.y", "-d -bx -oy.c a.y", "-d --output=y.c a.y"] {
            let call = yacc.parse(&split(line)).unwrap();
            assert_eq!((call.reads, call.makes), (split("a.y"), split("y.c")), "{line}");
        }
        assert_eq!(yacc.parse(&split("-o y.c -v a.y")), Err(Refusal::strange("-v")));
        assert_eq!(yacc.parse(&split("-dx -o y.c a.y")), Err(Refusal::strange("-dx")));
        assert_eq!(yacc.parse(&split("a.y")), Err(Refusal::Question));
    }

    #[test]
    fn what_is_wrong_with_a_line_is_said() {
        for (text, line, what) in [
            ("yacc", 1, "PROGRAM"),
            ("\n../yacc: -o=out", 2, "no program's name"),
            ("yacc: -o=output", 1, "in, out, text or flag"),
            ("yacc: -o=in", 1, "makes nothing"),
            ("yacc: o=out", 1, "hyphen"),
            ("yacc: -o=out -o=in", 1, "said twice"),
            ("yacc: -o=out\nyacc: -o=out", 2, "described twice"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.line == line && error.what.contains(what), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "\\PC{0,40}|([a-z:=* -]{0,9}\n){0,4}", words in prop::collection::vec("\\PC{0,9}", 0..5)) {
            if let Ok(programs) = read(&text) {
                programs.values().for_each(|program| drop(program.parse(&words)));
            }
        }
    }
}
