//! Levels weighed against their bits: each level may become one smaller, and a block may end earlier, where that saves more
//! in bits than it costs in distortion.
//!
//! The cheapest way through a block is found from its end to its start. Only levels that are not zero are a choice; the zeros
//! between two of them cost what they cost, and a sum over them is looked up. Distortion is counted from that of an empty block,
//! which every way through the block has in common.

use super::token_prices::{END, KindPrices, TokenPrices, ZERO, token_of};
use crate::bitstream::tables::ZIGZAG;
use crate::bitstream::tokens::BlockKind;
use crate::kernels::quantise::{Positions, Quantiser};

/// What a 256th of a bit is worth, in 1024ths of a squared error of coefficients, by [`BlockKind`].
pub(super) type Worth = [i64; 4];

/// What refining needs to know about a frame.
pub(super) struct Refinement<'a> {
    pub(super) prices: &'a TokenPrices,
    pub(super) worth: Worth,
}

/// How a block may go on where a level that is not zero comes next. Between equal costs the first of these is taken.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Choice {
    /// It ends, and that level and all after it become zero.
    Stop,
    /// That level becomes one smaller.
    Smaller,
    /// It stays as it was rounded.
    Same,
}

/// A cost and, in the two lowest bits, the choice that it comes with: so the least of several costs is found without a branch.
type Chosen = i64;

#[inline(always)]
fn chosen(cost: i64, choice: Choice) -> Chosen {
    cost << CHOICE_BITS | choice as i64
}

#[inline(always)]
fn cost_of(chosen: Chosen) -> i64 {
    chosen >> CHOICE_BITS
}

#[inline(always)]
fn choice_of(chosen: Chosen) -> u8 {
    (chosen & ((1 << CHOICE_BITS) - 1)) as u8
}

const CHOICE_BITS: u32 = 2;

/// A cost that nothing reaches, with room to add to it.
const NEVER: i64 = 1 << 58;

/// Levels above this are left alone: nearly all of their price is fixed.
const LARGEST_WEIGHED: u16 = 10;

/// The next level that is not zero, and what follows from each choice for it.
struct Next {
    position: usize,
    /// Smaller and same: what it costs from there on, but for its own token, and which token that is.
    costs: [i64; 2],
    tokens: [usize; 2],
    /// The better of the two if there are zeros before.
    after_zeros: Chosen,
}

/// The prices of a kind of block and what bits are worth there.
struct Scale<'a> {
    prices: &'a KindPrices,
    worth: i64,
}

impl Scale<'_> {
    #[inline(always)]
    fn worth_of(&self, price: u32) -> i64 {
        i64::from(price) * self.worth
    }

    /// The cheapest way on from position `at`, where the block may end, after a level of `class`.
    #[inline(always)]
    fn onward(&self, at: usize, class: usize, next: Option<&Next>) -> Chosen {
        let prices = &self.prices.ending[at][class];
        let stop = chosen(self.worth_of(prices[END]), Choice::Stop);
        let Some(next) = next else { return stop };
        if next.position == at {
            let [smaller, same] = [0, 1].map(|i| next.costs[i] + self.worth_of(prices[next.tokens[i]]));
            return stop.min(chosen(smaller, Choice::Smaller)).min(chosen(same, Choice::Same));
        }
        let zeros = prices[ZERO] + self.prices.zeros[next.position] - self.prices.zeros[at + 1];
        stop.min(next.after_zeros + (self.worth_of(zeros) << CHOICE_BITS))
    }

    /// Price of a block whose only level is a 1 at `position`, the most frequent one: what the search through all ways finds.
    #[inline(always)]
    fn price_of_one(&self, position: usize, first: usize, context: usize) -> u32 {
        let start = &self.prices.ending[first][context];
        let before = if position == first {
            start[token_of(1)]
        } else {
            let zeros = start[ZERO] + self.prices.zeros[position] - self.prices.zeros[first + 1];
            zeros + self.prices.unending[position][token_of(1)]
        };
        before + self.prices.ending[position + 1][1][END]
    }

    /// As [`Self::onward`] after a zero, where the block cannot end.
    #[inline(always)]
    fn after_zero(&self, at: usize, next: Option<&Next>) -> Chosen {
        let Some(next) = next else { return chosen(NEVER, Choice::Stop) };
        let zeros = self.prices.zeros[next.position] - self.prices.zeros[at];
        next.after_zeros + (self.worth_of(zeros) << CHOICE_BITS)
    }
}

