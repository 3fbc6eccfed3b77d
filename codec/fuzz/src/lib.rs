//! What the fuzz targets share.

/// How many samples the picture of a key frame is said to have; none of another frame. Larger pictures only make a fuzzer slower.
pub fn samples(frame: &[u8]) -> usize {
    let is_key = frame.first().is_some_and(|byte| byte & 1 == 0);
    let side = |at: usize| frame.get(at..at + 2).map_or(0, |b| usize::from(u16::from_le_bytes([b[0], b[1]]) & 0x3fff));
    if is_key { side(6) * side(8) } else { 0 }
}
