//! A frame together with the states it leads from and to: what travels between peers.

use std::fmt;

use crate::StateId;

/// A compressed frame and the names of the states it leads from and to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The state a decoder must be in.
    pub source: StateId,
    /// The state it is in afterwards.
    pub target: StateId,
    /// The compressed frame.
    pub frame: Vec<u8>,
}

/// Why some bytes are no transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransitionError {
    /// They end within the names of the two states.
    TooShort {
        /// How many bytes there are.
        found: usize,
    },
}

impl fmt::Display for TransitionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort { found } => {
                write!(f, "a transition starts with two names of 32 bytes each, but there are {found} bytes")
            }
        }
    }
}

impl std::error::Error for TransitionError {}

impl Transition {
    /// The source's name, the target's name, then the frame.
    pub fn to_bytes(&self) -> Vec<u8> {
        [&self.source.0[..], &self.target.0, &self.frame].concat()
    }

    /// The transition whose [`Self::to_bytes`] are `bytes`. Nothing is known of the frame until it is decoded.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TransitionError> {
        let too_short = TransitionError::TooShort { found: bytes.len() };
        let (source, rest) = bytes.split_first_chunk().ok_or(too_short)?;
        let (target, frame) = rest.split_first_chunk().ok_or(too_short)?;
        Ok(Self { source: StateId(*source), target: StateId(*target), frame: frame.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transition_comes_back_from_its_bytes() {
        let transition = Transition { source: StateId([1; 32]), target: StateId([2; 32]), frame: vec![3, 4] };
        assert_eq!(Transition::from_bytes(&transition.to_bytes()), Ok(transition));
    }

    #[test]
    fn half_a_name_is_no_transition() {
        assert_eq!(Transition::from_bytes(&[0; 63]), Err(TransitionError::TooShort { found: 63 }));
    }
}
