//! Encoding: from a state and a picture to a frame and the next state, in two steps.
//!
//! [`analyse`] looks at the picture once: motion, modes, predictions, residue. [`Analysis::finish`] makes one version of
//! the frame at one quantizer, and may be called for several; [`Analysis::predict_size`] tells beforehand how large a
//! version will be. There is no encoder state: one encodes for a decoder that is in the source state.

mod analysis;
mod background;
mod contexts;
mod estimate;
mod filter_choice;
mod fineness;
mod finish;
mod fit;
mod inter;
mod inter_macroblock;
mod intra;
mod intra_coding;
mod key_macroblock;
mod mode_counts;
mod mode_record;
mod motion;
mod noise;
mod pass;
mod plan;
mod price;
mod rate;
mod rebase;
mod refine;
mod residue;
mod settle;
mod showing;
mod size;
mod split;
mod thorough;
mod token_prices;
mod token_writer;
mod tokens;
mod version;
mod wavefront;

pub use analysis::{Analysis, EncodeError, analyse, analyse_on};
pub use fineness::Fineness;
pub use finish::Encoded;
pub use fit::Sizes;
pub use plan::{Effort, FrameKind, Hints, Plan};
pub use rebase::{DecisionReader, Decisions, RebaseError};
pub use showing::{altref_shown, show_altref};
