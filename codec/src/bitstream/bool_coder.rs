//! The boolean entropy coder (RFC 6386 §7): everything in a frame after its uncompressed head goes through it.
//!
//! Both directions keep a 64-bit window and move whole bytes, so that a bool costs a multiply, a compare and a shift.

use super::tables::Probability;
use crate::kernels::steps::{Intervals, WIDTHS};

/// Reads bools from a partition. Past its end it reads zeros, as the reference decoder does.
#[derive(Clone, Debug)]
pub(crate) struct BoolDecoder<'a> {
    /// What has not been taken into the window yet.
    rest: &'a [u8],
    /// The unread bits, from the top; below them zeros.
    window: u64,
    /// Width of the current interval, 128..=255 between reads, in the highest bits.
    range: u32,
    /// Unread bits in the window less 8: negative means that a read may need more.
    spare_bits: i32,
}

/// Bits below the width of an interval.
const RANGE_SHIFT: u32 = 24;

/// Once the data are over, this many zero bits are taken to follow; a refill grants them anew.
const ENDLESS_ZEROS: i32 = 1 << 24;

impl<'a> BoolDecoder<'a> {
    /// A decoder at the start of `partition`.
    pub(crate) fn new(partition: &'a [u8]) -> Self {
        Self { rest: partition, window: 0, range: 255 << RANGE_SHIFT, spare_bits: -8 }
    }

    /// Takes whole bytes into the window.
    #[inline(always)]
    fn refill(&mut self) {
        let held_bits = (self.spare_bits + 8) as u32;
        if let Some((eight, _)) = self.rest.split_first_chunk::<8>() {
            let bytes = (64 - held_bits) / 8;
            let taken_bits = bytes * 8;
            // Keep only whole bytes, so that the bits below stay zero until their bytes are taken.
            let fresh = u64::from_be_bytes(*eight) >> (64 - taken_bits) << (64 - taken_bits);
            self.window |= fresh >> held_bits;
            self.spare_bits += taken_bits as i32;
            self.rest = &self.rest[bytes as usize..];
        } else {
            let taken_bits = 8 * self.rest.len() as i32;
            self.window |= last_bytes(self.rest, held_bits);
            self.spare_bits += taken_bits + ENDLESS_ZEROS;
            self.rest = &[];
        }
    }

    /// Reads one bool that is false with `probability` in 256ths (RFC 6386 §7.3).
    ///
    /// Where the interval is split, 1 + (range - 1) * probability / 256 rounded down, is found in 256ths, rounded last: the
    /// number of zeros before it can be counted meanwhile. Each read waits for the width that the one before it left, so that
    /// what lies between the two is what reading costs.
    #[inline(always)]
    pub(crate) fn read(&mut self, probability: Probability) -> bool {
        if self.spare_bits < 0 {
            self.refill();
        }
        let in_256ths =
            u64::from(self.range) * u64::from(probability) + ((256 - u64::from(probability)) << RANGE_SHIFT);
        let split = (in_256ths >> (RANGE_SHIFT + 8)) as u32;
        let split_in_window = u64::from(split) << 56;
        // With zeros counted in numbers of different width, the compiler keeps the two ways apart: the processor then foretells
        // the answer and goes on, instead of choosing between two outcomes once it is known.
        if self.window >= split_in_window {
            self.window -= split_in_window;
            let range = (self.range >> RANGE_SHIFT) - split;
            self.widen(range, range.leading_zeros());
            true
        } else {
            self.widen(split, in_256ths.leading_zeros());
            false
        }
    }

    /// Makes the interval `range` (1..=255) wide, and widens it to 128 or more; before it lie 24..=31 zeros.
    #[inline(always)]
    fn widen(&mut self, range: u32, zeros: u32) {
        let shift = zeros & 7;
        self.range = range << (zeros & 31);
        self.window <<= shift;
        self.spare_bits -= shift as i32;
    }

    /// Whether the partition's bytes held all that was read, and the eight bits that the next read would look at. Once it is
    /// not, it does not become so again (within the 2²⁴ bits that any macroblock is far from).
    pub(crate) fn is_within(&self) -> bool {
        let granted = if self.spare_bits >= ENDLESS_ZEROS / 2 { ENDLESS_ZEROS } else { 0 };
        !self.rest.is_empty() || self.spare_bits >= granted
    }

    /// Reads a flag: an even bool.
    #[inline(always)]
    pub(crate) fn read_flag(&mut self) -> bool {
        self.read(128)
    }

