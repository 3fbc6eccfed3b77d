//! Quantisation of sixteen coefficients: a division turned into a multiplication by the reciprocal, and the position of
//! the last level that is not zero.

/// How the coefficients of one kind of block are divided (RFC 6386 §9.6 gives the divisors; the rounding is ours).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quantiser {
    /// Divisor at each raster position: the DC's first, then the AC's.
    pub(crate) divisor: [u16; 16],
    /// 65536 / divisor, rounded up, at each raster position.
    pub(crate) reciprocal: [u16; 16],
    /// Added before dividing: below half a divisor it widens the zone that becomes zero.
    pub(crate) rounding: [u16; 16],
}

impl Quantiser {
    /// Divides the DC by `dc` and the fifteen AC coefficients by `ac`, having added `rounding` 128ths of the divisor
    /// (at each raster position). Divisors of the format lie in 2..=157*155/100.
    pub(crate) fn new(dc: u16, ac: u16, rounding: &[u16; 16]) -> Self {
        let divisor = std::array::from_fn(|i| if i == 0 { dc } else { ac });
        Self {
            divisor,
            reciprocal: divisor.map(|d| 65536u32.div_ceil(u32::from(d)) as u16),
            rounding: std::array::from_fn(|i| ((u32::from(divisor[i]) * u32::from(rounding[i])) >> 7) as u16),
        }
    }

    /// Levels of `coefficients` (both in raster order), and how many positions in zigzag order reach to the last level that
    /// is not zero.
    #[inline]
    pub(crate) fn quantise(&self, coefficients: &[i16; 16], levels: &mut [i16; 16]) -> usize {
        return_with_avx2!(quantise::quantise(self, coefficients, levels));
        self.quantise_by_definition(coefficients, levels)
    }

    /// As [`Self::quantise`] for several blocks, as many as each of the slices has; answers whether any level is not zero.
    #[inline]
    pub(crate) fn quantise_blocks(
        &self,
        coefficients: &[[i16; 16]],
        levels: &mut [[i16; 16]],
        ends: &mut [u8],
    ) -> bool {
        assert!(coefficients.len() == levels.len() && levels.len() == ends.len(), "each block has levels and an end");
        return_with_avx2!(quantise::quantise_blocks(self, coefficients, levels, ends));
        let mut any = false;
        for ((coefficients, levels), end) in coefficients.iter().zip(levels).zip(ends) {
            *end = self.quantise_by_definition(coefficients, levels) as u8;
            any |= *end != 0;
        }
        any
    }

    pub(super) fn quantise_by_definition(&self, coefficients: &[i16; 16], levels: &mut [i16; 16]) -> usize {
        let mut nonzero = [0u8; 16];
        for i in 0..16 {
            let magnitude = u32::from(coefficients[i].unsigned_abs().saturating_add(self.rounding[i]));
            let level = ((magnitude * u32::from(self.reciprocal[i])) >> 16) as i16;
            let level = level.min(MAX_LEVEL);
            let sign = coefficients[i] >> 15;
            levels[i] = (level ^ sign) - sign;
            nonzero[i] = if level == 0 { 0 } else { AFTER_IN_ZIGZAG[i] };
        }
        usize::from(nonzero.into_iter().fold(0, u8::max))
    }
}

/// The largest level that a token can say: DCT_CAT6 starts at 67 and has eleven extra bits (RFC 6386 §13.2).
pub(super) const MAX_LEVEL: i16 = 2048 + 66;

/// One more than the place of each raster position in zigzag order (RFC 6386 §13).
const AFTER_IN_ZIGZAG: [u8; 16] = [1, 2, 6, 7, 3, 5, 8, 13, 4, 9, 12, 14, 10, 11, 15, 16];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiplying_by_the_reciprocal_is_dividing() {
        for divisor in 4..=243u16 {
            let quantiser = Quantiser::new(divisor, divisor, &[64; 16]);
            for magnitude in (0..=16_320i16).step_by(7) {
                let mut levels = [0; 16];
                quantiser.quantise(&[magnitude; 16], &mut levels);
                let sum = magnitude as u16 + quantiser.rounding[0];
                let over = levels[0].abs_diff((sum / divisor).min(MAX_LEVEL as u16) as i16);
                // The reciprocal is rounded up: a sum just below a multiple may reach it when both are large.
                let large = u32::from(sum) * u32::from(divisor) > 65536;
                assert!(over <= u16::from(large), "{magnitude} / {divisor} gave {}", levels[0]);
            }
        }
    }

    #[test]
    fn the_end_is_counted_in_zigzag_order() {
        let quantiser = Quantiser::new(10, 10, &[48; 16]);
        let mut levels = [0; 16];
        assert_eq!(quantiser.quantise(&[3; 16], &mut levels), 0);
        let mut coefficients = [0; 16];
        coefficients[4] = -25; // third in zigzag order
        assert_eq!(quantiser.quantise(&coefficients, &mut levels), 3);
        assert_eq!(levels[4], -2);
    }
}
