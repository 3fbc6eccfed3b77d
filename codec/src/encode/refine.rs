//! Levels weighed against their bits: a block may end earlier where that saves more in bits than it costs in distortion.
//!
//! Single levels are not weighed: the quantiser's rounding has dropped what is hardly worth its bits. What it cannot know is how far a level
//! lies from the others, and that is what makes the last ones dear. Distortion is counted from that of an empty block.

use super::token_prices::TokenPrices;
use crate::bitstream::symbols::{END, token_of};
use crate::bitstream::tables::ZIGZAG;
use crate::bitstream::tokens::BlockKind;
use crate::kernels::quantise::{Positions, Quantiser};

/// What a 256th of a bit is worth, in 1024ths of a squared error of coefficients, by [`BlockKind`].
pub(super) type Worth = [i64; 4];

/// With what the levels of a frame, or of one of its segments, are weighed.
pub(super) struct Refinement<'a> {
    pub(super) prices: &'a TokenPrices,
    pub(super) worth: Worth,
    /// By kind, context and position, what a block costs whose only level is a 1, less what it costs without: the most frequent one.
    lone: [[[i64; 16]; 3]; 4],
}

/// Squared errors are weighed in 1024ths.
const DISTORTION_BITS: u32 = 10;

/// Blocks with more levels than this are left as they were rounded. What they would gain is a third of a percent of a noisy clip's bits, for
/// a tenth of its time.
const FEW_LEVELS: u32 = 3;

/// What a block with many levels is taken to gain: more than any price, and 25 times that is still a number.
const PLENTY: i64 = 1 << 48;

impl<'a> Refinement<'a> {
    /// Weighs levels by the prices of their tokens where bits have this worth.
    pub(super) fn new(prices: &'a TokenPrices, worth: Worth) -> Self {
        let lone = [BlockKind::LumaWithoutDc, BlockKind::Y2, BlockKind::Chroma, BlockKind::LumaWithDc].map(|kind| {
            let (kind_prices, first) = (prices.of(kind), kind.first());
            std::array::from_fn(|context| {
                let empty = kind_prices.ending[first][context][END];
                std::array::from_fn(|position| {
                    let position = position.max(first);
                    let one = kind_prices.of_run(first, context, position, token_of(1));
                    let price = i64::from(one + kind_prices.ending[position + 1][1][END]) - i64::from(empty);
                    price * worth[kind as usize]
                })
            })
        });
        Self { prices, worth, lone }
    }

    /// Drops the last of `levels` (raster order), of which those at `nonzero` are not zero (not all are), from where the block is cheapest; answers
    /// which are not zero now, and how much less the block costs than without any, in the distortion of its kind.
    #[inline(always)]
    pub(super) fn refine(
        &self,
        levels: &mut [i16; 16],
        coefficients: &[i16; 16],
        nonzero: Positions,
        quantiser: &Quantiser,
        kind: BlockKind,
        context: usize,
    ) -> (Positions, i64) {
        if nonzero & nonzero.wrapping_sub(1) == 0 {
            let position = (nonzero.trailing_zeros() & 15) as usize;
            let at = usize::from(ZIGZAG[position]);
            if levels[at].unsigned_abs() == 1 {
                let gain = -distortion(1, coefficients[at], quantiser.divisor[at])
                    - self.lone[kind as usize][context][position];
                if gain > 0 {
                    return (nonzero, gain);
                }
                levels[at] = 0;
                return (0, 0);
            }
        }
        if has_over(nonzero, FEW_LEVELS) {
            return (nonzero, PLENTY);
        }
        self.shorten(levels, coefficients, nonzero, quantiser, kind, context)
    }

    #[inline(never)]
    fn shorten(
        &self,
        levels: &mut [i16; 16],
        coefficients: &[i16; 16],
        nonzero: Positions,
        quantiser: &Quantiser,
        kind: BlockKind,
        context: usize,
    ) -> (Positions, i64) {
        let (prices, worth) = (self.prices.of(kind), self.worth[kind as usize]);
        let (mut position, mut class) = (kind.first(), context);
        let empty = i64::from(prices.ending[position][class][END]) * worth;
        let (mut least, mut kept) = (empty, 0);
        let (mut price, mut error) = (0, 0);
        let mut rest = nonzero;
        while rest != 0 {
            let next = (rest.trailing_zeros() & 15) as usize;
            rest &= rest - 1;
            let at = usize::from(ZIGZAG[next]);
            let magnitude = levels[at].unsigned_abs();
            price += prices.of_run(position, class, next, token_of(magnitude));
            error += distortion(magnitude, coefficients[at], quantiser.divisor[at]);
            (position, class) = (next + 1, usize::from(magnitude.min(2)));
            let cost = error + i64::from(price + prices.ending[position][class][END]) * worth;
            if cost < least {
                (least, kept) = (cost, nonzero & !rest);
            }
        }
        let mut dropped = nonzero & !kept;
        while dropped != 0 {
            levels[usize::from(ZIGZAG[(dropped.trailing_zeros() & 15) as usize])] = 0;
            dropped &= dropped - 1;
        }
        (kept, empty - least)
    }
}

