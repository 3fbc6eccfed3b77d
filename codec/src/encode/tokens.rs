//! Coefficients as tokens (RFC 6386 §13): recorded and counted first, priced under the probabilities that suit the counts,
//! and only then written. A count alone tells what the tokens will cost to a fraction of a percent.
//!
//! Most blocks are empty and most levels zero. Neither is recorded one by one: empty blocks are counted by the macroblock,
//! and zeros by where a run of them starts and ends.

use super::contexts::Surroundings;
use super::rate::{BIT, best_probability, bit_cost, bits_cost};
use super::residue::{Levels, Y2};
use super::token_prices::{END, FIRST_CATEGORY, TOKENS, ZERO, token_of};
use crate::bitstream::bool_coder::BoolSink;
use crate::bitstream::tables::{
    CATEGORY_BASE, CATEGORY_PROBABILITIES, COEFFICIENT_BANDS, Probability, TokenProbabilities, ZIGZAG,
};
use crate::bitstream::tokens::{BlockKind, by_position};
use crate::kernels::quantise::Positions;
use crate::kernels::with_bit_instructions;

/// Contexts a token can be coded in: kind of block, band, and what came before.
const CONTEXTS: usize = 4 * 8 * 3;

/// Where the contexts of a position in zigzag order start among a kind's; past the end any will do, as none is used.
const BANDS: [usize; 17] = {
    let mut bands = [0; 17];
    let mut position = 0;
    while position < 16 {
        bands[position] = COEFFICIENT_BANDS[position] as usize * 3;
        position += 1;
    }
    bands
};

/// The kinds of a macroblock's blocks: the luma of one with a Y2, its chroma, and the Y2.
pub(super) const fn kind_of(block: usize, y2: bool) -> BlockKind {
    match block {
        Y2 => BlockKind::Y2,
        16.. => BlockKind::Chroma,
        _ if y2 => BlockKind::LumaWithoutDc,
        _ => BlockKind::LumaWithDc,
    }
}

/// The tokens of a frame in coding order.
pub(super) struct TokenRecord {
    /// One for each macroblock that has levels.
    macroblocks: Vec<Surroundings>,
    /// Of each block that has levels: at which positions they are, as bits, and then the levels there.
    levels: Vec<i16>,
    counts: RunCounts,
    /// The rows recorded so far: which, and where in the lists above they end.
    rows: Vec<RowEnd>,
}

/// Where what is recorded of a row ends.
#[derive(Clone, Copy)]
struct RowEnd {
    row: usize,
    macroblocks: usize,
    levels: usize,
}

/// Counts of tokens in blocks that have levels, zeros by where they begin and end.
struct RunCounts {
    tokens: [[u32; TOKENS]; CONTEXTS],
    /// Of these, how many followed a zero, where the block cannot end and that branch is not coded.
    unending: [u32; CONTEXTS],
    /// By kind of block: how many runs of zeros, each after a zero, begin at a position, less how many end before it.
    zeros: [[i32; 17]; 4],
    /// Signs and extra bits, whose probabilities are fixed.
    fixed: u64,
}

impl RunCounts {
    fn add(&mut self, other: &Self) {
        let tokens = self.tokens.as_flattened_mut().iter_mut().zip(other.tokens.as_flattened());
        let unending = self.unending.iter_mut().zip(&other.unending);
        tokens.chain(unending).for_each(|(sum, count)| *sum += count);
        let zeros = self.zeros.as_flattened_mut().iter_mut().zip(other.zeros.as_flattened());
        zeros.for_each(|(sum, count)| *sum += count);
        self.fixed += other.fixed;
    }
}

/// How often each token occurred in each context: all that sizes and new probabilities depend on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct TokenCounts {
    tokens: [[u32; TOKENS]; CONTEXTS],
    /// As [`RunCounts::unending`].
    unending: [u32; CONTEXTS],
    /// As [`RunCounts::fixed`].
    fixed: u64,
}

/// Room for the levels of an ordinary macroblock.
const USUAL_LEVELS: usize = 8;

impl TokenRecord {
    /// Room for `macroblocks` of an ordinary frame.
    pub(super) fn with_room_for(macroblocks: usize) -> Self {
        Self {
            macroblocks: Vec::with_capacity(macroblocks),
            levels: Vec::with_capacity(macroblocks * USUAL_LEVELS),
            counts: RunCounts {
                tokens: [[0; TOKENS]; CONTEXTS],
                unending: [0; CONTEXTS],
                zeros: [[0; 17]; 4],
                fixed: 0,
            },
            rows: Vec::new(),
        }
    }

