//! Marks, axes and legends as SVG text; no more than our drawings need, those of other crates among them.

use std::fmt::Write;

/// A drawing that grows mark by mark. Lengths and places are in pixels from the upper left.
#[derive(Clone, Debug)]
pub struct Drawing {
    width: f64,
    height: f64,
    marks: String,
}

/// A panel of a drawing: a rectangle with a scale along each side.
#[derive(Clone, Copy, Debug)]
pub(super) struct Panel {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) x: Scale,
    pub(super) y: Scale,
}

/// From values to places along a side, 0..1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    logarithmic: bool,
    reversed: bool,
}

impl Scale {
    pub(super) fn linear(low: f64, high: f64) -> Self {
        Self { low, high: if high > low { high } else { low + 1.0 }, logarithmic: false, reversed: false }
    }

    /// Both ends positive.
    pub(super) fn logarithmic(low: f64, high: f64) -> Self {
        Self { low, high: if high > low { high } else { low * 10.0 }, logarithmic: true, reversed: false }
    }

    /// The same scale, running the other way.
    pub(super) fn reversed(self) -> Self {
        Self { reversed: !self.reversed, ..self }
    }

    /// Where a value is, 0..1; values outside are held at the ends.
    fn place(&self, value: f64) -> f64 {
        let share = if self.logarithmic {
            (value.max(self.low) / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        let share = if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) };
        if self.reversed { 1.0 - share } else { share }
    }

    /// Round values to draw a line at, at most about `most` of them.
    fn ticks(&self, most: usize) -> Vec<f64> {
        if self.logarithmic {
            return self.decades(most);
        }
        let rough = (self.high - self.low) / most.max(1) as f64;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power).into_iter().find(|&step| step >= rough * 0.999);
        let step = step.unwrap_or(10.0 * power);
        let first = (self.low / step - 1e-9).ceil() as i64;
        let last = (self.high / step + 1e-9).floor() as i64;
        (first..=last).take(MAX_TICKS).map(|i| i as f64 * step).collect()
    }

    fn decades(&self, most: usize) -> Vec<f64> {
        let within = |factors: &[f64]| -> Vec<f64> {
            (-3..7)
                .flat_map(|power| factors.iter().map(move |factor| factor * 10_f64.powi(power)))
                .filter(|value| (self.low * 0.999..=self.high * 1.001).contains(value))
                .collect()
        };
        [&[1.0, 2.0, 5.0][..], &[1.0, 3.0]]
            .into_iter()
            .map(within)
            .find(|ticks| ticks.len() <= most)
            .unwrap_or_else(|| within(&[1.0]))
    }
}

impl Panel {
    /// Where a point is in the drawing.
    pub(super) fn at(&self, x: f64, y: f64) -> (f64, f64) {
        (self.left + self.width * self.x.place(x), self.top + self.height * (1.0 - self.y.place(y)))
    }

    pub(super) fn bottom(&self) -> f64 {
        self.top + self.height
    }

    pub(super) fn right(&self) -> f64 {
        self.left + self.width
    }
}

/// Where a text is held.
#[derive(Clone, Copy, Debug)]
pub enum Anchor {
    /// At its left end.
    Start,
    /// In its middle.
    Middle,
    /// At its right end.
    End,
}

/// How a text looks.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// The letters' height.
    pub size: f64,
    /// In SVG's words.
    pub colour: &'static str,
    /// Heavier than others.
    pub bold: bool,
    /// Where it is held.
    pub anchor: Anchor,
}

impl Drawing {
    /// An empty sheet.
    pub fn new(width: f64, height: f64) -> Self {
        Self { width, height, marks: String::new() }
    }

