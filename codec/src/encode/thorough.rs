//! How a macroblock of an inter frame is predicted where time hardly matters: whatever looks promising is coded, and the way is
//! taken that costs least in squared error and bits together. The loop is closed: intra macroblocks are predicted from what the
//! finest quantizer leaves of their neighbours.

use super::contexts::{Surroundings, TokenContexts};
use super::inter::{InterChoice, InterDecision, mode_cost, predict_chroma, predict_luma};
use super::inter_macroblock::IntraChoice;
use super::intra::{choose_chroma, choose_subblocks};
use super::intra_coding::{ClosedCanvas, Workspace, code_intra, painted_chroma_edges};
use super::pass::{Place, RowPass};
use super::rate::{BIT, Cost};
use super::residue::{ALL_BLOCKS, CHROMA_AT, MacroblockSamples, Prediction, Starts, reconstruct, transform};
use super::settle::Settling;
use super::split::{SplitChoice, predict_split};
use super::token_prices::TokenPrices;
use crate::macroblock::{LumaMode, Macroblock, MotionVector};
use crate::picture::PlaneViewMut;
use crate::predict::intra::RowAbove;

/// What coding on trial takes along from macroblock to macroblock.
pub(super) struct Thorough<'a> {
    pub(super) prices: &'a TokenPrices,
    pub(super) settling: Settling<'a>,
    pub(super) contexts: TokenContexts,
    pub(super) work: Workspace,
}

/// A way to predict a macroblock.
#[derive(Clone, Copy)]
enum Way {
    /// By one vector.
    Whole(InterChoice),
    /// By several, from one of the references.
    Split(usize, SplitChoice),
    Intra(IntraChoice),
}

/// The best way so far, with its cost.
type Best = Option<(u64, Way)>;

/// What saying "intra" costs on an inter frame, before it is known how many there are.
const INTRA_SAID: Cost = 4 * BIT;

/// A split is tried where its transformed difference is larger than that of the closest whole by no more than this part.
const SPLIT_MARGIN: u32 = 4;

