//! Commands put off, explained and forced.

use crate::shell::Folder;

/// A file with a line for each number, and a thunk that adds them up by way of two others.
fn sums(folder: &Folder) {
    folder.write("numbers", "1\n2\n3\n4\n");
    let half = |name: &str, line: &str| {
        let command = ["--env", "PATH=/usr/bin:/bin", "--", "/bin/sh", "-ec", line];
        create(folder, &[&["-o", name, "--input", "numbers"], &command[..]].concat());
    };
    half("first", "head -n2 numbers | tr '\\n' + >out; echo 0 >>out");
    half("last", "tail -n2 numbers | tr '\\n' + >out; echo 0 >>out");
    let line = "echo $(($(cat a) + $(cat b))) >out";
    let command = ["--env", "PATH=/usr/bin:/bin", "--", "/bin/sh", "-ec", line];
    create(folder, &[&["-o", "sum", "--input", "a=first", "--input", "b=last"], &command[..]].concat());
}

fn create(folder: &Folder, arguments: &[&str]) {
    folder.oyster(&[&["thunk", "create", "--store", "store"], arguments].concat()).succeeds();
}

fn force(folder: &Folder, target: &str) -> (u64, u64) {
    let force = ["thunk", "force", "--store", "store", "--jobs", "2", "--json", "-", target];
    let figures = folder.oyster(&force).json(&["executed", "memoised", "wall_s", "ran_s", "critical_path_s"]);
    (figures["executed"].as_u64().unwrap(), figures["memoised"].as_u64().unwrap())
}

#[test]
fn a_thunk_becomes_the_file_it_stands_for_and_is_run_once() {
    let folder = Folder::new("thunk-force");
    sums(&folder);
    assert_eq!(force(&folder, "sum"), (3, 0));
    assert_eq!(folder.text("sum"), "10\n");
    sums(&folder);
    assert_eq!(force(&folder, "sum"), (0, 3));
    assert_eq!(folder.text("sum"), "10\n");
}

#[test]
fn a_graph_is_explained_and_drawn() {
    let folder = Folder::new("thunk-explain");
    sums(&folder);
    let explain = ["thunk", "explain", "--store", "store", "sum"];
    let told = folder.oyster(&[&explain[..], &["--dot", "sum.dot", "--svg", "sum.svg"]].concat()).succeeds().output;
    assert_eq!(told.lines().count(), 3, "{told}");
    assert!(told.contains("head -n2 numbers"), "{told}");
    assert_eq!(folder.text("sum.dot").matches(" -> ").count(), 2);
    let drawn = folder.text("sum.svg");
    // Three boxes and two arrows that say more to who points at them, and nothing of a command that would be a mark.
    assert_eq!(["<rect x", "<path d=\"M", "</title>"].map(|mark| drawn.matches(mark).count()), [3, 4, 5], "{drawn}");
    assert!(drawn.contains("+ &gt;out; echo 0 &gt;&gt;out"), "{drawn}");
    let figures = folder.oyster(&[&explain[..], &["--json", "-"]].concat()).json(&["target"]);
    assert_eq!(figures["thunks"].as_array().unwrap().len(), 3);
}

#[test]
fn what_is_wrong_with_a_thunk_is_said_in_a_line() {
    let folder = Folder::new("thunk-wrong");
    sums(&folder);
    create(&folder, &["-o", "broken", "--", "/bin/sh", "-c", "echo 'no such verb' >&2; exit 7"]);
    let force = |target| folder.oyster(&["thunk", "force", "--store", "store", target]);
    force("broken").fails(1, &["it ended with status 7", "no such verb"]);
    // What is a file already is left as it is.
    assert!(force("numbers").succeeds().output.starts_with("0 thunks"));
    assert_eq!(folder.text("numbers"), "1\n2\n3\n4\n");
    force("absent").fails(1, &["absent", "cannot read"]);
    folder.oyster(&["thunk", "force", "--store", "other", "sum"]).fails(1, &["sum", "created again"]);
    let create = ["thunk", "create", "--store", "store", "-o", "new"];
    for (arguments, words) in [
        (&["--input", "../numbers", "--", "/bin/true"][..], "no path within a folder"),
        (&["--input", "a=numbers", "--input", "a=first", "--", "/bin/true"], "said twice"),
        (&["--input", "out=numbers", "--", "/bin/true"], "more than one thing"),
    ] {
        folder.oyster(&[&create[..], arguments].concat()).fails(2, &[words]);
    }
    assert!(!folder.names().contains(&"new".to_owned()));
}
