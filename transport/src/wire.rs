//! The wire format, one for all profiles: the header before a slice of a frame, and the header before the receiver's
//! state report. Reader and writer of each stand side by side. All numbers are big-endian.
//!
//! Fragment datagram ([`FRAGMENT_HEADER_BYTES`] = 17, then the slice, at least one byte):
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 1 | kind: format version 1 in the high four bits, 1 = fragment in the low four |
//! | 1 | 4 | packet sequence: counts datagrams of this sender from 0, in the order they leave |
//! | 5 | 4 | frame number: counts sent frames from 0 |
//! | 9 | 2 | fragment index in the frame; from the count on, a repair slice: any `count` of all give the frame |
//! | 11 | 2 | fragment count of the frame, 1 to [`MAX_FRAGMENTS_PER_FRAME`] |
//! | 13 | 4 | grace, µs: how long the sender had nothing to send before this frame; 0 but in fragment 0 (Salsify §4.2). With a
//! repair slice: the bytes of the frame |
//!
//! Ack datagram ([`ACK_HEADER_BYTES`] = 37, then the report, at most [`MAX_REPORT_BYTES`]):
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 1 | kind: format version 1 in the high four bits, 2 = ack in the low four |
//! | 1 | 4 | ack number: counts accepted datagrams from 0; a higher one was written later |
//! | 5 | 4 | sequence of the packet that caused this ack |
//! | 9 | 8 | when that packet arrived, µs on the receiver's clock: only differences mean anything |
//! | 17 | 4 | newest sequence received |
//! | 21 | 8 | bitmap: bit i (of value 2^i) tells whether sequence newest − 1 − i was received |
//! | 29 | 4 | run start: all sequences from here to newest − 65 were received; newest − 64 or more where none is claimed |
//! | 33 | 4 | smoothed inter-arrival time with grace taken out, µs (Salsify §4.2) |
//!
//! The receive time stands in the ack as it was, so an ack that is late is still exact; the bitmap and the run before it
//! make up for acks that were lost.

use std::fmt;

use crate::config::{MAX_FRAGMENTS_PER_FRAME, MAX_REPORT_BYTES, MAX_SLICE_BYTES};
use crate::repair::{MAX_REPAIR_SLICES, MAX_REPAIRED_SLICES};

/// Bytes of header before a slice.
pub const FRAGMENT_HEADER_BYTES: usize = 17;

/// Bytes of header before a state report.
pub const ACK_HEADER_BYTES: usize = 37;

/// The header of a datagram that carries a slice of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FragmentHeader {
    /// Counts datagrams in the order they leave.
    pub sequence: u32,
    /// Counts sent frames.
    pub frame: u32,
    /// Position of the slice in the frame; `count` plus its number for a repair slice.
    pub index: u16,
    /// Slices in the frame.
    pub count: u16,
    /// The sender's pause before this frame, µs; 0 but in the first fragment.
    pub grace_us: u32,
    /// How long the frame is; 0 but with a repair slice.
    pub frame_bytes: u32,
}

impl FragmentHeader {
    /// The number of the repair slice this is, if it is one.
    pub fn repair(&self) -> Option<u16> {
        self.index.checked_sub(self.count)
    }

    /// The datagram: this header, then the slice.
    pub fn write(&self, slice: &[u8]) -> Vec<u8> {
        let mut datagram = Vec::with_capacity(FRAGMENT_HEADER_BYTES + slice.len());
        datagram.push(KIND_FRAGMENT);
        datagram.extend_from_slice(&self.sequence.to_be_bytes());
        datagram.extend_from_slice(&self.frame.to_be_bytes());
        datagram.extend_from_slice(&self.index.to_be_bytes());
        datagram.extend_from_slice(&self.count.to_be_bytes());
        let last = if self.repair().is_some() { self.frame_bytes } else { self.grace_us };
        datagram.extend_from_slice(&last.to_be_bytes());
        datagram.extend_from_slice(slice);
        datagram
    }

