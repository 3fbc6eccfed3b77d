//! Two peers in one process call each other in real time over an emulated link: the main job without a network.
//!
//! A thread of its own drives sender, links and receiver as an experiment does, but by the clock: encoding, decoding
//! and the camera run on workers, and what happens is told as [`Event`]s to whoever shows and records it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver as Events, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{fmt, io};

use oyster_codec::Image;
use oyster_codec::{Effort, EncodeError};
use oyster_emulator::{Link, LinkConfig, LinkFigures, Trace};
use oyster_receiver::{DecodeResult, Receiver, Shown};
use oyster_sender::{Decision, EncodeResult, Sender};
use oyster_transport::{FrameNumber, SenderConfig};

use crate::{Clock, Inbox, Stop, Threads, Worker};

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

/// What happens in a call.
#[derive(Clone, Debug)]
pub enum What {
    /// The camera gave a picture.
    Captured {
        /// Its number.
        capture: u64,
        /// The picture.
        image: Arc<Image>,
    },
    /// The encoder took it up.
    EncodeStarted {
        /// Its number.
        capture: u64,
    },
    /// Its versions existed, and one was sent or none.
    Decided {
        /// Which.
        decision: Decision,
        /// What the transport believed the link to carry, bits a second.
        rate: f64,
    },
    /// A packet crossed the media link.
    Delivered {
        /// Its size on the wire.
        wire_bytes: usize,
        /// How long it waited in the queue.
        queue_delay: Duration,
    },
    /// All of a frame had arrived, and the decoder took it up.
    Received {
        /// Its number on the wire.
        frame: FrameNumber,
        /// When its last fragment came.
        received_at: Duration,
    },
    /// It was decoded.
    Decoded {
        /// Its number on the wire.
        frame: FrameNumber,
    },
    /// It is there to be shown.
    Ready(Shown),
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
        let workers = Workers {
            camera: Worker::spawn("camera", &inbox)?,
            encoder: Worker::spawn("encoder", &inbox)?,
            decoder: Worker::spawn("decoder", &inbox)?,
            threads: Arc::new(Threads::for_a_call().map_err(io::Error::other)?),
        };
        let thread = std::thread::Builder::new()
            .name("exchange".to_owned())
            .spawn(move || Exchange::new(self, clock, told).run(&inbox, &workers, &own))?;
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
enum Done {
    Seen(Arc<Image>),
    Encoded(Result<EncodeResult, EncodeError>),
    Decoded(Box<DecodeResult>),
}

struct Workers {
    camera: Worker<Done>,
    encoder: Worker<Done>,
    decoder: Worker<Done>,
    /// What the encoder runs on.
    threads: Arc<Threads>,
}

struct Exchange {
    demo: Demo,
    clock: Clock,
    told: SyncSender<Event>,
    sender: Sender,
    receiver: Receiver,
    link: Link<Vec<u8>>,
    ack_link: Link<Vec<u8>>,
    /// The next picture, made ahead of its time.
    next_image: Option<Arc<Image>>,
    captured: u64,
}

impl Exchange {
    fn new(demo: Demo, clock: Clock, told: SyncSender<Event>) -> Self {
        Self {
            sender: Sender::new(demo.sender, Effort::Live),
            receiver: Receiver::new(demo.sender.profile),
            link: Link::new(demo.link.0.clone(), &demo.link.1),
            ack_link: Link::new(demo.ack_link.0.clone(), &demo.ack_link.1),
            next_image: None,
            captured: 0,
            demo,
            clock,
            told,
        }
    }

    fn run(mut self, inbox: &Inbox<Done>, workers: &Workers, stop: &Stop) {
        self.look(workers);
        // The first picture must be there before time counts.
        let begin = self.clock.now() + LONGEST_SLEEP;
        let end = self.demo.duration.map(|duration| begin + duration);
        loop {
            let now = self.clock.now();
            if stop.is_set() || end.is_some_and(|end| now >= end) {
                return self.tell(now, What::Over(self.link.figures()));
            }
            let wait = self.due(begin).saturating_sub(now).min(LONGEST_SLEEP);
            let mut done = inbox.wait(wait);
            let now = self.clock.now();
            while let Some(work) = done {
                if let Err(error) = self.take(work, now) {
                    return self.tell(now, What::Failed(error));
                }
                done = inbox.poll();
            }
            self.turn(begin, now, workers);
        }
    }

