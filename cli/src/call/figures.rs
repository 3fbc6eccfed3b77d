//! A call in figures: what the line under the picture says while it lasts, and the summary at its end.

mod json;

use std::fmt::Write;
use std::time::Duration;

use oyster_audio::Level;
use oyster_call::figures::{CameraState, Direction, Figures, Stages, Versions};
use oyster_call::live::PathFigures;
use oyster_call::screen::StatusLines;
use oyster_call::{Happening, sound};
use oyster_codec::{Size, quality};
use oyster_sender::{Choice, Decision};
use oyster_signalling::{Label, MediaState, Report};

/// What is known of a call so far, by the call's clock.
#[derive(Debug, Default)]
pub(crate) struct CallFigures {
    /// As it was told last.
    path: PathFigures,
    /// What the other end said last.
    pub(crate) peer: Report,
    /// What the other end does not send.
    pub(crate) peer_media: MediaState,
    /// What we do not send.
    pub(crate) media: MediaState,
    /// Whether our camera was unplugged.
    pub(crate) camera_lost: bool,
    /// How sound fares, if there is any.
    pub(crate) sound: Option<sound::Figures>,
    longest_silence: Duration,
    wait: Stage,
    encode: Stage,
    decode: Stage,
    show: Stage,
    began: Option<Duration>,
    shown: Shown,
    sent: Sent,
}

/// Of the other end's pictures.
#[derive(Debug, Default)]
struct Shown {
    pictures: u64,
    first_at: Option<Duration>,
    last_at: Option<Duration>,
    /// The newest shown: when it was captured, µs on the other end's clock, and its number.
    newest: Option<(u32, i64)>,
    /// Pictures shown before the clocks' difference was known: captured there, shown here, µs.
    unplaced: Vec<(i64, i64)>,
    delays: Histogram,
    /// Seconds from one to the next, of late.
    gap: f64,
    delay_ms: f64,
    coded_size: Option<Size>,
}

/// Of ours.
#[derive(Debug, Default)]
struct Sent {
    captured_at: Option<Duration>,
    /// Seconds from one capture to the next, of late.
    gap: f64,
    fine: u64,
    coarse: u64,
    skipped: u64,
    captured_size: Option<Size>,
    coded_size: Option<Size>,
    quantizer: u8,
    likeness: f64,
    measured: u64,
}

impl CallFigures {
    /// Something happened here at `at`.
    pub(crate) fn take(&mut self, at: Duration, happening: &Happening) {
        match happening {
            Happening::Captured { image, .. } => {
                self.sent.captured_size = Some(image.size());
                self.began.get_or_insert(at);
                if let Some(before) = self.sent.captured_at.replace(at) {
                    self.sent.gap = of_late(self.sent.gap, at.saturating_sub(before).as_secs_f64());
                }
                self.wait.begin(at);
            }
            Happening::EncodeStarted { .. } => {
                self.wait.end(at);
                self.encode.begin(at);
            }
            Happening::Decided { decision, .. } => {
                self.encode.end(at);
                self.decided(decision);
            }
            Happening::Received { .. } => self.decode.begin(at),
            Happening::Decoded { .. } => {
                self.decode.end(at);
                self.show.begin(at);
            }
            Happening::Ready(shown) => self.shown.coded_size = Some(shown.picture.size()),
        }
    }

    fn decided(&mut self, decision: &Decision) {
        match decision.choice {
            Choice::Fine => self.sent.fine += 1,
            Choice::Coarse | Choice::Survival => self.sent.coarse += 1,
            Choice::Skip => self.sent.skipped += 1,
        }
        if let Some(sent) = &decision.sent {
            self.sent.quantizer = sent.quantizer.value();
            self.sent.coded_size = Some(sent.coded_size);
        }
    }

    /// How the path is.
    pub(crate) fn handle_path(&mut self, path: PathFigures) {
        self.longest_silence = self.longest_silence.max(path.silence);
        self.path = path;
    }

    /// The likeness of a picture sent: linear SSIM.
    pub(crate) fn measured(&mut self, ssim_y: f64) {
        self.sent.likeness += ssim_y;
        self.sent.measured += 1;
    }

