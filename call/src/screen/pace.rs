//! How fast a terminal really is. After each frame we ask it for a sign of life (DSR: it answers once it has come to the
//! question), and write no more while two answers are due: frames are dropped here instead of queueing in a pipe, an
//! ssh connection or the terminal. A terminal that falls behind also gets coarser, smaller updates.

use std::collections::VecDeque;
use std::time::Duration;

/// Frames in flight to one terminal.
#[derive(Debug)]
pub(super) struct Pace {
    asked: VecDeque<Duration>,
    has_answered: bool,
    is_mute: bool,
    dropped_since_sent: bool,
    tolerance: u8,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self {
            asked: VecDeque::new(),
            has_answered: false,
            is_mute: false,
            dropped_since_sent: false,
            tolerance: TOLERANCE_LEAST,
        }
    }

    /// Whether a frame may be written now; `is_writing` says that the last one still is. If not, drop it.
    pub(super) fn poll(&mut self, is_writing: bool, now: Duration) -> bool {
        let patience = if self.has_answered { PATIENCE } else { FIRST_PATIENCE };
        while self.asked.front().is_some_and(|asked| now.saturating_sub(*asked) >= patience) {
            self.asked.pop_front();
            // One that never answered will not; one that did may have lost an answer.
            self.is_mute = !self.has_answered;
        }
        let is_ready = !is_writing && self.asked.len() < IN_FLIGHT_LIMIT;
        if !is_ready && !self.dropped_since_sent {
            self.dropped_since_sent = true;
            self.tolerance = (self.tolerance * 2).min(TOLERANCE_MOST);
        }
        is_ready
    }

    /// A frame was written; says whether to ask for an answer behind it.
    pub(super) fn handle_sent(&mut self, now: Duration) -> bool {
        if !self.dropped_since_sent {
            self.tolerance = self.tolerance.saturating_sub(1).max(TOLERANCE_LEAST);
        }
        self.dropped_since_sent = false;
        if !self.is_mute {
            self.asked.push_back(now);
        }
        !self.is_mute
    }

    /// The terminal answered.
    pub(super) fn handle_answer(&mut self) {
        self.asked.pop_front();
        self.has_answered = true;
        self.is_mute = false;
    }

    /// Whether answers are due.
    pub(super) fn is_waiting(&self) -> bool {
        !self.asked.is_empty()
    }

    /// Levels a colour may be off before it is written again.
    pub(super) fn tolerance(&self) -> u8 {
        self.tolerance
    }
}

/// Two: one being drawn, one on its way. Over a distant ssh this bounds frames to two a round trip.
const IN_FLIGHT_LIMIT: usize = 2;
/// DSR is as old as the VT100; what has not answered by now (a serial log, a recorder) never will.
const FIRST_PATIENCE: Duration = Duration::from_millis(500);
/// Longer than any screen takes to draw, short enough that a lost answer is but a hiccup.
const PATIENCE: Duration = Duration::from_secs(2);
/// Not seen by anyone, and the noise of a camera averaged over a cell is mostly under it.
const TOLERANCE_LEAST: u8 = 2;
/// Beyond this a face shows patches.
const TOLERANCE_MOST: u8 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Shows a frame every 33 ms for ten seconds to a terminal that answers `answer_ms` after each; frames written.
    fn frames_written(answer_ms: Option<u32>) -> (usize, Pace) {
        let (mut pace, mut due, mut written) = (Pace::new(), VecDeque::new(), 0);
        for now_ms in 0..10_000 {
            while due.front() == Some(&now_ms) {
                due.pop_front();
                pace.handle_answer();
            }
            if now_ms % 33 == 0 && pace.poll(false, MS * now_ms) {
                written += 1;
                assert!(pace.asked.len() <= IN_FLIGHT_LIMIT);
                if pace.handle_sent(MS * now_ms) {
                    // Answers come in order, one `answer_ms` after the last at the earliest.
                    let free = due.back().copied().unwrap_or(now_ms).max(now_ms);
                    due.extend(answer_ms.map(|answer_ms| free + answer_ms));
                }
            }
        }
        (written, pace)
    }

    #[test]
    fn a_fast_terminal_gets_every_frame_at_the_finest() {
        let (written, pace) = frames_written(Some(5));
        assert_eq!((written, pace.tolerance()), (304, TOLERANCE_LEAST));
    }

    #[test]
    fn a_slow_terminal_gets_what_it_can_draw_and_coarser() {
        let (written, pace) = frames_written(Some(100));
        assert!((90..=105).contains(&written), "{written} frames in 10 s at 100 ms each");
        assert_eq!(pace.tolerance(), TOLERANCE_MOST);
    }

    #[test]
    fn a_terminal_that_never_answers_is_asked_no_more() {
        let (written, pace) = frames_written(None);
        assert!(written > 280 && !pace.is_waiting(), "{written}");
    }

    #[test]
    fn a_lost_answer_costs_two_seconds_and_not_the_call() {
        let mut pace = Pace::new();
        pace.handle_sent(Duration::ZERO);
        pace.handle_answer();
        pace.handle_sent(MS * 100);
        pace.handle_sent(MS * 133);
        assert!(!pace.poll(false, MS * 2000));
        assert!(pace.poll(false, MS * 2100));
    }

    #[test]
    fn a_frame_that_is_still_being_written_drops_the_next() {
        let mut pace = Pace::new();
        assert!(!pace.poll(true, MS) && pace.poll(false, MS));
        assert!(pace.tolerance() > TOLERANCE_LEAST);
    }

    #[test]
    fn a_late_first_answer_brings_the_questions_back() {
        let mut pace = Pace::new();
        assert!(pace.handle_sent(Duration::ZERO));
        assert!(pace.poll(false, MS * 600));
        assert!(!pace.handle_sent(MS * 600));
        pace.handle_answer();
        assert!(pace.handle_sent(MS * 700));
    }
}
