//! Chance and motion as pure functions of a seed and a place or time, from exactly rounded arithmetic alone.

/// A number of 64 bits that has nothing visible to do with `value` (the finaliser of SplitMix64).
pub(crate) fn hash(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// One hash of two values.
pub(crate) fn hash2(a: u64, b: u64) -> u64 {
    hash(hash(a) ^ b)
}

/// A number in 0..1 that belongs to `a` and `b`.
pub(crate) fn unit(a: u64, b: u64) -> f64 {
    (hash2(a, b) >> 11) as f64 / (1_u64 << 53) as f64
}

/// A smooth, aimless curve in -1..1: chance at whole times, eased in between. Times are 0 or later.
pub(crate) fn drift(seed: u64, time: f64) -> f64 {
    let whole = time.floor();
    let at = |step: u64| unit(seed, (whole as u64).wrapping_add(step)) * 2.0 - 1.0;
    let (from, to) = (at(0), at(1));
    from + (to - from) * ease(time - whole)
}

/// From 0 to 1 with no jolt at either end; held outside.
pub(crate) fn ease(x: f64) -> f64 {
    let x = x.clamp(0.0, 1.0);
    x * x * (3.0 - 2.0 * x)
}

/// The sine of `turns` full turns, to 0.001: a parabola bent twice, so that no CPU's libm has a say.
pub(crate) fn sine(turns: f64) -> f64 {
    let x = turns - turns.floor();
    let half = if x < 0.5 { x } else { x - 0.5 };
    let arch = 16.0 * half * (0.5 - half); // 0, 1, 0 over half a turn
    let bent = arch * (0.775 + 0.225 * arch);
    if x < 0.5 { bent } else { -bent }
}

/// The cosine of `turns` full turns.
pub(crate) fn cosine(turns: f64) -> f64 {
    sine(turns + 0.25)
}

/// Smooth chance over a plane in 0..1: value noise with a grid of 1.
pub(crate) fn cloud(seed: u64, x: f64, y: f64) -> f64 {
    let (left, top) = (x.floor(), y.floor());
    let at = |dx: i64, dy: i64| {
        unit(seed, ((left as i64 + dx) as u64).wrapping_mul(0x1_0001_0001).wrapping_add((top as i64 + dy) as u64))
    };
    let (across, down) = (ease(x - left), ease(y - top));
    let mix = |a: f64, b: f64, t: f64| a + (b - a) * t;
    mix(mix(at(0, 0), at(1, 0), across), mix(at(0, 1), at(1, 1), across), down)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sine_is_a_sine() {
        for i in -100..100 {
            let turns = f64::from(i) / 37.0;
            let exact = (turns * std::f64::consts::TAU).sin();
            assert!((sine(turns) - exact).abs() < 2e-3, "{turns}: {} for {exact}", sine(turns));
        }
    }

    #[test]
    fn drift_is_smooth_and_bounded() {
        for i in 0..1000_u32 {
            let (a, b) = (drift(3, f64::from(i) / 50.0), drift(3, f64::from(i + 1) / 50.0));
            assert!(a.abs() <= 1.0 && (a - b).abs() < 0.07);
        }
    }
}
