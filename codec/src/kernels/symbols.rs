//! From levels to symbols: a macroblock's tokens with their contexts and signs, in the order of coding.

use super::quantise::Positions;
use crate::bitstream::symbols::{END, FIRST_SYMBOLS, SYMBOLS_OF_CONTEXT, Symbol, token_of};
use crate::bitstream::tables::ZIGZAG;

/// Blocks of a macroblock: sixteen of luma, four of each chroma, and Y2.
pub(super) const BLOCKS: usize = 25;

/// Room for all symbols of a macroblock: sixteen for each block.
pub(crate) const MOST_SYMBOLS: usize = 16 * BLOCKS;

/// Levels above this have extra bits.
pub(crate) const LARGEST_PLAIN: u16 = 4;

/// A macroblock that has levels.
#[derive(Debug)]
pub(crate) struct MacroblockLevels<'a> {
    /// Each block in raster order.
    pub(crate) blocks: &'a [[i16; 16]; BLOCKS],
    /// Which levels of each block are not zero.
    pub(crate) nonzero: &'a [Positions; BLOCKS],
    /// Which blocks have any, a bit for each; what the others have above means nothing.
    pub(crate) coded: u32,
    /// Whether there is a Y2.
    pub(crate) y2: bool,
    /// How many of each block's neighbours have levels, 0..=2.
    pub(crate) contexts: &'a [u8; BLOCKS],
}

/// What a macroblock comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    /// How many symbols.
    pub(crate) count: usize,
    /// Whether any of them has extra bits.
    pub(crate) has_large: bool,
}

impl MacroblockLevels<'_> {
    /// Puts the macroblock's symbols into the beginning of `symbols`; what lies behind them means nothing afterwards.
    #[inline]
    pub(crate) fn list(&self, symbols: &mut [Symbol; MOST_SYMBOLS]) -> Listed {
        return_with_avx2!(symbols::list(self, symbols));
        self.list_by_definition(symbols)
    }

    /// Each block, Y2 first, with its kind and its first position.
    #[inline(always)]
    pub(super) fn each_block(&self, mut each: impl FnMut(usize, usize, usize)) {
        if self.y2 {
            each(BLOCKS - 1, 1, 0);
        }
        let (luma, first) = if self.y2 { (0, 1) } else { (3, 0) };
        (0..16).for_each(|block| each(block, luma, first));
        (16..BLOCKS - 1).for_each(|block| each(block, 2, 0));
    }

    /// The symbol that ends a block of `kind` at its first position.
    #[inline(always)]
    pub(super) fn nothing(&self, block: usize, kind: usize, first: usize) -> Symbol {
        FIRST_SYMBOLS[kind][first]
            + SYMBOLS_OF_CONTEXT as Symbol * Symbol::from(self.contexts[block])
            + 2 * END as Symbol
    }

    pub(super) fn list_by_definition(&self, symbols: &mut [Symbol; MOST_SYMBOLS]) -> Listed {
        let mut listed = Listed { count: 0, has_large: false };
        self.each_block(|block, kind, first| {
            let nonzero = if self.coded >> block & 1 != 0 { self.nonzero[block] } else { 0 };
            let end = (16 - nonzero.leading_zeros() as usize).max(first);
            let mut class = Symbol::from(self.contexts[block]);
            let mut list = |position: usize, class: Symbol, said: usize| {
                symbols[listed.count] =
                    FIRST_SYMBOLS[kind][position] + SYMBOLS_OF_CONTEXT as Symbol * class + said as Symbol;
                listed.count += 1;
            };
            for (position, at) in ZIGZAG.into_iter().enumerate().take(end).skip(first) {
                let level = self.blocks[block][usize::from(at)];
                let magnitude = level.unsigned_abs();
                list(position, class, 2 * token_of(magnitude) + usize::from(level < 0));
                listed.has_large |= magnitude > LARGEST_PLAIN;
                class = magnitude.min(2);
            }
            if end < 16 {
                list(end, class, 2 * END);
            }
        });
        listed
    }
}
