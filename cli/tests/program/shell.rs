//! What a person has at a shell: the program, a folder to work in, clips and traces made for the purpose.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use oyster_codec::container::FrameRate;
use oyster_codec::container::ivf::IvfReader;
use oyster_codec::container::y4m::Y4mWriter;
use oyster_codec::{Image, Size};
use oyster_scene::Scene;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// A folder of this test's own, empty at its start, whoever else runs the same tests. What failed leaves it to be looked at.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        Self(tempfile::Builder::new().prefix(&format!("{name}-")).tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The names of what is there, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    pub(crate) fn make_folder(&self, name: &str) {
        fs::create_dir(self.path(name)).unwrap();
    }

    /// `clip.y4m`: so many pictures of the built-in scene, 160x90 at 30 a second. Answers the pictures.
    pub(crate) fn clip(&self, frames: u64) -> Vec<Image> {
        let scene = Scene::new(Size::new(160, 90).unwrap(), 3);
        let images: Vec<Image> = (0..frames).map(|number| scene.frame(number)).collect();
        let mut writer = Y4mWriter::new(Vec::new(), scene.size(), FrameRate::new(30, 1).unwrap()).unwrap();
        for image in &images {
            writer.write_frame(image).unwrap();
        }
        self.write("clip.y4m", writer.finish().unwrap());
        images
    }

    /// `link.down`: one opportunity every so many milliseconds.
    pub(crate) fn link(&self, every_ms: u64) {
        self.write("link.down", format!("{every_ms}\n"));
    }

    /// The frames of an IVF file, as its reader finds them.
    pub(crate) fn frames(&self, name: &str) -> Vec<Vec<u8>> {
        IvfReader::new(&self.read(name)[..]).unwrap().map(|frame| frame.unwrap().bytes).collect()
    }

    /// A command that works in this folder.
    pub(crate) fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.0).stdin(Stdio::null());
        // An identity of this folder's own, made when a call is.
        command.env("XDG_CONFIG_HOME", self.path("config"));
        command
    }

    /// `oyster` with these words.
    pub(crate) fn oyster(&self, arguments: &[&str]) -> Run {
        Run::of(self.command(OYSTER, arguments).output().unwrap(), arguments)
    }

    /// `oyster` with these words, and its own time to end.
    pub(crate) fn start_oyster(&self, arguments: &[&str]) -> Running {
        Running::start(self.command(OYSTER, arguments), arguments)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        self.0.disable_cleanup(std::thread::panicking());
    }
}

pub(crate) const OYSTER: &str = env!("CARGO_BIN_EXE_oyster");

/// What came of a command.
#[derive(Debug)]
pub(crate) struct Run {
    arguments: String,
    pub(crate) status: Option<i32>,
    pub(crate) output: String,
    pub(crate) words: String,
}

impl Run {
    pub(crate) fn of(output: Output, arguments: &[&str]) -> Self {
        Self {
            arguments: arguments.join(" "),
            status: output.status.code(),
            output: String::from_utf8(output.stdout).unwrap(),
            words: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// It did what was asked.
    #[track_caller]
    pub(crate) fn succeeds(self) -> Self {
        assert_eq!(self.status, Some(0), "oyster {}: {}", self.arguments, self.words);
        self
    }

    /// It ended with this status and said one line, with all of `parts` in it.
    #[track_caller]
    pub(crate) fn fails(self, status: i32, parts: &[&str]) {
        let Self { arguments, words, .. } = &self;
        assert_eq!(self.status, Some(status), "oyster {arguments}: {words}");
        assert_eq!(words.lines().count(), 1, "oyster {arguments}: {words}");
        assert!(words.starts_with("oyster: "), "oyster {arguments}: {words}");
        for part in parts {
            assert!(words.contains(part), "oyster {arguments} says \"{}\" without \"{part}\"", words.trim_end());
        }
    }

    /// Its output is one JSON object, with all of `keys`; `a.b` is b in a.
    #[track_caller]
    pub(crate) fn json(self, keys: &[&str]) -> Value {
        let run = self.succeeds();
        let json: Value = serde_json::from_str(&run.output).expect("one JSON value and nothing else");
        assert!(json.is_object(), "{json}");
        for key in keys {
            let value = key.split('.').try_fold(&json, |value, name| value.get(name));
            assert!(value.is_some(), "oyster {}: no {key} in {json}", run.arguments);
        }
        json
    }
}

/// A program that runs. Dropped, it is killed.
pub(crate) struct Running {
    child: Child,
    output: BufReader<ChildStdout>,
    words: BufReader<ChildStderr>,
    heard: String,
    arguments: String,
    /// Ends the watch over it.
    _leash: Sender<()>,
}

/// A program that hangs is killed, so that its test fails instead of waiting for ever. None takes a tenth of this.
const LEASH: Duration = Duration::from_secs(100);

impl Running {
    pub(crate) fn start(mut command: Command, arguments: &[&str]) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let words = BufReader::new(child.stderr.take().unwrap());
        let (leash, held) = channel();
        let pid = Pid::from_child(&child);
        std::thread::Builder::new()
            .spawn(move || {
                if held.recv_timeout(LEASH) == Err(RecvTimeoutError::Timeout) {
                    let _ = kill_process(pid, Signal::KILL);
                }
            })
            .unwrap();
        Self { child, output, words, heard: String::new(), arguments: arguments.join(" "), _leash: leash }
    }

    /// The next line on standard output.
    pub(crate) fn output_line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Types a line on its standard input.
    pub(crate) fn types(&mut self, line: &str) {
        self.child.stdin.as_mut().unwrap().write_all(line.as_bytes()).unwrap();
    }

    /// Lines on standard error up to the one with `part` in it, which must come; that line.
    #[track_caller]
    pub(crate) fn hears(&mut self, part: &str) -> String {
        loop {
            let line = self.line();
            if line.contains(part) {
                return line;
            }
            assert!(
                !line.is_empty() || !self.has_ended(),
                "oyster {} ended without \"{part}\": {}",
                self.arguments,
                self.heard
            );
        }
    }

    fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// The next line on standard error.
    pub(crate) fn line(&mut self) -> String {
        let start = self.heard.len();
        self.words.read_line(&mut self.heard).unwrap();
        self.heard[start..].trim_end().to_owned()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Run {
        // Neither stream can fill its pipe: what these programs say is a page.
        self.words.read_to_string(&mut self.heard).unwrap();
        let mut output = String::new();
        self.output.read_to_string(&mut output).unwrap();
        let status = self.child.wait().unwrap().code();
        Run { arguments: std::mem::take(&mut self.arguments), status, output, words: std::mem::take(&mut self.heard) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a program can be started; on CI it must be there.
pub(crate) fn installed(program: &str) -> bool {
    let found = Command::new(program).arg("-version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    assert!(found || std::env::var_os("CI").is_none(), "{program} is not installed");
    if !found {
        eprintln!("skipped: {program} is not installed");
    }
    found
}