    /// Reads an unsigned number of `bits` even bools, most significant first.
    pub(crate) fn read_literal(&mut self, bits: u32) -> u32 {
        (0..bits).fold(0, |value, _| value << 1 | u32::from(self.read_flag()))
    }

    /// Reads a magnitude of `bits`, then its sign.
    pub(crate) fn read_signed(&mut self, bits: u32) -> i32 {
        let magnitude = self.read_literal(bits) as i32;
        if self.read_flag() { -magnitude } else { magnitude }
    }

    /// Reads a flag and, where it is set, what `read` reads.
    pub(crate) fn read_option<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.read_flag() { Some(read(self)) } else { None }
    }

    /// Reads a leaf of `tree` (RFC 6386 §8.1).
    #[inline(always)]
    pub(crate) fn read_tree(&mut self, tree: &[i8], probabilities: &[Probability]) -> u8 {
        let mut node = 0;
        loop {
            let bit = self.read(probabilities[node >> 1]);
            let next = tree[node + usize::from(bit)];
            if next <= 0 {
                return next.unsigned_abs();
            }
            node = next as usize;
        }
    }
}

/// The last bytes of a partition, fewer than eight, where a window holds `held_bits` already (fewer than eight, too).
#[cold]
fn last_bytes(bytes: &[u8], held_bits: u32) -> u64 {
    bytes.iter().zip(0..).map(|(&byte, place)| u64::from(byte) << (56 - held_bits - 8 * place)).fold(0, |a, b| a | b)
}

/// Where coded bools go: into a partition, or only into a count of what they would cost.
pub(crate) trait BoolSink {
    /// Takes one bool whose probability of being false is `probability` in 256ths.
    fn put(&mut self, bit: bool, probability: Probability);

    /// Takes the bools on the way to the leaf `value` of `tree` (RFC 6386 §8.1).
    fn put_tree(&mut self, tree: &[i8], probabilities: &[Probability], value: u8) {
        each_tree_bit(tree, value, |node, bit| self.put(bit, probabilities[node]));
    }
}

impl BoolSink for BoolEncoder {
    #[inline(always)]
    fn put(&mut self, bit: bool, probability: Probability) {
        self.write(bit, probability);
    }
}

/// Writes bools into a partition.
#[derive(Clone, Debug)]
pub(crate) struct BoolEncoder {
    bytes: Vec<u8>,
    /// The bottom of the interval: `pending_bits` bits that may still take a carry, then the 8 that `range` measures.
    bottom: u64,
    /// Width of the current interval less 1, 127..=254 between writes.
    range_less_1: u32,
    pending_bits: u32,
}

impl Default for BoolEncoder {
    fn default() -> Self {
        Self::new()
    }
}

impl BoolEncoder {
    /// An encoder with nothing written.
    pub(crate) fn new() -> Self {
        Self { bytes: Vec::new(), bottom: 0, range_less_1: 254, pending_bits: 0 }
    }

    /// Writes one bool whose probability of being false is `probability` in 256ths (RFC 6386 §7.3).
    #[inline(always)]
    pub(crate) fn write(&mut self, bit: bool, probability: Probability) {
        let split = 1 + ((self.range_less_1 * u32::from(probability)) >> 8);
        // Either way without a branch: nobody can foretell a bit that is worth coding.
        self.bottom += u64::from(if bit { split } else { 0 });
        let range = if bit { self.range_less_1 + 1 - split } else { split };
        self.widen(range);
    }

    /// Writes the bools that `steps` are for.
    #[inline(always)]
    pub(crate) fn write_steps(&mut self, steps: &Steps) {
        let step = steps.0[self.range_less_1 as usize % WIDTHS];
        self.range_less_1 = step & 255;
        self.make_room(step >> 8 & 15, step >> 12);
    }

    /// Makes the interval `range` (1..=255) wide, and widens it to 128 or more.
    #[inline(always)]
    fn widen(&mut self, range: u32) {
        let shift = range.leading_zeros() & 7;
        self.range_less_1 = (range << shift) - 1;
        self.make_room(shift, 0);
    }

    /// Moves the interval's bottom by `shift` bits and then up by `risen`.
    #[inline(always)]
    fn make_room(&mut self, shift: u32, risen: u32) {
        self.bottom = (self.bottom << shift) + u64::from(risen);
        self.pending_bits += shift;
        // 8 bits of range, 39 pending ones, 15 more and a carry fit the window.
        if self.pending_bits >= 40 {
            // By value, so that what changes with each bool can stay in registers.
            (self.bottom, self.pending_bits) = flush_whole_bytes(&mut self.bytes, self.bottom, self.pending_bits);
        }
    }

