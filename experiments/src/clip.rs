//! A clip played forwards, then backwards, and so on: longer than it is, and without a cut.

use std::sync::Arc;

use oyster_codec::{Image, Size};

/// Pictures of one size, at least one.
#[derive(Clone, Debug)]
pub struct Clip {
    frames: Vec<Arc<Image>>,
}

impl Clip {
    /// The clip with these pictures; none if there are none or their sizes differ.
    pub fn new(frames: Vec<Arc<Image>>) -> Option<Self> {
        let size = frames.first()?.size();
        frames.iter().all(|frame| frame.size() == size).then_some(Self { frames })
    }

    /// The size of its pictures.
    pub fn size(&self) -> Size {
        self.frames[0].size()
    }

    /// The `number`th picture of the endless play, from 0.
    pub fn frame(&self, number: u64) -> &Arc<Image> {
        // Turning points are shown once: 0 1 2 3 2 1 0 1 …
        let last = self.frames.len() as u64 - 1;
        let place = number % (2 * last).max(1);
        &self.frames[if place <= last { place } else { 2 * last - place } as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clip(length: u8) -> Clip {
        let size = Size::new(1, 1).unwrap();
        let frame = |n| Arc::new(Image::from_i420(size, vec![n, 128, 128]).unwrap());
        Clip::new((0..length).map(frame).collect()).unwrap()
    }

    #[test]
    fn a_short_clip_plays_forwards_and_backwards() {
        let clip = clip(4);
        let played: Vec<u8> = (0..10).map(|n| clip.frame(n).i420()[0]).collect();
        assert_eq!(played, [0, 1, 2, 3, 2, 1, 0, 1, 2, 3]);
    }

    #[test]
    fn a_still_is_a_clip_and_nothing_is_none() {
        assert_eq!(clip(1).frame(7).i420()[0], 0);
        assert!(Clip::new(Vec::new()).is_none());
    }
}
