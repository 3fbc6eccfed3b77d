//! Macroblocks whose parts move differently: two halves or four quarters, each with a vector of its own
//! (RFC 6386 §16.3). Sixteenths are left out: their vectors hardly ever pay in a call.

use super::inter::InterDecision;
use super::rate::{BIT, Cost, leaf_costs};
use super::residue::{CHROMA_AT, MacroblockSamples, Prediction};
use crate::bitstream::modes::vector_context;
use crate::bitstream::tables::{SPLIT_PROBABILITIES, SPLIT_TREE, SUBBLOCK_VECTOR_CONTEXTS, SUBBLOCK_VECTOR_TREE};
use crate::kernels::difference::satd_8x8;
use crate::kernels::interpolate::{self, Interpolation, TAPS_BEFORE};
use crate::macroblock::{MacroblockGrid, MotionVector};
use crate::picture::PlaneView;

/// A way to split a macroblock.
#[derive(Clone, Copy)]
pub(super) struct SplitChoice {
    /// A leaf of the split tree.
    pub(super) split: u8,
    pub(super) vectors: [MotionVector; 16],
    /// Transformed difference of luma and price of saying all this but reference and mode.
    pub(super) cost: u32,
    /// That price.
    pub(super) said: Cost,
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
    /// What new vectors are coded as differences to.
    pub(super) best: MotionVector,
    pub(super) around: VectorsAround,
}

/// Candidates: the whole macroblock's vector, and one found for each quarter.
const CANDIDATES: usize = 5;

/// A way to split.
struct Kind {
    /// A leaf of the split tree.
    split: u8,
    /// The quarters of each part.
    parts: &'static [&'static [usize]],
}

/// What is tried: two halves either way, and quarters.
const KINDS: [Kind; 3] = [
    Kind { split: 0, parts: &[&[0, 1], &[2, 3]] },
    Kind { split: 1, parts: &[&[0, 2], &[1, 3]] },
    Kind { split: 2, parts: &[&[0], &[1], &[2], &[3]] },
];

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
    /// The vectors around the macroblock in `cell`.
    pub(super) fn of_cell(grid: &MacroblockGrid, cell: usize) -> Self {
        let above = cell - grid.stride();
        Self {
            above: std::array::from_fn(|x| grid.subblock_vector(above, 12 + x)),
            left: std::array::from_fn(|y| grid.subblock_vector(cell - 1, 4 * y + 3)),
        }
    }

    /// The vectors to the left of and above subblock `index` of a macroblock that has `vectors`.
    pub(super) fn of(&self, vectors: &[MotionVector; 16], index: usize) -> (MotionVector, MotionVector) {
        let left = if index.is_multiple_of(4) { self.left[index / 4] } else { vectors[index - 1] };
        let above = if index < 4 { self.above[index] } else { vectors[index - 4] };
        (left, above)
    }
}

impl SplitSearch<'_> {
    /// The cheapest split found that costs less than `limit`, if there is one. `whole` is the vector of the macroblock as a
    /// whole, and what its quarters then cost; `quarters` are vectors found for each of them.
    pub(super) fn run(
        &self,
        decision: &InterDecision,
        (whole, whole_differences): (MotionVector, [u32; 4]),
        quarters: [MotionVector; 4],
        limit: u32,
    ) -> Option<SplitChoice> {
        let [a, b, c, d] = quarters;
        let candidates = [whole, a, b, c, d];
        let mut differences = [[u32::MAX; CANDIDATES]; 4];
        let mut least = 0;
        for (quarter, differences) in differences.iter_mut().enumerate() {
            let own = quarters[quarter];
            differences[0] = whole_differences[quarter];
            differences[quarter + 1] = if own == whole { differences[0] } else { self.difference(quarter, own) };
            least += differences[0].min(differences[quarter + 1]);
        }
        if least + decision.lambda.absolute(LEAST_SAID) >= limit {
            return None;
        }
        for (quarter, differences) in differences.iter_mut().enumerate() {
            for candidate in (1..CANDIDATES).filter(|candidate| *candidate != quarter + 1) {
                let mut seen = [0, quarter + 1].into_iter().chain(1..candidate);
                let known = seen.find(|known| candidates[*known] == candidates[candidate]);
                differences[candidate] = match known {
                    Some(known) => differences[known],
                    None => self.difference(quarter, candidates[candidate]),
                };
            }
        }
        let choices = KINDS.map(|kind| self.assemble(decision, &kind, &candidates, &differences));
        choices.into_iter().min_by_key(|choice| choice.cost).filter(|choice| choice.cost < limit)
    }

    /// Gives each part of a split its cheapest vector, one after another.
    fn assemble(
        &self,
        decision: &InterDecision,
        kind: &Kind,
        candidates: &[MotionVector; CANDIDATES],
        differences: &[[u32; CANDIDATES]; 4],
    ) -> SplitChoice {
        let mut vectors = [MotionVector::ZERO; 16];
        let mut said = decision.split_prices.kinds[usize::from(kind.split)];
        let mut cost = decision.lambda.absolute(said);
        for quarters in kind.parts {
            let (left, above) = self.around.of(&vectors, FIRST_OF_QUARTER[quarters[0]]);
            let context = vector_context(left, above);
            let mut best = (u32::MAX, MotionVector::ZERO, 0);
            for (candidate, vector) in candidates.iter().enumerate() {
                let difference: u32 = quarters.iter().map(|quarter| differences[*quarter][candidate]).sum();
                if difference < best.0 {
                    let price = part_cost(*vector, left, above, self.best, context, decision);
                    let cost = difference + decision.lambda.absolute(price);
                    if cost < best.0 {
                        best = (cost, *vector, price);
                    }
                }
            }
            cost += best.0;
            said += best.2;
            for quarter in *quarters {
                let first = FIRST_OF_QUARTER[*quarter];
                for subblock in [first, first + 1, first + 4, first + 5] {
                    vectors[subblock] = best.1;
                }
            }
        }
        SplitChoice { split: kind.split, vectors, cost, said }
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

    /// Transformed difference of a quarter.
    fn difference(&self, quarter: usize, vector: MotionVector) -> u32 {
        let mut block = [0; 64];
        predict_quarter(&self.plane, self.place(quarter, vector), vector, &mut block, 8);
        satd_8x8(self.source_of(quarter), self.source.luma_stride, &block, 8)
    }
}

/// What no split is said in less than: its kind, and vectors taken over from neighbours.
const LEAST_SAID: Cost = 3 * BIT;

/// The first subblock of each quarter.
const FIRST_OF_QUARTER: [usize; 4] = [0, 2, 8, 10];

/// What saying a part's vector costs.
fn part_cost(
    vector: MotionVector,
    left: MotionVector,
    above: MotionVector,
    best: MotionVector,
    context: usize,
    decision: &InterDecision,
) -> Cost {
    let how = PartVector::of(vector, left, above);
    let cost = if how == PartVector::New { decision.prices.cost(vector, best) } else { 0 };
    cost + decision.split_prices.parts[context][how as usize]
}

/// What it costs to say how a macroblock is split, which no frame can change.
pub(super) struct SplitPrices {
    /// By kind of split.
    kinds: [Cost; 4],
    /// By what is around a part, and how its vector is said.
    parts: [[Cost; 4]; 5],
}

impl SplitPrices {
    pub(super) fn new() -> Self {
        Self {
            kinds: leaf_costs(&SPLIT_TREE, &SPLIT_PROBABILITIES),
            parts: SUBBLOCK_VECTOR_CONTEXTS.map(|context| leaf_costs(&SUBBLOCK_VECTOR_TREE, &context)),
        }
    }
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
