//! Calls over an emulated link in virtual time: a camera, a sender, two links, a receiver, a screen; and who else uses
//! the links.
//!
//! Nothing here waits: the loop jumps from one due time to the next. What encoding and decoding cost is charged to the
//! clock, either as stated or as measured by the caller's stopwatch while the work was really done.

use std::iter;
use std::time::Duration;

use oyster_codec::EncodeError;
use oyster_emulator::{Cubic, Link, LinkConfig, LinkFigures, Trace};
use oyster_sender::Encoding;
use oyster_transport::SenderConfig;

use crate::clip::Clip;
use crate::peers::Peers;
use crate::record::Record;
use crate::sharing::Sharing;

/// What a piece of work costs in virtual time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// What the stopwatch says it took.
    Measured,
    /// This much, whatever it took.
    Charged(Duration),
}

/// Runs some work and says how long it took. Where every cost is charged, it may answer anything.
pub type Stopwatch<'a> = &'a mut dyn FnMut(&mut dyn FnMut()) -> Duration;

/// Everything a run depends on: the same scenario with charged costs gives the same frames.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What the camera sees.
    pub clip: Clip,
    /// Pictures a second.
    pub frames_per_second: f64,
    /// How long the camera runs.
    pub duration: Duration,
    /// The link media crosses.
    pub link: (Trace, LinkConfig),
    /// The link acks cross.
    pub ack_link: (Trace, LinkConfig),
    /// The sender's settings; the receiver is of the same profile.
    pub sender: SenderConfig,
    /// How its pictures are encoded.
    pub encoding: Encoding,
    /// What encoding one frame, all its versions, costs.
    pub encode_cost: Cost,
    /// What decoding one frame costs.
    pub decode_cost: Cost,
    /// Who else uses both links.
    pub neighbours: Vec<Neighbour>,
}

/// Someone beside the call on its links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Neighbour {
    /// A bulk transfer by TCP with Cubic, from a time on.
    Cubic(Duration),
    /// Another call like this one, from a time on.
    Call(Duration),
}

/// What happened.
#[derive(Debug)]
pub struct Run {
    /// To every captured picture and every packet.
    pub record: Record,
    /// On the media link, to everyone's packets.
    pub link: LinkFigures,
    /// What the media link carried for the call and then for each neighbour: when, and how many bytes on the wire.
    pub carried: Vec<Vec<(Duration, usize)>>,
}

impl Run {
    /// How all shared the media link from then until then.
    pub fn sharing(&self, from: Duration, until: Duration) -> Sharing {
        Sharing::of(self.carried.iter().map(Vec::as_slice), from, until)
    }
}

/// A packet on the media link.
#[derive(Clone, Debug)]
enum Packet {
    /// A datagram of the call of this number.
    Media(usize, Vec<u8>),
    /// A segment of the transfer of this number.
    Segment(usize, u64),
}

/// What goes back.
#[derive(Clone, Debug)]
enum Answer {
    Ack(usize, Vec<u8>),
    Received(usize, u64),
}

/// A bulk transfer, and what it got across.
#[derive(Debug)]
struct Transfer {
    cubic: Cubic,
    carried: Vec<(Duration, usize)>,
}

struct World<'a> {
    stopwatch: Stopwatch<'a>,
    /// The call, and those beside it.
    calls: Vec<Peers<'a>>,
    transfers: Vec<Transfer>,
    link: Link<Packet>,
    ack_link: Link<Answer>,
}

