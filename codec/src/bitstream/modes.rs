//! The header of each macroblock: segment, skip flag, reference, modes and vectors (RFC 6386 §10, §11, §16, §19.3).

use super::bool_coder::{BoolDecoder, BoolSink};
use super::frame_header::{FrameHeader, FrameKind};
use super::probabilities::Probabilities;
use super::tables::{
    CHROMA_MODE_TREE, KEY_CHROMA_MODE_PROBABILITIES, KEY_LUMA_MODE_PROBABILITIES, KEY_LUMA_MODE_TREE,
    KEY_SUBBLOCK_MODE_PROBABILITIES, LUMA_MODE_TREE, Probability, SEGMENT_TREE, SPLIT_FIRST_SUBBLOCK, SPLIT_PARTS,
    SPLIT_PROBABILITIES, SPLIT_TREE, SUBBLOCK_MODE_PROBABILITIES, SUBBLOCK_MODE_TREE, SUBBLOCK_VECTOR_CONTEXTS,
    SUBBLOCK_VECTOR_TREE, VectorProbabilities,
};
use super::vectors::{Suggestions, VectorBounds, read_vector, write_vector};
use crate::macroblock::{ChromaMode, LumaMode, Macroblock, MacroblockGrid, MotionVector, Reference, SubblockMode};

/// What the macroblock headers of one frame are coded with.
#[derive(Clone, Debug)]
pub(crate) struct ModeCoding {
    /// Probabilities of the segment tree, where the map is being updated.
    segment_probabilities: Option<[Probability; 3]>,
    /// The probability that a macroblock has coefficients, where they say.
    skip_probability: Option<Probability>,
    /// On inter frames, what these need besides.
    inter: Option<InterModeCoding>,
}

/// What the macroblock headers of an inter frame are coded with besides.
#[derive(Clone, Debug)]
struct InterModeCoding {
    intra_probability: Probability,
    last_probability: Probability,
    golden_probability: Probability,
    luma_modes: [Probability; 4],
    chroma_modes: [Probability; 3],
    vectors: [VectorProbabilities; 2],
    sign_biases: [bool; 4],
}

impl ModeCoding {
    /// The coding of a frame with `header`, whose updates `probabilities` already contain.
    pub(crate) fn new(header: &FrameHeader, probabilities: &Probabilities) -> Self {
        let inter = match &header.kind {
            FrameKind::Key(_) => None,
            FrameKind::Inter(inter) => Some(InterModeCoding {
                intra_probability: inter.intra_probability,
                last_probability: inter.last_probability,
                golden_probability: inter.golden_probability,
                luma_modes: probabilities.luma_modes,
                chroma_modes: probabilities.chroma_modes,
                vectors: probabilities.vectors,
                sign_biases: [false, false, inter.golden_sign_bias, inter.alt_ref_sign_bias],
            }),
        };
        Self {
            segment_probabilities: header.segmentation.as_ref().and_then(|segmentation| segmentation.map_update),
            skip_probability: header.skip_probability,
            inter,
        }
    }

    /// Reads the header of the macroblock at (`row`, `column`) into `grid`, where those above and to the left are.
    ///
    /// `segment` is the one it keeps if the frame doesn't say.
    #[inline(always)]
    pub(crate) fn read(
        &self,
        decoder: &mut BoolDecoder<'_>,
        grid: &mut MacroblockGrid,
        row: usize,
        column: usize,
        segment: u8,
    ) {
        let cell = grid.cell(row, column);
        let segment = match &self.segment_probabilities {
            Some(probabilities) => decoder.read_tree(&SEGMENT_TREE, probabilities),
            None => segment,
        };
        let skip = self.skip_probability.is_some_and(|probability| decoder.read(probability));
        let common = Macroblock { segment, skip, ..Macroblock::OUTSIDE };
        *grid.macroblock_mut(cell) = match &self.inter {
            None => apart(decoder, |decoder| read_key_macroblock(decoder, grid, cell, common)),
            Some(inter) if decoder.read(inter.intra_probability) => {
                let bounds = VectorBounds::new(row, column, grid.rows(), grid.columns());
                inter.read_inter_macroblock(decoder, grid, cell, &bounds, common)
            }
            Some(inter) => apart(decoder, |decoder| inter.read_intra_macroblock(decoder, grid, cell, common)),
        };
    }

