//! Macroblocks whose parts move differently: two halves or four quarters, each with a vector of its own
//! (RFC 6386 §16.3). Sixteenths are left out: their vectors hardly ever pay in a call.

use super::inter::InterDecision;
use super::motion::Reach;
use super::price::VectorPrices;
use super::rate::{Cost, bit_cost};
use super::residue::{CHROMA_AT, MacroblockSamples, Prediction};
use crate::bitstream::bool_coder::each_tree_bit;
use crate::bitstream::modes::vector_context;
use crate::bitstream::tables::{
    SPLIT_FIRST_SUBBLOCK, SPLIT_PARTS, SPLIT_PROBABILITIES, SPLIT_TREE, SUBBLOCK_VECTOR_TREE,
};
use crate::kernels::difference::{sad_8x8, satd_8x8};
use crate::kernels::interpolate::{self, Interpolation, TAPS_BEFORE};
use crate::macroblock::MotionVector;
use crate::picture::PlaneView;

/// A way to split a macroblock.
#[derive(Clone, Copy)]
pub(super) struct SplitChoice {
    /// A leaf of the split tree.
    pub(super) split: u8,
    pub(super) vectors: [MotionVector; 16],
    /// Transformed difference of luma and price of saying all this but reference and mode.
    pub(super) cost: u32,
}

/// The vectors around a macroblock: of the subblocks above it and of those to its left.
#[derive(Clone, Copy)]
pub(super) struct VectorsAround {
    pub(super) above: [MotionVector; 4],
    pub(super) left: [MotionVector; 4],
}

/// What choosing needs to know of one macroblock.
pub(super) struct SplitSearch<'a> {
    pub(super) source: &'a MacroblockSamples<'a>,
    pub(super) plane: PlaneView<'a>,
    /// The macroblock's row and column.
    pub(super) position: (usize, usize),
    pub(super) reach: Reach,
    /// What new vectors are coded as differences to.
    pub(super) best: MotionVector,
    pub(super) around: VectorsAround,
}

/// Candidates: the whole macroblock's vector, and one found for each quarter.
const CANDIDATES: usize = 5;

/// Kinds of splits that are tried: two halves either way, and quarters.
const SPLITS: [u8; 3] = [0, 1, 2];

/// How a part's vector is said: as that to the left, as that above, zero, or new (leaves of the subblock vector tree).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum PartVector {
    Left,
    Above,
    Zero,
    New,
}

impl PartVector {
    /// The first way of saying `vector` that is true, which is the one that is written.
    pub(super) fn of(vector: MotionVector, left: MotionVector, above: MotionVector) -> Self {
        if vector == left {
            Self::Left
        } else if vector == above {
            Self::Above
        } else if vector == MotionVector::ZERO {
            Self::Zero
        } else {
            Self::New
        }
    }
}

impl VectorsAround {
    /// The vectors to the left of and above subblock `index` of a macroblock that has `vectors`.
    pub(super) fn of(&self, vectors: &[MotionVector; 16], index: usize) -> (MotionVector, MotionVector) {
        let left = if index.is_multiple_of(4) { self.left[index / 4] } else { vectors[index - 1] };
        let above = if index < 4 { self.above[index] } else { vectors[index - 4] };
        (left, above)
    }
}

