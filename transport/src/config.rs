//! What a caller chooses: the profile of congestion control and its settings; and the numbering of frames.
//! Constants carry the place they come from: the original's constants are Salsify's, ours those of the
//! controller study that chose them.

use std::time::Duration;

/// The number of a sent frame: 0, 1, 2… in the order of `send`. A skipped frame takes no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameNumber(pub u32);

/// Which congestion control, and which tolerance of reordering at the receiver: a named profile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Profile {
    /// Ours: a budget for every frame from the link's service time, silence counted as slowness.
    #[default]
    Oyster,
    /// The original's algorithm and constants (Salsify §4.2): the mean inter-arrival time against 100 ms of delay.
    Classic,
    /// A rate controlled by averages once a second, as calls usually do; budgets are unbounded.
    Conventional,
}

/// A part of `Oyster` that can be left out, so that a measurement shows what it is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ingredient {
    /// Taking the sender's pauses out of the service time (the original's grace period, exactly).
    PauseRemoval,
    /// Silence of the link lowering the rate, and stopping the sender.
    Brake,
    /// The second, coarser version of each frame.
    SecondVersion,
    /// The small version that keeps a picture alive where no frame fits; one goes only when nothing was heard for long.
    Survival,
    /// Ceilings that stretch for a frame that has to be larger, and on a link that pauses.
    ElasticCeiling,
    /// Smaller pictures on links that carry full ones as a blur only.
    SmallerPictures,
    /// Repair slices.
    Repair,
}

/// The settings of a [`crate::FrameSender`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SenderConfig {
    /// Which congestion control.
    pub profile: Profile,
    /// The largest slice of a frame in one datagram, in bytes; 1200, or the original's 1400 for `Classic`. The datagram is
    /// [`crate::FRAGMENT_HEADER_BYTES`] longer. Taken as at least 1 and at most [`MAX_SLICE_BYTES`].
    pub payload_bytes_max: usize,
    /// Wire bytes that lower layers add to each datagram: [`DEFAULT_OVERHEAD_BYTES`].
    pub overhead_bytes: usize,
    /// `Oyster`: how long the serialisation of one frame, and the whole queue, may take on a link that serves steadily; longer by the
    /// pauses of one that stands still now and then, up to 2.4 times this, and up to 2.1 times as long for a frame that must be larger.
    /// The user's knob from smooth (7 ms) to sharp (50 ms).
    pub delay_ceiling: Duration,
    /// How far back the smallest one-way delay is remembered: 10 s. `Conventional`, which may leave a queue standing that long
    /// itself: 60 s.
    pub base_window: Duration,
    /// `Oyster`: wire bytes that may be sent before anything is known of the path.
    pub first_budget_bytes: usize,
    /// `Oyster`: the payload of the one packet that keeps a picture alive where no frame fits.
    pub survival_payload_bytes: usize,
    /// `Oyster`: what is left out of it, to see what that is worth; nothing in a call.
    pub without: Option<Ingredient>,
    /// `Oyster`: whether the beginning of a frame whose rest is late is shown, and started from where the rest is lost. No: a
    /// beginning was measured to look so much worse than a whole frame of as many bytes that it is hardly ever worth showing.
    pub uses_beginnings: bool,
}

impl SenderConfig {
    /// The settings of a profile.
    pub fn for_profile(profile: Profile) -> Self {
        let payload_bytes_max = match profile {
            Profile::Classic => CLASSIC_PAYLOAD_BYTES,
            Profile::Oyster | Profile::Conventional => DEFAULT_PAYLOAD_BYTES,
        };
        Self {
            profile,
            payload_bytes_max,
            overhead_bytes: DEFAULT_OVERHEAD_BYTES,
            delay_ceiling: DELAY_CEILING,
            base_window: Duration::from_secs(if profile == Profile::Conventional { 60 } else { 10 }),
            first_budget_bytes: FIRST_BUDGET_BYTES,
            survival_payload_bytes: SURVIVAL_PAYLOAD_BYTES,
            without: None,
            uses_beginnings: false,
        }
    }
}

