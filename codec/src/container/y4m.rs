//! YUV4MPEG2 ("y4m"): uncompressed pictures as one text line, then for each frame a text line and its planes
//! (the format of the mjpegtools, yuv4mpeg(5)).
//!
//! Only 8-bit 4:2:0 is taken, in whatever siting of chroma: VP8 has no way to say where chroma sits.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};

use super::{FrameRate, fill, shown};
use crate::picture::PictureBuffer;
use crate::{Image, Raster, Size, SizeError};

/// Reads pictures one after another from y4m bytes.
///
/// It buffers the small reads itself and takes pictures straight from `R`, so a plain file needs no buffering.
#[derive(Debug)]
pub struct Y4mReader<R> {
    input: BufReader<R>,
    size: Size,
    rate: Option<FrameRate>,
    next_frame: u64,
    /// The iterator has ended: what follows an error is not to be trusted.
    ended: bool,
}

/// Why y4m bytes hold no (further) picture. Frames count from 0.
#[derive(Debug)]
#[non_exhaustive]
pub enum Y4mError {
    /// There is not one byte.
    Empty,
    /// The first bytes are not `YUV4MPEG2 `.
    NotY4m {
        /// What stands there, escaped.
        found: String,
    },
    /// The header ends before its line does.
    HeaderTruncated,
    /// No line end within [`MAX_LINE_BYTES`].
    HeaderTooLong,
    /// The header says nothing about the width (`W`) or the height (`H`).
    SizeMissing,
    /// A parameter of the header is not the number it should be.
    BadParameter {
        /// The parameter with its tag, escaped.
        parameter: String,
    },
    /// Width and height are not the size of a picture.
    Size(SizeError),
    /// The pictures are not 8-bit 4:2:0.
    Chroma {
        /// The value of the `C` tag, escaped.
        tag: String,
    },
    /// A picture should begin here, but the line is not `FRAME`, or is longer than [`MAX_LINE_BYTES`].
    BadFrameLine {
        /// The picture's number.
        frame: u64,
        /// What stands there, escaped.
        found: String,
    },
    /// The bytes end inside a picture.
    FrameTruncated {
        /// The picture's number.
        frame: u64,
        /// Bytes of it that are there.
        bytes: usize,
        /// Bytes it takes.
        needed: usize,
    },
    /// Reading failed.
    Io {
        /// The picture that was being read; `None` in the header.
        frame: Option<u64>,
        /// How it failed.
        source: io::Error,
    },
}

impl fmt::Display for Y4mError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "empty: no y4m header"),
            Self::NotY4m { found } => write!(f, "not y4m: begins with \"{found}\" instead of \"YUV4MPEG2 \""),
            Self::HeaderTruncated => write!(f, "the y4m header is cut off before the end of its line"),
            Self::HeaderTooLong => write!(f, "the y4m header has no line end within {MAX_LINE_BYTES} bytes"),
            Self::SizeMissing => write!(f, "the y4m header states no width (W) or no height (H)"),
            Self::BadParameter { parameter } => write!(f, "the y4m header's \"{parameter}\" is no valid number"),
            Self::Size(error) => write!(f, "y4m header: {error}"),
            Self::Chroma { tag } => write!(f, "y4m chroma \"C{tag}\" is not supported: only 8-bit 4:2:0 (C420) is"),
            Self::BadFrameLine { frame, found } => {
                write!(f, "frame {frame}: \"{found}\" stands where its FRAME line should")
            }
            Self::FrameTruncated { frame, bytes, needed } => {
                write!(f, "frame {frame} is cut off: {bytes} of {needed} bytes")
            }
            Self::Io { frame: Some(frame), source } => write!(f, "frame {frame}: {source}"),
            Self::Io { frame: None, source } => write!(f, "y4m header: {source}"),
        }
    }
}

