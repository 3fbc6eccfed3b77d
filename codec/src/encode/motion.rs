//! Motion search of one luma macroblock: the best of some starting points, a hexagon walked downhill over whole samples,
//! then the quarters of a sample in the quadrant where it ends. A pure function of the two pictures, the starting points and the
//! prices; nothing is remembered from block to block.

use super::price::VectorPrices;
use crate::kernels::{
    difference::{sad_8x8, sad_quarters_of_four},
    subpixel::{Products, products_8x8, products_of_quarters},
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

/// Places a search may start from.
const MOST_STARTS: usize = 8;

/// Walks of the hexagon before it settles: it moves two samples a walk.
const MOST_WALKS: usize = 24;

/// Places whose differences are remembered; few searches see more.
const MOST_SEEN: usize = 64;

/// Whole samples, to the right and down.
pub(super) type Whole = (i32, i32);

/// The four places around one: left, up, right, down.
const CROSS: [Whole; 4] = [(-1, 0), (0, -1), (1, 0), (0, 1)];

/// What a search found and what it saw on its way, kept from one search to the next for its room.
pub(super) struct Found {
    /// The best vector.
    pub(super) vector: MotionVector,
    /// Where the quadrant begins that the vector lies in, and what the macroblock's quarters tell of it.
    quadrant: Whole,
    products: [Products; 4],
    /// Where the macroblock was compared at whole samples, and the sums of absolute differences of its quarters there.
    seen: [(Whole, [u32; 4]); MOST_SEEN],
    count: usize,
}

impl Default for Found {
    fn default() -> Self {
        Self {
            vector: MotionVector::ZERO,
            quadrant: (0, 0),
            products: Default::default(),
            seen: [((0, 0), [0; 4]); MOST_SEEN],
            count: 0,
        }
    }
}

impl Found {
    fn see(&mut self, place: Whole, quarters: [u32; 4]) {
        if let Some(seen) = self.seen.get_mut(self.count) {
            *seen = (place, quarters);
            self.count += 1;
        }
    }

    /// Where the macroblock was compared.
    fn seen(&self) -> &[(Whole, [u32; 4])] {
        &self.seen[..self.count]
    }
}

/// A place and what it costs.
type Priced = (u32, Whole);

/// The cheaper of what is known and of `place`.
fn cheaper(known: Priced, cost: u32, place: Whole) -> Priced {
    if cost < known.0 { (cost, place) } else { known }
}

impl Search<'_> {
    /// Searches from `starts` on.
    pub(super) fn run(&self, starts: &[MotionVector], found: &mut Found) {
        found.count = 0;
        let mut wholes = [(0, 0); MOST_STARTS];
        let mut count = 0;
        for start in starts.iter().take(MOST_STARTS) {
            let whole = self.whole(*start);
            if !wholes[..count].contains(&whole) {
                wholes[count] = whole;
                count += 1;
            }
        }
        let best = self.try_places(&wholes[..count], (u32::MAX, wholes[0]), found);
        let (whole, sides) = self.descend(best, found);
        self.refine(whole, sides, found);
    }

    /// The whole vector next to one, within reach.
    fn whole(&self, vector: MotionVector) -> Whole {
        self.reach.clamp(((i32::from(vector.column) + 2) >> 2, (i32::from(vector.row) + 2) >> 2))
    }

    /// Where the block displaced by a whole vector starts in the reference.
    #[inline]
    fn index(&self, (x, y): Whole) -> usize {
        self.reference.index((self.position.0 + x) as isize, (self.position.1 + y) as isize)
    }

    fn price(&self, (x, y): Whole) -> u32 {
        self.prices.in_absolute_differences(MotionVector { row: (4 * y) as i16, column: (4 * x) as i16 }, self.best)
    }

    /// The sums of absolute differences at four places within reach.
    fn differences(&self, places: [Whole; 4], found: &mut Found) -> [u32; 4] {
        let offsets = places.map(|place| self.index(place));
        let reference = self.reference;
        let quarters =
            sad_quarters_of_four(self.source, self.source_stride, reference.samples, offsets, reference.stride);
        std::array::from_fn(|i| {
            found.see(places[i], quarters[i]);
            quarters[i].iter().sum()
        })
    }

    /// The cheapest of `places`, if it is cheaper than what is known. Those out of reach are left out.
    fn try_places(&self, places: &[Whole], known: Priced, found: &mut Found) -> Priced {
        let mut best = known;
        let mut within = [(0, 0); 8];
        let mut count = 0;
        for place in places {
            within[count] = *place;
            count += usize::from(self.reach.holds(*place));
        }
        for four in within[..count].chunks(4) {
            // A group that is not full is filled up with its first place.
            let all = std::array::from_fn(|i| four.get(i).copied().unwrap_or(four[0]));
            for (difference, place) in self.differences(all, found).into_iter().zip(four) {
                if difference < best.0 {
                    best = cheaper(best, difference + self.price(*place), *place);
                }
            }
        }
        best
    }

    /// Downhill in steps of two samples.
    fn walk(&self, start: Priced, found: &mut Found) -> Priced {
        const HEXAGON: [Whole; 6] = [(-2, 0), (-1, -2), (1, -2), (2, 0), (1, 2), (-1, 2)];
        let around = |(x, y): Whole, corner: usize| (x + HEXAGON[corner % 6].0, y + HEXAGON[corner % 6].1);
        let mut last = start.1;
        let all: [Whole; 6] = std::array::from_fn(|corner| around(last, corner));
        let mut best = self.try_places(&all, start, found);
        for _ in 1..MOST_WALKS {
            let step = (best.1.0 - last.0, best.1.1 - last.1);
            let Some(corner) = HEXAGON.iter().position(|corner| *corner == step) else { break };
            // Going the way it came from, three of the six corners are new.
            last = best.1;
            let ahead = [5, 0, 1].map(|turn| around(last, corner + turn));
            best = self.try_places(&ahead, best, found);
        }
        best
    }

    /// Downhill in single samples, and in larger steps where that leads on; with what it ends at, the differences at its
    /// [`CROSS`], which are as large as can be out of reach.
    fn descend(&self, start: Priced, found: &mut Found) -> (Whole, [u32; 4]) {
        let mut best = start;
        for leads_on in [true, false] {
            let centre = best.1;
            let sides = self.sides(centre, found);
            for (side, (right, down)) in sides.into_iter().zip(CROSS) {
                let place = (centre.0 + right, centre.1 + down);
                if side < best.0 {
                    best = cheaper(best, side + self.price(place), place);
                }
            }
            if best.1 == centre {
                return (centre, sides);
            }
            if leads_on {
                best = self.walk(best, found);
            }
        }
        (best.1, self.sides(best.1, found))
    }

    /// The differences around a place.
    fn sides(&self, (x, y): Whole, found: &mut Found) -> [u32; 4] {
        let around = CROSS.map(|(right, down)| (x + right, y + down));
        if around.iter().all(|place| self.reach.holds(*place)) {
            return self.differences(around, found);
        }
        around.map(|place| if self.reach.holds(place) { self.differences([place; 4], found)[0] } else { u32::MAX })
    }

    /// Quarters of a sample around a whole vector, on the sides where the picture is more alike.
    fn refine(&self, whole: Whole, sides: [u32; 4], found: &mut Found) {
        let quadrant = quadrant(whole, sides);
        found.quadrant = quadrant;
        let reference = &self.reference.samples[self.index(quadrant)..];
        found.products = products_of_quarters(self.source, self.source_stride, reference, self.reference.stride);
        let [a, b, c, d] = &found.products;
        found.vector = self.best_between(whole, quadrant, &a.plus(b).plus(&c.plus(d)));
    }

    /// The cheapest vector in the quadrant that begins at `quadrant`, one of whose corners is `whole`.
    fn best_between(&self, whole: Whole, quadrant: Whole, products: &Products) -> MotionVector {
        let first = ((whole.0 - quadrant.0) as usize, (whole.1 - quadrant.1) as usize);
        let vector = |(x, y): (usize, usize)| MotionVector {
            row: (4 * quadrant.1) as i16 + y as i16,
            column: (4 * quadrant.0) as i16 + x as i16,
        };
        let prices = self.prices.in_squared_differences_around(vector(first), self.best);
        vector(products.cheapest(first, prices.across, prices.down))
    }
}

