//! I420 (BT.601, limited range, as VP8 has it: RFC 6386 §2) to the colours of a screen, scaled on the way.

use oyster_codec::{Image, scale_plane};
use yuv::{YuvError, YuvPlanarImage, YuvRange, YuvStandardMatrix};

/// Scaled planes, kept from picture to picture so that their memory is used again.
#[derive(Default)]
pub(super) struct Scaled {
    planes: [Vec<u8>; 3],
}

impl Scaled {
    /// The `image` at `size` (width, height; neither 0) as B, G, R and 255 for each pixel.
    pub(super) fn bgra(&mut self, image: &Image, size: (usize, usize), bgra: &mut Vec<u8>) {
        bgra.resize(size.0 * size.1 * 4, 0);
        let stride = size.0 as u32 * 4;
        let converted = if size == (image.size().width(), image.size().height()) {
            yuv::yuv420_to_bgra(&planar(image.planes(), size, 2), bgra, stride, RANGE, MATRIX)
        } else {
            self.scale(image, size, (size.0.div_ceil(2), size.1.div_ceil(2)));
            yuv::yuv420_to_bgra(&planar(self.planes(), size, 2), bgra, stride, RANGE, MATRIX)
        };
        planes_fit(converted);
    }

    /// The `image` at `size` (width, height; neither 0) as R, G and B for each pixel, its chroma as fine as its luma.
    pub(super) fn rgb(&mut self, image: &Image, size: (usize, usize), rgb: &mut Vec<u8>) {
        rgb.resize(size.0 * size.1 * 3, 0);
        self.scale(image, size, size);
        let source = planar(self.planes(), size, 1);
        planes_fit(yuv::yuv444_to_rgb(&source, rgb, size.0 as u32 * 3, RANGE, MATRIX));
    }

    fn scale(&mut self, image: &Image, luma: (usize, usize), chroma: (usize, usize)) {
        let sides = image.size().planes().into_iter().zip([luma, chroma, chroma]);
        for ((samples, target), (from, to)) in image.planes().into_iter().zip(&mut self.planes).zip(sides) {
            scale_plane(samples, from, to, target);
        }
    }

    fn planes(&self) -> [&[u8]; 3] {
        let [y, u, v] = &self.planes;
        [y, u, v]
    }
}

/// Three planes as the `yuv` crate wants them; a chroma sample covers `spacing` luma samples a side.
fn planar<'a>(planes: [&'a [u8]; 3], size: (usize, usize), spacing: usize) -> YuvPlanarImage<'a, u8> {
    let [y_plane, u_plane, v_plane] = planes;
    let chroma_stride = size.0.div_ceil(spacing) as u32;
    YuvPlanarImage {
        y_plane,
        y_stride: size.0 as u32,
        u_plane,
        u_stride: chroma_stride,
        v_plane,
        v_stride: chroma_stride,
        width: size.0 as u32,
        height: size.1 as u32,
    }
}

fn planes_fit(converted: Result<(), YuvError>) {
    converted.expect("planes and target were made for this size");
}

const RANGE: YuvRange = YuvRange::Limited;
const MATRIX: YuvStandardMatrix = YuvStandardMatrix::Bt601;

#[cfg(test)]
mod tests {
    use super::*;
    use oyster_codec::Size;

    /// BT.601 by the book, in floating point.
    fn by_the_book([y, u, v]: [u8; 3]) -> [f64; 3] {
        let (y, u, v) = (1.164_383 * (f64::from(y) - 16.0), f64::from(u) - 128.0, f64::from(v) - 128.0);
        [y + 1.596_027 * v, y - 0.391_762 * u - 0.812_968 * v, y + 2.017_232 * u].map(|c| c.clamp(0.0, 255.0))
    }

    fn flat(size: Size, colour: [u8; 3]) -> Image {
        let mut image = Image::black(size);
        for (plane, level) in image.planes_mut().into_iter().zip(colour) {
            plane.fill(level);
        }
        image
    }

    #[test]
    fn colours_are_those_of_bt_601() {
        for colour in [[16, 128, 128], [235, 128, 128], [81, 90, 240], [145, 54, 34], [41, 240, 110], [120, 100, 160]] {
            let image = flat(Size::new(33, 7).unwrap(), colour);
            let expected = by_the_book(colour);
            for size in [(33, 7), (66, 14), (5, 3), (1, 1)] {
                let (mut rgb, mut bgra) = (Vec::new(), Vec::new());
                Scaled::default().rgb(&image, size, &mut rgb);
                Scaled::default().bgra(&image, size, &mut bgra);
                for (pixel, other) in rgb.chunks(3).zip(bgra.chunks(4)) {
                    for (index, level) in expected.iter().enumerate() {
                        assert!((f64::from(pixel[index]) - level).abs() < 2.0, "{colour:?} at {size:?} is {pixel:?}");
                        assert!(
                            (f64::from(other[2 - index]) - level).abs() < 2.0,
                            "{colour:?} at {size:?} is {other:?}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn odd_sizes_and_single_samples_convert() {
        for (width, height) in [(1, 1), (1, 9), (9, 1), (175, 143), (2, 3)] {
            let image = flat(Size::new(width, height).unwrap(), [180, 128, 128]);
            let mut bgra = Vec::new();
            Scaled::default().bgra(&image, (width as usize, height as usize), &mut bgra);
            assert_eq!(bgra.len(), (width * height * 4) as usize);
            assert!(bgra.chunks(4).all(|pixel| pixel[0].abs_diff(191) < 2));
        }
    }
}
