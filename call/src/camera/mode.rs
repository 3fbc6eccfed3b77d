//! Which of a camera's modes to take: a pure function over what it offers.

use std::cmp::Ordering;
use std::fmt;

use oyster_codec::Size;

/// How a camera's bytes are a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PixelFormat {
    /// Packed 4:2:2: Y, U, Y, V.
    Yuyv,
    /// Planar Y, then U and V by turns, 4:2:0.
    Nv12,
    /// Planar Y, U, V, 4:2:0: what the codec takes.
    Yu12,
    /// A JPEG a picture.
    Mjpeg,
}

impl PixelFormat {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Yu12, Self::Nv12, Self::Yuyv, Self::Mjpeg];

    /// V4L2's name.
    pub fn fourcc(self) -> &'static str {
        match self {
            Self::Yuyv => "YUYV",
            Self::Nv12 => "NV12",
            Self::Yu12 => "YU12",
            Self::Mjpeg => "MJPG",
        }
    }

    /// What its conversion costs, in the currency of [`cost`].
    fn effort(self) -> f64 {
        match self {
            Self::Yu12 => 0.0,
            Self::Nv12 => 0.01,
            Self::Yuyv => 0.02,
            // Milliseconds of decoding, and its blocks are coded again by us.
            Self::Mjpeg => 0.3,
        }
    }
}

impl fmt::Display for PixelFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Mjpeg { "MJPEG" } else { self.fourcc() })
    }
}

/// One way a camera can be run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mode {
    /// How its bytes are a picture.
    pub format: PixelFormat,
    /// How large its pictures are.
    pub size: Size,
    /// How many it gives a second.
    pub frames_per_second: f64,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} at {:.4} a second", self.format, self.size, Short(self.frames_per_second))
    }
}

/// A number without the zeros at its end: 30, 12.5.
struct Short(f64);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", (self.0 * 100.0).round() / 100.0)
    }
}

/// The mode that serves a call of `size` at `frames_per_second` best; the first of equals. `None` where nothing is offered.
pub(super) fn choose(offered: &[Mode], size: Size, frames_per_second: f64) -> Option<Mode> {
    let by_cost = |a: &&Mode, b: &&Mode| {
        cost(a, size, frames_per_second).partial_cmp(&cost(b, size, frames_per_second)).unwrap_or(Ordering::Equal)
    };
    offered.iter().min_by(by_cost).copied()
}

/// What taking the mode costs: motion lost, detail lost, picture cut away, and work for nothing.
fn cost(mode: &Mode, size: Size, frames_per_second: f64) -> f64 {
    let halvings = |wanted: f64, given: f64| (wanted / given.max(1e-3)).log2();
    let (width, height) = (mode.size.width() as f64, mode.size.height() as f64);
    let (wanted_width, wanted_height) = (size.width() as f64, size.height() as f64);
    // What is left of the picture when it is cut to the shape that is wanted, and how far that must be enlarged.
    let scale = (wanted_width / width).max(wanted_height / height);
    let kept = (wanted_width / scale) * (wanted_height / scale) / (width * height);
    let rate = halvings(frames_per_second, mode.frames_per_second);
    // A camera that says 29.97 or 25 is fast enough for 30: it is what there is in the dark.
    let slowness = (rate - 0.3).max(0.0) * RATE_COST + rate.abs() * DIFFERENCE_COST;
    let detail = scale.log2();
    let coarseness = detail.max(0.0) * DETAIL_COST + (-detail).max(0.0) * EXCESS_COST;
    slowness + coarseness + (1.0 - kept) * CUT_COST + mode.format.effort()
}

/// Halving the pictures a second is the worst: a slide show is no call.
const RATE_COST: f64 = 3.0;
/// Among modes that are fast enough the nearest is taken.
const DIFFERENCE_COST: f64 = 0.2;
/// Halving both sides: visible, but the link often asks for it anyway.
const DETAIL_COST: f64 = 1.5;
/// Pixels that are only scaled away cost bus and processor time.
const EXCESS_COST: f64 = 0.4;
/// The whole picture cut away; from 4:3 to 16:9 a quarter is.
const CUT_COST: f64 = 0.5;

