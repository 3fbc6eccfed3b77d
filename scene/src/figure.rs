//! The person: head and shoulders, painted from back to front.
//!
//! Lengths are in half heads: 1 is from the middle of the face to its top. x grows to the right of the picture, y down.

use crate::act::Act;
use crate::canvas::{Canvas, Colour, Frame, capsule, ellipse, rounded_box};
use crate::chance::unit;
use crate::hand;

/// The person of a shot: what stays the same within it.
pub(crate) struct Look {
    pub(crate) skin: Colour,
    pub(crate) clothes: Colour,
    hair: Colour,
    long_hair: bool,
    checked: bool,
    /// Where the light comes from, a unit vector (right, down, towards us).
    light: [f32; 3],
}

/// Paints whoever acts into a room.
pub(crate) fn paint(canvas: &mut Canvas, act: &Act) {
    let (width, height) = (canvas.width as f64, canvas.height as f64);
    let half_head = 0.25 * height.min(0.85 * width) * act.nearness;
    let look = look(act);
    let neck = (
        width / 2.0 + act.seat * 0.25 * width.min(height) + act.torso.0 * half_head,
        0.43 * height + (1.25 + act.torso.1) * half_head,
    );
    let shoulders = Frame::new(neck.0, neck.1, half_head, 0.25 * act.tilt);
    let turn = act.tilt + 0.03 * act.head.0;
    let head = Frame::new(neck.0 + act.head.0 * half_head, neck.1 + (act.head.1 - 1.25) * half_head, half_head, turn);
    let face = Face { middle: (0.24 * act.facing.0 as f32, 0.15 * act.facing.1 as f32), act, look: &look };

    face.hair_behind(canvas, &head);
    torso(canvas, &shoulders, &look);
    neck_and_collar(canvas, &shoulders, &head, &look);
    face.ears(canvas, &head);
    face.skin(canvas, &head);
    face.eyes(canvas, &head);
    face.nose(canvas, &head);
    face.mouth(canvas, &head);
    face.hair(canvas, &head);
    for (side, gesture) in [-1.0, 1.0].into_iter().zip(act.hands) {
        if let Some(gesture) = gesture {
            hand::paint(canvas, &shoulders, &look, side, &gesture);
        }
    }
}

fn look(act: &Act) -> Look {
    let chance = |what| unit(act.shot, what);
    let clothes = CLOTHES[(chance(1) * CLOTHES.len() as f64) as usize % CLOTHES.len()];
    // The same person throughout, in the light of each room.
    let (warmth, light) = match act.room {
        0 => (1.0, [0.45, -0.5, 0.74]),
        1 => (1.05, [-0.62, -0.35, 0.7]),
        _ => (0.86, [0.6, -0.25, 0.76]),
    };
    Look {
        skin: Colour::rgb(222, 172, 142).lit(warmth),
        clothes: clothes.lit(warmth),
        hair: Colour::rgb(74, 50, 36).lit(warmth),
        long_hair: chance(2) < 0.5,
        checked: chance(3) < 0.8,
        light,
    }
}

fn torso(canvas: &mut Canvas, shoulders: &Frame, look: &Look) {
    let bottom = ((canvas.height as f32 - shoulders.y) / shoulders.unit + 0.3).max(0.3);
    let outline = |x: f32, y: f32| {
        let slope = capsule(x.abs(), y, (0.0, 0.14), (1.2, 0.58), 0.4);
        let arms = rounded_box(x, y - 4.35, 1.6, 4.1, 0.4);
        slope.min(arms)
    };
    canvas.paint(shoulders, [-1.8, -0.3, 1.8, bottom], outline, |x, y| {
        let side = x.abs();
        let folds = 0.06 * ripple(1.1 * x + 0.35 * ripple(0.6 * y + 0.2 * side)) * (y * 0.6).clamp(0.0, 1.0);
        let knit = 0.09 * ripple(9.0 * x) * ripple(7.0 * y) + 0.05 * ripple(21.0 * x + 5.0 * y);
        let check = if look.checked { plaid(x, y) } else { 0.0 };
        let sleeve = 0.2 * (1.0 - ((side - 1.16).abs() * 12.0).min(1.0)) * (y - 1.1).clamp(0.0, 1.0);
        look.clothes.lit(0.98 - 0.07 * x * x + 0.16 * look.light[0] * x + folds + knit + check - sleeve)
    });
}