    /// The whole document.
    pub fn finish(self) -> String {
        let Self { width, height, marks } = self;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             font-family=\"system-ui, 'DejaVu Sans', 'Helvetica Neue', Arial, sans-serif\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"{PAPER}\"/>\n{marks}</svg>\n"
        )
    }

    /// A text with a margin of paper around its letters, so that it can be read over lines.
    pub fn text(&mut self, (x, y): (f64, f64), text: &str, style: Style) {
        let anchor = match style.anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let weight = if style.bold { " font-weight=\"600\"" } else { "" };
        let (size, colour, text) = (style.size, style.colour, escape(text));
        self.mark(format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" fill=\"{colour}\" text-anchor=\"{anchor}\"{weight} \
             paint-order=\"stroke\" stroke=\"{PAPER}\" stroke-width=\"3\">{text}</text>"
        ));
    }

    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), colour: &str, width: f64, dashes: &str) {
        let dashes = if dashes.is_empty() { String::new() } else { format!(" stroke-dasharray=\"{dashes}\"") };
        let ((x1, y1), (x2, y2)) = (from, to);
        self.mark(format_args!(
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{colour}\" stroke-width=\"{width}\"{dashes}/>"
        ));
    }

    pub(super) fn rectangle(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), colour: &str) {
        if width > 0.0 && height > 0.0 {
            self.mark(format_args!(
                "<rect x=\"{x:.2}\" y=\"{y:.2}\" width=\"{width:.2}\" height=\"{height:.2}\" fill=\"{colour}\" \
                 shape-rendering=\"crispEdges\"/>"
            ));
        }
    }

    pub(super) fn dot(&mut self, (x, y): (f64, f64), radius: f64, colour: &str) {
        self.mark(format_args!(
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\" fill=\"{colour}\" stroke=\"{PAPER}\" stroke-width=\"1.5\"/>"
        ));
    }

    /// A line through points of the drawing.
    pub(super) fn path(&mut self, points: &[(f64, f64)], colour: &str, width: f64) {
        if points.len() > 1 {
            let data = path_data(points);
            self.mark(format_args!(
                "<path d=\"{data}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\" stroke-linejoin=\"round\"/>"
            ));
        }
    }

    /// A box with round corners, in which there will be words; who points at it is told `about`.
    pub fn card(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), edge: &str, about: &str) {
        let about = escape(about);
        self.mark(format_args!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"5\" fill=\"#ffffff\" \
             stroke=\"{edge}\" stroke-width=\"1.2\"><title>{about}</title></rect>"
        ));
    }

    /// A smooth line from left to right through points of the drawing, level at each; who points at it is told `about`.
    pub fn curve(&mut self, points: &[(f64, f64)], colour: &str, about: &str) {
        let Some(((x, y), rest)) = points.split_first() else { return };
        let (mut data, mut x_before, mut y_before) = (format!("M{x:.1} {y:.1}"), *x, *y);
        for &(x, y) in rest {
            let middle = (x_before + x) / 2.0;
            write!(data, "C{middle:.1} {y_before:.1} {middle:.1} {y:.1} {x:.1} {y:.1}")
                .expect("a string takes every point");
            (x_before, y_before) = (x, y);
        }
        let about = escape(about);
        self.mark(format_args!(
            "<path d=\"{data}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.2\"><title>{about}</title></path>"
        ));
    }

    /// The area within points of the drawing.
    pub fn area(&mut self, points: &[(f64, f64)], colour: &str) {
        if points.len() > 2 {
            let data = path_data(points);
            self.mark(format_args!("<path d=\"{data}Z\" fill=\"{colour}\"/>"));
        }
    }

    /// Grid, numbers and title of a panel; the numbers along x only if asked for, as panels above each other share them.
    pub(super) fn axes(&mut self, panel: &Panel, title: &str, x_numbers: bool) {
        let right = panel.right();
        let style = Style { size: 11.5, colour: INK_SOFT, bold: false, anchor: Anchor::End };
        for value in panel.y.ticks((panel.height / 30.0) as usize) {
            let (_, y) = panel.at(panel.x.low, value);
            self.line((panel.left, y), (right, y), GRID, 1.0, "");
            self.text((panel.left - 7.0, y + 4.0), &number(value), style);
        }
        for value in panel.x.ticks((panel.width / 70.0) as usize) {
            let (x, _) = panel.at(value, panel.y.low);
            self.line((x, panel.top), (x, panel.bottom()), GRID, 1.0, "");
            if x_numbers {
                self.text((x, panel.bottom() + 16.0), &number(value), Style { anchor: Anchor::Middle, ..style });
            }
        }
        self.line((panel.left, panel.bottom()), (right, panel.bottom()), INK_SOFT, 1.0, "");
        self.text(
            (panel.left, panel.top - 9.0),
            title,
            Style { size: 13.0, colour: INK, bold: true, anchor: Anchor::Start },
        );
    }

    /// Coloured samples with words, set from the right end of a panel's title line.
    pub(super) fn legend(&mut self, panel: &Panel, entries: &[(&'static str, &str)]) {
        let mut x = panel.right();
        let y = panel.top - 9.0;
        for (colour, words) in entries.iter().rev() {
            self.text((x, y), words, Style { size: 11.5, colour: INK_SOFT, bold: false, anchor: Anchor::End });
            x -= words.chars().count() as f64 * 6.6 + 18.0;
            self.rectangle((x, y - 9.0), (12.0, 10.0), colour);
            x -= 14.0;
        }
    }

    fn mark(&mut self, mark: std::fmt::Arguments) {
        self.marks.write_fmt(mark).expect("a string takes every mark");
        self.marks.push('\n');
    }
}

fn path_data(points: &[(f64, f64)]) -> String {
    let mut data = String::with_capacity(points.len() * 12);
    for (i, (x, y)) in points.iter().enumerate() {
        let command = if i == 0 { 'M' } else { 'L' };
        write!(data, "{command}{x:.1} {y:.1}").expect("a string takes every point");
    }
    data
}

/// A number as short as it can be said: 0.5, 20, 1k.
fn number(value: f64) -> String {
    if value.abs() >= 1000.0 {
        return format!("{}k", short(value / 1000.0));
    }
    short(value)
}

fn short(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The ground of all drawings.
pub(super) const PAPER: &str = "#fcfcfa";
/// Of what matters.
pub const INK: &str = "#1f2933";
/// Of what explains it.
pub const INK_SOFT: &str = "#52606d";
const GRID: &str = "#e4e7eb";

/// No axis needs more.
const MAX_TICKS: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        assert_eq!(Scale::linear(0.0, 60.0).ticks(7), [0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0]);
        assert_eq!(Scale::linear(0.3, 1.1).ticks(4), [0.4, 0.6000000000000001, 0.8, 1.0]);
        assert_eq!(Scale::logarithmic(10.0, 1000.0).ticks(9), [10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0]);
        assert_eq!(Scale::logarithmic(10.0, 10_000.0).ticks(5), [10.0, 100.0, 1000.0, 10_000.0]);
    }

    #[test]
    fn values_outside_are_held_at_the_ends() {
        let scale = Scale::logarithmic(10.0, 1000.0);
        assert_eq!(
            [0.0, 10.0, 100.0, 1e9, f64::NAN].map(|value| (scale.place(value) * 1e6).round()),
            [0.0, 0.0, 5e5, 1e6, 0.0]
        );
        assert_eq!(Scale::linear(5.0, 5.0).place(5.0), 0.0);
    }

    #[test]
    fn words_cannot_become_marks() {
        let mut drawing = Drawing::new(10.0, 10.0);
        let style = Style { size: 10.0, colour: INK, bold: false, anchor: Anchor::Start };
        drawing.text((0.0, 0.0), "<script>\"&\"", style);
        assert!(drawing.finish().contains(">&lt;script&gt;&quot;&amp;&quot;<"));
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!([0.0, 0.25, 20.0, 1500.0, 10_000.0].map(number), ["0", "0.25", "20", "1.5k", "10k"]);
    }
}
