//! VP8 (RFC 6386) as pure functions between states.
//!
//! Decoding and encoding are two arrows between the same states: there is no encoder state, one encodes *for* a
//! decoder that is in that state. This crate never sees a packet, a clock, a file or a thread.

#![expect(dead_code, reason = "decoder and encoder are being built on these foundations")]

mod bitstream;
mod decode;
mod encode;
mod image;
mod kernels;
mod loop_filter;
mod macroblock;
mod picture;
mod predict;
mod quantizer;
mod state;
mod store;

pub use bitstream::frame_header::HeaderError;
pub use bitstream::partitions::PartitionError;
pub use decode::{DecodeError, Decoded, decode};
pub use encode::{
    Analysis, Effort, EncodeError, Encoded, FrameKind, Hints, Plan, Transition, TransitionError, analyse,
};
pub use image::{Image, ImageError, Size, SizeError};
pub use macroblock::QuantizerIndex;
pub use picture::{Picture, PictureId, Plane};
pub use state::{State, StateError, StateId};
pub use store::StateStore;
