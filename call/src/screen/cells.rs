//! What a terminal shows, as a value: a grid of cells, each two pixels of the picture (the upper half block, U+2580) or a
//! letter. Three pure steps: [`compose`] a picture, [`settle`] on the cells worth changing, and write the [`diff`].

use std::fmt::Write;

use oyster_codec::Image;

use super::colour::Scaled;
use crate::scale::{Place, corner, fit};

/// Red, green, blue.
pub(super) type Rgb = [u8; 3];

/// One character and its two colours. A space's foreground cannot be seen; it is kept equal to the background, so that
/// cells that look alike are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    glyph: char,
    foreground: Rgb,
    background: Rgb,
}

impl Cell {
    /// Two pixels, one over the other.
    fn halves(upper: Rgb, lower: Rgb) -> Self {
        Self { glyph: if upper == lower { ' ' } else { UPPER_HALF }, foreground: upper, background: lower }
    }

    fn letter(letter: char) -> Self {
        let glyph = if is_narrow(letter) { letter } else { '?' };
        let foreground = if glyph == ' ' { WORDS_BACKGROUND } else { WORDS };
        Self { glyph, foreground, background: WORDS_BACKGROUND }
    }

    fn is_picture(self) -> bool {
        self.glyph == ' ' || self.glyph == UPPER_HALF
    }

    /// Whether the eye will hardly tell the two apart: no colour differs by more than `tolerance` levels.
    fn is_near(self, other: Self, tolerance: u8) -> bool {
        let near = |a: Rgb, b: Rgb| a.iter().zip(b).all(|(a, b)| a.abs_diff(b) <= tolerance);
        (self.glyph == other.glyph || self.is_picture() && other.is_picture())
            && near(self.foreground, other.foreground)
            && near(self.background, other.background)
    }
}

/// Cells row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CellGrid {
    columns: usize,
    cells: Vec<Cell>,
}

impl CellGrid {
    /// A grid without cells: what is known of a terminal nothing was written to yet.
    pub(super) fn unknown() -> Self {
        Self { columns: 0, cells: Vec::new() }
    }

    /// A black grid, to lie under a picture that is not made of cells.
    pub(super) fn black(columns: usize, rows: usize) -> Self {
        Self { columns, cells: vec![Cell::halves(BARS, BARS); columns * rows] }
    }

    /// Adds rows of words at the bottom, each a cell from the edge, cut or filled to the grid's width.
    pub(super) fn add_words(&mut self, rows: &[String]) {
        for row in rows {
            let letters = std::iter::once(' ').chain(row.chars()).chain(std::iter::repeat(' ')).take(self.columns);
            self.cells.extend(letters.map(Cell::letter));
        }
    }

    /// Columns and rows.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.columns, self.cells.len().checked_div(self.columns).unwrap_or(0))
    }
}

/// The picture as large as it fits into `columns` and `rows` cells, black around it, and this person in its corner. A cell is about twice as tall as
/// wide, so that half a cell is a square pixel.
pub(super) fn compose(image: &Image, own: Option<&Image>, columns: usize, rows: usize) -> CellGrid {
    if columns == 0 || rows == 0 {
        return CellGrid { columns, cells: Vec::new() };
    }
    let screen = (columns, 2 * rows);
    let picture = Placed::new(image, fit((image.size().width(), image.size().height()), screen));
    let own = own.map(|own| Placed::new(own, corner((own.size().width(), own.size().height()), screen)));
    let pixel = |x: usize, y: usize| {
        let own = own.as_ref().and_then(|own| own.pixel(own.mirrored(x), y));
        own.or_else(|| picture.pixel(x, y)).unwrap_or(BARS)
    };
    let cells = (0..rows).flat_map(|row| {
        let pixel = &pixel;
        (0..columns).map(move |column| Cell::halves(pixel(column, 2 * row), pixel(column, 2 * row + 1)))
    });
    CellGrid { columns, cells: cells.collect() }
}

/// A picture's pixels at their place.
struct Placed {
    place: Place,
    rgb: Vec<u8>,
}

impl Placed {
    fn new(image: &Image, place: Place) -> Self {
        let mut rgb = Vec::new();
        if place.width > 0 && place.height > 0 {
            Scaled::default().rgb(image, (place.width, place.height), &mut rgb);
        }
        Self { place, rgb }
    }

