//! The wire format of sound: one header, then the frames a packet carries. Reader and writer side by side. All numbers are
//! big-endian.
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 1 | kind: format version 1 in the high four bits, 3 = sound in the low four (1 and 2 are the transport's) |
//! | 1 | 4 | packet sequence: counts packets of this sender from 0 |
//! | 5 | 4 | frame number of the newest piece: counts frames of 20 ms, sent or silent |
//! | 9 | 8 | when the first sample of that frame was captured, µs on the sender's clock |
//! | 17 | 1 | loss: the share of the peer's packets that did not arrive here of late, in 255ths |
//! | 18 | 1 | flags: 1 muted, 2 silence came before the newest frame, 4 the newest piece has in-band FEC for the frame before it |
//! | 19 | 1 | pieces that follow, at most [`MAX_PIECES`]; a packet of none only reports |
//!
//! and each piece, oldest first: how many frames before the newest (1 byte), length (2), one Opus packet of 20 ms.

use std::fmt;

/// What one datagram of sound says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Counts packets.
    pub sequence: u32,
    /// The number of the newest frame.
    pub frame: u32,
    /// When that frame's first sample was captured, µs on the sender's clock.
    pub captured_us: u64,
    /// The share of the other direction's packets that were lost, in 255ths.
    pub loss: u8,
    /// Whether the microphone is muted.
    pub muted: bool,
    /// Whether nothing was sent between this frame and the one sent before it, because there was silence.
    pub follows_pause: bool,
    /// Whether the newest piece can also give the frame before it.
    pub has_fec: bool,
    /// Frames, oldest first.
    pub pieces: Vec<Piece>,
}

/// One frame in a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// How many frames before the packet's newest.
    pub back: u8,
    /// An Opus packet.
    pub payload: Vec<u8>,
}

impl Packet {
    /// The datagram.
    pub fn write(&self) -> Vec<u8> {
        let bytes = self.pieces.iter().map(|piece| PIECE_HEADER_BYTES + piece.payload.len()).sum::<usize>();
        let mut datagram = Vec::with_capacity(HEADER_BYTES + bytes);
        datagram.push(KIND_SOUND);
        datagram.extend_from_slice(&self.sequence.to_be_bytes());
        datagram.extend_from_slice(&self.frame.to_be_bytes());
        datagram.extend_from_slice(&self.captured_us.to_be_bytes());
        datagram.push(self.loss);
        let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
        datagram
            .push(flag(self.muted, FLAG_MUTED) | flag(self.follows_pause, FLAG_PAUSE) | flag(self.has_fec, FLAG_FEC));
        datagram.push(u8::try_from(self.pieces.len()).unwrap_or(u8::MAX)); // no sender of ours writes more than a few
        for piece in &self.pieces {
            datagram.push(piece.back);
            datagram.extend_from_slice(&u16::try_from(piece.payload.len()).unwrap_or(u16::MAX).to_be_bytes());
            datagram.extend_from_slice(&piece.payload);
        }
        datagram
    }

    /// Whether a datagram is sound, by its first byte.
    pub fn is_sound(datagram: &[u8]) -> bool {
        datagram.first() == Some(&KIND_SOUND)
    }

