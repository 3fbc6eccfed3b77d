//! Moving pictures without a camera: a seeded, synthetic person who talks, for the demo and for tests.
//!
//! A [`Scene`] is a function from a frame's number to its picture: nothing flows from frame to frame, so frames can
//! be asked for in any order and on any thread, and one seed gives the same bytes on every CPU (only exactly rounded
//! arithmetic is used, no libm). It is timed for [`FRAMES_PER_SECOND`]; at another rate the person is quicker or slower.
//! What it has of a real call: a textured still room, head-and-shoulders that sway, turn, talk and blink, hands
//! that wave now and then, sensor noise, light that drifts, and a cut to another room every quarter of a minute.
//!
//! ```
//! use oyster_codec::Size;
//! use oyster_scene::Scene;
//!
//! let scene = Scene::new(Size::new(160, 90)?, 7);
//! assert_eq!(scene.frame(100), scene.frame(100));
//! # Ok::<(), oyster_codec::SizeError>(())
//! ```

mod act;
mod canvas;
mod chance;
mod figure;
mod hand;
mod room;
mod sensor;

use oyster_codec::{Image, Size};

use act::Act;
use canvas::Canvas;
use sensor::Sensor;

/// The frame rate at which the person moves naturally.
pub const FRAMES_PER_SECOND: u32 = 30;

/// A synthetic talking head at one size; see the crate's page.
#[derive(Debug)]
pub struct Scene {
    size: Size,
    seed: u64,
    /// The rooms without anybody in them, painted once.
    rooms: [Image; room::ROOMS],
    sensor: Sensor,
}

impl Scene {
    /// The scene that belongs to `seed`, in pictures of `size`. Paints the rooms: some 0.1 s at 720p.
    pub fn new(size: Size, seed: u64) -> Self {
        let rooms = std::array::from_fn(|room| room::paint(size, room, seed));
        Self { size, seed, rooms, sensor: Sensor::new(seed) }
    }

    /// The size of every picture.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Picture number `n`, counted from 0; any number will do, there is no end.
    pub fn frame(&self, n: u64) -> Image {
        let act = Act::at(self.seed, n);
        let mut image = self.rooms[act.room].clone();
        let mut canvas = Canvas::new(&mut image);
        figure::paint(&mut canvas, &act);
        self.sensor.expose(&mut image, act.light, n);
        image
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scene(seed: u64) -> Scene {
        Scene::new(Size::new(160, 90).unwrap(), seed)
    }

    /// Mean absolute difference of luma.
    fn distance(a: &Image, b: &Image) -> f64 {
        let [a, b] = [a, b].map(|image| image.planes()[0]);
        a.iter().zip(b).map(|(&a, &b)| f64::from(a.abs_diff(b))).sum::<f64>() / a.len() as f64
    }

    #[test]
    fn a_frame_depends_on_seed_and_number_alone() {
        let [one, same, other] = [scene(1), scene(1), scene(2)];
        let in_order: Vec<Image> = (0..5).map(|n| one.frame(n)).collect();
        let backwards: Vec<Image> = (0..5).rev().map(|n| same.frame(n)).collect();
        assert!(in_order.iter().eq(backwards.iter().rev()));
        assert_ne!(one.frame(3), other.frame(3));
    }

    #[test]
    fn neighbours_differ_a_little_and_across_a_cut_a_lot() {
        let scene = scene(5);
        let steps: Vec<f64> = (0..1800).map(|n| distance(&scene.frame(n), &scene.frame(n + 1))).collect();
        let cuts = steps.iter().filter(|&&step| step > 12.0).count();
        assert!((2..=5).contains(&cuts), "{cuts} cuts in a minute");
        let within = steps.iter().filter(|&&step| step <= 12.0);
        assert!(
            within.clone().all(|&step| (0.3..6.0).contains(&step)),
            "neighbours that differ by {:?}",
            within.copied().fold(0.0, f64::max)
        );
    }

    #[test]
    fn any_size_and_any_number_has_a_picture() {
        for (width, height) in [(1, 1), (2, 300), (333, 3), (175, 143)] {
            let size = Size::new(width, height).unwrap();
            let scene = Scene::new(size, u64::MAX);
            for n in [0, 1, 12_345, u64::MAX] {
                assert_eq!(scene.frame(n).size(), size);
            }
        }
    }

    #[test]
    fn the_picture_is_exposed_like_a_camera_s() {
        let scene = scene(9);
        for n in (0..2000).step_by(250) {
            let image = scene.frame(n);
            let [y, u, v] = image.planes();
            let mean = |plane: &[u8]| plane.iter().map(|&sample| f64::from(sample)).sum::<f64>() / plane.len() as f64;
            assert!((50.0..190.0).contains(&mean(y)), "luma {}", mean(y));
            assert!((105.0..150.0).contains(&mean(u)) && (105.0..155.0).contains(&mean(v)));
        }
    }
}
