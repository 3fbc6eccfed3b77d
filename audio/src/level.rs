//! How loud it is: for a meter on the screen.

use std::time::Duration;

/// Loudness in decibels of full scale: 0 is the most there is, [`Level::SILENCE_DB`] the least that is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// The mean, as an ear takes it.
    pub mean_db: f32,
    /// The highest sample of late.
    pub peak_db: f32,
}

impl Level {
    /// Nothing is shown as quieter.
    pub const SILENCE_DB: f32 = -60.0;

    /// The share of a meter's length that the mean lights, 0 to 1.
    pub fn share(&self) -> f32 {
        (1.0 - self.mean_db / Self::SILENCE_DB).clamp(0.0, 1.0)
    }
}

impl Default for Level {
    fn default() -> Self {
        Self { mean_db: Self::SILENCE_DB, peak_db: Self::SILENCE_DB }
    }
}

/// Follows sound: rises at once, falls as a needle does.
#[derive(Clone, Copy, Debug, Default)]
pub struct LevelMeter {
    power: f32,
    peak: f32,
}

impl LevelMeter {
    /// Takes the samples that came next; they last as long as they do at 48 kHz.
    pub fn handle_samples(&mut self, samples: &[f32]) {
        let seconds = crate::duration_of(samples.len() as u64).as_secs_f32();
        let power = samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len().max(1) as f32;
        let peak = samples.iter().fold(0.0, |peak: f32, sample| peak.max(sample.abs()));
        self.power = power.max(self.power * (-seconds / MEAN_FALL.as_secs_f32()).exp());
        self.peak = peak.max(self.peak * (-seconds / PEAK_FALL.as_secs_f32()).exp());
    }

    /// How loud it is.
    pub fn level(&self) -> Level {
        let db = |decibels: f32| decibels.clamp(Level::SILENCE_DB, 0.0);
        Level { mean_db: db(10.0 * self.power.log10()), peak_db: db(20.0 * self.peak.log10()) }
    }
}

/// As the needle of a VU meter falls (IEC 60268-17: 300 ms).
const MEAN_FALL: Duration = Duration::from_millis(130);
const PEAK_FALL: Duration = Duration::from_millis(1000);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_sine_is_three_decibels_under_full_scale_and_silence_falls_to_the_floor() {
        let sine: Vec<f32> = (0..4800).map(|i| (i as f32 * std::f32::consts::TAU / 48.0).sin()).collect();
        let mut meter = LevelMeter::default();
        assert_eq!(meter.level(), Level { mean_db: Level::SILENCE_DB, peak_db: Level::SILENCE_DB });
        meter.handle_samples(&sine);
        let level = meter.level();
        assert!((level.mean_db + 3.01).abs() < 0.1 && level.peak_db > -0.1, "{level:?}");
        for _ in 0..100 {
            meter.handle_samples(&[0.0; 4800]);
        }
        assert_eq!(meter.level().share(), 0.0);
    }
}
