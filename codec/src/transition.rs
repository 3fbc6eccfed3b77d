//! A frame as an arrow between two named states: what an encoder gives and a decoder takes.

use std::fmt;

use crate::{DecodeError, Size, SizeError, State, StateId, is_key_frame};

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
    /// If the source is to be scaled to another size first. VP8 itself would need a key frame there; as scaling is a function of
    /// the state, both ends know what it gives.
    pub scaled: Option<Size>,
    /// The VP8 frame.
    pub frame: Vec<u8>,
}

/// Why bytes are not a transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransitionError {
    /// They are too few to name two states, or the size between them.
    TooFew {
        /// How many there are.
        bytes: usize,
    },
    /// No state is scaled to this size.
    Size(SizeError),
}

impl fmt::Display for TransitionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooFew { bytes } => write!(f, "{bytes} bytes are too few to name a source and a target state"),
            Self::Size(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for TransitionError {}

/// Where a frame would begin, says that the source is scaled and to what follows. It would be a frame of version 7: VP8 has 0 to
/// 3 (RFC 6386 §9.1).
const SCALED: u8 = 0xff;
/// That, width and height.
const SCALED_BYTES: usize = 5;

impl Transition {
    /// Bytes that the names of its states take before the frame.
    pub const HEADER_BYTES: usize = 16;

    /// How many times as long, or as short, a side may become where a source is scaled: senders have pictures down to a quarter of a
    /// side. What scaling takes grows with the longer of both sides: without a limit, a frame of few bytes that turns a state of
    /// 16383x576 into one of 576x16383 would take two seconds for each of its pictures, where a key frame of that size is decoded in
    /// 30 ms and a state of the largest size is scaled from a quarter in 45 ms a picture (measured).
    pub const SCALING_MAX: usize = 4;

    /// Bytes before the frame: [`Self::HEADER_BYTES`], and five if the source is scaled.
    pub fn header_bytes(scaled: Option<Size>) -> usize {
        Self::HEADER_BYTES + if scaled.is_some() { SCALED_BYTES } else { 0 }
    }

    /// Source (8 bytes), target (8); if the source is scaled, 0xff, its new width and height (2 each, little end first); frame.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::header_bytes(self.scaled) + self.frame.len());
        bytes.extend_from_slice(&self.source.0);
        bytes.extend_from_slice(&self.target.0);
        if let Some(size) = self.scaled {
            bytes.push(SCALED);
            bytes.extend_from_slice(&(size.width() as u16).to_le_bytes());
            bytes.extend_from_slice(&(size.height() as u16).to_le_bytes());
        }
        bytes.extend_from_slice(&self.frame);
        bytes
    }

    /// Where the transition starts that `bytes` are, or are a beginning of; none if they are too few to say.
    pub fn source_of(bytes: &[u8]) -> Option<StateTag> {
        bytes.first_chunk().copied().map(StateTag)
    }

    /// Reads what [`Transition::to_bytes`] wrote, or a beginning of it.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TransitionError> {
        let too_few = TransitionError::TooFew { bytes: bytes.len() };
        let (source, rest) = bytes.split_first_chunk().ok_or(too_few)?;
        let (target, mut frame) = rest.split_first_chunk().ok_or(too_few)?;
        let mut scaled = None;
        if let Some((&SCALED, rest)) = frame.split_first() {
            let (size, rest) = rest.split_first_chunk::<{ SCALED_BYTES - 1 }>().ok_or(too_few)?;
            let side = |at: usize| u32::from(u16::from_le_bytes([size[at], size[at + 1]]));
            (scaled, frame) = (Some(Size::new(side(0), side(2)).map_err(TransitionError::Size)?), rest);
        }
        Ok(Self { source: StateTag(*source), target: StateTag(*target), scaled, frame: frame.to_vec() })
    }

    /// The state that the frame is decoded from, where `source` is the one that it names. A key frame, which starts from none, has
    /// nothing scaled for it.
    ///
    /// # Errors
    /// [`DecodeError::Scaling`].
    pub fn start(&self, source: &State) -> Result<State, DecodeError> {
        match (source.size(), self.scaled) {
            (Some(from), Some(to)) if !is_key_frame(&self.frame) => {
                if is_scalable(from, to) {
                    Ok(source.scaled(to))
                } else {
                    Err(DecodeError::Scaling { from, to })
                }
            }
            _ => Ok(source.clone()),
        }
    }
}

fn is_scalable(from: Size, to: Size) -> bool {
    [(from.width(), to.width()), (from.height(), to.height())]
        .into_iter()
        .all(|(from, to)| to <= from * Transition::SCALING_MAX && from <= to * Transition::SCALING_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode;

    fn plain() -> Transition {
        Transition { source: StateTag([1; 8]), target: StateTag([2; 8]), scaled: None, frame: vec![3, 4, 5] }
    }

    #[test]
    fn a_transition_reads_back_as_written_and_its_beginning_too() {
        let bytes = plain().to_bytes();
        assert_eq!(bytes.len(), Transition::header_bytes(None) + 3);
        assert_eq!(Transition::source_of(&bytes[..8]), Some(plain().source));
        assert_eq!(Transition::from_bytes(&bytes), Ok(plain()));
        assert_eq!(Transition::from_bytes(&bytes[..17]).unwrap().frame, [3]);
        assert_eq!(Transition::from_bytes(&bytes[..15]), Err(TransitionError::TooFew { bytes: 15 }));
    }

    #[test]
    fn a_transition_from_a_scaled_state_says_to_what_size() {
        let size = Size::new(320, 180).unwrap();
        let scaled = Transition { scaled: Some(size), ..plain() };
        let mut bytes = scaled.to_bytes();
        assert_eq!(bytes.len(), Transition::header_bytes(Some(size)) + 3);
        assert_eq!(Transition::from_bytes(&bytes), Ok(scaled));
        assert_eq!(Transition::from_bytes(&bytes[..20]), Err(TransitionError::TooFew { bytes: 20 }));
        bytes[17..21].fill(0);
        let empty = SizeError::Empty { width: 0, height: 0 };
        assert_eq!(Transition::from_bytes(&bytes), Err(TransitionError::Size(empty)));
    }

    #[test]
    fn a_state_is_scaled_so_far_and_no_further_and_for_a_key_frame_not_at_all() {
        let size = |width, height| Size::new(width, height).unwrap();
        let key = [0x50, 0x01, 0x00, 0x9d, 0x01, 0x2a, 64, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let state = decode(&State::blank(), &key).unwrap().target;
        let start = |frame: &[u8], to| {
            let transition = Transition { scaled: Some(to), frame: frame.to_vec(), ..plain() };
            transition.start(&state).map(|start| start.size())
        };
        let inter = plain().frame;
        for to in [size(256, 128), size(16, 8), size(64, 32), size(16, 128)] {
            assert_eq!(start(&inter, to), Ok(Some(to)));
        }
        for to in [size(257, 128), size(256, 129), size(15, 8), size(16, 7), size(4096, 2304)] {
            assert_eq!(start(&inter, to), Err(DecodeError::Scaling { from: size(64, 32), to }));
        }
        assert_eq!(start(&key, size(4096, 2304)), Ok(state.size()));
        let blank = Transition { scaled: Some(size(9, 9)), ..plain() }.start(&State::blank());
        assert_eq!(blank, Ok(State::blank()));
    }
}
