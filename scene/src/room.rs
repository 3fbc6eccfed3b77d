//! The rooms behind the person: painted once, a little out of focus, and still from then on.

use oyster_codec::{Image, Size};

use crate::canvas::{Canvas, Colour, Frame, capsule, ellipse, rounded_box};
use crate::chance::{cloud, hash2, sine, unit};

/// How many rooms there are to cut between.
pub(crate) const ROOMS: usize = 3;

/// Room number `room` without anybody in it.
pub(crate) fn paint(size: Size, room: usize, seed: u64) -> Image {
    let mut image = Image::black(size);
    let mut canvas = Canvas::new(&mut image);
    // The picture's height is 2, its middle the origin.
    let (width, height) = (size.width() as f64, size.height() as f64);
    let whole = Frame::new(width / 2.0, height / 2.0, height / 2.0, 0.0);
    let right = (width / height) as f32;
    let seed = hash2(seed, 50 + room as u64);
    match room {
        0 => study(&mut canvas, &whole, right, seed),
        1 => window(&mut canvas, &whole, right, seed),
        _ => evening(&mut canvas, &whole, right, seed),
    }
    defocus(&mut image);
    grain(&mut image, seed);
    image
}

/// A warm wall with a framed picture, and a shelf of books.
fn study(canvas: &mut Canvas, whole: &Frame, right: f32, seed: u64) {
    let wall = Colour::rgb(190, 172, 146);
    let unit_length = whole.unit;
    canvas.cover(|x, y| wall.lit(1.08 - 0.35 * x / (2.0 * right * unit_length) - 0.12 * y / (2.0 * unit_length)));
    framed_picture(canvas, whole, (-right * 0.66, -0.42), seed);
    let (left, wood) = (right * 0.42, Colour::rgb(112, 74, 44));
    flat(canvas, whole, [left, -1.1, right + 0.2, 1.1], wood.lit(0.55));
    for shelf in 0..4_u64 {
        let floor = -0.72 + 0.56 * shelf as f32;
        let mut x = left + 0.05;
        let mut book = 0;
        while x < right + 0.1 {
            let chance = |what| unit(hash2(seed, what), shelf * 64 + book) as f32;
            let (thick, tall) = (0.035 + 0.05 * chance(1), 0.3 + 0.17 * chance(2));
            if chance(3) < 0.88 {
                let spine = BOOKS[(chance(4) * BOOKS.len() as f32) as usize % BOOKS.len()].lit(0.75 + 0.4 * chance(5));
                flat(canvas, whole, [x, floor - tall, x + thick, floor], spine);
                flat(canvas, whole, [x, floor - tall * 0.8, x + thick, floor - tall * 0.74], spine.lit(1.5));
            }
            x += thick + 0.006;
            book += 1;
        }
        flat(canvas, whole, [left, floor, right + 0.2, floor + 0.045], wood.lit(1.15));
    }
    flat(canvas, whole, [left - 0.05, -1.1, left, 1.1], wood);
}

/// A cool wall, a window with blinds and trees behind it, a plant.
fn window(canvas: &mut Canvas, whole: &Frame, right: f32, seed: u64) {
    let (wall, sky, leaves) = (Colour::rgb(148, 158, 168), Colour::rgb(226, 236, 246), Colour::rgb(120, 152, 104));
    let unit_length = whole.unit;
    canvas.cover(|x, y| wall.lit(1.05 - 0.28 * x / (2.0 * right * unit_length) - 0.15 * y / (2.0 * unit_length)));
    let (left, edge) = (-right * 0.94, -right * 0.3);
    flat(canvas, whole, [left - 0.06, -0.96, edge + 0.06, 0.42], Colour::rgb(232, 230, 224));
    canvas.paint(
        whole,
        [left, -0.9, edge, 0.36],
        |_, _| -1.0,
        |x, y| {
            let tree = cloud(seed, f64::from(x) * 5.0, f64::from(y) * 5.0) as f32;
            sky.mixed(leaves, ((y + 0.25 + 0.5 * tree) * 2.5).clamp(0.0, 0.85)).lit(1.0 - 0.2 * tree)
        },
    );
    for slat in 0..9 {
        let y = -0.88 + 0.075 * slat as f32;
        flat(canvas, whole, [left, y, edge, y + 0.03], Colour::rgb(214, 212, 206));
    }
    let middle = (left + edge) / 2.0;
    flat(canvas, whole, [middle - 0.02, -0.9, middle + 0.02, 0.36], Colour::rgb(222, 220, 214));
    plant(canvas, whole, (right * 0.74, 0.62), seed);
}

