//! A leaky bucket: frames pour in, the rate drains it. Pure: from what was written so far to the next frame's quantizer.
//!
//! The bucket starts half full and is steered back to half full, so that frames take on average just what the rate
//! gives, while a key frame or a cut may borrow from the frames around it. A receiver at that rate that waits for one
//! bucketful never runs dry, because the bucket never flows over (ITU-T H.264 Annex C has the same model).

use oyster_codec::container::FrameRate;
use oyster_codec::{FrameKind, QuantizerIndex};

/// How full the bucket is. A value: [`Bucket::with`] answers the next one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bucket {
    /// What drains between two frames.
    frame_bytes: f64,
    capacity_bytes: f64,
    /// Before the next frame pours in.
    filled_bytes: f64,
}

/// What the next frame may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allowance {
    /// What would do: the average stays on the rate.
    pub(crate) aim_bytes: usize,
    /// What it may borrow where it would look bad otherwise.
    pub(crate) loan_bytes: usize,
    /// The room in the bucket, which it must not exceed.
    pub(crate) room_bytes: usize,
}

impl Bucket {
    /// For `kbps` kbit/s at `rate`.
    pub(crate) fn new(kbps: f64, rate: FrameRate) -> Self {
        let frame_bytes = kbps * 1000.0 / 8.0 / rate.per_second();
        let capacity_bytes = frame_bytes * rate.per_second().clamp(MIN_CAPACITY_FRAMES, MAX_CAPACITY_FRAMES);
        Self { frame_bytes, capacity_bytes, filled_bytes: capacity_bytes / 2.0 }
    }

    /// What a frame may take now.
    pub(crate) fn allowance(&self, kind: FrameKind) -> Allowance {
        let room = (self.capacity_bytes - self.filled_bytes).max(0.0);
        let astray = self.filled_bytes - self.capacity_bytes / 2.0;
        let even = self.frame_bytes - astray * self.frame_bytes * RETURNS / self.capacity_bytes;
        let aim = match kind {
            FrameKind::Key => room * KEY_SHARE_OF_ROOM,
            FrameKind::Inter => even.max(self.frame_bytes * LEAST_SHARE_OF_FRAME).min(room * LOAN_SHARE_OF_ROOM),
        };
        let loan = aim.max(room * LOAN_SHARE_OF_ROOM);
        Allowance { aim_bytes: aim as usize, loan_bytes: loan as usize, room_bytes: room as usize }
    }

    /// The quantizer to finish a frame at: the finest that meets the aim, but on a loan rather than much coarser than
    /// the `last` frame was. `fit` says how finely the frame is to be coded to take so many bytes.
    pub(crate) fn fineness<F: Ord + From<QuantizerIndex>>(
        &self,
        kind: FrameKind,
        last: Option<QuantizerIndex>,
        mut fit: impl FnMut(usize) -> F,
    ) -> F {
        let allowance = self.allowance(kind);
        let aimed = fit(allowance.aim_bytes);
        let Some(last) = last else { return aimed };
        let coarse = F::from(QuantizerIndex::saturating(i32::from(last.value()) + MOST_COARSENING));
        if aimed <= coarse { aimed } else { coarse.max(fit(allowance.loan_bytes)) }
    }

    /// The bucket after a frame of `bytes`.
    #[must_use]
    pub(crate) fn with(self, bytes: usize) -> Self {
        let filled = self.filled_bytes + bytes as f64 - self.frame_bytes;
        // What is saved beyond half a bucket is lost: so long a still picture is no reason for a flood after it.
        Self { filled_bytes: filled.max(0.0), ..self }
    }
}

