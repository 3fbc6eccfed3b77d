//! Which pictures the newest frames hold: those that go, and those that come.

use std::collections::BTreeMap;

use oyster_signalling::Label;

/// Labels by the number of their frames.
#[derive(Debug, Default)]
pub(super) struct Labels {
    going: BTreeMap<u32, Label>,
    coming: BTreeMap<u32, Label>,
}

impl Labels {
    /// A fragment of a frame came.
    pub(super) fn insert(&mut self, frame: u32, label: Label) {
        put(&mut self.coming, frame, label);
    }

    /// Of a frame that came.
    pub(super) fn get(&self, frame: u32) -> Option<Label> {
        self.coming.get(&frame).copied()
    }

    /// A frame goes.
    pub(super) fn insert_sent(&mut self, frame: u32, label: Label) {
        put(&mut self.going, frame, label);
    }

    /// Of a frame that goes.
    pub(super) fn sent(&self, frame: u32) -> Option<Label> {
        self.going.get(&frame).copied()
    }
}

fn put(labels: &mut BTreeMap<u32, Label>, frame: u32, label: Label) {
    labels.entry(frame).or_insert(label);
    if labels.len() > MAX_FRAMES {
        labels.pop_first();
    }
}

/// More frames than wait anywhere: two seconds of sixty.
const MAX_FRAMES: usize = 120;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_frames_are_known_and_a_frame_keeps_its_first_label() {
        let mut labels = Labels::default();
        let label = |capture| Label { capture, captured_tenths: 7 };
        for frame in 0..1000 {
            labels.insert(frame, label(frame + 1));
            labels.insert(frame, label(0));
        }
        assert_eq!((labels.get(999), labels.get(0)), (Some(label(1000)), None));
        assert_eq!(labels.coming.len(), MAX_FRAMES);
        assert_eq!(labels.sent(999), None);
    }
}
