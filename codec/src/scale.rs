//! Pictures and states at another size, in integers only: both ends of a call make the same samples of the same picture, so
//! that a state scaled has a name that both know.
//!
//! Cubic convolution (Keys, IEEE Transactions on ASSP 29(6), 1981, a = -1/2), each side by itself: first down the columns, then
//! along the rows. Where a side shrinks the kernel is as much wider, so that what is too fine for the samples that are left
//! does not come back as something else. At a sharp edge it swings, as the kernel is below zero in part: by less than a third of the
//! difference between the samples around.

use std::borrow::Cow;
use std::sync::Arc;

use crate::executor::Serial;
use crate::picture::PictureBuffer;
use crate::{Image, Picture, Size};

/// Resamples a plane of `from` (width, height) samples to `to`, both without padding and not empty. `target` is overwritten;
/// it is an argument so that its memory is used again.
///
/// # Panics
/// If `source` is not as long as its sides say, or a side is 0.
pub fn scale_plane(source: &[u8], from: (usize, usize), to: (usize, usize), target: &mut Vec<u8>) {
    assert_eq!(source.len(), from.0 * from.1, "a plane is as long as its sides say");
    target.clear();
    if from == to {
        target.extend_from_slice(source);
        return;
    }
    target.reserve(to.0 * to.1);
    let (down, along) = (Taps::new(from.1, to.1), Taps::new(from.0, to.0));
    let mut sums = vec![0; from.0];
    let mut row = vec![0; from.0];
    for (start, weights) in down.iter() {
        weighted_rows(&source[start * from.0..], weights, &mut sums, &mut row);
        match along.count {
            4 => along.extend::<4>(&row, target),
            6 => along.extend::<6>(&row, target),
            8 => along.extend::<8>(&row, target),
            _ => along.extend_any(&row, target),
        }
    }
}

/// The sum of as many rows from the beginning of `rows` as there are weights, in `row`.
fn weighted_rows(rows: &[u8], weights: &[i16], sums: &mut [i32], row: &mut [u8]) {
    sums.fill(HALF);
    for (source, weight) in rows.chunks_exact(row.len()).zip(weights) {
        for (sum, sample) in sums.iter_mut().zip(source) {
            *sum += i32::from(i16::from(*sample)) * i32::from(*weight);
        }
    }
    for (sample, sum) in row.iter_mut().zip(sums) {
        *sample = rounded(*sum);
    }
}

/// What weights add up to, as a power of two.
const WEIGHT_BITS: u32 = 12;
const HALF: i32 = 1 << (WEIGHT_BITS - 1);

fn rounded(sum: i32) -> u8 {
    (sum >> WEIGHT_BITS).clamp(0, 255) as u8
}

/// How the samples of one side are made from those of another: each is the weighted sum of `count` samples from its start on.
struct Taps {
    count: usize,
    starts: Vec<usize>,
    /// `count` for each sample; they add up to one, those below zero to no more than 9/64 of it.
    weights: Vec<i16>,
}

impl Taps {
    fn new(from: usize, to: usize) -> Self {
        // The kernel reaches two samples of the coarser side either way.
        let count = (4 * from.max(to)).div_ceil(to).min(from);
        let mut taps = Self { count, starts: Vec::with_capacity(to), weights: vec![0; to * count] };
        let (from, to) = (from as i64, to as i64);
        // Distances are counted in halves of a sample of `from`, divided by `to`; so long is a sample of the coarser side.
        let unit = 2 * from.max(to);
        for (index, weights) in (0..to).zip(taps.weights.chunks_exact_mut(count)) {
            let centre = (2 * index + 1) * from - to;
            let reached = (centre - 2 * unit).div_euclid(2 * to) + 1..=(centre + 2 * unit - 1).div_euclid(2 * to);
            let start = (*reached.start()).clamp(0, from - count as i64);
            let total: i64 = reached.clone().map(|at| kernel(2 * to * at - centre, unit)).sum();
            // Rounding the running sum instead of each weight makes them add up to exactly one.
            let (mut sum, mut given) = (0, 0);
            for at in reached {
                sum += kernel(2 * to * at - centre, unit);
                let up_to_here = ((sum << WEIGHT_BITS) + total / 2).div_euclid(total);
                // Beyond the edges the outermost sample is repeated.
                weights[(at.clamp(0, from - 1) - start) as usize] += (up_to_here - given) as i16;
                given = up_to_here;
            }
            taps.starts.push(start as usize);
        }
        taps
    }

