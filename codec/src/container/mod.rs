//! The two file formats pictures and frames travel in: YUV4MPEG2 for pictures, IVF for VP8 frames.
//!
//! Both are read as streams, without seeking, one frame in memory at a time; bytes come through `std::io::Read`, so
//! opening files stays the caller's business. Nothing here trusts a length it has read before it has checked it.

pub mod ivf;
pub mod y4m;

use std::fmt;
use std::io::{self, Read};
use std::num::NonZeroU32;
use std::time::Duration;

/// Frames per second as a ratio, exact as files state it (30000/1001 and the like).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameRate {
    /// Frames in [`FrameRate::seconds`].
    pub frames: NonZeroU32,
    /// The seconds that [`FrameRate::frames`] take.
    pub seconds: NonZeroU32,
}

impl FrameRate {
    /// `frames` in `seconds`; `None` where either is 0.
    pub const fn new(frames: u32, seconds: u32) -> Option<Self> {
        match (NonZeroU32::new(frames), NonZeroU32::new(seconds)) {
            (Some(frames), Some(seconds)) => Some(Self { frames, seconds }),
            _ => None,
        }
    }

    /// Frames per second.
    pub fn per_second(self) -> f64 {
        f64::from(self.frames.get()) / f64::from(self.seconds.get())
    }

    /// When frame `number` begins, counted from frame 0, rounded down to the nanosecond: no error adds up over a film.
    pub fn time_of(self, number: u64) -> Duration {
        let nanos = u128::from(number) * u128::from(self.seconds.get()) * 1_000_000_000 / u128::from(self.frames.get());
        let seconds = u64::try_from(nanos / 1_000_000_000).unwrap_or(u64::MAX);
        Duration::new(seconds, (nanos % 1_000_000_000) as u32)
    }
}

impl fmt::Display for FrameRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.frames, self.seconds)
    }
}

/// Fills as much of `buffer` as there is; answers how much that was.
pub(crate) fn fill(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match input.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Bytes of a file as words for an error: printable ones as they are, the rest escaped, at most [`SHOWN_BYTES`].
fn shown(bytes: &[u8]) -> String {
    let mut text = bytes[..bytes.len().min(SHOWN_BYTES)].escape_ascii().to_string();
    if bytes.len() > SHOWN_BYTES {
        text.push('…');
    }
    text
}

/// Enough of a bad line to recognise it; an error message is no place for a file.
const SHOWN_BYTES: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ntsc_time_does_not_drift() {
        let rate = FrameRate::new(30_000, 1001).unwrap();
        assert_eq!(rate.time_of(30_000), Duration::from_secs(1001));
        assert_eq!(rate.time_of(1), Duration::from_nanos(33_366_666));
    }

    #[test]
    fn a_rate_of_nothing_is_none() {
        assert_eq!((FrameRate::new(0, 1), FrameRate::new(30, 0)), (None, None));
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        let slow = FrameRate::new(1, u32::MAX).unwrap();
        assert_eq!(slow.time_of(u64::MAX), Duration::new(u64::MAX, 0));
        assert_eq!(FrameRate::new(u32::MAX, 1).unwrap().time_of(0), Duration::ZERO);
    }
}
