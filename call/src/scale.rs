//! Pictures to another size: where they go on a screen ([`fit`]), cut to fill one ([`filled`]), and their planes resampled
//! ([`scaled_plane`]). A box filter where a side shrinks, linear interpolation where it grows; each side by itself, integers
//! only.

use std::cmp::Ordering;

use oyster_codec::{Image, Size};

/// A rectangle inside a screen, in the screen's pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) left: usize,
    pub(crate) top: usize,
    pub(crate) width: usize,
    pub(crate) height: usize,
}

/// The largest place of a `picture`'s shape in the middle of a `screen`, both as (width, height); at least one pixel a
/// side unless the screen has none.
pub(crate) fn fit(picture: (usize, usize), screen: (usize, usize)) -> Place {
    let (wide, tall) = (screen.0 * picture.1, screen.1 * picture.0);
    let rounded = |product: usize, side: usize, limit: usize| ((product + side / 2) / side).clamp(limit.min(1), limit);
    let (width, height) = if wide <= tall {
        (screen.0, rounded(wide, picture.0, screen.1))
    } else {
        (rounded(tall, picture.1, screen.0), screen.1)
    };
    Place { left: (screen.0 - width) / 2, top: (screen.1 - height) / 2, width, height }
}

/// Where a small `picture` lies in the upper right corner of a `screen`: a fifth of its width or height, and nothing where the
/// screen is too small for that.
pub(crate) fn corner(picture: (usize, usize), screen: (usize, usize)) -> Place {
    let place = fit(picture, (screen.0 / 5, screen.1 / 4));
    let margin = screen.0.min(screen.1) / 36;
    let left = screen.0.saturating_sub(place.width + margin);
    Place { left, top: margin.min(screen.1.saturating_sub(place.height)), ..place }
}

/// The picture cut to the shape of `size`, as much off one edge as off the other, and scaled to it.
pub(crate) fn filled(image: Image, size: Size) -> Image {
    let from = image.size();
    if from == size {
        return image;
    }
    // The other way round: the largest place of the target's shape in the picture.
    let cut = fit((size.width(), size.height()), (from.width(), from.height()));
    let chroma = Place {
        left: cut.left / 2,
        top: cut.top / 2,
        width: cut.width.div_ceil(2).min(from.chroma_width() - cut.left / 2),
        height: cut.height.div_ceil(2).min(from.chroma_height() - cut.top / 2),
    };
    let targets = [(size.width(), size.height()), (size.chroma_width(), size.chroma_height())];
    let (mut i420, mut cut_out, mut scaled) = (Vec::with_capacity(size.i420_bytes()), Vec::new(), Vec::new());
    let widths = [from.width(), from.chroma_width(), from.chroma_width()];
    for ((plane, width), (place, to)) in
        image.planes().into_iter().zip(widths).zip([(cut, targets[0]), (chroma, targets[1]), (chroma, targets[1])])
    {
        cut_out.clear();
        for row in plane.chunks_exact(width).skip(place.top).take(place.height) {
            cut_out.extend_from_slice(&row[place.left..place.left + place.width]);
        }
        scaled_plane(&cut_out, (place.width, place.height), to, &mut scaled);
        i420.extend_from_slice(&scaled);
    }
    Image::from_i420(size, i420).expect("the planes were scaled to this size")
}

/// Resamples a plane of `from` (width, height) samples to `to`, both without padding and not empty. `target` is
/// overwritten; it is an argument so that its memory is used again.
pub(crate) fn scaled_plane(source: &[u8], from: (usize, usize), to: (usize, usize), target: &mut Vec<u8>) {
    assert_eq!(source.len(), from.0 * from.1, "a plane is as long as its sides say");
    target.clear();
    if from == to {
        target.extend_from_slice(source);
        return;
    }
    let across = Across::new(from.0, to.0);
    if from.1 <= to.1 {
        grow_rows(source, from, to.1, &across, target);
    } else {
        shrink_rows(source, from, to.1, &across, target);
    }
}

