//! What is said of one macroblock besides its coefficients, and where a frame keeps it.

use crate::Size;

/// The index into the quantizer tables, 0 (finest) to 127 (RFC 6386 §9.6, §14.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuantizerIndex(u8);

impl QuantizerIndex {
    /// The finest quantizer.
    pub const MIN: Self = Self(0);
    /// The coarsest quantizer.
    pub const MAX: Self = Self(127);

    /// The index `value`, or none where it is over 127.
    pub const fn new(value: u8) -> Option<Self> {
        if value <= Self::MAX.0 { Some(Self(value)) } else { None }
    }

    /// The index nearest to `value`.
    pub const fn saturating(value: i32) -> Self {
        if value < 0 {
            Self::MIN
        } else if value > Self::MAX.0 as i32 {
            Self::MAX
        } else {
            Self(value as u8)
        }
    }

    /// So many hundredths of the index, rounded down: finer where they are less than a hundred.
    ///
    /// ```
    /// # use oyster_codec::QuantizerIndex;
    /// assert_eq!(QuantizerIndex::saturating(59).percent(30).value(), 17);
    /// assert_eq!(QuantizerIndex::MAX.percent(125), QuantizerIndex::MAX);
    /// ```
    #[must_use]
    pub const fn percent(self, hundredths: u8) -> Self {
        Self::saturating(self.0 as i32 * hundredths as i32 / 100)
    }

    /// The index as a number, 0..=127.
    pub const fn value(self) -> u8 {
        self.0
    }
}

/// How a macroblock's luma is predicted (RFC 6386 §8.1, §16.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum LumaMode {
    /// Intra: the mean of the row above and the column to the left.
    Dc,
    /// Intra: the row above, repeated.
    Vertical,
    /// Intra: the column to the left, repeated.
    Horizontal,
    /// Intra: left plus above less the corner (TM_PRED).
    TrueMotion,
    /// Intra: each subblock by a mode of its own (B_PRED).
    Subblocks,
    /// Inter: the nearest neighbouring vector.
    Nearest,
    /// Inter: the next nearest.
    Near,
    /// Inter: the zero vector.
    Zero,
    /// Inter: a vector of its own.
    New,
    /// Inter: each part by a vector of its own.
    Split,
}

impl LumaMode {
    /// The intra mode that is leaf `value` of the luma mode trees.
    pub(crate) fn from_intra_leaf(value: u8) -> Self {
        [Self::Dc, Self::Vertical, Self::Horizontal, Self::TrueMotion, Self::Subblocks][usize::from(value)]
    }

    /// The inter mode that is leaf `value` of the inter mode tree.
    pub(crate) fn from_inter_leaf(value: u8) -> Self {
        [Self::Zero, Self::Nearest, Self::Near, Self::New, Self::Split][usize::from(value)]
    }

    /// The leaf of the inter mode tree that is this mode; only for inter modes.
    pub(crate) fn inter_leaf(self) -> u8 {
        match self {
            Self::Zero => 0,
            Self::Nearest => 1,
            Self::Near => 2,
            Self::New => 3,
            Self::Split => 4,
            _ => unreachable!("{self:?} is an intra mode"),
        }
    }

    /// Whether the DCs of luma come through a block of their own, Y2 (RFC 6386 §13).
    #[inline]
    pub(crate) fn has_y2(self) -> bool {
        !matches!(self, Self::Subblocks | Self::Split)
    }

    /// The mode that the subblocks of a macroblock with this intra mode count as, for their neighbours' contexts
    /// (RFC 6386 §11.3).
    pub(crate) fn implied_subblock_mode(self) -> SubblockMode {
        match self {
            Self::Vertical => SubblockMode::Vertical,
            Self::Horizontal => SubblockMode::Horizontal,
            Self::TrueMotion => SubblockMode::TrueMotion,
            _ => SubblockMode::Dc,
        }
    }
}

/// How a macroblock's chroma is predicted if it is intra (RFC 6386 §8.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum ChromaMode {
    /// The mean of the row above and the column to the left.
    Dc,
    /// The row above, repeated.
    Vertical,
    /// The column to the left, repeated.
    Horizontal,
    /// Left plus above less the corner (TM_PRED).
    TrueMotion,
}

impl ChromaMode {
    /// The mode that is leaf `value` of the chroma mode tree.
    pub(crate) fn from_leaf(value: u8) -> Self {
        [Self::Dc, Self::Vertical, Self::Horizontal, Self::TrueMotion][usize::from(value)]
    }
}