impl RowPass<'_> {
    /// Decides the macroblock at `place`, paints it on the canvas and, if it is inter, stores its prediction and coefficients.
    pub(super) fn decide_thoroughly(&mut self, inter: &InterDecision, source: &MacroblockSamples, place: Place) {
        let mut best = None;
        for picture in 0..inter.pictures.len() {
            self.try_reference(inter, source, place, picture, &mut best);
        }
        self.try_intra(inter, source, place, &mut best);
        let (_, way) = best.expect("a macroblock may always stay as it was");
        let (_, own) = self.code_on_trial(inter, source, place, &way, 0);
        if let Some(thorough) = &mut self.thorough {
            thorough.contexts.keep(place.column, own);
        }
        match way {
            Way::Whole(choice) => {
                self.weigh_again(inter, source, place, choice.picture, choice.vector);
                self.take_whole(inter, source, place, &choice);
            }
            Way::Split(picture, choice) => {
                self.weigh_again(inter, source, place, picture, MotionVector::ZERO);
                self.take_split(inter, source, place, picture, &choice);
            }
            Way::Intra(choice) => self.keep_intra(place, &choice),
        }
    }

    /// Tries what one of the references has to offer.
    fn try_reference(
        &mut self,
        inter: &InterDecision,
        source: &MacroblockSamples,
        place: Place,
        picture: usize,
        best: &mut Best,
    ) {
        let reference = &inter.pictures[picture];
        if self.is_beaten(reference.cost, best) {
            return;
        }
        let offered = self.suggestions(reference.reference, place);
        let starts = self.starts(place);
        let ways = inter.ways(source, place.position(), picture, &offered, &starts, &mut self.weighing);
        let mut closest: Option<InterChoice> = None;
        for (choice, said) in ways.into_iter().flatten() {
            if closest.is_none_or(|closest| choice.cost < closest.cost) {
                closest = Some(choice);
            }
            self.try_way(inter, source, place, Way::Whole(choice), said, best);
        }
        let Some(closest) = closest else { return };
        self.weigh_again(inter, source, place, picture, closest.vector);
        let whole = InterChoice { cost: closest.cost + closest.cost / SPLIT_MARGIN, ..closest };
        if let Some(split) = self.choose_split(inter, source, place, &whole) {
            let said = reference.cost + mode_cost(LumaMode::Split, &offered.mode_probabilities) + split.said;
            self.try_way(inter, source, place, Way::Split(picture, split), said, best);
        }
    }

    /// Tries each intra mode.
    fn try_intra(&mut self, inter: &InterDecision, source: &MacroblockSamples, place: Place, best: &mut Best) {
        if self.is_beaten(INTRA_SAID, best) {
            return;
        }
        let (pass, column) = (self.pass, place.column);
        let (prices, lambda) = (&pass.intra_prices, &pass.lambda);
        let around = self.modes_around(place.cell);
        let canvas = self.canvas.as_mut().expect("a thorough pass has a canvas");
        let planes = &mut canvas.planes_mut();
        let edges = painted_chroma_edges(&self.above, planes, column);
        let chroma_mode = choose_chroma(source, &edges, prices, lambda);
        let mut closed = ClosedCanvas::new(source, &pass.quantisers, &self.above, &mut planes[0], column);
        let subblocks = choose_subblocks(source, &mut closed, &around, prices, lambda, u32::MAX);
        let said = INTRA_SAID + prices.chroma(chroma_mode);
        for luma_mode in [LumaMode::Dc, LumaMode::Vertical, LumaMode::Horizontal, LumaMode::TrueMotion] {
            let way = Way::Intra(IntraChoice { luma_mode, modes: None, chroma_mode });
            self.try_way(inter, source, place, way, said + prices.luma(luma_mode), best);
        }
        if let Some((modes, _)) = subblocks {
            let way = Way::Intra(IntraChoice { luma_mode: LumaMode::Subblocks, modes: Some(modes), chroma_mode });
            let of_modes: Cost = modes.iter().map(|mode| prices.subblock(*mode, *mode, *mode)).sum();
            self.try_way(inter, source, place, way, said + prices.luma(LumaMode::Subblocks) + of_modes, best);
        }
    }

    fn try_way(
        &mut self,
        inter: &InterDecision,
        source: &MacroblockSamples,
        place: Place,
        way: Way,
        said: Cost,
        best: &mut Best,
    ) {
        if self.is_beaten(said, best) {
            return;
        }
        let (cost, _) = self.code_on_trial(inter, source, place, &way, said);
        if best.is_none_or(|(least, _)| cost < least) {
            *best = Some((cost, way));
        }
    }

    /// Whether saying so is as dear as the best way is in all.
    fn is_beaten(&self, said: Cost, best: &Best) -> bool {
        best.is_some_and(|(least, _)| self.pass.lambda.on_trial(said) >= least)
    }

    /// Codes the macroblock on the canvas; answers what that costs, and which of its blocks have levels.
    fn code_on_trial(
        &mut self,
        inter: &InterDecision,
        source: &MacroblockSamples,
        place: Place,
        way: &Way,
        said: Cost,
    ) -> (u64, Surroundings) {
        let Self { pass, canvas, above, thorough: Some(thorough), .. } = self else {
            unreachable!("a thorough pass codes on trial")
        };
        let planes = &mut canvas.as_mut().expect("a thorough pass has a canvas").planes_mut();
        let column = place.column;
        let at = [planes[0].index(16 * column, 0), planes[1].index(8 * column, 0), planes[2].index(8 * column, 0)];
        let mut prediction = [0; 384];
        let own = match way {
            Way::Whole(choice) => {
                let [luma, u, v] = &inter.pictures[choice.picture].planes;
                predict_luma(luma, place.position(), choice.vector, &mut prediction);
                predict_chroma([u, v], place.position(), choice.vector, &mut prediction);
                thorough.code_inter(source, &prediction, true, planes, at, column)
            }
            Way::Split(picture, choice) => {
                predict_split(&inter.pictures[*picture].planes, place.position(), &choice.vectors, &mut prediction);
                thorough.code_inter(source, &prediction, false, planes, at, column)
            }
            Way::Intra(choice) => thorough.code_intra(source, choice, above, planes, column),
        };
        let distortion = squared_error(source, &MacroblockSamples::painted(planes, at));
        let levels = &thorough.work.levels;
        let tokens = if levels.coded == 0 { 0 } else { thorough.prices.of_macroblock(levels, own) };
        (u64::from(distortion) + pass.lambda.on_trial(tokens + said), own)
    }

    /// Makes the prediction by `vector` from one of the references the best one that is known.
    fn weigh_again(
        &mut self,
        inter: &InterDecision,
        source: &MacroblockSamples,
        place: Place,
        picture: usize,
        vector: MotionVector,
    ) {
        let reference = &inter.pictures[picture];
        let offered = self.suggestions(reference.reference, place);
        let quarters = self.weighing.differences(source, &reference.planes[0], place.position(), vector);
        self.weighing.take(vector, quarters, &offered);
    }
}