    /// Tells the listener; one that is far behind misses things rather than holding up the call.
    fn tell(&self, at: Duration, what: What) {
        if let Err(TrySendError::Full(event)) = self.told.try_send(Event { at, what })
            && matches!(event.what, What::Over(_) | What::Failed(_))
        {
            // The end must be heard. A listener that is gone does not hear it either.
            let _ = self.told.send(event);
        }
    }

    /// Asks for the next picture.
    fn look(&self, workers: &Workers) {
        let (camera, number) = (Arc::clone(&self.demo.camera), self.captured);
        workers.camera.submit(move || Done::Seen(camera(number))).expect("one picture is asked for at a time");
    }

    fn capture_time(&self, begin: Duration) -> Duration {
        begin + Duration::from_secs_f64(self.captured as f64 / self.demo.frames_per_second)
    }

    fn due(&self, begin: Duration) -> Duration {
        let capture = self.next_image.as_ref().map(|_| self.capture_time(begin));
        [
            capture,
            self.sender.poll_timeout(),
            self.receiver.poll_timeout(),
            self.link.poll_timeout(),
            self.ack_link.poll_timeout(),
        ]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or(Duration::MAX)
    }

    fn take(&mut self, work: Done, now: Duration) -> Result<(), EncodeError> {
        match work {
            Done::Seen(image) => self.next_image = Some(image),
            Done::Encoded(result) => {
                let decision = self.sender.handle_encoded(result?, now);
                let rate = 8.0 * self.sender.transport().rate(now);
                self.tell(now, What::Decided { decision, rate });
            }
            Done::Decoded(result) => {
                self.tell(now, What::Decoded { frame: result.number });
                if let Some(shown) = self.receiver.handle_decoded(*result) {
                    self.tell(now, What::Ready(shown));
                }
            }
        }
        Ok(())
    }

    fn turn(&mut self, begin: Duration, now: Duration, workers: &Workers) {
        if now >= self.capture_time(begin)
            && let Some(image) = self.next_image.take()
        {
            self.tell(now, What::Captured { capture: self.captured, image: Arc::clone(&image) });
            self.sender.handle_image(self.captured, image);
            self.captured += 1;
            self.look(workers);
        }
        while let Some(ack) = self.ack_link.poll(now) {
            // Nothing but our own receiver's acks crosses this link.
            let _ = self.sender.handle_ack(&ack.packet, now);
        }
        if let Some(job) = self.sender.poll_job(now) {
            self.tell(now, What::EncodeStarted { capture: job.capture });
            let threads = Arc::clone(&workers.threads);
            let encode = move || Done::Encoded(threads.within(|| job.run_on(&*threads)));
            workers.encoder.submit(encode).expect("the sender hands out one job at a time");
        }
        let overhead = self.sender.transport().config().overhead_bytes;
        while let Some(datagram) = self.sender.poll_transmit(now) {
            let wire_bytes = datagram.len() + overhead;
            self.link.send(datagram, wire_bytes, now);
        }
        while let Some(delivery) = self.link.poll(now) {
            let (wire_bytes, queue_delay) = (delivery.wire_bytes, delivery.queue_delay);
            self.tell(delivery.arrival, What::Delivered { wire_bytes, queue_delay });
            let _ = self.receiver.handle_datagram(&delivery.packet, now);
        }
        if let Some(job) = self.receiver.poll_job(now) {
            self.tell(now, What::Received { frame: job.number, received_at: job.received_at });
            let decode = move || Done::Decoded(Box::new(job.run()));
            workers.decoder.submit(decode).expect("the receiver hands out one job at a time");
        }
        while let Some(ack) = self.receiver.poll_ack(now) {
            let wire_bytes = ack.len() + overhead;
            self.ack_link.send(ack, wire_bytes, now);
        }
    }
}
