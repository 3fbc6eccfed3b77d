//! Motion vectors: how one is coded, and which ones the neighbours suggest (RFC 6386 §16.3, §17).

use super::bool_coder::{BoolDecoder, BoolSink};
use super::tables::{INTER_MODE_CONTEXTS, Probability, SHORT_VECTOR_TREE, VectorProbabilities};
use crate::macroblock::{LumaMode, Macroblock, MacroblockGrid, MotionVector, Reference};

// Where the probabilities of a component lie (RFC 6386 §17.2).
const IS_LONG: usize = 0;
const SIGN: usize = 1;
const SHORT_TREE: usize = 2;
const LONG_BITS: usize = 9;

/// Bits of a long magnitude.
const LONG_WIDTH: usize = 10;

/// The largest magnitude of a coded component, in quarter samples.
pub(crate) const MAX_CODED_COMPONENT: i16 = (1 << LONG_WIDTH) - 1;

/// The order of the bits of a long magnitude; bit 3 follows, where a higher one is set, and is 1 otherwise.
const LONG_BIT_ORDER: [usize; LONG_WIDTH - 1] = [0, 1, 2, 9, 8, 7, 6, 5, 4];

/// Reads a vector (its difference from what it is predicted to be).
#[inline(always)]
pub(crate) fn read_vector(decoder: &mut BoolDecoder<'_>, probabilities: &[VectorProbabilities; 2]) -> MotionVector {
    let row = read_component(decoder, &probabilities[0]);
    let column = read_component(decoder, &probabilities[1]);
    MotionVector { row, column }
}

/// Writes a vector; no component may be over [`MAX_CODED_COMPONENT`] either way.
pub(crate) fn write_vector(sink: &mut impl BoolSink, probabilities: &[VectorProbabilities; 2], vector: MotionVector) {
    write_component(sink, &probabilities[0], vector.row);
    write_component(sink, &probabilities[1], vector.column);
}

#[inline(always)]
fn read_component(decoder: &mut BoolDecoder<'_>, probabilities: &VectorProbabilities) -> i16 {
    let mut magnitude = 0;
    if decoder.read(probabilities[IS_LONG]) {
        for bit in LONG_BIT_ORDER {
            magnitude |= i16::from(decoder.read(probabilities[LONG_BITS + bit])) << bit;
        }
        if magnitude < 16 || decoder.read(probabilities[LONG_BITS + 3]) {
            magnitude |= 8;
        }
    } else {
        // The short vector tree is full: three bits from the top, and each tells where the next one's probability lies.
        let high = usize::from(decoder.read(probabilities[SHORT_TREE]));
        let below = SHORT_TREE + 1 + 3 * high;
        let middle = usize::from(decoder.read(probabilities[below]));
        let low = usize::from(decoder.read(probabilities[below + 1 + middle]));
        magnitude = (high << 2 | middle << 1 | low) as i16;
    }
    if magnitude != 0 && decoder.read(probabilities[SIGN]) { -magnitude } else { magnitude }
}

fn write_component(sink: &mut impl BoolSink, probabilities: &VectorProbabilities, component: i16) {
    each_component_bit(component, |index, bit| sink.put(bit, probabilities[index]));
}

/// Calls `each` with every bool that codes `component`, and the index of its probability in the component's table.
pub(crate) fn each_component_bit(component: i16, mut each: impl FnMut(usize, bool)) {
    let magnitude = component.unsigned_abs();
    debug_assert!(magnitude <= MAX_CODED_COMPONENT as u16, "{component} does not fit a coded component");
    if magnitude < 8 {
        each(IS_LONG, false);
        super::bool_coder::each_tree_bit(&SHORT_VECTOR_TREE, magnitude as u8, |node, bit| each(SHORT_TREE + node, bit));
    } else {
        each(IS_LONG, true);
        for bit in LONG_BIT_ORDER {
            each(LONG_BITS + bit, magnitude >> bit & 1 != 0);
        }
        if magnitude >= 16 {
            each(LONG_BITS + 3, magnitude & 8 != 0);
        }
    }
    if magnitude != 0 {
        each(SIGN, component < 0);
    }
}

/// How far vectors that are taken over from neighbours may point: a macroblock beyond the edges (RFC 6386 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VectorBounds {
    // In the widest pictures the bounds themselves are over 16 bits.
    rows: (i32, i32),
    columns: (i32, i32),
}

