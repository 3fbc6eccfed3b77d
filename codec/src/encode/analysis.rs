//! The part of an encode that all versions of a frame share: modes, vectors, predictions from other pictures and the
//! residue they leave. A pure function of source state, picture, plan, hints and effort.

use std::fmt;
use std::sync::Arc;

use super::inter::{InterDecision, ReferencePicture, predict_chroma, predict_luma};
use super::intra::{
    IntraPrices, ModesAround, OpenCanvas, choose_chroma, choose_luma, choose_subblocks, predict_subblocks,
};
use super::intra_coding::{ClosedCanvas, Workspace, code_intra};
use super::mode_counts::{ModeCounts, ModeProbabilities};
use super::plan::{Effort, FrameKind, Hints, Plan};
use super::price::{Lambda, VectorPrices};
use super::rate::{BIT, Cost};
use super::residue::{Blocks, CHROMA_AT, MacroblockSamples, Prediction, Quantisers, transform};
use super::settle::Settler;
use crate::bitstream::probabilities::Probabilities;
use crate::bitstream::tables::AC_STEPS;
use crate::bitstream::vectors::{Suggestions, VectorBounds};
use crate::kernels::difference::sad_16x16;
use crate::kernels::intra::{Edges, predict_block};
use crate::macroblock::{LumaMode, Macroblock, MacroblockGrid, MotionVector, Reference};
use crate::picture::{Picture, PictureBuffer, Plane, PlaneView, PlaneViewMut};
use crate::predict::intra::{RowAbove, SubblockEdges, whole_mode};
use crate::{Image, Size, State};

/// Why a picture cannot be encoded from a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// An inter frame was asked for from a state that has no pictures yet.
    NothingToPredictFrom,
    /// An inter frame was asked for, but the state's pictures have another size.
    OtherSize {
        /// Size of the picture to encode.
        image: Size,
        /// Size of the source state's pictures.
        state: Size,
    },
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingToPredictFrom => write!(f, "an inter frame needs a source state with pictures"),
            Self::OtherSize { image, state } => {
                write!(f, "an inter frame of {image} cannot be predicted from pictures of {state}")
            }
        }
    }
}

impl std::error::Error for EncodeError {}

/// What is known of a frame before its quantizer: everything but levels, reconstruction and bits.
pub struct Analysis {
    pub(super) source: State,
    pub(super) plan: Plan,
    /// The picture to encode, in whole macroblocks.
    pub(super) picture: PictureBuffer,
    pub(super) grid: MacroblockGrid,
    /// What each macroblock is predicted as, if from another picture, and the coefficients of what that leaves; of an intra
    /// one, what an estimate of its surroundings leaves. In raster order.
    pub(super) predictions: Vec<Prediction>,
    pub(super) coefficients: Vec<Blocks>,
    /// Macroblocks that are as they were: nothing is predicted, transformed or coded for them.
    pub(super) still: Vec<bool>,
    /// On inter frames.
    pub(super) mode_probabilities: Option<ModeProbabilities>,
    vectors: Arc<[MotionVector]>,
}

/// Looks at `image` for a decoder that is in state `source`: chooses how each macroblock is predicted, once for all
/// quantizers that the frame may be finished at.
pub fn analyse(
    source: &State,
    image: &Image,
    plan: &Plan,
    hints: &Hints,
    effort: Effort,
) -> Result<Analysis, EncodeError> {
    let size = image.size();
    let picture = PictureBuffer::from_image(image);
    let mut pass = Pass::new(source, &picture, plan, hints, effort)?;
    let rows = size.macroblock_rows();
    for row in 0..rows {
        for column in 0..size.macroblock_columns() {
            pass.decide(row, column);
        }
        pass.end_row(row);
    }
    let Pass { grid, predictions, coefficients, still, counts, .. } = pass;
    let vectors = (0..rows).flat_map(|row| grid.row(row).iter().map(|macroblock| macroblock.vector)).collect();
    let mode_probabilities = match plan.kind {
        FrameKind::Key => None,
        FrameKind::Inter => Some(counts.best_probabilities(&known_probabilities(source, plan))),
    };
    Ok(Analysis {
        source: source.clone(),
        plan: plan.clone(),
        picture,
        grid,
        predictions,
        coefficients,
        still,
        mode_probabilities,
        vectors,
    })
}

