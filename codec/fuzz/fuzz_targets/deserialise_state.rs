//! Any bytes are a state or an error; a state that was read serialises to the same bytes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oyster_codec::State;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(state) = State::deserialise(bytes) {
        assert_eq!(state.serialise(), bytes);
    }
});
