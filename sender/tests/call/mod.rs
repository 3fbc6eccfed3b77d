//! Two machines face to face in virtual time: a sender, a receiver and a pipe of 20 ms each way between them that does to
//! every datagram what a test says. Ticks of a millisecond; pictures are small, so that minutes take seconds.
#![allow(dead_code, reason = "each test file tells its own stories and uses its own part of this")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use oyster_codec::{Encoded, Image, Picture, Size};
use oyster_receiver::{Receiver, Shown};
use oyster_scene::Scene;
use oyster_sender::{Decision, EncodeResult, Encoding, Sender, Sent};
use oyster_transport::{AckHeader, FragmentHeader, FrameNumber, Profile, SenderConfig};

/// How far apart captured pictures are, and how long the pipe is.
pub(crate) const FRAME: Duration = Duration::from_millis(33);
pub(crate) const ONE_WAY: Duration = Duration::from_millis(20);
const TICK: Duration = Duration::from_millis(1);

/// What becomes of a datagram: each of its copies arrives this much later than it should; none if it is lost.
pub(crate) type Fate = Vec<Duration>;

/// Changes a datagram under way.
pub(crate) type Tamper = Box<dyn FnMut(&FragmentHeader, &mut [u8])>;

pub(crate) fn arrives() -> Fate {
    vec![Duration::ZERO]
}

pub(crate) fn lost() -> Fate {
    Vec::new()
}

pub(crate) fn lost_if(lost: bool) -> Fate {
    if lost { Vec::new() } else { arrives() }
}

/// A frame that was sent, with what the receiver should make of it.
#[derive(Clone, Debug)]
pub(crate) struct Committed {
    pub(crate) at: Duration,
    pub(crate) capture: u64,
    pub(crate) key: bool,
    pub(crate) sent: Sent,
    /// The picture that the sender committed to.
    pub(crate) picture: Arc<Picture>,
}

/// The moment of choice among a frame's versions.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Turn {
    pub(crate) at: Duration,
    /// Sizes of the versions, finest first.
    pub(crate) sizes: Vec<usize>,
    /// The largest that the transport would take.
    pub(crate) budget: usize,
    pub(crate) decision: Decision,
}

/// A picture on the receiver's screen.
#[derive(Clone, Debug)]
pub(crate) struct OnScreen {
    pub(crate) at: Duration,
    pub(crate) frame: FrameNumber,
    pub(crate) picture: Arc<Picture>,
    pub(crate) is_whole: bool,
}

pub(crate) struct Call {
    pub(crate) now: Duration,
    pub(crate) sender: Sender,
    pub(crate) receiver: Receiver,
    /// What the camera sees, forwards and backwards.
    pub(crate) pictures: Vec<Arc<Image>>,
    pub(crate) media: Box<dyn FnMut(&FragmentHeader) -> Fate>,
    pub(crate) acks: Box<dyn FnMut(&AckHeader) -> Fate>,
    /// What is done to the bytes of media on their way.
    pub(crate) tamper: Tamper,
    /// What the pipe carries, if not everything at once.
    pub(crate) bytes_per_second: f64,
    pub(crate) encode_cost: Duration,
    pub(crate) turns: Vec<Turn>,
    pub(crate) committed: Vec<Committed>,
    pub(crate) shown: Vec<OnScreen>,
    /// The newest ack as it was written.
    pub(crate) newest_ack: Option<AckHeader>,
    captured: u64,
    next_capture: Duration,
    /// When the pipe has carried all it was given.
    free_at: Duration,
    encoding: Option<(Duration, EncodeResult)>,
    on_the_way: BTreeMap<(Duration, u64), Vec<u8>>,
    on_the_way_back: BTreeMap<(Duration, u64), Vec<u8>>,
    datagrams: u64,
}

impl Call {
    /// A call over a perfect pipe.
    pub(crate) fn new(profile: Profile) -> Self {
        Self {
            now: Duration::ZERO,
            sender: Sender::new(SenderConfig::for_profile(profile), Encoding::default()),
            receiver: Receiver::new(profile),
            pictures: scene(64, 48),
            media: Box::new(|_| arrives()),
            acks: Box::new(|_| arrives()),
            tamper: Box::new(|_, _| {}),
            bytes_per_second: f64::INFINITY,
            encode_cost: Duration::ZERO,
            turns: Vec::new(),
            committed: Vec::new(),
            shown: Vec::new(),
            newest_ack: None,
            captured: 0,
            next_capture: Duration::ZERO,
            free_at: Duration::ZERO,
            encoding: None,
            on_the_way: BTreeMap::new(),
            on_the_way_back: BTreeMap::new(),
            datagrams: 0,
        }
    }

    pub(crate) fn run_for(&mut self, time: Duration) {
        self.run_until(self.now + time, |_| false);
    }

    /// Runs until `done` says so; panics where that is not within ten seconds.
    pub(crate) fn run_to(&mut self, done: impl Fn(&Self) -> bool) {
        let end = self.now + Duration::from_secs(10);
        self.run_until(end, done);
        assert!(self.now < end, "it did not happen within ten seconds");
    }

    fn run_until(&mut self, end: Duration, done: impl Fn(&Self) -> bool) {
        while self.now < end && !done(self) {
            self.tick();
            self.now += TICK;
        }
    }

    /// Frames sent from `time` on.
    pub(crate) fn committed_from(&self, time: Duration) -> impl Iterator<Item = &Committed> {
        self.committed.iter().filter(move |frame| frame.at >= time)
    }

