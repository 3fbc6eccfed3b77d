//! How far two blocks are apart: sums of absolute differences, and Hadamard-transformed differences. The encoder's
//! searches rest on these; a decoder never calls them.
//!
//! A block is a slice that starts at its first sample, and a stride; rows are `stride` apart.

/// Sum of absolute differences of a 16x16 block.
#[inline]
pub(crate) fn sad_16x16(a: &[u8], a_stride: usize, b: &[u8], b_stride: usize) -> u32 {
    return_with_avx2!(difference::sad_16x16(a, a_stride, b, b_stride));
    definition::sad::<16, 16>(a, a_stride, b, b_stride)
}

/// Sum of absolute differences of an 8x8 block.
#[inline]
pub(crate) fn sad_8x8(a: &[u8], a_stride: usize, b: &[u8], b_stride: usize) -> u32 {
    return_with_avx2!(difference::sad_8x8(a, a_stride, b, b_stride));
    definition::sad::<8, 8>(a, a_stride, b, b_stride)
}

/// Sums of absolute differences of the quarters of one 16x16 block against four others of one plane, which start at
/// `offsets` into `b`. Quarters are 8x8 samples, in raster order.
#[inline]
pub(crate) fn sad_quarters_of_four(
    a: &[u8],
    a_stride: usize,
    b: &[u8],
    offsets: [usize; 4],
    b_stride: usize,
) -> [[u32; 4]; 4] {
    return_with_avx2!(difference::sad_quarters_of_four(a, a_stride, b, offsets, b_stride));
    offsets.map(|offset| definition::quarters(a, a_stride, &b[offset..], b_stride, definition::sad::<8, 8>))
}

/// Sum of the absolute 4x4 Hadamard coefficients of the difference of two 16x16 blocks, halved: an estimate of what
/// the difference costs to code, on the scale of a sum of absolute differences.
#[inline]
pub(crate) fn satd_16x16(a: &[u8], a_stride: usize, b: &[u8], b_stride: usize) -> u32 {
    satd_quarters(a, a_stride, b, b_stride).iter().sum()
}

/// As [`satd_16x16`] for each 8x8 quarter, in raster order.
#[inline]
pub(crate) fn satd_quarters(a: &[u8], a_stride: usize, b: &[u8], b_stride: usize) -> [u32; 4] {
    return_with_avx2!(difference::satd_quarters(a, a_stride, b, b_stride));
    definition::quarters(a, a_stride, b, b_stride, definition::satd_8x8)
}

/// As [`satd_16x16`] for an 8x8 block.
#[inline]
pub(crate) fn satd_8x8(a: &[u8], a_stride: usize, b: &[u8], b_stride: usize) -> u32 {
    return_with_avx2!(difference::satd_8x8(a, a_stride, b, b_stride));
    definition::satd_8x8(a, a_stride, b, b_stride)
}

/// As [`satd_16x16`] for a 4x4 block.
#[inline]
pub(crate) fn satd_4x4(a: &[u8], a_stride: usize, b: &[u8], b_stride: usize) -> u32 {
    return_with_avx2!(difference::satd_4x4(a, a_stride, b, b_stride));
    definition::satd_4x4(a, a_stride, b, b_stride)
}

/// What the kernels compute, written plainly.
pub(super) mod definition {
    use crate::kernels::row;

