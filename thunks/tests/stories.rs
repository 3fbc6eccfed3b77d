//! Graphs forced for real, by processes of this machine.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, and its helpers are part of it")]

use std::collections::BTreeMap;
use std::io;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::time::Duration;

use oyster_thunks::engine::{FailureReason, Local, LocalConfig};
use oyster_thunks::{
    Digest, Engine, ForceError, Forced, Graph, Input, OutputKind, Reducer, RelativePath, Thunk, ThunkId, force,
};

fn path(path: &str) -> RelativePath {
    RelativePath::new(path).unwrap()
}

/// A shell's line that makes `out`.
fn shell(line: &str) -> Thunk {
    let thunk = Thunk::new(["/bin/sh", "-ec", line], [path("out")]);
    Thunk { environment: [("PATH".to_owned(), "/usr/bin:/bin".to_owned())].into(), ..thunk }
}

fn after(line: &str, needs: &[ThunkId]) -> Thunk {
    needs.iter().enumerate().fold(shell(line), |thunk, (number, &needed)| {
        thunk.with_input(path(&format!("in{number}")), Input::output(needed, path("out")))
    })
}

/// An engine in a folder of its own, and the values that thunks start from.
struct Place {
    folder: tempfile::TempDir,
    values: Mutex<BTreeMap<Digest, Vec<u8>>>,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), values: Mutex::default() }
    }

    fn value(&self, bytes: &[u8]) -> Input {
        self.values.lock().unwrap().insert(Digest::of(bytes), bytes.to_vec());
        Input::value(Digest::of(bytes))
    }

    fn engine(&self) -> Local {
        Local::open(LocalConfig { folder: self.folder.path().to_owned(), most_bytes: 1 << 20 }).unwrap()
    }

    fn force(&self, graph: &Graph, target: ThunkId) -> Result<Forced, ForceError> {
        let sources = |digest| -> io::Result<Option<Vec<u8>>> { Ok(self.values.lock().unwrap().get(&digest).cloned()) };
        let reducer = Reducer::new(graph.clone(), &[target]).unwrap();
        force(reducer, &self.engine(), &sources, NonZeroUsize::new(2).unwrap(), &|_| ControlFlow::Continue(()))
    }

    /// Forces the graph, and answers what the target made and how many thunks were run and remembered.
    fn read(&self, graph: &Graph, target: ThunkId) -> (String, usize, usize) {
        let forced = self.force(graph, target).unwrap();
        let file = forced.outputs[&target].values().next().unwrap();
        let bytes = self.engine().fetch(file.digest).unwrap().unwrap();
        (String::from_utf8(bytes).unwrap(), forced.executed, forced.memoised)
    }
}

/// Two halves of a text in capitals, joined.
fn capitals(place: &Place, text: &str) -> (Graph, ThunkId) {
    let mut graph = Graph::default();
    let text = place.value(text.as_bytes());
    let half = |line: &str| shell(line).with_input(path("text"), text.clone());
    let first = graph.insert(half("head -n1 text >out")).unwrap();
    let last = graph.insert(half("tail -n1 text >out")).unwrap();
    let [first, last] = [first, last].map(|half| graph.insert(after("tr a-z A-Z <in0 >out", &[half])).unwrap());
    let target = graph.insert(after("cat in0 in1 >out", &[first, last])).unwrap();
    (graph, target)
}

#[test]
fn what_was_done_once_is_not_done_again() {
    let place = Place::new();
    let (graph, target) = capitals(&place, "one\ntwo\n");
    assert_eq!(place.read(&graph, target), ("ONE\nTWO\n".into(), 5, 0));
    assert_eq!(place.read(&graph, target), ("ONE\nTWO\n".into(), 0, 5));
}

#[test]
fn only_what_depends_on_a_change_is_done_again_and_no_further_than_the_change_goes() {
    let place = Place::new();
    let (graph, target) = capitals(&place, "one\ntwo\n");
    place.read(&graph, target);
    // Both halves are cut again; one is as it was, and nothing after it is done again.
    let (graph, target) = capitals(&place, "one\nthree\n");
    assert_eq!(place.read(&graph, target), ("ONE\nTHREE\n".into(), 4, 1));
    // A line between them changes no half: all after the cuts is remembered.
    let (graph, target) = capitals(&place, "one\n---\nthree\n");
    assert_eq!(place.read(&graph, target), ("ONE\nTHREE\n".into(), 2, 3));
}

#[test]
fn what_got_lost_is_made_again() {
    let place = Place::new();
    let (graph, target) = capitals(&place, "one\ntwo\n");
    place.read(&graph, target);
    let folder = place.folder.path().join("blobs");
    for blob in [&b"ONE\n"[..], b"ONE\nTWO\n"] {
        let hash = Digest::of(blob).hash();
        std::fs::remove_file(folder.join(&hash[..2]).join(format!("{hash}-{}", blob.len()))).unwrap();
    }
    assert_eq!(place.read(&graph, target), ("ONE\nTWO\n".into(), 2, 3));
    // Cut off is lost, too.
    let cut = Digest::of(b"ONE\nTWO\n");
    let cut = folder.join(&cut.hash()[..2]).join(format!("{}-{}", cut.hash(), cut.bytes()));
    std::fs::write(cut, "ONE").unwrap();
    assert_eq!(place.read(&graph, target), ("ONE\nTWO\n".into(), 1, 4));
}

