//! Quantisation of sixteen coefficients: a division turned into a multiplication by the reciprocal, and which levels are
//! not zero.

/// Which levels of a block are not zero: a bit for each position in zigzag order.
pub(crate) type Positions = u16;

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

    /// Levels of `coefficients` (both in raster order), and which of them are not zero.
    #[inline]
    pub(crate) fn quantise(&self, coefficients: &[i16; 16], levels: &mut [i16; 16]) -> Positions {
        return_with_avx2!(quantise::quantise(self, coefficients, levels));
        self.quantise_by_definition(coefficients, levels)
    }

    /// As [`Self::quantise`] for the blocks whose bits are set in `blocks`; answers which of them have a level that is not zero. What
    /// is kept of the others does not change.
    #[inline]
    pub(crate) fn quantise_blocks(
        &self,
        blocks: u32,
        coefficients: &[[i16; 16]],
        levels: &mut [[i16; 16]],
        nonzero: &mut [Positions],
    ) -> u32 {
        let count = coefficients.len();
        assert!(count == levels.len() && count == nonzero.len(), "each block has levels and positions");
        assert!(u64::from(blocks) >> count == 0, "there is a block for each bit");
        return_with_avx2!(quantise::quantise_blocks(self, blocks, coefficients, levels, nonzero));
        let mut coded = 0;
        for block in (0..count).filter(|block| blocks >> block & 1 != 0) {
            nonzero[block] = self.quantise_by_definition(&coefficients[block], &mut levels[block]);
            coded |= u32::from(nonzero[block] != 0) << block;
        }
        coded
    }

    /// Which of at most 32 blocks have levels that are not zero, a bit for each.
    #[inline]
    pub(crate) fn busy_blocks(&self, coefficients: &[[i16; 16]]) -> u32 {
        assert!(coefficients.len() <= 32, "there is a bit for each block");
        return_with_avx2!(quantise::busy_blocks(self, coefficients));
        self.busy_by_definition(coefficients)
    }

    pub(super) fn busy_by_definition(&self, coefficients: &[[i16; 16]]) -> u32 {
        coefficients.iter().enumerate().fold(0, |busy, (block, coefficients)| {
            busy | u32::from(self.quantise_by_definition(coefficients, &mut [0; 16]) != 0) << block
        })
    }

    pub(super) fn quantise_by_definition(&self, coefficients: &[i16; 16], levels: &mut [i16; 16]) -> Positions {
        let mut nonzero = 0;
        for i in 0..16 {
            let magnitude = u32::from(coefficients[i].unsigned_abs().saturating_add(self.rounding[i]));
            let level = ((magnitude * u32::from(self.reciprocal[i])) >> 16) as i16;
            let level = level.min(MAX_LEVEL);
            let sign = coefficients[i] >> 15;
            levels[i] = (level ^ sign) - sign;
            nonzero |= Positions::from(level != 0) << IN_ZIGZAG[i];
        }
        nonzero
    }
}

/// The largest level that a token can say: DCT_CAT6 starts at 67 and has eleven extra bits (RFC 6386 §13.2).
pub(super) const MAX_LEVEL: i16 = 2048 + 66;

/// The place of each raster position in zigzag order (RFC 6386 §13).
const IN_ZIGZAG: [u8; 16] = [0, 1, 5, 6, 2, 4, 7, 12, 3, 8, 11, 13, 9, 10, 14, 15];

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
    fn what_becomes_nothing_becomes_nothing_with_a_larger_divisor() {
        for (rounding, largest) in [(42, 157), (60, 243)] {
            let zeros = |divisor| {
                let quantiser = Quantiser::new(divisor, divisor, &[rounding; 16]);
                (0..400).take_while(|magnitude| quantiser.quantise(&[*magnitude; 16], &mut [0; 16]) == 0).count()
            };
            let zeros: Vec<usize> = (4..=largest).map(zeros).collect();
            assert!(zeros.is_sorted(), "{zeros:?}");
        }
    }

    #[test]
    fn positions_are_in_zigzag_order() {
        let quantiser = Quantiser::new(10, 10, &[48; 16]);
        let mut levels = [0; 16];
        assert_eq!(quantiser.quantise(&[3; 16], &mut levels), 0);
        let mut coefficients = [0; 16];
        coefficients[4] = -25; // third in zigzag order
        coefficients[15] = 25;
        assert_eq!(quantiser.quantise(&coefficients, &mut levels), 1 << 2 | 1 << 15);
        assert_eq!(levels[4], -2);
    }
}
