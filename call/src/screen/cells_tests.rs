//! The laws of cells, against a model of a terminal that knows just what we write.

use super::*;
use oyster_codec::Size;
use proptest::prelude::*;

/// A terminal without automatic line wrap: cursor movement, true colours, letters.
struct Model {
    grid: CellGrid,
    rows: usize,
    column: usize,
    row: usize,
    foreground: Rgb,
    background: Rgb,
}

impl Model {
    /// A terminal that shows `grid`, its cursor and colours somewhere.
    fn showing(grid: CellGrid) -> Self {
        let (columns, rows) = grid.size();
        Self { grid, rows, column: columns / 2, row: rows / 2, foreground: [1, 2, 3], background: [4, 5, 6] }
    }

    fn apply(&mut self, mut written: &str) {
        while let Some(first) = written.chars().next() {
            if first != '\x1b' {
                self.put(first);
                written = &written[first.len_utf8()..];
                continue;
            }
            let end = written.find(|letter: char| letter.is_ascii_alphabetic()).expect("a sequence has an end");
            let numbers: Vec<usize> = written[2..end].split(';').map(|number| number.parse().unwrap()).collect();
            self.obey(&written[end..=end], &numbers);
            written = &written[end + 1..];
        }
    }

    fn obey(&mut self, command: &str, numbers: &[usize]) {
        match (command, numbers) {
            ("H", &[row, column]) => (self.row, self.column) = (row - 1, column - 1),
            ("C", &[columns]) => self.column += columns,
            ("m", numbers) => {
                for colour in numbers.chunks(5) {
                    let &[layer, 2, r, g, b] = colour else { panic!("{numbers:?} is no true colour") };
                    let rgb = [r, g, b].map(|level| u8::try_from(level).unwrap());
                    *(if layer == 38 { &mut self.foreground } else { &mut self.background }) = rgb;
                }
            }
            other => panic!("the model does not know {other:?}"),
        }
        assert!(self.row < self.rows && self.column < self.grid.columns, "the cursor left the terminal");
    }

    fn put(&mut self, glyph: char) {
        let foreground = if glyph == ' ' { self.background } else { self.foreground };
        let index = self.row * self.grid.columns + self.column;
        self.grid.cells[index] = Cell { glyph, foreground, background: self.background };
        self.column = (self.column + 1).min(self.grid.columns - 1);
    }
}

fn a_cell() -> impl Strategy<Value = Cell> {
    let colour = || prop_oneof![Just([0, 0, 0]), Just([255, 9, 80]), any::<Rgb>()];
    prop_oneof![
        4 => (colour(), colour()).prop_map(|(upper, lower)| Cell::halves(upper, lower)),
        1 => any::<char>().prop_map(Cell::letter),
    ]
}

fn a_grid(columns: usize, rows: usize) -> impl Strategy<Value = CellGrid> {
    proptest::collection::vec(a_cell(), columns * rows).prop_map(move |cells| CellGrid { columns, cells })
}

/// Two grids of one size, the second often equal to the first in places.
fn a_change() -> impl Strategy<Value = (CellGrid, CellGrid)> {
    (1usize..12, 1usize..6).prop_flat_map(|(columns, rows)| {
        let kept = proptest::collection::vec(any::<bool>(), columns * rows);
        (a_grid(columns, rows), a_grid(columns, rows), kept).prop_map(|(previous, mut next, kept)| {
            for (index, _) in kept.iter().enumerate().filter(|(_, kept)| **kept) {
                next.cells[index] = previous.cells[index];
            }
            (previous, next)
        })
    })
}

