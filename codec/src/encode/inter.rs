//! How an inter macroblock is predicted: which reference, which mode, which vector. Weighed by the transformed difference
//! of the real prediction and by what the choice costs to say, at the λ of the finest quantizer.

use super::motion::{Reach, Search};
use super::price::{Lambda, VectorPrices};
use super::rate::{BIT, Cost, bit_cost};
use super::residue::MacroblockSamples;
use crate::bitstream::tables::Probability;
use crate::kernels::difference::{sad_16x16, satd_16x16};
use crate::macroblock::{LumaMode, MotionVector, Reference};
use crate::picture::PlaneView;

/// A picture that macroblocks may be predicted from.
pub(super) struct ReferencePicture<'a> {
    pub(super) reference: Reference,
    pub(super) planes: [PlaneView<'a>; 3],
    /// What saying this reference costs.
    pub(super) cost: Cost,
}

/// The vectors that its neighbours offer a macroblock, for one reference (RFC 6386 §16.3).
#[derive(Clone, Copy)]
pub(super) struct Neighbours {
    pub(super) best: MotionVector,
    pub(super) nearest: MotionVector,
    pub(super) near: MotionVector,
    /// Probabilities of the inter modes.
    pub(super) modes: [Probability; 4],
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
}

/// Luma of two predictions: the best so far, and room for the next.
struct Candidates {
    blocks: [[u8; 256]; 2],
    best: usize,
}

impl InterDecision<'_> {
    /// The cheapest way found to predict the macroblock of `source` at (`row`, `column`) from another picture.
    /// `neighbours` are what each of [`Self::pictures`] is offered, `starts` where its motion may be looked for besides.
    pub(super) fn choose(
        &self,
        source: &MacroblockSamples,
        (row, column): (usize, usize),
        neighbours: impl Fn(Reference) -> Neighbours,
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
                let said = reference.cost + mode_cost(mode, &offered.modes) + saying;
                let cost = self.difference(source, &reference.planes[0], (row, column), vector)
                    + self.lambda.absolute(said);
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
