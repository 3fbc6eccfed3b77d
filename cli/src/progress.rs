//! How far long work has come, on a terminal; nothing in a pipe.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use crate::words;

/// A line on the terminal that is overwritten as the work goes on, and wiped out at its end.
#[derive(Debug)]
pub(crate) struct Progress {
    what: &'static str,
    on_terminal: bool,
    shown: Option<Instant>,
}

/// Often enough to look alive.
const EVERY: Duration = Duration::from_millis(200);

impl Progress {
    /// Counts `what`, as in "frames encoded".
    pub(crate) fn of(what: &'static str) -> Self {
        Self { what, on_terminal: stderr().is_terminal(), shown: None }
    }

    /// `count` of them are done.
    #[expect(clippy::disallowed_methods, reason = "how often a person is told is a matter of real time")]
    pub(crate) fn tell(&mut self, count: u64) {
        if self.on_terminal && self.shown.is_none_or(|shown| shown.elapsed() >= EVERY) {
            self.shown = Some(Instant::now());
            words::tell(&format!("\r{count} {}", self.what));
        }
    }

    /// Lines that stay, said by something that was done.
    pub(crate) fn aside(&mut self, lines: &str) {
        if !lines.is_empty() {
            self.wipe();
            words::tell_of_another(lines);
        }
    }

    fn wipe(&mut self) {
        if self.shown.take().is_some() {
            words::tell("\r\x1b[K");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.wipe();
    }
}
