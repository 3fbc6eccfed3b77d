//! Images in, datagrams out: which state a frame starts from, which versions of it are made, which one goes, or none.
//!
//! Sans-IO: the sender never encodes, it hands out [`EncodeJob`]s, which are values, and takes their results back; it
//! reads no clock, opens no socket. One turn of its loop is: an image comes in ([`Sender::handle_image`]), a job goes
//! out ([`Sender::poll_job`]), its versions come back ([`Sender::handle_encoded`]) and only then, asking the transport
//! once more, one of them is committed to (frame-late binding, Salsify §4.2); datagrams leave as pacing allows.

mod belief;
mod job;
mod policy;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use oyster_codec::{Effort, Encoded, Hints};
use oyster_codec::{Image, QuantizerIndex, Size, State, StateReport, StateStore, StateTag, Transition};
use oyster_transport::{AckError, FrameNumber, FrameSender, Ingredient, SenderConfig};

pub use job::{Beginning, EncodeJob, EncodeResult, Versions};

use belief::{MAX_UNCONFIRMED, ReceiverBelief};
use policy::{Policy, Verdict};

/// States that a sender keeps: one for each frame that may still be confirmed, those the receiver named, the one its
/// decoder was in, and two for a frame it has the beginning of: before the frame and after that.
pub const MAX_STATES: usize = MAX_UNCONFIRMED + StateReport::MAX_HELD + 3;
/// Frames kept in case the receiver goes on from the beginning of one: half a second and more, when it is long past that.
const MAX_FRAMES: usize = 32;

/// What became of a captured picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The picture's number, as it was captured.
    pub capture: u64,
    /// Which version went.
    pub choice: Choice,
    /// What might have gone at that moment, in bytes of payload.
    pub budget: usize,
    /// What was sent, unless it was skipped.
    pub sent: Option<Sent>,
}

/// Which of a frame's versions went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The finest of those made.
    Fine,
    /// The coarser one.
    Coarse,
    /// One made small enough for a single packet, or sent although nothing fitted, so that the picture lives on.
    Survival,
    /// None.
    Skip,
}

/// A version that was committed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The transport's number of it.
    pub frame: FrameNumber,
    /// Its quantizer.
    pub quantizer: QuantizerIndex,
    /// Its size in bytes: the VP8 frame with the names of its states.
    pub bytes: usize,
    /// Width and height of its picture: smaller than the camera's where the link is slow.
    pub coded_size: Size,
    /// The state it starts from.
    pub source: StateTag,
    /// The state it leads to.
    pub target: StateTag,
}

/// The sending half of a call.
#[derive(Debug)]
pub struct Sender {
    transport: FrameSender,
    policy: Policy,
    belief: ReceiverBelief,
    states: StateStore,
    blank: State,
    /// What was sent last: numbers and transitions. Empty where beginnings are not used.
    frames: VecDeque<(FrameNumber, Arc<[u8]>)>,
    /// The newest picture not yet being encoded: a slow encoder never queues frames.
    waiting: Option<(u64, Arc<Image>)>,
    /// Since when a job is out.
    encoding_since: Option<Duration>,
    /// What a job takes from its picture to its versions, smoothed.
    encode_time: Option<Duration>,
    hints: Hints,
    effort: Effort,
}

/// How a sender's pictures are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoding {
    /// How hard the encoder tries.
    pub effort: Effort,
    /// `Oyster`: no version is finer than this, however much the link takes. The baselines keep to their own constants.
    pub finest: QuantizerIndex,
}

impl Default for Encoding {
    /// A call's effort, and the original's finest quantizer: at 4 the picture stayed 0.75 dB below it on every link with room.
    fn default() -> Self {
        Self { effort: Effort::Live, finest: QuantizerIndex::saturating(3) }
    }
}

impl Sender {
    /// A sender that has sent nothing, to a receiver that holds the blank state.
    pub fn new(config: SenderConfig, encoding: Encoding) -> Self {
        let blank = State::blank();
        Self {
            transport: FrameSender::new(config),
            policy: Policy::new(config.profile, encoding.finest),
            belief: ReceiverBelief::new(blank.id().tag()),
            states: StateStore::new(MAX_STATES),
            blank,
            frames: VecDeque::new(),
            waiting: None,
            encoding_since: None,
            encode_time: None,
            hints: Hints::default(),
            effort: encoding.effort,
        }
    }

    /// The transport as it stands, for figures.
    pub fn transport(&self) -> &FrameSender {
        &self.transport
    }

    /// A state that was sent or is still held by the receiver, if it is kept: what its picture is like can be measured.
    pub fn state(&self, tag: StateTag) -> Option<&State> {
        self.states.find(tag)
    }

    /// States kept to start frames from, at most [`MAX_STATES`]; the blank one is not counted.
    pub fn states_held(&self) -> usize {
        self.states.len()
    }

    /// A picture was captured. One that still waited for the encoder is dropped: its number is answered.
    pub fn handle_image(&mut self, capture: u64, image: Arc<Image>) -> Option<u64> {
        self.waiting.replace((capture, image)).map(|(dropped, _)| dropped)
    }

    /// The next frame to encode, if there is one and the encoder is free.
    pub fn poll_job(&mut self, now: Duration) -> Option<EncodeJob> {
        if self.encoding_since.is_some() {
            return None;
        }
        let (capture, image) = self.waiting.take()?;
        self.encoding_since = Some(now);
        let encode_time = self.encode_time.unwrap_or_default();
        let source = self.policy.source(&self.belief, &self.transport, now);
        let (source, beginning) = self.source(source);
        let size = self.policy.size(image.size());
        Some(EncodeJob {
            capture,
            size,
            source,
            beginning,
            versions: self.policy.versions(size, encode_time, &self.transport, now),
            image,
            hints: std::mem::take(&mut self.hints),
            effort: self.effort,
        })
    }