    fn iter(&self) -> impl Iterator<Item = (usize, &[i16])> {
        self.starts.iter().copied().zip(self.weights.chunks_exact(self.count))
    }

    /// Appends a row made from `row`, where each sample has `COUNT` taps.
    fn extend<const COUNT: usize>(&self, row: &[u8], target: &mut Vec<u8>) {
        let weights = self.weights.as_chunks::<COUNT>().0;
        target.extend(self.starts.iter().zip(weights).map(|(start, weights)| {
            let samples: &[u8; COUNT] = row[*start..].first_chunk().expect("all taps lie within the row");
            sum(samples, weights)
        }));
    }

    fn extend_any(&self, row: &[u8], target: &mut Vec<u8>) {
        target.extend(self.iter().map(|(start, weights)| sum(&row[start..], weights)));
    }
}

#[inline(always)]
fn sum(samples: &[u8], weights: &[i16]) -> u8 {
    let weighted = samples.iter().zip(weights).map(|(sample, weight)| i32::from(*sample) * i32::from(*weight));
    rounded(HALF + weighted.sum::<i32>())
}

/// Twice the kernel at `distance`, where `unit` is 1, with sixteen bits of fraction.
fn kernel(distance: i64, unit: i64) -> i64 {
    // Sixteen bits of fraction are plenty for weights of twelve, and keep the cube of any distance within 64 bits.
    let one = 1_i64 << 16;
    let x = (distance.abs() << 16) / unit;
    let squared = (x * x) >> 16;
    let cubed = (squared * x) >> 16;
    if x < one {
        3 * cubed - 5 * squared + 2 * one
    } else if x < 2 * one {
        5 * squared - cubed - 8 * x + 4 * one
    } else {
        0
    }
}

impl Image {
    /// The picture at `size`: itself, if that is what it has.
    #[must_use]
    pub fn scaled(&self, size: Size) -> Cow<'_, Self> {
        if self.size() == size {
            return Cow::Borrowed(self);
        }
        let (mut i420, mut plane) = (Vec::with_capacity(size.i420_bytes()), Vec::new());
        for ((samples, from), to) in self.planes().into_iter().zip(self.size().planes()).zip(size.planes()) {
            scale_plane(samples, from, to, &mut plane);
            i420.extend_from_slice(&plane);
        }
        Cow::Owned(Self::from_i420(size, i420).expect("the planes were scaled to this size"))
    }
}

