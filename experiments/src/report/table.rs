//! Many runs side by side: rows for people and machines, and what each profile is worth beside a baseline.

use std::fmt::Write;

use serde::Serialize;

use super::scatter::Outcome;

/// What one run came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// What the camera saw.
    pub clip: String,
    /// The link and where on it the run began.
    pub link: String,
    /// Which sender.
    pub profile: String,
    /// p95 of the signal delay.
    pub p95_ms: Option<f64>,
    /// Its mean.
    pub mean_ms: Option<f64>,
    /// p95 of what an omniscient sender gets.
    pub b1_p95_ms: Option<f64>,
    /// Mean SSIM of luma of the shown frames, in dB.
    pub ssim_y_db: Option<f64>,
    /// The worst twentieth of them.
    pub ssim_p5_db: Option<f64>,
    /// Frames shown a second.
    pub fps_shown: Option<f64>,
    /// The longest time without a new picture.
    pub longest_gap_ms: Option<f64>,
    /// Kilobits of frames sent a second.
    pub video_kbps: Option<f64>,
    /// The part of the link that was used.
    pub utilisation: Option<f64>,
}

/// A profile over all links and clips, beside the baseline on the same.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Standing {
    /// Which sender.
    pub profile: String,
    /// On how many clips and links both have figures.
    pub runs: usize,
    /// Geometric mean of its p95.
    pub p95_ms: f64,
    /// Geometric mean of its p95 over the baseline's.
    pub p95_ratio: f64,
    /// On how many of them its p95 is lower.
    pub lower: usize,
    /// Mean of its SSIM, in dB.
    pub ssim_y_db: f64,
    /// Mean of its SSIM less the baseline's, in dB.
    pub ssim_difference_db: f64,
    /// The least of these differences.
    pub ssim_least_db: f64,
}

const COLUMNS: &str =
    "clip,link,profile,p95_ms,mean_ms,b1_p95_ms,ssim_y_db,ssim_p5_db,fps_shown,longest_gap_ms,video_kbps,utilisation\n";

impl Row {
    fn cells(&self) -> [String; 12] {
        let cell = |value: Option<f64>, digits: usize| value.map_or(String::new(), |value| format!("{value:.digits$}"));
        [
            self.clip.clone(),
            self.link.clone(),
            self.profile.clone(),
            cell(self.p95_ms, 0),
            cell(self.mean_ms, 0),
            cell(self.b1_p95_ms, 0),
            cell(self.ssim_y_db, 2),
            cell(self.ssim_p5_db, 2),
            cell(self.fps_shown, 1),
            cell(self.longest_gap_ms, 0),
            cell(self.video_kbps, 0),
            cell(self.utilisation, 2),
        ]
    }

    /// Whether both are of one clip and link.
    fn is_beside(&self, other: &Self) -> bool {
        (&self.clip, &self.link) == (&other.clip, &other.link)
    }
}

/// The rows as comma-separated values, with a header.
pub fn rows_csv(rows: &[Row]) -> String {
    let quoted = |cell: String| if cell.contains([',', '"']) { format!("{cell:?}") } else { cell };
    let line = |row: &Row| row.cells().map(quoted).join(",") + "\n";
    COLUMNS.to_owned() + &rows.iter().map(line).collect::<String>()
}

/// The rows and the standings as tables in Markdown.
pub fn rows_markdown(rows: &[Row], baseline: &str) -> String {
    let mut table = String::from(
        "| link | clip | profile | p95 ms | mean ms | bound p95 | SSIM dB | worst 5 % | shown/s | longest gap ms | kbit/s | used |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let [clip, link, profile, rest @ ..] = row.cells();
        let _ = writeln!(table, "| {link} | {clip} | {profile} | {} |", rest.join(" | "));
    }
    let standings = standings(rows, baseline);
    if !standings.is_empty() {
        let _ = writeln!(
            table,
            "\n| profile | runs | p95 ms, geometric mean | p95 / {baseline}'s | lower on | SSIM dB | less {baseline}'s | the least |\n\
             |---|---|---|---|---|---|---|---|"
        );
    }
    for Standing { profile, runs, p95_ms, p95_ratio, lower, ssim_y_db, ssim_difference_db, ssim_least_db } in standings
    {
        let _ = writeln!(
            table,
            "| {profile} | {runs} | {p95_ms:.0} | {p95_ratio:.2} | {lower} | {ssim_y_db:.2} | {ssim_difference_db:+.2} | \
             {ssim_least_db:+.2} |"
        );
    }
    table
}

/// How every profile stands beside `baseline`, in the order in which they appear; the baseline itself as well.
pub fn standings(rows: &[Row], baseline: &str) -> Vec<Standing> {
    let mut profiles: Vec<&str> = Vec::new();
    for row in rows {
        if !profiles.contains(&row.profile.as_str()) {
            profiles.push(&row.profile);
        }
    }
    profiles.into_iter().filter_map(|profile| standing(rows, profile, baseline)).collect()
}

