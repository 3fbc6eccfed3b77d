//! A made-up person under a strip of black and white blocks that says the picture's number, for people (digits, a hand that
//! goes round once a second) and for programs ([`pattern_number`]): delay is measured by filming or recording the other end.

use std::sync::Arc;

use oyster_codec::{Image, Size};
use oyster_scene::{FRAMES_PER_SECOND, Scene};

use super::Event;
use super::outlet::Pictures;
use crate::letters::glyph;

pub(super) struct Pattern {
    scene: Scene,
    next: u64,
}

impl Pattern {
    /// Pictures of `size`, the first ready soon.
    pub(super) fn new(size: Size) -> Self {
        Self { scene: Scene::new(size, SEED), next: 0 }
    }
}

impl Pictures for Pattern {
    fn next(&mut self) -> Result<Arc<Image>, Event> {
        let mut image = self.scene.frame(self.next);
        write_number(&mut image, self.next);
        self.next += 1;
        Ok(Arc::new(image))
    }
}

/// The number of a pattern's picture, modulo 65 536, however coarsely it was coded and scaled since; `None` if the strip is
/// not to be read.
pub fn pattern_number(image: &Image) -> Option<u64> {
    let size = image.size();
    let blocks: Vec<bool> = (0..BLOCKS).map(|index| is_white(image, block(size, index))).collect();
    let (number, check) = blocks.get(2..2 + BITS)?.iter().zip(0..).fold((0, 0), |(number, check), (is_set, bit)| {
        let value = u64::from(*is_set);
        (number | value << bit, check ^ (value << (bit % CHECK_BITS)))
    });
    let stated = blocks[2 + BITS..].iter().zip(0..).fold(0, |check, (is_set, bit)| check | u64::from(*is_set) << bit);
    (blocks[0] && !blocks[1] && stated == check).then_some(number)
}

fn write_number(image: &mut Image, number: u64) {
    let size = image.size();
    let bits = number % (1 << BITS);
    let check = (0..BITS).fold(0, |check, bit| check ^ ((bits >> bit & 1) << (bit % CHECK_BITS)));
    // White, black, the number, its check: the lowest bit first.
    let blocks = 1 | bits << 2 | check << (2 + BITS);
    for index in 0..BLOCKS {
        let Block { left, right, height } = block(size, index);
        fill(image, (left, right), (0, height), if blocks >> index & 1 == 1 { WHITE } else { BLACK });
    }
    let dot = size.height() / 160;
    if dot > 0 {
        write_digits(image, &format!("{number:7}"), dot, block(size, 0).height + 2 * dot);
    }
}

/// Digits under the strip, and a bar that grows for a second.
fn write_digits(image: &mut Image, digits: &str, dot: usize, top: usize) {
    let width = digits.len() * 8 * dot;
    fill(image, (0, width + 2 * dot), (top, top + 12 * dot), BLACK);
    for (place, digit) in digits.chars().enumerate() {
        for (row, dots) in glyph(digit).into_iter().enumerate() {
            for column in (0..8).filter(|column| dots >> column & 1 == 1) {
                let (x, y) = ((place * 8 + column + 1) * dot, top + (row + 1) * dot);
                fill_luma(image, (x, x + dot), (y, y + dot), WHITE);
            }
        }
    }
    let number: u64 = digits.trim().parse().unwrap_or_default();
    let second = u64::from(FRAMES_PER_SECOND);
    let grown = width as u64 * (number % second) / second;
    fill_luma(image, (dot, dot + grown as usize), (top + 10 * dot, top + 11 * dot), WHITE);
}

/// A block of the strip: a twenty-second of the width, near a twenty-fourth of the height.
struct Block {
    left: usize,
    right: usize,
    height: usize,
}

fn block(size: Size, index: usize) -> Block {
    let edge = |index: usize| index * size.width() / BLOCKS;
    Block { left: edge(index), right: edge(index + 1), height: (size.height() / 24).max(1) }
}

