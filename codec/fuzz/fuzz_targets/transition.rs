//! Any bytes are transitions, each after a length byte pair: they come back as they were written, and lead from state to state as far as
//! they are decoded, from scaled states, too.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oyster_codec::{State, Transition, decode, decode_prefix};
use oyster_codec_fuzz::{pieces, samples};

const MAX_SAMPLES: usize = 128 * 128;

fuzz_target!(|bytes: &[u8]| {
    let mut state = State::blank();
    for written in pieces(bytes) {
        let Ok(transition) = Transition::from_bytes(written) else { continue };
        assert_eq!(transition.to_bytes(), written);
        let scaled = transition.scaled.map_or(0, |size| size.width() * size.height());
        if samples(&transition.frame).max(scaled) > MAX_SAMPLES {
            continue;
        }
        let Ok(start) = transition.start(&state) else { continue };
        let _ = decode_prefix(&start, &transition.frame);
        if let Ok(decoded) = decode(&start, &transition.frame) {
            state = decoded.target;
        }
    }
});
