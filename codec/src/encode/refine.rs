//! Levels weighed against their bits: each level may become one smaller, and a block may end earlier, where that saves more
//! in bits than it costs in distortion. A shortest path over a block's few positions, from its end to its start.

use super::rate::Cost;
use super::tokens::{END, TokenPrices, token_of};
use crate::bitstream::tables::ZIGZAG;
use crate::bitstream::tokens::BlockKind;
use crate::kernels::quantise::Quantiser;

/// What a 256th of a bit is worth, in 1024ths of a squared error of coefficients, by [`BlockKind`].
pub(super) type Worth = [u64; 4];

/// What refining needs to know about a frame.
pub(super) struct Refinement<'a> {
    pub(super) prices: &'a TokenPrices,
    pub(super) worth: Worth,
}

/// What is best from a position on, given what came before it.
#[derive(Clone, Copy)]
struct Path {
    cost: u64,
    /// The magnitude to choose here; [`STOP`] ends the block.
    magnitude: u16,
}

const STOP: u16 = u16::MAX;

/// A cost that nothing reaches, with room to add to it.
const NEVER: u64 = 1 << 60;

/// Levels above this are left alone: nearly all of their price is fixed.
const LARGEST_WEIGHED: u16 = 10;

impl Refinement<'_> {
    /// Refines `levels` (raster order, reaching to `end` in zigzag order) and answers where they end now.
    pub(super) fn refine(
        &self,
        levels: &mut [i16; 16],
        coefficients: &[i16; 16],
        end: usize,
        quantiser: &Quantiser,
        kind: BlockKind,
        context: usize,
    ) -> usize {
        let first = kind.first();
        let worth = self.worth[kind as usize];
        let priced = |cost: Cost| u64::from(cost) * worth;
        // paths[i][c]: from position i on, after a level of class c.
        let mut paths = [[Path { cost: NEVER, magnitude: STOP }; 3]; 17];
        for (class, path) in paths[end].iter_mut().enumerate().skip(1) {
            path.cost = priced(self.prices.end(kind, end, class));
        }
        let mut lost = 0; // distortion if everything from here on were zero
        for position in (first..end).rev() {
            let at = usize::from(ZIGZAG[position]);
            let (coefficient, step) = (i64::from(coefficients[at].unsigned_abs()), i64::from(quantiser.divisor[at]));
            let chosen = levels[at].unsigned_abs();
            let distortion = |magnitude: u16| ((coefficient - i64::from(magnitude) * step).pow(2) as u64) << 10;
            lost += distortion(0);
            let next = paths[position + 1];
            // A magnitude, its token, and what it leads to before it is paid for.
            let weigh = |magnitude: u16| {
                (magnitude, token_of(magnitude), distortion(magnitude) + next[usize::from(magnitude.min(2))].cost)
            };
            let high = weigh(chosen);
            let low = if chosen == 0 || chosen > LARGEST_WEIGHED { high } else { weigh(chosen - 1) };
            let (ending, unending) = self.prices.at(kind, position);
            let classes = if position == first { context..context + 1 } else { 0..3 };
            for before in classes {
                let prices = if before == 0 && position > first { &unending[0] } else { &ending[before] };
                let mut best = if before == 0 && position > first {
                    Path { cost: NEVER, magnitude: STOP }
                } else {
                    Path { cost: lost + priced(prices[END]), magnitude: STOP }
                };
                for (magnitude, token, cost) in [low, high] {
                    let cost = cost + priced(prices[token]);
                    if cost < best.cost {
                        best = Path { cost, magnitude };
                    }
                }
                paths[position][before] = best;
            }
        }
        self.follow(&paths, levels, first, end, context)
    }

    /// Writes the cheapest path into `levels`.
    fn follow(
        &self,
        paths: &[[Path; 3]; 17],
        levels: &mut [i16; 16],
        first: usize,
        end: usize,
        context: usize,
    ) -> usize {
        let (mut before, mut reached, mut stopped) = (context, 0, false);
        for position in first..end {
            let level = &mut levels[usize::from(ZIGZAG[position])];
            let magnitude = paths[position][before].magnitude;
            stopped |= magnitude == STOP;
            if stopped {
                *level = 0;
                continue;
            }
            *level = if *level < 0 { -(magnitude as i16) } else { magnitude as i16 };
            before = usize::from(magnitude.min(2));
            if magnitude > 0 {
                reached = position + 1;
            }
        }
        reached
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bitstream::token_probabilities::DEFAULT_TOKEN_PROBABILITIES;

    fn refined(coefficients: [i16; 16], worth: u64) -> ([i16; 16], usize) {
        let quantiser = Quantiser::new(20, 20, &[64; 16]);
        let prices = TokenPrices::new(&DEFAULT_TOKEN_PROBABILITIES);
        let refinement = Refinement { prices: &prices, worth: [worth; 4] };
        let mut levels = [0; 16];
        let end = quantiser.quantise(&coefficients, &mut levels);
        let end = refinement.refine(&mut levels, &coefficients, end, &quantiser, BlockKind::LumaWithDc, 1);
        (levels, end)
    }

    #[test]
    fn free_bits_change_nothing() {
        let coefficients = std::array::from_fn(|i| (i as i16 * 37 % 91) - 45);
        let (levels, end) = refined(coefficients, 0);
        assert!(levels.iter().zip(coefficients).all(|(l, c)| (c - l * 20).abs() <= 10));
        assert!(end > 10);
    }

    #[test]
    fn a_lonely_small_level_far_out_is_dropped() {
        let mut coefficients = [0; 16];
        coefficients[0] = 100;
        coefficients[15] = 11;
        assert_eq!(refined(coefficients, 40).1, 1);
        assert_eq!(refined(coefficients, 40).0[0], 5);
    }

    #[test]
    fn dear_bits_empty_the_block() {
        assert_eq!(refined([25; 16], 1 << 20), ([0; 16], 0));
    }
}