impl Thorough<'_> {
    fn code_inter(
        &mut self,
        source: &MacroblockSamples,
        prediction: &Prediction,
        y2: bool,
        planes: &mut [PlaneViewMut; 3],
        at: Starts,
        column: usize,
    ) -> Surroundings {
        let (luma, chroma) = prediction.split_at(CHROMA_AT[0]);
        paint(luma, 16, &mut planes[0], at[0]);
        let (u, v) = chroma.split_at(64);
        paint(u, 8, &mut planes[1], at[1]);
        paint(v, 8, &mut planes[2], at[2]);
        let Workspace { coefficients, levels } = &mut self.work;
        transform(source, &MacroblockSamples::of_prediction(prediction), y2, coefficients);
        let mut settler = self.settling.settler(0, self.contexts.around(column, y2));
        if settler.settle_all(ALL_BLOCKS, coefficients, levels) {
            reconstruct(levels, settler.quantisers, y2, planes, at);
        }
        settler.own
    }

    fn code_intra(
        &mut self,
        source: &MacroblockSamples,
        choice: &IntraChoice,
        above: &RowAbove,
        planes: &mut [PlaneViewMut; 3],
        column: usize,
    ) -> Surroundings {
        let IntraChoice { luma_mode, chroma_mode, modes } = *choice;
        let mut settler = self.settling.settler(0, self.contexts.around(column, luma_mode.has_y2()));
        let macroblock = Macroblock { luma_mode, chroma_mode, ..Macroblock::OUTSIDE };
        let modes = modes.unwrap_or_default();
        code_intra(&macroblock, &modes, source, (0, column), above, &mut settler, planes, &mut self.work);
        settler.own
    }
}

/// The squared error of all samples of a macroblock.
fn squared_error(a: &MacroblockSamples, b: &MacroblockSamples) -> u32 {
    let luma = block_error::<16>(a.luma, a.luma_stride, b.luma, b.luma_stride);
    let chroma = a
        .chroma
        .iter()
        .zip(b.chroma)
        .map(|(of_a, of_b)| block_error::<8>(of_a, a.chroma_stride, of_b, b.chroma_stride));
    luma + chroma.sum::<u32>()
}

fn block_error<const N: usize>(a: &[u8], a_stride: usize, b: &[u8], b_stride: usize) -> u32 {
    let rows = a.chunks(a_stride).zip(b.chunks(b_stride)).take(N);
    rows.map(|(a, b)| {
        let differences = a[..N].iter().zip(&b[..N]).map(|(a, b)| u32::from(a.abs_diff(*b)).pow(2));
        differences.sum::<u32>()
    })
    .sum()
}

fn paint(samples: &[u8], side: usize, plane: &mut PlaneViewMut, at: usize) {
    for (row, samples) in samples.chunks_exact(side).enumerate() {
        plane.samples[at + row * plane.stride..][..side].copy_from_slice(samples);
    }
}