    /// Writes the segment of `macroblock` and whether it is skipped: what its header begins with.
    #[inline(always)]
    pub(crate) fn write_segment_and_skip(&self, sink: &mut impl BoolSink, macroblock: &Macroblock) {
        if let Some(probabilities) = &self.segment_probabilities {
            sink.put_tree(&SEGMENT_TREE, probabilities, macroblock.segment);
        }
        if let Some(probability) = self.skip_probability {
            sink.put(macroblock.skip, probability);
        }
    }

    /// Writes how the macroblock at (`row`, `column`) of `grid` is predicted: the rest of its header.
    pub(crate) fn write_modes(&self, sink: &mut impl BoolSink, grid: &MacroblockGrid, row: usize, column: usize) {
        let cell = grid.cell(row, column);
        let macroblock = grid.macroblock(cell);
        match &self.inter {
            None => write_key_macroblock(sink, grid, cell),
            Some(inter) => {
                let is_inter = macroblock.reference != Reference::Intra;
                sink.put(is_inter, inter.intra_probability);
                if is_inter {
                    let bounds = VectorBounds::new(row, column, grid.rows(), grid.columns());
                    inter.write_inter_macroblock(sink, grid, cell, &bounds);
                } else {
                    inter.write_intra_macroblock(sink, grid, cell);
                }
            }
        }
    }
}

/// Lets `read` work on a copy of the decoder. Where `read` is a call, the decoder itself can then stay in registers.
#[inline(always)]
fn apart<'a, T>(decoder: &mut BoolDecoder<'a>, read: impl FnOnce(&mut BoolDecoder<'a>) -> T) -> T {
    let mut own = decoder.clone();
    let value = read(&mut own);
    *decoder = own;
    value
}

/// Reads the modes of a macroblock on a key frame, where subblock modes have contexts (RFC 6386 §11).
fn read_key_macroblock(
    decoder: &mut BoolDecoder<'_>,
    grid: &mut MacroblockGrid,
    cell: usize,
    common: Macroblock,
) -> Macroblock {
    let leaf = decoder.read_tree(&KEY_LUMA_MODE_TREE, &KEY_LUMA_MODE_PROBABILITIES);
    let luma_mode = LumaMode::from_intra_leaf(leaf);
    if luma_mode == LumaMode::Subblocks {
        let mut modes = [SubblockMode::Dc; 16];
        for index in 0..16 {
            let (above, left) = neighbouring_modes(grid, cell, &modes, index);
            let probabilities = &KEY_SUBBLOCK_MODE_PROBABILITIES[above as usize][left as usize];
            modes[index] = SubblockMode::ALL[usize::from(decoder.read_tree(&SUBBLOCK_MODE_TREE, probabilities))];
        }
        grid.subblocks_mut(cell).modes = modes;
    }
    let leaf = decoder.read_tree(&CHROMA_MODE_TREE, &KEY_CHROMA_MODE_PROBABILITIES);
    Macroblock { luma_mode, chroma_mode: ChromaMode::from_leaf(leaf), ..common }
}

fn write_key_macroblock(sink: &mut impl BoolSink, grid: &MacroblockGrid, cell: usize) {
    let macroblock = grid.macroblock(cell);
    sink.put_tree(&KEY_LUMA_MODE_TREE, &KEY_LUMA_MODE_PROBABILITIES, macroblock.luma_mode as u8);
    if macroblock.luma_mode == LumaMode::Subblocks {
        let modes = &grid.subblocks(cell).modes;
        for index in 0..16 {
            let (above, left) = neighbouring_modes(grid, cell, modes, index);
            let probabilities = &KEY_SUBBLOCK_MODE_PROBABILITIES[above as usize][left as usize];
            sink.put_tree(&SUBBLOCK_MODE_TREE, probabilities, modes[index] as u8);
        }
    }
    sink.put_tree(&CHROMA_MODE_TREE, &KEY_CHROMA_MODE_PROBABILITIES, macroblock.chroma_mode as u8);
}

/// The modes above and to the left of subblock `index`; `modes` are those of `cell` so far.
fn neighbouring_modes(
    grid: &MacroblockGrid,
    cell: usize,
    modes: &[SubblockMode; 16],
    index: usize,
) -> (SubblockMode, SubblockMode) {
    let above = if index < 4 { grid.subblock_mode(cell - grid.stride(), index + 12) } else { modes[index - 4] };
    let left = if index.is_multiple_of(4) { grid.subblock_mode(cell - 1, index + 3) } else { modes[index - 1] };
    (above, left)
}

