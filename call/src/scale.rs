//! Pictures to another size: where they go on a screen ([`fit`]), and cut to fill one ([`filled`]).

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
    let chroma =
        Place { left: cut.left / 2, top: cut.top / 2, width: cut.width.div_ceil(2), height: cut.height.div_ceil(2) };
    let mut i420 = Vec::with_capacity(from.i420_bytes());
    for ((plane, (width, _)), place) in image.planes().into_iter().zip(from.planes()).zip([cut, chroma, chroma]) {
        for row in plane.chunks_exact(width).skip(place.top).take(place.height) {
            i420.extend_from_slice(&row[place.left..place.left + place.width]);
        }
    }
    let cut_size = Size::new(cut.width as u32, cut.height as u32).expect("it lies within a picture");
    Image::from_i420(cut_size, i420).expect("its planes were cut to this size").scaled(size).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_wide_picture_on_a_square_screen_leaves_bars_above_and_below() {
        assert_eq!(fit((640, 360), (320, 320)), Place { left: 0, top: 70, width: 320, height: 180 });
    }

    #[test]
    fn a_square_picture_on_a_wide_screen_leaves_bars_at_the_sides() {
        assert_eq!(fit((100, 100), (300, 200)), Place { left: 50, top: 0, width: 200, height: 200 });
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
        let image = bars(90, 30);
        for (width, height) in [(30, 10), (45, 15), (90, 30), (120, 40)] {
            let size = Size::new(width, height).unwrap();
            assert!(filled(image.clone(), size) == *image.scaled(size), "{size}");
        }
    }

    #[test]
    fn a_picture_of_another_shape_loses_as_much_on_either_side() {
        // The middle half of the columns, at the size that they have.
        let image = filled(bars(36, 12), Size::new(18, 12).unwrap());
        for row in image.planes()[0].chunks_exact(18) {
            assert_eq!(row, [[0; 3].as_slice(), &[100; 12], &[200; 3]].concat());
        }
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
    }
}
