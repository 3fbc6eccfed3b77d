//! Huffman tables (T.81 §C.2, Annex F.2.2.3): from the lengths and symbols of a DHT segment to codes and back.

use std::sync::{Arc, LazyLock};

/// One table: how its segment states it, and what decodes and encodes quickly.
#[derive(Clone, Debug)]
pub(crate) struct HuffmanTable {
    /// How many codes there are of each length from 1 to 16.
    counts: [u8; 16],
    symbols: Vec<u8>,
    /// By the next [`QUICK_BITS`] bits: length << 8 | symbol, or 0 where the code is longer or there is none.
    quick: Box<[u16; 1 << QUICK_BITS]>,
    /// By length: the first 16-bit value past its codes, and what to subtract from a code to get its symbol's index.
    slow: [(u32, i32); 17],
    /// By symbol: code and length; length 0 where the table has no code for it.
    codes: Box<[(u16, u8); 256]>,
}

/// Nearly every code of a photograph is this short.
const QUICK_BITS: u32 = 10;

impl HuffmanTable {
    /// From the counts and symbols of a segment. `None` if there are more codes of a length than fit, or none at all.
    pub(crate) fn new(counts: [u8; 16], symbols: &[u8]) -> Option<Self> {
        let total: usize = counts.iter().map(|&count| usize::from(count)).sum();
        if total == 0 || total > 256 || total != symbols.len() {
            return None;
        }
        let mut table = Self {
            counts,
            symbols: symbols.to_vec(),
            quick: Box::new([0; 1 << QUICK_BITS]),
            slow: [(0, 0); 17],
            codes: Box::new([(0, 0); 256]),
        };
        let (mut code, mut index) = (0_u32, 0_usize);
        for length in 1..=16_u32 {
            table.slow[length as usize].1 = code as i32 - index as i32;
            for _ in 0..counts[length as usize - 1] {
                if code >= 1 << length {
                    return None;
                }
                let symbol = symbols[index];
                table.codes[usize::from(symbol)] = (code as u16, length as u8);
                if length <= QUICK_BITS {
                    let first = (code << (QUICK_BITS - length)) as usize;
                    table.quick[first..first + (1 << (QUICK_BITS - length))]
                        .fill((length as u16) << 8 | u16::from(symbol));
                }
                code += 1;
                index += 1;
            }
            table.slow[length as usize].0 = code << (16 - length);
            code <<= 1;
        }
        Some(table)
    }

    /// The symbol that 16 bits begin with and its code's length.
    #[inline(always)]
    pub(crate) fn decode(&self, bits: u32) -> Option<(u8, u32)> {
        let quick = self.quick[(bits >> (16 - QUICK_BITS)) as usize];
        if quick != 0 { Some((quick as u8, u32::from(quick >> 8))) } else { self.decode_long(bits) }
    }

    #[cold]
    fn decode_long(&self, bits: u32) -> Option<(u8, u32)> {
        let length = (QUICK_BITS + 1..=16).find(|&length| bits < self.slow[length as usize].0)?;
        let index = (bits >> (16 - length)) as i32 - self.slow[length as usize].1;
        Some((*self.symbols.get(usize::try_from(index).ok()?)?, length))
    }

    /// The code of a symbol and its length, which is 0 where there is none.
    #[inline(always)]
    pub(crate) fn code(&self, symbol: u8) -> (u32, u32) {
        let (code, length) = self.codes[usize::from(symbol)];
        (u32::from(code), u32::from(length))
    }

