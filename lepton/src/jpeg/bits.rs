//! Bits of entropy-coded data, in and out: the zero byte stuffed after each 0xFF is removed and put back here
//! (T.81 §B.1.1.5, §F.1.2.3), and where a bit lies in the file is known to the byte.

/// Where a bit lies: in which byte, and how many bits of that byte come before it (0 to 7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) byte: u64,
    pub(crate) bit: u8,
}

impl Position {
    /// The first byte that no bit before this position lies in.
    pub(crate) fn whole_bytes(self) -> u64 {
        self.byte + u64::from(self.bit > 0)
    }
}

/// Reads bits up to the next marker or the end of the data. Past that come zeros, and [`BitReader::overran`] says so.
#[derive(Clone, Debug)]
pub(crate) struct BitReader<'a> {
    data: &'a [u8],
    /// The next byte to take into the register.
    next: usize,
    /// The bits at hand, from the top.
    register: u64,
    /// How many there are, those lent included.
    held: u32,
    /// How many of them, the last, are zeros that are not in the data.
    lent: u32,
}

impl<'a> BitReader<'a> {
    /// Begins `bit` bits into the byte `byte` of the data.
    pub(crate) fn new(data: &'a [u8], byte: usize, bit: u8) -> Self {
        let mut reader = Self { data, next: byte, register: 0, held: 0, lent: 0 };
        reader.refill();
        reader.skip(u32::from(bit));
        reader
    }

    /// Sees to it that at least 32 bits are at hand: more than any symbol and its extra bits have.
    #[inline(always)]
    pub(crate) fn refill(&mut self) {
        if self.held >= 32 {
            return;
        }
        match self.data.get(self.next..).and_then(<[u8]>::first_chunk::<4>) {
            Some(&bytes) if !has_ff(u32::from_be_bytes(bytes)) => {
                self.register |= u64::from(u32::from_be_bytes(bytes)) << (32 - self.held);
                self.held += 32;
                self.next += 4;
            }
            _ => self.refill_bytewise(),
        }
    }

    #[cold]
    fn refill_bytewise(&mut self) {
        while self.held <= 56 {
            let byte = match self.data.get(self.next..) {
                Some([0xFF, 0x00, ..]) => {
                    self.next += 2;
                    0xFF
                }
                Some([0xFF, ..] | []) | None => {
                    self.lent += 8;
                    0
                }
                Some([byte, ..]) => {
                    self.next += 1;
                    *byte
                }
            };
            self.register |= u64::from(byte) << (56 - self.held);
            self.held += 8;
        }
    }

    /// The next 16 bits, which stay.
    #[inline(always)]
    pub(crate) fn peek_16(&self) -> u32 {
        (self.register >> 48) as u32
    }

    /// Takes `count` bits, at most 32 after a refill.
    #[inline(always)]
    pub(crate) fn take(&mut self, count: u32) -> u32 {
        let bits = ((self.register >> 32) as u32).checked_shr(32 - count).unwrap_or(0);
        self.skip(count);
        bits
    }

    #[inline(always)]
    fn skip(&mut self, count: u32) {
        self.register <<= count;
        self.held -= count;
    }

    /// Whether bits were taken that the data do not have.
    pub(crate) fn overran(&self) -> bool {
        self.held < self.lent
    }

    /// Where the next bit lies, unless the reader overran.
    pub(crate) fn position(&self) -> Position {
        let held = self.held.saturating_sub(self.lent);
        let mut byte = self.next;
        for _ in 0..held.div_ceil(8) {
            byte -= 1;
            // A zero after 0xFF was stuffed: the bits are those of the 0xFF.
            if byte > 0 && self.data[byte - 1..=byte] == [0xFF, 0x00] {
                byte -= 1;
            }
        }
        Position { byte: byte as u64, bit: ((8 - held % 8) % 8) as u8 }
    }

    /// Passes the restart marker of this number (0 to 7), which must come next after a byte's padding. Gives the
    /// padding bit, or `None` in the inner option where there was no padding.
    pub(crate) fn pass_restart(&mut self, number: u32) -> Option<Option<bool>> {
        self.refill();
        let padding = self.held.checked_sub(self.lent).filter(|&bits| bits < 8)?;
        let bits = self.take(padding);
        let is_marker = self.data.get(self.next..).is_some_and(|rest| rest.starts_with(&[0xFF, 0xD0 + number as u8]));
        let pad = match padding {
            0 => None,
            _ if bits == 0 => Some(false),
            _ if bits == (1 << padding) - 1 => Some(true),
            _ => return None,
        };
        (self.register, self.held, self.lent) = (0, 0, 0);
        self.next += 2;
        is_marker.then_some(pad)
    }
}