impl std::error::Error for Y4mError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Size(error) => Some(error),
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl<R: Read> Y4mReader<R> {
    /// Reads the header. Tags it does not know (`X…`, interlacing, sample aspect) are passed over.
    pub fn new(input: R) -> Result<Self, Y4mError> {
        let mut input = BufReader::new(input);
        let line = header_line(&mut input)?;
        let Header { size, rate } = parse_header(&line)?;
        Ok(Self { input, size, rate, next_frame: 0, ended: false })
    }

    /// The size of every picture.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Pictures per second; `None` where the header leaves it out or says 0:0 (unknown).
    pub fn frame_rate(&self) -> Option<FrameRate> {
        self.rate
    }

    /// The next picture; `None` at a clean end.
    pub fn read_frame(&mut self) -> Result<Option<Image>, Y4mError> {
        if !self.begin_frame()? {
            return Ok(None);
        }
        let (frame, needed) = (self.next_frame, self.size.i420_bytes());
        let io_error = |source| Y4mError::Io { frame: Some(frame), source };
        let mut i420 = Vec::with_capacity(needed);
        let bytes = self.input.by_ref().take(needed as u64).read_to_end(&mut i420).map_err(io_error)?;
        let Ok(image) = Image::from_i420(self.size, i420) else {
            return Err(Y4mError::FrameTruncated { frame, bytes, needed });
        };
        self.next_frame += 1;
        Ok(Some(image))
    }

    /// The same straight to where an encoder wants it.
    pub fn read_raster(&mut self) -> Result<Option<Raster>, Y4mError> {
        if !self.begin_frame()? {
            return Ok(None);
        }
        let (frame, needed, mut bytes) = (self.next_frame, self.size.i420_bytes(), 0);
        let picture = PictureBuffer::from_rows(self.size, |row| {
            let read = fill(&mut self.input, row).map_err(|source| Y4mError::Io { frame: Some(frame), source })?;
            bytes += read;
            if read == row.len() { Ok(()) } else { Err(Y4mError::FrameTruncated { frame, bytes, needed }) }
        });
        self.next_frame += 1;
        Ok(Some(Raster(picture?)))
    }

    /// Reads the line before a picture; false at a clean end.
    fn begin_frame(&mut self) -> Result<bool, Y4mError> {
        let frame = self.next_frame;
        let mut line = Vec::new();
        let end = read_line(&mut self.input, FRAME_MAGIC, &mut line);
        match end.map_err(|source| Y4mError::Io { frame: Some(frame), source })? {
            LineEnd::NoBytes => Ok(false),
            LineEnd::Newline if line == FRAME_MAGIC || line.starts_with(b"FRAME ") => Ok(true),
            _ => Err(Y4mError::BadFrameLine { frame, found: shown(&line) }),
        }
    }
}

/// The pictures, until the end or the first error.
impl<R: Read> Iterator for Y4mReader<R> {
    type Item = Result<Image, Y4mError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let item = self.read_frame().transpose();
        self.ended = !matches!(item, Some(Ok(_)));
        item
    }
}

/// Writes pictures as y4m.
#[derive(Debug)]
pub struct Y4mWriter<W> {
    output: W,
    size: Size,
}

/// Why a picture was not written as y4m.
#[derive(Debug)]
#[non_exhaustive]
pub enum Y4mWriteError {
    /// y4m states one size for all pictures.
    Size {
        /// The size of the picture.
        picture: Size,
        /// The size in the header.
        header: Size,
    },
    /// Writing failed.
    Io(io::Error),
}

impl fmt::Display for Y4mWriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size { picture, header } => {
                write!(f, "a {picture} picture does not fit a y4m file of {header} pictures")
            }
            Self::Io(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for Y4mWriteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Size { .. } => None,
            Self::Io(error) => Some(error),
        }
    }
}

