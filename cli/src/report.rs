//! The end of a call in words and files.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result};
use oyster_experiments::Recording;
use oyster_experiments::metrics::Figures;

/// Writes the recording's files into `folder`, which is made if it is not there.
pub(crate) fn write(folder: &Path, recording: &Recording, title: &str) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    for (name, content) in recording.files(title) {
        crate::files::write(&folder.join(name), content.as_bytes())?;
    }
    Ok(())
}

/// The summary table.
pub(crate) fn summary(figures: &Figures) -> String {
    let shown = |value: Option<f64>, digits: usize| match value {
        Some(value) => format!("{value:.digits$}"),
        None => "-".to_owned(),
    };
    let mut table = String::new();
    let mut row = |name: &str, value: String| {
        // Writing to a String does not fail.
        let _ = writeln!(table, "{name:<28}{value}");
    };
    let delay = &figures.signal_delay_ms;
    row("signal delay", format!("p50 {} ms   p95 {} ms", shown(delay.p50, 0), shown(delay.p95, 0)));
    row("  omniscient bound", format!("p95 {} ms", shown(figures.bound.b1_p95_ms, 0)));
    row(
        "SSIM (luma)",
        format!("{} dB   worst 5 % {} dB", shown(figures.ssim_y_db.mean, 2), shown(figures.ssim_y_db.p5, 2)),
    );
    row("PSNR (luma)", format!("{} dB", shown(figures.psnr_y_db, 2)));
    let frames = &figures.frames;
    let share = 100.0 * frames.shown as f64 / frames.captured.max(1) as f64;
    let rates = format!("{} of {} a second", shown(figures.fps_shown, 1), shown(figures.fps_captured, 1));
    row("frames shown", format!("{rates}   ({share:.0} % of those captured)"));
    row("longest gap", format!("{} ms   freezes {}", shown(figures.longest_gap_ms, 0), figures.freezes));
    row(
        "versions sent",
        format!(
            "fine {}   coarse {}   survival {}   skipped {}   lost {}",
            frames.sent_fine, frames.sent_coarse, frames.sent_survival, frames.skipped, frames.lost
        ),
    );
    let rates = format!("{} of {} kbit/s", shown(figures.video_kbps, 0), shown(figures.link_kbps, 0));
    row(
        "video on the link",
        format!("{rates}   ({} % used)", shown(figures.utilisation.map(|share| share * 100.0), 0)),
    );
    let pair = |p50, p95| format!("p50 {} ms   p95 {} ms", shown(p50, 1), shown(p95, 1));
    row("encode, all versions", pair(figures.encode_ms.p50, figures.encode_ms.p95));
    row("decode", pair(figures.decode_ms.p50, figures.decode_ms.p95));
    table
}