/// The distortion of a coefficient as so many steps, less that of it as none.
#[inline(always)]
fn distortion(magnitude: u16, coefficient: i16, step: u16) -> i64 {
    let value = i64::from(magnitude) * i64::from(step);
    (value * (value - 2 * i64::from(coefficient.unsigned_abs()))) << DISTORTION_BITS
}

/// Whether more than `count` of the bits are set.
#[inline(always)]
fn has_over(mut bits: Positions, count: u32) -> bool {
    for _ in 0..count {
        bits &= bits.wrapping_sub(1);
    }
    bits != 0
}

#[cfg(test)]
mod tests {
    use super::super::token_prices::KindPrices;
    use super::*;
    use crate::bitstream::token_probabilities::DEFAULT_TOKEN_PROBABILITIES;
    use proptest::prelude::*;

    fn refined(coefficients: [i16; 16], worth: i64) -> ([i16; 16], Positions) {
        let quantiser = Quantiser::new(20, 20, &[64; 16]);
        let prices = TokenPrices::new(&DEFAULT_TOKEN_PROBABILITIES);
        let refinement = Refinement::new(&prices, [worth; 4]);
        let mut levels = [0; 16];
        let nonzero = quantiser.quantise(&coefficients, &mut levels);
        let (nonzero, _) = refinement.refine(&mut levels, &coefficients, nonzero, &quantiser, BlockKind::LumaWithDc, 1);
        (levels, nonzero)
    }

    #[test]
    fn free_bits_change_nothing() {
        let coefficients = std::array::from_fn(|i| if i % 7 == 1 { i as i16 * 37 % 91 - 45 } else { 0 });
        let (levels, nonzero) = refined(coefficients, 0);
        assert!(levels.iter().zip(coefficients).all(|(l, c)| (c - l * 20).abs() <= 10));
        assert!(nonzero > 1 << 9, "{nonzero:b}");
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
    fn many_levels_are_left_alone() {
        assert_eq!(refined([25; 16], 1 << 20), ([1; 16], 0xffff));
    }

    #[test]
    fn dear_bits_empty_the_block() {
        let mut coefficients = [0; 16];
        coefficients[..2].fill(25);
        assert_eq!(refined(coefficients, 1 << 20), ([0; 16], 0));
    }

    /// What levels cost, by walking through the block as a writer would.
    fn cost(
        levels: &[i16; 16],
        coefficients: &[i16; 16],
        step: i64,
        (prices, worth): (&KindPrices, i64),
        kind: BlockKind,
        context: usize,
    ) -> i64 {
        let in_zigzag = ZIGZAG.map(usize::from);
        let end = (0..16).rev().find(|i| levels[in_zigzag[*i]] != 0).map_or(kind.first(), |i| i + 1);
        let (mut price, mut class, mut may_end) = (0, context, true);
        for position in kind.first()..end {
            let magnitude = levels[in_zigzag[position]].unsigned_abs();
            let prices = if may_end { &prices.ending[position][class] } else { &prices.unending[position] };
            price += prices[token_of(magnitude)];
            (class, may_end) = (usize::from(magnitude.min(2)), magnitude > 0);
        }
        price += prices.ending[end][class][END];
        let errors = (0..16).map(|at| (i64::from(coefficients[at]) - i64::from(levels[at]) * step).pow(2));
        i64::from(price) * worth + (errors.sum::<i64>() << DISTORTION_BITS)
    }

    proptest! {
        #[test]
        fn no_other_end_is_cheaper(
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
            let refinement = Refinement::new(&prices, [worth; 4]);
            let mut rounded = [0; 16];
            let nonzero = quantiser.quantise(&coefficients, &mut rounded);
            let mut levels = rounded;
            let (kept, gain) = refinement.refine(&mut levels, &coefficients, nonzero, &quantiser, kind, context);
            prop_assert_eq!(kept, (0..16).fold(0, |bits, i| bits | Positions::from(levels[usize::from(ZIGZAG[i])] != 0) << i));
            if nonzero.count_ones() > FEW_LEVELS {
                prop_assert_eq!((levels, gain), (rounded, PLENTY));
                return Ok(());
            }
            let cost = |levels: [i16; 16]| cost(&levels, &coefficients, 20, (prices.of(kind), worth), kind, context);
            prop_assert_eq!(gain, cost([0; 16]) - cost(levels));
            let mut other = rounded;
            for at in ZIGZAG.map(usize::from).into_iter().rev() {
                prop_assert!(cost(levels) <= cost(other));
                other[at] = 0;
            }
        }
    }
}
