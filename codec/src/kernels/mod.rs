//! The arithmetic that touches every sample, behind safe functions over slices and strides.
//!
//! What stands here is the definition; vector code that replaces it must agree to the bit, because samples decide
//! state ids. Sums wrap at 16 bits where the vector code of every decoder does: only corrupt streams go that far.

pub(crate) mod difference;
pub(crate) mod edge_filter;
pub(crate) mod forward;
pub(crate) mod interpolate;
pub(crate) mod intra;
pub(crate) mod inverse;
pub(crate) mod quantise;
pub(crate) mod subpixel;

/// `N` samples of a plane from `at` on.
#[inline(always)]
fn row<const N: usize>(plane: &[u8], at: usize) -> &[u8; N] {
    plane[at..].first_chunk().expect("the block lies within its plane")
}
