//! VP8 (RFC 6386) as pure functions between states.
//!
//! Decoding and encoding are two arrows between the same states: there is no encoder state, one encodes *for* a
//! decoder that is in that state. This crate never sees a packet, a clock, a file or a thread.

#![expect(dead_code, reason = "decoder and encoder are being built on these foundations")]

mod bitstream;
pub mod container;
mod decode;
mod image;
mod kernels;
mod loop_filter;
mod macroblock;
mod picture;
mod predict;
pub mod quality;
mod quantizer;
mod report;
mod state;
mod store;
mod transition;

pub use bitstream::frame_header::HeaderError;
pub use bitstream::partitions::PartitionError;
pub use decode::{DecodeError, Decoded, decode};
pub use image::{Image, ImageError, Size, SizeError};
pub use macroblock::QuantizerIndex;
pub use picture::{Picture, PictureId, Plane};
pub use report::{StateReport, StateReportError};
pub use state::{State, StateError, StateId};
pub use store::StateStore;
pub use transition::{StateTag, Transition, TransitionError};
