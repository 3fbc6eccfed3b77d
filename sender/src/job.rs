//! One frame to encode, as a value: the shell runs it on a thread, an experiment inline at a charged cost.

use std::sync::Arc;

use oyster_codec::executor::{Executor, Serial, all};
use oyster_codec::{Effort, EncodeError, Encoded, Hints, Plan, StateTag, Transition, analyse_on, decode_prefix};
use oyster_codec::{Image, QuantizerIndex, Size, State};

use crate::policy::is_size_of;

/// Which versions of a frame to make; all start from one state and share one analysis (Salsify §3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Versions {
    /// At exactly these quantizers, finest first.
    At(Vec<QuantizerIndex>),
    /// One version for each of these sizes of a transition in bytes, largest first: as fine as fits.
    Fitting {
        /// The sizes to fit.
        bytes: Vec<usize>,
        /// No version is finer than this: past it, bits buy nothing anyone sees.
        finest: QuantizerIndex,
        /// Where the finest version is expected to land: where the last one did.
        expected: QuantizerIndex,
    },
    /// One version at this quantizer, where the link takes far more than that is expected to come to. Should it come to more than
    /// `bytes_max` all the same, a second one that fits that.
    Roomy {
        /// The quantizer.
        quantizer: QuantizerIndex,
        /// What the link takes, as the size of a transition in bytes.
        bytes_max: usize,
    },
}

/// Everything that encoding one captured picture depends on.
#[derive(Clone, Debug)]
pub struct EncodeJob {
    /// The picture's number, as it was captured.
    pub capture: u64,
    /// The picture.
    pub image: Arc<Image>,
    /// The size that it is coded at.
    pub size: Size,
    /// The state it is encoded from; scaled, if it is of another of the sizes that such pictures are coded at.
    pub source: State,
    /// If the receiver has gone on from there by the beginning of a frame: it is encoded from the state after that.
    pub beginning: Option<Beginning>,
    /// The versions wanted.
    pub versions: Versions,
    /// Where to look for motion first.
    pub hints: Hints,
    /// How hard to try.
    pub effort: Effort,
}

/// The beginning of a frame whose rest is lost, and the state that the receiver says it leads to.
#[derive(Clone, Debug)]
pub struct Beginning {
    /// The frame with the names of its states ([`Transition::to_bytes`]).
    pub transition: Arc<[u8]>,
    /// How much of the frame is its beginning.
    pub bytes: usize,
    /// The state after it.
    pub state: StateTag,
}

