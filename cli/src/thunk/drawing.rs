//! A graph of thunks as a drawing: what is made, from left to right, and how.

use std::collections::BTreeMap;

use oyster_experiments::report::{Anchor, Drawing, INK, INK_SOFT, Style};
use oyster_thunks::{Graph, Layout, RelativePath, Thunk, ThunkId};

/// The graph as SVG, `target` marked; none if it is too large.
pub(super) fn drawing(graph: &Graph, target: ThunkId) -> Option<String> {
    let layout = Layout::of(graph)?;
    let sheet = Sheet::of(graph, &layout);
    let mut drawing = Drawing::new(sheet.width, sheet.height);
    for (id, thunk) in graph.iter() {
        sheet.draw_arrows(&mut drawing, graph, id, thunk);
    }
    for (id, thunk) in graph.iter() {
        sheet.draw_thunk(&mut drawing, id, thunk, id == target);
    }
    Some(drawing.finish())
}

/// Where everything is.
struct Sheet {
    width: f64,
    height: f64,
    /// The left and the right of each column's boxes.
    sides: Vec<(f64, f64)>,
    /// The columns of thunks, and their rows in these and in those that their arrows pass.
    places: BTreeMap<ThunkId, (usize, Vec<f64>)>,
}

impl Sheet {
    fn of(graph: &Graph, layout: &Layout) -> Self {
        let (mut sides, mut places) = (Vec::new(), BTreeMap::<ThunkId, (usize, Vec<f64>)>::new());
        let (mut right, mut lowest) = (MARGIN, 0.0_f64);
        for (column, cells) in layout.columns.iter().enumerate() {
            let mut width = LEAST_WIDTH;
            for cell in cells {
                lowest = lowest.max(cell.row);
                places.entry(cell.thunk).or_insert((column, Vec::new())).1.push(cell.row);
                if let Some(thunk) = graph.get(cell.thunk).filter(|_| !cell.passes) {
                    width = width.max(2.0 * PADDING + words_width(&makes(thunk)).max(words_width(&command(thunk))));
                }
            }
            sides.push((right, right + width));
            right += width + GUTTER;
        }
        let width = right - GUTTER + MARGIN;
        Self { width, height: 2.0 * MARGIN + lowest * ROW + BOX_HEIGHT, sides, places }
    }

    /// Where the middle of a row is.
    fn middle(row: f64) -> f64 {
        MARGIN + row * ROW + BOX_HEIGHT / 2.0
    }

    fn draw_thunk(&self, drawing: &mut Drawing, id: ThunkId, thunk: &Thunk, is_target: bool) {
        let Some((column, rows)) = self.places.get(&id) else { return };
        let ((left, right), top) = (self.sides[*column], Self::middle(rows[0]) - BOX_HEIGHT / 2.0);
        let about = format!("{id}\n{}", thunk.arguments.join(" "));
        drawing.card((left, top), (right - left, BOX_HEIGHT), if is_target { TARGET } else { INK_SOFT }, &about);
        let style = Style { size: LETTERS, colour: INK, bold: true, anchor: Anchor::Start };
        drawing.text((left + PADDING, top + 17.0), &makes(thunk), style);
        let style = Style { colour: INK_SOFT, bold: false, ..style };
        drawing.text((left + PADDING, top + 34.0), &command(thunk), style);
    }

    /// The arrows to a thunk, one from each that it needs.
    fn draw_arrows(&self, drawing: &mut Drawing, graph: &Graph, id: ThunkId, thunk: &Thunk) {
        let Some((column, rows)) = self.places.get(&id) else { return };
        let mut needs = BTreeMap::<ThunkId, Vec<&str>>::new();
        thunk.references().for_each(|(needed, path)| needs.entry(needed).or_default().push(path.as_str()));
        // They end below each other in the order in which they come.
        let mut ends: Vec<(f64, ThunkId, Vec<&str>)> = Vec::with_capacity(needs.len());
        for (needed, paths) in needs {
            let Some((from, rows)) = self.places.get(&needed) else { continue };
            ends.push((rows[*column - from - 1], needed, paths));
        }
        ends.sort_by(|one, other| one.0.total_cmp(&other.0));
        let room = BOX_HEIGHT / (ends.len() + 1) as f64;
        let mut end = Self::middle(rows[0]) - BOX_HEIGHT / 2.0;
        for (_, needed, paths) in ends {
            end += room;
            let about = format!("{} of {}", paths.join(", "), graph.get(needed).map_or_else(String::new, makes));
            let tip = (self.sides[*column].0, end);
            let mut points = self.way(needed, *column);
            points.push((tip.0 - TIP, tip.1));
            drawing.curve(&points, ARROW, &about);
            drawing.area(&[tip, (tip.0 - TIP, tip.1 - TIP / 2.0), (tip.0 - TIP, tip.1 + TIP / 2.0)], ARROW);
        }
    }

    /// From a thunk past the columns before `column`.
    fn way(&self, from: ThunkId, column: usize) -> Vec<(f64, f64)> {
        let Some((first, rows)) = self.places.get(&from) else { return Vec::new() };
        let mut points = vec![(self.sides[*first].1, Self::middle(rows[0]))];
        for (passed, row) in (*first + 1..column).zip(&rows[1..]) {
            let (left, right) = self.sides[passed];
            points.extend([left, right].map(|x| (x, Self::middle(*row))));
        }
        points
    }
}

/// What a thunk makes.
fn makes(thunk: &Thunk) -> String {
    let outputs: Vec<&str> = thunk.outputs.keys().map(RelativePath::as_str).collect();
    shortened(&outputs.join(", "))
}

fn command(thunk: &Thunk) -> String {
    shortened(&thunk.arguments.join(" ").replace('\n', " "))
}

/// Long words end in what tells one from the other, as paths do, and begin with what they are.
fn shortened(words: &str) -> String {
    let letters: Vec<char> = words.chars().collect();
    if letters.len() <= MOST_LETTERS {
        return words.to_owned();
    }
    let begin: String = letters[..MOST_LETTERS / 2].iter().collect();
    let end: String = letters[letters.len() - (MOST_LETTERS - MOST_LETTERS / 2 - 1)..].iter().collect();
    format!("{begin}…{end}")
}

fn words_width(words: &str) -> f64 {
    words.chars().count() as f64 * LETTERS * 0.58
}

const MARGIN: f64 = 20.0;
const BOX_HEIGHT: f64 = 44.0;
const ROW: f64 = 58.0;
/// Between columns, for arrows to turn in.
const GUTTER: f64 = 64.0;
const PADDING: f64 = 9.0;
const LEAST_WIDTH: f64 = 90.0;
const LETTERS: f64 = 11.5;
const MOST_LETTERS: usize = 36;
/// Of an arrow.
const TIP: f64 = 7.0;
const ARROW: &str = "#8d9aa8";
const TARGET: &str = "#d9480f";
