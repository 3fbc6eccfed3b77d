//! Room for pictures, used again. Fresh from the system it costs a page fault for every 4096 samples, and a picture of 1280x720
//! has hundreds of pages. Which room samples lie in changes no result.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

/// Samples whose room is kept for others when they are dropped.
#[derive(Debug)]
pub(crate) struct Samples(Vec<u8>);

/// Room that nobody uses.
static SPARE: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// A frame is encoded in three pictures, its source and two versions; one more is decoded.
const MOST_SPARE: usize = 4;

impl Samples {
    /// No samples yet, and room for `count`.
    pub(crate) fn with_room_for(count: usize) -> Self {
        let mut room = Self::spare(count).unwrap_or_else(|| Vec::with_capacity(count));
        room.clear();
        Self(room)
    }

    /// `count` samples that are yet to be painted, every one: what they are means nothing.
    pub(crate) fn unpainted(count: usize) -> Self {
        let mut room = Self::spare(count).unwrap_or_else(|| vec![0; count]);
        if cfg!(debug_assertions) {
            // Tests are to see it when something comes of what was left in the room.
            room.clear();
            room.resize(count, 0xa5);
        }
        room.resize(count, 0);
        Self(room)
    }

    /// `count` samples, all 0, in room of their own: the system has it ready, and none is taken before something is written there.
    pub(crate) fn fresh(count: usize) -> Self {
        Self(vec![0; count])
    }

    /// Room for `count` samples that is to be used again, with what was left in it.
    fn spare(count: usize) -> Option<Vec<u8>> {
        let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
        // Much larger room would be lost to pictures that need it.
        let fits = |room: &Vec<u8>| (count..=2 * count).contains(&room.capacity());
        spare.iter().position(fits).map(|at| spare.swap_remove(at))
    }

    /// `count` samples, all 0.
    pub(crate) fn zeros(count: usize) -> Self {
        let mut samples = Self::with_room_for(count);
        samples.resize(count, 0);
        samples
    }
}

impl Clone for Samples {
    fn clone(&self) -> Self {
        let mut samples = Self::with_room_for(self.len());
        samples.extend_from_slice(self);
        samples
    }
}

impl Drop for Samples {
    fn drop(&mut self) {
        let room = std::mem::take(&mut self.0);
        let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() == MOST_SPARE {
            // Pictures of another size may have come.
            spare.remove(0);
        }
        spare.push(room);
    }
}

impl Deref for Samples {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl DerefMut for Samples {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn used_room_comes_back_empty() {
        let mut samples = Samples::zeros(100_003);
        samples[7] = 9;
        drop(samples);
        let again = Samples::zeros(100_003);
        assert!(again.iter().all(|sample| *sample == 0));
        assert_eq!(again.clone()[..], again[..]);
        assert_eq!(Samples::unpainted(100_001).len(), 100_001);
    }
}
