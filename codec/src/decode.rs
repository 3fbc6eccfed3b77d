//! Decoding: from a state and a frame to the next state and a picture (RFC 6386 §5).

mod prefix;
mod residue;

use std::fmt;
use std::sync::Arc;

use crate::bitstream::bool_coder::BoolDecoder;
use crate::bitstream::frame_header::{FrameHeader, FrameKind, HeaderError, KeyFrame, ReferenceUpdate};
use crate::bitstream::modes::ModeCoding;
use crate::bitstream::partitions::{MAX_TOKEN_PARTITIONS, PartitionError, TokenPartitions};
use crate::bitstream::probabilities::Probabilities;
use crate::bitstream::tokens::{PositionProbabilities, TokenContext, by_position};
use crate::kernels::with_bit_instructions;
use crate::loop_filter::{FilterDeltas, LoopFilter};
use crate::macroblock::{LumaMode, MacroblockGrid, Reference};
use crate::picture::{Picture, PictureBuffer, Plane, PlaneView, PlaneViewMut};
use crate::predict::inter::InterPrediction;
use crate::predict::intra::{RowAbove, SubblockEdges, predict_chroma, predict_luma};
use crate::quantizer::QuantizerSteps;
use crate::state::{SegmentMap, State, Stream};
use crate::{Size, Transition};
use prefix::Progress;
use residue::Residue;

pub use prefix::{DecodedPrefix, decode_prefix};

/// What a frame makes of a state.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// The state after the frame.
    pub target: State,
    /// The picture to show; none if the frame is hidden.
    pub shown: Option<Arc<Picture>>,
}

/// Why a frame cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// Its header cannot be read.
    Header(HeaderError),
    /// Its token partitions cannot be found.
    Partitions(PartitionError),
    /// It is an inter frame, and the state is blank.
    NeedsKeyFrame,
    /// It starts from a state scaled further than [`Transition::SCALING_MAX`](crate::Transition::SCALING_MAX).
    Scaling {
        /// The size of the state.
        from: Size,
        /// The size asked for.
        to: Size,
    },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(error) => error.fmt(f),
            Self::Partitions(error) => error.fmt(f),
            Self::NeedsKeyFrame => write!(f, "an inter frame came before any key frame"),
            Self::Scaling { from, to } => write!(
                f,
                "a state of {from} is not scaled to {to}: a side grows or shrinks to {} times at most",
                Transition::SCALING_MAX
            ),
        }
    }
}

impl std::error::Error for DecodeError {}

/// Decodes one VP8 frame for a decoder in the state `source`.
///
/// The answer depends on nothing but the arguments. A frame whose header or first partition is damaged is an error;
/// past the end of a token partition there are zeros, so what is cut short there decodes to some picture.
pub fn decode(source: &State, frame: &[u8]) -> Result<Decoded, DecodeError> {
    let parsed = FrameHeader::parse(frame).map_err(DecodeError::Header)?;
    let header = &parsed.header;
    let partitions =
        TokenPartitions::split(parsed.tokens, header.token_partitions_log2).map_err(DecodeError::Partitions)?;
    let basis = Basis::new(source, header)?;
    let mut decoder = FrameDecoder::new(header, &basis, parsed.modes, &partitions);
    decoder.decode_rows();
    let (picture, segment_map) = decoder.finish();
    let target = basis.target(header, &picture, segment_map);
    Ok(Decoded { target: State::new(target), shown: header.shown.then_some(picture) })
}

/// What a frame is decoded with: what the source state has and the header changes.
pub(crate) struct Basis<'a> {
    /// The size of the frame's picture.
    pub(crate) size: Size,
    /// The source, unless this is a key frame.
    source: Option<&'a Stream>,
    /// The probabilities that last if this frame's are not to.
    saved_probabilities: Arc<Probabilities>,
    /// This frame's probabilities.
    pub(crate) probabilities: Arc<Probabilities>,
    pub(crate) segment_values: crate::bitstream::frame_header::SegmentValues,
    pub(crate) segment_map: SegmentMap,
    pub(crate) filter_deltas: FilterDeltas,
}

