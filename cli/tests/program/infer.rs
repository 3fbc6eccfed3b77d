//! Builds put off and forced: the files are those that make makes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::buildbox::Server;
use crate::shell::{Folder, OYSTER, Run};

/// A program of two sources, a library of two others and a header of all.
const MAKEFILE: &str = "\
CFLAGS = -O1
prog: main.o lib.a
\tgcc -o $@ main.o lib.a -lm
lib.a: one.o two.o
\tar rcs $@ one.o two.o
\tranlib $@
%.o: %.c
\tgcc $(CFLAGS) -MMD -MP -c $< -o $@
-include main.d one.d two.d
";

fn project(folder: &Folder, place: &str) {
    fs::create_dir_all(folder.path(place)).unwrap();
    let write = |name: &str, text: &str| folder.write(&format!("{place}/{name}"), text);
    write("Makefile", MAKEFILE);
    write("lib.h", "int one(void); int two(void);\n");
    write("two.h", "#define TWO 2\n");
    write("one.c", "#include \"lib.h\"\nint one(void) { return 1; }\n");
    write("two.c", "#include \"lib.h\"\n#include \"two.h\"\nint two(void) { return TWO; }\n");
    write("main.c", "#include <stdio.h>\n#include \"lib.h\"\nint main(void) { printf(\"%d\\n\", one() + two()); }\n");
}

/// `oyster` in a folder below, with the store of all tests of the folder around it.
fn oyster(folder: &Folder, place: &str, arguments: &[&str]) -> Run {
    Run::of(command(folder, place, arguments).output().unwrap(), arguments)
}

pub(crate) fn command(folder: &Folder, place: &str, arguments: &[&str]) -> Command {
    let mut command = folder.command(OYSTER, arguments);
    command.current_dir(folder.path(place)).env("XDG_CACHE_HOME", folder.path("cache")).env_remove("MAKEFLAGS");
    command
}

pub(crate) fn infer(folder: &Folder, place: &str, command: &[&str]) -> Value {
    let arguments = [&["thunk", "infer", "--json", "-", "--"], command].concat();
    oyster(folder, place, &arguments).json(&["put_off", "real", "wall_s"])
}

/// How many thunks are run and remembered.
pub(crate) fn force(folder: &Folder, place: &str, targets: &[&str], engine: &[&str]) -> (u64, u64) {
    let arguments = [&["thunk", "force", "--json", "-"], engine, targets].concat();
    let figures = oyster(folder, place, &arguments).json(&["executed", "memoised"]);
    (figures["executed"].as_u64().unwrap(), figures["memoised"].as_u64().unwrap())
}

