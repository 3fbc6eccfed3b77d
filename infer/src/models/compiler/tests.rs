use super::*;
use proptest::prelude::*;

fn calls(line: &str) -> Result<Vec<Call>, Refusal> {
    parse(&crate::split::split(line))
}

fn call(line: &str) -> Call {
    let mut calls = calls(line).unwrap();
    assert_eq!(calls.len(), 1, "{line}");
    calls.remove(0)
}

fn said(words: &[Word]) -> String {
    words.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

#[test]
fn an_object_is_called_as_its_source_where_nothing_else_is_said() {
    for (line, makes) in [
        ("-c src/a.b.c", "a.b.o"),
        ("-S a.cpp", "a.s"),
        ("-c a.c -o out/b", "out/b"),
        ("-c a.c -oout/b.o", "out/b.o"),
        ("a.o b.a", "a.out"),
        ("-shared a.o -o liba.so.1", "liba.so.1"),
    ] {
        assert_eq!(call(line).makes, [makes], "{line}");
    }
}

#[test]
fn several_sources_are_several_calls() {
    let calls = calls("-O2 -c a.c b/c.c -I.").unwrap();
    let told: Vec<String> = calls.iter().map(|call| said(&call.words)).collect();
    assert_eq!(told, ["-O2 a.c -I. -c -o a.o", "-O2 b/c.c -I. -c -o c.o"]);
    assert_eq!(calls[1].sources[0].words, ["-O2", "b/c.c", "-I."]);
}

#[test]
fn compiling_and_linking_at_once_is_one_call() {
    let call = call("-g a.c b.o -L. -lz -Wl,--version-script,x.map -Wl,-rpath,/abs/lib");
    assert_eq!(call.reads, ["b.o", "x.map"]);
    assert_eq!(call.sources[0].words, ["-g", "a.c"]);
    assert!(call.makes_program && call.tells_folder);
    let linked = "-g a.c b.o -L. -lz -Wl,--version-script -Wl,x.map -Wl,-rpath -Wl,/abs/lib -o a.out";
    assert_eq!(call.links.as_deref().unwrap().join(" "), linked);
}

#[test]
fn rules_for_make_go_where_the_driver_puts_them() {
    let rule = |line: &str| call(line).sources[0].rule.clone().unwrap();
    assert_eq!(rule("-MD -c a.c -o x/a.o").path, "x/a.d");
    assert_eq!(rule("-MD -c a.c -o x/a.o").words, ["-MQ", "x/a.o"]);
    let named = rule("-MMD -MP -MT t.o -MF deps/a.d -c a.c -o a.o");
    assert_eq!((&*named.path, named.is_short, named.words.join(" ")), ("deps/a.d", true, "-MP -MT t.o".to_owned()));
    assert_eq!(rule("-MD -c src/a.c").path, "a.d");
    assert_eq!(rule("-MD -c src/a.c").words, <[&str; 0]>::default());
    assert!(rule("-Wp,-MMD,x/.a.o.d -c a.c -o x/a.o").words.is_empty());
    // None of it is left in what is put off.
    assert_eq!(said(&call("-MMD -MF a.d -c a.c").words), "a.c -c -o a.o");
}

#[test]
fn questions_are_asked_and_what_is_not_understood_is_named() {
    for line in ["--version", "-E a.c", "-v", "-print-prog-name=ld", "-dumpmachine", "", "-O2", "-xc - -c", "-M a.c"] {
        assert_eq!(calls(line), Err(Refusal::Question), "{line}");
    }
    for (line, what) in [
        ("-c a.c -save-temps", "-save-temps"),
        ("-c -march=native a.c", "-march=native"),
        ("-c a.c -gsplit-dwarf", "-gsplit-dwarf"),
        ("-c a.c -fplugin=x.so", "-fplugin=x.so"),
        ("-c a.h", "a file that ends with .h"),
        ("-c a.c b.c -o c.o", "-o with several sources"),
        ("-c a.c -Wa,-adhln=a.lst", "-Wa,-adhln=a.lst"),
        ("a.o -Wl,--plugin=x", "--plugin=x"),
        ("-c a.c -o", "-o without a value"),
    ] {
        assert_eq!(calls(line), Err(Refusal::Strange(what.to_owned())), "{line}");
    }
}

#[test]
fn a_map_of_prefixes_names_a_folder_in_its_midst() {
    let call = call("-g -ffile-prefix-map=/home/me/x=. -c a.c");
    let map = Word::Path { before: "-ffile-prefix-map=".into(), path: "/home/me/x".into(), after: "=.".into() };
    assert!(call.words.contains(&map));
}

proptest! {
    /// Whatever is called: a call is refused or understood, and then every word but those on rules and outputs is passed on.
    #[test]
    fn no_word_gets_lost(words in prop::collection::vec(any_word(), 0..8)) {
        let Ok(calls) = parse(&words) else { return Ok(()) };
        for call in &calls {
            prop_assert!(!call.makes.is_empty());
            let passed: Vec<String> = call.words.iter().map(ToString::to_string).collect();
            for word in words.iter().filter(|word| word.starts_with("-D") || word.starts_with("-O") || word.starts_with("-I")) {
                prop_assert!(passed.contains(word), "{word} of {words:?} is not in {passed:?}");
            }
            for source in &call.sources {
                prop_assert!(source.words.contains(&source.path));
            }
        }
    }

    #[test]
    fn any_words_are_read(words in prop::collection::vec("\\PC{0,9}|-[A-Za-z]{1,3}[,=a-z]{0,9}", 0..6)) {
        let _ = parse(&words);
    }
}

/// Words that do not take the next one for their value.
fn any_word() -> impl Strategy<Value = String> {
    const SOME: &[&str] =
        &["a.c", "b/d.cc", "e.o", "f.a", "-c", "-DX=1", "-Ix", "-O2", "-g", "-MD", "-lz", "-oq", "-S", "-xc", "-Wl,-s"];
    prop::sample::select(SOME).prop_map(str::to_owned)
}
