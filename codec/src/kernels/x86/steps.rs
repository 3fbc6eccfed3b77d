//! Intervals, eight at once: the definition is plain enough for the compiler.

use crate::kernels::steps::Intervals;

#[target_feature(enable = "avx2")]
pub(in crate::kernels) fn narrow(intervals: &mut Intervals, bit: bool, probability: u8) {
    intervals.narrow_by_definition(bit, probability);
}
