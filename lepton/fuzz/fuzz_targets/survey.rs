//! Any bytes are a file that can be planned for chunks of any length, and what the plan would give to the model can be taken
//! out and put back. Without the model, which takes a thousand times as long. The first two bytes are the chunks' length.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oyster_lepton::{MAX_PIECE_BYTES, detach_and_attach, survey};

fuzz_target!(|bytes: &[u8]| {
    let Some((size, original)) = bytes.split_first_chunk::<2>() else { return };
    let chunk_bytes = u64::from(u16::from_le_bytes(*size)) + 1;
    let plan = survey(original, chunk_bytes).expect("memory");
    let mut reached = 0;
    for piece in plan.pieces() {
        let own = piece.bytes();
        assert!(own.start == reached && own.start < own.end && own.end - own.start <= MAX_PIECE_BYTES);
        assert_eq!(own.start / chunk_bytes, (own.end - 1) / chunk_bytes, "a piece lies in one chunk");
        reached = own.end;
        let original = &original[own.start as usize..own.end as usize];
        // It may come back with other bits: a table can have two codes for a symbol. Packing compares.
        for in_columns in [false, true] {
            let _ = detach_and_attach(&plan, piece, original, in_columns);
        }
    }
    assert_eq!(reached, original.len() as u64);
});
