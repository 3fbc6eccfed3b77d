//! One version of an analysed frame: levels, reconstruction, tokens, probabilities, loop filter and bits at one quantizer.
//! The loop is closed: what is predicted from within the frame is predicted from this version's own samples.

use super::analysis::{Analysis, known_probabilities};
use super::background::segmentation;
use super::contexts::TokenContexts;
use super::filter_choice::{FILTER_DELTAS, level_at};
use super::fineness::Fineness;
use super::inter_macroblock::SIGN_BIASES;
use super::intra_coding::{Workspace, code_intra};
use super::mode_record::ModeRecord;
use super::plan::FrameKind;
use super::rate::best_probability;
use super::residue::{
    ALL_BLOCKS, Blocks, CHROMA_AT, MacroblockSamples, Quantisers, Residue, Starts, reconstruct, transform,
};
use super::settle::Settling;
use super::tokens::TokenRecord;
use crate::bitstream::bool_coder::BoolEncoder;
use crate::bitstream::frame_header::FrameKind as HeaderKind;
use crate::bitstream::frame_header::{
    FilterDeltaUpdates, FilterHeader, FrameHeader, InterFrame, KeyFrame, QuantizerHeader, ReferenceUpdate,
    Version as Profile,
};
use crate::bitstream::modes::ModeCoding;
use crate::bitstream::probabilities::{Probabilities, TokenUpdates};
use crate::bitstream::token_probabilities::TOKEN_UPDATE_PROBABILITIES;
use crate::decode::Basis;
use crate::kernels::with_bit_instructions;
use crate::loop_filter::{FilterDeltas, LoopFilter};
use crate::macroblock::{Macroblock, MacroblockGrid, Reference};
use crate::picture::{PictureBuffer, Plane, PlaneViewMut};
use crate::predict::intra::RowAbove;
use crate::state::SegmentMap;
use crate::{QuantizerIndex, State, Transition};

/// A frame at one quantizer, and the state a decoder is in once it has decoded it.
#[derive(Clone, Debug)]
pub struct Encoded {
    source: State,
    /// The compressed frame.
    pub frame: Vec<u8>,
    /// Where the frame leads from its source state.
    pub target: State,
    /// The quantizer it was finished at.
    pub quantizer: QuantizerIndex,
    /// How finely it was finished: at that quantizer, or on the way to the next one.
    pub fineness: Fineness,
}

impl Encoded {
    /// The size of [`Encoded::transition`] in bytes, which takes no hash to know.
    pub fn transition_bytes(&self) -> usize {
        Transition::HEADER_BYTES + self.frame.len()
    }

    /// The frame with the names of the states it leads from and to; computing these takes a hash of the picture, once.
    pub fn transition(&self) -> Transition {
        Transition { source: self.source.id().tag(), target: self.target.id().tag(), frame: self.frame.clone() }
    }
}

impl Analysis {
    /// Finishes the frame at a quantizer or [`Fineness`]. The same analysis and fineness give the same bytes, on any thread.
    pub fn finish(&self, fineness: impl Into<Fineness>) -> Encoded {
        self.finish_at(fineness.into())
    }

    fn finish_at(&self, fineness: Fineness) -> Encoded {
        let quantizer = fineness.quantizer();
        let mut version = Version::new(self);
        version.code(fineness);
        let known = known_probabilities(&self.source, &self.plan);
        let coding = version.tokens.best_coding(&known.tokens, &TOKEN_UPDATE_PROBABILITIES);
        let header = self.header(
            quantizer,
            TokenUpdates::between(&known.tokens, &coding.probabilities),
            version.skipped(),
            level_at(quantizer),
        );
        let basis = self.basis(&header);
        let frame = write_frame(&header, &basis.probabilities, self.modes(), &version.grid, &version.tokens);
        let Version { mut picture, grid, .. } = version;
        let segments = header.segmentation.as_ref().map(|_| &basis.segment_values);
        if let Some(filter) = LoopFilter::new(&header.filter, segments, &basis.filter_deltas, header.is_key()) {
            for row in 0..grid.rows() {
                filter.filter_row(&mut picture, row, grid.row(row));
            }
        }
        let picture = picture.freeze();
        let segment_map = if header.segmentation.is_some() {
            let segments = (0..grid.rows()).flat_map(|row| grid.row(row)).map(|macroblock| macroblock.segment);
            SegmentMap::new(&segments.collect::<Vec<u8>>())
        } else {
            basis.segment_map.clone()
        };
        let target = State::new(basis.target(&header, &picture, segment_map));
        Encoded { source: self.source.clone(), frame, target, quantizer, fineness }
    }

    /// Puts the coefficients of `macroblock`, an inter one at (`row`, `column`), into their places in `coefficients`; answers which of
    /// its blocks may have levels at `quantizer`, a bit for each. What is kept of the others means nothing.
    #[inline]
    pub(super) fn coefficients(
        &self,
        quantizer: QuantizerIndex,
        macroblock: &Macroblock,
        (row, column): (usize, usize),
        coefficients: &mut Blocks,
    ) -> u32 {
        let index = row * self.grid.columns() + column;
        if macroblock.segment != 0 {
            self.transform_anew(macroblock, (row, column), coefficients);
            ALL_BLOCKS
        } else if quantizer >= self.plan.finest {
            self.residue.load(index, coefficients)
        } else {
            self.finer_residue().load(index, coefficients)
        }
    }