/// The versions of one frame, none of them committed to.
#[derive(Debug)]
pub struct EncodeResult {
    /// The picture's number, as it was captured.
    pub capture: u64,
    /// Its size, which the versions may be smaller than.
    pub full: Size,
    /// Finest first. Never empty.
    pub versions: Vec<Encoded>,
    /// Search hints for the next frame.
    pub hints: Hints,
    /// What a good picture would have taken, if sizes were predicted; 0 where the finest version is well good.
    pub good_bytes: Option<usize>,
    /// The state after the job's beginning, if it had one and that led where the receiver said.
    pub begun: Option<State>,
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
        self.run_on(&Serial)
    }

    /// As [`Self::run`], to the same bytes, with rows of macroblocks and versions side by side as far as `executor` lets them.
    pub fn run_on(&self, executor: &dyn Executor) -> Result<EncodeResult, EncodeError> {
        let decided_at = match &self.versions {
            Versions::At(quantizers) => quantizers.first().copied().unwrap_or(QuantizerIndex::MAX),
            Versions::Fitting { expected, finest, .. } => {
                QuantizerIndex::saturating(i32::from(expected.value()) - DECIDE_FINER).max(*finest)
            }
            Versions::Roomy { quantizer, .. } => *quantizer,
        };
        let begun = self.beginning.as_ref().and_then(|beginning| beginning.state_after(&self.source));
        let named = begun.as_ref().unwrap_or(&self.source);
        // A picture that the state's was never one of, or a state without one, can only start anew.
        let inter = named.size().is_some_and(|size| is_size_of(size, self.image.size()));
        let plan = if inter { Plan::inter(decided_at) } else { Plan::key(decided_at) };
        let is_scaled = inter && named.size() != Some(self.size);
        let source = if is_scaled { &named.scaled(self.size) } else { named };
        let header_bytes = Transition::header_bytes(is_scaled.then_some(self.size));
        let image = &self.image.scaled(self.size);
        let analysis = analyse_on(executor, source, image, &plan, &self.hints, self.effort)?;
        let mut good_bytes = None;
        let mut versions: Vec<Encoded> = Vec::new();
        match &self.versions {
            Versions::At(quantizers) => {
                let mut quantizers = quantizers.clone();
                quantizers.dedup();
                let finish = |quantizer| {
                    let analysis = &analysis;
                    move || analysis.finish_on(executor, quantizer)
                };
                versions = all(executor, quantizers.into_iter().map(finish));
            }
            Versions::Fitting { bytes, finest, expected } => {
                let mut sizes = analysis.sizes_on(executor);
                for bytes in bytes {
                    let bytes = bytes.saturating_sub(header_bytes);
                    let near = versions.last().map_or(*expected, |version| version.quantizer);
                    let fineness = sizes.fit(bytes, *finest, near);
                    if versions.last().is_none_or(|version| version.fineness < fineness) {
                        versions.push(sizes.finish_within(bytes, fineness, *finest));
                    }
                }
                // Well within what is good, the question costs more than its answer is worth.
                let is_fine = versions.first().is_some_and(|version| version.quantizer <= WELL_GOOD);
                good_bytes = Some(if is_fine { 0 } else { sizes.at(GOOD) });
            }
            Versions::Roomy { quantizer, bytes_max } => {
                versions.push(analysis.finish_on(executor, *quantizer));
                if header_bytes + versions[0].frame.len() > *bytes_max {
                    let bytes = bytes_max.saturating_sub(header_bytes);
                    let mut sizes = analysis.sizes_on(executor);
                    let fineness = sizes.fit(bytes, *quantizer, *quantizer);
                    versions.push(sizes.finish_within(bytes, fineness, *quantizer));
                }
            }
        }
        if is_scaled {
            versions = versions.into_iter().map(|version| version.from_scaled(named)).collect();
        }
        let (capture, full) = (self.capture, self.image.size());
        Ok(EncodeResult { capture, full, versions, hints: analysis.hints(), good_bytes, begun })
    }
}

impl Beginning {
    /// The state after it, from the one before the frame; none if it isn't what the receiver says.
    fn state_after(&self, source: &State) -> Option<State> {
        let transition = Transition::from_bytes(&self.transition).ok()?;
        let begun = decode_prefix(&transition.start(source).ok()?, transition.frame.get(..self.bytes)?).ok()?.target;
        (begun.id().tag() == self.state).then_some(begun)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oyster_scene::Scene;

    #[test]
    fn a_version_that_starts_from_a_scaled_state_takes_no_more_than_it_may() {
        let scene = Scene::new(Size::new(320, 192).unwrap(), 3);
        let job = |capture, source: &State, size, versions| EncodeJob {
            capture,
            image: Arc::new(scene.frame(capture)),
            size,
            source: source.clone(),
            beginning: None,
            versions,
            hints: Hints::default(),
            effort: Effort::Live,
        };
        let quantizer = QuantizerIndex::saturating(40);
        let first = job(0, &State::blank(), scene.size(), Versions::At(vec![quantizer])).run().unwrap();
        let (source, small) = (&first.versions[0].target, Size::new(240, 144).unwrap());
        for bytes in 600..640 {
            let fitting = Versions::Fitting { bytes: vec![bytes], finest: QuantizerIndex::MIN, expected: quantizer };
            let roomy = Versions::Roomy { quantizer: QuantizerIndex::saturating(4), bytes_max: bytes };
            for versions in [fitting, roomy] {
                let made = job(1, source, small, versions).run().unwrap().versions;
                let last = made.last().unwrap();
                assert_eq!(last.transition().scaled, Some(small));
                assert!(
                    (bytes * 9 / 10..=bytes).contains(&last.transition_bytes()),
                    "{bytes}: {}",
                    last.transition_bytes()
                );
            }
        }
    }
}
