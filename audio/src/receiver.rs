//! The receiving half: packets in any order in, exactly the samples asked for out.
//!
//! A frame is due a target delay after its capture: late enough that nearly all frames, or what makes up for them, are here
//! by then. What is played moves towards the target by leaving out or repeating periods of the voice, which makes up for
//! clocks that part as well: there is no resampler. A missing frame is made from the FEC of the next one, else concealed.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use opus::Decoder;

use crate::arrivals::{Delays, Seen};
use crate::codec::{self, CodecError};
use crate::packet::{Packet, PacketError};
use crate::stretch::{fade, find_period, lengthen, shorten};
use crate::{BLOCK_SAMPLES, FRAME_SAMPLES, duration_of, micros};

/// Carries sound the last part of its way.
#[derive(Debug)]
pub struct AudioReceiver {
    decoder: Decoder,
    /// Frames that wait, by number.
    waiting: BTreeMap<u32, Waiting>,
    /// The frame to be played next; none before the first.
    next: Option<u32>,
    /// A frame whose capture time is known, to tell that of others.
    known: (u32, i64),
    /// Decoded and not asked for yet.
    ready: VecDeque<f32>,
    /// Whether that is what stands in for sound that is not there.
    fills: bool,
    delays: Delays,
    packets: Seen,
    frames: Seen,
    /// Frames that were concealed of late: one that arrives after all was late.
    concealed: VecDeque<u32>,
    extra_us: i64,
    play_out: Option<PlayOut>,
    peer: Peer,
    figures: ReceiverFigures,
}

/// What the peer tells beside sound.
#[derive(Clone, Copy, Debug, Default)]
struct Peer {
    sequence: Option<u32>,
    loss: f64,
    muted: bool,
}

#[derive(Debug)]
struct Waiting {
    captured_us: i64,
    payload: Vec<u8>,
    follows_pause: bool,
    has_fec: bool,
}

/// Which sound is heard when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlayOut {
    /// When it was captured, µs on the peer's clock.
    pub captured_us: i64,
    /// When it is heard, µs on our clock.
    pub heard_us: i64,
}

impl PlayOut {
    /// What lies between capture and hearing, with an unknown constant between the clocks in it.
    pub fn offset_us(&self) -> i64 {
        self.heard_us - self.captured_us
    }
}

/// What the receiver did, and how it stands.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ReceiverFigures {
    /// How long a frame waits here so that later ones are in time: target over the least delay of late.
    pub target: Duration,
    /// How long what is played now did wait.
    pub waited: Duration,
    /// The share of packets lost of late, 0 to 1.
    pub loss: f64,
    /// Frames played as they were sent.
    pub played_frames: u64,
    /// Frames made from FEC.
    pub recovered_frames: u64,
    /// Frames that Opus concealed.
    pub concealed_frames: u64,
    /// Frames that came too late to be played.
    pub late_frames: u64,
    /// Frames left out to catch up after an outage.
    pub skipped_frames: u64,
    /// What was played while there was nothing to play: pauses of the peer, and outages.
    pub filled: Duration,
    /// What was left out to play sooner.
    pub shortened: Duration,
    /// What was repeated to play later.
    pub lengthened: Duration,
}

impl AudioReceiver {
    /// A receiver that has heard nothing yet.
    ///
    /// # Errors
    /// [`CodecError`] if there is no memory for a decoder.
    pub fn new() -> Result<Self, CodecError> {
        Ok(Self {
            decoder: codec::decoder()?,
            waiting: BTreeMap::new(),
            next: None,
            known: (0, 0),
            ready: VecDeque::new(),
            fills: false,
            delays: Delays::default(),
            packets: Seen::default(),
            frames: Seen::default(),
            concealed: VecDeque::new(),
            extra_us: 0,
            play_out: None,
            peer: Peer::default(),
            figures: ReceiverFigures::default(),
        })
    }

