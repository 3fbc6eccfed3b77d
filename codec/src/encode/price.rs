//! Bits against distortion: what a bit is worth at a quantizer, and what a motion vector costs.

use super::rate::{Cost, bit_cost};
use crate::bitstream::tables::VectorProbabilities;
use crate::bitstream::vectors::{MAX_CODED_COMPONENT, each_component_bit};
use crate::macroblock::MotionVector;

/// What a bit is worth in distortion, at one quantizer. Both grow with the divisor of luma's AC coefficients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lambda {
    /// In 1024ths of an absolute difference (or of a SATD) per bit.
    absolute: u32,
    /// In 1024ths of a squared difference per bit.
    squared: u32,
}

/// 1024ths of an absolute difference per bit and step of the divisor.
const ABSOLUTE: u32 = 190;

/// 1024ths of a squared difference per bit and squared step of the divisor: near the 0.028 of libvpx's documented rate-distortion
/// constant (2.8 squared steps per hundred).
const SQUARED: u32 = 30;

/// The part of it that counts when levels are refined, in hundredths. A level that is dropped takes texture with it that later frames
/// would have been predicted from: found by measuring BD-rate.
const REFINING: u64 = 45;

/// The part of it that counts when a macroblock is coded on trial, in hundredths, for the same reason.
const ON_TRIAL: u64 = 60;

impl Lambda {
    /// The worth of a bit where luma's AC coefficients are divided by `divisor`.
    pub(super) fn new(divisor: u16) -> Self {
        let divisor = u32::from(divisor);
        Self { absolute: ABSOLUTE * divisor, squared: SQUARED * divisor * divisor }
    }

    /// What a 256th of a bit is worth in 1024ths of a squared error of coefficients, by kind of block. Coefficients are twice
    /// the orthonormal ones, and those of Y2 twice that again.
    pub(super) fn of_coefficients(&self) -> [u64; 4] {
        let squared = u64::from(self.squared) * REFINING / 100;
        [4 * squared, 16 * squared, 4 * squared, 4 * squared].map(|worth| worth / 256)
    }

    /// A price as absolute differences.
    #[inline]
    pub(super) fn absolute(&self, cost: Cost) -> u32 {
        ((u64::from(cost) * u64::from(self.absolute)) >> 18) as u32
    }

    /// A price as squared differences of a macroblock that is coded on trial.
    pub(super) fn on_trial(&self, cost: Cost) -> u64 {
        u64::from(self.squared(cost)) * ON_TRIAL / 100
    }

    /// A price as squared differences.
    #[inline]
    pub(super) fn squared(&self, cost: Cost) -> u32 {
        ((u64::from(cost) * u64::from(self.squared)) >> 18) as u32
    }
}

/// Prices of every component of a vector difference, under one frame's probabilities.
pub(super) struct VectorPrices {
    /// By magnitude, down first and then across as they are coded; a positive sign is included, which costs what a negative one does until a frame says otherwise.
    components: [Vec<u16>; 2],
    lambda: Lambda,
}

/// Prices of the components of four vectors each way.
pub(super) struct PricesAround {
    pub(super) down: [u32; 4],
    pub(super) across: [u32; 4],
}

/// Magnitudes a difference can have.
const MAGNITUDES: usize = MAX_CODED_COMPONENT as usize + 1;

impl VectorPrices {
    /// Prices under the vector probabilities of RFC 6386 §17.2: down, then across.
    pub(super) fn new(probabilities: &[VectorProbabilities; 2], lambda: Lambda) -> Self {
        let table =
            |p: &VectorProbabilities| (0..MAGNITUDES).map(|magnitude| component_cost(magnitude, p) as u16).collect();
        Self { components: [table(&probabilities[0]), table(&probabilities[1])], lambda }
    }

    /// Price of coding `vector` as a difference to `best`, in 256ths of a bit.
    #[inline]
    pub(super) fn cost(&self, vector: MotionVector, best: MotionVector) -> Cost {
        let down = usize::from(vector.row.abs_diff(best.row)).min(MAGNITUDES - 1);
        let across = usize::from(vector.column.abs_diff(best.column)).min(MAGNITUDES - 1);
        Cost::from(self.components[0][down]) + Cost::from(self.components[1][across])
    }

    /// As [`Self::cost`], in absolute differences.
    #[inline]
    pub(super) fn in_absolute_differences(&self, vector: MotionVector, best: MotionVector) -> u32 {
        self.lambda.absolute(self.cost(vector, best))
    }

    /// As [`Self::cost`] in squared differences, of `first` and the three vectors right of and below it.
    #[inline]
    pub(super) fn in_squared_differences_around(&self, first: MotionVector, best: MotionVector) -> PricesAround {
        let price = |axis: usize, component: i16| {
            let magnitude = usize::from(component.unsigned_abs()).min(MAGNITUDES - 1);
            self.lambda.squared(Cost::from(self.components[axis][magnitude]))
        };
        let from = first.minus(best);
        PricesAround {
            down: std::array::from_fn(|y| price(0, from.row + y as i16)),
            across: std::array::from_fn(|x| price(1, from.column + x as i16)),
        }
    }
}

/// Price of one component: of its magnitude, and of either sign.
fn component_cost(magnitude: usize, p: &VectorProbabilities) -> Cost {
    let mut cost = 0;
    each_component_bit(magnitude as i16, |index, bit| cost += bit_cost(bit, p[index]));
    cost
}
