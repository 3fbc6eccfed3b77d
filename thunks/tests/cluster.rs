//! Graphs forced on a real cluster of the Remote Execution API: BuildBox's storage and executor, one process or two. `./setup test`
//! installs it; where it is not there, these tests say so and pass.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, and its helpers are part of it")]

mod buildbox;

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::time::Duration;

use oyster_thunks::engine::{EngineError, FailureReason, Local, LocalConfig, Remote, RemoteConfig};
use oyster_thunks::{Digest, Engine, ForceError, Forced, Graph, Input, Reducer, RelativePath, Thunk, ThunkId, force};

use buildbox::{BUSYBOX, Server};

fn connect(server: &Server) -> Remote {
    let config = RemoteConfig::new(server.address().parse().unwrap());
    Remote::connect(RemoteConfig { patience: Duration::from_millis(300), ..config }).unwrap()
}

fn path(path: &str) -> RelativePath {
    RelativePath::new(path).unwrap()
}

/// Graphs of busybox's lines, and the values that they start from.
#[derive(Default)]
struct Work {
    graph: Graph,
    values: BTreeMap<Digest, Vec<u8>>,
}

impl Work {
    fn value(&mut self, bytes: Vec<u8>) -> Input {
        let digest = Digest::of(&bytes);
        self.values.insert(digest, bytes);
        Input::value(digest)
    }

    /// A line that makes `out` of `in0`, `in1` and so on.
    fn line(&mut self, line: &str, inputs: impl IntoIterator<Item = Input>) -> ThunkId {
        let busybox = self.value(fs::read(BUSYBOX).unwrap()).executable();
        let thunk = Thunk::new(["busybox", "sh", "-ec", line], [path("out")]).with_input(path("busybox"), busybox);
        let inputs = inputs.into_iter().enumerate();
        let thunk = inputs.fold(thunk, |thunk, (n, input)| thunk.with_input(path(&format!("in{n}")), input));
        self.graph.insert(thunk).unwrap()
    }

    fn after(&mut self, line: &str, needs: &[ThunkId]) -> ThunkId {
        self.line(line, needs.iter().map(|&needed| Input::output(needed, path("out"))))
    }

    fn force(&self, engine: &dyn Engine, target: ThunkId) -> Result<Forced, ForceError> {
        let sources = |digest| Ok(self.values.get(&digest).cloned());
        force(
            Reducer::new(self.graph.clone(), &[target]).unwrap(),
            engine,
            &sources,
            NonZeroUsize::new(2).unwrap(),
            &|_| ControlFlow::Continue(()),
        )
    }

    /// What the target makes, and how many thunks were run and remembered.
    fn read(&self, engine: &dyn Engine, target: ThunkId) -> (Vec<u8>, usize, usize) {
        let forced = self.force(engine, target).unwrap_or_else(|error| panic!("{error}"));
        let file = forced.outputs[&target].values().next().unwrap();
        (engine.fetch(file.digest).unwrap().unwrap(), forced.executed, forced.memoised)
    }
}

/// Two texts in capitals, joined.
fn capitals(first: &str, second: &str) -> (Work, ThunkId) {
    let mut work = Work::default();
    let raised = [first, second].map(|text| {
        let text = work.value(text.as_bytes().to_vec());
        work.line("./busybox tr a-z A-Z <in0 >out", [text])
    });
    let target = work.after("./busybox cat in0 in1 >out", &raised);
    (work, target)
}

#[test]
fn a_cluster_makes_what_this_machine_makes_and_remembers_it() {
    let Some(server) = Server::start(&[]) else { return };
    let engine = connect(&server);
    let (work, target) = capitals("one\n", "two\n");
    assert_eq!(work.read(&engine, target), (b"ONE\nTWO\n".to_vec(), 3, 0));
    assert_eq!(work.read(&engine, target), (b"ONE\nTWO\n".to_vec(), 0, 3));
    // Who comes from elsewhere later finds it, too, and a change goes as far as it goes.
    let (work, target) = capitals("one\n", "three\n");
    assert_eq!(work.read(&connect(&server), target), (b"ONE\nTHREE\n".to_vec(), 2, 1));
    let folder = tempfile::tempdir().unwrap();
    let local = Local::open(LocalConfig { folder: folder.path().to_owned(), most_bytes: 1 << 30 }).unwrap();
    assert_eq!(work.read(&local, target), (b"ONE\nTHREE\n".to_vec(), 3, 0));
}

