//! The coefficients of sequential scans (T.81 §F.2.2): differences of DC values are read and written anew, what codes
//! the AC coefficients is only looked at for its length and carried over bit by bit, unless a [`Block`] is to have them.

use super::bits::{BitReader, BitWriter};
use super::huffman::HuffmanTable;

/// A block's coefficients in zigzag order.
pub(crate) type Block = [i16; 64];

/// Where AC coefficients go.
pub(crate) trait Sink {
    /// Bits that code them.
    fn put(&mut self, bits: u32, count: u32);

    /// One that is not zero, and its place in zigzag order.
    fn coefficient(&mut self, _place: u32, _value: i32) {}
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

/// The values alone.
impl Sink for Block {
    #[inline(always)]
    fn put(&mut self, _: u32, _: u32) {}

    #[inline(always)]
    fn coefficient(&mut self, place: u32, value: i32) {
        self[place as usize] = value as i16;
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
    Some(value(reader.take(length + category), category))
}

/// Writes the difference of a DC value from its prediction. `None` if the table has no code for one so large.
#[inline(always)]
pub(crate) fn write_dc(writer: &mut BitWriter, table: &HuffmanTable, difference: i32) -> Option<()> {
    write_value(writer, table, 0, difference)
}

/// The value of this category (the number of its bits) that the last bits of these say.
#[inline(always)]
fn value(bits: u32, category: u32) -> i32 {
    let bits = bits & ((1 << category) - 1);
    let is_negative = category > 0 && bits >> (category - 1) == 0;
    bits as i32 - if is_negative { (1 << category) - 1 } else { 0 }
}

/// Writes a value after `run` zeros. `None` if the table has no code for it.
#[inline(always)]
fn write_value(writer: &mut BitWriter, table: &HuffmanTable, run: u8, value: i32) -> Option<()> {
    let category = 32 - value.unsigned_abs().leading_zeros();
    if category > 15 {
        return None;
    }
    let bits = (value + if value < 0 { (1 << category) - 1 } else { 0 }) as u32;
    let (code, length) = table.code(run << 4 | category as u8);
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
        let bits = reader.take(count);
        sink.put(bits, count);
        if size > 0 {
            next += run + 1;
            after_zeros = false;
            if next > 64 || size > MAX_AC_BITS {
                return None;
            }
            sink.coefficient(next - 1, value(bits, size));
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

/// Writes a block's AC coefficients in the usual way. `None` if the table has no code for one of them.
pub(crate) fn write_ac(writer: &mut BitWriter, table: &HuffmanTable, block: &Block) -> Option<()> {
    let mut run = 0;
    for &coefficient in &block[1..] {
        if coefficient == 0 {
            run += 1;
            continue;
        }
        while run > 15 {
            write_symbol(writer, table, SIXTEEN_ZEROS)?;
            run -= 16;
        }
        write_value(writer, table, run, coefficient.into())?;
        run = 0;
    }
    if run > 0 { write_symbol(writer, table, END_OF_BLOCK) } else { Some(()) }
}

/// Writes a block without AC coefficients. `None` if the table has no code for it.
pub(crate) fn write_no_ac(writer: &mut BitWriter, table: &HuffmanTable) -> Option<()> {
    write_symbol(writer, table, END_OF_BLOCK)
}

fn write_symbol(writer: &mut BitWriter, table: &HuffmanTable, symbol: u8) -> Option<()> {
    let (code, length) = table.code(symbol);
    writer.put(code, length);
    (length > 0).then_some(())
}

const END_OF_BLOCK: u8 = 0x00;
const SIXTEEN_ZEROS: u8 = 0xF0;
/// The most that 8-bit samples give (T.81 table F.1); the model takes no more.
const MAX_AC_BITS: u32 = 10;