/// Whether the inner half of a block is nearer to white than to black.
fn is_white(image: &Image, Block { left, right, height }: Block) -> bool {
    let width = image.size().width();
    let (margin_x, margin_y) = ((right - left) / 4, height / 4);
    let rows = margin_y..(height - margin_y).max(margin_y + 1);
    let (left, right) = (left + margin_x, (right - margin_x).max(left + margin_x));
    let samples = rows.flat_map(|row| &image.planes()[0][row * width + left..row * width + right]);
    let (sum, count) = samples.fold((0, 0), |(sum, count), level| (sum + u64::from(*level), count + 1));
    sum > count * u64::from((WHITE + BLACK) / 2)
}

fn fill(image: &mut Image, columns: (usize, usize), rows: (usize, usize), level: u8) {
    fill_luma(image, columns, rows, level);
    let size = image.size();
    let [_, u, v] = image.planes_mut();
    for plane in [u, v] {
        for row in plane.chunks_exact_mut(size.chroma_width()).take(rows.1.div_ceil(2)).skip(rows.0 / 2) {
            let right = columns.1.div_ceil(2).min(row.len());
            row[(columns.0 / 2).min(right)..right].fill(128);
        }
    }
}

fn fill_luma(image: &mut Image, columns: (usize, usize), rows: (usize, usize), level: u8) {
    let width = image.size().width();
    for row in image.planes_mut()[0].chunks_exact_mut(width).take(rows.1).skip(rows.0) {
        let right = columns.1.min(row.len());
        row[columns.0.min(right)..right].fill(level);
    }
}

const SEED: u64 = 1;
const BITS: usize = 16;
const CHECK_BITS: usize = 4;
/// A white one and a black one, that something else may not be taken for a strip; the number; its check.
const BLOCKS: usize = 2 + BITS + CHECK_BITS;
const WHITE: u8 = 235;
const BLACK: u8 = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scale::filled;
    use oyster_codec::{Effort, Hints, Plan, QuantizerIndex, State, analyse, decode};
    use proptest::prelude::*;

    #[test]
    fn pictures_are_numbered_from_0_and_move() {
        let mut pattern = Pattern::new(Size::new(320, 180).unwrap());
        let pictures: Vec<_> = (0..3).map(|_| pattern.next().unwrap()).collect();
        let numbers: Vec<_> = pictures.iter().map(|image| pattern_number(image)).collect();
        assert_eq!(numbers, [Some(0), Some(1), Some(2)]);
        assert!(pictures[0] != pictures[1]);
    }

    #[test]
    fn the_number_outlives_the_coarsest_quantizer_and_a_smaller_screen() {
        let mut image = Scene::new(Size::new(640, 360).unwrap(), SEED).frame(0);
        write_number(&mut image, 40_961);
        let plan = Plan::key(QuantizerIndex::MAX);
        let analysis = analyse(&State::blank(), &image, &plan, &Hints::default(), Effort::Live).unwrap();
        let coarse = decode(&State::blank(), &analysis.finish(QuantizerIndex::MAX).frame).unwrap().shown.unwrap();
        let small = filled(coarse.image(), Size::new(320, 180).unwrap());
        assert_eq!(pattern_number(&small), Some(40_961));
    }

    #[test]
    fn another_picture_has_no_number() {
        assert_eq!(pattern_number(&Image::black(Size::new(64, 64).unwrap())), None);
        assert_eq!(pattern_number(&Scene::new(Size::new(320, 180).unwrap(), 3).frame(9)), None);
    }

    proptest! {
        #[test]
        fn any_number_is_read_back(number: u64, width in 22u32..400, height in 1u32..200) {
            let mut image = Image::black(Size::new(width, height).unwrap());
            write_number(&mut image, number);
            prop_assert_eq!(pattern_number(&image), Some(number % 65_536));
        }

        #[test]
        fn any_size_has_a_picture(width in 1u32..30, height in 1u32..400) {
            let mut image = Image::black(Size::new(width, height).unwrap());
            write_number(&mut image, u64::MAX);
            let _ = pattern_number(&image);
        }
    }
}
