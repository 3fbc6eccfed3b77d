//! What a frame says of how its macroblocks are predicted: the same in all its versions, so it is worked out once. Segments and
//! skipped macroblocks are left out, which versions differ in.

use super::analysis::{Analysis, known_probabilities};
use super::rate::bit_cost;
use crate::bitstream::bool_coder::BoolSink;
use crate::bitstream::frame_header::FrameHeader;
use crate::bitstream::modes::ModeCoding;
use crate::bitstream::probabilities::{Probabilities, TokenUpdates};
use crate::bitstream::tables::Probability;
use crate::macroblock::MacroblockGrid;

/// The bools of all macroblocks' modes and vectors.
#[derive(Default)]
pub(super) struct ModeRecord {
    /// Each with its probability.
    bools: Vec<(bool, Probability)>,
    /// Where those of each macroblock end, in raster order.
    ends: Vec<u32>,
    /// Their price in 256ths of a bit.
    pub(super) cost: u64,
}

impl ModeRecord {
    /// What a frame with this header says of the macroblocks of `grid`.
    pub(super) fn of(header: &FrameHeader, probabilities: &Probabilities, grid: &MacroblockGrid) -> Self {
        let coding = ModeCoding::new(header, probabilities);
        let macroblocks = grid.rows() * grid.columns();
        let mut record = Self {
            bools: Vec::with_capacity(macroblocks * USUAL_BOOLS),
            ends: Vec::with_capacity(macroblocks),
            cost: 0,
        };
        for row in 0..grid.rows() {
            for column in 0..grid.columns() {
                coding.write_modes(&mut record, grid, row, column);
                record.ends.push(record.bools.len() as u32);
            }
        }
        record
    }

    /// The bools of each macroblock in raster order.
    pub(super) fn macroblocks(&self) -> impl Iterator<Item = &[(bool, Probability)]> {
        self.ends.iter().scan(&self.bools[..], |rest, end| {
            let start = self.bools.len() - rest.len();
            let (own, after) = rest.split_at(*end as usize - start);
            *rest = after;
            Some(own)
        })
    }
}

impl BoolSink for ModeRecord {
    #[inline(always)]
    fn put(&mut self, bit: bool, probability: Probability) {
        self.bools.push((bit, probability));
        self.cost += u64::from(bit_cost(bit, probability));
    }
}

/// A macroblock of an ordinary frame says about so much.
const USUAL_BOOLS: usize = 8;

impl Analysis {
    /// What the frame says of its macroblocks' modes; worked out when first asked for.
    pub(super) fn modes(&self) -> &ModeRecord {
        self.mode_record.get_or_init(|| {
            let known = known_probabilities(&self.source, &self.plan);
            let header = self.header(self.plan.finest, TokenUpdates::between(&known.tokens, &known.tokens), 0, 0);
            ModeRecord::of(&header, &self.basis(&header).probabilities, &self.grid)
        })
    }
}
