//! How a macroblock of an inter frame is predicted: from another picture as a whole or in parts, or from its own
//! surroundings, which are taken to be what the source has there.

use super::inter::{InterChoice, InterDecision, is_whole, mode_cost, predict_chroma, predict_luma};
use super::intra::{OpenCanvas, choose_chroma, choose_luma, choose_subblocks};
use super::pass::{Pass, Place, RowPass};
use super::rate::{BIT, Cost};
use super::residue::{MacroblockSamples, transform};
use super::split::{PartVector, SplitChoice, SplitSearch, VectorsAround, predict_split};
use crate::bitstream::tables::SPLIT_FIRST_SUBBLOCK;
use crate::bitstream::vectors::{Suggestions, VectorBounds};
use crate::macroblock::{ChromaMode, LumaMode, Macroblock, MotionVector, Reference, SubblockMode};

/// None of our references lies after the frame, so no vector is turned round.
pub(super) const SIGN_BIASES: [bool; 4] = [false; 4];

/// What saying "intra" costs on an inter frame, before it is known how many there are. It also stands for what is lost when the
/// surroundings turn out to be coarser than the source: more than the bare price was measured to be best.
const INTRA_PRICE: Cost = 20 * BIT;

/// How an intra macroblock is predicted.
#[derive(Clone, Copy)]
pub(super) struct IntraChoice {
    pub(super) luma_mode: LumaMode,
    pub(super) modes: Option<[SubblockMode; 16]>,
    /// Chosen when the rest is taken, unless the macroblock is coded on trial.
    pub(super) chroma_mode: ChromaMode,
}

