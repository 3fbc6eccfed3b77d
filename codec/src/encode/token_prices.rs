//! Prices of tokens under the probabilities a decoder has, for weighing levels against each other before they are chosen.

use std::hint::select_unpredictable;

use super::contexts::Surroundings;
use super::rate::{BIT, Cost, bit_cost};
use super::residue::Levels;
use super::token_writer::extra_bits_cost;
use super::tokens::kind_of;
use crate::bitstream::symbols::{END, FIRST_CATEGORY, TOKENS, ZERO, token_of};
use crate::bitstream::tables::{COEFFICIENT_BANDS, Probability, TokenProbabilities, ZIGZAG};
use crate::bitstream::tokens::BlockKind;
use crate::kernels::quantise::Positions;

/// Prices of the tokens of one frame, by kind of block.
pub(super) struct TokenPrices([KindPrices; 4]);

/// Prices of the tokens of one kind of block, by position in zigzag order and by token. Signs are included, extra bits are not.
/// A block is full at position 16, where nothing more costs anything.
pub(super) struct KindPrices {
    /// Where the block may end, by the class of the level before: 0, 1, or 2 for more; at a block's first position its context.
    pub(super) ending: [[[Cost; TOKENS]; 3]; 17],
    /// After a zero, where the block cannot end.
    pub(super) unending: [[Cost; TOKENS]; 17],
    /// Zeros at all positions before this one, each after a zero.
    pub(super) zeros: [Cost; 17],
}

impl TokenPrices {
    /// Prices of every token at every position.
    pub(super) fn new(probabilities: &TokenProbabilities) -> Self {
        Self(std::array::from_fn(|kind| KindPrices::new(&probabilities[kind])))
    }

    /// Prices in blocks of `kind`.
    #[inline(always)]
    pub(super) fn of(&self, kind: BlockKind) -> &KindPrices {
        &self.0[kind as usize]
    }

    /// Price of a macroblock that has levels: `own` are its blocks and their neighbours.
    pub(super) fn of_macroblock(&self, levels: &Levels, own: Surroundings) -> Cost {
        let luma = kind_of(0, own.has_y2());
        let mut price = 0;
        for (kind, counts) in [BlockKind::Y2, luma, BlockKind::Chroma].into_iter().zip(own.empty_blocks()) {
            let ending = &self.of(kind).ending[kind.first()];
            price += counts.iter().zip(ending).map(|(count, prices)| count * prices[END]).sum::<Cost>();
        }
        let mut blocks = levels.coded;
        while blocks != 0 {
            let block = blocks.trailing_zeros() as usize;
            blocks &= blocks - 1;
            let kind = kind_of(block, own.has_y2());
            price +=
                self.of(kind).of_block(&levels.blocks[block], levels.nonzero[block], kind.first(), own.context(block));
        }
        price
    }
}

impl KindPrices {
    /// Price of the zeros from `position` on, where the level before is of `class`, and of `token` after them at `next`.
    #[inline(always)]
    pub(super) fn of_run(&self, position: usize, class: usize, next: usize, token: usize) -> Cost {
        let prices = &self.ending[position][class];
        let after_zeros = prices[ZERO] + self.unending[next][token] + self.zeros[next];
        // Nobody can foretell whether there are any.
        select_unpredictable(next == position, prices[token], after_zeros.wrapping_sub(self.zeros[position + 1]))
    }

    /// Price of a block whose levels at `nonzero` are not zero.
    fn of_block(&self, levels: &[i16; 16], mut nonzero: Positions, first: usize, context: usize) -> Cost {
        let (mut price, mut at, mut class) = (0, first, context);
        while nonzero != 0 {
            let next = nonzero.trailing_zeros() as usize;
            nonzero &= nonzero - 1;
            let magnitude = levels[usize::from(ZIGZAG[next])].unsigned_abs();
            let token = token_of(magnitude);
            price += self.of_run(at, class, next, token);
            if token >= FIRST_CATEGORY {
                price += extra_bits_cost(magnitude) as Cost;
            }
            (at, class) = (next + 1, usize::from(magnitude.min(2)));
        }
        price + self.ending[at][class][END]
    }

    fn new(probabilities: &[[[Probability; 11]; 3]; 8]) -> Self {
        let bands = probabilities.map(|contexts| contexts.map(|p| std::array::from_fn(|token| token_cost(token, &p))));
        let (mut ending, mut unending, mut zeros) = ([[[0; TOKENS]; 3]; 17], [[0; TOKENS]; 17], [0; 17]);
        for (position, band) in COEFFICIENT_BANDS.into_iter().enumerate() {
            let band = usize::from(band);
            unending[position] = bands[band][0];
            zeros[position + 1] = zeros[position] + unending[position][ZERO];
            for (class, p) in probabilities[band].iter().enumerate() {
                ending[position][class] = bands[band][class].map(|price: Cost| price + bit_cost(true, p[0]));
                ending[position][class][END] = bit_cost(false, p[0]);
            }
        }
        Self { ending, unending, zeros }
    }
}

/// Price of a token, its sign included, its extra bits and the branch that could have ended the block left out; nothing for the end.
fn token_cost(token: usize, p: &[Probability; 11]) -> Cost {
    if token == END {
        return 0;
    }
    let mut cost = bit_cost(token != 0, p[1]);
    if token == 0 {
        return cost;
    }
    cost += BIT + bit_cost(token != 1, p[2]);
    if token == 1 {
        return cost;
    }
    cost += bit_cost(token >= FIRST_CATEGORY, p[3]);
    if token < FIRST_CATEGORY {
        cost += bit_cost(token != 2, p[4]);
        if token != 2 {
            cost += bit_cost(token == 4, p[5]);
        }
        return cost;
    }
    let category = token - FIRST_CATEGORY;
    cost += bit_cost(category >= 2, p[6]);
    if category < 2 {
        cost + bit_cost(category == 1, p[7])
    } else {
        cost + bit_cost(category >= 4, p[8]) + bit_cost(category & 1 == 1, p[9 + usize::from(category >= 4)])
    }
}
