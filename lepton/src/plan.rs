//! How a file is to be coded: in pieces, each within one chunk, so that any chunk can be decoded without the others.

use std::collections::HashSet;
use std::ops::Range;

use crate::jpeg::bits::Position;
use crate::shared::Shared;

/// A file's pieces, in order and without gaps, and what their decoding needs to know of the file.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(crate) file_bytes: u64,
    pub(crate) chunk_bytes: u64,
    pub(crate) shared: Shared,
    pub(crate) pieces: Vec<Piece>,
    /// Which of the pieces may become the primer: each the beginning of a chunk, which the next piece goes on with.
    pub(crate) candidates: Vec<usize>,
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

    /// Joins every candidate for the primer with the piece that goes on with it, except one.
    pub(crate) fn join_candidates(&mut self, except: Option<usize>) {
        let candidates: HashSet<usize> = self.candidates.drain(..).filter(|&number| Some(number) != except).collect();
        let mut joined: Vec<Piece> = Vec::with_capacity(self.pieces.len());
        let mut goes_on = false;
        for (number, piece) in self.pieces.drain(..).enumerate() {
            match joined.last_mut().filter(|_| goes_on).and_then(|last| last.joined_with(&piece)) {
                Some(both) => *joined.last_mut().expect("there is one that was joined") = both,
                None => joined.push(piece),
            }
            goes_on = candidates.contains(&number);
        }
        self.pieces = joined;
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

    /// As one, if the next piece's stretch goes on where this one's ends.
    fn joined_with(&self, next: &Self) -> Option<Self> {
        let (own, other) = (self.stretch.as_ref()?, next.stretch.as_ref()?);
        let go_on = (other.scan, other.from.at, other.pad) == (own.scan, own.to.at, own.pad);
        let stretch = Stretch { to: other.to, mcus: own.mcus + other.mcus, ..own.clone() };
        go_on.then_some(Self { bytes: self.bytes.start..next.bytes.end, stretch: Some(stretch) })
    }
}

/// Consecutive MCUs of one scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    /// Which of the plan's scans.
    pub(crate) scan: usize,
    /// Where it begins.
    pub(crate) from: Handover,
    /// Where its last MCU ends: how another could go on, but for a restart marker.
    pub(crate) to: Handover,
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

/// Whether the model may be given a whole image.
pub(crate) fn may_be_at_once(blocks: u64, scans: usize, file_bytes: u64) -> bool {
    // It holds all blocks, twice when it decodes more than one scan; their codes are about in several forms.
    let copies = if scans > 1 { 2 } else { 1 };
    (1..=u64::from(MAX_BLOCKS)).contains(&blocks)
        && scans <= MAX_SCANS_AT_ONCE
        && blocks * BLOCK_BYTES * copies + CODES_COPIES * file_bytes <= MAX_MODEL_BYTES
}

/// What a thread may take is 64 MiB; so much is left of it for the model.
const MAX_MODEL_BYTES: u64 = 56 << 20;
/// What the model holds of a block.
const BLOCK_BYTES: u64 = 128;
/// A file as it is, as it decodes, as it is packed, in a frame and in blocks.
const CODES_COPIES: u64 = 5;
/// Most coefficient blocks the model codes at once: with the codes of [`crate::MAX_PIECE_BYTES`], what a thread may take.
pub(crate) const MAX_BLOCKS: u32 = 23 << 13;
/// Most scans of an image that the model codes at once: each goes over all blocks. Encoders make about ten.
pub(crate) const MAX_SCANS_AT_ONCE: usize = 64;

const _: () = assert!(MAX_BLOCKS as u64 * BLOCK_BYTES + CODES_COPIES * crate::MAX_PIECE_BYTES <= MAX_MODEL_BYTES);
