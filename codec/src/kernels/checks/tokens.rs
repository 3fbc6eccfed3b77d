//! Levels as symbols, and intervals narrowed by bools.

use super::Random;
use crate::bitstream::tables::ZIGZAG;
use crate::kernels::steps::Intervals;
use crate::kernels::symbols::{MOST_SYMBOLS, MacroblockLevels};

#[test]
fn symbols_agree_with_their_definition() {
    let mut random = Random(21);
    for round in 0..3000u64 {
        let y2 = random.below(3) > 0;
        let largest = [2, 3, 6, 80, 2115][(round % 5) as usize];
        let (most_levels, few_blocks) = (random.below(17) + 1, random.below(2) == 0);
        let (mut blocks, mut nonzero, mut coded) = ([[0i16; 16]; 25], [0; 25], 0);
        for (block, (levels, nonzero)) in blocks.iter_mut().zip(&mut nonzero).enumerate() {
            let first = u64::from(y2 && block < 16);
            for _ in 0..random.below(most_levels) {
                let position = first + random.below(16 - first);
                let level = random.below(largest) as i16;
                levels[usize::from(ZIGZAG[position as usize])] = if random.below(2) == 0 { level } else { -level };
            }
            *nonzero = (0..16).fold(0, |bits, i| bits | u16::from(levels[usize::from(ZIGZAG[i])] != 0) << i);
            // What lies in the others is left from another macroblock.
            let counts = *nonzero != 0 && !(few_blocks && random.below(4) > 0) && (y2 || block < 24);
            coded |= u32::from(counts) << block;
        }
        let contexts = std::array::from_fn(|_| random.below(3) as u8);
        let macroblock = MacroblockLevels { blocks: &blocks, nonzero: &nonzero, coded, y2, contexts: &contexts };
        let (mut vector, mut plain) = ([0; MOST_SYMBOLS], [0; MOST_SYMBOLS]);
        let listed = macroblock.list(&mut vector);
        assert_eq!(listed, macroblock.list_by_definition(&mut plain));
        assert_eq!(vector[..listed.count], plain[..listed.count]);
    }
}

#[test]
fn intervals_agree_with_their_definition() {
    let mut random = Random(22);
    for _ in 0..500 {
        let mut vector = Intervals::untouched();
        for _ in 0..8 {
            let (bit, probability) = (random.below(2) == 0, random.below(255) as u8 + 1);
            let mut plain = vector.clone();
            plain.narrow_by_definition(bit, probability);
            vector = vector.after(bit, probability);
            assert_eq!(vector, plain);
        }
    }
}
