//! The peer's voice, out of our loudspeaker, round our room and into our microphone: what of it goes back.

mod world;

use std::time::Duration;

use oyster_audio::{BLOCK_SAMPLES, Cleaner};
use world::{Dice, speech};

/// A room: the way from loudspeaker to microphone, then 60 ms of fading reflections.
fn room(far: &[f32], delay_samples: usize) -> Vec<f32> {
    let mut dice = Dice::new(11);
    let reflections: Vec<(usize, f32)> = (0..60)
        .map(|number| {
            let at = if number == 0 { 0 } else { (dice.roll() * 2880.0) as usize };
            let loudness = 0.4 * (-(at as f64) / 700.0).exp() * if dice.roll() < 0.5 { -1.0 } else { 1.0 };
            (delay_samples + at, if number == 0 { 0.4 } else { 0.3 * loudness as f32 })
        })
        .collect();
    let mut heard = vec![0.0; far.len()];
    for (delay, loudness) in reflections {
        for (heard, far) in heard[delay..].iter_mut().zip(far) {
            *heard += loudness * far;
        }
    }
    heard
}

fn decibels(sound: &[f32]) -> f64 {
    let power = sound.iter().map(|&sample| f64::from(sample).powi(2)).sum::<f64>() / sound.len() as f64;
    10.0 * (power + 1e-12).log10()
}

/// What is left of the microphone's sound when the loudspeaker played `far`.
fn cleaned(far: &[f32], microphone: &[f32]) -> Vec<f32> {
    let mut cleaner = Cleaner::new();
    let (far, _) = far.as_chunks::<BLOCK_SAMPLES>();
    let (microphone, _) = microphone.as_chunks::<BLOCK_SAMPLES>();
    let blocks = far.iter().zip(microphone).flat_map(|(played, heard)| {
        cleaner.handle_played(played);
        cleaner.clean(heard, Duration::from_millis(40))
    });
    blocks.collect()
}

#[test]
fn twenty_decibels_of_echo_and_more_do_not_go_back() {
    let far = speech(15.0, 21);
    for delay_ms in [5, 40, 120] {
        let echo = room(&far, delay_ms * 48);
        let left = cleaned(&far, &echo);
        // After five seconds of learning; the whole rest, pauses and all.
        let enhancement = decibels(&echo[240_000..]) - decibels(&left[240_000..]);
        eprintln!("echo return loss enhancement at {delay_ms} ms: {enhancement:.1} dB");
        assert!(enhancement >= 20.0, "{enhancement:.1} dB at {delay_ms} ms");
    }
}

#[test]
fn ones_own_voice_stays_while_the_other_is_silent_and_nobody_echoes() {
    let near = speech(10.0, 22);
    let left = cleaned(&vec![0.0; near.len()], &near);
    let change = decibels(&left[144_000..]) - decibels(&near[144_000..]);
    eprintln!("one's own voice changed by {change:.1} dB");
    assert!((-3.0..=24.0).contains(&change), "{change:.1} dB");
}

#[test]
fn ones_own_voice_stays_while_the_other_speaks() {
    let (far, near) = (speech(15.0, 23), speech(15.0, 24));
    let echo = room(&far, 40 * 48);
    let both: Vec<f32> = echo.iter().zip(&near).map(|(echo, near)| echo + near).collect();
    let left = cleaned(&far, &both);
    let loudness = |sound: &[f32]| -> Vec<f64> { sound[240_000..].chunks(BLOCK_SAMPLES).map(rms).collect() };
    let (left, near, far) = (loudness(&left), loudness(&near), loudness(&echo));
    let (ours, theirs) = (likeness(&left, &near), likeness(&left, &far));
    eprintln!("with both speaking, what is left rises and falls as our voice by {ours:.2}, as the echo by {theirs:.2}");
    assert!(ours > 0.5 && ours > 2.0 * theirs.abs(), "{ours:.2}, {theirs:.2}");
}

fn rms(sound: &[f32]) -> f64 {
    (sound.iter().map(|&sample| f64::from(sample).powi(2)).sum::<f64>() / sound.len() as f64).sqrt()
}

/// The correlation of two rows of numbers.
fn likeness(a: &[f64], b: &[f64]) -> f64 {
    let mean = |row: &[f64]| row.iter().sum::<f64>() / row.len() as f64;
    let (a_mean, b_mean) = (mean(a), mean(b));
    let pairs = || a.iter().zip(b).map(|(a, b)| (a - a_mean, b - b_mean));
    let (ab, aa, bb) = pairs().fold((0.0, 0.0, 0.0), |(ab, aa, bb), (a, b)| (ab + a * b, aa + a * a, bb + b * b));
    ab / (aa * bb).sqrt()
}
