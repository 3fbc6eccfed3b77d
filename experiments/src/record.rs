//! What happens in a call, written down as it happens: by a run in virtual time, or by a live call's screen.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use oyster_codec::{Image, quality};
use oyster_emulator::{Bound, BoundError, LinkConfig, Trace};
use oyster_receiver::Shown;
use oyster_sender::{Choice, Decision};
use oyster_transport::FrameNumber;

use crate::metrics::{self, CapturedFrame, Figures, LinkUse, Run, UNSCORED_US};
use crate::report::{BIN_US, TimeSeries, analysis_csv, frame_log, playback_csv, time_series};

/// A call's record, growing.
#[derive(Debug, Default)]
pub struct Record {
    frames: Vec<CapturedFrame>,
    /// What was captured, to be compared with what is shown: the newest [`MAX_ORIGINALS`].
    originals: VecDeque<(u64, Arc<Image>)>,
    /// Which captured picture a sent frame holds.
    captures: BTreeMap<u32, u64>,
    deliveries: Vec<Delivered>,
}

/// A packet that crossed the media link.
#[derive(Clone, Copy, Debug)]
struct Delivered {
    arrival_us: u64,
    wire_bytes: usize,
    queue_delay_ms: f64,
}

/// Originals kept: a picture shown ten minutes late is not compared. At 30 a second and 640x360 that is at most what
/// the clip takes anyway, as its pictures are shared.
const MAX_ORIGINALS: usize = 20_000;

impl Record {
    /// The camera gave a picture; numbers count up by one.
    pub fn captured(&mut self, capture: u64, image: Arc<Image>, at: Duration) {
        self.frames.push(CapturedFrame { number: capture, captured_us: micros(at), ..CapturedFrame::default() });
        if self.originals.len() == MAX_ORIGINALS {
            self.originals.pop_front();
        }
        self.originals.push_back((capture, image));
    }

    /// The encoder took it up.
    pub fn encode_started(&mut self, capture: u64, at: Duration) {
        if let Some(frame) = self.frames.get_mut(capture as usize) {
            frame.encode_start_us = Some(micros(at));
        }
    }

    /// A version of it was sent, or none.
    pub fn decided(&mut self, decision: &Decision, at: Duration) {
        let Some(frame) = self.frames.get_mut(decision.capture as usize) else { return };
        frame.encoded_us = Some(micros(at));
        frame.choice = Some(decision.choice.into());
        if let Some(sent) = &decision.sent {
            frame.sent_us = Some(micros(at));
            frame.bytes = Some(sent.bytes as u64);
            frame.quantizer = Some(sent.quantizer.value());
            frame.coded_size = Some(sent.coded_size);
            frame.source_state = Some(sent.source.to_string());
            frame.target_state = Some(sent.target.to_string());
            self.captures.insert(sent.frame.0, decision.capture);
        }
    }

    /// A packet crossed the media link.
    pub fn delivered(&mut self, arrival: Duration, wire_bytes: usize, queue_delay: Duration) {
        let queue_delay_ms = queue_delay.as_secs_f64() * 1000.0;
        self.deliveries.push(Delivered { arrival_us: micros(arrival), wire_bytes, queue_delay_ms });
    }

    /// A frame had arrived at `received_at`, or as much of it as is decoded, and the decoder took it up now.
    pub fn decode_started(&mut self, frame: FrameNumber, received_at: Duration, at: Duration) {
        if let Some(frame) = self.not_yet_shown(frame) {
            frame.received_us = Some(micros(received_at));
            frame.decode_start_us = Some(micros(at));
        }
    }

    /// It was decoded.
    pub fn decoded(&mut self, frame: FrameNumber, at: Duration) {
        if let Some(frame) = self.not_yet_shown(frame) {
            frame.decoded_us = Some(micros(at));
        }
    }

    /// Its picture is on the screen. Answers its likeness to what was captured: linear SSIM of luma.
    ///
    /// Where its beginning was shown before all of it, the record keeps the first: delay and likeness are those of one picture.
    pub fn shown(&mut self, shown: &Shown, at: Duration) -> Option<f64> {
        let capture = *self.captures.get(&shown.frame.0)?;
        let (oldest, _) = self.originals.front()?;
        let (_, original) = self.originals.get(capture.checked_sub(*oldest)? as usize)?;
        let original = Arc::clone(original);
        let picture = shown.picture.image();
        let picture = picture.scaled(original.size());
        let ssim_y = quality::ssim_y(&original, &picture).ok()?;
        let psnr_y_db = quality::psnr_y(&original, &picture).ok()?;
        if let Some(frame) = self.not_yet_shown(shown.frame) {
            frame.shown_us = Some(micros(at));
            frame.ssim_y = Some(ssim_y);
            frame.psnr_y_db = Some(psnr_y_db);
        }
        Some(ssim_y)
    }

