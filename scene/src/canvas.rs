//! Painting on a 4:2:0 picture: a shape is a function from a place to a distance and a colour.

use std::ops::Range;

use oyster_codec::Image;

/// A colour as luma and its two differences, 8-bit limited range (BT.601), in real numbers so that it can be shaded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Colour {
    y: f32,
    u: f32,
    v: f32,
}

impl Colour {
    /// From red, green and blue, 0..255.
    pub(crate) const fn rgb(red: u8, green: u8, blue: u8) -> Self {
        let (r, g, b) = (red as f32, green as f32, blue as f32);
        Self {
            y: 16.0 + 0.2568 * r + 0.5041 * g + 0.0979 * b,
            u: 128.0 - 0.1482 * r - 0.2910 * g + 0.4392 * b,
            v: 128.0 + 0.4392 * r - 0.3678 * g - 0.0714 * b,
        }
    }

    /// The same surface in `light` times as much light.
    pub(crate) fn lit(self, light: f32) -> Self {
        Self {
            y: 16.0 + (self.y - 16.0) * light,
            u: 128.0 + (self.u - 128.0) * light,
            v: 128.0 + (self.v - 128.0) * light,
        }
    }

    /// `share` (0..1) of the way to `other`.
    pub(crate) fn mixed(self, other: Self, share: f32) -> Self {
        let mix = |a: f32, b: f32| a + (b - a) * share;
        Self { y: mix(self.y, other.y), u: mix(self.u, other.u), v: mix(self.v, other.v) }
    }
}

/// A picture that is being painted.
pub(crate) struct Canvas<'a> {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Samples in a row and rows of either chroma plane.
    chroma: (usize, usize),
    planes: [&'a mut [u8]; 3],
}

/// A place for shapes: their own coordinates, in which `unit` samples are 1 and `turns` is how far they are turned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) unit: f32,
    per_unit: f32,
    cosine: f32,
    sine: f32,
}

impl Frame {
    pub(crate) fn new(x: f64, y: f64, unit: f64, turns: f64) -> Self {
        let (cosine, sine) = (crate::chance::cosine(turns), crate::chance::sine(turns));
        Self {
            x: x as f32,
            y: y as f32,
            unit: unit as f32,
            per_unit: (1.0 / unit) as f32,
            cosine: cosine as f32,
            sine: sine as f32,
        }
    }

    /// The same frame with its origin at (x, y) of this one.
    pub(crate) fn moved(&self, x: f32, y: f32) -> Self {
        let (x, y) = self.place(x, y);
        Self { x, y, ..*self }
    }

    /// Where the point (x, y) of this frame is in the picture.
    pub(crate) fn place(&self, x: f32, y: f32) -> (f32, f32) {
        let (x, y) = (x * self.unit, y * self.unit);
        (self.x + x * self.cosine - y * self.sine, self.y + x * self.sine + y * self.cosine)
    }

    /// Which points of this frame the samples from (column, row) on are, of a plane with samples of `scale`.
    fn places(&self, column: usize, row: usize, scale: f32) -> ([f32; LANES], [f32; LANES]) {
        let step = scale * self.per_unit;
        let x = ((column as f32 + 0.5) * scale - self.x) * self.per_unit;
        let y = ((row as f32 + 0.5) * scale - self.y) * self.per_unit;
        let (first_x, first_y) = (x * self.cosine + y * self.sine, y * self.cosine - x * self.sine);
        let (mut xs, mut ys) = (NOTHING, NOTHING);
        for lane in 0..LANES {
            let along = step * lane as f32;
            xs[lane] = first_x + along * self.cosine;
            ys[lane] = first_y - along * self.sine;
        }
        (xs, ys)
    }

    /// The rows and columns of a plane, of which one sample is `scale` of the picture's, that a box may touch.
    fn spans(&self, area: [f32; 4], scale: f32, width: usize, height: usize) -> (Range<usize>, Range<usize>) {
        let [left, top, right, bottom] = area;
        let corners = [(left, top), (right, top), (left, bottom), (right, bottom)].map(|(x, y)| self.place(x, y));
        let span = |places: [f32; 4], limit: usize| {
            let low = places.into_iter().fold(f32::MAX, f32::min) / scale - 1.0;
            let high = places.into_iter().fold(f32::MIN, f32::max) / scale + 2.0;
            let within = |place: f32| place.clamp(0.0, limit as f32) as usize;
            within(low)..within(high)
        };
        (span(corners.map(|corner| corner.1), height), span(corners.map(|corner| corner.0), width))
    }
}

impl<'a> Canvas<'a> {
    pub(crate) fn new(image: &'a mut Image) -> Self {
        let [(width, height), chroma, _] = image.size().planes();
        Self { width, height, chroma, planes: image.planes_mut() }
    }

