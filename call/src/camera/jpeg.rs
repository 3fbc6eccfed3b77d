//! A webcam's JPEG (MJPEG) as a picture in 4:2:0 and the levels of video.

use std::borrow::Cow;

use oyster_codec::{Image, Size};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::layout::{limited_chroma, limited_luma};

/// The picture, or what is wrong with its bytes.
pub(super) fn image(bytes: &[u8]) -> Result<Image, String> {
    let side = Size::MAX_SIDE as usize;
    let options = DecoderOptions::default().set_max_width(side).set_max_height(side);
    let bytes = with_tables(bytes);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(&bytes[..]), options);
    decoder.decode_headers().map_err(|error| error.to_string())?;
    let (width, height) = decoder.dimensions().ok_or("it says no size")?;
    let size = Size::new(width as u32, height as u32).map_err(|error| error.to_string())?;
    let is_grey = decoder.input_colorspace() == Some(ColorSpace::Luma);
    let colours = if is_grey { ColorSpace::Luma } else { ColorSpace::YCbCr };
    decoder.set_options(options.jpeg_set_out_colorspace(colours));
    let pixels = decoder.decode().map_err(|error| error.to_string())?;
    let channels = if is_grey { 1 } else { 3 };
    if pixels.len() != channels * width * height {
        return Err(format!("{} samples for a picture of {size}", pixels.len()));
    }
    let mut image = Image::black(size);
    let [y, u, v] = image.planes_mut();
    y.iter_mut().zip(pixels.chunks_exact(channels)).for_each(|(y, pixel)| *y = limited_luma(pixel[0].into()));
    if !is_grey {
        let chroma_width = size.chroma_width();
        let to = u.chunks_exact_mut(chroma_width).zip(v.chunks_exact_mut(chroma_width));
        for ((u, v), rows) in to.zip(pixels.chunks(2 * 3 * width)) {
            // At an odd lower edge a chroma sample covers one row, at an odd right edge one column.
            let (upper, lower) = rows.split_at(3 * width);
            let lower = if lower.is_empty() { upper } else { lower };
            let pairs = upper.chunks(6).zip(lower.chunks(6));
            for ((u, v), (above, below)) in u.iter_mut().zip(v).zip(pairs) {
                let right = above.len() - 3;
                let mean = |channel: usize| {
                    let sum = [above, below].map(|row| u16::from(row[channel]) + u16::from(row[right + channel]));
                    (sum[0] + sum[1] + 2) / 4
                };
                (*u, *v) = (limited_chroma(mean(1)), limited_chroma(mean(2)));
            }
        }
    }
    Ok(image)
}

/// Many webcams leave the Huffman tables out, as the first MJPEG files did, and mean the usual ones (ITU-T T.81 annex K.3).
/// The decoder knows that of files marked `AVI1`, so such a mark is set.
fn with_tables(bytes: &[u8]) -> Cow<'_, [u8]> {
    let has_tables = segments(bytes).any(|marker| marker == HUFFMAN_TABLES);
    if has_tables || !bytes.starts_with(&START) {
        return Cow::Borrowed(bytes);
    }
    Cow::Owned([&START, AVI1, &bytes[START.len()..]].concat())
}

/// The markers of the segments before the first scan.
fn segments(bytes: &[u8]) -> impl Iterator<Item = u8> {
    let mut rest = bytes.get(START.len()..).unwrap_or_default();
    std::iter::from_fn(move || {
        let [0xff, marker, high, low, ..] = *rest else { return None };
        rest = rest.get(2 + usize::from(u16::from_be_bytes([high, low]))..).unwrap_or_default();
        (marker != START_OF_SCAN).then_some(marker)
    })
}

const START: [u8; 2] = [0xff, 0xd8];
const HUFFMAN_TABLES: u8 = 0xc4;
const START_OF_SCAN: u8 = 0xda;
/// An APP0 segment of 16 bytes.
const AVI1: &[u8] = b"\xff\xe0\x00\x10AVI1\0\0\0\0\0\0\0\0\0\0";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Four grey and coloured bars of 18x48 in 72x48, quality 90 or so, 4:2:2 as webcams have it, with the usual tables:
    /// `ffmpeg -f lavfi -i color=… -huffman default` made it.
    const BARS: &[u8] = include_bytes!("bars.jpg");

    /// Y, U and V at the middle of each bar.
    fn bars(image: &Image) -> Vec<[u8; 3]> {
        let size = image.size();
        let [y, u, v] = image.planes();
        let at = |x: usize| {
            let chroma = size.chroma_height() / 2 * size.chroma_width() + x / 2;
            [y[size.height() / 2 * size.width() + x], u[chroma], v[chroma]]
        };
        [9, 27, 45, 63].map(at).to_vec()
    }

    fn is_near(found: &[[u8; 3]], expected: &[[u8; 3]]) -> bool {
        let pairs = found.as_flattened().iter().zip(expected.as_flattened());
        found.len() == expected.len() && pairs.into_iter().all(|(a, b)| a.abs_diff(*b) <= 3)
    }

    /// BT.601, limited range, of white, red, blue and half grey.
    const EXPECTED: [[u8; 3]; 4] = [[235, 128, 128], [81, 90, 240], [41, 240, 110], [126, 128, 128]];

    #[test]
    fn colours_come_out_in_the_levels_of_video() {
        let image = image(BARS).unwrap();
        assert_eq!(image.size(), Size::new(72, 48).unwrap());
        assert!(is_near(&bars(&image), &EXPECTED), "{:?}", bars(&image));
    }

    /// The same without its Huffman tables.
    fn bare() -> Vec<u8> {
        let mut rest = &BARS[2..];
        let mut kept = START.to_vec();
        while rest[1] != START_OF_SCAN {
            let length = 2 + usize::from(u16::from_be_bytes([rest[2], rest[3]]));
            if rest[1] != HUFFMAN_TABLES {
                kept.extend_from_slice(&rest[..length]);
            }
            rest = &rest[length..];
        }
        kept.extend_from_slice(rest);
        kept
    }

    #[test]
    fn a_webcam_may_leave_out_the_usual_tables() {
        assert!(bare().len() < BARS.len() - 400);
        assert!(image(&bare()).unwrap() == image(BARS).unwrap());
    }

    #[test]
    fn what_is_no_jpeg_is_refused_in_words() {
        for bytes in [&b""[..], b"\xff", b"\xff\xd8", b"RIFF....", &BARS[..100]] {
            assert!(!image(bytes).unwrap_err().is_empty());
        }
    }

    proptest! {
        #[test]
        fn a_damaged_jpeg_is_a_picture_or_an_error(at in 0..BARS.len(), flip in 1u8.., cut in 0..BARS.len()) {
            let mut bytes = BARS.to_vec();
            bytes[at] ^= flip;
            bytes.truncate(BARS.len() - cut / 3);
            let _ = image(&bytes);
        }
    }
}