    /// The other end's clock minus ours, µs: by our own acks, or as the other end found it.
    pub(crate) fn clock_offset_us(&self) -> Option<i64> {
        self.path.clock_offset_us.or_else(|| self.peer.clock_offset_us.map(i64::saturating_neg))
    }

    /// A picture of the other end was shown at `at`. Answers how many that makes.
    pub(crate) fn shown(&mut self, label: Option<Label>, at: Duration) -> u64 {
        self.count(at);
        if let Some(label) = label {
            self.place(label, at);
        }
        self.shown.pictures
    }

    fn count(&mut self, at: Duration) {
        self.show.end(at);
        self.began.get_or_insert(at);
        let shown = &mut self.shown;
        shown.pictures += 1;
        shown.first_at.get_or_insert(at);
        if let Some(last_at) = shown.last_at.replace(at) {
            shown.gap = of_late(shown.gap, at.saturating_sub(last_at).as_secs_f64());
        }
    }

    fn place(&mut self, label: Label, at: Duration) {
        let shown = &mut self.shown;
        let captured_us = label.captured_us();
        let at_us = at.as_micros() as i64;
        // Pictures that were passed over were on the screen, as far as anyone sees, when this one was (Salsify §5); when they
        // were captured is told by their neighbours.
        let before = shown.newest.replace((label.capture, captured_us));
        let passed =
            before.map_or(0, |(capture, _)| label.capture.saturating_sub(capture.saturating_add(1))).min(MAX_PASSED);
        let step_us = before.map_or(0, |(_, us)| (captured_us - us) / i64::from(passed + 1));
        for picture in 0..=passed {
            if shown.unplaced.len() < MAX_UNPLACED {
                shown.unplaced.push((captured_us - step_us * i64::from(picture), at_us));
            }
        }
        if let Some(offset_us) = self.clock_offset_us() {
            let shown = &mut self.shown;
            for (captured_us, at_us) in shown.unplaced.drain(..) {
                let delay_us = (at_us + offset_us - captured_us).max(0);
                shown.delays.insert(delay_us);
                shown.delay_ms += (delay_us as f64 / 1000.0 - shown.delay_ms) / 8.0;
            }
        }
    }

    /// What to tell the other end.
    pub(crate) fn report(&self, now: Duration) -> Report {
        let tenths = |us: i64| u32::try_from(us / 100).unwrap_or(u32::MAX - 1);
        Report {
            clock_offset_us: self.path.clock_offset_us,
            delay_p50_tenths: self.shown.delays.quantile(0.5).map(tenths),
            delay_p95_tenths: self.shown.delays.quantile(0.95).map(tenths),
            shown_tenths: self.shown_a_second().map(|rate| (rate * 10.0) as u32),
            ssim_centibels: self.likeness_db().map(|db| (db * 100.0) as u32),
            sent_kbps: self.kbps(self.path.sent_bytes, now).map(|kbps| kbps as u32),
            lost_thousandths: Some((self.path.loss * 1000.0) as u32),
        }
    }

    fn shown_a_second(&self) -> Option<f64> {
        let (first, last) = (self.shown.first_at?, self.shown.last_at?);
        let lasted = last.saturating_sub(first).as_secs_f64();
        (lasted > 0.0).then(|| (self.shown.pictures - 1) as f64 / lasted)
    }

    fn likeness_db(&self) -> Option<f64> {
        (self.sent.measured > 0).then(|| quality::ssim_db(self.sent.likeness / self.sent.measured as f64).min(99.0))
    }

    fn kbps(&self, bytes: u64, now: Duration) -> Option<f64> {
        let lasted = now.saturating_sub(self.began?).as_secs_f64();
        (lasted > 0.0).then(|| bytes as f64 * 8.0 / 1000.0 / lasted)
    }

