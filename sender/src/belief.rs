//! What we believe the receiver holds, from its acks, with one job: to name the state the next frame starts from.
//!
//! Salsify §3.2 chains optimistically on the last frame sent; when a frame of that chain is known to be broken, the
//! chain goes on at once from the newest state that is still believed good, down to the newest the receiver said it holds.

use std::collections::VecDeque;

use oyster_codec::{PrefixState, StateReport, StateTag};
use oyster_transport::FrameNumber;

/// More frames than this in flight means the receiver is silent: the oldest are forgotten, and with them the hope that
/// they arrive; frames start from what it is known to hold once more. Two seconds at 60 frames a second.
pub(crate) const MAX_UNCONFIRMED: usize = 120;

#[derive(Clone, Copy, Debug)]
struct Sent {
    number: FrameNumber,
    source: StateTag,
    target: StateTag,
    broken: bool,
}

/// The receiver's states as far as its acks and our own sends tell.
#[derive(Clone, Debug)]
pub(crate) struct ReceiverBelief {
    /// Frames sent after the newest state known to be held, oldest first.
    unconfirmed: VecDeque<Sent>,
    /// States the newest report names, oldest first. The blank state is always held and never named.
    held: Vec<StateTag>,
    /// What it holds besides of a frame it has only the beginning of, newer than all those; and the state that frame starts from.
    begun: Option<(PrefixState, StateTag)>,
    /// Where its decoder was.
    current: StateTag,
    blank: StateTag,
}

impl ReceiverBelief {
    /// A receiver that holds the blank state and nothing else.
    pub(crate) fn new(blank: StateTag) -> Self {
        Self { unconfirmed: VecDeque::new(), held: Vec::new(), begun: None, current: blank, blank }
    }

    pub(crate) fn handle_sent(&mut self, number: FrameNumber, source: StateTag, target: StateTag) {
        if self.unconfirmed.len() == MAX_UNCONFIRMED {
            self.unconfirmed.pop_front();
        }
        self.unconfirmed.push_back(Sent { number, source, target, broken: false });
    }

    /// The transport found fragments of this frame lost.
    pub(crate) fn handle_lost(&mut self, number: FrameNumber) {
        if let Some(sent) = self.unconfirmed.iter_mut().find(|sent| sent.number == number) {
            sent.broken = true;
        }
    }

    /// A report newer than all before it, and which states there are here to start from: of others that it names, nothing
    /// can be made.
    pub(crate) fn handle_report(&mut self, report: &StateReport, is_here: impl Fn(StateTag) -> bool) {
        self.current = report.current;
        self.held = report.held.iter().copied().filter(|&tag| is_here(tag)).collect();
        if let Some(newest_held) = self.unconfirmed.iter().rposition(|sent| report.held.contains(&sent.target)) {
            self.unconfirmed.drain(..=newest_held);
        }
        let source_of = |prefix: PrefixState| {
            let begun = self.unconfirmed.iter().find(|sent| sent.number.0 == prefix.transition)?;
            Some((prefix, begun.source))
        };
        self.begun = report.prefix.and_then(source_of);
        // Frames are handled in order: one that was dealt with and left no state behind will never give one.
        if let Some(handled) = report.handled {
            for sent in self.unconfirmed.iter_mut().take_while(|sent| sent.number.0 <= handled) {
                sent.broken = true;
            }
        }
    }

    /// The state the receiver is most likely to hold when the next frame arrives: the end of the newest unbroken chain.
    pub(crate) fn likely(&self) -> StateTag {
        let mut good = self.held.clone();
        good.push(self.blank);
        good.extend(self.begun.map(|(begun, _)| begun.state));
        let mut best = self.known();
        let is_newer = |sent: &&Sent| self.begun.is_none_or(|(begun, _)| sent.number.0 >= begun.transition);
        for sent in self.unconfirmed.iter().filter(|sent| !sent.broken).filter(is_newer) {
            if good.contains(&sent.source) {
                good.push(sent.target);
                best = sent.target;
            }
        }
        best
    }

    /// The target of the last frame sent, whatever became of it (the original's optimistic chain).
    pub(crate) fn assumed(&self) -> StateTag {
        self.unconfirmed.back().map_or_else(|| self.known(), |sent| sent.target)
    }

    /// The newest state the receiver said it holds, be it after a beginning; the blank state if it named none.
    pub(crate) fn known(&self) -> StateTag {
        let begun = self.begun.map(|(begun, _)| begun.state);
        begun.or(self.held.last().copied()).unwrap_or(self.blank)
    }

    /// The beginning of a frame that leads to `state`, and the state that frame starts from, if the receiver holds that.
    pub(crate) fn begun(&self, state: StateTag) -> Option<(PrefixState, StateTag)> {
        self.begun.filter(|(begun, _)| begun.state == state)
    }