    /// Takes a datagram of sound.
    ///
    /// # Errors
    /// [`PacketError`] for what no sender of ours would have written; nothing is changed then.
    pub fn handle_packet(&mut self, datagram: &[u8], now: Duration) -> Result<(), PacketError> {
        let packet = Packet::read(datagram)?;
        if !packet.pieces.iter().all(|piece| codec::is_frame(&piece.payload)) {
            return Err(PacketError::NotOpus);
        }
        self.packets.insert(packet.sequence);
        if self.peer.sequence.is_none_or(|newest| packet.sequence > newest) {
            let (loss, muted) = (f64::from(packet.loss) / 255.0, packet.muted);
            self.peer = Peer { sequence: Some(packet.sequence), loss, muted };
        }
        self.start_anew_if_far(packet.frame);
        let newest_us = i64::try_from(packet.captured_us).unwrap_or(i64::MAX); // bounded when it was read
        for piece in packet.pieces {
            let frame = packet.frame - u32::from(piece.back); // not below 0: checked when it was read
            let captured_us = newest_us - i64::from(piece.back) * FRAME_US;
            if piece.back == 0 && packet.has_fec && frame > 0 {
                self.on_available(frame - 1, captured_us - FRAME_US, now);
            }
            self.on_available(frame, captured_us, now);
            let is_newest = piece.back == 0;
            let waiting = Waiting {
                captured_us,
                payload: piece.payload,
                follows_pause: is_newest && packet.follows_pause,
                has_fec: is_newest && packet.has_fec,
            };
            self.store(frame, waiting);
        }
        Ok(())
    }

    /// Fills `out` with what is to be heard next; asked for 10 ms or less at a time, it is heard soonest. `output_latency`: how long until its first sample sounds.
    pub fn pull(&mut self, out: &mut [f32], now: Duration, output_latency: Duration) {
        let now_us = micros(now);
        if let Some(next) = self.next.filter(|_| !self.fills) {
            // What is ready was made before `next`; its time is counted back from there.
            let captured_us = self.captured_us(next) - samples_us(self.ready.len());
            let heard_us = now_us + micros(output_latency);
            self.play_out = Some(PlayOut { captured_us, heard_us });
            let waited_us = (now_us - captured_us - self.delays.base_us()).max(0);
            self.figures.waited = Duration::from_micros(waited_us.unsigned_abs());
        }
        while self.ready.len() < out.len() {
            // What is made now has to be here now, however late in `out` it sounds.
            let at_us = now_us + samples_us(self.ready.len() / BLOCK_SAMPLES * BLOCK_SAMPLES);
            let sound = self.make(at_us);
            self.ready.extend(sound);
        }
        let samples = out.len();
        for (sample, ready) in out.iter_mut().zip(self.ready.drain(..samples)) {
            *sample = ready;
        }
    }

    /// Which sound the newest [`AudioReceiver::pull`] began with that had some; none before the first frame.
    pub fn play_out(&self) -> Option<PlayOut> {
        self.play_out
    }

    /// Lets sound wait this much longer than the network asks for, so that pictures can keep up with it.
    pub fn set_extra_wait(&mut self, extra: Duration) {
        self.extra_us = micros(extra.min(EXTRA_WAIT_MAX));
    }

    /// The share of our packets that the peer says it missed, 0 to 1.
    pub fn peer_loss(&self) -> f64 {
        self.peer.loss
    }

    /// Whether the peer says its microphone is muted.
    pub fn peer_muted(&self) -> bool {
        self.peer.muted
    }

    /// What it did, and how it stands.
    pub fn figures(&self) -> ReceiverFigures {
        let target_us = self.target_us() - self.delays.base_us();
        let target = Duration::from_micros(target_us.max(0).unsigned_abs());
        ReceiverFigures { target, loss: self.packets.missing_share(), ..self.figures }
    }

    fn target_us(&self) -> i64 {
        self.delays.target_us() + self.extra_us
    }

    /// When a frame was captured, as far as another one tells.
    fn captured_us(&self, frame: u32) -> i64 {
        let (known, captured_us) = self.known;
        captured_us + (i64::from(frame) - i64::from(known)) * FRAME_US
    }

