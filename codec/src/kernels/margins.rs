//! What all whole-block intra modes cost, from one transform of the source.
//!
//! A prediction that repeats a row or a column, or adds one to the other (TM_PRED), has Hadamard coefficients only where
//! one of the two frequencies is 0. All others are the source's own whichever mode is chosen: transformed once, they are a
//! part of every mode's difference and a bound below all of them.

use super::intra::{Edges, mean};

/// The Hadamard coefficients of the sixteen 4x4 blocks of a 16x16 block, in raster order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Margins {
    /// Sum of the magnitudes of all coefficients but the following.
    pub(super) interior: u32,
    pub(super) dc: [i16; 16],
    /// Of frequencies 1 to 3 across that do not vary downwards.
    pub(super) across: [[i16; 16]; 3],
    /// Of frequencies 1 to 3 downwards that do not vary across.
    pub(super) down: [[i16; 16]; 3],
}

impl Margins {
    /// The margins of the 16x16 block that `source` starts with.
    #[inline]
    pub(crate) fn of(source: &[u8], stride: usize) -> Self {
        return_with_avx2!(margins::of(source, stride));
        definition::of(source, stride)
    }

    /// Less than this no mode's difference can be.
    #[inline]
    pub(crate) fn least(&self) -> u32 {
        self.interior / 2
    }

    /// The transformed difference (as `satd_16x16`) of each mode: DC, vertical, horizontal, and true motion, for which clamped
    /// samples are disregarded.
    pub(crate) fn differences(&self, edges: &Edges<16>) -> [u32; 4] {
        let predictions = Predicted {
            above: hadamard_of_groups(&edges.above),
            left: hadamard_of_groups(&edges.left),
            corner: 16 * i16::from(edges.corner),
            dc: 16 * i16::from(mean(edges)),
        };
        self.differences_from(&predictions)
    }

    #[inline]
    pub(super) fn differences_from(&self, predicted: &Predicted) -> [u32; 4] {
        return_with_avx2!(margins::differences(self, predicted));
        definition::differences(self, predicted)
    }
}

/// The Hadamard coefficients of what modes repeat.
pub(super) struct Predicted {
    /// Of the row above and of the left column, by groups of four samples: each frequency's four in turn.
    pub(super) above: [[i16; 4]; 4],
    pub(super) left: [[i16; 4]; 4],
    /// A block's DC if it is all like the corner, or like the mean.
    pub(super) corner: i16,
    pub(super) dc: i16,
}

/// The Hadamard coefficients of four groups of four samples, each sample standing for a row of four: by frequency and group.
fn hadamard_of_groups(samples: &[u8; 16]) -> [[i16; 4]; 4] {
    let groups = samples.as_chunks::<4>().0;
    let transformed: [[i16; 4]; 4] =
        std::array::from_fn(|group| hadamard(groups[group].map(|sample| 4 * i16::from(sample))));
    std::array::from_fn(|frequency| transformed.map(|group| group[frequency]))
}

/// The Hadamard transform, in order of [`Margins`].
fn hadamard([a, b, c, d]: [i16; 4]) -> [i16; 4] {
    [a + b + c + d, a + b - c - d, a - b + c - d, a - b - c + d]
}

/// What the kernel computes, written plainly.
pub(super) mod definition {
    use super::{Margins, Predicted, hadamard};
    use crate::kernels::row;

    pub(in crate::kernels) fn differences(margins: &Margins, predicted: &Predicted) -> [u32; 4] {
        // By block: a group of the row above belongs to a column of blocks, one of the left column to a row of them.
        let of_columns = |k: usize| -> [i16; 16] { std::array::from_fn(|block| predicted.above[k][block % 4]) };
        let of_rows = |k: usize| -> [i16; 16] { std::array::from_fn(|block| predicted.left[k][block / 4]) };
        let (mut across, mut across_changed, mut down, mut down_changed) = (0, 0, 0, 0);
        for k in 1..4 {
            across += distance(&margins.across[k - 1], &[0; 16]);
            across_changed += distance(&margins.across[k - 1], &of_columns(k));
            down += distance(&margins.down[k - 1], &[0; 16]);
            down_changed += distance(&margins.down[k - 1], &of_rows(k));
        }
        let (vertical, horizontal) = (of_columns(0), of_rows(0));
        let true_motion = std::array::from_fn(|block| vertical[block] + horizontal[block] - predicted.corner);
        [
            across + down + distance(&margins.dc, &[predicted.dc; 16]),
            across_changed + down + distance(&margins.dc, &vertical),
            across + down_changed + distance(&margins.dc, &horizontal),
            across_changed + down_changed + distance(&margins.dc, &true_motion),
        ]
        .map(|margin| (margins.interior + margin) / 2)
    }

    /// Sum of absolute differences.
    fn distance(a: &[i16; 16], b: &[i16; 16]) -> u32 {
        a.iter().zip(b).map(|(a, b)| u32::from((a - b).unsigned_abs())).sum()
    }

    pub(in crate::kernels) fn of(source: &[u8], stride: usize) -> Margins {
        let mut margins = Margins::default();
        for block in 0..16 {
            let at = block / 4 * 4 * stride + block % 4 * 4;
            let rows: [[i16; 4]; 4] =
                std::array::from_fn(|y| hadamard(row::<4>(source, at + y * stride).map(i16::from)));
            let columns: [[i16; 4]; 4] = std::array::from_fn(|x| hadamard(std::array::from_fn(|y| rows[y][x])));
            margins.dc[block] = columns[0][0];
            for (k, column) in columns[1..].iter().enumerate() {
                margins.across[k][block] = column[0];
                margins.down[k][block] = columns[0][k + 1];
                margins.interior += column[1..].iter().map(|x| u32::from(x.unsigned_abs())).sum::<u32>();
            }
        }
        margins
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::difference::satd_16x16;
    use crate::kernels::intra::predict_block;
    use crate::macroblock::ChromaMode;

    #[test]
    fn every_mode_s_difference_is_that_of_its_prediction() {
        let source: Vec<u8> = (0..256).map(|i| (100 + i % 16 * 3 + i / 16 * 2 + i * i % 11) as u8).collect();
        let edges = Edges {
            above: std::array::from_fn(|x| 90 + 3 * x as u8),
            left: std::array::from_fn(|y| 95 + 2 * y as u8),
            corner: 92,
            has_above: true,
            has_left: true,
        };
        let margins = Margins::of(&source, 16);
        let modes = [ChromaMode::Dc, ChromaMode::Vertical, ChromaMode::Horizontal, ChromaMode::TrueMotion];
        let differences = modes.map(|mode| {
            let mut block = [0; 256];
            predict_block(mode, &edges, &mut block, 16);
            satd_16x16(&source, 16, &block, 16)
        });
        assert_eq!(margins.differences(&edges), differences);
        assert!(differences.iter().all(|difference| *difference >= margins.least()));
    }
}