impl Picture {
    /// The picture at another size: what is seen of it scaled, and its edges repeated as of any other.
    pub(crate) fn scaled(&self, size: Size) -> Arc<Self> {
        PictureBuffer::from_image(&Serial, &self.image().scaled(size)).freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quality::psnr_y;
    use proptest::prelude::*;

    fn scaled(source: &[u8], from: (usize, usize), to: (usize, usize)) -> Vec<u8> {
        let mut target = Vec::new();
        scale_plane(source, from, to, &mut target);
        target
    }

    #[test]
    fn between_two_samples_lies_what_the_kernel_says() {
        // Keys' kernel at 1/4, 3/4, 5/4 and 7/4: 111, 29, -9 and -3 of 128; beyond the edge the last sample is repeated.
        assert_eq!(scaled(&[0, 0, 128, 0, 0], (5, 1), (10, 1))[3..7], [29, 111, 111, 29]);
        assert_eq!(scaled(&[128, 0, 0], (1, 3), (1, 6))[..2], [111 + 29 - 3, 111 - 9]);
    }

    #[test]
    fn a_plane_of_the_same_size_is_the_same() {
        assert_eq!(scaled(&[1, 2, 3, 4, 5, 6], (3, 2), (3, 2)), [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn a_slope_stays_a_slope_to_the_sample() {
        let slope = |(width, height): (usize, usize), [level, along, down]: [usize; 3]| -> Vec<u8> {
            (0..width * height).map(|at| (level + along * (at % width) + down * (at / width)) as u8).collect()
        };
        let source = slope((24, 20), [20, 4, 4]);
        for (to, levels) in [((48, 40), [18, 2, 2]), ((12, 10), [24, 8, 8]), ((12, 40), [21, 8, 2])] {
            let (made, expected) = (scaled(&source, (24, 20), to), slope(to, levels));
            // Where the outermost samples are repeated, the slope ends.
            let within = |at: &usize| (4..to.0 - 4).contains(&(at % to.0)) && (4..to.1 - 4).contains(&(at / to.0));
            assert!((0..made.len()).filter(within).all(|at| made[at] == expected[at]), "{to:?}: {made:?}");
        }
    }

    #[test]
    fn what_is_too_fine_for_fewer_samples_becomes_grey() {
        let stripes: Vec<u8> = (0..64 * 64).map(|index| if index % 2 == 0 { 0 } else { 200 }).collect();
        let grey = scaled(&stripes, (64, 64), (24, 24));
        assert!(grey.chunks_exact(24).all(|row| row[2..22].iter().all(|sample| sample.abs_diff(100) <= 8)), "{grey:?}");
    }

    #[test]
    fn a_smooth_picture_survives_being_small() {
        let size = Size::new(320, 180).unwrap();
        let mut image = Image::black(size);
        let wave = |x: usize, y: usize| 128.0 + 100.0 * (x as f64 / 17.0).sin() * (y as f64 / 13.0).cos();
        for (index, sample) in image.planes_mut()[0].iter_mut().enumerate() {
            *sample = wave(index % 320, index / 320) as u8;
        }
        for (width, height) in [(240, 134), (160, 90)] {
            let small = image.scaled(Size::new(width, height).unwrap());
            let back = small.scaled(size);
            let distance = psnr_y(&image, &back).unwrap();
            assert!(distance > 48.0, "{width}x{height}: {distance}");
        }
    }

    proptest! {
        #[test]
        fn a_flat_picture_is_flat_at_any_size(from in (1u32..80, 1u32..80), to in (1u32..80, 1u32..80), level: u8) {
            let size = Size::new(from.0, from.1).unwrap();
            let image = Image::from_i420(size, vec![level; size.i420_bytes()]).unwrap();
            let scaled = image.scaled(Size::new(to.0, to.1).unwrap());
            prop_assert!(scaled.i420().iter().all(|sample| *sample == level));
        }

        #[test]
        fn weights_add_up_to_one(from in 1usize..3000, to in 1usize..3000) {
            let taps = Taps::new(from, to);
            for (start, weights) in taps.iter() {
                prop_assert!(start + weights.len() <= from);
                prop_assert_eq!(weights.iter().map(|weight| i32::from(*weight)).sum::<i32>(), 1 << WEIGHT_BITS);
                let below_zero = weights.iter().map(|weight| i32::from(*weight.min(&0))).sum::<i32>();
                prop_assert!(-below_zero * 64 <= 9 << WEIGHT_BITS, "{}", below_zero);
            }
        }

        #[test]
        fn no_sample_is_further_out_of_the_range_of_its_taps_than_a_third_of_it(
            (from, source) in (1usize..24, 1usize..24).prop_flat_map(|from| {
                (Just(from), prop::collection::vec(prop_oneof![any::<u8>(), Just(0), Just(90), Just(170)], from.0 * from.1))
            }),
            to in (1usize..40, 1usize..40),
        ) {
            let made = scaled(&source, from, to);
            let (down, along) = (Taps::new(from.1, to.1), Taps::new(from.0, to.0));
            let places = down.starts.iter().flat_map(|y| along.starts.iter().map(move |x| (*x, *y)));
            for (sample, (x, y)) in made.iter().zip(places) {
                let rows = source[y * from.0..].chunks(from.0).take(down.count);
                let taps: Vec<i32> = rows.flat_map(|row| &row[x..x + along.count]).copied().map(i32::from).collect();
                let (least, most) = (*taps.iter().min().unwrap(), *taps.iter().max().unwrap());
                // It is rounded twice.
                let swing = (most - least) / 3 + 1;
                prop_assert!((least - swing..=most + swing).contains(&i32::from(*sample)), "{} of {:?}", sample, taps);
            }
        }
    }
}
