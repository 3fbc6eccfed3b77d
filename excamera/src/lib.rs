//! ExCamera (NSDI 2017): a film is cut into chunks of a few frames, far shorter than the distance between key frames, which are
//! encoded side by side. The slow work is parallel, the fast work serial.
//!
//! In the paper every frame of a chunk is encoded from a key frame of the chunk's own, and then moved onto the state which it
//! does follow. What was decided for another state fits the true one less well: that cost 14 to 38 % of the bits here. So only
//! one frame of a chunk is moved: its last, the *anchor*, comes first and hidden, predicted from the anchor before. Anchors are decided side by
//! side, each from the one before as a key frame, and moved onto each other in series; then all chunks are encoded side by side, each
//! knowing the anchors that it lies between, and predicted from both.
//!
//! Nothing here opens a file or runs anything: [`open`], [`decide`], [`rebase`] and [`encode`] are pure functions of what they read, and
//! [`Batch`] says as a graph of thunks which of them is applied to what.

mod call;
mod functions;
mod graph;

pub use call::{Call, CallError, Fill};
pub use functions::{Error, Settings, decide, encode, frames, open, rebase};
pub use graph::{Batch, ChunkPictures, FUNCTION, Step, put_off};
