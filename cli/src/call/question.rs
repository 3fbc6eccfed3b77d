//! A yes or no from the person at the terminal, without waiting for it.

use std::io;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// What was typed of an answer.
#[derive(Debug, Default)]
pub(crate) struct Question {
    typed: Vec<u8>,
}

/// What came of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// y or yes.
    Yes,
    /// n or no.
    No,
    /// Some other line.
    Unclear,
    /// Standard input has ended: nobody can answer.
    Nobody,
}

impl Question {
    /// The answer, if there is one within a twentieth of a second.
    pub(crate) fn poll(&mut self) -> Option<Answer> {
        // Several lines may have come at once.
        if let Some(answer) = self.take(&[]) {
            return Some(answer);
        }
        let input = io::stdin();
        let patience = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
        let is_ready = poll(&mut [PollFd::new(&input, PollFlags::IN)], Some(&patience)).unwrap_or(0) > 0;
        if !is_ready {
            return None;
        }
        // Past the buffer of std, which would hide from poll what it has read.
        let mut bytes = [0; 64];
        match rustix::io::read(&input, &mut bytes) {
            Ok(0) | Err(_) => Some(Answer::Nobody),
            Ok(length) => self.take(&bytes[..length]),
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Option<Answer> {
        self.typed.extend_from_slice(bytes);
        let end = self.typed.iter().position(|&byte| byte == b'\n').or((self.typed.len() > MAX_LINE).then_some(0))?;
        let line: Vec<u8> = self.typed.drain(..=end).collect();
        Some(match line.trim_ascii().to_ascii_lowercase().as_slice() {
            b"y" | b"yes" => Answer::Yes,
            b"n" | b"no" => Answer::No,
            _ => Answer::Unclear,
        })
    }
}

/// No yes or no is longer.
const MAX_LINE: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_answers() {
        for (typed, answer) in [
            ("y\n", Some(Answer::Yes)),
            (" YES \r\n", Some(Answer::Yes)),
            ("no\n", Some(Answer::No)),
            ("\n", Some(Answer::Unclear)),
            ("maybe\n", Some(Answer::Unclear)),
            ("ye", None),
        ] {
            assert_eq!(Question::default().take(typed.as_bytes()), answer, "{typed:?}");
        }
        let mut question = Question::default();
        assert_eq!((question.take(b"ye"), question.take(b"s\nn")), (None, Some(Answer::Yes)));
        assert_eq!(question.take(b"\n"), Some(Answer::No));
    }
}
