//! Whether the microphone is heard: mute and push-to-talk, as values of key presses and time.

use std::time::Duration;

/// Mute and push-to-talk. Mute is stronger than any key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Talk {
    muted: bool,
    pushes: bool,
    held_until: Option<Duration>,
}

impl Talk {
    /// Muted, or not any longer.
    pub fn set_muted(&mut self, muted: bool) {
        self.muted = muted;
    }

    /// Only what is said while the key is held is heard; or all of it again.
    pub fn set_push_to_talk(&mut self, pushes: bool) {
        (self.pushes, self.held_until) = (pushes, None);
    }

    /// The key of push-to-talk is down. A terminal tells of no key that is let go, only of one that repeats: it counts
    /// as held for a moment.
    pub fn press(&mut self, now: Duration) {
        let first = self.held_until.is_none_or(|until| now > until);
        self.held_until = Some(now + if first { FIRST_REPEAT } else { REPEAT });
    }

    /// The key was let go, where that can be told.
    pub fn release(&mut self) {
        self.held_until = None;
    }

    /// Whether the microphone is muted by hand.
    pub fn is_muted(&self) -> bool {
        self.muted
    }

    /// Whether a key has to be held to be heard.
    pub fn is_push_to_talk(&self) -> bool {
        self.pushes
    }

    /// Whether what the microphone hears now is sent.
    pub fn is_live(&self, now: Duration) -> bool {
        !self.muted && (!self.pushes || self.held_until.is_some_and(|until| now <= until))
    }
}

/// Keyboards begin to repeat after 250 to 660 ms (X.Org's default is 660), then at 25 a second and more.
const FIRST_REPEAT: Duration = Duration::from_millis(750);
const REPEAT: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_held_key_is_heard_from_its_first_press_until_it_stops_repeating() {
        let mut talk = Talk::default();
        talk.set_push_to_talk(true);
        assert!(!talk.is_live(ms(0)));
        talk.press(ms(1000));
        assert!(talk.is_live(ms(1700)));
        for repeat in (1700..3000).step_by(40) {
            talk.press(ms(repeat));
            assert!(talk.is_live(ms(repeat + 39)));
        }
        assert!(!talk.is_live(ms(3300)));
        talk.press(ms(4000));
        talk.release();
        assert!(!talk.is_live(ms(4001)));
    }

    #[test]
    fn mute_is_stronger_than_the_key() {
        let mut talk = Talk::default();
        assert!(talk.is_live(ms(0)));
        talk.set_muted(true);
        talk.set_push_to_talk(true);
        talk.press(ms(1));
        assert!(!talk.is_live(ms(2)));
        talk.set_muted(false);
        assert!(talk.is_live(ms(2)));
        talk.set_push_to_talk(false);
        assert!(talk.is_live(ms(9000)));
    }
}
