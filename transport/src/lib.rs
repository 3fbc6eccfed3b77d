//! Carries frames over datagrams: fragments, acks, inter-arrival time, budget, pacing, repair. Sans-IO; payloads are opaque.
mod config;
mod exchange;
mod wire;

pub use config::{
    DEFAULT_OVERHEAD_BYTES, FrameNumber, MAX_FRAGMENTS_PER_FRAME, MAX_FRAME_BYTES, MAX_REPORT_BYTES, MAX_SLICE_BYTES,
    Profile, ReceiverConfig, SenderConfig,
};
pub use exchange::{Acked, Budget, ReceivedFrame, SendError};
pub use wire::{ACK_HEADER_BYTES, AckError, AckHeader, FRAGMENT_HEADER_BYTES, FragmentError, FragmentHeader};
