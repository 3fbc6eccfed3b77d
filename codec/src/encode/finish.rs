//! One version of an analysed frame: levels, reconstruction, tokens, probabilities, loop filter and bits at one quantizer.
//! The loop is closed: what is predicted from within the frame is predicted from this version's own samples.

use super::analysis::{Analysis, known_probabilities};
use super::background::segmentation;
use super::filter_choice::{FILTER_DELTAS, level_at};
use super::fineness::Fineness;
use super::inter_macroblock::SIGN_BIASES;
use super::mode_record::ModeRecord;
use super::plan::FrameKind;
use super::rate::best_probability;
use super::residue::{ALL_BLOCKS, Blocks, CHROMA_AT, MacroblockSamples, Quantisers, Residue, Starts, transform};
use super::tokens::TokenRecord;
use super::version::Version;
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
use crate::executor::{Executor, Serial, both};
use crate::kernels::with_bit_instructions;
use crate::loop_filter::{FilterDeltas, LoopFilter};
use crate::macroblock::{Macroblock, MacroblockGrid, Reference};
use crate::picture::{PictureBuffer, Plane, PlaneView, PlaneViewMut};
use crate::state::SegmentMap;
use crate::{QuantizerIndex, Size, State, Transition, is_key_frame};

/// A frame at one quantizer, and the state a decoder is in once it has decoded it.
#[derive(Clone, Debug)]
pub struct Encoded {
    pub(super) source: State,
    /// If `source` is scaled to another size first.
    pub(super) scaled: Option<Size>,
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
        Transition::header_bytes(self.scaled) + self.frame.len()
    }

    /// Whether it is a key frame, which starts from no picture.
    pub fn is_key(&self) -> bool {
        is_key_frame(&self.frame)
    }

    /// The same frame, of which it is said that it was encoded from `source` scaled to the frame's size ([`State::scaled`]).
    #[must_use]
    pub fn from_scaled(self, source: &State) -> Self {
        Self { source: source.clone(), scaled: self.target.size(), ..self }
    }

    /// The frame with the names of the states it leads from and to; computing these takes a hash of the picture, once.
    pub fn transition(&self) -> Transition {
        Transition {
            source: self.source.id().tag(),
            target: self.target.id().tag(),
            scaled: self.scaled,
            frame: self.frame.clone(),
        }
    }
}

impl Analysis {
    /// Finishes the frame at a quantizer or [`Fineness`]. The same analysis and fineness give the same bytes, on any thread.
    pub fn finish(&self, fineness: impl Into<Fineness>) -> Encoded {
        self.finish_on(&Serial, fineness)
    }

    /// As [`Self::finish`], with what does not wait for each other side by side as far as `executor` lets it.
    pub fn finish_on(&self, executor: &dyn Executor, fineness: impl Into<Fineness>) -> Encoded {
        let fineness = fineness.into();
        self.finish_version(executor, fineness, Version::code(executor, self, fineness))
    }

    /// Finishes the frame whose macroblocks are coded.
    pub(super) fn finish_version(&self, executor: &dyn Executor, fineness: Fineness, version: Version) -> Encoded {
        let quantizer = fineness.quantizer();
        let is_key = self.plan.kind == FrameKind::Key;
        let known = known_probabilities(&self.source, &self.plan);
        let coding = version.tokens.best_coding(&known.tokens, &TOKEN_UPDATE_PROBABILITIES);
        let token_updates = TokenUpdates::between(&known.tokens, &coding.probabilities);
        let header = self.header(quantizer, token_updates, version.skipped(), level_at(quantizer));
        let basis = self.basis(&header);
        let Version { mut picture, grid, tokens } = version;
        let segments = header.segmentation.as_ref().map(|_| &basis.segment_values);
        let filter = LoopFilter::new(&header.filter, segments, &basis.filter_deltas, is_key);
        // Tokens and the filter take longest, so these two are begun at once.
        let ((picture, first), second) = both(
            executor,
            || {
                both(
                    executor,
                    || {
                        for row in 0..grid.rows() {
                            if let Some(filter) = &filter {
                                filter.filter_row(&mut picture, row, grid.row(row));
                            }
                        }
                        picture.freeze()
                    },
                    || first_partition(&header, &basis.probabilities, self.modes(), &grid),
                )
            },
            || second_partition(&basis.probabilities, &tokens),
        );
        let mut frame = Vec::with_capacity(10 + first.len() + second.len());
        header.write_uncoded(first.len(), &mut frame);
        frame.extend_from_slice(&first);
        frame.extend_from_slice(&second);
        let segment_map = if header.segmentation.is_some() {
            let segments = grid.macroblocks().map(|macroblock| macroblock.segment);
            SegmentMap::new(&segments.collect::<Vec<u8>>())
        } else {
            basis.segment_map.clone()
        };
        let target = State::new(basis.target(&header, &picture, segment_map));
        Encoded { source: self.source.clone(), scaled: None, frame, target, quantizer, fineness }
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
        if macroblock.segment != 0 {
            self.transform_anew(macroblock, (row, column), coefficients);
            ALL_BLOCKS
        } else if quantizer >= self.plan.finest {
            self.rows[row].residue.load(column, coefficients)
        } else {
            self.finer_residue(row).load(column, coefficients)
        }
    }

