//! How near a picture is to its source: PSNR and SSIM, as ffmpeg's `psnr` and `ssim` filters define them.
//!
//! SSIM (Wang et al. 2004) is taken over windows of 8x8 samples that step by 4, unweighted, the mean over the plane:
//! the variant that x264, ffmpeg and the Salsify paper report. All sums are whole numbers, so the figures are the
//! same on every CPU. Means over several frames are taken on the linear values, then turned into decibels.

use std::fmt;

use crate::{Image, Size};

/// One figure for each plane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PerPlane {
    /// Luma.
    pub y: f64,
    /// Blue difference.
    pub u: f64,
    /// Red difference.
    pub v: f64,
    /// All planes, each weighted by its number of samples.
    pub all: f64,
}

/// Two pictures of different sizes have no distance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizesDiffer {
    /// The size of the source.
    pub source: Size,
    /// The size of the picture compared with it.
    pub picture: Size,
}

impl fmt::Display for SizesDiffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a {} picture cannot be compared with a source of {}", self.picture, self.source)
    }
}

impl std::error::Error for SizesDiffer {}

/// Mean squared error of luma: 0 for equal pictures, at most 65025.
pub fn mse_y(source: &Image, picture: &Image) -> Result<f64, SizesDiffer> {
    let [pair, _, _] = plane_pairs(source, picture)?;
    Ok(mse_plane(pair))
}

/// Mean squared error of each plane.
pub fn mse(source: &Image, picture: &Image) -> Result<PerPlane, SizesDiffer> {
    per_plane(source, picture, mse_plane)
}

/// PSNR of luma in dB; infinite for equal pictures.
pub fn psnr_y(source: &Image, picture: &Image) -> Result<f64, SizesDiffer> {
    Ok(psnr_db(mse_y(source, picture)?))
}

/// PSNR in dB of a mean squared error of 8-bit samples. For several frames: of the mean of their errors.
pub fn psnr_db(mse: f64) -> f64 {
    -10.0 * (mse / (255.0 * 255.0)).log10()
}

/// SSIM of luma, linear: 1 for equal pictures.
pub fn ssim_y(source: &Image, picture: &Image) -> Result<f64, SizesDiffer> {
    let [pair, _, _] = plane_pairs(source, picture)?;
    Ok(ssim_plane(pair))
}

/// SSIM of each plane, linear.
pub fn ssim(source: &Image, picture: &Image) -> Result<PerPlane, SizesDiffer> {
    per_plane(source, picture, ssim_plane)
}

/// SSIM in dB, -10 log10(1 - linear); infinite for equal pictures.
pub fn ssim_db(linear: f64) -> f64 {
    -10.0 * (1.0 - linear).log10()
}

/// The same plane of both pictures: rows of `width` samples, at least one row of at least one.
#[derive(Clone, Copy)]
struct PlanePair<'a> {
    source: &'a [u8],
    picture: &'a [u8],
    width: usize,
}

fn plane_pairs<'a>(source: &'a Image, picture: &'a Image) -> Result<[PlanePair<'a>; 3], SizesDiffer> {
    let size = source.size();
    if picture.size() != size {
        return Err(SizesDiffer { source: size, picture: picture.size() });
    }
    let (sources, pictures) = (source.planes(), picture.planes());
    Ok([0, 1, 2].map(|i| PlanePair { source: sources[i], picture: pictures[i], width: size.planes()[i].0 }))
}

fn per_plane(source: &Image, picture: &Image, figure: fn(PlanePair) -> f64) -> Result<PerPlane, SizesDiffer> {
    let pairs = plane_pairs(source, picture)?;
    let [y, u, v] = pairs.map(figure);
    let [y_samples, chroma_samples, _] = pairs.map(|pair| pair.source.len() as f64);
    let all = (y * y_samples + (u + v) * chroma_samples) / (y_samples + 2.0 * chroma_samples);
    Ok(PerPlane { y, u, v, all })
}

fn mse_plane(pair: PlanePair) -> f64 {
    // A chunk's sum stays within u32 (4096 x 65025), which is what vectorises.
    let chunks = pair.source.chunks(4096).zip(pair.picture.chunks(4096));
    let total: u64 = chunks.map(|(source, picture)| u64::from(squared_error(source, picture))).sum();
    total as f64 / pair.source.len() as f64
}

