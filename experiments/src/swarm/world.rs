//! One call in its weather, step by step.

use std::sync::Arc;
use std::time::Duration;

use oyster_codec::Image;
use oyster_emulator::{Link, LinkConfig, Loss, QueueDiscipline, Reordering};
use oyster_receiver::{DecodeResult, Receiver};
use oyster_sender::{EncodeResult, Encoding, Sender};
use oyster_transport::{Profile, SenderConfig};

use super::checks::Checks;
use super::weather::{Episode, Trouble, Way, Weather, Work};
use super::{Finding, Outcome};
use crate::clip::Clip;

/// A datagram, and the session it belongs to: a connection that is gone takes what was under way with it.
type Packet = (u32, Vec<u8>);

/// The two ends of a call, and what is known of them.
#[derive(Debug)]
pub struct Peers {
    sender: Sender,
    receiver: Receiver,
    checks: Checks,
    /// What their clocks show.
    local: [Duration; 2],
}

impl Peers {
    /// What their clocks show.
    pub(super) fn local(&self) -> [Duration; 2] {
        self.local
    }
}

pub(super) struct World<'a> {
    weather: &'a Weather,
    clips: &'a [Clip],
    sender: Sender,
    receiver: Receiver,
    media: Link<Packet>,
    acks: Link<Packet>,
    session: u32,
    /// Work that is done but not over.
    encoding: Option<(Duration, EncodeResult)>,
    decoding: Option<(Duration, DecodeResult)>,
    /// Troubles of the list that have begun.
    begun: usize,
    size: usize,
    turns: u64,
    checks: Checks,
}

/// The finest step of the world's time.
const TICK: Duration = Duration::from_micros(1);

impl<'a> World<'a> {
    /// `peers`: those who go on from another weather, if it is not the beginning of a call.
    pub(super) fn new(weather: &'a Weather, clips: &'a [Clip], seed: u64, peers: Option<Peers>) -> Self {
        let link = |way: Way| {
            let trace = weather.trace(way).expect("rates and lengths are in a trace's range");
            let config = LinkConfig {
                one_way_delay: weather.one_way[way as usize],
                queue: QueueDiscipline::drop_tail_packets(weather.queue_packets[way as usize]),
                seed: seed ^ way as u64,
                ..LinkConfig::default()
            };
            Link::new(trace, &config)
        };
        let Peers { sender, receiver, checks, .. } = peers.unwrap_or_else(|| {
            let (sender, receiver) = ends();
            Peers { sender, receiver, checks: Checks::default(), local: [Duration::ZERO; 2] }
        });
        Self {
            weather,
            clips,
            sender,
            receiver,
            media: link(Way::Media),
            acks: link(Way::Acks),
            session: 0,
            encoding: None,
            decoding: None,
            begun: 0,
            size: weather.size,
            turns: 0,
            checks,
        }
    }

    pub(super) fn play(mut self) -> Result<(Outcome, Peers), Finding> {
        self.checks.weather_changed();
        let mut now = Duration::ZERO;
        while now < self.weather.duration {
            let turned = self.turn(now).and_then(|()| self.checks.turns(self.turns, now));
            turned.map_err(|what| Finding { at: now, what })?;
            self.turns += 1;
            now = self.next_due(now).max(now + TICK);
        }
        let delay_p95_ms = self.checks.recovers(self.weather).map_err(|what| Finding { at: now, what })?;
        let outcome =
            Outcome { captured: self.checks.captures(), shown: self.checks.shown_pictures() as u64, delay_p95_ms };
        Ok((outcome, self.into_peers(now)))
    }

    /// The peers, with nothing under way between them.
    fn into_peers(mut self, now: Duration) -> Peers {
        let local = [self.weather.sender_clock.at(now), self.weather.receiver_clock.at(now)];
        if let Some((_, result)) = self.encoding {
            self.checks.encoded(&result);
            self.checks.decided(&self.sender.handle_encoded(result, local[0]));
        }
        if let Some((_, result)) = self.decoding {
            self.receiver.handle_decoded(result);
        }
        Peers { sender: self.sender, receiver: self.receiver, checks: self.checks, local }
    }

    /// The next time at which anything can happen.
    fn next_due(&self, now: Duration) -> Duration {
        let Weather { sender_clock, receiver_clock, episodes, .. } = self.weather;
        let times = [
            self.encoding.as_ref().map(|(done, _)| *done),
            self.decoding.as_ref().map(|(done, _)| *done),
            self.sender.poll_timeout().map(|due| sender_clock.when(due, now)),
            self.receiver.poll_timeout().map(|due| receiver_clock.when(due, now)),
            self.media.poll_timeout(),
            self.acks.poll_timeout(),
            episodes.get(self.begun).map(|episode| episode.time.start),
        ];
        times.into_iter().flatten().fold(self.next_capture(), Duration::min)
    }

