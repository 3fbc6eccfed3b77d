//! A call's figures for machines. Times are milliseconds; what is not known is null.

use std::time::Duration;

use serde_json::{Value, json};

use super::CallFigures;

impl CallFigures {
    /// All that is known of the call at `now`.
    pub(crate) fn json(&self, now: Duration) -> Value {
        let (here, there) = (self.report(now), &self.peer);
        let tenths = |value: Option<u32>| value.map(|value| f64::from(value) / 10.0);
        let decibels = |value: Option<u32>| value.map(|value| f64::from(value) / 100.0);
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        let delay = |p50, p95| json!({ "p50": tenths(p50), "p95": tenths(p95) });
        json!({
            "seconds": now.as_secs_f64(),
            "first_picture_ms": self.shown.first_at.map(ms),
            "round_trip_ms": self.path.round_trip.map(ms),
            "longest_silence_ms": ms(self.longest_silence),
            "received": {
                "signal_delay_ms": delay(here.delay_p50_tenths, here.delay_p95_tenths),
                "fps_shown": tenths(here.shown_tenths),
                "shown": self.shown.pictures,
                "ssim_y_db": decibels(there.ssim_centibels),
                "coded_size": self.shown.coded_size.map(|size| size.to_string()),
                "kbps": self.kbps(self.path.received_bytes, now),
            },
            "sent": {
                "signal_delay_ms": delay(there.delay_p50_tenths, there.delay_p95_tenths),
                "fps_shown": tenths(there.shown_tenths),
                "fine": self.sent.fine,
                "coarse": self.sent.coarse,
                "skipped": self.sent.skipped,
                "ssim_y_db": decibels(here.ssim_centibels),
                "coded_size": self.sent.coded_size.map(|size| size.to_string()),
                "kbps": self.kbps(self.path.sent_bytes, now),
                "loss": self.path.loss,
            },
            "stages_ms": {
                "wait": self.wait.mean().map(ms),
                "encode": self.encode.mean().map(ms),
                "decode": self.decode.mean().map(ms),
                "show": self.show.mean().map(ms),
            },
            "sound": self.sound.map(|sound| {
                let received = sound.received;
                json!({
                    "mouth_to_ear_ms": self.clock_offset_us().and_then(|us| sound.mouth_to_ear(us)).map(ms),
                    "skew_p95_ms": sound.skew_p95.map(ms),
                    "frames_played": received.played_frames,
                    "frames_concealed": received.concealed_frames,
                    "packets_sent": sound.sent_packets,
                    "peer_loss": sound.peer_loss,
                    "underruns": sound.underruns,
                })
            }),
        })
    }
}
