//! How a macroblock of a key frame is predicted. The loop is closed at the finest quantizer: each macroblock is predicted from
//! its neighbours as that quantizer leaves them.

use super::intra::{choose_chroma, choose_luma, choose_subblocks};
use super::intra_coding::{ClosedCanvas, code_intra, painted_chroma_edges};
use super::pass::{Place, RowPass};
use super::residue::MacroblockSamples;
use super::settle::Settler;
use crate::macroblock::{LumaMode, Macroblock};
use crate::picture::Plane;

impl RowPass<'_> {
    /// Decides the macroblock at `place` and paints it on the canvas, which holds this one row.
    pub(super) fn decide_key(&mut self, source: &MacroblockSamples, place: Place) {
        let Place { column, cell, .. } = place;
        let pass = self.pass;
        let around = self.modes_around(cell);
        let canvas = self.canvas.as_mut().expect("a key frame has a canvas");
        let planes = &mut canvas.planes_mut();
        let (prices, lambda) = (&pass.intra_prices, &pass.lambda);
        let (at, stride) = (planes[0].index(16 * column, 0), planes[0].stride);
        let edges = self.above.edges(Plane::Y, planes[0].samples, at, stride, column);
        let (mut luma_mode, cost) =
            choose_luma(source, || edges, prices, lambda, u32::MAX).expect("every mode costs less than that");
        let mut closed = ClosedCanvas::new(source, &pass.quantisers, &self.above, &mut planes[0], column);
        if let Some((modes, _)) = choose_subblocks(source, &mut closed, &around, prices, lambda, cost) {
            luma_mode = LumaMode::Subblocks;
            self.decided.grid.subblocks_mut(cell).modes = modes;
        }
        let edges = painted_chroma_edges(&self.above, planes, column);
        let chroma_mode = choose_chroma(source, &edges, prices, lambda);
        let macroblock = Macroblock { luma_mode, chroma_mode, ..Macroblock::OUTSIDE };
        *self.decided.grid.macroblock_mut(cell) = macroblock;
        let mut settler = Settler::rounding(&pass.quantisers, luma_mode.has_y2());
        let (modes, above, work) = (&self.decided.grid.subblocks(cell).modes, &self.above, &mut self.work);
        code_intra(&macroblock, modes, source, (0, column), above, &mut settler, planes, work);
    }
}
