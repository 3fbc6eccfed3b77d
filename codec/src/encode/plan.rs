//! What is asked of an encode before a picture is looked at: the kind of frame, what it refreshes, how hard to try, and
//! what may be known of the motion. All of it is shared by every version of the frame.

use std::sync::Arc;

use super::background::Background;
use crate::Size;
use crate::macroblock::{MotionVector, QuantizerIndex};

/// Whether a frame may lean on the source state's pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrameKind {
    /// Needs no other frame: any receiver can show it. It refreshes everything.
    Key,
    /// Predicted from the pictures of the source state.
    Inter,
}

/// What a frame is to be, whichever quantizer it is finished at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Key or inter.
    pub kind: FrameKind,
    /// The finest quantizer at which the frame is likely to be finished: decisions are made at its λ. Finishing coarser than that
    /// costs little; finishing finer wastes bits.
    pub finest: QuantizerIndex,
    /// Whether the frame becomes the last frame; a key frame always does.
    pub refresh_last: bool,
    /// Whether the frame becomes the golden frame; a key frame always does.
    pub refresh_golden: bool,
    /// Whether the frame becomes the alternate reference frame; a key frame always does.
    pub refresh_altref: bool,
    /// Whether the frames after it go on with its probabilities. Otherwise they have those from before it, and depend on it
    /// for nothing but the references it refreshes.
    pub refresh_probabilities: bool,
    /// Whether a player shows the frame.
    pub shown: bool,
}

impl Plan {
    /// A shown key frame.
    pub fn key(finest: QuantizerIndex) -> Self {
        Self {
            kind: FrameKind::Key,
            finest,
            refresh_last: true,
            refresh_golden: true,
            refresh_altref: true,
            refresh_probabilities: true,
            shown: true,
        }
    }

    /// A shown inter frame that becomes the last frame and leaves golden and altref as they are.
    pub fn inter(finest: QuantizerIndex) -> Self {
        Self { kind: FrameKind::Inter, refresh_golden: false, refresh_altref: false, ..Self::key(finest) }
    }
}

/// How hard to search, as named points between time and bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Effort {
    /// For a call: milliseconds a frame.
    #[default]
    Live,
    /// For a recording that should be ready soon.
    Balanced,
    /// For a film: every mode is tried.
    Film,
}

/// What the encoder may be told about the pictures before: where motion is likely to be found, and how much of the still
/// background has been renewed. The same hints give the same bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    pub(super) field: Option<Field>,
}

/// What one analysis can tell the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) size: Size,
    /// A vector for each macroblock, in raster order.
    pub(super) vectors: Arc<[MotionVector]>,
    pub(super) background: Background,
}

impl Hints {
    /// The same, where the background has been renewed through `frames` frames before, of which nothing else is known: so
    /// chunks that are encoded without knowing of each other renew different parts of it.
    #[must_use]
    pub fn renewing_after(mut self, frames: usize) -> Self {
        if let Some(field) = &mut self.field {
            field.background = Background::begun(field.vectors.len(), frames);
        }
        self
    }

    /// What is known of a picture of `size`, if anything.
    pub(super) fn of_size(&self, size: Size) -> Option<&Field> {
        self.field.as_ref().filter(|field| field.size == size)
    }
}
