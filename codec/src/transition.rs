//! A frame as an arrow between two named states: what an encoder gives and a decoder takes.

use std::fmt;

use crate::StateId;

/// The first eight bytes of a [`StateId`]: a state's name within one call, in which a few dozen are alive.
///
/// It is no defence against forgery; whoever must not be believed is asked for the whole id.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StateTag(pub [u8; 8]);

impl StateId {
    /// The id's first eight bytes.
    pub fn tag(self) -> StateTag {
        StateTag(*self.0.first_chunk().expect("an id is longer than its tag"))
    }
}

impl fmt::Display for StateTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for StateTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StateTag({self})")
    }
}

/// A VP8 frame, the state it is decoded from and the state that gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// Where it starts.
    pub source: StateTag,
    /// Where it leads.
    pub target: StateTag,
    /// The VP8 frame.
    pub frame: Vec<u8>,
}

/// Bytes that are too few to name two states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TransitionError {
    /// How many there are.
    pub bytes: usize,
}

impl fmt::Display for TransitionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes are too few to name a source and a target state", self.bytes)
    }
}

impl std::error::Error for TransitionError {}

impl Transition {
    /// Bytes that the names of its states take before the frame.
    pub const HEADER_BYTES: usize = 16;

    /// Source (8 bytes), target (8), frame.
    pub fn to_bytes(&self) -> Vec<u8> {
        [&self.source.0[..], &self.target.0, &self.frame].concat()
    }

    /// Where the transition starts that `bytes` are, or are a beginning of; none if they are too few to say.
    pub fn source_of(bytes: &[u8]) -> Option<StateTag> {
        bytes.first_chunk().copied().map(StateTag)
    }

    /// Reads what [`Transition::to_bytes`] wrote, or a beginning of it.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TransitionError> {
        let too_few = TransitionError { bytes: bytes.len() };
        let (source, rest) = bytes.split_first_chunk().ok_or(too_few)?;
        let (target, frame) = rest.split_first_chunk().ok_or(too_few)?;
        Ok(Self { source: StateTag(*source), target: StateTag(*target), frame: frame.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transition_reads_back_as_written_and_its_beginning_too() {
        let transition = Transition { source: StateTag([1; 8]), target: StateTag([2; 8]), frame: vec![3, 4, 5] };
        let bytes = transition.to_bytes();
        assert_eq!(Transition::source_of(&bytes[..8]), Some(transition.source));
        assert_eq!(Transition::from_bytes(&bytes), Ok(transition));
        assert_eq!(Transition::from_bytes(&bytes[..17]).unwrap().frame, [3]);
        assert_eq!(Transition::from_bytes(&bytes[..15]), Err(TransitionError { bytes: 15 }));
    }
}