#[test]
fn blobs_larger_than_a_message_go_both_ways() {
    let Some(server) = Server::start(&[]) else { return };
    let engine = connect(&server);
    let large: Vec<u8> = (0..12_000_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut work = Work::default();
    let input = work.value(large.clone());
    let target = work.line("./busybox cat in0 in0 >out", [input]);
    let (made, ..) = work.read(&engine, target);
    assert!(made == [&large[..], &large].concat());
    let unknown = [Digest::of(b"small"), Digest::of(&vec![1; 9_000_000])];
    assert_eq!(unknown.map(|digest| engine.fetch(digest).unwrap()), [None, None]);
    assert_eq!(engine.missing(&unknown).unwrap(), unknown);
}

#[test]
fn a_failure_is_told_in_its_own_words_and_not_remembered() {
    let Some(server) = Server::start(&[]) else { return };
    let engine = connect(&server);
    let mut work = Work::default();
    let broken = work.line("echo 'no such verb' >&2; exit 7", []);
    let target = work.after("./busybox cat in0 >out", &[broken]);
    for _ in 0..2 {
        let Err(ForceError::Failed { thunk, failure, .. }) = work.force(&engine, target) else { panic!("it fails") };
        assert_eq!((thunk, failure.reason, &*failure.stderr), (broken, FailureReason::Status(7), "no such verb\n"));
    }
    let lazy = work.line("echo hi >elsewhere", []);
    for _ in 0..2 {
        let Err(ForceError::Failed { failure, .. }) = work.force(&engine, lazy) else { panic!("it fails") };
        assert_eq!(failure.reason, FailureReason::NotMade(path("out")));
    }
}

#[test]
fn two_nodes_are_one_engine() {
    let Some(store) = Server::start(&[]) else { return };
    let behind = format!("http://127.0.0.1:{}", store.port);
    let more = ["--remote", &behind, "--instance", "", "--proxy-instance", "", "--exec-hybrid-queue-limit", "1"];
    let Some(front) = Server::start(&more) else { return };
    let mut work = Work::default();
    let parts: Vec<ThunkId> = (0..8).map(|n| work.line(&format!("echo {n} >out"), [])).collect();
    let target = work.after("./busybox cat in0 in1 in2 in3 in4 in5 in6 in7 >out", &parts);
    assert_eq!(work.read(&connect(&front), target), (b"0\n1\n2\n3\n4\n5\n6\n7\n".to_vec(), 9, 0));
}

#[test]
fn a_run_goes_on_where_it_was_when_the_cluster_is_back() {
    let Some(server) = Server::start(&[]) else { return };
    let (mut work, first) = capitals("one\n", "two\n");
    let engine = connect(&server);
    work.read(&engine, first);
    let (port, folder) = server.kill();
    let target = work.after("./busybox tr A-Z a-z <in0 >out", &[first]);
    let Err(ForceError::Engine(error @ EngineError::Remote { .. })) = work.force(&engine, target) else {
        panic!("nobody is there")
    };
    assert!(error.to_string().contains(&format!("127.0.0.1:{port}")), "{error}");
    let Some(server) = Server::start_at(port, folder, &[]) else { return };
    // The engine of before finds it again, too.
    assert_eq!(work.read(&engine, target), (b"one\ntwo\n".to_vec(), 1, 3));
    drop(server);
}

#[test]
fn nobody_there_is_told() {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let config = RemoteConfig::new(format!("grpc://127.0.0.1:{port}").parse().unwrap());
    let error = Remote::connect(config).unwrap_err().to_string();
    assert!(error.contains(&port.to_string()) && error.contains("connecting"), "{error}");
}
