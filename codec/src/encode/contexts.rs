//! What each block learns from its neighbours: whether the one above and the one to its left have any level that is not
//! zero (RFC 6386 §13.3).
//!
//! A macroblock's blocks and the neighbours they look at are the bits of one word, as squares lie in eight columns: luma with
//! what is above it and to its left, U and V beside it, Y2 below. The neighbours of all blocks are then two shifts away.

use super::residue::Y2;
use super::wavefront::SPAN;

/// A macroblock's blocks amid their neighbours, a bit for each that has levels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Surroundings(u64);

const COLUMNS: u32 = 8;

/// Rows and columns of sixteen luma blocks, four blocks of each chroma and Y2.
const PLACES: [(u32, u32); 25] = {
    let mut places = [(7, 1); 25];
    let mut block = 0;
    while block < 24 {
        let index = block as u32;
        places[block] = match index {
            0..16 => (1 + index / 4, 1 + index % 4),
            16..20 => (1 + index / 2 % 2, 6 + index % 2),
            _ => (4 + index / 2 % 2, 6 + index % 2),
        };
        block += 1;
    }
    places
};

/// The bit of each block.
const BITS: [u32; 25] = {
    let mut bits = [0; 25];
    let mut block = 0;
    while block < 25 {
        bits[block] = COLUMNS * PLACES[block].0 + PLACES[block].1;
        block += 1;
    }
    bits
};

/// The bits of the blocks from `first` to `last`, those at the right end of a row or the lower end of a column only if so asked.
const fn bits_of(first: usize, last: usize, columns: u32, rows: u32) -> u64 {
    let (mut bits, mut block) = (0, first);
    while block <= last {
        let (row, column) = PLACES[block];
        if column >= columns && row >= rows {
            bits |= 1 << BITS[block];
        }
        block += 1;
    }
    bits
}

const LUMA: u64 = bits_of(0, 15, 0, 0);
const CHROMA: u64 = bits_of(16, 23, 0, 0);
const Y2_BIT: u64 = 1 << BITS[Y2];
/// Where a Y2 looks.
const BESIDE_Y2: [u64; 2] = [Y2_BIT >> COLUMNS, Y2_BIT >> 1];
const LOWEST_OF_LUMA: u64 = bits_of(12, 15, 0, 0);
const LOWEST_OF_CHROMA: u64 = bits_of(18, 19, 0, 0) | bits_of(22, 23, 0, 0);
const RIGHTMOST_OF_LUMA: u64 = bits_of(0, 15, 4, 0);
const RIGHTMOST_OF_CHROMA: u64 = bits_of(16, 23, 7, 0);
/// What is above a macroblock.
const ABOVE: u64 = BESIDE_Y2[0] | LOWEST_OF_LUMA >> (4 * COLUMNS) | LOWEST_OF_CHROMA >> (2 * COLUMNS);
/// Set where a macroblock has no Y2.
const WITHOUT_Y2: u64 = 1 << 63;

/// Four bits, a byte each.
const BITS_AS_BYTES: [u32; 16] = {
    let mut bytes = [0; 16];
    let mut bits = 0;
    while bits < 16 {
        bytes[bits as usize] = bits & 1 | (bits & 2) << 7 | (bits & 4) << 14 | (bits & 8) << 21;
        bits += 1;
    }
    bytes
};

impl Surroundings {
    /// A macroblock without neighbours that have levels, and without levels of its own so far.
    pub(super) fn alone(y2: bool) -> Self {
        Self(if y2 { 0 } else { WITHOUT_Y2 })
    }

    /// A macroblock of which nothing is known but that blocks above it have levels: a mean of what there may be.
    pub(super) fn half_seen(y2: bool) -> Self {
        Self(Self::alone(y2).0 | ABOVE)
    }

    /// How many of the neighbours of block `block` have levels, 0..=2.
    #[inline(always)]
    pub(super) fn context(self, block: usize) -> usize {
        let bit = BITS[block];
        ((self.0 >> (bit - 1) & 1) + (self.0 >> (bit - COLUMNS) & 1)) as usize
    }

    /// How many of each block's neighbours have levels, 0..=2.
    #[inline(always)]
    pub(super) fn contexts(self) -> [u8; 25] {
        let rows = self.0.to_le_bytes().map(usize::from);
        let mut contexts = [0; 25];
        let (luma, chroma) = contexts.split_at_mut(16);
        for (four, above) in luma.as_chunks_mut::<4>().0.iter_mut().zip(0..) {
            *four = (BITS_AS_BYTES[rows[above + 1] & 15] + BITS_AS_BYTES[rows[above] >> 1 & 15]).to_le_bytes();
        }
        for (two, above) in chroma.as_chunks_mut::<2>().0.iter_mut().zip([0, 1, 3, 4]) {
            let both = BITS_AS_BYTES[rows[above + 1] >> 5 & 3] + BITS_AS_BYTES[rows[above] >> 6 & 3];
            *two = (both as u16).to_le_bytes();
        }
        contexts[Y2] = self.context(Y2) as u8;
        contexts
    }

    /// With levels in block `block` if `any`.
    #[inline(always)]
    #[must_use]
    pub(super) fn with(self, block: usize, any: bool) -> Self {
        Self(self.0 | u64::from(any) << BITS[block])
    }

    /// Whether the macroblock has a Y2.
    #[inline(always)]
    pub(super) fn has_y2(self) -> bool {
        self.0 & WITHOUT_Y2 == 0
    }

