//! Motion search of one luma macroblock: the best of some starting points, a hexagon walked downhill over whole samples,
//! then half and quarter samples around its end. A pure function of the two pictures, the starting points and the
//! prices; nothing is remembered from block to block.

use super::price::VectorPrices;
use crate::kernels::{
    difference::{sad_16x16, sad_16x16_four},
    subpixel::{bilinear_variance_16x16, bilinear_variance_16x16_four},
};
use crate::macroblock::MotionVector;
use crate::picture::PlaneView;

/// How far a macroblock's vector may reach, in whole samples, so that every sample its prediction reads exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reach {
    pub(super) left: i32,
    pub(super) right: i32,
    pub(super) up: i32,
    pub(super) down: i32,
}

/// Samples a block may lie outside the whole macroblocks of the picture on the left and above. A reference has 32 there (16 in
/// chroma) and the six-tap filter reads two more before a block.
const OUTSIDE_BEFORE: i32 = 26;

/// Samples between the picture's end and a block that lies wholly behind it: the block's own 16 and the filter's three after
/// it must fit in the border as well.
const OUTSIDE_AFTER: i32 = 10;

impl Reach {
    /// The reach of the macroblock at (`column`, `row`) of `columns` by `rows`.
    pub(super) fn of(column: usize, row: usize, columns: usize, rows: usize) -> Self {
        let before = |at: usize| -((16 * at) as i32 + OUTSIDE_BEFORE).min(LONGEST);
        let after = |at: usize, end: usize| ((16 * (end - at)) as i32 + OUTSIDE_AFTER).min(LONGEST);
        Self { left: before(column), right: after(column, columns), up: before(row), down: after(row, rows) }
    }

    /// Whether a vector in whole samples stays inside.
    #[inline]
    fn holds(&self, (x, y): (i32, i32)) -> bool {
        x >= self.left && x <= self.right && y >= self.up && y <= self.down
    }

    /// Whether a vector, with the next whole sample where it points between two, stays inside.
    #[inline]
    pub(super) fn holds_vector(&self, vector: MotionVector) -> bool {
        let (x, y) = (i32::from(vector.column), i32::from(vector.row));
        x >= 4 * self.left && x <= 4 * self.right && y >= 4 * self.up && y <= 4 * self.down
    }

    fn clamp(&self, (x, y): (i32, i32)) -> (i32, i32) {
        (x.clamp(self.left, self.right), y.clamp(self.up, self.down))
    }
}

/// The longest component of a vector we look for, in whole samples: a difference to the best vector is written in ten bits of quarter
/// samples (RFC 6386 §17), and best vector and ours may lie on opposite sides.
const LONGEST: i32 = 120;

/// What a search needs to know of one macroblock.
pub(super) struct Search<'a> {
    /// The macroblock's own samples.
    pub(super) source: &'a [u8],
    pub(super) source_stride: usize,
    pub(super) reference: PlaneView<'a>,
    /// Where the macroblock lies, in samples.
    pub(super) position: (i32, i32),
    pub(super) reach: Reach,
    /// What the vector is coded as a difference to.
    pub(super) best: MotionVector,
    pub(super) prices: &'a VectorPrices,
}

/// Walks of the hexagon before it settles: it moves two samples a walk.
const MOST_WALKS: usize = 24;

