//! From what happened to each captured frame to the figures of a call, as the Salsify paper (§5) defines them.
//!
//! Everything here is arithmetic on a finished record. The first [`UNSCORED_US`] of a run are not scored; every figure
//! is over the frames captured, and the pictures shown, from then to the run's end.

mod gaps;
mod quantile;

use serde::Serialize;

use oyster_codec::Size;
use oyster_codec::quality::{psnr_db, ssim_db};

pub use gaps::{AVERAGED_GAPS, Gaps, screen_gaps};
pub use quantile::{Pair, Spread, mean, quantile};

/// What happened to one frame of the camera. Times are microseconds on one clock for both ends; a time is absent
/// where the frame never got that far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CapturedFrame {
    /// Its number: frames count up by 1 in the order of capture.
    pub number: u64,
    /// When the camera had it.
    pub captured_us: u64,
    /// When the encoder began with it.
    pub encode_start_us: Option<u64>,
    /// When the encoder was done with every version of it.
    pub encoded_us: Option<u64>,
    /// When its first datagram was handed to the network.
    pub sent_us: Option<u64>,
    /// When the last datagram it needed had arrived.
    pub received_us: Option<u64>,
    /// When the decoder began with it.
    pub decode_start_us: Option<u64>,
    /// When the decoder was done with it.
    pub decoded_us: Option<u64>,
    /// When it was on the screen.
    pub shown_us: Option<u64>,
    /// Bytes of the version that was sent, without any transport's overhead.
    pub bytes: Option<u64>,
    /// The quantizer index of the version that was sent, 0..=127.
    pub quantizer: Option<u8>,
    /// Which version was sent; absent for a frame that never reached the choice, because the encoder was busy.
    pub choice: Option<Choice>,
    /// Name of the state it was encoded from, as logs print it.
    pub source_state: Option<String>,
    /// Name of the state it leads to, as logs print it.
    pub target_state: Option<String>,
    /// Width and height of the picture as it was coded: smaller than the camera's where the link is slow.
    pub coded_size: Option<Size>,
    /// SSIM of luma, linear, of the picture shown against its own source.
    pub ssim_y: Option<f64>,
    /// PSNR of luma in dB, of the picture shown against its own source.
    pub psnr_y_db: Option<f64>,
}

/// Which version of a frame was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Choice {
    /// The better one, or the only one.
    Fine,
    /// The smaller one of two.
    Coarse,
    /// A version of one datagram, made to survive a link that carries next to nothing.
    Survival,
    /// None.
    Skip,
}

impl Choice {
    /// The word in logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Coarse => "coarse",
            Self::Survival => "survival",
            Self::Skip => "skip",
        }
    }
}

impl CapturedFrame {
    /// Whether a version of it was sent.
    pub fn was_sent(&self) -> bool {
        self.choice.is_some_and(|choice| choice != Choice::Skip)
    }
}

/// One finished run.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// All captured frames in order, those of the unscored start too.
    pub frames: &'a [CapturedFrame],
    /// When the run began, on the frames' clock.
    pub starts_us: u64,
    /// When it ended: nothing later counts.
    pub ends_us: u64,
    /// What the media's link did between [`Run::scored_from_us`] and [`Run::ends_us`], if it was one of ours.
    pub link: Option<LinkUse<'a>>,
    /// p95 of the bound B1 over the same window: the age of what an omniscient sender gets across.
    pub bound_b1_p95_ms: Option<f64>,
}

/// What a link did in the scored window.
#[derive(Clone, Copy, Debug)]
pub struct LinkUse<'a> {
    /// Bytes it could have carried.
    pub capacity_bytes: u64,
    /// Bytes it did carry, every header included.
    pub carried_bytes: u64,
    /// For each packet that left its queue, how long it waited there.
    pub queue_delays_ms: &'a [f64],
}

