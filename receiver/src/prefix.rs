//! The beginnings of frames whose rest is late or lost: which one to decode and show, and when.

use std::time::Duration;

use oyster_codec::{PrefixState, StateStore, StateTag};
use oyster_transport::{FrameNumber, PartialFrame};

use crate::MAX_PICTURE_BYTES;

/// States after beginnings that are kept to decode from, a round trip and its queues long: each takes [`STILL_MIN`].
const MAX_STATES: usize = 16;
/// When no fragment of a frame has come for this long, the next is late: a frame takes hardly longer as a whole.
const FRAGMENT_WAIT: Duration = Duration::from_millis(30);
/// Before a beginning is shown, the last picture has stood still this long, and with less of the frame here up to
/// [`STILL_FOR_NOTHING`] longer: a beginning shows the motion of the whole picture, but details only of its upper part.
const STILL_MIN: Duration = Duration::from_millis(100);
const STILL_FOR_NOTHING: Duration = Duration::from_millis(400);

/// What was made of beginnings.
#[derive(Debug)]
pub(crate) struct Prefixes {
    /// The states after them.
    pub(crate) states: StateStore,
    /// The newest, to be named in acks.
    newest: Option<PrefixState>,
    /// The last that was decoded, by its fragments.
    decoded: Option<(FrameNumber, u16)>,
}

impl Prefixes {
    pub(crate) fn new() -> Self {
        Self { states: StateStore::new(MAX_STATES).within(MAX_PICTURE_BYTES), newest: None, decoded: None }
    }

    /// When the beginning that is here of a frame is to be decoded, unless more of it comes; not at all if as much of it was.
    /// `still_since`: when a picture was last shown.
    pub(crate) fn due(&self, partial: &PartialFrame<'_>, still_since: Duration) -> Option<Duration> {
        let missing = 1.0 - f64::from(partial.prefix_fragments) / f64::from(partial.total_fragments);
        let still = STILL_MIN + STILL_FOR_NOTHING.mul_f64(missing);
        let due = (partial.grew_at + FRAGMENT_WAIT).max(still_since + still);
        (Some((partial.number, partial.prefix_fragments)) > self.decoded).then_some(due)
    }

    /// So much of a frame is being decoded.
    pub(crate) fn handle_started(&mut self, number: FrameNumber, fragments: u16) {
        self.decoded = Some((number, fragments));
    }

    /// So many bytes of a frame led to `state`.
    pub(crate) fn handle_state(&mut self, number: FrameNumber, bytes: usize, state: StateTag) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.newest = Some(PrefixState { transition: number.0, bytes, state });
    }

    /// The newest state after a beginning, if no frame that new has been dealt with.
    pub(crate) fn newest(&self, handled: Option<u32>) -> Option<PrefixState> {
        self.newest.filter(|newest| Some(newest.transition) > handled)
    }
}
