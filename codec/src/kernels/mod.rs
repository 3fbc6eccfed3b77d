//! The arithmetic that touches every sample, behind safe functions over slices and strides.
//!
//! Each file holds the definition of its family and safe functions that choose between it and the vector code of [`x86`].
//! The two must agree to the bit, because samples decide state ids; `checks` holds them against each other. Sums wrap at 16 bits where the vector code of every decoder does: only corrupt streams go that far.

/// Returns from the function it stands in with what the AVX2 version of a kernel gives, where the processor has AVX2. Which
/// it has is looked up once; afterwards this is a load and a jump.
macro_rules! return_with_avx2 {
    ($family:ident::$kernel:ident($($argument:expr),* $(,)?)) => {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the kernel asks for nothing but AVX2, which has just been found.
            #[expect(unsafe_code, reason = "the only way to call what only some processors can do")]
            return unsafe { super::x86::$family::$kernel($($argument),*) };
        }
    };
}

/// As [`return_with_avx2`] for what needs no more than every x86-64 has.
macro_rules! return_with_sse2 {
    ($family:ident::$kernel:ident($($argument:expr),* $(,)?)) => {
        #[cfg(target_arch = "x86_64")]
        {
            // SAFETY: SSE2 is a part of x86-64.
            #[expect(unsafe_code, reason = "SSE2 has to be vouched for even where it is always there")]
            return unsafe { super::x86::$family::$kernel($($argument),*) };
        }
    };
}

/// Does `work` with the bit instructions that newer processors have (shifts by any register, counts of zeros and of ones), where this one
/// does: what entropy coding lives on. Only what is inlined into `work` gains.
#[inline(always)]
pub(crate) fn with_bit_instructions<T>(work: impl FnOnce() -> T) -> T {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("bmi1")
        && std::arch::is_x86_feature_detected!("bmi2")
        && std::arch::is_x86_feature_detected!("lzcnt")
        && std::arch::is_x86_feature_detected!("popcnt")
    {
        // SAFETY: all four features have just been found.
        #[expect(unsafe_code, reason = "the only way to call what only some processors can do")]
        return unsafe { x86::with_bit_instructions(work) };
    }
    work()
}

pub(crate) mod difference;
pub(crate) mod edge_filter;
pub(crate) mod forward;
pub(crate) mod interpolate;
pub(crate) mod intra;
pub(crate) mod inverse;
pub(crate) mod margins;
pub(crate) mod quantise;
pub(crate) mod steps;
pub(crate) mod subpixel;
pub(crate) mod symbols;
#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(feature = "bench-kernels")]
pub mod cases;
#[cfg(test)]
mod checks;

/// `N` samples of a plane from `at` on.
#[inline(always)]
fn row<const N: usize>(plane: &[u8], at: usize) -> &[u8; N] {
    plane[at..].first_chunk().expect("the block lies within its plane")
}