    /// What is to be coded of a row at quantizers finer than was planned for; worked out when first asked for.
    fn finer_residue(&self, row: usize) -> &Residue {
        self.rows[row].finer_residue.get_or_init(|| {
            let columns = self.grid.columns();
            let quantisers = Quantisers::new(QuantizerIndex::MIN);
            let mut residue = Residue::new(columns);
            let mut coefficients = Blocks::default();
            for column in 0..columns {
                let macroblock = self.grid.macroblock(self.grid.cell(row, column));
                if macroblock.reference != Reference::Intra {
                    self.transform_anew(macroblock, (row, column), &mut coefficients);
                    let busy = quantisers.busy(macroblock.luma_mode.has_y2(), &coefficients);
                    residue.keep(column, busy, &coefficients);
                }
            }
            residue
        })
    }

    /// All coefficients of an inter macroblock, of which no more are kept than the finest quantizer leaves.
    fn transform_anew(&self, macroblock: &Macroblock, (row, column): (usize, usize), coefficients: &mut Blocks) {
        let source = MacroblockSamples::of(&Plane::ALL.map(|plane| self.picture.plane(plane)), row, column);
        let last = self.source.stream().map(|stream| stream.reference(Reference::Last).planes());
        let prediction = match (self.rows[row].predictions.of(column), &last) {
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

    /// On inter frames, the last picture: most of it often stays.
    pub(super) fn last_picture(&self) -> Option<[PlaneView<'_>; 3]> {
        let stream = self.source.stream().filter(|_| self.plan.kind == FrameKind::Inter)?;
        Some(stream.reference(Reference::Last).planes())
    }

    /// Paints what the macroblock at (`row`, `column`), an inter one, is predicted as into `planes` from `at` on, where the
    /// last picture is still to be seen.
    #[inline]
    pub(super) fn predict(&self, (row, column): (usize, usize), planes: &mut [PlaneViewMut; 3], at: Starts) {
        let Some(prediction) = self.rows[row].predictions.of(column) else { return };
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
            refresh_entropy: self.plan.refresh_probabilities,
            token_updates,
            skip_probability: if skipped == 0 { None } else { best_probability(macroblocks - skipped, skipped) },
        }
    }
}

/// The first partition of a frame: its header and what it says of each macroblock.
pub(super) fn first_partition(
    header: &FrameHeader,
    probabilities: &Probabilities,
    modes: &ModeRecord,
    grid: &MacroblockGrid,
) -> Vec<u8> {
    let coding = ModeCoding::new(header, probabilities);
    with_bit_instructions(
        #[inline(always)]
        || {
            let mut first = BoolEncoder::new();
            header.write(&mut first);
            for (macroblock, modes) in grid.macroblocks().zip(modes.macroblocks()) {
                coding.write_segment_and_skip(&mut first, macroblock);
                for (bit, probability) in modes {
                    first.write(*bit, *probability);
                }
            }
            first.finish()
        },
    )
}

/// The second partition of a frame: its tokens.
fn second_partition(probabilities: &Probabilities, tokens: &TokenRecord) -> Vec<u8> {
    with_bit_instructions(
        #[inline(always)]
        || {
            let mut second = BoolEncoder::new();
            tokens.write(&probabilities.tokens, &mut second);
            second.finish()
        },
    )
}
