//! VP8 (RFC 6386) as pure functions between states.
//!
//! Decoding and encoding are two arrows between the same states: there is no encoder state, one encodes *for* a
//! decoder that is in that state. This crate never sees a packet, a clock, a file or a thread.
//!
//! A grey key frame of 16x16, decoded from nothing:
//!
//! ```
//! use oyster_codec::{State, decode};
//!
//! let frame = [0x50, 0x01, 0x00, 0x9d, 0x01, 0x2a, 16, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
//! let decoded = decode(&State::blank(), &frame)?;
//! let picture = decoded.shown.expect("the frame is not hidden");
//! assert_eq!(picture.size().to_string(), "16x16");
//! assert_eq!(decoded.target.references().expect("a key frame sets them")[0], picture);
//! # Ok::<(), oyster_codec::DecodeError>(())
//! ```

#![cfg_attr(not(test), expect(dead_code, reason = "some definitions, and a plain writer of tokens, serve tests alone"))]

mod bitstream;
pub mod container;
mod decode;
mod encode;
pub mod executor;
mod image;
mod kernels;
mod loop_filter;
mod macroblock;
mod picture;
mod predict;
pub mod quality;
mod quantizer;
mod report;
mod samples;
mod scale;
mod state;
mod store;
#[cfg(test)]
mod stress;
mod transition;

#[cfg(feature = "bench-kernels")]
#[doc(hidden)]
pub use kernels::cases as kernel_cases;

pub use bitstream::frame_header::{HeaderError, is_key_frame, is_shown_frame};
pub use bitstream::partitions::PartitionError;
pub use decode::{DecodeError, Decoded, DecodedPrefix, decode, decode_prefix};
pub use encode::{
    Analysis, DecisionReader, Decisions, Effort, EncodeError, Encoded, Fineness, FrameKind, Hints, Plan, RebaseError,
    Sizes, altref_shown, analyse, analyse_on, show_altref,
};
pub use image::{Image, ImageError, Size, SizeError};
pub use macroblock::QuantizerIndex;
pub use picture::{Picture, PictureId, Plane, Raster};
pub use report::{PrefixState, StateReport, StateReportError};
pub use scale::scale_plane;
pub use state::{State, StateError, StateId};
pub use store::StateStore;
pub use transition::{StateTag, Transition, TransitionError};