    /// Paints the part of a shape within the box (left, top, right, bottom) of its frame. `outside` says how far
    /// outside the shape a place of the frame is (negative inside), `colour` what is to be seen there; the edge is
    /// drawn one sample wide.
    pub(crate) fn paint(
        &mut self,
        frame: &Frame,
        area: [f32; 4],
        outside: impl Fn(f32, f32) -> f32,
        colour: impl Fn(f32, f32) -> Colour,
    ) {
        self.glaze(frame, area, outside, |_, _| 1.0, colour);
    }

    /// Paints a shape that hides only `opacity` (0..1) of what is behind it.
    pub(crate) fn glaze(
        &mut self,
        frame: &Frame,
        area: [f32; 4],
        outside: impl Fn(f32, f32) -> f32,
        opacity: impl Fn(f32, f32) -> f32,
        colour: impl Fn(f32, f32) -> Colour,
    ) {
        let cover = |x: f32, y: f32, sharpness: f32| (0.5 - outside(x, y) * sharpness).clamp(0.0, 1.0) * opacity(x, y);
        let [luma, u, v] = &mut self.planes;
        let (rows, columns) = frame.spans(area, 1.0, self.width, self.height);
        for row in rows {
            let start = row * self.width;
            let samples = luma[start..start + self.width][columns.clone()].chunks_mut(LANES);
            for (chunk, samples) in samples.enumerate() {
                let places = frame.places(columns.start + chunk * LANES, row, 1.0);
                let covers = each(&places, |x, y| cover(x, y, frame.unit));
                if covers != NOTHING {
                    blend(samples, &each(&places, |x, y| colour(x, y).y), &covers);
                }
            }
        }
        // A chroma sample sits in the middle of four of luma, and the edge is as wide as it.
        let (width, height) = self.chroma;
        let (rows, columns) = frame.spans(area, 2.0, width, height);
        for row in rows {
            let start = row * width;
            let [u, v] = [&mut *u, &mut *v].map(|plane| &mut plane[start..start + width]);
            let samples = u[columns.clone()].chunks_mut(LANES).zip(v[columns.clone()].chunks_mut(LANES));
            for (chunk, (u, v)) in samples.enumerate() {
                let places = frame.places(columns.start + chunk * LANES, row, 2.0);
                let covers = each(&places, |x, y| cover(x, y, frame.unit * 0.5));
                if covers != NOTHING {
                    blend(u, &each(&places, |x, y| colour(x, y).u), &covers);
                    blend(v, &each(&places, |x, y| colour(x, y).v), &covers);
                }
            }
        }
    }

    /// Paints every sample; (x, y) in luma samples.
    pub(crate) fn cover(&mut self, colour: impl Fn(f32, f32) -> Colour) {
        let frame = Frame::new(0.0, 0.0, 1.0, 0.0);
        self.paint(&frame, [0.0, 0.0, self.width as f32, self.height as f32], |_, _| -1.0, colour);
    }
}

/// Places are taken eight at a time and without branches, for the sake of vector registers.
const LANES: usize = 8;
const NOTHING: [f32; LANES] = [0.0; LANES];

fn each((xs, ys): &([f32; LANES], [f32; LANES]), value: impl Fn(f32, f32) -> f32) -> [f32; LANES] {
    let mut values = NOTHING;
    for lane in 0..LANES {
        values[lane] = value(xs[lane], ys[lane]);
    }
    values
}

/// Moves samples (at most [`LANES`]) towards their values, all the way where the cover is 1.
fn blend(samples: &mut [u8], values: &[f32; LANES], covers: &[f32; LANES]) {
    for (sample, (value, cover)) in samples.iter_mut().zip(values.iter().zip(covers)) {
        let old = f32::from(*sample);
        *sample = (old + (value - old) * cover + 0.5) as u8;
    }
}

/// Distance from a box around (x, y) with half sides (a, b) and corners of radius `round`.
pub(crate) fn rounded_box(x: f32, y: f32, a: f32, b: f32, round: f32) -> f32 {
    let (dx, dy) = (x.abs() - a + round, y.abs() - b + round);
    let (ox, oy) = (dx.max(0.0), dy.max(0.0));
    (ox * ox + oy * oy).sqrt() + dx.max(dy).min(0.0) - round
}

/// Distance from an ellipse with half axes (a, b), to first order: right near its edge, which is what is drawn.
pub(crate) fn ellipse(x: f32, y: f32, a: f32, b: f32) -> f32 {
    let (per_a, per_b) = (1.0 / a, 1.0 / b);
    let (p, q) = (x * per_a, y * per_b);
    let (gx, gy) = (p * per_a, q * per_b);
    (p * p + q * q - 1.0) * 0.5 / (gx * gx + gy * gy).sqrt().max(1e-6)
}

/// Distance from a line between two points, as thick as twice `radius`.
pub(crate) fn capsule(x: f32, y: f32, from: (f32, f32), to: (f32, f32), radius: f32) -> f32 {
    let (px, py) = (x - from.0, y - from.1);
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let along = ((px * dx + py * dy) / (dx * dx + dy * dy).max(1e-9)).clamp(0.0, 1.0);
    let (ex, ey) = (px - dx * along, py - dy * along);
    (ex * ex + ey * ey).sqrt() - radius
}
