//! One frame to encode, as a value: the shell runs it on a thread, an experiment inline at a charged cost.

use std::sync::Arc;

use oyster_codec::{Effort, EncodeError, Encoded, Hints, Plan, analyse};
use oyster_codec::{Image, QuantizerIndex, State};

/// Which versions of a frame to make; all start from one state and share one analysis (Salsify §3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Versions {
    /// At exactly these quantizers, finest first.
    At(Vec<QuantizerIndex>),
    /// One version for each of these frame sizes in bytes, largest first: the finest that is predicted to fit.
    Fitting {
        /// The sizes to fit.
        bytes: Vec<usize>,
        /// No version is finer than this: past it, bits buy nothing anyone sees.
        finest: QuantizerIndex,
        /// Where the finest version is expected to land: where the last one did.
        expected: QuantizerIndex,
    },
}

/// Everything that encoding one captured picture depends on.
#[derive(Clone, Debug)]
pub struct EncodeJob {
    /// The picture's number, as it was captured.
    pub capture: u64,
    /// The picture.
    pub image: Arc<Image>,
    /// The state it is encoded from.
    pub source: State,
    /// The versions wanted.
    pub versions: Versions,
    /// Where to look for motion first.
    pub hints: Hints,
    /// How hard to try.
    pub effort: Effort,
}

/// The versions of one frame, none of them committed to.
#[derive(Debug)]
pub struct EncodeResult {
    /// The picture's number, as it was captured.
    pub capture: u64,
    /// Finest first. Never empty.
    pub versions: Vec<Encoded>,
    /// Search hints for the next frame.
    pub hints: Hints,
    /// What a good picture would have taken, if sizes were predicted; 0 where the finest version is well good.
    pub good_bytes: Option<usize>,
}

/// Decisions are made this much finer than the version is expected to land: a finer λ costs nothing, a coarser one 10 %
/// and more, and a budget that has grown asks for a finer version than the last.
const DECIDE_FINER: i32 = 6;

/// A picture at this quantizer is good: about 16 dB of SSIM on a talking head.
const GOOD: QuantizerIndex = QuantizerIndex::saturating(24);
const WELL_GOOD: QuantizerIndex = QuantizerIndex::saturating(12);

impl EncodeJob {
    /// Makes the versions. Pure: the same job gives the same bytes.
    pub fn run(&self) -> Result<EncodeResult, EncodeError> {
        let decided_at = match &self.versions {
            Versions::At(quantizers) => quantizers.first().copied().unwrap_or(QuantizerIndex::MAX),
            Versions::Fitting { expected, finest, .. } => {
                QuantizerIndex::saturating(i32::from(expected.value()) - DECIDE_FINER).max(*finest)
            }
        };
        // A picture of another size than the state's, or a state without one, can only start anew.
        let inter = self.source.size() == Some(self.image.size());
        let plan = if inter { Plan::inter(decided_at) } else { Plan::key(decided_at) };
        let analysis = analyse(&self.source, &self.image, &plan, &self.hints, self.effort)?;
        let mut good_bytes = None;
        let mut quantizers = match &self.versions {
            Versions::At(quantizers) => quantizers.clone(),
            Versions::Fitting { bytes, finest, expected } => {
                let mut sizes = analysis.sizes();
                let mut near = *expected;
                let mut fit = |&bytes: &usize| {
                    near = sizes.quantizer_for(bytes, *finest, near);
                    near
                };
                let quantizers: Vec<QuantizerIndex> = bytes.iter().map(&mut fit).collect();
                // Well within what is good, the question costs more than its answer is worth.
                let is_fine = quantizers.first().is_some_and(|&finest| finest <= WELL_GOOD);
                good_bytes = Some(if is_fine { 0 } else { sizes.at(GOOD) });
                quantizers
            }
        };
        quantizers.dedup();
        Ok(EncodeResult {
            capture: self.capture,
            versions: quantizers.into_iter().map(|quantizer| analysis.finish(quantizer)).collect(),
            hints: analysis.hints(),
            good_bytes,
        })
    }
}
