//! A voice, a network and two clocks, all made by arithmetic.
#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::BTreeMap;
use std::time::Duration;

use oyster_audio::{AudioReceiver, AudioSender, BLOCK_SAMPLES, FRAME_SAMPLES, PlayOut, ReceiverFigures, SAMPLE_RATE};

/// Random numbers that are the same each time.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(2) | 1)
    }

    /// From 0 up to but not 1 (xorshift64*, Vigna 2016).
    pub(crate) fn roll(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Something like speech: pulses of a gliding pitch through the formants of changing vowels, hisses between them, and pauses
/// between words.
pub(crate) fn speech(seconds: f64, seed: u64) -> Vec<f32> {
    let mut dice = Dice::new(seed);
    let mut sound = Vec::new();
    while sound.len() < (seconds * f64::from(SAMPLE_RATE)) as usize {
        for _ in 0..1 + (dice.roll() * 4.0) as usize {
            if dice.roll() < 0.4 {
                hiss(&mut sound, &mut dice);
            }
            vowel(&mut sound, &mut dice);
        }
        let pause = 0.05 + 0.15 * dice.roll();
        sound.extend(std::iter::repeat_n(0.0, (pause * f64::from(SAMPLE_RATE)) as usize));
    }
    sound.truncate((seconds * f64::from(SAMPLE_RATE)) as usize);
    // A room is never wholly silent.
    sound.iter().map(|sample| (sample + 2e-4 * (dice.roll() - 0.5)) as f32).collect()
}

fn vowel(sound: &mut Vec<f64>, dice: &mut Dice) {
    // First three formants of five vowels (Peterson and Barney 1952, men).
    const VOWELS: [[f64; 3]; 5] = [
        [730.0, 1090.0, 2440.0],
        [530.0, 1840.0, 2480.0],
        [270.0, 2290.0, 3010.0],
        [570.0, 840.0, 2410.0],
        [300.0, 870.0, 2240.0],
    ];
    let rate = f64::from(SAMPLE_RATE);
    let formants = VOWELS[(dice.roll() * 5.0) as usize];
    let samples = ((0.08 + 0.15 * dice.roll()) * rate) as usize;
    let (from_hz, to_hz) = (100.0 + 80.0 * dice.roll(), 100.0 + 80.0 * dice.roll());
    let mut past = [[0.0f64; 2]; 3];
    let mut phase = 0.0;
    for i in 0..samples {
        let share = i as f64 / samples as f64;
        phase += (from_hz + (to_hz - from_hz) * share) / rate;
        let mut pulse = 0.0;
        if phase >= 1.0 {
            phase -= 1.0;
            pulse = 1.0;
        }
        let mut sample = 0.0;
        for (formant, [one, two]) in formants.iter().zip(&mut past) {
            let radius = (-std::f64::consts::PI * 80.0 / rate).exp();
            let next =
                pulse + 2.0 * radius * (std::f64::consts::TAU * formant / rate).cos() * *one - radius * radius * *two;
            (*two, *one) = (*one, next);
            sample += next;
        }
        sound.push(0.02 * sample * (std::f64::consts::PI * share).sin());
    }
}

fn hiss(sound: &mut Vec<f64>, dice: &mut Dice) {
    let samples = 2000 + (dice.roll() * 3000.0) as usize;
    let mut before = 0.0;
    for i in 0..samples {
        let noise = dice.roll() - 0.5;
        sound.push(0.08 * (noise - before) * (std::f64::consts::PI * i as f64 / samples as f64).sin());
        before = noise;
    }
}

/// What happens to one packet: when it arrives after it was sent, each time it does.
pub(crate) type Fate<'a> = dyn FnMut(&mut Dice, Duration) -> Vec<Duration> + 'a;

pub(crate) struct Heard {
    /// Blocks of 10 ms, and which sound each begins with.
    pub(crate) blocks: Vec<(Option<PlayOut>, [f32; BLOCK_SAMPLES])>,
    /// Taken every second.
    pub(crate) figures: Vec<ReceiverFigures>,
    pub(crate) packets: usize,
    pub(crate) bytes: usize,
}

impl Heard {
    pub(crate) fn last(&self) -> ReceiverFigures {
        *self.figures.last().expect("a call of a second or more")
    }

    /// The time from capture to hearing that nearly all blocks of the second half had, network included.
    pub(crate) fn delay_p95(&self) -> Duration {
        let half = &self.blocks[self.blocks.len() / 2..];
        let mut offsets: Vec<i64> =
            half.iter().filter_map(|(play_out, _)| Some(play_out.as_ref()?.offset_us())).collect();
        offsets.sort_unstable();
        Duration::from_micros(offsets[offsets.len() * 95 / 100].max(0) as u64)
    }
}

/// One way of a call: `sound` is sent by a clock that is faster by `drift_ppm`, crosses the network, and is played by the true one. The
/// receiver's loss reaches the sender after 0.2 s if `reports`.
pub(crate) fn cross(sound: &[f32], drift_ppm: f64, reports: bool, fate: &mut Fate<'_>) -> Heard {
    let mut dice = Dice::new(7);
    let (mut sender, mut receiver) = (AudioSender::new().expect("memory"), AudioReceiver::new().expect("memory"));
    let mut on_the_way: BTreeMap<(Duration, usize), Vec<u8>> = BTreeMap::new();
    let mut heard = Heard { blocks: Vec::new(), figures: Vec::new(), packets: 0, bytes: 0 };
    let mut frames = sound.as_chunks::<FRAME_SAMPLES>().0.iter().enumerate().peekable();
    let mut copies = 0;
    for block in 0u64.. {
        let now = Duration::from_millis(10 * block) + Duration::from_micros(3100);
        while let Some((number, frame)) = frames.peek().copied() {
            // Frame time by the sender's sample clock; it tells time by the same clock.
            let captured = Duration::from_millis(20 * number as u64);
            let sent = (captured + Duration::from_millis(20)).mul_f64(1.0 - drift_ppm * 1e-6);
            if sent > now {
                break;
            }
            frames.next();
            if let Some(packet) = sender.send(frame, captured) {
                heard.packets += 1;
                heard.bytes += packet.len();
                for delay in fate(&mut dice, sent) {
                    copies += 1;
                    on_the_way.insert((sent + delay, copies), packet.clone());
                }
            }
        }
        while let Some(entry) = on_the_way.first_entry()
            && entry.key().0 <= now
        {
            let ((arrived, _), packet) = entry.remove_entry();
            receiver.handle_packet(&packet, arrived).expect("we wrote it");
        }
        let mut out = [0.0; BLOCK_SAMPLES];
        receiver.pull(&mut out, now, Duration::ZERO);
        heard.blocks.push((receiver.play_out(), out));
        if block % 20 == 0 && reports {
            sender.handle_loss(receiver.figures().loss).expect("the encoder takes it");
        }
        if block % 100 == 99 {
            heard.figures.push(receiver.figures());
        }
        if frames.peek().is_none() && on_the_way.is_empty() {
            heard.figures.push(receiver.figures());
            return heard;
        }
    }
    unreachable!("the sound ends");
}

/// The log-spectral distance, dB, between what was heard and the sound it should be, over blocks in which something is said;
/// both as an ear takes them, in bands of a third of an octave. 0 is the same; above 6 or so words are hard to make out.
pub(crate) fn spectral_distance(heard: &Heard, clean: &Heard) -> f64 {
    let told = |heard: &Heard| -> BTreeMap<i64, usize> {
        heard
            .blocks
            .iter()
            .enumerate()
            .filter_map(|(i, (play_out, _))| Some((play_out.as_ref()?.captured_us / 5000, i)))
            .collect()
    };
    let (there, here) = (told(clean), told(heard));
    let (mut sum, mut count) = (0.0, 0);
    for (captured, &index) in &here {
        let Some(&reference) = there.range(captured - 1..=captured + 1).next().map(|(_, index)| index) else {
            continue;
        };
        let (Some(ours), Some(theirs)) = (bands(heard, index), bands(clean, reference)) else { continue };
        if theirs.iter().sum::<f64>() < 1e-4 {
            continue; // nothing is said
        }
        let floor = theirs.iter().copied().fold(0.0, f64::max) * 1e-4;
        let db = |power: f64| 10.0 * (power + floor).log10();
        let squares = ours.iter().zip(&theirs).map(|(ours, theirs)| (db(*ours) - db(*theirs)).powi(2));
        sum += (squares.sum::<f64>() / ours.len() as f64).sqrt();
        count += 1;
    }
    assert!(count > 200, "{count} blocks are too few to tell");
    sum / f64::from(count)
}

/// Power in bands from 200 Hz to 5 kHz of 40 ms around a block.
fn bands(heard: &Heard, index: usize) -> Option<Vec<f64>> {
    let blocks = heard.blocks.get(index.checked_sub(2)?..index + 2)?;
    let sound: Vec<f64> =
        blocks.iter().flat_map(|(_, block)| block).step_by(4).map(|&sample| f64::from(sample)).collect();
    let centres = (0..15).map(|third| 200.0 * 2f64.powf(f64::from(third) / 3.0));
    let rate = f64::from(SAMPLE_RATE) / 4.0;
    Some(
        centres
            .map(|hz| (-1..=1).map(|side| power(&sound, hz * 2f64.powf(f64::from(side) / 9.0), rate)).sum())
            .collect(),
    )
}

/// Goertzel's algorithm under a Hann window.
fn power(sound: &[f64], hz: f64, rate: f64) -> f64 {
    let turn = std::f64::consts::TAU * hz / rate;
    let (mut one, mut two) = (0.0, 0.0);
    for (i, sample) in sound.iter().enumerate() {
        let window = (std::f64::consts::PI * i as f64 / sound.len() as f64).sin().powi(2);
        (two, one) = (one, sample * window + 2.0 * turn.cos() * one - two);
    }
    (one * one + two * two - 2.0 * turn.cos() * one * two) / sound.len() as f64
}