/// The figures of a run, in the keys of `oyster experiment run --json`; what is undefined is null.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// For every captured frame: how long until it or a later one was on the screen; see [`signal_delays_ms`].
    pub signal_delay_ms: Spread,
    /// For every shown frame: how long from capture to screen.
    pub frame_delay_ms: Spread,
    /// SSIM of luma of the shown frames, in dB.
    pub ssim_y_db: Likeness,
    /// PSNR of luma of the shown frames, from the mean of their squared errors (as ffmpeg's summary).
    pub psnr_y_db: Option<f64>,
    /// Frames captured per second.
    pub fps_captured: Option<f64>,
    /// Captured frames that were shown, per second.
    pub fps_shown: Option<f64>,
    /// Times the picture froze; see [`screen_gaps`].
    pub freezes: u64,
    /// The longest time without a new picture.
    pub longest_gap_ms: Option<f64>,
    /// Kilobits of frames sent per second, without any transport's overhead.
    pub video_kbps: Option<f64>,
    /// Kilobits the link could carry per second.
    pub link_kbps: Option<f64>,
    /// The part of the link's capacity that was used, headers included.
    pub utilisation: Option<f64>,
    /// How long packets waited in the link's queue.
    pub queue_delay_ms: Pair,
    /// How many frames went which way.
    pub frames: FrameCounts,
    /// What no sender can beat on this link.
    pub bound: Bound,
    /// p95 of the signal delay over the bound's.
    pub ratio_to_bound: Option<f64>,
    /// Time the encoder took for a frame, all versions together.
    pub encode_ms: Pair,
    /// Time the decoder took for a frame.
    pub decode_ms: Pair,
}

/// SSIM in dB: converted after the mean (or quantile) is taken on linear values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Likeness {
    /// Of the mean.
    pub mean: Option<f64>,
    /// Of the 5th percentile: the bad moments.
    pub p5: Option<f64>,
}

/// How many frames went which way. Every captured frame is sent in one version or skipped; what is sent is shown or lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FrameCounts {
    /// Frames the camera gave.
    pub captured: u64,
    /// Sent in the better version.
    pub sent_fine: u64,
    /// Sent in the smaller version.
    pub sent_coarse: u64,
    /// Sent in the version of one datagram.
    pub sent_survival: u64,
    /// Not sent, whether by choice or because the encoder was busy.
    pub skipped: u64,
    /// On the screen before the run's end.
    pub shown: u64,
    /// Sent, but not on the screen before the run's end.
    pub lost: u64,
}

/// What no sender can beat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Bound {
    /// p95 of B1.
    pub b1_p95_ms: Option<f64>,
}

impl<'a> Run<'a> {
    /// When scoring begins.
    pub fn scored_from_us(&self) -> u64 {
        self.starts_us + UNSCORED_US
    }

    /// The frames captured in the scored window.
    pub fn scored(&self) -> impl Iterator<Item = &'a CapturedFrame> + use<'a> {
        let window = self.scored_from_us()..self.ends_us;
        self.frames.iter().filter(move |frame| window.contains(&frame.captured_us))
    }

    /// When a frame was shown, if that was before the run's end.
    pub fn shown_us(&self, frame: &CapturedFrame) -> Option<u64> {
        frame.shown_us.filter(|&shown| shown <= self.ends_us)
    }

