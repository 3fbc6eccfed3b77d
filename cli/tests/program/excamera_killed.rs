//! A film whose encoding is broken off at any moment goes on where it was, and comes out the same.

use std::path::PathBuf;

use rustix::process::Signal;

use crate::buildbox::Server;
use crate::memory::{files_below, until_cluster_remembers, until_remembered};
use crate::shell::{Folder, Run};

/// Six batches of four chunks, two at once: a task for each batch and three for each chunk.
const FRAMES: u64 = 72;
const TASKS: u64 = 78;
const ENCODE: [&str; 13] = [
    "excamera",
    "encode",
    "clip.y4m",
    "--quantizer=40",
    "--chunk-frames=3",
    "--batch-chunks=4",
    "--effort=live",
    "--jobs=6",
    "--json",
    "-",
    "--store=store",
    "--output",
    "out.ivf",
];

/// How many tasks are executed and remembered; all of them are one of both.
#[track_caller]
fn counts(run: Run) -> (u64, u64) {
    let figures = run.json(&["executed", "memoised", "thunks"]);
    let [executed, memoised, thunks] = ["executed", "memoised", "thunks"].map(|key| figures[key].as_u64().unwrap());
    assert_eq!((executed + memoised, thunks), (TASKS, TASKS));
    (executed, memoised)
}

/// What the film is to be.
fn whole(folder: &Folder) -> Vec<u8> {
    folder.clip(FRAMES);
    let other = ["--store=other", "--output=whole.ivf"];
    assert_eq!(counts(folder.oyster(&[&ENCODE[..10], &other].concat())), (TASKS, 0));
    folder.read("whole.ivf")
}

#[test]
fn a_killed_run_goes_on_where_it_was() {
    let folder = Folder::new("excamera-killed");
    let whole = whole(&folder);
    let mut remembered = 0;
    // Again and again, at other moments of a task.
    for count in [3, 9, 21, 34] {
        let run = folder.start_oyster(&ENCODE);
        remembered = until_remembered(&folder.path("store"), count);
        run.signal(Signal::KILL);
        assert_eq!(run.end().status, None, "it was killed in the middle");
        assert!(!folder.path("out.ivf").exists());
    }
    let (_, memoised) = counts(folder.oyster(&ENCODE));
    assert!(memoised >= remembered, "{memoised} of {remembered}");
    assert!(folder.read("out.ivf") == whole);
    assert_eq!(counts(folder.oyster(&ENCODE)), (0, TASKS));
    // Of what was under way nothing is left.
    assert_eq!(files_below(folder.path("store/work")), Vec::<PathBuf>::new());
}

#[test]
fn an_interrupted_run_leaves_nothing_half_written() {
    let folder = Folder::new("excamera-interrupted");
    folder.clip(FRAMES);
    folder.write("out.ivf", "precious");
    for (signal, count) in [(Signal::INT, 2), (Signal::TERM, 25)] {
        let run = folder.start_oyster(&[&ENCODE[..10], &["--store=store", "--output=out.ivf"]].concat());
        until_remembered(&folder.path("store"), count);
        run.signal(signal);
        run.end().fails(1, &["out.ivf", "interrupted"]);
        assert_eq!(folder.names(), ["clip.y4m", "out.ivf", "store"]);
        assert_eq!(folder.text("out.ivf"), "precious");
        assert_eq!(files_below(folder.path("store/work")), Vec::<PathBuf>::new());
    }
}

#[test]
fn a_run_outlives_its_cluster_for_a_while_and_goes_on_later_otherwise() {
    let Some(server) = Server::start(&LIBRARIES) else { return };
    let folder = Folder::new("excamera-cluster");
    let whole = whole(&folder);
    let (engine, port) = (format!("--engine={}", server.address()), server.port.to_string());
    let encode = [&ENCODE[..], &[&*engine]].concat();
    // It is killed, and does not come back.
    let run = folder.start_oyster(&encode);
    until_cluster_remembers(&server, 5);
    let (port_number, kept) = server.kill();
    run.end().fails(1, &["127.0.0.1", &port]);
    assert!(!folder.path("out.ivf").exists());
    // It is there again, is killed, and comes back at once: the same run goes on.
    let Some(server) = Server::start_at(port_number, kept, &LIBRARIES) else { return };
    let run = folder.start_oyster(&encode);
    until_cluster_remembers(&server, 20);
    let (port_number, kept) = server.kill();
    let Some(server) = Server::start_at(port_number, kept, &LIBRARIES) else { return };
    let (_, memoised) = counts(run.end());
    assert!(memoised >= 5, "{memoised}");
    assert!(folder.read("out.ivf") == whole, "the same as on this machine");
    assert_eq!(counts(folder.oyster(&encode)), (0, TASKS));
    drop(server);
}

#[test]
fn a_run_outlives_one_of_two_workers() {
    // What is to be done comes to the front, which does some of it, and hands on the rest to the worker; both keep things in the store.
    let Some(store) = Server::start(&[]) else { return };
    let remote = |what: &str, server: &Server| format!("--{what}-remote=http://127.0.0.1:{}", server.port);
    let kept = [remote("cas", &store), remote("ac", &store), "--instance=".into(), "--proxy-instance=".into()];
    let mut more: Vec<&str> = kept.iter().map(String::as_str).chain(LIBRARIES).collect();
    let Some(worker) = Server::start(&more) else { return };
    let handed_on = remote("exec", &worker);
    // The front soon believes that the worker is gone: by itself it asks again for twenty seconds.
    more.extend([&handed_on, "--exec-hybrid-queue-limit=1", "--exec-retry-limit=1", "--exec-retry-delay=20"]);
    let Some(front) = Server::start(&more) else { return };
    let folder = Folder::new("excamera-worker");
    let whole = whole(&folder);
    let engine = format!("--engine={}", front.address());
    let encode = [&ENCODE[..], &[&*engine]].concat();
    let run = folder.start_oyster(&encode);
    until_cluster_remembers(&worker, 5);
    worker.kill();
    assert_eq!(counts(run.end()), (TASKS, 0));
    assert!(folder.read("out.ivf") == whole, "the same as on this machine");
    // What it had done is not lost with it.
    assert_eq!(counts(folder.oyster(&encode)), (0, TASKS));
}

/// A function that is linked to libraries of this machine finds them.
const LIBRARIES: [&str; 3] = [
    "--runner-arg=--ro-bind-mount=/usr:/usr",
    "--runner-arg=--ro-bind-mount=/usr/lib:/lib",
    "--runner-arg=--ro-bind-mount=/usr/lib64:/lib64",
];
