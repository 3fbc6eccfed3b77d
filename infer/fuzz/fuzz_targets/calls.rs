//! Any bytes are a placeholder, a description of programs, a linker's script, an archive, a rule for make, a response file, words for a
//! compiler, or an error; what is a placeholder means the same after it is written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oyster_infer::models::{Model, archiver, described, linker};
use oyster_infer::{Placeholder, prerequisites, split};

fuzz_target!(|bytes: &[u8]| {
    for bytes in [bytes.to_vec(), [b"#!/usr/bin/env -S oyster thunk exec\n", bytes].concat()] {
        let Ok(Some(placeholder)) = Placeholder::parse(&bytes) else { continue };
        assert_eq!(Placeholder::parse(placeholder.to_text().as_bytes()), Ok(Some(placeholder)));
    }
    let _ = archiver::members(&[b"!<arch>\n", bytes].concat());
    let Ok(text) = str::from_utf8(bytes) else { return };
    let words = split(text);
    if let Ok(programs) = described::read(text) {
        programs.values().for_each(|program| drop(program.parse(&words)));
    }
    for model in [Model::Compiler, Model::Archiver, Model::Indexer, Model::Linker, Model::Stripper, Model::Assembler] {
        let Ok(calls) = model.parse(&words) else { continue };
        assert!(calls.iter().all(|call| !call.makes.is_empty()), "{model:?} {words:?}");
    }
    let _ = (prerequisites(text), linker::script_inputs(text), linker::called(text), linker::wanted(&words));
});