    /// As a DHT segment states it.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        [&self.counts[..], &self.symbols].concat()
    }

    /// Codes for all DC categories that 16 bits can need, none much longer than others: a stretch taken out of its file
    /// may need differences that the file's own table has no code for.
    pub(crate) fn any_dc() -> Arc<Self> {
        static TABLE: LazyLock<Arc<HuffmanTable>> = LazyLock::new(|| {
            let mut counts = [0; 16];
            (counts[3], counts[4]) = (15, 1);
            let symbols: Vec<u8> = (0..16).collect();
            let table = HuffmanTable::new(counts, &symbols);
            Arc::new(table.expect("fifteen codes of four bits and one of five fit"))
        });
        TABLE.clone()
    }

    /// The tables a file means that states none, as frames of Motion JPEG do: the examples of T.81 §K.3, by class (DC, AC)
    /// for luminance and chrominance.
    pub(crate) fn usual() -> &'static [[Arc<Self>; 2]; 2] {
        static TABLES: LazyLock<[[Arc<HuffmanTable>; 2]; 2]> = LazyLock::new(|| {
            let new = |counts, symbols| {
                Arc::new(HuffmanTable::new(counts, symbols).expect("the standard's examples are tables"))
            };
            let dc: Vec<u8> = (0..12).collect();
            [
                [
                    new([0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], &dc),
                    new([0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0], &dc),
                ],
                [
                    new([0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125], &AC_LUMINANCE),
                    new([0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 119], &AC_CHROMINANCE),
                ],
            ]
        });
        &TABLES
    }
}

impl PartialEq for HuffmanTable {
    fn eq(&self, other: &Self) -> bool {
        (self.counts, &self.symbols) == (other.counts, &other.symbols)
    }
}

impl Eq for HuffmanTable {}

/// T.81 table K.5.
#[rustfmt::skip]
const AC_LUMINANCE: [u8; 162] = [
    0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07, 0x22, 0x71, 0x14, 0x32, 0x81,
    0x91, 0xA1, 0x08, 0x23, 0x42, 0xB1, 0xC1, 0x15, 0x52, 0xD1, 0xF0, 0x24, 0x33, 0x62, 0x72, 0x82, 0x09, 0x0A, 0x16, 0x17, 0x18,
    0x19, 0x1A, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2A, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3A, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48,
    0x49, 0x4A, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5A, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x73, 0x74, 0x75,
    0x76, 0x77, 0x78, 0x79, 0x7A, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99,
    0x9A, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xA9, 0xAA, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA, 0xC2, 0xC3,
    0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA, 0xE1, 0xE2, 0xE3, 0xE4, 0xE5,
    0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xF1, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8, 0xF9, 0xFA,
];

/// T.81 table K.6.
#[rustfmt::skip]
const AC_CHROMINANCE: [u8; 162] = [
    0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71, 0x13, 0x22, 0x32, 0x81, 0x08,
    0x14, 0x42, 0x91, 0xA1, 0xB1, 0xC1, 0x09, 0x23, 0x33, 0x52, 0xF0, 0x15, 0x62, 0x72, 0xD1, 0x0A, 0x16, 0x24, 0x34, 0xE1, 0x25,
    0xF1, 0x17, 0x18, 0x19, 0x1A, 0x26, 0x27, 0x28, 0x29, 0x2A, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3A, 0x43, 0x44, 0x45, 0x46, 0x47,
    0x48, 0x49, 0x4A, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5A, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x73, 0x74,
    0x75, 0x76, 0x77, 0x78, 0x79, 0x7A, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97,
    0x98, 0x99, 0x9A, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xA9, 0xAA, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA,
    0xC2, 0xC3, 0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA, 0xE2, 0xE3, 0xE4,
    0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8, 0xF9, 0xFA,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_decodes_to_its_symbol() {
        for table in HuffmanTable::usual().iter().flatten().chain([&HuffmanTable::any_dc()]) {
            for symbol in 0..=255 {
                let (code, length) = table.code(symbol);
                if length > 0 {
                    // Whatever follows the code.
                    let first = code << (16 - length);
                    assert_eq!(table.decode(first), Some((symbol, length)));
                    assert_eq!(table.decode(first | ((1 << (16 - length)) - 1)), Some((symbol, length)));
                }
            }
            assert_eq!(table.decode(0xFFFF), None, "all ones are no code");
        }
    }

    #[test]
    fn what_is_no_table_is_refused() {
        assert_eq!(HuffmanTable::new([0; 16], &[]), None);
        assert_eq!(HuffmanTable::new([3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], &[1, 2, 3]), None);
        assert_eq!(HuffmanTable::new([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], &[1, 2]), None);
    }
}
