//! IVF: VP8 frames one after another, each with its length and a timestamp, behind a header of 32 bytes.
//! The format has no document of its own; this is what libvpx's tools write, all numbers little-endian:
//! "DKIF", version, header length, codec, width, height, rate, scale, frames, 4 unused bytes.

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom, Write};

use super::{FrameRate, fill, shown};
use crate::Size;

/// Reads VP8 frames one after another from IVF bytes. Reads are small: wrap a file in a `BufReader`.
#[derive(Debug)]
pub struct IvfReader<R> {
    input: R,
    header: IvfHeader,
    next_frame: u64,
    /// The iterator has ended: what follows an error is not to be trusted.
    ended: bool,
}

/// What the file's header claims. Only VP8's own key frames are to be believed about the size, and only the end of
/// the file about the number of frames: writers that were interrupted, or cannot seek, leave both wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IvfHeader {
    /// Claimed width in luma samples.
    pub width: u16,
    /// Claimed height in luma samples.
    pub height: u16,
    /// Ticks of the timestamps per second (a tick is usually a frame); `None` where the header has a 0.
    pub rate: Option<FrameRate>,
    /// Claimed number of frames.
    pub frames: u32,
}

/// One frame as it stands in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IvfFrame {
    /// When it is shown, in ticks of [`IvfHeader::rate`].
    pub timestamp: u64,
    /// The frame's bytes; may be empty (a dropped frame: the picture before it stays).
    pub bytes: Vec<u8>,
}

/// Why IVF bytes hold no (further) frame. Frames count from 0.
#[derive(Debug)]
#[non_exhaustive]
pub enum IvfError {
    /// There is not one byte.
    Empty,
    /// The first bytes are not `DKIF`.
    NotIvf {
        /// What stands there, escaped.
        found: String,
    },
    /// The bytes end inside the file's header.
    HeaderTruncated {
        /// Bytes of it that are there.
        bytes: usize,
    },
    /// A version other than 0, or a header length under 32 or over [`MAX_HEADER_BYTES`].
    HeaderUnknown {
        /// The version stated.
        version: u16,
        /// The header length stated.
        header_bytes: u16,
    },
    /// The frames are not VP8.
    Codec {
        /// The code of their codec, escaped.
        codec: String,
    },
    /// A frame states more bytes than [`MAX_FRAME_BYTES`].
    FrameTooLarge {
        /// The frame's number.
        frame: u64,
        /// The bytes it states.
        bytes: u32,
    },
    /// The bytes end inside a frame or its header.
    FrameTruncated {
        /// The frame's number.
        frame: u64,
        /// Bytes of it that are there, its 12-byte header included.
        bytes: usize,
        /// Bytes it takes, its header included.
        needed: usize,
    },
    /// Reading failed.
    Io {
        /// The frame that was being read; `None` in the file's header.
        frame: Option<u64>,
        /// How it failed.
        source: io::Error,
    },
}

impl fmt::Display for IvfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "empty: no IVF header"),
            Self::NotIvf { found } => write!(f, "not IVF: begins with \"{found}\" instead of \"DKIF\""),
            Self::HeaderTruncated { bytes } => write!(f, "the IVF header is cut off: {bytes} of {HEADER_BYTES} bytes"),
            Self::HeaderUnknown { version, header_bytes } => {
                write!(f, "IVF version {version} with a header of {header_bytes} bytes is not known")
            }
            Self::Codec { codec } => write!(f, "the IVF file holds \"{codec}\", not VP8 (\"VP80\")"),
            Self::FrameTooLarge { frame, bytes } => {
                write!(f, "frame {frame} states {bytes} bytes, over the limit of {MAX_FRAME_BYTES}")
            }
            Self::FrameTruncated { frame, bytes, needed } => {
                write!(f, "frame {frame} is cut off: {bytes} of {needed} bytes")
            }
            Self::Io { frame: Some(frame), source } => write!(f, "frame {frame}: {source}"),
            Self::Io { frame: None, source } => write!(f, "IVF header: {source}"),
        }
    }
}

impl std::error::Error for IvfError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl<R: Read> IvfReader<R> {
    /// Reads the file's header.
    pub fn new(mut input: R) -> Result<Self, IvfError> {
        let header = read_header(&mut input)?;
        Ok(Self { input, header, next_frame: 0, ended: false })
    }

    /// What the file's header claims.
    pub fn header(&self) -> IvfHeader {
        self.header
    }

