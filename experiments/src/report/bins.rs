//! Rates over time: bytes at instants, added up in bins.

/// Kilobits per second in each bin of `bin_us` from `starts_us` on, the last one perhaps cut short by `ends_us`;
/// `events` are instants in microseconds and bytes, in any order, those outside left out. At most `MAX_BINS` bins.
pub fn kbps_in_bins(
    events: impl IntoIterator<Item = (u64, u64)>,
    starts_us: u64,
    ends_us: u64,
    bin_us: u64,
) -> Vec<f64> {
    let span_us = ends_us.saturating_sub(starts_us);
    let bin_us = bin_us.max(1);
    let mut bytes = vec![0_u64; span_us.div_ceil(bin_us).min(MAX_BINS) as usize];
    for (at_us, count) in events {
        if (starts_us..ends_us).contains(&at_us) {
            let bin = ((at_us - starts_us) / bin_us).min(MAX_BINS) as usize;
            if let Some(bytes) = bytes.get_mut(bin) {
                *bytes += count;
            }
        }
    }
    let rate = |(bin, bytes): (usize, u64)| {
        let width_us = bin_us.min(span_us - bin as u64 * bin_us);
        bytes as f64 * 8_000.0 / width_us as f64
    };
    bytes.into_iter().enumerate().map(rate).collect()
}

/// Half a day of half seconds: nobody draws more, and a mistaken span takes no memory.
pub(super) const MAX_BINS: u64 = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_rates_and_a_short_last_bin_counts_for_its_length() {
        let events =
            [(1_000_000, 125), (1_499_999, 125), (1_500_000, 250), (2_100_000, 125), (999_999, 9), (2_250_000, 9)];
        assert_eq!(kbps_in_bins(events, 1_000_000, 2_250_000, 500_000), [4.0, 4.0, 4.0]);
    }

    #[test]
    fn an_empty_or_endless_span_is_bounded() {
        assert_eq!(kbps_in_bins([(5, 5)], 10, 10, 1), [0.0; 0]);
        assert!(kbps_in_bins([], 0, u64::MAX, 1).len() == MAX_BINS as usize);
    }
}
