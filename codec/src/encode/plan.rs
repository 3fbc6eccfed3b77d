//! What is asked of an encode before a picture is looked at: the kind of frame, what it refreshes, how hard to try, and
//! what may be known of the motion. All of it is shared by every version of the frame.

use std::sync::Arc;

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

/// What the encoder may be told of the motion in a picture: it only ever changes where the search begins. The same
/// hints give the same bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    field: Option<Field>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Field {
    size: Size,
    /// A vector for each macroblock, in raster order.
    vectors: Arc<[MotionVector]>,
}

impl Hints {
    /// The motion field of another picture of `size`.
    pub(super) fn of_field(size: Size, vectors: Arc<[MotionVector]>) -> Self {
        Self { field: Some(Field { size, vectors }) }
    }

    /// The vectors of a picture of `size`, macroblock by macroblock in raster order, if they are known.
    pub(super) fn vectors(&self, size: Size) -> Option<&[MotionVector]> {
        self.field.as_ref().filter(|field| field.size == size).map(|field| &*field.vectors)
    }
}