fn neck_and_collar(canvas: &mut Canvas, shoulders: &Frame, head: &Frame, look: &Look) {
    // From where the head is to where the shoulders are, so that it bends with both.
    let chin = ((head.x - shoulders.x) / shoulders.unit * 0.8, -0.62);
    let neck = |x: f32, y: f32| capsule(x, y, chin, (0.0, 0.06), 0.38).min(ellipse(x, y - 0.1, 0.48, 0.33));
    canvas.paint(shoulders, [-0.7, -0.5, 0.7, 0.5], neck, |x, y| {
        look.skin.lit(0.62 + 0.3 * (y + 0.5).clamp(0.0, 1.0) + 0.25 * look.light[0] * x - 0.3 * x * x)
    });
    let collar = |x: f32, y: f32| (ellipse(x, y - 0.08, 0.53, 0.39).abs() - 0.07).max(0.02 - y);
    canvas.paint(shoulders, [-0.65, -0.05, 0.65, 0.6], collar, |x, _| {
        look.clothes.lit(0.79 + 0.17 * look.light[0] * x + 0.07 * ripple(6.0 * x))
    });
}

/// A face on its head: `middle` is where it points, and near features move further than far ones.
struct Face<'a> {
    middle: (f32, f32),
    act: &'a Act,
    look: &'a Look,
}

