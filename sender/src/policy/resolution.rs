//! Which size pictures are coded at: smaller ones where a picture of full size would be a blur.
//!
//! Past some quantizer a smaller picture, shown at full size, is nearer to what was captured than a full one of as many bytes. On six clips
//! of 352x288 to 1280x720, three quarters of a side against full, likeness in dB of SSIM [measured, 60 frames]: at quantizer 60
//! -0.5 to +0.6, at 75 -0.3 to +1.0, at 90 -0.1 to +1.5, at 105 +0.2 to +2.0, at 127 +0.5 to +2.6; further down the sides
//! likewise. And a full picture at the coarsest quantizer may be more than the link takes at all.

use std::time::Duration;

use oyster_codec::{QuantizerIndex, Size};

/// Sides that smaller pictures have, in eighths of the full ones.
const EIGHTHS: [usize; 4] = [6, 4, 3, 2];
/// No picture is made smaller than this.
const SAMPLES_MIN: usize = 160 * 90;
/// Coarser than this on the whole, a smaller picture is better.
const TOO_COARSE: f64 = 84.0;
/// How many steps of the quantizer a picture that is one size smaller lands finer, in as many bytes [measured: 18 to 30].
const STEPS_PER_SIZE: f64 = 22.0;
/// A larger picture is only tried if it is expected to land no coarser than this,
const FINE_ENOUGH: f64 = 72.0;
/// and has been for this long.
const PATIENCE: Duration = Duration::from_millis(300);
/// Pictures that the quantizer is averaged over: more than a second of them on the way down, as going down and up again takes bits and a
/// link that is slow for half a second is over it by then [twelve pictures for forty: up to 0.3 dB on links with pauses];
/// few on the way up.
const MEMORY: f64 = 40.0;
const RECENT: f64 = 4.0;
/// What is thought before anything is known.
const FIRST: f64 = 48.0;

/// The sizes that pictures of `full` size may be coded at, largest first.
fn sizes(full: Size) -> impl Iterator<Item = Size> {
    let scaled = move |eighths: usize| {
        let side = |side: usize| u32::try_from((side * eighths).div_ceil(16) * 2).ok();
        let size = Size::new(side(full.width())?, side(full.height())?).ok()?;
        (size.width() * size.height() >= SAMPLES_MIN).then_some(size)
    };
    std::iter::once(full).chain(EIGHTHS.into_iter().filter_map(scaled))
}

/// Whether `size` is one that pictures of `full` size may be coded at.
pub(crate) fn is_size_of(size: Size, full: Size) -> bool {
    sizes(full).any(|one| one == size)
}

/// The size that pictures are coded at now, and how coarse they get.
#[derive(Debug)]
pub(crate) struct Resolution {
    /// How many sizes below the full one.
    below: usize,
    /// The quantizer that the link allows, averaged over [`MEMORY`] pictures and over [`RECENT`].
    usual: f64,
    recent: f64,
    /// Since when there has been room for a larger size, if there is.
    room_since: Option<Duration>,
}

impl Default for Resolution {
    fn default() -> Self {
        Self { below: 0, usual: FIRST, recent: FIRST, room_since: None }
    }
}

impl Resolution {
    /// The size to code a picture of `full` size at.
    pub(crate) fn size(&self, full: Size) -> Size {
        sizes(full).take(self.below + 1).last().unwrap_or(full)
    }

    /// A picture of `full` size could have gone at `quantizer`, coded at the size as it is. Answers how many sizes larger the
    /// next ones are to be, or smaller (less than 0).
    pub(crate) fn handle_quantizer(&mut self, full: Size, quantizer: QuantizerIndex, now: Duration) -> i32 {
        let quantizer = f64::from(quantizer.value());
        self.usual += (quantizer - self.usual) / MEMORY;
        self.recent += (quantizer - self.recent) / RECENT;
        // The camera's pictures may have become smaller ones, which have fewer sizes.
        let smallest = sizes(full).count() - 1;
        self.below = self.below.min(smallest);
        let up = self.sizes_up(now);
        let down = usize::from(up == 0 && self.usual > TOO_COARSE && self.below < smallest);
        let step = up as i32 - down as i32;
        if step != 0 {
            self.below = self.below + down - up;
            let landing = if up > 0 { self.recent } else { self.usual };
            (self.usual, self.room_since) = (landing + STEPS_PER_SIZE * f64::from(step), None);
            self.recent = self.usual;
        }
        step
    }