/// Where the quadrant of the eight places around `whole` begins that is most like the source, to judge by the sides.
fn quadrant((x, y): Whole, [left, up, right, down]: [u32; 4]) -> Whole {
    (if left < right { x - 1 } else { x }, if up < down { y - 1 } else { y })
}

impl Search<'_> {
    /// The best vector found for `quarter` alone, near one of the places that the macroblock was compared at.
    pub(super) fn quarter(&self, quarter: usize, found: &Found) -> MotionVector {
        let mut best = (u32::MAX, (0, 0));
        for (place, quarters) in found.seen() {
            if quarters[quarter] < best.0 {
                best = cheaper(best, quarters[quarter] + self.price(*place), *place);
            }
        }
        let source = &self.source[quarter / 2 * 8 * self.source_stride + quarter % 2 * 8..];
        let reference = self.reference;
        let corner = quarter / 2 * 8 * reference.stride + quarter % 2 * 8;
        let mut sides = [u32::MAX; 4];
        for last in [false, false, true] {
            let centre = best.1;
            for (side, (right, down)) in sides.iter_mut().zip(CROSS) {
                let place = (centre.0 + right, centre.1 + down);
                *side = u32::MAX;
                if self.reach.holds(place) {
                    let at = &reference.samples[self.index(place) + corner..];
                    *side = sad_8x8(source, self.source_stride, at, reference.stride);
                    if !last && *side < best.0 {
                        best = cheaper(best, *side + self.price(place), place);
                    }
                }
            }
            if best.1 == centre {
                break;
            }
        }
        let quadrant = quadrant(best.1, sides);
        if quadrant == found.quadrant {
            return self.best_between(best.1, quadrant, &found.products[quarter]);
        }
        let at = &reference.samples[self.index(quadrant) + corner..];
        let products = products_8x8(source, self.source_stride, at, reference.stride);
        self.best_between(best.1, quadrant, &products)
    }
}
