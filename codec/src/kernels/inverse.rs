//! Inverse transforms: from coefficients back to residue (RFC 6386 §14.3, §14.4).

/// The inverse Walsh-Hadamard transform of Y2: the DCs of the 16 luma subblocks, in raster order (RFC 6386 §14.3).
#[inline]
pub(crate) fn inverse_walsh(input: &[i16; 16]) -> [i16; 16] {
    return_with_sse2!(walsh::inverse_walsh(input));
    #[cfg(not(target_arch = "x86_64"))]
    definition::inverse_walsh(input)
}

/// Adds the inverse DCT of a block to the 4x4 samples at the start of `samples` (RFC 6386 §14.4, §14.5).
#[inline]
pub(crate) fn add_inverse_dct(coefficients: &[i16; 16], samples: &mut [u8], stride: usize) {
    return_with_avx2!(inverse::add_inverse_dct(coefficients, samples, stride));
    definition::add_inverse_dct(coefficients, samples, stride);
}

/// What [`add_inverse_dct`] does where only the DC is not zero.
#[inline]
pub(crate) fn add_inverse_dct_of_dc(dc: i16, samples: &mut [u8], stride: usize) {
    definition::add_inverse_dct_of_dc(dc, samples, stride);
}

/// Adds the residue of a macroblock's luma to the 16x16 samples at the start of `samples`: [`add_inverse_dct`] of each of
/// its blocks, in raster order.
///
/// `ends` tells how far each block's coefficients reach in zigzag order: with 0 they are all zero, with 1 all but the DC.
#[inline]
pub(crate) fn add_residue_16x16(blocks: &[[i16; 16]; 16], ends: &[u8; 16], samples: &mut [u8], stride: usize) {
    return_with_avx2!(inverse::add_residue_16x16(blocks, ends, samples, stride));
    definition::add_residue(blocks, ends, samples, stride, 4);
}

/// As [`add_residue_16x16`] for an 8x8 square of four blocks, such as U or V.
#[inline]
pub(crate) fn add_residue_8x8(blocks: &[[i16; 16]; 4], ends: &[u8; 4], samples: &mut [u8], stride: usize) {
    return_with_avx2!(inverse::add_residue_8x8(blocks, ends, samples, stride));
    definition::add_residue(blocks, ends, samples, stride, 2);
}

/// What the kernels compute, written plainly.
pub(super) mod definition {
    pub(in crate::kernels) fn inverse_walsh(input: &[i16; 16]) -> [i16; 16] {
        let mut columns = [0i16; 16];
        for x in 0..4 {
            let [a, b, c, d] = walsh_butterfly([input[x], input[4 + x], input[8 + x], input[12 + x]]);
            (columns[x], columns[4 + x], columns[8 + x], columns[12 + x]) = (a, b, c, d);
        }
        let mut output = [0i16; 16];
        for (row, output) in columns.as_chunks::<4>().0.iter().zip(output.as_chunks_mut::<4>().0) {
            *output = walsh_butterfly(*row).map(|value| value.wrapping_add(3) >> 3);
        }
        output
    }

    #[inline(always)]
    fn walsh_butterfly([i0, i1, i2, i3]: [i16; 4]) -> [i16; 4] {
        let (a, b) = (i0.wrapping_add(i3), i1.wrapping_add(i2));
        let (c, d) = (i1.wrapping_sub(i2), i0.wrapping_sub(i3));
        [a.wrapping_add(b), c.wrapping_add(d), a.wrapping_sub(b), d.wrapping_sub(c)]
    }

    /// √2·cos(π/8) − 1 in 65536ths (RFC 6386 §14.3).
    const COS_LESS_ONE: i32 = 20_091;
    /// √2·sin(π/8) in 65536ths (RFC 6386 §14.3).
    const SIN: i32 = 35_468;