fn squared_error(source: &[u8], picture: &[u8]) -> u32 {
    source
        .iter()
        .zip(picture)
        .map(|(&a, &b)| {
            let difference = u16::from(a.abs_diff(b));
            u32::from(difference * difference)
        })
        .sum()
}

fn ssim_plane(pair: PlanePair) -> f64 {
    let PlanePair { source, picture, width } = pair;
    let (columns, rows) = (width / BLOCK, source.len() / width / BLOCK);
    if columns < 2 || rows < 2 {
        return ssim_whole(source, picture);
    }
    let mut above = BlockSums::new(columns);
    let mut below = BlockSums::new(columns);
    let mut verticals = ColumnSums::new(columns * BLOCK);
    let mut windows = vec![0_f32; columns - 1];
    let mut total = 0.0;
    for row in 0..rows {
        let span = row * BLOCK * width..(row + 1) * BLOCK * width;
        verticals.fill(&source[span.clone()], &picture[span], width);
        below.fill(&verticals);
        if row > 0 {
            ssim_of_windows(&above, &below, &mut windows);
            total += windows.iter().copied().map(f64::from).sum::<f64>();
        }
        std::mem::swap(&mut above, &mut below);
    }
    total / ((columns - 1) * (rows - 1)) as f64
}

/// Sums down the four rows of a row of blocks, one for each column of samples. Four arrays, not one of structs:
/// each is then one loop over whole vector registers.
struct ColumnSums {
    source: Vec<u16>,
    picture: Vec<u16>,
    squares: Vec<u32>,
    products: Vec<u32>,
}

impl ColumnSums {
    fn new(columns: usize) -> Self {
        let (narrow, wide) = (vec![0; columns], vec![0; columns]);
        Self { source: narrow.clone(), picture: narrow, squares: wide.clone(), products: wide }
    }

    /// Four rows of `width` samples; samples right of the last whole block are left out.
    fn fill(&mut self, source: &[u8], picture: &[u8], width: usize) {
        let columns = self.source.len();
        let [a0, a1, a2, a3] = [0, 1, 2, 3].map(|row| &source[row * width..][..columns]);
        let [b0, b1, b2, b3] = [0, 1, 2, 3].map(|row| &picture[row * width..][..columns]);
        for (i, sum) in self.source.iter_mut().enumerate() {
            *sum = u16::from(a0[i]) + u16::from(a1[i]) + u16::from(a2[i]) + u16::from(a3[i]);
        }
        for (i, sum) in self.picture.iter_mut().enumerate() {
            *sum = u16::from(b0[i]) + u16::from(b1[i]) + u16::from(b2[i]) + u16::from(b3[i]);
        }
        for (i, sum) in self.squares.iter_mut().enumerate() {
            *sum = product(a0[i], a0[i])
                + product(b0[i], b0[i])
                + product(a1[i], a1[i])
                + product(b1[i], b1[i])
                + product(a2[i], a2[i])
                + product(b2[i], b2[i])
                + product(a3[i], a3[i])
                + product(b3[i], b3[i]);
        }
        for (i, sum) in self.products.iter_mut().enumerate() {
            *sum = product(a0[i], b0[i]) + product(a1[i], b1[i]) + product(a2[i], b2[i]) + product(a3[i], b3[i]);
        }
    }
}

/// Sums over each 4x4 block of a row of blocks: of the samples, of both pictures' squares together, of the products.
struct BlockSums {
    source: Vec<i32>,
    picture: Vec<i32>,
    squares: Vec<i32>,
    products: Vec<i32>,
}

impl BlockSums {
    fn new(blocks: usize) -> Self {
        let sums = vec![0; blocks];
        Self { source: sums.clone(), picture: sums.clone(), squares: sums.clone(), products: sums }
    }

    fn fill(&mut self, verticals: &ColumnSums) {
        let narrow = |four: &[u16; BLOCK]| four.iter().map(|&sum| i32::from(sum)).sum();
        let wide = |four: &[u32; BLOCK]| four.iter().map(|&sum| sum as i32).sum(); // at most 16 x 2 x 65025
        fill_from(&mut self.source, &verticals.source, narrow);
        fill_from(&mut self.picture, &verticals.picture, narrow);
        fill_from(&mut self.squares, &verticals.squares, wide);
        fill_from(&mut self.products, &verticals.products, wide);
    }
}

