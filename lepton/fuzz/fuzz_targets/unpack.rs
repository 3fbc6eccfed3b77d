//! Any bytes are a container or an error, and every piece of one decodes or is damaged. Checksums are not looked at when
//! built for fuzzing, so that what lies behind them is reached.

#![no_main]

use std::io::Cursor;
use std::sync::Once;

use libfuzzer_sys::fuzz_target;
use oyster_lepton::{Container, InTurn, decode_all};

static QUIET: Once = Once::new();

fuzz_target!(|bytes: &[u8]| {
    // The model's panics are caught; libFuzzer's hook would end the run before. One of ours still ends it: it meets C.
    QUIET.call_once(|| std::panic::set_hook(Box::new(|_| {})));
    let Ok(mut container) = Container::open(Cursor::new(bytes)) else { return };
    let end = container.header().file_bytes();
    decode_all(&mut container, 0..end, &InTurn, &mut |_| Ok(())).expect("memory can be read");
});
