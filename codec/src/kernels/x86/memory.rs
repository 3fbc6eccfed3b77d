//! Loads and stores of vectors, through blocks that were checked once to lie within their slices.
//!
//! The bounds of each access are asserted as well; with the constant sizes and counted loops of the kernels nothing of
//! those assertions remains in the machine code.

use std::arch::x86_64::*;
use std::marker::PhantomData;

/// `H` rows of `W` samples to be read.
#[derive(Clone, Copy)]
pub(super) struct Block<'a, const W: usize, const H: usize> {
    first: *const u8,
    stride: usize,
    samples: PhantomData<&'a [u8]>,
}

/// `H` rows of `W` samples to be read and written.
pub(super) struct BlockMut<'a, const W: usize, const H: usize> {
    first: *mut u8,
    stride: usize,
    samples: PhantomData<&'a mut [u8]>,
}

/// No plane's rows are further apart; up to here the check below cannot overflow.
const MAX_STRIDE: usize = 1 << 30;

/// Whether `H` rows of `W` samples, `stride` apart, lie within `length` samples.
#[inline(always)]
fn holds<const W: usize, const H: usize>(length: usize, stride: usize) -> bool {
    const { assert!(W <= 32 && H <= 32, "blocks are small") };
    stride <= MAX_STRIDE && (H - 1) * stride + W <= length
}

/// Whether `bytes` bytes from column `x` of row `y` lie within the block.
#[inline(always)]
fn is_inside<const W: usize, const H: usize>(x: usize, y: usize, bytes: usize) -> bool {
    y < H && bytes <= W && x <= W - bytes
}

impl<'a, const W: usize, const H: usize> Block<'a, W, H> {
    /// The block whose first sample is the first of `samples`, with rows `stride` apart.
    #[inline(always)]
    pub(super) fn new(samples: &'a [u8], stride: usize) -> Self {
        assert!(holds::<W, H>(samples.len(), stride), "the block lies within its plane");
        Self { first: samples.as_ptr(), stride, samples: PhantomData }
    }

    #[inline(always)]
    fn at(&self, x: usize, y: usize, bytes: usize) -> *const u8 {
        assert!(is_inside::<W, H>(x, y, bytes));
        // SAFETY: `new` has found all of the block within its slice, and (x, y) lies within the block.
        unsafe { self.first.add(y * self.stride + x) }
    }

    /// Four samples from column `x` of row `y` on, as the lowest lanes.
    #[inline]
    #[target_feature(enable = "sse2")]
    pub(super) fn load_4(&self, x: usize, y: usize) -> __m128i {
        let at = self.at(x, y, 4);
        // SAFETY: `at` has checked four bytes.
        _mm_cvtsi32_si128(unsafe { at.cast::<i32>().read_unaligned() })
    }

    /// Eight samples from column `x` of row `y` on, as the lower half.
    #[inline]
    #[target_feature(enable = "sse2")]
    pub(super) fn load_8(&self, x: usize, y: usize) -> __m128i {
        let at = self.at(x, y, 8);
        // SAFETY: `at` has checked eight bytes.
        _mm_cvtsi64_si128(unsafe { at.cast::<i64>().read_unaligned() })
    }

    /// Sixteen samples from column `x` of row `y` on.
    #[inline]
    #[target_feature(enable = "sse2")]
    pub(super) fn load_16(&self, x: usize, y: usize) -> __m128i {
        let at = self.at(x, y, 16);
        // SAFETY: `at` has checked sixteen bytes.
        unsafe { _mm_loadu_si128(at.cast()) }
    }

    /// Eight samples of each of two rows, as the halves of a vector.
    #[inline]
    #[target_feature(enable = "sse2")]
    pub(super) fn load_8_of_two(&self, x: usize, first: usize, second: usize) -> __m128i {
        self.load_upper_8(self.load_8(x, first), x, second)
    }

    /// Eight samples from column `x` of row `y` on, as the upper half beside the lower one of `lower`.
    #[inline]
    #[target_feature(enable = "sse2")]
    pub(super) fn load_upper_8(&self, lower: __m128i, x: usize, y: usize) -> __m128i {
        let at = self.at(x, y, 8);
        // SAFETY: `at` has checked eight bytes; the instruction asks for no alignment.
        _mm_castpd_si128(unsafe { _mm_loadh_pd(_mm_castsi128_pd(lower), at.cast()) })
    }

    /// Sixteen samples of each of two rows, as the lanes of a vector.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn load_16_of_two(&self, x: usize, first: usize, second: usize) -> __m256i {
        let first = _mm256_castsi128_si256(self.load_16(x, first));
        _mm256_inserti128_si256::<1>(first, self.load_16(x, second))
    }

    /// Eight samples of row `y`, in all four quarters of a vector.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn load_8_everywhere(&self, x: usize, y: usize) -> __m256i {
        let at = self.at(x, y, 8);
        // SAFETY: `at` has checked eight bytes.
        _mm256_set1_epi64x(unsafe { at.cast::<i64>().read_unaligned() })
    }
}

impl Block<'_, 4, 4> {
    /// All sixteen samples, row after row.
    #[inline]
    #[target_feature(enable = "sse2")]
    pub(super) fn load_all(&self) -> __m128i {
        let upper = _mm_unpacklo_epi32(self.load_4(0, 0), self.load_4(0, 1));
        _mm_unpacklo_epi64(upper, _mm_unpacklo_epi32(self.load_4(0, 2), self.load_4(0, 3)))
    }
}

