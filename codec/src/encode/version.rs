//! The macroblocks of one version of a frame, coded row by row: levels, reconstruction and tokens.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::analysis::Analysis;
use super::contexts::TokenContexts;
use super::fineness::Fineness;
use super::intra_coding::{Workspace, code_intra};
use super::residue::{MacroblockSamples, reconstruct};
use super::settle::Settling;
use super::tokens::TokenRecord;
use super::wavefront::{Above, Below, Row, SPAN, Wavefront};
use crate::QuantizerIndex;
use crate::executor::{Executor, Serial, on_each_thread};
use crate::macroblock::{Macroblock, MacroblockGrid, Reference};
use crate::picture::{PictureBuffer, Plane, PlaneView, PlaneViewMut};
use crate::predict::intra::{LowestSamples, RowAbove};

/// A version whose macroblocks are coded, before the loop filter.
pub(super) struct Version {
    pub(super) picture: PictureBuffer,
    pub(super) grid: MacroblockGrid,
    pub(super) tokens: TokenRecord,
}

impl Version {
    /// The version of an analysed frame at `fineness`.
    pub(super) fn code(executor: &dyn Executor, analysis: &Analysis, fineness: Fineness) -> Self {
        let picture = PictureBuffer::unpainted(analysis.picture.size());
        Self::code_on(executor, analysis, fineness, picture, analysis.last_picture())
    }

    /// The same on a `picture` where inter macroblocks are predicted already, but for those whose predictions are kept.
    pub(super) fn code_predicted(analysis: &Analysis, fineness: Fineness, picture: PictureBuffer) -> Self {
        Self::code_on(&Serial, analysis, fineness, picture, None)
    }

    /// On a `picture` that is to be as `last` first, if there is one.
    fn code_on(
        executor: &dyn Executor,
        analysis: &Analysis,
        fineness: Fineness,
        mut picture: PictureBuffer,
        last: Option<[PlaneView<'_>; 3]>,
    ) -> Self {
        let mut grid = analysis.grid.clone();
        let coding = Coding {
            analysis,
            quantizer: fineness.quantizer(),
            settling: Settling::new(fineness, analysis.token_prices()),
            source: Plane::ALL.map(|plane| analysis.picture.plane(plane)),
            last,
        };
        let front = Wavefront::new(picture.strips_mut().zip(grid.rows_mut()), analysis.grid.columns());
        let records = Mutex::new(Vec::new());
        on_each_thread(executor, &|| {
            let mut rows = RowCoding::new(&coding);
            while let Some(Row { number, own: (planes, macroblocks), above, below }) = front.begin() {
                rows.code(number, planes, macroblocks, front.spans(), above, below);
            }
            records.lock().unwrap_or_else(PoisonError::into_inner).push(rows.tokens);
        });
        drop(front);
        let tokens = TokenRecord::join(records.into_inner().unwrap_or_else(PoisonError::into_inner));
        Self { picture, grid, tokens }
    }

    /// How many macroblocks have no coefficients.
    pub(super) fn skipped(&self) -> u32 {
        (self.grid.columns() * self.grid.rows() - self.tokens.macroblocks()) as u32
    }
}

/// What coding is the same for all rows.
struct Coding<'a> {
    analysis: &'a Analysis,
    quantizer: QuantizerIndex,
    settling: Settling<'a>,
    source: [PlaneView<'a>; 3],
    /// On inter frames, what most of the picture often stays as.
    last: Option<[PlaneView<'a>; 3]>,
}

/// What coding goes through from row to row.
struct RowCoding<'a> {
    coding: &'a Coding<'a>,
    contexts: TokenContexts,
    above: RowAbove,
    work: Workspace,
    tokens: TokenRecord,
}

/// What a row tells the one below it of some macroblocks side by side.
struct Coded {
    contexts: [u64; SPAN],
    lowest: LowestSamples,
}

impl<'a> RowCoding<'a> {
    fn new(coding: &'a Coding<'a>) -> Self {
        let grid = &coding.analysis.grid;
        Self {
            coding,
            contexts: TokenContexts::new(grid.columns()),
            above: RowAbove::new(coding.analysis.picture.size()),
            work: Workspace::default(),
            tokens: TokenRecord::with_room_for(grid.columns() * grid.rows()),
        }
    }

    /// Codes row `row` into `planes`, which hold it alone, and says in `macroblocks` which of them have coefficients.
    fn code(
        &mut self,
        row: usize,
        mut planes: [PlaneViewMut; 3],
        macroblocks: &mut [Macroblock],
        spans: impl Iterator<Item = Range<usize>>,
        mut above: Above<Coded>,
        mut below: Below<Coded>,
    ) {
        if let Some(last) = &self.coding.last {
            for (plane, last) in planes.iter_mut().zip(last) {
                plane.samples.copy_from_slice(last.strip(row, plane.samples.len() / plane.stride));
            }
        }
        self.contexts.begin_row();
        for span in spans {
            for column in span.clone() {
                above.reach(column + 1, |first, coded| {
                    self.contexts.see_above(first, &coded.contexts);
                    self.above.keep_part(first, &coded.lowest);
                });
                let any = self.code_macroblock((row, column), &macroblocks[column], &mut planes);
                macroblocks[column].skip = !any;
                macroblocks[column].has_coefficients = any;
            }
            below.tell(|| Coded {
                contexts: self.contexts.below(span.start),
                lowest: LowestSamples::of(&planes, span.start),
            });
        }
        self.tokens.end_row(row);
    }

    /// Codes one macroblock; answers whether it has coefficients.
    #[inline]
    fn code_macroblock(
        &mut self,
        (row, column): (usize, usize),
        macroblock: &Macroblock,
        planes: &mut [PlaneViewMut; 3],
    ) -> bool {
        let Coding { analysis, quantizer, settling, source, .. } = self.coding;
        let y2 = macroblock.luma_mode.has_y2();
        let mut settler = settling.settler(macroblock.segment, self.contexts.around(column, y2));
        let any = if macroblock.reference == Reference::Intra {
            let modes = &analysis.grid.subblocks(analysis.grid.cell(row, column)).modes;
            let source = MacroblockSamples::of(source, row, column);
            code_intra(macroblock, modes, &source, (0, column), &self.above, &mut settler, planes, &mut self.work)
        } else {
            let at = [planes[0].index(16 * column, 0), planes[1].index(8 * column, 0), planes[2].index(8 * column, 0)];
            analysis.predict((row, column), planes, at);
            let Workspace { coefficients, levels } = &mut self.work;
            let blocks = analysis.coefficients(*quantizer, macroblock, (row, column), coefficients);
            let any = settler.settle_all(blocks, coefficients, levels);
            if any {
                reconstruct(levels, settler.quantisers, y2, planes, at);
            }
            any
        };
        if any {
            self.tokens.record(&self.work.levels, settler.own);
        }
        self.contexts.keep(column, settler.own);
        any
    }
}