    /// What is to be coded at quantizers finer than was planned for; worked out when first asked for.
    fn finer_residue(&self) -> &Residue {
        self.finer_residue.get_or_init(|| {
            let (rows, columns) = (self.grid.rows(), self.grid.columns());
            let quantisers = Quantisers::new(QuantizerIndex::MIN);
            let mut residue = Residue::new(rows * columns);
            let mut coefficients = Blocks::default();
            for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
                let macroblock = self.grid.macroblock(self.grid.cell(row, column));
                if macroblock.reference != Reference::Intra {
                    self.transform_anew(macroblock, (row, column), &mut coefficients);
                    let busy = quantisers.busy(macroblock.luma_mode.has_y2(), &coefficients);
                    residue.keep(row * columns + column, busy, &coefficients);
                }
            }
            residue
        })
    }

    /// All coefficients of an inter macroblock, of which no more are kept than the finest quantizer leaves.
    fn transform_anew(&self, macroblock: &Macroblock, (row, column): (usize, usize), coefficients: &mut Blocks) {
        let source = MacroblockSamples::of(&Plane::ALL.map(|plane| self.picture.plane(plane)), row, column);
        let last = self.source.stream().map(|stream| stream.reference(Reference::Last).planes());
        let prediction = match (self.predictions.of(row * self.grid.columns() + column), &last) {
            (Some(prediction), _) => MacroblockSamples::of_prediction(prediction),
            (None, Some(last)) => MacroblockSamples::of(last, row, column),
            (None, None) => return,
        };
        transform(&source, &prediction, macroblock.luma_mode.has_y2(), coefficients);
    }

    /// The picture before anything is painted: on an inter frame the last one, as most of it often stays.
    pub(super) fn blank(&self) -> PictureBuffer {
        match (self.plan.kind, self.source.stream()) {
            (FrameKind::Inter, Some(stream)) => PictureBuffer::from_picture(stream.reference(Reference::Last)),
            _ => PictureBuffer::new(self.picture.size()),
        }
    }

    /// Paints what the `index`th macroblock, an inter one, is predicted as into `planes` from `at` on, where the
    /// last picture is still to be seen.
    #[inline]
    pub(super) fn predict(&self, index: usize, planes: &mut [PlaneViewMut; 3], at: Starts) {
        let Some(prediction) = self.predictions.of(index) else { return };
        let (luma, chroma) = prediction.split_at(CHROMA_AT[0]);
        for (row, predicted) in luma.as_chunks::<16>().0.iter().enumerate() {
            let start = at[0] + row * planes[0].stride;
            *planes[0].samples[start..].first_chunk_mut().expect("a macroblock lies within its plane") = *predicted;
        }
        for (predicted, (plane, at)) in chroma.as_chunks::<64>().0.iter().zip(planes[1..].iter_mut().zip(&at[1..])) {
            for (row, predicted) in predicted.as_chunks::<8>().0.iter().enumerate() {
                let start = at + row * plane.stride;
                *plane.samples[start..].first_chunk_mut().expect("a macroblock lies within its plane") = *predicted;
            }
        }
    }

    /// What a decoder in the source state makes of the frame's header.
    pub(super) fn basis(&self, header: &FrameHeader) -> Basis<'_> {
        Basis::new(&self.source, header).expect("an inter frame was analysed from a source with pictures")
    }

    /// `skipped` of all macroblocks have no coefficients.
    pub(super) fn header(
        &self,
        quantizer: QuantizerIndex,
        token_updates: TokenUpdates,
        skipped: u32,
        filter_level: u8,
    ) -> FrameHeader {
        let size = self.picture.size();
        let macroblocks = (size.macroblock_columns() * size.macroblock_rows()) as u32;
        let update = |refreshed| if refreshed { ReferenceUpdate::Refresh } else { ReferenceUpdate::Keep };
        let kind = match &self.mode_probabilities {
            None => HeaderKind::Key(KeyFrame {
                size,
                horizontal_scale: 0,
                vertical_scale: 0,
                reserved_colour_space: false,
                clamping_unneeded: false,
            }),
            Some(modes) => HeaderKind::Inter(InterFrame {
                golden: update(self.plan.refresh_golden),
                alt_ref: update(self.plan.refresh_altref),
                golden_sign_bias: SIGN_BIASES[Reference::Golden as usize],
                alt_ref_sign_bias: SIGN_BIASES[Reference::AltRef as usize],
                refresh_last: self.plan.refresh_last,
                intra_probability: modes.intra,
                last_probability: modes.last,
                golden_probability: modes.golden,
                luma_mode_update: modes.luma_mode_update,
                chroma_mode_update: modes.chroma_mode_update,
                vector_updates: modes.vector_updates.clone(),
            }),
        };
        let known = match (self.plan.kind, self.source.stream()) {
            (FrameKind::Inter, Some(stream)) => stream.filter_deltas,
            _ => FilterDeltas::default(),
        };
        let changed = |from: [i8; 4], to: [i8; 4]| std::array::from_fn(|i| (from[i] != to[i]).then_some(to[i]));
        FrameHeader {
            version: Profile::default(),
            shown: self.plan.shown,
            kind,
            segmentation: segmentation(quantizer, self.renewed, macroblocks),
            filter: FilterHeader {
                simple: false,
                level: filter_level,
                sharpness: 0,
                deltas: Some(FilterDeltaUpdates {
                    references: changed(known.references, FILTER_DELTAS.references),
                    modes: changed(known.modes, FILTER_DELTAS.modes),
                }),
            },
            token_partitions_log2: 0,
            quantizers: QuantizerHeader { index: quantizer, ..QuantizerHeader::default() },
            refresh_entropy: true,
            token_updates,
            skip_probability: if skipped == 0 { None } else { best_probability(macroblocks - skipped, skipped) },
        }
    }
}

