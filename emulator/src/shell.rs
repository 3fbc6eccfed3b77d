//! A command behind two links, as `mm-link` runs one: it lives in a network namespace of its own, whose only way out is
//! a TUN device; packets go from there across the uplink to a TUN device of this machine, and back across the downlink.
//!
//! Needs the right to make namespaces and devices, which is root's. There is no address translation: the command
//! reaches this machine, and what lies beyond if the administrator forwards and masquerades its address.

use crate::link::Link;
use crate::log::Event;
use nix::sched::{CloneFlags, unshare};
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::net::Ipv4Addr;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tokio::process::Child;
use tokio::sync::oneshot;
use tun_rs::{AsyncDevice, DeviceBuilder};

/// A command that runs behind two links.
pub struct Shell {
    /// Inside the namespace.
    inner: AsyncDevice,
    /// On this machine.
    outer: AsyncDevice,
    command: Child,
    up: Link<Vec<u8>>,
    down: Link<Vec<u8>>,
    started: Instant,
}

/// Which of the two links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Out of the namespace.
    Up,
    /// Into the namespace.
    Down,
}

/// Why a command is not running behind the links.
#[derive(Debug)]
#[non_exhaustive]
pub enum ShellError {
    /// The system does not let us make a namespace or a device. That takes root (`CAP_SYS_ADMIN` and `CAP_NET_ADMIN`).
    NotPermitted,
    /// The command cannot be started.
    Command {
        /// Its name.
        program: OsString,
        /// What the system says.
        error: io::Error,
    },
    /// A step of setting up or running failed.
    Step {
        /// What was being done.
        step: &'static str,
        /// What the system says.
        error: io::Error,
    },
}

impl Shell {
    /// Starts `program` with its arguments behind the links, whose time 0 is now. Like `mm-link` it tells the command the
    /// address of this machine in the variable `MAHIMAHI_BASE`. Packets count [`TUN_HEADER_BYTES`] more than they have,
    /// as in mahimahi, so that `LinkConfig::opportunity_bytes` is to be 1504.
    ///
    /// # Errors
    /// [`ShellError::NotPermitted`] without root, else the step that failed.
    pub async fn start(
        program: OsString,
        arguments: Vec<OsString>,
        up: Link<Vec<u8>>,
        down: Link<Vec<u8>>,
    ) -> Result<Self, ShellError> {
        let addresses = Addresses::of_process(std::process::id());
        let name = format!("oyster-{}", std::process::id());
        let outer = device(&name, addresses.outer)?;
        let (report, reported) = oneshot::channel();
        let runtime = tokio::runtime::Handle::current();
        // A namespace belongs to a thread, and what that thread opens and starts lives there. So this one makes the inner
        // device, starts the command and ends; both keep the namespace alive.
        let work = move || {
            let _entered = runtime.enter();
            // Nobody waits any more only if the caller gave up.
            let _ = report.send(start_inside(program, &arguments, &addresses));
        };
        std::thread::Builder::new().spawn(work).map_err(step("starting a thread"))?;
        let gone = |_| step("starting the command")(io::ErrorKind::BrokenPipe.into());
        let (inner, command) = reported.await.map_err(gone)??;
        Ok(Self { inner, outer, command, up, down, started: clock() })
    }

    /// Carries packets until the command ends, which gives its status, or until `until` is done or a link that does not
    /// repeat its trace is over; then the command is killed (not what it
    /// started itself). `log` hears every event of links that record theirs.
    ///
    /// # Errors
    /// When a device fails.
    pub async fn run(
        mut self,
        until: impl Future<Output = ()>,
        mut log: impl FnMut(Direction, Event),
    ) -> Result<Option<ExitStatus>, ShellError> {
        let mut until = std::pin::pin!(until);
        let mut from_inner = vec![0; MAX_PACKET_BYTES];
        let mut from_outer = from_inner.clone();
        let status = loop {
            self.deliver(&mut log).await;
            if self.up.is_over() || self.down.is_over() {
                break None;
            }
            let wake = self.wake();
            tokio::select! {
                biased;
                () = &mut until => break None,
                status = self.command.wait() => break Some(status.map_err(step("waiting for the command"))?),
                received = self.inner.recv(&mut from_inner) => {
                    let length = received.map_err(step("reading from the inner device"))?;
                    let now = clock().duration_since(self.started);
                    send(&mut self.up, &from_inner[..length], now);
                }
                received = self.outer.recv(&mut from_outer) => {
                    let length = received.map_err(step("reading from the outer device"))?;
                    let now = clock().duration_since(self.started);
                    send(&mut self.down, &from_outer[..length], now);
                }
                () = tokio::time::sleep_until(wake.unwrap_or(self.started).into()), if wake.is_some() => {}
            }
        };
        // The log goes on to the end, as mahimahi's does, also where nothing was sent for a while.
        self.deliver(&mut log).await;
        if status.is_none() {
            self.command.kill().await.map_err(step("ending the command"))?;
        }
        Ok(status)
    }

