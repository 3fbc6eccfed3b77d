//! `oyster emulate`: a command behind two emulated links, called as mahimahi's `mm-link` is (and, for the delay and the
//! losses, `mm-delay` and `mm-loss` around it), writing its logs.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use oyster_emulator::{Direction, Event, Link, LinkConfig, LogHeader, QueueDiscipline};
use oyster_emulator::{OPPORTUNITY_BYTES, Shell, TUN_HEADER_BYTES};

use crate::fault::BadArgument;
use crate::files::{expect_place, read_trace, writing};
use crate::signals::Signals;
use crate::values::{delay_ms, loss, probability};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The link out of the shell, a mahimahi trace
    uplink: PathBuf,
    /// The link into it
    downlink: PathBuf,
    /// One-way delay of either link, besides its queue
    #[arg(long, value_name = "MS", default_value = "0", value_parser = delay_ms, allow_negative_numbers = true)]
    delay_ms: Duration,
    /// Random loss on the uplink, 0 to 1
    #[arg(long, value_name = "P", default_value = "0", value_parser = probability, allow_negative_numbers = true)]
    loss_up: f64,
    /// Random loss on the downlink, 0 to 1
    #[arg(long, value_name = "P", default_value = "0", value_parser = probability, allow_negative_numbers = true)]
    loss_down: f64,
    /// Decides which packets are lost
    #[arg(long, value_name = "N", default_value = "1", allow_negative_numbers = true)]
    seed: u64,
    /// infinite, droptail, drophead, codel or pie
    #[arg(long, value_name = "NAME", default_value = "infinite")]
    uplink_queue: String,
    /// NAME=N, NAME=N with packets, bytes, target, interval, qdelay_ref, max_burst
    #[arg(long, value_name = "ARGS", default_value = "")]
    uplink_queue_args: String,
    /// As for the uplink
    #[arg(long, value_name = "NAME", default_value = "infinite")]
    downlink_queue: String,
    /// As for the uplink
    #[arg(long, value_name = "ARGS", default_value = "")]
    downlink_queue_args: String,
    /// Write mahimahi's log of the uplink
    #[arg(long, value_name = "FILE")]
    uplink_log: Option<PathBuf>,
    /// Write mahimahi's log of the downlink
    #[arg(long, value_name = "FILE")]
    downlink_log: Option<PathBuf>,
    /// End with the traces instead of repeating them
    #[arg(long)]
    once: bool,
    /// What to run there (default: your shell)
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Runs the command and answers with its own status.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let [up, down] = arguments.directions();
    let (up_config, down_config) = (up.config(arguments)?, down.config(arguments)?);
    let up_link = Link::new(read_trace(up.trace)?, &up_config);
    let down_link = Link::new(read_trace(down.trace)?, &down_config);
    let mut words = arguments.command.iter().cloned();
    let program = words.next().or_else(|| std::env::var_os("SHELL")).unwrap_or_else(|| "/bin/sh".into());
    let mut logs = [up.open_log(&up_config.queue)?, down.open_log(&down_config.queue)?];
    let mut failed = None;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let status = runtime.block_on(async {
        let signals = Signals::catch().context("signals cannot be caught")?;
        let shell = Shell::start(program, words.collect(), up_link, down_link).await?;
        let base_ms = clock_ms();
        for log in logs.iter_mut().flatten() {
            log.begin(base_ms)?;
        }
        let write = |direction, event| {
            let log = &mut logs[usize::from(direction == Direction::Down)];
            if let Some(log) = log.as_mut().filter(|_| failed.is_none()) {
                failed = log.write(event).err();
            }
        };
        Ok::<_, anyhow::Error>(shell.run(signals.terminate(), write).await?)
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    for log in logs.into_iter().flatten() {
        log.finish()?;
    }
    // Ended by the end of a trace or by a signal to us, it did all that was asked.
    Ok(status.map_or(ExitCode::SUCCESS, own_status))
}

/// The status with which a shell would answer: a command's own, or 128 and the signal that ended it.
fn own_status(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

/// What is asked of one of the links.
struct Asked<'a> {
    name: &'static str,
    trace: &'a Path,
    queue: &'a str,
    queue_arguments: &'a str,
    loss: f64,
    seed: u64,
    log: Option<&'a Path>,
}

impl Arguments {
    fn directions(&self) -> [Asked<'_>; 2] {
        let up = Asked {
            name: "Uplink",
            trace: &self.uplink,
            queue: &self.uplink_queue,
            queue_arguments: &self.uplink_queue_args,
            loss: self.loss_up,
            seed: self.seed,
            log: self.uplink_log.as_deref(),
        };
        let down = Asked {
            name: "Downlink",
            trace: &self.downlink,
            queue: &self.downlink_queue,
            queue_arguments: &self.downlink_queue_args,
            loss: self.loss_down,
            seed: self.seed.wrapping_add(1),
            log: self.downlink_log.as_deref(),
        };
        [up, down]
    }
}

impl Asked<'_> {
    fn config(&self, arguments: &Arguments) -> Result<LinkConfig> {
        let queue = QueueDiscipline::from_words(self.queue, self.queue_arguments)
            .map_err(|error| BadArgument(format!("--{}-queue: {error}", self.name.to_lowercase())))?;
        Ok(LinkConfig {
            one_way_delay: arguments.delay_ms,
            repeat: !arguments.once,
            queue,
            // As mahimahi counts, whose packets are so much larger, too.
            opportunity_bytes: OPPORTUNITY_BYTES + TUN_HEADER_BYTES as u64,
            loss: loss(self.loss),
            seed: self.seed,
            record_events: self.log.is_some(),
            ..LinkConfig::default()
        })
    }

    fn open_log(&self, queue: &QueueDiscipline) -> Result<Option<Log>> {
        let Some(path) = self.log else { return Ok(None) };
        expect_place(path)?;
        let file = BufWriter::new(File::create(path).with_context(|| writing(path))?);
        let (trace, queue) = (self.trace.display().to_string(), queue.to_string());
        Ok(Some(Log { path: path.to_owned(), file, name: self.name, trace, queue, init_ms: clock_ms(), base_ms: 0 }))
    }
}

/// A log in mahimahi's words, written as things happen: unlike other files it is of use before its end.
struct Log {
    path: PathBuf,
    file: BufWriter<File>,
    name: &'static str,
    trace: String,
    queue: String,
    init_ms: u64,
    base_ms: u64,
}

impl Log {
    fn begin(&mut self, base_ms: u64) -> Result<()> {
        self.base_ms = base_ms;
        let command: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
        let header = LogHeader {
            direction: self.name,
            trace: &self.trace,
            log: &self.path.display().to_string(),
            command: &command,
            queue: &self.queue,
            init_ms: self.init_ms,
            base_ms,
        };
        let written = write!(self.file, "{header}");
        self.context(written)
    }

    fn write(&mut self, event: Event) -> Result<()> {
        let written = writeln!(self.file, "{}", event.line(self.base_ms));
        self.context(written)
    }

    fn finish(mut self) -> Result<()> {
        let written = self.file.flush();
        self.context(written)
    }

    fn context(&self, written: io::Result<()>) -> Result<()> {
        written.with_context(|| writing(&self.path))
    }
}

/// What a log's stamps count: milliseconds of the clock on the wall.
#[expect(clippy::disallowed_methods, reason = "logs of a link in real time bear the time of day")]
fn clock_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64)
}
