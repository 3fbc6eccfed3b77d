//! A coded piece with what it takes to decode it and to know that it is whole: a frame.
//!
//! A byte for how it is coded, the piece's length, the content's length, a check of both and of where in the file the
//! piece lies, a check of the piece itself, the content.

use std::ops::Range;

use crate::plan::{Piece, Plan};
use crate::shared::{PrimerFrame, Shared};
use crate::standalone::End;
use crate::stretch::Form;
use crate::{Damage, MAX_PIECE_BYTES, model, numbers, stretch};

/// Codes a piece whose bytes are `original`: by the model where that can be done and pays, else by zstd, else as it is.
/// What is given back was decoded and compared.
///
/// # Panics
/// If `original` is not as long as the piece.
pub fn encode_piece(plan: &Plan, piece: &Piece, original: &[u8]) -> Vec<u8> {
    assert_eq!(original.len() as u64, piece.bytes.end - piece.bytes.start, "these are not the piece's bytes");
    let start = piece.bytes.start;
    if plan.shared.primer.as_ref().is_some_and(|primer| primer.start == start)
        && let Some(frame) = frame_if_exact(&plan.shared, Kind::Primer, start, original, Vec::new())
    {
        return frame;
    }
    let primer = plan.shared.primer();
    let stretch = Form::ALL.into_iter().find_map(|form| {
        let content = stretch::encode(&plan.shared.scans, primer, piece, form, original)?;
        frame_if_exact(&plan.shared, Kind::Stretch, start, original, content)
    });
    // The model is good for a sixth; that general compression does better is worth a try where it did not do well.
    if let Some(frame) = &stretch
        && frame.len() < original.len() * 9 / 10
    {
        return frame.clone();
    }
    let general = encode_generally(start, original);
    stretch.filter(|frame| frame.len() < general.len()).unwrap_or(general)
}

/// Codes a whole file at once, as the model does by itself, if the plan says that it is fit for that; `None` if it is
/// not, or the model does not take it.
pub fn encode_whole(plan: &Plan, original: &[u8]) -> Option<Vec<u8>> {
    if !plan.may_be_whole || original.len() as u64 != plan.file_bytes {
        return None;
    }
    let content = model::encode(original)?;
    frame_if_exact(&Shared::default(), Kind::Whole, 0, original, content).filter(|frame| frame.len() < original.len())
}

/// Makes a piece the primer of all others, if the model takes it.
pub(crate) fn encode_primer(plan: &Plan, piece: &Piece, original: &[u8]) -> Option<PrimerFrame> {
    let shared = Shared::of_scans(plan.shared.scans.clone());
    let start = piece.bytes.start;
    let content = stretch::encode(&shared.scans, None, piece, Form::Lines(End::Cut), original)?;
    let frame = frame_if_exact(&shared, Kind::Stretch, start, original, content)?;
    Some(PrimerFrame::new(start, frame))
}

/// Codes any bytes by zstd, or as they are.
pub(crate) fn encode_generally(start: u64, original: &[u8]) -> Vec<u8> {
    let level = if original.len() < SMALL_BYTES { 19 } else { 6 };
    let smaller = zstd::bulk::compress(original, level).ok().filter(|content| content.len() < original.len());
    smaller
        .and_then(|content| frame_if_exact(&Shared::default(), Kind::Zstd, start, original, content))
        .unwrap_or_else(|| frame(Kind::Stored, start, original, original))
}

/// Decodes a frame whose piece begins at `start` in the file.
pub(crate) fn decode_frame(shared: &Shared, start: u64, bytes: &[u8]) -> Result<Vec<u8>, Damage> {
    let (head, content) = Head::split(bytes).ok_or_else(|| Damage::at(start..start, "a frame's head"))?;
    let piece = start..start + head.piece_bytes;
    if content.len() as u64 != head.content_bytes || (head.check != check(start, &head, content) && !cfg!(fuzzing)) {
        return Err(Damage::at(piece, "its checksum is another"));
    }
    let original = decode_content(shared, &piece, &head, content)
        .ok_or_else(|| Damage::at(piece.clone(), "it cannot be decoded"))?;
    if digest(&original) != head.digest {
        return Err(Damage::at(piece, "it decodes to other bytes than were packed"));
    }
    Ok(original)
}

/// The frame, if it decodes to what it was made of.
fn frame_if_exact(shared: &Shared, kind: Kind, start: u64, original: &[u8], content: Vec<u8>) -> Option<Vec<u8>> {
    let frame = frame(kind, start, original, &content);
    // Decoding takes memory enough.
    drop(content);
    (decode_frame(shared, start, &frame).ok()? == original).then_some(frame)
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
    /// Not at all: the header has it, as the primer.
    Primer = 4,
}

impl Kind {
    const ALL: [Self; 5] = [Self::Stored, Self::Zstd, Self::Stretch, Self::Whole, Self::Primer];
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
        let kind = Kind::ALL.into_iter().find(|&own| own as u8 == *kind)?;
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

fn decode_content(shared: &Shared, piece: &Range<u64>, head: &Head, content: &[u8]) -> Option<Vec<u8>> {
    let bytes = match head.kind {
        Kind::Stored => content.to_vec(),
        Kind::Zstd => zstd::bulk::decompress(content, head.piece_bytes as usize).ok()?,
        Kind::Stretch => stretch::decode(shared, head.piece_bytes, content)?,
        Kind::Whole => model::decode(content)?,
        Kind::Primer => shared.primer_piece(piece.clone())?,
    };
    (bytes.len() as u64 == head.piece_bytes).then_some(bytes)
}

/// Bytes of a file that a frame is about, for those who pass frames on.
pub(crate) fn piece_of(start: u64, frame: &[u8]) -> Option<Range<u64>> {
    Head::split(frame).map(|(head, _)| start..start + head.piece_bytes)
}

/// A head is no longer than this.
pub(crate) const MAX_HEAD_BYTES: usize = 1 + 2 * 4 + 4 + 8;
/// Headers and the like: worth zstd's best.
const SMALL_BYTES: usize = 1 << 16;