    pub(in crate::kernels) fn add_inverse_dct(coefficients: &[i16; 16], samples: &mut [u8], stride: usize) {
        let mut columns = [0i16; 16];
        for x in 0..4 {
            let [a, b, c, d] =
                dct_butterfly([coefficients[x], coefficients[4 + x], coefficients[8 + x], coefficients[12 + x]]);
            (columns[x], columns[4 + x], columns[8 + x], columns[12 + x]) = (a, b, c, d);
        }
        for (y, row) in columns.as_chunks::<4>().0.iter().enumerate() {
            let residue = dct_butterfly(*row).map(|value| value.wrapping_add(4) >> 3);
            let samples = samples[y * stride..].first_chunk_mut::<4>().expect("a block lies within its plane");
            for (sample, residue) in samples.iter_mut().zip(residue) {
                *sample = (i32::from(*sample) + i32::from(residue)).clamp(0, 255) as u8;
            }
        }
    }

    #[inline(always)]
    fn dct_butterfly([i0, i1, i2, i3]: [i16; 4]) -> [i16; 4] {
        let scaled = |value: i16, factor: i32| ((i32::from(value) * factor) >> 16) as i16;
        let (a, b) = (i0.wrapping_add(i2), i0.wrapping_sub(i2));
        let c = scaled(i1, SIN).wrapping_sub(i3.wrapping_add(scaled(i3, COS_LESS_ONE)));
        let d = i1.wrapping_add(scaled(i1, COS_LESS_ONE)).wrapping_add(scaled(i3, SIN));
        [a.wrapping_add(d), b.wrapping_add(c), b.wrapping_sub(c), a.wrapping_sub(d)]
    }

    pub(in crate::kernels) fn add_inverse_dct_of_dc(dc: i16, samples: &mut [u8], stride: usize) {
        let residue = i32::from(dc.wrapping_add(4) >> 3);
        for y in 0..4 {
            let samples = samples[y * stride..].first_chunk_mut::<4>().expect("a block lies within its plane");
            for sample in samples {
                *sample = (i32::from(*sample) + residue).clamp(0, 255) as u8;
            }
        }
    }

    /// A square of blocks that is `across` of them wide.
    pub(in crate::kernels) fn add_residue(
        blocks: &[[i16; 16]],
        ends: &[u8],
        samples: &mut [u8],
        stride: usize,
        across: usize,
    ) {
        for (block, (coefficients, end)) in blocks.iter().zip(ends).enumerate() {
            let samples = &mut samples[block / across * 4 * stride + block % across * 4..];
            match end {
                0 => {}
                1 => add_inverse_dct_of_dc(coefficients[0], samples, stride),
                _ => add_inverse_dct(coefficients, samples, stride),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn dc_alone_takes_the_short_way(dc in any::<i16>(), sample in any::<u8>()) {
            let mut coefficients = [0; 16];
            coefficients[0] = dc;
            let (mut long, mut short) = ([sample; 4 * 7], [sample; 4 * 7]);
            add_inverse_dct(&coefficients, &mut long, 7);
            add_inverse_dct_of_dc(dc, &mut short, 7);
            prop_assert_eq!(long, short);
        }

        #[test]
        fn no_coefficients_overflow(coefficients in prop::array::uniform16(any::<i16>())) {
            add_inverse_dct(&coefficients, &mut [128; 16], 4);
            inverse_walsh(&coefficients);
        }
    }

    #[test]
    fn the_transforms_are_those_of_the_cosine_and_walsh_bases() {
        // A single coefficient gives its basis function, to within rounding.
        for index in 0..16 {
            let (u, v) = (index % 4, index / 4);
            let mut coefficients = [0; 16];
            coefficients[index] = 800;
            let mut samples = [128u8; 16];
            add_inverse_dct(&coefficients, &mut samples, 4);
            for (position, sample) in samples.into_iter().enumerate() {
                let basis = |frequency: usize, at: usize| {
                    let norm = if frequency == 0 { 1.0 } else { 2f64.sqrt() };
                    norm * (std::f64::consts::PI * frequency as f64 * (2 * at + 1) as f64 / 8.0).cos()
                };
                let exact = 128.0 + 100.0 * basis(u, position % 4) * basis(v, position / 4);
                assert!((f64::from(sample) - exact.clamp(0.0, 255.0)).abs() < 2.0, "{index} {position}");
            }
        }
        assert_eq!(inverse_walsh(&[80; 16]), {
            let mut impulse = [0; 16];
            impulse[0] = 160;
            impulse
        });
    }
}
