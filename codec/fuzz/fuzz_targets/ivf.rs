//! Any bytes are frames, an end or an error, and frames take no more room than the bytes they came from.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oyster_codec::container::ivf::IvfReader;

fuzz_target!(|bytes: &[u8]| {
    let Ok(reader) = IvfReader::new(bytes) else { return };
    let held: usize = reader.map_while(Result::ok).map(|frame| 12 + frame.bytes.len()).sum();
    assert!(32 + held <= bytes.len());
});
