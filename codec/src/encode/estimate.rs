//! What intra macroblocks leave at about a quantizer, for predicting sizes: they are predicted from their neighbours, so these
//! are reconstructed too. Nearly the same holds a few quantizer steps to either side.

use std::sync::OnceLock;

use super::analysis::Analysis;
use super::contexts::Surroundings;
use super::intra_coding::{Workspace, code_intra};
use super::residue::{Blocks, MacroblockSamples, reconstruct};
use super::settle::Settling;
use crate::QuantizerIndex;
use crate::macroblock::Reference;
use crate::picture::Plane;
use crate::predict::intra::RowAbove;

/// Estimates of what intra macroblocks leave, by band of quantizers.
pub(super) type IntraEstimates = [OnceLock<Vec<Vec<Blocks>>>; BANDS];

/// Quantizers that share an estimate: within so many, what is predicted from changes little.
const BAND: u8 = 4;
const BANDS: usize = (QuantizerIndex::MAX.value() / BAND) as usize + 1;

impl Analysis {
    /// The coefficients of each row's intra macroblocks, left to right, where the frame is coded at about `quantizer`; computed when
    /// first asked for.
    pub(super) fn intra_coefficients(&self, quantizer: QuantizerIndex) -> &[Vec<Blocks>] {
        let band = quantizer.value() / BAND;
        let middle = QuantizerIndex::saturating(i32::from(band * BAND + BAND / 2));
        self.intra_coefficients[usize::from(band)].get_or_init(|| self.estimate_intra(middle))
    }

    fn is_intra(&self, row: usize, column: usize) -> bool {
        self.grid.macroblock(self.grid.cell(row, column)).reference == Reference::Intra
    }

    /// Whether the macroblock is intra, or one after it that is predicted from it.
    fn matters(&self, row: usize, column: usize) -> bool {
        let below = row + 1 < self.grid.rows();
        let right = column + 1 < self.grid.columns();
        self.is_intra(row, column)
            || (right && self.is_intra(row, column + 1))
            || (below && self.is_intra(row + 1, column))
            || (below && right && self.is_intra(row + 1, column + 1))
            || (below && column > 0 && self.is_intra(row + 1, column - 1))
    }

    fn estimate_intra(&self, quantizer: QuantizerIndex) -> Vec<Vec<Blocks>> {
        let size = self.picture.size();
        let settling = Settling::new(quantizer.into(), self.token_prices());
        let source = Plane::ALL.map(|plane| self.picture.plane(plane));
        let mut canvas = self.blank();
        let mut above = RowAbove::new(size);
        let mut work = Workspace::default();
        let mut found = vec![Vec::new(); self.grid.rows()];
        for (row, found) in found.iter_mut().enumerate() {
            let mut planes = canvas.planes_mut();
            for column in 0..self.grid.columns() {
                if !self.matters(row, column) {
                    continue;
                }
                let cell = self.grid.cell(row, column);
                let macroblock = self.grid.macroblock(cell);
                let y2 = macroblock.luma_mode.has_y2();
                let mut settler = settling.settler(macroblock.segment, Surroundings::half_seen(y2));
                if macroblock.reference == Reference::Intra {
                    let modes = &self.grid.subblocks(cell).modes;
                    let source = MacroblockSamples::of(&source, row, column);
                    code_intra(macroblock, modes, &source, (row, column), &above, &mut settler, &mut planes, &mut work);
                    found.push(work.coefficients);
                    continue;
                }
                let at = [
                    planes[0].index(16 * column, 16 * row),
                    planes[1].index(8 * column, 8 * row),
                    planes[2].index(8 * column, 8 * row),
                ];
                self.predict((row, column), &mut planes, at);
                let Workspace { coefficients, levels } = &mut work;
                let blocks = self.coefficients(quantizer, macroblock, (row, column), coefficients);
                if settler.settle_all(blocks, coefficients, levels) {
                    reconstruct(&work.levels, settler.quantisers, y2, &mut planes, at);
                }
            }
            above.keep(&canvas, row);
        }
        found
    }
}
