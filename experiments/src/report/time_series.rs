//! A run over time, one panel above the other: what the link could carry and what was sent, which versions, the
//! signal's delay, the picture's likeness.

use super::bins::kbps_in_bins;
use super::svg::{Anchor, Drawing, INK, INK_SOFT, Panel, Scale, Style};
use crate::metrics::{CapturedFrame, Choice, Run, UNSCORED_US, signal_delays_ms};
use oyster_codec::quality::ssim_db;

/// What is drawn.
#[derive(Clone, Copy, Debug)]
pub struct TimeSeries<'a> {
    /// The headline: what was run.
    pub title: &'a str,
    /// The run.
    pub run: Run<'a>,
    /// What the link could carry, in kbit/s, in bins of [`BIN_US`] from the run's start; empty if it is not known.
    pub capacity_kbps: &'a [f64],
}

/// A run as a drawing 900 wide. It is of the whole run; the part that is not scored is shaded.
pub fn time_series(series: &TimeSeries) -> String {
    let run = &series.run;
    let seconds = run.ends_us.saturating_sub(run.starts_us) as f64 / 1e6;
    let panel = |top: f64, height: f64, y: Scale| Panel {
        left: 62.0,
        top,
        width: 818.0,
        height,
        x: Scale::linear(0.0, seconds),
        y,
    };
    let mut drawing = Drawing::new(900.0, 790.0);
    headline(&mut drawing, series);
    rates(&mut drawing, series, panel(104.0, 170.0, Scale::linear(0.0, 1.0)));
    versions(&mut drawing, run, panel(314.0, 44.0, Scale::linear(0.0, 1.0)));
    delays(&mut drawing, run, panel(398.0, 170.0, Scale::linear(0.0, 1.0)));
    likeness(&mut drawing, run, panel(608.0, 130.0, Scale::linear(0.0, 1.0)));
    let style = Style { size: 11.5, colour: INK_SOFT, bold: false, anchor: Anchor::Middle };
    drawing.text((471.0, 774.0), "seconds", style);
    drawing.finish()
}

fn headline(drawing: &mut Drawing, series: &TimeSeries) {
    let figures = series.run.figures();
    let words = |value: Option<f64>, digits: usize, unit: &str| {
        value.map_or_else(|| format!("– {unit}"), |value| format!("{value:.digits$} {unit}"))
    };
    let summary = [
        format!("signal delay p50 {}", words(figures.signal_delay_ms.p50, 0, "ms")),
        format!("p95 {}", words(figures.signal_delay_ms.p95, 0, "ms")),
        format!("SSIM {}", words(figures.ssim_y_db.mean, 1, "dB")),
        words(figures.fps_shown, 1, "shown/s"),
        format!("longest gap {}", words(figures.longest_gap_ms, 0, "ms")),
        format!("video {}", words(figures.video_kbps, 0, "kbit/s")),
    ];
    drawing.text((20.0, 32.0), series.title, Style { size: 18.0, colour: INK, bold: true, anchor: Anchor::Start });
    let style = Style { size: 12.5, colour: INK_SOFT, bold: false, anchor: Anchor::Start };
    drawing.text((20.0, 54.0), &summary.join("  ·  "), style);
}