    /// A sender that begins again counts anew, and one that is far ahead has left us behind.
    fn start_anew_if_far(&mut self, frame: u32) {
        let Some(next) = self.next.or_else(|| self.waiting.first_key_value().map(|(&first, _)| first)) else { return };
        if frame.abs_diff(next) > MAX_WAITING_FRAMES {
            self.waiting.clear();
            self.next = None;
            self.delays = Delays::default();
            (self.packets, self.frames) = (Seen::default(), Seen::default());
        }
    }

    /// A frame could be played as of now: itself, a copy of it, or the FEC of the next is here.
    fn on_available(&mut self, frame: u32, captured_us: i64, now: Duration) {
        if self.frames.insert(frame) {
            self.delays.on_frame(captured_us, now);
        }
    }

    fn store(&mut self, frame: u32, waiting: Waiting) {
        if self.next.is_some_and(|next| frame < next) {
            if let Some(index) = self.concealed.iter().position(|&concealed| concealed == frame) {
                self.concealed.remove(index);
                self.figures.late_frames += 1;
            }
            return;
        }
        self.waiting.entry(frame).or_insert(waiting);
    }

    /// The next of what is to be heard, from `at_us` on: never empty, at most one and a half frames.
    fn make(&mut self, at_us: i64) -> Vec<f32> {
        loop {
            let first = self.waiting.first_key_value();
            let Some(next) = self.next else {
                let Some((&frame, first)) = first else { return vec![0.0; BLOCK_SAMPLES] };
                let wait_us = first.captured_us + self.target_us() - at_us;
                if wait_us > 0 {
                    return vec![0.0; samples_of(wait_us).clamp(1, BLOCK_SAMPLES)];
                }
                self.next = Some(frame);
                continue;
            };
            match first {
                Some((&frame, _)) if frame == next => return self.play(at_us),
                Some((&frame, first)) if first.follows_pause || frame - next > MAX_CONCEALED_FRAMES => {
                    let wait_us = first.captured_us + self.target_us() - at_us;
                    if wait_us > 0 {
                        return self.fill(samples_of(wait_us));
                    }
                    self.next = Some(frame);
                }
                Some((&frame, first)) => {
                    let fec = (frame == next + 1 && first.has_fec).then(|| first.payload.clone());
                    if let Some(sound) = self.make_up_for(next, fec.as_deref(), at_us) {
                        return sound;
                    }
                }
                None => {
                    let late_us = at_us - self.captured_us(next) - self.target_us();
                    if late_us <= STALL_MAX_US {
                        return self.fill(BLOCK_SAMPLES);
                    }
                    self.next = Some(next.saturating_add(1));
                }
            }
        }
    }

    /// Plays the first frame that waits.
    fn play(&mut self, at_us: i64) -> Vec<f32> {
        let due_us = |waiting: &Waiting, target_us: i64| waiting.captured_us + target_us;
        let target_us = self.target_us();
        let Some((mut frame, mut waiting)) = self.waiting.pop_first() else { return self.fill(BLOCK_SAMPLES) };
        let mut tail = Vec::new();
        if at_us - due_us(&waiting, target_us) > SKIP_US {
            tail = self.fill(SPLICE_SAMPLES);
            while let Some(later) = self.waiting.first_entry()
                && due_us(later.get(), target_us) <= at_us
            {
                self.figures.skipped_frames += 1;
                (frame, waiting) = later.remove_entry();
            }
        }
        self.known = (frame, waiting.captured_us);
        self.fills = false;
        self.next = Some(frame.saturating_add(1));
        let mut sound = [0.0; FRAME_SAMPLES];
        // It claimed to be 20 ms of Opus; if it is not even that, it is as good as lost.
        if !codec::decode(&mut self.decoder, &waiting.payload, &mut sound, false) {
            self.figures.concealed_frames += 1;
            return self.fill(FRAME_SAMPLES);
        }
        self.figures.played_frames += 1;
        let spliced = fade(&tail, &sound[..tail.len()]);
        sound[..tail.len()].copy_from_slice(&spliced);
        self.stretch(sound.to_vec(), at_us - due_us(&waiting, target_us))
    }