/// Scales every source row across once, and blends the two that lie around each target row.
fn grow_rows(source: &[u8], from: (usize, usize), rows: usize, across: &Across, target: &mut Vec<u8>) {
    let (mut upper, mut lower) = (Vec::new(), Vec::new());
    let mut row = Vec::with_capacity(from.0 + 1);
    let mut rows_scaled = 0;
    for step in (0..rows).map(|index| step(index, from.1, rows)) {
        while rows_scaled < step.start + 2 {
            std::mem::swap(&mut upper, &mut lower);
            // Below the last row lies another like it, which weighs nothing.
            row.clear();
            row.extend_from_slice(&source[rows_scaled.min(from.1 - 1) * from.0..][..from.0]);
            row.push(row[from.0 - 1]);
            lower.clear();
            across.extend(&row, &mut lower);
            rows_scaled += 1;
        }
        target.extend(upper.iter().zip(&lower).map(|(above, below)| between(*above, *below, step.fraction)));
    }
}

/// Means the source rows under each target row, and scales only the mean across.
fn shrink_rows(source: &[u8], from: (usize, usize), rows: usize, across: &Across, target: &mut Vec<u8>) {
    let mut sums = vec![0_u16; from.0];
    let mut row = Vec::with_capacity(from.0 + 1);
    for window in (0..rows).map(|index| window(index, from.1, rows)) {
        sums.fill(128);
        for (number, weight) in (window.start..).zip(&window.weights) {
            for (sum, sample) in sums.iter_mut().zip(&source[number * from.0..]) {
                *sum += u16::from(*sample) * weight;
            }
        }
        row.clear();
        row.extend(sums.iter().map(|sum| (sum >> 8) as u8));
        row.push(row[from.0 - 1]);
        across.extend(&row, target);
    }
}

/// How the samples of a row are made from those of another.
enum Across {
    Same,
    Grow(Vec<Step>),
    Shrink(Vec<Window>),
}

/// A sample lies `fraction`/256 of the way from the one at `start` to the next.
struct Step {
    start: usize,
    fraction: u16,
}

/// A sample is the weighted mean of those from `start` on; the weights add up to 256.
struct Window {
    start: usize,
    weights: Vec<u16>,
}

impl Across {
    fn new(from: usize, to: usize) -> Self {
        match from.cmp(&to) {
            Ordering::Equal => Self::Same,
            Ordering::Less => Self::Grow((0..to).map(|index| step(index, from, to)).collect()),
            Ordering::Greater => Self::Shrink((0..to).map(|index| window(index, from, to)).collect()),
        }
    }

    /// Appends one scaled row; `row` has its last sample twice, as linear interpolation looks one to the right even where
    /// that weighs nothing.
    fn extend(&self, row: &[u8], target: &mut Vec<u8>) {
        match self {
            Self::Same => target.extend_from_slice(&row[..row.len() - 1]),
            Self::Grow(steps) => {
                target.extend(steps.iter().map(|step| between(row[step.start], row[step.start + 1], step.fraction)));
            }
            Self::Shrink(windows) => target.extend(windows.iter().map(|window| {
                let samples = &row[window.start..][..window.weights.len()];
                let sum: u16 =
                    samples.iter().zip(&window.weights).map(|(sample, weight)| u16::from(*sample) * weight).sum();
                ((sum + 128) >> 8) as u8
            })),
        }
    }
}

/// `fraction`/256 of the way from `first` to `second`.
fn between(first: u8, second: u8, fraction: u16) -> u8 {
    ((u16::from(first) * (256 - fraction) + u16::from(second) * fraction + 128) >> 8) as u8
}

/// Linear interpolation between sample centres; the outermost samples reach to the edges.
fn step(index: usize, from: usize, to: usize) -> Step {
    let position = ((2 * index + 1) * from).saturating_sub(to);
    let (start, rest) = (position / (2 * to), position % (2 * to));
    if start + 1 >= from {
        return Step { start: from - 1, fraction: 0 };
    }
    Step { start, fraction: (rest * 256 / (2 * to)) as u16 }
}