/// Writes bits, stuffing a zero byte after each 0xFF.
#[derive(Clone, Debug, Default)]
pub(crate) struct BitWriter {
    bytes: Vec<u8>,
    /// Bits not yet in `bytes`, at the bottom.
    register: u64,
    held: u32,
}

impl BitWriter {
    /// Begins `bit` bits into a byte, whose first bits are those of `partial`.
    pub(crate) fn new(partial: u8, bit: u8, capacity: usize) -> Self {
        let register = u64::from(partial).checked_shr(8 - u32::from(bit)).unwrap_or(0);
        Self { bytes: Vec::with_capacity(capacity), register, held: u32::from(bit) }
    }

    /// Goes on after these bytes.
    pub(crate) fn after(bytes: &[u8], partial: u8, bit: u8, capacity: usize) -> Self {
        let mut writer = Self::new(partial, bit, bytes.len() + capacity);
        writer.bytes.extend(bytes);
        writer
    }

    /// Appends the lowest `count` bits, at most 32; those above must be zero.
    #[inline(always)]
    pub(crate) fn put(&mut self, bits: u32, count: u32) {
        self.register = self.register << count | u64::from(bits);
        self.held += count;
        if self.held >= 32 {
            self.held -= 32;
            let word = (self.register >> self.held) as u32;
            if has_ff(word) {
                self.put_stuffed(&word.to_be_bytes());
            } else {
                self.bytes.extend_from_slice(&word.to_be_bytes());
            }
        }
    }

    #[cold]
    fn put_stuffed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.bytes.push(byte);
            if byte == 0xFF {
                self.bytes.push(0);
            }
        }
    }

    /// Fills the last byte with bits like `pad`.
    pub(crate) fn pad(&mut self, pad: bool) {
        let missing = (8 - self.held % 8) % 8;
        self.put(if pad { (1 << missing) - 1 } else { 0 }, missing);
        self.flush();
    }

    /// Writes the marker 0xFF `code`; the bits before it must be padded.
    pub(crate) fn put_marker(&mut self, code: u8) {
        self.flush();
        self.bytes.extend([0xFF, code]);
    }

    /// Bytes written so far; up to four more are waiting.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The whole bytes; bits of a last one that is not whole are left out.
    pub(crate) fn into_whole_bytes(mut self) -> Vec<u8> {
        self.flush();
        self.bytes
    }

    fn flush(&mut self) {
        while self.held >= 8 {
            self.held -= 8;
            self.put_stuffed(&[(self.register >> self.held) as u8]);
        }
    }
}

/// Whether one of the four bytes is 0xFF: the well-known test for a zero byte, on the complement.
#[inline(always)]
fn has_ff(word: u32) -> bool {
    (!word).wrapping_sub(0x0101_0101) & word & 0x8080_8080 != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(
            symbols in prop::collection::vec((any::<u32>(), 1_u32..=27), 0..200), start in 0_u8..8, ones in any::<bool>()
        ) {
            let masked = |bits: u32, count: u32| if ones { (1 << count) - 1 } else { bits & ((1 << count) - 1) };
            let mut writer = BitWriter::new(0, start, 0);
            for &(bits, count) in &symbols {
                writer.put(masked(bits, count), count);
            }
            writer.pad(true);
            let bytes = writer.into_whole_bytes();
            let mut reader = BitReader::new(&bytes, 0, start);
            for &(bits, count) in &symbols {
                // Wherever one leaves off, another can take over.
                let at = reader.position();
                reader = BitReader::new(&bytes, at.byte as usize, at.bit);
                reader.refill();
                prop_assert_eq!(reader.take(count), masked(bits, count));
            }
            prop_assert!(!reader.overran());
            prop_assert!(bytes.len() as u64 - reader.position().byte <= 2);
        }
    }

    #[test]
    fn a_marker_ends_the_bits() {
        let mut reader = BitReader::new(&[0xAB, 0xFF, 0x00, 0xFF, 0xD3, 0x12], 0, 0);
        assert_eq!(reader.take(13), 0xABFF >> 3);
        assert_eq!(reader.position(), Position { byte: 1, bit: 5 });
        assert_eq!(reader.clone().pass_restart(2), None, "another number");
        assert_eq!(reader.pass_restart(3), Some(Some(true)));
        reader.refill();
        assert_eq!((reader.take(8), reader.overran()), (0x12, false));
        assert_eq!((reader.take(1), reader.overran()), (0, true));
    }
}
