//! Sub-pixel candidates for the encoder's search: bilinear interpolation between whole samples. The prediction that is
//! coded uses the format's own filters; this estimate only ranks vectors, as libvpx's real-time search does.

use super::{difference::variance_16x16, row};

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
    if x == 0 && y == 0 {
        return variance_16x16(source, source_stride, reference, reference_stride);
    }
    let mut block = [0u8; 256];
    bilinear_16x16(reference, reference_stride, x, y, &mut block);
    variance_16x16(source, source_stride, &block, 16)
}

fn bilinear_16x16(reference: &[u8], stride: usize, x: usize, y: usize, out: &mut [u8; 256]) {
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

#[cfg(test)]
mod tests {
    use super::*;

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
