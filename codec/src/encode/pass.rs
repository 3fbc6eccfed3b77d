//! One pass over the macroblocks of a frame, deciding how each is predicted: what they all share, what a row has of its own, and
//! where a macroblock's surroundings are found. The decisions themselves are in `key_macroblock` and `inter_macroblock`.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use super::analysis::{EncodeError, known_probabilities};
use super::contexts::TokenContexts;
use super::inter::{InterDecision, ReferencePicture, Weighing};
use super::intra::{IntraPrices, ModesAround};
use super::intra_coding::Workspace;
use super::mode_counts::ModeCounts;
use super::noise::noise_floor;
use super::plan::{Effort, Field, FrameKind, Hints, Plan};
use super::price::{Lambda, VectorPrices};
use super::rate::{BIT, Cost};
use super::residue::{MacroblockSamples, Predictions, Quantisers, Residue};
use super::settle::Settling;
use super::split::SplitPrices;
use super::thorough::Thorough;
use super::token_prices::TokenPrices;
use super::wavefront::{Above, Below, Row, SPAN, Wavefront};
use crate::executor::{Executor, on_each_thread};
use crate::kernels::intra::Edges;
use crate::macroblock::{Macroblock, MacroblockGrid, Reference, Subblocks};
use crate::picture::{Picture, PictureBuffer, Plane, PlaneView};
use crate::predict::intra::{LowestSamples, RowAbove, SubblockEdges};
use crate::{QuantizerIndex, Size, State};