impl<'a> Basis<'a> {
    pub(crate) fn new(source: &'a State, header: &FrameHeader) -> Result<Self, DecodeError> {
        let mut basis = match &header.kind {
            FrameKind::Key(KeyFrame { size, .. }) => Self {
                size: *size,
                source: None,
                saved_probabilities: Arc::default(),
                probabilities: Arc::default(),
                segment_values: Default::default(),
                segment_map: SegmentMap::default(),
                filter_deltas: FilterDeltas::default(),
            },
            FrameKind::Inter(_) => {
                let stream = source.stream().ok_or(DecodeError::NeedsKeyFrame)?;
                Self {
                    size: stream.size,
                    source: Some(stream),
                    saved_probabilities: Arc::clone(&stream.probabilities),
                    probabilities: Arc::clone(&stream.probabilities),
                    segment_values: stream.segment_values,
                    segment_map: stream.segment_map.clone(),
                    filter_deltas: stream.filter_deltas,
                }
            }
        };
        if let Some(values) = header.segmentation.as_ref().and_then(|segmentation| segmentation.values_update) {
            basis.segment_values = values;
        }
        if let Some(updates) = &header.filter.deltas {
            for (target, update) in basis.filter_deltas.references.iter_mut().zip(updates.references) {
                *target = update.unwrap_or(*target);
            }
            for (target, update) in basis.filter_deltas.modes.iter_mut().zip(updates.modes) {
                *target = update.unwrap_or(*target);
            }
        }
        let probabilities = Arc::make_mut(&mut basis.probabilities);
        header.token_updates.apply(&mut probabilities.tokens);
        if let FrameKind::Inter(inter) = &header.kind {
            probabilities.luma_modes = inter.luma_mode_update.unwrap_or(probabilities.luma_modes);
            probabilities.chroma_modes = inter.chroma_mode_update.unwrap_or(probabilities.chroma_modes);
            inter.vector_updates.apply(&mut probabilities.vectors);
        }
        Ok(basis)
    }

    /// The state after the frame (RFC 6386 §9.7, §9.11).
    pub(crate) fn target(self, header: &FrameHeader, picture: &Arc<Picture>, segment_map: SegmentMap) -> Stream {
        let references = match (&header.kind, self.source) {
            (FrameKind::Inter(inter), Some(source)) => {
                let [last, golden, alt_ref] = &source.references;
                // The alternate reference comes first, and golden may copy what it has become, as libvpx does: the
                // specification leaves open what two copies crosswise mean.
                let alt_ref = updated(inter.alt_ref, alt_ref, last, golden, picture);
                let golden = updated(inter.golden, golden, last, &alt_ref.copied, picture).settled;
                let last = if inter.refresh_last { picture } else { last };
                [Arc::clone(last), golden, alt_ref.settled]
            }
            _ => [0, 1, 2].map(|_| Arc::clone(picture)),
        };
        let probabilities = if header.refresh_entropy { self.probabilities } else { self.saved_probabilities };
        Stream {
            size: self.size,
            references,
            probabilities,
            segment_values: self.segment_values,
            segment_map,
            filter_deltas: self.filter_deltas,
        }
    }
}

/// A reference after copies, and after that also after refreshing by the frame itself.
struct UpdatedReference {
    copied: Arc<Picture>,
    settled: Arc<Picture>,
}

fn updated(
    update: ReferenceUpdate,
    before: &Arc<Picture>,
    last: &Arc<Picture>,
    other: &Arc<Picture>,
    picture: &Arc<Picture>,
) -> UpdatedReference {
    let copied = Arc::clone(match update {
        ReferenceUpdate::Keep | ReferenceUpdate::Refresh => before,
        ReferenceUpdate::CopyLast => last,
        ReferenceUpdate::CopyOther => other,
    });
    let settled = if update == ReferenceUpdate::Refresh { Arc::clone(picture) } else { Arc::clone(&copied) };
    UpdatedReference { copied, settled }
}

