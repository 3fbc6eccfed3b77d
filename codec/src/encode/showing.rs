//! A frame that shows what a hidden one has brought: nothing but references, some bytes long.

use std::sync::Arc;

use super::analysis::EncodeError;
use super::finish::{Encoded, first_partition};
use super::inter_macroblock::SIGN_BIASES;
use super::mode_record::ModeRecord;
use super::rate::best_probability;
use crate::bitstream::bool_coder::BoolEncoder;
use crate::bitstream::frame_header::{
    FilterHeader, FrameHeader, FrameKind, InterFrame, QuantizerHeader, ReferenceUpdate, Version,
};
use crate::bitstream::probabilities::{TokenUpdates, VectorUpdates};
use crate::decode::Basis;
use crate::macroblock::{LumaMode, Macroblock, MacroblockGrid, Reference};
use crate::state::Stream;
use crate::{QuantizerIndex, State};

/// The frame that shows the alternate reference picture of `source` as it is, after which all references are that picture.
pub fn show_altref(source: &State) -> Result<Encoded, EncodeError> {
    let (stream, header, basis) = showing(source)?;
    let mut grid = MacroblockGrid::new(basis.size);
    let stays =
        Macroblock { reference: Reference::AltRef, luma_mode: LumaMode::Zero, skip: true, ..Macroblock::OUTSIDE };
    grid.rows_mut().for_each(|row| row.fill(stays));
    let modes = ModeRecord::of(&header, &basis.probabilities, &grid);
    let first = first_partition(&header, &basis.probabilities, &modes, &grid);
    let second = BoolEncoder::new().finish();
    let mut frame = Vec::with_capacity(10 + first.len() + second.len());
    header.write_uncoded(first.len(), &mut frame);
    frame.extend_from_slice(&first);
    frame.extend_from_slice(&second);
    let quantizer = QuantizerIndex::MIN;
    let target = shown(stream, &header, basis);
    Ok(Encoded { source: source.clone(), scaled: None, frame, target, quantizer, fineness: quantizer.into() })
}

/// The state after that frame.
pub fn altref_shown(source: &State) -> Result<State, EncodeError> {
    showing(source).map(|(stream, header, basis)| shown(stream, &header, basis))
}

/// What the frame is decoded from, its header, and what that makes of it.
fn showing(source: &State) -> Result<(&Stream, FrameHeader, Basis<'_>), EncodeError> {
    let stream = source.stream().ok_or(EncodeError::NothingToPredictFrom)?;
    let macroblocks = (stream.size.macroblock_columns() * stream.size.macroblock_rows()) as u32;
    let header = FrameHeader {
        version: Version::default(),
        shown: true,
        kind: FrameKind::Inter(InterFrame {
            golden: ReferenceUpdate::CopyOther,
            alt_ref: ReferenceUpdate::Keep,
            golden_sign_bias: SIGN_BIASES[Reference::Golden as usize],
            alt_ref_sign_bias: SIGN_BIASES[Reference::AltRef as usize],
            refresh_last: true,
            intra_probability: 1,
            last_probability: 1,
            golden_probability: 1,
            luma_mode_update: None,
            chroma_mode_update: None,
            vector_updates: VectorUpdates::default(),
        }),
        segmentation: None,
        // A filter would change what is shown.
        filter: FilterHeader { simple: false, level: 0, sharpness: 0, deltas: None },
        token_partitions_log2: 0,
        quantizers: QuantizerHeader::default(),
        refresh_entropy: true,
        token_updates: TokenUpdates::default(),
        skip_probability: best_probability(0, macroblocks),
    };
    let basis = Basis::new(source, &header).expect("the source has pictures");
    Ok((stream, header, basis))
}

fn shown(stream: &Stream, header: &FrameHeader, basis: Basis<'_>) -> State {
    let picture = Arc::clone(stream.reference(Reference::AltRef));
    let segment_map = basis.segment_map.clone();
    State::new(basis.target(header, &picture, segment_map))
}
