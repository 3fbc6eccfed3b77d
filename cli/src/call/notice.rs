//! What a person is told while they look at the picture: what devices say, for a few seconds, and that the other side is not heard of,
//! for as long as that lasts.

use std::time::Duration;

use oyster_call::connection::NOTICED_SILENCE;

/// What stands in front of the figures under the picture.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    latest: Option<(String, Duration)>,
    silence: Duration,
}

impl Notices {
    /// Something was said at `now`.
    pub(crate) fn say(&mut self, text: &str, now: Duration) {
        self.latest = Some((text.to_owned(), now));
    }

    /// Nothing was heard from the other end for `silence`; a call outlasts `patience` of it. Answers what is to be said about that, once
    /// when it is noticed and once when it is over.
    pub(crate) fn handle_silence(&mut self, silence: Duration, patience: Duration) -> Option<String> {
        let before = std::mem::replace(&mut self.silence, silence);
        match (before >= NOTICED_SILENCE, silence >= NOTICED_SILENCE) {
            (false, true) => Some(format!(
                "not heard from the other side for {} s; the call waits for it up to {} s",
                silence.as_secs(),
                patience.as_secs_f64()
            )),
            (true, false) => Some(format!("the other side is back after {} s", before.as_secs())),
            _ => None,
        }
    }

    /// What stands there now.
    pub(crate) fn line(&self, now: Duration) -> Option<String> {
        if self.silence >= NOTICED_SILENCE {
            return Some(format!("NOT HEARD FROM THE OTHER SIDE FOR {} s", self.silence.as_secs()));
        }
        self.latest.as_ref().filter(|(_, said)| now < *said + SHOWN).map(|(text, _)| text.clone())
    }
}

/// Long enough to be read.
const SHOWN: Duration = Duration::from_secs(6);

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    #[test]
    fn a_silence_is_told_after_four_seconds_and_so_is_its_end() {
        let mut notices = Notices::default();
        let mut told: Vec<String> = (0..=9).filter_map(|second| notices.handle_silence(s(second), s(30))).collect();
        assert_eq!(notices.line(s(10)).unwrap(), "NOT HEARD FROM THE OTHER SIDE FOR 9 s");
        told.extend(notices.handle_silence(s(0), s(30)));
        assert_eq!(
            told,
            [
                "not heard from the other side for 4 s; the call waits for it up to 30 s",
                "the other side is back after 9 s"
            ]
        );
        assert_eq!(notices.line(s(10)), None);
    }

    #[test]
    fn what_a_device_says_stands_for_a_few_seconds() {
        let mut notices = Notices::default();
        notices.say("microphone lost", s(10));
        assert_eq!(notices.line(s(12)).unwrap(), "microphone lost");
        assert_eq!(notices.line(s(17)), None);
    }
}
