//! The two ends of one call in virtual time: a camera with a sender, a receiver with a screen.

use std::sync::Arc;
use std::time::Duration;

use oyster_codec::EncodeError;
use oyster_receiver::{DecodeResult, Receiver};
use oyster_sender::{EncodeResult, Sender};

use crate::record::Record;
use crate::run::{Cost, Scenario, Stopwatch};

/// A call, but for the links between its ends.
pub(crate) struct Peers<'a> {
    scenario: &'a Scenario,
    /// When the camera starts.
    from: Duration,
    sender: Sender,
    receiver: Receiver,
    /// Work that is done but not over: its result comes out at that time.
    encoding: Option<(Duration, EncodeResult)>,
    decoding: Option<(Duration, DecodeResult)>,
    record: Record,
}

impl<'a> Peers<'a> {
    pub(crate) fn new(scenario: &'a Scenario, from: Duration) -> Self {
        let receiver = Receiver::new(scenario.sender.profile);
        Self {
            scenario,
            from,
            sender: Sender::new(scenario.sender, scenario.encoding),
            receiver: if scenario.sender.uses_beginnings { receiver.with_prefixes() } else { receiver },
            encoding: None,
            decoding: None,
            record: Record::default(),
        }
    }

    pub(crate) fn into_record(self) -> Record {
        self.record
    }

    /// The next time at which anything can happen here, if nothing comes over the links before.
    pub(crate) fn next_due(&self) -> Duration {
        let work = [
            self.encoding.as_ref().map(|(done, _)| *done),
            self.decoding.as_ref().map(|(done, _)| *done),
            self.sender.poll_timeout(),
            self.receiver.poll_timeout(),
        ];
        work.into_iter().flatten().min().map_or(self.next_capture(), |due| due.min(self.next_capture()))
    }

    pub(crate) fn capture(&mut self, now: Duration) {
        while self.next_capture() <= now {
            let (number, at) = (self.captured(), self.next_capture());
            let image = self.scenario.clip.frame(number);
            self.record.captured(number, Arc::clone(image), at);
            self.sender.handle_image(number, Arc::clone(image));
        }
    }

    pub(crate) fn handle_ack(&mut self, ack: &[u8], now: Duration) {
        // Nothing but our own receiver's acks comes back.
        let _ = self.sender.handle_ack(ack, now);
    }

    pub(crate) fn encode(&mut self, stopwatch: Stopwatch<'_>, now: Duration) -> Result<(), EncodeError> {
        if let Some((_, result)) = self.encoding.take_if(|(done, _)| *done <= now) {
            let decision = self.sender.handle_encoded(result, now);
            self.record.decided(&decision, now);
        }
        if self.encoding.is_none()
            && let Some(job) = self.sender.poll_job(now)
        {
            let mut result = None;
            let measured = stopwatch(&mut || result = Some(job.run()));
            self.record.encode_started(job.capture, now);
            let result = result.expect("the stopwatch runs the work")?;
            let mut cost = self.scenario.encode_cost.of(measured);
            if job.beginning.is_some()
                && let Cost::Charged(decode) = self.scenario.decode_cost
            {
                cost += decode; // a measured one is in the measure already
            }
            self.encoding = Some((now + cost, result));
        }
        Ok(())
    }

    /// A datagram that leaves now, and the bytes it takes on the wire.
    pub(crate) fn poll_transmit(&mut self, now: Duration) -> Option<(Vec<u8>, usize)> {
        let datagram = self.sender.poll_transmit(now)?;
        let wire_bytes = datagram.len() + self.overhead_bytes();
        Some((datagram, wire_bytes))
    }

    pub(crate) fn handle_delivery(
        &mut self,
        datagram: &[u8],
        arrival: Duration,
        wire_bytes: usize,
        queue_delay: Duration,
        now: Duration,
    ) {
        self.record.delivered(arrival, wire_bytes, queue_delay);
        // Nothing but our own sender's datagrams comes here.
        let _ = self.receiver.handle_datagram(datagram, now);
    }

    pub(crate) fn decode(&mut self, stopwatch: Stopwatch<'_>, now: Duration) {
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
            let measured = stopwatch(&mut || result = Some(job.run()));
            self.record.decode_started(job.number, job.received_at, now);
            let result = result.expect("the stopwatch runs the work");
            self.decoding = Some((now + self.scenario.decode_cost.of(measured), result));
        }
    }

    /// An ack that leaves now, and the bytes it takes on the wire.
    pub(crate) fn poll_ack(&mut self, now: Duration) -> Option<(Vec<u8>, usize)> {
        let ack = self.receiver.poll_ack(now)?;
        let wire_bytes = ack.len() + self.overhead_bytes();
        Some((ack, wire_bytes))
    }

    fn overhead_bytes(&self) -> usize {
        self.sender.transport().config().overhead_bytes
    }

    fn captured(&self) -> u64 {
        self.record.frames().len() as u64
    }

    fn next_capture(&self) -> Duration {
        self.from + Duration::from_secs_f64(self.captured() as f64 / self.scenario.frames_per_second)
    }
}
