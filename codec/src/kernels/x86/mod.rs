//! Vector versions of the kernels for x86-64 with AVX2. Without it the definitions serve, which the compiler turns into
//! SSE2; each version here agrees with its definition to the bit (`kernels::checks`).

pub(super) mod difference;
pub(super) mod edge_filter;
pub(super) mod forward;
pub(super) mod interpolate;
pub(super) mod intra;
pub(super) mod inverse;
pub(super) mod margins;
#[expect(unsafe_code, reason = "vectors are loaded and stored through pointers")]
mod memory;
pub(super) mod quantise;
pub(super) mod steps;
pub(super) mod subpixel;
pub(super) mod symbols;
pub(super) mod walsh;

use std::arch::x86_64::*;

/// Two vectors as the lanes of one.
#[inline]
#[target_feature(enable = "avx2")]
fn lanes(lower: __m128i, upper: __m128i) -> __m256i {
    _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(lower), upper)
}

/// Adds the lanes of a vector.
#[inline]
#[target_feature(enable = "avx2")]
fn add_lanes(vector: __m256i) -> __m128i {
    _mm_add_epi32(_mm256_castsi256_si128(vector), _mm256_extracti128_si256::<1>(vector))
}

/// The sum of four 32-bit numbers.
#[inline]
#[target_feature(enable = "sse2")]
fn sum_of_four(numbers: __m128i) -> i32 {
    let two = _mm_add_epi32(numbers, _mm_shuffle_epi32::<0b01_00_11_10>(numbers));
    _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32::<0b10_11_00_01>(two)))
}

/// Calls `work`, compiled for processors with BMI1, BMI2, LZCNT and POPCNT.
#[inline(never)]
#[target_feature(enable = "bmi1,bmi2,lzcnt,popcnt")]
pub(super) fn with_bit_instructions<T>(work: impl FnOnce() -> T) -> T {
    work()
}
