//! Intra prediction. All directions of a subblock are shuffles of two vectors: the means of two and the weighted means of
//! three neighbours along its edge.

use super::difference::satd_of_blocks;
use super::memory::{Block, BlockMut, load_32_bytes, load_bytes, store_bytes};
use crate::kernels::intra::{Edges, SubblockCandidates, SubblockEdge};
use crate::macroblock::SubblockMode;
use std::arch::x86_64::*;

/// No sample from this vector.
const NONE: u8 = 0x80;
/// The place among the means of two where the edge's first sample stands by itself.
const FIRST: u8 = 15;

/// A place among the weighted means of three, by the index of the middle one.
const fn three(i: u8) -> u8 {
    i
}

/// A place among the means of two, by the index of the first.
const fn two(i: u8) -> u8 {
    0x40 | i
}

/// Where each sample of a block comes from: first among the means of two, then of three.
const fn split(places: [[u8; 4]; 4]) -> [u8; 32] {
    let mut split = [NONE; 32];
    let mut i = 0;
    while i < 16 {
        let place = places[i / 4][i % 4];
        split[if place & 0x40 != 0 { i } else { 16 + i }] = place & 0x3f;
        i += 1;
    }
    split
}

/// Of the modes from [`SubblockMode::Vertical`] on (RFC 6386 §12.3), as [`split`] says.
const PLACES: [[u8; 32]; 8] = [
    // Vertical.
    split([[three(5), three(6), three(7), three(8)]; 4]),
    // Horizontal.
    split([[three(3); 4], [three(2); 4], [three(1); 4], [three(0); 4]]),
    // Left down.
    split([
        [three(6), three(7), three(8), three(9)],
        [three(7), three(8), three(9), three(10)],
        [three(8), three(9), three(10), three(11)],
        [three(9), three(10), three(11), three(12)],
    ]),
    // Right down.
    split([
        [three(4), three(5), three(6), three(7)],
        [three(3), three(4), three(5), three(6)],
        [three(2), three(3), three(4), three(5)],
        [three(1), three(2), three(3), three(4)],
    ]),
    // Vertical right.
    split([
        [two(4), two(5), two(6), two(7)],
        [three(4), three(5), three(6), three(7)],
        [three(3), two(4), two(5), two(6)],
        [three(2), three(4), three(5), three(6)],
    ]),
    // Vertical left.
    split([
        [two(5), two(6), two(7), two(8)],
        [three(6), three(7), three(8), three(9)],
        [two(6), two(7), two(8), three(10)],
        [three(7), three(8), three(9), three(11)],
    ]),
    // Horizontal down.
    split([
        [two(3), three(4), three(5), three(6)],
        [two(2), three(3), two(3), three(4)],
        [two(1), three(2), two(2), three(3)],
        [two(0), three(1), two(1), three(2)],
    ]),
    // Horizontal up.
    split([
        [two(2), three(2), two(1), three(1)],
        [two(1), three(1), two(0), three(0)],
        [two(0), three(0), two(FIRST), two(FIRST)],
        [two(FIRST); 4],
    ]),
];

/// The samples along an edge, and their means.
struct Means {
    edge: __m128i,
    /// Means of two in the lower lane, weighted means of three in the upper one; at the ends the outermost are repeated.
    means: __m256i,
}

