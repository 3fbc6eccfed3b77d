//! Drivers of compilers: GCC and Clang, C and C++. One call may compile several sources, or compile and link at once.
//!
//! What is understood is a list. Whatever is not on it might read or write a file, so that the call is made for real.

mod options;

use self::options::{Meaning, meaning};
use crate::word::{Call, Refusal, Rule, Source, Word};

/// What a call with these words does: a call for each object, or one for a program.
pub fn parse(words: &[String]) -> Result<Vec<Call>, Refusal> {
    let mut line = Line::default();
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        line.read(word, &mut words)?;
    }
    line.calls()
}

/// How far the driver goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Goal {
    #[default]
    Program,
    Object,
    Assembly,
}

/// Which steps a word is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Preprocessing and compiling, and perhaps linking.
    Any,
    /// Linking alone.
    Link,
    /// It is the source of this number.
    Source(usize),
}

/// A command line as it is read.
#[derive(Debug, Default)]
struct Line {
    goal: Goal,
    output: Option<String>,
    words: Vec<(Word, Step)>,
    sources: Vec<(String, Kind)>,
    /// What the driver takes for objects and libraries.
    objects: Vec<String>,
    /// Files that words for the linker name.
    reads: Vec<String>,
    /// The language that `-x` says.
    language: Option<Kind>,
    rule: Option<Rule>,
    /// The rule is the preprocessor's own, to which the driver says nothing of the output.
    rule_is_bare: bool,
    has_debug: bool,
}

/// What is done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It includes others.
    Source,
    /// It is preprocessed already.
    Preprocessed,
    Object,
}

