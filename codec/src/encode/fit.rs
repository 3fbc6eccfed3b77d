//! How finely a frame is to be coded to meet a budget of bytes.

use super::analysis::Analysis;
use super::fineness::Fineness;
use super::finish::Encoded;
use super::rate::log2_256ths;
use crate::QuantizerIndex;
use crate::executor::{Executor, Serial};

impl Analysis {
    /// The predicted sizes of this frame, each computed once: for more than one question.
    pub fn sizes(&self) -> Sizes<'_> {
        self.sizes_on(&Serial)
    }

    /// As [`Self::sizes`]; predictions and versions are made side by side as far as `executor` lets them.
    pub fn sizes_on<'a>(&'a self, executor: &'a dyn Executor) -> Sizes<'a> {
        Sizes { executor, analysis: self, known: Vec::new(), actual_per_predicted: (1, 1) }
    }

    /// How finely the frame is to be coded to take at most `bytes` and not much less, as [`Sizes::fit`] finds it.
    pub fn fit(&self, bytes: usize) -> Fineness {
        self.sizes().fit(bytes, QuantizerIndex::MIN, self.plan.finest)
    }
}

/// The predicted sizes of one analysed frame.
///
/// A question costs a prediction for each place it looks at; it looks at few where the answer is expected.
pub struct Sizes<'a> {
    executor: &'a dyn Executor,
    analysis: &'a Analysis,
    /// Sizes where they were asked for.
    known: Vec<(Fineness, usize)>,
    /// How sizes that were seen compare with what was predicted.
    actual_per_predicted: (usize, usize),
}

impl Sizes<'_> {
    /// As [`Analysis::predict_size`].
    pub fn at(&mut self, fineness: impl Into<Fineness>) -> usize {
        let fineness = fineness.into();
        if let Some((_, size)) = self.known.iter().find(|(known, _)| *known == fineness) {
            return *size;
        }
        let size = self.analysis.predict_size_on(self.executor, fineness);
        self.known.push((fineness, size));
        size
    }

    /// How finely the frame is to be coded to take at most `bytes`, and not much less unless that would be finer than `finest`. A
    /// budget that is too small for the coarsest quantizer is exceeded. The search begins at `expected`.
    pub fn fit(&mut self, bytes: usize, finest: QuantizerIndex, expected: QuantizerIndex) -> Fineness {
        let (actual, predicted) = self.actual_per_predicted;
        let budget = Budget::of(bytes * predicted / actual);
        let (finest, coarsest) = (Fineness::from(finest).parts(), Fineness::COARSEST.parts());
        let mut guess = Fineness::from(expected).parts().max(finest);
        // The nearest places that are known to be too fine and too coarse, with how often the budget doubles to their sizes.
        let (mut fine, mut coarse) = (None::<(i64, i64)>, None::<(i64, i64)>);
        // How far the next step leads at least while all places were on one side: sizes hardly fall where modes take most bits.
        let mut step = 1;
        for _ in 0..MOST_GUESSES {
            let size = self.at(Fineness::saturating(guess));
            if (budget.least..=budget.most).contains(&size) {
                return Fineness::saturating(guess);
            }
            // Sizes fall exponentially, more or less.
            let over = doublings(size) - doublings(budget.aim);
            let place = if size > budget.most { &mut fine } else { &mut coarse };
            *place = Some((guess, over));
            let distance = (over * USUAL_DISTANCE / 256).abs().max(step);
            step = 2 * distance;
            guess = match (fine, coarse) {
                (Some((fine, over)), Some((coarse, under))) if coarse - fine > 1 => {
                    let (width, share) = (coarse - fine, over * (coarse - fine) / (over - under).max(1));
                    // Where the curve is bent, neither end should stay for long.
                    let margin = (width / 8).max(1);
                    fine + share.clamp(margin, width - margin)
                }
                (Some((fine, _)), None) if fine < coarsest => (fine + distance).min(coarsest),
                (None, Some((coarse, _))) if coarse > finest => (coarse - distance).max(finest),
                _ => break,
            };
        }
        Fineness::saturating(coarse.map_or(coarsest, |(coarse, _)| coarse))
    }

    /// Finishes the frame at `fineness`, as [`Self::fit`] gave it for `bytes`, and a second time where it turns out larger than that or
    /// smaller than it need be, which is rare: what was wrong with the prediction is then known.
    pub fn finish_within(&mut self, bytes: usize, fineness: Fineness, finest: QuantizerIndex) -> Encoded {
        let encoded = self.analysis.finish_on(self.executor, fineness);
        let size = encoded.frame.len();
        if size <= bytes && (size >= bytes - bytes / 10 || fineness <= finest.into()) {
            return encoded;
        }
        self.actual_per_predicted = (size, self.at(fineness));
        let again = self.fit(bytes, finest, fineness.quantizer());
        if again == fineness {
            return encoded;
        }
        let other = self.analysis.finish_on(self.executor, again);
        let fits = |version: &Encoded| version.frame.len() <= bytes;
        // The larger of those that fit; else the smaller.
        let is_better = match (fits(&encoded), fits(&other)) {
            (true, true) => other.frame.len() > size,
            (false, false) => other.frame.len() < size,
            (_, other_fits) => other_fits,
        };
        if is_better { other } else { encoded }
    }
}

/// How much of a budget a prediction should come to.
struct Budget {
    least: usize,
    aim: usize,
    most: usize,
}

impl Budget {
    /// Sizes are predicted to within half a percent on average; what is left of `bytes` covers three times that.
    fn of(bytes: usize) -> Self {
        let without = |thousandths: usize| bytes - bytes * thousandths / 1000;
        Self { least: without(55), aim: without(30), most: without(15) }
    }
}

/// How often one byte doubles to `bytes`, in 256ths.
fn doublings(bytes: usize) -> i64 {
    log2_256ths(bytes.max(1) as u64).into()
}

/// In how many sixteenths of a quantizer step a frame halves, about: it loses 3 to 10 percent a step.
const USUAL_DISTANCE: i64 = 11 * 16;

/// Guesses that a search takes at most; it takes two or three where it was expected.
const MOST_GUESSES: usize = 12;
