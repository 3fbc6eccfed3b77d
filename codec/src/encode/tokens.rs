//! Coefficients as tokens (RFC 6386 §13): recorded and counted first, priced under the probabilities that suit the counts,
//! and only then written. A count alone tells what the tokens will cost to a fraction of a percent.

use super::contexts::Surroundings;
use super::rate::{BIT, best_probability, bit_cost, bits_cost};
use super::residue::{Levels, Y2};
use super::token_writer::{extra_bits_cost, write_symbols};
use crate::bitstream::bool_coder::BoolEncoder;
use crate::bitstream::symbols::{CONTEXTS, SYMBOLS, SYMBOLS_OF_CONTEXT, Symbol, TOKENS, may_end};
use crate::bitstream::tables::{TokenProbabilities, ZIGZAG};
use crate::bitstream::tokens::BlockKind;
use crate::kernels::symbols::{LARGEST_PLAIN, MOST_SYMBOLS, MacroblockLevels};

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
    /// Those of the macroblocks that have levels, and room for more.
    symbols: Vec<Symbol>,
    /// How many there are.
    length: usize,
    /// Of the tokens that have extra bits, the magnitudes.
    large: Vec<u16>,
    /// How many macroblocks have levels.
    macroblocks: usize,
    counts: SymbolCounts,
    /// The rows recorded so far: which, and where in the lists above they end.
    rows: Vec<RowEnd>,
}

/// Where what is recorded of a row ends.
#[derive(Clone, Copy)]
struct RowEnd {
    row: usize,
    symbols: usize,
    large: usize,
}

/// How often each symbol occurs.
pub(super) struct SymbolCounts {
    /// Of those at even places and at odd ones: the same symbol often comes twice, and a count cannot rise before it has risen.
    halves: Box<[[u32; SYMBOLS]; 2]>,
}

impl SymbolCounts {
    fn new() -> Self {
        Self { halves: Box::new([[0; SYMBOLS]; 2]) }
    }

    fn count(&mut self, symbols: &[Symbol]) {
        let [even, odd] = &mut *self.halves;
        let (pairs, last) = symbols.as_chunks::<2>();
        for [first, second] in pairs {
            even[usize::from(*first)] += 1;
            odd[usize::from(*second)] += 1;
        }
        if let [last] = last {
            even[usize::from(*last)] += 1;
        }
    }

    fn add(&mut self, other: &Self) {
        let counts = self.halves.as_flattened_mut().iter_mut().zip(other.halves.as_flattened());
        counts.for_each(|(sum, count)| *sum += count);
    }

    /// Of the levels of both signs that `token` says in `context`.
    #[inline(always)]
    pub(super) fn of(&self, context: usize, token: usize) -> u32 {
        let at = context * SYMBOLS_OF_CONTEXT + 2 * token;
        self.halves.iter().map(|half| half[at] + half[at + 1]).sum()
    }
}

/// How often each token occurred in each context: all that sizes and new probabilities depend on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct TokenCounts {
    tokens: [[u32; TOKENS]; CONTEXTS],
    /// What the extra bits cost, whose probabilities are fixed.
    fixed: u64,
}

/// Room for the tokens of an ordinary macroblock.
const USUAL_SYMBOLS: usize = 12;

impl TokenRecord {
    /// Room for `macroblocks` of an ordinary frame.
    pub(super) fn with_room_for(macroblocks: usize) -> Self {
        Self {
            symbols: vec![0; macroblocks * USUAL_SYMBOLS],
            length: 0,
            large: Vec::new(),
            macroblocks: 0,
            counts: SymbolCounts::new(),
            rows: Vec::new(),
        }
    }

    /// Ends row `row`: what has been recorded since the last one ended is its.
    pub(super) fn end_row(&mut self, row: usize) {
        self.rows.push(RowEnd { row, symbols: self.length, large: self.large.len() });
    }

    /// The record of a frame whose rows were recorded here and there, in each place from the top.
    pub(super) fn join(mut records: Vec<Self>) -> Self {
        records.retain(|record| !record.rows.is_empty());
        if records.len() == 1 {
            return records.remove(0);
        }
        let total = |length: fn(&Self) -> usize| records.iter().map(length).sum();
        let mut joined = Self::with_room_for(0);
        joined.symbols.reserve_exact(total(|record| record.length));
        joined.large.reserve_exact(total(|record| record.large.len()));
        let mut rows: Vec<_> = records.iter().flat_map(Self::row_slices).collect();
        rows.sort_unstable_by_key(|(row, ..)| *row);
        for (row, symbols, large) in rows {
            joined.symbols.extend_from_slice(symbols);
            joined.length += symbols.len();
            joined.large.extend_from_slice(large);
            joined.end_row(row);
        }
        for record in &records {
            joined.macroblocks += record.macroblocks;
            joined.counts.add(&record.counts);
        }
        joined
    }

