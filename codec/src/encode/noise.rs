//! How much of what differs between two pictures is noise, which no vector and no mode predicts: it need not be searched for one.

use super::inter::{ReferencePicture, Weighing};
use super::residue::MacroblockSamples;
use crate::macroblock::MotionVector;
use crate::picture::PlaneView;

/// Macroblocks that noise is told from.
const SAMPLED: usize = 64;

/// The transformed difference of luma that noise alone makes between a macroblock and the one before it: what the stillest tenth of a sample
/// of them differ from the last picture, but no more than the smoothest tenth could. Movement everywhere passes for noise in the first,
/// texture everywhere in the second; in both only noise does.
pub(super) fn noise_floor(planes: &[PlaneView; 3], last: &ReferencePicture, columns: usize, rows: usize) -> u32 {
    let mut weighing = Box::<Weighing>::default();
    let count = (columns * rows).min(SAMPLED);
    let sampled = (0..count).map(|sample| sample * columns * rows / count);
    let (mut differences, mut roughnesses): (Vec<u32>, Vec<u32>) = sampled
        .map(|index| {
            let (row, column) = (index / columns, index % columns);
            let source = MacroblockSamples::of(planes, row, column);
            let quarters = weighing.differences(&source, &last.planes[0], (row, column), MotionVector::ZERO);
            (quarters.iter().sum::<u32>(), roughness(&source))
        })
        .unzip();
    let [difference, roughness] =
        [&mut differences, &mut roughnesses].map(|values| *values.select_nth_unstable(count / 10).1);
    difference.min(roughness)
}

/// The transformed difference that noise of a macroblock's roughness would make. Rough is what no slope nor any edge along a row or a column is:
/// Immerkær's mask (Fast Noise Variance Estimation, 1996, equation 2), of which noise of deviation s leaves 4.8 s a sample.
fn roughness(source: &MacroblockSamples) -> u32 {
    let row =
        |row: usize| source.luma[row * source.luma_stride..].first_chunk::<16>().expect("a macroblock is 16 wide");
    // Of each column, 14 rows of no more than 8 * 255.
    let mut sums = [0u16; 14];
    for at in 1..15 {
        let [above, here, below] = [row(at - 1), row(at), row(at + 1)];
        let down: [i16; 16] =
            std::array::from_fn(|x| i16::from(above[x]) - 2 * i16::from(here[x]) + i16::from(below[x]));
        for (x, sum) in sums.iter_mut().enumerate() {
            *sum += (down[x] - 2 * down[x + 1] + down[x + 2]).unsigned_abs();
        }
    }
    let sum: u32 = sums.iter().map(|&sum| u32::from(sum)).sum();
    // Measured on six clips with noise of deviations 2.5 to 9: between pictures it makes 0.53 to 0.67 of this.
    sum * 9 / 16
}