/// A brick wall at night, a lamp that lights a part of it.
fn evening(canvas: &mut Canvas, whole: &Frame, right: f32, seed: u64) {
    let lamp = (right * 0.68, -0.28);
    let (brick, mortar) = (Colour::rgb(122, 84, 66), Colour::rgb(100, 92, 84));
    canvas.paint(
        whole,
        [-right - 0.1, -1.1, right + 0.1, 1.1],
        |_, _| -1.0,
        |x, y| {
            let row = (y / 0.13).floor();
            let column = x / 0.34 + if row as i32 % 2 == 0 { 0.0 } else { 0.5 };
            let own = unit(hash2(seed, row as i64 as u64), column.floor() as i64 as u64) as f32;
            let joint = (y / 0.13 - row < 0.1) || (column - column.floor() < 0.04);
            let surface = if joint { mortar } else { brick.lit(0.8 + 0.4 * own) };
            let (dx, dy) = (x - lamp.0, y - lamp.1);
            let glow = 0.42 + 0.75 / (1.0 + 2.6 * (dx * dx + dy * dy));
            surface.lit(glow)
        },
    );
    flat(canvas, whole, [lamp.0 - 0.02, lamp.1, lamp.0 + 0.02, 1.1], Colour::rgb(60, 48, 36));
    let shade = |x: f32, y: f32| {
        let (x, y) = (x - lamp.0, y - lamp.1);
        (x.abs() - 0.246 - 0.28 * y).max((y + 0.02).abs() - 0.18)
    };
    canvas.paint(whole, [lamp.0 - 0.3, lamp.1 - 0.25, lamp.0 + 0.3, lamp.1 + 0.2], shade, |x, y| {
        Colour::rgb(255, 226, 168).lit(1.0 - 1.4 * (x - lamp.0) * (x - lamp.0) - 0.25 * (y - lamp.1))
    });
    framed_picture(canvas, whole, (-right * 0.62, -0.36), seed);
}

fn framed_picture(canvas: &mut Canvas, whole: &Frame, (x, y): (f32, f32), seed: u64) {
    flat(canvas, whole, [x - 0.34, y - 0.27, x + 0.34, y + 0.27], Colour::rgb(52, 40, 32));
    flat(canvas, whole, [x - 0.30, y - 0.23, x + 0.30, y + 0.23], Colour::rgb(206, 200, 186));
    let inner = |px: f32, py: f32| rounded_box(px - x, py - y, 0.24, 0.17, 0.0);
    canvas.paint(whole, [x - 0.24, y - 0.17, x + 0.24, y + 0.17], inner, |px, py| {
        let (dx, dy) = (px - x, py - y);
        let hills = 0.05 * sine(f64::from(dx) * 2.1 + 0.2) as f32 + 0.08 * cloud(seed, f64::from(dx) * 9.0, 0.0) as f32;
        let sun = ellipse(dx - 0.1, dy + 0.08, 0.035, 0.035);
        if dy > 0.05 - hills {
            Colour::rgb(70, 104, 92).lit(1.2 - 2.0 * dy)
        } else if sun < 0.0 {
            Colour::rgb(240, 196, 120)
        } else {
            Colour::rgb(150, 178, 196).lit(1.0 - dy)
        }
    });
}