/// A second's worth, between these two: room for a key frame, and not longer than a receiver would wait.
const MIN_CAPACITY_FRAMES: f64 = 10.0;
const MAX_CAPACITY_FRAMES: f64 = 60.0;
/// How fast the bucket goes back to half full: a bucket's worth of frames leaves e^-1 of what is astray. Twice as fast, the frames
/// after a key frame suffer: 0.2 dB of SSIM over the first four seconds of a conversation.
const RETURNS: f64 = 1.0;
/// A key frame leaves some room for motion right after it: more than half was measured to be enough, more than 0.7 too much.
const KEY_SHARE_OF_ROOM: f64 = 0.65;
/// A cut may take this share of the room, and the next one of what is left.
const LOAN_SHARE_OF_ROOM: f64 = 0.5;
/// However full the bucket is, a frame may take so much of its usual size, if there is room: a picture that stands
/// still is worse than a late one.
const LEAST_SHARE_OF_FRAME: f64 = 0.25;
/// From one frame to the next, unless the bucket would flow over: about half the bytes of a frame.
const MOST_COARSENING: i32 = 12;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bucket(kbps: f64) -> Bucket {
        Bucket::new(kbps, FrameRate::new(30, 1).unwrap())
    }

    /// A frame's size falls by about 7 % a step of the quantizer, whatever it is at 0.
    fn size(at_zero: f64, quantizer: QuantizerIndex) -> usize {
        (at_zero * 0.93_f64.powi(quantizer.value().into())) as usize + 1
    }

    /// Sizes of frames that take so many bytes at quantizer 0, the first a key frame.
    fn play(mut bucket: Bucket, at_zero: &[f64]) -> Vec<usize> {
        let mut last = None;
        let mut sizes = Vec::new();
        for &at_zero in at_zero {
            let kind = if sizes.is_empty() { FrameKind::Key } else { FrameKind::Inter };
            let finest = |bytes: usize| {
                let all = (0..=127).map(QuantizerIndex::saturating);
                all.into_iter().find(|&quantizer| size(at_zero, quantizer) <= bytes).unwrap_or(QuantizerIndex::MAX)
            };
            let quantizer = bucket.fineness(kind, last, finest);
            last = Some(quantizer);
            sizes.push(size(at_zero, quantizer));
            bucket = bucket.with(size(at_zero, quantizer));
        }
        sizes
    }

    #[test]
    fn even_frames_come_to_the_rate_after_a_key_frame() {
        let mut frames = vec![20_000.0; 300];
        frames[0] = 200_000.0;
        let sizes = play(bucket(480.0), &frames); // 2000 bytes a frame
        assert!(sizes[0] > 10_000, "the key frame has room: {}", sizes[0]);
        let mean = sizes.iter().sum::<usize>() as f64 / 300.0;
        assert!((1900.0..2100.0).contains(&mean), "{mean}");
        let end = &sizes[250..];
        assert!(end.iter().all(|&bytes| (1900..=2150).contains(&bytes)), "{end:?}");
    }

    #[test]
    fn a_cut_borrows_rather_than_going_grey() {
        let mut frames = vec![20_000.0; 120];
        frames[60] = 200_000.0;
        let sizes = play(bucket(480.0), &frames);
        assert!(sizes[60] > 2 * sizes[59], "{} after {}", sizes[60], sizes[59]);
        assert!(sizes[62..90].iter().all(|&bytes| bytes < 2000), "and is paid back");
    }

    #[test]
    fn a_still_picture_does_not_save_up_for_a_flood() {
        let still = bucket(480.0).with(0).with(0);
        let long_still = (0..1000).fold(still, |bucket, _| bucket.with(0));
        assert_eq!(long_still.allowance(FrameKind::Inter).room_bytes, 60_000);
    }

    proptest! {
        #[test]
        fn it_never_flows_over_while_the_coarsest_fits(
            kbps in 100.0..5000.0,
            frames in prop::collection::vec(1000.0..2_000_000.0, 1..200),
        ) {
            let bucket = bucket(kbps);
            let sizes = play(bucket, &frames);
            let mut filled = bucket.filled_bytes;
            for (bytes, at_zero) in sizes.into_iter().zip(frames) {
                let fits = filled + bytes as f64 <= bucket.capacity_bytes + 1.0;
                let coarsest = size(at_zero, QuantizerIndex::MAX);
                prop_assert!(fits || bytes == coarsest, "{bytes} on top of {filled}");
                filled = (filled + bytes as f64 - bucket.frame_bytes).max(0.0);
            }
        }
    }
}
