//! Any bytes are the pieces of a file's first chunk or are not: what they say is taken out for the model as far as it can be,
//! and put back. Without the model. The first two bytes are the length of the pieces, after which comes the file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oyster_lepton::{Header, Plan, detach_and_attach, survey};

fuzz_target!(|bytes: &[u8]| {
    let Some((count, bytes)) = bytes.split_first_chunk::<2>() else { return };
    let Some((pieces, original)) = bytes.split_at_checked(u16::from_le_bytes(*count).into()) else { return };
    let header = Header::new(&survey(original, CHUNK_BYTES).expect("memory"));
    let Some(plan) = Plan::of_chunk(&header, 0, pieces) else { return };
    let mut reached = 0;
    for piece in plan.pieces() {
        let own = piece.bytes();
        assert_eq!(own.start, reached);
        reached = own.end;
        let original = &original[own.start as usize..own.end as usize];
        for in_columns in [false, true] {
            let _ = detach_and_attach(&plan, piece, original, in_columns);
        }
    }
    assert_eq!(reached, header.chunk(0).end);
});

const CHUNK_BYTES: u64 = 1 << 14;
