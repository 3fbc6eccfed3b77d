//! A frame moved from the state it was encoded for onto another one: what was decided stays (modes, vectors, references,
//! quantizer), and what follows from the pictures is worked out anew: predictions, residue, probabilities. It takes a small
//! part of an encode's time, so that chunks of a film can be encoded side by side and joined in series (ExCamera §3, §4).

use std::fmt;
use std::sync::{Arc, OnceLock};

use super::analysis::{AnalysedRow, Analysis, known_probabilities};
use super::background::{RENEWED_SEGMENT, segmentation};
use super::estimate::IntraEstimates;
use super::finish::Encoded;
use super::inter_macroblock::SIGN_BIASES;
use super::mode_counts::ModeCounts;
use super::plan::{FrameKind, Hints, Plan};
use super::residue::{Blocks, CHROMA_AT, MacroblockSamples, Prediction, Predictions, Quantisers, Residue, transform};
use super::split::{PartVector, VectorsAround};
use super::version::Version;
use crate::bitstream::frame_header::{
    FrameHeader, FrameKind as HeaderKind, InterFrame, QuantizerHeader, ReferenceUpdate, Version as Profile,
};
use crate::bitstream::modes::ModeCoding;
use crate::bitstream::tables::SPLIT_FIRST_SUBBLOCK;
use crate::bitstream::vectors::{Suggestions, VectorBounds};
use crate::decode::Basis;
use crate::executor::Serial;
use crate::macroblock::{LumaMode, Macroblock, MacroblockGrid, Reference};
use crate::picture::{Picture, PictureBuffer, Plane, PlaneView, Raster};
use crate::predict::inter::InterPrediction;
use crate::state::SegmentMap;
use crate::{DecodeError, EncodeError, Size, State};

/// Reads what was decided in one frame after another, without any picture.
#[derive(Clone, Debug)]
pub struct DecisionReader {
    /// As a decoder's, but for the pictures, which mean nothing.
    state: State,
}

/// What an encoder decided of a frame: how each macroblock is predicted, how finely it is coded, what it refreshes.
#[derive(Clone, Debug)]
pub struct Decisions {
    header: FrameHeader,
    size: Size,
    grid: MacroblockGrid,
}

/// Why a frame cannot be moved onto another state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RebaseError {
    /// A key frame depends on no state.
    KeyFrame,
    /// It makes use of something that this encoder does not.
    Foreign(&'static str),
    /// There is nothing of the frame's size to predict it from.
    Source(EncodeError),
}

