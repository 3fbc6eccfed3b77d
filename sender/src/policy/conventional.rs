//! How calls usually do it, for comparison: one version a frame, its quantizer steered so that the average meets the
//! rate, and frames dropped only when the encoder has run well ahead of it.

use std::time::Duration;

use oyster_codec::QuantizerIndex;
use oyster_transport::FrameSender;

use super::Verdict;
use crate::job::Versions;

/// The paper's conventional mode starts here.
const FIRST_QUANTIZER: f64 = 32.0;
/// WebRTC's range for VP8.
const QUANTIZERS: std::ops::RangeInclusive<f64> = 4.0..=127.0;
/// A frame that would leave more than this waiting is dropped: the usual buffer of a constant-bitrate encoder.
const BUFFER_SECONDS: f64 = 0.6;
/// Quantizer steps for a doubling of the size, in the steady state (measured on talking heads: about half the rate
/// every 24 steps).
const STEPS_PER_DOUBLING: f64 = 24.0;
/// How much of the error is corrected a frame; the average reacts within about half a second.
const GAIN: f64 = 0.15;

#[derive(Debug)]
pub(crate) struct Conventional {
    quantizer: f64,
    /// Bytes sent and not yet drained at the rate.
    bucket_bytes: f64,
    drained_at: Option<Duration>,
    last_capture_at: Option<Duration>,
}

impl Default for Conventional {
    fn default() -> Self {
        Self { quantizer: FIRST_QUANTIZER, bucket_bytes: 0.0, drained_at: None, last_capture_at: None }
    }
}

impl Conventional {
    pub(crate) fn versions(&self) -> Versions {
        Versions::At(vec![QuantizerIndex::saturating(self.quantizer.round() as i32)])
    }

    pub(crate) fn choose(&mut self, sizes: &[usize], transport: &FrameSender, now: Duration) -> Verdict {
        let rate = transport.rate(now);
        let since = |then: Option<Duration>| then.map_or(1.0 / 30.0, |then| now.saturating_sub(then).as_secs_f64());
        let frame_seconds = since(self.last_capture_at.replace(now)).clamp(0.005, 0.2);
        self.bucket_bytes = (self.bucket_bytes - rate * since(self.drained_at.replace(now))).max(0.0);
        let target = (rate * frame_seconds).max(1.0);
        let error = (sizes[0] as f64 / target).log2().clamp(-2.0, 2.0);
        self.quantizer =
            (self.quantizer + GAIN * STEPS_PER_DOUBLING * error).clamp(*QUANTIZERS.start(), *QUANTIZERS.end());
        if self.bucket_bytes > rate * BUFFER_SECONDS { Verdict::Skip } else { Verdict::Send(0) }
    }

    pub(crate) fn handle_sent(&mut self, bytes: usize) {
        self.bucket_bytes += bytes as f64;
    }
}