/// A version while it is being coded.
struct Version<'a> {
    analysis: &'a Analysis,
    picture: PictureBuffer,
    grid: MacroblockGrid,
    tokens: TokenRecord,
}

impl<'a> Version<'a> {
    fn new(analysis: &'a Analysis) -> Self {
        let grid = analysis.grid.clone();
        Self {
            analysis,
            picture: analysis.blank(),
            tokens: TokenRecord::with_room_for(grid.columns() * grid.rows()),
            grid,
        }
    }

    /// How many macroblocks have no coefficients.
    fn skipped(&self) -> u32 {
        (self.grid.columns() * self.grid.rows() - self.tokens.macroblocks()) as u32
    }

    fn code(&mut self, fineness: Fineness) {
        let analysis = self.analysis;
        let settling = Settling::new(fineness, analysis.token_prices());
        let (rows, columns) = (self.grid.rows(), self.grid.columns());
        let source = Plane::ALL.map(|plane| analysis.picture.plane(plane));
        let mut contexts = TokenContexts::new(columns);
        let mut above = RowAbove::new(analysis.picture.size());
        let mut work = Workspace::default();
        for row in 0..rows {
            contexts.begin_row();
            let mut planes = self.picture.planes_mut();
            for column in 0..columns {
                let (cell, index) = (self.grid.cell(row, column), row * columns + column);
                let macroblock = *self.grid.macroblock(cell);
                let y2 = macroblock.luma_mode.has_y2();
                let mut settler = settling.settler(macroblock.segment, contexts.around(column, y2));
                let at = [
                    planes[0].index(16 * column, 16 * row),
                    planes[1].index(8 * column, 8 * row),
                    planes[2].index(8 * column, 8 * row),
                ];
                let any = if macroblock.reference == Reference::Intra {
                    let modes = &self.grid.subblocks(cell).modes;
                    let source = MacroblockSamples::of(&source, row, column);
                    code_intra(&macroblock, modes, &source, (row, column), &above, &mut settler, &mut planes, &mut work)
                } else {
                    analysis.predict(index, &mut planes, at);
                    let Workspace { coefficients, levels } = &mut work;
                    let blocks = analysis.coefficients(fineness.quantizer(), &macroblock, (row, column), coefficients);
                    let any = settler.settle_all(blocks, coefficients, levels);
                    if any {
                        reconstruct(&work.levels, settler.quantisers, y2, &mut planes, at);
                    }
                    any
                };
                if any {
                    self.tokens.record(&work.levels, settler.own);
                }
                contexts.keep(column, settler.own);
                let macroblock = self.grid.macroblock_mut(cell);
                macroblock.skip = !any;
                macroblock.has_coefficients = any;
            }
            above.keep(&self.picture, row);
        }
    }
}

/// The bytes of a frame.
fn write_frame(
    header: &FrameHeader,
    probabilities: &Probabilities,
    modes: &ModeRecord,
    grid: &MacroblockGrid,
    tokens: &TokenRecord,
) -> Vec<u8> {
    let coding = ModeCoding::new(header, probabilities);
    let first = with_bit_instructions(
        #[inline(always)]
        || {
            let mut first = BoolEncoder::new();
            header.write(&mut first);
            let macroblocks = (0..grid.rows()).flat_map(|row| grid.row(row));
            for (macroblock, modes) in macroblocks.zip(modes.macroblocks()) {
                coding.write_segment_and_skip(&mut first, macroblock);
                for (bit, probability) in modes {
                    first.write(*bit, *probability);
                }
            }
            first.finish()
        },
    );
    let second = with_bit_instructions(
        #[inline(always)]
        || {
            let mut second = BoolEncoder::new();
            tokens.write(&probabilities.tokens, &mut second);
            second.finish()
        },
    );
    let mut frame = Vec::with_capacity(10 + first.len() + second.len());
    header.write_uncoded(first.len(), &mut frame);
    frame.extend_from_slice(&first);
    frame.extend_from_slice(&second);
    frame
}