    /// Writes a flag: an even bool.
    pub(crate) fn write_flag(&mut self, flag: bool) {
        self.write(flag, 128);
    }

    /// Writes `value` as `bits` even bools, most significant first.
    pub(crate) fn write_literal(&mut self, value: u32, bits: u32) {
        debug_assert!(bits == 32 || value >> bits == 0, "{value} takes more than {bits} bits");
        for position in (0..bits).rev() {
            self.write_flag(value >> position & 1 != 0);
        }
    }

    /// Writes a magnitude of `bits`, then its sign.
    pub(crate) fn write_signed(&mut self, value: i32, bits: u32) {
        self.write_literal(value.unsigned_abs(), bits);
        self.write_flag(value < 0);
    }

    /// Writes whether there is a value and, if so, the value by `write`.
    pub(crate) fn write_option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.write_flag(value.is_some());
        if let Some(value) = value {
            write(self, value);
        }
    }

    /// Ends the partition with every bit that a decoder's window takes in and one more: libvpx calls a partition corrupt when
    /// it has to read on past the end, even though it would read zeros, and ffmpeg when it could not read on.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        let bits = self.pending_bits + 9;
        let padding = bits.next_multiple_of(8) - bits;
        flush_whole_bytes(&mut self.bytes, self.bottom << (1 + padding + 8), bits + padding);
        self.bytes
    }
}

/// What a few bools do to an interval, whichever it is: coding them takes one look-up.
///
/// By the interval's width less 1 modulo [`WIDTHS`]: in the lowest 8 bits the width less 1 that follows, in the next 4 by how many bits it was
/// widened, and above how far its bottom has risen.
pub(crate) struct Steps([u32; WIDTHS]);

impl Steps {
    /// The steps to these intervals from those before the bools, unless they are so improbable that there is no room for it.
    pub(crate) fn new(intervals: &Intervals) -> Option<Self> {
        /// After these the bottom takes no more than the 20 bits that are left.
        const LARGEST_SHIFT: u32 = 12;
        let Intervals { width_less_1, shift, risen } = intervals;
        let has_room = shift.iter().fold(0, |most, shift| most.max(*shift)) <= LARGEST_SHIFT;
        has_room.then(|| Self(std::array::from_fn(|i| width_less_1[i] | shift[i] << 8 | risen[i] << 12)))
    }
}

/// Moves whole bytes from the window to `bytes`; answers what stays there, and how many bits of it may still take a carry.
#[inline(never)]
fn flush_whole_bytes(bytes: &mut Vec<u8>, bottom: u64, pending_bits: u32) -> (u64, u32) {
    let count = pending_bits / 8;
    let left_bits = pending_bits % 8 + 8;
    let settled = bottom >> left_bits;
    if settled >> (8 * count) != 0 {
        carry(bytes);
    }
    bytes.extend_from_slice(&settled.to_be_bytes()[8 - count as usize..]);
    (bottom & ((1 << left_bits) - 1), pending_bits % 8)
}

/// Adds one to the number that the bytes so far spell.
#[cold]
fn carry(bytes: &mut [u8]) {
    for byte in bytes.iter_mut().rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            break;
        }
    }
}