    fn pixel(&self, x: usize, y: usize) -> Option<Rgb> {
        let (x, y) = (x.wrapping_sub(self.place.left), y.wrapping_sub(self.place.top));
        let start = (x < self.place.width && y < self.place.height).then(|| 3 * (y * self.place.width + x))?;
        Some([self.rgb[start], self.rgb[start + 1], self.rgb[start + 2]])
    }

    /// The column that a mirror shows at `x`.
    fn mirrored(&self, x: usize) -> usize {
        (2 * self.place.left + self.place.width).wrapping_sub(x + 1)
    }
}

/// What to show in place of `next` when `previous` is on the terminal: cells that differ by `tolerance` levels or less
/// stay as they are, so that sensor noise is not written thirty times a second.
pub(super) fn settle(previous: &CellGrid, mut next: CellGrid, tolerance: u8) -> CellGrid {
    if previous.size() == next.size() {
        for (cell, shown) in next.cells.iter_mut().zip(&previous.cells) {
            if cell.is_near(*shown, tolerance) {
                *cell = *shown;
            }
        }
    }
    next
}

/// What to write to a terminal that shows `previous` to make it show `next`; everything when their sizes differ. It
/// supposes that lines do not wrap, and nothing about cursor and colours.
pub(super) fn diff(previous: &CellGrid, next: &CellGrid) -> String {
    let mut written = String::new();
    let mut pen = Pen::default();
    let mut cursor = None;
    let is_known = previous.size() == next.size();
    for (index, cell) in next.cells.iter().enumerate() {
        if is_known && previous.cells[index] == *cell {
            continue;
        }
        move_cursor(&mut written, cursor, index, next.columns);
        pen.write(&mut written, *cell);
        // At the end of a line the cursor stays on the last cell.
        cursor = Some(index + 1).filter(|after| after % next.columns != 0);
    }
    written
}

/// Moves the cursor (cells are numbered row by row) to `to`: a short step within the line, else by row and column.
fn move_cursor(written: &mut String, from: Option<usize>, to: usize, columns: usize) {
    let (row, column) = (to / columns, to % columns);
    let outcome = match from {
        Some(from) if from == to => Ok(()),
        Some(from) if from / columns == row => write!(written, "\x1b[{}C", to - from),
        _ => write!(written, "\x1b[{};{}H", row + 1, column + 1),
    };
    outcome.expect("a string takes what is written to it");
}

/// The colours the terminal writes with, as far as they are known.
#[derive(Default)]
struct Pen {
    foreground: Option<Rgb>,
    background: Option<Rgb>,
}

impl Pen {
    fn write(&mut self, written: &mut String, cell: Cell) {
        let foreground = (cell.glyph != ' ' && self.foreground != Some(cell.foreground)).then_some(cell.foreground);
        let background = (self.background != Some(cell.background)).then_some(cell.background);
        let outcome = match (foreground, background) {
            (None, None) => Ok(()),
            (Some([r, g, b]), None) => write!(written, "\x1b[38;2;{r};{g};{b}m"),
            (None, Some([r, g, b])) => write!(written, "\x1b[48;2;{r};{g};{b}m"),
            (Some([r, g, b]), Some([x, y, z])) => write!(written, "\x1b[38;2;{r};{g};{b};48;2;{x};{y};{z}m"),
        };
        outcome.expect("a string takes what is written to it");
        written.push(cell.glyph);
        self.foreground = foreground.or(self.foreground);
        self.background = background.or(self.background);
    }
}

/// Whether every terminal gives the letter one cell: Latin, Greek, Cyrillic, dashes, arrows, box drawing, blocks.
fn is_narrow(letter: char) -> bool {
    matches!(letter, ' '..='~' | '\u{a1}'..='\u{ac}' | '\u{ae}'..='\u{2ff}' | '\u{384}'..='\u{482}' | '\u{48a}'..='\u{52f}'
        | '\u{2010}'..='\u{2027}' | '\u{2190}'..='\u{2193}' | '\u{2500}'..='\u{259f}')
}

const UPPER_HALF: char = '\u{2580}';
const BARS: Rgb = [0, 0, 0];
const WORDS: Rgb = [225, 225, 225];
const WORDS_BACKGROUND: Rgb = [28, 28, 32];

#[cfg(test)]
#[path = "cells_tests.rs"]
mod tests;
