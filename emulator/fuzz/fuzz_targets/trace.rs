//! Any bytes are a trace or an error; a trace means the same after it is written and read again, and its looped
//! schedule counts as it walks.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oyster_emulator::Trace;

fuzz_target!(|bytes: &[u8]| {
    let Ok(trace) = Trace::parse(bytes) else { return };
    assert_eq!(Trace::parse(trace.to_text().as_bytes()).as_ref(), Ok(&trace));
    for start_ms in [0, trace.period_ms() / 2, trace.period_ms() - 1] {
        let mut last_ms = 0;
        for (walked, at_ms) in trace.opportunities(start_ms).take(64).enumerate() {
            assert!(at_ms >= last_ms, "time never goes back");
            last_ms = at_ms;
            assert!(trace.opportunities_in(start_ms..start_ms + at_ms) <= walked as u64);
        }
    }
});
