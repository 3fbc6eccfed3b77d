//! `ar`, `ranlib` and `strip`, as GNU's and LLVM's have them. They change a file in its place: what it was is an input then.

use crate::word::{Call, Refusal, Word};

/// What a call of `ar` with these words does.
pub fn archive(words: &[String]) -> Result<Call, Refusal> {
    let (operation, rest) = words.split_first().ok_or(Refusal::Question)?;
    let letters = operation.strip_prefix('-').unwrap_or(operation);
    if operation.starts_with("--") || letters == "V" || letters == "h" {
        return Err(Refusal::Question);
    }
    let has = |letter| letters.contains(letter);
    if !has('r') && !has('q') {
        // Members are printed, listed, taken out: what is in the archive is read, or changed in a way of its own.
        return Err(if has('t') || has('p') { Refusal::Question } else { Refusal::strange(operation) });
    }
    // Only what changes nothing but the order of words, and what says that no time or owner is written (`D`): then `u` has no age to
    // compare, and GNU ar leaves it out.
    if !letters.chars().all(|letter| "rqcsSvuD".contains(letter)) || rest.iter().any(|word| word.starts_with('-')) {
        return Err(Refusal::strange(words.iter().take(2).map(String::as_str).collect::<Vec<_>>().join(" ")));
    }
    let (archive, members) = rest.split_first().ok_or(Refusal::Question)?;
    let mut call = Call {
        words: vec![Word::text(operation), Word::path(archive)],
        makes: vec![archive.clone()],
        changes: Some(archive.clone()),
        reads: members.to_vec(),
        ..Call::default()
    };
    call.words.extend(members.iter().map(Word::path));
    Ok(call)
}

/// What a call of `ranlib` with these words does.
pub fn index(words: &[String]) -> Result<Call, Refusal> {
    in_place(words, &["-D"])
}

/// What a call of `strip` with these words does.
pub fn strip(words: &[String]) -> Result<Call, Refusal> {
    const FLAGS: &[&str] = &[
        "-s",
        "--strip-all",
        "-g",
        "-S",
        "-d",
        "--strip-debug",
        "--strip-unneeded",
        "-x",
        "--discard-all",
        "-X",
        "--discard-locals",
        "-D",
        "--enable-deterministic-archives",
    ];
    let Some(at) = words.iter().position(|word| word == "-o") else { return in_place(words, FLAGS) };
    let output = words.get(at + 1).ok_or_else(|| Refusal::strange("-o without a value"))?.clone();
    let others: Vec<String> = words[..at].iter().chain(&words[at + 2..]).cloned().collect();
    let mut call = in_place(&others, FLAGS)?;
    call.reads = call.changes.take().into_iter().collect();
    call.words.extend([Word::text("-o"), Word::path(&*output)]);
    call.makes = vec![output];
    Ok(call)
}

/// A call that changes the one file it names.
fn in_place(words: &[String], flags: &[&str]) -> Result<Call, Refusal> {
    let mut call = Call::default();
    for word in words {
        if word == "--version" || word == "-V" || word == "-v" || word == "--help" {
            return Err(Refusal::Question);
        }
        if !word.starts_with('-') {
            if call.changes.replace(word.clone()).is_some() {
                return Err(Refusal::strange("several files"));
            }
            call.words.push(Word::path(word));
        } else if flags.contains(&word.as_str()) {
            call.words.push(Word::text(word));
        } else {
            return Err(Refusal::strange(word));
        }
    }
    call.makes = call.changes.iter().cloned().collect();
    if call.makes.is_empty() { Err(Refusal::Question) } else { Ok(call) }
}

/// The names of the members of an archive, in their order, as System V and GNU write them; none if it is no such archive.
pub fn members(archive: &[u8]) -> Option<Vec<String>> {
    let mut rest = archive.strip_prefix(b"!<arch>\n")?;
    let (mut names, mut long) = (Vec::new(), &[][..]);
    while let Some((header, behind)) = rest.split_at_checked(HEADER_BYTES) {
        let field = |bytes: &'static [usize; 2]| str::from_utf8(&header[bytes[0]..bytes[1]]).ok().map(str::trim_end);
        let (name, size) = (field(&[0, 16])?, field(&[48, 58])?.parse::<usize>().ok()?);
        let (content, behind) = behind.split_at_checked(size)?;
        match name {
            "/" | "/SYM64/" => {}
            "//" => long = content,
            _ => names.push(match name.strip_prefix('/') {
                Some(place) => {
                    let name = long.get(place.parse::<usize>().ok()?..)?.split(|&byte| byte == b'\n').next()?;
                    str::from_utf8(name).ok()?.trim_end_matches('/').to_owned()
                }
                None => name.trim_end_matches('/').to_owned(),
            }),
        }
        // Members begin at even places.
        rest = if size % 2 == 1 { behind.get(1..).unwrap_or_default() } else { behind };
    }
    rest.is_empty().then_some(names)
}

const HEADER_BYTES: usize = 60;

/// Whether an archive that has the members `old` becomes the same as if it had not been there when the files of `new` are put
/// into it: each member is replaced, where it stood.
pub fn is_replaced(old: &[String], new: &[String]) -> bool {
    let names: Vec<&str> = new.iter().map(|path| path.rsplit('/').next().unwrap_or(path)).collect();
    let mut once = names.clone();
    once.sort_unstable();
    once.dedup();
    once.len() == names.len() && old.iter().map(String::as_str).eq(names.iter().copied().take(old.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split::split;
    use proptest::prelude::*;

    #[test]
    fn members_are_put_into_what_was_there() {
        for line in ["rcs x/liba.a a.o b.o", "-cr x/liba.a a.o b.o", "qcD x/liba.a a.o b.o"] {
            let call = archive(&split(line)).unwrap();
            assert_eq!((call.changes.as_deref(), call.reads.len()), (Some("x/liba.a"), 2), "{line}");
        }
        assert_eq!(archive(&split("t liba.a")), Err(Refusal::Question));
        assert_eq!(archive(&split("rcsT liba.a a.o")), Err(Refusal::strange("rcsT liba.a")));
        assert_eq!(archive(&split("rU liba.a a.o")), Err(Refusal::strange("rU liba.a")));
        assert_eq!(archive(&split("x liba.a")), Err(Refusal::strange("x")));
        assert_eq!(archive(&split("rcs liba.a --plugin x")), Err(Refusal::strange("rcs liba.a")));
    }

    #[test]
    fn one_file_is_changed_or_another_is_made() {
        assert_eq!(index(&split("-D a.a")).unwrap().changes.as_deref(), Some("a.a"));
        assert_eq!(strip(&split("-s prog")).unwrap().changes.as_deref(), Some("prog"));
        let other = strip(&split("--strip-debug -o b a")).unwrap();
        assert_eq!((other.changes, other.reads, other.makes), (None, split("a"), split("b")));
        assert_eq!(strip(&split("a b")), Err(Refusal::strange("several files")));
        assert_eq!(strip(&split("--only-keep-debug a")), Err(Refusal::strange("--only-keep-debug")));
    }

    #[test]
    fn an_archive_is_made_anew_only_if_each_member_is_replaced() {
        let is = |old: &str, new: &str| is_replaced(&split(old), &split(new));
        assert!(is("a.o b.o", "x/a.o b.o") && is("a.o", "a.o b.o") && is("", "a.o"));
        assert!(!is("a.o b.o", "b.o a.o") && !is("a.o b.o", "a.o") && !is("a.o a.o", "x/a.o y/a.o"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_archive_or_none(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = members(&[b"!<arch>\n", &bytes[..]].concat());
            let _ = members(&bytes);
        }
    }
}
