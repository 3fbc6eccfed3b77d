//! Prediction of a block from the samples above and to the left of it (RFC 6386 §12).

use crate::macroblock::{ChromaMode, SubblockMode};

/// What lies around a square block of `N` by `N` samples.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edges<const N: usize> {
    /// The row above.
    pub(crate) above: [u8; N],
    /// The column to the left, from the top.
    pub(crate) left: [u8; N],
    /// The sample above the left column.
    pub(crate) corner: u8,
    /// Whether the row above lies within the picture: the mean of DC prediction is over what does.
    pub(crate) has_above: bool,
    /// Whether the left column lies within the picture.
    pub(crate) has_left: bool,
}

/// Predicts a whole block of luma (`N` = 16) or chroma (`N` = 8), whose modes mean the same (RFC 6386 §12.2).
#[inline]
pub(crate) fn predict_block<const N: usize>(mode: ChromaMode, edges: &Edges<N>, target: &mut [u8], stride: usize) {
    if mode == ChromaMode::TrueMotion
        && let Some(edges) = edges.of_luma()
    {
        return true_motion_16x16(&edges, target, stride);
    }
    definition::predict_block(mode, edges, target, stride);
}

fn true_motion_16x16(edges: &Edges<16>, target: &mut [u8], stride: usize) {
    return_with_avx2!(intra::true_motion_16x16(edges, target, stride));
    definition::predict_block(ChromaMode::TrueMotion, edges, target, stride);
}

impl<const N: usize> Edges<N> {
    /// These edges where `N` is 16.
    #[inline]
    fn of_luma(&self) -> Option<Edges<16>> {
        let Self { above, left, corner, has_above, has_left } = *self;
        let (above, left) = (above.first_chunk()?, left.first_chunk()?);
        Some(Edges { above: *above, left: *left, corner, has_above, has_left })
    }
}

/// What lies around a 4x4 subblock, from the lowest sample to the left, round the corner (index 4), to the eighth above.
pub(crate) type SubblockEdge = [u8; 13];

/// Predicts a 4x4 subblock (RFC 6386 §12.3).
#[inline]
pub(crate) fn predict_subblock(mode: SubblockMode, edge: &SubblockEdge, target: &mut [u8], stride: usize) {
    return_with_avx2!(intra::predict_subblock(mode, edge, target, stride));
    definition::predict_subblock(mode, edge, target, stride);
}

/// A 4x4 subblock predicted in every mode, in the order of [`SubblockMode::ALL`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SubblockCandidates {
    /// The predictions, in raster order.
    pub(crate) blocks: [[u8; 16]; 10],
    /// How far each is from the source: [`satd_4x4`](super::difference::satd_4x4).
    pub(crate) differences: [u32; 10],
}

/// Predicts a 4x4 subblock in all modes, and compares each prediction with the samples at the start of `source`.
#[inline]
pub(crate) fn subblock_candidates(
    edge: &SubblockEdge,
    source: &[u8],
    stride: usize,
    candidates: &mut SubblockCandidates,
) {
    return_with_avx2!(intra::subblock_candidates(edge, source, stride, candidates));
    definition::subblock_candidates(edge, source, stride, candidates);
}

/// The mean of what lies around a block within the picture: what DC prediction repeats.
pub(super) fn mean<const N: usize>(edges: &Edges<N>) -> u8 {
    let sum = |samples: &[u8; N]| samples.iter().map(|&sample| u32::from(sample)).sum::<u32>();
    let n = N as u32;
    let mean = match (edges.has_above, edges.has_left) {
        (true, true) => (sum(&edges.above) + sum(&edges.left) + n) / (2 * n),
        (true, false) => (sum(&edges.above) + n / 2) / n,
        (false, true) => (sum(&edges.left) + n / 2) / n,
        (false, false) => 128,
    };
    mean as u8
}

/// What the kernels compute, written plainly.
pub(super) mod definition {
    use super::mean;
    use super::{Edges, SubblockCandidates, SubblockEdge};
    use crate::kernels::difference::definition::satd_4x4;
    use crate::macroblock::{ChromaMode, SubblockMode};

    pub(in crate::kernels) fn predict_block<const N: usize>(
        mode: ChromaMode,
        edges: &Edges<N>,
        target: &mut [u8],
        stride: usize,
    ) {
        let rows = target.chunks_mut(stride).take(N).map(|row| {
            let row: &mut [u8; N] = row.first_chunk_mut().expect("a block lies within its plane");
            row
        });
        match mode {
            ChromaMode::Dc => {
                let mean = mean(edges);
                rows.for_each(|row| row.fill(mean));
            }
            ChromaMode::Vertical => rows.for_each(|row| *row = edges.above),
            ChromaMode::Horizontal => rows.zip(edges.left).for_each(|(row, left)| row.fill(left)),
            ChromaMode::TrueMotion => rows.zip(edges.left).for_each(|(row, left)| {
                let difference = i16::from(left) - i16::from(edges.corner);
                for (sample, above) in row.iter_mut().zip(edges.above) {
                    *sample = (i16::from(above) + difference).clamp(0, 255) as u8;
                }
            }),
        }
    }

