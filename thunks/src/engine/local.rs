//! The engine of this machine: a store on disk, and processes in folders of their own.
//!
//! A function sees its inputs, its variables and nothing of the folder it was started from; what it writes elsewhere, or
//! reads of the rest of the machine, is not held back here. A cluster's engine, or the function itself, does that.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime};

use bazel_remote_apis::build::bazel::remote::execution::v2 as api;
use prost::Message;
use shared_child::SharedChild;

use super::store::{Store, doing};
use super::work::Work;
use super::{Engine, EngineError, Execution, Failure, FailureReason, ending, outputs};
use crate::action::{OutputFile, Outputs};
use crate::digest::Digest;
use crate::path::RelativePath;
use crate::thunk::from_message;

/// Where a local engine keeps things, and how much.
#[derive(Clone, Debug)]
pub struct LocalConfig {
    /// Its folder.
    pub folder: PathBuf,
    /// The most bytes of blobs that are kept from one run to the next.
    pub most_bytes: u64,
}

/// Processes and files of this machine.
#[derive(Debug)]
pub struct Local {
    blobs: Store,
    /// Results by the digest of the action.
    memo: Store,
    /// Where functions run.
    work: Work,
    /// The programs that lie there, and when each was written.
    programs: Mutex<BTreeMap<Digest, SystemTime>>,
    most_bytes: u64,
    /// Files are laid out side by side, but none while a process starts: that would hold an executable open for writing which
    /// another thread is about to start (`ETXTBSY`).
    starting: RwLock<()>,
}

impl Local {
    /// Opens the store, or makes one.
    pub fn open(config: LocalConfig) -> Result<Self, EngineError> {
        let LocalConfig { folder, most_bytes } = config;
        let work = Work::open(&folder.join("work"))?;
        let (blobs, memo) = (Store::open(folder.join("blobs"))?, Store::open(folder.join("memo"))?);
        Ok(Self { blobs, memo, work, programs: Mutex::default(), most_bytes, starting: RwLock::new(()) })
    }

    fn message<M: Message + Default>(&self, digest: Digest) -> Result<M, EngineError> {
        let bytes = self.fetch(digest)?.ok_or_else(|| EngineError::Lost(vec![digest]))?;
        M::decode(&bytes[..]).map_err(|error| EngineError::Damaged { digest, what: error.to_string() })
    }

    /// Lays the files of a folder of the tree, and of those in it, below `at`.
    fn lay_out(&self, directory: Digest, at: &Path) -> Result<(), EngineError> {
        let message: api::Directory = self.message(directory)?;
        let damaged = |what: &str| EngineError::Damaged { digest: directory, what: what.to_owned() };
        for file in &message.files {
            let digest = Digest::of_part(&file.digest).ok_or_else(|| damaged("a file without content"))?;
            let name = RelativePath::new(&*file.name).map_err(|error| damaged(&error.to_string()))?;
            let to = at.join(name.as_str());
            if file.is_executable {
                self.lay_program(digest, &to)?;
            } else {
                // A copy: a function that writes into its input must not write into the store.
                self.copy(digest, &to, 0o644)?;
            }
        }
        for folder in &message.directories {
            let digest = Digest::of_part(&folder.digest).ok_or_else(|| damaged("a folder without content"))?;
            let name = RelativePath::new(&*folder.name).map_err(|error| damaged(&error.to_string()))?;
            let to = at.join(name.as_str());
            fs::create_dir(&to).map_err(|error| doing("making", &to, error))?;
            self.lay_out(digest, &to)?;
        }
        Ok(())
    }