impl Face<'_> {
    /// Distance from the face's outline: it narrows towards a chin that sinks as the mouth opens.
    fn outline(&self, x: f32, y: f32) -> f32 {
        let chin = 1.0 + 0.07 * self.act.mouth_open as f32;
        let down = y.max(0.0) / chin;
        ellipse(x, y, 0.745 - 0.17 * down * down, if y > 0.0 { chin } else { 1.0 })
    }

    fn hair_behind(&self, canvas: &mut Canvas, head: &Frame) {
        let (end, width) = if self.look.long_hair { (1.15, 0.72) } else { (0.2, 0.52) };
        let turned = 0.06 * self.act.facing.0 as f32;
        let shape = |x: f32, y: f32| {
            // Most of it is hidden by the face: not drawn.
            let hidden = 1.0 - (x * x * 3.2 + y * y * 1.7);
            let x = x + turned;
            let locks = capsule(x.abs(), y, (0.56, -0.1), (width, end), 0.27);
            ellipse(x, y + 0.12, 0.86, 1.0).min(locks).max(hidden)
        };
        canvas
            .paint(head, [-1.05, -1.15, 1.05, end + 0.3], shape, |x, y| self.look.hair.lit(0.62 + self.strands(x, y)));
    }

    fn ears(&self, canvas: &mut Canvas, head: &Frame) {
        for side in [-1.0, 1.0] {
            let ear = head.moved(side * 0.74 - 0.1 * self.act.facing.0 as f32, 0.05 - 0.5 * self.middle.1);
            let light = 0.86 + 0.2 * self.look.light[0] * side;
            canvas.paint(
                &ear,
                [-0.12, -0.23, 0.12, 0.23],
                |x, y| ellipse(x, y, 0.1, 0.21),
                |x, y| self.look.skin.lit(light - 0.3 * soft(x, y, 0.07, 0.13)),
            );
        }
    }

    fn skin(&self, canvas: &mut Canvas, head: &Frame) {
        let (mx, my) = self.middle;
        let [lx, ly, lz] = self.look.light;
        let rose = Colour::rgb(206, 112, 100);
        canvas.paint(
            head,
            [-0.76, -0.85, 0.76, 1.1],
            |x, y| self.outline(x, y),
            |x, y| {
                let (nx, ny) = (x * 1.25, y * 0.9);
                let nz = (1.0 - nx * nx - ny * ny).max(0.0).sqrt();
                let (fx, fy) = (x - mx, y - my);
                let side = fx.abs();
                let cheeks = soft(side - 0.4, fy - 0.3, 0.26, 0.22);
                let high = 0.06 * cheeks + 0.05 * soft(fx, fy + 0.5, 0.5, 0.3);
                let deep = 0.20 * soft(side - 0.29, fy + 0.13, 0.21, 0.15)
                    + 0.14 * soft(fx, fy - 0.74, 0.2, 0.07)
                    + 0.08 * soft(side - 0.2, fy - 0.3, 0.1, 0.22);
                let pores = 0.02 * ripple(13.0 * x + 4.0 * ripple(5.0 * y)) * ripple(11.0 * y);
                let light = 0.60 + 0.46 * (nx * lx + ny * ly + nz * lz).max(-0.2) + high + pores - deep;
                self.look.skin.mixed(rose, 0.28 * cheeks).lit(light)
            },
        );
    }

    fn eyes(&self, canvas: &mut Canvas, head: &Frame) {
        let (mx, my) = self.middle;
        let open = self.act.eyes_open as f32;
        let shut = 0.05 * (1.0 - open);
        let gaze = (0.045 * self.act.gaze.0 as f32 + 0.12 * mx, 0.03 * self.act.gaze.1 as f32 + 0.1 * my);
        let solid = |red, green, blue| move |_: f32, _: f32| Colour::rgb(red, green, blue);
        for side in [-1.0, 1.0] {
            let at = head.moved(0.29 * side + 1.05 * mx, -0.12 + 1.05 * my);
            let area = [-0.18, -0.12, 0.18, 0.12];
            // The far eye of a turned face is narrower.
            let (half, high) = (0.135 * (1.0 - 0.5 * (side * mx).max(0.0)), 0.012 + 0.068 * open);
            let eye = |x: f32, y: f32| ellipse(x, y - shut, half, high);
            let round = |x: f32, y: f32, dx: f32, dy: f32, radius: f32| {
                ellipse(x - gaze.0 - dx, y - gaze.1 - dy, radius, radius).max(eye(x, y))
            };
            canvas.paint(&at, area, eye, |_, y| {
                Colour::rgb(236, 232, 226).lit(0.93 - 0.5 * (-(y + 0.03) * 8.0).clamp(0.0, 0.6))
            });
            canvas.paint(
                &at,
                area,
                |x, y| round(x, y, 0.0, 0.0, 0.072),
                |x, y| {
                    let (dx, dy) = (x - gaze.0, y - gaze.1);
                    Colour::rgb(96, 118, 96).lit(1.0 - 0.5 * ((dx * dx + dy * dy) / 0.0049).min(1.0))
                },
            );
            canvas.paint(&at, area, |x, y| round(x, y, 0.0, 0.0, 0.034), solid(18, 14, 14));
            canvas.paint(&at, area, |x, y| round(x, y, 0.025, -0.025, 0.014), solid(250, 250, 250));
            // Upper lashes: what an ellipse leaves of a slightly larger, higher one.
            let lashes = |x: f32, y: f32| {
                let y = y - shut;
                let over = ellipse(x, y + 0.012, half + 0.022, high + 0.016);
                over.max(-ellipse(x, y - 0.012, half + 0.01, high + 0.004)).max(y - 0.4 * high)
            };
            canvas.paint(&at, area, lashes, solid(40, 26, 22));
            let fold = |x: f32, y: f32| (ellipse(x, y - 0.01, half + 0.03, 0.125).abs() - 0.006).max(y + 0.05);
            canvas.glaze(&at, area, fold, |_, _| 0.55 * open, |_, _| self.look.skin.lit(0.55));
            self.brow(canvas, &at, side);
        }
    }

    fn brow(&self, canvas: &mut Canvas, eye: &Frame, side: f32) {
        let lift = 0.05 * self.act.brows as f32;
        let brow = |x: f32, y: f32| {
            let (x, y) = (x * side, y + lift);
            let arch = -0.24 + 0.525 * x * x + 0.05 * (x - 0.05).max(0.0);
            let thick = 0.032 - 0.05 * (x + 0.02).clamp(0.0, 0.3);
            (y - arch).abs().max((x.abs() - 0.19) * 0.6 + 0.01) - thick.max(0.012)
        };
        canvas.glaze(eye, [-0.24, -0.36, 0.24, -0.08], brow, |_, _| 0.9, |_, _| self.look.hair.lit(0.8));
    }

    fn nose(&self, canvas: &mut Canvas, head: &Frame) {
        let (mx, my) = self.middle;
        let at = head.moved(1.3 * mx, 1.2 * my);
        let everywhere = |_: f32, _: f32| -1.0;
        let away = -self.look.light[0].signum();
        let shadow = |x: f32, y: f32| {
            let ridge = 0.045 + 0.075 * ((y + 0.15) * 2.5).clamp(0.0, 1.0);
            0.6 * soft(x - away * ridge - 0.3 * mx, y - 0.1, 0.06, 0.3)
        };
        canvas.glaze(&at, [-0.25, -0.2, 0.25, 0.4], everywhere, shadow, |_, _| self.look.skin.lit(0.52));
        let tip = |x: f32, y: f32| (1.6 * soft(x, y - 0.2, 0.15, 0.13)).min(0.9);
        canvas.glaze(&at, [-0.15, 0.07, 0.15, 0.33], everywhere, tip, |x, y| {
            self.look.skin.lit(0.98 - 0.5 * (y - 0.2).max(0.0) - 0.6 * away * x)
        });
        for side in [-1.0, 1.0] {
            let nostril = |x: f32, y: f32| ellipse(x - side * 0.068, y - 0.275 - 0.06 * x.abs(), 0.034, 0.019);
            canvas.glaze(&at, [-0.12, 0.22, 0.12, 0.34], nostril, |_, _| 0.85, |_, _| self.look.skin.lit(0.3));
        }
    }

    fn mouth(&self, canvas: &mut Canvas, head: &Frame) {
        let (mx, my) = self.middle;
        let (open, wide) = (self.act.mouth_open as f32, self.act.mouth_wide as f32);
        let (half, high) = (0.17 + 0.09 * wide - 0.05 * open, 0.008 + 0.13 * open);
        let at = head.moved(1.08 * mx, 0.54 + 1.08 * my);
        let area = [-0.32, -0.16, 0.32, 0.3];
        // Corners up: everything is bent along a parabola.
        let bent = |x: f32, y: f32| y + (0.5 + 0.9 * wide) * x * x - 0.5 * high;
        let lips = |x: f32, y: f32| {
            let y = bent(x, y);
            let bow = 0.012 * (1.0 - (x * 14.0).abs()).max(0.0);
            if y < 0.0 {
                ellipse(x, y - bow, half + 0.03, high + 0.048)
            } else {
                ellipse(x, y, half + 0.025, high + 0.065)
            }
        };
        canvas.glaze(
            &at,
            area,
            lips,
            |_, _| 0.92,
            |x, y| {
                let y = bent(x, y);
                let light = if y < 0.0 { 0.78 } else { 0.97 + 0.3 * soft(x, y - high - 0.03, 0.12, 0.03) };
                Colour::rgb(188, 92, 86).lit(light)
            },
        );
        canvas.paint(
            &at,
            area,
            |x, y| ellipse(x, bent(x, y), half, high),
            |x, y| {
                let tongue = soft(x, bent(x, y) - high * 0.8, 0.16, 0.09);
                Colour::rgb(70, 22, 24).mixed(Colour::rgb(178, 84, 84), 0.8 * tongue)
            },
        );
        if open > 0.15 {
            let teeth = |x: f32, y: f32| {
                let y = bent(x, y);
                ellipse(x, y, half - 0.02, high - 0.006).max(y + 0.45 * high)
            };
            canvas
                .paint(&at, area, teeth, |x, _| Colour::rgb(232, 226, 214).lit(1.0 - 0.08 * ripple(9.0 * x).max(0.0)));
        }
    }

    /// The hair over the forehead, down to a line that follows the face.
    fn hair(&self, canvas: &mut Canvas, head: &Frame) {
        let (mx, my) = self.middle;
        let shape = |x: f32, y: f32| {
            let part = x - 0.7 * mx + 0.18;
            let line = -0.62 + 0.6 * my + (0.85 * part * part).min(0.75);
            let temples = 0.12 - 2.2 * (0.80 - x.abs()).max(0.0);
            ellipse(x + 0.03 * mx, y + 0.1, 0.835, 1.02).max(y - line.max(temples))
        };
        canvas.paint(head, [-0.85, -1.13, 0.85, 0.13], shape, |x, y| self.look.hair.lit(0.85 + self.strands(x, y)));
    }

    /// Strands from the parting down, and the shine across them.
    fn strands(&self, x: f32, y: f32) -> f32 {
        let along = x / (1.25 + 0.4 * y).max(0.4);
        let shine = soft(x - 0.3 * self.look.light[0], y + 0.72, 0.7, 0.22);
        let locks =
            ripple(7.0 * along + 0.5 * ripple(1.2 * y)) + 0.7 * ripple(29.0 * along + 0.7 * ripple(1.7 * y + x));
        (0.17 + 0.16 * shine) * locks + 0.45 * shine
    }
}