impl VectorBounds {
    /// The bounds for the macroblock at (`row`, `column`) of a frame of `rows` by `columns`.
    pub(crate) fn new(row: usize, column: usize, rows: usize, columns: usize) -> Self {
        // A macroblock is 64 quarter samples.
        let range = |at: usize, count: usize| (-64 * (at as i32 + 1), 64 * (count - at) as i32);
        Self { rows: range(row, rows), columns: range(column, columns) }
    }

    /// The vector nearest to `vector` within the bounds.
    pub(crate) fn clamp(&self, vector: MotionVector) -> MotionVector {
        let clamp = |component: i16, (least, most): (i32, i32)| i32::from(component).clamp(least, most) as i16;
        MotionVector { row: clamp(vector.row, self.rows), column: clamp(vector.column, self.columns) }
    }
}

/// What a macroblock's neighbours suggest for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Suggestions {
    /// The vector of mode Nearest, clamped.
    pub(crate) nearest: MotionVector,
    /// The vector of mode Near, clamped.
    pub(crate) near: MotionVector,
    /// From which new vectors are coded as differences, clamped.
    pub(crate) best: MotionVector,
    /// Probabilities of the inter mode tree.
    pub(crate) mode_probabilities: [Probability; 4],
}

impl Default for Suggestions {
    fn default() -> Self {
        Self::STILL
    }
}

impl Suggestions {
    /// What three neighbours with zero vectors suggest, none of them split: they count 2, 2 and 1 for zero.
    const STILL: Self = Self {
        nearest: MotionVector::ZERO,
        near: MotionVector::ZERO,
        best: MotionVector::ZERO,
        mode_probabilities: [
            INTER_MODE_CONTEXTS[5][0],
            INTER_MODE_CONTEXTS[0][1],
            INTER_MODE_CONTEXTS[0][2],
            INTER_MODE_CONTEXTS[0][3],
        ],
    };

    /// What the neighbours of `cell` suggest if it refers to `reference` (RFC 6386 §16.3).
    ///
    /// `sign_biases`, by reference, turn round the vectors of neighbours whose reference lies the other way in time.
    #[inline(always)]
    pub(crate) fn find(
        grid: &MacroblockGrid,
        cell: usize,
        reference: Reference,
        sign_biases: [bool; 4],
        bounds: &VectorBounds,
    ) -> Self {
        let above = grid.macroblock(cell - grid.stride());
        let left = grid.macroblock(cell - 1);
        let above_left = grid.macroblock(cell - grid.stride() - 1);

        // Over still parts of a picture there is nothing to weigh up.
        let is_still = |neighbour: &Macroblock| {
            neighbour.vector == MotionVector::ZERO
                && neighbour.reference != Reference::Intra
                && neighbour.luma_mode != LumaMode::Split
        };
        if is_still(above) && is_still(left) && is_still(above_left) {
            return Self::STILL;
        }
        Self::weigh([above, left, above_left], reference, sign_biases, bounds)
    }