    /// What stands under the picture.
    pub(crate) fn status(&self, spoken: &str, now: Duration) -> StatusLines {
        let decibels = |centibels: Option<u32>| centibels.map(|value| f64::from(value) / 100.0);
        let share = |thousandths: Option<u32>| thousandths.map(|value| f64::from(value) / 1000.0);
        let state = |is_off: bool| if is_off { CameraState::Off } else { CameraState::On };
        let incoming = Direction {
            camera: state(self.peer_media.camera_off),
            shown_per_second: (self.shown.gap > 0.0).then(|| 1.0 / self.shown.gap),
            silence: self.shown.last_at.map(|last_at| now.saturating_sub(last_at)),
            sent_rate: self.peer.sent_kbps.map(|kbps| f64::from(kbps) * 1000.0),
            loss: share(self.peer.lost_thousandths),
            ssim_y_db: decibels(self.peer.ssim_centibels),
            coded_size: self.shown.coded_size,
            stages: Stages { decode: self.decode.mean(), show: self.show.mean(), ..Stages::default() },
            ..Direction::default()
        };
        let count = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        let outgoing = Direction {
            camera: if self.camera_lost { CameraState::Lost } else { state(self.media.camera_off) },
            captured_per_second: (self.sent.gap > 0.0).then(|| 1.0 / self.sent.gap),
            sent_rate: self.kbps(self.path.sent_bytes, now).map(|kbps| kbps * 1000.0),
            link_rate: Some(self.path.rate).filter(|rate| rate.is_finite()),
            loss: Some(self.path.loss),
            versions: Versions {
                fine: count(self.sent.fine),
                coarse: count(self.sent.coarse),
                skipped: count(self.sent.skipped),
            },
            ssim_y_db: self.likeness_db(),
            coded_size: self.sent.coded_size,
            captured_size: self.sent.captured_size,
            stages: Stages { wait: self.wait.mean(), encode: self.encode.mean(), ..Stages::default() },
            ..Direction::default()
        };
        let figures = Figures {
            elapsed: now,
            signal_delay: (self.shown.delay_ms > 0.0).then(|| Duration::from_secs_f64(self.shown.delay_ms / 1000.0)),
            round_trip: self.path.round_trip,
            incoming,
            outgoing,
            sound: self.sound.map(|sound| self.sound_in_words(&sound)),
            is_muted: self.media.muted,
            is_peer_muted: self.peer_media.muted,
        };
        let mut status = figures.status();
        status.details.insert(0, format!("read these words to each other: {spoken}"));
        status
    }

    fn sound_in_words(&self, sound: &sound::Figures) -> String {
        let level = |level: Level| format!("{:.0} dB", level.mean_db);
        let mut words = format!("you {}  they {}", level(sound.microphone_level), level(sound.speaker_level));
        if let Some(delay) = self.clock_offset_us().and_then(|offset_us| sound.mouth_to_ear(offset_us)) {
            let _ = write!(words, "  mouth to ear {} ms", delay.as_millis());
        }
        if let Some(skew) = sound.skew_p95 {
            let _ = write!(words, "  lips within {} ms", skew.as_millis());
        }
        words
    }

    /// The table at the end.
    pub(crate) fn summary(&self, now: Duration) -> String {
        let report = self.report(now);
        let shown = |value: Option<f64>, digits: usize, unit: &str| match value {
            Some(value) => format!("{value:.digits$} {unit}"),
            None => "-".to_owned(),
        };
        let tenths = |value: Option<u32>| value.map(|value| f64::from(value) / 10.0);
        let delay = |report: &Report| match (tenths(report.delay_p50_tenths), tenths(report.delay_p95_tenths)) {
            (Some(p50), Some(p95)) => format!("p50 {p50:.0}  p95 {p95:.0} ms"),
            _ => "-".to_owned(),
        };
        let likeness = |report: &Report| shown(report.ssim_centibels.map(|value| f64::from(value) / 100.0), 2, "dB");
        let loss = |report: &Report| shown(tenths(report.lost_thousandths), 1, "%");
        let kbps = |bytes| shown(self.kbps(bytes, now), 0, "kbit/s");
        let rate = |report: &Report| shown(tenths(report.shown_tenths), 1, "a second");
        let rows = [
            ("", "sent".to_owned(), "received".to_owned()),
            ("signal delay", delay(&self.peer), delay(&report)),
            ("pictures shown", rate(&self.peer), rate(&report)),
            ("SSIM of what was sent", likeness(&report), likeness(&self.peer)),
            ("on the wire", kbps(self.path.sent_bytes), kbps(self.path.received_bytes)),
            ("lost of late", loss(&report), loss(&self.peer)),
        ];
        let mut table = String::new();
        for (name, sent, received) in rows {
            // Writing to a String does not fail.
            let _ = writeln!(table, "{name:<24}{sent:<24}{received}");
        }
        let Sent { fine, coarse, skipped, .. } = self.sent;
        let _ = writeln!(table, "{:<24}fine {fine}   coarse {coarse}   skipped {skipped}", "versions sent");
        table
    }
}

