//! How well sizes are foretold before a bit is written, and how near frames come to a budget.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use oyster_codec::{Effort, Hints, Image, Plan, QuantizerIndex, State, analyse};
use serde::Serialize;

/// Over all frames but the first.
#[derive(Debug, Serialize)]
pub(super) struct SizeFigures {
    /// How far sizes foretold for 4 quantizer steps above and below are off, on average, in percent.
    size_error_percent: f64,
    /// Frames that take 90 to 100 percent of their budget, in percent.
    fit_within_percent: f64,
    /// Frames that take more than their budget, in percent.
    fit_over_percent: f64,
}

/// How far from the quantizer that decisions were made for sizes are foretold.
const STEPS: i32 = 4;

/// Decisions are made this much finer than where the last frame landed, as in a call.
const DECIDE_FINER: i32 = 6;

impl SizeFigures {
    pub(super) fn of(input: &Path, clip: &[Arc<Image>], quantizer: QuantizerIndex, effort: Effort) -> Result<Self> {
        let (mut errors, mut within, mut over) = (0.0, 0, 0);
        let (mut steady, mut changing) = (Chain::default(), Chain::default());
        let (mut last, mut random) = (quantizer, 1u32);
        for (number, image) in clip.iter().enumerate() {
            let at = || format!("{}: frame {number}", input.display());
            let is_key = number == 0;
            let plan = if is_key { Plan::key(quantizer) } else { Plan::inter(quantizer) };
            let analysis = analyse(&steady.state, image, &plan, &steady.hints, effort).with_context(at)?;
            for steps in [-STEPS, STEPS] {
                let near = stepped(quantizer, steps);
                let (foretold, written) = (analysis.predict_size(near), analysis.finish(near).frame.len());
                errors += if is_key { 0.0 } else { foretold.abs_diff(written) as f64 / written as f64 };
            }
            steady = Chain { state: analysis.finish(quantizer).target, hints: analysis.hints() };

            let plan = if is_key { plan } else { Plan::inter(stepped(last, -DECIDE_FINER)) };
            let analysis = analyse(&changing.state, image, &plan, &changing.hints, effort).with_context(at)?;
            let met = [QuantizerIndex::MAX, QuantizerIndex::MIN].map(|end| analysis.finish(end).frame.len());
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223); // Numerical Recipes, §7.1
            let budget = between(met, f64::from(random) / f64::from(u32::MAX));
            let mut sizes = analysis.sizes();
            let fineness = sizes.fit(budget, QuantizerIndex::MIN, last);
            let encoded = sizes.finish_within(budget, fineness, QuantizerIndex::MIN);
            let size = encoded.frame.len();
            within += usize::from(!is_key && (budget - budget / 10..=budget).contains(&size));
            over += usize::from(!is_key && size > budget);
            last = encoded.quantizer;
            changing = Chain { state: encoded.target, hints: analysis.hints() };
        }
        let inter_frames = (clip.len() - 1) as f64;
        let percent = |sum: f64| 100.0 * sum / inter_frames;
        Ok(Self {
            size_error_percent: percent(errors / 2.0),
            fit_within_percent: percent(within as f64),
            fit_over_percent: percent(over as f64),
        })
    }

    pub(super) fn table(&self) -> String {
        format!(
            "foretold sizes are off by {:.2} %; of frames with a budget, {:.1} % take 90 to 100 % of it and {:.1} % more\n",
            self.size_error_percent, self.fit_within_percent, self.fit_over_percent
        )
    }
}

/// What one frame leaves to the next.
#[derive(Default)]
struct Chain {
    state: State,
    hints: Hints,
}

fn stepped(quantizer: QuantizerIndex, steps: i32) -> QuantizerIndex {
    QuantizerIndex::saturating(i32::from(quantizer.value()) + steps)
}

/// So far on the way from the smallest size to the largest, evenly by ratio.
fn between([least, most]: [usize; 2], share: f64) -> usize {
    let (least, most) = (least as f64, most as f64);
    (least * (most / least).powf(share)) as usize
}