impl Analysis {
    /// What the next picture's analysis may be told of this one's motion.
    pub fn hints(&self) -> Hints {
        Hints::of_field(self.picture.size(), Arc::clone(&self.vectors))
    }
}

/// From what transformed differences on it is worth looking further, in luma AC steps of the finest quantizer.
#[derive(Clone, Copy)]
struct Thresholds {
    other_references: u32,
    intra: u32,
    subblocks: u32,
}

impl Thresholds {
    fn of(effort: Effort) -> Self {
        match effort {
            Effort::Live => Self { other_references: 60, intra: 60, subblocks: 120 },
            Effort::Balanced => Self { other_references: 30, intra: 30, subblocks: 60 },
            Effort::Film => Self { other_references: 0, intra: 0, subblocks: 0 },
        }
    }
}

/// What saying "intra" costs on an inter frame, before it is known how many there are.
const INTRA_PRICE: Cost = 4 * BIT;

/// What saying golden or altref costs, likewise.
const OTHER_REFERENCE_PRICE: Cost = 3 * BIT;

/// One pass over the macroblocks of a frame.
struct Pass<'a> {
    planes: [PlaneView<'a>; 3],
    /// Its step, and what follows from it.
    step: u32,
    lambda: Lambda,
    quantisers: Quantisers,
    thresholds: Thresholds,
    intra_prices: IntraPrices,
    inter: Option<InterDecision<'a>>,
    hints: Option<&'a [MotionVector]>,
    /// On key frames, the frame as the finest quantizer leaves it: its macroblocks are predicted from each other.
    canvas: Option<PictureBuffer>,
    picture: &'a PictureBuffer,
    above: RowAbove,
    work: Workspace,
    grid: MacroblockGrid,
    predictions: Vec<Prediction>,
    coefficients: Vec<Blocks>,
    still: Vec<bool>,
    counts: ModeCounts,
}

impl<'a> Pass<'a> {
    fn new(
        source: &'a State,
        picture: &'a PictureBuffer,
        plan: &Plan,
        hints: &'a Hints,
        effort: Effort,
    ) -> Result<Self, EncodeError> {
        let size = picture.size();
        let macroblocks = size.macroblock_columns() * size.macroblock_rows();
        let step = AC_STEPS[usize::from(plan.finest.value())];
        let lambda = Lambda::new(step);
        let thresholds = Thresholds::of(effort);
        let is_key = plan.kind == FrameKind::Key;
        let known = known_probabilities(source, plan);
        let inter = if is_key {
            None
        } else {
            Some(InterDecision {
                pictures: references(source, size)?,
                prices: VectorPrices::new(&known.vectors, lambda),
                lambda,
                columns: size.macroblock_columns(),
                rows: size.macroblock_rows(),
                content: thresholds.other_references * u32::from(step),
            })
        };
        Ok(Self {
            planes: Plane::ALL.map(|plane| picture.plane(plane)),
            step: u32::from(step),
            lambda,
            quantisers: Quantisers::new(plan.finest),
            thresholds,
            intra_prices: if is_key {
                IntraPrices::of_key_frame()
            } else {
                IntraPrices::of_inter_frame(&known.luma_modes, &known.chroma_modes)
            },
            inter,
            hints: hints.vectors(size),
            canvas: is_key.then(|| PictureBuffer::new(size)),
            picture,
            above: RowAbove::new(size),
            work: Workspace::default(),
            grid: MacroblockGrid::new(size),
            predictions: vec![[0; 384]; if is_key { 0 } else { macroblocks }],
            coefficients: vec![[[0; 16]; 25]; macroblocks],
            still: vec![false; macroblocks],
            counts: ModeCounts::default(),
        })
    }