impl SenderConfig {
    /// Whether this is ours with that part of it.
    pub fn has(&self, ingredient: Ingredient) -> bool {
        self.profile == Profile::Oyster && self.without != Some(ingredient)
    }
}

impl Default for SenderConfig {
    fn default() -> Self {
        Self::for_profile(Profile::default())
    }
}

/// The settings of a [`crate::FrameReceiver`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiverConfig {
    /// Whether frames come out in the order of their numbers, one that is incomplete waited for as below. Otherwise each
    /// comes out as soon as it is complete, and the caller says what it does not wait for any longer.
    pub in_order: bool,
    /// How long an incomplete frame is waited for once a newer frame has begun to arrive. Zero: not at all.
    pub reorder_wait: Duration,
    /// How many fragments of newer frames may arrive before an incomplete frame is abandoned. Zero: at the first.
    pub reorder_packets: usize,
    /// Whether fragments of frames that are already done with are still acknowledged, so that the sender learns that
    /// they were late and not lost. The original drops them unseen.
    pub acks_late: bool,
}

impl ReceiverConfig {
    /// The settings of a profile. `Classic` abandons a frame at the first fragment of a newer one (the original's step 2).
    pub fn for_profile(profile: Profile) -> Self {
        match profile {
            Profile::Classic => {
                Self { in_order: true, reorder_wait: Duration::ZERO, reorder_packets: 0, acks_late: false }
            }
            Profile::Oyster | Profile::Conventional => Self {
                in_order: profile == Profile::Conventional,
                reorder_wait: REORDER_WAIT,
                reorder_packets: REORDER_PACKETS,
                acks_late: true,
            },
        }
    }
}

impl Default for ReceiverConfig {
    fn default() -> Self {
        Self::for_profile(Profile::default())
    }
}

/// The slice of a frame in one datagram: with our header, QUIC's and IP's 1281 bytes, which every common path carries.
/// quinn 0.11 takes datagrams of 1162 bytes until it has probed the path, then of 1414 [measured]: a caller over QUIC lowers
/// `payload_bytes_max` to what its connection takes, or raises the connection's first guess.
const DEFAULT_PAYLOAD_BYTES: usize = 1200;

/// The original's slice.
const CLASSIC_PAYLOAD_BYTES: usize = 1400;

/// Wire bytes that quinn 0.11 with its defaults, UDP and IPv4 add to a datagram: 36 + 8 + 20.
///
/// Measured between two endpoints through a relay that counted UDP payloads, 300 datagrams of 617, 1100 and 1217 bytes each
/// with an answering datagram: 36 bytes more in 97 % of them (header 12 to 13, tag 16, and the QUIC ACK frame of the
/// answers riding along), 29 without that frame; 36.2 to 36.4 in the mean with QUIC's few packets of its own.
pub const DEFAULT_OVERHEAD_BYTES: usize = 64;

const DELAY_CEILING: Duration = Duration::from_millis(27);

/// Ten segments, as TCP's initial window (RFC 6928): what the study allowed before the first ack.
const FIRST_BUDGET_BYTES: usize = 14_600;

/// 600 bytes and 300 bytes did equally well in the study.
const SURVIVAL_PAYLOAD_BYTES: usize = 600;

/// Longer than a hand-over or a radio link's retransmission reorders; shorter than a round trip and a frame interval,
/// so that a recovery frame, sent a round trip after a loss at the earliest, is never held up.
const REORDER_WAIT: Duration = Duration::from_millis(40);

/// About the packets of one frame: past that, waiting holds back a whole newer picture.
const REORDER_PACKETS: usize = 16;

/// No slice is longer: what an Ethernet frame carries.
pub const MAX_SLICE_BYTES: usize = 1500;

/// A frame has at most this many fragments: [`MAX_FRAME_BYTES`] in slices of 1024 bytes.
pub const MAX_FRAGMENTS_PER_FRAME: usize = 2048;

/// The largest frame: a 1080p key frame at the finest quantizer of a noisy picture stays below.
pub const MAX_FRAME_BYTES: usize = 2 << 20;

/// The receiver state report in an ack: a few state ids and what goes with them, always in one datagram.
pub const MAX_REPORT_BYTES: usize = 1024;
