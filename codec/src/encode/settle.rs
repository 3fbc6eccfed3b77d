//! From coefficients to levels, block by block in the order of coding, so that each block's bits are weighed in the context that
//! the blocks before it leave.

use super::contexts::{SIDES, Side};
use super::refine::Refinement;
use super::residue::{Blocks, Levels, Quantisers, Y2};
use crate::bitstream::tokens::BlockKind;

/// Settles the levels of one macroblock.
pub(super) struct Settler<'a> {
    pub(super) quantisers: &'a Quantisers,
    /// Without it levels are only rounded.
    pub(super) refinement: Option<&'a Refinement<'a>>,
    pub(super) y2: bool,
    pub(super) above: Side,
    pub(super) left: Side,
}

impl Settler<'_> {
    /// Settles block `block`; answers how far its levels reach in zigzag order, 0 if all are zero.
    #[inline]
    pub(super) fn settle(&mut self, block: usize, coefficients: &[i16; 16], levels: &mut [i16; 16]) -> u8 {
        let quantiser = self.quantisers.of(block);
        let mut end = quantiser.quantise(coefficients, levels);
        let (column, row) = SIDES[block];
        let (above, left) = (&mut self.above[usize::from(column)], &mut self.left[usize::from(row)]);
        if let (1.., Some(refinement)) = (end, self.refinement) {
            let kind = match block {
                Y2 => BlockKind::Y2,
                16.. => BlockKind::Chroma,
                _ if self.y2 => BlockKind::LumaWithoutDc,
                _ => BlockKind::LumaWithDc,
            };
            end = refinement.refine(levels, coefficients, end, quantiser, kind, usize::from(*above + *left));
        }
        *above = u8::from(end > 0);
        *left = u8::from(end > 0);
        end as u8
    }

    /// Settles all blocks; answers whether any level is not zero.
    pub(super) fn settle_all(&mut self, coefficients: &Blocks, levels: &mut Levels) -> bool {
        if self.y2 {
            levels.ends[Y2] = self.settle(Y2, &coefficients[Y2], &mut levels.blocks[Y2]);
        }
        for block in 0..16 {
            levels.ends[block] = self.settle(block, &coefficients[block], &mut levels.blocks[block]);
        }
        self.settle_chroma(coefficients, levels);
        levels.any(self.y2)
    }

    /// Settles the blocks of chroma.
    pub(super) fn settle_chroma(&mut self, coefficients: &Blocks, levels: &mut Levels) {
        for block in 16..Y2 {
            levels.ends[block] = self.settle(block, &coefficients[block], &mut levels.blocks[block]);
        }
    }
}
