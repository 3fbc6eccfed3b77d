//! Pictures as cameras give them and screens show them: cropped 4:2:0, one plane after another, no padding.

use std::fmt;

/// Width and height of a picture in luma samples; never empty and never over [`Size::MAX_PIXELS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Size {
    width: u16,
    height: u16,
}

/// Why a width and a height are not the size of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SizeError {
    /// A side is 0.
    Empty {
        /// The width asked for.
        width: u32,
        /// The height asked for.
        height: u32,
    },
    /// More samples than [`Size::MAX_PIXELS`], or a side that VP8's 14 bits cannot say (RFC 6386 §9.1).
    TooLarge {
        /// The width asked for.
        width: u32,
        /// The height asked for.
        height: u32,
    },
}

impl fmt::Display for SizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty { width, height } => write!(f, "a picture of {width}x{height} has no samples"),
            Self::TooLarge { width, height } => write!(
                f,
                "a picture of {width}x{height} is over the limit of {} samples and {} a side",
                Size::MAX_PIXELS,
                Size::MAX_SIDE
            ),
        }
    }
}

impl std::error::Error for SizeError {}

impl Size {
    /// VP8 writes a side in 14 bits (RFC 6386 §9.1).
    pub const MAX_SIDE: u32 = 16_383;

    /// 4K cinema (4096x2304): past it a frame header is a mistake or an attack, and is refused before any memory is taken.
    pub const MAX_PIXELS: u32 = 4096 * 2304;

    /// The size of a picture of `width` by `height` luma samples.
    pub const fn new(width: u32, height: u32) -> Result<Self, SizeError> {
        if width == 0 || height == 0 {
            return Err(SizeError::Empty { width, height });
        }
        if width > Self::MAX_SIDE || height > Self::MAX_SIDE || width * height > Self::MAX_PIXELS {
            return Err(SizeError::TooLarge { width, height });
        }
        Ok(Self { width: width as u16, height: height as u16 })
    }

    /// Luma samples in a row.
    pub const fn width(self) -> usize {
        self.width as usize
    }

    /// Luma rows.
    pub const fn height(self) -> usize {
        self.height as usize
    }

    /// Samples in a row of either chroma plane: half the luma's, rounded up.
    pub const fn chroma_width(self) -> usize {
        self.width().div_ceil(2)
    }

    /// Rows of either chroma plane: half the luma's, rounded up.
    pub const fn chroma_height(self) -> usize {
        self.height().div_ceil(2)
    }

    /// Samples in a row and rows of the planes Y, U and V.
    pub const fn planes(self) -> [(usize, usize); 3] {
        let chroma = (self.chroma_width(), self.chroma_height());
        [(self.width(), self.height()), chroma, chroma]
    }

    /// Bytes of a whole 4:2:0 picture.
    pub const fn i420_bytes(self) -> usize {
        self.width() * self.height() + 2 * self.chroma_width() * self.chroma_height()
    }

    /// Macroblocks in a row: 16 luma samples each, the last one perhaps partly outside the picture.
    pub const fn macroblock_columns(self) -> usize {
        self.width().div_ceil(16)
    }

    /// The size of the first row of macroblocks.
    pub(crate) const fn of_first_row(self) -> Self {
        Self { width: self.width, height: if self.height < 16 { self.height } else { 16 } }
    }

    /// Rows of macroblocks.
    pub const fn macroblock_rows(self) -> usize {
        self.height().div_ceil(16)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

/// A picture in I420: Y, then U, then V, each plane's rows one after another without padding.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    size: Size,
    i420: Vec<u8>,
}

/// Why some bytes are not a picture of the stated size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImageError {
    /// The size stated.
    pub size: Size,
    /// How many bytes there were.
    pub bytes: usize,
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a {} picture takes {} bytes of I420, not {}", self.size, self.size.i420_bytes(), self.bytes)
    }
}

impl std::error::Error for ImageError {}

impl Image {
    /// A black picture (16, 128, 128: limited range).
    pub fn black(size: Size) -> Self {
        let mut i420 = vec![128; size.i420_bytes()];
        i420[..size.width() * size.height()].fill(16);
        Self { size, i420 }
    }

    /// The picture whose planes are `i420`, which must be exactly [`Size::i420_bytes`] long.
    pub fn from_i420(size: Size, i420: Vec<u8>) -> Result<Self, ImageError> {
        if i420.len() == size.i420_bytes() {
            Ok(Self { size, i420 })
        } else {
            Err(ImageError { size, bytes: i420.len() })
        }
    }

    /// Width and height.
    pub fn size(&self) -> Size {
        self.size
    }

    /// All three planes, one after another.
    pub fn i420(&self) -> &[u8] {
        &self.i420
    }

    /// All three planes, to be painted on.
    pub fn i420_mut(&mut self) -> &mut [u8] {
        &mut self.i420
    }

    /// The planes Y, U and V; their sides are [`Size::planes`].
    pub fn planes(&self) -> [&[u8]; 3] {
        let (y, chroma) = self.i420.split_at(self.size.width() * self.size.height());
        let (u, v) = chroma.split_at(self.size.chroma_width() * self.size.chroma_height());
        [y, u, v]
    }

    /// The planes Y, U and V, to be painted on.
    pub fn planes_mut(&mut self) -> [&mut [u8]; 3] {
        let (y, chroma) = self.i420.split_at_mut(self.size.width() * self.size.height());
        let (u, v) = chroma.split_at_mut(self.size.chroma_width() * self.size.chroma_height());
        [y, u, v]
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Image({})", self.size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_odd_size_rounds_chroma_up() {
        let size = Size::new(175, 143).unwrap();
        assert_eq!(size.i420_bytes(), 175 * 143 + 2 * 88 * 72);
        assert_eq!((size.macroblock_columns(), size.macroblock_rows()), (11, 9));
        assert_eq!(size.planes(), [(175, 143), (88, 72), (88, 72)]);
        assert_eq!(Image::black(size).planes().map(<[u8]>::len), [175 * 143, 88 * 72, 88 * 72]);
    }

    #[test]
    fn an_empty_or_huge_size_is_refused() {
        assert_eq!(Size::new(0, 4), Err(SizeError::Empty { width: 0, height: 4 }));
        assert!(matches!(Size::new(16_383, 16_383), Err(SizeError::TooLarge { .. })));
        assert!(matches!(Size::new(16_384, 1), Err(SizeError::TooLarge { .. })));
        assert!(Size::new(4096, 2304).is_ok());
    }

    #[test]
    fn bytes_of_the_wrong_length_are_no_picture() {
        let size = Size::new(2, 2).unwrap();
        assert_eq!(Image::from_i420(size, vec![0; 5]), Err(ImageError { size, bytes: 5 }));
    }
}
