//! Inter prediction of macroblocks from references (RFC 6386 §18).

use crate::bitstream::frame_header::Version;
use crate::kernels::interpolate::{self, Interpolation, TAPS_AROUND, TAPS_BEFORE};
use crate::macroblock::{LumaMode, Macroblock, MotionVector, Subblocks};
use crate::picture::{PlaneView, PlaneViewMut};

/// A leaf of the split tree: 16 subblocks with a vector each.
const SPLIT_INTO_SIXTEENTHS: u8 = 3;

/// How a stream's profile prescribes inter prediction (RFC 6386 §9.1).
#[derive(Clone, Copy, Debug)]
pub(crate) struct InterPrediction {
    interpolation: Interpolation,
    whole_chroma_vectors: bool,
}

impl InterPrediction {
    /// What `version` prescribes.
    pub(crate) fn new(version: Version) -> Self {
        Self {
            interpolation: if version.is_bilinear() { Interpolation::Bilinear } else { Interpolation::SixTap },
            whole_chroma_vectors: version.has_whole_chroma_vectors(),
        }
    }

    /// Predicts all three planes of the inter macroblock at (`row`, `column`) into `target` from those of a picture.
    pub(crate) fn predict(
        &self,
        macroblock: &Macroblock,
        subblocks: &Subblocks,
        reference: &[PlaneView<'_>; 3],
        target: &mut [PlaneViewMut<'_>; 3],
        row: usize,
        column: usize,
    ) {
        let [luma, u, v] = reference;
        if macroblock.luma_mode == LumaMode::Split {
            self.predict_split_luma(subblocks, luma, &mut target[0], row, column);
            self.predict_split_chroma(subblocks, [u, v], target, row, column);
            return;
        }
        let block = Block { x: column * 16, y: row * 16, width: 16, height: 16 };
        self.predict_luma(luma, block, macroblock.vector, &mut target[0]);
        let block = Block { x: column * 8, y: row * 8, width: 8, height: 8 };
        // A luma vector in quarters is the chroma vector in eighths.
        self.predict_chroma([u, v], block, self.chroma_vector(macroblock.vector), target);
    }

    fn predict_split_luma(
        &self,
        subblocks: &Subblocks,
        reference: &PlaneView<'_>,
        target: &mut PlaneViewMut<'_>,
        row: usize,
        column: usize,
    ) {
        let side = if subblocks.split == SPLIT_INTO_SIXTEENTHS { 4 } else { 8 };
        for y in (0..16).step_by(side) {
            for x in (0..16).step_by(side) {
                let block = Block { x: column * 16 + x, y: row * 16 + y, width: side, height: side };
                self.predict_luma(reference, block, subblocks.vectors[y + x / 4], target);
            }
        }
    }

    /// The chroma of a split macroblock: each 4x4 by the mean of four luma vectors (RFC 6386 §18.1).
    fn predict_split_chroma(
        &self,
        subblocks: &Subblocks,
        references: [&PlaneView<'_>; 2],
        target: &mut [PlaneViewMut<'_>; 3],
        row: usize,
        column: usize,
    ) {
        for (y, x) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let first = y * 8 + x * 2;
            let four = [first, first + 1, first + 4, first + 5].map(|index| subblocks.vectors[index]);
            let vector = self.chroma_vector(MotionVector {
                row: mean_of_four(four.map(|vector| vector.row)),
                column: mean_of_four(four.map(|vector| vector.column)),
            });
            let block = Block { x: column * 8 + x * 4, y: row * 8 + y * 4, width: 4, height: 4 };
            self.predict_chroma(references, block, vector, target);
        }
    }

    fn chroma_vector(&self, vector: MotionVector) -> MotionVector {
        if self.whole_chroma_vectors {
            MotionVector { row: vector.row & !7, column: vector.column & !7 }
        } else {
            vector
        }
    }

    /// Predicts a block of luma by a vector in quarter samples.
    #[inline]
    fn predict_luma(
        &self,
        reference: &PlaneView<'_>,
        block: Block,
        vector: MotionVector,
        target: &mut PlaneViewMut<'_>,
    ) {
        let whole = (isize::from(vector.column >> 2), isize::from(vector.row >> 2));
        let eighths = ((vector.column & 3) as usize * 2, (vector.row & 3) as usize * 2);
        self.predict_block(reference, block, whole, eighths, target);
    }

    /// Predicts a block of U and the one of V by a vector in eighth samples.
    #[inline]
    fn predict_chroma(
        &self,
        [u_reference, v_reference]: [&PlaneView<'_>; 2],
        block: Block,
        vector: MotionVector,
        target: &mut [PlaneViewMut<'_>; 3],
    ) {
        let whole = (isize::from(vector.column >> 3), isize::from(vector.row >> 3));
        let eighths = ((vector.column & 7) as usize, (vector.row & 7) as usize);
        let [_, u, v] = target;
        let area = Area::of(block, whole);
        if area.is_within(u_reference) {
            let (stride, target_stride) = (u_reference.stride, u.stride);
            let sources = [u_reference.at(area.left, area.top), v_reference.at(area.left, area.top)];
            let targets = [u.at_mut(block.x, block.y), v.at_mut(block.x, block.y)];
            interpolate::predict_two(self.interpolation, sources, stride, eighths, targets, target_stride, block.width);
        } else {
            self.predict_block(u_reference, block, whole, eighths, u);
            self.predict_block(v_reference, block, whole, eighths, v);
        }
    }

    fn predict_block(
        &self,
        reference: &PlaneView<'_>,
        block: Block,
        whole: (isize, isize),
        eighths: (usize, usize),
        target: &mut PlaneViewMut<'_>,
    ) {
        let Block { x, y, width, height } = block;
        let area = Area::of(block, whole);
        let stride = target.stride;
        let target = target.at_mut(x, y);
        let extended;
        let (source, source_stride) = if area.is_within(reference) {
            (reference.at(area.left, area.top), reference.stride)
        } else {
            extended = extended_block(reference, &area);
            (extended.as_flattened(), EXTENDED_SIDE)
        };
        interpolate::predict(self.interpolation, source, source_stride, eighths, target, stride, width, height);
    }
}

/// What a prediction may look at.
#[derive(Clone, Copy, Debug)]
struct Area {
    left: isize,
    top: isize,
    columns: usize,
    rows: usize,
}

impl Area {
    /// Around `block` displaced by whole samples.
    #[inline]
    fn of(block: Block, (right, down): (isize, isize)) -> Self {
        Self {
            left: block.x as isize + right - TAPS_BEFORE as isize,
            top: block.y as isize + down - TAPS_BEFORE as isize,
            columns: block.width + TAPS_AROUND,
            rows: block.height + TAPS_AROUND,
        }
    }

    #[inline]
    fn is_within(&self, reference: &PlaneView<'_>) -> bool {
        reference.holds(self.left, self.top, self.columns, self.rows)
    }
}

/// A block of a plane.
#[derive(Clone, Copy, Debug)]
struct Block {
    x: usize,
    y: usize,
    width: usize,
    height: usize,
}

/// The mean of four components in quarters of luma as one in eighths of chroma, rounded away from zero at the half.
fn mean_of_four(components: [i16; 4]) -> i16 {
    let sum: i32 = components.into_iter().map(i32::from).sum();
    let rounded = if sum < 0 { sum - 2 } else { sum + 2 };
    (rounded / 4) as i16
}

/// A row of the largest block with its taps around, rounded up.
const EXTENDED_SIDE: usize = 24;

/// A block that may lie anywhere, as if the outermost samples were repeated without end (RFC 6386 §18.1).
#[cold]
fn extended_block(reference: &PlaneView<'_>, area: &Area) -> [[u8; EXTENDED_SIDE]; EXTENDED_SIDE] {
    let mut block = [[0; EXTENDED_SIDE]; EXTENDED_SIDE];
    let (width, height) = (reference.width as isize, reference.height as isize);
    for (y, row) in block[..area.rows].iter_mut().enumerate() {
        let samples = reference.row(0, (area.top + y as isize).clamp(0, height - 1), reference.width);
        for (x, sample) in row[..area.columns].iter_mut().enumerate() {
            *sample = samples[(area.left + x as isize).clamp(0, width - 1) as usize];
        }
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::Serial;
    use crate::macroblock::Reference;
    use crate::picture::{Picture, PictureBuffer, Plane};
    use crate::{Image, Size};
    use proptest::prelude::*;

    /// A picture whose every sample differs from its neighbours.
    fn textured(size: Size) -> std::sync::Arc<Picture> {
        let mut image = Image::black(size);
        for (index, sample) in image.i420_mut().iter_mut().enumerate() {
            *sample = (index * index / 3 % 253) as u8;
        }
        PictureBuffer::from_image(&Serial, &image).freeze()
    }

    fn inter(vector: MotionVector) -> Macroblock {
        Macroblock { luma_mode: LumaMode::New, reference: Reference::Last, vector, ..Macroblock::OUTSIDE }
    }

    #[test]
    fn four_vectors_have_a_mean_rounded_away_from_zero() {
        assert_eq!(mean_of_four([1, 1, 1, 1]), 1);
        assert_eq!(mean_of_four([1, 1, 0, 0]), 1);
        assert_eq!(mean_of_four([1, 0, 0, 0]), 0);
        assert_eq!(mean_of_four([-1, -1, 0, 0]), -1);
        assert_eq!(mean_of_four([-1, 0, 0, 0]), 0);
        assert_eq!(mean_of_four([-3, -3, 0, 0]), -2);
    }

    proptest! {
        #[test]
        fn split_into_equal_vectors_is_one_vector(
            (row, column) in (-700..700i16, -700..700i16),
            (mb_row, mb_column) in (0..2usize, 0..3usize),
            split in 0..4u8,
            version in 0..4u8,
        ) {
            // Whole vectors of this size leave the border, where the block is put together sample by sample.
            let size = Size::new(48, 32).unwrap();
            let reference = textured(size);
            let vector = MotionVector { row, column };
            let prediction = InterPrediction::new(Version::new(version).unwrap());
            let subblocks = Subblocks { vectors: [vector; 16], split, ..Subblocks::default() };
            let painted = |macroblock: &Macroblock| {
                let mut target = PictureBuffer::new(size);
                prediction.predict(macroblock, &subblocks, &reference.planes(), &mut target.planes_mut(), mb_row, mb_column);
                target.freeze().image()
            };
            let whole = painted(&inter(vector));
            prop_assert_eq!(painted(&Macroblock { luma_mode: LumaMode::Split, ..inter(vector) }), whole);
        }

        #[test]
        fn beyond_the_border_the_edge_goes_on(row in -400..400i16, column in -400..400i16) {
            // A vector in whole samples copies, clamped to the picture.
            let reference = textured(Size::new(32, 32).unwrap());
            let view = reference.plane(Plane::Y);
            let prediction = InterPrediction::new(Version::default());
            let mut target = PictureBuffer::new(Size::new(32, 32).unwrap());
            let vector = MotionVector { row: row * 4, column: column * 4 };
            prediction.predict(&inter(vector), &Subblocks::default(), &reference.planes(), &mut target.planes_mut(), 1, 1);
            for (y, x) in [(0, 0), (15, 0), (0, 15), (15, 15), (7, 9)] {
                let clamped = |at: i16, by: i16| (16 + at + by).clamp(0, 31) as isize;
                prop_assert_eq!(
                    target.plane(Plane::Y).at(16 + x as isize, 16 + y as isize)[0],
                    view.at(clamped(x, column), clamped(y, row))[0]
                );
            }
        }
    }
}
