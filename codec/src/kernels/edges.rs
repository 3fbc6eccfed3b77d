//! Loop filters across one edge (RFC 6386 §15.2, §15.3): which samples change and how. Which edges are filtered, and
//! with which limits, is [`crate::loop_filter`]'s business.

/// What decides whether an edge is filtered at a place (RFC 6386 §15.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Most that the samples next to the edge may differ across it.
    pub(crate) edge: u8,
    /// Most that neighbours on one side may differ.
    pub(crate) interior: u8,
    /// From here on a difference next to the edge counts as texture.
    pub(crate) high_variance: u8,
}

/// Filters the `LENGTH` places of the edge between the macroblock that starts at `at` and the one before it. `across` is the
/// distance from sample to sample across the edge, `along` that from place to place along it.
pub(crate) fn macroblock_edge<const LENGTH: usize>(
    samples: &mut [u8],
    at: usize,
    across: usize,
    along: usize,
    limits: &Limits,
) {
    filter::<LENGTH>(samples, at, across, along, |p| smooth_wide(p, limits));
}

/// As [`macroblock_edge`] for an edge between two subblocks.
pub(crate) fn subblock_edge<const LENGTH: usize>(
    samples: &mut [u8],
    at: usize,
    across: usize,
    along: usize,
    limits: &Limits,
) {
    filter::<LENGTH>(samples, at, across, along, |p| smooth_narrow(p, limits));
}

/// The simple filter across an edge of 16 places: luma only, two samples on either side.
pub(crate) fn simple_edge(samples: &mut [u8], at: usize, across: usize, along: usize, edge: u8) {
    for place in 0..16 {
        let at = at + place * along;
        let index = |i: usize| at + i * across - 2 * across;
        let [p1, p0, q0, q1] = std::array::from_fn(|i| samples[index(i)]);
        if !within_edge(p1, p0, q0, q1, edge) {
            continue;
        }
        let step = clamp(clamp(signed(p1) - signed(q1)) + 3 * (signed(q0) - signed(p0)));
        samples[index(2)] = unsigned(signed(q0) - (clamp(step + 4) >> 3));
        samples[index(1)] = unsigned(signed(p0) + (clamp(step + 3) >> 3));
    }
}

/// Eight samples across the edge, four on either side: p3 p2 p1 p0 | q0 q1 q2 q3.
type Across = [u8; 8];

fn filter<const LENGTH: usize>(
    samples: &mut [u8],
    at: usize,
    across: usize,
    along: usize,
    smooth: impl Fn(&mut Across) -> bool,
) {
    let first = at - 4 * across;
    for place in 0..LENGTH {
        let start = first + place * along;
        let mut line: Across = std::array::from_fn(|i| samples[start + i * across]);
        if smooth(&mut line) {
            for (i, sample) in line.into_iter().enumerate().skip(1).take(6) {
                samples[start + i * across] = sample;
            }
        }
    }
}

#[inline(always)]
fn smooth_wide(line: &mut Across, limits: &Limits) -> bool {
    if !is_filtered(line, limits) {
        return false;
    }
    let [_, p2, p1, p0, q0, q1, q2, _] = line.map(signed);
    let step = clamp(clamp(p1 - q1) + 3 * (q0 - p0));
    if has_high_variance(line, limits) {
        line[4] = unsigned(q0 - (clamp(step + 4) >> 3));
        line[3] = unsigned(p0 + (clamp(step + 3) >> 3));
        return true;
    }
    let part = |ninths: i32| clamp((ninths * 9 * step + 63) >> 7);
    (line[3], line[4]) = (unsigned(p0 + part(3)), unsigned(q0 - part(3)));
    (line[2], line[5]) = (unsigned(p1 + part(2)), unsigned(q1 - part(2)));
    (line[1], line[6]) = (unsigned(p2 + part(1)), unsigned(q2 - part(1)));
    true
}

#[inline(always)]
fn smooth_narrow(line: &mut Across, limits: &Limits) -> bool {
    if !is_filtered(line, limits) {
        return false;
    }
    let [_, _, p1, p0, q0, q1, _, _] = line.map(signed);
    let texture = has_high_variance(line, limits);
    let outer = if texture { clamp(p1 - q1) } else { 0 };
    let step = clamp(outer + 3 * (q0 - p0));
    let (down, up) = (clamp(step + 4) >> 3, clamp(step + 3) >> 3);
    (line[3], line[4]) = (unsigned(p0 + up), unsigned(q0 - down));
    if !texture {
        let half = (down + 1) >> 1;
        (line[2], line[5]) = (unsigned(p1 + half), unsigned(q1 - half));
    }
    true
}

#[inline(always)]
fn is_filtered(line: &Across, limits: &Limits) -> bool {
    let [p3, p2, p1, p0, q0, q1, q2, q3] = *line;
    let calm = |a: u8, b: u8| a.abs_diff(b) <= limits.interior;
    within_edge(p1, p0, q0, q1, limits.edge)
        && calm(p3, p2)
        && calm(p2, p1)
        && calm(p1, p0)
        && calm(q1, q0)
        && calm(q2, q1)
        && calm(q3, q2)
}

#[inline(always)]
fn has_high_variance(line: &Across, limits: &Limits) -> bool {
    line[2].abs_diff(line[3]) > limits.high_variance || line[5].abs_diff(line[4]) > limits.high_variance
}

#[inline(always)]
fn within_edge(p1: u8, p0: u8, q0: u8, q1: u8, edge: u8) -> bool {
    u16::from(p0.abs_diff(q0)) * 2 + u16::from(p1.abs_diff(q1)) / 2 <= u16::from(edge)
}

/// Samples as the filters see them, -128..=127.
#[inline(always)]
fn signed(sample: u8) -> i32 {
    i32::from(sample) - 128
}

#[inline(always)]
fn unsigned(value: i32) -> u8 {
    (clamp(value) + 128) as u8
}

#[inline(always)]
fn clamp(value: i32) -> i32 {
    value.clamp(-128, 127)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { edge: 40, interior: 8, high_variance: 2 };

    #[test]
    fn a_small_step_is_smoothed_and_a_large_one_left() {
        let step = |height: u8| {
            let mut samples: Vec<u8> = [[100; 4], [100 + height; 4]].concat();
            macroblock_edge::<1>(&mut samples, 4, 1, 8, &LIMITS);
            samples
        };
        let smoothed = step(8);
        assert!(smoothed.is_sorted() && smoothed[3] > 100 && smoothed[4] < 108, "{smoothed:?}");
        assert_eq!(step(60), [[100; 4], [160; 4]].concat());
    }

    #[test]
    fn rows_and_columns_are_filtered_alike() {
        let block: Vec<u8> = (0..64).map(|i| 90 + (i * 5 % 11) as u8).collect();
        let turned: Vec<u8> = (0..64).map(|i| block[i % 8 * 8 + i / 8]).collect();
        let (mut a, mut b) = (block, turned);
        subblock_edge::<8>(&mut a, 4, 1, 8, &LIMITS);
        subblock_edge::<8>(&mut b, 32, 8, 1, &LIMITS);
        assert!((0..64).all(|i| a[i] == b[i % 8 * 8 + i / 8]));
    }
}
