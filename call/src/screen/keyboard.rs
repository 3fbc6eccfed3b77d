//! What a terminal in raw mode sends, byte by byte: keys and its answers to our questions (ECMA-48 §5.4 has the shape of a
//! sequence, §5.6 that of a string; xterm's control sequences and kitty's graphics protocol have the answers). Everything else
//! is passed over.

use std::time::Duration;

use super::Key;

/// Something a terminal sent that means something to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Key(Key),
    /// The terminal has drawn all that was written before the question (DSR, `ESC [ 0 n`).
    Answer,
    /// What it can do (DA1, `ESC [ ? … c`): whether sixel is among it. Every terminal answers this.
    Abilities {
        sixel: bool,
    },
    /// A cell's height and width in pixels (`ESC [ 6 ; h ; w t`).
    CellSize {
        width: u16,
        height: u16,
    },
    /// Kitty's answer about a picture (`ESC _ G i=N ; OK ESC \`).
    Picture {
        number: u32,
        is_well: bool,
    },
}

/// Reads bytes as they come; a sequence may come in pieces.
#[derive(Debug, Default)]
pub(super) struct Keyboard {
    state: State,
    /// What of a sequence or string was read, as far as [`SEQUENCE_LIMIT`].
    read: Vec<u8>,
    /// When the last byte came.
    heard_at: Duration,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum State {
    #[default]
    Ground,
    /// After ESC: the key itself, or the beginning of something.
    Escape,
    /// After `ESC [`, up to the byte that says what it was.
    Sequence,
    /// After `ESC O`: one more byte.
    Single,
    /// After `ESC _`, `ESC P` and the like, up to `ESC \` or BEL.
    Text,
    /// An ESC inside a text.
    TextEscape,
}

impl Keyboard {
    /// Takes a byte that came at `now`.
    pub(super) fn handle_byte(&mut self, byte: u8, now: Duration) -> Option<Heard> {
        let (state, heard) = match (self.state, byte) {
            (State::TextEscape, b'\\') | (State::Text, 0x07) => (State::Ground, self.text()),
            (State::Text, 0x1b) => (State::TextEscape, None),
            (_, 0x1b) => (State::Escape, None),
            (_, 0x03) => (State::Ground, Some(Heard::Key(Key::Quit))),
            (State::Ground, byte) => (State::Ground, key(byte).map(Heard::Key)),
            (State::Escape, b'[') => (self.begin(State::Sequence), None),
            (State::Escape, b'_' | b'P' | b']' | b'^' | b'X') => (self.begin(State::Text), None),
            (State::Escape, b'O') => (State::Single, None),
            // Parameters and intermediates; the first byte above ends a sequence.
            (State::Sequence, 0x20..=0x3f) | (State::Text, 0x20..) => {
                self.read.extend((self.read.len() < SEQUENCE_LIMIT).then_some(byte));
                (self.state, None)
            }
            (State::Sequence, byte) => (State::Ground, self.sequence(byte)),
            _ => (State::Ground, None),
        };
        self.state = state;
        self.heard_at = now;
        heard
    }

    fn begin(&mut self, state: State) -> State {
        self.read.clear();
        state
    }

    /// What a sequence that ends with `last` says.
    fn sequence(&self, last: u8) -> Option<Heard> {
        let read = str::from_utf8(&self.read).ok()?;
        match last {
            b'n' if read == "0" => Some(Heard::Answer),
            b'c' => {
                // The first number is the kind of terminal; 4 among the others is sixel.
                let sixel = read.strip_prefix('?')?.split(';').skip(1).any(|ability| ability == "4");
                Some(Heard::Abilities { sixel })
            }
            b't' => {
                let (height, width) = read.strip_prefix("6;")?.split_once(';')?;
                Some(Heard::CellSize { width: width.parse().ok()?, height: height.parse().ok()? })
            }
            _ => None,
        }
    }

