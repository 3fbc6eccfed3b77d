//! Where between whole samples a block matches best, without making a single candidate.
//!
//! A block that is interpolated bilinearly is a weighted mean of four blocks at whole samples, so its difference from the
//! source is the same mean of four differences, and its squared error a quadratic form of their inner products. Nine sums
//! tell the error at every place between. The prediction that is coded uses the format's own filters; this only ranks vectors.

/// Inner products of the four differences `s - r` of a block to the reference at whole samples, displaced by nothing, one
/// to the right, one down, and both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Products {
    /// Of the two at the top: the left one with itself, left with right, right with itself. One more number is unused here
    /// and below.
    pub(super) upper: [u32; 4],
    /// Likewise of the two at the bottom.
    pub(super) lower: [u32; 4],
    /// Of top with bottom: left with left, both left with right, right with right.
    pub(super) across: [u32; 4],
}

/// [`Products`] of what lies at one place between left and right.
#[derive(Clone, Copy)]
pub(crate) struct ColumnProducts {
    upper: i32,
    lower: i32,
    across: i32,
}

impl Products {
    /// The products of the blocks between left and right, `quarters` (0..=4) of the way.
    #[inline]
    pub(crate) fn at_column(&self, quarters: usize) -> ColumnProducts {
        let right = quarters as i32;
        let left = 4 - right;
        // 24 bits from 256 samples, 28 with the weights.
        let mean = |[a, both, b, _]: [u32; 4], of_both: i32| {
            (left * left * a as i32 + of_both * left * right * both as i32 + right * right * b as i32) >> 4
        };
        ColumnProducts { upper: mean(self.upper, 2), lower: mean(self.lower, 2), across: mean(self.across, 1) }
    }

    /// The cheapest of four by four places from `first` on, in quarters, where squared errors have the prices `across` and `down`
    /// added to them by column and row.
    #[inline]
    pub(crate) fn cheapest(&self, first: (usize, usize), across: [u32; 4], down: [u32; 4]) -> (usize, usize) {
        return_with_avx2!(subpixel::cheapest(self, first, across, down));
        definition::cheapest(self, first, across, down)
    }

    /// The products of this block and another together.
    #[must_use]
    pub(crate) fn plus(&self, other: &Self) -> Self {
        let add = |a: [u32; 4], b: [u32; 4]| std::array::from_fn(|i| a[i].wrapping_add(b[i]));
        Self {
            upper: add(self.upper, other.upper),
            lower: add(self.lower, other.lower),
            across: add(self.across, other.across),
        }
    }
}

impl ColumnProducts {
    /// Of the top, of the bottom, and of one with the other.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn products(self) -> [i32; 3] {
        [self.upper, self.lower, self.across]
    }

    /// The squared error between top and bottom, `quarters` (0..=4) of the way.
    #[inline]
    pub(crate) fn squared_error(&self, quarters: usize) -> u32 {
        let down = quarters as i32;
        let up = 4 - down;
        // Rounded down on the way, a sum near 0 may fall below it.
        ((up * up * self.upper + 2 * up * down * self.across + down * down * self.lower) >> 4).max(0) as u32
    }
}

/// The products of each 8x8 quarter, in raster order, of a 16x16 block of `source`. Seventeen rows of as many samples of
/// `reference` are read.
#[inline]
pub(crate) fn products_of_quarters(
    source: &[u8],
    source_stride: usize,
    reference: &[u8],
    reference_stride: usize,
) -> [Products; 4] {
    return_with_avx2!(subpixel::products_of_quarters(source, source_stride, reference, reference_stride));
    [(0, 0), (8, 0), (0, 8), (8, 8)].map(|(x, y)| {
        let (source, reference) = (&source[y * source_stride + x..], &reference[y * reference_stride + x..]);
        definition::products_8x8(source, source_stride, reference, reference_stride)
    })
}

/// The products of an 8x8 block of `source`. Nine rows of as many samples of `reference` are read.
#[inline]
pub(crate) fn products_8x8(source: &[u8], source_stride: usize, reference: &[u8], reference_stride: usize) -> Products {
    return_with_avx2!(subpixel::products_8x8(source, source_stride, reference, reference_stride));
    definition::products_8x8(source, source_stride, reference, reference_stride)
}

