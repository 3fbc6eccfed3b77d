//! The arithmetic that touches every sample, behind safe functions over slices and strides.
//!
//! What stands here is the definition; vector code that replaces it must agree to the bit, because samples decide
//! state ids. Sums wrap at 16 bits where the vector code of every decoder does: only corrupt streams go that far.

pub(crate) mod edge_filter;
pub(crate) mod interpolate;
pub(crate) mod intra;
pub(crate) mod inverse;