impl InterModeCoding {
    /// Reads the modes of an intra macroblock on an inter frame (RFC 6386 §16.1).
    fn read_intra_macroblock(
        &self,
        decoder: &mut BoolDecoder<'_>,
        grid: &mut MacroblockGrid,
        cell: usize,
        common: Macroblock,
    ) -> Macroblock {
        let luma_mode = LumaMode::from_intra_leaf(decoder.read_tree(&LUMA_MODE_TREE, &self.luma_modes));
        if luma_mode == LumaMode::Subblocks {
            for mode in &mut grid.subblocks_mut(cell).modes {
                let leaf = decoder.read_tree(&SUBBLOCK_MODE_TREE, &SUBBLOCK_MODE_PROBABILITIES);
                *mode = SubblockMode::ALL[usize::from(leaf)];
            }
        }
        let chroma_mode = ChromaMode::from_leaf(decoder.read_tree(&CHROMA_MODE_TREE, &self.chroma_modes));
        Macroblock { luma_mode, chroma_mode, ..common }
    }

    fn write_intra_macroblock(&self, sink: &mut impl BoolSink, grid: &MacroblockGrid, cell: usize) {
        let macroblock = grid.macroblock(cell);
        sink.put_tree(&LUMA_MODE_TREE, &self.luma_modes, macroblock.luma_mode as u8);
        if macroblock.luma_mode == LumaMode::Subblocks {
            for &mode in &grid.subblocks(cell).modes {
                sink.put_tree(&SUBBLOCK_MODE_TREE, &SUBBLOCK_MODE_PROBABILITIES, mode as u8);
            }
        }
        sink.put_tree(&CHROMA_MODE_TREE, &self.chroma_modes, macroblock.chroma_mode as u8);
    }

    /// Reads reference, mode and vectors of an inter macroblock (RFC 6386 §16.2, §16.3).
    #[inline(always)]
    fn read_inter_macroblock(
        &self,
        decoder: &mut BoolDecoder<'_>,
        grid: &mut MacroblockGrid,
        cell: usize,
        bounds: &VectorBounds,
        common: Macroblock,
    ) -> Macroblock {
        let reference = if !decoder.read(self.last_probability) {
            Reference::Last
        } else if !decoder.read(self.golden_probability) {
            Reference::Golden
        } else {
            Reference::AltRef
        };
        let suggestions = Suggestions::find(grid, cell, reference, self.sign_biases, bounds);
        // The inter mode tree, branch by branch.
        let probabilities = &suggestions.mode_probabilities;
        let (luma_mode, vector) = if !decoder.read(probabilities[0]) {
            (LumaMode::Zero, MotionVector::ZERO)
        } else if !decoder.read(probabilities[1]) {
            (LumaMode::Nearest, suggestions.nearest)
        } else if !decoder.read(probabilities[2]) {
            (LumaMode::Near, suggestions.near)
        } else if !decoder.read(probabilities[3]) {
            (LumaMode::New, suggestions.best.plus(read_vector(decoder, &self.vectors)))
        } else {
            let last = apart(decoder, |decoder| self.read_split(decoder, grid, cell, suggestions.best));
            (LumaMode::Split, last)
        };
        Macroblock { luma_mode, reference, vector, ..common }
    }

    fn write_inter_macroblock(
        &self,
        sink: &mut impl BoolSink,
        grid: &MacroblockGrid,
        cell: usize,
        bounds: &VectorBounds,
    ) {
        let macroblock = grid.macroblock(cell);
        sink.put(macroblock.reference != Reference::Last, self.last_probability);
        if macroblock.reference != Reference::Last {
            sink.put(macroblock.reference == Reference::AltRef, self.golden_probability);
        }
        let suggestions = Suggestions::find(grid, cell, macroblock.reference, self.sign_biases, bounds);
        write_inter_mode(sink, macroblock.luma_mode, &suggestions.mode_probabilities);
        match macroblock.luma_mode {
            LumaMode::New => write_vector(sink, &self.vectors, macroblock.vector.minus(suggestions.best)),
            LumaMode::Split => self.write_split(sink, grid, cell, suggestions.best),
            mode => debug_assert_eq!(
                macroblock.vector,
                match mode {
                    LumaMode::Nearest => suggestions.nearest,
                    LumaMode::Near => suggestions.near,
                    _ => MotionVector::ZERO,
                },
                "the vector of {mode:?} follows from the neighbours"
            ),
        }
    }

