//! The built program, used as a person would use it: what it prints, writes, refuses and says.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, and its helpers are part of it")]

#[path = "../../../thunks/tests/buildbox/mod.rs"]
mod buildbox;
mod shell;

mod bad_arguments;
mod bad_clips;
mod bad_streams;
mod bad_traces;
mod call;
mod call_refused;
mod codec;
mod demo;
mod devices;
#[cfg(target_os = "linux")]
mod emulate;
mod excamera;
mod excamera_killed;
mod experiment;
mod infer;
mod infer_killed;
mod jpeg;
mod memory;
mod outputs;
mod relay;
mod thunk;
mod words;
