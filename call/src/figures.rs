//! What is said about a call while it lasts: figures as lines, and in a sentence why a picture is as it is now. Pure: the call
//! measures and fills in, a screen shows.

use std::fmt;
use std::time::Duration;

use oyster_codec::Size;

use crate::screen::StatusLines;

/// The state of a call at one moment. What is not known is `None` and is not shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// How long the call has lasted.
    pub elapsed: Duration,
    /// From the other's camera to this screen: for each captured picture, until it or a later one was shown.
    pub signal_delay: Option<Duration>,
    /// To the other machine and back.
    pub round_trip: Option<Duration>,
    /// What the other side sends and this side sees.
    pub incoming: Direction,
    /// What this side sends.
    pub outgoing: Direction,
    /// Sound, in words of its own: its delay, its loss, its level.
    pub sound: Option<String>,
    /// This side's microphone is not heard.
    pub is_muted: bool,
    /// The other side's microphone is not heard.
    pub is_peer_muted: bool,
}

/// Pictures in one direction, over the last second or so.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Direction {
    /// The camera at its beginning.
    pub camera: CameraState,
    /// Pictures captured a second.
    pub captured_per_second: Option<f64>,
    /// Pictures shown (incoming) or sent (outgoing) a second.
    pub shown_per_second: Option<f64>,
    /// How long nothing has come, if that is longer than a picture or two.
    pub silence: Option<Duration>,
    /// What was sent, bits a second.
    pub sent_rate: Option<f64>,
    /// What the link is believed to carry, bits a second.
    pub link_rate: Option<f64>,
    /// The share of datagrams that were lost, 0 to 1.
    pub loss: Option<f64>,
    /// Versions chosen.
    pub versions: Versions,
    /// SSIM of what was sent against what was captured, in dB (luma).
    pub ssim_y_db: Option<f64>,
    /// Width and height of the newest picture as it was coded.
    pub coded_size: Option<Size>,
    /// And as the camera gave it.
    pub captured_size: Option<Size>,
    /// Where a picture's time goes.
    pub stages: Stages,
}

/// What is known of a camera.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CameraState {
    /// It gives pictures.
    #[default]
    On,
    /// Its person has turned it off, or has none.
    Off,
    /// It was unplugged.
    Lost,
}

/// How often each version of a picture was sent over the last seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Versions {
    /// The finer one.
    pub fine: u32,
    /// The coarser one.
    pub coarse: u32,
    /// None.
    pub skipped: u32,
}

/// Means over the last second or so, from one stage to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stages {
    /// Captured to encoding begun.
    pub wait: Option<Duration>,
    /// Encoding.
    pub encode: Option<Duration>,
    /// Encoded to received.
    pub network: Option<Duration>,
    /// Decoding.
    pub decode: Option<Duration>,
    /// Decoded to shown.
    pub show: Option<Duration>,
}

/// Why a picture is as it is.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Why {
    /// There is no camera that is on.
    CameraOff,
    /// The camera was unplugged: the picture is the last it gave.
    CameraLost,
    /// Nothing comes.
    Silence(Duration),
    /// The encoder takes longer than there is from one picture to the next.
    EncoderSlow(Duration),
    /// The decoder does.
    DecoderSlow(Duration),
    /// Much is lost on the way.
    Loss(f64),
    /// The link carries no more, bits a second.
    Link(f64),
    /// Nothing holds it back.
    Camera,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CameraOff => f.write_str("the camera is off"),
            Self::CameraLost => f.write_str("the camera is unplugged: a still picture"),
            Self::Silence(silence) => write!(f, "nothing has come for {:.1} s", silence.as_secs_f64()),
            Self::EncoderSlow(time) => write!(f, "encoder: {} a picture", Ms(*time)),
            Self::DecoderSlow(time) => write!(f, "decoder: {} a picture", Ms(*time)),
            Self::Loss(loss) => write!(f, "link: {:.0} % lost", loss * 100.0),
            Self::Link(rate) => write!(f, "link: {}", Rate(*rate)),
            Self::Camera => f.write_str("as good as the camera gives it"),
        }
    }
}