    pub(in crate::kernels) fn predict_subblock(
        mode: SubblockMode,
        edge: &SubblockEdge,
        target: &mut [u8],
        stride: usize,
    ) {
        let e = edge;
        // Mean of two and weighted mean of three neighbours on the edge, by the index of the first and of the middle one.
        let two = |i: usize| ((u16::from(e[i]) + u16::from(e[i + 1]) + 1) >> 1) as u8;
        let weighted = |a: u8, b: u8, c: u8| ((u16::from(a) + 2 * u16::from(b) + u16::from(c) + 2) >> 2) as u8;
        let three = |i: usize| weighted(e[i - 1], e[i], e[i + 1]);
        let block: [[u8; 4]; 4] = match mode {
            SubblockMode::Dc => {
                let sum: u16 = e[..4].iter().chain(&e[5..9]).map(|&sample| u16::from(sample)).sum();
                [[((sum + 4) >> 3) as u8; 4]; 4]
            }
            SubblockMode::TrueMotion => std::array::from_fn(|y| {
                let difference = i16::from(e[3 - y]) - i16::from(e[4]);
                std::array::from_fn(|x| (i16::from(e[5 + x]) + difference).clamp(0, 255) as u8)
            }),
            SubblockMode::Vertical => [[three(5), three(6), three(7), three(8)]; 4],
            SubblockMode::Horizontal => [[three(3); 4], [three(2); 4], [three(1); 4], [weighted(e[1], e[0], e[0]); 4]],
            SubblockMode::LeftDown => {
                let diagonal: [u8; 7] =
                    std::array::from_fn(|i| if i < 6 { three(6 + i) } else { weighted(e[11], e[12], e[12]) });
                std::array::from_fn(|y| std::array::from_fn(|x| diagonal[x + y]))
            }
            SubblockMode::RightDown => {
                let diagonal: [u8; 7] = std::array::from_fn(|i| three(1 + i));
                std::array::from_fn(|y| std::array::from_fn(|x| diagonal[3 + x - y]))
            }
            SubblockMode::VerticalRight => [
                [two(4), two(5), two(6), two(7)],
                [three(4), three(5), three(6), three(7)],
                [three(3), two(4), two(5), two(6)],
                [three(2), three(4), three(5), three(6)],
            ],
            SubblockMode::VerticalLeft => [
                [two(5), two(6), two(7), two(8)],
                [three(6), three(7), three(8), three(9)],
                [two(6), two(7), two(8), three(10)],
                [three(7), three(8), three(9), three(11)],
            ],
            SubblockMode::HorizontalDown => [
                [two(3), three(4), three(5), three(6)],
                [two(2), three(3), two(3), three(4)],
                [two(1), three(2), two(2), three(3)],
                [two(0), three(1), two(1), three(2)],
            ],
            SubblockMode::HorizontalUp => {
                let end = weighted(e[1], e[0], e[0]);
                [
                    [two(2), three(2), two(1), three(1)],
                    [two(1), three(1), two(0), end],
                    [two(0), end, e[0], e[0]],
                    [e[0]; 4],
                ]
            }
        };
        for (y, row) in block.into_iter().enumerate() {
            *target[y * stride..].first_chunk_mut().expect("a block lies within its plane") = row;
        }
    }

    pub(in crate::kernels) fn subblock_candidates(
        edge: &SubblockEdge,
        source: &[u8],
        stride: usize,
        candidates: &mut SubblockCandidates,
    ) {
        let SubblockCandidates { blocks, differences } = candidates;
        for ((mode, block), difference) in SubblockMode::ALL.into_iter().zip(blocks).zip(differences) {
            predict_subblock(mode, edge, block, 4);
            *difference = satd_4x4(source, stride, block, 4);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::mean;
    use super::*;

    fn subblock(mode: SubblockMode, edge: &SubblockEdge) -> [u8; 16] {
        let mut target = [0; 16];
        predict_subblock(mode, edge, &mut target, 4);
        target
    }

    #[test]
    fn a_flat_edge_predicts_a_flat_block() {
        for mode in SubblockMode::ALL {
            assert_eq!(subblock(mode, &[77; 13]), [77; 16], "{mode:?}");
        }
        let edges = Edges { above: [9; 16], left: [9; 16], corner: 9, has_above: true, has_left: true };
        for leaf in 0..4 {
            let mut target = [0; 256];
            predict_block(ChromaMode::from_leaf(leaf), &edges, &mut target, 16);
            assert_eq!(target, [9; 256]);
        }
    }

    #[test]
    fn a_ramp_along_the_edge_goes_on_in_the_direction_of_the_mode() {
        // Values rise by 10 a sample from the lower left round the corner to the upper right.
        let ramp: SubblockEdge = std::array::from_fn(|i| 10 * i as u8);
        let block = subblock(SubblockMode::RightDown, &ramp);
        assert_eq!(block, [40, 50, 60, 70, 30, 40, 50, 60, 20, 30, 40, 50, 10, 20, 30, 40]);
        let block = subblock(SubblockMode::LeftDown, &ramp);
        assert_eq!(block[..4], [60, 70, 80, 90]);
        assert_eq!(block[15], 118, "the last one repeats the end of the edge");
        assert_eq!(subblock(SubblockMode::VerticalRight, &ramp)[..8], [45, 55, 65, 75, 40, 50, 60, 70]);
        assert_eq!(subblock(SubblockMode::HorizontalUp, &ramp), [25, 20, 15, 10, 15, 10, 5, 3, 5, 3, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn the_mean_is_over_what_lies_within_the_picture() {
        let edges = Edges { above: [10; 8], left: [20; 8], corner: 0, has_above: true, has_left: true };
        assert_eq!(mean(&edges), 15);
        assert_eq!(mean(&Edges { has_left: false, ..edges }), 10);
        assert_eq!(mean(&Edges { has_above: false, ..edges }), 20);
        assert_eq!(mean(&Edges { has_above: false, has_left: false, ..edges }), 128);
    }
}
