//! What a frame begins with, before anything is coded: the frame tag and, of a key frame, start code and size (RFC 6386 §9.1).

use super::{FrameHeader, FrameKind, HeaderError};
use crate::Size;
use crate::bitstream::bool_coder::{BoolDecoder, BoolEncoder};

/// Whether `frame` is a key frame, which starts from no picture: the first bit of its tag is 0 (RFC 6386 §9.1).
pub fn is_key_frame(frame: &[u8]) -> bool {
    frame.first().is_some_and(|tag| tag & 1 == 0)
}

/// Whether the picture of `frame` is to be shown, not only kept for others to refer to: the fifth bit of its tag is 1 (RFC 6386 §9.1).
pub fn is_shown_frame(frame: &[u8]) -> bool {
    frame.first().is_some_and(|tag| tag >> 4 & 1 == 1)
}

/// The profile of a stream: which prediction filters and which precision of chroma vectors (RFC 6386 §9.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Version(u8);

impl Version {
    /// The profile `number`, 0..=3.
    pub(crate) fn new(number: u8) -> Option<Self> {
        (number <= 3).then_some(Self(number))
    }

    /// Prediction between samples is bilinear instead of six-tap.
    pub(crate) fn is_bilinear(self) -> bool {
        self.0 != 0
    }

    /// Chroma vectors are rounded to whole samples.
    pub(crate) fn has_whole_chroma_vectors(self) -> bool {
        self.0 == 3
    }
}

/// What only key frames say (RFC 6386 §9.1, §9.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyFrame {
    /// Width and height.
    pub(crate) size: Size,
    /// How a player might stretch the picture, 0..=3; decoding ignores it.
    pub(crate) horizontal_scale: u8,
    /// How a player might stretch the picture, 0..=3; decoding ignores it.
    pub(crate) vertical_scale: u8,
    /// The reserved colour space.
    pub(crate) reserved_colour_space: bool,
    /// The stream promises that no sample needs clamping. Decoding clamps all the same, as every decoder does.
    pub(crate) clamping_unneeded: bool,
}

/// The beginning of a frame, taken apart.
pub(super) struct Head<'a> {
    pub(super) version: Version,
    pub(super) shown: bool,
    pub(super) key_bytes: Option<&'a [u8; KEY_FRAME_BYTES]>,
    pub(super) first_partition_bytes: usize,
    /// The partitions.
    pub(super) coded: &'a [u8],
}

impl<'a> Head<'a> {
    pub(super) fn read(frame: &'a [u8]) -> Result<Self, HeaderError> {
        let truncated = |needed| HeaderError::Truncated { needed, found: frame.len() };
        let (&tag, after_tag) = frame.split_first_chunk::<TAG_BYTES>().ok_or(truncated(TAG_BYTES))?;
        let tag = u32::from_le_bytes([tag[0], tag[1], tag[2], 0]);
        let version = (tag >> 1 & 7) as u8;
        let version = Version::new(version).ok_or(HeaderError::UnknownVersion(version))?;
        let (key_bytes, coded) = if is_key_frame(frame) {
            let needed = TAG_BYTES + KEY_FRAME_BYTES;
            let (bytes, coded) = after_tag.split_first_chunk::<KEY_FRAME_BYTES>().ok_or(truncated(needed))?;
            (Some(bytes), coded)
        } else {
            (None, after_tag)
        };
        let first_partition_bytes = (tag >> 5) as usize;
        Ok(Self { version, shown: is_shown_frame(frame), key_bytes, first_partition_bytes, coded })
    }

    /// That `frame`, whose head this is, ends within its first partition.
    pub(super) fn truncated(&self, frame: &[u8]) -> HeaderError {
        let needed = frame.len() - self.coded.len() + self.first_partition_bytes;
        HeaderError::Truncated { needed, found: frame.len() }
    }
}

impl FrameHeader {
    /// Appends the uncoded head of the frame: the tag and, on a key frame, start code and size (RFC 6386 §9.1).
    ///
    /// `first_partition_bytes` is at most [`MAX_FIRST_PARTITION_BYTES`].
    pub(crate) fn write_uncoded(&self, first_partition_bytes: usize, frame: &mut Vec<u8>) {
        debug_assert!(first_partition_bytes <= MAX_FIRST_PARTITION_BYTES, "{first_partition_bytes} bytes");
        let tag = u32::from(!self.is_key())
            | u32::from(self.version.0) << 1
            | u32::from(self.shown) << 4
            | (first_partition_bytes as u32) << 5;
        frame.extend_from_slice(&tag.to_le_bytes()[..TAG_BYTES]);
        if let FrameKind::Key(key) = &self.kind {
            key.write_uncoded(frame);
        }
    }
}

impl KeyFrame {
    /// Reads what a key frame says before anything is coded, and the first two flags that are.
    pub(super) fn read(bytes: &[u8; KEY_FRAME_BYTES], decoder: &mut BoolDecoder<'_>) -> Result<Self, HeaderError> {
        let [a, b, c, sides @ ..] = *bytes;
        if [a, b, c] != START_CODE {
            return Err(HeaderError::NoStartCode([a, b, c]));
        }
        let width = u16::from_le_bytes([sides[0], sides[1]]);
        let height = u16::from_le_bytes([sides[2], sides[3]]);
        Ok(Self {
            size: Size::new(u32::from(width & 0x3fff), u32::from(height & 0x3fff)).map_err(HeaderError::Size)?,
            horizontal_scale: (width >> 14) as u8,
            vertical_scale: (height >> 14) as u8,
            reserved_colour_space: decoder.read_flag(),
            clamping_unneeded: decoder.read_flag(),
        })
    }

    fn write_uncoded(&self, frame: &mut Vec<u8>) {
        frame.extend_from_slice(&START_CODE);
        frame.extend_from_slice(&side_bytes(self.size.width(), self.horizontal_scale));
        frame.extend_from_slice(&side_bytes(self.size.height(), self.vertical_scale));
    }

    pub(super) fn write_coded(&self, encoder: &mut BoolEncoder) {
        encoder.write_flag(self.reserved_colour_space);
        encoder.write_flag(self.clamping_unneeded);
    }
}

fn side_bytes(samples: usize, scale: u8) -> [u8; 2] {
    (samples as u16 | u16::from(scale) << 14).to_le_bytes()
}

/// The longest first partition that the frame tag can state: 19 bits (RFC 6386 §9.1).
const MAX_FIRST_PARTITION_BYTES: usize = (1 << 19) - 1;
const START_CODE: [u8; 3] = [0x9d, 0x01, 0x2a];
const TAG_BYTES: usize = 3;
const KEY_FRAME_BYTES: usize = 7;
