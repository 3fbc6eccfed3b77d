//! Datagrams in, pictures out; every ack says which states are held.
//!
//! Sans-IO: the receiver never decodes, it hands out [`DecodeJob`]s, which are values, and takes their results back.
//! A frame names the state it starts from; whichever held state that is, the frame is decoded from it, so a loss costs
//! nothing but the frames that were built on it (Salsify §3.2). When the rest of a frame is late or lost, its beginning is
//! decoded and shown; that state, too, is named in acks.

mod job;
mod prefix;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use oyster_codec::{Decoded, Picture, State, StateId, StateReport, StateStore, StateTag, Transition};
use oyster_transport::{
    FragmentError, FrameNumber, FrameReceiver, MAX_FRAME_BYTES, PartialFrame, Profile, ReceivedFrame, ReceiverConfig,
};

pub use job::{DecodeJob, DecodeResult};

use prefix::Prefixes;

/// States kept to decode from. The sender may start from any that it was told of, a round trip and its queues later: a
/// second of them at 30 frames a second. At 640x360 they take 13 MB.
pub const MAX_STATES: usize = 32;
/// Bytes of pictures that those states may have: what that many take of 2560x1440 and more. Of larger pictures fewer states are
/// kept; a peer that means harm would fill [`MAX_STATES`] with three of the largest pictures each, 1.4 GB.
pub const MAX_PICTURE_BYTES: usize = 256 << 20;
/// Newest states named in an ack. The sender goes by the newest that it knows; the others are for the case that a frame
/// it gave up came after all.
const MAX_NAMED: usize = 4;
/// Named as current after a frame that could not be decoded. The original decodes it onto whatever pictures there are,
/// which leads to a state that nobody made: from that its sender knows.
const NOWHERE: StateTag = StateTag([0xff; 8]);
/// Frames that wait for the decoder; past that the oldest is given up. A decoder this far behind will not catch up.
const MAX_WAITING: usize = 64;
/// And their bytes: four of the largest.
const MAX_WAITING_BYTES: usize = 4 * MAX_FRAME_BYTES;
/// How long a frame waits for the state it starts from. The sender hears within a round trip what is missing and goes on
/// from what is held: this is for a sender that doesn't.
const SOURCE_WAIT: Duration = Duration::from_millis(500);

/// How long a frame waits for its turn while newer ones stand behind it: longer than a round trip and a frame, which starting anew
/// takes.
const LONGEST_BACKLOG: Duration = Duration::from_millis(500);

/// A decoded picture to show.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The transport's number of the frame it came in.
    pub frame: FrameNumber,
    /// The picture.
    pub picture: Arc<Picture>,
    /// Whether all of the frame is in it. Otherwise another picture of it may follow.
    pub is_whole: bool,
}

/// The receiving half of a call.
#[derive(Debug)]
pub struct Receiver {
    profile: Profile,
    transport: FrameReceiver,
    states: StateStore,
    blank: State,
    /// What the last decode left behind; in the original a frame may be decoded from it for want of better.
    current: State,
    /// Whether the last decode failed, and what it left behind is no state at all.
    astray: bool,
    handled: Option<u32>,
    /// Frames that came out of reassembly, and when.
    waiting: VecDeque<(ReceivedFrame, Duration)>,
    decoding: bool,
    /// None where beginnings of frames are not shown.
    prefixes: Option<Prefixes>,
    newest_shown: Option<FrameNumber>,
    /// When something was last decoded: the picture on the screen is from then.
    still_since: Duration,
}

impl Receiver {
    /// A receiver that holds the blank state.
    pub fn new(profile: Profile) -> Self {
        let blank = State::blank();
        Self {
            profile,
            transport: FrameReceiver::new(ReceiverConfig::for_profile(profile)),
            states: StateStore::new(MAX_STATES).within(MAX_PICTURE_BYTES),
            current: blank.clone(),
            astray: false,
            blank,
            handled: None,
            waiting: VecDeque::new(),
            decoding: false,
            prefixes: None,
            newest_shown: None,
            still_since: Duration::ZERO,
        }
    }

    /// The same, showing the beginnings of frames whose rest is late; for [`Profile::Oyster`].
    #[must_use]
    pub fn with_prefixes(self) -> Self {
        Self { prefixes: Some(Prefixes::new()), ..self }
    }

    /// States kept to decode from, at most [`MAX_STATES`]; the blank one is not counted.
    pub fn states_held(&self) -> usize {
        self.states.len()
    }

    /// Bytes of the pictures of those states, at most [`MAX_PICTURE_BYTES`].
    pub fn picture_bytes(&self) -> usize {
        self.states.picture_bytes()
    }

    /// Bytes of the frames that wait to be decoded, at most four of the largest.
    pub fn waiting_bytes(&self) -> usize {
        self.waiting.iter().map(|(frame, _)| frame.bytes()).sum()
    }