    /// Each row with what is recorded of it.
    fn row_slices(&self) -> impl Iterator<Item = (usize, &[Symbol], &[u16])> {
        let begins = [RowEnd { row: 0, symbols: 0, large: 0 }].into_iter().chain(self.rows.iter().copied());
        begins.zip(&self.rows).map(|(begin, end)| {
            let symbols = &self.symbols[begin.symbols..end.symbols];
            (end.row, symbols, &self.large[begin.large..end.large])
        })
    }

    /// How many macroblocks have levels.
    pub(super) fn macroblocks(&self) -> usize {
        self.macroblocks
    }

    /// Records a macroblock that has levels: `own` are its blocks and their neighbours.
    pub(super) fn record(&mut self, levels: &Levels, own: Surroundings) {
        let macroblock = MacroblockLevels {
            blocks: &levels.blocks,
            nonzero: &levels.nonzero,
            coded: levels.coded,
            y2: own.has_y2(),
            contexts: &own.contexts(),
        };
        if self.symbols.len() < self.length + MOST_SYMBOLS {
            self.symbols.resize(2 * self.length + MOST_SYMBOLS, 0);
        }
        let room = self.symbols[self.length..].first_chunk_mut().expect("there is room for a macroblock");
        let listed = macroblock.list(room);
        self.counts.count(&room[..listed.count]);
        self.length += listed.count;
        if listed.has_large {
            self.record_large(levels, own.has_y2());
        }
        self.macroblocks += 1;
    }

    /// Records the magnitudes that have extra bits.
    #[cold]
    fn record_large(&mut self, levels: &Levels, y2: bool) {
        let blocks = [Y2].into_iter().filter(|_| y2).chain(0..Y2);
        for block in blocks.filter(|block| levels.coded >> block & 1 != 0) {
            let in_order = ZIGZAG.iter().skip(kind_of(block, y2).first());
            let magnitudes = in_order.map(|at| levels.blocks[block][usize::from(*at)].unsigned_abs());
            self.large.extend(magnitudes.filter(|magnitude| *magnitude > LARGEST_PLAIN));
        }
    }

    /// How often each token occurs.
    fn counts(&self) -> TokenCounts {
        TokenCounts {
            tokens: std::array::from_fn(|context| std::array::from_fn(|token| self.counts.of(context, token))),
            fixed: self.large.iter().map(|magnitude| extra_bits_cost(*magnitude)).sum(),
        }
    }

    /// How the tokens are best coded for a decoder that has the probabilities `known`, as [`TokenCounts::best_probabilities`].
    pub(super) fn best_coding(&self, known: &TokenProbabilities, update: &TokenProbabilities) -> Coding {
        self.counts().best_probabilities(known, update)
    }

    /// Writes every token.
    #[inline(always)]
    pub(super) fn write(&self, probabilities: &TokenProbabilities, encoder: &mut BoolEncoder) {
        write_symbols(&self.symbols[..self.length], &self.large, &self.counts, probabilities, encoder);
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
            (t[11], if may_end(at) { more } else { 0 }),
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
    use super::super::token_writer::{Price, put_symbol};
    use super::*;
    use crate::bitstream::bool_coder::BoolDecoder;
    use crate::bitstream::symbols::{END, token_of};
    use crate::bitstream::tables::COEFFICIENT_BANDS;
    use crate::bitstream::tokens::{by_position, read_block};

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
                    i => ((n - 100) * (n % 13 + block as i16) / (1 + i as i16 * i as i16)).clamp(-2114, 2114),
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
        record.end_row(0);
        (record, recorded)
    }