impl Means {
    #[inline]
    #[target_feature(enable = "avx2")]
    fn of(edge: &SubblockEdge) -> Self {
        let mut bytes = [edge[12]; 16];
        bytes[..13].copy_from_slice(edge);
        let edge = load_bytes(&bytes);
        // The last place has the first sample, for its own mean with itself.
        let own = _mm_shuffle_epi8(edge, _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 12, 12, 0));
        let next = _mm_shuffle_epi8(edge, _mm_setr_epi8(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 12, 12, 12, 0));
        let previous = _mm_shuffle_epi8(edge, _mm_setr_epi8(0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 12, 0));
        let odd = _mm_and_si128(_mm_xor_si128(previous, next), _mm_set1_epi8(1));
        let around = _mm_sub_epi8(_mm_avg_epu8(previous, next), odd);
        Self { edge, means: super::lanes(_mm_avg_epu8(own, next), _mm_avg_epu8(own, around)) }
    }

    /// The prediction in one of the modes of [`PLACES`].
    #[inline]
    #[target_feature(enable = "avx2")]
    fn directed(&self, places: &[u8; 32]) -> __m128i {
        let parts = _mm256_shuffle_epi8(self.means, load_32_bytes(places));
        _mm_or_si128(_mm256_castsi256_si128(parts), _mm256_extracti128_si256::<1>(parts))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn dc(&self) -> __m128i {
        // All but the corner and what is above and to the right.
        let eight = _mm_setr_epi8(-1, -1, -1, -1, 0, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0);
        let halves = _mm_sad_epu8(_mm_and_si128(self.edge, eight), _mm_setzero_si128());
        let sum = _mm_add_epi32(halves, _mm_unpackhi_epi64(halves, halves));
        let mean = _mm_srli_epi32::<3>(_mm_add_epi32(sum, _mm_set1_epi32(4)));
        _mm_broadcastb_epi8(mean)
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn true_motion(&self) -> __m128i {
        let above = _mm_setr_epi8(5, 6, 7, 8, 5, 6, 7, 8, 5, 6, 7, 8, 5, 6, 7, 8);
        let left = _mm_setr_epi8(3, 3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0);
        let above = _mm256_cvtepu8_epi16(_mm_shuffle_epi8(self.edge, above));
        let left = _mm256_cvtepu8_epi16(_mm_shuffle_epi8(self.edge, left));
        let corner = _mm256_cvtepu8_epi16(_mm_shuffle_epi8(self.edge, _mm_set1_epi8(4)));
        let sum = _mm256_add_epi16(above, _mm256_sub_epi16(left, corner));
        _mm_packus_epi16(_mm256_castsi256_si128(sum), _mm256_extracti128_si256::<1>(sum))
    }
}

#[target_feature(enable = "avx2")]
pub(in crate::kernels) fn predict_subblock(mode: SubblockMode, edge: &SubblockEdge, target: &mut [u8], stride: usize) {
    let means = Means::of(edge);
    let block = match mode {
        SubblockMode::Dc => means.dc(),
        SubblockMode::TrueMotion => means.true_motion(),
        _ => means.directed(&PLACES[mode as usize - SubblockMode::Vertical as usize]),
    };
    let mut target = BlockMut::<4, 4>::new(target, stride);
    target.store_4(0, 0, block);
    target.store_4(0, 1, _mm_shuffle_epi32::<1>(block));
    target.store_4(0, 2, _mm_shuffle_epi32::<2>(block));
    target.store_4(0, 3, _mm_shuffle_epi32::<3>(block));
}

#[target_feature(enable = "avx2")]
pub(in crate::kernels) fn subblock_candidates(
    edge: &SubblockEdge,
    source: &[u8],
    stride: usize,
    candidates: &mut SubblockCandidates,
) {
    let source = Block::<4, 4>::new(source, stride).load_all();
    let means = Means::of(edge);
    let SubblockCandidates { blocks, differences } = candidates;
    let ([dc, true_motion, directed @ ..], [dc_difference, true_motion_difference, differences @ ..]) =
        (blocks, differences);
    for (block, difference, prediction) in
        [(dc, dc_difference, means.dc()), (true_motion, true_motion_difference, means.true_motion())]
    {
        store_bytes(block, prediction);
        *difference = satd_of_blocks(source, prediction);
    }
    for ((block, difference), places) in directed.iter_mut().zip(differences).zip(&PLACES) {
        let prediction = means.directed(places);
        store_bytes(block, prediction);
        *difference = satd_of_blocks(source, prediction);
    }
}

#[target_feature(enable = "avx2")]
pub(in crate::kernels) fn true_motion_16x16(edges: &Edges<16>, target: &mut [u8], stride: usize) {
    let mut target = BlockMut::<16, 16>::new(target, stride);
    let above = _mm256_cvtepu8_epi16(load_bytes(&edges.above));
    let base = _mm256_sub_epi16(above, _mm256_set1_epi16(i16::from(edges.corner)));
    for (y, left) in edges.left.as_chunks::<2>().0.iter().enumerate() {
        let [upper, lower] = *left;
        let upper = _mm256_add_epi16(base, _mm256_set1_epi16(i16::from(upper)));
        let lower = _mm256_add_epi16(base, _mm256_set1_epi16(i16::from(lower)));
        let two = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packus_epi16(upper, lower));
        target.store_16_of_two(0, 2 * y, 2 * y + 1, two);
    }
}
