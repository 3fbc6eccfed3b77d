//! What a decoder says of itself to whoever encodes for it: which states it can decode from.

use std::fmt;

use crate::StateTag;

/// States a decoder holds, and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateReport {
    /// The state its last decode left it in: a held one, or one that nobody encoded for (after a broken frame).
    pub current: StateTag,
    /// The newest transition it dealt with, decoded or not, by its carrier's count; none before the first.
    pub handled: Option<u32>,
    /// States it can decode from, oldest first. The blank state is always held and never listed.
    pub held: Vec<StateTag>,
    /// A state it holds besides, if it is of a newer transition than those: of one that has not all come.
    pub prefix: Option<PrefixState>,
}

/// The state after the beginning of a frame ([`crate::decode_prefix`]), named so that whoever made the frame can compute it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrefixState {
    /// The transition, by its carrier's count.
    pub transition: u32,
    /// How many bytes of its frame were decoded.
    pub bytes: u32,
    /// The state they lead to.
    pub state: StateTag,
}

/// Why some bytes are not a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StateReportError {
    /// The bytes end before what they announce, or go on after it.
    Length {
        /// How many bytes there were.
        bytes: usize,
    },
    /// More states than [`StateReport::MAX_HELD`].
    TooManyHeld {
        /// How many were announced.
        held: usize,
    },
}

impl fmt::Display for StateReportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { bytes } => write!(f, "a state report cannot be {bytes} bytes long"),
            Self::TooManyHeld { held } => {
                write!(f, "a state report names {held} states, more than {}", StateReport::MAX_HELD)
            }
        }
    }
}

impl std::error::Error for StateReportError {}

/// Stands for "no transition yet" on the wire; a count never gets there.
const NONE_HANDLED: u32 = u32::MAX;
/// Bytes before the held states: current, handled, how many.
const HEADER_BYTES: usize = 8 + 4 + 1;
/// Set in the number of held states where a prefix's follows them.
const HAS_PREFIX: u8 = 0x80;

impl StateReport {
    /// The most states a report names; the newest are the useful ones.
    pub const MAX_HELD: usize = 16;

    /// The report's bytes: `current` (8), `handled` (4, little-endian, all ones for none), how many held (1, and
    /// 0x80 if there is a prefix's), each (8), and of a prefix's transition (4), bytes (4) and state (8).
    pub fn to_bytes(&self) -> Vec<u8> {
        let held = &self.held[self.held.len().saturating_sub(Self::MAX_HELD)..];
        let mut bytes = Vec::with_capacity(HEADER_BYTES + 8 * held.len());
        bytes.extend(self.current.0);
        bytes.extend(self.handled.unwrap_or(NONE_HANDLED).to_le_bytes());
        bytes.push(held.len() as u8 | if self.prefix.is_some() { HAS_PREFIX } else { 0 });
        for tag in held {
            bytes.extend(tag.0);
        }
        if let Some(prefix) = self.prefix {
            bytes.extend(prefix.transition.to_le_bytes());
            bytes.extend(prefix.bytes.to_le_bytes());
            bytes.extend(prefix.state.0);
        }
        bytes
    }

    /// Reads what [`StateReport::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StateReportError> {
        let wrong_length = StateReportError::Length { bytes: bytes.len() };
        let (current, rest) = bytes.split_first_chunk::<8>().ok_or(wrong_length)?;
        let (handled, rest) = rest.split_first_chunk::<4>().ok_or(wrong_length)?;
        let (&count, rest) = rest.split_first().ok_or(wrong_length)?;
        let (count, has_prefix) = (usize::from(count & !HAS_PREFIX), count & HAS_PREFIX != 0);
        if count > Self::MAX_HELD {
            return Err(StateReportError::TooManyHeld { held: count });
        }
        let (held, rest) = rest.split_at_checked(8 * count).ok_or(wrong_length)?;
        let held = held.as_chunks::<8>().0;
        let prefix = match rest.as_chunks::<4>() {
            ([], []) if !has_prefix => None,
            ([transition, bytes, state @ ..], []) if has_prefix && state.len() == 2 => Some(PrefixState {
                transition: u32::from_le_bytes(*transition),
                bytes: u32::from_le_bytes(*bytes),
                state: StateTag(*state.as_flattened().first_chunk().ok_or(wrong_length)?),
            }),
            _ => return Err(wrong_length),
        };
        let handled = Some(u32::from_le_bytes(*handled)).filter(|&handled| handled != NONE_HANDLED);
        Ok(Self { current: StateTag(*current), handled, held: held.iter().copied().map(StateTag).collect(), prefix })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_report_reads_back_as_written(
            current: [u8; 8],
            handled in prop::option::of(0..u32::MAX),
            held in prop::collection::vec(any::<[u8; 8]>(), 0..=StateReport::MAX_HELD),
            prefix in prop::option::of(any::<(u32, u32, [u8; 8])>()),
        ) {
            let prefix =
                prefix.map(|(transition, bytes, state)| PrefixState { transition, bytes, state: StateTag(state) });
            let held = held.into_iter().map(StateTag).collect();
            let report = StateReport { current: StateTag(current), handled, held, prefix };
            prop_assert_eq!(StateReport::from_bytes(&report.to_bytes()), Ok(report));
        }

        #[test]
        fn any_bytes_are_a_report_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(report) = StateReport::from_bytes(&bytes) {
                prop_assert_eq!(report.to_bytes(), bytes);
            }
        }
    }

    #[test]
    fn more_states_than_fit_leave_the_newest() {
        let held: Vec<StateTag> = (0..40).map(|n| StateTag([n; 8])).collect();
        let report = StateReport { current: held[39], handled: Some(7), held, prefix: None };
        let read = StateReport::from_bytes(&report.to_bytes()).unwrap();
        assert_eq!(read.held, report.held[24..]);
    }
}