/// Plays the scenario to its end.
pub fn run(scenario: &Scenario, stopwatch: Stopwatch<'_>) -> Result<Run, EncodeError> {
    let mut calls = vec![Peers::new(scenario, Duration::ZERO)];
    let mut transfers = Vec::new();
    for neighbour in &scenario.neighbours {
        match *neighbour {
            Neighbour::Cubic(from) => transfers.push(Transfer { cubic: Cubic::new(from), carried: Vec::new() }),
            Neighbour::Call(from) => calls.push(Peers::new(scenario, from)),
        }
    }
    let link = Link::new(scenario.link.0.clone(), &scenario.link.1);
    let ack_link = Link::new(scenario.ack_link.0.clone(), &scenario.ack_link.1);
    let mut world = World { stopwatch, calls, transfers, link, ack_link };
    let mut now = Duration::ZERO;
    while now < scenario.duration {
        world.turn(now)?;
        // A time that is already past must not hold the clock: one tick is the smallest step.
        now = world.next_due().max(now + TICK);
    }
    let World { calls, transfers, link, .. } = world;
    let mut calls = calls.into_iter();
    let record = calls.next().map(Peers::into_record).unwrap_or_default();
    let (mut others, mut transfers) = (calls, transfers.into_iter());
    let carried_for = |neighbour: &Neighbour| match neighbour {
        Neighbour::Cubic(_) => transfers.next().map(|transfer| transfer.carried),
        Neighbour::Call(_) => others.next().map(|call| call.into_record().carried()),
    };
    let carried = iter::once(record.carried()).chain(scenario.neighbours.iter().filter_map(carried_for)).collect();
    Ok(Run { record, link: link.figures(), carried })
}

impl Neighbour {
    /// When it begins.
    pub fn from(self) -> Duration {
        match self {
            Self::Cubic(from) | Self::Call(from) => from,
        }
    }
}

impl World<'_> {
    /// The next time at which anything can happen.
    fn next_due(&self) -> Duration {
        let links = [self.link.poll_timeout(), self.ack_link.poll_timeout()].into_iter().flatten();
        let transfers = self.transfers.iter().filter_map(|transfer| transfer.cubic.poll_timeout());
        let calls = self.calls.iter().map(Peers::next_due);
        links.chain(transfers).chain(calls).min().expect("the camera always has a next picture")
    }

    /// Everything that is due now, from the camera to the screen and back.
    fn turn(&mut self, now: Duration) -> Result<(), EncodeError> {
        for call in &mut self.calls {
            call.capture(now);
        }
        while let Some(answer) = self.ack_link.poll(now) {
            match answer.packet {
                Answer::Ack(call, ack) => self.calls[call].handle_ack(&ack, now),
                Answer::Received(transfer, segment) => self.transfers[transfer].cubic.handle_ack(segment, now),
            }
        }
        for (number, call) in self.calls.iter_mut().enumerate() {
            call.encode(self.stopwatch, now)?;
            while let Some((datagram, wire_bytes)) = call.poll_transmit(now) {
                self.link.send(Packet::Media(number, datagram), wire_bytes, now);
            }
        }
        for (number, transfer) in self.transfers.iter_mut().enumerate() {
            while let Some(segment) = transfer.cubic.poll_transmit(now) {
                self.link.send(Packet::Segment(number, segment), Cubic::SEGMENT_BYTES, now);
            }
        }
        while let Some(delivery) = self.link.poll(now) {
            match &delivery.packet {
                Packet::Media(number, datagram) => {
                    let call = &mut self.calls[*number];
                    call.handle_delivery(datagram, delivery.arrival, delivery.wire_bytes, delivery.queue_delay, now);
                    self.send_acks(*number, now);
                }
                Packet::Segment(number, segment) => {
                    self.transfers[*number].carried.push((delivery.arrival, delivery.wire_bytes));
                    self.ack_link.send(Answer::Received(*number, *segment), Cubic::ACK_BYTES, now);
                }
            }
        }
        for number in 0..self.calls.len() {
            self.calls[number].decode(self.stopwatch, now);
            self.send_acks(number, now);
        }
        Ok(())
    }

    fn send_acks(&mut self, number: usize, now: Duration) {
        while let Some((ack, wire_bytes)) = self.calls[number].poll_ack(now) {
            self.ack_link.send(Answer::Ack(number, ack), wire_bytes, now);
        }
    }
}

impl Cost {
    pub(crate) fn of(self, measured: Duration) -> Duration {
        match self {
            Self::Measured => measured,
            Self::Charged(stated) => stated,
        }
    }
}

/// The finest step of virtual time.
const TICK: Duration = Duration::from_micros(1);
