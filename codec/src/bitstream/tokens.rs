//! Coefficient tokens: the quantized residue of a block as bools (RFC 6386 §13).

use super::bool_coder::{BoolDecoder, BoolSink};
use super::tables::{
    CATEGORY_BASE, CATEGORY_PROBABILITIES, COEFFICIENT_BANDS, Probability, TokenProbabilities, ZIGZAG,
};

/// What kind of block a block is, for its token probabilities: the index of [`TokenProbabilities`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum BlockKind {
    /// Luma whose DC is in Y2: it starts at coefficient 1.
    LumaWithoutDc,
    /// The DCs of a macroblock's luma.
    Y2,
    /// U or V.
    Chroma,
    /// Luma of a macroblock without Y2.
    LumaWithDc,
}

impl BlockKind {
    /// The position of the first coefficient that is coded.
    #[inline]
    pub(crate) fn first(self) -> usize {
        usize::from(self == Self::LumaWithoutDc)
    }
}

/// Which neighbours had coefficients: per macroblock 4 flags for luma, 2 each for U and V, 1 for Y2 (RFC 6386 §13.3).
///
/// One stands for the column of a macroblock (what is above), one for the row (what is to the left).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TokenContext {
    /// Luma, by subblock column or row.
    pub(crate) luma: [u8; 4],
    /// U, then V, by subblock column or row.
    pub(crate) chroma: [[u8; 2]; 2],
    /// Of the last macroblock that had a Y2.
    pub(crate) y2: u8,
}

impl TokenContext {
    /// What a macroblock without coefficients leaves: zeros, but Y2's flag only where it has a Y2 (RFC 6386 §13.3).
    #[inline]
    pub(crate) fn clear(&mut self, has_y2: bool) {
        *self = Self { y2: if has_y2 { 0 } else { self.y2 }, ..Self::default() };
    }
}

// Nodes of the token tree, as indices of probabilities (RFC 6386 §13.2).
const NODE_MORE: usize = 0;
const NODE_NONZERO: usize = 1;
const NODE_OVER_ONE: usize = 2;
const NODE_OVER_FOUR: usize = 3;
const NODE_OVER_TWO: usize = 4;
const NODE_IS_FOUR: usize = 5;
const NODE_OVER_CATEGORY_2: usize = 6;
const NODE_IS_CATEGORY_2: usize = 7;
const NODE_OVER_CATEGORY_4: usize = 8;
const NODE_IS_CATEGORY_4: usize = 9;
const NODE_IS_CATEGORY_6: usize = 10;

/// Token probabilities by kind, position, context and node: those of [`TokenProbabilities`], where positions share bands.
pub(crate) type PositionProbabilities = [[[[Probability; 11]; 3]; 16]; 4];

/// Probabilities by position from those by band.
pub(crate) fn by_position(probabilities: &TokenProbabilities) -> PositionProbabilities {
    std::array::from_fn(|kind| {
        std::array::from_fn(|position| probabilities[kind][usize::from(COEFFICIENT_BANDS[position])])
    })
}

/// Reads the tokens of a block and multiplies them by their steps.
///
/// `probabilities` are those of the block's kind, `context` counts the neighbours with coefficients (0..=2), `steps`
/// are those of DC and AC; `coefficients`, in raster order, must be zeros. The answer is the position after the last
/// token: the block counts as having coefficients if it is over `first`.
#[inline(always)]
pub(crate) fn read_block(
    decoder: &mut BoolDecoder<'_>,
    probabilities: &[[[Probability; 11]; 3]; 16],
    context: usize,
    first: usize,
    steps: [i16; 2],
    coefficients: &mut [i16; 16],
) -> usize {
    let mut position = first;
    let mut nodes = &probabilities[first][context];
    if !decoder.read(nodes[NODE_MORE]) {
        return first;
    }
    loop {
        while !decoder.read(nodes[NODE_NONZERO]) {
            position += 1;
            if position == 16 {
                return 16;
            }
            nodes = &probabilities[position][0];
        }
        let (magnitude, next_context) =
            if decoder.read(nodes[NODE_OVER_ONE]) { (read_large(decoder, nodes), 2) } else { (1, 1) };
        let step = steps[usize::from(position > 0)];
        // Wrapping, as the 16-bit registers of other decoders do: only corrupt streams go that far.
        let value = (magnitude as i16).wrapping_mul(step);
        // Negation without a branch: nobody can foretell a sign.
        let sign = -i16::from(decoder.read_flag());
        coefficients[usize::from(ZIGZAG[position] & 15)] = (value ^ sign).wrapping_sub(sign);
        position += 1;
        if position == 16 {
            return 16;
        }
        nodes = &probabilities[position][next_context];
        if !decoder.read(nodes[NODE_MORE]) {
            return position;
        }
    }
}

