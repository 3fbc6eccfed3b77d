//! Words out of text: response files (`@FILE`), and what a compiler's driver says it would run (`-###`). Both are split as
//! libiberty's `buildargv` splits: at blanks, with single and double quotes and backslashes.

use crate::word::Refusal;

/// The words of a text.
pub fn split(text: &str) -> Vec<String> {
    let (mut words, mut word) = (Vec::new(), None::<String>);
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, _) if character.is_ascii_whitespace() => words.extend(word.take()),
            (None | Some('"' | '\''), '\\') => word.get_or_insert_default().extend(characters.next()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words
}

/// The words of a command line with those of its response files in their places. `read` is what is in a file; one that is not
/// there is a word like any other.
pub fn expand(words: &[String], read: impl Fn(&str) -> Option<String>) -> Result<Vec<String>, Refusal> {
    let mut open: Vec<String> = words.iter().rev().cloned().collect();
    let (mut expanded, mut files) = (Vec::new(), 0);
    while let Some(word) = open.pop() {
        match word.strip_prefix('@').and_then(&read) {
            None => expanded.push(word),
            Some(text) => {
                files += 1;
                if files > MOST_RESPONSE_FILES {
                    return Err(Refusal::strange(format!("more than {MOST_RESPONSE_FILES} response files")));
                }
                open.extend(split(&text).into_iter().rev());
            }
        }
    }
    Ok(expanded)
}

/// As GCC has it: a file that names itself would go on for ever.
const MOST_RESPONSE_FILES: usize = 2000;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quotes_and_backslashes_hold_words_together() {
        assert_eq!(split(" a  'b c'\"d\"\n\te\\ f '' \"g\\\"h\""), ["a", "b cd", "e f", "", "g\"h"]);
    }

    #[test]
    fn response_files_name_others_and_not_themselves() {
        let read = |name: &str| match name {
            "one" => Some("-c @two".to_owned()),
            "two" => Some("'a b.c'".to_owned()),
            "loop" => Some("@loop".to_owned()),
            _ => None,
        };
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(expand(&words(&["@one", "@absent", "-o"]), read), Ok(words(&["-c", "a b.c", "@absent", "-o"])));
        assert!(matches!(expand(&words(&["@loop"]), read), Err(Refusal::Strange(_))));
    }

    proptest! {
        #[test]
        fn words_in_quotes_come_back(words in prop::collection::vec("\\PC{0,9}", 0..6)) {
            let quoted = words.iter().map(|word| {
                let escape = |c: char| if "\"\\".contains(c) { format!("\\{c}") } else { c.to_string() };
                format!("\"{}\"", word.chars().map(escape).collect::<String>())
            });
            prop_assert_eq!(split(&quoted.collect::<Vec<_>>().join(" ")), words);
        }
    }
}
