//! Whatever a webcam hands over as a picture, raw or as JPEG, in whatever layout its driver claims: it is a picture or an error.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| oyster_call::camera::fuzzing::picture(input));