fn rates(drawing: &mut Drawing, series: &TimeSeries, mut panel: Panel) {
    let run = &series.run;
    let sent =
        run.frames.iter().filter(|frame| frame.was_sent()).filter_map(|frame| Some((frame.sent_us?, frame.bytes?)));
    let sent_kbps = kbps_in_bins(sent, run.starts_us, run.ends_us, BIN_US);
    // A link with rare bursts should not flatten all the rest: the scale ends at what 98 of 100 bins stay under.
    let mut all: Vec<f64> = series.capacity_kbps.to_vec();
    all.sort_by(f64::total_cmp);
    let usual = all.get(all.len() * 98 / 100).or(all.last()).copied().unwrap_or(0.0);
    let most = sent_kbps.iter().copied().fold(usual, f64::max) * 1.08;
    let (scale, unit) = if most >= 2000.0 { (1e-3, "Mbit/s") } else { (1.0, "kbit/s") };
    panel.y = Scale::linear(0.0, most.max(10.0) * scale);
    shade_unscored(drawing, &panel);
    let outline = |kbps: &[f64]| thinned(&steps(&panel, kbps, scale));
    let mut capacity = outline(series.capacity_kbps);
    if let (Some(&first), Some(&last)) = (capacity.first(), capacity.last()) {
        capacity.extend([(last.0, panel.bottom()), (first.0, panel.bottom())]);
    }
    drawing.area(&capacity, CAPACITY);
    drawing.axes(&panel, &format!("Link and video, {unit}"), false);
    drawing.path(&outline(&sent_kbps), SENT, 1.8);
    let entries = [(CAPACITY, "link capacity"), (SENT, "video sent"), (UNSCORED, "not scored")];
    drawing.legend(&panel, if series.capacity_kbps.is_empty() { &entries[1..] } else { &entries });
}

/// The outline of bins as steps.
fn steps(panel: &Panel, kbps: &[f64], scale: f64) -> Vec<(f64, f64)> {
    let width = BIN_US as f64 / 1e6;
    let edges = |(bin, &kbps): (usize, &f64)| [bin, bin + 1].map(|edge| panel.at(edge as f64 * width, kbps * scale));
    kbps.iter().enumerate().flat_map(edges).collect()
}

fn versions(drawing: &mut Drawing, run: &Run, panel: Panel) {
    let span_us = run.ends_us.saturating_sub(run.starts_us);
    let bin_us = BIN_US.max(span_us / MOST_BARS);
    let mut counts = vec![[0_u32; 4]; span_us.div_ceil(bin_us) as usize];
    for frame in run.frames {
        let bin = frame.captured_us.saturating_sub(run.starts_us) / bin_us;
        if let Some(counts) = counts.get_mut(bin as usize) {
            counts[rank(frame)] += 1;
        }
    }
    let width = bin_us as f64 / 1e6;
    for (bin, counts) in counts.iter().enumerate() {
        let total: u32 = counts.iter().sum();
        let mut below = 0.0;
        for (count, (colour, _)) in counts.iter().zip(VERSIONS) {
            let above = below + f64::from(*count) / f64::from(total.max(1));
            let (left, top) = panel.at(bin as f64 * width, above);
            let (right, bottom) = panel.at((bin + 1) as f64 * width, below);
            drawing.rectangle((left, top), (right - left, bottom - top), colour);
            below = above;
        }
    }
    let used = |which: usize| run.frames.iter().any(|frame| rank(frame) == which);
    let entries: Vec<(&str, &str)> =
        (0..VERSIONS.len()).filter(|&which| used(which)).map(|which| VERSIONS[which]).collect();
    let title = Style { size: 13.0, colour: INK, bold: true, anchor: Anchor::Start };
    drawing.text((panel.left, panel.top - 9.0), "Versions, share of frames", title);
    drawing.line((panel.left, panel.bottom()), (panel.right(), panel.bottom()), INK_SOFT, 1.0, "");
    drawing.legend(&panel, &entries);
}

fn rank(frame: &CapturedFrame) -> usize {
    match frame.choice {
        Some(Choice::Fine) => 0,
        Some(Choice::Coarse) => 1,
        Some(Choice::Survival) => 2,
        Some(Choice::Skip) | None => 3,
    }
}