    fn weigh(
        [above, left, above_left]: [&Macroblock; 3],
        reference: Reference,
        sign_biases: [bool; 4],
        bounds: &VectorBounds,
    ) -> Self {
        // Slot 0 counts zero vectors; the others hold up to three distinct vectors in the order of finding.
        let mut vectors = [MotionVector::ZERO; 4];
        let mut counts = [0usize; 4];
        let mut found = 0;
        for (neighbour, weight) in [(above, 2), (left, 2), (above_left, 1)] {
            if neighbour.reference == Reference::Intra {
                continue;
            }
            if neighbour.vector == MotionVector::ZERO {
                counts[0] += weight;
                continue;
            }
            let turned = sign_biases[neighbour.reference as usize] != sign_biases[reference as usize];
            let vector = if turned { neighbour.vector.negated() } else { neighbour.vector };
            // Only the one found last is compared; slot 0 is zero and `vector` is not.
            if vector != vectors[found] {
                found += 1;
                vectors[found] = vector;
            }
            counts[found] += weight;
        }

        // With three distinct finds, the last may still be the first again.
        if counts[3] > 0 && vectors[3] == vectors[1] {
            counts[1] += 1;
        }
        let is_split = |macroblock: &Macroblock| usize::from(macroblock.luma_mode == LumaMode::Split);
        counts[3] = 2 * (is_split(above) + is_split(left)) + is_split(above_left);
        if counts[2] > counts[1] {
            counts.swap(1, 2);
            vectors.swap(1, 2);
        }
        if counts[1] >= counts[0] {
            vectors[0] = vectors[1];
        }
        Self {
            nearest: bounds.clamp(vectors[1]),
            near: bounds.clamp(vectors[2]),
            best: bounds.clamp(vectors[0]),
            mode_probabilities: std::array::from_fn(|node| INTER_MODE_CONTEXTS[counts[node]][node]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::bool_coder::BoolEncoder;
    use super::super::tables::DEFAULT_VECTOR_PROBABILITIES;
    use super::*;
    use crate::Size;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn vectors_come_back(components in prop::collection::vec((-1023..=1023i16, -20..=20i16), 1..40)) {
            let mut encoder = BoolEncoder::new();
            for &(row, column) in &components {
                write_vector(&mut encoder, &DEFAULT_VECTOR_PROBABILITIES, MotionVector { row, column });
            }
            let bytes = encoder.finish();
            let mut decoder = BoolDecoder::new(&bytes);
            for &(row, column) in &components {
                prop_assert_eq!(
                    read_vector(&mut decoder, &DEFAULT_VECTOR_PROBABILITIES),
                    MotionVector { row, column }
                );
            }
        }
    }

    fn inter(row: i16, column: i16, reference: Reference) -> Macroblock {
        let vector = MotionVector { row, column };
        Macroblock { luma_mode: LumaMode::New, reference, vector, ..Macroblock::OUTSIDE }
    }

    fn suggestions(above: Macroblock, left: Macroblock, above_left: Macroblock) -> Suggestions {
        let mut grid = MacroblockGrid::new(Size::new(64, 64).unwrap());
        let cell = grid.cell(1, 1);
        let stride = grid.stride();
        *grid.macroblock_mut(cell - stride) = above;
        *grid.macroblock_mut(cell - 1) = left;
        *grid.macroblock_mut(cell - stride - 1) = above_left;
        let bounds = VectorBounds::new(1, 1, 4, 4);
        Suggestions::find(&grid, cell, Reference::Last, [false, false, true, false], &bounds)
    }

    #[test]
    fn with_no_inter_neighbours_nothing_is_suggested() {
        let found = suggestions(Macroblock::OUTSIDE, Macroblock::OUTSIDE, Macroblock::OUTSIDE);
        assert_eq!((found.nearest, found.near, found.best), Default::default());
        assert_eq!(found.mode_probabilities, [7, 1, 1, 143]);
    }

    #[test]
    fn the_commoner_vector_is_the_nearest() {
        let left = inter(8, 8, Reference::Last);
        let found = suggestions(inter(4, 4, Reference::Last), left, left);
        assert_eq!((found.nearest, found.near), (left.vector, MotionVector { row: 4, column: 4 }));
        assert_eq!(found.best, left.vector);
        // Counts: no zero, 3 of the left one, 2 of the upper one, no split.
        assert_eq!(found.mode_probabilities, [7, 56, 57, 143]);
    }

    #[test]
    fn a_vector_into_a_reference_of_the_other_bias_is_turned_round() {
        let found = suggestions(inter(4, -6, Reference::Golden), Macroblock::OUTSIDE, Macroblock::OUTSIDE);
        assert_eq!(found.nearest, MotionVector { row: -4, column: 6 });
    }

    #[test]
    fn the_widest_picture_bounds_no_vector_that_can_be_said() {
        let bounds = VectorBounds::new(0, 500, 1, 1024);
        let far = MotionVector { row: 0, column: i16::MIN };
        assert_eq!(bounds.clamp(far), MotionVector { row: 0, column: -64 * 501 });
        assert_eq!(VectorBounds::new(0, 600, 1, 1024).clamp(far), far);
    }

    #[test]
    fn suggestions_stay_within_a_macroblock_of_the_picture() {
        let found = suggestions(inter(-500, 900, Reference::Last), Macroblock::OUTSIDE, Macroblock::OUTSIDE);
        assert_eq!(found.nearest, MotionVector { row: -128, column: 192 });
    }
}
