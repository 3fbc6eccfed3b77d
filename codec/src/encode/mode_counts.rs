//! What the macroblock headers of a frame are made of, and the probabilities that suit it (RFC 6386 §9.10, §9.11, §16, §17).
//! None of it depends on the quantizer: every version of a frame shares it.

use super::rate::{BIT, best_probability, bit_cost, bits_cost};
use crate::bitstream::bool_coder::each_tree_bit;
use crate::bitstream::probabilities::{Probabilities, VectorUpdates};
use crate::bitstream::tables::{
    CHROMA_MODE_TREE, LUMA_MODE_TREE, Probability, VECTOR_PROBABILITIES, VECTOR_UPDATE_PROBABILITIES,
};
use crate::bitstream::vectors::each_component_bit;
use crate::macroblock::{Macroblock, MotionVector, Reference};

/// How often each choice was made in the macroblock headers of an inter frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ModeCounts {
    references: [u32; 4],
    luma_nodes: [[u32; 2]; 4],
    chroma_nodes: [[u32; 2]; 3],
    vector_bits: [[[u32; 2]; VECTOR_PROBABILITIES]; 2],
}

/// Probabilities for the macroblock headers of one inter frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ModeProbabilities {
    pub(super) intra: Probability,
    pub(super) last: Probability,
    pub(super) golden: Probability,
    pub(super) luma_mode_update: Option<[Probability; 4]>,
    pub(super) chroma_mode_update: Option<[Probability; 3]>,
    pub(super) vector_updates: VectorUpdates,
}

impl ModeCounts {
    /// Adds what was counted elsewhere.
    pub(super) fn add(&mut self, other: &Self) {
        fn add<'a>(sums: impl IntoIterator<Item = &'a mut u32>, counts: impl IntoIterator<Item = &'a u32>) {
            sums.into_iter().zip(counts).for_each(|(sum, count)| *sum += count);
        }
        add(&mut self.references, &other.references);
        add(self.luma_nodes.as_flattened_mut(), other.luma_nodes.as_flattened());
        add(self.chroma_nodes.as_flattened_mut(), other.chroma_nodes.as_flattened());
        let vector_bits = self.vector_bits.as_flattened_mut().as_flattened_mut();
        add(vector_bits, other.vector_bits.as_flattened().as_flattened());
    }

    /// Counts a macroblock's reference and, if it is intra, its modes.
    pub(super) fn count(&mut self, macroblock: &Macroblock) {
        self.references[macroblock.reference as usize] += 1;
        if macroblock.reference == Reference::Intra {
            let (luma, chroma) = (macroblock.luma_mode as u8, macroblock.chroma_mode as u8);
            each_tree_bit(&LUMA_MODE_TREE, luma, |node, bit| self.luma_nodes[node][usize::from(bit)] += 1);
            each_tree_bit(&CHROMA_MODE_TREE, chroma, |node, bit| self.chroma_nodes[node][usize::from(bit)] += 1);
        }
    }

    /// Counts a vector that is coded, as a difference.
    pub(super) fn count_vector(&mut self, difference: MotionVector) {
        for (counts, component) in self.vector_bits.iter_mut().zip([difference.row, difference.column]) {
            each_component_bit(component, |index, bit| counts[index][usize::from(bit)] += 1);
        }
    }

    /// The probabilities that make headers and their own announcement cheapest for a decoder that holds `known`.
    pub(super) fn best_probabilities(&self, known: &Probabilities) -> ModeProbabilities {
        let [intra, last, golden, altref] = self.references;
        let share = |zeros, ones| best_probability(zeros, ones).unwrap_or(128);
        ModeProbabilities {
            intra: share(intra, last + golden + altref),
            last: share(last, golden + altref),
            golden: share(golden, altref),
            luma_mode_update: cheaper(&self.luma_nodes, &known.luma_modes),
            chroma_mode_update: cheaper(&self.chroma_nodes, &known.chroma_modes),
            vector_updates: self.vector_updates(known),
        }
    }

    fn vector_updates(&self, known: &Probabilities) -> VectorUpdates {
        let mut updates = VectorUpdates::default();
        let counts = self.vector_bits.as_flattened().iter();
        let known = known.vectors.as_flattened().iter().zip(VECTOR_UPDATE_PROBABILITIES.as_flattened());
        for ((update, &[zeros, ones]), (&old, &stays)) in updates.0.as_flattened_mut().iter_mut().zip(counts).zip(known)
        {
            let new = best_probability(zeros, ones).map(VectorUpdates::nearest);
            *update = new.filter(|&new| {
                let keep = bits_cost(zeros, ones, old) + u64::from(bit_cost(false, stays));
                bits_cost(zeros, ones, new) + u64::from(bit_cost(true, stays) + 7 * BIT) < keep
            });
        }
        updates
    }
}

/// New probabilities for a whole tree, where they save more than the eight bits each that they cost.
fn cheaper<const N: usize>(nodes: &[[u32; 2]; N], known: &[Probability; N]) -> Option<[Probability; N]> {
    let new: [Probability; N] =
        std::array::from_fn(|node| best_probability(nodes[node][0], nodes[node][1]).unwrap_or(known[node]));
    let cost = |probabilities: &[Probability; N]| -> u64 {
        nodes.iter().zip(probabilities).map(|(&[zeros, ones], &p)| bits_cost(zeros, ones, p)).sum()
    };
    (cost(&new) + (8 * N as u64 * u64::from(BIT)) < cost(known)).then_some(new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::macroblock::LumaMode;

    #[test]
    fn a_frame_with_few_intra_macroblocks_announces_nothing_but_their_share() {
        let mut counts = ModeCounts::default();
        counts.count(&Macroblock::OUTSIDE);
        for _ in 0..99 {
            counts.count(&Macroblock { reference: Reference::Last, luma_mode: LumaMode::Zero, ..Macroblock::OUTSIDE });
        }
        let found = counts.best_probabilities(&Probabilities::default());
        assert_eq!((found.intra, found.last), (3, 255));
        assert_eq!((found.luma_mode_update, found.chroma_mode_update), (None, None));
        assert_eq!(found.vector_updates, VectorUpdates::default());
    }

    #[test]
    fn many_alike_vectors_change_their_probabilities() {
        let mut counts = ModeCounts::default();
        (0..500).for_each(|_| counts.count_vector(MotionVector { row: 0, column: 40 }));
        let updates = counts.best_probabilities(&Probabilities::default()).vector_updates;
        assert_eq!(updates.0[0][0], Some(254)); // rows are never long
        assert_eq!(updates.0[1][0], Some(1)); // columns always are
    }
}