    /// Puts a program at `to`: another name of a copy of this process's own, as copying it takes longer than many a task runs.
    fn lay_program(&self, digest: Digest, to: &Path) -> Result<(), EngineError> {
        let program = self.work.program(digest);
        let written = |path: &Path| fs::metadata(path).and_then(|about| about.modified()).ok();
        let mut programs = self.programs.lock().unwrap_or_else(PoisonError::into_inner);
        let known = programs.get(&digest);
        if known.is_none() && programs.len() == MOST_PROGRAMS {
            return self.copy(digest, to, 0o755);
        }
        // One that somebody has written into is another program.
        if known.is_none() || known != written(&program).as_ref() {
            let _ = fs::remove_file(&program);
            self.copy(digest, &program, 0o555)?;
            programs.extend(written(&program).map(|time| (digest, time)));
        }
        match fs::hard_link(&program, to) {
            Ok(()) => Ok(()),
            // Not every filesystem has names like that.
            Err(_) => self.copy(digest, to, 0o755),
        }
    }

    /// Copies a blob out of the store.
    fn copy(&self, digest: Digest, to: &Path, mode: u32) -> Result<(), EngineError> {
        let from = self.blobs.path(digest);
        let copied = fs::copy(&from, to).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => EngineError::Lost(vec![digest]),
            _ => doing("copying", &from, error),
        })?;
        if copied != digest.bytes() {
            return Err(EngineError::Lost(vec![digest]));
        }
        fs::set_permissions(to, fs::Permissions::from_mode(mode)).map_err(|error| doing("writing", to, error))
    }

    /// Takes what the command was to make out of the folder it ran in; the first path that is not there otherwise.
    fn collect(&self, command: &api::Command, root: &Path) -> Result<Result<Outputs, RelativePath>, EngineError> {
        let mut outputs = Outputs::new();
        for path in &command.output_paths {
            let Ok(path) = RelativePath::new(&**path) else { continue };
            let file = root.join(path.as_str());
            let Ok(about) =
                fs::metadata(&file).and_then(|about| if about.is_file() { Ok(about) } else { Err(NO_FILE.into()) })
            else {
                return Ok(Err(path));
            };
            let executable = about.permissions().mode() & 0o100 != 0;
            outputs.insert(path, OutputFile { digest: self.blobs.take(&file)?, executable });
        }
        Ok(Ok(outputs))
    }
}

impl Engine for Local {
    fn recall(&self, action: Digest) -> Result<Option<Outputs>, EngineError> {
        let Some(bytes) = self.memo.read(action)? else { return Ok(None) };
        // What cannot be read is as good as forgotten.
        let Ok(result) = api::ActionResult::decode(&bytes[..]) else { return Ok(None) };
        self.memo.touch(action);
        Ok(outputs(&result))
    }

    fn missing(&self, blobs: &[Digest]) -> Result<Vec<Digest>, EngineError> {
        Ok(blobs.iter().copied().filter(|&digest| !self.blobs.holds(digest)).collect())
    }

    fn store(&self, digest: Digest, blob: &[u8]) -> Result<(), EngineError> {
        self.blobs.write(digest, blob)
    }

    fn fetch(&self, digest: Digest) -> Result<Option<Vec<u8>>, EngineError> {
        Ok(self.blobs.read(digest)?.filter(|blob| blob.len() as u64 == digest.bytes()))
    }

    fn execute(&self, digest: Digest) -> Result<Execution, EngineError> {
        let action: api::Action = self.message(digest)?;
        let part = |part: &Option<api::Digest>| {
            let damaged = || EngineError::Damaged { digest, what: "an action without parts".to_owned() };
            Digest::of_part(part).ok_or_else(damaged)
        };
        let command: api::Command = self.message(part(&action.command_digest)?)?;
        let folder = self.work.folder()?;
        let tree = folder.path();
        {
            let _none_starts = self.starting.read().unwrap_or_else(PoisonError::into_inner);
            self.lay_out(part(&action.input_root_digest)?, tree)?;
        }
        for path in command.output_paths.iter().filter_map(|path| Path::new(path).parent()) {
            let folder = tree.join(path);
            fs::create_dir_all(&folder).map_err(|error| doing("making", &folder, error))?;
        }
        let process = Process { engine: self, command: &command, tree, stderr: self.work.file()? };
        let (ended, took) = process.run(action.timeout.map(from_message));
        let reason = match ended {
            Err(reason) => reason,
            Ok(()) => match self.collect(&command, tree)? {
                Err(path) => FailureReason::NotMade(path),
                Ok(outputs) => {
                    self.memo.write(digest, &result(&outputs).encode_to_vec())?;
                    return Ok(Execution::Made { outputs, took, said: process.said() });
                }
            },
        };
        Ok(Execution::Failed(Failure { reason, stderr: process.said() }))
    }

