//! A raised hand with its forearm, in half heads around the base of the neck (see `figure`).

use crate::act::Gesture;
use crate::canvas::{Canvas, Frame, capsule, rounded_box};
use crate::figure::{Look, ripple};

/// Paints the hand on `side` (-1 left, 1 right) of the picture.
pub(crate) fn paint(canvas: &mut Canvas, shoulders: &Frame, look: &Look, side: f32, gesture: &Gesture) {
    let (raised, swing) = (gesture.raised as f32, gesture.swing as f32);
    let elbow = (side * (1.75 + 0.2 * raised), 3.2 - 0.7 * raised);
    let wrist = (side * (1.5 + 0.12 * swing), 3.6 - 3.0 * raised);
    let sleeve_end = between(elbow, wrist, 0.72);
    let reach = [elbow.0.min(wrist.0) - 0.5, wrist.1 - 0.4, elbow.0.max(wrist.0) + 0.5, elbow.1 + 0.5];
    canvas.paint(
        shoulders,
        reach,
        |x, y| capsule(x, y, elbow, wrist, 0.19),
        |x, _| look.skin.lit(0.82 + 0.5 * (x - wrist.0) * side),
    );
    canvas.paint(
        shoulders,
        reach,
        |x, y| capsule(x, y, elbow, sleeve_end, 0.30),
        |x, y| look.clothes.lit(0.88 + 0.35 * (x - wrist.0) * side + 0.06 * ripple(3.0 * y + x)),
    );

    let (x, y) = shoulders.place(wrist.0, wrist.1);
    let turns = f64::from(0.045 * swing + 0.02 * side);
    let hand = Frame::new(f64::from(x), f64::from(y), f64::from(shoulders.unit), turns);
    let spread = 0.5 + 0.5 * gesture.spread as f32;
    // Thumb towards the head. Each finger has a dark outline under it, so that they stay apart.
    let fingers = [
        ((-side * 0.18, -0.2), (-side * (0.36 + 0.1 * spread), -0.48), 0.075),
        ((-0.17, -0.52), (-0.17 - 0.14 * spread, -0.98), 0.066),
        ((-0.06, -0.56), (-0.06 - 0.05 * spread, -1.12), 0.07),
        ((0.06, -0.56), (0.06 + 0.05 * spread, -1.09), 0.07),
        ((0.17, -0.52), (0.17 + 0.15 * spread, -0.94), 0.062),
    ];
    for (from, to, radius) in fingers {
        let area = [from.0.min(to.0) - 0.12, to.1 - 0.12, from.0.max(to.0) + 0.12, from.1 + 0.14];
        for (outline, light) in [(0.018, 0.62), (0.0, 1.0)] {
            let finger = |x: f32, y: f32| capsule(x, y, from, to, radius + outline);
            canvas.paint(&hand, area, finger, |x, y| {
                let joints = 0.06 * ripple(4.5 * y).max(0.0);
                look.skin.lit(light * (0.98 - 0.8 * (x - (from.0 + to.0) / 2.0) * side - joints))
            });
        }
    }
    let palm = |x: f32, y: f32| rounded_box(x, y + 0.28, 0.235, 0.33, 0.17);
    canvas.paint(&hand, [-0.36, -0.7, 0.36, 0.16], palm, |x, y| {
        let crease = 0.10 * (1.0 - ((y + 0.34 + 0.3 * x * side).abs() * 22.0).min(1.0));
        look.skin.lit(0.98 + 0.25 * x * -side - 0.2 * (y + 0.3).abs() - crease)
    });
}

fn between(from: (f32, f32), to: (f32, f32), share: f32) -> (f32, f32) {
    (from.0 + (to.0 - from.0) * share, from.1 + (to.1 - from.1) * share)
}
