//! A picture as sixel graphics (DEC STD 070; ECMA-48's device control string): six rows of pixels a band, one colour after
//! another. The palette is fixed, 6 levels a channel, and what it lacks is spread over neighbours by a pattern that stands still:
//! a palette of each picture's own would cost more time than a call has, and flicker.

use std::fmt::Write;

/// `pixels` (`0x00RRGGBB`, row by row, `width` a row) where the cursor stands. The cursor's place afterwards is the terminal's own.
pub(super) fn sixel(pixels: &[u32], width: usize) -> String {
    let height = pixels.len().checked_div(width).unwrap_or(0);
    // Aspect 1:1, nothing painted where no pixel is set.
    let mut written = format!("\x1bP0;1q\"1;1;{width};{height}");
    for colour in 0..COLOURS {
        let [red, green, blue] = [colour / 36, colour / 6 % 6, colour % 6].map(|level| level * 20);
        write!(written, "#{colour};2;{red};{green};{blue}").expect("a string takes what is written to it");
    }
    let mut band = Band::new(width);
    for (number, rows) in pixels.chunks(6 * width.max(1)).enumerate() {
        band.paint(rows, 6 * number);
        band.write(&mut written);
    }
    written.push_str("\x1b\\");
    written
}

/// Six rows: for each colour which pixels have it.
struct Band {
    width: usize,
    /// A byte a column for each colour, the uppermost pixel lowest.
    columns: Vec<u8>,
    /// Colours that occur, and the first and last column where they do.
    spans: Vec<Option<(usize, usize)>>,
}

impl Band {
    fn new(width: usize) -> Self {
        Self { width, columns: vec![0; width * COLOURS], spans: vec![None; COLOURS] }
    }

    fn paint(&mut self, rows: &[u32], top: usize) {
        for (y, row) in rows.chunks(self.width.max(1)).enumerate() {
            for (x, pixel) in row.iter().enumerate() {
                let colour = nearest(*pixel, PATTERN[(top + y) % 4][x % 4]);
                self.columns[colour * self.width + x] |= 1 << y;
                let (first, last) = self.spans[colour].unwrap_or((x, x));
                self.spans[colour] = Some((first.min(x), last.max(x)));
            }
        }
    }

    /// Writes the band, and clears it for the next.
    fn write(&mut self, written: &mut String) {
        for colour in 0..COLOURS {
            let Some((first, last)) = self.spans[colour].take() else { continue };
            write!(written, "#{colour}").expect("a string takes what is written to it");
            repeat(written, '?', first);
            let columns = &mut self.columns[colour * self.width + first..=colour * self.width + last];
            for run in columns.chunk_by(|a, b| a == b) {
                repeat(written, char::from(b'?' + run[0]), run.len());
            }
            columns.fill(0);
            written.push('$');
        }
        written.push('-');
    }
}

/// A character some times over, the short way.
fn repeat(written: &mut String, character: char, count: usize) {
    if count < 4 {
        written.extend(std::iter::repeat_n(character, count));
    } else {
        write!(written, "!{count}{character}").expect("a string takes what is written to it");
    }
}

/// The palette's entry for a pixel where the pattern says `threshold`, of 16ths of a level.
fn nearest(pixel: u32, threshold: u32) -> usize {
    let level = |shift: u32| {
        let scaled = (pixel >> shift & 0xff) * 5 * 16 / 255;
        ((scaled + threshold) / 16).min(5) as usize
    };
    36 * level(16) + 6 * level(8) + level(0)
}

const COLOURS: usize = 216;
/// Ordered dither (Bayer 1973), in sixteenths.
const PATTERN: [[u32; 4]; 4] = [[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a terminal paints, as red, green and blue in percent; none where nothing was painted.
    fn painted(written: &str, width: usize, height: usize) -> Vec<Option<[u32; 3]>> {
        let body = written.strip_prefix("\x1bP0;1q").unwrap().strip_suffix("\x1b\\").unwrap();
        let mut palette = vec![[0; 3]; COLOURS];
        let mut pixels = vec![None; width * height];
        let (mut x, mut top, mut colour, mut count) = (0, 0, 0, 1);
        let mut rest = body;
        while let Some(first) = rest.chars().next() {
            let digits = rest[1..].find(|c: char| !c.is_ascii_digit() && c != ';').map_or(rest.len(), |end| end + 1);
            let numbers: Vec<u32> = rest[1..digits].split(';').filter_map(|number| number.parse().ok()).collect();
            let mut used = digits;
            match (first, &numbers[..]) {
                ('"', _) => assert_eq!(numbers[2..], [width as u32, height as u32]),
                ('#', [number]) => colour = *number as usize,
                ('#', [number, 2, rgb @ ..]) => palette[*number as usize] = rgb.try_into().unwrap(),
                ('!', [repeated]) => count = *repeated as usize,
                ('$', _) => (x, used) = (0, 1),
                ('-', _) => (x, top, used) = (0, top + 6, 1),
                (bits, _) => {
                    let bits = bits as u32 - '?' as u32;
                    for _ in 0..count {
                        for y in (0..6).filter(|y| bits >> y & 1 == 1) {
                            pixels[(top + y) * width + x] = Some(palette[colour]);
                        }
                        x += 1;
                    }
                    (count, used) = (1, 1);
                }
            }
            rest = &rest[used..];
        }
        pixels
    }

    #[test]
    fn pure_colours_are_exact() {
        let pixels = [0x00ff_0000, 0x0000_ff00, 0x0000_00ff, 0x00ff_ffff, 0, 0x00ff_ff00];
        let expected = [[100, 0, 0], [0, 100, 0], [0, 0, 100], [100; 3], [0; 3], [100, 100, 0]];
        assert_eq!(painted(&sixel(&pixels, 3), 3, 2), expected.map(Some));
    }

    #[test]
    fn a_grey_between_two_levels_is_right_on_the_mean() {
        let pixels = vec![0x0077_7777; 64 * 64];
        let sum: u32 = painted(&sixel(&pixels, 64), 64, 64).iter().map(|pixel| pixel.unwrap()[0]).sum();
        let percent = f64::from(sum) / (64.0 * 64.0);
        assert!((percent - 46.7).abs() < 1.0, "{percent}");
    }

    #[test]
    fn a_flat_picture_takes_few_bytes() {
        let black = sixel(&vec![0; 640 * 360], 640);
        assert!(black.len() < 4000 + 60 * 12, "{}", black.len());
    }

    proptest! {
        #[test]
        fn every_pixel_is_painted_near_its_colour(
            (width, pixels) in (1usize..20).prop_flat_map(|width| {
                let rows = (1usize..20).prop_flat_map(move |rows| {
                    proptest::collection::vec(0u32..1 << 24, width * rows)
                });
                (Just(width), rows)
            })
        ) {
            let painted = painted(&sixel(&pixels, width), width, pixels.len() / width);
            for (pixel, painted) in pixels.iter().zip(painted) {
                let painted = painted.expect("painted");
                for (shift, percent) in [16, 8, 0].into_iter().zip(painted) {
                    let level = f64::from(pixel >> shift & 0xff) / 2.55;
                    prop_assert!((level - f64::from(percent)).abs() < 20.1, "{level} {percent}");
                }
            }
        }
    }
}
