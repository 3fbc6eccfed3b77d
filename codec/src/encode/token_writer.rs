//! Symbols as bools (RFC 6386 §13.2). What the frequent ones do to the coder's interval is worked out once for a frame and then looked up: writing
//! one takes a load where its bools would each have waited for the one before.

use super::rate::bit_cost;
use super::tokens::SymbolCounts;
use crate::bitstream::bool_coder::{BoolEncoder, BoolSink, Steps};
use crate::bitstream::symbols::{
    CONTEXTS, END, FIRST_CATEGORY, SYMBOLS, SYMBOLS_OF_CONTEXT, Symbol, ZERO, context_of, is_negative, may_end,
    token_in, token_of,
};
use crate::bitstream::tables::{CATEGORY_BASE, CATEGORY_PROBABILITIES, Probability, TokenProbabilities};
use crate::kernels::steps::Intervals;

/// How often a symbol must occur for its steps to be worth working out: what that takes is gained with twenty.
const FREQUENT: u32 = 24;

/// Writes `symbols`, which occur as often as `counts` say, and the extra bits of the magnitudes in `large`, one for each symbol that has some.
#[inline(always)]
pub(super) fn write_symbols(
    symbols: &[Symbol],
    large: &[u16],
    counts: &SymbolCounts,
    probabilities: &TokenProbabilities,
    encoder: &mut BoolEncoder,
) {
    let probabilities = probabilities.as_flattened().as_flattened();
    let shortcuts = Shortcuts::new(counts, probabilities);
    let mut large = large.iter();
    for symbol in symbols {
        match shortcuts.of(*symbol) {
            Some(steps) => encoder.write_steps(steps),
            None => put_symbol(*symbol, &mut large, probabilities, encoder),
        }
    }
}

/// The steps of frequent symbols.
struct Shortcuts {
    /// By symbol, which of the steps are its own; 0 for none.
    places: Box<[u16; SYMBOLS]>,
    steps: Vec<Steps>,
}

impl Shortcuts {
    fn new(counts: &SymbolCounts, probabilities: &[[Probability; 11]]) -> Self {
        let mut shortcuts = Self { places: Box::new([0; SYMBOLS]), steps: Vec::new() };
        let untouched = Intervals::untouched();
        shortcuts.keep(0, &untouched);
        for (context, p) in (0..CONTEXTS).zip(probabilities) {
            shortcuts.find(context, p, &untouched, |token| counts.of(context, token));
        }
        shortcuts
    }

    /// Finds the steps of the frequent symbols of a context.
    fn find(&mut self, context: usize, p: &[Probability; 11], untouched: &Intervals, count: impl Fn(usize) -> u32) {
        let is_any_frequent = |tokens: std::ops::Range<usize>| tokens.into_iter().any(|token| count(token) >= FREQUENT);
        let first = (context * SYMBOLS_OF_CONTEXT) as Symbol;
        let symbol = |token: usize| first + 2 * token as Symbol;
        if count(END) >= FREQUENT {
            self.keep(symbol(END), &untouched.after(false, p[0]));
        }
        if !is_any_frequent(ZERO..FIRST_CATEGORY) {
            return;
        }
        let more = if may_end(context) { untouched.after(true, p[0]) } else { untouched.clone() };
        if count(ZERO) >= FREQUENT {
            self.keep(symbol(ZERO), &more.after(false, p[1]));
        }
        if !is_any_frequent(1..FIRST_CATEGORY) {
            return;
        }
        let nonzero = more.after(true, p[1]);
        self.keep_both(symbol(1), count(1), || nonzero.after(false, p[2]));
        if !is_any_frequent(2..FIRST_CATEGORY) {
            return;
        }
        let small = nonzero.after(true, p[2]).after(false, p[3]);
        self.keep_both(symbol(2), count(2), || small.after(false, p[4]));
        self.keep_both(symbol(3), count(3), || small.after(true, p[4]).after(false, p[5]));
        self.keep_both(symbol(4), count(4), || small.after(true, p[4]).after(true, p[5]));
    }

    /// Keeps the steps of `symbol` and of its negative if they are frequent.
    fn keep_both(&mut self, symbol: Symbol, count: u32, magnitude: impl FnOnce() -> Intervals) {
        if count >= FREQUENT {
            let magnitude = magnitude();
            self.keep(symbol, &magnitude.after(false, 128));
            self.keep(symbol + 1, &magnitude.after(true, 128));
        }
    }

    fn keep(&mut self, symbol: Symbol, intervals: &Intervals) {
        if let Some(steps) = Steps::new(intervals) {
            self.places[usize::from(symbol)] = self.steps.len() as u16;
            self.steps.push(steps);
        }
    }

    #[inline(always)]
    fn of(&self, symbol: Symbol) -> Option<&Steps> {
        match self.places[usize::from(symbol)] {
            0 => None,
            place => self.steps.get(usize::from(place)),
        }
    }
}

/// Writes one symbol; the extra bits of its magnitude, if it has any, are those of the next in `large`.
#[inline(always)]
pub(super) fn put_symbol<'a>(
    symbol: Symbol,
    large: &mut impl Iterator<Item = &'a u16>,
    probabilities: &[[Probability; 11]],
    sink: &mut impl BoolSink,
) {
    let (context, token) = (context_of(symbol), token_in(symbol));
    let p = &probabilities[context];
    if may_end(context) {
        sink.put(token != END, p[0]);
        if token == END {
            return;
        }
    }
    sink.put(token != ZERO, p[1]);
    if token == ZERO {
        return;
    }
    sink.put(token > 1, p[2]);
    if token > 1 {
        sink.put(token >= FIRST_CATEGORY, p[3]);
        if token >= FIRST_CATEGORY {
            put_category(*large.next().expect("a large level was recorded"), p, sink);
        } else {
            sink.put(token > 2, p[4]);
            if token > 2 {
                sink.put(token == 4, p[5]);
            }
        }
    }
    sink.put(is_negative(symbol), 128);
}

/// Writes which category a magnitude is of, and its extra bits.
#[inline(always)]
fn put_category(magnitude: u16, p: &[Probability; 11], sink: &mut impl BoolSink) {
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

/// What the extra bits of a magnitude cost.
pub(super) fn extra_bits_cost(magnitude: u16) -> u64 {
    let mut price = Price(0);
    put_extra_bits(token_of(magnitude) - FIRST_CATEGORY, magnitude, &mut price);
    price.0
}

/// Adds up what bools cost instead of writing them, in 256ths of a bit.
pub(super) struct Price(pub(super) u64);

impl BoolSink for Price {
    fn put(&mut self, bit: bool, probability: Probability) {
        self.0 += u64::from(bit_cost(bit, probability));
    }
}
