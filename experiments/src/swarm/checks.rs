//! What holds in every call, whatever the weather, after every step; and what holds once the weather is fair again.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use oyster_codec::{StateId, StateTag};
use oyster_receiver::{DecodeResult, Receiver, Shown};
use oyster_sender::{Decision, EncodeResult, Sender};

use super::weather::Weather;

/// What was seen of a call so far.
#[derive(Debug, Default)]
pub(super) struct Checks {
    /// Of the newest versions made, by the short name that the wire carries.
    made: HashMap<StateTag, StateId>,
    made_order: VecDeque<StateTag>,
    /// Which captured picture each of the newest frames of this session holds.
    captures: BTreeMap<u32, u64>,
    newest_shown: Option<u64>,
    /// The first picture of this weather.
    first: u64,
    captured_at: Vec<Duration>,
    /// For each captured picture the time at which it was shown.
    shown_at: Vec<Option<Duration>>,
}

/// Versions remembered: no frame is under way for longer than it takes to make so many.
const MAX_MADE: usize = 4096;
/// A turn that lets no time pass is one of a few: work ends, a datagram leaves, another arrives.
const MAX_TURNS_A_SECOND: u64 = 50_000;
/// Fair weather has set in so long after the last trouble.
pub(super) const SETTLES: Duration = Duration::from_secs(5);
/// What the delay may be in it beyond the path's own.
const DELAY_OVER: Duration = Duration::from_millis(100);
/// Of the pictures captured in it, how many are shown at least. Nine of ten but where acks come in bunches of 50 ms, over a link
/// of 200 kbit/s, for frames of 17 ms: such silences brake.
const SHARE_SHOWN: f64 = 0.85;

impl Checks {
    pub(super) fn captured(&mut self, at: Duration) {
        self.captured_at.push(at);
        self.shown_at.push(None);
    }

    /// How many pictures there were in this weather.
    pub(super) fn captures(&self) -> u64 {
        self.captured_at.len() as u64
    }

    /// The number of the next picture.
    pub(super) fn next_capture(&self) -> u64 {
        self.first + self.captures()
    }

    /// Another weather begins for the same peers.
    pub(super) fn weather_changed(&mut self) {
        self.first = self.next_capture();
        self.captured_at.clear();
        self.shown_at.clear();
    }

    pub(super) fn shown_pictures(&self) -> usize {
        self.shown_at.iter().flatten().count()
    }

    pub(super) fn encoded(&mut self, result: &EncodeResult) {
        for version in &result.versions {
            let id = version.target.id();
            if self.made.insert(id.tag(), id).is_none() {
                self.made_order.push_back(id.tag());
            }
            if self.made_order.len() > MAX_MADE {
                self.made_order.pop_front().and_then(|oldest| self.made.remove(&oldest));
            }
        }
    }

    pub(super) fn decided(&mut self, decision: &Decision) {
        if let Some(sent) = &decision.sent {
            self.captures.insert(sent.frame.0, decision.capture);
            if self.captures.len() > MAX_MADE {
                self.captures.pop_first();
            }
        }
    }

    /// States agree by their ids: a frame that was decoded leads to the very state its sender made.
    pub(super) fn decoded(&self, result: &DecodeResult) -> Result<(), String> {
        let number = result.number.0;
        let target = match &result.decoded {
            Ok(decoded) => decoded.target.id(),
            Err(error) => return Err(format!("frame {number} does not decode: {error}")),
        };
        match self.made.get(&result.promised) {
            _ if result.prefix_bytes.is_some() => Ok(()),
            Some(made) if *made == target => Ok(()),
            Some(made) => Err(format!("frame {number} leads to the state {target}, its sender's is {made}")),
            None => Err(format!("frame {number} leads to {}, which its sender has not made", result.promised)),
        }
    }

    /// No stale picture comes after a newer one.
    pub(super) fn shown(&mut self, shown: &Shown, now: Duration) -> Result<(), String> {
        let number = shown.frame.0;
        let capture = *self.captures.get(&number).ok_or_else(|| format!("frame {number} is shown and was not sent"))?;
        if self.newest_shown.is_some_and(|newest| newest > capture) {
            return Err(format!("picture {capture} is shown after {}", self.newest_shown.unwrap_or_default()));
        }
        self.newest_shown = Some(capture);
        if let Some(index) = capture.checked_sub(self.first) {
            self.shown_at[index as usize].get_or_insert(now);
        }
        Ok(())
    }

    /// Nothing shown before is to be compared with what is shown from now on.
    pub(super) fn receiver_restarted(&mut self) {
        self.newest_shown = None;
    }

    pub(super) fn call_restarted(&mut self) {
        self.newest_shown = None;
        self.captures.clear();
    }

    /// Queues and stores are within their limits.
    pub(super) fn limits(&self, sender: &Sender, receiver: &Receiver) -> Result<(), String> {
        for (of, held, limit) in [
            ("sender", sender.states_held(), oyster_sender::MAX_STATES),
            ("receiver", receiver.states_held(), oyster_receiver::MAX_STATES),
        ] {
            if held > limit {
                return Err(format!("the {of} keeps {held} states of at most {limit}"));
            }
        }
        Ok(())
    }

    /// The peers do not ask to be called again and again for nothing.
    pub(super) fn turns(&self, turns: u64, now: Duration) -> Result<(), String> {
        if turns > MAX_TURNS_A_SECOND * (1 + now.as_secs()) {
            return Err(format!("{turns} turns: someone asks to be woken and then does nothing"));
        }
        Ok(())
    }

    /// The delay's 95th percentile, in milliseconds, once fair weather has set in; that it and the pictures are as they
    /// should be.
    pub(super) fn recovers(&self, weather: &Weather) -> Result<f64, String> {
        let fair = weather.calm_from + SETTLES..weather.duration - Duration::from_secs(1);
        let mut delays = Vec::new();
        let (mut shown, mut next_shown) = (0, None);
        for (captured, at) in self.captured_at.iter().zip(&self.shown_at).rev() {
            next_shown = at.or(next_shown);
            if fair.contains(captured) {
                shown += usize::from(at.is_some());
                let until = next_shown.unwrap_or(weather.duration);
                delays.push(until.saturating_sub(*captured));
            }
        }
        delays.sort_unstable();
        let p95 = delays.get(delays.len() * 95 / 100).copied().ok_or("nothing was captured in fair weather")?;
        let interval = Duration::from_secs_f64(1.0 / weather.frames_per_second);
        let own = weather.one_way[0] + weather.work.iter().sum::<Duration>() + interval;
        if p95 > own + DELAY_OVER {
            return Err(format!("in fair weather the delay's p95 is {p95:?}; the path's own is {own:?}"));
        }
        let share = shown as f64 / delays.len() as f64;
        if share < SHARE_SHOWN {
            return Err(format!("in fair weather {:.0} % of the pictures are shown", 100.0 * share));
        }
        Ok(p95.as_secs_f64() * 1000.0)
    }
}