    /// Counts tokens one after another, as RFC 6386 §13 lists them.
    fn plain_counts(recorded: &[(Levels, Surroundings)]) -> TokenCounts {
        let mut counts = TokenCounts { tokens: [[0; TOKENS]; CONTEXTS], fixed: 0 };
        for (levels, own) in recorded {
            for block in (0..25).filter(|block| *block != Y2 || own.has_y2()) {
                let kind = kind_of(block, own.has_y2());
                let end = 16 - levels.nonzero[block].leading_zeros() as usize;
                let mut class = own.context(block);
                let at =
                    |position: usize, class| kind as usize * 24 + usize::from(COEFFICIENT_BANDS[position]) * 3 + class;
                for (position, raster) in ZIGZAG.into_iter().enumerate().take(end).skip(kind.first()) {
                    let magnitude = levels.blocks[block][usize::from(raster)].unsigned_abs();
                    counts.tokens[at(position, class)][token_of(magnitude)] += 1;
                    if magnitude > LARGEST_PLAIN {
                        counts.fixed += extra_bits_cost(magnitude);
                    }
                    class = usize::from(magnitude.min(2));
                }
                let position = end.max(kind.first());
                if position < 16 {
                    counts.tokens[at(position, class)][END] += 1;
                }
            }
        }
        counts
    }

    const KNOWN: TokenProbabilities = [[[[100; 11]; 3]; 8]; 4];

    #[test]
    fn counting_symbols_is_counting_tokens() {
        let (record, recorded) = record();
        assert_eq!(record.counts(), plain_counts(&recorded));
    }

    #[test]
    fn rows_recorded_apart_are_one_record() {
        let (together, recorded) = record();
        let mut apart = [TokenRecord::with_room_for(1), TokenRecord::with_room_for(1)];
        for (row, macroblocks) in recorded.chunks(40).enumerate() {
            let record = &mut apart[row % 2];
            macroblocks.iter().for_each(|(levels, own)| record.record(levels, *own));
            record.end_row(row);
        }
        let joined = TokenRecord::join(apart.into());
        assert_eq!(joined.symbols[..joined.length], together.symbols[..together.length]);
        assert_eq!(joined.large, together.large);
        assert_eq!(joined.macroblocks(), together.macroblocks());
        assert_eq!(joined.counts(), together.counts());
    }

    /// What the bools of all symbols cost, one by one.
    fn price_of_writing(record: &TokenRecord, probabilities: &TokenProbabilities) -> u64 {
        let (mut written, mut large) = (Price(0), record.large.iter());
        for symbol in &record.symbols[..record.length] {
            put_symbol(*symbol, &mut large, probabilities.as_flattened().as_flattened(), &mut written);
        }
        assert_eq!(large.next(), None);
        written.0
    }

    #[test]
    fn the_price_of_a_count_is_the_price_of_writing() {
        let (record, _) = record();
        let coding = record.best_coding(&KNOWN, &[[[[250; 11]; 3]; 8]; 4]);
        assert_eq!(coding.cost, price_of_writing(&record, &coding.probabilities));
    }

    #[test]
    fn what_is_written_is_read_again() {
        let (record, recorded) = record();
        let suited = record.best_coding(&KNOWN, &[[[[250; 11]; 3]; 8]; 4]).probabilities;
        // The second has symbols so dear that a coder's window would not hold two of them.
        for probabilities in [suited, [[[[1; 11]; 3]; 8]; 4], [[[[255; 11]; 3]; 8]; 4]] {
            let mut encoder = BoolEncoder::new();
            record.write(&probabilities, &mut encoder);
            let bytes = encoder.finish();
            let mut decoder = BoolDecoder::new(&bytes);
            let probabilities = by_position(&probabilities);
            for (levels, own) in &recorded {
                let y2 = own.has_y2();
                for block in [Y2].into_iter().filter(|_| y2).chain(0..Y2) {
                    let kind = kind_of(block, y2);
                    let mut read = [0; 16];
                    read_block(
                        &mut decoder,
                        &probabilities[kind as usize],
                        own.context(block),
                        kind.first(),
                        [1, 1],
                        &mut read,
                    );
                    assert_eq!(read, levels.blocks[block], "block {block}");
                }
            }
            assert!(decoder.is_within());
        }
    }

    #[test]
    fn macroblocks_are_priced_as_they_are_written() {
        let (record, recorded) = record();
        let probabilities = [[[[100; 11]; 3]; 8]; 4];
        let prices = TokenPrices::new(&probabilities);
        let priced = recorded.iter().map(|(levels, own)| u64::from(prices.of_macroblock(levels, *own)));
        assert_eq!(priced.sum::<u64>(), price_of_writing(&record, &probabilities));
    }

    #[test]
    fn suited_probabilities_are_never_dearer() {
        let (record, _) = record();
        let update = [[[[250; 11]; 3]; 8]; 4];
        let frozen = [[[[255; 11]; 3]; 8]; 4]; // an announcement so dear that hardly any pays
        let adapted = record.best_coding(&KNOWN, &update).cost;
        assert!(adapted < record.best_coding(&KNOWN, &frozen).cost);
    }
}