/// How a 4x4 subblock of an intra macroblock is predicted (RFC 6386 §8.1, §12.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum SubblockMode {
    /// The mean of above and left.
    #[default]
    Dc,
    /// Left plus above less the corner.
    TrueMotion,
    /// Above, smoothed.
    Vertical,
    /// Left, smoothed.
    Horizontal,
    /// Along a diagonal, down to the left.
    LeftDown,
    /// Along a diagonal, down to the right.
    RightDown,
    /// Steeply down to the right.
    VerticalRight,
    /// Steeply down to the left.
    VerticalLeft,
    /// Flatly down to the right.
    HorizontalDown,
    /// Flatly up to the right.
    HorizontalUp,
}

impl SubblockMode {
    /// All modes in the order of their leaves in the subblock mode tree.
    pub(crate) const ALL: [Self; 10] = [
        Self::Dc,
        Self::TrueMotion,
        Self::Vertical,
        Self::Horizontal,
        Self::LeftDown,
        Self::RightDown,
        Self::VerticalRight,
        Self::VerticalLeft,
        Self::HorizontalDown,
        Self::HorizontalUp,
    ];
}

/// What a macroblock is predicted from (RFC 6386 §9.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Reference {
    /// The frame it is in.
    Intra,
    /// The last frame.
    Last,
    /// The golden frame.
    Golden,
    /// The alternate reference frame.
    AltRef,
}

/// A displacement in quarter luma samples (RFC 6386 §5, §17).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct MotionVector {
    /// Downwards.
    pub(crate) row: i16,
    /// To the right.
    pub(crate) column: i16,
}

impl MotionVector {
    /// No displacement.
    pub(crate) const ZERO: Self = Self { row: 0, column: 0 };

    /// The sum, wrapping as the 16-bit vectors of other decoders do on corrupt streams.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self { row: self.row.wrapping_add(other.row), column: self.column.wrapping_add(other.column) }
    }

    /// The difference, so that `other.plus(self.minus(other)) == self`.
    pub(crate) fn minus(self, other: Self) -> Self {
        Self { row: self.row.wrapping_sub(other.row), column: self.column.wrapping_sub(other.column) }
    }

    /// The opposite direction.
    pub(crate) fn negated(self) -> Self {
        Self { row: self.row.wrapping_neg(), column: self.column.wrapping_neg() }
    }
}

/// What is said of one macroblock besides its coefficients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Macroblock {
    /// How luma is predicted.
    pub(crate) luma_mode: LumaMode,
    /// How chroma is predicted, if intra.
    pub(crate) chroma_mode: ChromaMode,
    /// What it is predicted from.
    pub(crate) reference: Reference,
    /// Its segment, 0..=3 (RFC 6386 §10).
    pub(crate) segment: u8,
    /// Its vector, if inter; of a split one the last subblock's; otherwise zero.
    pub(crate) vector: MotionVector,
    /// Whether the stream says that it has no coefficients at all (`mb_skip_coeff`, RFC 6386 §11.1).
    pub(crate) skip: bool,
    /// Whether any coefficient token other than an end of block came: known only after its tokens.
    pub(crate) has_coefficients: bool,
}

impl Macroblock {
    /// What lies beyond the edges, for contexts: intra, with a zero vector and DC prediction.
    pub(crate) const OUTSIDE: Self = Self {
        luma_mode: LumaMode::Dc,
        chroma_mode: ChromaMode::Dc,
        reference: Reference::Intra,
        segment: 0,
        vector: MotionVector::ZERO,
        skip: false,
        has_coefficients: false,
    };
}

/// What the 16 luma subblocks of a macroblock have of their own, in raster order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subblocks {
    /// Their vectors, where the macroblock's mode is [`LumaMode::Split`]; stale otherwise.
    pub(crate) vectors: [MotionVector; 16],
    /// Their modes, where the macroblock's mode is [`LumaMode::Subblocks`]; stale otherwise.
    pub(crate) modes: [SubblockMode; 16],
    /// Into which parts a split macroblock falls, a leaf of the split tree; stale otherwise.
    pub(crate) split: u8,
}

impl Default for Subblocks {
    fn default() -> Self {
        Self { vectors: [MotionVector::ZERO; 16], modes: [SubblockMode::Dc; 16], split: 0 }
    }
}

/// The macroblocks of a frame, with one row above and one column to the left that lie outside.
#[derive(Clone, Debug)]
pub(crate) struct MacroblockGrid {
    columns: usize,
    rows: usize,
    macroblocks: Vec<Macroblock>,
    /// Where in `subblocks` those of a macroblock are: 0, whose subblocks nobody has changed, for most of them.
    places: Vec<u32>,
    subblocks: Vec<Subblocks>,
}

impl MacroblockGrid {
    /// A grid for a picture of `size`, all [`Macroblock::OUTSIDE`].
    pub(crate) fn new(size: Size) -> Self {
        Self::of(size.macroblock_rows(), size.macroblock_columns())
    }