impl Direction {
    /// The one reason that matters most now.
    pub fn why(&self) -> Why {
        let interval = self.captured_per_second.filter(|rate| *rate > 0.0).map(|rate| 1.0 / rate);
        let too_slow = |time: Option<Duration>| {
            time.filter(|time| interval.is_some_and(|interval| time.as_secs_f64() > interval * SLOW_SHARE))
        };
        match self.camera {
            CameraState::Off => return Why::CameraOff,
            CameraState::Lost => return Why::CameraLost,
            CameraState::On => {}
        }
        if let Some(silence) = self.silence.filter(|silence| *silence >= SILENCE) {
            return Why::Silence(silence);
        }
        if let Some(time) = too_slow(self.stages.encode) {
            return Why::EncoderSlow(time);
        }
        if let Some(time) = too_slow(self.stages.decode) {
            return Why::DecoderSlow(time);
        }
        if let Some(loss) = self.loss.filter(|loss| *loss >= MUCH_LOSS) {
            return Why::Loss(loss);
        }
        match self.link_rate {
            Some(rate) if self.is_held_back() => Why::Link(rate),
            _ => Why::Camera,
        }
    }

    /// Whether pictures go out coarser, smaller or fewer than they were captured.
    fn is_held_back(&self) -> bool {
        let Versions { fine, coarse, skipped } = self.versions;
        let all = f64::from(fine + coarse + skipped);
        let is_coarse = all > 0.0 && f64::from(coarse + skipped) / all > COARSE_SHARE;
        is_coarse || self.is_smaller() || self.ssim_y_db.is_some_and(|ssim| ssim < GOOD_SSIM_Y_DB)
    }

    fn is_smaller(&self) -> bool {
        self.captured_size.is_some() && self.coded_size.is_some_and(|coded| Some(coded) != self.captured_size)
    }

    fn lines(&self, name: &str) -> Vec<String> {
        let Versions { fine, coarse, skipped } = self.versions;
        let all = f64::from((fine + coarse + skipped).max(1)) / 100.0;
        let has_versions = fine + coarse + skipped > 0;
        let pictures = [
            self.shown_per_second.map(|rate| match self.captured_per_second {
                Some(captured) => format!("{rate:.1} of {captured:.1} a second"),
                None => format!("{rate:.1} a second"),
            }),
            self.coded_size.map(|coded| match self.captured_size.filter(|_| self.is_smaller()) {
                Some(captured) => format!("{coded} of {captured}"),
                None => coded.to_string(),
            }),
            self.ssim_y_db.map(|ssim| format!("SSIM {ssim:.1} dB")),
            has_versions.then(|| {
                let [fine, coarse, skipped] = [fine, coarse, skipped].map(|count| f64::from(count) / all);
                format!("fine {fine:.0} %  coarse {coarse:.0} %  skipped {skipped:.0} %")
            }),
        ];
        let link = [
            self.sent_rate.map(|rate| match self.link_rate {
                Some(link) => format!("{} of {}", Rate(rate), Rate(link)),
                None => Rate(rate).to_string(),
            }),
            self.loss.map(|loss| format!("{:.1} % lost", loss * 100.0)),
        ];
        let Stages { wait, encode, network, decode, show } = self.stages;
        let stages = [("wait", wait), ("encode", encode), ("network", network), ("decode", decode), ("show", show)];
        let stages = stages.map(|(stage, time)| time.map(|time| format!("{stage} {}", Ms(time))));
        let why = format!("{name:9} {}", self.why());
        std::iter::once(why)
            .chain([line("", &pictures), line("", &link), line("", &stages)].into_iter().flatten())
            .collect()
    }
}