/// A frame being decoded, row by row of macroblocks.
struct FrameDecoder<'a> {
    basis: &'a Basis<'a>,
    coding: ModeCoding,
    modes: BoolDecoder<'a>,
    partitions: [BoolDecoder<'a>; MAX_TOKEN_PARTITIONS],
    partition_count: usize,
    /// The source's segments are used, where this frame has segments but no new map.
    keeps_segments: bool,
    updates_map: bool,
    tokens: PositionProbabilities,
    steps: [QuantizerSteps; 4],
    filter: Option<LoopFilter>,
    prediction: InterPrediction,
    /// The planes of last, golden and altref, unless there are none.
    references: Option<[[PlaneView<'a>; 3]; 3]>,
    picture: PictureBuffer,
    grid: MacroblockGrid,
    row_above: RowAbove,
    /// What the macroblocks above had, by column.
    contexts_above: Vec<TokenContext>,
    residue: Residue,
    /// How far the frame's bytes reach, where only the first of them are here.
    prefix: Option<Progress>,
}

impl<'a> FrameDecoder<'a> {
    fn new(
        header: &FrameHeader,
        basis: &'a Basis<'a>,
        modes: BoolDecoder<'a>,
        partitions: &TokenPartitions<'a>,
    ) -> Self {
        let mut decoders = partitions.iter().map(BoolDecoder::new);
        let segments = header.segmentation.as_ref().map(|_| &basis.segment_values);
        let updates_map = header.segmentation.as_ref().is_some_and(|segmentation| segmentation.map_update.is_some());
        Self {
            coding: ModeCoding::new(header, &basis.probabilities),
            modes,
            partitions: std::array::from_fn(|_| decoders.next().unwrap_or(BoolDecoder::new(&[]))),
            partition_count: 1 << header.token_partitions_log2,
            keeps_segments: segments.is_some() && !updates_map,
            updates_map,
            tokens: by_position(&basis.probabilities.tokens),
            steps: QuantizerSteps::of_segments(&header.quantizers, segments),
            filter: LoopFilter::new(&header.filter, segments, &basis.filter_deltas, header.is_key()),
            prediction: InterPrediction::new(header.version),
            references: basis.source.map(|source| source.references.each_ref().map(|picture| picture.planes())),
            picture: PictureBuffer::unpainted(basis.size),
            grid: MacroblockGrid::new(basis.size),
            row_above: RowAbove::new(basis.size),
            contexts_above: vec![TokenContext::default(); basis.size.macroblock_columns()],
            residue: Residue::default(),
            prefix: None,
            basis,
        }
    }

    /// Decodes all of the frame.
    fn decode_rows(&mut self) {
        // What a macroblock becomes whose residue is lacking must not change how the modes after it are read.
        if self.prefix.is_some() {
            self.read_modes_while_whole();
        }
        for row in 0..self.grid.rows() {
            self.decode_row(row);
        }
    }

    /// Decodes a row of macroblocks and filters it; the rows above must be done.
    fn decode_row(&mut self, row: usize) {
        if self.prefix.is_none() {
            with_bit_instructions(
                #[inline(always)]
                || self.read_modes(row),
            );
        }
        let mut planes = self.picture.planes_mut();
        let mut context_left = TokenContext::default();
        let partition = &mut self.partitions[row % self.partition_count];
        for column in 0..self.grid.columns() {
            let macroblock = self.grid.macroblock_mut(self.grid.cell(row, column));
            let context_above = &mut self.contexts_above[column];
            let has_y2 = macroblock.luma_mode.has_y2();
            if macroblock.skip || self.prefix.is_some_and(|progress| progress.residues_end) {
                context_above.clear(has_y2);
                context_left.clear(has_y2);
            } else {
                let steps = &self.steps[usize::from(macroblock.segment)];
                let (residue, tokens, left) = (&mut self.residue, &self.tokens, &mut context_left);
                macroblock.has_coefficients = with_bit_instructions(
                    #[inline(always)]
                    || residue.read(partition, tokens, steps, has_y2, context_above, left),
                );
            }
            if let Some(progress) = &mut self.prefix {
                progress.settle(macroblock, &mut self.residue, partition, self.references.is_some());
            }
            reconstruct(
                &self.grid,
                row,
                column,
                self.references.as_ref(),
                &self.prediction,
                &self.row_above,
                &mut self.residue,
                &mut planes,
            );
        }
        self.row_above.keep(&self.picture, row);
        if let Some(filter) = &self.filter {
            filter.filter_row(&mut self.picture, row, self.grid.row(row));
        }
        // Only the next row's filter leaves this row as it will be.
        if row > 0 {
            self.picture.extend_sides(row - 1..row);
        }
    }

    /// Reads the headers of a row of macroblocks.
    #[inline(always)]
    fn read_modes(&mut self, row: usize) {
        // A copy of one's own stays in registers.
        let mut modes = self.modes.clone();
        for column in 0..self.grid.columns() {
            let kept = self.kept_segment(row, column);
            self.coding.read(&mut modes, &mut self.grid, row, column, kept);
        }
        self.modes = modes;
    }

    /// The segment that a macroblock has unless the frame says another.
    fn kept_segment(&self, row: usize, column: usize) -> u8 {
        if self.keeps_segments { self.basis.segment_map.segment(row * self.grid.columns() + column) } else { 0 }
    }

    /// The finished picture, and the segments that stay.
    fn finish(mut self) -> (Arc<Picture>, SegmentMap) {
        let rows = self.grid.rows();
        self.picture.extend_sides(rows - 1..rows);
        let segment_map = if self.updates_map {
            let segments: Vec<u8> =
                (0..rows).flat_map(|row| self.grid.row(row)).map(|macroblock| macroblock.segment).collect();
            SegmentMap::new(&segments)
        } else {
            self.basis.segment_map.clone()
        };
        (self.picture.freeze_with_sides(), segment_map)
    }
}

/// Predicts a macroblock and adds its residue.
#[expect(clippy::too_many_arguments, reason = "the parts of a frame decoder, borrowed one by one")]
fn reconstruct(
    grid: &MacroblockGrid,
    row: usize,
    column: usize,
    references: Option<&[[PlaneView<'_>; 3]; 3]>,
    prediction: &InterPrediction,
    row_above: &RowAbove,
    residue: &mut Residue,
    planes: &mut [PlaneViewMut<'_>; 3],
) {
    let cell = grid.cell(row, column);
    let macroblock = grid.macroblock(cell);
    let references = references.filter(|_| macroblock.reference != Reference::Intra);
    match references {
        Some(references) => {
            let reference = &references[macroblock.reference as usize - 1];
            prediction.predict(macroblock, grid.subblocks(cell), reference, planes, row, column);
        }
        None => {
            for plane in [Plane::U, Plane::V] {
                let view = &mut planes[plane as usize];
                predict_chroma(macroblock.chroma_mode, row_above, plane, view, row, column);
            }
            if macroblock.luma_mode == LumaMode::Subblocks {
                let luma = &mut planes[0];
                let (at, stride) = (luma.index(column * 16, row * 16), luma.stride);
                let edges = SubblockEdges::new(row_above, luma.samples, at, stride, column);
                let block = &mut luma.samples[at..];
                for (index, &mode) in grid.subblocks(cell).modes.iter().enumerate() {
                    edges.predict(mode, index, block, stride);
                    residue.add_luma_block(index, block, stride);
                }
                if macroblock.has_coefficients {
                    residue.add_chroma(planes, row, column);
                }
                return;
            }
            predict_luma(macroblock.luma_mode, row_above, &mut planes[0], row, column);
        }
    }
    if macroblock.has_coefficients {
        residue.add_luma(&mut planes[0], row, column);
        residue.add_chroma(planes, row, column);
    }
}