/// Calls `each` with every node on the way to the leaf `value` of `tree`, and the bool that leads on from it.
pub(crate) fn each_tree_bit(tree: &[i8], value: u8, mut each: impl FnMut(usize, bool)) {
    // Walk up from the leaf: what leads to a node lies before it. The longest path here has 7 nodes.
    let mut path = [0; 16];
    let mut length = 0;
    let mut sought = -(value as i8);
    for (position, entry) in tree.iter().enumerate().rev() {
        if *entry == sought {
            path[length & 15] = position;
            length += 1;
            // Nothing leads to the root.
            sought = if position < 2 { i8::MIN } else { (position & !1) as i8 };
        }
    }
    for &position in path[..length].iter().rev() {
        each(position >> 1, position & 1 != 0);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tables::{SHORT_VECTOR_TREE, SUBBLOCK_MODE_TREE};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_back(bools in prop::collection::vec((any::<bool>(), 1..=255u8), 0..2000)) {
            let mut encoder = BoolEncoder::new();
            for &(bit, probability) in &bools {
                encoder.write(bit, probability);
            }
            let bytes = encoder.finish();
            let mut decoder = BoolDecoder::new(&bytes);
            for &(bit, probability) in &bools {
                prop_assert_eq!(decoder.read(probability), bit);
            }
        }

        #[test]
        fn steps_are_the_bools_they_stand_for(
            groups in prop::collection::vec(prop::collection::vec((any::<bool>(), 1..=255u8), 0..7), 1..300),
        ) {
            let (mut one_by_one, mut at_once) = (BoolEncoder::new(), BoolEncoder::new());
            for group in &groups {
                group.iter().for_each(|&(bit, probability)| one_by_one.write(bit, probability));
                let untouched = Intervals::untouched();
                match Steps::new(&group.iter().fold(untouched, |before, &(bit, probability)| before.after(bit, probability))) {
                    Some(steps) => at_once.write_steps(&steps),
                    None => group.iter().for_each(|&(bit, probability)| at_once.write(bit, probability)),
                }
            }
            prop_assert_eq!(one_by_one.finish(), at_once.finish());
        }

        #[test]
        fn literals_and_trees_come_back(
            values in prop::collection::vec((0..1u32 << 14, -63..=63i32, 0..=9u8, 0..=7u8), 1..50),
            probabilities in prop::array::uniform9(1..=255u8),
        ) {
            let mut encoder = BoolEncoder::new();
            for &(literal, signed, mode, short) in &values {
                encoder.write_literal(literal, 14);
                encoder.write_signed(signed, 6);
                encoder.put_tree(&SUBBLOCK_MODE_TREE, &probabilities, mode);
                encoder.put_tree(&SHORT_VECTOR_TREE, &probabilities, short);
            }
            let bytes = encoder.finish();
            let mut decoder = BoolDecoder::new(&bytes);
            for &(literal, signed, mode, short) in &values {
                prop_assert_eq!(decoder.read_literal(14), literal);
                prop_assert_eq!(decoder.read_signed(6), signed);
                prop_assert_eq!(decoder.read_tree(&SUBBLOCK_MODE_TREE, &probabilities), mode);
                prop_assert_eq!(decoder.read_tree(&SHORT_VECTOR_TREE, &probabilities), short);
            }
        }
    }

    proptest! {
        #[test]
        fn a_reader_is_within_its_partition_as_far_as_bytes_to_come_change_nothing(
            bools in prop::collection::vec((any::<bool>(), 1..=255u8), 1..600), cut in 0.0..1.0f64,
        ) {
            let mut encoder = BoolEncoder::new();
            bools.iter().for_each(|&(bit, probability)| encoder.write(bit, probability));
            let bytes = encoder.finish();
            let cut = &bytes[..(bytes.len() as f64 * cut) as usize];
            let others = [[cut, &[0; 20]].concat(), [cut, &[0xff; 20]].concat()];
            let mut whole = BoolDecoder::new(&bytes);
            let mut decoder = BoolDecoder::new(cut);
            let mut longer = others.each_ref().map(|bytes| BoolDecoder::new(bytes));
            for &(bit, probability) in &bools {
                let was_within = decoder.is_within();
                prop_assert!(whole.is_within(), "what is written ends with more than a reader looks at");
                let read = decoder.read(probability);
                let others = longer.each_mut().map(|decoder| decoder.read(probability));
                prop_assert_eq!(whole.read(probability), bit);
                if !was_within {
                    prop_assert!(!decoder.is_within());
                    break;
                }
                prop_assert_eq!((read, others), (bit, [bit, bit]));
            }
        }
    }

    #[test]
    fn a_carry_runs_through_a_row_of_full_bytes() {
        // Unlikely trues at the end of a long row of likely ones push the bottom over many 0xff bytes.
        let mut encoder = BoolEncoder::new();
        let bools: Vec<(bool, u8)> = (0..600).map(|i| (true, if i % 97 == 96 { 255 } else { 1 })).collect();
        for &(bit, probability) in &bools {
            encoder.write(bit, probability);
        }
        let bytes = encoder.finish();
        let mut decoder = BoolDecoder::new(&bytes);
        assert!(bools.iter().all(|&(bit, probability)| decoder.read(probability) == bit));
    }

    #[test]
    fn a_partition_outlasts_every_decoder_s_window() {
        // ffmpeg calls a macroblock without coefficients lost if eight bits and one more are not left for it.
        for bools in 0..100 {
            let mut encoder = BoolEncoder::new();
            (0..bools).for_each(|_| encoder.write_flag(true));
            assert!(8 * encoder.finish().len() > bools + 8);
        }
    }

    #[test]
    fn past_the_end_there_are_zeros() {
        let mut decoder = BoolDecoder::new(&[]);
        assert_eq!(decoder.read_literal(32), 0);
        for _ in 0..100_000 {
            assert!(!decoder.read(1));
        }
    }
}
