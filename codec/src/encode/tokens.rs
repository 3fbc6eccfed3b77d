//! Coefficients as tokens (RFC 6386 §13): recorded and counted first, priced under the probabilities that suit the counts,
//! and only then written. A count alone tells what the tokens will cost to a fraction of a percent.

use super::rate::{BIT, Cost, best_probability, bit_cost, bits_cost};
use crate::bitstream::tables::{
    CATEGORY_BASE, CATEGORY_PROBABILITIES, COEFFICIENT_BANDS, Probability, TokenProbabilities, ZIGZAG,
};
use crate::bitstream::tokens::BlockKind;

/// Contexts a token can be coded in: kind of block, band, and what came before.
const CONTEXTS: usize = 4 * 8 * 3;

/// How often each token occurred in each context: all that sizes and new probabilities depend on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct TokenCounts {
    tokens: [[u32; 12]; CONTEXTS],
    /// Of these, how many followed a zero, where the block cannot end and that branch is not coded.
    unending: [u32; CONTEXTS],
    /// Signs and extra bits, whose probabilities are fixed.
    fixed: u64,
}

/// What is to be written of one token: the token in bits 0..4, whether it followed a zero in bit 4, context in bits 8..16, extra bits
/// in 16..27, sign in bit 27.
type Token = u32;

/// The token that ends a block, among the twelve.
pub(super) const END: usize = 11;
const END_TOKEN: Token = END as Token;
const FIRST_CATEGORY: u32 = 5;
const AFTER_ZERO: u32 = 1 << 4;
const SIGN: u32 = 1 << 27;

impl Default for TokenCounts {
    fn default() -> Self {
        Self { tokens: [[0; 12]; CONTEXTS], unending: [0; CONTEXTS], fixed: 0 }
    }
}

/// Where the contexts of a position in zigzag order start among a kind's; past the end any will do, as none is used.
#[inline]
fn band(position: usize) -> usize {
    usize::from(COEFFICIENT_BANDS[position & 15]) * 3
}

/// The tokens of a frame in coding order, with their counts.
#[derive(Default)]
pub(super) struct TokenRecord {
    pub(super) counts: TokenCounts,
    tokens: Vec<Token>,
}

impl TokenRecord {
    /// Room for `macroblocks` of an ordinary frame.
    pub(super) fn with_room_for(macroblocks: usize) -> Self {
        Self { counts: TokenCounts::default(), tokens: Vec::with_capacity(macroblocks * 64) }
    }

    /// Records one block: `levels` in raster order, nothing but zeros from position `end` in zigzag order on; `context` says how many of
    /// the neighbours above and left had any token but the end.
    #[inline]
    pub(super) fn record(&mut self, levels: &[i16; 16], end: usize, kind: BlockKind, context: usize) {
        self.counts.walk(levels, end, kind, context, |token| self.tokens.push(token));
    }

    /// Writes every token: `write(bit, probability)` for each branch.
    pub(super) fn write(&self, probabilities: &TokenProbabilities, mut write: impl FnMut(bool, Probability)) {
        let flat = probabilities.as_flattened().as_flattened();
        for token in &self.tokens {
            let p = &flat[(token >> 8 & 0xff) as usize];
            let kind = token & 15;
            if token & AFTER_ZERO == 0 {
                write(kind != END_TOKEN, p[0]);
                if kind == END_TOKEN {
                    continue;
                }
            }
            write(kind != 0, p[1]);
            if kind == 0 {
                continue;
            }
            write(kind != 1, p[2]);
            if kind > 1 {
                write(kind >= FIRST_CATEGORY, p[3]);
                if kind < FIRST_CATEGORY {
                    write(kind != 2, p[4]);
                    if kind != 2 {
                        write(kind == 4, p[5]);
                    }
                } else {
                    let category = (kind - FIRST_CATEGORY) as usize;
                    write(category >= 2, p[6]);
                    if category < 2 {
                        write(category == 1, p[7]);
                    } else {
                        write(category >= 4, p[8]);
                        write(category & 1 == 1, p[9 + usize::from(category >= 4)]);
                    }
                    let bits = CATEGORY_PROBABILITIES[category];
                    for (i, probability) in bits.iter().enumerate() {
                        write(token >> (16 + bits.len() - 1 - i) & 1 == 1, *probability);
                    }
                }
            }
            write(token & SIGN != 0, 128);
        }
    }
}

impl TokenCounts {
    /// As [`TokenRecord::record`], but only counts.
    #[inline]
    pub(super) fn count(&mut self, levels: &[i16; 16], end: usize, kind: BlockKind, context: usize) {
        self.walk(levels, end, kind, context, |_| ());
    }