    /// What a datagram says.
    ///
    /// # Errors
    /// [`PacketError`]: anything that no sender would have written.
    pub fn read(datagram: &[u8]) -> Result<Self, PacketError> {
        let mut reader = Reader { rest: datagram, bytes: datagram.len() };
        let [kind] = reader.take()?;
        if kind != KIND_SOUND {
            return Err(PacketError::Kind { kind });
        }
        let sequence = u32::from_be_bytes(reader.take()?);
        let frame = u32::from_be_bytes(reader.take()?);
        let captured_us = u64::from_be_bytes(reader.take()?);
        if captured_us > MAX_CAPTURED_US {
            return Err(PacketError::Time { captured_us });
        }
        let [loss, flags, pieces] = reader.take()?;
        if flags & !(FLAG_MUTED | FLAG_PAUSE | FLAG_FEC) != 0 {
            return Err(PacketError::Flags { flags });
        }
        if usize::from(pieces) > MAX_PIECES {
            return Err(PacketError::Pieces { pieces });
        }
        let pieces = (0..pieces).map(|_| reader.piece()).collect::<Result<Vec<_>, _>>()?;
        if let Some([older, newer]) = pieces.array_windows().find(|[older, newer]| older.back <= newer.back) {
            return Err(PacketError::Order { back: older.back, then: newer.back });
        }
        if let Some(first) = pieces.first()
            && (first.back > MAX_BACK || u32::from(first.back) > frame)
        {
            return Err(PacketError::TooOld { back: first.back });
        }
        if !reader.rest.is_empty() {
            return Err(PacketError::Trailing { bytes: reader.rest.len() });
        }
        let is_set = |flag: u8| flags & flag != 0;
        let (muted, follows_pause, has_fec) = (is_set(FLAG_MUTED), is_set(FLAG_PAUSE), is_set(FLAG_FEC));
        Ok(Self { sequence, frame, captured_us, loss, muted, follows_pause, has_fec, pieces })
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    /// Of the whole datagram.
    bytes: usize,
}

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], PacketError> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(PacketError::Truncated { bytes: self.bytes })?;
        self.rest = rest;
        Ok(*bytes)
    }

    fn piece(&mut self) -> Result<Piece, PacketError> {
        let [back] = self.take()?;
        let length = usize::from(u16::from_be_bytes(self.take()?));
        if !(1..=MAX_PAYLOAD_BYTES).contains(&length) {
            return Err(PacketError::Length { bytes: length });
        }
        let (payload, rest) = self.rest.split_at_checked(length).ok_or(PacketError::Truncated { bytes: self.bytes })?;
        self.rest = rest;
        Ok(Piece { back, payload: payload.to_vec() })
    }
}

/// Why a datagram was refused as sound. Nothing of it was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PacketError {
    /// It ends within a field.
    Truncated {
        /// Its length.
        bytes: usize,
    },
    /// It is of another kind or version.
    Kind {
        /// Its first byte.
        kind: u8,
    },
    /// A capture time past any call.
    Time {
        /// The time it tells.
        captured_us: u64,
    },
    /// Flags that this version does not have.
    Flags {
        /// All of them.
        flags: u8,
    },
    /// More pieces than [`MAX_PIECES`].
    Pieces {
        /// How many.
        pieces: u8,
    },
    /// Pieces that don't go from old to new.
    Order {
        /// Frames before the newest of a piece,
        back: u8,
        /// and of the one after it.
        then: u8,
    },
    /// A piece further back than any sender goes, or from before the first frame.
    TooOld {
        /// Frames before the newest.
        back: u8,
    },
    /// A piece of no bytes, or of more than Opus makes.
    Length {
        /// Its length.
        bytes: usize,
    },
    /// A piece that is no Opus packet of 20 ms.
    NotOpus,
    /// Bytes after the last piece.
    Trailing {
        /// How many.
        bytes: usize,
    },
}

impl fmt::Display for PacketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { bytes } => write!(f, "sound packet of {bytes} bytes ends within a field"),
            Self::Kind { kind } => write!(f, "first byte 0x{kind:02x} is not that of a sound packet"),
            Self::Time { captured_us } => write!(f, "sound captured at {captured_us} µs, which is past any call"),
            Self::Flags { flags } => write!(f, "sound packet has unknown flags 0x{flags:02x}"),
            Self::Pieces { pieces } => write!(f, "sound packet has {pieces} pieces, more than {MAX_PIECES}"),
            Self::Order { back, then } => write!(f, "a piece {then} frames back follows one {back} frames back"),
            Self::TooOld { back } => write!(f, "a piece of sound is {back} frames back"),
            Self::Length { bytes } => write!(f, "a piece of sound has {bytes} bytes"),
            Self::NotOpus => write!(f, "a piece of sound is no Opus packet of 20 ms"),
            Self::Trailing { bytes } => write!(f, "{bytes} bytes follow the last piece of sound"),
        }
    }
}

