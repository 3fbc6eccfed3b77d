//! Carries frames over datagrams: fragments, acks, inter-arrival time, budget and pacing. Congestion control is one of three
//! named profiles; `classic` is the original's (Salsify, NSDI 2018), `oyster` ours.
//!
//! It never reads a payload, a clock or a socket: bytes and times are arguments. A time is a `Duration` since an epoch of
//! the caller's choosing; sender and receiver need not agree on it.
//!
//! ```
//! use std::time::Duration;
//! use oyster_transport::{FrameReceiver, FrameSender, ReceivedFrame, ReceiverConfig, SenderConfig};
//!
//! let mut sender = FrameSender::new(SenderConfig::default());
//! let mut receiver = FrameReceiver::new(ReceiverConfig::default());
//! let now = Duration::ZERO;
//! assert!(sender.budget(now).payload_bytes >= 5);
//! let number = sender.send(*b"frame", now).expect("the queue is empty");
//! while let Some(datagram) = sender.poll_transmit(now) {
//!     receiver.handle_fragment(&datagram, now).expect("we wrote it");
//! }
//! assert_eq!(receiver.poll_frame(now), Some(ReceivedFrame::Complete { number, payload: b"frame".to_vec() }));
//! while let Some(ack) = receiver.poll_ack(b"states held", now) {
//!     let acked = sender.handle_ack(&ack, now).expect("it is ours");
//!     assert_eq!((acked.report, acked.completed_frames), (b"states held".to_vec(), vec![number]));
//! }
//! ```

mod arrivals;
mod breaker;
mod config;
mod control;
mod exchange;
mod flight;
mod loss;
mod others;
mod pacer;
mod path;
mod reassembly;
mod receiver;
mod repair;
mod sender;
mod wire;

pub use config::{
    DEFAULT_OVERHEAD_BYTES, FrameNumber, Ingredient, MAX_FRAGMENTS_PER_FRAME, MAX_FRAME_BYTES, MAX_REPORT_BYTES,
    MAX_SLICE_BYTES, Profile, ReceiverConfig, SenderConfig,
};
pub use exchange::{Acked, Budget, PartialFrame, ReceivedFrame, SendError};
pub use receiver::FrameReceiver;
pub use sender::FrameSender;
pub use wire::{ACK_HEADER_BYTES, AckError, AckHeader, FRAGMENT_HEADER_BYTES, FragmentError, FragmentHeader};
