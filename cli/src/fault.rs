//! What is at fault, as one line on standard error and an exit status: `oyster: <what>: <why>`.

use std::fmt;
use std::process::ExitCode;

use crate::words;

/// An argument that is wrong for a reason that only shows when it is used.
#[derive(Debug)]
pub(crate) struct BadArgument(pub(crate) String);

impl fmt::Display for BadArgument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadArgument {}

/// Bad arguments, status 2; or help and versions that were asked for, which are no fault.
pub(crate) fn of_arguments(error: &clap::Error) -> ExitCode {
    if error.use_stderr() && error.kind() != clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        words::tell(&format!("oyster: {}\n", one_line(&summary(&error.render().to_string()))));
        return ExitCode::from(BAD_ARGUMENTS);
    }
    let printed = error.print();
    if error.use_stderr() { ExitCode::from(BAD_ARGUMENTS) } else { ExitCode::from(u8::from(printed.is_err())) }
}

/// Work that came to nothing: status 1, or 2 if an argument was to blame.
pub(crate) fn of_work(error: &anyhow::Error) -> ExitCode {
    words::tell(&format!("oyster: {}\n", one_line(&story(error))));
    ExitCode::from(if error.is::<BadArgument>() { BAD_ARGUMENTS } else { FAILED })
}

/// The error and its causes, those left out that are in the words already.
fn story(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |story, cause| match story.is_empty() {
        true => cause,
        false if story.ends_with(&cause) => story,
        false => format!("{story}: {cause}"),
    })
}

/// What clap says is wrong, without its lines on usage: `error: WHAT`, perhaps a list, then `tip: …` of its own.
fn summary(rendered: &str) -> String {
    let kept = rendered.split("\n\n").take_while(|part| !part.starts_with("Usage:") && !part.starts_with("For more"));
    let joined = kept.map(|part| part.lines().map(str::trim).collect::<Vec<_>>().join(" "));
    let text = joined.collect::<Vec<_>>().join("; ");
    format!("{} (--help shows how)", text.strip_prefix("error: ").unwrap_or(&text))
}

/// One line, whatever a file's name or a file's content brought into it.
fn one_line(text: &str) -> String {
    let escape = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.trim_end().chars().map(escape).collect()
}

const FAILED: u8 = 1;
const BAD_ARGUMENTS: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::{Context, anyhow};

    #[test]
    fn a_cause_that_was_told_is_not_told_again() {
        let error = anyhow!("no samples").context("header: no samples").context("a.y4m");
        assert_eq!(story(&error), "a.y4m: header: no samples");
    }

    #[test]
    fn a_bad_argument_is_known_under_its_context() {
        let error = Err::<(), _>(BadArgument("--fps 0".to_owned())).context("a call").unwrap_err();
        assert!(error.is::<BadArgument>());
    }

    #[test]
    fn a_report_of_many_lines_becomes_one() {
        let rendered = "error: no such thing\n  [possible values: a, b]\n\n  tip: try a\n\nUsage: oyster\n\nFor more\n";
        assert_eq!(summary(rendered), "no such thing [possible values: a, b]; tip: try a (--help shows how)");
    }

    #[test]
    fn a_name_cannot_open_a_line_of_its_own() {
        assert_eq!(one_line("a\nb\u{1b}[0m: é\n"), "a\\nb\\u{1b}[0m: é");
    }
}
