//! Any bytes are frames, and beginnings of frames: each one after a length byte pair, decoded one after another. The top bit
//! of a length says which state is gone on from.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oyster_codec::{State, decode, decode_prefix};
use oyster_codec_fuzz::samples;

const MAX_SAMPLES: usize = 256 * 256;

fuzz_target!(|bytes: &[u8]| {
    let mut state = State::blank();
    let mut rest = bytes;
    while let Some((length, after)) = rest.split_first_chunk::<2>() {
        let length = u16::from_le_bytes(*length);
        let follows_prefix = length >> 15 == 1;
        let length = usize::from(length & 0x7fff).min(after.len());
        let (frame, after) = after.split_at(length);
        rest = after;
        if samples(frame) > MAX_SAMPLES {
            continue;
        }
        let (all, prefix) = (decode(&state, frame), decode_prefix(&state, frame));
        let target = if follows_prefix { prefix.map(|prefix| prefix.target) } else { all.map(|all| all.target) };
        state = target.unwrap_or(state);
    }
});