proptest! {
    #[test]
    fn what_is_written_turns_one_grid_into_the_next((previous, next) in a_change()) {
        let mut terminal = Model::showing(previous.clone());
        terminal.apply(&diff(&previous, &next));
        prop_assert_eq!(terminal.grid, next);
    }

    #[test]
    fn nothing_need_be_known_of_a_terminal_of_another_size((ruin, next) in a_change()) {
        let mut terminal = Model::showing(ruin);
        terminal.apply(&diff(&CellGrid::unknown(), &next));
        prop_assert_eq!(terminal.grid, next);
    }

    #[test]
    fn nothing_is_written_for_nothing((grid, _) in a_change()) {
        prop_assert_eq!(diff(&grid, &grid), "");
    }

    #[test]
    fn a_settled_grid_is_near_the_next((previous, next) in a_change(), tolerance: u8) {
        let settled = settle(&previous, next.clone(), tolerance);
        for (settled, wanted) in settled.cells.iter().zip(&next.cells) {
            prop_assert!(settled.is_near(*wanted, tolerance));
        }
        prop_assert_eq!(settle(&previous, next.clone(), 0), next);
    }

    #[test]
    fn any_picture_fits_any_terminal(
        width in 1u32..100, height in 1u32..100, columns in 0usize..60, rows in 0usize..40
    ) {
        let grid = compose(&Image::black(Size::new(width, height).unwrap()), None, columns, rows);
        prop_assert_eq!(grid.cells.len(), columns * rows);
    }
}

/// Black above, white below.
fn half_white(size: Size) -> Image {
    let mut image = Image::black(size);
    let half = size.width() * (size.height() / 2);
    image.planes_mut()[0][half..].fill(235);
    image
}

#[test]
fn a_picture_keeps_its_shape_between_bars() {
    let white = |cell: &Cell| cell.foreground[0] > 250 || cell.background[0] > 250;
    let grid = compose(&half_white(Size::new(64, 32).unwrap()), None, 40, 40);
    // 40 columns wide are 20 square pixels tall, which are 10 rows, of which the lower 5 are white.
    let rows: Vec<bool> = grid.cells.chunks(40).map(|row| row.iter().all(white)).collect();
    assert_eq!(rows.iter().filter(|row| **row).count(), 5);
    assert!(rows[20] && rows[24] && !rows[25] && !rows[19]);
}

#[test]
fn this_person_is_mirrored_in_the_corner() {
    // As large as its place, so that its edge stays where it is.
    let mut own = Image::black(Size::new(8, 8).unwrap());
    own.planes_mut()[0].chunks_mut(8).for_each(|row| row[..4].fill(235));
    let grid = compose(&Image::black(Size::new(64, 32).unwrap()), Some(&own), 40, 20);
    // A quarter of 40 rows would be 10, but a fifth of 40 columns is 8, a column from the edge.
    let row: Vec<u8> = grid.cells[3 * 40..4 * 40].iter().map(|cell| cell.background[0]).collect();
    assert_eq!((&row[29..35], &row[35..39], row[39]), (&[0; 6][..], &[255; 4][..], 0));
}

#[test]
fn an_edge_inside_a_cell_is_a_half_block() {
    let grid = compose(&half_white(Size::new(2, 2).unwrap()), None, 2, 1);
    assert_eq!(grid.cells[0], Cell { glyph: UPPER_HALF, foreground: [0; 3], background: [255; 3] });
}

#[test]
fn neighbours_of_one_colour_are_written_without_naming_it_again() {
    let red = Cell::halves([255, 0, 0], [255, 0, 0]);
    let grid = CellGrid { columns: 3, cells: vec![red; 3] };
    assert_eq!(diff(&CellGrid::unknown(), &grid), "\x1b[1;1H\x1b[48;2;255;0;0m   ");
}

#[test]
fn words_take_rows_of_their_own_and_a_wide_letter_is_a_question_mark() {
    let mut grid = compose(&Image::black(Size::new(8, 8).unwrap()), None, 4, 2);
    grid.add_words(&["a漢".to_owned()]);
    assert_eq!(grid.size(), (4, 3));
    assert_eq!(grid.cells[8..].iter().map(|cell| cell.glyph).collect::<String>(), " a? ");
}
