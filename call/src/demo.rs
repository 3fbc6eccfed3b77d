//! Two peers in one process call each other in real time over an emulated link: the main job without a network.
//!
//! A thread of its own drives sender, links and receiver as an experiment does, but by the clock: encoding, decoding
//! and the camera run on workers, and what happens is told as [`Event`]s to whoever shows and records it. Both peers are one
//! end, which calls itself.

use std::sync::Arc;
use std::sync::mpsc::{Receiver as Events, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{fmt, io};

use oyster_codec::{EncodeError, Image};
use oyster_emulator::{Link, LinkConfig, LinkFigures, Trace};
use oyster_transport::SenderConfig;

use crate::end::{Done, End, Outlet};
use crate::{Clock, Happening, Inbox, Stop, Worker};

/// Makes the `number`th picture, from 0.
pub type Camera = Arc<dyn Fn(u64) -> Arc<Image> + Send + Sync>;

/// What the two peers do and over what.
#[derive(Clone)]
pub struct Demo {
    /// What the one sees.
    pub camera: Camera,
    /// How often it looks.
    pub frames_per_second: f64,
    /// When it stops; never of itself if none.
    pub duration: Option<Duration>,
    /// The link media crosses.
    pub link: (Trace, LinkConfig),
    /// The link acks cross.
    pub ack_link: (Trace, LinkConfig),
    /// The sender's settings; the receiver is of the same profile.
    pub sender: SenderConfig,
}

impl fmt::Debug for Demo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Demo({:?} at {} frames a second)", self.sender.profile, self.frames_per_second)
    }
}

/// Something that happened, and when by the call's clock.
#[derive(Clone, Debug)]
pub struct Event {
    /// When.
    pub at: Duration,
    /// What.
    pub what: What,
}

/// What happens in a demo.
#[derive(Clone, Debug)]
pub enum What {
    /// Something at the one end or the other.
    Peer(Happening),
    /// A packet crossed the media link.
    Delivered {
        /// Its size on the wire.
        wire_bytes: usize,
        /// How long it waited in the queue.
        queue_delay: Duration,
    },
    /// The call is over.
    Over(LinkFigures),
    /// The encoder refused a picture, and the call is over.
    Failed(EncodeError),
}

/// A running demo.
#[derive(Debug)]
pub struct Running {
    /// What happens, in order. Ends with [`What::Over`].
    pub events: Events<Event>,
    stop: Stop,
    thread: Option<JoinHandle<()>>,
}

/// Events not yet taken; past that a slow listener is told no more than the newest would be late anyway. Ten seconds.
const MAX_EVENTS: usize = 2048;
/// How long the loop may sleep without looking at the stop flag.
const LONGEST_SLEEP: Duration = Duration::from_millis(20);

impl Demo {
    /// Begins the call. It ends by its duration, by `stop`, or when the answer is dropped.
    pub fn start(self, clock: Clock, stop: &Stop) -> io::Result<Running> {
        let (told, events) = sync_channel(MAX_EVENTS);
        let own = stop.clone();
        let inbox = Inbox::new();
        let camera = Worker::spawn("camera", &inbox)?;
        let end = End::new(self.sender, &inbox)?;
        let thread = std::thread::Builder::new()
            .name("exchange".to_owned())
            .spawn(move || Exchange::new(self, end, camera, clock, told).run(&inbox, &own))?;
        Ok(Running { events, stop: stop.clone(), thread: Some(thread) })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.set();
        if let Some(thread) = self.thread.take() {
            // A panic there has said so on standard error.
            let _ = thread.join();
        }
    }
}

/// Work that came to its end.
enum Input {
    Seen(Arc<Image>),
    Done(Done),
}

impl From<Done> for Input {
    fn from(done: Done) -> Self {
        Self::Done(done)
    }
}

/// Both ends in one, whose media and acks come back to it over two links.
struct Exchange {
    camera: Camera,
    frames_per_second: f64,
    duration: Option<Duration>,
    clock: Clock,
    end: End<Input>,
    links: Links,
    looker: Worker<Input>,
    /// The next picture, made ahead of its time.
    next_image: Option<Arc<Image>>,
    captured: u64,
}

/// What is between the ends, and who is told.
struct Links {
    media: Link<Vec<u8>>,
    acks: Link<Vec<u8>>,
    overhead_bytes: usize,
    told: SyncSender<Event>,
}

