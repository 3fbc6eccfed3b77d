//! The fuzz target's door to what reads the bytes of terminals.

use std::time::Duration;

use super::keyboard::Keyboard;

/// Bytes as they come, with pauses after some of them.
pub fn bytes(input: &[u8]) {
    let mut keyboard = Keyboard::default();
    let mut now = Duration::ZERO;
    for byte in input {
        now += Duration::from_millis((*byte).into());
        keyboard.handle_byte(*byte, now);
        if byte % 7 == 0 {
            keyboard.handle_silence(now + Duration::from_millis(100));
        }
    }
}