    /// Whether a frame may still start from `state`, or a report still name it: other states can be forgotten. A frame
    /// that was given up may have arrived after all, so its state stays until a newer one is confirmed.
    pub(crate) fn may_need(&self, state: StateTag) -> bool {
        let begun = self.begun.is_some_and(|(begun, source)| state == begun.state || state == source);
        begun
            || state == self.current
            || self.held.contains(&state)
            || self.unconfirmed.iter().any(|sent| sent.target == state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(n: u8) -> StateTag {
        StateTag([n; 8])
    }

    /// Frames 1, 2, … each starting from the one before, the first from blank (0).
    fn chain(frames: u8) -> ReceiverBelief {
        let mut belief = ReceiverBelief::new(tag(0));
        for n in 1..=frames {
            belief.handle_sent(FrameNumber(n.into()), tag(n - 1), tag(n));
        }
        belief
    }

    fn report(handled: u32, held: &[u8]) -> StateReport {
        let current = tag(held.last().copied().unwrap_or(0));
        StateReport { current, handled: Some(handled), held: held.iter().map(|&n| tag(n)).collect(), prefix: None }
    }

    #[test]
    fn before_any_ack_frames_chain_on_the_last_sent() {
        assert_eq!(chain(0).likely(), tag(0));
        assert_eq!(chain(3).likely(), tag(3));
        assert_eq!(chain(3).known(), tag(0));
    }

    #[test]
    fn a_lost_frame_takes_its_descendants_with_it() {
        let mut belief = chain(5);
        belief.handle_report(&report(2, &[1, 2]), |_| true);
        belief.handle_lost(FrameNumber(4));
        assert_eq!(belief.likely(), tag(3), "3 is unconfirmed but nothing speaks against it");
        belief.handle_lost(FrameNumber(3));
        assert_eq!(belief.likely(), tag(2));
    }

    #[test]
    fn after_a_loss_the_new_chain_is_trusted_at_once() {
        let mut belief = chain(5);
        belief.handle_report(&report(2, &[2]), |_| true);
        belief.handle_lost(FrameNumber(3));
        belief.handle_sent(FrameNumber(6), tag(2), tag(6));
        belief.handle_sent(FrameNumber(7), tag(6), tag(7));
        assert_eq!(belief.likely(), tag(7));
    }

    #[test]
    fn a_frame_that_was_handled_and_left_no_state_is_broken_though_no_fragment_was_lost() {
        let mut belief = chain(4);
        belief.handle_report(&report(3, &[1]), |_| true);
        assert_eq!(belief.likely(), tag(1));
    }

    #[test]
    fn of_a_broken_frame_its_beginning_is_gone_on_from_and_of_one_that_may_come_the_whole() {
        let mut belief = chain(4);
        let begun = PrefixState { transition: 3, bytes: 100, state: tag(30) };
        let report = StateReport { prefix: Some(begun), ..report(2, &[1, 2]) };
        belief.handle_report(&report, |_| true);
        assert_eq!((belief.known(), belief.likely()), (tag(30), tag(4)));
        belief.handle_lost(FrameNumber(3));
        assert_eq!(belief.likely(), tag(30));
        assert_eq!(belief.begun(tag(30)), Some((begun, tag(2))));
        assert!(belief.may_need(tag(30)) && belief.may_need(tag(2)));
        belief.handle_sent(FrameNumber(5), tag(30), tag(5));
        assert_eq!(belief.likely(), tag(5));
        belief.handle_report(&StateReport { prefix: Some(begun), ..self::report(4, &[5]) }, |_| true);
        assert_eq!(belief.known(), tag(5), "what was begun before is of no use");
    }

    #[test]
    fn a_late_arrival_heals_what_was_given_up() {
        let mut belief = chain(3);
        belief.handle_lost(FrameNumber(2));
        belief.handle_report(&report(2, &[1, 2]), |_| true);
        assert_eq!(belief.likely(), tag(3));
    }

    #[test]
    fn only_what_may_still_be_a_source_is_needed() {
        let mut belief = chain(5);
        belief.handle_report(&report(3, &[2, 3]), |_| true);
        belief.handle_lost(FrameNumber(4));
        let needed: Vec<u8> = (0..=5).filter(|&n| belief.may_need(tag(n))).collect();
        assert_eq!(needed, [2, 3, 4, 5], "4 may have come after all");
    }

    #[test]
    fn states_that_are_not_here_are_not_started_from() {
        let mut belief = chain(3);
        belief.handle_report(&report(3, &[1, 9]), |state| state != tag(9));
        assert_eq!((belief.known(), belief.likely()), (tag(1), tag(1)));
        belief.handle_report(&report(3, &[8]), |_| false);
        assert_eq!((belief.known(), belief.likely()), (tag(0), tag(0)), "a receiver that lost all it held");
    }

    #[test]
    fn a_silent_receiver_costs_a_bounded_memory() {
        let mut belief = ReceiverBelief::new(tag(0));
        for n in 0..1000_u32 {
            belief.handle_sent(FrameNumber(n), tag(1), tag(2));
        }
        assert_eq!(belief.unconfirmed.len(), MAX_UNCONFIRMED);
    }
}
