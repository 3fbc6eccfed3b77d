//! How an inter macroblock is predicted: which reference, which mode, which vector. Weighed by the transformed difference
//! of the real prediction and by what the choice costs to say, at the λ of the finest quantizer.

use super::motion::{Found, Reach, Search};
use super::price::{Lambda, VectorPrices};
use super::rate::{Cost, bit_cost};
use super::residue::{CHROMA_AT, MacroblockSamples, Prediction};
use super::split::SplitPrices;
use crate::bitstream::tables::Probability;
use crate::bitstream::vectors::Suggestions;
use crate::kernels::difference::satd_quarters;
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
    pub(super) split_prices: SplitPrices,
    pub(super) lambda: Lambda,
    pub(super) columns: usize,
    pub(super) rows: usize,
    /// Transformed difference below which no other reference is looked at.
    pub(super) content: u32,
    /// Cost below which motion is not searched.
    pub(super) enough: u32,
    /// Whether motion is searched in other references too, beyond what the neighbours suggest.
    pub(super) searches_others: bool,
}

/// Last, golden and altref.
const MOST_PICTURES: usize = 3;

/// Steps of a quarter of a sample that a vector is followed.
const MOST_STEPS: usize = 4;

/// The eight vectors around one.
const AROUND: [(i16, i16); 8] = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)];

/// Room for what is found out about one macroblock, kept from one to the next.
#[derive(Default)]
pub(super) struct Weighing {
    /// What searches found, by reference.
    pub(super) found: [Found; MOST_PICTURES],
    /// In which references motion was searched.
    pub(super) searched: [bool; MOST_PICTURES],
    /// Predictions between whole samples: that of the best choice so far and another.
    blocks: [Block; 2],
    best_block: usize,
    /// What the neighbours suggest for the best choice's reference.
    pub(super) offered: Suggestions,
    /// Transformed differences of the best choice, by quarters.
    pub(super) quarters: [u32; 4],
}

/// A predicted block of luma.
struct Block([u8; 256]);

impl Default for Block {
    fn default() -> Self {
        Self([0; 256])
    }
}

impl Weighing {
    /// The luma prediction of the best choice, where that lies between whole samples.
    pub(super) fn luma(&self) -> &[u8; 256] {
        &self.blocks[self.best_block].0
    }
}

/// Whether a vector says a whole number of samples both ways.
pub(super) fn is_whole(vector: MotionVector) -> bool {
    (vector.row | vector.column) & 3 == 0
}

