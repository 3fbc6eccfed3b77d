//! A coded piece with what it takes to decode it and to know that it is whole: a frame.
//!
//! A byte for how it is coded, the piece's length, the content's length, a check of both and of where in the file the
//! piece lies, a check of the piece itself, the content.

use std::ops::Range;

use crate::jpeg::bits::Position;
use crate::jpeg::header::Scan;
use crate::plan::{Handover, MAX_BLOCKS, Piece, Plan, Stretch};
use crate::standalone::{Layout, attach, detach};
use crate::{Damage, MAX_PIECE_BYTES, model, numbers};

/// Codes a piece whose bytes are `original`: by the model where that can be done and pays, else by zstd, else as it is.
/// What is given back was decoded and compared.
///
/// # Panics
/// If `original` is not as long as the piece.
pub fn encode_piece(plan: &Plan, piece: &Piece, original: &[u8]) -> Vec<u8> {
    assert_eq!(original.len() as u64, piece.bytes.end - piece.bytes.start, "these are not the piece's bytes");
    let stretch = piece.stretch.as_ref().and_then(|stretch| {
        let content = encode_stretch(&plan.scans[stretch.scan], piece, stretch, original)?;
        frame_if_exact(&plan.scans, Kind::Stretch, piece.bytes.start, original, &content)
    });
    // The model is good for a sixth; that general compression does better is worth a try where it did not do well.
    if let Some(frame) = &stretch
        && frame.len() < original.len() * 9 / 10
    {
        return frame.clone();
    }
    let general = encode_generally(piece.bytes.start, original);
    stretch.filter(|frame| frame.len() < general.len()).unwrap_or(general)
}

/// Codes a whole file at once, as the model does by itself, if the plan says that it is fit for that; `None` if it is
/// not, or the model does not take it.
pub fn encode_whole(plan: &Plan, original: &[u8]) -> Option<Vec<u8>> {
    if !plan.may_be_whole || original.len() as u64 != plan.file_bytes {
        return None;
    }
    let content = model::encode(original)?;
    frame_if_exact(&[], Kind::Whole, 0, original, &content).filter(|frame| frame.len() < original.len())
}

/// Codes any bytes by zstd, or as they are.
pub(crate) fn encode_generally(start: u64, original: &[u8]) -> Vec<u8> {
    let level = if original.len() < SMALL_BYTES { 19 } else { 6 };
    let smaller = zstd::bulk::compress(original, level).ok().filter(|content| content.len() < original.len());
    smaller
        .and_then(|content| frame_if_exact(&[], Kind::Zstd, start, original, &content))
        .unwrap_or_else(|| frame(Kind::Stored, start, original, original))
}

/// Decodes a frame whose piece begins at `start` in the file.
pub(crate) fn decode_frame(scans: &[Scan], start: u64, bytes: &[u8]) -> Result<Vec<u8>, Damage> {
    let (head, content) = Head::split(bytes).ok_or_else(|| Damage::at(start..start, "a frame's head"))?;
    let piece = start..start + head.piece_bytes;
    if content.len() as u64 != head.content_bytes || (head.check != check(start, &head, content) && !cfg!(fuzzing)) {
        return Err(Damage::at(piece, "its checksum is another"));
    }
    let original =
        decode_content(scans, &head, content).ok_or_else(|| Damage::at(piece.clone(), "it cannot be decoded"))?;
    if digest(&original) != head.digest {
        return Err(Damage::at(piece, "it decodes to other bytes than were packed"));
    }
    Ok(original)
}

/// The frame, if it decodes to what it was made of.
fn frame_if_exact(scans: &[Scan], kind: Kind, start: u64, original: &[u8], content: &[u8]) -> Option<Vec<u8>> {
    let frame = frame(kind, start, original, content);
    (decode_frame(scans, start, &frame).ok()? == original).then_some(frame)
}

fn frame(kind: Kind, start: u64, original: &[u8], content: &[u8]) -> Vec<u8> {
    let mut head = Head {
        kind,
        piece_bytes: original.len() as u64,
        content_bytes: content.len() as u64,
        check: [0; 4],
        digest: digest(original),
    };
    head.check = check(start, &head, content);
    let mut bytes = Vec::with_capacity(content.len() + MAX_HEAD_BYTES);
    head.put(&mut bytes);
    bytes.extend(content);
    bytes
}

/// How a piece is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Stored = 0,
    Zstd = 1,
    /// Beside bytes as they are, a stretch of a scan as the coefficients of a JPEG of its own.
    Stretch = 2,
    /// A whole file as a Lepton file.
    Whole = 3,
}

/// What comes before a frame's content.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    kind: Kind,
    pub(crate) piece_bytes: u64,
    pub(crate) content_bytes: u64,
    check: [u8; 4],
    digest: [u8; 8],
}

impl Head {
    fn put(&self, bytes: &mut Vec<u8>) {
        bytes.push(self.kind as u8);
        numbers::put(bytes, self.piece_bytes);
        numbers::put(bytes, self.content_bytes);
        bytes.extend(self.check);
        bytes.extend(self.digest);
    }

