//! How several shared a link.

use std::time::Duration;

use serde::Serialize;

/// What a link carried for a call and for each neighbour of it, over some time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sharing {
    /// From when, in seconds of the run.
    pub from_s: f64,
    /// Kilobits a second on the wire: the call's, then each neighbour's in their order.
    pub kbps: Vec<f64>,
    /// The call's part of them all; none if nothing was carried.
    pub share: Option<f64>,
    /// Jain's index: 1 where all parts are alike, 1/n where one has everything.
    pub jain: Option<f64>,
}

impl Sharing {
    /// Of what was `carried`, when and how many bytes each time, from then until then.
    pub fn of<'a>(carried: impl IntoIterator<Item = &'a [(Duration, usize)]>, from: Duration, until: Duration) -> Self {
        let seconds = until.saturating_sub(from).as_secs_f64();
        let kilobits = |packets: &[(Duration, usize)]| {
            let bytes: usize =
                packets.iter().filter(|(at, _)| (from..until).contains(at)).map(|(_, bytes)| bytes).sum();
            bytes as f64 * 8e-3 / seconds
        };
        let kbps: Vec<f64> = carried.into_iter().map(kilobits).collect();
        let sum: f64 = kbps.iter().sum();
        let squares: f64 = kbps.iter().map(|kbps| kbps * kbps).sum();
        Self {
            from_s: from.as_secs_f64(),
            share: kbps.first().filter(|_| sum > 0.0).map(|own| own / sum),
            jain: (sum > 0.0).then(|| sum * sum / (kbps.len() as f64 * squares)),
            kbps,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_alike_and_one_that_has_everything() {
        let seconds = Duration::from_secs;
        let [a, b] = [[(seconds(1), 1000), (seconds(3), 500)], [(seconds(2), 500), (seconds(9), 77)]];
        let alike = Sharing::of([&a[1..], &b[..1]], seconds(1), seconds(5));
        assert_eq!((alike.kbps, alike.share, alike.jain), (vec![1.0, 1.0], Some(0.5), Some(1.0)));
        let one_sided = Sharing::of([&a[..], &[]], seconds(1), seconds(5));
        assert_eq!((one_sided.kbps, one_sided.share, one_sided.jain), (vec![3.0, 0.0], Some(1.0), Some(0.5)));
        let nobody = Sharing::of([&a[..], &b[..]], seconds(10), seconds(12));
        assert_eq!((nobody.share, nobody.jain), (None, None));
    }
}