impl InterDecision<'_> {
    /// The cheapest way found to predict the macroblock of `source` at (`row`, `column`) from another picture.
    /// `neighbours` are what each of [`Self::pictures`] is offered, `starts` where its motion may be looked for besides.
    pub(super) fn choose(
        &self,
        source: &MacroblockSamples,
        (row, column): (usize, usize),
        neighbours: impl Fn(Reference) -> Suggestions,
        starts: &[MotionVector; 4],
        weighing: &mut Weighing,
    ) -> InterChoice {
        let reach = Reach::of(column, row, self.columns, self.rows);
        let mut best = InterChoice { picture: 0, mode: LumaMode::Zero, vector: MotionVector::ZERO, cost: u32::MAX };
        weighing.searched = [false; MOST_PICTURES];
        for (picture, reference) in self.pictures.iter().enumerate() {
            if best.cost < self.content {
                break;
            }
            let offered = neighbours(reference.reference);
            let mut weigh = |mode: LumaMode, vector: MotionVector, saying: Cost, weighing: &mut Weighing| {
                let said = reference.cost + mode_cost(mode, &offered.mode_probabilities) + saying;
                let quarters = weighing.differences(source, &reference.planes[0], (row, column), vector);
                let cost = quarters.iter().sum::<u32>() + self.lambda.absolute(said);
                if cost < best.cost {
                    best = InterChoice { picture, mode, vector, cost };
                    weighing.take(vector, quarters, &offered);
                }
                best.cost
            };
            let mut lowest = weigh(LumaMode::Zero, MotionVector::ZERO, 0, weighing);
            let offers = |vector: MotionVector| vector != MotionVector::ZERO && reach.holds_vector(vector);
            if offers(offered.nearest) {
                lowest = weigh(LumaMode::Nearest, offered.nearest, 0, weighing);
            }
            if offers(offered.near) && offered.near != offered.nearest {
                lowest = weigh(LumaMode::Near, offered.near, 0, weighing);
            }
            if lowest < self.enough || (picture > 0 && !self.searches_others) {
                continue;
            }
            let search = self.search(source, (row, column), picture, offered.best);
            let [a, b, c, d] = *starts;
            let starts = [MotionVector::ZERO, offered.best, offered.nearest, offered.near, a, b, c, d];
            search.run(&starts, &mut weighing.found[picture]);
            weighing.searched[picture] = true;
            let vector = weighing.found[picture].vector;
            if ![MotionVector::ZERO, offered.nearest, offered.near].contains(&vector) {
                weigh(LumaMode::New, vector, self.prices.cost(vector, offered.best), weighing);
            }
        }
        best
    }

    /// Every way to predict the macroblock of `source` as a whole from one of the references, with the price of saying so.
    pub(super) fn ways(
        &self,
        source: &MacroblockSamples,
        (row, column): (usize, usize),
        picture: usize,
        offered: &Suggestions,
        starts: &[MotionVector; 4],
        weighing: &mut Weighing,
    ) -> [Option<(InterChoice, Cost)>; 4] {
        let reach = Reach::of(column, row, self.columns, self.rows);
        let reference = &self.pictures[picture];
        let plane = &reference.planes[0];
        let way = |mode: LumaMode, vector: MotionVector, weighing: &mut Weighing| {
            let vector_price = if mode == LumaMode::New { self.prices.cost(vector, offered.best) } else { 0 };
            let said = reference.cost + mode_cost(mode, &offered.mode_probabilities) + vector_price;
            let difference: u32 = weighing.differences(source, plane, (row, column), vector).iter().sum();
            (InterChoice { picture, mode, vector, cost: difference + self.lambda.absolute(said) }, said)
        };
        let offers = |vector: MotionVector| vector != MotionVector::ZERO && reach.holds_vector(vector);
        let zero = way(LumaMode::Zero, MotionVector::ZERO, weighing);
        let nearest = offers(offered.nearest).then(|| way(LumaMode::Nearest, offered.nearest, weighing));
        let near = (offers(offered.near) && offered.near != offered.nearest)
            .then(|| way(LumaMode::Near, offered.near, weighing));
        let [a, b, c, d] = *starts;
        let starts = [MotionVector::ZERO, offered.best, offered.nearest, offered.near, a, b, c, d];
        self.search(source, (row, column), picture, offered.best).run(&starts, &mut weighing.found[picture]);
        let mut new = way(LumaMode::New, weighing.found[picture].vector, weighing);
        // The search takes predictions between samples for straight lines; here is what they are.
        for _ in 0..MOST_STEPS {
            let centre = new.0.vector;
            for (down, across) in AROUND {
                let vector = MotionVector { row: centre.row + down, column: centre.column + across };
                if reach.holds_vector(vector) {
                    let other = way(LumaMode::New, vector, weighing);
                    if other.0.cost < new.0.cost {
                        new = other;
                    }
                }
            }
            if new.0.vector == centre {
                break;
            }
        }
        let known = [MotionVector::ZERO, offered.nearest, offered.near].contains(&new.0.vector);
        [Some(zero), nearest, near, (!known).then_some(new)]
    }

    /// A search in one of the references, for a macroblock that new vectors are coded as differences to `best`.
    pub(super) fn search<'a>(
        &'a self,
        source: &MacroblockSamples<'a>,
        (row, column): (usize, usize),
        picture: usize,
        best: MotionVector,
    ) -> Search<'a> {
        Search {
            source: source.luma,
            source_stride: source.luma_stride,
            reference: self.pictures[picture].planes[0],
            position: (16 * column as i32, 16 * row as i32),
            reach: Reach::of(column, row, self.columns, self.rows),
            best,
            prices: &self.prices,
        }
    }
}

impl Weighing {
    /// Transformed differences of luma between `source` and its prediction by `vector`, by quarters. The prediction is left
    /// beside that of the best choice.
    pub(super) fn differences(
        &mut self,
        source: &MacroblockSamples,
        plane: &PlaneView,
        (row, column): (usize, usize),
        vector: MotionVector,
    ) -> [u32; 4] {
        if is_whole(vector) {
            let x = 16 * column as isize + isize::from(vector.column >> 2);
            let y = 16 * row as isize + isize::from(vector.row >> 2);
            return satd_quarters(source.luma, source.luma_stride, plane.at(x, y), plane.stride);
        }
        let Block(block) = &mut self.blocks[1 - self.best_block];
        predict_luma(plane, (row, column), vector, block);
        satd_quarters(source.luma, source.luma_stride, block, 16)
    }

    /// Takes what has just been predicted as the best choice.
    pub(super) fn take(&mut self, vector: MotionVector, quarters: [u32; 4], offered: &Suggestions) {
        self.offered = *offered;
        self.quarters = quarters;
        if !is_whole(vector) {
            self.best_block = 1 - self.best_block;
        }
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
