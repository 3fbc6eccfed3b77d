//! A camera's bytes as a picture: YUYV, NV12 and YU12 by rows, JPEG through [`jpeg`](super::jpeg). Bytes of a device are
//! not to be trusted: too few of them are an error, never a panic.

use std::fmt;

use oyster_codec::{Image, Size};

use super::jpeg;
use super::mode::PixelFormat;

/// How a picture lies in a device's buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) format: PixelFormat,
    pub(super) size: Size,
    /// Bytes from one row of (the first plane of) the picture to the next.
    pub(super) stride: usize,
    /// Whether levels go from 0 to 255 and not, as in video, from 16 to 235 (240 for chroma).
    pub(super) is_full_range: bool,
}

/// Why a buffer holds no picture.
#[derive(Debug)]
#[non_exhaustive]
pub(super) enum LayoutError {
    /// Fewer bytes than a picture takes.
    Short { bytes: usize, needed: usize },
    /// Rows that overlap.
    Stride { stride: usize, needed: usize },
    /// No JPEG, or a damaged one.
    Jpeg(String),
}

impl fmt::Display for LayoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short { bytes, needed } => write!(f, "a picture of {bytes} bytes where it takes {needed}"),
            Self::Stride { stride, needed } => write!(f, "rows of {stride} bytes where they take {needed}"),
            Self::Jpeg(reason) => write!(f, "a picture that is no JPEG: {reason}"),
        }
    }
}

impl Layout {
    /// The picture in `bytes`, in the levels of video.
    pub(super) fn image(&self, bytes: &[u8]) -> Result<Image, LayoutError> {
        let mut image = match self.format {
            PixelFormat::Yuyv => self.packed(bytes)?,
            PixelFormat::Nv12 | PixelFormat::Yu12 => self.planar(bytes)?,
            // A JPEG is of full range whatever the driver says (JFIF).
            PixelFormat::Mjpeg => return jpeg::image(bytes).map_err(LayoutError::Jpeg),
        };
        if self.is_full_range {
            limit_range(&mut image);
        }
        Ok(image)
    }

    fn packed(&self, bytes: &[u8]) -> Result<Image, LayoutError> {
        let (width, chroma_width) = (self.size.width(), self.size.chroma_width());
        let rows = self.rows(bytes, 4 * chroma_width, self.size.height(), self.stride, 0)?;
        let mut image = Image::black(self.size);
        let [y_plane, u_plane, v_plane] = image.planes_mut();
        for ((number, row), luma) in rows.enumerate().zip(y_plane.chunks_exact_mut(width)) {
            luma.iter_mut().zip(row.chunks_exact(2)).for_each(|(y, pair)| *y = pair[0]);
            let start = number / 2 * chroma_width;
            let chroma = u_plane[start..].iter_mut().zip(&mut v_plane[start..]).zip(row.chunks_exact(4));
            // Two rows share their chroma; a last one without a partner has its own.
            if number % 2 == 0 {
                chroma.for_each(|((u, v), quad)| (*u, *v) = (quad[1], quad[3]));
            } else {
                chroma.for_each(|((u, v), quad)| (*u, *v) = (mean(*u, quad[1]), mean(*v, quad[3])));
            }
        }
        Ok(image)
    }

    fn planar(&self, bytes: &[u8]) -> Result<Image, LayoutError> {
        let [(width, height), (chroma_width, chroma_height), _] = self.size.planes();
        let mut image = Image::black(self.size);
        let [y_plane, u_plane, v_plane] = image.planes_mut();
        let luma = self.rows(bytes, width, height, self.stride, 0)?;
        y_plane.chunks_exact_mut(width).zip(luma).for_each(|(to, from)| to.copy_from_slice(from));
        let chroma = self.stride * height;
        if self.format == PixelFormat::Nv12 {
            let pairs = self.rows(bytes, 2 * chroma_width, chroma_height, self.stride, chroma)?;
            let to = u_plane.chunks_exact_mut(chroma_width).zip(v_plane.chunks_exact_mut(chroma_width));
            for ((u_row, v_row), row) in to.zip(pairs) {
                for ((u, v), pair) in u_row.iter_mut().zip(v_row).zip(row.chunks_exact(2)) {
                    (*u, *v) = (pair[0], pair[1]);
                }
            }
        } else {
            let stride = self.stride.div_ceil(2);
            for (plane, start) in [(u_plane, chroma), (v_plane, chroma + stride * chroma_height)] {
                let rows = self.rows(bytes, chroma_width, chroma_height, stride, start)?;
                plane.chunks_exact_mut(chroma_width).zip(rows).for_each(|(to, from)| to.copy_from_slice(from));
            }
        }
        Ok(image)
    }

    /// `count` rows of `row_bytes` from `start` on, if they are all there.
    fn rows<'a>(
        &self,
        bytes: &'a [u8],
        row_bytes: usize,
        count: usize,
        stride: usize,
        start: usize,
    ) -> Result<impl Iterator<Item = &'a [u8]>, LayoutError> {
        if stride < row_bytes {
            return Err(LayoutError::Stride { stride, needed: row_bytes });
        }
        let needed = start.saturating_add(stride.saturating_mul(count - 1)).saturating_add(row_bytes);
        if bytes.len() < needed {
            return Err(LayoutError::Short { bytes: bytes.len(), needed });
        }
        Ok((0..count).map(move |row| &bytes[start + row * stride..][..row_bytes]))
    }
}

