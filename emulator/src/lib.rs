//! Network links driven by mahimahi trace files: in virtual time, as a UDP relay, as a shell.

mod trace;

pub use trace::{MAX_BITS_PER_SECOND, MAX_OPPORTUNITIES, MAX_TIME_MS, OPPORTUNITY_BYTES, Trace, TraceError};