    /// The next frame; `None` at a clean end, wherever the header claimed it.
    pub fn read_frame(&mut self) -> Result<Option<IvfFrame>, IvfError> {
        let frame = self.next_frame;
        let io_error = |source| IvfError::Io { frame: Some(frame), source };
        let mut start = [0; FRAME_HEADER_BYTES];
        match fill(&mut self.input, &mut start).map_err(io_error)? {
            0 => return Ok(None),
            FRAME_HEADER_BYTES => {}
            bytes => return Err(IvfError::FrameTruncated { frame, bytes, needed: FRAME_HEADER_BYTES }),
        }
        let [length @ .., _, _, _, _, _, _, _, _] = start;
        let [_, _, _, _, timestamp @ ..] = start;
        let length = u32::from_le_bytes(length);
        if length > MAX_FRAME_BYTES {
            return Err(IvfError::FrameTooLarge { frame, bytes: length });
        }
        // Grows with what is really there, whatever the length claims.
        let mut bytes = Vec::new();
        let read = self.input.by_ref().take(length.into()).read_to_end(&mut bytes).map_err(io_error)?;
        if read < length as usize {
            let (bytes, needed) = (FRAME_HEADER_BYTES + read, FRAME_HEADER_BYTES + length as usize);
            return Err(IvfError::FrameTruncated { frame, bytes, needed });
        }
        self.next_frame += 1;
        Ok(Some(IvfFrame { timestamp: u64::from_le_bytes(timestamp), bytes }))
    }
}

/// The frames, until the end or the first error.
impl<R: Read> Iterator for IvfReader<R> {
    type Item = Result<IvfFrame, IvfError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let item = self.read_frame().transpose();
        self.ended = !matches!(item, Some(Ok(_)));
        item
    }
}

/// Writes VP8 frames as IVF.
#[derive(Debug)]
pub struct IvfWriter<W> {
    output: W,
    frames: u32,
}

impl<W: Write> IvfWriter<W> {
    /// Writes the file's header, claiming 0 frames until [`IvfWriter::finish`] knows better.
    pub fn new(mut output: W, size: Size, rate: FrameRate) -> io::Result<Self> {
        let mut header = Vec::with_capacity(HEADER_BYTES);
        header.extend(MAGIC);
        header.extend(0_u16.to_le_bytes());
        header.extend((HEADER_BYTES as u16).to_le_bytes());
        header.extend(VP8);
        header.extend((size.width() as u16).to_le_bytes());
        header.extend((size.height() as u16).to_le_bytes());
        header.extend(rate.frames.get().to_le_bytes());
        header.extend(rate.seconds.get().to_le_bytes());
        header.extend([0; 8]);
        output.write_all(&header)?;
        Ok(Self { output, frames: 0 })
    }

    /// Writes one frame, shown at `timestamp` ticks of the header's rate.
    pub fn write_frame(&mut self, frame: &[u8], timestamp: u64) -> io::Result<()> {
        let length = u32::try_from(frame.len()).ok().filter(|&length| length <= MAX_FRAME_BYTES).ok_or_else(|| {
            let reason = format!("a frame of {} bytes is over IVF's limit of {MAX_FRAME_BYTES} here", frame.len());
            io::Error::new(io::ErrorKind::InvalidInput, reason)
        })?;
        self.output.write_all(&length.to_le_bytes())?;
        self.output.write_all(&timestamp.to_le_bytes())?;
        self.output.write_all(frame)?;
        self.frames = self.frames.saturating_add(1);
        Ok(())
    }
}

impl<W: Write + Seek> IvfWriter<W> {
    /// Writes the number of frames into the header and gives the output back, flushed and at its end.
    pub fn finish(mut self) -> io::Result<W> {
        self.output.seek(SeekFrom::Start(FRAMES_OFFSET))?;
        self.output.write_all(&self.frames.to_le_bytes())?;
        self.output.seek(SeekFrom::End(0))?;
        self.output.flush()?;
        Ok(self.output)
    }
}

fn read_header(input: &mut impl Read) -> Result<IvfHeader, IvfError> {
    let io_error = |source| IvfError::Io { frame: None, source };
    let mut bytes = [0; HEADER_BYTES];
    let read = fill(input, &mut bytes).map_err(io_error)?;
    if read == 0 {
        return Err(IvfError::Empty);
    }
    if !bytes.starts_with(MAGIC) {
        return Err(IvfError::NotIvf { found: shown(&bytes[..read]) });
    }
    if read < HEADER_BYTES {
        return Err(IvfError::HeaderTruncated { bytes: read });
    }
    let u16_at = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
    let u32_at = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let (version, header_bytes) = (u16_at(4), u16_at(6));
    if version != 0 || !(HEADER_BYTES as u16..=MAX_HEADER_BYTES).contains(&header_bytes) {
        return Err(IvfError::HeaderUnknown { version, header_bytes });
    }
    if &bytes[8..12] != VP8 {
        return Err(IvfError::Codec { codec: shown(&bytes[8..12]) });
    }
    let mut rest = vec![0; usize::from(header_bytes) - HEADER_BYTES];
    let read = fill(input, &mut rest).map_err(io_error)?;
    if read < rest.len() {
        return Err(IvfError::HeaderTruncated { bytes: HEADER_BYTES + read });
    }
    let rate = FrameRate::new(u32_at(16), u32_at(20));
    Ok(IvfHeader { width: u16_at(12), height: u16_at(14), rate, frames: u32_at(FRAMES_OFFSET as usize) })
}