fn standing(rows: &[Row], profile: &str, baseline: &str) -> Option<Standing> {
    let figures = |row: &Row| Some((row.p95_ms.filter(|&p95_ms| p95_ms > 0.0)?, row.ssim_y_db?));
    let pair = |row: &Row| {
        let beside = rows.iter().find(|other| other.profile == baseline && other.is_beside(row))?;
        Some((figures(row)?, figures(beside)?))
    };
    let pairs: Vec<_> = rows.iter().filter(|row| row.profile == profile).filter_map(pair).collect();
    if pairs.is_empty() {
        return None;
    }
    let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / pairs.len() as f64;
    Some(Standing {
        profile: profile.to_owned(),
        runs: pairs.len(),
        p95_ms: mean(&mut pairs.iter().map(|((p95_ms, _), _)| p95_ms.ln())).exp(),
        p95_ratio: mean(&mut pairs.iter().map(|((p95_ms, _), (other_ms, _))| (p95_ms / other_ms).ln())).exp(),
        lower: pairs.iter().filter(|((p95_ms, _), (other_ms, _))| p95_ms < other_ms).count(),
        ssim_y_db: mean(&mut pairs.iter().map(|((_, ssim_db), _)| *ssim_db)),
        ssim_difference_db: mean(&mut pairs.iter().map(|((_, ssim_db), (_, other_db))| ssim_db - other_db)),
        ssim_least_db: pairs
            .iter()
            .map(|((_, ssim_db), (_, other_db))| ssim_db - other_db)
            .fold(f64::INFINITY, f64::min),
    })
}

/// The rows of one clip and link, to be drawn, and their bound.
pub fn outcomes_beside(rows: &[Row], of: &Row) -> (Vec<Outcome>, Option<f64>) {
    let outcome =
        |row: &Row| Some(Outcome { profile: row.profile.clone(), delay_p95_ms: row.p95_ms?, ssim_db: row.ssim_y_db? });
    (rows.iter().filter(|row| row.is_beside(of)).filter_map(outcome).collect(), of.b1_p95_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(link: &str, profile: &str, p95_ms: f64, ssim_db: f64) -> Row {
        Row {
            clip: "face".to_owned(),
            link: link.to_owned(),
            profile: profile.to_owned(),
            p95_ms: Some(p95_ms),
            mean_ms: Some(p95_ms / 2.0),
            b1_p95_ms: Some(50.0),
            ssim_y_db: Some(ssim_db),
            ssim_p5_db: None,
            fps_shown: Some(29.5),
            longest_gap_ms: Some(100.0),
            video_kbps: Some(900.0),
            utilisation: Some(0.5),
        }
    }

    fn rows() -> Vec<Row> {
        vec![
            row("a", "oyster", 100.0, 17.0),
            row("a", "classic", 200.0, 16.0),
            row("b", "oyster", 400.0, 15.0),
            row("b", "classic", 200.0, 16.0),
        ]
    }

    #[test]
    fn a_profile_stands_beside_the_baseline_on_the_same_links() {
        let mut rows = rows();
        rows.push(row("c", "oyster", 1.0, 1.0));
        let standings = standings(&rows, "classic");
        assert_eq!(standings.len(), 2);
        let ours = &standings[0];
        assert_eq!((ours.runs, ours.lower), (2, 1), "nobody is beside us on c");
        assert!((ours.p95_ratio - 1.0).abs() < 1e-9 && (ours.p95_ms - 200.0).abs() < 1e-9);
        assert_eq!((ours.ssim_difference_db, ours.ssim_least_db), (0.0, -1.0));
        assert_eq!((standings[1].p95_ratio, standings[1].ssim_difference_db), (1.0, 0.0));
    }

    #[test]
    fn rows_are_written_for_machines_and_people() {
        let csv = rows_csv(&rows());
        assert_eq!(csv.lines().nth(1), Some("face,a,oyster,100,50,50,17.00,,29.5,100,900,0.50"));
        assert!(csv.lines().all(|line| line.split(',').count() == 12));
        let markdown = rows_markdown(&rows(), "classic");
        assert!(markdown.contains("| a | face | oyster | 100 | 50 | 50 | 17.00 |  | 29.5 | 100 | 900 | 0.50 |"));
        assert!(markdown.contains("| oyster | 2 | 200 | 1.00 | 1 | 16.00 | +0.00 | -1.00 |"));
        assert!(!rows_markdown(&rows()[..1], "classic").contains("lower on"), "nothing to stand beside");
    }

    #[test]
    fn what_is_drawn_is_of_one_link() {
        let rows = rows();
        let (outcomes, bound) = outcomes_beside(&rows, &rows[2]);
        assert_eq!(outcomes.iter().map(|outcome| outcome.delay_p95_ms).collect::<Vec<_>>(), [400.0, 200.0]);
        assert_eq!(bound, Some(50.0));
    }
}
