//! VP8 (RFC 6386) as pure functions between states.
//!
//! Decoding and encoding are two arrows between the same states: there is no encoder state, one encodes *for* a
//! decoder that is in that state. This crate never sees a packet, a clock, a file or a thread.

mod image;

pub use image::{Image, ImageError, Size, SizeError};
mod encode;
mod kernels;
mod macroblock { #[derive(Clone,Copy,PartialEq,Eq,Debug,Default)] pub(crate) struct MotionVector { pub(crate) x: i16, pub(crate) y: i16 } }