    /// The figures of this run.
    pub fn figures(&self) -> Figures {
        let seconds = self.ends_us.saturating_sub(self.scored_from_us()) as f64 / 1e6;
        let per_second = |count: f64| (seconds > 0.0).then(|| count / seconds);
        let shown = || self.scored().filter(|frame| self.shown_us(frame).is_some());
        let between = |from: Option<u64>, to: Option<u64>| Some(milliseconds(from?, to?));

        let signal_delays = signal_delays_ms(self).into_iter().filter(|delay| delay.0 >= self.scored_from_us());
        let signal_delay_ms = Spread::of(signal_delays.map(|(_, delay_ms)| delay_ms).collect());
        let frame_delays = shown().filter_map(|frame| between(Some(frame.captured_us), frame.shown_us));
        let squared_errors: Vec<f64> = shown().filter_map(|frame| frame.psnr_y_db).map(mse_of_psnr).collect();
        let encodes = self.scored().filter_map(|frame| between(frame.encode_start_us, frame.encoded_us));
        let decodes = self.scored().filter_map(|frame| between(frame.decode_start_us, frame.decoded_us));
        let sent_bytes: u64 = self.scored().filter(|frame| frame.was_sent()).filter_map(|frame| frame.bytes).sum();
        let frames = self.frame_counts();
        let gaps = screen_gaps(self);
        Figures {
            ratio_to_bound: self
                .bound_b1_p95_ms
                .filter(|&b1| b1 > 0.0)
                .zip(signal_delay_ms.p95)
                .map(|(b1, p95)| p95 / b1),
            signal_delay_ms,
            frame_delay_ms: Spread::of(frame_delays.collect()),
            ssim_y_db: Likeness::of(shown().filter_map(|frame| frame.ssim_y).collect()),
            psnr_y_db: mean(&squared_errors).map(psnr_db),
            fps_captured: per_second(frames.captured as f64),
            fps_shown: per_second(frames.shown as f64),
            freezes: gaps.freezes,
            longest_gap_ms: gaps.longest_ms,
            video_kbps: per_second(kilobits(sent_bytes)),
            link_kbps: self.link.and_then(|link| per_second(kilobits(link.capacity_bytes))),
            utilisation: self.link.and_then(|link| {
                (link.capacity_bytes > 0).then(|| link.carried_bytes as f64 / link.capacity_bytes as f64)
            }),
            queue_delay_ms: Pair::of(self.link.map_or_else(Vec::new, |link| link.queue_delays_ms.to_vec())),
            frames,
            bound: Bound { b1_p95_ms: self.bound_b1_p95_ms },
            encode_ms: Pair::of(encodes.collect()),
            decode_ms: Pair::of(decodes.collect()),
        }
    }

    fn frame_counts(&self) -> FrameCounts {
        let mut counts = FrameCounts::default();
        for frame in self.scored() {
            counts.captured += 1;
            match frame.choice {
                Some(Choice::Fine) => counts.sent_fine += 1,
                Some(Choice::Coarse) => counts.sent_coarse += 1,
                Some(Choice::Survival) => counts.sent_survival += 1,
                Some(Choice::Skip) | None => counts.skipped += 1,
            }
            if self.shown_us(frame).is_some() {
                counts.shown += 1;
            } else if frame.was_sent() {
                counts.lost += 1;
            }
        }
        counts
    }
}

impl Figures {
    /// One JSON object on one line, in the order of the fields here.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("numbers and fixed keys always make JSON")
    }
}

impl Likeness {
    /// Of linear SSIM values, in any order.
    pub fn of(mut linear: Vec<f64>) -> Self {
        linear.sort_by(f64::total_cmp);
        Self { mean: mean(&linear).map(ssim_db), p5: quantile(&linear, 0.05).map(ssim_db) }
    }
}

/// The signal delay of every frame captured before the run's end, in order of capture, with its time of capture: how
/// long until it or a later one was on the screen. Those of the unscored start are among them.
///
/// A frame that nothing followed on the screen is charged the time to the run's end, the least it can have been. The
/// paper's script leaves such frames out, which forgives a call that freezes for good; where calls do not, the two
/// differ by the few frames in flight at the end.
pub fn signal_delays_ms(run: &Run) -> Vec<(u64, f64)> {
    let mut on_screen_us = run.ends_us;
    let mut delays = Vec::new();
    for frame in run.frames.iter().rev() {
        on_screen_us = on_screen_us.min(run.shown_us(frame).unwrap_or(run.ends_us));
        if frame.captured_us < run.ends_us {
            delays.push((frame.captured_us, milliseconds(frame.captured_us, on_screen_us)));
        }
    }
    delays.reverse();
    delays
}

fn milliseconds(from_us: u64, to_us: u64) -> f64 {
    to_us.saturating_sub(from_us) as f64 / 1e3
}

fn kilobits(bytes: u64) -> f64 {
    bytes as f64 * 8.0 / 1e3
}

fn mse_of_psnr(psnr_db: f64) -> f64 {
    255.0 * 255.0 * 10_f64.powf(-psnr_db / 10.0)
}

/// How much of a run's start is not scored: the first key frame and the first guesses of every controller fall into it,
/// and say nothing about the minutes that follow. Simulated and measured anchors leave out the same.
pub const UNSCORED_US: u64 = 2_000_000;

#[cfg(test)]
mod tests;