impl<'a, const W: usize, const H: usize> BlockMut<'a, W, H> {
    /// The block whose first sample is the first of `samples`, with rows `stride` apart.
    #[inline(always)]
    pub(super) fn new(samples: &'a mut [u8], stride: usize) -> Self {
        assert!(holds::<W, H>(samples.len(), stride), "the block lies within its plane");
        Self { first: samples.as_mut_ptr(), stride, samples: PhantomData }
    }

    /// The block to be read.
    #[inline(always)]
    pub(super) fn as_block(&self) -> Block<'_, W, H> {
        Block { first: self.first, stride: self.stride, samples: PhantomData }
    }

    #[inline(always)]
    fn at(&mut self, x: usize, y: usize, bytes: usize) -> *mut u8 {
        assert!(is_inside::<W, H>(x, y, bytes));
        // SAFETY: `new` has found all of the block within its slice, and (x, y) lies within the block.
        unsafe { self.first.add(y * self.stride + x) }
    }

    /// Stores the four lowest lanes.
    #[inline]
    #[target_feature(enable = "sse2")]
    pub(super) fn store_4(&mut self, x: usize, y: usize, lanes: __m128i) {
        let at = self.at(x, y, 4);
        // SAFETY: `at` has checked four bytes.
        unsafe { at.cast::<i32>().write_unaligned(_mm_cvtsi128_si32(lanes)) }
    }

    /// Stores the lower half.
    #[inline]
    #[target_feature(enable = "sse2")]
    pub(super) fn store_8(&mut self, x: usize, y: usize, lanes: __m128i) {
        let at = self.at(x, y, 8);
        // SAFETY: `at` has checked eight bytes.
        unsafe { _mm_storel_epi64(at.cast(), lanes) }
    }

    /// Stores the upper half.
    #[inline]
    #[target_feature(enable = "sse2")]
    pub(super) fn store_upper_8(&mut self, x: usize, y: usize, lanes: __m128i) {
        let at = self.at(x, y, 8);
        // SAFETY: `at` has checked eight bytes.
        unsafe { _mm_storeh_pd(at.cast(), _mm_castsi128_pd(lanes)) }
    }

    /// Stores sixteen lanes.
    #[inline]
    #[target_feature(enable = "sse2")]
    pub(super) fn store_16(&mut self, x: usize, y: usize, lanes: __m128i) {
        let at = self.at(x, y, 16);
        // SAFETY: `at` has checked sixteen bytes.
        unsafe { _mm_storeu_si128(at.cast(), lanes) }
    }

    /// Stores the lanes into two rows.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn store_16_of_two(&mut self, x: usize, first: usize, second: usize, lanes: __m256i) {
        self.store_16(x, first, _mm256_castsi256_si128(lanes));
        self.store_16(x, second, _mm256_extracti128_si256::<1>(lanes));
    }
}

/// Eight numbers.
#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn load_numbers(numbers: &[i16; 8]) -> __m128i {
    // SAFETY: the array has the sixteen bytes.
    unsafe { _mm_loadu_si128(numbers.as_ptr().cast()) }
}

/// Stores eight numbers.
#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn store_numbers(numbers: &mut [i16; 8], lanes: __m128i) {
    // SAFETY: the array has the sixteen bytes.
    unsafe { _mm_storeu_si128(numbers.as_mut_ptr().cast(), lanes) }
}

/// Sixteen numbers: a block of coefficients.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn load_coefficients(block: &[i16; 16]) -> __m256i {
    // SAFETY: the array has the 32 bytes.
    unsafe { _mm256_loadu_si256(block.as_ptr().cast()) }
}

/// Sixteen numbers without a sign.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn load_unsigned(numbers: &[u16; 16]) -> __m256i {
    // SAFETY: the array has the 32 bytes.
    unsafe { _mm256_loadu_si256(numbers.as_ptr().cast()) }
}

/// Stores sixteen numbers without a sign.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn store_unsigned(numbers: &mut [u16; 16], lanes: __m256i) {
    // SAFETY: the array has the 32 bytes.
    unsafe { _mm256_storeu_si256(numbers.as_mut_ptr().cast(), lanes) }
}

/// Stores a block of coefficients.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn store_coefficients(block: &mut [i16; 16], numbers: __m256i) {
    // SAFETY: the array has the 32 bytes.
    unsafe { _mm256_storeu_si256(block.as_mut_ptr().cast(), numbers) }
}

/// Sixteen samples or other bytes.
#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn load_bytes(bytes: &[u8; 16]) -> __m128i {
    // SAFETY: the array has the sixteen bytes.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

/// Stores sixteen bytes.
#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn store_bytes(bytes: &mut [u8; 16], lanes: __m128i) {
    // SAFETY: the array has the sixteen bytes.
    unsafe { _mm_storeu_si128(bytes.as_mut_ptr().cast(), lanes) }
}

/// Thirty-two bytes.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn load_32_bytes(bytes: &[u8; 32]) -> __m256i {
    // SAFETY: the array has the 32 bytes.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}

/// Stores four numbers without a sign.
#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn store_integers(integers: &mut [u32; 4], lanes: __m128i) {
    // SAFETY: the array has the sixteen bytes.
    unsafe { _mm_storeu_si128(integers.as_mut_ptr().cast(), lanes) }
}

/// Four numbers without a sign.
#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn load_integers(integers: &[u32; 4]) -> __m128i {
    // SAFETY: the array has the sixteen bytes.
    unsafe { _mm_loadu_si128(integers.as_ptr().cast()) }
}
