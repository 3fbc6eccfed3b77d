//! The values that a frame sender and a frame receiver hand to their callers: budgets, news from acks, frames.

use std::fmt;
use std::time::Duration;

use crate::config::{FrameNumber, MAX_FRAGMENTS_PER_FRAME, MAX_FRAME_BYTES};

/// What may be sent now. The same call serves to plan at capture and to decide when the encoder is done: ask again then.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    /// The largest frame payload that may go now, in bytes; 0 if none may, `usize::MAX` if unbounded.
    pub payload_bytes: usize,
    /// A payload of this size, one packet, may go now even where no larger frame fits: what keeps a picture alive.
    pub survival_payload_bytes: Option<usize>,
    /// `payload_bytes` with everything that surrounds it on the wire; `f64::INFINITY` if unbounded.
    pub wire_bytes: f64,
    /// The link has been silent for too long although something was sent: `payload_bytes` is 0 for that reason.
    pub braked: bool,
}

/// What an ack brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acked {
    /// The receiver's state report; only when this ack is newer than the newest before, else empty.
    pub report: Vec<u8>,
    /// Whether this ack is newer than the newest before. If not, only arrivals were learnt from it.
    pub newest: bool,
    /// Frames that are now known to be broken: a packet of theirs was lost. Each is named once.
    pub lost_frames: Vec<FrameNumber>,
    /// Frames all of whose packets are now known to have arrived.
    pub completed_frames: Vec<FrameNumber>,
    /// Packets that this ack is the first to tell of.
    pub arrived_packets: usize,
    /// Packets that are taken as lost since this ack.
    pub lost_packets: usize,
}

/// Why a frame was not taken. Nothing of it was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// A frame of no bytes.
    Empty,
    /// A frame of more than [`MAX_FRAME_BYTES`], or of more than [`MAX_FRAGMENTS_PER_FRAME`] fragments.
    TooLarge {
        /// Length of the payload.
        bytes: usize,
    },
    /// More packets are waiting to be paced out than the queue takes: the caller sends against the budget.
    QueueFull {
        /// Packets that wait.
        packets: usize,
    },
    /// All 2^32 packet sequences are used up: after weeks at the highest rate. Begin a new connection.
    Exhausted,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "frame has no bytes"),
            Self::TooLarge { bytes } => write!(
                f,
                "frame of {bytes} bytes is larger than {MAX_FRAME_BYTES} bytes or {MAX_FRAGMENTS_PER_FRAME} fragments"
            ),
            Self::QueueFull { packets } => write!(f, "{packets} packets wait to be sent, no room for another frame"),
            Self::Exhausted => write!(f, "packet sequences are used up"),
        }
    }
}

impl std::error::Error for SendError {}

/// A frame as it came out of reassembly, in the order of frame numbers. Numbers of which nothing arrived are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReceivedFrame {
    /// All of it arrived.
    Complete {
        /// Its number.
        number: FrameNumber,
        /// The bytes that were sent.
        payload: Vec<u8>,
    },
    /// Some of it did not arrive in time.
    Abandoned {
        /// Its number.
        number: FrameNumber,
        /// The bytes of the fragments that did arrive, from fragment 0 up to the first that is missing.
        prefix: Vec<u8>,
        /// How many fragments those are; may be 0.
        prefix_fragments: u16,
        /// How many fragments the frame has.
        total_fragments: u16,
    },
}

/// A frame of which the beginning is here and something is missing that may still come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartialFrame<'a> {
    /// Its number.
    pub number: FrameNumber,
    /// How many fragments are here from fragment 0 up to the first that is missing; never 0.
    pub prefix_fragments: u16,
    /// How many fragments the frame has.
    pub total_fragments: u16,
    /// When what is here from the beginning last grew.
    pub grew_at: Duration,
    /// Fragment 0.
    pub beginning: &'a [u8],
}

impl ReceivedFrame {
    /// Bytes of it that are here.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Complete { payload, .. } => payload.len(),
            Self::Abandoned { prefix, .. } => prefix.len(),
        }
    }

    /// The frame's number.
    pub fn number(&self) -> FrameNumber {
        match self {
            Self::Complete { number, .. } | Self::Abandoned { number, .. } => *number,
        }
    }
}
