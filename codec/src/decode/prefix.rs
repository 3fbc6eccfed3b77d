//! Decoding the first bytes of a frame: also a pure function, so that the state it leads to has a name at both ends.
//!
//! A frame says the modes of all its macroblocks first and then their residues, both in raster order. So a prefix gives the
//! motion of the whole picture soon, and then its details from the top down.

use std::sync::Arc;

use super::{Basis, DecodeError, FrameDecoder, Residue};
use crate::bitstream::bool_coder::BoolDecoder;
use crate::bitstream::frame_header::FrameHeader;
use crate::bitstream::partitions::TokenPartitions;
use crate::macroblock::{LumaMode, Macroblock, Reference};
use crate::picture::Picture;
use crate::state::State;

/// What the first bytes of a frame make of a state.
#[derive(Clone, Debug)]
pub struct DecodedPrefix {
    /// The state after them.
    pub target: State,
    /// The picture to show; none if the frame is hidden.
    pub shown: Option<Arc<Picture>>,
    /// How many macroblocks came with their modes.
    pub predicted: usize,
    /// How many came with their residue too.
    pub whole: usize,
    /// How many there are.
    pub macroblocks: usize,
}

/// Decodes the first bytes of a VP8 frame for a decoder in the state `source`.
///
/// Something has come whole when all bools of it are within these bytes, and eight bits more: what a reader looks at to read
/// on. The frame's header has to. In raster order, up to the first macroblock whose modes have not, each is predicted by them;
/// up to the first whose residue has not, each gets that. What a later macroblock lacks is taken to be nothing: without modes
/// it is as the last frame has it (of a key frame, grey from its neighbours), and so is an intra macroblock of an inter frame
/// without its residue, as its neighbours' colours alone would be worse. What the header says of filtering, references and
/// probabilities applies as in the whole frame.
///
/// All bytes of a frame that [`crate::Analysis::finish`] made give what [`super::decode`] gives.
///
/// # Errors
/// As those of [`super::decode`]; prefixes that end within the header are [`DecodeError::Header`].
pub fn decode_prefix(source: &State, prefix: &[u8]) -> Result<DecodedPrefix, DecodeError> {
    let parsed = FrameHeader::parse_prefix(prefix).map_err(DecodeError::Header)?;
    let header = &parsed.header;
    let partitions = TokenPartitions::split_prefix(parsed.tokens, header.token_partitions_log2);
    let basis = Basis::new(source, header)?;
    let mut decoder = FrameDecoder::new(header, &basis, parsed.modes, &partitions);
    decoder.prefix = Some(Progress::default());
    decoder.decode_rows();
    let Progress { predicted, whole, .. } = decoder.prefix.unwrap_or_default();
    let macroblocks = decoder.grid.rows() * decoder.grid.columns();
    let (picture, segment_map) = decoder.finish();
    let target = State::new(basis.target(header, &picture, segment_map));
    Ok(DecodedPrefix { target, shown: header.shown.then_some(picture), predicted, whole, macroblocks })
}

/// How far the bytes of a prefix have reached.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    predicted: usize,
    whole: usize,
    /// How many macroblocks were settled.
    settled: usize,
    /// Residues have ended before this macroblock.
    pub(super) residues_end: bool,
}

impl Progress {
    /// Tells whether the residue that was just read for `macroblock` came whole, and takes it away if not.
    pub(super) fn settle(
        &mut self,
        macroblock: &mut Macroblock,
        residue: &mut Residue,
        partition: &BoolDecoder<'_>,
        has_references: bool,
    ) {
        let lacks_residue = !macroblock.skip && (self.residues_end || !partition.is_within());
        if lacks_residue {
            self.residues_end = true;
            macroblock.has_coefficients = false;
            *residue = Residue::default();
            if has_references && macroblock.reference == Reference::Intra {
                *macroblock = as_last(macroblock.segment);
            }
        }
        let has_modes = self.settled < self.predicted;
        self.whole += usize::from(!self.residues_end && has_modes);
        self.settled += 1;
    }
}

/// A macroblock that is as the last frame has it.
fn as_last(segment: u8) -> Macroblock {
    Macroblock { luma_mode: LumaMode::Zero, reference: Reference::Last, segment, skip: true, ..Macroblock::OUTSIDE }
}

impl FrameDecoder<'_> {
    /// Reads the headers of all macroblocks as far as they came whole.
    pub(super) fn read_modes_while_whole(&mut self) {
        let (rows, columns) = (self.grid.rows(), self.grid.columns());
        let (mut predicted, mut is_whole) = (0, true);
        for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
            let kept = self.kept_segment(row, column);
            if is_whole {
                self.coding.read(&mut self.modes, &mut self.grid, row, column, kept);
                is_whole = self.modes.is_within();
            }
            if is_whole {
                predicted += 1;
            } else {
                let absent = match self.references {
                    Some(_) => as_last(kept),
                    None => Macroblock { segment: kept, skip: true, ..Macroblock::OUTSIDE },
                };
                let cell = self.grid.cell(row, column);
                *self.grid.macroblock_mut(cell) = absent;
            }
        }
        self.prefix = Some(Progress { predicted, ..Progress::default() });
    }
}
