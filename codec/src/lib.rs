//! VP8 (RFC 6386) as pure functions between states.
//!
//! Decoding and encoding are two arrows between the same states: there is no encoder state, one encodes *for* a
//! decoder that is in that state. This crate never sees a packet, a clock, a file or a thread.

pub mod container;
mod image;
pub mod quality;

pub use image::{Image, ImageError, Size, SizeError};
