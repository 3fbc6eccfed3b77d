//! Speech made a little shorter or longer by whole periods of its pitch, so that the pitch stays and no edge is heard
//! (waveform similarity overlap-add; Verhelst and Roelands 1993).

/// A period after which a stretch of sound resembles itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Period {
    pub(crate) samples: usize,
    /// How much it does, −1 to 1; silence resembles itself wholly.
    pub(crate) likeness: f32,
}

/// The period after which the beginning of the sound best resembles what follows it; none of a sound too short to tell.
pub(crate) fn find_period(sound: &[f32]) -> Option<Period> {
    let beginning = sound.get(..MAX_PERIOD)?;
    sound.get(..2 * MAX_PERIOD)?;
    if energy(beginning) < QUIET * QUIET * MAX_PERIOD as f32 {
        return Some(Period { samples: MAX_PERIOD, likeness: 1.0 });
    }
    let lag_likeness = |lag: usize| Period { samples: lag, likeness: likeness(beginning, &sound[lag..]) };
    let best =
        |lags: &mut dyn Iterator<Item = usize>| lags.map(lag_likeness).max_by(|a, b| a.likeness.total_cmp(&b.likeness));
    let coarse = best(&mut (MIN_PERIOD..=MAX_PERIOD).step_by(STEP))?;
    let around = coarse.samples.saturating_sub(STEP - 1).max(MIN_PERIOD)..=(coarse.samples + STEP - 1).min(MAX_PERIOD);
    best(&mut around.into_iter())
}

/// The sound without its first period, which fades into the second.
pub(crate) fn shorten(sound: &[f32], period: usize) -> Vec<f32> {
    let mut shorter = fade(&sound[..period], &sound[period..2 * period]);
    shorter.extend_from_slice(&sound[2 * period..]);
    shorter
}

/// The sound with its first period twice.
pub(crate) fn lengthen(sound: &[f32], period: usize) -> Vec<f32> {
    let mut longer = sound[..period].to_vec();
    longer.extend(fade(&sound[period..2 * period], &sound[..period]));
    longer.extend_from_slice(&sound[period..]);
    longer
}

/// From one sound to another of the same length.
pub(crate) fn fade(from: &[f32], to: &[f32]) -> Vec<f32> {
    let step = 1.0 / from.len().max(1) as f32;
    let at = |(index, (from, to)): (usize, (&f32, &f32))| from + (to - from) * (index as f32 + 0.5) * step;
    from.iter().zip(to).enumerate().map(at).collect()
}

/// The correlation of two stretches, each fourth sample of them: speech has no pitch above 6 kHz.
fn likeness(a: &[f32], b: &[f32]) -> f32 {
    let (mut product, mut a_energy, mut b_energy) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(b).step_by(STEP) {
        product += a * b;
        a_energy += a * a;
        b_energy += b * b;
    }
    product / (a_energy * b_energy).sqrt().max(f32::MIN_POSITIVE)
}

fn energy(sound: &[f32]) -> f32 {
    sound.iter().map(|sample| sample * sample).sum()
}

/// Pitches of 100 to 400 Hz, all that two periods of which a frame of 20 ms has; of a deeper voice likeness is found at times.
const MIN_PERIOD: usize = 120;
const MAX_PERIOD: usize = 480;
const STEP: usize = 4;

/// Below −54 dB of full scale nobody hears what is left out.
const QUIET: f32 = 0.002;

#[cfg(test)]
mod tests {
    use super::*;

    fn voice(period: usize, samples: usize) -> Vec<f32> {
        let tone =
            |i: usize, harmonic: usize| (i as f32 * std::f32::consts::TAU * harmonic as f32 / period as f32).sin();
        (0..samples).map(|i| 0.2 * tone(i, 1) + 0.1 * tone(i, 2) + 0.05 * tone(i, 5)).collect()
    }

    fn largest_step(sound: &[f32]) -> f32 {
        sound.array_windows().map(|[a, b]| (a - b).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn a_voice_keeps_its_pitch_and_has_no_edge() {
        for pitch in [150, 200, 333, 470] {
            let sound = voice(pitch, 960);
            let period = find_period(&sound).unwrap();
            assert!(period.likeness > 0.95 && period.samples.is_multiple_of(pitch), "{period:?} of {pitch}");
            for (changed, length) in [
                (shorten(&sound, period.samples), 960 - period.samples),
                (lengthen(&sound, period.samples), 960 + period.samples),
            ] {
                assert_eq!(changed.len(), length);
                assert!(largest_step(&changed) < 1.1 * largest_step(&sound));
                assert_eq!((changed[0], changed.last()), (changed[0], sound.last()));
            }
        }
    }

    #[test]
    fn noise_resembles_nothing_and_silence_anything() {
        let mut state = 1u32;
        let noise: Vec<f32> = (0..960)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / (1u32 << 24) as f32 - 0.5
            })
            .collect();
        assert!(find_period(&noise).unwrap().likeness < 0.5);
        assert_eq!(find_period(&[0.0; 960]), Some(Period { samples: 480, likeness: 1.0 }));
        assert_eq!(find_period(&[0.0; 959]), None);
    }
}
