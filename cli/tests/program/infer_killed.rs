//! A build that is broken off at any moment goes on where it was, and its files are those that make makes.

use std::fs;

use rustix::process::Signal;

use crate::buildbox::Server;
use crate::infer::{WITH_LIBRARIES, command, force, infer, make};
use crate::memory::{files_below, until_cluster_remembers, until_remembered};
use crate::shell::{Folder, Running};

/// So many sources of a line each, and a program of them.
const SOURCES: u64 = 24;
const THUNKS: u64 = SOURCES + 1;
const MAKEFILE: &str = "\
prog: $(patsubst %.c,%.o,$(wildcard *.c))
\tgcc -o $@ $^
%.o: %.c
\tgcc -O1 -c $< -o $@
";

/// The build in a folder of its own, put off; beside it the program, as make makes it.
fn put_off(name: &str) -> (Folder, Vec<u8>) {
    let folder = Folder::new(name);
    for place in ["plain", "put-off"] {
        fs::create_dir(folder.path(place)).unwrap();
        folder.write(&format!("{place}/Makefile"), MAKEFILE);
        folder.write(&format!("{place}/main.c"), "int main(void) { return 0; }\n");
        for number in 1..SOURCES {
            let source = format!("int f{number}(int n) {{ return n * {number}; }}\n");
            folder.write(&format!("{place}/part{number}.c"), source);
        }
    }
    make(&folder, "plain", &[]);
    assert_eq!(infer(&folder, "put-off", &["make"])["put_off"], THUNKS);
    let made = folder.read("plain/prog");
    (folder, made)
}

fn start_force(folder: &Folder, engine: &[&str]) -> Running {
    let arguments = [&["thunk", "force", "--jobs=2", "--json=-", "prog"], engine].concat();
    Running::start(command(folder, "put-off", &arguments), &arguments)
}

#[test]
fn a_killed_build_goes_on_where_it_was() {
    let (folder, made) = put_off("infer-killed");
    let placeholder = folder.read("put-off/prog");
    let store = folder.path("cache/oyster/thunks");
    let mut remembered = 0;
    // Again and again, at other moments of a compiler's run.
    for count in [1, 6, 15] {
        let run = start_force(&folder, &[]);
        remembered = until_remembered(&store, count);
        run.signal(Signal::KILL);
        assert_eq!(run.end().status, None, "it was killed in the middle");
        assert!(folder.read("put-off/prog") == placeholder);
    }
    let (executed, memoised) = force(&folder, "put-off", &["prog"], &[]);
    assert!(executed + memoised == THUNKS && memoised >= remembered, "{memoised} of {remembered}");
    assert!(folder.read("put-off/prog") == made);
    assert_eq!(files_below(store.join("work")).len(), 0, "of what was under way nothing is left");
}

#[test]
fn a_build_outlives_its_cluster_for_a_while_and_goes_on_later_otherwise() {
    let Some(server) = Server::start(&WITH_LIBRARIES) else { return };
    let (folder, made) = put_off("infer-cluster-killed");
    let placeholder = folder.read("put-off/prog");
    let (address, port) = (server.address(), server.port.to_string());
    let engine = ["--engine", &address];
    // It is killed, and does not come back.
    let run = start_force(&folder, &engine);
    until_cluster_remembers(&server, 3);
    let (port_number, kept) = server.kill();
    run.end().fails(1, &["127.0.0.1", &port]);
    assert!(folder.read("put-off/prog") == placeholder);
    // It is there again, is killed, and comes back at once: the same run goes on.
    let Some(server) = Server::start_at(port_number, kept, &WITH_LIBRARIES) else { return };
    let run = start_force(&folder, &engine);
    until_cluster_remembers(&server, 12);
    let (port_number, kept) = server.kill();
    let Some(server) = Server::start_at(port_number, kept, &WITH_LIBRARIES) else { return };
    let figures = run.end().json(&["thunks", "memoised"]);
    assert_eq!(figures["thunks"], THUNKS);
    assert!(figures["memoised"].as_u64().unwrap() >= 3, "{figures}");
    assert!(folder.read("put-off/prog") == made);
    drop(server);
}