    /// Ends row `row`: what has been recorded since the last one ended is its.
    pub(super) fn end_row(&mut self, row: usize) {
        self.rows.push(RowEnd { row, macroblocks: self.macroblocks.len(), levels: self.levels.len() });
    }

    /// The record of a frame whose rows were recorded here and there, in each place from the top.
    pub(super) fn join(mut records: Vec<Self>) -> Self {
        records.retain(|record| !record.rows.is_empty());
        if records.len() == 1 {
            return records.remove(0);
        }
        let total = |length: fn(&Self) -> usize| records.iter().map(length).sum();
        let mut joined = Self::with_room_for(0);
        joined.macroblocks.reserve_exact(total(|record| record.macroblocks.len()));
        joined.levels.reserve_exact(total(|record| record.levels.len()));
        let mut rows: Vec<_> = records.iter().flat_map(Self::row_slices).collect();
        rows.sort_unstable_by_key(|(row, ..)| *row);
        for (row, macroblocks, levels) in rows {
            joined.macroblocks.extend_from_slice(macroblocks);
            joined.levels.extend_from_slice(levels);
            joined.end_row(row);
        }
        records.iter().for_each(|record| joined.counts.add(&record.counts));
        joined
    }

    /// Each row with what is recorded of it.
    fn row_slices(&self) -> impl Iterator<Item = (usize, &[Surroundings], &[i16])> {
        let begins = [RowEnd { row: 0, macroblocks: 0, levels: 0 }].into_iter().chain(self.rows.iter().copied());
        begins.zip(&self.rows).map(|(begin, end)| {
            let macroblocks = &self.macroblocks[begin.macroblocks..end.macroblocks];
            (end.row, macroblocks, &self.levels[begin.levels..end.levels])
        })
    }

    /// How many macroblocks have levels.
    pub(super) fn macroblocks(&self) -> usize {
        self.macroblocks.len()
    }

    /// Records a macroblock that has levels: `own` are its blocks and their neighbours.
    pub(super) fn record(&mut self, levels: &Levels, own: Surroundings) {
        let y2 = own.has_y2();
        if y2 && own.has(Y2) {
            self.record_block(&levels.blocks[Y2], levels.nonzero[Y2], BlockKind::Y2, own.context(Y2));
        }
        let mut blocks = levels.coded & !(1 << Y2);
        while blocks != 0 {
            let block = blocks.trailing_zeros() as usize;
            blocks &= blocks - 1;
            self.record_block(&levels.blocks[block], levels.nonzero[block], kind_of(block, y2), own.context(block));
        }
        self.macroblocks.push(own);
    }

    #[inline]
    fn record_block(&mut self, levels: &[i16; 16], nonzero: Positions, kind: BlockKind, context: usize) {
        self.levels.push(nonzero as i16);
        let counts = &mut self.counts;
        let base = kind as usize * 24;
        let (mut position, mut class) = (kind.first(), context);
        let mut rest = nonzero;
        while rest != 0 {
            let next = (rest.trailing_zeros() & 15) as usize;
            rest &= rest - 1;
            let mut at = base + BANDS[position] + class;
            if next > position {
                counts.tokens[at][ZERO] += 1;
                counts.zeros[kind as usize][position + 1] += 1;
                counts.zeros[kind as usize][next] -= 1;
                at = base + BANDS[next];
                counts.unending[at] += 1;
            }
            let level = levels[usize::from(ZIGZAG[next])];
            let magnitude = level.unsigned_abs();
            let token = token_of(magnitude);
            counts.tokens[at][token] += 1;
            if token >= FIRST_CATEGORY {
                counts.fixed += extra_bits_cost(token - FIRST_CATEGORY, magnitude);
            }
            self.levels.push(level);
            (position, class) = (next + 1, usize::from(magnitude.min(2)));
        }
        if position < 16 {
            counts.tokens[base + BANDS[position] + class][END] += 1;
        }
    }

    /// How often each token occurs.
    fn counts(&self) -> TokenCounts {
        let RunCounts { mut tokens, mut unending, zeros, fixed } = self.counts;
        for (kind, changes) in zeros.iter().enumerate() {
            let mut zeros = 0;
            for (band, change) in BANDS.iter().zip(changes).take(16) {
                zeros += change;
                let at = kind * 24 + band;
                tokens[at][ZERO] += zeros as u32;
                unending[at] += zeros as u32;
            }
        }
        let mut empty = [[0; 3]; 4];
        with_bit_instructions(
            #[inline(always)]
            || {
                for own in &self.macroblocks {
                    let luma = kind_of(0, own.has_y2());
                    for (kind, counts) in [BlockKind::Y2, luma, BlockKind::Chroma].into_iter().zip(own.empty_blocks()) {
                        for (sum, count) in empty[kind as usize].iter_mut().zip(counts) {
                            *sum += count;
                        }
                    }
                }
            },
        );
        for kind in [BlockKind::LumaWithoutDc, BlockKind::Y2, BlockKind::Chroma, BlockKind::LumaWithDc] {
            for (context, count) in empty[kind as usize].into_iter().enumerate() {
                tokens[kind as usize * 24 + BANDS[kind.first()] + context][END] += count;
            }
        }
        TokenCounts { tokens, unending, fixed }
    }

