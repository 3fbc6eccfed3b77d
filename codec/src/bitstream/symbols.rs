//! A token with the context it is coded in and its sign as one number, so that counting and coding take no decision: a frame's residue is a
//! list of these, and of what the extra bits of large levels say.

use super::tables::{CATEGORY_BASE, COEFFICIENT_BANDS};

/// Context times 24, and the token times two, and one if the level is negative.
pub(crate) type Symbol = u16;

/// Tokens: levels 0 to 4, six categories of larger ones, and the end of a block.
pub(crate) const TOKENS: usize = 12;

/// The token of a level of zero.
pub(crate) const ZERO: usize = 0;

/// The token of the first category.
pub(crate) const FIRST_CATEGORY: usize = 5;

/// The token that ends a block.
pub(crate) const END: usize = 11;

/// Symbols of one context.
pub(crate) const SYMBOLS_OF_CONTEXT: usize = 2 * TOKENS;

/// Contexts a token can be coded in: kind of block, band, and what came before.
pub(crate) const CONTEXTS: usize = 4 * 8 * 3;

/// As many as there are.
pub(crate) const SYMBOLS: usize = CONTEXTS * SYMBOLS_OF_CONTEXT;

/// The first symbol of the context at each position of a block, by kind, after a level of 0. One of 1 adds the symbols of one context, one of
/// more those of two. At a block's first position neighbours that have levels are counted instead.
pub(crate) const FIRST_SYMBOLS: [[Symbol; 16]; 4] = {
    let mut first = [[0; 16]; 4];
    let mut at = 0;
    while at < 64 {
        let band = COEFFICIENT_BANDS[at % 16] as usize;
        first[at / 16][at % 16] = ((at / 16 * 8 + band) * 3 * SYMBOLS_OF_CONTEXT) as Symbol;
        at += 1;
    }
    first
};

/// The context of a symbol: kind times 24, band times 3, and what came before.
#[inline(always)]
pub(crate) fn context_of(symbol: Symbol) -> usize {
    usize::from(symbol) / SYMBOLS_OF_CONTEXT
}

/// The token of a symbol.
#[inline(always)]
pub(crate) fn token_in(symbol: Symbol) -> usize {
    usize::from(symbol) % SYMBOLS_OF_CONTEXT / 2
}

/// Whether the level of a symbol is negative.
#[inline(always)]
pub(crate) fn is_negative(symbol: Symbol) -> bool {
    symbol & 1 != 0
}

/// Whether a block can end in a context: not after a zero. Nothing else has the same context, as a block's first position has a band of its own.
pub(crate) fn may_end(context: usize) -> bool {
    let (kind, band, class) = (context / 24, context / 3 % 8, context % 3);
    class > 0 || band == usize::from(kind == 0)
}

/// The token that says a magnitude.
#[inline(always)]
pub(crate) fn token_of(magnitude: u16) -> usize {
    /// Of magnitudes up to the first of the last category.
    const SMALL: [u8; 68] = {
        let mut tokens = [0; 68];
        let mut magnitude = 0;
        while magnitude < 68 {
            let mut token = if magnitude < 5 { magnitude as u8 } else { FIRST_CATEGORY as u8 };
            let mut category = 1;
            while category < 6 && magnitude as u16 >= CATEGORY_BASE[category] {
                token += 1;
                category += 1;
            }
            tokens[magnitude] = token;
            magnitude += 1;
        }
        tokens
    };
    usize::from(SMALL[usize::from(magnitude).min(67)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_magnitude_takes_the_token_of_the_largest_base_below_it() {
        for magnitude in 0..2200 {
            let category = CATEGORY_BASE.iter().filter(|base| magnitude >= **base).count();
            let token = if magnitude < 5 { usize::from(magnitude) } else { FIRST_CATEGORY - 1 + category };
            assert_eq!(token_of(magnitude), token);
        }
    }

    #[test]
    fn a_block_may_end_at_first_and_after_levels() {
        for (kind, first) in [1, 0, 0, 0].into_iter().enumerate() {
            for (position, symbol) in FIRST_SYMBOLS[kind].into_iter().enumerate().skip(first) {
                for class in 0..3 {
                    let symbol = symbol + (class * SYMBOLS_OF_CONTEXT) as Symbol;
                    assert_eq!(may_end(context_of(symbol)), position == first || class > 0);
                }
            }
        }
    }
}