    pub(in crate::kernels) fn sad<const W: usize, const H: usize>(
        a: &[u8],
        a_stride: usize,
        b: &[u8],
        b_stride: usize,
    ) -> u32 {
        let mut total = 0;
        for y in 0..H {
            let (a, b) = (row::<W>(a, y * a_stride), row::<W>(b, y * b_stride));
            total += a.iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(*b))).sum::<u32>();
        }
        total
    }

    /// A distance of each quarter of a 16x16 block.
    pub(in crate::kernels) fn quarters(
        a: &[u8],
        a_stride: usize,
        b: &[u8],
        b_stride: usize,
        distance: impl Fn(&[u8], usize, &[u8], usize) -> u32,
    ) -> [u32; 4] {
        [(0, 0), (8, 0), (0, 8), (8, 8)]
            .map(|(x, y)| distance(&a[y * a_stride + x..], a_stride, &b[y * b_stride + x..], b_stride))
    }

    pub(in crate::kernels) fn satd_8x8(a: &[u8], a_stride: usize, b: &[u8], b_stride: usize) -> u32 {
        let mut total = 0;
        for y in (0..8).step_by(4) {
            for x in (0..8).step_by(4) {
                total += satd_4x4_whole(&a[y * a_stride + x..], a_stride, &b[y * b_stride + x..], b_stride);
            }
        }
        total >> 1
    }

    pub(in crate::kernels) fn satd_4x4(a: &[u8], a_stride: usize, b: &[u8], b_stride: usize) -> u32 {
        satd_4x4_whole(a, a_stride, b, b_stride) >> 1
    }

    pub(in crate::kernels) fn satd_4x4_whole(a: &[u8], a_stride: usize, b: &[u8], b_stride: usize) -> u32 {
        let mut rows = [[0i16; 4]; 4];
        for (y, out) in rows.iter_mut().enumerate() {
            let (a, b) = (row::<4>(a, y * a_stride), row::<4>(b, y * b_stride));
            for x in 0..4 {
                out[x] = i16::from(a[x]) - i16::from(b[x]);
            }
        }
        let mut columns = [[0i16; 4]; 4];
        for x in 0..4 {
            let (a, b) = (rows[0][x] + rows[1][x], rows[0][x] - rows[1][x]);
            let (c, d) = (rows[2][x] + rows[3][x], rows[2][x] - rows[3][x]);
            columns[0][x] = a + c;
            columns[1][x] = a - c;
            columns[2][x] = b + d;
            columns[3][x] = b - d;
        }
        let mut total = 0;
        for block in &columns {
            let (a, b) = (block[0] + block[1], block[0] - block[1]);
            let (c, d) = (block[2] + block[3], block[2] - block[3]);
            total += [a + c, a - c, b + d, b - d].map(|x| u32::from(x.unsigned_abs())).iter().sum::<u32>();
        }
        total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(seed: usize) -> Vec<u8> {
        (0..20 * 16).map(|i| (i * seed * 31 + (i * i) % 7) as u8).collect()
    }

    #[test]
    fn equal_blocks_are_no_distance_apart() {
        let a = block(3);
        assert_eq!(sad_16x16(&a, 20, &a, 20), 0);
        assert_eq!(satd_16x16(&a, 20, &a, 20), 0);
    }

    #[test]
    fn black_against_white_is_the_largest_distance() {
        let (black, white) = (vec![0; 256], vec![255; 256]);
        assert_eq!(sad_16x16(&black, 16, &white, 16), 255 * 256);
        assert_eq!(satd_16x16(&black, 16, &white, 16), 16 * 255 * 16 / 2);
    }

    #[test]
    fn a_block_s_satd_is_the_sum_over_its_parts() {
        let (a, b) = (block(3), block(7));
        let parts: u32 = (0..16)
            .map(|i| (i / 4 * 4 * 20) + i % 4 * 4)
            .map(|at| definition::satd_4x4_whole(&a[at..], 20, &b[at..], 20))
            .sum();
        assert_eq!(satd_16x16(&a, 20, &b, 20), parts >> 1);
    }

    #[test]
    fn four_at_once_is_four_times_one() {
        let (a, b) = (block(3), vec![9; 40 * 40]);
        let offsets = [0, 41, 82, 123];
        let sums = sad_quarters_of_four(&a, 20, &b, offsets, 40).map(|quarters| quarters.iter().sum::<u32>());
        assert_eq!(sums, offsets.map(|offset| sad_16x16(&a, 20, &b[offset..], 40)));
    }
}
