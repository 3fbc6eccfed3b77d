//! The order in which a macroblock's blocks are coded, and what each learns from its neighbours (RFC 6386 §13, §13.3).

use super::residue::{Levels, Y2};
use crate::bitstream::tokens::BlockKind;

/// Whether the blocks along one side of a macroblock had any level that is not zero: four of luma, two of each chroma, Y2.
pub(super) type Side = [u8; 9];

/// Contexts along a frame's macroblock rows.
pub(super) struct TokenContexts {
    /// The lower side of the macroblock above, by column.
    above: Vec<Side>,
    /// The right side of the macroblock to the left.
    left: Side,
}

/// Which of a [`Side`]'s entries block `block` looks at: above and to the left.
pub(super) const SIDES: [(u8, u8); 25] = {
    let mut sides = [(8, 8); 25];
    let mut block = 0;
    while block < 24 {
        let chroma = block as u8;
        sides[block] = if block < 16 {
            (chroma % 4, chroma / 4)
        } else {
            let plane = 4 + (chroma - 16) / 4 * 2;
            (plane + chroma % 2, plane + chroma / 2 % 2)
        };
        block += 1;
    }
    sides
};

impl TokenContexts {
    /// Contexts at the start of a frame of `columns`.
    pub(super) fn new(columns: usize) -> Self {
        Self { above: vec![[0; 9]; columns], left: [0; 9] }
    }

    /// Begins a row.
    pub(super) fn begin_row(&mut self) {
        self.left = [0; 9];
    }

    /// A macroblock without coefficients: its neighbours see zeros, but a Y2 is only forgotten by one that would have had it.
    pub(super) fn pass(&mut self, column: usize, y2: bool) {
        let sides = if y2 { 9 } else { 8 };
        self.above[column][..sides].fill(0);
        self.left[..sides].fill(0);
    }

    /// What the macroblock at `column` of the row sees above and to its left.
    pub(super) fn around(&self, column: usize) -> (Side, Side) {
        (self.above[column], self.left)
    }

    /// Calls `code(levels, end, kind, context)` for each block of a macroblock in the order of coding.
    #[inline]
    pub(super) fn visit(
        &mut self,
        column: usize,
        levels: &Levels,
        y2: bool,
        mut code: impl FnMut(&[i16; 16], usize, BlockKind, usize),
    ) {
        let (above, left) = (&mut self.above[column], &mut self.left);
        let mut visit = |block: usize, kind| {
            let (column, row) = SIDES[block];
            let (above, left) = (&mut above[usize::from(column)], &mut left[usize::from(row)]);
            let end = usize::from(levels.ends[block]);
            code(&levels.blocks[block], end, kind, usize::from(*above + *left));
            *above = u8::from(end > 0);
            *left = u8::from(end > 0);
        };
        if y2 {
            visit(Y2, BlockKind::Y2);
        }
        let luma = if y2 { BlockKind::LumaWithoutDc } else { BlockKind::LumaWithDc };
        (0..16).for_each(|block| visit(block, luma));
        (16..24).for_each(|block| visit(block, BlockKind::Chroma));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_sees_its_neighbours_above_and_to_the_left() {
        let mut contexts = TokenContexts::new(2);
        let mut levels = Levels::default();
        levels.ends[0] = 3; // the first luma block
        levels.ends[23] = 1; // the last block of V
        let mut seen = Vec::new();
        contexts.visit(0, &levels, true, |_, _, _, context| seen.push(context));
        // Y2, then luma: the blocks right of and below the first one.
        assert_eq!(seen[..7], [0, 0, 1, 0, 0, 1, 0]);
        seen.clear();
        contexts.visit(1, &Levels::default(), true, |_, _, _, context| seen.push(context));
        assert_eq!(seen.iter().sum::<usize>(), 1); // V's lower left block
        assert_eq!(seen[1 + 22], 1);
    }
}