fn plant(canvas: &mut Canvas, whole: &Frame, (x, y): (f32, f32), seed: u64) {
    for leaf in 0..22_u64 {
        let chance = |what: u64| unit(hash2(seed, 10 + what), leaf) as f32;
        let (lean, length) = (1.5 * (chance(0) - 0.5), 0.45 + 0.5 * chance(1));
        let tip = (x + lean * length, y - length * (1.0 - 0.3 * lean.abs()));
        let green = Colour::rgb(66, 112, 58).lit(0.6 + 0.8 * chance(2));
        let area = [x.min(tip.0) - 0.1, tip.1 - 0.1, x.max(tip.0) + 0.1, y + 0.1];
        let middle = |px: f32, py: f32| ((px - x) * (tip.0 - x) + (py - y) * (tip.1 - y)) / (length * length);
        let blade = |px: f32, py: f32| {
            let thick = 0.045 * (1.0 - (2.0 * middle(px, py).clamp(0.0, 1.0) - 1.1).powi(2)).max(0.15);
            capsule(px, py, (x, y), tip, thick)
        };
        canvas.paint(whole, area, blade, |px, py| green.lit(0.8 + 0.4 * middle(px, py)));
    }
    let pot = |px: f32, py: f32| ((px - x).abs() - 0.2 + 0.12 * (py - y)).max(y - 0.02 - py);
    canvas.paint(whole, [x - 0.3, y - 0.1, x + 0.3, 1.2], pot, |px, _| {
        Colour::rgb(176, 104, 74).lit(1.1 - 1.2 * (px - x))
    });
}

fn flat(canvas: &mut Canvas, frame: &Frame, area: [f32; 4], colour: Colour) {
    let [left, top, right, bottom] = area;
    let (x, y) = ((left + right) / 2.0, (top + bottom) / 2.0);
    let (half_width, half_height) = ((right - left) / 2.0, (bottom - top) / 2.0);
    canvas.paint(frame, area, |px, py| rounded_box(px - x, py - y, half_width, half_height, 0.0), |_, _| colour);
}

/// The room is behind the person, where the lens is not focused: a box blur, twice.
fn defocus(image: &mut Image) {
    let size = image.size();
    let radius = (size.height() / 240).max(1);
    let radii = [radius, radius.div_ceil(2), radius.div_ceil(2)];
    for ((plane, (width, _)), radius) in image.planes_mut().into_iter().zip(size.planes()).zip(radii) {
        blur(plane, width, radius);
        blur(plane, width, radius);
    }
}

/// Each sample becomes the mean of those up to `radius` away, along rows and then along columns.
fn blur(plane: &mut [u8], width: usize, radius: usize) {
    let height = plane.len() / width;
    let mut line = vec![0; width.max(height)];
    let mut run = |plane: &mut [u8], start: usize, step: usize, count: usize| {
        for (i, mean) in line[..count].iter_mut().enumerate() {
            let (low, high) = (i.saturating_sub(radius), (i + radius).min(count - 1));
            let sum: usize = (low..=high).map(|j| usize::from(plane[start + j * step])).sum();
            let span = high - low + 1;
            *mean = ((sum + span / 2) / span) as u8;
        }
        for (i, &sample) in line[..count].iter().enumerate() {
            plane[start + i * step] = sample;
        }
    };
    for row in 0..height {
        run(plane, row * width, 1, width);
    }
    for column in 0..width {
        run(plane, column, width, height);
    }
}

/// What is left of the surfaces' texture: faint, at two scales.
fn grain(image: &mut Image, seed: u64) {
    let (width, height) = (image.size().width(), image.size().height() as f64);
    let [luma, _, _] = image.planes_mut();
    for (row, samples) in luma.chunks_exact_mut(width).enumerate() {
        for (column, sample) in samples.iter_mut().enumerate() {
            let (x, y) = (column as f64 / height, row as f64 / height);
            let coarse = cloud(seed, x * 30.0, y * 90.0) - 0.5;
            let fine = cloud(seed ^ 1, x * 130.0, y * 130.0) - 0.5;
            *sample = (f64::from(*sample) * (1.0 + 0.05 * coarse + 0.05 * fine) + 0.5) as u8;
        }
    }
}

const BOOKS: [Colour; 8] = [
    Colour::rgb(150, 52, 44),
    Colour::rgb(40, 74, 110),
    Colour::rgb(196, 178, 132),
    Colour::rgb(52, 92, 66),
    Colour::rgb(92, 58, 96),
    Colour::rgb(204, 138, 58),
    Colour::rgb(70, 66, 64),
    Colour::rgb(186, 190, 188),
];