/// What the kernels compute, written plainly.
pub(super) mod definition {
    use super::Products;
    use crate::kernels::row;

    pub(in crate::kernels) fn cheapest(
        products: &Products,
        first: (usize, usize),
        across: [u32; 4],
        down: [u32; 4],
    ) -> (usize, usize) {
        let mut best = (u32::MAX, first);
        for (x, across) in (first.0..).zip(across) {
            let column = products.at_column(x);
            for (y, down) in (first.1..).zip(down) {
                let cost = column.squared_error(y) + across + down;
                if cost < best.0 {
                    best = (cost, (x, y));
                }
            }
        }
        best.1
    }

    pub(in crate::kernels) fn products_8x8(
        source: &[u8],
        source_stride: usize,
        reference: &[u8],
        reference_stride: usize,
    ) -> Products {
        let mut sums = [[0i32; 3]; 3];
        for y in 0..8 {
            let source = row::<8>(source, y * source_stride);
            let above = row::<9>(reference, y * reference_stride);
            let below = row::<9>(reference, (y + 1) * reference_stride);
            for x in 0..8 {
                let to = |r: u8| i32::from(source[x]) - i32::from(r);
                let (a, b, c, d) = (to(above[x]), to(above[x + 1]), to(below[x]), to(below[x + 1]));
                let products = [[a * a, a * b, b * b], [c * c, c * d, d * d], [a * c, a * d + b * c, b * d]];
                for (sum, product) in sums.as_flattened_mut().iter_mut().zip(products.as_flattened()) {
                    *sum += product;
                }
            }
        }
        // What is added up may be negative, and is read as it was.
        let [upper, lower, across] = sums.map(|[a, b, c]| [a as u32, b as u32, c as u32, 0]);
        Products { upper, lower, across }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn textured(length: usize, seed: usize) -> Vec<u8> {
        (0..length).map(|i| (i * seed * 37 % 251) as u8).collect()
    }

    #[test]
    fn at_whole_samples_the_error_is_that_of_the_block_there() {
        let (source, reference) = (textured(64, 3), textured(9 * 9, 5));
        let products = products_8x8(&source, 8, &reference, 9);
        for (x, y) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
            let error: u32 =
                (0..64).map(|i| u32::from(source[i].abs_diff(reference[(i / 8 + y) * 9 + i % 8 + x])).pow(2)).sum();
            assert_eq!(products.at_column(4 * x).squared_error(4 * y), error);
        }
    }

    #[test]
    fn what_was_moved_by_a_quarter_is_found_there() {
        let reference: Vec<u8> = (0..9 * 9).map(|i| (i % 9 * i % 9 * 3 + i / 9 * 4) as u8).collect();
        let at = |x: usize, y: usize| f64::from(reference[y * 9 + x]);
        let mixed = |x: usize, y: usize| (3.0 * at(x, y) + at(x + 1, y)) / 4.0;
        let source: Vec<u8> =
            (0..64).map(|i| ((mixed(i % 8, i / 8) + mixed(i % 8, i / 8 + 1)) / 2.0).round() as u8).collect();
        let products = products_8x8(&source, 8, &reference, 9);
        let places = (0..5).flat_map(|x| (0..5).map(move |y| (x, y)));
        let best = places.min_by_key(|(x, y)| products.at_column(*x).squared_error(*y));
        assert_eq!(best, Some((1, 2)));
    }

    #[test]
    fn the_whole_is_the_sum_of_its_quarters() {
        let (source, reference) = (textured(16 * 16, 7), textured(17 * 17, 11));
        let quarters = products_of_quarters(&source, 16, &reference, 17);
        let whole = quarters[1..].iter().fold(quarters[0], |sum, quarter| sum.plus(quarter));
        let error: u32 = (0..256).map(|i| u32::from(source[i].abs_diff(reference[i / 16 * 17 + i % 16])).pow(2)).sum();
        assert_eq!(whole.at_column(0).squared_error(0), error);
    }
}