impl fmt::Display for RebaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyFrame => write!(f, "a key frame depends on no state, and cannot be moved onto one"),
            Self::Foreign(what) => write!(f, "a frame with {what} cannot be moved onto another state"),
            Self::Source(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RebaseError {}

impl DecisionReader {
    /// Reads frames from the one on that follows the state `source`.
    pub fn new(source: &State) -> Self {
        Self { state: source.clone() }
    }

    /// What was decided in the next frame.
    pub fn read(&mut self, frame: &[u8]) -> Result<Decisions, DecodeError> {
        let mut parsed = FrameHeader::parse(frame).map_err(DecodeError::Header)?;
        let header = parsed.header;
        let basis = Basis::new(&self.state, &header)?;
        let size = basis.size;
        let coding = ModeCoding::new(&header, &basis.probabilities);
        let keeps_segments = header.segmentation.is_some() && !tells_segments(&header);
        let mut grid = MacroblockGrid::new(size);
        for row in 0..grid.rows() {
            for column in 0..grid.columns() {
                let index = row * grid.columns() + column;
                let kept = if keeps_segments { basis.segment_map.segment(index) } else { 0 };
                coding.read(&mut parsed.modes, &mut grid, row, column, kept);
            }
        }
        let segment_map = if header.segmentation.is_some() { segments(&grid) } else { basis.segment_map.clone() };
        self.state = self.after(basis, &header, segment_map);
        Ok(Decisions { header, size, grid })
    }

    /// Goes past a frame whose decisions nobody asks for: most often its header says all that later frames depend on.
    pub fn pass(&mut self, frame: &[u8]) -> Result<(), DecodeError> {
        let header = FrameHeader::parse(frame).map_err(DecodeError::Header)?.header;
        if tells_segments(&header) {
            return self.read(frame).map(drop);
        }
        let basis = Basis::new(&self.state, &header)?;
        let segment_map = basis.segment_map.clone();
        self.state = self.after(basis, &header, segment_map);
        Ok(())
    }

    /// The state after a frame, but for its picture.
    fn after(&self, basis: Basis<'_>, header: &FrameHeader, segment_map: SegmentMap) -> State {
        let picture = match self.state.references() {
            Some([last, ..]) if self.state.size() == Some(basis.size) => Arc::clone(last),
            _ => Picture::zeros(basis.size),
        };
        State::new(basis.target(header, &picture, segment_map))
    }
}

/// Whether a frame says which segment each macroblock is in.
fn tells_segments(header: &FrameHeader) -> bool {
    header.segmentation.as_ref().is_some_and(|segmentation| segmentation.map_update.is_some())
}

fn segments(grid: &MacroblockGrid) -> SegmentMap {
    SegmentMap::new(&grid.macroblocks().map(|macroblock| macroblock.segment).collect::<Vec<u8>>())
}

impl Decisions {
    /// The frame that shows `picture` to a decoder in the state `source`, decided as here.
    pub fn rebase(self, source: &State, picture: impl Into<Raster>) -> Result<Encoded, RebaseError> {
        let Raster(picture) = picture.into();
        let (plan, quantizer) = (self.plan()?, self.header.quantizers.index);
        let references = self.references(source, picture.size())?;
        let [last, ..] = references;
        let planes = references.each_ref().map(|picture| picture.planes());
        let mut counts = ModeCounts::default();
        let mut predicted = PictureBuffer::from_picture(last);
        let mut rows = Vec::with_capacity(self.grid.rows());
        for row in 0..self.grid.rows() {
            rows.push(self.predict_row(row, &picture, &planes, &mut predicted));
            for column in 0..self.grid.columns() {
                counts.count(self.grid.macroblock(self.grid.cell(row, column)));
                self.count_vectors(&mut counts, row, column);
            }
        }
        let analysis = Analysis {
            source: source.clone(),
            mode_probabilities: Some(counts.best_probabilities(&known_probabilities(source, &plan))),
            plan,
            picture,
            renewed: self.renewed(),
            grid: self.grid,
            rows,
            intra_coefficients: IntraEstimates::default(),
            token_prices: OnceLock::new(),
            mode_record: OnceLock::new(),
            hints: Hints::default(),
        };
        let fineness = quantizer.into();
        Ok(analysis.finish_version(&Serial, fineness, Version::code_predicted(&analysis, fineness, predicted)))
    }

    /// Predicts the inter macroblocks of a row, painting on `canvas`, which is the last picture, and transforms what that leaves of
    /// `picture`.
    fn predict_row(
        &self,
        row: usize,
        picture: &PictureBuffer,
        references: &[[PlaneView<'_>; 3]; 3],
        canvas: &mut PictureBuffer,
    ) -> AnalysedRow {
        let columns = self.grid.columns();
        let planes = Plane::ALL.map(|plane| picture.plane(plane));
        let quantisers = Quantisers::new(self.header.quantizers.index);
        let six_tap = InterPrediction::new(Profile::default());
        let (mut predictions, mut residue) = (Predictions::few(columns), Residue::new(columns));
        let mut coefficients = Blocks::default();
        let mut canvas = canvas.planes_mut();
        for column in 0..columns {
            let cell = self.grid.cell(row, column);
            let macroblock = self.grid.macroblock(cell);
            if macroblock.reference == Reference::Intra {
                continue;
            }
            let samples = MacroblockSamples::of(&planes, row, column);
            let y2 = macroblock.luma_mode.has_y2();
            let reference = &references[macroblock.reference as usize - 1];
            if macroblock.reference == Reference::Last && macroblock.luma_mode == LumaMode::Zero {
                transform(&samples, &MacroblockSamples::of(reference, row, column), y2, &mut coefficients);
            } else {
                six_tap.predict(macroblock, self.grid.subblocks(cell), reference, &mut canvas, row, column);
                let chroma_at = canvas[1].index(8 * column, 8 * row);
                let at = [canvas[0].index(16 * column, 16 * row), chroma_at, chroma_at];
                let prediction = MacroblockSamples::painted(&canvas, at);
                transform(&samples, &prediction, y2, &mut coefficients);
                // One that is coded finer is transformed anew.
                if macroblock.segment != 0 {
                    predictions.keep(column, gathered(&prediction));
                }
            }
            residue.keep(column, quantisers.busy(y2, &coefficients), &coefficients);
        }
        residue.shrink();
        AnalysedRow { predictions, residue, finer_residue: OnceLock::new() }
    }

    /// What the frame was to be, if this encoder could have made it.
    fn plan(&self) -> Result<Plan, RebaseError> {
        let FrameHeader { version, kind, quantizers, .. } = &self.header;
        let HeaderKind::Inter(inter) = kind else { return Err(RebaseError::KeyFrame) };
        let InterFrame { golden, alt_ref, golden_sign_bias, alt_ref_sign_bias, refresh_last, .. } = inter;
        let refreshes = |update: &ReferenceUpdate| match update {
            ReferenceUpdate::Keep => Ok(false),
            ReferenceUpdate::Refresh => Ok(true),
            ReferenceUpdate::CopyLast | ReferenceUpdate::CopyOther => Err(RebaseError::Foreign("copied references")),
        };
        if *version != Profile::default() {
            return Err(RebaseError::Foreign("another profile than 0"));
        }
        if [*golden_sign_bias, *alt_ref_sign_bias] != SIGN_BIASES[2..] {
            return Err(RebaseError::Foreign("references that lie after it"));
        }
        if *quantizers != (QuantizerHeader { index: quantizers.index, ..QuantizerHeader::default() }) {
            return Err(RebaseError::Foreign("quantizers that differ by kind of block"));
        }
        let macroblocks = (self.grid.rows() * self.grid.columns()) as u32;
        let ours = segmentation(quantizers.index, self.renewed(), macroblocks);
        let is_ours = |macroblock: &Macroblock| macroblock.segment <= RENEWED_SEGMENT;
        if (self.header.segmentation.is_some() && self.header.segmentation != ours)
            || !self.grid.macroblocks().all(is_ours)
        {
            return Err(RebaseError::Foreign("segments of its own"));
        }
        Ok(Plan {
            kind: FrameKind::Inter,
            finest: quantizers.index,
            refresh_last: *refresh_last,
            refresh_golden: refreshes(golden)?,
            refresh_altref: refreshes(alt_ref)?,
            refresh_probabilities: self.header.refresh_entropy,
            shown: self.header.shown,
        })
    }

    /// How many macroblocks are in the renewed segment.
    fn renewed(&self) -> u32 {
        self.grid.macroblocks().filter(|macroblock| macroblock.segment != 0).count() as u32
    }

    /// The pictures last, golden and altref.
    fn references<'a>(&self, source: &'a State, image: Size) -> Result<&'a [Arc<Picture>; 3], RebaseError> {
        let stream = source.stream().ok_or(RebaseError::Source(EncodeError::NothingToPredictFrom))?;
        for size in [image, self.size] {
            if size != stream.size {
                return Err(RebaseError::Source(EncodeError::OtherSize { image: size, state: stream.size }));
            }
        }
        Ok(&stream.references)
    }

    /// Counts the vectors that the macroblock at (`row`, `column`) has of its own.
    fn count_vectors(&self, counts: &mut ModeCounts, row: usize, column: usize) {
        let grid = &self.grid;
        let cell = grid.cell(row, column);
        let macroblock = grid.macroblock(cell);
        // Of an intra macroblock neither mode can be.
        if !matches!(macroblock.luma_mode, LumaMode::New | LumaMode::Split) {
            return;
        }
        let bounds = VectorBounds::new(row, column, grid.rows(), grid.columns());
        let best = Suggestions::find(grid, cell, macroblock.reference, SIGN_BIASES, &bounds).best;
        if macroblock.luma_mode == LumaMode::New {
            counts.count_vector(macroblock.vector.minus(best));
            return;
        }
        let subblocks = grid.subblocks(cell);
        let around = VectorsAround::of_cell(grid, cell);
        for &first in SPLIT_FIRST_SUBBLOCK[usize::from(subblocks.split)] {
            let vector = subblocks.vectors[usize::from(first)];
            let (left, above) = around.of(&subblocks.vectors, usize::from(first));
            if PartVector::of(vector, left, above) == PartVector::New {
                counts.count_vector(vector.minus(best));
            }
        }
    }
}

/// A macroblock's samples, plane by plane without gaps.
fn gathered(samples: &MacroblockSamples) -> Prediction {
    let mut prediction = [0; 384];
    let (luma, chroma) = prediction.split_at_mut(CHROMA_AT[0]);
    for (row, to) in luma.as_chunks_mut::<16>().0.iter_mut().enumerate() {
        to.copy_from_slice(&samples.luma[row * samples.luma_stride..][..16]);
    }
    for (plane, from) in chroma.as_chunks_mut::<64>().0.iter_mut().zip(samples.chroma) {
        for (row, to) in plane.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            to.copy_from_slice(&from[row * samples.chroma_stride..][..8]);
        }
    }
    prediction
}