    /// Reads the parts of a split macroblock and their vectors, and answers the last subblock's.
    #[inline(never)]
    fn read_split(
        &self,
        decoder: &mut BoolDecoder<'_>,
        grid: &mut MacroblockGrid,
        cell: usize,
        best: MotionVector,
    ) -> MotionVector {
        let split = decoder.read_tree(&SPLIT_TREE, &SPLIT_PROBABILITIES);
        let mut vectors = [MotionVector::ZERO; 16];
        for (part, &first) in SPLIT_FIRST_SUBBLOCK[usize::from(split)].iter().enumerate() {
            let (left, above) = neighbouring_vectors(grid, cell, &vectors, first.into());
            let source =
                decoder.read_tree(&SUBBLOCK_VECTOR_TREE, &SUBBLOCK_VECTOR_CONTEXTS[vector_context(left, above)]);
            let vector = match source {
                LEFT => left,
                ABOVE => above,
                ZERO => MotionVector::ZERO,
                _ => best.plus(read_vector(decoder, &self.vectors)),
            };
            for (target, &belongs_to) in vectors.iter_mut().zip(&SPLIT_PARTS[usize::from(split)]) {
                if usize::from(belongs_to) == part {
                    *target = vector;
                }
            }
        }
        let subblocks = grid.subblocks_mut(cell);
        subblocks.split = split;
        subblocks.vectors = vectors;
        vectors[15]
    }

    fn write_split(&self, sink: &mut impl BoolSink, grid: &MacroblockGrid, cell: usize, best: MotionVector) {
        let subblocks = grid.subblocks(cell);
        sink.put_tree(&SPLIT_TREE, &SPLIT_PROBABILITIES, subblocks.split);
        for &first in SPLIT_FIRST_SUBBLOCK[usize::from(subblocks.split)] {
            let vector = subblocks.vectors[usize::from(first)];
            let (left, above) = neighbouring_vectors(grid, cell, &subblocks.vectors, first.into());
            let source = if vector == left {
                LEFT
            } else if vector == above {
                ABOVE
            } else if vector == MotionVector::ZERO {
                ZERO
            } else {
                NEW
            };
            sink.put_tree(&SUBBLOCK_VECTOR_TREE, &SUBBLOCK_VECTOR_CONTEXTS[vector_context(left, above)], source);
            if source == NEW {
                write_vector(sink, &self.vectors, vector.minus(best));
            }
        }
    }
}

// Leaves of the subblock vector tree.
const LEFT: u8 = 0;
const ABOVE: u8 = 1;
const ZERO: u8 = 2;
const NEW: u8 = 3;

/// The vectors to the left of and above subblock `index`; `vectors` are those of `cell` so far.
fn neighbouring_vectors(
    grid: &MacroblockGrid,
    cell: usize,
    vectors: &[MotionVector; 16],
    index: usize,
) -> (MotionVector, MotionVector) {
    let left = if index.is_multiple_of(4) { grid.subblock_vector(cell - 1, index + 3) } else { vectors[index - 1] };
    let above = if index < 4 { grid.subblock_vector(cell - grid.stride(), index + 12) } else { vectors[index - 4] };
    (left, above)
}

/// Writes the mode of an inter macroblock. The tree is a list: each node but the mode's own says "not yet".
#[inline]
fn write_inter_mode(sink: &mut impl BoolSink, mode: LumaMode, probabilities: &[Probability; 4]) {
    let leaf = usize::from(mode.inter_leaf());
    for (node, probability) in probabilities.iter().enumerate().take(leaf + 1) {
        sink.put(node < leaf, *probability);
    }
}

/// Which of [`SUBBLOCK_VECTOR_CONTEXTS`] tells where a part's vector comes from, given the vectors to its left and above
/// (RFC 6386 §16.3).
pub(crate) fn vector_context(left: MotionVector, above: MotionVector) -> usize {
    match (left == above, above == MotionVector::ZERO, left == MotionVector::ZERO) {
        (true, true, _) => 4,
        (true, false, _) => 3,
        (false, true, _) => 2,
        (false, false, true) => 1,
        (false, false, false) => 0,
    }
}

#[cfg(test)]
#[path = "modes_tests.rs"]
mod tests;
