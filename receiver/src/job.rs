//! One frame to decode, as a value.

use std::time::Duration;

use oyster_codec::{DecodeError, Decoded, State, StateTag, Transition, decode, decode_prefix};
use oyster_transport::FrameNumber;

/// Everything that decoding one received frame depends on.
#[derive(Clone, Debug)]
pub struct DecodeJob {
    /// The transport's number of the frame.
    pub number: FrameNumber,
    /// When its last fragment came.
    pub received_at: Duration,
    /// The state that the frame names as its source.
    pub source: State,
    /// The frame, or as much of it as arrived, and the state that the sender says it leads to.
    pub transition: Transition,
    /// Whether it is to be decoded as a beginning whose rest may still come.
    pub is_prefix: bool,
}

/// What decoding gave.
#[derive(Debug)]
pub struct DecodeResult {
    /// The transport's number of the frame.
    pub number: FrameNumber,
    /// The state that the sender says it leads to.
    pub promised: StateTag,
    /// Of how many bytes, if it was a beginning whose rest may still come.
    pub prefix_bytes: Option<usize>,
    /// State and picture, or why there are none.
    pub decoded: Result<Decoded, DecodeError>,
}

impl DecodeJob {
    /// Decodes. Pure: the same job gives the same state.
    pub fn run(&self) -> DecodeResult {
        let frame = &self.transition.frame;
        let decoded = self.transition.start(&self.source).and_then(|source| {
            if self.is_prefix {
                decode_prefix(&source, frame).map(|prefix| Decoded { target: prefix.target, shown: prefix.shown })
            } else {
                decode(&source, frame)
            }
        });
        if let Ok(decoded) = &decoded {
            // Naming a state means hashing its picture: here, where it may take its time.
            decoded.target.id();
        }
        let prefix_bytes = self.is_prefix.then_some(frame.len());
        DecodeResult { number: self.number, promised: self.transition.target, prefix_bytes, decoded }
    }
}