/// The size to ask a camera for that offers any within a range by steps: the least that is no smaller than wanted, or the
/// largest it has.
pub(super) fn fitted(least: (u32, u32), most: (u32, u32), step: (u32, u32), wanted: Size) -> (u32, u32) {
    let side = |least: u32, most: u32, step: u32, wanted: usize| {
        let wanted = u32::try_from(wanted).unwrap_or(u32::MAX).clamp(least, most.max(least));
        let steps = (wanted - least).div_ceil(step.max(1));
        least.saturating_add(steps.saturating_mul(step.max(1))).min(most.max(least))
    };
    (side(least.0, most.0, step.0, wanted.width()), side(least.1, most.1, step.1, wanted.height()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mode(format: PixelFormat, width: u32, height: u32, frames_per_second: f64) -> Mode {
        Mode { format, size: Size::new(width, height).unwrap(), frames_per_second }
    }

    /// What a usual webcam offers: raw pictures as far as USB 2 carries them, JPEG beyond.
    fn webcam() -> Vec<Mode> {
        let raw = [(640, 480, 30.0), (320, 240, 30.0), (640, 360, 30.0), (1280, 720, 10.0), (1920, 1080, 5.0)];
        let coded = [(640, 480, 30.0), (1280, 720, 30.0), (1920, 1080, 30.0)];
        let raw = raw.map(|(width, height, rate)| mode(PixelFormat::Yuyv, width, height, rate));
        let coded = coded.map(|(width, height, rate)| mode(PixelFormat::Mjpeg, width, height, rate));
        raw.into_iter().chain(coded).collect()
    }

    fn chosen(offered: &[Mode], width: u32, height: u32, rate: f64) -> String {
        choose(offered, Size::new(width, height).unwrap(), rate).unwrap().to_string()
    }

    #[test]
    fn a_size_that_raw_bytes_reach_is_taken_raw() {
        assert_eq!(chosen(&webcam(), 640, 360, 30.0), "YUYV 640x360 at 30 a second");
        assert_eq!(chosen(&webcam(), 320, 240, 30.0), "YUYV 320x240 at 30 a second");
    }

    #[test]
    fn a_large_one_is_taken_as_jpeg_rather_than_as_slides() {
        assert_eq!(chosen(&webcam(), 1280, 720, 30.0), "MJPEG 1280x720 at 30 a second");
    }

    #[test]
    fn slides_are_taken_where_they_are_asked_for() {
        assert_eq!(chosen(&webcam(), 1280, 720, 10.0), "YUYV 1280x720 at 10 a second");
    }

    #[test]
    fn without_jpeg_motion_goes_before_detail() {
        let raw: Vec<_> = webcam().into_iter().filter(|mode| mode.format == PixelFormat::Yuyv).collect();
        assert_eq!(chosen(&raw, 1280, 720, 30.0), "YUYV 640x360 at 30 a second");
    }

    #[test]
    fn of_equal_modes_the_one_without_conversion_is_taken() {
        let offered = PixelFormat::ALL.map(|format| mode(format, 640, 360, 30.0));
        assert_eq!(chosen(&offered, 640, 360, 30.0), "YU12 640x360 at 30 a second");
    }

    #[test]
    fn a_picture_of_the_right_shape_is_not_cut() {
        let offered = [mode(PixelFormat::Yuyv, 640, 480, 30.0), mode(PixelFormat::Yuyv, 640, 360, 30.0)];
        assert_eq!(chosen(&offered, 640, 360, 30.0), "YUYV 640x360 at 30 a second");
    }

    #[test]
    fn a_rate_a_little_short_is_better_than_twice_as_many() {
        let offered = [mode(PixelFormat::Yuyv, 640, 360, 60.0), mode(PixelFormat::Yuyv, 640, 360, 29.97)];
        assert_eq!(chosen(&offered, 640, 360, 30.0), "YUYV 640x360 at 29.97 a second");
    }

    #[test]
    fn nothing_offered_is_nothing_chosen() {
        assert_eq!(choose(&[], Size::new(640, 360).unwrap(), 30.0), None);
    }

    #[test]
    fn a_range_gives_the_least_size_that_serves() {
        let wanted = Size::new(640, 360).unwrap();
        assert_eq!(fitted((16, 16), (4096, 2160), (2, 2), wanted), (640, 360));
        assert_eq!(fitted((100, 100), (4096, 2160), (32, 32), wanted), (644, 388));
        assert_eq!(fitted((16, 16), (320, 240), (8, 8), wanted), (320, 240));
        assert_eq!(fitted((800, 600), (1600, 1200), (8, 8), wanted), (800, 600));
    }

    proptest! {
        #[test]
        fn whatever_a_driver_says_a_range_has_an_answer_within_it(
            least in (0u32..5000, 0u32..5000), most in any::<(u32, u32)>(), step in any::<(u32, u32)>()
        ) {
            let (width, height) = fitted(least, most, step, Size::new(640, 360).unwrap());
            prop_assert!(width >= least.0 && width <= most.0.max(least.0));
            prop_assert!(height >= least.1 && height <= most.1.max(least.1));
        }

        #[test]
        fn what_is_chosen_was_offered(rates in proptest::collection::vec(0.0f64..1e9, 1..20)) {
            let offered: Vec<_> = rates.iter().map(|rate| mode(PixelFormat::Yuyv, 640, 480, *rate)).collect();
            let chosen = choose(&offered, Size::new(640, 360).unwrap(), 30.0).unwrap();
            prop_assert!(offered.contains(&chosen));
        }
    }
}