fn fill_from<T>(blocks: &mut [i32], columns: &[T], sum: impl Fn(&[T; BLOCK]) -> i32) {
    for (block, four) in blocks.iter_mut().zip(columns.as_chunks::<BLOCK>().0) {
        *block = sum(four);
    }
}

/// SSIM of every 8x8 window whose upper blocks are in `above` and lower blocks in `below`.
fn ssim_of_windows(above: &BlockSums, below: &BlockSums, windows: &mut [f32]) {
    let blocks = windows.len() + 1; // said once here, no index below is checked again
    let [above, below] = [above, below]
        .map(|row| [&row.source[..blocks], &row.picture[..blocks], &row.squares[..blocks], &row.products[..blocks]]);
    for (i, window) in windows.iter_mut().enumerate() {
        let [source, picture, squares, products] =
            [0, 1, 2, 3].map(|sum| above[sum][i] + above[sum][i + 1] + below[sum][i] + below[sum][i + 1]);
        *window = ssim_of_sums(source, picture, squares, products);
    }
}

/// SSIM of one window of 64 samples. The means are over 64 samples, the variances over 63 (the unbiased estimate),
/// everything multiplied out so that only the last step leaves whole numbers. Nothing here passes 2^30.
fn ssim_of_sums(source: i32, picture: i32, squares: i32, products: i32) -> f32 {
    let variances = squares * 64 - source * source - picture * picture;
    let covariance = products * 64 - source * picture;
    let means = (2 * source * picture + C1) as f32 / (source * source + picture * picture + C1) as f32;
    let spreads = (2 * covariance + C2) as f32 / (variances + C2) as f32;
    means * spreads
}

/// A plane too small for one window of whole blocks and its neighbour counts as one window; ffmpeg has no answer there.
fn ssim_whole(source: &[u8], picture: &[u8]) -> f64 {
    let count = source.len() as f64;
    let mean = |samples: &[u8]| samples.iter().map(|&sample| f64::from(sample)).sum::<f64>() / count;
    let (source_mean, picture_mean) = (mean(source), mean(picture));
    let (mut variances, mut covariance) = (0.0, 0.0);
    for (&a, &b) in source.iter().zip(picture) {
        let (a, b) = (f64::from(a) - source_mean, f64::from(b) - picture_mean);
        variances += (a * a + b * b) / count;
        covariance += a * b / count;
    }
    let (c1, c2) = ((K1 * 255.0).powi(2), (K2 * 255.0).powi(2));
    (2.0 * source_mean * picture_mean + c1) * (2.0 * covariance + c2)
        / ((source_mean * source_mean + picture_mean * picture_mean + c1) * (variances + c2))
}

/// The product of two samples; 16 bits hold it, and a 16-bit multiplication is what every vector unit has.
fn product(a: u8, b: u8) -> u32 {
    u32::from(u16::from(a) * u16::from(b))
}

/// Windows are 2x2 blocks of this side and step by one block.
const BLOCK: usize = 4;

/// The constants that keep SSIM's two quotients finite, as Wang et al. chose them.
const K1: f64 = 0.01;
const K2: f64 = 0.03;
/// (K1 255)^2 and (K2 255)^2 in the scale of [`ssim_of_sums`], rounded.
const C1: i32 = (K1 * K1 * 255.0 * 255.0 * 64.0 + 0.5) as i32;
const C2: i32 = (K2 * K2 * 255.0 * 255.0 * 64.0 * 63.0 + 0.5) as i32;

#[cfg(test)]
mod tests {
    use super::*;