    /// How many blocks without levels there are by context: of Y2, luma and chroma.
    #[inline(always)]
    pub(super) fn empty_blocks(self) -> [[u32; 3]; 3] {
        let (above, left) = (self.0 << COLUMNS, self.0 << 1);
        let y2 = if self.has_y2() { Y2_BIT } else { 0 };
        [y2, LUMA, CHROMA].map(|blocks| {
            let empty = blocks & !self.0;
            [empty & !(above | left), empty & (above ^ left), empty & above & left].map(u64::count_ones)
        })
    }
}

/// What the macroblocks of a frame see above them and to their left.
pub(super) struct TokenContexts {
    /// By column.
    above: Vec<u64>,
    left: u64,
}

impl TokenContexts {
    /// Contexts at the start of a frame of `columns`.
    pub(super) fn new(columns: usize) -> Self {
        Self { above: vec![0; columns], left: 0 }
    }

    /// Begins a row.
    pub(super) fn begin_row(&mut self) {
        self.left = 0;
    }

    /// Takes over what those from column `first` on see above them.
    pub(super) fn see_above(&mut self, first: usize, above: &[u64; SPAN]) {
        self.above[first..].iter_mut().zip(above).for_each(|(own, above)| *own = *above);
    }

    /// What those below the macroblocks from column `first` on see, once these are kept.
    pub(super) fn below(&self, first: usize) -> [u64; SPAN] {
        std::array::from_fn(|i| self.above.get(first + i).copied().unwrap_or(0))
    }

    /// What the macroblock at `column` of the row sees, before any of its own blocks is known.
    #[inline(always)]
    pub(super) fn around(&self, column: usize, y2: bool) -> Surroundings {
        Surroundings(self.above[column] | self.left | Surroundings::alone(y2).0)
    }

    /// Keeps what those right of and below the macroblock at `column` will see of it. A Y2 is only forgotten by a macroblock that
    /// has one, too.
    #[inline(always)]
    pub(super) fn keep(&mut self, column: usize, Surroundings(bits): Surroundings) {
        let [above_y2, left_of_y2] = BESIDE_Y2;
        let (above, left) = if bits & WITHOUT_Y2 == 0 {
            ((bits & Y2_BIT) >> COLUMNS, (bits & Y2_BIT) >> 1)
        } else {
            (bits & above_y2, bits & left_of_y2)
        };
        self.above[column] =
            above | (bits & LOWEST_OF_LUMA) >> (4 * COLUMNS) | (bits & LOWEST_OF_CHROMA) >> (2 * COLUMNS);
        self.left = left | (bits & RIGHTMOST_OF_LUMA) >> 4 | (bits & RIGHTMOST_OF_CHROMA) >> 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contexts(surroundings: Surroundings) -> Vec<usize> {
        (0..25).filter(|block| surroundings.context(*block) > 0).collect()
    }

    #[test]
    fn a_block_sees_its_neighbours_above_and_to_the_left() {
        let mut seen = TokenContexts::new(2);
        // The first luma block, the last block of V, and Y2.
        let own = [0, 23, Y2].into_iter().fold(seen.around(0, true), |own, block| own.with(block, true));
        assert_eq!(contexts(own), [1, 4]);
        seen.keep(0, own);
        assert_eq!(contexts(seen.around(1, true)), [22, Y2]);
        seen.begin_row();
        assert_eq!(contexts(seen.around(0, true)), [21, Y2]);
    }

    #[test]
    fn each_block_is_seen_by_the_one_to_its_right_and_the_one_below() {
        for block in 0..25 {
            let mut seen = TokenContexts::new(2);
            seen.keep(0, seen.around(0, true).with(block, true));
            let (right, side) = (seen.around(1, true), if block < 16 { 4 } else { 2 });
            seen.begin_row();
            let below = seen.around(0, true);
            let within = if block < 16 { block } else { (block - 16) % 4 };
            let right_end = block == Y2 || within % side == side - 1;
            let lower_end = block == Y2 || within / side == side - 1;
            let first_in_row = if block == Y2 { Y2 } else { (block + 1).saturating_sub(side) };
            let first_in_column = if block == Y2 { Y2 } else { block.saturating_sub(side * (side - 1)) };
            assert_eq!(contexts(right), if right_end { vec![first_in_row] } else { vec![] });
            assert_eq!(contexts(below), if lower_end { vec![first_in_column] } else { vec![] });
        }
    }

    #[test]
    fn a_y2_is_remembered_past_macroblocks_without_one() {
        let mut seen = TokenContexts::new(3);
        seen.keep(0, seen.around(0, true).with(Y2, true));
        seen.keep(1, seen.around(1, false).with(0, true));
        assert_eq!(seen.around(2, true).context(Y2), 1);
        seen.keep(2, seen.around(2, true));
        assert_eq!(seen.left, 0);
    }

    #[test]
    fn all_contexts_are_the_context_of_each() {
        let mut bits = 1u64;
        for _ in 0..2000 {
            // Knuth's linear congruence for 64 bits.
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let own = Surroundings(bits ^ bits >> 31);
            assert_eq!(own.contexts().map(usize::from), std::array::from_fn(|block| own.context(block)));
        }
    }

    #[test]
    fn empty_blocks_are_counted_by_context() {
        let one = TokenContexts::new(1).around(0, true).with(1, true).with(4, true);
        // Block 5 lies beside both of them, 2 and 8 beside one.
        assert_eq!(one.empty_blocks(), [[1, 0, 0], [11, 2, 1], [8, 0, 0]]);
        let without = TokenContexts::new(1).around(0, false);
        assert_eq!(without.empty_blocks(), [[0; 3], [16, 0, 0], [8, 0, 0]]);
    }
}
