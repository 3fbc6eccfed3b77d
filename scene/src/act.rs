//! What the person does at a given frame: the script of the scene, drawn by chance from the seed.

use crate::FRAMES_PER_SECOND;
use crate::chance::{drift, ease, hash, hash2, sine, unit};
use crate::room::ROOMS;

/// One moment of the scene. Lengths are in half heads (see `figure`), angles in turns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Act {
    /// Which room.
    pub(crate) room: usize,
    /// How bright, 1 as painted.
    pub(crate) light: f64,
    /// What distinguishes this shot: clothes, framing.
    pub(crate) shot: u64,
    /// Where the person sits, from the picture's middle, and how near (1 is usual).
    pub(crate) seat: f64,
    pub(crate) nearness: f64,
    /// Shoulders from where they rest.
    pub(crate) torso: (f64, f64),
    /// Head over the shoulders, its tilt, and where the face points (-1..1 each).
    pub(crate) head: (f64, f64),
    pub(crate) tilt: f64,
    pub(crate) facing: (f64, f64),
    /// Where the eyes look within the face (-1..1 each), and how far they are open (0..1).
    pub(crate) gaze: (f64, f64),
    pub(crate) eyes_open: f64,
    /// Brows above their rest.
    pub(crate) brows: f64,
    /// The mouth's opening and width, 0..1 each.
    pub(crate) mouth_open: f64,
    pub(crate) mouth_wide: f64,
    /// Either hand (as seen: left, right), if it is in the picture.
    pub(crate) hands: [Option<Gesture>; 2],
}

/// A hand on its way up, at its gesture, or on its way down.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gesture {
    /// 0 out of the picture, 1 all the way up.
    pub(crate) raised: f64,
    /// The swing from side to side, -1..1.
    pub(crate) swing: f64,
    /// How far the fingers are spread, 0..1.
    pub(crate) spread: f64,
}

impl Act {
    pub(crate) fn at(seed: u64, frame: u64) -> Self {
        let shot = shot_at(seed, frame);
        let of = |what: u64| hash2(hash2(seed, what), shot);
        // Whole periods are dropped so that fractions of a second stay exact however long the scene has run.
        let time = (frame % TIME_PERIOD_FRAMES) as f64 / f64::from(FRAMES_PER_SECOND);
        let sway = |what: u64, hertz: f64| drift(hash2(seed, what), time * hertz);
        let (speech, wide) = speech(seed, time);
        // A talking head moves more than a listening one.
        let lively = 0.5 + 0.5 * speech.phrase;
        Self {
            room: (shot.wrapping_add(seed) % ROOMS as u64) as usize,
            light: 1.0 + 0.05 * sway(1, 0.12) + 0.012 * sway(2, 0.8),
            shot: of(3),
            seat: 0.5 * (unit(of(4), 0) - 0.5),
            nearness: 0.92 + 0.26 * unit(of(5), 0),
            torso: (0.24 * sway(6, 0.4) + 0.05 * sway(7, 1.1), 0.04 * sine(time * 0.27) + 0.05 * sway(8, 0.7)),
            head: (
                lively * (0.24 * sway(9, 0.9) + 0.1 * sway(10, 2.2)),
                lively * (0.10 * sway(11, 1.0) + 0.09 * sway(12, 2.6)),
            ),
            tilt: lively * (0.034 * sway(13, 0.6) + 0.012 * sway(14, 1.9)),
            facing: (
                0.8 * sway(15, 0.6) + 0.3 * sway(16, 1.6) * lively,
                0.5 * sway(17, 0.5) + 0.4 * sway(18, 2.0) * lively,
            ),
            gaze: glance(seed, time),
            eyes_open: 1.0 - blink(seed, time),
            brows: 0.5 * sway(19, 0.8) + 0.4 * speech.phrase * sway(20, 1.7).max(0.0),
            mouth_open: speech.open,
            mouth_wide: wide,
            hands: [gesture(seed, frame, 0), gesture(seed, frame, 1)],
        }
    }
}