    fn image(width: u32, height: u32, luma: impl Fn(usize, usize) -> u8) -> Image {
        let size = Size::new(width, height).unwrap();
        let mut image = Image::black(size);
        let [y, _, _] = image.planes_mut();
        for (i, sample) in y.iter_mut().enumerate() {
            *sample = luma(i % size.width(), i / size.width());
        }
        image
    }

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-6, "{found} instead of {expected}");
    }

    #[test]
    fn equal_pictures_are_perfect() {
        for (width, height) in [(1, 1), (7, 9), (16, 16), (65, 33)] {
            let image = image(width, height, |x, y| (x * 31 + y * 17) as u8);
            close(ssim_y(&image, &image).unwrap(), 1.0);
            assert_eq!(psnr_y(&image, &image).unwrap(), f64::INFINITY);
        }
    }

    #[test]
    fn an_error_of_one_everywhere_has_48_dot_13_db() {
        let (source, picture) = (image(100, 50, |_, _| 100), image(100, 50, |_, _| 101));
        close(mse_y(&source, &picture).unwrap(), 1.0);
        close(psnr_y(&source, &picture).unwrap(), 48.130_803_609);
    }

    #[test]
    fn flat_windows_differ_by_their_means_alone() {
        // Sums 6400 and 7040 over 64 samples: (2 x 6400 x 7040 + 416) / (6400^2 + 7040^2 + 416).
        let (source, picture) = (image(8, 8, |_, _| 100), image(8, 8, |_, _| 110));
        close(ssim_y(&source, &picture).unwrap(), 90_112_416.0 / 90_522_016.0);
    }

    #[test]
    fn a_lost_pattern_costs_its_variance() {
        // Half the samples 96, half 104, against flat 100: the means agree, covariance is 0,
        // variances 64 x (640_000 + 640_000 + 64 x 16) - 2 x 6400^2 = 65_536; c2 = 235_963.
        let (source, picture) = (image(8, 8, |x, _| if x % 2 == 0 { 96 } else { 104 }), image(8, 8, |_, _| 100));
        close(ssim_y(&source, &picture).unwrap(), 235_963.0 / (65_536.0 + 235_963.0));
    }

    #[test]
    fn windows_overlap_and_the_edge_past_whole_blocks_is_left_out() {
        // 12 wide: two windows, of which only the second sees the damage at column 8. The last row is past the blocks.
        let source = image(12, 9, |_, _| 100);
        let picture = image(12, 9, |x, y| if x >= 8 || y == 8 { 110 } else { 100 });
        // The second window: sums 6400 and 6720, squares 640_000 + 32 x (10_000 + 12_100), products 672_000.
        let means = (2.0 * 6400.0 * 6720.0 + 416.0) / (6400.0 * 6400.0 + 6720.0 * 6720.0 + 416.0);
        let spreads = 235_963.0 / (64.0 * (640_000.0 + 707_200.0) - 6400.0 * 6400.0 - 6720.0 * 6720.0 + 235_963.0);
        close(ssim_y(&source, &picture).unwrap(), (1.0 + means * spreads) / 2.0);
    }

    #[test]
    fn planes_weigh_by_their_samples() {
        let source = image(16, 16, |_, _| 100);
        let mut picture = source.clone();
        picture.planes_mut()[1].fill(131);
        let errors = mse(&source, &picture).unwrap();
        assert_eq!((errors.y, errors.u, errors.v, errors.all), (0.0, 9.0, 0.0, 1.5));
        let likeness = ssim(&source, &picture).unwrap();
        assert!(likeness.u < 1.0 && likeness.y == 1.0 && likeness.v == 1.0);
        close(likeness.all, (5.0 + likeness.u) / 6.0);
    }

    #[test]
    fn the_extremes_stay_within_whole_numbers() {
        let (white, black) = (image(64, 64, |_, _| 255), image(64, 64, |_, _| 0));
        close(mse_y(&white, &black).unwrap(), 65025.0);
        assert!(ssim_y(&white, &black).unwrap() < 1e-3);
        let board = |phase| image(64, 64, move |x, y| if (x + y) % 2 == phase { 255 } else { 0 });
        let opposite = ssim_y(&board(0), &board(1)).unwrap();
        assert!((-1.0..-0.9).contains(&opposite), "{opposite}");
    }

    #[test]
    fn decibels_are_of_what_is_missing() {
        close(ssim_db(0.9), 10.0);
        close(ssim_db(0.99), 20.0);
        assert_eq!(ssim_db(1.0), f64::INFINITY);
    }

    #[test]
    fn pictures_of_different_sizes_are_refused() {
        let error = ssim_y(&image(8, 8, |_, _| 0), &image(8, 9, |_, _| 0)).unwrap_err();
        assert_eq!(error.to_string(), "a 8x9 picture cannot be compared with a source of 8x8");
    }
}
