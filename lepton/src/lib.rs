//! JPEG files made a fifth smaller, without loss of a bit, in chunks that decode alone.
//!
//! After Lepton (Horn, Elkabany, Lesniewski-Laas, Winstein: "The Design, Implementation, and Deployment of a System to
//! Transparently Compress Hundreds of Petabytes of Image Files for a File-Storage Service", NSDI 2017). A file system
//! that stores files in blocks wants any block back without the others; a JPEG's Huffman-coded data can be taken up in
//! the middle only by who knows the bit position, the predicted DC values and the restart count there: the *Huffman
//! handover word*.
//!
//! **Whose work is what.** How coefficients are predicted and coded, which is what makes files smaller, is the work of
//! the crate `lepton_jpeg` (Microsoft's Lepton in Rust, in production there), which takes whole JPEGs. Ours is what it
//! lacks: the survey that finds where a file can be cut, handover words, stretches of a scan laid out as JPEGs of their
//! own and put back to the bit, everything that is no JPEG, the container, and that nothing is kept unless it decoded to
//! what it was made of.
//!
//! [`survey`] plans a file, [`encode_piece`] codes each piece of the plan, a [`Header`] and a chunk's frames are all that
//! [`Header::decode_chunk`] takes. These are pure functions; [`pack`] and [`unpack`] run them over a file, on whatever
//! [`Executor`] they are given. Nothing here opens files or starts threads.
//!
//! ```
//! use oyster_lepton::{Container, InTurn, pack, unpack};
//! use std::io::Cursor;
//!
//! let original = b"any file at all, JPEG or not".repeat(100);
//! let mut packed = Cursor::new(Vec::new());
//! let savings = pack(&mut Cursor::new(&original), &mut packed, 1000, &InTurn, &mut |_| {})?;
//! assert!(savings.packed_bytes < savings.original_bytes);
//!
//! let mut container = Container::open(packed)?;
//! let mut middle = Vec::new();
//! unpack(&mut container, 900..1100, &mut middle, &InTurn)?; // decodes two chunks of three
//! assert_eq!(middle, original[900..1100]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod columns;
mod container;
mod flow;
mod frame;
mod jpeg;
mod model;
mod numbers;
mod plan;
mod shared;
mod standalone;
mod stretch;
mod survey;

/// Those of the tests that see the crate from outside.
#[cfg(test)]
#[path = "../tests/pictures/mod.rs"]
mod pictures;

pub use container::{Container, ContainerError, Damage, Frame, Frames, Header, NoDamage};
pub use flow::{Executor, InTurn, Savings, Task, UnpackError, decode_all, encode_chunk, pack, plan, unpack};
pub use frame::{encode_piece, encode_whole};
pub use plan::{Piece, Plan};
#[cfg(fuzzing)]
pub use stretch::detach_and_attach;
pub use survey::survey;

/// Chunks of the original file are this long unless something else is asked for, as in the original Lepton.
pub const DEFAULT_CHUNK_BYTES: u64 = 4 << 20;
/// The longest chunk. A longer file has several, whatever is asked for.
pub const MAX_CHUNK_BYTES: u64 = 1 << 30;
/// The longest range of a file that is coded at once, whatever the chunks: it bounds the memory.
pub const MAX_PIECE_BYTES: u64 = 4 << 20;