    /// A datagram arrived.
    pub fn handle_datagram(&mut self, datagram: &[u8], now: Duration) -> Result<(), FragmentError> {
        let handled = self.transport.handle_fragment(datagram, now);
        // At once: a link that was silent may deliver more frames in a moment than the transport keeps.
        self.take_frames(now);
        handled
    }

    /// Takes over what came out of reassembly.
    fn take_frames(&mut self, now: Duration) {
        while let Some(frame) = self.transport.poll_frame(now) {
            self.waiting.push_back((frame, now));
            while self.waiting.len() > MAX_WAITING || self.waiting_bytes() > MAX_WAITING_BYTES {
                self.waiting.pop_front();
            }
        }
    }

    /// The next frame to decode, if one is there and the decoder is free.
    pub fn poll_job(&mut self, now: Duration) -> Option<DecodeJob> {
        self.take_frames(now);
        if self.decoding {
            return None;
        }
        if self.profile == Profile::Oyster {
            let job =
                self.newest_decodable(now).or_else(|| self.newest_prefix(now)).or_else(|| self.give_up_hopeless(now));
            if job.is_some() {
                (self.decoding, self.still_since) = (true, now);
            }
            return job;
        }
        while let Some((frame, received_at)) = self.waiting.pop_front() {
            let number = frame.number();
            if let Some(job) = self.job_for(frame, received_at) {
                self.decoding = true;
                return Some(job);
            }
            // Nothing to decode it from: the sender hears at once that the frame left no state behind.
            self.handled = Some(number.0);
            self.transport.renew_ack();
        }
        None
    }

    /// Of the frames that are here, the newest whose source state is held. What is older is passed over: the sender sends
    /// nothing more that builds on it. What is newer waits for its source.
    fn newest_decodable(&mut self, now: Duration) -> Option<DecodeJob> {
        let decodable = |(frame, _): &(ReceivedFrame, Duration)| match frame {
            ReceivedFrame::Complete { number, payload } => {
                Transition::source_of(payload).is_some_and(|source| self.held(source).is_some()).then_some(*number)
            }
            ReceivedFrame::Abandoned { .. } => None,
        };
        let newest = self.waiting.iter().filter_map(decodable).max()?;
        if self.give_up_backlog(newest, now) {
            return None;
        }
        let place = self.waiting.iter().position(|(frame, _)| frame.number() == newest)?;
        let (frame, received_at) = self.waiting.remove(place)?;
        self.waiting.retain(|(frame, _)| frame.number() > newest);
        self.transport.forget_before(FrameNumber(newest.0.saturating_add(1)));
        self.job_for(frame, received_at)
    }

    /// Where the decoder has fallen far behind, gives up all that waits: each frame builds on the one before, so that none could be
    /// passed over, and catching up one by one may take many times as long as falling behind did. The sender hears of it, and
    /// starts from what is held. Answers whether it is so; `next`: the frame whose turn it is.
    fn give_up_backlog(&mut self, next: FrameNumber, now: Duration) -> bool {
        let Some(newest) = self.waiting.iter().map(|(frame, _)| frame.number()).max().filter(|newest| *newest > next)
        else {
            return false;
        };
        let is_late = |(frame, received_at): &(ReceivedFrame, Duration)| {
            frame.number() == next && *received_at + LONGEST_BACKLOG <= now
        };
        if !self.waiting.iter().any(is_late) {
            return false;
        }
        self.waiting.clear();
        self.handled = Some(newest.0);
        self.transport.forget_before(FrameNumber(newest.0.saturating_add(1)));
        self.transport.renew_ack();
        true
    }

    /// The state of this name, if it is held.
    fn held(&self, tag: StateTag) -> Option<&State> {
        let prefix = || self.prefixes.as_ref().and_then(|prefixes| prefixes.states.find(tag));
        let blank = Some(&self.blank).filter(|blank| blank.id().tag() == tag);
        blank.or_else(|| self.states.find(tag)).or_else(prefix)
    }

    /// Beginnings of frames that something can be made of, newest first, and when that is to be.
    fn prefixes_due(&self) -> impl Iterator<Item = (PartialFrame<'_>, Duration)> {
        self.prefixes.iter().flat_map(|prefixes| {
            self.transport.partial_frames().filter_map(|partial| {
                let source = Transition::source_of(partial.beginning)?;
                self.held(source)?;
                let due = prefixes.due(&partial, self.still_since)?;
                Some((partial, due))
            })
        })
    }

    /// The newest beginning of a frame whose rest is late.
    fn newest_prefix(&mut self, now: Duration) -> Option<DecodeJob> {
        let (partial, _) = self.prefixes_due().find(|(_, due)| *due <= now)?;
        let (number, fragments, received_at) = (partial.number, partial.prefix_fragments, partial.grew_at);
        self.prefixes.as_mut()?.handle_started(number, fragments);
        let transition = Transition::from_bytes(&self.transport.prefix(number)).ok()?;
        let source = self.held(transition.source)?.clone();
        Some(DecodeJob { number, received_at, source, transition, is_prefix: true })
    }