fn delays(drawing: &mut Drawing, run: &Run, mut panel: Panel) {
    let mut delays = signal_delays_ms(run);
    delays.retain(|&(captured_us, _)| captured_us >= run.starts_us);
    let most = delays.iter().map(|delay| delay.1).fold(200.0, f64::max);
    panel.y = Scale::logarithmic(20.0, most * 1.15);
    shade_unscored(drawing, &panel);
    drawing.axes(&panel, "Signal delay, ms (logarithmic)", false);
    let points: Vec<(f64, f64)> =
        delays.iter().map(|&(at_us, delay_ms)| panel.at((at_us - run.starts_us) as f64 / 1e6, delay_ms)).collect();
    drawing.path(&thinned(&points), DELAY, 1.4);
    let levels =
        [("p95", run.figures().signal_delay_ms.p95, DELAY, "5 4"), ("bound p95", run.bound_b1_p95_ms, INK_SOFT, "2 3")];
    for (name, level_ms, colour, dashes) in levels {
        let Some(level_ms) = level_ms else { continue };
        let (_, y) = panel.at(0.0, level_ms);
        drawing.line((panel.left, y), (panel.right(), y), colour, 1.2, dashes);
        let style = Style { size: 11.5, colour, bold: true, anchor: Anchor::End };
        drawing.text((panel.right() - 4.0, y - 5.0), &format!("{name} {level_ms:.0} ms"), style);
    }
}

fn likeness(drawing: &mut Drawing, run: &Run, mut panel: Panel) {
    let shown = run.frames.iter().filter_map(|frame| Some((run.shown_us(frame)?, ssim_db(frame.ssim_y?))));
    let mut shown: Vec<(u64, f64)> = shown.filter(|&(at_us, _)| at_us >= run.starts_us).collect();
    shown.sort_by_key(|&(at_us, _)| at_us);
    let finite = || shown.iter().map(|point| point.1).filter(|db| db.is_finite());
    let (low, high) = (finite().fold(f64::MAX, f64::min), finite().fold(f64::MIN, f64::max));
    panel.y = if low <= high {
        Scale::linear((low - 0.5).max(0.0).floor(), (high + 0.5).ceil())
    } else {
        Scale::linear(0.0, 20.0)
    };
    shade_unscored(drawing, &panel);
    drawing.axes(&panel, "SSIM of the pictures shown, dB", true);
    // A line from picture to picture, broken where none came for long.
    for stretch in shown.chunk_by(|a, b| b.0 - a.0 < BROKEN_US) {
        let points: Vec<(f64, f64)> =
            stretch.iter().map(|&(at_us, db)| panel.at((at_us - run.starts_us) as f64 / 1e6, db)).collect();
        drawing.path(&thinned(&points), LIKENESS, 1.4);
    }
}

fn shade_unscored(drawing: &mut Drawing, panel: &Panel) {
    let (x, _) = panel.at(UNSCORED_US as f64 / 1e6, 0.0);
    drawing.rectangle((panel.left, panel.top), (x - panel.left, panel.height), UNSCORED);
}

/// The same line with at most four points a column of the drawing: first, lowest, highest, last.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut thin = Vec::new();
    for column in points.chunk_by(|a, b| a.0.floor() == b.0.floor()) {
        if column.len() <= 4 {
            thin.extend(column);
            continue;
        }
        let by_height = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        let (low, high) = (column.iter().min_by(by_height), column.iter().max_by(by_height));
        thin.extend(column.first().into_iter().chain(low).chain(high).chain(column.last()));
    }
    thin
}

/// The width of a bin in which rates are drawn: short enough to see an outage, long enough to hold some frames.
pub const BIN_US: u64 = 500_000;

/// A picture that stays this long is drawn as a gap.
const BROKEN_US: u64 = 500_000;

/// Bars of two pixels are the narrowest that can be told apart.
const MOST_BARS: u64 = 400;

const CAPACITY: &str = "#cbd8e6";
const UNSCORED: &str = "#ece9df";
const SENT: &str = "#1d5fa8";
const DELAY: &str = "#b3411c";
const LIKENESS: &str = "#2f7d4f";
const VERSIONS: [(&str, &str); 4] =
    [("#2f7d4f", "fine"), ("#a9cf9a", "coarse"), ("#e3b23c", "survival"), ("#c9c5bd", "skipped")];

#[cfg(test)]
mod tests;
