//! How a file is to be coded: in pieces, each within one chunk, so that any chunk can be decoded without the others.

use std::collections::HashSet;
use std::ops::Range;

use crate::jpeg::bits::Position;
use crate::jpeg::header::Scan;
use crate::shared::Shared;
use crate::{Header, MAX_PIECE_BYTES, numbers};

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

    /// The pieces of one chunk as bytes: with the container's header and the chunk's own bytes all that coding it takes.
    pub fn chunk_to_bytes(&self, number: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        for piece in self.chunk(number) {
            piece.put(&mut bytes, &self.shared.scans);
        }
        bytes
    }

    /// Reads what [`Plan::chunk_to_bytes`] wrote: the plan of a file of which no more is known than that chunk. `None` if these
    /// are not its pieces.
    pub fn of_chunk(header: &Header, number: usize, mut bytes: &[u8]) -> Option<Self> {
        let shared = header.shared().clone();
        let chunk = header.chunk(number);
        let mut pieces = Vec::new();
        let mut at = chunk.start;
        while at < chunk.end {
            let piece = Piece::take(&mut bytes, &shared.scans, at).filter(|piece| piece.bytes.end <= chunk.end)?;
            at = piece.bytes.end;
            pieces.push(piece);
        }
        let (file_bytes, chunk_bytes) = (header.file_bytes(), header.chunk_bytes());
        let plan = Self { file_bytes, chunk_bytes, shared, pieces, candidates: Vec::new(), may_be_whole: false };
        bytes.is_empty().then_some(plan)
    }

    /// The pieces of one chunk.
    pub(crate) fn chunk(&self, number: usize) -> &[Piece] {
        let start = number as u64 * self.chunk_bytes;
        let first = self.pieces.partition_point(|piece| piece.bytes.start < start);
        let end = self.pieces.partition_point(|piece| piece.bytes.start < start + self.chunk_bytes);
        &self.pieces[first..end]
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

    fn put(&self, bytes: &mut Vec<u8>, scans: &[Scan]) {
        numbers::put(bytes, self.bytes.end - self.bytes.start);
        let before = self.stretch.as_ref().map(|stretch| stretch.from.at.byte - self.bytes.start);
        numbers::put(bytes, before.map_or(0, |before| before + 1));
        if let Some(stretch) = &self.stretch {
            stretch.put(bytes, scans[stretch.scan].components.len(), 0);
            numbers::put(bytes, stretch.to.at.byte - stretch.from.at.byte);
            bytes.push(stretch.to.partial);
        }
    }

    /// Takes a piece that begins at `start` off the front. How others could go on after it is not stated.
    fn take(bytes: &mut &[u8], scans: &[Scan], start: u64) -> Option<Self> {
        let count = numbers::take(bytes).filter(|count| (1..=MAX_PIECE_BYTES).contains(count))?;
        let end = start + count;
        let stretch = match numbers::take(bytes)? {
            0 => None,
            before => {
                let (mut stretch, _) = Stretch::take(bytes, scans)?;
                let covered = numbers::take(bytes)?;
                stretch.from.at.byte = (before - 1).checked_add(start)?;
                stretch.to.at = Position { byte: covered.checked_add(stretch.from.at.byte)?, bit: 0 };
                stretch.to.partial = *numbers::take_bytes(bytes, 1)?.first()?;
                Some(stretch).filter(|stretch| stretch.to.at.byte <= end)
            }
        };
        Some(Self { bytes: start..end, stretch })
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

impl Stretch {
    /// Appends what a decoder needs to know, with flags of its own at bits 4 to 7.
    pub(crate) fn put(&self, bytes: &mut Vec<u8>, components: usize, flags: u8) {
        let Self { scan, from, mcus, pad, .. } = self;
        numbers::put(bytes, *scan as u64);
        numbers::put(bytes, u64::from(from.mcu));
        numbers::put(bytes, u64::from(*mcus));
        bytes.push(from.at.bit | u8::from(*pad) << 3 | flags);
        bytes.push(from.partial);
        for dc in &from.dc[..components] {
            bytes.extend(dc.to_le_bytes());
        }
    }

    /// Takes it off the front, and the flags. Places are counted from the stretch's first byte; the end is not stated.
    pub(crate) fn take(bytes: &mut &[u8], scans: &[Scan]) -> Option<(Self, u8)> {
        let number = |bytes: &mut &[u8]| numbers::take(bytes).and_then(|number| u32::try_from(number).ok());
        let scan = number(bytes)? as usize;
        let components = scans.get(scan)?.components.len();
        let mcu = number(bytes)?;
        let mcus = number(bytes).filter(|mcus| (1..=MAX_BLOCKS).contains(mcus))?;
        let &[flags, partial] = numbers::take_bytes(bytes, 2)?.first_chunk()?;
        let mut dc = [0; 3];
        for dc in &mut dc[..components] {
            *dc = i16::from_le_bytes(*numbers::take_bytes(bytes, 2)?.first_chunk()?);
        }
        let at = Position { byte: 0, bit: flags & 7 };
        let from = Handover { at, partial, mcu, dc };
        Some((Self { scan, from, to: from, mcus, pad: flags & 8 != 0 }, flags))
    }
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
