//! One pass over the macroblocks of a frame, deciding how each is predicted: what they all share, and where a macroblock's
//! surroundings are found. The decisions themselves are in `key_macroblock` and `inter_macroblock`.

use std::sync::Arc;

use super::analysis::{EncodeError, known_probabilities};
use super::inter::{InterDecision, ReferencePicture, Weighing};
use super::intra::{IntraPrices, ModesAround};
use super::intra_coding::Workspace;
use super::mode_counts::ModeCounts;
use super::plan::{Effort, Field, FrameKind, Hints, Plan};
use super::price::{Lambda, VectorPrices};
use super::rate::{BIT, Cost};
use super::residue::{MacroblockSamples, Predictions, Quantisers, Residue};
use super::split::SplitPrices;
use crate::kernels::intra::Edges;
use crate::macroblock::{MacroblockGrid, Reference};
use crate::picture::{Picture, PictureBuffer, Plane, PlaneView};
use crate::predict::intra::{RowAbove, SubblockEdges};
use crate::{Size, State};

/// From what cost on it is worth looking further, in luma AC steps of the finest quantizer. The cost is a macroblock's transformed
/// difference and the price of its modes.
#[derive(Clone, Copy)]
pub(super) struct Thresholds {
    /// In square roots of a step: the better the picture, the more a search gains.
    pub(super) search: u32,
    pub(super) other_references: u32,
    pub(super) split: u32,
    pub(super) intra: u32,
    pub(super) subblocks: u32,
}

impl Thresholds {
    fn of(effort: Effort) -> Self {
        match effort {
            Effort::Live => Self { search: 80, other_references: 40, split: 80, intra: 12, subblocks: 80 },
            Effort::Balanced => Self { search: 40, other_references: 10, split: 30, intra: 10, subblocks: 60 },
            Effort::Film => Self { search: 0, other_references: 0, split: 0, intra: 10, subblocks: 40 },
        }
    }
}

/// What saying golden or altref costs, before it is known how often they are.
const OTHER_REFERENCE_PRICE: Cost = 3 * BIT;

/// Where a macroblock is.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) row: usize,
    pub(super) column: usize,
    /// In the grid.
    pub(super) cell: usize,
    /// In raster order.
    pub(super) index: usize,
}

impl Place {
    /// Row and column.
    pub(super) fn position(self) -> (usize, usize) {
        (self.row, self.column)
    }
}

/// A pass while it goes on.
pub(super) struct Pass<'a> {
    /// The picture to encode.
    picture: &'a PictureBuffer,
    pub(super) planes: [PlaneView<'a>; 3],
    /// Luma's AC step at the finest quantizer, and what follows from it.
    pub(super) step: u32,
    pub(super) lambda: Lambda,
    pub(super) quantisers: Quantisers,
    pub(super) thresholds: Thresholds,
    pub(super) intra_prices: IntraPrices,
    pub(super) inter: Option<InterDecision<'a>>,
    pub(super) hints: Option<&'a Field>,
    /// On key frames, the frame as the finest quantizer leaves it: its macroblocks are predicted from each other.
    pub(super) canvas: Option<PictureBuffer>,
    /// The row above, of the canvas or else of the picture.
    pub(super) above: RowAbove,
    pub(super) work: Workspace,
    pub(super) weighing: Box<Weighing>,
    pub(super) grid: MacroblockGrid,
    pub(super) predictions: Predictions,
    pub(super) residue: Residue,
    pub(super) counts: ModeCounts,
}

impl<'a> Pass<'a> {
    /// A pass that has not begun.
    pub(super) fn new(
        source: &'a State,
        picture: &'a PictureBuffer,
        plan: &Plan,
        hints: &'a Hints,
        effort: Effort,
    ) -> Result<Self, EncodeError> {
        let size = picture.size();
        let macroblocks = size.macroblock_columns() * size.macroblock_rows();
        let quantisers = Quantisers::new(plan.finest);
        let step = quantisers.luma.divisor[1];
        let (lambda, thresholds) = (Lambda::new(step), Thresholds::of(effort));
        let known = known_probabilities(source, plan);
        let (inter, intra_prices, canvas, stored) = match plan.kind {
            FrameKind::Key => (None, IntraPrices::of_key_frame(), Some(PictureBuffer::new(size)), 0),
            FrameKind::Inter => {
                let inter = InterDecision {
                    pictures: references(source, size)?,
                    prices: VectorPrices::new(&known.vectors, lambda),
                    split_prices: SplitPrices::new(),
                    lambda,
                    columns: size.macroblock_columns(),
                    rows: size.macroblock_rows(),
                    content: thresholds.other_references * u32::from(step),
                    enough: (thresholds.search * thresholds.search * u32::from(step)).isqrt(),
                    // Measured in calls: a sixth of the time for a tenth of a percent.
                    searches_others: effort != Effort::Live,
                };
                let prices = IntraPrices::of_inter_frame(&known.luma_modes, &known.chroma_modes);
                (Some(inter), prices, None, macroblocks)
            }
        };
        Ok(Self {
            picture,
            planes: Plane::ALL.map(|plane| picture.plane(plane)),
            step: u32::from(step),
            lambda,
            quantisers,
            thresholds,
            intra_prices,
            inter,
            hints: hints.of_size(size),
            canvas,
            above: RowAbove::new(size),
            work: Workspace::default(),
            weighing: Box::default(),
            grid: MacroblockGrid::new(size),
            predictions: Predictions::new(stored),
            residue: Residue::new(stored),
            counts: ModeCounts::default(),
        })
    }

    /// Decides every macroblock.
    pub(super) fn decide_all(&mut self) {
        let inter = self.inter.take();
        for row in 0..self.grid.rows() {
            for column in 0..self.grid.columns() {
                let index = row * self.grid.columns() + column;
                let place = Place { row, column, cell: self.grid.cell(row, column), index };
                let source = MacroblockSamples::of(&self.planes, row, column);
                match &inter {
                    None => self.decide_key(&source, place),
                    Some(inter) => self.decide_inter(inter, &source, place),
                }
                self.counts.count(self.grid.macroblock(place.cell));
            }
            self.above.keep(self.canvas.as_ref().unwrap_or(self.picture), row);
        }
    }

    /// The modes of the subblocks above a macroblock and to its left.
    pub(super) fn modes_around(&self, cell: usize) -> ModesAround {
        let above = cell - self.grid.stride();
        ModesAround {
            above: std::array::from_fn(|x| self.grid.subblock_mode(above, 12 + x)),
            left: std::array::from_fn(|y| self.grid.subblock_mode(cell - 1, 4 * y + 3)),
        }
    }

    // What is around a macroblock in the picture to encode.

    pub(super) fn luma_edges(&self, place: Place) -> Edges<16> {
        let view = &self.planes[0];
        self.above.edges(Plane::Y, view.samples, self.luma_start(place), view.stride, place.column)
    }

    pub(super) fn chroma_edges(&self, place: Place) -> [Edges<8>; 2] {
        [Plane::U, Plane::V].map(|plane| {
            let view = &self.planes[plane as usize];
            let at = view.index(8 * place.column as isize, 8 * place.row as isize);
            self.above.edges(plane, view.samples, at, view.stride, place.column)
        })
    }

    pub(super) fn subblock_edges(&self, place: Place) -> SubblockEdges {
        let view = &self.planes[0];
        SubblockEdges::new(&self.above, view.samples, self.luma_start(place), view.stride, place.column)
    }

    fn luma_start(&self, place: Place) -> usize {
        self.planes[0].index(16 * place.column as isize, 16 * place.row as isize)
    }
}

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