impl From<io::Error> for Y4mWriteError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl<W: Write> Y4mWriter<W> {
    /// Writes the header: progressive pictures with square samples.
    pub fn new(mut output: W, size: Size, rate: FrameRate) -> io::Result<Self> {
        let (width, height, frames, seconds) = (size.width(), size.height(), rate.frames, rate.seconds);
        writeln!(output, "YUV4MPEG2 W{width} H{height} F{frames}:{seconds} Ip A1:1 C420jpeg")?;
        Ok(Self { output, size })
    }

    /// Writes one picture, which must be of the header's size.
    pub fn write_frame(&mut self, image: &Image) -> Result<(), Y4mWriteError> {
        if image.size() != self.size {
            return Err(Y4mWriteError::Size { picture: image.size(), header: self.size });
        }
        self.output.write_all(b"FRAME\n")?;
        self.output.write_all(image.i420())?;
        Ok(())
    }

    /// Flushes and gives the output back.
    pub fn finish(mut self) -> io::Result<W> {
        self.output.flush()?;
        Ok(self.output)
    }
}

struct Header {
    size: Size,
    rate: Option<FrameRate>,
}

fn header_line(input: &mut impl BufRead) -> Result<Vec<u8>, Y4mError> {
    let mut line = Vec::new();
    let end = read_line(input, MAGIC, &mut line).map_err(|source| Y4mError::Io { frame: None, source })?;
    match end {
        LineEnd::NoBytes => Err(Y4mError::Empty),
        _ if !line.starts_with(MAGIC) => Err(Y4mError::NotY4m { found: shown(&line) }),
        LineEnd::Newline => Ok(line),
        LineEnd::Input => Err(Y4mError::HeaderTruncated),
        LineEnd::Limit => Err(Y4mError::HeaderTooLong),
        LineEnd::Mismatch => Err(Y4mError::NotY4m { found: shown(&line) }),
    }
}

fn parse_header(line: &[u8]) -> Result<Header, Y4mError> {
    let (mut width, mut height, mut rate) = (None, None, None);
    for parameter in line[MAGIC.len()..].split(|&byte| byte == b' ') {
        let Some((&tag, value)) = parameter.split_first() else { continue };
        let bad = || Y4mError::BadParameter { parameter: shown(parameter) };
        match tag {
            b'W' => width = Some(number(value).ok_or_else(bad)?),
            b'H' => height = Some(number(value).ok_or_else(bad)?),
            b'F' => {
                let (frames, seconds) = ratio(value).ok_or_else(bad)?;
                rate = FrameRate::new(frames, seconds);
                if rate.is_none() && (frames, seconds) != (0, 0) {
                    return Err(bad());
                }
            }
            b'C' if !CHROMA_420.contains(&value) => return Err(Y4mError::Chroma { tag: shown(value) }),
            _ => {}
        }
    }
    let (Some(width), Some(height)) = (width, height) else { return Err(Y4mError::SizeMissing) };
    Ok(Header { size: Size::new(width, height).map_err(Y4mError::Size)?, rate })
}

/// Decimal digits and nothing else (no sign, no space).
fn number(digits: &[u8]) -> Option<u32> {
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    str::from_utf8(digits).ok()?.parse().ok()
}

fn ratio(value: &[u8]) -> Option<(u32, u32)> {
    let colon = value.iter().position(|&byte| byte == b':')?;
    Some((number(&value[..colon])?, number(&value[colon + 1..])?))
}

enum LineEnd {
    Newline,
    /// The input ended before the line began.
    NoBytes,
    /// The input ended inside the line.
    Input,
    Limit,
    /// The line does not begin with its magic; reading stopped there.
    Mismatch,
}

