//! The part of an encode that all versions of a frame share: modes, vectors, predictions from other pictures and the
//! residue they leave. A pure function of source state, picture, plan, hints and effort.

use std::fmt;
use std::sync::{Arc, OnceLock};

use super::background::RENEWED_SEGMENT;
use super::estimate::IntraEstimates;
use super::mode_counts::ModeProbabilities;
use super::mode_record::ModeRecord;
use super::pass::{DecidedRow, Pass};
use super::plan::{Effort, Field, FrameKind, Hints, Plan};
use super::residue::{Predictions, Residue};
use super::token_prices::TokenPrices;
use crate::bitstream::probabilities::Probabilities;
use crate::executor::{Executor, Serial};
use crate::macroblock::{LumaMode, MacroblockGrid, MotionVector, Reference};
use crate::picture::PictureBuffer;
use crate::{Image, Size, State};

/// Why a picture cannot be encoded from a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// An inter frame was asked for from a state that has no pictures yet.
    NothingToPredictFrom,
    /// An inter frame was asked for, but the state's pictures have another size.
    OtherSize {
        /// Size of the picture to encode.
        image: Size,
        /// Size of the source state's pictures.
        state: Size,
    },
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingToPredictFrom => write!(f, "an inter frame needs a source state with pictures"),
            Self::OtherSize { image, state } => {
                write!(f, "an inter frame of {image} cannot be predicted from pictures of {state}")
            }
        }
    }
}

impl std::error::Error for EncodeError {}

/// What is known of a frame before its quantizer: everything but levels, reconstruction and bits.
pub struct Analysis {
    pub(super) source: State,
    pub(super) plan: Plan,
    /// The picture to encode, in whole macroblocks.
    pub(super) picture: PictureBuffer,
    pub(super) grid: MacroblockGrid,
    /// From the top.
    pub(super) rows: Vec<AnalysedRow>,
    /// How many macroblocks are in the renewed segment.
    pub(super) renewed: u32,
    /// On inter frames.
    pub(super) mode_probabilities: Option<ModeProbabilities>,
    /// Of intra macroblocks, as [`Analysis::intra_coefficients`] estimates them.
    pub(super) intra_coefficients: IntraEstimates,
    /// As [`Analysis::token_prices`] tells them.
    pub(super) token_prices: OnceLock<Box<TokenPrices>>,
    /// As [`Analysis::modes`] tells it.
    pub(super) mode_record: OnceLock<ModeRecord>,
    pub(super) hints: Hints,
}

/// What is known of a row of macroblocks besides what the grid says.
pub(super) struct AnalysedRow {
    /// By column, how macroblocks are predicted that are not as the last picture has them.
    pub(super) predictions: Predictions,
    /// By column, what prediction leaves of each macroblock, unless it is intra.
    pub(super) residue: Residue,
    /// As [`Analysis::finer_residue`] tells it.
    pub(super) finer_residue: OnceLock<Residue>,
}

/// Looks at `image` for a decoder that is in state `source`: chooses how each macroblock is predicted, once for all
/// quantizers that the frame may be finished at.
pub fn analyse(
    source: &State,
    image: &Image,
    plan: &Plan,
    hints: &Hints,
    effort: Effort,
) -> Result<Analysis, EncodeError> {
    analyse_on(&Serial, source, image, plan, hints, effort)
}

/// As [`analyse`], with rows of macroblocks side by side as far as `executor` lets them. The result is the same.
pub fn analyse_on(
    executor: &dyn Executor,
    source: &State,
    image: &Image,
    plan: &Plan,
    hints: &Hints,
    effort: Effort,
) -> Result<Analysis, EncodeError> {
    let size = image.size();
    let picture = PictureBuffer::from_image(executor, image);
    let (rows, counts) = Pass::new(source, &picture, plan, hints, effort)?.decide_all(executor);
    let grid = MacroblockGrid::join(size.macroblock_columns(), rows.iter().map(|row| &row.grid));
    let rows = rows.into_iter().map(|DecidedRow { predictions, residue, .. }| AnalysedRow {
        predictions,
        residue,
        finer_residue: OnceLock::new(),
    });
    let rows = rows.collect();
    let mode_probabilities = match plan.kind {
        FrameKind::Key => None,
        FrameKind::Inter => Some(counts.best_probabilities(&known_probabilities(source, plan))),
    };
    let vectors: Arc<[MotionVector]> = grid.macroblocks().map(|macroblock| macroblock.vector).collect();
    let field = Field { size, vectors, background: Default::default() };
    let mut analysis = Analysis {
        source: source.clone(),
        plan: plan.clone(),
        picture,
        grid,
        rows,
        renewed: 0,
        mode_probabilities,
        intra_coefficients: IntraEstimates::default(),
        token_prices: OnceLock::new(),
        mode_record: OnceLock::new(),
        hints: Hints { field: Some(field) },
    };
    if let (FrameKind::Inter, Some(before)) = (plan.kind, hints.of_size(size)) {
        analysis.renew_background(before);
    }
    Ok(analysis)
}

impl Analysis {
    /// What the next picture's analysis may be told.
    pub fn hints(&self) -> Hints {
        self.hints.clone()
    }

    /// What tokens cost under the probabilities that the frame's updates start from; worked out when first asked for.
    pub(super) fn token_prices(&self) -> &TokenPrices {
        let prices = || Box::new(TokenPrices::new(&known_probabilities(&self.source, &self.plan).tokens));
        self.token_prices.get_or_init(prices)
    }

    /// Chooses the macroblocks to be coded finer, among those that stood still in the picture `before` as well.
    fn renew_background(&mut self, before: &Field) {
        let (grid, columns) = (&self.grid, self.grid.columns());
        let stays = |index: usize| {
            let macroblock = grid.macroblock(grid.cell(index / columns, index % columns));
            macroblock.reference == Reference::Last && macroblock.luma_mode == LumaMode::Zero
        };
        let stands_still = |index: usize| stays(index) && before.vectors[index] == MotionVector::ZERO;
        let busy = |index: usize| self.rows[index / columns].residue.busy(index % columns);
        let is_quiet = |index: usize| stays(index) && busy(index) == 0;
        let (chosen, background) = before.background.renew(columns * grid.rows(), stands_still, is_quiet);
        for &index in &chosen {
            let cell = self.grid.cell(index / columns, index % columns);
            self.grid.macroblock_mut(cell).segment = RENEWED_SEGMENT;
        }
        self.renewed = chosen.len() as u32;
        if let Some(field) = &mut self.hints.field {
            field.background = background;
        }
    }
}

/// The probabilities that a frame's updates start from.
pub(super) fn known_probabilities(source: &State, plan: &Plan) -> Arc<Probabilities> {
    match (plan.kind, source.stream()) {
        (FrameKind::Inter, Some(stream)) => Arc::clone(&stream.probabilities),
        _ => Arc::default(),
    }
}
