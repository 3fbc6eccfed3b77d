//! Words on the standard streams, which may be closed, full or a pipe that nobody reads any more: printing is an error
//! like any other there, never a panic.

use std::io::{self, Write};

use anyhow::{Context, Result};

/// Writes what was asked for to standard output.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(text.as_bytes()).and_then(|()| output.flush()).context(STANDARD_OUTPUT)
}

/// Writes words for people to standard error. Where nobody can hear them there is nobody to tell so.
pub(crate) fn tell(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Tells lines that another program said, less what would command the terminal.
pub(crate) fn tell_of_another(lines: &str) {
    let is_plain = |c: &char| !c.is_control() || matches!(c, '\n' | '\t');
    tell(&format!("{}\n", lines.trim_end().chars().filter(is_plain).collect::<String>()));
}

/// What an error is about that befell standard output.
pub(crate) const STANDARD_OUTPUT: &str = "standard output";
