//! What a window shows, as a value: the picture as large as it fits, black bars, words over the lower edge. Pure, so that
//! it is tested without a display.

use oyster_codec::Image;

use super::View;
use super::colour::Scaled;
use super::status::{Overlay, StatusLines};
use crate::letters::glyph;
use crate::scale::{corner, fit};

/// The pixels of a window, row by row, each `0x00RRGGBB` (the upper byte is free).
#[derive(Default)]
pub(super) struct Canvas {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) pixels: Vec<u32>,
    scaled: Scaled,
    bgra: Vec<u8>,
}

impl Canvas {
    /// Paints everything anew for a window of `size` (width, height).
    pub(super) fn paint(&mut self, view: &View<'_>, size: (usize, usize)) {
        let size = (size.0.clamp(1, SIDE_LIMIT), size.1.clamp(1, SIDE_LIMIT));
        if size != (self.width, self.height) {
            (self.width, self.height) = size;
            self.pixels.clear();
            self.pixels.resize(size.0 * size.1, BLACK);
        }
        self.paint_picture(view.picture);
        if let Some(own) = view.own {
            self.paint_own(own);
        }
        self.letter(view.status, view.overlay);
    }

    fn paint_picture(&mut self, image: &Image) {
        let place = fit((image.size().width(), image.size().height()), (self.width, self.height));
        self.scaled.bgra(image, (place.width, place.height), &mut self.bgra);
        let mut picture_rows = self.bgra.chunks_exact(place.width * 4);
        for (number, row) in self.pixels.chunks_exact_mut(self.width).enumerate() {
            let source = if number < place.top { None } else { picture_rows.next() };
            let Some(source) = source else {
                row.fill(BLACK);
                continue;
            };
            row[..place.left].fill(BLACK);
            row[place.left + place.width..].fill(BLACK);
            for (pixel, bytes) in row[place.left..].iter_mut().zip(source.chunks_exact(4)) {
                *pixel = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            }
        }
    }

    /// This person in the corner, mirrored, with an edge around.
    fn paint_own(&mut self, own: &Image) {
        let place = corner((own.size().width(), own.size().height()), (self.width, self.height));
        if place.width == 0 || place.height == 0 {
            return;
        }
        self.scaled.bgra(own, (place.width, place.height), &mut self.bgra);
        let first_row = place.top.saturating_sub(EDGE);
        let rows = self.pixels.chunks_exact_mut(self.width).enumerate().skip(first_row);
        for (y, row) in rows.take_while(|(y, _)| *y < place.top + place.height + EDGE) {
            let right = (place.left + place.width + EDGE).min(row.len());
            row[place.left.saturating_sub(EDGE)..right].fill(BLACK);
            if let Some(line) = y.checked_sub(place.top).filter(|line| *line < place.height) {
                let source = self.bgra[4 * line * place.width..][..4 * place.width].chunks_exact(4).rev();
                for (pixel, bytes) in row[place.left..].iter_mut().zip(source) {
                    *pixel = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
                }
            }
        }
    }

    /// Words on a darkened strip along the lower edge.
    fn letter(&mut self, status: &StatusLines, overlay: Overlay) {
        let dot = letter_dot(self.height);
        let (column_width, row_height) = (8 * dot, 11 * dot);
        let columns = self.width.saturating_sub(2 * MARGIN * dot) / column_width;
        let rows = status.rows(overlay, columns);
        let strip_height = (rows.len() * row_height + 2 * MARGIN * dot).min(self.height);
        if rows.is_empty() {
            return;
        }
        let top = self.height - strip_height;
        for pixel in &mut self.pixels[top * self.width..] {
            *pixel = (*pixel >> 2) & 0x003f_3f3f;
        }
        for (number, row) in rows.iter().enumerate() {
            for (column, letter) in row.chars().enumerate() {
                let left = MARGIN * dot + column * column_width;
                self.draw_letter(letter, left, top + (MARGIN + 1) * dot + number * row_height, dot);
            }
        }
    }

    fn draw_letter(&mut self, letter: char, left: usize, top: usize, dot: usize) {
        for (line, bits) in glyph(letter).into_iter().enumerate() {
            for y in (top + line * dot..top + (line + 1) * dot).take_while(|y| *y < self.height) {
                for x in (0..8 * dot).filter(|x| bits >> (x / dot) & 1 == 1) {
                    self.pixels[y * self.width + left + x] = LETTERS;
                }
            }
        }
    }
}