/// Reads a line that should begin with `magic`, without its newline, at most [`MAX_LINE_BYTES`] of it.
fn read_line(input: &mut impl BufRead, magic: &[u8], line: &mut Vec<u8>) -> io::Result<LineEnd> {
    // The magic by itself, so that an error about something else shows the start of it and no more.
    input.by_ref().take(magic.len() as u64).read_to_end(line)?;
    match line.len() {
        0 => return Ok(LineEnd::NoBytes),
        read if read < magic.len() => return Ok(LineEnd::Input),
        _ if line != magic => return Ok(LineEnd::Mismatch),
        _ => {}
    }
    let limit = MAX_LINE_BYTES - magic.len() + 1; // and its newline
    let read = input.by_ref().take(limit as u64).read_until(b'\n', line)?;
    if line.last() == Some(&b'\n') {
        line.pop();
        return Ok(LineEnd::Newline);
    }
    Ok(if read == limit { LineEnd::Limit } else { LineEnd::Input })
}

const MAGIC: &[u8] = b"YUV4MPEG2 ";
const FRAME_MAGIC: &[u8] = b"FRAME";

/// Values of the `C` tag that mean 8-bit 4:2:0; they differ only in where chroma sits, which VP8 cannot say.
/// Without the tag a file is 4:2:0 too (yuv4mpeg(5)).
const CHROMA_420: [&[u8]; 4] = [b"420", b"420jpeg", b"420mpeg2", b"420paldv"];