impl RowPass<'_> {
    /// Decides the macroblock at `place`; if it is inter, stores its prediction and coefficients.
    pub(super) fn decide_inter(&mut self, inter: &InterDecision, source: &MacroblockSamples, place: Place) {
        let starts = self.starts(place);
        let bounds = VectorBounds::new(place.row, place.column, self.pass.rows, self.pass.columns);
        let suggestions =
            |reference| Suggestions::find(&self.decided.grid, place.cell, reference, SIGN_BIASES, &bounds);
        let whole = inter.choose(source, place.position(), suggestions, &starts, &mut self.weighing);
        let split = (whole.cost > self.pass.thresholds.split && self.weighing.searched[whole.picture])
            .then(|| self.choose_split(inter, source, place, &whole))
            .flatten();
        let cost = split.map_or(whole.cost, |split| split.cost);
        if cost > self.pass.thresholds.intra
            && let Some(intra) = self.choose_intra(source, place, cost)
        {
            self.take_intra(source, place, &intra);
            return;
        }
        match split {
            Some(split) => self.take_split(inter, source, place, whole.picture, &split),
            None => self.take_whole(inter, source, place, &whole),
        }
    }

    /// What its neighbours suggest to the macroblock at `place` where it is predicted from `reference`.
    pub(super) fn suggestions(&self, reference: Reference, place: Place) -> Suggestions {
        let bounds = VectorBounds::new(place.row, place.column, self.pass.rows, self.pass.columns);
        Suggestions::find(&self.decided.grid, place.cell, reference, SIGN_BIASES, &bounds)
    }

    /// Where motion is looked for besides what the neighbours suggest: the vector above and to the right, and what the hints
    /// say of this place and those right of and below it.
    pub(super) fn starts(&self, place: Place) -> [MotionVector; 4] {
        let Place { row, column, cell, index } = place;
        let Pass { columns, rows, .. } = *self.pass;
        let mut starts = [MotionVector::ZERO; 4];
        if row > 0 && column + 1 < columns {
            starts[0] = self.decided.grid.macroblock(cell - self.decided.grid.stride() + 1).vector;
        }
        if let Some(field) = self.pass.hints {
            let right = if column + 1 < columns { index + 1 } else { index };
            let below = if row + 1 < rows { index + columns } else { index };
            for (start, hint) in starts[1..].iter_mut().zip([index, right, below]) {
                *start = field.vectors[hint];
            }
        }
        starts
    }

    /// The best way to split the macroblock, if one is cheaper than how it is best predicted as a whole.
    pub(super) fn choose_split(
        &self,
        inter: &InterDecision,
        source: &MacroblockSamples,
        place: Place,
        whole: &InterChoice,
    ) -> Option<SplitChoice> {
        let picture = &inter.pictures[whole.picture];
        let offered = &self.weighing.offered;
        let search = inter.search(source, place.position(), whole.picture, offered.best);
        let quarters = [0, 1, 2, 3].map(|quarter| search.quarter(quarter, &self.weighing.found[whole.picture]));
        let split = SplitSearch {
            source,
            plane: picture.planes[0],
            position: place.position(),
            best: offered.best,
            around: VectorsAround::of_cell(&self.decided.grid, place.cell),
        };
        let said = self.pass.lambda.absolute(picture.cost + mode_cost(LumaMode::Split, &offered.mode_probabilities));
        let limit = whole.cost.checked_sub(said)?;
        let mut choice = split.run(inter, (whole.vector, self.weighing.quarters), quarters, limit)?;
        choice.cost += said;
        Some(choice)
    }

    pub(super) fn take_whole(
        &mut self,
        inter: &InterDecision,
        source: &MacroblockSamples,
        place: Place,
        choice: &InterChoice,
    ) {
        let picture = &inter.pictures[choice.picture];
        if choice.mode == LumaMode::New {
            let best = self.weighing.offered.best;
            self.counts.count_vector(choice.vector.minus(best));
        }
        *self.decided.grid.macroblock_mut(place.cell) = Macroblock {
            luma_mode: choice.mode,
            reference: picture.reference,
            vector: choice.vector,
            ..Macroblock::OUTSIDE
        };
        if choice.mode == LumaMode::Zero && picture.reference == Reference::Last {
            let last = MacroblockSamples::of(&picture.planes, place.row, place.column);
            self.keep_residue(source, &last, place, true);
            return;
        }
        let mut prediction = [0; 384];
        if is_whole(choice.vector) {
            predict_luma(&picture.planes[0], place.position(), choice.vector, &mut prediction);
        } else {
            prediction[..256].copy_from_slice(self.weighing.luma());
        }
        predict_chroma([&picture.planes[1], &picture.planes[2]], place.position(), choice.vector, &mut prediction);
        self.keep_residue(source, &MacroblockSamples::of_prediction(&prediction), place, true);
        self.decided.predictions.keep(place.column, prediction);
    }

    /// Keeps what the prediction of the macroblock at `place` leaves of `source`.
    fn keep_residue(&mut self, source: &MacroblockSamples, prediction: &MacroblockSamples, place: Place, y2: bool) {
        let coefficients = &mut self.work.coefficients;
        transform(source, prediction, y2, coefficients);
        self.decided.residue.keep(place.column, self.pass.quantisers.busy(y2, coefficients), coefficients);
    }

    pub(super) fn take_split(
        &mut self,
        inter: &InterDecision,
        source: &MacroblockSamples,
        place: Place,
        picture: usize,
        choice: &SplitChoice,
    ) {
        let picture = &inter.pictures[picture];
        let best = self.weighing.offered.best;
        let around = VectorsAround::of_cell(&self.decided.grid, place.cell);
        for &first in SPLIT_FIRST_SUBBLOCK[usize::from(choice.split)] {
            let vector = choice.vectors[usize::from(first)];
            let (left, above) = around.of(&choice.vectors, usize::from(first));
            if PartVector::of(vector, left, above) == PartVector::New {
                self.counts.count_vector(vector.minus(best));
            }
        }
        let subblocks = self.decided.grid.subblocks_mut(place.cell);
        (subblocks.split, subblocks.vectors) = (choice.split, choice.vectors);
        *self.decided.grid.macroblock_mut(place.cell) = Macroblock {
            luma_mode: LumaMode::Split,
            reference: picture.reference,
            vector: choice.vectors[15],
            ..Macroblock::OUTSIDE
        };
        let mut prediction = [0; 384];
        predict_split(&picture.planes, place.position(), &choice.vectors, &mut prediction);
        self.keep_residue(source, &MacroblockSamples::of_prediction(&prediction), place, false);
        self.decided.predictions.keep(place.column, prediction);
    }

    /// The best intra prediction, if it costs less than `limit`.
    fn choose_intra(&self, source: &MacroblockSamples, place: Place, limit: u32) -> Option<IntraChoice> {
        let said = self.pass.lambda.absolute(INTRA_PRICE);
        let (prices, lambda) = (&self.pass.intra_prices, &self.pass.lambda);
        let limit = limit.saturating_sub(said);
        let whole = choose_luma(source, || self.luma_edges(place), prices, lambda, limit);
        let mut choice =
            whole.map(|(luma_mode, _)| IntraChoice { luma_mode, modes: None, chroma_mode: ChromaMode::Dc });
        let lowest = whole.map_or(limit, |(_, cost)| cost);
        if lowest + said > self.pass.thresholds.subblocks {
            let edges = self.subblock_edges(place);
            let mut canvas = OpenCanvas { edges, luma: source.luma, stride: source.luma_stride };
            let around = self.modes_around(place.cell);
            if let Some((modes, _)) = choose_subblocks(source, &mut canvas, &around, prices, lambda, lowest) {
                choice = Some(IntraChoice {
                    luma_mode: LumaMode::Subblocks,
                    modes: Some(modes),
                    chroma_mode: ChromaMode::Dc,
                });
            }
        }
        choice
    }

    fn take_intra(&mut self, source: &MacroblockSamples, place: Place, choice: &IntraChoice) {
        let chroma_mode = choose_chroma(source, &self.chroma_edges(place), &self.pass.intra_prices, &self.pass.lambda);
        self.keep_intra(place, &IntraChoice { chroma_mode, ..*choice });
    }

    /// Keeps an intra choice as it is.
    pub(super) fn keep_intra(&mut self, place: Place, choice: &IntraChoice) {
        let IntraChoice { luma_mode, chroma_mode, modes } = *choice;
        if let Some(modes) = modes {
            self.decided.grid.subblocks_mut(place.cell).modes = modes;
        }
        *self.decided.grid.macroblock_mut(place.cell) = Macroblock { luma_mode, chroma_mode, ..Macroblock::OUTSIDE };
    }
}