impl Outlet for Links {
    fn send_fragment(&mut self, fragment: Vec<u8>, now: Duration) {
        let wire_bytes = fragment.len() + self.overhead_bytes;
        self.media.send(fragment, wire_bytes, now);
    }

    fn send_ack(&mut self, ack: Vec<u8>, now: Duration) {
        let wire_bytes = ack.len() + self.overhead_bytes;
        self.acks.send(ack, wire_bytes, now);
    }

    fn tell(&mut self, at: Duration, happening: Happening) {
        self.report(at, What::Peer(happening));
    }
}

impl Links {
    /// Tells the listener; one that is far behind misses things rather than holding up the call.
    fn report(&self, at: Duration, what: What) {
        if let Err(TrySendError::Full(event)) = self.told.try_send(Event { at, what })
            && matches!(event.what, What::Over(_) | What::Failed(_))
        {
            // The end must be heard. A listener that is gone does not hear it either.
            let _ = self.told.send(event);
        }
    }

    fn poll_timeout(&self) -> Option<Duration> {
        [self.media.poll_timeout(), self.acks.poll_timeout()].into_iter().flatten().min()
    }
}

impl Exchange {
    fn new(demo: Demo, end: End<Input>, looker: Worker<Input>, clock: Clock, told: SyncSender<Event>) -> Self {
        let Demo { camera, frames_per_second, duration, link, ack_link, sender } = demo;
        let links = Links {
            media: Link::new(link.0, &link.1),
            acks: Link::new(ack_link.0, &ack_link.1),
            overhead_bytes: sender.overhead_bytes,
            told,
        };
        Self { camera, frames_per_second, duration, clock, end, links, looker, next_image: None, captured: 0 }
    }

    fn run(mut self, inbox: &Inbox<Input>, stop: &Stop) {
        self.look();
        // The first picture must be there before time counts.
        let begin = self.clock.now() + LONGEST_SLEEP;
        let end = self.duration.map(|duration| begin + duration);
        loop {
            let now = self.clock.now();
            if stop.is_set() || end.is_some_and(|end| now >= end) {
                return self.links.report(now, What::Over(self.links.media.figures()));
            }
            let wait = self.due(begin).saturating_sub(now).min(LONGEST_SLEEP);
            let mut input = inbox.wait(wait);
            let now = self.clock.now();
            while let Some(work) = input {
                if let Err(error) = self.take(work, now) {
                    return self.links.report(now, What::Failed(error));
                }
                input = inbox.poll();
            }
            self.turn(begin, now);
        }
    }

    /// Asks for the next picture.
    fn look(&self) {
        let (camera, number) = (Arc::clone(&self.camera), self.captured);
        self.looker.submit(move || Input::Seen(camera(number))).expect("one picture is asked for at a time");
    }

    fn capture_time(&self, begin: Duration) -> Duration {
        begin + Duration::from_secs_f64(self.captured as f64 / self.frames_per_second)
    }

    fn due(&self, begin: Duration) -> Duration {
        let capture = self.next_image.as_ref().map(|_| self.capture_time(begin));
        [capture, self.end.poll_timeout(), self.links.poll_timeout()]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(Duration::MAX)
    }

    fn take(&mut self, input: Input, now: Duration) -> Result<(), EncodeError> {
        match input {
            Input::Seen(image) => self.next_image = Some(image),
            Input::Done(done) => {
                self.end.handle_done(done, now, &mut self.links)?;
            }
        }
        Ok(())
    }

    fn turn(&mut self, begin: Duration, now: Duration) {
        if now >= self.capture_time(begin)
            && let Some(image) = self.next_image.take()
        {
            self.end.handle_image(self.captured, image, now, &mut self.links);
            self.captured += 1;
            self.look();
        }
        while let Some(ack) = self.links.acks.poll(now) {
            self.end.handle_ack(&ack.packet, now);
        }
        while let Some(delivery) = self.links.media.poll(now) {
            let (wire_bytes, queue_delay) = (delivery.wire_bytes, delivery.queue_delay);
            self.links.report(delivery.arrival, What::Delivered { wire_bytes, queue_delay });
            self.end.handle_fragment(&delivery.packet, now);
        }
        self.end.turn(now, &mut self.links);
    }
}