impl Refinement<'_> {
    /// Refines `levels` (raster order), of which those at `nonzero` are not zero; answers which are not zero now, and how much less the
    /// block costs than without any, in the distortion of its kind.
    #[inline]
    pub(super) fn refine(
        &self,
        levels: &mut [i16; 16],
        coefficients: &[i16; 16],
        nonzero: Positions,
        quantiser: &Quantiser,
        kind: BlockKind,
        context: usize,
    ) -> (Positions, i64) {
        let scale = Scale { prices: self.prices.of(kind), worth: self.worth[kind as usize] };
        let empty = scale.worth_of(scale.prices.ending[kind.first()][context][END]);
        if nonzero.is_power_of_two() {
            let position = nonzero.trailing_zeros() as usize;
            let at = usize::from(ZIGZAG[position & 15]);
            if levels[at].unsigned_abs() == 1 {
                let (coefficient, step) =
                    (i64::from(coefficients[at].unsigned_abs()), i64::from(quantiser.divisor[at]));
                let distortion = (step * (step - 2 * coefficient)) << DISTORTION_BITS;
                let gain = empty - distortion - scale.worth_of(scale.price_of_one(position, kind.first(), context));
                if gain > 0 {
                    return (nonzero, gain);
                }
                levels[at] = 0;
                return (0, 0);
            }
        }
        // By position and by the choice made there: what to do about the level after it.
        let mut choices = [[0; 2]; 16];
        let mut next = None;
        let mut rest = nonzero;
        while rest != 0 {
            let position = rest.ilog2() as usize;
            rest ^= 1 << position;
            let at = usize::from(ZIGZAG[position]);
            let (coefficient, step) = (i64::from(coefficients[at].unsigned_abs()), i64::from(quantiser.divisor[at]));
            let magnitude = levels[at].unsigned_abs();
            let distortion = |magnitude: u16| {
                let value = i64::from(magnitude) * step;
                (value * (value - 2 * coefficient)) << DISTORTION_BITS
            };
            let same = scale.onward(position + 1, usize::from(magnitude.min(2)), next.as_ref());
            let same_cost = distortion(magnitude) + cost_of(same);
            let (smaller, smaller_cost) = if magnitude > LARGEST_WEIGHED {
                (same, NEVER)
            } else {
                let smaller = match magnitude {
                    1 => scale.after_zero(position + 1, next.as_ref()),
                    _ => scale.onward(position + 1, usize::from((magnitude - 1).min(2)), next.as_ref()),
                };
                (smaller, distortion(magnitude - 1) + cost_of(smaller))
            };
            choices[position] = [choice_of(smaller), choice_of(same)];
            let (costs, tokens) = ([smaller_cost, same_cost], [token_of(magnitude - 1), token_of(magnitude)]);
            let prices = &scale.prices.unending[position];
            let [smaller, same] = [0, 1].map(|i| costs[i] + scale.worth_of(prices[tokens[i]]));
            let after_zeros = chosen(smaller, Choice::Smaller).min(chosen(same, Choice::Same));
            next = Some(Next { position, costs, tokens, after_zeros });
        }
        let start = scale.onward(kind.first(), context, next.as_ref());
        (follow(choice_of(start), &choices, levels, nonzero), empty - cost_of(start))
    }
}

/// Squared errors are weighed in 1024ths.
const DISTORTION_BITS: u32 = 10;

