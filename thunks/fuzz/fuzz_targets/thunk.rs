//! Any bytes are a thunk or an error; what is a thunk means the same after it is written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oyster_thunks::Thunk;

fuzz_target!(|bytes: &[u8]| {
    // Most bytes do not begin as a thunk does; all that begin so matter.
    for bytes in [bytes.to_vec(), [b"oyster thunk 1\n", bytes].concat()] {
        let Ok(thunk) = Thunk::from_bytes(&bytes) else { continue };
        assert_eq!(Thunk::from_bytes(&thunk.to_bytes()).as_ref(), Ok(&thunk));
    }
});