    /// Header and slice of a datagram.
    ///
    /// # Errors
    /// A [`FragmentError`] of the wire: anything that `write` would not have written.
    pub fn read(datagram: &[u8]) -> Result<(Self, &[u8]), FragmentError> {
        let mut reader = Reader(datagram);
        let truncated = FragmentError::Truncated { bytes: datagram.len() };
        let kind = reader.take().map(u8::from_be_bytes).ok_or(truncated)?;
        if kind != KIND_FRAGMENT {
            return Err(FragmentError::Kind { kind });
        }
        let mut header = Self {
            sequence: reader.take().map(u32::from_be_bytes).ok_or(truncated)?,
            frame: reader.take().map(u32::from_be_bytes).ok_or(truncated)?,
            index: reader.take().map(u16::from_be_bytes).ok_or(truncated)?,
            count: reader.take().map(u16::from_be_bytes).ok_or(truncated)?,
            grace_us: reader.take().map(u32::from_be_bytes).ok_or(truncated)?,
            frame_bytes: 0,
        };
        let slice = reader.0;
        let count = usize::from(header.count);
        if let Some(repair) = header.repair() {
            if count == 0 || count > MAX_REPAIRED_SLICES || usize::from(repair) >= MAX_REPAIR_SLICES {
                return Err(FragmentError::Count { index: header.index, count: header.count });
            }
            header.frame_bytes = std::mem::take(&mut header.grace_us);
            if slice.len() != (header.frame_bytes as usize).div_ceil(count) {
                return Err(FragmentError::Slice { bytes: slice.len() });
            }
        } else if count > MAX_FRAGMENTS_PER_FRAME {
            return Err(FragmentError::Count { index: header.index, count: header.count });
        }
        if slice.is_empty() || slice.len() > MAX_SLICE_BYTES {
            return Err(FragmentError::Slice { bytes: slice.len() });
        }
        Ok((header, slice))
    }
}

/// The header of a datagram that tells the sender what arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AckHeader {
    /// Counts accepted datagrams: a higher number was written later.
    pub number: u32,
    /// The packet that caused this ack.
    pub sequence: u32,
    /// When it arrived, µs on the receiver's clock.
    pub received_us: u64,
    /// The newest sequence received.
    pub newest: u32,
    /// Bit i: whether `newest − 1 − i` was received.
    pub bitmap: u64,
    /// All sequences from here to `newest − 65` were received.
    pub run_start: u32,
    /// Smoothed inter-arrival time with grace taken out, µs.
    pub inter_arrival_us: u32,
}

impl AckHeader {
    /// The datagram: this header, then the report.
    pub fn write(&self, report: &[u8]) -> Vec<u8> {
        let mut datagram = Vec::with_capacity(ACK_HEADER_BYTES + report.len());
        datagram.push(KIND_ACK);
        datagram.extend_from_slice(&self.number.to_be_bytes());
        datagram.extend_from_slice(&self.sequence.to_be_bytes());
        datagram.extend_from_slice(&self.received_us.to_be_bytes());
        datagram.extend_from_slice(&self.newest.to_be_bytes());
        datagram.extend_from_slice(&self.bitmap.to_be_bytes());
        datagram.extend_from_slice(&self.run_start.to_be_bytes());
        datagram.extend_from_slice(&self.inter_arrival_us.to_be_bytes());
        datagram.extend_from_slice(report);
        datagram
    }

    /// Header and report of a datagram.
    ///
    /// # Errors
    /// An [`AckError`] of the wire: anything that no receiver would have written.
    pub fn read(datagram: &[u8]) -> Result<(Self, &[u8]), AckError> {
        let mut reader = Reader(datagram);
        let truncated = AckError::Truncated { bytes: datagram.len() };
        let kind = reader.take().map(u8::from_be_bytes).ok_or(truncated)?;
        if kind != KIND_ACK {
            return Err(AckError::Kind { kind });
        }
        let header = Self {
            number: reader.take().map(u32::from_be_bytes).ok_or(truncated)?,
            sequence: reader.take().map(u32::from_be_bytes).ok_or(truncated)?,
            received_us: reader.take().map(u64::from_be_bytes).ok_or(truncated)?,
            newest: reader.take().map(u32::from_be_bytes).ok_or(truncated)?,
            bitmap: reader.take().map(u64::from_be_bytes).ok_or(truncated)?,
            run_start: reader.take().map(u32::from_be_bytes).ok_or(truncated)?,
            inter_arrival_us: reader.take().map(u32::from_be_bytes).ok_or(truncated)?,
        };
        let report = reader.0;
        if header.sequence > header.newest {
            return Err(AckError::Order { sequence: header.sequence, newest: header.newest });
        }
        if header.received_us > MAX_RECEIVED_US {
            return Err(AckError::Time { received_us: header.received_us });
        }
        if report.len() > MAX_REPORT_BYTES {
            return Err(AckError::Report { bytes: report.len() });
        }
        Ok((header, report))
    }

    /// Whether this ack says that the packet of this sequence was received.
    pub fn covers(&self, sequence: u32) -> bool {
        let Some(back) = self.newest.checked_sub(sequence) else { return false };
        match back {
            _ if sequence == self.sequence => true,
            0 => true,
            1..=ACK_BITMAP_BITS => self.bitmap >> (back - 1) & 1 == 1,
            _ => sequence >= self.run_start,
        }
    }
}

