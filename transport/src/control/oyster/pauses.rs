//! How long a link stands still between packets: what a byte that is served meets on average.

/// Service times over fading memory.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pauses {
    busy_us: f64,
    /// Of the service times that were pauses alone.
    squares_us2: f64,
}

impl Pauses {
    /// Time went by.
    pub(super) fn fade(&mut self, elapsed_us: i64) {
        let keep = (-(elapsed_us as f64) / MEMORY_US).exp();
        self.busy_us *= keep;
        self.squares_us2 *= keep;
    }

    /// A packet was served; it counts as a pause if that took longer than `pause_from_us`.
    pub(super) fn on_service(&mut self, service_us: f64, pause_from_us: f64) {
        self.busy_us += service_us;
        if service_us > pause_from_us {
            self.squares_us2 += service_us * service_us;
        }
    }

    /// The pause that a moment falls into, on average over all moments in which the link had something to carry: the mean of
    /// service times weighted by themselves, in which those that are no pauses count as nothing.
    pub(super) fn mean_us(&self) -> f64 {
        if self.busy_us > 0.0 { self.squares_us2 / self.busy_us } else { 0.0 }
    }
}

/// Long enough for a few of the pauses that come every second or two. 20 s did the same.
const MEMORY_US: f64 = 5_000_000.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_link_has_no_pauses_however_slow() {
        let mut pauses = Pauses::default();
        assert_eq!(pauses.mean_us(), 0.0);
        for _ in 0..50 {
            pauses.on_service(100_000.0, 200_000.0);
        }
        assert_eq!(pauses.mean_us(), 0.0);
    }

    #[test]
    fn half_of_the_time_in_pauses_of_60_ms_is_30_ms_and_forgotten_in_half_a_minute() {
        let mut pauses = Pauses::default();
        for _ in 0..10 {
            pauses.on_service(60_000.0, 8000.0);
            (0..30).for_each(|_| pauses.on_service(2000.0, 8000.0));
        }
        assert_eq!(pauses.mean_us(), 30_000.0);
        // Time alone changes nothing: it takes service to tell that the pauses are over.
        pauses.fade(30_000_000);
        assert!((pauses.mean_us() - 30_000.0).abs() < 1e-3);
        pauses.on_service(50_000.0, 100_000.0);
        assert!(pauses.mean_us() < 2000.0);
    }
}
