//! What a bit costs: the price of a decision under a probability, in 256ths of a bit. Decisions are weighed by these
//! prices, and sizes are predicted from them without writing anything.

use crate::bitstream::bool_coder::each_tree_bit;
use crate::bitstream::tables::Probability;

/// 256ths of a bit.
pub(crate) type Cost = u32;

/// One whole bit.
pub(crate) const BIT: Cost = 256;

/// Price of an event that has a chance of `chance` in 256: -log2(chance / 256), index 0 unused.
const PRICE: [u16; 257] = {
    let mut prices = [0; 257];
    let mut chance = 1;
    while chance <= 256 {
        prices[chance] = (8 * 256 - log2_256ths(chance as u64)) as u16;
        chance += 1;
    }
    prices[0] = prices[1];
    prices
};

/// log2 of a number that is not 0, in 256ths, to nearest, by repeated squaring: no floating point, so that it is the same everywhere.
pub(crate) const fn log2_256ths(value: u64) -> u32 {
    let whole = 63 - value.leading_zeros();
    let mut mantissa = value << (31 - whole); // in [1, 2) with 31 bits of fraction
    let (mut log, mut step) = (whole << 10, 512);
    while step > 0 {
        mantissa = (mantissa * mantissa) >> 31;
        if mantissa >= 1 << 32 {
            mantissa >>= 1;
            log += step;
        }
        step /= 2;
    }
    (log + 2) >> 2
}

/// Price of writing `bit` where 0 has a chance of `probability` in 256 (RFC 6386 §7).
#[inline]
pub(crate) fn bit_cost(bit: bool, probability: u8) -> Cost {
    let probability = usize::from(probability);
    Cost::from(PRICE[if bit { 256 - probability } else { probability }])
}

/// Price of `zeros` 0s and `ones` 1s, all under `probability`.
#[inline]
pub(crate) fn bits_cost(zeros: u32, ones: u32, probability: u8) -> u64 {
    u64::from(zeros) * u64::from(bit_cost(false, probability))
        + u64::from(ones) * u64::from(bit_cost(true, probability))
}

/// What each leaf of a tree costs.
pub(super) fn leaf_costs<const N: usize>(tree: &[i8], probabilities: &[Probability]) -> [Cost; N] {
    std::array::from_fn(|leaf| {
        let mut cost = 0;
        each_tree_bit(tree, leaf as u8, |node, bit| cost += bit_cost(bit, probabilities[node]));
        cost
    })
}

/// The probability under which `zeros` 0s and `ones` 1s are cheapest, if there were any.
pub(crate) fn best_probability(zeros: u32, ones: u32) -> Option<u8> {
    let total = u64::from(zeros) + u64::from(ones);
    (total > 0).then(|| ((u64::from(zeros) * 256 + total / 2) / total).clamp(1, 255) as u8)
}