impl Figures {
    /// What a screen shows of them.
    pub fn status(&self) -> StatusLines {
        let seconds = self.elapsed.as_secs();
        let time = format!("{}:{:02}", seconds / 60, seconds % 60);
        let summary = [
            Some(time),
            self.signal_delay.map(|delay| format!("delay {}", Ms(delay))),
            self.incoming.shown_per_second.map(|rate| format!("{rate:.0} fps")),
            self.outgoing.sent_rate.map(|rate| format!("sent {}", Rate(rate))),
            self.is_muted.then(|| "MUTED".to_owned()),
            self.is_peer_muted.then(|| "they are muted".to_owned()),
            (self.outgoing.camera != CameraState::On).then(|| "YOUR CAMERA IS OFF".to_owned()),
            Some(format!("picture: {}", self.incoming.why())),
        ];
        let delays = [
            self.signal_delay.map(|delay| format!("signal {}", Ms(delay))),
            self.round_trip.map(|time| format!("round trip {}", Ms(time))),
        ];
        let mut details: Vec<String> = line("delay", &delays).into_iter().collect();
        details.extend(self.incoming.lines("theirs"));
        details.extend(self.outgoing.lines("yours"));
        details.extend(self.sound.as_ref().map(|sound| format!("{:9} {sound}", "sound")));
        let summary = summary.into_iter().flatten().collect::<Vec<_>>().join("  ");
        StatusLines { summary, details, keys: StatusLines::CALL_KEYS }
    }
}

/// What is known, under a name; nothing if nothing is.
fn line(name: &str, parts: &[Option<String>]) -> Option<String> {
    let known: Vec<&str> = parts.iter().flatten().map(String::as_str).collect();
    (!known.is_empty()).then(|| format!("{name:9} {}", known.join("  ")))
}

/// A time in milliseconds, a decimal where it matters.
struct Ms(Duration);

impl fmt::Display for Ms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_secs_f64() * 1e3;
        if ms < 10.0 { write!(f, "{ms:.1} ms") } else { write!(f, "{ms:.0} ms") }
    }
}

/// Bits a second.
struct Rate(f64);

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 95e3 { write!(f, "{:.0} kbit/s", self.0 / 1e3) } else { write!(f, "{:.1} Mbit/s", self.0 / 1e6) }
    }
}