pub(crate) fn make(folder: &Folder, place: &str, words: &[&str]) {
    let output =
        Command::new("make").args(words).current_dir(folder.path(place)).env_remove("MAKEFLAGS").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn has_changed(folder: &Folder, file: &str, from: &str, to: &str) {
    let text = folder.text(file);
    assert!(text.contains(from));
    folder.write(file, text.replace(from, to));
    // Make looks at times, which may be the same within a moment: the file is of tomorrow, its products are older.
    let file = fs::File::options().append(true).open(folder.path(file)).unwrap();
    let later = file.metadata().unwrap().modified().unwrap() + std::time::Duration::from_secs(2);
    file.set_modified(later).unwrap();
}

#[test]
fn a_build_put_off_and_forced_is_what_make_makes() {
    let folder = Folder::new("infer-same");
    for place in ["plain", "put-off", "else/where"] {
        project(&folder, place);
    }
    for flags in ["CFLAGS=-O1", "CFLAGS=-g -O1"] {
        let clean = || {
            for place in ["plain", "put-off"] {
                let removed =
                    Command::new("sh").args(["-c", "rm -f *.o *.a *.d prog"]).current_dir(folder.path(place)).status();
                assert!(removed.unwrap().success());
            }
        };
        clean();
        make(&folder, "plain", &[flags]);
        assert_eq!(infer(&folder, "put-off", &["make", "-j2", flags])["put_off"], 6);
        assert_eq!(folder.read("put-off/two.d"), folder.read("plain/two.d"));
        assert!(folder.text("put-off/prog").starts_with("#!/usr/bin/env -S oyster"));
        force(&folder, "put-off", &["."], &[]);
        for file in ["prog", "lib.a", "main.o", "one.o", "two.o"] {
            // With -g an object tells the folder it was compiled in.
            let is_told = flags.contains("-g");
            assert_eq!(
                folder.read(&format!("put-off/{file}")) == folder.read(&format!("plain/{file}")),
                !is_told,
                "{file} {flags}"
            );
        }
        assert_eq!(force(&folder, "put-off", &["prog"], &[]), (0, 0));
        // To make nothing is to be done.
        make(&folder, "put-off", &["--question", flags]);
        if flags.contains("-g") {
            // In the same folder it is the same to the byte.
            let made = folder.read("put-off/prog");
            clean();
            make(&folder, "put-off", &[flags]);
            assert!(folder.read("put-off/prog") == made);
        }
    }
    // Another checkout is remembered whole, and so it is made from other calls of make.
    infer(&folder, "else/where", &["sh", "-c", "make one.o && make"]);
    assert_eq!(force(&folder, "else/where", &["prog"], &[]), (0, 6));
    assert_eq!(oyster(&folder, "else/where", &["thunk", "exec", "prog"]).succeeds().output, "3\n");
}

#[test]
fn what_changes_is_run_again_as_far_as_it_changes_something() {
    let folder = Folder::new("infer-edit");
    project(&folder, "x");
    infer(&folder, "x", &["make"]);
    assert_eq!(force(&folder, "x", &["prog"], &[]), (6, 0));
    // One source includes it: that, the archive, its index, the program.
    has_changed(&folder, "x/two.h", "2", "3");
    infer(&folder, "x", &["make"]);
    assert_eq!(force(&folder, "x", &["prog"], &[]), (4, 2));
    assert_eq!(oyster(&folder, "x", &["thunk", "exec", "prog"]).succeeds().output, "4\n");
    // All sources include it, and become the same objects.
    has_changed(&folder, "x/lib.h", "int one", "/* Numbers. */ int one");
    infer(&folder, "x", &["make"]);
    assert_eq!(force(&folder, "x", &["prog"], &[]), (3, 3));
}

#[test]
fn what_a_compiler_says_is_shown_and_what_failed_is_not_remembered() {
    let folder = Folder::new("infer-error");
    project(&folder, "x");
    has_changed(&folder, "x/one.c", "return 1;", "return nothing;");
    infer(&folder, "x", &["make"]);
    for _ in 0..2 {
        let run = oyster(&folder, "x", &["thunk", "force", "prog"]);
        assert_eq!(run.status, Some(1));
        assert!(run.words.contains("one.c:2:24: error: 'nothing' undeclared"), "{}", run.words);
        assert!(run.words.lines().last().unwrap().contains("gcc -O1 one.c -c -o one.o"), "{}", run.words);
    }
    // It warns as it compiles, and not as its object is remembered.
    has_changed(&folder, "x/one.c", "return nothing;", "return 1 / 0;");
    for warnings in [1, 0] {
        infer(&folder, "x", &["sh", "-c", "rm -f *.o prog && make"]);
        let run = oyster(&folder, "x", &["thunk", "force", "prog"]).succeeds();
        assert_eq!(run.words.matches("one.c:2:26: warning: division by zero").count(), warnings, "{}", run.words);
    }
    // What cannot even be preprocessed fails as it does without us.
    has_changed(&folder, "x/one.c", "lib.h", "absent.h");
    let run = oyster(&folder, "x", &["thunk", "infer", "--", "make"]);
    assert!(run.status == Some(2) && run.words.contains("absent.h: No such file"), "{}", run.words);
}

#[test]
fn what_is_not_understood_runs_for_real_and_is_named_once() {
    let folder = Folder::new("infer-real");
    project(&folder, "x");
    let run = oyster(&folder, "x", &["thunk", "infer", "--", "make", "CFLAGS=-O1 -fstack-usage"]).succeeds();
    assert_eq!(run.words.matches("gcc: -fstack-usage is not modelled").count(), 1, "{}", run.words);
    // Objects are there already, the rest is put off.
    assert_eq!(force(&folder, "x", &["prog"], &[]), (3, 0));
    // A library of which the linker finds by itself that it needs another.
    let line = "gcc -shared -o liba.so one.c && gcc -shared -o libb.so two.c -L. -la && gcc -o all main.c -L. -lb -la -Wl,-rpath-link,.";
    let run = oyster(&folder, "x", &["thunk", "infer", "--", "sh", "-ec", line]).succeeds();
    assert!(run.words.contains("needs others of the build"), "{}", run.words);
    // A program that is run by the build is made first, and one that reads objects has objects.
    folder.write("x/Makefile", format!("all: out\nout: prog\n\t./prog >out; nm one.o >>out\n{MAKEFILE}"));
    infer(&folder, "x", &["sh", "-c", "rm -f *.o prog && make"]);
    assert!(folder.text("x/out").starts_with("3\n"), "{}", folder.text("x/out"));
    assert!(folder.text("x/out").contains(" T one"), "{}", folder.text("x/out"));
}

#[test]
fn a_line_describes_a_program_and_what_it_does_not_declare_is_not_there() {
    let folder = Folder::new("infer-described");
    fs::create_dir_all(folder.path("x/tools")).unwrap();
    let tool = "#!/bin/sh\n# make-header -o OUT IN\ncat \"$3\" >\"$2\"; if [ -n \"$HIDDEN\" ]; then :; fi\n";
    folder.write("x/tools/make-header", tool);
    folder.write("x/tools/peek", "#!/bin/sh\ncat hidden >\"$2\"\n");
    for tool in ["make-header", "peek"] {
        let program = folder.path(&format!("x/tools/{tool}"));
        fs::set_permissions(program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    folder.write("x/programs", "# ours\nmake-header: -o=out *=in\npeek: -o=out\n");
    folder.write("x/hidden", "nobody declares it\n");
    folder.write("x/three", "#define THREE 3\n");
    folder.write("x/main.c", "#include \"three.h\"\nint main(void) { return THREE; }\n");
    let line = "export PATH=$PATH:$PWD/tools; make-header -o three.h three; peek -o seen; gcc -o prog main.c";
    // Only what is behind the models on the search path is found by them.
    let path = format!("{}:{}", std::env::var("PATH").unwrap(), folder.path("x/tools").display());
    let arguments = ["thunk", "infer", "--programs", "programs", "--", "sh", "-ec", line];
    let mut command = folder.command(OYSTER, &arguments);
    command.current_dir(folder.path("x")).env("XDG_CACHE_HOME", folder.path("cache")).env("PATH", path);
    let run = Run::of(command.output().unwrap(), &arguments).succeeds();
    assert!(run.output.contains("3 calls put off, 0 made for real"), "{}", run.output);
    force(&folder, "x", &["prog"], &[]);
    assert_eq!(Command::new(folder.path("x/prog")).status().unwrap().code(), Some(3));
    oyster(&folder, "x", &["thunk", "force", "seen"]).fails(1, &["hidden", "No such file"]);
    folder.write("x/programs", "peek: -o=in\n");
    oyster(&folder, "x", &["thunk", "infer", "--programs", "programs", "--", "true"]).fails(1, &["programs", "line 1"]);
}

#[test]
fn a_compiler_is_launched_and_what_it_made_is_remembered() {
    let folder = Folder::new("infer-run");
    for place in ["plain", "run"] {
        project(&folder, place);
        let text = folder.text(&format!("{place}/Makefile")).replace("\tgcc", "\t$(CC)");
        folder.write(&format!("{place}/Makefile"), text);
    }
    let store = folder.path("cache");
    let launched = format!("CC={OYSTER} thunk run --root . --store {} -- gcc", store.display());
    make(&folder, "plain", &["CC=gcc"]);
    make(&folder, "run", &[&launched]);
    assert!(folder.read("run/prog") == folder.read("plain/prog"));
    has_changed(&folder, "run/one.c", "1", "nothing");
    let output = Command::new("make").arg(&launched).current_dir(folder.path("run")).output().unwrap();
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && words.contains("error: 'nothing' undeclared"), "{words}");
    assert!(!folder.path("run/one.o").exists());
}

/// CMake writes whole paths of programs, sources and folders, and debug information besides.
#[test]
fn what_cmake_has_configured_with_the_models_is_put_off() {
    let folder = Folder::new("infer-cmake");
    project(&folder, "x");
    folder.write(
        "x/CMakeLists.txt",
        "cmake_minimum_required(VERSION 3.18)\nproject(x C)\nadd_library(part SHARED one.c two.c)\n\
         add_executable(prog main.c)\ntarget_link_libraries(prog part)\n",
    );
    let configure = ["cmake", "-B", "build", "-DCMAKE_BUILD_TYPE=RelWithDebInfo", "-G", "Unix Makefiles", "."];
    oyster(&folder, "x", &[&["thunk", "infer", "--configure", "--"], &configure[..]].concat()).succeeds();
    assert_eq!(infer(&folder, "x", &["cmake", "--build", "build"])["put_off"], 5);
    let products = ["build/prog", "build/libpart.so"];
    assert_eq!(force(&folder, "x", &products, &[]), (5, 0));
    let made = products.map(|product| folder.read(&format!("x/{product}")));
    // Outside of `infer` the models are the programs themselves.
    make(&folder, "x/build", &["clean"]);
    make(&folder, "x/build", &["all"]);
    assert!(products.map(|product| folder.read(&format!("x/{product}"))) == made);
}

/// Where cargo has put the sources of Lua.
fn lua() -> PathBuf {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    // Packages of other platforms need not be there.
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let arguments = ["metadata", "--format-version", "1", "--filter-platform", &platform, "--manifest-path", manifest];
    let output = Command::new(env!("CARGO")).args(arguments).output().unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = told["packages"].as_array().unwrap();
    let package = packages.iter().find(|package| package["name"] == "lua-src").unwrap();
    Path::new(package["manifest_path"].as_str().unwrap()).parent().unwrap().join("lua-5.4.9")
}

/// A real program in a folder: 33 sources of Lua, and one that runs a script.
fn lua_project(folder: &Folder, place: &str) {
    fs::create_dir_all(folder.path(&format!("{place}/src"))).unwrap();
    for file in fs::read_dir(lua()).unwrap().map(|entry| entry.unwrap().path()) {
        fs::copy(&file, folder.path(&format!("{place}/src")).join(file.file_name().unwrap())).unwrap();
    }
    let main = "#include \"../src/lua.h\"\n#include \"../src/lauxlib.h\"\n#include \"../src/lualib.h\"\n\
                int main(void) { lua_State *s = luaL_newstate(); luaL_openlibs(s); return luaL_dostring(s, \"print(6 * 7)\"); }\n";
    fs::create_dir(folder.path(&format!("{place}/build"))).unwrap();
    folder.write(&format!("{place}/build/main.c"), main);
    let makefile = "OBJECTS = $(patsubst ../src/%.c,%.o,$(wildcard ../src/*.c))\nprog: main.o liblua.a\n\
                    \t$(CC) -o $@ main.o -L. -llua -lm -ldl\nliblua.a: $(OBJECTS)\n\tar rcs $@ $^\n\
                    %.o: ../src/%.c\n\t$(CC) -O0 -DLUA_USE_LINUX -MMD -c $<\n-include $(OBJECTS:.o=.d)\n";
    folder.write(&format!("{place}/build/Makefile"), makefile);
}

#[test]
fn lua_is_built_on_this_machine_and_on_a_cluster() {
    let folder = Folder::new("infer-lua");
    for place in ["plain", "local", "cluster"] {
        lua_project(&folder, place);
    }
    make(&folder, "plain/build", &["-j2"]);
    let build = ["--root", "..", "--", "make", "-j2"];
    for (place, server) in [("local", None), ("cluster", Server::start(&WITH_LIBRARIES))] {
        let place = format!("{place}/build");
        let address = match server.as_ref().map(Server::address) {
            Some(address) => address,
            None if place.starts_with("local") => "local".to_owned(),
            None => continue,
        };
        let infer = [&["thunk", "infer", "--json", "-"], &build[..]].concat();
        let put_off = oyster(&folder, &place, &infer).json(&["put_off"])["put_off"].as_u64().unwrap();
        assert_eq!(force(&folder, &place, &["prog"], &["--engine", &address]), (put_off, 0));
        for file in ["prog", "main.o"] {
            force(&folder, &place, &[file], &["--engine", &address]);
            assert!(folder.read(&format!("{place}/{file}")) == folder.read(&format!("plain/build/{file}")), "{file}");
        }
        let output = Command::new(folder.path(&format!("{place}/prog"))).output().unwrap();
        assert_eq!(output.stdout, b"42\n");
    }
}

/// A worker with the toolchain of this machine, where Debian's links to `/usr` are folders.
pub(crate) const WITH_LIBRARIES: [&str; 6] = [
    "--runner-arg=--ro-bind-mount=/usr:/usr",
    "--runner-arg=--ro-bind-mount=/usr/bin:/bin",
    "--runner-arg=--ro-bind-mount=/usr/lib:/lib",
    "--runner-arg=--ro-bind-mount=/usr/lib64:/lib64",
    "--jobs",
    "2",
];