/// From what cost on it is worth looking further. The cost is a macroblock's transformed difference and the price of its modes; efforts
/// have it in luma AC steps of the finest quantizer.
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
            Effort::Live => Self { search: 100, other_references: 48, split: 120, intra: 12, subblocks: 80 },
            // A film's macroblocks are coded on trial, whatever they cost.
            Effort::Balanced | Effort::Film => {
                Self { search: 40, other_references: 10, split: 30, intra: 10, subblocks: 60 }
            }
        }
    }

    /// As costs, where a luma AC step is `step` and noise alone makes a difference of `noise`. Noise is predicted no better in parts: without
    /// regard to it the pair took 1.26 times libvpx's time on a face with noise of a deviation of 7 (now 0.95), and 1.47 on a portrait with
    /// one of 9 (0.89), for 0.4 and 2.4 % fewer bits by PSNR, 0.9 and 1.6 % more by SSIM. Clips without noise are coded as before.
    fn costs(self, step: u32, noise: u32) -> Self {
        Self {
            search: (self.search * self.search * step).isqrt(),
            other_references: self.other_references * step,
            split: (self.split * step).max(2 * noise),
            intra: self.intra * step,
            subblocks: (self.subblocks * step).max(noise + noise / 2),
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
    /// In the grid of its row.
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

/// What deciding is the same for all macroblocks of a frame.
pub(super) struct Pass<'a> {
    /// The picture to encode.
    picture: &'a PictureBuffer,
    pub(super) planes: [PlaneView<'a>; 3],
    pub(super) columns: usize,
    pub(super) rows: usize,
    pub(super) lambda: Lambda,
    pub(super) quantisers: Quantisers,
    pub(super) thresholds: Thresholds,
    pub(super) intra_prices: IntraPrices,
    /// On inter frames.
    inter: Option<InterDecision<'a>>,
    pub(super) hints: Option<&'a Field>,
    /// Where macroblocks are coded on trial, at the finest quantizer.
    token_prices: Option<Box<TokenPrices>>,
    finest: QuantizerIndex,
}

/// A row of macroblocks while it is decided, and room that is kept from row to row.
pub(super) struct RowPass<'a> {
    pub(super) pass: &'a Pass<'a>,
    /// On key frames and where macroblocks are coded on trial, the row as the finest quantizer leaves it: its macroblocks are
    /// predicted from each other.
    pub(super) canvas: Option<PictureBuffer>,
    /// The row above, of the canvas or else of the picture.
    pub(super) above: RowAbove,
    pub(super) work: Workspace,
    pub(super) weighing: Box<Weighing>,
    pub(super) decided: DecidedRow,
    /// Where macroblocks are coded on trial.
    pub(super) thorough: Option<Thorough<'a>>,
    /// Counts of all rows that were decided here.
    pub(super) counts: ModeCounts,
}

/// How the macroblocks of a row are predicted.
pub(super) struct DecidedRow {
    /// A grid of this one row, below a copy of the one above.
    pub(super) grid: MacroblockGrid,
    /// By column, where macroblocks are not predicted as the last picture has them.
    pub(super) predictions: Predictions,
    /// By column, what prediction leaves, unless the macroblock is intra.
    pub(super) residue: Residue,
}

impl DecidedRow {
    /// A row of a frame of `kind` that has not been decided.
    fn new(columns: usize, kind: FrameKind) -> Self {
        let stored = match kind {
            FrameKind::Key => 0,
            FrameKind::Inter => columns,
        };
        Self {
            grid: MacroblockGrid::of_row(columns),
            predictions: Predictions::new(stored),
            residue: Residue::new(stored),
        }
    }
}

/// What a row tells the one below it of some macroblocks side by side.
struct Decided {
    macroblocks: [Macroblock; SPAN],
    /// Where macroblocks have any that count, with the place in the span.
    subblocks: Vec<(usize, Subblocks)>,
    /// Where there is a canvas.
    lowest: Option<LowestSamples>,
    /// Where macroblocks are coded on trial.
    contexts: Option<[u64; SPAN]>,
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
        let (columns, rows) = (size.macroblock_columns(), size.macroblock_rows());
        let quantisers = Quantisers::new(plan.finest);
        let step = quantisers.luma.divisor[1];
        let (lambda, thresholds) = (Lambda::new(step), Thresholds::of(effort));
        let known = known_probabilities(source, plan);
        let planes = Plane::ALL.map(|plane| picture.plane(plane));
        let (inter, intra_prices, thresholds) = match plan.kind {
            FrameKind::Key => (None, IntraPrices::of_key_frame(), thresholds.costs(step.into(), 0)),
            FrameKind::Inter => {
                let pictures = references(source, size)?;
                let noise = noise_floor(&planes, &pictures[0], columns, rows);
                let thresholds = thresholds.costs(step.into(), noise);
                let inter = InterDecision {
                    pictures,
                    prices: VectorPrices::new(&known.vectors, lambda),
                    split_prices: SplitPrices::new(),
                    lambda,
                    columns,
                    rows,
                    content: thresholds.other_references,
                    enough: thresholds.search,
                    // Measured in calls: a sixth of the time for a tenth of a percent.
                    searches_others: effort != Effort::Live,
                };
                let prices = IntraPrices::of_inter_frame(&known.luma_modes, &known.chroma_modes);
                (Some(inter), prices, thresholds)
            }
        };
        Ok(Self {
            picture,
            planes,
            columns,
            rows,
            lambda,
            quantisers,
            thresholds,
            intra_prices,
            inter,
            hints: hints.of_size(size),
            token_prices: (effort == Effort::Film && plan.kind == FrameKind::Inter)
                .then(|| Box::new(TokenPrices::new(&known.tokens))),
            finest: plan.finest,
        })
    }

    /// Decides every macroblock. Answers the rows, and how often each choice was made in all of them.
    pub(super) fn decide_all(&self, executor: &dyn Executor) -> (Vec<DecidedRow>, ModeCounts) {
        let mut rows: Vec<Option<DecidedRow>> = (0..self.rows).map(|_| None).collect();
        let front = Wavefront::new(rows.iter_mut(), self.columns);
        let counts = Mutex::new(ModeCounts::default());
        on_each_thread(executor, &|| {
            let mut row_pass = RowPass::new(self);
            while let Some(Row { number, own, above, below }) = front.begin() {
                *own = Some(row_pass.decide(number, front.spans(), above, below));
            }
            counts.lock().unwrap_or_else(PoisonError::into_inner).add(&row_pass.counts);
        });
        let rows = rows.into_iter().map(|row| row.expect("an executor runs its tasks to their end")).collect();
        (rows, counts.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    fn kind(&self) -> FrameKind {
        if self.inter.is_some() { FrameKind::Inter } else { FrameKind::Key }
    }
}

impl<'a> RowPass<'a> {
    fn new(pass: &'a Pass<'a>) -> Self {
        let size = pass.picture.size();
        let canvas = (pass.kind() == FrameKind::Key || pass.token_prices.is_some())
            .then(|| PictureBuffer::unpainted(size.of_first_row()));
        Self {
            pass,
            canvas,
            above: RowAbove::new(size),
            work: Workspace::default(),
            weighing: Box::default(),
            decided: DecidedRow::new(pass.columns, pass.kind()),
            counts: ModeCounts::default(),
            thorough: pass.token_prices.as_ref().map(|prices| Thorough {
                prices,
                settling: Settling::new(pass.finest.into(), prices),
                contexts: TokenContexts::new(pass.columns),
                work: Workspace::default(),
            }),
        }
    }

    /// Decides the macroblocks of row `row`.
    fn decide(
        &mut self,
        row: usize,
        spans: impl Iterator<Item = Range<usize>>,
        mut above: Above<Decided>,
        mut below: Below<Decided>,
    ) -> DecidedRow {
        let pass = self.pass;
        if row > 0 && self.canvas.is_none() {
            self.above.keep(pass.picture, row - 1);
        }
        if let Some(thorough) = &mut self.thorough {
            thorough.contexts.begin_row();
        }
        for span in spans {
            for column in span.clone() {
                above.reach(column + 1, |first, decided| self.see_above(first, decided));
                let cell = self.decided.grid.cell(0, column);
                let place = Place { row, column, cell, index: row * pass.columns + column };
                let source = MacroblockSamples::of(&pass.planes, row, column);
                match &pass.inter {
                    None => self.decide_key(&source, place),
                    Some(inter) if self.thorough.is_some() => self.decide_thoroughly(inter, &source, place),
                    Some(inter) => self.decide_inter(inter, &source, place),
                }
                self.counts.count(self.decided.grid.macroblock(cell));
            }
            below.tell(|| self.tell_below(span));
        }
        std::mem::replace(&mut self.decided, DecidedRow::new(pass.columns, pass.kind()))
    }

    /// Keeps what the row above has decided from column `first` on.
    fn see_above(&mut self, first: usize, decided: &Decided) {
        let grid = &mut self.decided.grid;
        let cell = grid.cell(0, first) - grid.stride();
        let count = SPAN.min(self.pass.columns - first);
        grid.copy_into(cell, &decided.macroblocks[..count]);
        for (place, subblocks) in &decided.subblocks {
            *grid.subblocks_mut(cell + place) = *subblocks;
        }
        if let Some(lowest) = &decided.lowest {
            self.above.keep_part(first, lowest);
        }
        if let (Some(thorough), Some(contexts)) = (&mut self.thorough, &decided.contexts) {
            thorough.contexts.see_above(first, contexts);
        }
    }

    /// What the row below is to know of the macroblocks in `span`.
    fn tell_below(&mut self, span: Range<usize>) -> Decided {
        let (grid, first) = (&self.decided.grid, span.start);
        let mut macroblocks = [Macroblock::OUTSIDE; SPAN];
        macroblocks[..span.len()].copy_from_slice(&grid.row(0)[span.clone()]);
        let own = |column: usize| grid.own_subblocks(grid.cell(0, column)).map(|own| (column - first, *own));
        let subblocks = span.filter_map(own).collect();
        let lowest = self.canvas.as_mut().map(|canvas| LowestSamples::of(&canvas.planes_mut(), first));
        let contexts = self.thorough.as_ref().map(|thorough| thorough.contexts.below(first));
        Decided { macroblocks, subblocks, lowest, contexts }
    }

    /// The modes of the subblocks above a macroblock and to its left.
    pub(super) fn modes_around(&self, cell: usize) -> ModesAround {
        let grid = &self.decided.grid;
        let above = cell - grid.stride();
        ModesAround {
            above: std::array::from_fn(|x| grid.subblock_mode(above, 12 + x)),
            left: std::array::from_fn(|y| grid.subblock_mode(cell - 1, 4 * y + 3)),
        }
    }

    // What is around a macroblock in the picture to encode.

    pub(super) fn luma_edges(&self, place: Place) -> Edges<16> {
        let view = &self.pass.planes[0];
        self.above.edges(Plane::Y, view.samples, self.luma_start(place), view.stride, place.column)
    }

    pub(super) fn chroma_edges(&self, place: Place) -> [Edges<8>; 2] {
        [Plane::U, Plane::V].map(|plane| {
            let view = &self.pass.planes[plane as usize];
            let at = view.index(8 * place.column as isize, 8 * place.row as isize);
            self.above.edges(plane, view.samples, at, view.stride, place.column)
        })
    }

    pub(super) fn subblock_edges(&self, place: Place) -> SubblockEdges {
        let view = &self.pass.planes[0];
        SubblockEdges::new(&self.above, view.samples, self.luma_start(place), view.stride, place.column)
    }

    fn luma_start(&self, place: Place) -> usize {
        self.pass.planes[0].index(16 * place.column as isize, 16 * place.row as isize)
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