    /// How the tokens are best coded for a decoder that has the probabilities `known`, as [`TokenCounts::best_probabilities`].
    pub(super) fn best_coding(&self, known: &TokenProbabilities, update: &TokenProbabilities) -> Coding {
        self.counts().best_probabilities(known, update)
    }

    /// Writes every token.
    #[inline(always)]
    pub(super) fn write(&self, probabilities: &TokenProbabilities, sink: &mut impl BoolSink) {
        let probabilities = by_position(probabilities);
        let mut levels = &self.levels[..];
        for own in &self.macroblocks {
            let y2 = own.has_y2();
            let blocks = [Y2].into_iter().filter(|_| y2).chain(0..Y2);
            for block in blocks {
                let (kind, context) = (kind_of(block, y2), own.context(block));
                let probabilities = &probabilities[kind as usize];
                if own.has(block) {
                    levels = write_block(levels, probabilities, kind.first(), context, sink);
                } else {
                    sink.put_expected_false(probabilities[kind.first()][context][0]);
                }
            }
        }
    }
}

/// Writes the block that `record` starts with, and answers what follows it.
#[inline(always)]
fn write_block<'a>(
    record: &'a [i16],
    probabilities: &[[[Probability; 11]; 3]; 16],
    first: usize,
    context: usize,
    sink: &mut impl BoolSink,
) -> &'a [i16] {
    let (nonzero, mut record) = record.split_first().expect("a block that has levels was recorded");
    let mut nonzero = *nonzero as Positions;
    let (mut position, mut p) = (first, &probabilities[first][context]);
    while nonzero != 0 {
        let next = (nonzero.trailing_zeros() & 15) as usize;
        nonzero &= nonzero - 1;
        sink.put(true, p[0]);
        while position < next {
            sink.put(false, p[1]);
            position += 1;
            p = &probabilities[position & 15][0];
        }
        let (level, rest) = record.split_first().expect("each level was recorded");
        record = rest;
        sink.put(true, p[1]);
        let magnitude = level.unsigned_abs();
        sink.put(magnitude > 1, p[2]);
        if magnitude > 1 {
            write_large(magnitude, p, sink);
        }
        sink.put(*level < 0, 128);
        position = next + 1;
        p = &probabilities[position & 15][usize::from(magnitude.min(2))];
    }
    if position < 16 {
        sink.put(false, p[0]);
    }
    record
}

/// Writes a magnitude that is known to be over 1.
#[inline(always)]
fn write_large(magnitude: u16, p: &[Probability; 11], sink: &mut impl BoolSink) {
    sink.put(magnitude > 4, p[3]);
    if magnitude <= 4 {
        sink.put(magnitude > 2, p[4]);
        if magnitude > 2 {
            sink.put(magnitude == 4, p[5]);
        }
        return;
    }
    let category = token_of(magnitude) - FIRST_CATEGORY;
    sink.put(category >= 2, p[6]);
    if category < 2 {
        sink.put(category == 1, p[7]);
    } else {
        sink.put(category >= 4, p[8]);
        sink.put(category & 1 == 1, p[9 + usize::from(category >= 4)]);
    }
    put_extra_bits(category, magnitude, sink);
}

/// Writes the extra bits that tell a magnitude from others of its category.
#[inline(always)]
fn put_extra_bits(category: usize, magnitude: u16, sink: &mut impl BoolSink) {
    let extra = magnitude - CATEGORY_BASE[category];
    let probabilities = CATEGORY_PROBABILITIES[category];
    for (place, probability) in (0..probabilities.len()).rev().zip(probabilities) {
        sink.put(extra >> place & 1 == 1, *probability);
    }
}

pub(super) fn extra_bits_cost(category: usize, magnitude: u16) -> u64 {
    let mut price = Price(0);
    put_extra_bits(category, magnitude, &mut price);
    price.0
}

/// Adds up what bools cost instead of writing them.
struct Price(u64);

impl BoolSink for Price {
    fn put(&mut self, bit: bool, probability: Probability) {
        self.0 += u64::from(bit_cost(bit, probability));
    }
}

