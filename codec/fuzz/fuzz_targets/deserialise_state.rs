//! Any bytes are a state or an error; a state that was read serialises to the same bytes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oyster_codec::State;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(state) = State::deserialise(bytes) {
        assert_eq!(state.serialise(), bytes);
    }
    // Equal pictures may be there twice, but are written once.
    if let Ok(state) = State::read_content(bytes) {
        let mut content = Vec::new();
        state.write_content(&mut content).expect("memory takes what is written");
        assert_eq!(State::read_content(&content[..]), Ok(state));
    }
});