const MAGIC: &[u8; 4] = b"DKIF";
const VP8: &[u8; 4] = b"VP80";
const HEADER_BYTES: usize = 32;
const FRAMES_OFFSET: u64 = 24;
const FRAME_HEADER_BYTES: usize = 12;

/// The header says its own length, so that it may grow; every writer known says 32.
pub const MAX_HEADER_BYTES: u16 = 1024;

/// 16 MiB: more than the largest picture takes uncompressed ([`Size::MAX_PIXELS`] x 1.5 bytes).
pub const MAX_FRAME_BYTES: u32 = 1 << 24;

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn file(frames: &[(&[u8], u64)]) -> Vec<u8> {
        let (size, rate) = (Size::new(176, 144).unwrap(), FrameRate::new(30, 1).unwrap());
        let mut writer = IvfWriter::new(Cursor::new(Vec::new()), size, rate).unwrap();
        for (bytes, timestamp) in frames {
            writer.write_frame(bytes, *timestamp).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn error(bytes: &[u8]) -> IvfError {
        let reader = match IvfReader::new(bytes) {
            Ok(reader) => reader,
            Err(error) => return error,
        };
        reader.filter_map(Result::err).next().expect("an error")
    }

    #[test]
    fn what_is_written_is_read_back() {
        let bytes = file(&[(b"key", 0), (b"", 1), (b"inter", u64::MAX)]);
        let reader = IvfReader::new(&bytes[..]).unwrap();
        let rate = FrameRate::new(30, 1);
        assert_eq!(reader.header(), IvfHeader { width: 176, height: 144, rate, frames: 3 });
        let frames: Vec<IvfFrame> = reader.map(Result::unwrap).collect();
        let frame = |bytes: &[u8], timestamp| IvfFrame { timestamp, bytes: bytes.to_vec() };
        assert_eq!(frames, [frame(b"key", 0), frame(b"", 1), frame(b"inter", u64::MAX)]);
    }

    #[test]
    fn the_end_of_the_file_decides_not_the_claimed_count() {
        for claim in [0, 1, 1000_u32] {
            let mut bytes = file(&[(b"a", 0), (b"b", 1)]);
            bytes[24..28].copy_from_slice(&claim.to_le_bytes());
            assert_eq!(IvfReader::new(&bytes[..]).unwrap().map(Result::unwrap).count(), 2);
        }
    }

    #[test]
    fn a_longer_header_is_passed_over() {
        let mut bytes = file(&[(b"a", 7)]);
        bytes[6] = 34;
        bytes.splice(32..32, *b"xx");
        assert_eq!(IvfReader::new(&bytes[..]).unwrap().read_frame().unwrap().unwrap().timestamp, 7);
    }

    #[test]
    fn every_cut_is_an_error_that_names_the_frame_or_a_clean_end() {
        let bytes = file(&[(b"key", 0), (b"inter", 1)]);
        assert!(matches!(error(b""), IvfError::Empty));
        assert!(matches!(error(&bytes[..2]), IvfError::NotIvf { .. }));
        for cut in 4..32 {
            assert!(matches!(error(&bytes[..cut]), IvfError::HeaderTruncated { bytes } if bytes == cut));
        }
        for cut in (33..47).chain(48..64) {
            let number = u64::from(cut > 47);
            assert!(matches!(error(&bytes[..cut]), IvfError::FrameTruncated { frame, .. } if frame == number), "{cut}");
        }
        assert_eq!(error(&bytes[..60]).to_string(), "frame 1 is cut off: 13 of 17 bytes");
        assert_eq!(IvfReader::new(&bytes[..47]).unwrap().count(), 1);
    }

    #[test]
    fn a_frame_that_states_too_much_is_refused_before_it_is_read() {
        let mut bytes = file(&[(b"a", 0)]);
        bytes[32..36].copy_from_slice(&(MAX_FRAME_BYTES + 1).to_le_bytes());
        assert!(matches!(error(&bytes), IvfError::FrameTooLarge { frame: 0, .. }));
        bytes[32..36].copy_from_slice(&MAX_FRAME_BYTES.to_le_bytes());
        assert!(matches!(error(&bytes), IvfError::FrameTruncated { frame: 0, bytes: 13, .. }));
    }

    #[test]
    fn other_files_are_named() {
        assert!(matches!(error(b"YUV4MPEG2 W2 H2\n"), IvfError::NotIvf { .. }));
        let mut bytes = file(&[]);
        bytes[8..12].copy_from_slice(b"VP90");
        assert_eq!(error(&bytes).to_string(), "the IVF file holds \"VP90\", not VP8 (\"VP80\")");
        for (at, value) in [(4, 1), (6, 31), (7, 255)] {
            let mut bytes = file(&[]);
            bytes[at] = value;
            assert!(matches!(error(&bytes), IvfError::HeaderUnknown { .. }));
        }
    }
}