    /// A grid of one row, whose row above is not outside but another one.
    pub(crate) fn of_row(columns: usize) -> Self {
        Self::of(1, columns)
    }

    fn of(rows: usize, columns: usize) -> Self {
        let cells = (columns + 1) * (rows + 1);
        Self {
            columns,
            rows,
            macroblocks: vec![Macroblock::OUTSIDE; cells],
            places: vec![0; cells],
            subblocks: vec![Subblocks::default()],
        }
    }

    /// The grid whose rows are `rows`, from grids of one row each.
    pub(crate) fn join<'a>(columns: usize, rows: impl ExactSizeIterator<Item = &'a Self>) -> Self {
        let mut joined = Self::of(rows.len(), columns);
        for (number, row) in rows.enumerate() {
            let (from, to) = (row.cell(0, 0), joined.cell(number, 0));
            joined.copy_into(to, row.row(0));
            for column in 0..columns {
                if let Some(own) = row.own_subblocks(from + column) {
                    *joined.subblocks_mut(to + column) = *own;
                }
            }
        }
        joined
    }

    /// Macroblocks in a row.
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// Rows of macroblocks.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The cell at (`row`, `column`): the left neighbour's is one less, the upper one's [`Self::stride`] less.
    #[inline]
    pub(crate) fn cell(&self, row: usize, column: usize) -> usize {
        (row + 1) * self.stride() + column + 1
    }

    /// Cells from a macroblock to the one below it.
    #[inline]
    pub(crate) fn stride(&self) -> usize {
        self.columns + 1
    }

    /// The macroblock in `cell`.
    #[inline]
    pub(crate) fn macroblock(&self, cell: usize) -> &Macroblock {
        &self.macroblocks[cell]
    }

    /// The macroblock in `cell`, to be changed.
    #[inline]
    pub(crate) fn macroblock_mut(&mut self, cell: usize) -> &mut Macroblock {
        &mut self.macroblocks[cell]
    }

    /// The subblocks of `cell`.
    #[inline]
    pub(crate) fn subblocks(&self, cell: usize) -> &Subblocks {
        &self.subblocks[self.places[cell] as usize]
    }

    /// The subblocks of `cell`, where they were ever changed.
    pub(crate) fn own_subblocks(&self, cell: usize) -> Option<&Subblocks> {
        (self.places[cell] != 0).then(|| self.subblocks(cell))
    }

    /// The subblocks of `cell`, to be changed.
    pub(crate) fn subblocks_mut(&mut self, cell: usize) -> &mut Subblocks {
        let place = &mut self.places[cell];
        if *place == 0 {
            *place = self.subblocks.len() as u32;
            self.subblocks.push(Subblocks::default());
        }
        &mut self.subblocks[*place as usize]
    }

    /// Puts `macroblocks` into the cells from `cell` on.
    pub(crate) fn copy_into(&mut self, cell: usize, macroblocks: &[Macroblock]) {
        self.macroblocks[cell..][..macroblocks.len()].copy_from_slice(macroblocks);
    }

    /// The macroblocks of `row`, left to right.
    pub(crate) fn row(&self, row: usize) -> &[Macroblock] {
        &self.macroblocks[self.cell(row, 0)..][..self.columns]
    }

    /// All macroblocks in raster order.
    pub(crate) fn macroblocks(&self) -> impl Iterator<Item = &Macroblock> {
        (0..self.rows).flat_map(|row| self.row(row))
    }

    /// The macroblocks of each row, to be changed.
    pub(crate) fn rows_mut(&mut self) -> impl ExactSizeIterator<Item = &mut [Macroblock]> {
        let stride = self.stride();
        self.macroblocks.chunks_exact_mut(stride).skip(1).map(|row| &mut row[1..])
    }

    /// The vector of subblock `index` of the macroblock in `cell`: zero if it is intra.
    #[inline]
    pub(crate) fn subblock_vector(&self, cell: usize, index: usize) -> MotionVector {
        let macroblock = &self.macroblocks[cell];
        if macroblock.luma_mode == LumaMode::Split { self.subblocks(cell).vectors[index] } else { macroblock.vector }
    }

    /// The mode that subblock `index` of the macroblock in `cell` counts as for its neighbours (RFC 6386 §11.3).
    #[inline]
    pub(crate) fn subblock_mode(&self, cell: usize, index: usize) -> SubblockMode {
        let mode = self.macroblocks[cell].luma_mode;
        if mode == LumaMode::Subblocks { self.subblocks(cell).modes[index] } else { mode.implied_subblock_mode() }
    }
}