/// Headers seen in the wild stay under 150 bytes; X tags may carry comments. Past this it is not y4m, or hostile.
pub const MAX_LINE_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn rate() -> FrameRate {
        FrameRate::new(30_000, 1001).unwrap()
    }

    fn error(bytes: &[u8]) -> Y4mError {
        let reader = match Y4mReader::new(bytes) {
            Ok(reader) => reader,
            Err(error) => return error,
        };
        reader.filter_map(Result::err).next().expect("an error")
    }

    #[test]
    fn what_is_written_is_read_back() {
        let size = Size::new(5, 3).unwrap();
        let mut image = Image::black(size);
        let mut writer = Y4mWriter::new(Vec::new(), size, rate()).unwrap();
        writer.write_frame(&image).unwrap();
        for (i, sample) in image.i420_mut().iter_mut().enumerate() {
            *sample = i as u8;
        }
        writer.write_frame(&image).unwrap();
        let bytes = writer.finish().unwrap();

        let reader = Y4mReader::new(&bytes[..]).unwrap();
        assert_eq!((reader.size(), reader.frame_rate()), (size, Some(rate())));
        let images: Vec<Image> = reader.map(Result::unwrap).collect();
        assert_eq!(images, [Image::black(size), image]);

        let mut reader = Y4mReader::new(&bytes[..bytes.len() - 1]).unwrap();
        let raster = reader.read_raster().unwrap().unwrap();
        assert_eq!(raster.0.freeze().id(), Raster::from(&images[0]).0.freeze().id());
        let cut = reader.read_raster().unwrap_err().to_string();
        assert_eq!(cut, "frame 1 is cut off: 26 of 27 bytes");
    }

    #[test]
    fn every_name_of_420_is_taken_and_x_tags_are_passed_over() {
        for chroma in ["", " C420", " C420jpeg", " C420mpeg2", " C420paldv"] {
            let header = format!("YUV4MPEG2 W2 H2 F25:1 Ip A0:0{chroma} XYSCSS=420MPEG2 XCOLORRANGE=LIMITED\n");
            let bytes = [header.as_bytes(), b"FRAME Ip Xwhatever\nabcdef"].concat();
            let image = Y4mReader::new(&bytes[..]).unwrap().read_frame().unwrap().unwrap();
            assert_eq!(image.i420(), b"abcdef");
        }
    }

    #[test]
    fn an_unknown_rate_is_none() {
        for header in ["YUV4MPEG2 W2 H2\n", "YUV4MPEG2 W2 H2 F0:0\n"] {
            assert_eq!(Y4mReader::new(header.as_bytes()).unwrap().frame_rate(), None);
        }
    }

    #[test]
    fn other_chroma_is_named() {
        for tag in ["422", "444", "mono", "420p10", "411"] {
            let error = error(format!("YUV4MPEG2 W2 H2 C{tag}\n").as_bytes());
            assert!(error.to_string().contains(&format!("C{tag}")), "{error}");
        }
    }

    #[test]
    fn an_empty_file_says_so() {
        assert!(matches!(error(b""), Y4mError::Empty));
    }

    #[test]
    fn another_kind_of_file_is_shown() {
        let other = error(b"DKIF\x00\x00\x20\x00VP80 and so on");
        assert!(matches!(&other, Y4mError::NotY4m { found } if found.starts_with(r"DKIF\x00")), "{other}");
        assert!(matches!(error(b"YUV4"), Y4mError::NotY4m { .. }));
    }

    #[test]
    fn a_header_without_an_end_is_refused_at_its_limit() {
        let mut bytes = b"YUV4MPEG2 W2 H2 X".to_vec();
        assert!(matches!(error(&bytes), Y4mError::HeaderTruncated));
        bytes.resize(MAX_LINE_BYTES, b'x');
        let within = [&bytes[..], b"\nFRAME\nabcdef"].concat();
        assert!(Y4mReader::new(&within[..]).is_ok());
        bytes.push(b'x');
        bytes.push(b'\n');
        assert!(matches!(error(&bytes), Y4mError::HeaderTooLong));
    }

    #[test]
    fn sizes_that_are_none_are_refused() {
        assert!(matches!(error(b"YUV4MPEG2 H2\n"), Y4mError::SizeMissing));
        assert!(matches!(error(b"YUV4MPEG2 W0 H0\n"), Y4mError::Size(SizeError::Empty { .. })));
        assert!(matches!(error(b"YUV4MPEG2 W16000 H16000\n"), Y4mError::Size(SizeError::TooLarge { .. })));
        for header in ["W-2 H2", "W99999999999 H2", "Wx H2", "W H2", "W2 H2 F30", "W2 H2 F30:0", "W2 H2 F:"] {
            let error = error(format!("YUV4MPEG2 {header}\n").as_bytes());
            assert!(matches!(error, Y4mError::BadParameter { .. }), "{header}: {error}");
        }
    }

    #[test]
    fn a_cut_off_picture_is_named_by_its_number() {
        let error = error(b"YUV4MPEG2 W2 H2\nFRAME\nabcdefFRAME\nabc");
        assert_eq!(error.to_string(), "frame 1 is cut off: 3 of 6 bytes");
    }

    #[test]
    fn bytes_that_are_no_frame_line_are_shown() {
        for tail in ["FRAMES\nabcdef", "frame\nabcdef", "FRA", "FRAME", "\n"] {
            let bytes = format!("YUV4MPEG2 W2 H2\nFRAME\nabcdef{tail}");
            let error = error(bytes.as_bytes());
            assert!(matches!(error, Y4mError::BadFrameLine { frame: 1, .. }), "{tail:?}: {error}");
        }
        let long = [b"YUV4MPEG2 W2 H2\nFRAME X", &[b'x'; MAX_LINE_BYTES][..], b"\nabcdef"].concat();
        assert!(matches!(error(&long), Y4mError::BadFrameLine { frame: 0, .. }));
    }

    #[test]
    fn nothing_follows_an_error() {
        let bytes = b"YUV4MPEG2 W2 H2\nFRAMX\nFRAME\nabcdef";
        let items: Vec<bool> = Y4mReader::new(&bytes[..]).unwrap().map(|item| item.is_ok()).collect();
        assert_eq!(items, [false]);
    }

    #[test]
    fn a_picture_of_another_size_is_not_written() {
        let mut writer = Y4mWriter::new(Vec::new(), Size::new(4, 4).unwrap(), rate()).unwrap();
        let error = writer.write_frame(&Image::black(Size::new(2, 2).unwrap())).unwrap_err();
        assert_eq!(error.to_string(), "a 2x2 picture does not fit a y4m file of 4x4 pictures");
    }
}
