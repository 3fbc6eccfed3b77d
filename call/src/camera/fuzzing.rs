//! The fuzz target's door to what reads the bytes of webcams.

use oyster_codec::Size;

use super::layout::Layout;
use super::mode::PixelFormat;

/// A picture, whose first bytes say how the others are laid out.
pub fn picture(input: &[u8]) {
    let [format, width, height, slack, bytes @ ..] = input else { return };
    let Ok(size) = Size::new(u32::from(*width) + 1, u32::from(*height) + 1) else { return };
    let formats = [PixelFormat::Yuyv, PixelFormat::Nv12, PixelFormat::Yu12, PixelFormat::Mjpeg];
    let format = formats[usize::from(format % 4)];
    let layout =
        Layout { format, size, stride: usize::from(*width) * 2 + usize::from(*slack), is_full_range: slack % 2 == 1 };
    if let Ok(image) = layout.image(bytes) {
        assert!(format == PixelFormat::Mjpeg || image.size() == size);
    }
}
