//! What the fuzz targets share.

/// How many samples the picture of a key frame is said to have; none of another frame. Larger pictures only make a fuzzer slower.
pub fn samples(frame: &[u8]) -> usize {
    let side = |at: usize| frame.get(at..at + 2).map_or(0, |b| usize::from(u16::from_le_bytes([b[0], b[1]]) & 0x3fff));
    if oyster_codec::is_key_frame(frame) { side(6) * side(8) } else { 0 }
}

/// The pieces of an input, each after a length byte pair; the last may be shorter.
pub fn pieces(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, after) = bytes.split_first_chunk::<2>()?;
        let (piece, rest) = after.split_at(usize::from(u16::from_le_bytes(*length)).min(after.len()));
        bytes = rest;
        Some(piece)
    })
}