/// A second is what WebRTC and people call a freeze.
const SILENCE: Duration = Duration::from_secs(1);
/// Beyond this share of the time from picture to picture, the next one has to wait now and then.
const SLOW_SHARE: f64 = 0.9;
/// Repair covers less at hardly a cost.
const MUCH_LOSS: f64 = 0.05;
/// A coarse picture now and then is noise.
const COARSE_SHARE: f64 = 0.25;
/// Under this, pictures are visibly coarse.
const GOOD_SSIM_Y_DB: f64 = 14.0;

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// A direction in which all is well.
    fn well() -> Direction {
        Direction {
            captured_per_second: Some(30.0),
            shown_per_second: Some(29.8),
            sent_rate: Some(1.24e6),
            link_rate: Some(4.1e6),
            loss: Some(0.002),
            versions: Versions { fine: 58, coarse: 2, skipped: 0 },
            ssim_y_db: Some(17.2),
            stages: Stages { encode: Some(9 * MS), decode: Some(2 * MS), ..Stages::default() },
            ..Direction::default()
        }
    }

    fn why(change: impl FnOnce(&mut Direction)) -> String {
        let mut direction = well();
        change(&mut direction);
        direction.why().to_string()
    }

    #[test]
    fn a_picture_that_nothing_holds_back_is_the_cameras() {
        assert_eq!(why(|_| ()), "as good as the camera gives it");
        assert_eq!(Direction::default().why(), Why::Camera);
    }

    #[test]
    fn a_thin_link_is_named_with_what_it_carries() {
        let coarse = Versions { fine: 10, coarse: 40, skipped: 10 };
        assert_eq!(
            why(|direction| (direction.versions, direction.link_rate) = (coarse, Some(0.4e6))),
            "link: 0.4 Mbit/s"
        );
        assert_eq!(
            why(|direction| (direction.ssim_y_db, direction.link_rate) = (Some(9.0), Some(60e3))),
            "link: 60 kbit/s"
        );
    }

    #[test]
    fn a_picture_as_large_as_the_cameras_is_not_held_back_by_the_link() {
        let full = Size::new(640, 360).ok();
        assert_eq!(
            why(|direction| (direction.coded_size, direction.captured_size) = (full, full)),
            "as good as the camera gives it"
        );
        let small = Size::new(480, 270).ok();
        assert_eq!(
            why(|direction| (direction.coded_size, direction.captured_size) = (small, full)),
            "link: 4.1 Mbit/s"
        );
    }

    #[test]
    fn a_loss_that_is_felt_goes_before_the_rate() {
        assert_eq!(why(|direction| (direction.loss, direction.ssim_y_db) = (Some(0.12), Some(9.0))), "link: 12 % lost");
    }

    #[test]
    fn a_slow_encoder_or_decoder_is_named_with_its_time() {
        assert_eq!(why(|direction| direction.stages.encode = Some(48 * MS)), "encoder: 48 ms a picture");
        assert_eq!(why(|direction| direction.stages.decode = Some(35 * MS)), "decoder: 35 ms a picture");
        // At ten pictures a second 48 ms are quick.
        let rarely = |direction: &mut Direction| {
            (direction.captured_per_second, direction.stages.encode) = (Some(10.0), Some(48 * MS));
        };
        assert_eq!(why(rarely), "as good as the camera gives it");
    }

    #[test]
    fn a_camera_that_is_off_is_all_there_is_to_say() {
        let silent = Some(Duration::from_secs(60));
        assert_eq!(
            why(|direction| (direction.camera, direction.silence) = (CameraState::Off, silent)),
            "the camera is off"
        );
        let lost = why(|direction| (direction.camera, direction.silence) = (CameraState::Lost, silent));
        assert_eq!(lost, "the camera is unplugged: a still picture");
    }

    #[test]
    fn a_freeze_is_told_from_its_first_second_on() {
        assert_eq!(why(|direction| direction.silence = Some(900 * MS)), "as good as the camera gives it");
        assert_eq!(why(|direction| direction.silence = Some(2340 * MS)), "nothing has come for 2.3 s");
    }

    #[test]
    fn all_that_is_known_is_on_the_lines() {
        let figures = Figures {
            elapsed: Duration::from_secs(83),
            signal_delay: Some(41 * MS),
            round_trip: Some(Duration::from_micros(800)),
            incoming: Direction { ssim_y_db: None, coded_size: Size::new(640, 360).ok(), ..well() },
            outgoing: Direction {
                coded_size: Size::new(960, 540).ok(),
                captured_size: Size::new(1280, 720).ok(),
                ..well()
            },
            sound: Some("mouth to ear 62 ms".to_owned()),
            is_muted: true,
            is_peer_muted: false,
        };
        let status = figures.status();
        assert_eq!(
            status.summary,
            "1:23  delay 41 ms  30 fps  sent 1.2 Mbit/s  MUTED  picture: as good as the camera gives it"
        );
        assert_eq!(
            status.details,
            [
                "delay     signal 41 ms  round trip 0.8 ms",
                "theirs    as good as the camera gives it",
                "          29.8 of 30.0 a second  640x360  fine 97 %  coarse 3 %  skipped 0 %",
                "          1.2 Mbit/s of 4.1 Mbit/s  0.2 % lost",
                "          encode 9.0 ms  decode 2.0 ms",
                "yours     link: 4.1 Mbit/s",
                "          29.8 of 30.0 a second  960x540 of 1280x720  SSIM 17.2 dB  fine 97 %  coarse 3 %  skipped 0 %",
                "          1.2 Mbit/s of 4.1 Mbit/s  0.2 % lost",
                "          encode 9.0 ms  decode 2.0 ms",
                "sound     mouth to ear 62 ms",
            ]
        );
        assert!(status.details.len() < StatusLines::ROW_LIMIT);
    }

    #[test]
    fn of_a_call_that_has_just_begun_little_is_said() {
        let status = Figures::default().status();
        assert_eq!(status.summary, "0:00  picture: as good as the camera gives it");
        assert_eq!(status.details.len(), 2);
    }
}