    /// What a text says.
    fn text(&self) -> Option<Heard> {
        let (about, outcome) = str::from_utf8(&self.read).ok()?.strip_prefix('G')?.split_once(';')?;
        let number = about.split(',').find_map(|part| part.strip_prefix("i="))?.parse().ok()?;
        Some(Heard::Picture { number, is_well: outcome == "OK" })
    }

    /// Nothing came up to `now`: an ESC that nothing followed for a while was the key, and what has begun and does not go on was
    /// none of ours.
    pub(super) fn handle_silence(&mut self, now: Duration) -> Option<Heard> {
        let silence = now.saturating_sub(self.heard_at);
        if self.state == State::Escape && silence >= ESCAPE_PATIENCE {
            self.state = State::Ground;
            return Some(Heard::Key(Key::Quit));
        }
        if silence >= SEQUENCE_PATIENCE {
            self.state = State::Ground;
        }
        None
    }
}

/// What a key means.
fn key(byte: u8) -> Option<Key> {
    match byte.to_ascii_lowercase() {
        b'q' => Some(Key::Quit),
        b'i' => Some(Key::Overlay),
        b'm' => Some(Key::Mute),
        b'c' => Some(Key::Camera),
        b'n' => Some(Key::NextMicrophone),
        b'l' => Some(Key::NextSpeaker),
        b' ' => Some(Key::Talk),
        _ => None,
    }
}

/// Longer than any answer we ask for.
const SEQUENCE_LIMIT: usize = 64;
/// A sequence cut in two by ssh comes together sooner; a person who pressed Escape does not notice.
const ESCAPE_PATIENCE: Duration = Duration::from_millis(100);
/// Alt and a letter look like a text that begins; the next key shall be heard.
const SEQUENCE_PATIENCE: Duration = Duration::from_secs(1);

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
        assert_eq!(heard(b"\x1b[A\x1bOP\x1b[15~\x1b[1;5C\x1b[?1;2Rxyz\x1b[3n\x1b[10n\x1b]11;rgb:0/0/0\x07"), []);
    }

    #[test]
    fn the_keys_of_a_call_are_heard() {
        let keys = [Key::Mute, Key::Talk, Key::Camera, Key::Mute, Key::NextMicrophone, Key::NextSpeaker];
        assert_eq!(heard(b"m cMnl"), keys.map(Heard::Key));
    }

    #[test]
    fn a_terminal_says_what_it_can_do() {
        assert_eq!(heard(b"\x1b[?62;4;22c"), [Heard::Abilities { sixel: true }]);
        assert_eq!(heard(b"\x1b[?4;22c"), [Heard::Abilities { sixel: false }]);
        assert_eq!(heard(b"\x1b[6;17;8t"), [Heard::CellSize { width: 8, height: 17 }]);
        assert_eq!(heard(b"\x1b[6;17;99999t\x1b[6;17t"), []);
    }

    #[test]
    fn kitty_answers_about_pictures() {
        assert_eq!(heard(b"\x1b_Gi=31;OK\x1b\\"), [Heard::Picture { number: 31, is_well: true }]);
        let answer = b"\x1b_Gs=1,i=32;ENOENT:no such file\x1b\\q";
        assert_eq!(heard(answer), [Heard::Picture { number: 32, is_well: false }, Heard::Key(Key::Quit)]);
    }

    #[test]
    fn a_key_after_something_that_does_not_go_on_is_heard() {
        let mut keyboard = Keyboard::default();
        for byte in b"\x1bPxy" {
            keyboard.handle_byte(*byte, Duration::ZERO);
        }
        assert_eq!(keyboard.handle_silence(Duration::from_secs(1)), None);
        assert_eq!(keyboard.handle_byte(b'q', Duration::from_secs(2)), Some(Heard::Key(Key::Quit)));
    }

    #[test]
    fn an_answer_without_end_takes_no_room() {
        let mut keyboard = Keyboard::default();
        for byte in b"\x1b_".iter().chain([b'x'; 10_000].iter()) {
            keyboard.handle_byte(*byte, Duration::ZERO);
        }
        assert_eq!(keyboard.read.len(), SEQUENCE_LIMIT);
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