    /// The head that bytes begin with, and the rest.
    pub(crate) fn split(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (kind, mut rest) = bytes.split_first()?;
        let kind =
            [Kind::Stored, Kind::Zstd, Kind::Stretch, Kind::Whole].into_iter().find(|&own| own as u8 == *kind)?;
        let piece_bytes = numbers::take(&mut rest).filter(|bytes| (1..=MAX_PIECE_BYTES).contains(bytes))?;
        let content_bytes = numbers::take(&mut rest).filter(|&bytes| bytes <= MAX_PIECE_BYTES)?;
        let (&check, rest) = rest.split_first_chunk()?;
        let (&digest, rest) = rest.split_first_chunk()?;
        Some((Self { kind, piece_bytes, content_bytes, check, digest }, rest))
    }
}

fn check(start: u64, head: &Head, content: &[u8]) -> [u8; 4] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&start.to_le_bytes());
    hasher.update(&head.piece_bytes.to_le_bytes());
    hasher.update(&[head.kind as u8]);
    hasher.update(&head.digest);
    hasher.update(content);
    *hasher.finalize().as_bytes().first_chunk().expect("a hash has 32 bytes")
}

fn digest(original: &[u8]) -> [u8; 8] {
    *blake3::hash(original).as_bytes().first_chunk().expect("a hash has 32 bytes")
}

fn decode_content(scans: &[Scan], head: &Head, content: &[u8]) -> Option<Vec<u8>> {
    let bytes = match head.kind {
        Kind::Stored => content.to_vec(),
        Kind::Zstd => zstd::bulk::decompress(content, head.piece_bytes as usize).ok()?,
        Kind::Stretch => decode_stretch(scans, head.piece_bytes, content)?,
        Kind::Whole => model::decode(content)?,
    };
    (bytes.len() as u64 == head.piece_bytes).then_some(bytes)
}

fn encode_stretch(scan: &Scan, piece: &Piece, stretch: &Stretch, original: &[u8]) -> Option<Vec<u8>> {
    let layout = Layout::of(scan, stretch.mcus);
    let within = |byte: u64| (byte - piece.bytes.start) as usize;
    let covered = within(stretch.from.at.byte)..within(stretch.end.byte);
    // The byte that the last MCU ends in, and nothing after it.
    let jpeg = detach(scan, stretch, &layout, &original[covered.start..within(stretch.end.whole_bytes())])?;
    let body = model::encode_body(&jpeg)?;
    let mut content = Vec::with_capacity(body.len() + original.len() - covered.len() + 64);
    numbers::put(&mut content, stretch.scan as u64);
    numbers::put(&mut content, u64::from(stretch.from.mcu));
    numbers::put(&mut content, u64::from(stretch.mcus));
    content.extend([stretch.from.at.bit | u8::from(stretch.pad) << 3, stretch.from.partial]);
    for dc in &stretch.from.dc[..scan.components.len()] {
        content.extend(dc.to_le_bytes());
    }
    numbers::put(&mut content, jpeg.len() as u64);
    for beside in [&original[..covered.start], &original[covered.end..]] {
        numbers::put(&mut content, beside.len() as u64);
        content.extend(beside);
    }
    content.extend(body);
    Some(content)
}

fn decode_stretch(scans: &[Scan], piece_bytes: u64, mut content: &[u8]) -> Option<Vec<u8>> {
    let number = |content: &mut &[u8]| numbers::take(content).and_then(|number| u32::try_from(number).ok());
    let scan_number = number(&mut content)? as usize;
    let scan = scans.get(scan_number)?;
    let mcu = number(&mut content)?;
    let mcus = number(&mut content).filter(|mcus| (1..=MAX_BLOCKS).contains(mcus))?;
    let (&[flags, partial], after) = content.split_first_chunk::<2>()?;
    content = after;
    let mut dc = [0; 3];
    for dc in &mut dc[..scan.components.len()] {
        *dc = i16::from_le_bytes(*numbers::take_bytes(&mut content, 2)?.first_chunk()?);
    }
    let jpeg_bytes = number(&mut content).filter(|&bytes| u64::from(bytes) <= 2 * MAX_PIECE_BYTES)?;
    let [before, after] = [(); 2].map(|()| {
        let count = numbers::take(&mut content)?;
        numbers::take_bytes(&mut content, count)
    });
    let (before, after) = (before?, after?);
    let layout = Layout::of(scan, mcus);
    let covered = piece_bytes.checked_sub((before.len() + after.len()) as u64)? as usize;
    // A line of blanks beside the stretch.
    if layout.blocks() > 2 * u64::from(MAX_BLOCKS) {
        return None;
    }
    let jpeg = model::decode_body(&layout.header, jpeg_bytes, content)?;
    let at = Position { byte: 0, bit: flags & 7 };
    let from = Handover { at, partial, mcu, dc };
    let stretch = Stretch { scan: scan_number, from, end: at, mcus, pad: flags & 8 != 0 };
    Some([before, &attach(scan, &stretch, &layout, &jpeg, covered)?, after].concat())
}

/// Bytes of a file that a frame is about, for those who pass frames on.
pub(crate) fn piece_of(start: u64, frame: &[u8]) -> Option<Range<u64>> {
    Head::split(frame).map(|(head, _)| start..start + head.piece_bytes)
}

/// A head is no longer than this.
pub(crate) const MAX_HEAD_BYTES: usize = 1 + 2 * 4 + 4 + 8;
/// Headers and the like: worth zstd's best.
const SMALL_BYTES: usize = 1 << 16;