/// Reads a magnitude that is known to be over 1.
#[inline(always)]
fn read_large(decoder: &mut BoolDecoder<'_>, nodes: &[Probability; 11]) -> u16 {
    if !decoder.read(nodes[NODE_OVER_FOUR]) {
        if !decoder.read(nodes[NODE_OVER_TWO]) {
            return 2;
        }
        return 3 + u16::from(decoder.read(nodes[NODE_IS_FOUR]));
    }
    let category = if !decoder.read(nodes[NODE_OVER_CATEGORY_2]) {
        usize::from(decoder.read(nodes[NODE_IS_CATEGORY_2]))
    } else if !decoder.read(nodes[NODE_OVER_CATEGORY_4]) {
        2 + usize::from(decoder.read(nodes[NODE_IS_CATEGORY_4]))
    } else {
        4 + usize::from(decoder.read(nodes[NODE_IS_CATEGORY_6]))
    };
    let extra = CATEGORY_PROBABILITIES[category]
        .iter()
        .fold(0, |extra, &probability| extra << 1 | u16::from(decoder.read(probability)));
    CATEGORY_BASE[category] + extra
}

/// The largest magnitude that a token can say (RFC 6386 §13.2).
pub(crate) const MAX_LEVEL: i16 = 67 + (1 << 11) - 1;

/// Where the tokens of blocks go: into a partition, or into statistics.
pub(crate) trait TokenSink {
    /// Takes the bool at `node` of the token tree, in `band` and `context` of blocks of `kind`.
    fn put_node(&mut self, kind: BlockKind, band: usize, context: usize, node: usize, bit: bool);

    /// Takes an extra bit of a large magnitude or a sign, whose probability is fixed.
    fn put_fixed(&mut self, bit: bool, probability: Probability);
}

/// Writes tokens with given probabilities.
#[derive(Debug)]
pub(crate) struct TokenWriter<'a, S> {
    /// Where the bools go.
    pub(crate) sink: &'a mut S,
    /// The probabilities of this frame.
    pub(crate) probabilities: &'a TokenProbabilities,
}

impl<S: BoolSink> TokenSink for TokenWriter<'_, S> {
    #[inline(always)]
    fn put_node(&mut self, kind: BlockKind, band: usize, context: usize, node: usize, bit: bool) {
        self.sink.put(bit, self.probabilities[kind as usize][band][context][node]);
    }

    #[inline(always)]
    fn put_fixed(&mut self, bit: bool, probability: Probability) {
        self.sink.put(bit, probability);
    }
}

/// Counts how often each node of the token tree is left either way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TokenCounts(pub(crate) [[[[[u32; 2]; 11]; 3]; 8]; 4]);

impl TokenSink for TokenCounts {
    #[inline(always)]
    fn put_node(&mut self, kind: BlockKind, band: usize, context: usize, node: usize, bit: bool) {
        self.0[kind as usize][band][context][node][usize::from(bit)] += 1;
    }

    #[inline(always)]
    fn put_fixed(&mut self, _bit: bool, _probability: Probability) {}
}

/// Writes the tokens of a block.
///
/// `levels` are its quantized coefficients in the order of coding (zigzag), at most [`MAX_LEVEL`] either way; `end` is
/// the position after the last one that is not zero, or less than `kind.first()` + 1 if there is none. The answer is
/// whether the block counts as having coefficients for its neighbours' contexts.
#[inline]
pub(crate) fn write_block(
    sink: &mut impl TokenSink,
    kind: BlockKind,
    context: usize,
    levels: &[i16; 16],
    end: usize,
) -> bool {
    let first = kind.first();
    let mut context = context;
    let mut may_end = true;
    for position in first..end {
        let band = usize::from(COEFFICIENT_BANDS[position]);
        let level = levels[position];
        if may_end {
            sink.put_node(kind, band, context, NODE_MORE, true);
        }
        let magnitude = level.unsigned_abs();
        sink.put_node(kind, band, context, NODE_NONZERO, magnitude != 0);
        may_end = magnitude != 0;
        if magnitude == 0 {
            context = 0;
            continue;
        }
        sink.put_node(kind, band, context, NODE_OVER_ONE, magnitude > 1);
        if magnitude > 1 {
            write_large(sink, kind, band, context, magnitude);
        }
        sink.put_fixed(level < 0, 128);
        context = if magnitude > 1 { 2 } else { 1 };
    }
    if end < 16 {
        let position = end.max(first);
        sink.put_node(kind, usize::from(COEFFICIENT_BANDS[position]), context, NODE_MORE, false);
    }
    end > first
}