    fn decide(&mut self, row: usize, column: usize) {
        let source = MacroblockSamples::of(&self.planes, row, column);
        let cell = self.grid.cell(row, column);
        let index = row * self.grid.columns() + column;
        match self.inter.take() {
            None => self.decide_key(&source, row, column, cell, index),
            Some(inter) => {
                self.decide_inter(&inter, &source, row, column, cell, index);
                self.inter = Some(inter);
            }
        }
        self.counts.count(self.grid.macroblock(cell));
    }

    fn end_row(&mut self, row: usize) {
        self.above.keep(self.canvas.as_ref().unwrap_or(self.picture), row);
    }

    /// The modes of the subblocks above a macroblock and to its left.
    fn modes_around(&self, cell: usize) -> ModesAround {
        let above = cell - self.grid.stride();
        ModesAround {
            above: std::array::from_fn(|x| self.grid.subblock_mode(above, 12 + x)),
            left: std::array::from_fn(|y| self.grid.subblock_mode(cell - 1, 4 * y + 3)),
        }
    }

    /// A macroblock of a key frame, in the closed loop at the finest quantizer.
    fn decide_key(&mut self, source: &MacroblockSamples, row: usize, column: usize, cell: usize, index: usize) {
        let around = self.modes_around(cell);
        let mut canvas = self.canvas.take().expect("a key frame has a canvas");
        let mut planes = canvas.planes_mut();
        let (at, stride) = (planes[0].index(16 * column, 16 * row), planes[0].stride);
        let edges = self.above.edges(Plane::Y, planes[0].samples, at, stride, column);
        let (mut luma_mode, cost) = choose_luma(source, &edges, &self.intra_prices, &self.lambda);
        let mut closed = ClosedCanvas {
            edges: SubblockEdges::new(&self.above, planes[0].samples, at, stride, column),
            source,
            quantisers: &self.quantisers,
            luma: &mut planes[0].samples[at..],
            stride,
        };
        let subblocks = choose_subblocks(source, &mut closed, &around, &self.intra_prices, &self.lambda, cost);
        if let Some((modes, _)) = subblocks {
            luma_mode = LumaMode::Subblocks;
            self.grid.subblocks_mut(cell).modes = modes;
        }
        let edges = [Plane::U, Plane::V].map(|plane| {
            let view = &planes[plane as usize];
            self.above.edges(plane, view.samples, view.index(8 * column, 8 * row), view.stride, column)
        });
        let chroma_mode = choose_chroma(source, &edges, &self.intra_prices, &self.lambda);
        let macroblock = Macroblock { luma_mode, chroma_mode, ..Macroblock::OUTSIDE };
        *self.grid.macroblock_mut(cell) = macroblock;
        self.code_closed(&macroblock, source, row, column, cell, &mut planes);
        self.coefficients[index] = self.work.coefficients;
        self.canvas = Some(canvas);
    }

    /// Codes an intra macroblock at the finest quantizer onto `planes`, for its coefficients.
    fn code_closed(
        &mut self,
        macroblock: &Macroblock,
        source: &MacroblockSamples,
        row: usize,
        column: usize,
        cell: usize,
        planes: &mut [PlaneViewMut; 3],
    ) {
        let mut settler = Settler {
            quantisers: &self.quantisers,
            refinement: None,
            y2: macroblock.luma_mode.has_y2(),
            above: [0; 9],
            left: [0; 9],
        };
        let modes = &self.grid.subblocks(cell).modes;
        let (above, work) = (&self.above, &mut self.work);
        code_intra(macroblock, modes, source, (row, column), above, &mut settler, planes, work);
    }