    /// A frame that is missing while a newer one is here. None where what was played while waiting for it stands for it.
    fn make_up_for(&mut self, frame: u32, fec: Option<&[u8]>, at_us: i64) -> Option<Vec<f32>> {
        self.next = Some(frame.saturating_add(1));
        let mut sound = [0.0; FRAME_SAMPLES];
        if let Some(fec) = fec
            && codec::decode(&mut self.decoder, fec, &mut sound, true)
        {
            self.figures.recovered_frames += 1;
            let late_us = at_us - self.captured_us(frame) - self.target_us();
            return Some(self.stretch(sound.to_vec(), late_us));
        }
        self.figures.concealed_frames += 1;
        self.concealed.push_back(frame);
        if self.concealed.len() > MAX_CONCEALED_REMEMBERED {
            self.concealed.pop_front();
        }
        let late_us = at_us - self.captured_us(frame) - self.target_us();
        (late_us < FRAME_US - SLACK_US).then(|| self.conceal(FRAME_SAMPLES))
    }

    /// What Opus makes up where nothing is known: the voice, fading, then the noise behind it.
    fn conceal(&mut self, samples: usize) -> Vec<f32> {
        let mut sound = vec![0.0; samples.next_multiple_of(CONCEAL_STEP_SAMPLES).min(FRAME_SAMPLES)];
        if self.decoder.decode_float(&[], &mut sound, false).is_err() {
            sound.fill(0.0);
        }
        sound
    }

    /// Plays something while there is nothing.
    fn fill(&mut self, samples: usize) -> Vec<f32> {
        let sound = self.conceal(samples);
        self.fills = true;
        self.figures.filled += duration_of(sound.len() as u64);
        sound
    }

    /// Moves what is played towards its target.
    fn stretch(&mut self, sound: Vec<f32>, late_us: i64) -> Vec<f32> {
        if (-SLACK_US..samples_us(LEAST_STRETCH_SAMPLES)).contains(&late_us) {
            return sound;
        }
        let Some(period) = find_period(&sound) else { return sound };
        let needed = if late_us.abs() > URGENT_US { LIKENESS_URGENT } else { LIKENESS };
        if period.likeness < needed {
            return sound;
        }
        if late_us < 0 {
            self.figures.lengthened += duration_of(period.samples as u64);
            return lengthen(&sound, period.samples);
        }
        if late_us < samples_us(period.samples) {
            return sound; // it would come too early
        }
        self.figures.shortened += duration_of(period.samples as u64);
        shorten(&sound, period.samples)
    }
}

fn samples_us(samples: usize) -> i64 {
    micros(duration_of(samples as u64))
}

/// At least one.
fn samples_of(us: i64) -> usize {
    usize::try_from(us.clamp(0, FRAME_US) * 48 / 1000).unwrap_or(0).max(1)
}

const FRAME_US: i64 = 20_000;

/// Two seconds: nothing further ahead is waited for.
const MAX_WAITING_FRAMES: u32 = 100;

/// A longer gap is waited out as a pause is: Opus's concealment has faded to nothing by then.
const MAX_CONCEALED_FRAMES: u32 = 6;

/// Frames concealed of which one may yet arrive.
const MAX_CONCEALED_REMEMBERED: usize = 64;

/// When nothing comes, time stands still for the voice this long, so that what was late only is not lost.
const STALL_MAX_US: i64 = 60_000;

/// Later than this after an outage, what is past is left out: catching up by stretching would take a second.
const SKIP_US: i64 = 150_000;

/// 5 ms, over which what is played before a skip fades into what is after.
const SPLICE_SAMPLES: usize = 240;

/// How far from its target what is played may be: less than anyone hears.
const SLACK_US: i64 = 4_000;

/// The shortest period there is.
const LEAST_STRETCH_SAMPLES: usize = 120;

/// The likeness that lets a period be left out or repeated unheard, and what does when there is much to make up for.
const LIKENESS: f32 = 0.8;
const LIKENESS_URGENT: f32 = 0.4;
const URGENT_US: i64 = 40_000;

/// What Opus conceals is a multiple of 2.5 ms.
const CONCEAL_STEP_SAMPLES: usize = 120;

/// A picture is not worth more delay of the voice than this.
const EXTRA_WAIT_MAX: Duration = Duration::from_millis(60);