/// Why a datagram was refused as a fragment. Nothing of it was kept, and it is not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FragmentError {
    /// Shorter than a fragment header.
    Truncated {
        /// Length of the datagram.
        bytes: usize,
    },
    /// Not a fragment of this format version.
    Kind {
        /// The first byte.
        kind: u8,
    },
    /// An index outside its frame and its repair, a frame of no fragments, or one of more than [`MAX_FRAGMENTS_PER_FRAME`].
    Count {
        /// Position of the slice.
        index: u16,
        /// Slices in the frame.
        count: u16,
    },
    /// An empty slice, one longer than [`MAX_SLICE_BYTES`], or a repair slice of another length than its frame's slices.
    Slice {
        /// Length of the slice.
        bytes: usize,
    },
    /// The frame would be larger than [`crate::MAX_FRAME_BYTES`].
    FrameTooLarge {
        /// The frame.
        frame: u32,
    },
    /// An earlier fragment of the frame gave another fragment count.
    Contradiction {
        /// The frame.
        frame: u32,
        /// The count that stands.
        expected: u16,
        /// The count of this fragment.
        count: u16,
    },
    /// The caller has not taken the frames that are ready: there is no room for more.
    Full,
}

impl fmt::Display for FragmentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { bytes } => {
                write!(f, "fragment of {bytes} bytes is shorter than its header of {FRAGMENT_HEADER_BYTES}")
            }
            Self::Kind { kind } => write!(f, "kind {kind:#04x} is no fragment of format version 1"),
            Self::Count { index, count } => {
                write!(f, "fragment {index} of {count} is not within 1 to {MAX_FRAGMENTS_PER_FRAME} fragments")
            }
            Self::Slice { bytes } => {
                write!(f, "slice of {bytes} bytes is not within 1 to {MAX_SLICE_BYTES}, or not its frame's")
            }
            Self::FrameTooLarge { frame } => {
                write!(f, "frame {frame} would be larger than {} bytes", crate::MAX_FRAME_BYTES)
            }
            Self::Contradiction { frame, expected, count } => {
                write!(f, "frame {frame} was announced with {expected} fragments, now with {count}")
            }
            Self::Full => write!(f, "finished frames have not been taken, no room for more"),
        }
    }
}

impl std::error::Error for FragmentError {}

/// Why a datagram was refused as an ack. Nothing of it was taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AckError {
    /// Shorter than an ack header.
    Truncated {
        /// Length of the datagram.
        bytes: usize,
    },
    /// Not an ack of this format version.
    Kind {
        /// The first byte.
        kind: u8,
    },
    /// Caused by a packet newer than the newest it names.
    Order {
        /// The packet that caused the ack.
        sequence: u32,
        /// The newest sequence it names.
        newest: u32,
    },
    /// A receive time that no clock counts to (over 292 years of µs / 64).
    Time {
        /// The receive time.
        received_us: u64,
    },
    /// A report longer than [`MAX_REPORT_BYTES`].
    Report {
        /// Length of the report.
        bytes: usize,
    },
    /// It names a packet that was never sent.
    NeverSent {
        /// The newest sequence it names.
        newest: u32,
    },
}

impl fmt::Display for AckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { bytes } => {
                write!(f, "ack of {bytes} bytes is shorter than its header of {ACK_HEADER_BYTES}")
            }
            Self::Kind { kind } => write!(f, "kind {kind:#04x} is no ack of format version 1"),
            Self::Order { sequence, newest } => {
                write!(f, "ack for packet {sequence} names the older packet {newest} as the newest")
            }
            Self::Time { received_us } => write!(f, "receive time of {received_us} µs is out of range"),
            Self::Report { bytes } => write!(f, "report of {bytes} bytes is longer than {MAX_REPORT_BYTES}"),
            Self::NeverSent { newest } => write!(f, "ack names packet {newest}, which was never sent"),
        }
    }
}

impl std::error::Error for AckError {}

/// Takes numbers off the front of a datagram.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.0.split_first_chunk()?;
        self.0 = tail;
        Some(*head)
    }
}

/// Sequences before the newest that an ack names one by one.
pub(crate) const ACK_BITMAP_BITS: u32 = 64;

const KIND_FRAGMENT: u8 = 0x11;
const KIND_ACK: u8 = 0x12;

