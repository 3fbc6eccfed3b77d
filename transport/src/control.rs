//! Congestion control: what the profiles have in common. Each is a state machine without a clock in a file of its own.

mod classic;
mod conventional;
mod oyster;

use std::fmt;

use crate::config::{Profile, SenderConfig};
use crate::path::Path;

/// A congestion controller. Times are µs of the sender's clock unless they are named as received.
pub(crate) trait CongestionControl: fmt::Debug + Send + Sync {
    /// A newest ack has come; `path` knows it already.
    fn on_ack(&mut self, news: &News<'_>, path: &Path, now_us: i64);

    /// What may be handed to the pacer now. `floor_wire_bytes`: what the smallest real frame would take, 0 if unknown.
    fn allowance(&self, flight: &Flight, floor_wire_bytes: f64, path: &Path, now_us: i64) -> Allowance;

    /// What the link is believed to carry, wire bytes per second.
    fn rate(&self, flight: &Flight, path: &Path, now_us: i64) -> f64;

    /// The time between two packets that leave, the second of `wire_bytes`.
    fn pacing_gap_us(&self, wire_bytes: usize, flight: &Flight, path: &Path, now_us: i64) -> i64;
}

/// The controller of a profile.
pub(crate) fn for_config(
    config: &SenderConfig,
    packet_wire_bytes: usize,
    survival_wire_bytes: usize,
) -> Box<dyn CongestionControl> {
    match config.profile {
        Profile::Oyster => Box::new(oyster::Oyster::new(config, packet_wire_bytes, survival_wire_bytes)),
        Profile::Classic => Box::new(classic::Classic::new(packet_wire_bytes)),
        Profile::Conventional => Box::new(conventional::Conventional::new()),
    }
}

/// What the newest ack brought.
#[derive(Debug)]
pub(crate) struct News<'a> {
    /// Packets that are now known to have arrived, in sequence order but for the one that caused the ack, which is last.
    pub(crate) arrivals: &'a [Arrival],
    /// Packets now taken as lost.
    pub(crate) lost_packets: usize,
    /// The packet that caused the ack: it need not be news.
    pub(crate) sequence: u32,
    /// When it was received, on the receiver's clock.
    pub(crate) received_us: i64,
    /// Smoothed inter-arrival time, as the receiver measured it.
    pub(crate) inter_arrival_us: u32,
    /// Wire bytes still under way or waiting.
    pub(crate) in_flight_bytes: usize,
}

/// A packet that arrived.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) sent_us: i64,
    pub(crate) wire_bytes: usize,
    /// On the receiver's clock; unknown for a packet whose own ack was lost.
    pub(crate) received_us: Option<i64>,
}

/// What is under way.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Flight {
    /// Wire bytes neither acked nor lost, with those that wait in the pacer.
    pub(crate) in_flight_bytes: usize,
    /// Wire bytes that wait in the pacer.
    pub(crate) queued_bytes: usize,
    /// When the oldest packet left that is neither acked nor lost.
    pub(crate) oldest_sent_us: Option<i64>,
    /// Fragments handed to the pacer since the beginning.
    pub(crate) fragments_taken: u64,
    /// When a packet last left.
    pub(crate) last_sent_us: Option<i64>,
    /// When something was last sent, or an ack told of an arrival.
    pub(crate) last_activity_us: Option<i64>,
}

/// What may go now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Allowance {
    pub(crate) frame: FrameAllowance,
    /// Whether one survival packet may go.
    pub(crate) survival: bool,
    /// Whether silence has stopped the sender: nothing goes but survival packets.
    pub(crate) braked: bool,
}

/// The bound of the next frame, in what the controller counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum FrameAllowance {
    Unbounded,
    WireBytes(f64),
    Packets(u64),
}
