//! A server of the Remote Execution API on this machine: BuildBox's storage and executor. `./setup test` installs it; where it is not
//! there, tests say so and pass.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use tempfile::TempDir;

/// Where `./setup test` puts BuildBox; `BUILDBOX` names another place.
fn buildbox() -> Option<PathBuf> {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/buildstream/subprojects/buildbox");
    let folder = std::env::var_os("BUILDBOX").map_or(installed, PathBuf::from);
    if !folder.join("buildbox-casd").exists() || !Path::new(BUSYBOX).exists() {
        eprintln!("skipped: no BuildBox in {} or no {BUSYBOX}; ./setup test installs both", folder.display());
        return None;
    }
    // What BuildBox runs functions in takes namespaces, which some containers do not give.
    let contained = Command::new("bwrap").args(["--ro-bind", "/", "/", BUSYBOX, "true"]).status();
    if !contained.is_ok_and(|status| status.success()) {
        eprintln!("skipped: bubblewrap cannot run a program here");
        return None;
    }
    Some(folder)
}

/// All programs in one file that needs nothing else: what an empty machine can run.
pub(crate) const BUSYBOX: &str = "/bin/busybox";
const PATIENCE: Duration = Duration::from_secs(30);

/// A port that stays ours while the server is away: none of those that the system gives to whoever asks for any (32768 and more), and
/// not where another run of these tests begins to look.
fn own_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let candidates = (0..PORTS).map(|_| std::process::id().wrapping_mul(97).wrapping_add(NEXT.fetch_add(1, Relaxed)));
    let ports = candidates.map(|number| (FIRST_PORT + number % PORTS) as u16);
    let mut free = ports.filter(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok());
    free.next().expect("a port is free")
}

const FIRST_PORT: u32 = 20_000;
const PORTS: u32 = 12_000;

/// A server, ended with its value.
pub(crate) struct Server {
    process: Child,
    pub(crate) port: u16,
    /// Kept as long as what is in it is wanted.
    pub(crate) folder: TempDir,
}

impl Server {
    pub(crate) fn start(more: &[&str]) -> Option<Self> {
        Self::start_at(own_port(), tempfile::tempdir().unwrap(), more)
    }

    /// Starts it, and waits until it can be reached.
    pub(crate) fn start_at(port: u16, folder: TempDir, more: &[&str]) -> Option<Self> {
        let programs = buildbox()?;
        let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
        let mut command = Command::new(programs.join("buildbox-casd"));
        command.args(["--bind", &format!("127.0.0.1:{port}"), "--jobs", "1", "--cache-failures=false"]).args(more);
        command.arg("--buildbox-run").arg(programs.join("buildbox-run")).arg(folder.path());
        let log = fs::File::create(folder.path().with_extension("log")).unwrap();
        command.env("PATH", path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let process = command.spawn().unwrap();
        let server = Self { process, port, folder };
        let tries = PATIENCE.as_millis() / 20;
        let reached = (0..tries).any(|_| {
            let reached = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok();
            if !reached {
                std::thread::park_timeout(Duration::from_millis(20));
            }
            reached
        });
        assert!(reached, "{}", fs::read_to_string(server.folder.path().with_extension("log")).unwrap());
        Some(server)
    }

    /// As if its machine had gone; answers where it was and what it had.
    pub(crate) fn kill(mut self) -> (u16, TempDir) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        (self.port, std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap()))
    }

    pub(crate) fn address(&self) -> String {
        format!("grpc://127.0.0.1:{}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_file(self.folder.path().with_extension("log"));
    }
}