/// Shots last [`SHOT_FRAMES`], give or take a third at each end.
fn shot_at(seed: u64, frame: u64) -> u64 {
    let shot = frame / SHOT_FRAMES;
    let late = (unit(hash2(seed, 30), shot) * (SHOT_FRAMES / 3) as f64) as u64;
    if frame % SHOT_FRAMES >= late { shot + 1 } else { shot }
}

struct Speech {
    /// 1 within a phrase, 0 in a pause.
    phrase: f64,
    open: f64,
}

/// Phrases of a few seconds, syllables at five a second within them.
fn speech(seed: u64, time: f64) -> (Speech, f64) {
    let phrase = ease(2.5 * drift(hash2(seed, 21), time * 0.55) + 1.0);
    let syllable = 0.5 + 0.5 * drift(hash2(seed, 22), time * 9.0);
    let emphasis = 0.6 + 0.4 * drift(hash2(seed, 23), time * 1.3);
    let open = phrase * ease(syllable * 1.3 - 0.15) * emphasis;
    let wide = 0.5 + 0.3 * drift(hash2(seed, 24), time * 0.4) + 0.2 * phrase * drift(hash2(seed, 25), time * 6.0);
    (Speech { phrase, open }, wide)
}

/// A blink of 0.2 s somewhere in most spans of 3.2 s, sometimes a double one: 0 open, 1 shut.
fn blink(seed: u64, time: f64) -> f64 {
    let span = (time / 3.2).floor();
    let within = time - span * 3.2;
    let chance = |what| unit(hash2(seed, what), span as u64);
    let shut = |start: f64| {
        let x = (within - start) / 0.2;
        ease(1.0 - (2.0 * x - 1.0).abs()) * f64::from(u8::from((0.0..1.0).contains(&x)))
    };
    let start = 0.3 + 2.2 * chance(26);
    let again = if chance(27) < 0.2 { shut(start + 0.3) } else { 0.0 };
    if chance(28) < 0.9 { shut(start).max(again).min(1.0) } else { again }
}

/// Eyes rest on one point and jump to the next (saccades), mostly near the middle.
fn glance(seed: u64, time: f64) -> (f64, f64) {
    let steps = time / 1.3;
    let at = |step: f64| {
        let far = if unit(hash2(seed, 29), step as u64) < 0.3 { 1.0 } else { 0.25 };
        let of = |what| far * (unit(hash2(seed, what), step as u64) * 2.0 - 1.0);
        (of(31), 0.6 * of(32))
    };
    let whole = steps.floor();
    let (from, to) = (at(whole), at(whole + 1.0));
    let moved = ease((steps - whole - 0.95) / 0.05);
    (from.0 + (to.0 - from.0) * moved, from.1 + (to.1 - from.1) * moved)
}

/// Now and then a hand comes up, waves or stresses a word, and goes.
fn gesture(seed: u64, frame: u64, side: u64) -> Option<Gesture> {
    let chance = |what: u64| unit(hash2(seed, what + 100 * side), frame / GESTURE_FRAMES);
    let likely = if side == 1 { 0.75 } else { 0.5 };
    if chance(33) > likely {
        return None;
    }
    let seconds = (frame % GESTURE_FRAMES) as f64 / f64::from(FRAMES_PER_SECOND);
    let (start, length) = (0.3 + 1.5 * chance(34), 1.8 + 2.0 * chance(35));
    let since = seconds - start;
    if !(0.0..length).contains(&since) {
        return None;
    }
    let raised = ease(since / 0.55).min(ease((length - since) / 0.55)) * (0.7 + 0.3 * chance(36));
    let waves = chance(37) < 0.6;
    let swing = if waves { sine(since * 1.7) } else { 0.5 * drift(hash(seed ^ side), seconds * 3.0) };
    Some(Gesture { raised, swing, spread: if waves { 1.0 } else { chance(38) } })
}

/// A quarter of a minute.
const SHOT_FRAMES: u64 = 15 * FRAMES_PER_SECOND as u64;

/// A span that holds at most one gesture of each hand.
const GESTURE_FRAMES: u64 = 6 * FRAMES_PER_SECOND as u64;

/// The motions repeat after about a day.
const TIME_PERIOD_FRAMES: u64 = 1 << 21;
