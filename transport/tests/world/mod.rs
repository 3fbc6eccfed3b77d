//! A tiny world for stories: one sender, one receiver, and between them a link of a given rate with a queue and a delay.
//! Virtual time in ticks of 100 µs; whatever is random comes from a seed.

use std::collections::VecDeque;
use std::time::Duration;

use oyster_transport::{
    Acked, FrameNumber, FrameReceiver, FrameSender, Profile, ReceivedFrame, ReceiverConfig, SenderConfig,
};

pub(crate) const TICK: Duration = Duration::from_micros(100);

/// The world's link at some time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weather {
    pub(crate) bytes_per_second: f64,
    /// Chance that a datagram is lost before the queue.
    pub(crate) loss: f64,
    /// Chance that an ack is lost.
    pub(crate) ack_loss: f64,
}

impl Weather {
    /// Nothing is lost.
    pub(crate) fn clear(bytes_per_second: f64) -> Self {
        Self { bytes_per_second, loss: 0.0, ack_loss: 0.0 }
    }
}

/// A camera that wants every frame to have `wanted_bytes`, can't make it smaller than `floor_bytes`, and does what the
/// sender says in between.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Camera {
    pub(crate) wanted_bytes: usize,
    pub(crate) floor_bytes: usize,
}

/// A frame's life.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    pub(crate) at: Duration,
    pub(crate) bytes: usize,
    pub(crate) completed: Option<Duration>,
}

pub(crate) struct World {
    pub(crate) now: Duration,
    pub(crate) sender: FrameSender,
    pub(crate) receiver: FrameReceiver,
    pub(crate) sent: Vec<Sent>,
    /// When a camera frame found no place.
    pub(crate) skipped: Vec<Duration>,
    pub(crate) lost_frames: Vec<FrameNumber>,
    pub(crate) transmitted: Vec<(Duration, usize)>,
    pub(crate) queue_bytes: usize,
    weather: Box<dyn Fn(Duration) -> Weather>,
    camera: Camera,
    queue_limit_bytes: usize,
    delay: Duration,
    credit_bytes: f64,
    queue: VecDeque<Vec<u8>>,
    forward: VecDeque<(Duration, Vec<u8>)>,
    back: VecDeque<(Duration, Vec<u8>)>,
    next_capture: Duration,
    random: u64,
}

impl World {
    pub(crate) fn new(profile: Profile, camera: Camera, weather: impl Fn(Duration) -> Weather + 'static) -> Self {
        Self {
            now: Duration::ZERO,
            sender: FrameSender::new(SenderConfig::for_profile(profile)),
            receiver: FrameReceiver::new(ReceiverConfig::for_profile(profile)),
            sent: Vec::new(),
            skipped: Vec::new(),
            lost_frames: Vec::new(),
            transmitted: Vec::new(),
            queue_bytes: 0,
            weather: Box::new(weather),
            camera,
            queue_limit_bytes: 256 * 1500,
            delay: Duration::from_millis(20),
            credit_bytes: 0.0,
            queue: VecDeque::new(),
            forward: VecDeque::new(),
            back: VecDeque::new(),
            next_capture: Duration::ZERO,
            random: 0x9e37_79b9_7f4a_7c15,
        }
    }

    pub(crate) fn run_until(&mut self, end: Duration) {
        while self.now < end {
            self.tick();
            self.now += TICK;
        }
    }

    /// The time from capture to completion of the frames captured between two times; `None` for one that never completed.
    pub(crate) fn delays(&self, from: Duration, until: Duration) -> Vec<Option<Duration>> {
        let frames = self.sent.iter().filter(|frame| (from..until).contains(&frame.at));
        frames.map(|frame| frame.completed.map(|completed| completed - frame.at)).collect()
    }

    /// The longest of these, where all frames completed.
    pub(crate) fn worst_delay(&self, from: Duration, until: Duration) -> Option<Duration> {
        self.delays(from, until).into_iter().collect::<Option<Vec<_>>>()?.into_iter().max()
    }

    /// Payload bytes per second sent between two times.
    pub(crate) fn goodput(&self, from: Duration, until: Duration) -> f64 {
        let bytes: usize = self.sent.iter().filter(|f| (from..until).contains(&f.at)).map(|f| f.bytes).sum();
        bytes as f64 / (until - from).as_secs_f64()
    }

    fn tick(&mut self) {
        let weather = (self.weather)(self.now);
        if self.now >= self.next_capture {
            self.next_capture += Duration::from_nanos(33_333_333);
            self.capture();
        }
        while let Some(datagram) = self.sender.poll_transmit(self.now) {
            let wire_bytes = datagram.len() + self.sender.config().overhead_bytes;
            self.transmitted.push((self.now, datagram.len()));
            if self.chance() >= weather.loss && self.queue_bytes + wire_bytes <= self.queue_limit_bytes {
                self.queue_bytes += wire_bytes;
                self.queue.push_back(datagram);
            }
        }
        self.serve(weather.bytes_per_second);
        while let Some((_, datagram)) = self.forward.pop_front_if(|(due, _)| *due <= self.now) {
            self.receiver.handle_fragment(&datagram, self.now).expect("our own fragments");
        }
        while let Some(frame) = self.receiver.poll_frame(self.now) {
            if let ReceivedFrame::Complete { number, .. } = frame {
                self.sent[number.0 as usize].completed = Some(self.now);
            }
        }
        while let Some(ack) = self.receiver.poll_ack(b"", self.now) {
            if self.chance() >= weather.ack_loss {
                self.back.push_back((self.now + self.delay, ack));
            }
        }
        while let Some((_, ack)) = self.back.pop_front_if(|(due, _)| *due <= self.now) {
            let acked: Acked = self.sender.handle_ack(&ack, self.now).expect("our own acks");
            self.lost_frames.extend(acked.lost_frames);
        }
    }

    fn capture(&mut self) {
        let budget = self.sender.budget_above(self.camera.floor_bytes, self.now);
        let wanted_bytes = match self.sender.config().profile {
            Profile::Conventional => self.sender.payload_within(self.sender.rate(self.now) / 30.0).max(1),
            Profile::Oyster | Profile::Classic => self.camera.wanted_bytes,
        };
        let bytes = if budget.payload_bytes >= self.camera.floor_bytes {
            Some(budget.payload_bytes.min(wanted_bytes))
        } else {
            budget.survival_payload_bytes
        };
        match bytes {
            Some(bytes) => {
                self.sender.send(vec![0; bytes], self.now).expect("within the budget");
                self.sent.push(Sent { at: self.now, bytes, completed: None });
            }
            None => self.skipped.push(self.now),
        }
    }

    fn serve(&mut self, bytes_per_second: f64) {
        self.credit_bytes += bytes_per_second * TICK.as_secs_f64();
        while let Some(datagram) = self.queue.front() {
            let wire_bytes = datagram.len() + self.sender.config().overhead_bytes;
            if self.credit_bytes < wire_bytes as f64 {
                return;
            }
            self.credit_bytes -= wire_bytes as f64;
            self.queue_bytes -= wire_bytes;
            let datagram = self.queue.pop_front().expect("it is at the front");
            self.forward.push_back((self.now + self.delay, datagram));
        }
        self.credit_bytes = 0.0; // an idle link saves nothing up
    }

    /// A number in [0, 1): xorshift64*.
    fn chance(&mut self) -> f64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        (self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1u64 << 53) as f64
    }
}
