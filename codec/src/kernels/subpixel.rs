//! Sub-pixel candidates for the encoder's search: bilinear interpolation between whole samples. The prediction that is
//! coded uses the format's own filters; this estimate only ranks vectors, as libvpx's real-time search does.

use super::difference::variance_of_256;

/// Variance of a 16x16 block of `source` against the reference displaced by `x` and `y` quarters of a sample (0..=3).
/// `reference` starts at the whole sample left of and above the position; one more row and column are read.
pub(crate) fn bilinear_variance_16x16(
    source: &[u8],
    source_stride: usize,
    reference: &[u8],
    reference_stride: usize,
    x: usize,
    y: usize,
) -> u32 {
    variance_of_256(moments(source, source_stride, reference, reference_stride, x, y))
}

/// As [`bilinear_variance_16x16`] at four places: where each starts in `reference`, and its `x` and `y`.
pub(crate) fn bilinear_variance_16x16_four(
    source: &[u8],
    source_stride: usize,
    reference: &[u8],
    places: [(usize, usize, usize); 4],
    reference_stride: usize,
) -> [u32; 4] {
    moments_of_four(source, source_stride, reference, places, reference_stride).map(variance_of_256)
}

#[inline]
fn moments(
    source: &[u8],
    source_stride: usize,
    reference: &[u8],
    reference_stride: usize,
    x: usize,
    y: usize,
) -> (i32, u32) {
    return_with_avx2!(subpixel::bilinear_moments_16x16(source, source_stride, reference, reference_stride, x, y));
    definition::bilinear_moments_16x16(source, source_stride, reference, reference_stride, x, y)
}

#[inline]
fn moments_of_four(
    source: &[u8],
    source_stride: usize,
    reference: &[u8],
    places: [(usize, usize, usize); 4],
    reference_stride: usize,
) -> [(i32, u32); 4] {
    return_with_avx2!(subpixel::bilinear_moments_16x16_four(
        source,
        source_stride,
        reference,
        places,
        reference_stride
    ));
    places.map(|(offset, x, y)| {
        definition::bilinear_moments_16x16(source, source_stride, &reference[offset..], reference_stride, x, y)
    })
}

/// What the kernels compute, written plainly.
pub(super) mod definition {
    use crate::kernels::difference::definition::moments;
    use crate::kernels::row;

    pub(in crate::kernels) fn bilinear_moments_16x16(
        source: &[u8],
        source_stride: usize,
        reference: &[u8],
        reference_stride: usize,
        x: usize,
        y: usize,
    ) -> (i32, u32) {
        if x == 0 && y == 0 {
            return moments::<16, 16>(source, source_stride, reference, reference_stride);
        }
        let mut block = [0u8; 256];
        bilinear_16x16(reference, reference_stride, x, y, &mut block);
        moments::<16, 16>(source, source_stride, &block, 16)
    }

    pub(in crate::kernels) fn bilinear_16x16(reference: &[u8], stride: usize, x: usize, y: usize, out: &mut [u8; 256]) {
        let (right, down) = (x as u16, y as u16);
        let across = |y: usize| -> [u16; 16] {
            let line = row::<17>(reference, y * stride);
            std::array::from_fn(|i| (u16::from(line[i]) * (4 - right) + u16::from(line[i + 1]) * right + 2) >> 2)
        };
        let mut above = across(0);
        for (y, out) in out.chunks_exact_mut(16).enumerate() {
            // A row below a whole one is multiplied by 0: it need not exist.
            let below = if down == 0 { above } else { across(y + 1) };
            for i in 0..16 {
                out[i] = ((above[i] * (4 - down) + below[i] * down + 2) >> 2) as u8;
            }
            above = if down == 0 && y < 15 { across(y + 1) } else { below };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::definition::bilinear_16x16;
    use super::*;
    use crate::kernels::difference::variance_16x16;

    #[test]
    fn half_way_between_two_samples_is_their_mean() {
        let ramp: Vec<u8> = (0..32 * 20).map(|i| (i % 32 * 4 + i / 32 * 4) as u8).collect();
        let mut out = [0; 256];
        bilinear_16x16(&ramp, 32, 2, 0, &mut out);
        assert!(out.chunks(16).enumerate().all(|(y, row)| (0..16).all(|x| row[x] == (4 * (x + y) + 2) as u8)));
        bilinear_16x16(&ramp, 32, 1, 3, &mut out);
        assert_eq!(out[0], 4);
    }

    #[test]
    fn a_whole_displacement_is_the_plain_variance() {
        let (a, b): (Vec<u8>, Vec<u8>) = ((0..=255).collect(), (0..=255).rev().collect());
        assert_eq!(bilinear_variance_16x16(&a, 16, &b, 16, 0, 0), variance_16x16(&a, 16, &b, 16));
    }
}
