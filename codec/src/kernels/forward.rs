//! Forward transforms: the 4x4 DCT and the Walsh-Hadamard transform that the inverses of RFC 6386 §14 undo.
//! The format leaves the forward direction free; ours rounds to nearest and keeps every step within 16 bits (products
//! within 32), so that vector code can follow it to the bit.

/// The DCT of `source - prediction` over a 4x4 block, in raster order. A flat difference of d gives a DC of 8 d.
#[inline]
pub(crate) fn forward_dct(
    source: &[u8],
    source_stride: usize,
    prediction: &[u8],
    prediction_stride: usize,
    out: &mut [i16; 16],
) {
    return_with_avx2!(forward::forward_dct(source, source_stride, prediction, prediction_stride, out));
    definition::forward_dct(source, source_stride, prediction, prediction_stride, out);
}

/// As [`forward_dct`] for the sixteen blocks of a macroblock's luma, in raster order.
#[inline]
pub(crate) fn forward_dct_16x16(
    source: &[u8],
    source_stride: usize,
    prediction: &[u8],
    prediction_stride: usize,
    out: &mut [[i16; 16]; 16],
) {
    return_with_avx2!(forward::forward_dct_16x16(source, source_stride, prediction, prediction_stride, out));
    definition::forward_dct_of_blocks(source, source_stride, prediction, prediction_stride, out, 4);
}

/// As [`forward_dct`] for the four blocks of an 8x8 square, such as a macroblock's U or V, in raster order.
#[inline]
pub(crate) fn forward_dct_8x8(
    source: &[u8],
    source_stride: usize,
    prediction: &[u8],
    prediction_stride: usize,
    out: &mut [[i16; 16]; 4],
) {
    return_with_avx2!(forward::forward_dct_8x8(source, source_stride, prediction, prediction_stride, out));
    definition::forward_dct_of_blocks(source, source_stride, prediction, prediction_stride, out, 2);
}

/// The Walsh-Hadamard transform of the sixteen DCs of a macroblock's luma, in raster order; DCs of differences are within
/// -2040..=2040.
#[inline]
pub(crate) fn forward_wht(dc: &[i16; 16]) -> [i16; 16] {
    return_with_sse2!(walsh::forward_wht(dc));
    #[cfg(not(target_arch = "x86_64"))]
    definition::forward_wht(dc)
}

/// What the kernels compute, written plainly.
pub(super) mod definition {
    use crate::kernels::row;

    /// √2·sin(π/8) and √2·cos(π/8) in 4096ths, the factors of RFC 6386 §14.3.
    const SINE: i32 = 2217;
    const COSINE: i32 = 5352;

    pub(in crate::kernels) fn forward_dct(
        source: &[u8],
        source_stride: usize,
        prediction: &[u8],
        prediction_stride: usize,
        out: &mut [i16; 16],
    ) {
        let mut rows = [0i32; 16];
        for y in 0..4 {
            let (s, p) = (row::<4>(source, y * source_stride), row::<4>(prediction, y * prediction_stride));
            let x: [i32; 4] = std::array::from_fn(|i| i32::from(s[i]) - i32::from(p[i]));
            let (a, b) = ((x[0] + x[3]) << 3, (x[1] + x[2]) << 3);
            let (c, d) = ((x[1] - x[2]) << 3, (x[0] - x[3]) << 3);
            rows[4 * y] = a + b;
            rows[4 * y + 1] = (c * SINE + d * COSINE + 2048) >> 12;
            rows[4 * y + 2] = a - b;
            rows[4 * y + 3] = (d * SINE - c * COSINE + 2048) >> 12;
        }
        for x in 0..4 {
            let (a, b) = (rows[x] + rows[12 + x], rows[4 + x] + rows[8 + x]);
            let (c, d) = (rows[4 + x] - rows[8 + x], rows[x] - rows[12 + x]);
            out[x] = ((a + b + 8) >> 4) as i16;
            out[4 + x] = ((c * SINE + d * COSINE + 32768) >> 16) as i16;
            out[8 + x] = ((a - b + 8) >> 4) as i16;
            out[12 + x] = ((d * SINE - c * COSINE + 32768) >> 16) as i16;
        }
    }

    pub(in crate::kernels) fn forward_wht(dc: &[i16; 16]) -> [i16; 16] {
        let mut rows = [0i32; 16];
        for y in 0..4 {
            let x: [i32; 4] = std::array::from_fn(|i| i32::from(dc[4 * y + i]));
            let (a, b, c, d) = (x[0] + x[3], x[1] + x[2], x[1] - x[2], x[0] - x[3]);
            rows[4 * y] = a + b;
            rows[4 * y + 1] = c + d;
            rows[4 * y + 2] = a - b;
            rows[4 * y + 3] = d - c;
        }
        let mut out = [0; 16];
        for x in 0..4 {
            let (a, b) = (rows[x] + rows[12 + x], rows[4 + x] + rows[8 + x]);
            let (c, d) = (rows[4 + x] - rows[8 + x], rows[x] - rows[12 + x]);
            for (y, sum) in [a + b, c + d, a - b, d - c].into_iter().enumerate() {
                out[4 * y + x] = ((sum + 1) >> 1) as i16;
            }
        }
        out
    }

    /// The blocks of a square that is `across` of them wide.
    pub(in crate::kernels) fn forward_dct_of_blocks(
        source: &[u8],
        source_stride: usize,
        prediction: &[u8],
        prediction_stride: usize,
        out: &mut [[i16; 16]],
        across: usize,
    ) {
        for (block, out) in out.iter_mut().enumerate() {
            let (x, y) = (block % across * 4, block / across * 4);
            let (source, prediction) = (&source[y * source_stride + x..], &prediction[y * prediction_stride + x..]);
            forward_dct(source, source_stride, prediction, prediction_stride, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_difference_is_all_dc() {
        let mut out = [1; 16];
        forward_dct(&[255; 16], 4, &[0; 16], 4, &mut out);
        assert_eq!(out[0], 255 * 8);
        assert!(out[1..].iter().all(|c| *c == 0));
        assert_eq!(forward_wht(&[255 * 8; 16])[0], 255 * 8 * 8);
    }

    #[test]
    fn the_basis_keeps_energy() {
        // Orthonormal coefficients are half of these: energy in the block times 4 is energy in the coefficients.
        let source: [u8; 16] = std::array::from_fn(|i| (i * 37 % 251) as u8);
        let mut out = [0; 16];
        forward_dct(&source, 4, &[100; 16], 4, &mut out);
        let block: f64 = source.iter().map(|s| (f64::from(*s) - 100.0).powi(2)).sum();
        let coefficients: f64 = out.iter().map(|c| f64::from(*c).powi(2)).sum();
        assert!((coefficients / (4.0 * block) - 1.0).abs() < 0.01, "{coefficients} against {block}");
    }
}