/// Differences and sums of receive times stay far inside an i64.
const MAX_RECEIVED_US: u64 = 1 << 57;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_fragment_reads_back_as_it_was_written(
            sequence: u32, frame: u32, grace_us: u32,
            count in 1..=MAX_FRAGMENTS_PER_FRAME as u16, position: prop::sample::Index,
            slice in prop::collection::vec(any::<u8>(), 1..=MAX_SLICE_BYTES),
        ) {
            let index = position.index(usize::from(count)) as u16;
            let header = FragmentHeader { sequence, frame, index, count, grace_us, frame_bytes: 0 };
            let datagram = header.write(&slice);
            prop_assert_eq!(datagram.len(), FRAGMENT_HEADER_BYTES + slice.len());
            prop_assert_eq!(FragmentHeader::read(&datagram), Ok((header, &slice[..])));
        }

        #[test]
        fn a_repair_slice_reads_back_as_it_was_written(
            sequence: u32, frame: u32, count in 1..=MAX_REPAIRED_SLICES as u16, repair in 0..MAX_REPAIR_SLICES as u16,
            slice in prop::collection::vec(any::<u8>(), 1..=MAX_SLICE_BYTES),
        ) {
            let frame_bytes = slice.len() as u32 * u32::from(count);
            let header = FragmentHeader { sequence, frame, index: count + repair, count, grace_us: 0, frame_bytes };
            let datagram = header.write(&slice);
            prop_assert_eq!(FragmentHeader::read(&datagram), Ok((header, &slice[..])));
            prop_assert_eq!(header.repair(), Some(repair));
        }

        #[test]
        fn an_ack_reads_back_as_it_was_written(
            number: u32, newest: u32, back: u32, received_us in 0..=MAX_RECEIVED_US, bitmap: u64, run_start: u32,
            inter_arrival_us: u32, report in prop::collection::vec(any::<u8>(), 0..=MAX_REPORT_BYTES),
        ) {
            let sequence = newest.saturating_sub(back);
            let header = AckHeader { number, sequence, received_us, newest, bitmap, run_start, inter_arrival_us };
            let datagram = header.write(&report);
            prop_assert_eq!(datagram.len(), ACK_HEADER_BYTES + report.len());
            prop_assert_eq!(AckHeader::read(&datagram), Ok((header, &report[..])));
        }

        #[test]
        fn whatever_is_read_is_what_would_be_written(datagram in prop::collection::vec(any::<u8>(), 0..80), kind in 0u8..3) {
            let mut datagram = datagram;
            if let Some(first) = datagram.first_mut() {
                *first = [KIND_FRAGMENT, KIND_ACK, *first][usize::from(kind)];
            }
            if let Ok((header, slice)) = FragmentHeader::read(&datagram) {
                prop_assert_eq!(header.write(slice), &datagram[..]);
            }
            if let Ok((header, report)) = AckHeader::read(&datagram) {
                prop_assert_eq!(header.write(report), &datagram[..]);
            }
        }
    }

    #[test]
    fn a_fragment_by_hand() {
        let header =
            FragmentHeader { sequence: 0x0102_0304, frame: 5, index: 1, count: 3, grace_us: 256, frame_bytes: 0 };
        let by_hand = [0x11, 1, 2, 3, 4, 0, 0, 0, 5, 0, 1, 0, 3, 0, 0, 1, 0, 0xaa];
        assert_eq!(header.write(&[0xaa]), by_hand);
    }

    #[test]
    fn fragments_that_nobody_writes_are_refused() {
        let header = FragmentHeader { sequence: 0, frame: 0, index: 0, count: 1, grace_us: 0, frame_bytes: 0 };
        let short = &header.write(&[7])[..16];
        assert_eq!(FragmentHeader::read(short), Err(FragmentError::Truncated { bytes: 16 }));
        assert_eq!(FragmentHeader::read(&header.write(&[])), Err(FragmentError::Slice { bytes: 0 }));
        assert_eq!(FragmentHeader::read(&header.write(&[0; 1501])), Err(FragmentError::Slice { bytes: 1501 }));
        let outside = FragmentHeader { index: 1 + MAX_REPAIR_SLICES as u16, ..header }.write(&[7]);
        assert_eq!(FragmentHeader::read(&outside), Err(FragmentError::Count { index: 65, count: 1 }));
        let longer = FragmentHeader { index: 1, frame_bytes: 2, ..header }.write(&[7]);
        assert_eq!(FragmentHeader::read(&longer), Err(FragmentError::Slice { bytes: 1 }));
        let none = FragmentHeader { count: 0, ..header }.write(&[7]);
        assert_eq!(FragmentHeader::read(&none), Err(FragmentError::Count { index: 0, count: 0 }));
        let many = FragmentHeader { count: 2049, ..header }.write(&[7]);
        assert_eq!(FragmentHeader::read(&many), Err(FragmentError::Count { index: 0, count: 2049 }));
    }

    #[test]
    fn an_ack_names_the_bitmap_and_the_run_before_it() {
        let ack = AckHeader {
            number: 0,
            sequence: 3,
            received_us: 0,
            newest: 100,
            bitmap: 0b101, // 99 and 97
            run_start: 30, // 30 to 35
            inter_arrival_us: 0,
        };
        let covered: Vec<u32> = (0..=101).filter(|&sequence| ack.covers(sequence)).collect();
        assert_eq!(covered, [3, 30, 31, 32, 33, 34, 35, 97, 99, 100]);
    }
}