impl Line {
    fn read<'a>(&mut self, word: &'a str, more: &mut impl Iterator<Item = &'a str>) -> Result<(), Refusal> {
        if word == "-" || !word.starts_with('-') {
            return self.read_file(word);
        }
        let (meaning, spelled, joined) = meaning(word)?;
        let mut value = || match joined {
            Some(joined) => Ok(joined),
            None => more.next().ok_or_else(|| Refusal::strange(format!("{word} without a value"))),
        };
        match meaning {
            Meaning::Flag => self.push(Word::text(word), Step::Any),
            Meaning::LinkFlag => self.push(Word::text(word), Step::Link),
            Meaning::Debug => {
                self.has_debug = word != "-g0";
                self.push(Word::text(word), Step::Any);
            }
            Meaning::Text | Meaning::LinkText => {
                let step = if meaning == Meaning::Text { Step::Any } else { Step::Link };
                let words = two(spelled, joined, value()?, |before, text| Word::Text(format!("{before}{text}")));
                words.into_iter().for_each(|word| self.push(word, step));
            }
            Meaning::Folder | Meaning::LinkFolder | Meaning::LinkFile => {
                let step = if meaning == Meaning::Folder { Step::Any } else { Step::Link };
                let value = value()?;
                if meaning == Meaning::LinkFile {
                    self.reads.push(value.to_owned());
                }
                let words = two(spelled, joined, value, |before, path| Word::joined(before, path));
                words.into_iter().for_each(|word| self.push(word, step));
            }
            Meaning::PrefixMap => {
                let (old, new) = value()?.rsplit_once('=').ok_or_else(|| Refusal::strange(word))?;
                let (before, path, after) = (spelled.to_owned(), old.to_owned(), format!("={new}"));
                self.push(Word::Path { before, path, after }, Step::Any);
            }
            Meaning::Output => self.output = Some(value()?.to_owned()),
            Meaning::Object => self.goal = Goal::Object,
            Meaning::Assembly => self.goal = Goal::Assembly,
            Meaning::Language => {
                let language = value()?;
                self.language = language_kind(language)?;
                self.push(Word::text("-x"), Step::Any);
                self.push(Word::text(language), Step::Any);
            }
            Meaning::Rule { is_short } => self.rule.get_or_insert_default().is_short = is_short,
            Meaning::RulePath => self.rule.get_or_insert_default().path = value()?.to_owned(),
            Meaning::RuleText => {
                let words = two(spelled, joined, value()?, |before, text| Word::Text(format!("{before}{text}")));
                self.rule.get_or_insert_default().words.extend(words.iter().map(ToString::to_string));
            }
            Meaning::RuleFlag => self.rule.get_or_insert_default().words.push(word.to_owned()),
            Meaning::ForLinker => self.read_for_linker(spelled, value()?)?,
            Meaning::ForPreprocessor => self.read_for_preprocessor(word)?,
            Meaning::ForAssembler => match value()?.split(',').all(super::linker::is_plain_for_assembler) {
                true => self.push(Word::text(word), Step::Any),
                false => return Err(Refusal::strange(word)),
            },
            Meaning::Question => return Err(Refusal::Question),
        }
        Ok(())
    }

    fn read_file(&mut self, word: &str) -> Result<(), Refusal> {
        let kind = match self.language {
            Some(kind) => kind,
            None => file_kind(word)?,
        };
        if word == "-" {
            return Err(Refusal::Question);
        }
        if kind == Kind::Object {
            self.objects.push(word.to_owned());
            self.push(Word::path(word), Step::Link);
        } else {
            self.push(Word::path(word), Step::Source(self.sources.len()));
            self.sources.push((word.to_owned(), kind));
        }
        Ok(())
    }

    /// `-Wl,A,B` and `-Xlinker A`.
    fn read_for_linker(&mut self, spelled: &str, value: &str) -> Result<(), Refusal> {
        if spelled == "-Xlinker" {
            self.push(Word::text("-Xlinker"), Step::Link);
            self.push(Word::text(value), Step::Link);
            return if super::linker::is_plain(value) {
                Ok(())
            } else {
                Err(Refusal::strange(format!("-Xlinker {value}")))
            };
        }
        let pieces: Vec<&str> = value.split(',').collect();
        let understood = super::linker::pieces(&pieces)?;
        self.reads.extend(understood.reads);
        // Pieces may come as words of their own.
        for piece in understood.words {
            let word = match piece {
                Word::Text(text) => Word::Text(format!("-Wl,{text}")),
                Word::Path { before, path, after } => Word::Path { before: format!("-Wl,{before}"), path, after },
            };
            self.push(word, Step::Link);
        }
        Ok(())
    }

    /// `-Wp,-MMD,FILE` as the kernel's makefiles write it, and definitions.
    fn read_for_preprocessor(&mut self, word: &str) -> Result<(), Refusal> {
        let pieces: Vec<&str> = word.trim_start_matches("-Wp,").split(',').collect();
        match pieces[..] {
            [kind @ ("-MD" | "-MMD"), path] => {
                // What the rule is about is then called by the source, not by the output.
                self.rule_is_bare = true;
                self.rule = Some(Rule { path: path.to_owned(), words: Vec::new(), is_short: kind == "-MMD" });
            }
            [define] if define.starts_with("-D") || define.starts_with("-U") => self.push(Word::text(word), Step::Any),
            _ => return Err(Refusal::strange(word)),
        }
        Ok(())
    }

    fn push(&mut self, word: Word, step: Step) {
        self.words.push((word, step));
    }

    fn calls(self) -> Result<Vec<Call>, Refusal> {
        if self.sources.is_empty() && (self.goal != Goal::Program || self.objects.is_empty()) {
            return Err(Refusal::Question);
        }
        if self.goal == Goal::Program {
            return Ok(vec![self.program()?]);
        }
        if self.output.is_some() && self.sources.len() > 1 {
            return Err(Refusal::strange("-o with several sources"));
        }
        (0..self.sources.len()).map(|number| self.object(number)).collect()
    }

    /// The call that compiles one source.
    fn object(&self, number: usize) -> Result<Call, Refusal> {
        let (path, _) = &self.sources[number];
        let (option, ending) = if self.goal == Goal::Assembly { ("-S", "s") } else { ("-c", "o") };
        let output = self.output.clone().unwrap_or_else(|| format!("{}.{ending}", stem(file_name(path))));
        let mine = |step: &Step| matches!(step, Step::Any) || *step == Step::Source(number);
        let mut words: Vec<Word> =
            self.words.iter().filter(|(_, step)| mine(step)).map(|(word, _)| word.clone()).collect();
        words.extend([Word::text(option), Word::text("-o"), Word::path(&*output)]);
        let rule = self.rule.clone().map(|rule| self.rule(rule, path)).transpose()?;
        let (reads, sources) = self.files(|other| other == number, rule.as_ref());
        Ok(Call { words, reads, sources, makes: vec![output], tells_folder: self.has_debug, ..Call::default() })
    }

    /// The call that makes a program or a shared library, of sources and objects.
    fn program(self) -> Result<Call, Refusal> {
        if self.rule.is_some() && !self.sources.is_empty() {
            return Err(Refusal::strange("a rule for make of a program"));
        }
        let output = self.output.clone().unwrap_or_else(|| "a.out".to_owned());
        let mut words: Vec<Word> = self.words.iter().map(|(word, _)| word.clone()).collect();
        words.extend([Word::text("-o"), Word::path(&*output)]);
        let (mut reads, sources) = self.files(|_| true, None);
        reads.extend(self.objects);
        reads.extend(self.reads);
        let links = Some(words.iter().map(ToString::to_string).collect());
        let tells_folder = self.has_debug && !sources.is_empty();
        Ok(Call {
            words,
            reads,
            sources,
            links,
            makes: vec![output],
            tells_folder,
            makes_program: true,
            ..Call::default()
        })
    }

    /// What is read as it is, and what is preprocessed.
    fn files(&self, is_wanted: impl Fn(usize) -> bool, rule: Option<&Rule>) -> (Vec<String>, Vec<Source>) {
        let (mut reads, mut sources) = (Vec::new(), Vec::new());
        for (number, (path, kind)) in self.sources.iter().enumerate().filter(|(number, _)| is_wanted(*number)) {
            if *kind == Kind::Preprocessed {
                reads.push(path.clone());
                continue;
            }
            let mine = |step: &Step| *step == Step::Any || *step == Step::Source(number);
            let words = self.words.iter().filter(|(_, step)| mine(step)).map(|(word, _)| word.to_string());
            sources.push(Source { path: path.clone(), words: words.collect(), rule: rule.cloned() });
        }
        (reads, sources)
    }

    /// Where the rule of a source goes, and what it is about, as the driver decides it.
    fn rule(&self, mut rule: Rule, source: &str) -> Result<Rule, Refusal> {
        let is_named = |words: &[String]| words.iter().any(|word| word.starts_with("-MT") || word.starts_with("-MQ"));
        if rule.path.is_empty() {
            // `%{!o:%b.d}%{o*:%.d%*}` of GCC's specs.
            rule.path = format!("{}.d", stem(self.output.as_deref().unwrap_or(file_name(source))));
            if self.sources.len() > 1 && self.output.is_some() {
                return Err(Refusal::strange("one rule of several sources"));
            }
        } else if self.sources.len() > 1 {
            return Err(Refusal::strange("one rule of several sources"));
        }
        if let Some(output) = self.output.as_ref().filter(|_| !is_named(&rule.words) && !self.rule_is_bare) {
            rule.words.extend(["-MQ".to_owned(), output.clone()]);
        }
        Ok(rule)
    }
}

