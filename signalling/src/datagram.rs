//! What stands before the transport's datagrams in a call: a byte that tells video, its acks and sound apart; before video
//! also which picture it is of and when that was seen.

use std::fmt;
use std::time::Duration;

use crate::read::Reader;

/// A datagram of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Datagram<'a> {
    /// A fragment of a frame, as `oyster_transport` writes it.
    Video(Label, &'a [u8]),
    /// An ack, likewise.
    Ack(&'a [u8]),
    /// A packet of sound.
    Audio(&'a [u8]),
}

/// Which picture a fragment is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// Its number, as it was captured.
    pub capture: u32,
    /// When it was captured, in tenths of a millisecond on the clock of the one who did: enough for four days.
    pub captured_tenths: u32,
}

impl Label {
    /// Of a picture seen at `captured_at`.
    pub fn new(capture: u64, captured_at: Duration) -> Self {
        Self {
            capture: u32::try_from(capture).unwrap_or(u32::MAX),
            captured_tenths: u32::try_from(captured_at.as_micros() / 100).unwrap_or(u32::MAX),
        }
    }

    /// When it was captured, µs on the clock of the one who did.
    pub fn captured_us(&self) -> i64 {
        i64::from(self.captured_tenths) * 100
    }
}

impl<'a> Datagram<'a> {
    /// Bytes before a fragment.
    pub const VIDEO_HEADER_BYTES: usize = 9;
    /// Bytes before an ack or sound.
    pub const HEADER_BYTES: usize = 1;

    /// The bytes to send.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (kind, content) = match *self {
            Self::Video(_, fragment) => (KIND_VIDEO, fragment),
            Self::Ack(ack) => (KIND_ACK, ack),
            Self::Audio(packet) => (KIND_AUDIO, packet),
        };
        let mut bytes = Vec::with_capacity(Self::VIDEO_HEADER_BYTES + content.len());
        bytes.push(kind);
        if let Self::Video(label, _) = self {
            bytes.extend_from_slice(&label.capture.to_be_bytes());
            bytes.extend_from_slice(&label.captured_tenths.to_be_bytes());
        }
        bytes.extend_from_slice(content);
        bytes
    }

    /// What was received.
    ///
    /// # Errors
    /// A [`DatagramError`] for what [`Datagram::to_bytes`] does not write. The content is not looked at.
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Self, DatagramError> {
        let mut reader = Reader(bytes);
        let kind = reader.u8().ok_or(DatagramError::Truncated)?;
        match kind {
            KIND_VIDEO => {
                let mut field = || reader.u32().ok_or(DatagramError::Truncated);
                let label = Label { capture: field()?, captured_tenths: field()? };
                Ok(Self::Video(label, reader.0))
            }
            KIND_ACK => Ok(Self::Ack(reader.0)),
            KIND_AUDIO => Ok(Self::Audio(reader.0)),
            _ => Err(DatagramError::Kind { kind }),
        }
    }
}

/// Why a datagram is none of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DatagramError {
    /// Shorter than its header.
    Truncated,
    /// Of no kind we know.
    Kind {
        /// Its first byte.
        kind: u8,
    },
}

impl fmt::Display for DatagramError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => write!(f, "datagram is shorter than its header"),
            Self::Kind { kind } => write!(f, "datagram of unknown kind {kind}"),
        }
    }
}

impl std::error::Error for DatagramError {}

const KIND_VIDEO: u8 = 1;
const KIND_ACK: u8 = 2;
const KIND_AUDIO: u8 = 3;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_an_error_or_what_we_would_write(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(datagram) = Datagram::from_bytes(&bytes) {
                prop_assert_eq!(datagram.to_bytes(), bytes);
            }
        }

        #[test]
        fn datagrams_read_back(capture: u32, captured_tenths: u32, content in prop::collection::vec(any::<u8>(), 0..40)) {
            let label = Label { capture, captured_tenths };
            for datagram in [Datagram::Video(label, &content), Datagram::Ack(&content), Datagram::Audio(&content)] {
                let bytes = datagram.to_bytes();
                prop_assert_eq!(Datagram::from_bytes(&bytes), Ok(datagram));
            }
        }
    }

    #[test]
    fn a_label_saturates() {
        let label = Label::new(u64::MAX, Duration::MAX);
        assert_eq!((label.capture, label.captured_tenths), (u32::MAX, u32::MAX));
    }
}