    fn decide_inter(
        &mut self,
        inter: &InterDecision,
        source: &MacroblockSamples,
        row: usize,
        column: usize,
        cell: usize,
        index: usize,
    ) {
        let bounds = VectorBounds::new(row, column, self.grid.rows(), self.grid.columns());
        let last = &inter.pictures[0];
        if self.is_still(source, &last.planes, row, column) {
            *self.grid.macroblock_mut(cell) =
                Macroblock { luma_mode: LumaMode::Zero, reference: Reference::Last, ..Macroblock::OUTSIDE };
            self.coefficients[index] = self.work.coefficients;
            self.still[index] = true;
            return;
        }
        let suggestions = |reference| Suggestions::find(&self.grid, cell, reference, SIGN_BIASES, &bounds);
        let starts = self.starts(row, column, cell);
        let choice = inter.choose(source, (row, column), suggestions, &starts);
        if choice.cost > self.thresholds.intra * self.step
            && self.decide_intra(source, row, column, cell, index, choice.cost)
        {
            return;
        }
        let picture = &inter.pictures[choice.picture];
        *self.grid.macroblock_mut(cell) = Macroblock {
            luma_mode: choice.mode,
            reference: picture.reference,
            vector: choice.vector,
            ..Macroblock::OUTSIDE
        };
        if choice.mode == LumaMode::New {
            let best = Suggestions::find(&self.grid, cell, picture.reference, SIGN_BIASES, &bounds).best;
            self.counts.count_vector(choice.vector.minus(best));
        }
        let prediction = &mut self.predictions[index];
        predict_luma(&picture.planes[0], (row, column), choice.vector, prediction);
        predict_chroma([&picture.planes[1], &picture.planes[2]], (row, column), choice.vector, prediction);
        transform(source, &MacroblockSamples::of_prediction(prediction), true, &mut self.coefficients[index]);
    }

    /// Whether a macroblock is so near to what the last frame has in its place that at the finest quantizer nothing remains.
    /// Its coefficients are then in the workspace.
    fn is_still(&mut self, source: &MacroblockSamples, last: &[PlaneView; 3], row: usize, column: usize) -> bool {
        let prediction = MacroblockSamples::of(last, row, column);
        let difference = sad_16x16(source.luma, source.luma_stride, prediction.luma, prediction.luma_stride);
        if difference > STILL_DIFFERENCE * self.step {
            return false;
        }
        transform(source, &prediction, true, &mut self.work.coefficients);
        let mut settler =
            Settler { quantisers: &self.quantisers, refinement: None, y2: true, above: [0; 9], left: [0; 9] };
        !settler.settle_all(&self.work.coefficients, &mut self.work.levels)
    }

    /// Where motion is looked for besides what the neighbours suggest: the macroblock above and to the right, and what the hints say
    /// of this place and those right of and below it.
    fn starts(&self, row: usize, column: usize, cell: usize) -> [MotionVector; 4] {
        let columns = self.grid.columns();
        let mut starts = [MotionVector::ZERO; 4];
        if row > 0 && column + 1 < columns {
            starts[0] = self.grid.macroblock(cell - self.grid.stride() + 1).vector;
        }
        if let Some(hints) = self.hints {
            let at = row * columns + column;
            starts[1] = hints[at];
            starts[2] = hints[if column + 1 < columns { at + 1 } else { at }];
            starts[3] = hints[if row + 1 < self.grid.rows() { at + columns } else { at }];
        }
        starts
    }