/// A soft spot: 1 in the middle, 0 from the ellipse (a, b) on.
fn soft(x: f32, y: f32, a: f32, b: f32) -> f32 {
    let (p, q) = (x / a, y / b);
    let inside = (1.0 - p * p - q * q).max(0.0);
    inside * inside
}

/// The lines of a checked shirt: dark bands both ways, a light thread in each.
fn plaid(x: f32, y: f32) -> f32 {
    let band = |place: f32| {
        let wave = ripple(2.1 * place);
        (wave * 4.0 - 1.2).clamp(0.0, 1.0) * 0.2 - (wave * 24.0 - 22.5).clamp(0.0, 1.0) * 0.4
    };
    0.05 - band(x) - band(y + 0.1)
}

/// A wave of period 1 between -1 and 1, cheap: for textures.
pub(crate) fn ripple(x: f32) -> f32 {
    let x = x - ((x + WHOLE) - WHOLE);
    x * (0.5 - x.abs()) * 16.0
}

/// Added to a small number and taken away again it leaves the nearest whole one: `f32` has no bits to spare there.
/// (`f32::floor` is a call to libm on the oldest x86-64.)
const WHOLE: f32 = 12_582_912.0;

const CLOTHES: [Colour; 5] = [
    Colour::rgb(62, 88, 128),
    Colour::rgb(132, 58, 62),
    Colour::rgb(86, 104, 82),
    Colour::rgb(150, 146, 140),
    Colour::rgb(58, 58, 70),
];