    /// How many sizes larger pictures are to be, as they have had room for that for long enough.
    fn sizes_up(&mut self, now: Duration) -> usize {
        let room = (FINE_ENOUGH - self.recent).max(0.0) / STEPS_PER_SIZE;
        let up = (room as usize).min(self.below);
        if up == 0 {
            self.room_since = None;
            return 0;
        }
        let since = *self.room_since.get_or_insert(now);
        if now < since + PATIENCE { 0 } else { up }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: Size = match Size::new(1280, 720) {
        Ok(size) => size,
        Err(_) => panic!("it is a size"),
    };

    /// Thirty pictures a second for so long, each of which could go at `quantizer`; the sizes they are coded at.
    fn play(resolution: &mut Resolution, from_s: u64, seconds: u64, quantizer: impl Fn(Size) -> i32) -> Vec<usize> {
        let pictures = 30 * from_s..30 * (from_s + seconds);
        pictures
            .map(|picture| {
                let size = resolution.size(FULL);
                let now = Duration::from_secs_f64(picture as f64 / 30.0);
                resolution.handle_quantizer(FULL, QuantizerIndex::saturating(quantizer(size)), now);
                size.width()
            })
            .collect()
    }

    /// A link on which a full picture would land at `full`, and a smaller one finer, as they do.
    fn link(full: i32) -> impl Fn(Size) -> i32 {
        move |size| full - 22 * sizes(FULL).position(|one| one == size).unwrap_or_default() as i32
    }

    #[test]
    fn sizes_keep_their_shape_and_even_sides_and_are_never_tiny() {
        let names = |full| sizes(full).map(|size| size.to_string()).collect::<Vec<_>>();
        assert_eq!(names(FULL), ["1280x720", "960x540", "640x360", "480x270", "320x180"]);
        assert_eq!(names(Size::new(640, 360).unwrap()), ["640x360", "480x270", "320x180", "240x136", "160x90"]);
        assert_eq!(names(Size::new(176, 144).unwrap()), ["176x144"]);
        assert_eq!(names(Size::new(1, 1).unwrap()), ["1x1"]);
    }

    #[test]
    fn a_slow_link_has_smaller_pictures_and_settles() {
        let mut resolution = Resolution::default();
        play(&mut resolution, 0, 10, link(120));
        let settled = play(&mut resolution, 10, 60, link(120));
        assert!(settled.iter().all(|width| *width == 640), "{settled:?}");
    }

    #[test]
    fn a_link_that_is_slow_for_half_a_second_changes_nothing() {
        let mut resolution = Resolution::default();
        for second in 0..20 {
            let quantizer = move |_: Size| if second % 4 == 0 { 110 } else { 40 };
            let widths = play(&mut resolution, second, 1, quantizer);
            assert!(widths.iter().all(|width| *width == 1280), "{second}: {widths:?}");
        }
    }

    #[test]
    fn a_link_that_gets_room_has_full_pictures_within_a_second() {
        let mut resolution = Resolution::default();
        play(&mut resolution, 0, 20, |_| 127);
        assert_eq!(resolution.size(FULL).width(), 320);
        let widths = play(&mut resolution, 20, 1, |_| 3);
        assert!(widths[24..].iter().all(|width| *width == 1280), "{widths:?}");
    }

    #[test]
    fn a_camera_that_turns_to_smaller_pictures_has_fewer_sizes_to_go_down() {
        let mut resolution = Resolution::default();
        play(&mut resolution, 0, 20, |_| 127);
        let small = Size::new(176, 144).unwrap();
        resolution.handle_quantizer(small, QuantizerIndex::MAX, Duration::from_secs(21));
        assert_eq!((resolution.size(small), resolution.size(FULL)), (small, FULL));
    }
}