/// An option and its value, as one word or two.
fn two(spelled: &str, joined: Option<&str>, value: &str, word: impl Fn(&str, &str) -> Word) -> Vec<Word> {
    match joined {
        Some(_) => vec![word(spelled, value)],
        None => vec![Word::text(spelled), word("", value)],
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// A path without the ending of its file.
fn stem(path: &str) -> &str {
    match path.rsplit_once('.') {
        Some((stem, ending)) if !ending.contains('/') && !stem.is_empty() && !stem.ends_with('/') => stem,
        _ => path,
    }
}

/// What a file is by its ending, as GCC takes it.
fn file_kind(path: &str) -> Result<Kind, Refusal> {
    let ending = file_name(path).rsplit_once('.').map(|(_, ending)| ending);
    match ending {
        Some("c" | "cc" | "cp" | "cpp" | "cxx" | "c++" | "C" | "CPP" | "m" | "mm" | "S" | "sx") => Ok(Kind::Source),
        Some("i" | "ii" | "s") => Ok(Kind::Preprocessed),
        Some(
            "h" | "hh" | "hp" | "hpp" | "hxx" | "h++" | "H" | "f" | "F" | "f90" | "F90" | "go" | "d" | "adb" | "ads"
            | "mod" | "rs" | "mi" | "mii" | "cppm" | "ixx" | "cu",
        ) => Err(Refusal::strange(format!("a file that ends with .{}", ending.unwrap_or_default()))),
        _ => Ok(Kind::Object),
    }
}

/// What `-x` makes of files; none is by their endings again.
fn language_kind(language: &str) -> Result<Option<Kind>, Refusal> {
    match language {
        "none" => Ok(None),
        "c" | "c++" | "assembler-with-cpp" | "objective-c" | "objective-c++" => Ok(Some(Kind::Source)),
        "cpp-output" | "c++-cpp-output" | "assembler" => Ok(Some(Kind::Preprocessed)),
        _ => Err(Refusal::strange(format!("-x {language}"))),
    }
}

#[cfg(test)]
mod tests;
