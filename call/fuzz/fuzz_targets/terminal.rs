//! Whatever a terminal answers or a person types, in whatever pieces: nothing panics.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| oyster_call::screen::fuzzing::bytes(input));