    /// Hands on what has arrived. A packet that a device refuses is lost, as on any link.
    async fn deliver(&mut self, log: &mut impl FnMut(Direction, Event)) {
        let now = clock().duration_since(self.started);
        while let Some(delivery) = self.up.poll(now) {
            let _ = self.outer.send(&delivery.packet).await;
        }
        while let Some(delivery) = self.down.poll(now) {
            let _ = self.inner.send(&delivery.packet).await;
        }
        while let Some(event) = self.up.poll_event() {
            log(Direction::Up, event);
        }
        while let Some(event) = self.down.poll_event() {
            log(Direction::Down, event);
        }
    }

    fn wake(&self) -> Option<Instant> {
        let ends = [self.up.end(), self.down.end()];
        let wake = [self.up.poll_timeout(), self.down.poll_timeout()].into_iter().chain(ends).flatten().min();
        self.started.checked_add(wake?)
    }
}

impl fmt::Debug for Shell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shell").field("command", &self.command).finish_non_exhaustive()
    }
}

impl fmt::Display for ShellError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPermitted => {
                write!(f, "not permitted to make a network namespace and TUN devices: run as root, or use the relay")
            }
            Self::Command { program, error } => write!(f, "cannot start {}: {error}", program.display()),
            Self::Step { step, error } => write!(f, "{step}: {error}"),
        }
    }
}

impl std::error::Error for ShellError {}

/// The two ends of the way out of a namespace.
struct Addresses {
    outer: Ipv4Addr,
    inner: Ipv4Addr,
}

impl Addresses {
    /// Four addresses of carrier-grade NAT's range (RFC 6598, which mahimahi uses too), by the number of the process, so
    /// that shells side by side and inside each other do not meet.
    fn of_process(id: u32) -> Self {
        let network = u32::from(Ipv4Addr::new(100, 64, 0, 0)) | (id % (1 << 20)) << 2;
        Self { outer: (network | 1).into(), inner: (network | 2).into() }
    }
}

fn start_inside(
    program: OsString,
    arguments: &[OsString],
    addresses: &Addresses,
) -> Result<(AsyncDevice, Child), ShellError> {
    unshare(CloneFlags::CLONE_NEWNET).map_err(io::Error::from).map_err(step("making a network namespace"))?;
    let inner = device(INNER_NAME, addresses.inner)?;
    ip(&["link", "set", "lo", "up"])?;
    ip(&["route", "add", "default", "dev", INNER_NAME])?;
    let command = tokio::process::Command::new(&program)
        .args(arguments)
        .env("MAHIMAHI_BASE", addresses.outer.to_string())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| ShellError::Command { program, error })?;
    Ok((inner, command))
}

fn device(name: &str, address: Ipv4Addr) -> Result<AsyncDevice, ShellError> {
    let device = DeviceBuilder::new().name(name).build_async().map_err(step("making a TUN device"))?;
    // Two addresses and their network.
    ip(&["addr", "add", &format!("{address}/30"), "dev", name])?;
    // What a packet may have, as on an Ethernet.
    ip(&["link", "set", name, "mtu", "1500", "up"])?;
    Ok(device)
}

/// Runs iproute2's `ip`, which works in the namespace of the thread that calls it.
fn ip(arguments: &[&str]) -> Result<(), ShellError> {
    let failed = step("configuring a device with ip (of iproute2)");
    let output = Command::new("ip").args(arguments).stdin(Stdio::null()).output();
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(failed(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned()))),
        Err(error) => Err(failed(error)),
    }
}

fn send(link: &mut Link<Vec<u8>>, packet: &[u8], now: Duration) {
    // IPv6 has no way through; the kernel tries its neighbour discovery on every device all the same.
    if packet.first().is_some_and(|&byte| byte >> 4 == 4) {
        link.send(packet.to_vec(), packet.len() + TUN_HEADER_BYTES, now);
    }
}

fn step(step: &'static str) -> impl Fn(io::Error) -> ShellError {
    move |error| match error.kind() {
        io::ErrorKind::PermissionDenied => ShellError::NotPermitted,
        _ => ShellError::Step { step, error },
    }
}

#[expect(clippy::disallowed_methods, reason = "the shell is a part of the emulator that runs in real time")]
fn clock() -> Instant {
    Instant::now()
}

/// The header that mahimahi counts with every packet (TUN's packet information).
pub const TUN_HEADER_BYTES: usize = 4;

/// Room for any packet that a device can give.
const MAX_PACKET_BYTES: usize = 65536;
/// The inner device's name, as mahimahi calls it.
const INNER_NAME: &str = "ingress";