    pub(crate) fn frame(&self, number: u32) -> &Committed {
        &self.committed[number as usize]
    }

    pub(crate) fn was_shown(&self, number: u32) -> bool {
        self.shown.iter().any(|shown| shown.frame == FrameNumber(number))
    }

    /// The law: whatever the pipe did, what is on the screen is what the sender meant, to the bit, and in order.
    pub(crate) fn assert_every_picture_is_as_committed(&self) {
        for shown in self.shown.iter().filter(|shown| shown.is_whole) {
            assert_eq!(shown.picture, self.frame(shown.frame.0).picture, "frame {}", shown.frame.0);
        }
        assert!(
            self.shown.is_sorted_by(
                |a, b| (a.frame, a.is_whole) < (b.frame, b.is_whole) || (a.frame == b.frame && !b.is_whole)
            ),
            "shown out of order"
        );
    }

    fn tick(&mut self) {
        if self.now >= self.next_capture {
            self.next_capture += FRAME;
            let image = Arc::clone(&self.pictures[place(self.captured, self.pictures.len())]);
            self.sender.handle_image(self.captured, image);
            self.captured += 1;
        }
        while let Some(ack) = pop_due(&mut self.on_the_way_back, self.now) {
            self.sender.handle_ack(&ack, self.now).expect("our own ack");
        }
        self.encode();
        while let Some(mut datagram) = self.sender.poll_transmit(self.now) {
            let (header, _) = FragmentHeader::read(&datagram).expect("our own fragment");
            (self.tamper)(&header, &mut datagram);
            let seconds = datagram.len() as f64 / self.bytes_per_second;
            for late in (self.media)(&header) {
                self.free_at = self.free_at.max(self.now) + Duration::from_secs_f64(seconds);
                self.on_the_way.insert((self.free_at + ONE_WAY + late, self.datagrams), datagram.clone());
                self.datagrams += 1;
            }
        }
        while let Some(datagram) = pop_due(&mut self.on_the_way, self.now) {
            let _ = self.receiver.handle_datagram(&datagram, self.now); // it may have been tampered with
            self.decode();
            self.answer();
        }
        self.decode();
        self.answer();
    }

    fn encode(&mut self) {
        if let Some((_, result)) = self.encoding.take_if(|(done, _)| *done <= self.now) {
            self.decide(result);
        }
        if self.encoding.is_none()
            && let Some(job) = self.sender.poll_job(self.now)
        {
            let result = job.run().expect("every picture can be encoded");
            if self.encode_cost.is_zero() {
                self.decide(result);
            } else {
                self.encoding = Some((self.now + self.encode_cost, result));
            }
        }
    }

    fn decide(&mut self, result: EncodeResult) {
        let versions = result.versions.clone();
        let sizes = versions.iter().map(Encoded::transition_bytes).collect();
        let decision = self.sender.handle_encoded(result, self.now);
        if let Some(sent) = decision.sent.clone() {
            let target = |version: &&Encoded| version.target.id().tag() == sent.target;
            let version = versions.iter().find(target).expect("one of the versions went");
            self.committed.push(Committed {
                at: self.now,
                capture: decision.capture,
                key: version.is_key(),
                sent,
                picture: Arc::clone(&version.target.references().expect("a frame was encoded")[0]),
            });
        }
        self.turns.push(Turn { at: self.now, sizes, budget: decision.budget, decision });
    }

    fn decode(&mut self) {
        while let Some(job) = self.receiver.poll_job(self.now) {
            if let Some(Shown { frame, picture, is_whole }) = self.receiver.handle_decoded(job.run()) {
                self.shown.push(OnScreen { at: self.now, frame, picture, is_whole });
            }
        }
    }

    fn answer(&mut self) {
        while let Some(ack) = self.receiver.poll_ack(self.now) {
            let (header, _) = AckHeader::read(&ack).expect("our own ack");
            self.newest_ack = Some(header);
            for late in (self.acks)(&header) {
                self.on_the_way_back.insert((self.now + ONE_WAY + late, self.datagrams), ack.clone());
                self.datagrams += 1;
            }
        }
    }
}

fn pop_due(queue: &mut BTreeMap<(Duration, u64), Vec<u8>>, now: Duration) -> Option<Vec<u8>> {
    let (&(due, _), _) = queue.first_key_value()?;
    (due <= now).then(|| queue.pop_first().expect("it is there").1)
}

/// 0 1 2 3 2 1 0 1 …
fn place(number: u64, length: usize) -> usize {
    let last = length - 1;
    let place = number as usize % (2 * last).max(1);
    if place <= last { place } else { 2 * last - place }
}

/// Two seconds of the synthetic scene.
pub(crate) fn scene(width: u32, height: u32) -> Vec<Arc<Image>> {
    let scene = Scene::new(Size::new(width, height).expect("a picture's size"), 3);
    (0..60).map(|number| Arc::new(scene.frame(number))).collect()
}

/// Loses what a seed says: a number in [0, 1) for each call, xorshift64*.
pub(crate) fn chance(seed: u64) -> impl FnMut() -> f64 {
    let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move || {
        random ^= random >> 12;
        random ^= random << 25;
        random ^= random >> 27;
        (random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1u64 << 53) as f64
    }
}

pub(crate) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) const PROFILES: [Profile; 3] = [Profile::Oyster, Profile::Classic, Profile::Conventional];
