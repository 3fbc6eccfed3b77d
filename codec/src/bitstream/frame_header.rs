//! The frame header as a plain value that is both parsed and written (RFC 6386 §9, §19.2).

mod head;

use std::fmt;

use super::bool_coder::{BoolDecoder, BoolEncoder};
use super::probabilities::{TokenUpdates, VectorUpdates};
use super::tables::Probability;
use crate::SizeError;
use crate::macroblock::QuantizerIndex;

use head::Head;
pub(crate) use head::{KeyFrame, Version};
pub use head::{is_key_frame, is_shown_frame};

/// Everything a frame says before its macroblocks. What is `None` or not updated stays as the source state has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    /// The profile.
    pub(crate) version: Version,
    /// Whether the picture is to be shown.
    pub(crate) shown: bool,
    /// What only key frames or only inter frames say.
    pub(crate) kind: FrameKind,
    /// Segments, where this frame uses them.
    pub(crate) segmentation: Option<SegmentationHeader>,
    /// The loop filter.
    pub(crate) filter: FilterHeader,
    /// How many token partitions there are, as a power of two: 0..=3.
    pub(crate) token_partitions_log2: u8,
    /// Quantizer indices.
    pub(crate) quantizers: QuantizerHeader,
    /// Whether this frame's probabilities stay for the next one.
    pub(crate) refresh_entropy: bool,
    /// Token probabilities that are replaced.
    pub(crate) token_updates: TokenUpdates,
    /// If macroblocks say whether they have coefficients: the probability that they do.
    pub(crate) skip_probability: Option<Probability>,
}

/// What only key frames or only inter frames say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FrameKind {
    /// A frame that needs no other.
    Key(KeyFrame),
    /// A frame predicted from others.
    Inter(InterFrame),
}

/// What only inter frames say (RFC 6386 §9.7, §9.10, §9.11).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InterFrame {
    /// What the golden frame becomes.
    pub(crate) golden: ReferenceUpdate,
    /// What the alternate reference frame becomes.
    pub(crate) alt_ref: ReferenceUpdate,
    /// Whether vectors into the golden frame point the other way in time.
    pub(crate) golden_sign_bias: bool,
    /// Whether vectors into the alternate reference frame point the other way in time.
    pub(crate) alt_ref_sign_bias: bool,
    /// Whether this frame becomes the last frame.
    pub(crate) refresh_last: bool,
    /// The probability that a macroblock is intra.
    pub(crate) intra_probability: Probability,
    /// The probability that an inter macroblock refers to the last frame.
    pub(crate) last_probability: Probability,
    /// The probability that one which doesn't refers to the golden frame.
    pub(crate) golden_probability: Probability,
    /// New probabilities of intra luma modes.
    pub(crate) luma_mode_update: Option<[Probability; 4]>,
    /// New probabilities of intra chroma modes.
    pub(crate) chroma_mode_update: Option<[Probability; 3]>,
    /// Vector probabilities that are replaced.
    pub(crate) vector_updates: VectorUpdates,
}

/// What becomes of the golden or the alternate reference frame (RFC 6386 §9.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReferenceUpdate {
    /// It stays.
    Keep,
    /// It becomes the frame being decoded.
    Refresh,
    /// It becomes the last frame as it was before.
    CopyLast,
    /// Golden becomes the alternate reference frame, or the other way round.
    CopyOther,
}

/// Segments (RFC 6386 §9.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SegmentationHeader {
    /// If macroblocks say their segment anew: the probabilities of the segment tree.
    pub(crate) map_update: Option<[Probability; 3]>,
    /// New values for all segments.
    pub(crate) values_update: Option<SegmentValues>,
}

/// What segments change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SegmentValues {
    /// The values replace the frame's instead of being added to them.
    pub(crate) absolute: bool,
    /// Quantizer indices or differences, -127..=127.
    pub(crate) quantizers: [i8; 4],
    /// Loop filter levels or differences, -63..=63.
    pub(crate) filter_levels: [i8; 4],
}

/// The loop filter (RFC 6386 §9.3, §9.6).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FilterHeader {
    /// The simple filter instead of the normal one.
    pub(crate) simple: bool,
    /// 0 (none) to 63.
    pub(crate) level: u8,
    /// 0 to 7.
    pub(crate) sharpness: u8,
    /// Whether levels depend on reference and mode, and which of the differences are replaced.
    pub(crate) deltas: Option<FilterDeltaUpdates>,
}

/// Which loop filter differences are replaced (RFC 6386 §9.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FilterDeltaUpdates {
    /// By reference: intra, last, golden, altref; -63..=63.
    pub(crate) references: [Option<i8>; 4],
    /// By mode: subblocks, zero, other vectors, split; -63..=63.
    pub(crate) modes: [Option<i8>; 4],
}

