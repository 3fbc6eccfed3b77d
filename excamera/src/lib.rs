//! ExCamera (NSDI 2017): a film is cut into chunks of a few frames, far shorter than the distance between key frames. All chunks
//! are encoded side by side, each from a key frame of its own; then each but the first of a batch has its key frame encoded
//! again as an inter frame from where the chunk before it ends, and its other frames moved onto what that leads to. The
//! slow work is parallel, the fast work serial.
//!
//! Nothing here opens a file or runs anything: [`encode`], [`reencode`] and [`rebase`] are pure functions of bytes, and
//! [`Batch`] says as a graph of thunks which of them is applied to what.

mod call;
mod functions;
mod graph;

pub use call::{Call, CallError};
pub use functions::{Error, JoinedChunk, Settings, encode, frames, rebase, reencode};
pub use graph::{Batch, FUNCTION, Step};