    #[inline(always)]
    fn walk(&mut self, levels: &[i16; 16], end: usize, kind: BlockKind, context: usize, mut emit: impl FnMut(Token)) {
        let first = kind.first();
        let base = kind as usize * 24;
        let mut at = base + band(first) + context;
        let mut after_zero = 0;
        for i in first..end {
            let level = levels[usize::from(ZIGZAG[i])];
            let magnitude = level.unsigned_abs();
            let mut token = if magnitude < 5 { u32::from(magnitude) } else { self.category(magnitude) };
            let kind = (token & 15) as usize;
            self.tokens[at][kind] += 1;
            self.unending[at] += u32::from(after_zero != 0);
            if level < 0 {
                token |= SIGN;
            }
            emit(token | after_zero | (at as u32) << 8);
            after_zero = if level == 0 { AFTER_ZERO } else { 0 };
            at = base + band(i + 1) + usize::from(magnitude.min(2));
        }
        if end < 16 {
            self.tokens[at][END] += 1;
            emit(END_TOKEN | (at as u32) << 8);
        }
    }

    /// The token of a level of 5 or more, with its extra bits, whose price is noted.
    fn category(&mut self, magnitude: u16) -> Token {
        let category = category_of(magnitude);
        let extra = u32::from(magnitude - CATEGORY_BASE[category]);
        let bits = CATEGORY_PROBABILITIES[category];
        for (i, probability) in bits.iter().enumerate() {
            self.fixed += u64::from(bit_cost(extra >> (bits.len() - 1 - i) & 1 == 1, *probability));
        }
        (FIRST_CATEGORY + category as u32) | extra << 16
    }

    /// How often each branch of the token tree was taken towards 0 and towards 1, in the context `at`.
    fn branches(&self, at: usize) -> [(u32, u32); 11] {
        let t = &self.tokens[at];
        let all: u32 = t.iter().sum();
        let large = t[7] + t[8] + t[9] + t[10];
        let categories = t[5] + t[6] + large;
        let small = t[2] + t[3] + t[4];
        let more = all - t[11];
        [
            (t[11], more - self.unending[at]),
            (t[0], more - t[0]),
            (t[1], small + categories),
            (small, categories),
            (t[2], t[3] + t[4]),
            (t[3], t[4]),
            (t[5] + t[6], large),
            (t[5], t[6]),
            (t[7] + t[8], t[9] + t[10]),
            (t[7], t[8]),
            (t[9], t[10]),
        ]
    }

    /// The probabilities that make these tokens and their own announcement cheapest, starting from those the decoder has
    /// (RFC 6386 §13.4: `update` is the chance, in 256, that a probability stays).
    pub(super) fn best_probabilities(&self, known: &TokenProbabilities, update: &TokenProbabilities) -> Coding {
        let mut probabilities = *known;
        let mut cost = self.fixed;
        let known = known.as_flattened().as_flattened();
        let update = update.as_flattened().as_flattened();
        for (at, p) in probabilities.as_flattened_mut().as_flattened_mut().iter_mut().enumerate() {
            let nonzero: u32 = self.tokens[at][1..11].iter().sum();
            cost += u64::from(nonzero) * u64::from(BIT);
            for (branch, (zeros, ones)) in self.branches(at).into_iter().enumerate() {
                let (old, stays) = (known[at][branch], update[at][branch]);
                let keep = bits_cost(zeros, ones, old) + u64::from(bit_cost(false, stays));
                let change = best_probability(zeros, ones)
                    .filter(|new| *new != old)
                    .map(|new| (bits_cost(zeros, ones, new) + u64::from(bit_cost(true, stays) + 8 * BIT), new));
                match change {
                    Some((changed, new)) if changed < keep => {
                        p[branch] = new;
                        cost += bits_cost(zeros, ones, new);
                    }
                    _ => cost += bits_cost(zeros, ones, old),
                }
            }
        }
        Coding { probabilities, cost }
    }
}

/// How a frame's tokens are best coded.
pub(super) struct Coding {
    /// The probabilities to code them under.
    pub(super) probabilities: TokenProbabilities,
    /// Price of all tokens in 256ths of a bit, without announcing the probabilities.
    pub(super) cost: u64,
}

/// Prices of tokens under known probabilities, for weighing levels against each other before they are chosen.
pub(super) struct TokenPrices {
    /// By context and token; signs are included, extra bits are not.
    prices: Vec<[Cost; 12]>,
    /// The same after a zero, where the block cannot end.
    unending: Vec<[Cost; 12]>,
}