/// Quantizer indices (RFC 6386 §9.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct QuantizerHeader {
    /// The index of luma's AC coefficients, from which the others differ.
    pub(crate) index: QuantizerIndex,
    /// -15..=15, as the ones below.
    pub(crate) y_dc_delta: i8,
    /// Of the block of luma's DCs.
    pub(crate) y2_dc_delta: i8,
    /// Of the block of luma's DCs.
    pub(crate) y2_ac_delta: i8,
    /// Of chroma.
    pub(crate) chroma_dc_delta: i8,
    /// Of chroma.
    pub(crate) chroma_ac_delta: i8,
}

/// Why the head of a frame cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeaderError {
    /// The frame ends within its header or first partition.
    Truncated {
        /// How many bytes there should be.
        needed: usize,
        /// How many there are.
        found: usize,
    },
    /// A profile over 3 (RFC 6386 §9.1).
    UnknownVersion(u8),
    /// A key frame without its start code.
    NoStartCode([u8; 3]),
    /// A key frame of a size that no picture has here.
    Size(SizeError),
    /// A golden or altref frame is to be copied from the reserved source 3 (RFC 6386 §9.7).
    ReservedCopy,
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { needed, found } => {
                write!(f, "the frame ends after {found} bytes, within its first {needed}")
            }
            Self::UnknownVersion(version) => write!(f, "VP8 has profiles 0 to 3, not {version}"),
            Self::NoStartCode([a, b, c]) => {
                write!(f, "a key frame starts with 9d 01 2a after its tag, not {a:02x} {b:02x} {c:02x}")
            }
            Self::Size(error) => error.fmt(f),
            Self::ReservedCopy => write!(f, "the frame copies a reference from the reserved source 3"),
        }
    }
}

impl std::error::Error for HeaderError {}

/// A parsed header and where the rest of the frame goes on.
#[derive(Debug)]
pub(crate) struct ParsedHeader<'a> {
    /// The header.
    pub(crate) header: FrameHeader,
    /// The first partition, at the macroblocks' own headers.
    pub(crate) modes: BoolDecoder<'a>,
    /// What follows the first partition: sizes of token partitions, then these.
    pub(crate) tokens: &'a [u8],
}

impl FrameHeader {
    /// Whether this is a key frame.
    pub(crate) fn is_key(&self) -> bool {
        matches!(self.kind, FrameKind::Key(_))
    }

    /// Reads the header of `frame`.
    pub(crate) fn parse(frame: &[u8]) -> Result<ParsedHeader<'_>, HeaderError> {
        let head = Head::read(frame)?;
        if head.coded.len() < head.first_partition_bytes {
            return Err(head.truncated(frame));
        }
        Self::parse_coded(&head)
    }

    /// Reads the header of a frame of which only the first bytes are here: all that the header is coded in must be.
    pub(crate) fn parse_prefix(prefix: &[u8]) -> Result<ParsedHeader<'_>, HeaderError> {
        let head = Head::read(prefix)?;
        let parsed = Self::parse_coded(&head)?;
        if parsed.modes.is_within() { Ok(parsed) } else { Err(head.truncated(prefix)) }
    }

    /// Reads what is coded, as far as it is here.
    fn parse_coded<'a>(head: &Head<'a>) -> Result<ParsedHeader<'a>, HeaderError> {
        let (first_partition, tokens) = head.coded.split_at(head.first_partition_bytes.min(head.coded.len()));
        let mut decoder = BoolDecoder::new(first_partition);
        let key = head.key_bytes.map(|bytes| KeyFrame::read(bytes, &mut decoder)).transpose()?;
        let header = Self::read(head.version, head.shown, key, &mut decoder)?;
        Ok(ParsedHeader { header, modes: decoder, tokens })
    }

    /// Reads what follows the key frame's own fields.
    fn read(
        version: Version,
        shown: bool,
        key: Option<KeyFrame>,
        decoder: &mut BoolDecoder<'_>,
    ) -> Result<Self, HeaderError> {
        let segmentation = decoder.read_option(SegmentationHeader::read);
        let filter = FilterHeader::read(decoder);
        let token_partitions_log2 = decoder.read_literal(2) as u8;
        let quantizers = QuantizerHeader::read(decoder);
        let references = if key.is_none() { Some(ReferenceUpdates::read(decoder)?) } else { None };
        let refresh_entropy = decoder.read_flag();
        let refresh_last = references.is_some() && decoder.read_flag();
        let token_updates = TokenUpdates::read(decoder);
        let skip_probability = decoder.read_option(|decoder| decoder.read_literal(8) as u8);
        let kind = match (references, key) {
            (Some(references), _) => FrameKind::Inter(InterFrame::read(references, refresh_last, decoder)),
            (None, key) => FrameKind::Key(key.expect("references are read unless there is a key frame")),
        };
        Ok(Self {
            version,
            shown,
            kind,
            segmentation,
            filter,
            token_partitions_log2,
            quantizers,
            refresh_entropy,
            token_updates,
            skip_probability,
        })
    }

    /// Writes the part that is coded in the first partition.
    pub(crate) fn write(&self, encoder: &mut BoolEncoder) {
        if let FrameKind::Key(key) = &self.kind {
            key.write_coded(encoder);
        }
        encoder.write_option(self.segmentation.as_ref(), |encoder, segmentation| segmentation.write(encoder));
        self.filter.write(encoder);
        encoder.write_literal(self.token_partitions_log2.into(), 2);
        self.quantizers.write(encoder);
        if let FrameKind::Inter(inter) = &self.kind {
            inter.write_references(encoder);
        }
        encoder.write_flag(self.refresh_entropy);
        if let FrameKind::Inter(inter) = &self.kind {
            encoder.write_flag(inter.refresh_last);
        }
        self.token_updates.write(encoder);
        encoder.write_option(self.skip_probability, |encoder, value| encoder.write_literal(value.into(), 8));
        if let FrameKind::Inter(inter) = &self.kind {
            inter.write_probabilities(encoder);
        }
    }
}