/// A box filter: each source sample weighs what of it lies inside the target sample.
fn window(index: usize, from: usize, to: usize) -> Window {
    // In units of 1/to of a source sample, the target sample spans `from` units beginning here.
    let begin = index * from;
    let end = begin + from;
    let start = begin / to;
    let last = (end - 1) / to;
    // Rounding the running sum instead of each weight makes them add up to exactly 256.
    let share_up_to = |unit: usize| ((unit - begin) * 256 + from / 2) / from;
    let weights = (start..=last)
        .map(|sample| share_up_to(((sample + 1) * to).min(end)) - share_up_to((sample * to).max(begin)))
        .map(|weight| weight as u16)
        .collect();
    Window { start, weights }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scaled(source: &[u8], from: (usize, usize), to: (usize, usize)) -> Vec<u8> {
        let mut target = Vec::new();
        scaled_plane(source, from, to, &mut target);
        target
    }

    #[test]
    fn a_wide_picture_on_a_square_screen_leaves_bars_above_and_below() {
        assert_eq!(fit((640, 360), (320, 320)), Place { left: 0, top: 70, width: 320, height: 180 });
    }

    #[test]
    fn a_square_picture_on_a_wide_screen_leaves_bars_at_the_sides() {
        assert_eq!(fit((100, 100), (300, 200)), Place { left: 50, top: 0, width: 200, height: 200 });
    }

    #[test]
    fn half_the_size_is_the_mean_of_four() {
        assert_eq!(scaled(&[0, 20, 100, 100, 40, 60, 100, 104], (4, 2), (2, 1)), [30, 101]);
    }

    #[test]
    fn twice_the_size_goes_a_quarter_and_three_quarters_of_the_way() {
        assert_eq!(scaled(&[0, 100], (2, 1), (4, 1)), [0, 25, 75, 100]);
        assert_eq!(scaled(&[0, 100], (1, 2), (1, 4)), [0, 25, 75, 100]);
    }

    /// Bars of the levels 0, 100 and 200, a third of the width each.
    fn bars(width: u32, height: u32) -> Image {
        let mut image = Image::black(Size::new(width, height).unwrap());
        let width = width as usize;
        for row in image.planes_mut()[0].chunks_exact_mut(width) {
            row.iter_mut().enumerate().for_each(|(x, level)| *level = (3 * x / width * 100) as u8);
        }
        image
    }

    #[test]
    fn a_wide_picture_fills_a_square_by_its_middle() {
        let image = filled(bars(90, 30), Size::new(60, 60).unwrap());
        assert!(image.planes()[0].iter().all(|level| *level == 100));
    }

    #[test]
    fn a_picture_of_the_same_shape_loses_nothing() {
        let image = filled(bars(90, 30), Size::new(30, 10).unwrap());
        assert!(image == bars(30, 10));
    }

    proptest! {
        #[test]
        fn any_picture_fills_any_size(from in (1u32..50, 1u32..50), to in (1u32..50, 1u32..50)) {
            let size = Size::new(to.0, to.1).unwrap();
            let mut image = Image::black(Size::new(from.0, from.1).unwrap());
            image.i420_mut().fill(77);
            prop_assert!(filled(image, size).i420().iter().all(|level| *level == 77));
        }

        #[test]
        fn a_place_keeps_the_shape_and_stays_inside(
            picture in (1usize..2000, 1usize..2000), screen in (1usize..2000, 1usize..2000)
        ) {
            let place = fit(picture, screen);
            prop_assert!(place.width >= 1 && place.height >= 1);
            prop_assert!(place.left + place.width <= screen.0 && place.top + place.height <= screen.1);
            prop_assert!(place.width == screen.0 || place.height == screen.1);
            // Rounded to the nearest pixel, unless that pixel is the only one.
            let (x, y) = (place.width * picture.1, place.height * picture.0);
            prop_assert!(x.abs_diff(y) * 2 <= picture.0.max(picture.1) || place.width == 1 || place.height == 1);
        }

        #[test]
        fn a_flat_plane_stays_flat(
            level: u8, from in (1usize..70, 1usize..70), to in (1usize..70, 1usize..70)
        ) {
            let target = scaled(&vec![level; from.0 * from.1], from, to);
            prop_assert_eq!(target, vec![level; to.0 * to.1]);
        }

        #[test]
        fn no_sample_leaves_the_range_of_the_source(
            source in proptest::collection::vec(any::<u8>(), 77), to in (1usize..40, 1usize..40)
        ) {
            let target = scaled(&source, (11, 7), to);
            prop_assert_eq!(target.len(), to.0 * to.1);
            prop_assert!(target.iter().max() <= source.iter().max() && target.iter().min() >= source.iter().min());
        }
    }
}