/// Writes what says how large a magnitude over 1 is.
fn write_large(sink: &mut impl TokenSink, kind: BlockKind, band: usize, context: usize, magnitude: u16) {
    debug_assert!(magnitude <= MAX_LEVEL as u16, "{magnitude} does not fit a token");
    let mut put = |node, bit| sink.put_node(kind, band, context, node, bit);
    put(NODE_OVER_FOUR, magnitude > 4);
    if magnitude <= 4 {
        put(NODE_OVER_TWO, magnitude > 2);
        if magnitude > 2 {
            put(NODE_IS_FOUR, magnitude == 4);
        }
        return;
    }
    let category = CATEGORY_BASE.partition_point(|&base| base <= magnitude) - 1;
    put(NODE_OVER_CATEGORY_2, category > 1);
    match category {
        0 | 1 => put(NODE_IS_CATEGORY_2, category == 1),
        2 | 3 => {
            put(NODE_OVER_CATEGORY_4, false);
            put(NODE_IS_CATEGORY_4, category == 3);
        }
        _ => {
            put(NODE_OVER_CATEGORY_4, true);
            put(NODE_IS_CATEGORY_6, category == 5);
        }
    }
    let extra = magnitude - CATEGORY_BASE[category];
    let probabilities = CATEGORY_PROBABILITIES[category];
    for (index, &probability) in probabilities.iter().enumerate() {
        sink.put_fixed(extra >> (probabilities.len() - 1 - index) & 1 != 0, probability);
    }
}

#[cfg(test)]
mod tests {
    use super::super::bool_coder::BoolEncoder;
    use super::super::token_probabilities::DEFAULT_TOKEN_PROBABILITIES;
    use super::*;
    use proptest::prelude::*;

    const KINDS: [BlockKind; 4] = [BlockKind::LumaWithoutDc, BlockKind::Y2, BlockKind::Chroma, BlockKind::LumaWithDc];

    fn any_level() -> impl Strategy<Value = i16> {
        prop_oneof![4 => Just(0), 4 => -1..=1i16, 2 => -11..=11i16, 1 => -MAX_LEVEL..=MAX_LEVEL]
    }

    /// A block's kind, context and levels, and how many of these may be other than zero.
    fn any_block() -> impl Strategy<Value = (BlockKind, usize, [i16; 16])> {
        (0..4usize, 0..3usize, prop::collection::vec(any_level(), 16), 0..=16usize).prop_map(
            |(kind, context, levels, end)| {
                let kept = |i: usize| if i >= KINDS[kind].first() && i < end { levels[i] } else { 0 };
                (KINDS[kind], context, std::array::from_fn(kept))
            },
        )
    }

    proptest! {
        #[test]
        fn blocks_come_back(blocks in prop::collection::vec(any_block(), 1..30)) {
            let mut encoder = BoolEncoder::new();
            let mut counts = TokenCounts::default();
            for (kind, context, levels) in &blocks {
                let end = levels.iter().rposition(|&level| level != 0).map_or(0, |last| last + 1);
                let mut writer = TokenWriter { sink: &mut encoder, probabilities: &DEFAULT_TOKEN_PROBABILITIES };
                let has_coefficients = write_block(&mut writer, *kind, *context, levels, end);
                prop_assert_eq!(has_coefficients, end > 0);
                write_block(&mut counts, *kind, *context, levels, end);
            }
            let ends = counts.0.iter().flatten().flatten().map(|nodes| nodes[NODE_MORE][0]).sum::<u32>();
            prop_assert!(ends as usize <= blocks.len());

            let bytes = encoder.finish();
            let mut decoder = BoolDecoder::new(&bytes);
            for (kind, context, levels) in &blocks {
                let mut coefficients = [0; 16];
                let probabilities = &by_position(&DEFAULT_TOKEN_PROBABILITIES)[*kind as usize];
                let end = read_block(&mut decoder, probabilities, *context, kind.first(), [3, 5], &mut coefficients);
                for (position, &level) in levels.iter().enumerate() {
                    let step = if position == 0 { 3 } else { 5 };
                    prop_assert_eq!(coefficients[usize::from(ZIGZAG[position])], level * step);
                }
                let last = levels.iter().rposition(|&level| level != 0);
                prop_assert_eq!(end, last.map_or(kind.first(), |last| last + 1));
            }
        }
    }

    #[test]
    fn a_skipped_macroblock_without_y2_keeps_its_y2_context() {
        let full = TokenContext { luma: [1; 4], chroma: [[1; 2]; 2], y2: 1 };
        let mut context = full;
        context.clear(false);
        assert_eq!(context, TokenContext { y2: 1, ..TokenContext::default() });
        context.clear(true);
        assert_eq!(context, TokenContext::default());
    }
}