/// What an inter frame says of its references before the entropy flag.
#[derive(Clone, Copy)]
struct ReferenceUpdates {
    golden: ReferenceUpdate,
    alt_ref: ReferenceUpdate,
    golden_sign_bias: bool,
    alt_ref_sign_bias: bool,
}

impl ReferenceUpdates {
    fn read(decoder: &mut BoolDecoder<'_>) -> Result<Self, HeaderError> {
        let (refresh_golden, refresh_alt_ref) = (decoder.read_flag(), decoder.read_flag());
        Ok(Self {
            golden: ReferenceUpdate::read(refresh_golden, decoder)?,
            alt_ref: ReferenceUpdate::read(refresh_alt_ref, decoder)?,
            golden_sign_bias: decoder.read_flag(),
            alt_ref_sign_bias: decoder.read_flag(),
        })
    }
}

impl ReferenceUpdate {
    fn read(refresh: bool, decoder: &mut BoolDecoder<'_>) -> Result<Self, HeaderError> {
        if refresh {
            return Ok(Self::Refresh);
        }
        match decoder.read_literal(2) {
            0 => Ok(Self::Keep),
            1 => Ok(Self::CopyLast),
            2 => Ok(Self::CopyOther),
            _ => Err(HeaderError::ReservedCopy),
        }
    }

    fn write_copy(self, encoder: &mut BoolEncoder) {
        match self {
            Self::Refresh => {}
            Self::Keep => encoder.write_literal(0, 2),
            Self::CopyLast => encoder.write_literal(1, 2),
            Self::CopyOther => encoder.write_literal(2, 2),
        }
    }
}

impl InterFrame {
    fn read(references: ReferenceUpdates, refresh_last: bool, decoder: &mut BoolDecoder<'_>) -> Self {
        let ReferenceUpdates { golden, alt_ref, golden_sign_bias, alt_ref_sign_bias } = references;
        Self {
            golden,
            alt_ref,
            golden_sign_bias,
            alt_ref_sign_bias,
            refresh_last,
            intra_probability: decoder.read_literal(8) as u8,
            last_probability: decoder.read_literal(8) as u8,
            golden_probability: decoder.read_literal(8) as u8,
            luma_mode_update: decoder.read_option(read_probabilities),
            chroma_mode_update: decoder.read_option(read_probabilities),
            vector_updates: VectorUpdates::read(decoder),
        }
    }

    fn write_references(&self, encoder: &mut BoolEncoder) {
        encoder.write_flag(self.golden == ReferenceUpdate::Refresh);
        encoder.write_flag(self.alt_ref == ReferenceUpdate::Refresh);
        self.golden.write_copy(encoder);
        self.alt_ref.write_copy(encoder);
        encoder.write_flag(self.golden_sign_bias);
        encoder.write_flag(self.alt_ref_sign_bias);
    }

    fn write_probabilities(&self, encoder: &mut BoolEncoder) {
        encoder.write_literal(self.intra_probability.into(), 8);
        encoder.write_literal(self.last_probability.into(), 8);
        encoder.write_literal(self.golden_probability.into(), 8);
        encoder.write_option(self.luma_mode_update, |encoder, values| write_probabilities(&values, encoder));
        encoder.write_option(self.chroma_mode_update, |encoder, values| write_probabilities(&values, encoder));
        self.vector_updates.write(encoder);
    }
}