    /// Frames whose source state is not held and cannot come any more, as no frame before them is missing; or has not come
    /// for long. The sender hears of it, and starts from what is held.
    fn give_up_hopeless(&mut self, now: Duration) -> Option<DecodeJob> {
        while let Some((number, received_at)) = self.oldest_waiting() {
            let next = self.handled.map_or(0, |handled| handled.saturating_add(1));
            if number.0 > next && now < received_at + SOURCE_WAIT {
                break;
            }
            self.waiting.retain(|(frame, _)| frame.number() != number);
            self.handled = Some(number.0);
            self.transport.forget_before(FrameNumber(number.0.saturating_add(1)));
            self.transport.renew_ack();
        }
        None
    }

    /// The frame of the lowest number that waits, and when it came. Frames are given up in order, so that one that came
    /// before it waits as long.
    fn oldest_waiting(&self) -> Option<(FrameNumber, Duration)> {
        self.waiting.iter().map(|(frame, received_at)| (frame.number(), *received_at)).min()
    }

    fn job_for(&mut self, frame: ReceivedFrame, received_at: Duration) -> Option<DecodeJob> {
        let classic = self.profile == Profile::Classic;
        let (number, payload, whole) = match frame {
            ReceivedFrame::Complete { number, payload } => (number, payload, true),
            // The original shows what a broken frame's first fragments give, on whatever state it is in.
            ReceivedFrame::Abandoned { number, prefix, .. } if classic => (number, prefix, false),
            ReceivedFrame::Abandoned { .. } => return None,
        };
        let transition = Transition::from_bytes(&payload).ok()?;
        let source = match self.held(transition.source) {
            Some(state) => {
                let state = state.clone();
                if classic && whole {
                    // The original's sender will not start from anything older again. Ours may, where it took a late
                    // frame for lost: what it was told of stays for as many frames as are kept.
                    self.states.remove_before(transition.source);
                }
                state
            }
            None if classic => self.current.clone(),
            None => return None,
        };
        Some(DecodeJob { number, received_at, source, transition, is_prefix: false })
    }

    /// A decode ended: its picture, if it gave one to show.
    pub fn handle_decoded(&mut self, result: DecodeResult) -> Option<Shown> {
        self.decoding = false;
        if let Some(bytes) = result.prefix_bytes {
            return self.handle_prefix(result.number, bytes, result.decoded.ok()?);
        }
        self.handled = Some(result.number.0);
        self.transport.renew_ack();
        self.astray = result.decoded.is_err();
        let decoded = result.decoded.ok()?;
        self.current = decoded.target.clone();
        if decoded.target.id().tag() == result.promised {
            self.states.insert(decoded.target);
        } else if self.profile != Profile::Classic {
            // Not the state the sender named: a picture nobody meant to be seen.
            return None;
        }
        self.show(result.number, decoded.shown?, true)
    }

    /// A beginning of a frame was decoded. Too short a one gave nothing; the next may.
    fn handle_prefix(&mut self, number: FrameNumber, bytes: usize, decoded: Decoded) -> Option<Shown> {
        let prefixes = self.prefixes.as_mut()?;
        prefixes.handle_state(number, bytes, decoded.target.id().tag());
        prefixes.states.insert(decoded.target);
        self.transport.renew_ack();
        self.show(number, decoded.shown?, false)
    }

    /// A picture to show, unless a newer one was.
    fn show(&mut self, frame: FrameNumber, picture: Arc<Picture>, is_whole: bool) -> Option<Shown> {
        if self.newest_shown > Some(frame) {
            return None;
        }
        self.newest_shown = Some(frame);
        Some(Shown { frame, picture, is_whole })
    }

    /// The next ack to send back, if one is due.
    pub fn poll_ack(&mut self, now: Duration) -> Option<Vec<u8>> {
        let report = StateReport {
            current: if self.astray { NOWHERE } else { self.current.id().tag() },
            handled: self.handled,
            held: self.states.ids().rev().take(MAX_NAMED).rev().map(StateId::tag).collect(),
            prefix: self.prefixes.as_ref().and_then(|prefixes| prefixes.newest(self.handled)),
        };
        self.transport.poll_ack(&report.to_bytes(), now)
    }

    /// When to call [`Receiver::poll_job`] again, if nothing arrives before.
    pub fn poll_timeout(&self) -> Option<Duration> {
        let may_decode = self.profile == Profile::Oyster && !self.decoding;
        let hopeless = self.oldest_waiting().map(|(_, received_at)| received_at + SOURCE_WAIT);
        let prefix = self.prefixes_due().map(|(_, due)| due).min();
        [self.transport.poll_timeout(), hopeless.filter(|_| may_decode), prefix.filter(|_| may_decode)]
            .into_iter()
            .flatten()
            .min()
    }
}