impl SplitSearch<'_> {
    /// The cheapest split found, starting from `whole`, the vector of the macroblock as a whole.
    pub(super) fn run(&self, decision: &InterDecision, whole: MotionVector) -> SplitChoice {
        let mut candidates = [whole; CANDIDATES];
        for quarter in 0..4 {
            candidates[quarter + 1] = self.search_quarter(decision, quarter, whole);
        }
        let mut differences = [[u32::MAX; CANDIDATES]; 4];
        for (quarter, differences) in differences.iter_mut().enumerate() {
            for (candidate, vector) in candidates.iter().enumerate() {
                let seen = candidates[..candidate].iter().position(|known| known == vector);
                differences[candidate] = match seen {
                    Some(known) => differences[known],
                    None => self.difference(quarter, *vector),
                };
            }
        }
        let choices = SPLITS.map(|split| self.assemble(decision, split, &candidates, &differences));
        choices.into_iter().min_by_key(|choice| choice.cost).expect("there are three splits")
    }

    /// Gives each part of a split its cheapest vector, one after another.
    fn assemble(
        &self,
        decision: &InterDecision,
        split: u8,
        candidates: &[MotionVector; CANDIDATES],
        differences: &[[u32; CANDIDATES]; 4],
    ) -> SplitChoice {
        let parts = &SPLIT_PARTS[usize::from(split)];
        let mut vectors = [MotionVector::ZERO; 16];
        let mut said = 0;
        each_tree_bit(&SPLIT_TREE, split, |node, bit| said += bit_cost(bit, SPLIT_PROBABILITIES[node]));
        let mut cost = decision.lambda.absolute(said);
        for (part, first) in SPLIT_FIRST_SUBBLOCK[usize::from(split)].iter().enumerate() {
            let (left, above) = self.around.of(&vectors, usize::from(*first));
            let quarters = (0..4).filter(|quarter| usize::from(parts[FIRST_OF_QUARTER[*quarter]]) == part);
            let weighed = (0..CANDIDATES).map(|candidate| {
                let difference: u32 = quarters.clone().map(|quarter| differences[quarter][candidate]).sum();
                let price = part_cost(candidates[candidate], left, above, self.best, &decision.prices);
                (difference + decision.lambda.absolute(price), candidate)
            });
            let (part_cost, candidate) = weighed.min().expect("there are candidates");
            cost += part_cost;
            for (vector, belongs_to) in vectors.iter_mut().zip(parts) {
                if usize::from(*belongs_to) == part {
                    *vector = candidates[candidate];
                }
            }
        }
        SplitChoice { split, vectors, cost }
    }

    /// A better vector for one quarter, near that of the whole: downhill in whole samples, then half and quarter samples.
    fn search_quarter(&self, decision: &InterDecision, quarter: usize, whole: MotionVector) -> MotionVector {
        const CROSS: [(i16, i16); 4] = [(-1, 0), (0, -1), (1, 0), (0, 1)];
        let price = |vector| decision.prices.in_absolute_differences(vector, self.best);
        let rounded = MotionVector { row: (whole.row + 2) & !3, column: (whole.column + 2) & !3 };
        let cost_of_whole = |vector: MotionVector| self.absolute_difference(quarter, vector) + price(vector);
        let mut best = if self.reach.holds_vector(rounded) { rounded } else { MotionVector::ZERO };
        let mut cost = cost_of_whole(best);
        for _ in 0..MOST_STEPS {
            let centre = best;
            for (right, down) in CROSS {
                let vector = MotionVector { row: centre.row + 4 * down, column: centre.column + 4 * right };
                if self.reach.holds_vector(vector) {
                    let here = cost_of_whole(vector);
                    if here < cost {
                        (best, cost) = (vector, here);
                    }
                }
            }
            if best == centre {
                break;
            }
        }
        let mut cost = self.difference(quarter, best) + price(best);
        for step in [2, 1] {
            let centre = best;
            for (right, down) in CROSS {
                let vector = MotionVector { row: centre.row + step * down, column: centre.column + step * right };
                if self.reach.holds_vector(vector) {
                    let here = self.difference(quarter, vector) + price(vector);
                    if here < cost {
                        (best, cost) = (vector, here);
                    }
                }
            }
        }
        best
    }

    /// A quarter's samples in the source.
    fn source_of(&self, quarter: usize) -> &[u8] {
        &self.source.luma[quarter / 2 * 8 * self.source.luma_stride + quarter % 2 * 8..]
    }

    /// Where a quarter displaced by a vector starts, in whole samples.
    fn place(&self, quarter: usize, vector: MotionVector) -> (isize, isize) {
        let (row, column) = self.position;
        let x = 16 * column + quarter % 2 * 8;
        let y = 16 * row + quarter / 2 * 8;
        (x as isize + isize::from(vector.column >> 2), y as isize + isize::from(vector.row >> 2))
    }

    fn absolute_difference(&self, quarter: usize, vector: MotionVector) -> u32 {
        let (x, y) = self.place(quarter, vector);
        sad_8x8(self.source_of(quarter), self.source.luma_stride, self.plane.at(x, y), self.plane.stride)
    }

    /// Transformed difference of a quarter.
    fn difference(&self, quarter: usize, vector: MotionVector) -> u32 {
        let mut block = [0; 64];
        predict_quarter(&self.plane, self.place(quarter, vector), vector, &mut block, 8);
        satd_8x8(self.source_of(quarter), self.source.luma_stride, &block, 8)
    }
}

/// Steps of a quarter's search in whole samples.
const MOST_STEPS: usize = 8;

/// The first subblock of each quarter.
const FIRST_OF_QUARTER: [usize; 4] = [0, 2, 8, 10];

/// What saying a part's vector costs.
fn part_cost(
    vector: MotionVector,
    left: MotionVector,
    above: MotionVector,
    best: MotionVector,
    prices: &VectorPrices,
) -> Cost {
    let probabilities = vector_context(left, above);
    let how = PartVector::of(vector, left, above);
    let mut cost = if how == PartVector::New { prices.cost(vector, best) } else { 0 };
    each_tree_bit(&SUBBLOCK_VECTOR_TREE, how as u8, |node, bit| cost += bit_cost(bit, probabilities[node]));
    cost
}

fn predict_quarter(plane: &PlaneView, (x, y): (isize, isize), vector: MotionVector, out: &mut [u8], stride: usize) {
    let before = TAPS_BEFORE as isize;
    let fraction = (2 * (vector.column & 3) as usize, 2 * (vector.row & 3) as usize);
    let source = plane.at(x - before, y - before);
    interpolate::predict(Interpolation::SixTap, source, plane.stride, fraction, out, stride, 8, 8);
}

/// Predicts a macroblock that is split into halves or quarters. A quarter of chroma takes the mean of four equal vectors.
pub(super) fn predict_split(
    planes: &[PlaneView; 3],
    (row, column): (usize, usize),
    vectors: &[MotionVector; 16],
    out: &mut Prediction,
) {
    let before = TAPS_BEFORE as isize;
    for (quarter, first) in FIRST_OF_QUARTER.into_iter().enumerate() {
        let vector = vectors[first];
        let (right, down) = (quarter % 2, quarter / 2);
        let x = (16 * column + 8 * right) as isize + isize::from(vector.column >> 2);
        let y = (16 * row + 8 * down) as isize + isize::from(vector.row >> 2);
        predict_quarter(&planes[0], (x, y), vector, &mut out[down * 8 * 16 + right * 8..], 16);
        let x = (8 * column + 4 * right) as isize + isize::from(vector.column >> 3) - before;
        let y = (8 * row + 4 * down) as isize + isize::from(vector.row >> 3) - before;
        let fraction = ((vector.column & 7) as usize, (vector.row & 7) as usize);
        let sources = [planes[1].at(x, y), planes[2].at(x, y)];
        let (u, v) = out[CHROMA_AT[0]..].split_at_mut(64);
        let at = down * 4 * 8 + right * 4;
        let targets = [&mut u[at..], &mut v[at..]];
        interpolate::predict_two(Interpolation::SixTap, sources, planes[1].stride, fraction, targets, 8, 4);
    }
}