    fn shrink(&self) -> Result<(), EngineError> {
        self.blobs.shrink(self.most_bytes)?;
        self.memo.shrink(MOST_MEMO_BYTES)
    }
}

/// A command that runs in its folder.
struct Process<'a> {
    engine: &'a Local,
    command: &'a api::Command,
    tree: &'a Path,
    /// Where what it says on standard error goes.
    stderr: File,
}

impl Process<'_> {
    /// Runs it to its end, and says how long that took.
    #[expect(
        clippy::disallowed_methods,
        reason = "says how long a function ran, which changes nothing of what it makes"
    )]
    fn run(&self, timeout: Option<Duration>) -> (Result<(), FailureReason>, Duration) {
        let begin = Instant::now();
        let ended = self.start().and_then(|child| wait(&child, timeout));
        (ended, begin.elapsed())
    }

    fn start(&self) -> Result<SharedChild, FailureReason> {
        let not_started = |error: std::io::Error| FailureReason::NotStarted(error.to_string());
        let [program, arguments @ ..] = &self.command.arguments[..] else {
            return Err(FailureReason::NotStarted("it names no program".into()));
        };
        let stderr = self.stderr.try_clone().map_err(not_started)?;
        // An input is named from its own folder, whatever the search path says.
        let program = if program.starts_with('/') { PathBuf::from(program) } else { self.tree.join(program) };
        let variables = self.command.environment_variables.iter().map(|it| (&it.name, &it.value));
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.tree).env_clear().envs(variables);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr);
        let _none_is_written = self.engine.starting.write().unwrap_or_else(PoisonError::into_inner);
        SharedChild::spawn(&mut command).map_err(not_started)
    }

    /// The end of what it said.
    fn said(&self) -> String {
        let (mut file, mut said) = (&self.stderr, Vec::new());
        let _ = file.seek(SeekFrom::Start(0)).and_then(|_| file.read_to_end(&mut said));
        ending(&said)
    }
}

fn wait(child: &SharedChild, timeout: Option<Duration>) -> Result<(), FailureReason> {
    let not_started = |error: std::io::Error| FailureReason::NotStarted(error.to_string());
    let status = match timeout {
        None => child.wait().map_err(not_started)?,
        Some(timeout) => match child.wait_timeout(timeout).map_err(not_started)? {
            Some(status) => status,
            None => {
                // Whether it was ended or ended itself just now: it took too long.
                let _ = child.kill();
                let _ = child.wait();
                return Err(FailureReason::TimedOut(timeout));
            }
        },
    };
    said_by(status)
}

fn said_by(status: ExitStatus) -> Result<(), FailureReason> {
    match (status.code(), status.signal()) {
        (Some(0), _) => Ok(()),
        (Some(code), _) => Err(FailureReason::Status(code)),
        (None, signal) => Err(FailureReason::Signal(signal.unwrap_or_default())),
    }
}

fn result(outputs: &Outputs) -> api::ActionResult {
    let file = |(path, file): (&RelativePath, &OutputFile)| api::OutputFile {
        path: path.to_string(),
        digest: Some(file.digest.message()),
        is_executable: file.executable,
        ..api::OutputFile::default()
    };
    api::ActionResult { output_files: outputs.iter().map(file).collect(), ..api::ActionResult::default() }
}

/// A folder or a device where a file should be.
const NO_FILE: std::io::ErrorKind = std::io::ErrorKind::InvalidInput;
/// How many copies of programs lie beside the store's at most; of films and of JPEGs there is one, of a build its compiler's.
const MOST_PROGRAMS: usize = 16;
/// A remembered result takes a few hundred bytes: some hundred thousand of them.
const MOST_MEMO_BYTES: u64 = 64 << 20;
