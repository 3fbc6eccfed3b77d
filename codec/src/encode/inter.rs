//! How an inter macroblock is predicted: which reference, which mode, which vector. Weighed by the transformed difference
//! of the real prediction and by what the choice costs to say, at the λ of the finest quantizer.

use super::motion::{Reach, Search};
use super::price::{Lambda, VectorPrices};
use super::rate::{Cost, bit_cost};
use super::residue::{CHROMA_AT, MacroblockSamples, Prediction};
use crate::bitstream::tables::Probability;
use crate::bitstream::vectors::Suggestions;
use crate::kernels::difference::satd_16x16;
use crate::kernels::interpolate::{self, Interpolation, TAPS_BEFORE};
use crate::macroblock::{LumaMode, MotionVector, Reference};
use crate::picture::PlaneView;

/// A picture that macroblocks may be predicted from.
pub(super) struct ReferencePicture<'a> {
    pub(super) reference: Reference,
    pub(super) planes: [PlaneView<'a>; 3],
    /// What saying this reference costs.
    pub(super) cost: Cost,
}

/// A way to predict a macroblock from another picture.
#[derive(Clone, Copy)]
pub(super) struct InterChoice {
    /// Index into the frame's references.
    pub(super) picture: usize,
    pub(super) mode: LumaMode,
    pub(super) vector: MotionVector,
    /// Transformed difference of luma and price of saying all this.
    pub(super) cost: u32,
}

/// What a mode costs to say.
pub(super) fn mode_cost(mode: LumaMode, p: &[Probability; 4]) -> Cost {
    let leaf = usize::from(mode.inter_leaf());
    // The tree is a list: each branch says "not yet" but the last.
    let before: Cost = p[..leaf.min(4)].iter().map(|p| bit_cost(true, *p)).sum();
    if leaf < 4 { before + bit_cost(false, p[leaf]) } else { before }
}

/// What choosing needs to know of a frame.
pub(super) struct InterDecision<'a> {
    pub(super) pictures: Vec<ReferencePicture<'a>>,
    pub(super) prices: VectorPrices,
    pub(super) lambda: Lambda,
    pub(super) columns: usize,
    pub(super) rows: usize,
    /// Transformed difference below which no other reference is looked at.
    pub(super) content: u32,
    /// Whether motion is searched in other references too, beyond what the neighbours suggest.
    pub(super) searches_others: bool,
}

impl InterDecision<'_> {
    /// The cheapest way found to predict the macroblock of `source` at (`row`, `column`) from another picture.
    /// `neighbours` are what each of [`Self::pictures`] is offered, `starts` where its motion may be looked for besides.
    pub(super) fn choose(
        &self,
        source: &MacroblockSamples,
        (row, column): (usize, usize),
        neighbours: impl Fn(Reference) -> Suggestions,
        starts: &[MotionVector],
    ) -> InterChoice {
        let reach = Reach::of(column, row, self.columns, self.rows);
        let mut best: Option<InterChoice> = None;
        for (picture, reference) in self.pictures.iter().enumerate() {
            if best.is_some_and(|best| best.cost < self.content) {
                break;
            }
            let offered = neighbours(reference.reference);
            let mut weigh = |mode: LumaMode, vector: MotionVector, saying: Cost| {
                let said = reference.cost + mode_cost(mode, &offered.mode_probabilities) + saying;
                let cost =
                    self.difference(source, &reference.planes[0], (row, column), vector) + self.lambda.absolute(said);
                if best.is_none_or(|best| cost < best.cost) {
                    best = Some(InterChoice { picture, mode, vector, cost });
                }
            };
            weigh(LumaMode::Zero, MotionVector::ZERO, 0);
            let offers = |vector: MotionVector| vector != MotionVector::ZERO && reach.holds_vector(vector);
            if offers(offered.nearest) {
                weigh(LumaMode::Nearest, offered.nearest, 0);
            }
            if offers(offered.near) && offered.near != offered.nearest {
                weigh(LumaMode::Near, offered.near, 0);
            }
            if picture > 0 && !self.searches_others {
                continue;
            }
            let search = Search {
                source: source.luma,
                source_stride: source.luma_stride,
                reference: reference.planes[0],
                position: (16 * column as i32, 16 * row as i32),
                reach,
                best: offered.best,
                prices: &self.prices,
            };
            let mut all = [MotionVector::ZERO; 8];
            all[1..4].copy_from_slice(&[offered.best, offered.nearest, offered.near]);
            let count = 4 + starts.len().min(4);
            all[4..count].copy_from_slice(&starts[..count - 4]);
            let (vector, _) = search.run(&all[..count]);
            if ![MotionVector::ZERO, offered.nearest, offered.near].contains(&vector) {
                weigh(LumaMode::New, vector, self.prices.cost(vector, offered.best));
            }
        }
        best.expect("there is a last frame, and its zero vector was weighed")
    }
}

impl InterDecision<'_> {
    /// Transformed difference of luma between `source` and its prediction by `vector`.
    fn difference(
        &self,
        source: &MacroblockSamples,
        plane: &PlaneView,
        (row, column): (usize, usize),
        vector: MotionVector,
    ) -> u32 {
        if (vector.row | vector.column) & 3 == 0 {
            let x = 16 * column as isize + isize::from(vector.column >> 2);
            let y = 16 * row as isize + isize::from(vector.row >> 2);
            return satd_16x16(source.luma, source.luma_stride, plane.at(x, y), plane.stride);
        }
        let mut block = [0; 256];
        predict_luma(plane, (row, column), vector, &mut block);
        satd_16x16(source.luma, source.luma_stride, &block, 16)
    }
}

/// Predicts luma of the macroblock at (`row`, `column`), whose vector must lie within its [`Reach`].
pub(super) fn predict_luma(plane: &PlaneView, (row, column): (usize, usize), vector: MotionVector, out: &mut [u8]) {
    let x = 16 * column as isize + isize::from(vector.column >> 2);
    let y = 16 * row as isize + isize::from(vector.row >> 2);
    // Quarters of a sample are even eighths.
    let fraction = (2 * (vector.column & 3) as usize, 2 * (vector.row & 3) as usize);
    let before = TAPS_BEFORE as isize;
    let source = plane.at(x - before, y - before);
    interpolate::predict(Interpolation::SixTap, source, plane.stride, fraction, out, 16, 16, 16);
}

/// Predicts chroma likewise. Chroma has half the samples, so a quarter of luma's is an eighth of its own.
pub(super) fn predict_chroma(
    planes: [&PlaneView; 2],
    (row, column): (usize, usize),
    vector: MotionVector,
    out: &mut Prediction,
) {
    let x = 8 * column as isize + isize::from(vector.column >> 3);
    let y = 8 * row as isize + isize::from(vector.row >> 3);
    let fraction = ((vector.column & 7) as usize, (vector.row & 7) as usize);
    let before = TAPS_BEFORE as isize;
    let sources = planes.map(|plane| plane.at(x - before, y - before));
    let (u, v) = out[CHROMA_AT[0]..].split_at_mut(64);
    interpolate::predict_two(Interpolation::SixTap, sources, planes[0].stride, fraction, [u, v], 8, 8);
}