fn read_probabilities<const N: usize>(decoder: &mut BoolDecoder<'_>) -> [Probability; N] {
    std::array::from_fn(|_| decoder.read_literal(8) as u8)
}

fn write_probabilities(values: &[Probability], encoder: &mut BoolEncoder) {
    values.iter().for_each(|&value| encoder.write_literal(value.into(), 8));
}

impl SegmentationHeader {
    fn read(decoder: &mut BoolDecoder<'_>) -> Self {
        let (updates_map, updates_values) = (decoder.read_flag(), decoder.read_flag());
        let values_update = updates_values.then(|| SegmentValues {
            absolute: decoder.read_flag(),
            quantizers: read_signed_options(decoder, 7).map(Option::unwrap_or_default),
            filter_levels: read_signed_options(decoder, 6).map(Option::unwrap_or_default),
        });
        let map_update = updates_map.then(|| {
            std::array::from_fn(|_| decoder.read_option(|decoder| decoder.read_literal(8) as u8).unwrap_or(255))
        });
        Self { map_update, values_update }
    }

    fn write(&self, encoder: &mut BoolEncoder) {
        encoder.write_flag(self.map_update.is_some());
        encoder.write_flag(self.values_update.is_some());
        if let Some(values) = &self.values_update {
            encoder.write_flag(values.absolute);
            write_signed_options(values.quantizers.map(|value| (value != 0).then_some(value)), 7, encoder);
            write_signed_options(values.filter_levels.map(|value| (value != 0).then_some(value)), 6, encoder);
        }
        for probability in self.map_update.into_iter().flatten() {
            encoder.write_option((probability != 255).then_some(probability), |encoder, value| {
                encoder.write_literal(value.into(), 8);
            });
        }
    }
}

impl FilterHeader {
    fn read(decoder: &mut BoolDecoder<'_>) -> Self {
        Self {
            simple: decoder.read_flag(),
            level: decoder.read_literal(6) as u8,
            sharpness: decoder.read_literal(3) as u8,
            deltas: decoder.read_option(|decoder| {
                decoder
                    .read_option(|decoder| FilterDeltaUpdates {
                        references: read_signed_options(decoder, 6),
                        modes: read_signed_options(decoder, 6),
                    })
                    .unwrap_or_default()
            }),
        }
    }

    fn write(&self, encoder: &mut BoolEncoder) {
        encoder.write_flag(self.simple);
        encoder.write_literal(self.level.into(), 6);
        encoder.write_literal(self.sharpness.into(), 3);
        encoder.write_option(self.deltas.as_ref(), |encoder, deltas| {
            let changes = (*deltas != FilterDeltaUpdates::default()).then_some(deltas);
            encoder.write_option(changes, |encoder, deltas| {
                write_signed_options(deltas.references, 6, encoder);
                write_signed_options(deltas.modes, 6, encoder);
            });
        });
    }
}

fn read_signed_options(decoder: &mut BoolDecoder<'_>, bits: u32) -> [Option<i8>; 4] {
    std::array::from_fn(|_| decoder.read_option(|decoder| decoder.read_signed(bits) as i8))
}

fn write_signed_options(values: [Option<i8>; 4], bits: u32, encoder: &mut BoolEncoder) {
    for value in values {
        encoder.write_option(value, |encoder, value| encoder.write_signed(value.into(), bits));
    }
}

impl QuantizerHeader {
    fn read(decoder: &mut BoolDecoder<'_>) -> Self {
        let index = QuantizerIndex::saturating(decoder.read_literal(7) as i32);
        let mut delta = || decoder.read_option(|decoder| decoder.read_signed(4) as i8).unwrap_or(0);
        Self {
            index,
            y_dc_delta: delta(),
            y2_dc_delta: delta(),
            y2_ac_delta: delta(),
            chroma_dc_delta: delta(),
            chroma_ac_delta: delta(),
        }
    }

    fn write(&self, encoder: &mut BoolEncoder) {
        encoder.write_literal(self.index.value().into(), 7);
        for delta in [self.y_dc_delta, self.y2_dc_delta, self.y2_ac_delta, self.chroma_dc_delta, self.chroma_ac_delta] {
            encoder.write_option((delta != 0).then_some(delta), |encoder, delta| encoder.write_signed(delta.into(), 4));
        }
    }
}

#[cfg(test)]
#[path = "frame_header_tests.rs"]
pub(crate) mod tests;