impl std::error::Error for PacketError {}

/// Pieces in one packet: the newest frame and what protects those before it.
pub const MAX_PIECES: usize = 4;

/// How far back a piece may be.
const MAX_BACK: u8 = 8;

/// The longest Opus packet of one frame (RFC 6716 §3.2.1).
const MAX_PAYLOAD_BYTES: usize = 1275;

/// Thirty years: times stay far from the ends of 64 bits.
const MAX_CAPTURED_US: u64 = 1_000_000_000_000_000;

const KIND_SOUND: u8 = 0x13;
const HEADER_BYTES: usize = 20;
const PIECE_HEADER_BYTES: usize = 3;
const FLAG_MUTED: u8 = 1;
const FLAG_PAUSE: u8 = 2;
const FLAG_FEC: u8 = 4;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packets() -> impl Strategy<Value = Packet> {
        let payloads = prop::collection::vec(prop::collection::vec(any::<u8>(), 1..100), 0..=MAX_PIECES);
        (any::<u32>(), 100u32.., 0..=MAX_CAPTURED_US, any::<u8>(), any::<[bool; 3]>(), payloads).prop_map(
            |(sequence, frame, captured_us, loss, [muted, follows_pause, has_fec], payloads)| {
                let backs = (0..payloads.len() as u8).rev();
                let pieces = backs.zip(payloads).map(|(back, payload)| Piece { back, payload }).collect();
                Packet { sequence, frame, captured_us, loss, muted, follows_pause, has_fec, pieces }
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(packet in packets()) {
            prop_assert_eq!(Packet::read(&packet.write()), Ok(packet));
        }

        #[test]
        fn what_can_be_read_is_what_would_be_written(packet in packets(), at in any::<prop::sample::Index>(), to in any::<u8>()) {
            let mut datagram = packet.write();
            let at = at.index(datagram.len());
            datagram[at] = to;
            if let Ok(read) = Packet::read(&datagram) {
                prop_assert_eq!(read.write(), datagram);
            }
        }

        #[test]
        fn nothing_of_a_cut_packet_is_read(packet in packets(), cut in any::<prop::sample::Index>()) {
            let datagram = packet.write();
            let cut = cut.index(datagram.len());
            prop_assert_eq!(Packet::read(&datagram[..cut]), Err(PacketError::Truncated { bytes: cut }));
        }
    }

    #[test]
    fn a_packet_past_its_limits_is_refused_by_what_is_wrong() {
        let piece = |back| Piece { back, payload: vec![1] };
        let packet = Packet {
            sequence: 0,
            frame: 100,
            captured_us: 0,
            loss: 0,
            muted: false,
            follows_pause: false,
            has_fec: false,
            pieces: vec![piece(0)],
        };
        let with = |pieces: Vec<Piece>| Packet { pieces, ..packet.clone() }.write();
        assert_eq!(Packet::read(&with(vec![piece(9)])), Err(PacketError::TooOld { back: 9 }));
        assert_eq!(Packet::read(&with(vec![piece(1), piece(1)])), Err(PacketError::Order { back: 1, then: 1 }));
        let many = (0..=MAX_PIECES as u8).rev().map(piece).collect();
        assert_eq!(Packet::read(&with(many)), Err(PacketError::Pieces { pieces: 5 }));
        let empty = Piece { back: 0, payload: vec![] };
        assert_eq!(Packet::read(&with(vec![empty])), Err(PacketError::Length { bytes: 0 }));
        let early = Packet { frame: 0, pieces: vec![piece(1)], ..packet.clone() };
        assert_eq!(Packet::read(&early.write()), Err(PacketError::TooOld { back: 1 }));
        let mut longer = packet.write();
        longer.push(0);
        assert_eq!(Packet::read(&longer), Err(PacketError::Trailing { bytes: 1 }));
    }
}