#[test]
fn a_failure_is_told_in_its_own_words_and_not_remembered() {
    let place = Place::new();
    let mut graph = Graph::default();
    let broken = graph.insert(shell("echo 'no such verb' >&2; exit 7")).unwrap();
    let target = graph.insert(after("cat in0 >out", &[broken])).unwrap();
    for _ in 0..2 {
        let Err(ForceError::Failed { thunk, failure, .. }) = place.force(&graph, target) else { panic!("it fails") };
        assert_eq!((thunk, failure.reason, &*failure.stderr), (broken, FailureReason::Status(7), "no such verb\n"));
    }
}

#[test]
fn a_function_that_makes_nothing_or_never_ends_or_cannot_be_started_is_named() {
    let place = Place::new();
    let endless = Thunk { timeout: Some(Duration::from_millis(50)), ..shell("while :; do :; done") };
    let absent = Thunk::new(["bin/absent"], [path("out")]);
    for (thunk, words) in [
        (shell("echo hi >elsewhere"), "it did not make out"),
        (shell("mkdir out"), "it did not make out"),
        (shell("kill -9 $$"), "signal 9 ended it"),
        (endless, "it took longer than 0.05 s"),
        (absent, "it cannot be started"),
    ] {
        let mut graph = Graph::default();
        let target = graph.insert(thunk).unwrap();
        let error = place.force(&graph, target).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn a_function_sees_its_inputs_and_variables_and_may_be_an_input_itself() {
    let place = Place::new();
    let script = place
        .value(b"#!/bin/sh\n: >made/list\nfind . -type f | sort >>made/list\nenv | grep -v ^PWD= | sort >>made/list\n");
    let thunk = Thunk {
        environment: [("PATH".to_owned(), "/usr/bin:/bin".to_owned()), ("A".to_owned(), "b".to_owned())].into(),
        ..Thunk::new(["bin/script"], [path("made/list")])
    };
    let thunk =
        thunk.with_input(path("bin/script"), script.executable()).with_input(path("data/deep/file"), place.value(b"x"));
    let mut graph = Graph::default();
    let target = graph.insert(thunk).unwrap();
    let (list, ..) = place.read(&graph, target);
    let lines: Vec<&str> = list.lines().filter(|line| !line.starts_with("_=") && !line.starts_with("SHLVL=")).collect();
    assert_eq!(lines, ["./bin/script", "./data/deep/file", "./made/list", "A=b", "PATH=/usr/bin:/bin"]);
}

#[test]
fn a_function_may_answer_with_another_thunk() {
    let place = Place::new();
    let inner = shell("echo from within >out");
    let decides = shell("cat choice >out").with_input(path("choice"), place.value(&inner.to_bytes()));
    let decides = Thunk { outputs: [(path("out"), OutputKind::Thunk)].into(), ..decides };
    let mut graph = Graph::default();
    let decides = graph.insert(decides).unwrap();
    let target = graph.insert(after("cat in0 >out", &[decides])).unwrap();
    assert_eq!(place.read(&graph, target), ("from within\n".into(), 3, 0));
    assert_eq!(place.read(&graph, target), ("from within\n".into(), 0, 3));
}

#[test]
fn a_value_that_nobody_has_is_named() {
    let place = Place::new();
    let unknown = Digest::of(b"unknown");
    let mut graph = Graph::default();
    let target = graph.insert(shell("cat in >out").with_input(path("in"), Input::value(unknown))).unwrap();
    assert!(matches!(place.force(&graph, target), Err(ForceError::NoSource(digest)) if digest == unknown));
}

#[test]
fn a_store_that_shrank_still_gives_right_answers() {
    let place = Place::new();
    let mut graph = Graph::default();
    let large: Vec<ThunkId> = (0..4)
        .map(|n| graph.insert(shell(&format!("head -c 400000 /dev/zero | tr '\\0' {n} >out"))).unwrap())
        .collect();
    let target = graph.insert(after("cat in0 in1 in2 in3 | wc -c >out", &large)).unwrap();
    assert_eq!(place.read(&graph, target).0.trim(), "1600000");
    place.engine().shrink().unwrap();
    let (count, executed, _) = place.read(&graph, target);
    assert_eq!(count.trim(), "1600000");
    // What was kept last is still there: the count itself, so that at most what is asked for is made again.
    assert!(executed <= 5, "{executed}");
}

#[test]
fn a_program_that_writes_into_itself_is_whole_for_the_next() {
    let place = Place::new();
    let program = place.value(b"#!/bin/sh\necho '# more' >>program; wc -c <program >out\n").executable();
    let run = |thunk: Thunk| Thunk { arguments: vec!["program".to_owned()], ..thunk };
    let mut graph = Graph::default();
    let first = graph.insert(run(shell("")).with_input(path("program"), program.clone())).unwrap();
    let next = graph.insert(run(after("", &[first])).with_input(path("program"), program)).unwrap();
    let same = graph.insert(after("cmp in0 in1 && echo same >out", &[first, next])).unwrap();
    assert_eq!(place.read(&graph, same), ("same\n".to_owned(), 3, 0));
}