/// Writes what was chosen into `levels`.
#[inline(always)]
fn follow(mut choice: u8, choices: &[[u8; 2]; 16], levels: &mut [i16; 16], nonzero: Positions) -> Positions {
    let (mut rest, mut kept) = (nonzero, nonzero);
    while rest != 0 {
        let position = rest.trailing_zeros() as usize;
        let level = &mut levels[usize::from(ZIGZAG[position])];
        if choice == Choice::Stop as u8 {
            *level = 0;
            kept &= !(1 << position);
        } else {
            let smaller = choice == Choice::Smaller as u8;
            *level -= if smaller { level.signum() } else { 0 };
            kept &= !(Positions::from(*level == 0) << position);
            choice = choices[position][usize::from(!smaller)];
        }
        rest &= rest - 1;
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bitstream::token_probabilities::DEFAULT_TOKEN_PROBABILITIES;
    use proptest::prelude::*;

    fn refined(coefficients: [i16; 16], worth: i64) -> ([i16; 16], Positions) {
        let quantiser = Quantiser::new(20, 20, &[64; 16]);
        let prices = TokenPrices::new(&DEFAULT_TOKEN_PROBABILITIES);
        let refinement = Refinement { prices: &prices, worth: [worth; 4] };
        let mut levels = [0; 16];
        let nonzero = quantiser.quantise(&coefficients, &mut levels);
        let (nonzero, _) = refinement.refine(&mut levels, &coefficients, nonzero, &quantiser, BlockKind::LumaWithDc, 1);
        (levels, nonzero)
    }

    #[test]
    fn free_bits_change_nothing() {
        let coefficients = std::array::from_fn(|i| (i as i16 * 37 % 91) - 45);
        let (levels, nonzero) = refined(coefficients, 0);
        assert!(levels.iter().zip(coefficients).all(|(l, c)| (c - l * 20).abs() <= 10));
        assert!(nonzero > 1 << 9);
    }

    #[test]
    fn a_lonely_small_level_far_out_is_dropped() {
        let mut coefficients = [0; 16];
        coefficients[0] = 100;
        coefficients[15] = 11;
        let (levels, nonzero) = refined(coefficients, 40);
        assert_eq!((levels[0], nonzero), (5, 1));
    }

    #[test]
    fn dear_bits_empty_the_block() {
        assert_eq!(refined([25; 16], 1 << 20), ([0; 16], 0));
    }

    /// What levels cost, by walking through the block as a writer would.
    fn cost(
        levels: &[i16; 16],
        coefficients: &[i16; 16],
        step: i64,
        scale: &Scale,
        kind: BlockKind,
        context: usize,
    ) -> i64 {
        let in_zigzag = ZIGZAG.map(usize::from);
        let end = (0..16).rev().find(|i| levels[in_zigzag[*i]] != 0).map_or(kind.first(), |i| i + 1);
        let (mut price, mut class, mut may_end) = (0, context, true);
        for position in kind.first()..end {
            let magnitude = levels[in_zigzag[position]].unsigned_abs();
            let prices = if may_end { &scale.prices.ending[position][class] } else { &scale.prices.unending[position] };
            price += prices[token_of(magnitude)];
            (class, may_end) = (usize::from(magnitude.min(2)), magnitude > 0);
        }
        price += scale.prices.ending[end][class][END];
        let errors = (0..16).map(|at| (i64::from(coefficients[at]) - i64::from(levels[at]) * step).pow(2));
        scale.worth_of(price) + (errors.sum::<i64>() << DISTORTION_BITS)
    }

    proptest! {
        #[test]
        fn no_other_choice_is_cheaper(
            sparse in prop::collection::vec((0..16usize, -90..90i16), 0..6),
            context in 0..3usize,
            worth in 1..400i64,
            kind in prop::sample::select(vec![BlockKind::LumaWithDc, BlockKind::LumaWithoutDc, BlockKind::Chroma]),
        ) {
            let mut coefficients = [0; 16];
            for (at, coefficient) in sparse {
                coefficients[at.max(kind.first())] = coefficient;
            }
            let quantiser = Quantiser::new(20, 20, &[64; 16]);
            let prices = TokenPrices::new(&DEFAULT_TOKEN_PROBABILITIES);
            let refinement = Refinement { prices: &prices, worth: [worth; 4] };
            let scale = Scale { prices: prices.of(kind), worth };
            let mut rounded = [0; 16];
            let nonzero = quantiser.quantise(&coefficients, &mut rounded);
            let mut levels = rounded;
            let (kept, gain) = refinement.refine(&mut levels, &coefficients, nonzero, &quantiser, kind, context);
            prop_assert_eq!(kept, (0..16).fold(0, |bits, i| bits | Positions::from(levels[usize::from(ZIGZAG[i])] != 0) << i));
            let found = cost(&levels, &coefficients, 20, &scale, kind, context);
            prop_assert_eq!(gain, if nonzero == 0 { 0 } else { cost(&[0; 16], &coefficients, 20, &scale, kind, context) - found });
            // Every level the same, one smaller or none: the block can only end, so zeros come by ending or by ones made smaller.
            let places: Vec<usize> = (0..16).filter(|i| nonzero >> i & 1 != 0).map(|i| usize::from(ZIGZAG[i])).collect();
            for end in 0..=places.len() {
                for smaller in 0..1u32 << end {
                    let mut other = [0; 16];
                    for (i, &at) in places[..end].iter().enumerate() {
                        other[at] = rounded[at] - if smaller >> i & 1 != 0 { rounded[at].signum() } else { 0 };
                    }
                    prop_assert!(found <= cost(&other, &coefficients, 20, &scale, kind, context));
                }
            }
        }
    }
}
