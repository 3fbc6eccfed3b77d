//! What a terminal in raw mode sends, byte by byte: keys (q, i, Escape, Ctrl-C) and its answers to our questions (DSR,
//! `ESC [ 0 n`; ECMA-48 §5.4 has the shape of a sequence). Everything else is passed over.

use std::time::Duration;

use super::Key;

/// Something a terminal sent that means something to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Key(Key),
    /// The terminal has drawn all that was written before the question.
    Answer,
}

/// Reads bytes as they come; a sequence may come in pieces.
#[derive(Debug, Default)]
pub(super) struct Keyboard {
    state: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum State {
    #[default]
    Ground,
    /// After ESC: the key itself, or the beginning of something.
    Escape { since: Duration },
    /// After `ESC [`.
    Begun,
    /// After `ESC [ 0`: perhaps an answer.
    Zero,
    /// Inside a sequence that is no answer.
    Sequence,
    /// After `ESC O`: one more byte.
    Single,
}

impl Keyboard {
    /// Takes a byte that came at `now`.
    pub(super) fn handle_byte(&mut self, byte: u8, now: Duration) -> Option<Heard> {
        let (state, heard) = match (self.state, byte) {
            (_, 0x1b) => (State::Escape { since: now }, None),
            (_, 0x03) => (State::Ground, Some(Heard::Key(Key::Quit))),
            (State::Ground, b'q' | b'Q') => (State::Ground, Some(Heard::Key(Key::Quit))),
            (State::Ground, b'i' | b'I') => (State::Ground, Some(Heard::Key(Key::Overlay))),
            (State::Escape { .. }, b'[') => (State::Begun, None),
            (State::Escape { .. }, b'O') => (State::Single, None),
            (State::Begun, b'0') => (State::Zero, None),
            (State::Zero, b'n') => (State::Ground, Some(Heard::Answer)),
            // Parameters and intermediates (0x20 to 0x3F); the first byte above ends a sequence.
            (State::Begun | State::Zero | State::Sequence, 0x20..=0x3f) => (State::Sequence, None),
            _ => (State::Ground, None),
        };
        self.state = state;
        heard
    }

    /// Nothing came up to `now`: an ESC that nothing followed for a while was the key.
    pub(super) fn handle_silence(&mut self, now: Duration) -> Option<Heard> {
        match self.state {
            State::Escape { since } if now.saturating_sub(since) >= ESCAPE_PATIENCE => {
                self.state = State::Ground;
                Some(Heard::Key(Key::Quit))
            }
            _ => None,
        }
    }
}

/// A sequence cut in two by ssh comes together sooner; a person who pressed Escape does not notice.
const ESCAPE_PATIENCE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn heard(bytes: &[u8]) -> Vec<Heard> {
        let mut keyboard = Keyboard::default();
        let mut heard: Vec<_> = bytes.iter().filter_map(|byte| keyboard.handle_byte(*byte, Duration::ZERO)).collect();
        heard.extend(keyboard.handle_silence(Duration::from_secs(1)));
        heard
    }

    #[test]
    fn q_escape_and_control_c_quit() {
        for bytes in [b"q".as_slice(), b"\x1b", b"\x03"] {
            assert_eq!(heard(bytes), [Heard::Key(Key::Quit)]);
        }
    }

    #[test]
    fn an_answer_is_no_key() {
        assert_eq!(heard(b"\x1b[0ni\x1b[0n"), [Heard::Answer, Heard::Key(Key::Overlay), Heard::Answer]);
    }

    #[test]
    fn an_answer_in_pieces_is_not_the_escape_key() {
        let mut keyboard = Keyboard::default();
        assert_eq!(keyboard.handle_byte(0x1b, Duration::ZERO), None);
        assert_eq!(keyboard.handle_silence(Duration::from_millis(30)), None);
        assert_eq!(keyboard.handle_byte(b'[', Duration::from_millis(60)), None);
        assert_eq!(keyboard.handle_silence(Duration::from_secs(9)), None);
    }

    #[test]
    fn arrows_function_keys_and_other_letters_mean_nothing() {
        assert_eq!(heard(b"\x1b[A\x1bOP\x1b[15~\x1b[1;5C\x1b[?1;2cxyz\x1b[3n\x1b[10n"), []);
    }

    #[test]
    fn escape_before_another_key_is_not_that_key() {
        // Alt-q arrives as ESC q.
        assert_eq!(heard(b"\x1bq"), []);
    }

    proptest! {
        #[test]
        fn any_bytes_leave_a_keyboard_that_hears(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let mut keyboard = Keyboard::default();
            for byte in bytes {
                keyboard.handle_byte(byte, Duration::ZERO);
            }
            prop_assert_eq!(keyboard.handle_byte(3, Duration::ZERO), Some(Heard::Key(Key::Quit)));
        }
    }
}