/// Pixels a dot of a letter takes: one up to 480 lines or so, two up to 1080.
fn letter_dot(height: usize) -> usize {
    ((height + 240) / 480).max(1)
}

const BLACK: u32 = 0;
/// Around this person, in pixels.
const EDGE: usize = 2;
const LETTERS: u32 = 0x00f0_f0f0;
/// Around the words, in dots.
const MARGIN: usize = 4;
/// X11 gives no larger window than 32767 a side; a canvas of 8192 a side is 256 MB and more than any display has.
const SIDE_LIMIT: usize = 8192;

#[cfg(test)]
mod tests {
    use super::*;
    use oyster_codec::Size;
    use std::sync::Arc;

    fn white(width: u32, height: u32) -> Image {
        let mut image = Image::black(Size::new(width, height).unwrap());
        image.planes_mut()[0].fill(235);
        image
    }

    fn painted(image: &Image, size: (usize, usize), words: &str) -> Canvas {
        let mut canvas = Canvas::default();
        paint(&mut canvas, image, size, &StatusLines::new(words), Overlay::Line);
        canvas
    }

    fn paint(canvas: &mut Canvas, picture: &Image, size: (usize, usize), status: &StatusLines, overlay: Overlay) {
        canvas.paint(&View { picture, own: None, status, overlay }, size);
    }

    fn level(canvas: &Canvas, x: usize, y: usize) -> u32 {
        canvas.pixels[y * canvas.width + x] & 0xff
    }

    #[test]
    fn a_picture_in_a_window_of_another_shape_has_black_bars() {
        let mut canvas = Canvas::default();
        paint(&mut canvas, &white(64, 36), (100, 200), &StatusLines::default(), Overlay::Off);
        assert_eq!([level(&canvas, 50, 60), level(&canvas, 50, 100), level(&canvas, 50, 140)], [0, 255, 0]);
    }

    #[test]
    fn a_window_made_smaller_leaves_nothing_of_the_larger_one() {
        let mut canvas = painted(&white(64, 36), (300, 200), "words");
        paint(&mut canvas, &white(64, 36), (100, 100), &StatusLines::default(), Overlay::Off);
        assert_eq!((canvas.pixels.len(), level(&canvas, 99, 99), level(&canvas, 99, 50)), (10_000, 0, 255));
    }

    #[test]
    fn this_person_is_small_mirrored_and_at_the_upper_right() {
        let picture = Image::black(Size::new(320, 180).unwrap());
        let mut own = picture.clone();
        own.planes_mut()[0].chunks_mut(320).for_each(|row| row[..160].fill(235));
        let mut canvas = Canvas::default();
        let status = StatusLines::default();
        canvas.paint(
            &View { picture: &picture, own: Some(&Arc::new(own)), status: &status, overlay: Overlay::Off },
            (640, 360),
        );
        // A fifth of the width, ten pixels from the edges; its left half is white, so its right half is seen white.
        let level = |x: usize| level(&canvas, x, 30);
        assert_eq!([level(500), level(510), level(550), level(600), level(625), level(632)], [0, 0, 0, 255, 255, 0]);
    }

    #[test]
    fn words_darken_the_lower_edge_and_stand_on_it() {
        let canvas = painted(&white(320, 240), (320, 240), "I");
        assert_eq!((level(&canvas, 318, 200), level(&canvas, 318, 238)), (255, 63));
        // The stem of the font's I is at its dots 2 and 3.
        assert_eq!(level(&canvas, 4 + 3, 240 - 18 + 5 + 3), 0xf0);
    }

    #[test]
    fn any_window_size_and_any_words_are_painted() {
        let details = (0..40).map(|line| format!("line {line} ünïcödé 漢字 \u{1F600}")).collect();
        let status = StatusLines { summary: "a summary of some length".into(), details, ..StatusLines::default() };
        for size in [(0, 0), (1, 1), (7, 3), (17, 200), (1300, 9), (639, 1201)] {
            let mut canvas = Canvas::default();
            paint(&mut canvas, &white(175, 143), size, &status, Overlay::Figures);
            assert_eq!(canvas.pixels.len(), size.0.max(1) * size.1.max(1));
        }
    }
}
