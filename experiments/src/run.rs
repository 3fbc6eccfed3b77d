//! One call over an emulated link in virtual time: a camera, a sender, two links, a receiver, a screen.
//!
//! Nothing here waits: the loop jumps from one due time to the next. What encoding and decoding cost is charged to the
//! clock, either as stated or as measured by the caller's stopwatch while the work was really done.

use std::sync::Arc;
use std::time::Duration;

use oyster_codec::{Effort, EncodeError};
use oyster_emulator::{Link, LinkConfig, LinkFigures, Trace};
use oyster_receiver::{DecodeResult, Receiver};
use oyster_sender::{EncodeResult, Sender};
use oyster_transport::SenderConfig;

use crate::clip::Clip;
use crate::record::Record;

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
    /// How hard the encoder tries.
    pub effort: Effort,
    /// What encoding one frame, all its versions, costs.
    pub encode_cost: Cost,
    /// What decoding one frame costs.
    pub decode_cost: Cost,
}

/// What happened.
#[derive(Debug)]
pub struct Run {
    /// To every captured picture and every packet.
    pub record: Record,
    /// On the media link.
    pub link: LinkFigures,
}

/// Datagrams travel as they are.
type Datagram = Vec<u8>;

struct World<'a> {
    scenario: &'a Scenario,
    stopwatch: Stopwatch<'a>,
    sender: Sender,
    receiver: Receiver,
    link: Link<Datagram>,
    ack_link: Link<Datagram>,
    /// Work that is done but not over: its result comes out at that time.
    encoding: Option<(Duration, EncodeResult)>,
    decoding: Option<(Duration, DecodeResult)>,
    record: Record,
}

/// Plays the scenario to its end.
pub fn run(scenario: &Scenario, stopwatch: Stopwatch<'_>) -> Result<Run, EncodeError> {
    let mut world = World {
        scenario,
        stopwatch,
        sender: Sender::new(scenario.sender, scenario.effort),
        receiver: Receiver::new(scenario.sender.profile),
        link: Link::new(scenario.link.0.clone(), &scenario.link.1),
        ack_link: Link::new(scenario.ack_link.0.clone(), &scenario.ack_link.1),
        encoding: None,
        decoding: None,
        record: Record::default(),
    };
    let mut now = Duration::ZERO;
    while now < scenario.duration {
        world.turn(now)?;
        // A time that is already past must not hold the clock: one tick is the smallest step.
        now = world.next_due().max(now + TICK);
    }
    Ok(Run { record: world.record, link: world.link.figures() })
}

impl World<'_> {
    fn captured(&self) -> u64 {
        self.record.frames().len() as u64
    }

    fn capture_time(&self, number: u64) -> Duration {
        Duration::from_secs_f64(number as f64 / self.scenario.frames_per_second)
    }

    /// The next time at which anything can happen.
    fn next_due(&self) -> Duration {
        [
            Some(self.capture_time(self.captured())),
            self.encoding.as_ref().map(|(done, _)| *done),
            self.decoding.as_ref().map(|(done, _)| *done),
            self.sender.poll_timeout(),
            self.receiver.poll_timeout(),
            self.link.poll_timeout(),
            self.ack_link.poll_timeout(),
        ]
        .into_iter()
        .flatten()
        .min()
        .expect("the camera always has a next picture")
    }

    /// Everything that is due now, from the camera to the screen and back.
    fn turn(&mut self, now: Duration) -> Result<(), EncodeError> {
        self.capture(now);
        while let Some(ack) = self.ack_link.poll(now) {
            // Nothing but our own receiver's acks crosses this link.
            let _ = self.sender.handle_ack(&ack.packet, now);
        }
        self.encode(now)?;
        while let Some(datagram) = self.sender.poll_transmit(now) {
            let wire_bytes = datagram.len() + self.sender.transport().config().overhead_bytes;
            self.link.send(datagram, wire_bytes, now);
        }
        while let Some(delivery) = self.link.poll(now) {
            self.record.delivered(delivery.arrival, delivery.wire_bytes, delivery.queue_delay);
            let _ = self.receiver.handle_datagram(&delivery.packet, now);
            self.send_acks(now);
        }
        self.decode(now);
        self.send_acks(now);
        Ok(())
    }

    fn capture(&mut self, now: Duration) {
        while self.capture_time(self.captured()) <= now {
            let number = self.captured();
            let image = self.scenario.clip.frame(number);
            self.record.captured(number, Arc::clone(image), self.capture_time(number));
            self.sender.handle_image(number, Arc::clone(image));
        }
    }

    fn encode(&mut self, now: Duration) -> Result<(), EncodeError> {
        if let Some((_, result)) = self.encoding.take_if(|(done, _)| *done <= now) {
            let decision = self.sender.handle_encoded(result, now);
            self.record.decided(&decision, now);
        }
        if self.encoding.is_none()
            && let Some(job) = self.sender.poll_job(now)
        {
            let mut result = None;
            let measured = (self.stopwatch)(&mut || result = Some(job.run()));
            self.record.encode_started(job.capture, now);
            let result = result.expect("the stopwatch runs the work")?;
            self.encoding = Some((now + self.scenario.encode_cost.of(measured), result));
        }
        Ok(())
    }

    fn decode(&mut self, now: Duration) {
        if let Some((_, result)) = self.decoding.take_if(|(done, _)| *done <= now) {
            self.record.decoded(result.number, now);
            if let Some(shown) = self.receiver.handle_decoded(result) {
                self.record.shown(&shown, now);
            }
        }
        if self.decoding.is_none()
            && let Some(job) = self.receiver.poll_job(now)
        {
            let mut result = None;
            let measured = (self.stopwatch)(&mut || result = Some(job.run()));
            self.record.decode_started(job.number, job.received_at, now);
            let result = result.expect("the stopwatch runs the work");
            self.decoding = Some((now + self.scenario.decode_cost.of(measured), result));
        }
    }

    fn send_acks(&mut self, now: Duration) {
        while let Some(ack) = self.receiver.poll_ack(now) {
            let wire_bytes = ack.len() + self.sender.transport().config().overhead_bytes;
            self.ack_link.send(ack, wire_bytes, now);
        }
    }
}

impl Cost {
    fn of(self, measured: Duration) -> Duration {
        match self {
            Self::Measured => measured,
            Self::Charged(stated) => stated,
        }
    }
}

/// The finest step of virtual time.
const TICK: Duration = Duration::from_micros(1);