impl TokenCounts {
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
    fn best_probabilities(&self, known: &TokenProbabilities, update: &TokenProbabilities) -> Coding {
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

#[cfg(test)]
mod tests {
    use super::super::contexts::TokenContexts;
    use super::super::token_prices::TokenPrices;
    use super::*;

    /// A record of a row of macroblocks with all sorts of levels, and the macroblocks.
    fn record() -> (TokenRecord, Vec<(Levels, Surroundings)>) {
        let mut record = TokenRecord::with_room_for(1);
        let mut contexts = TokenContexts::new(200);
        let mut recorded = Vec::new();
        for n in 0..200i16 {
            let y2 = n % 3 > 0;
            let mut levels = Levels::default();
            let mut own = contexts.around(n as usize, y2);
            for block in (0..25).filter(|block| (n as usize * block) % 7 < 3 && (y2 || *block != Y2)) {
                let first = kind_of(block, y2).first();
                levels.blocks[block] = std::array::from_fn(|i| match i {
                    5 => 0,
                    i if i < first => 0,
                    i => (n - 100) * (n % 13 + block as i16) / (1 + i as i16 * i as i16),
                });
                levels.nonzero[block] =
                    (0..16).fold(0, |bits, i| bits | u16::from(levels.blocks[block][usize::from(ZIGZAG[i])] != 0) << i);
                levels.coded |= u32::from(levels.nonzero[block] != 0) << block;
                own = own.with(block, levels.nonzero[block] != 0);
            }
            contexts.keep(n as usize, own);
            record.record(&levels, own);
            recorded.push((levels, own));
        }
        (record, recorded)
    }

    /// Counts tokens one after another, as RFC 6386 §13 lists them.
    fn plain_counts(recorded: &[(Levels, Surroundings)]) -> TokenCounts {
        let mut counts = TokenCounts { tokens: [[0; TOKENS]; CONTEXTS], unending: [0; CONTEXTS], fixed: 0 };
        for (levels, own) in recorded {
            for block in (0..25).filter(|block| *block != Y2 || own.has_y2()) {
                let kind = kind_of(block, own.has_y2());
                let end = 16 - levels.nonzero[block].leading_zeros() as usize;
                let (mut class, mut after_zero) = (own.context(block), false);
                for position in kind.first()..end {
                    let magnitude = levels.blocks[block][usize::from(ZIGZAG[position])].unsigned_abs();
                    let at = kind as usize * 24 + BANDS[position] + class;
                    let token = token_of(magnitude);
                    counts.tokens[at][token] += 1;
                    counts.unending[at] += u32::from(after_zero);
                    if token >= FIRST_CATEGORY {
                        counts.fixed += extra_bits_cost(token - FIRST_CATEGORY, magnitude);
                    }
                    (class, after_zero) = (usize::from(magnitude.min(2)), magnitude == 0);
                }
                let position = end.max(kind.first());
                if position < 16 {
                    counts.tokens[kind as usize * 24 + BANDS[position] + class][END] += 1;
                }
            }
        }
        counts
    }

    #[test]
    fn counting_runs_is_counting_tokens() {
        let (record, recorded) = record();
        assert_eq!(record.counts(), plain_counts(&recorded));
    }

    #[test]
    fn the_price_of_a_count_is_the_price_of_writing() {
        let (record, _) = record();
        let (known, update) = ([[[[100; 11]; 3]; 8]; 4], [[[[250; 11]; 3]; 8]; 4]);
        let coding = record.best_coding(&known, &update);
        let mut written = Price(0);
        record.write(&coding.probabilities, &mut written);
        assert_eq!(coding.cost, written.0);
    }

    #[test]
    fn macroblocks_are_priced_as_they_are_written() {
        let (record, recorded) = record();
        let probabilities = [[[[100; 11]; 3]; 8]; 4];
        let mut written = Price(0);
        record.write(&probabilities, &mut written);
        let prices = TokenPrices::new(&probabilities);
        let priced = recorded.iter().map(|(levels, own)| u64::from(prices.of_macroblock(levels, *own)));
        assert_eq!(priced.sum::<u64>(), written.0);
    }

    #[test]
    fn suited_probabilities_are_never_dearer() {
        let (record, _) = record();
        let (known, update) = ([[[[100; 11]; 3]; 8]; 4], [[[[250; 11]; 3]; 8]; 4]);
        let frozen = [[[[255; 11]; 3]; 8]; 4]; // an announcement so dear that hardly any pays
        let adapted = record.best_coding(&known, &update).cost;
        assert!(adapted < record.best_coding(&known, &frozen).cost);
    }
}
