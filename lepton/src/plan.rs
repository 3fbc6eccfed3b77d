//! How a file is to be coded: in pieces, each within one chunk, so that any chunk can be decoded without the others.

use std::ops::Range;

use crate::jpeg::bits::Position;
use crate::jpeg::header::Scan;

/// A file's pieces, in order and without gaps, and what their decoding needs to know of the file.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(crate) file_bytes: u64,
    pub(crate) chunk_bytes: u64,
    pub(crate) scans: Vec<Scan>,
    pub(crate) pieces: Vec<Piece>,
    /// The file may be given to the model as it is: one chunk, one image, not too large.
    pub(crate) may_be_whole: bool,
}

impl Plan {
    /// The file's length in bytes.
    pub fn file_bytes(&self) -> u64 {
        self.file_bytes
    }

    /// The pieces, in the order of their bytes in the file.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }
}

/// A range of the file's bytes that is coded at once, never across the end of a chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    pub(crate) bytes: Range<u64>,
    /// The part of it that the model codes.
    pub(crate) stretch: Option<Stretch>,
}

impl Piece {
    /// Its bytes in the file; at most [`crate::MAX_PIECE_BYTES`].
    pub fn bytes(&self) -> Range<u64> {
        self.bytes.clone()
    }
}

/// Consecutive MCUs of one scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    /// Which of the plan's scans.
    pub(crate) scan: usize,
    /// Where it begins.
    pub(crate) from: Handover,
    /// Where its last MCU ends.
    pub(crate) end: Position,
    pub(crate) mcus: u32,
    /// What fills bytes before restart markers.
    pub(crate) pad: bool,
}

/// The Huffman handover word: all that coding needs to know to go on with an MCU in the middle of a scan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Handover {
    /// Where the MCU's first bit lies in the file.
    pub(crate) at: Position,
    /// That byte, with only the bits before it.
    pub(crate) partial: u8,
    /// The MCU's number in the scan: it says how many restart markers came before and where the next is due.
    pub(crate) mcu: u32,
    /// By component, what its next DC value is predicted as.
    pub(crate) dc: [i16; 3],
}

/// Most coefficient blocks the model codes at once. It holds them all, in 128 bytes each: half the memory a thread may take.
pub(crate) const MAX_BLOCKS: u32 = 1 << 18;
/// Most scans of an image that the model codes at once: each goes over all blocks. Encoders make about ten.
pub(crate) const MAX_SCANS_AT_ONCE: usize = 64;
