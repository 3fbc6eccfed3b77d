//! What any frames decide is read as they are decoded, and moves onto the states they are decoded from: what comes of that is a frame that
//! leads where it says. Frames come each after a length byte pair.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oyster_codec::{DecisionReader, Image, State, decode};
use oyster_codec_fuzz::{pieces, samples};

const MAX_SAMPLES: usize = 128 * 128;

fuzz_target!(|bytes: &[u8]| {
    let mut state = State::blank();
    let mut reader = DecisionReader::new(&state);
    for frame in pieces(bytes) {
        if samples(frame) > MAX_SAMPLES {
            continue;
        }
        let Ok(decoded) = decode(&state, frame) else { return };
        let decisions = reader.read(frame).expect("what is decoded is read");
        if let Some(size) = state.size()
            && let Ok(moved) = decisions.rebase(&state, &Image::black(size))
        {
            let again = decode(&state, &moved.frame).expect("our own frame");
            assert_eq!(again.target.id(), moved.target.id());
        }
        state = decoded.target;
    }
});