    /// Chooses intra modes on an inter frame if they cost less than `limit`, taking the source itself for what will be around.
    fn decide_intra(
        &mut self,
        source: &MacroblockSamples,
        row: usize,
        column: usize,
        cell: usize,
        index: usize,
        limit: u32,
    ) -> bool {
        let said = self.lambda.absolute(INTRA_PRICE);
        let edges = self.luma_edges(row, column);
        let (mut luma_mode, cost) = choose_luma(source, &edges, &self.intra_prices, &self.lambda);
        let mut cost = cost + said;
        let mut modes = None;
        let subblock_edges = self.subblock_edges(row, column);
        if cost.min(limit) > self.thresholds.subblocks * self.step {
            let mut canvas = OpenCanvas { edges: subblock_edges, luma: source.luma, stride: source.luma_stride };
            let limit = cost.min(limit).saturating_sub(said);
            let around = self.modes_around(cell);
            let found = choose_subblocks(source, &mut canvas, &around, &self.intra_prices, &self.lambda, limit);
            if let Some((found, subblocks)) = found {
                luma_mode = LumaMode::Subblocks;
                modes = Some(found);
                cost = subblocks + said;
            }
        }
        if cost >= limit {
            return false;
        }
        if let Some(modes) = modes {
            self.grid.subblocks_mut(cell).modes = modes;
        }
        let chroma_edges = self.chroma_edges(row, column);
        let chroma_mode = choose_chroma(source, &chroma_edges, &self.intra_prices, &self.lambda);
        *self.grid.macroblock_mut(cell) = Macroblock { luma_mode, chroma_mode, ..Macroblock::OUTSIDE };
        let coefficients = &mut self.coefficients[index];
        let mut prediction = [0; 384];
        for (edges, at) in chroma_edges.iter().zip(CHROMA_AT) {
            predict_block(chroma_mode, edges, &mut prediction[at..], 8);
        }
        match modes {
            Some(modes) => {
                let mut canvas = OpenCanvas { edges: subblock_edges, luma: source.luma, stride: source.luma_stride };
                predict_subblocks(&modes, &mut canvas, &mut prediction);
            }
            None => predict_block(whole_mode(luma_mode), &edges, &mut prediction, 16),
        }
        transform(source, &MacroblockSamples::of_prediction(&prediction), modes.is_none(), coefficients);
        true
    }

    // What is around a macroblock in the source itself.

    fn luma_edges(&self, row: usize, column: usize) -> Edges<16> {
        let view = &self.planes[0];
        self.above.edges(
            Plane::Y,
            view.samples,
            view.index(16 * column as isize, 16 * row as isize),
            view.stride,
            column,
        )
    }

    fn chroma_edges(&self, row: usize, column: usize) -> [Edges<8>; 2] {
        [Plane::U, Plane::V].map(|plane| {
            let view = &self.planes[plane as usize];
            let at = view.index(8 * column as isize, 8 * row as isize);
            self.above.edges(plane, view.samples, at, view.stride, column)
        })
    }

    fn subblock_edges(&self, row: usize, column: usize) -> SubblockEdges {
        let view = &self.planes[0];
        let at = view.index(16 * column as isize, 16 * row as isize);
        SubblockEdges::new(&self.above, view.samples, at, view.stride, column)
    }
}

/// Our references all lie before the frame, so none of their vectors is turned round.
pub(super) const SIGN_BIASES: [bool; 4] = [false; 4];

/// The probabilities that a frame's updates start from.
pub(super) fn known_probabilities(source: &State, plan: &Plan) -> Arc<Probabilities> {
    match (plan.kind, source.stream()) {
        (FrameKind::Inter, Some(stream)) => Arc::clone(&stream.probabilities),
        _ => Arc::default(),
    }
}

/// The largest sum of absolute differences, in steps, with which a macroblock may still turn out to be still.
const STILL_DIFFERENCE: u32 = 50;

/// The pictures to predict from, each once: the last frame first.
fn references(source: &State, size: Size) -> Result<Vec<ReferencePicture<'_>>, EncodeError> {
    let stream = source.stream().ok_or(EncodeError::NothingToPredictFrom)?;
    if stream.size != size {
        return Err(EncodeError::OtherSize { image: size, state: stream.size });
    }
    let mut found: Vec<(Reference, &Arc<Picture>)> = Vec::new();
    for reference in [Reference::Last, Reference::Golden, Reference::AltRef] {
        let picture = stream.reference(reference);
        if !found.iter().any(|(_, known)| Arc::ptr_eq(known, picture)) {
            found.push((reference, picture));
        }
    }
    Ok(found
        .into_iter()
        .map(|(reference, picture)| ReferencePicture {
            reference,
            planes: Plane::ALL.map(|plane| picture.plane(plane)),
            cost: if reference == Reference::Last { 0 } else { OTHER_REFERENCE_PRICE },
        })
        .collect())
}
