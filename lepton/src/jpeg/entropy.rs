//! The coefficients of sequential scans (T.81 §F.2.2): differences of DC values are read and written anew, what codes
//! the AC coefficients is only looked at for its length and carried over bit by bit.

use super::bits::{BitReader, BitWriter};
use super::huffman::HuffmanTable;

/// Where the bits of AC coefficients go.
pub(crate) trait Sink {
    fn put(&mut self, bits: u32, count: u32);
}

/// Nowhere.
impl Sink for () {
    #[inline(always)]
    fn put(&mut self, _: u32, _: u32) {}
}

impl Sink for BitWriter {
    #[inline(always)]
    fn put(&mut self, bits: u32, count: u32) {
        BitWriter::put(self, bits, count);
    }
}

/// Reads the difference of a DC value from its prediction.
#[inline(always)]
pub(crate) fn read_dc(reader: &mut BitReader<'_>, table: &HuffmanTable) -> Option<i32> {
    reader.refill();
    let (category, length) = table.decode(reader.peek_16())?;
    let category = u32::from(category);
    if category > 15 {
        return None;
    }
    let bits = reader.take(length + category) & ((1 << category) - 1);
    let is_negative = category > 0 && bits >> (category - 1) == 0;
    Some(bits as i32 - if is_negative { (1 << category) - 1 } else { 0 })
}

/// Writes the difference of a DC value from its prediction. `None` if the table has no code for one so large.
#[inline(always)]
pub(crate) fn write_dc(writer: &mut BitWriter, table: &HuffmanTable, difference: i32) -> Option<()> {
    let category = 32 - difference.unsigned_abs().leading_zeros();
    if category > 15 {
        return None;
    }
    let (code, length) = table.code(category as u8);
    let bits = (difference + if difference < 0 { (1 << category) - 1 } else { 0 }) as u32;
    writer.put(code << category | bits, length + category);
    (length > 0).then_some(())
}

/// Passes one block's AC coefficients from the reader to the sink. `None` where the bits are no block, or one that could
/// be written in other ways than this: what the model gives back is always the usual way.
#[inline(always)]
pub(crate) fn carry_ac(reader: &mut BitReader<'_>, table: &HuffmanTable, sink: &mut impl Sink) -> Option<()> {
    let mut next = 1;
    let mut after_zeros = false;
    while next < 64 {
        reader.refill();
        let (symbol, length) = table.decode(reader.peek_16())?;
        let (run, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
        let count = length + size;
        sink.put(reader.take(count), count);
        if size > 0 {
            next += run + 1;
            after_zeros = false;
            if next > 64 || size > MAX_AC_BITS {
                return None;
            }
        } else if run == 15 {
            next += 16;
            after_zeros = true;
        } else {
            // The end of the block, which nobody writes after a run of zeros.
            return (symbol == END_OF_BLOCK && !after_zeros).then_some(());
        }
    }
    (!after_zeros).then_some(())
}

/// Writes a block without AC coefficients. `None` if the table has no code for it.
pub(crate) fn write_no_ac(writer: &mut BitWriter, table: &HuffmanTable) -> Option<()> {
    let (code, length) = table.code(END_OF_BLOCK);
    writer.put(code, length);
    (length > 0).then_some(())
}

const END_OF_BLOCK: u8 = 0x00;
/// The most that 8-bit samples give (T.81 table F.1); the model takes no more.
const MAX_AC_BITS: u32 = 10;