    /// How long a shown frame took from the camera to the screen.
    pub fn delay(&self, frame: FrameNumber) -> Option<Duration> {
        let record = self.frames.get(*self.captures.get(&frame.0)? as usize)?;
        Some(Duration::from_micros(record.shown_us?.saturating_sub(record.captured_us)))
    }

    /// The record of a sent frame of which nothing has been on the screen.
    fn not_yet_shown(&mut self, frame: FrameNumber) -> Option<&mut CapturedFrame> {
        let capture = *self.captures.get(&frame.0)?;
        self.frames.get_mut(capture as usize).filter(|frame| frame.shown_us.is_none())
    }

    /// What crossed the media link: when, and how many bytes on the wire.
    pub fn carried(&self) -> Vec<(Duration, usize)> {
        let carried = |delivered: &Delivered| (Duration::from_micros(delivered.arrival_us), delivered.wire_bytes);
        self.deliveries.iter().map(carried).collect()
    }

    /// The record of every captured picture, in order.
    pub fn frames(&self) -> &[CapturedFrame] {
        &self.frames
    }

    /// The call lasted from `begin` to `end` over `link`, whose time 0 was at `begin`.
    pub fn finish(
        self,
        (trace, config): &(Trace, LinkConfig),
        begin: Duration,
        end: Duration,
    ) -> Result<Recording, BoundError> {
        let (starts_us, ends_us) = (micros(begin), micros(end));
        let scored_us = starts_us + UNSCORED_US..ends_us;
        let in_trace_ms = |us: u64| config.start_ms + (us - starts_us) / 1000;
        let bins = (starts_us..ends_us).step_by(BIN_US as usize).map(|bin_us| {
            let bin_ms = in_trace_ms(bin_us)..in_trace_ms((bin_us + BIN_US).min(ends_us));
            let length_ms = (bin_ms.end - bin_ms.start).max(1);
            trace.capacity_bytes(bin_ms) as f64 * 8.0 / length_ms as f64
        });
        let mut recording =
            Recording { frames: self.frames, starts_us, ends_us, capacity_kbps: bins.collect(), link: None };
        if !scored_us.is_empty() {
            let window_ms = in_trace_ms(scored_us.start)..in_trace_ms(scored_us.end);
            let scored = || self.deliveries.iter().filter(|delivered| scored_us.contains(&delivered.arrival_us));
            recording.link = Some(ScoredLink {
                capacity_bytes: trace.capacity_bytes(window_ms.clone()),
                carried_bytes: scored().map(|delivered| delivered.wire_bytes as u64).sum(),
                queue_delays_ms: scored().map(|delivered| delivered.queue_delay_ms).collect(),
                bound: Bound::b1(trace, window_ms, config.one_way_delay.as_millis() as u64)?,
            });
        }
        Ok(recording)
    }
}

impl From<Choice> for metrics::Choice {
    fn from(choice: Choice) -> Self {
        match choice {
            Choice::Fine => Self::Fine,
            Choice::Coarse => Self::Coarse,
            Choice::Survival => Self::Survival,
            Choice::Skip => Self::Skip,
        }
    }
}

/// A finished call: what its figures, logs and plots are made of.
#[derive(Debug)]
pub struct Recording {
    frames: Vec<CapturedFrame>,
    starts_us: u64,
    ends_us: u64,
    /// What the link could carry, in bins of [`BIN_US`].
    capacity_kbps: Vec<f64>,
    /// None where the call was too short to be scored.
    link: Option<ScoredLink>,
}

/// The media link in the scored window.
#[derive(Debug)]
struct ScoredLink {
    capacity_bytes: u64,
    carried_bytes: u64,
    queue_delays_ms: Vec<f64>,
    bound: Bound,
}

impl Recording {
    fn run(&self) -> Run<'_> {
        Run {
            frames: &self.frames,
            starts_us: self.starts_us,
            ends_us: self.ends_us,
            link: self.link.as_ref().map(|link| LinkUse {
                capacity_bytes: link.capacity_bytes,
                carried_bytes: link.carried_bytes,
                queue_delays_ms: &link.queue_delays_ms,
            }),
            bound_b1_p95_ms: self.link.as_ref().map(|link| link.bound.delay.p95_ms),
        }
    }

    /// The figures of the call, its first two seconds not scored.
    pub fn figures(&self) -> Figures {
        self.run().figures()
    }

    /// Files for people and their scripts, by name: a row a frame, the paper's two tables, a plot.
    pub fn files(&self, title: &str) -> [(&'static str, String); 4] {
        let run = self.run();
        [
            ("frames.csv", frame_log(&self.frames)),
            ("analysis.csv", analysis_csv(&run)),
            ("playback.csv", playback_csv(&run)),
            ("call.svg", time_series(&TimeSeries { title, run, capacity_kbps: &self.capacity_kbps })),
        ]
    }
}

fn micros(time: Duration) -> u64 {
    time.as_micros() as u64
}
