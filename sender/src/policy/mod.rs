//! What distinguishes the profiles in the sender: where a frame starts from, which versions are made, which one goes.

mod classic;
mod conventional;
mod oyster;
mod resolution;

pub(crate) use classic::Classic;
pub(crate) use conventional::Conventional;
pub(crate) use oyster::Oyster;
pub(crate) use resolution::is_size_of;

use std::time::Duration;

use oyster_codec::{QuantizerIndex, Size, StateTag};
use oyster_transport::{Budget, FrameSender, Profile};

use crate::belief::ReceiverBelief;
use crate::job::Versions;

/// Which of a frame's versions goes, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The version at this place, finest first.
    Send(usize),
    /// Nothing: whatever would go now would only queue.
    Skip,
}

/// One profile's decisions. Each is told the transport as it stands and asked again at the last moment.
#[derive(Debug)]
pub(crate) enum Policy {
    Classic(Classic),
    Oyster(Oyster),
    Conventional(Conventional),
}

impl Policy {
    /// `finest`: see [`crate::Encoding`].
    pub(crate) fn new(profile: Profile, finest: QuantizerIndex) -> Self {
        match profile {
            Profile::Classic => Self::Classic(Classic::default()),
            Profile::Conventional => Self::Conventional(Conventional::default()),
            Profile::Oyster => Self::Oyster(Oyster::new(finest)),
        }
    }

    /// The state the next frame starts from.
    pub(crate) fn source(&self, belief: &ReceiverBelief, transport: &FrameSender, now: Duration) -> StateTag {
        match self {
            Self::Classic(classic) => classic.source(belief, now),
            Self::Oyster(oyster) => oyster.source(belief, transport, now),
            Self::Conventional(_) => belief.likely(),
        }
    }

    /// An ack said the receiver's decoder is now in `current`, a state we know or not.
    pub(crate) fn handle_current(&mut self, known: bool, now: Duration) {
        if let Self::Classic(classic) = self {
            classic.handle_current(known, now);
        }
    }

    /// The size to code a picture of `full` size at.
    pub(crate) fn size(&self, full: Size) -> Size {
        match self {
            Self::Oyster(oyster) => oyster.size(full),
            Self::Classic(_) | Self::Conventional(_) => full,
        }
    }

    /// The versions to make of a frame of this size, captured now, which will take about `encode_time`.
    pub(crate) fn versions(
        &self,
        size: Size,
        encode_time: Duration,
        transport: &FrameSender,
        now: Duration,
    ) -> Versions {
        match self {
            Self::Classic(classic) => classic.versions(),
            Self::Oyster(oyster) => oyster.versions(size, encode_time, transport, now),
            Self::Conventional(conventional) => conventional.versions(),
        }
    }

    /// The frame's versions exist; a good picture would have taken so many bytes.
    pub(crate) fn handle_encoded(&mut self, good_bytes: usize) {
        if let Self::Oyster(oyster) = self {
            oyster.handle_encoded(good_bytes);
        }
    }

    /// Of a picture of `full` size the finest version for this budget came to `quantizer`.
    pub(crate) fn handle_fineness(&mut self, full: Size, quantizer: QuantizerIndex, budget: &Budget, now: Duration) {
        if let Self::Oyster(oyster) = self {
            oyster.handle_fineness(full, quantizer, budget, now);
        }
    }

    /// Frame-late binding (Salsify §4.2): which version of these sizes, finest first, goes now that they exist.
    pub(crate) fn choose(
        &mut self,
        sizes: &[usize],
        budget: &Budget,
        transport: &FrameSender,
        now: Duration,
    ) -> Verdict {
        match self {
            Self::Classic(classic) => classic.choose(sizes, budget),
            Self::Oyster(oyster) => oyster.choose(sizes, budget, transport, now),
            Self::Conventional(conventional) => conventional.choose(sizes, transport, now),
        }
    }

    /// What may go now.
    pub(crate) fn budget(&self, transport: &FrameSender, now: Duration) -> Budget {
        match self {
            Self::Oyster(oyster) => oyster.budget(transport, now),
            Self::Classic(_) | Self::Conventional(_) => transport.budget(now),
        }
    }

    /// A version of this quantizer and size was sent.
    pub(crate) fn handle_sent(&mut self, quantizer: QuantizerIndex, bytes: usize, now: Duration) {
        match self {
            Self::Classic(classic) => classic.handle_sent(quantizer),
            Self::Oyster(oyster) => oyster.handle_sent(quantizer, bytes, now),
            Self::Conventional(conventional) => conventional.handle_sent(bytes),
        }
    }
}
