//! The rules for make that compilers write (`-M`): what a source includes.

/// The files behind the colon of the first rule of `text`, in their order. Make's own ways of escaping are undone as GCC does
/// them: a blank and `#` by a backslash, `$` by another.
pub fn prerequisites(text: &str) -> Vec<String> {
    let (mut names, mut name) = (Vec::new(), String::new());
    let mut is_behind_colon = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let next = characters.peek().copied();
        match (character, next) {
            ('\\', Some('\n')) => {
                characters.next();
                names.extend(take(&mut name));
            }
            ('\\', Some(escaped @ (' ' | '#'))) => {
                characters.next();
                name.push(escaped);
            }
            ('$', Some('$')) => {
                characters.next();
                name.push('$');
            }
            (':', None | Some(' ' | '\\' | '\n')) if !is_behind_colon => {
                is_behind_colon = true;
                names.clear();
                name.clear();
            }
            ('\n', _) if is_behind_colon => break,
            (' ' | '\t' | '\r' | '\n', _) => names.extend(take(&mut name)),
            _ => name.push(character),
        }
    }
    names.extend(take(&mut name));
    if is_behind_colon { names } else { Vec::new() }
}

fn take(name: &mut String) -> Option<String> {
    Some(std::mem::take(name)).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_names_what_is_included() {
        let text = "a.o b.o: src/a.c include/a\\ b.h \\\n  /usr/include/stdio.h c$$.h\n\ninclude/a\\ b.h:\n";
        assert_eq!(prerequisites(text), ["src/a.c", "include/a b.h", "/usr/include/stdio.h", "c$.h"]);
        assert_eq!(prerequisites("a.o:"), <[&str; 0]>::default());
        assert_eq!(prerequisites("no rule"), <[&str; 0]>::default());
    }
}
