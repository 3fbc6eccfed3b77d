//! Any bytes are a file: packed at any chunk size, they come back. The first two bytes are the size.

#![no_main]

use std::io::Cursor;
use std::sync::Once;

use libfuzzer_sys::fuzz_target;
use oyster_lepton::{Container, InTurn, pack, unpack};

static QUIET: Once = Once::new();

fuzz_target!(|bytes: &[u8]| {
    // The model's panics are caught; libFuzzer's hook would end the run before. One of ours still ends it: it meets C.
    QUIET.call_once(|| std::panic::set_hook(Box::new(|_| {})));
    let Some((size, original)) = bytes.split_first_chunk::<2>() else { return };
    let chunk_bytes = u64::from(u16::from_le_bytes(*size)) + 1;
    let mut packed = Cursor::new(Vec::new());
    pack(&mut Cursor::new(original), &mut packed, chunk_bytes, &InTurn, &mut |_| {}).expect("memory");
    let mut container = Container::open(packed).expect("what was packed");
    let mut back = Vec::new();
    unpack(&mut container, 0..original.len() as u64, &mut back, &InTurn).expect("whole");
    assert_eq!(back, original);
});
