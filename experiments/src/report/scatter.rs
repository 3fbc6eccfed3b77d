//! Delay against quality: the paper's picture of who is better (Salsify §5, figure 1). Better is up and to the right.

use super::svg::{Anchor, Drawing, INK, INK_SOFT, Panel, Scale, Style};

/// One profile's outcome on one link.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Whose it is: outcomes of one name share a colour.
    pub profile: String,
    /// p95 of the signal delay.
    pub delay_p95_ms: f64,
    /// Mean SSIM in dB.
    pub ssim_db: f64,
}

/// A drawing 640 wide of outcomes on one link; delay runs backwards on a logarithmic scale, as in the paper. Where the
/// bound is known it is a line that nobody can be right of.
pub fn delay_against_quality(title: &str, outcomes: &[Outcome], bound_b1_p95_ms: Option<f64>) -> String {
    let delays =
        || outcomes.iter().map(|outcome| outcome.delay_p95_ms).chain(bound_b1_p95_ms).filter(|delay| *delay > 0.0);
    let likenesses = || outcomes.iter().map(|outcome| outcome.ssim_db).filter(|db| db.is_finite());
    let (fast, slow) = (delays().fold(f64::MAX, f64::min), delays().fold(f64::MIN, f64::max));
    let (low, high) = (likenesses().fold(f64::MAX, f64::min), likenesses().fold(f64::MIN, f64::max));
    let x = if fast <= slow {
        Scale::logarithmic(fast / 1.5, slow * 1.5).reversed()
    } else {
        Scale::logarithmic(10.0, 1e4).reversed()
    };
    let y =
        if low <= high { Scale::linear((low - 1.0).floor(), (high + 1.0).ceil()) } else { Scale::linear(0.0, 20.0) };
    let panel = Panel { left: 56.0, top: 78.0, width: 560.0, height: 300.0, x, y };

    let mut drawing = Drawing::new(640.0, 440.0);
    let soft = Style { size: 11.5, colour: INK_SOFT, bold: false, anchor: Anchor::Middle };
    drawing.text((20.0, 32.0), title, Style { size: 18.0, colour: INK, bold: true, anchor: Anchor::Start });
    drawing.axes(&panel, "SSIM, dB", true);
    drawing.text((336.0, 418.0), "p95 of the signal delay, ms (logarithmic; quicker to the right)", soft);
    if let Some(b1) = bound_b1_p95_ms.filter(|&b1| b1 > 0.0) {
        let (x, _) = panel.at(b1, low);
        drawing.line((x, panel.top), (x, panel.bottom()), INK_SOFT, 1.2, "2 3");
        drawing.text((x - 5.0, panel.top + 12.0), "bound", Style { anchor: Anchor::End, ..soft });
    }
    let mut profiles: Vec<&str> = Vec::new();
    for outcome in outcomes {
        let place = profiles.iter().position(|&profile| profile == outcome.profile).unwrap_or_else(|| {
            profiles.push(&outcome.profile);
            profiles.len() - 1
        });
        let colour = COLOURS[place % COLOURS.len()];
        let (x, y) = panel.at(outcome.delay_p95_ms, outcome.ssim_db);
        drawing.dot((x, y), 6.0, colour);
        let style = Style { size: 12.0, colour, bold: true, anchor: Anchor::Middle };
        drawing.text((x, y - 11.0), &outcome.profile, style);
    }
    drawing.finish()
}

const COLOURS: [&str; 6] = ["#1d5fa8", "#b3411c", "#2f7d4f", "#7d4fa0", "#9a7400", "#52606d"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_stand_where_they_belong() {
        let outcome =
            |profile: &str, delay_p95_ms, ssim_db| Outcome { profile: profile.to_owned(), delay_p95_ms, ssim_db };
        let outcomes =
            [outcome("oyster", 110.0, 17.5), outcome("classic", 240.0, 17.0), outcome("conventional", 900.0, 16.1)];
        let svg = delay_against_quality("Verizon-LTE-short.down", &outcomes, Some(51.0));
        if let Some(path) = std::env::var_os("OYSTER_SAMPLE_SCATTER") {
            std::fs::write(path, &svg).unwrap(); // to be looked at
        }
        let x_of = |name: &str| {
            let line = svg.lines().find(|line| line.contains(&format!(">{name}<"))).unwrap();
            line.split('"').nth(1).unwrap().parse::<f64>().unwrap()
        };
        assert!(x_of("oyster") > x_of("classic") && x_of("classic") > x_of("conventional"));
        assert!(x_of("bound") > x_of("oyster"));
    }

    #[test]
    fn no_outcomes_are_an_empty_drawing() {
        let svg = delay_against_quality("nothing", &[], None);
        assert!(svg.ends_with("</svg>\n") && !svg.contains("NaN") && !svg.contains("inf"));
    }
}
