//! When a picture is due so that lips and voice agree, without making either wait for more than it is worth.
//!
//! Pictures and sounds carry the time of their capture on one clock, the peer's. The voice comes first: it is played as soon as
//! the network lets it. A picture that is here long before its sound waits a little; when pictures keep coming late,
//! the voice waits a little. What nobody sees or hears (ITU-R BT.1359: 45 ms) is not waited for.

use std::collections::VecDeque;
use std::time::Duration;

use crate::{PlayOut, micros};

/// Relates pictures to sounds.
#[derive(Clone, Debug, Default)]
pub struct LipSync {
    /// Between capture and hearing, smoothed, µs.
    sound_us: Option<f64>,
    /// By how much shown pictures were behind their sound, of late.
    skews_us: VecDeque<i64>,
    /// By how much they were behind when they were ready: what waiting of the voice could mend.
    ready_us: VecDeque<i64>,
    extra_us: i64,
}

impl LipSync {
    /// This sound is heard then.
    pub fn handle_play_out(&mut self, play_out: PlayOut) {
        let offset_us = play_out.offset_us() as f64;
        self.sound_us = Some(match self.sound_us {
            Some(sound_us) if (offset_us - sound_us).abs() < JUMP_US => sound_us + SMOOTHING * (offset_us - sound_us),
            _ => offset_us,
        });
    }

    /// When to show a picture captured at `captured_us` of the peer's clock that is ready `now`: at once if it is not early, or if
    /// there is no sound.
    pub fn show_at(&mut self, captured_us: i64, now: Duration) -> Duration {
        let Some(sound_us) = self.sound_us else { return now };
        let behind_us = micros(now) - captured_us - sound_us as i64;
        remember(&mut self.ready_us, behind_us + self.extra_us);
        let early_us = (-behind_us - EARLY_MAX_US).clamp(0, HOLD_MAX_US);
        now + Duration::from_micros(early_us.unsigned_abs())
    }

    /// A picture was shown.
    pub fn handle_shown(&mut self, captured_us: i64, now: Duration) {
        if let Some(sound_us) = self.sound_us {
            remember(&mut self.skews_us, micros(now) - captured_us - sound_us as i64);
        }
    }

    /// How much longer the voice should wait than its network asks for: what nearly all pictures of late were behind it,
    /// beyond what is noticed. For [`crate::AudioReceiver::set_extra_wait`], which bounds it.
    pub fn extra_wait(&mut self) -> Duration {
        // More than it takes would be delay for nothing: it goes down again as slowly as the memory is long.
        self.extra_us =
            quantile(&self.ready_us, 95).map_or(0, |behind_us| (behind_us - LATE_MAX_US).clamp(0, EXTRA_MAX_US));
        Duration::from_micros(self.extra_us.unsigned_abs())
    }

    /// How far from their sound nearly all pictures of late were, before or behind it: the 95th percentile. None without
    /// both.
    pub fn skew_p95(&self) -> Option<Duration> {
        let sizes: VecDeque<i64> = self.skews_us.iter().map(|skew_us| skew_us.abs()).collect();
        quantile(&sizes, 95).map(|us| Duration::from_micros(us.unsigned_abs()))
    }
}

fn remember(recent: &mut VecDeque<i64>, value: i64) {
    if recent.len() == MEMORY_PICTURES {
        recent.pop_front();
    }
    recent.push_back(value);
}

fn quantile(values: &VecDeque<i64>, percent: usize) -> Option<i64> {
    let mut values: Vec<i64> = values.iter().copied().collect();
    let rank = (values.len().checked_sub(1)? * percent).div_ceil(100);
    Some(*values.select_nth_unstable(rank).1)
}

/// A picture may be this much before its sound: a little under what is noticed.
const EARLY_MAX_US: i64 = 40_000;

/// And this much behind it, before the voice begins to wait.
const LATE_MAX_US: i64 = 40_000;

/// No picture waits longer: its sound is late for a reason of its own.
const HOLD_MAX_US: i64 = 100_000;

/// Nor does the voice: in a talk its delay costs more than lips that lag.
const EXTRA_MAX_US: i64 = 60_000;

/// Ten seconds of pictures.
const MEMORY_PICTURES: usize = 300;

/// The target of the voice moves in steps of a period: smoothed over a third of a second of pulls.
const SMOOTHING: f64 = 0.03;
const JUMP_US: f64 = 200_000.0;

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Sound is heard so many ms after capture, pictures are ready so many after theirs, on a clock 7 s ahead.
    fn talk(sound_ms: i64, picture_ms: impl Fn(i64) -> i64) -> (LipSync, Duration) {
        let mut sync = LipSync::default();
        let mut longest = Duration::ZERO;
        let mut extra = Duration::ZERO;
        for picture in 0..900 {
            let captured_us = picture * 33_333;
            let heard_us = captured_us + 7_000_000 + 1000 * sound_ms + micros(extra);
            sync.handle_play_out(PlayOut { captured_us, heard_us });
            let ready = Duration::from_micros((captured_us + 7_000_000 + 1000 * picture_ms(picture)) as u64);
            let shown = sync.show_at(captured_us, ready);
            longest = longest.max(shown - ready);
            sync.handle_shown(captured_us, shown);
            extra = sync.extra_wait();
        }
        (sync, longest)
    }

    #[test]
    fn lips_that_agree_wait_for_nothing() {
        let (mut sync, longest) = talk(90, |_| 60);
        assert_eq!((longest, sync.extra_wait()), (Duration::ZERO, Duration::ZERO));
        assert!(sync.skew_p95().unwrap() < ms(31));
    }

    #[test]
    fn pictures_far_ahead_of_their_sound_wait_until_it_is_not_noticed() {
        let (sync, longest) = talk(140, |_| 40);
        assert_eq!(longest, ms(60));
        assert!(sync.skew_p95().unwrap() <= ms(45));
    }

    #[test]
    fn the_voice_waits_for_pictures_that_keep_coming_late() {
        let (mut sync, longest) = talk(60, |picture| 100 + 20 * (picture % 3));
        assert_eq!(longest, Duration::ZERO);
        assert!((ms(35)..=ms(45)).contains(&sync.extra_wait()), "{:?}", sync.extra_wait());
        assert!(sync.skew_p95().unwrap() <= ms(45), "{:?}", sync.skew_p95());
    }

    #[test]
    fn neither_waits_beyond_its_worth() {
        let (mut sync, longest) = talk(400, |_| 50);
        assert_eq!((longest, sync.extra_wait()), (ms(100), Duration::ZERO));
        let (mut sync, longest) = talk(60, |_| 900);
        assert_eq!((longest, sync.extra_wait()), (Duration::ZERO, ms(60)));
    }

    #[test]
    fn without_sound_every_picture_is_due_at_once() {
        let mut sync = LipSync::default();
        assert_eq!(sync.show_at(0, ms(5)), ms(5));
        assert_eq!(sync.skew_p95(), None);
    }
}