impl TokenPrices {
    /// Prices of every token in every context.
    pub(super) fn new(probabilities: &TokenProbabilities) -> Self {
        let flat = probabilities.as_flattened().as_flattened();
        let unending: Vec<[Cost; 12]> =
            flat.iter().map(|p| std::array::from_fn(|token| token_cost(token, p))).collect();
        let prices = unending
            .iter()
            .zip(flat)
            .map(|(prices, p)| {
                std::array::from_fn(|token| {
                    if token == END { bit_cost(false, p[0]) } else { prices[token] + bit_cost(true, p[0]) }
                })
            })
            .collect();
        Self { prices, unending }
    }

    /// Prices of tokens at `position` in zigzag order, by the class of the level before (0, 1, or 2 for more; at a block's first
    /// position its context) and by token: where the block may end, and where it may not.
    #[inline]
    pub(super) fn at(&self, kind: BlockKind, position: usize) -> (&[[Cost; 12]; 3], &[[Cost; 12]; 3]) {
        let at = kind as usize * 24 + band(position);
        (
            self.prices[at..].first_chunk().expect("each band has three contexts"),
            self.unending[at..].first_chunk().expect("each band has three contexts"),
        )
    }

    /// Price of ending a block before `position`; nothing where it is full.
    #[inline]
    pub(super) fn end(&self, kind: BlockKind, position: usize, before: usize) -> Cost {
        if position == 16 { 0 } else { self.prices[kind as usize * 24 + band(position) + before][END] }
    }
}

/// The token that says a magnitude.
#[inline]
pub(super) fn token_of(magnitude: u16) -> usize {
    if magnitude < 5 { usize::from(magnitude) } else { category_of(magnitude) + 5 }
}

/// The category, 0..=5, of a magnitude of 5 or more.
#[inline]
fn category_of(magnitude: u16) -> usize {
    CATEGORY_BASE[1..].iter().filter(|base| magnitude >= **base).count()
}

/// Price of a token, its sign included, its extra bits and the branch that could have ended the block left out.
fn token_cost(token: usize, p: &[Probability; 11]) -> Cost {
    let mut cost = bit_cost(token != 0, p[1]);
    if token == 0 {
        return cost;
    }
    cost += BIT + bit_cost(token != 1, p[2]);
    if token == 1 {
        return cost;
    }
    cost += bit_cost(token >= 5, p[3]);
    if token < 5 {
        cost += bit_cost(token != 2, p[4]);
        if token != 2 {
            cost += bit_cost(token == 4, p[5]);
        }
        return cost;
    }
    let category = token - 5;
    cost += bit_cost(category >= 2, p[6]);
    if category < 2 {
        cost + bit_cost(category == 1, p[7])
    } else {
        cost + bit_cost(category >= 4, p[8]) + bit_cost(category & 1 == 1, p[9 + usize::from(category >= 4)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> TokenRecord {
        let mut record = TokenRecord::with_room_for(1);
        record.record(&[0; 16], 0, BlockKind::Y2, 0);
        for n in 0..200i16 {
            let levels =
                std::array::from_fn(|i| if i == 5 { 0 } else { (n - 100) * (n % 13) / (1 + i as i16 * i as i16) });
            let end = (0..16).rev().find(|i| levels[usize::from(ZIGZAG[*i])] != 0).map_or(0, |i| i + 1);
            record.record(&levels, end, BlockKind::LumaWithDc, n as usize % 3);
        }
        record
    }

    #[test]
    fn the_price_of_a_count_is_the_price_of_writing() {
        let record = record();
        let (known, update) = ([[[[100; 11]; 3]; 8]; 4], [[[[250; 11]; 3]; 8]; 4]);
        let coding = record.counts.best_probabilities(&known, &update);
        let mut written = 0;
        record.write(&coding.probabilities, |bit, p| written += u64::from(bit_cost(bit, p)));
        assert_eq!(coding.cost, written);
    }

    #[test]
    fn suited_probabilities_are_never_dearer() {
        let record = record();
        let (known, update) = ([[[[100; 11]; 3]; 8]; 4], [[[[250; 11]; 3]; 8]; 4]);
        let frozen = [[[[255; 11]; 3]; 8]; 4]; // an announcement so dear that hardly any pays
        let adapted = record.counts.best_probabilities(&known, &update).cost;
        assert!(adapted < record.counts.best_probabilities(&known, &frozen).cost);
    }

    #[test]
    fn counting_is_recording_without_the_tokens() {
        let (mut counts, mut record) = (TokenCounts::default(), TokenRecord::default());
        let levels = [70, -1, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        counts.count(&levels, 7, BlockKind::Chroma, 1);
        record.record(&levels, 7, BlockKind::Chroma, 1);
        assert_eq!(counts, record.counts);
        assert_eq!(record.tokens.len(), 8);
    }
}