impl Search<'_> {
    /// The vector found, and its [`bilinear_variance_16x16`].
    pub(super) fn run(&self, starts: &[MotionVector]) -> (MotionVector, u32) {
        let mut best = (i32::MAX as u32, (0, 0));
        let mut tried = [(i32::MAX, i32::MAX); 8];
        for (i, start) in starts.iter().take(tried.len()).enumerate() {
            let whole = self.reach.clamp(((i32::from(start.column) + 2) >> 2, (i32::from(start.row) + 2) >> 2));
            if !tried[..i].contains(&whole) {
                best = best.min((self.cost(whole), whole));
            }
            tried[i] = whole;
        }
        let whole = self.walk(best);
        self.refine(whole)
    }

    /// Where the block displaced by a whole vector starts in the reference.
    #[inline]
    fn index(&self, (x, y): (i32, i32)) -> usize {
        self.reference.index((self.position.0 + x) as isize, (self.position.1 + y) as isize)
    }

    #[inline]
    fn samples(&self, at: (i32, i32)) -> &[u8] {
        &self.reference.samples[self.index(at)..]
    }

    /// Difference and price of a whole vector.
    fn cost(&self, at: (i32, i32)) -> u32 {
        let samples = self.samples(at);
        sad_16x16(self.source, self.source_stride, samples, self.reference.stride) + self.price(at)
    }

    fn price(&self, (x, y): (i32, i32)) -> u32 {
        self.prices.in_absolute_differences(MotionVector { row: (4 * y) as i16, column: (4 * x) as i16 }, self.best)
    }

    /// The cheapest of `around` shifted by the steps, if it is cheaper than what is known.
    fn try_steps(&self, steps: &[(i32, i32)], known: (u32, (i32, i32))) -> (u32, (i32, i32)) {
        let mut best = known;
        let (_, (x, y)) = known;
        for four in steps.chunks(4) {
            let places: [(i32, i32); 4] =
                std::array::from_fn(|i| four.get(i).map_or((x, y), |(right, down)| (x + right, y + down)));
            if places.iter().all(|place| self.reach.holds(*place)) {
                let offsets = places.map(|place| self.index(place));
                let reference = self.reference;
                let sads =
                    sad_16x16_four(self.source, self.source_stride, reference.samples, offsets, reference.stride);
                for (sad, place) in sads.into_iter().zip(places).take(four.len()) {
                    if sad < best.0 {
                        best = best.min((sad + self.price(place), place));
                    }
                }
            } else {
                for place in places.into_iter().take(four.len()) {
                    if self.reach.holds(place) {
                        best = best.min((self.cost(place), place));
                    }
                }
            }
        }
        best
    }

    fn walk(&self, start: (u32, (i32, i32))) -> (i32, i32) {
        const HEXAGON: [(i32, i32); 6] = [(-2, 0), (-1, -2), (1, -2), (2, 0), (1, 2), (-1, 2)];
        const CROSS: [(i32, i32); 4] = [(-1, 0), (0, -1), (1, 0), (0, 1)];
        let mut best = self.try_steps(&HEXAGON, start);
        let mut last = start.1;
        for _ in 0..MOST_WALKS {
            if best.1 == last {
                break;
            }
            // Going the way it came from, three of the six corners are new.
            let step = (best.1.0 - last.0, best.1.1 - last.1);
            last = best.1;
            best = match HEXAGON.iter().position(|corner| *corner == step) {
                Some(corner) => {
                    let ahead = [HEXAGON[(corner + 5) % 6], HEXAGON[corner], HEXAGON[(corner + 1) % 6]];
                    self.try_steps(&ahead, best)
                }
                None => self.try_steps(&HEXAGON, best),
            };
        }
        for _ in 0..2 {
            let next = self.try_steps(&CROSS, best);
            if next.1 == best.1 {
                break;
            }
            best = next;
        }
        best.1
    }

    /// Half samples, then quarters, around a whole vector.
    fn refine(&self, (x, y): (i32, i32)) -> (MotionVector, u32) {
        let vector = MotionVector { row: (4 * y) as i16, column: (4 * x) as i16 };
        let (mut best, mut variance) = (vector, self.variance(vector));
        let mut best_cost = variance + self.prices.in_squared_differences(best, self.best);
        for step in [2i16, 1] {
            let centre = best;
            let moved = |right: i16, down: i16| MotionVector { row: centre.row + down, column: centre.column + right };
            let sides = [moved(-step, 0), moved(step, 0), moved(0, -step), moved(0, step)];
            let mut costs = [u32::MAX; 4]; // left, right, up, down
            if sides.iter().all(|side| self.reach.holds_vector(*side)) {
                for (i, here) in self.variances(&sides).into_iter().enumerate() {
                    costs[i] = here + self.prices.in_squared_differences(sides[i], self.best);
                    if costs[i] < best_cost {
                        (best, variance, best_cost) = (sides[i], here, costs[i]);
                    }
                }
            } else {
                for (side, cost) in sides.into_iter().zip(&mut costs) {
                    *cost = self.try_vector(side, &mut best, &mut variance, &mut best_cost);
                }
            }
            let right = if costs[0] < costs[1] { -step } else { step };
            let down = if costs[2] < costs[3] { -step } else { step };
            self.try_vector(moved(right, down), &mut best, &mut variance, &mut best_cost);
        }
        (best, variance)
    }

    /// [`Self::variance`] at four vectors.
    fn variances(&self, vectors: &[MotionVector; 4]) -> [u32; 4] {
        let places = vectors.map(|vector| {
            let (x, y) = (i32::from(vector.column), i32::from(vector.row));
            (self.index((x >> 2, y >> 2)), (x & 3) as usize, (y & 3) as usize)
        });
        let reference = self.reference;
        bilinear_variance_16x16_four(self.source, self.source_stride, reference.samples, places, reference.stride)
    }

    fn try_vector(&self, place: MotionVector, best: &mut MotionVector, variance: &mut u32, best_cost: &mut u32) -> u32 {
        if !self.reach.holds_vector(place) {
            return u32::MAX;
        }
        let here = self.variance(place);
        let cost = here + self.prices.in_squared_differences(place, self.best);
        if cost < *best_cost {
            (*best, *variance, *best_cost) = (place, here, cost);
        }
        cost
    }

    /// Variance of the difference at a vector in quarter samples.
    pub(super) fn variance(&self, vector: MotionVector) -> u32 {
        let (x, y) = (i32::from(vector.column), i32::from(vector.row));
        let samples = self.samples((x >> 2, y >> 2));
        let (right, down) = ((x & 3) as usize, (y & 3) as usize);
        bilinear_variance_16x16(self.source, self.source_stride, samples, self.reference.stride, right, down)
    }
}