/// A mean of about the last second, in seconds, with one more value in it.
fn of_late(mean: f64, seconds: f64) -> f64 {
    mean + (seconds - mean) * (seconds * 2.0).clamp(0.05, 1.0)
}

/// How long something takes, of late.
#[derive(Debug, Default)]
struct Stage {
    began: Option<Duration>,
    seconds: f64,
}

impl Stage {
    fn begin(&mut self, at: Duration) {
        self.began = Some(at);
    }

    fn end(&mut self, at: Duration) {
        if let Some(began) = self.began.take() {
            self.seconds += (at.saturating_sub(began).as_secs_f64() - self.seconds) / 16.0;
        }
    }

    fn mean(&self) -> Option<Duration> {
        (self.seconds > 0.0).then(|| Duration::from_secs_f64(self.seconds))
    }
}

/// How often delays of up to ten seconds occurred, to half a millisecond.
#[derive(Debug, Default)]
struct Histogram {
    counts: Vec<u32>,
    total: u64,
}

impl Histogram {
    fn insert(&mut self, delay_us: i64) {
        let place = (delay_us.max(0) / BIN_US).min(BINS - 1) as usize;
        if self.counts.len() <= place {
            self.counts.resize(place + 1, 0);
        }
        self.counts[place] = self.counts[place].saturating_add(1);
        self.total += 1;
    }

    /// What this share of the delays does not pass, µs.
    fn quantile(&self, share: f64) -> Option<i64> {
        let wanted = (share * self.total as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        let place = self.counts.iter().position(|&count| {
            seen += u64::from(count);
            seen >= wanted
        })?;
        Some(place as i64 * BIN_US + BIN_US / 2)
    }
}

const BIN_US: i64 = 500;
const BINS: i64 = 20_000;
/// Pictures passed over at once that are counted: ten seconds.
const MAX_PASSED: u32 = 300;
/// Pictures shown before the clocks' difference is known: it is after a round trip or a second.
const MAX_UNPLACED: usize = 600;

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn quantiles_lie_within_a_bin() {
        let mut delays = Histogram::default();
        assert_eq!(delays.quantile(0.5), None);
        (1..=100).for_each(|ms| delays.insert(ms * 1000));
        assert_eq!((delays.quantile(0.5), delays.quantile(0.95)), (Some(50_250), Some(95_250)));
        delays.insert(i64::MAX);
        assert_eq!(delays.quantile(1.0), Some(BIN_US * BINS - BIN_US / 2));
    }

    #[test]
    fn delays_wait_for_the_difference_of_the_clocks_and_count_what_was_passed_over() {
        let mut figures = CallFigures::default();
        // Their clock is 5 s ahead. Every third picture of 30 a second arrives, 20 ms after its capture.
        let show = |figures: &mut CallFigures, capture: u32| {
            let captured = ms(u64::from(capture) * 33);
            figures.shown(Some(Label::new(capture.into(), captured + ms(5000))), captured + ms(20));
        };
        show(&mut figures, 0);
        show(&mut figures, 3);
        assert_eq!(figures.report(ms(100)).delay_p50_tenths, None);
        figures.peer.clock_offset_us = Some(-5_000_000);
        show(&mut figures, 6);
        let report = figures.report(ms(300));
        assert_eq!(figures.shown.delays.total, 7);
        assert_eq!((report.delay_p50_tenths, report.delay_p95_tenths), (Some(532), Some(862)));
    }

    #[test]
    fn a_call_that_never_was_has_a_summary() {
        let table = CallFigures::default().summary(ms(1000));
        assert_eq!(table.lines().count(), 7, "{table}");
    }
}