fn mean(a: u8, b: u8) -> u8 {
    (u16::from(a) + u16::from(b)).div_ceil(2) as u8
}

/// Levels of 0 to 255 as video has them (BT.601: luma 16 to 235, chroma 16 to 240).
fn limit_range(image: &mut Image) {
    let [luma, u, v] = image.planes_mut();
    luma.iter_mut().for_each(|level| *level = limited_luma(u16::from(*level)));
    for plane in [u, v] {
        plane.iter_mut().for_each(|level| *level = limited_chroma(u16::from(*level)));
    }
}

/// A luma of 0 to 255 as one of 16 to 235.
pub(super) fn limited_luma(level: u16) -> u8 {
    // Never over 235, as the level is a byte.
    (16 + (u32::from(level) * 219 + 127) / 255) as u8
}

/// A chroma of 0 to 255 as one of 16 to 240; 128 stays.
pub(super) fn limited_chroma(level: u16) -> u8 {
    (16 + (u32::from(level) * 224 + 112) / 256) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A picture of odd sides in which every sample has a level of its own as far as a byte goes.
    fn picture(width: u32, height: u32) -> Image {
        let mut image = Image::black(Size::new(width, height).unwrap());
        for (plane, first) in image.planes_mut().into_iter().zip([16, 80, 150]) {
            plane.iter_mut().enumerate().for_each(|(index, level)| *level = first + (index % 60) as u8);
        }
        image
    }

    /// The same picture as a device would lay it out.
    fn laid_out(image: &Image, format: PixelFormat, padding: usize) -> (Layout, Vec<u8>) {
        let size = image.size();
        let (planes, sides) = (image.planes(), size.planes());
        let [y, u, v] = [0, 1, 2].map(|i| planes[i].chunks(sides[i].0).map(<[u8]>::to_vec).collect::<Vec<_>>());
        let padded = |mut row: Vec<u8>, stride: usize| {
            row.resize(stride, 0xee);
            row
        };
        let even = 2 * size.chroma_width();
        let stride = padding + if format == PixelFormat::Yuyv { 2 * even } else { even };
        let bytes: Vec<u8> = match format {
            PixelFormat::Yuyv => (y.iter().enumerate())
                .flat_map(|(row, luma)| {
                    let last = luma[luma.len() - 1];
                    let luma: Vec<u8> = luma.iter().copied().chain([last]).collect();
                    let of_pair =
                        |pair: usize| [luma[2 * pair], u[row / 2][pair], luma[2 * pair + 1], v[row / 2][pair]];
                    padded((0..size.chroma_width()).flat_map(of_pair).collect(), stride)
                })
                .collect(),
            PixelFormat::Nv12 => {
                let pairs = u.iter().zip(&v).map(|(u, v)| u.iter().zip(v).flat_map(|(u, v)| [*u, *v]).collect());
                y.clone().into_iter().chain(pairs).flat_map(|row| padded(row, stride)).collect()
            }
            _ => {
                let chroma = u.iter().chain(&v).flat_map(|row| padded(row.clone(), stride.div_ceil(2)));
                y.iter().flat_map(|row| padded(row.clone(), stride)).chain(chroma).collect()
            }
        };
        (Layout { format, size, stride, is_full_range: false }, bytes)
    }

    const RAW: [PixelFormat; 3] = [PixelFormat::Yuyv, PixelFormat::Nv12, PixelFormat::Yu12];

    #[test]
    fn every_raw_format_gives_the_same_picture_whatever_its_padding() {
        for (width, height) in [(64, 36), (34, 17), (33, 17), (2, 2), (2, 1), (1, 1)] {
            let image = picture(width, height);
            for format in RAW {
                for padding in [0, 2, 30] {
                    let (layout, bytes) = laid_out(&image, format, padding);
                    let read = layout.image(&bytes).unwrap();
                    assert!(read == image, "{format} {width}x{height} and {padding} bytes of padding");
                }
            }
        }
    }

    #[test]
    fn the_last_row_may_lack_its_padding() {
        let (layout, mut bytes) = laid_out(&picture(32, 18), PixelFormat::Yuyv, 10);
        bytes.truncate(bytes.len() - 10);
        assert!(layout.image(&bytes).unwrap() == picture(32, 18));
    }

    #[test]
    fn a_buffer_one_byte_short_is_refused() {
        for format in RAW {
            let (layout, bytes) = laid_out(&picture(32, 18), format, 0);
            let error = layout.image(&bytes[..bytes.len() - 1]).unwrap_err();
            assert!(matches!(error, LayoutError::Short { needed, .. } if needed == bytes.len()), "{format}: {error}");
        }
    }

    #[test]
    fn full_range_becomes_the_range_of_video() {
        let size = Size::new(2, 2).unwrap();
        let layout = Layout { format: PixelFormat::Yu12, size, stride: 2, is_full_range: true };
        let image = layout.image(&[0, 255, 128, 1, 128, 255]).unwrap();
        assert_eq!(image.i420(), [16, 235, 126, 17, 128, 239]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_picture_or_an_error(
            bytes in proptest::collection::vec(any::<u8>(), 0..3000), format in 0usize..4, stride in 0usize..200,
            width in 1u32..60, height in 1u32..30
        ) {
            let size = Size::new(width, height).unwrap();
            let layout = Layout { format: PixelFormat::ALL[format], size, stride, is_full_range: true };
            if let Ok(image) = layout.image(&bytes) {
                prop_assert!(image.size() == size);
            }
        }
    }
}