    /// The state of this name, or, where nobody has made it here yet, what to make it from.
    fn source(&self, tag: StateTag) -> (State, Option<Beginning>) {
        let find = |tag| self.states.find(tag).cloned();
        let begun = || {
            let (begun, source) = self.belief.begun(tag)?;
            let source = if source == self.blank.id().tag() { self.blank.clone() } else { find(source)? };
            let (_, transition) = self.frames.iter().find(|(number, _)| number.0 == begun.transition)?;
            let bytes = usize::try_from(begun.bytes).ok()?;
            Some((source, Some(Beginning { transition: Arc::clone(transition), bytes, state: begun.state })))
        };
        find(tag).map(|state| (state, None)).or_else(begun).unwrap_or((self.blank.clone(), None))
    }

    /// A job's versions exist: one of them goes now, or none.
    pub fn handle_encoded(&mut self, result: EncodeResult, now: Duration) -> Decision {
        if let Some(since) = self.encoding_since.take() {
            let latest = now.saturating_sub(since);
            self.encode_time = Some(self.encode_time.map_or(latest, |known| (7 * known + latest) / 8));
        }
        self.hints = result.hints;
        if let Some(begun) = result.begun {
            self.states.insert(begun);
        }
        if let Some(good_bytes) = result.good_bytes {
            self.policy.handle_encoded(good_bytes);
        }
        let sizes: Vec<usize> = result.versions.iter().map(oyster_codec::Encoded::transition_bytes).collect();
        let budget = self.policy.budget(&self.transport, now);
        // A key frame is coarse on any link.
        if self.transport.config().has(Ingredient::SmallerPictures)
            && let Some(finest) = result.versions.first().filter(|version| !version.is_key())
        {
            self.policy.handle_fineness(result.full, finest.quantizer, &budget, now);
        }
        let decided = |choice, sent| Decision { capture: result.capture, choice, budget: budget.payload_bytes, sent };
        let Verdict::Send(chosen) = self.policy.choose(&sizes, &budget, &self.transport, now) else {
            return decided(Choice::Skip, None);
        };
        // Whatever its place, what our profile sends over the budget is what keeps the picture alive.
        let over = matches!(self.policy, Policy::Oyster(_)) && sizes[chosen] > budget.payload_bytes;
        let version = result.versions.into_iter().nth(chosen).expect("a policy chooses among the sizes it was given");
        let sent = self.commit(version, now);
        let choice = match (&sent, chosen) {
            (None, _) => Choice::Skip,
            (Some(_), 0) if !over => Choice::Fine,
            (Some(_), 1) if !over => Choice::Coarse,
            (Some(_), _) => Choice::Survival,
        };
        decided(choice, sent)
    }

    /// Hands a version to the transport; none if it takes no more, which no budget lets happen.
    fn commit(&mut self, version: Encoded, now: Duration) -> Option<Sent> {
        let transition = version.transition();
        let payload: Arc<[u8]> = transition.to_bytes().into();
        let bytes = payload.len();
        let frame = self.transport.send(Arc::clone(&payload), now).ok()?;
        if self.transport.config().uses_beginnings {
            if self.frames.len() == MAX_FRAMES {
                self.frames.pop_front();
            }
            self.frames.push_back((frame, payload));
        }
        self.belief.handle_sent(frame, transition.source, transition.target);
        self.policy.handle_sent(version.quantizer, bytes, now);
        // Before the store forgets its oldest: those are what a silent receiver last said it holds.
        self.states.retain(|tag| self.belief.may_need(tag));
        let coded_size = version.target.size().expect("a frame leads to a state with pictures");
        self.states.insert(version.target);
        let Transition { source, target, .. } = transition;
        Some(Sent { frame, quantizer: version.quantizer, bytes, coded_size, source, target })
    }

    /// The caller sends something of its own beside the frames, such as sound: see [`FrameSender::handle_other_bytes`].
    pub fn handle_other_bytes(&mut self, wire_bytes: usize, now: Duration) {
        self.transport.handle_other_bytes(wire_bytes, now);
    }

    /// The other end is heard again: see [`FrameSender::handle_return`].
    pub fn handle_return(&mut self) {
        self.transport.handle_return();
    }

    /// An ack came back.
    pub fn handle_ack(&mut self, ack: &[u8], now: Duration) -> Result<(), AckError> {
        let acked = self.transport.handle_ack(ack, now)?;
        for &frame in &acked.lost_frames {
            self.belief.handle_lost(frame);
        }
        // A report that does not parse tells us nothing; the ack around it still counts.
        if let Some(mut report) =
            Some(acked.report).filter(|_| acked.newest).and_then(|report| StateReport::from_bytes(&report).ok())
        {
            if !self.transport.config().uses_beginnings {
                report.prefix = None;
            }
            let known = report.current == self.blank.id().tag() || self.states.find(report.current).is_some();
            self.policy.handle_current(known, now);
            self.belief.handle_report(&report, |tag| self.states.find(tag).is_some());
            self.states.retain(|tag| self.belief.may_need(tag));
        }
        Ok(())
    }

    /// The next datagram to put on the wire, if pacing lets one go now.
    pub fn poll_transmit(&mut self, now: Duration) -> Option<Vec<u8>> {
        self.transport.poll_transmit(now)
    }

    /// When to ask [`Sender::poll_transmit`] again, if nothing else happens before.
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.transport.poll_timeout()
    }
}