    /// Everything that is due now, from the camera to the screen and back.
    fn turn(&mut self, now: Duration) -> Result<(), String> {
        self.begin_troubles(now);
        self.capture(now);
        let local = self.weather.sender_clock.at(now);
        while let Some(delivery) = self.acks.poll(now) {
            let (session, ack) = delivery.packet;
            if session == self.session {
                self.sender.handle_ack(&ack, local).map_err(|error| format!("an ack is refused: {error}"))?;
            }
        }
        self.encode(now)?;
        self.set_impairments(now);
        while let Some(datagram) = self.sender.poll_transmit(local) {
            let wire_bytes = datagram.len() + self.overhead_bytes();
            self.media.send((self.session, datagram), wire_bytes, now);
        }
        while let Some(delivery) = self.media.poll(now) {
            let (session, datagram) = delivery.packet;
            if session == self.session {
                let handled = self.receiver.handle_datagram(&datagram, self.weather.receiver_clock.at(now));
                handled.map_err(|error| format!("a datagram is refused: {error}"))?;
                self.send_acks(now);
            }
        }
        self.decode(now)?;
        self.send_acks(now);
        self.checks.limits(&self.sender, &self.receiver)
    }

    /// What happens at once when a trouble begins.
    fn begin_troubles(&mut self, now: Duration) {
        while let Some(Episode { trouble, .. }) = self.weather.episodes.get(self.begun).filter(|e| e.time.start <= now)
        {
            self.begun += 1;
            match *trouble {
                Trouble::NewSize(size) => self.size = size,
                Trouble::ReceiverRestarts => {
                    self.receiver = ends().1;
                    self.decoding = None;
                    self.checks.receiver_restarted();
                }
                Trouble::CallRestarts => {
                    (self.sender, self.receiver) = ends();
                    (self.encoding, self.decoding) = (None, None);
                    self.session += 1;
                    self.checks.call_restarted();
                }
                _ => {} // lasts for a while: see `Weather::at`
            }
        }
    }

    fn capture(&mut self, now: Duration) {
        let is_off = self.weather.at(now).any(|trouble| *trouble == Trouble::CameraOff);
        while self.next_capture() <= now {
            let capture = self.checks.next_capture();
            self.checks.captured(self.next_capture());
            if !is_off {
                let image: &Arc<Image> = self.clips[self.size].frame(capture);
                self.sender.handle_image(capture, Arc::clone(image));
            }
        }
    }

    fn encode(&mut self, now: Duration) -> Result<(), String> {
        let local = self.weather.sender_clock.at(now);
        if let Some((_, result)) = self.encoding.take_if(|(done, _)| *done <= now) {
            self.checks.encoded(&result);
            self.checks.decided(&self.sender.handle_encoded(result, local));
        }
        if self.encoding.is_none()
            && let Some(job) = self.sender.poll_job(local)
        {
            let result = job.run().map_err(|error| format!("a picture is not encoded: {error}"))?;
            self.encoding = Some((now + self.cost(now, Work::Encoding), result));
        }
        Ok(())
    }

    fn decode(&mut self, now: Duration) -> Result<(), String> {
        if let Some((_, result)) = self.decoding.take_if(|(done, _)| *done <= now) {
            self.checks.decoded(&result)?;
            if let Some(shown) = self.receiver.handle_decoded(result) {
                self.checks.shown(&shown, now)?;
            }
        }
        if self.decoding.is_none()
            && let Some(job) = self.receiver.poll_job(self.weather.receiver_clock.at(now))
        {
            self.decoding = Some((now + self.cost(now, Work::Decoding), job.run()));
        }
        Ok(())
    }

    /// What work takes: the most that any trouble makes of it.
    fn cost(&self, now: Duration, work: Work) -> Duration {
        let slow = self.weather.at(now).filter_map(|trouble| match *trouble {
            Trouble::Slow(of, takes) if of == work => Some(takes),
            _ => None,
        });
        slow.fold(self.weather.work[work as usize], Duration::max)
    }

    fn set_impairments(&mut self, now: Duration) {
        for (way, link) in [(Way::Media, &mut self.media), (Way::Acks, &mut self.acks)] {
            let (mut loss, mut reordering, mut twice) = (Loss::None, Reordering::default(), 0.0);
            for trouble in self.weather.at(now) {
                match *trouble {
                    Trouble::Loss(of, this) if of == way => loss = this,
                    Trouble::Disorder(of, late, duplicates) if of == way => (reordering, twice) = (late, duplicates),
                    _ => {}
                }
            }
            link.set_impairments(loss, reordering, twice);
        }
    }

    fn send_acks(&mut self, now: Duration) {
        let local = self.weather.receiver_clock.at(now);
        while let Some(ack) = self.receiver.poll_ack(local) {
            let wire_bytes = ack.len() + self.overhead_bytes();
            self.acks.send((self.session, ack), wire_bytes, now);
        }
    }

    fn overhead_bytes(&self) -> usize {
        self.sender.transport().config().overhead_bytes
    }

    fn next_capture(&self) -> Duration {
        Duration::from_secs_f64(self.checks.captures() as f64 / self.weather.frames_per_second)
    }
}

fn ends() -> (Sender, Receiver) {
    (Sender::new(SenderConfig::for_profile(Profile::Oyster), Encoding::default()), Receiver::new(Profile::Oyster))
}
