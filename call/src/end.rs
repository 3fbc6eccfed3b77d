//! One end of a call: the sender and receiver machines, the workers that encode and decode for them, and what they tell. What
//! becomes of its datagrams is an [`Outlet`]'s affair: in a demo they cross emulated links back to the same end, in a call a
//! connection.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use oyster_codec::{EncodeError, Image, QuantizerIndex, StateTag, Transition};
use oyster_receiver::{DecodeResult, Receiver, Shown};
use oyster_sender::{Decision, EncodeResult, Encoding, Sender};
use oyster_transport::{FrameNumber, SenderConfig};

use crate::{Inbox, Threads, Worker};

/// What happens at an end.
#[derive(Clone, Debug)]
pub enum Happening {
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
    /// All of a frame had arrived, and the decoder took it up.
    Received {
        /// Its number on the wire.
        frame: FrameNumber,
        /// When its last fragment came.
        received_at: Duration,
        /// Its size in bytes: the VP8 frame with the names of its states.
        bytes: usize,
        /// The state it starts from.
        source: StateTag,
        /// The state it leads to.
        target: StateTag,
    },
    /// It was decoded.
    Decoded {
        /// Its number on the wire.
        frame: FrameNumber,
    },
    /// It is there to be shown.
    Ready(Shown),
}

/// Where datagrams and news of an end go.
pub(crate) trait Outlet {
    /// A fragment of a frame is due.
    fn send_fragment(&mut self, fragment: Vec<u8>, now: Duration);
    /// An ack is due.
    fn send_ack(&mut self, ack: Vec<u8>, now: Duration);
    /// Something happened.
    fn tell(&mut self, at: Duration, happening: Happening);
}

/// Work of an end that came to its end.
#[derive(Debug)]
pub(crate) enum Done {
    Encoded(Box<Result<EncodeResult, EncodeError>>),
    Decoded(Box<DecodeResult>),
}

/// Sender, receiver and their workers, whose results come to an inbox of `T`.
pub(crate) struct End<T> {
    sender: Sender,
    receiver: Receiver,
    encoder: Worker<T>,
    decoder: Worker<T>,
    /// What the encoder runs on.
    threads: Arc<Threads>,
}

impl<T: From<Done> + Send + 'static> End<T> {
    pub(crate) fn new(config: SenderConfig, inbox: &Inbox<T>) -> io::Result<Self> {
        Ok(Self {
            sender: Sender::new(config, Encoding { finest: FINEST, ..Encoding::default() }),
            receiver: Receiver::new(config.profile),
            encoder: Worker::spawn("encoder", inbox)?,
            decoder: Worker::spawn("decoder", inbox)?,
            threads: Arc::new(Threads::for_a_call().map_err(io::Error::other)?),
        })
    }

    pub(crate) fn sender(&self) -> &Sender {
        &self.sender
    }

    /// When to take the next turn, if nothing else happens before.
    pub(crate) fn poll_timeout(&self) -> Option<Duration> {
        [self.sender.poll_timeout(), self.receiver.poll_timeout()].into_iter().flatten().min()
    }

    /// The camera gave a picture at `at`.
    pub(crate) fn handle_image(&mut self, capture: u64, image: Arc<Image>, at: Duration, outlet: &mut impl Outlet) {
        outlet.tell(at, Happening::Captured { capture, image: Arc::clone(&image) });
        self.sender.handle_image(capture, image);
    }

    /// A fragment came at `at`. What no sender of ours would have sent is passed over.
    pub(crate) fn handle_fragment(&mut self, fragment: &[u8], at: Duration) {
        let _ = self.receiver.handle_datagram(fragment, at);
    }

    /// An ack came at `at`. What no receiver of ours would have sent is passed over.
    pub(crate) fn handle_ack(&mut self, ack: &[u8], at: Duration) {
        let _ = self.sender.handle_ack(ack, at);
    }

    /// Something else leaves beside our frames, of so many bytes on the wire: they make room for it.
    pub(crate) fn handle_other_bytes(&mut self, wire_bytes: usize, now: Duration) {
        self.sender.handle_other_bytes(wire_bytes, now);
    }

    /// The other end is heard again after a silence.
    pub(crate) fn handle_return(&mut self) {
        self.sender.handle_return();
    }

    /// A worker is done. Answers what became of an encoded picture.
    ///
    /// # Errors
    /// When the encoder refuses a picture.
    pub(crate) fn handle_done(
        &mut self,
        done: Done,
        now: Duration,
        outlet: &mut impl Outlet,
    ) -> Result<Option<Decision>, EncodeError> {
        match done {
            Done::Encoded(result) => {
                let decision = self.sender.handle_encoded((*result)?, now);
                let rate = 8.0 * self.sender.transport().rate(now);
                outlet.tell(now, Happening::Decided { decision: decision.clone(), rate });
                return Ok(Some(decision));
            }
            Done::Decoded(result) => {
                outlet.tell(now, Happening::Decoded { frame: result.number });
                if let Some(shown) = self.receiver.handle_decoded(*result) {
                    outlet.tell(now, Happening::Ready(shown));
                }
            }
        }
        Ok(None)
    }

    /// Does all that there is to do now: hands work to the workers and datagrams to the outlet. Answers the picture that the
    /// encoder took up.
    pub(crate) fn turn(&mut self, now: Duration, outlet: &mut impl Outlet) -> Option<(u64, Arc<Image>)> {
        let job = self.sender.poll_job(now);
        let taken = job.as_ref().map(|job| (job.capture, Arc::clone(&job.image)));
        if let Some(job) = job {
            outlet.tell(now, Happening::EncodeStarted { capture: job.capture });
            let threads = (job.size.i420_bytes() > SMALL_BYTES).then(|| Arc::clone(&self.threads));
            let encode = move || {
                let encoded = match threads {
                    Some(threads) => threads.within(|| job.run_on(&*threads)),
                    None => job.run(),
                };
                Done::Encoded(Box::new(encoded)).into()
            };
            self.encoder.submit(encode).expect("the sender hands out one job at a time");
        }
        while let Some(fragment) = self.sender.poll_transmit(now) {
            outlet.send_fragment(fragment, now);
        }
        if let Some(job) = self.receiver.poll_job(now) {
            let Transition { source, target, scaled, frame } = &job.transition;
            let received = Happening::Received {
                frame: job.number,
                received_at: job.received_at,
                bytes: Transition::header_bytes(*scaled) + frame.len(),
                source: *source,
                target: *target,
            };
            outlet.tell(now, received);
            let decode = move || Done::Decoded(Box::new(job.run())).into();
            self.decoder.submit(decode).expect("the receiver hands out one job at a time");
        }
        while let Some(ack) = self.receiver.poll_ack(now) {
            outlet.send_ack(ack, now);
        }
        taken
    }
}

/// At 46 dB PSNR and 20 dB SSIM nobody sees a difference any more; the sender's own finest takes twice the bits and half as much time
/// again, which a call's battery has better uses for [measured on talking heads of 640x360 and 1280x720].
const FINEST: QuantizerIndex = QuantizerIndex::saturating(8);
/// Pictures up to 640x360 are encoded on one thread: that takes 3 to 5 ms, and waking others up for their rows saves less of it than
/// it costs the processor.
const SMALL_BYTES: usize = 640 * 360 * 3 / 2;
