//! Reference pictures: immutable rasters with a border, named by their content.
//!
//! A picture is painted as a [`PictureBuffer`] and frozen into an `Arc<Picture>`; from then on states share it. Around
//! each plane the outermost samples are repeated, so that prediction may read a little beyond the edges without asking
//! (RFC 6386 §18.1 lets vectors point anywhere; what is beyond the border takes a slower path in `predict::inter`).

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use crate::executor::{Executor, Serial, each};
use crate::samples::Samples;
use crate::{Image, Size};

/// Samples of border on each side of luma: a macroblock and its filter taps, and room for a vector into the open.
pub(crate) const LUMA_BORDER: usize = 32;
/// Samples of border on each side of either chroma plane.
pub(crate) const CHROMA_BORDER: usize = 16;
/// Strides are a multiple of this many bytes: one AVX2 register.
const STRIDE_MULTIPLE: usize = 32;

/// One of the three planes of a 4:2:0 picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Plane {
    /// Luma.
    Y,
    /// Chroma, blue less luma.
    U,
    /// Chroma, red less luma.
    V,
}

impl Plane {
    /// All planes, in the order in which they are stored and hashed.
    pub const ALL: [Self; 3] = [Self::Y, Self::U, Self::V];
}

/// Where a plane lies within a picture's one allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Layout {
    start: usize,
    stride: usize,
    border: usize,
    /// Macroblock-aligned, without the border.
    width: usize,
    height: usize,
}

impl Layout {
    fn bytes(&self) -> usize {
        self.stride * (self.height + 2 * self.border)
    }

    /// Where the sample (0, 0) lies within the plane.
    fn origin(&self) -> usize {
        self.border * self.stride + self.border
    }

    fn of(size: Size) -> [Self; 3] {
        let plane = |start: usize, side: usize, border: usize| Self {
            start,
            stride: (size.macroblock_columns() * side + 2 * border).next_multiple_of(STRIDE_MULTIPLE),
            border,
            width: size.macroblock_columns() * side,
            height: size.macroblock_rows() * side,
        };
        let y = plane(0, 16, LUMA_BORDER);
        let u = plane(y.bytes(), 8, CHROMA_BORDER);
        let v = plane(u.start + u.bytes(), 8, CHROMA_BORDER);
        [y, u, v]
    }
}

/// The samples of one plane with its border, to be read by coordinates that may be negative.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlaneView<'a> {
    /// The whole plane, border included.
    pub(crate) samples: &'a [u8],
    /// Samples from one row to the next.
    pub(crate) stride: usize,
    /// Samples of border on each side.
    pub(crate) border: usize,
    /// Samples in a row without the border: macroblock-aligned.
    pub(crate) width: usize,
    /// Rows without the border: macroblock-aligned.
    pub(crate) height: usize,
}

impl<'a> PlaneView<'a> {
    /// The index of the sample at (`x`, `y`), which must lie within the border.
    #[inline]
    pub(crate) fn index(&self, x: isize, y: isize) -> usize {
        let (column, row) = (x + self.border as isize, y + self.border as isize);
        debug_assert!(column >= 0 && row >= 0 && column < self.stride as isize);
        row as usize * self.stride + column as usize
    }

    /// The samples from (`x`, `y`) on, row after row at [`Self::stride`], to the end of the plane.
    #[inline]
    pub(crate) fn at(&self, x: isize, y: isize) -> &'a [u8] {
        &self.samples[self.index(x, y)..]
    }

    /// `width` samples of row `y` from `x` on.
    #[inline]
    pub(crate) fn row(&self, x: isize, y: isize, width: usize) -> &'a [u8] {
        &self.samples[self.index(x, y)..][..width]
    }

    /// The samples of macroblock row `row`, `side` samples high, with the border to its left and right.
    pub(crate) fn strip(&self, row: usize, side: usize) -> &'a [u8] {
        &self.samples[(self.border + row * side) * self.stride..][..side * self.stride]
    }

    /// Whether all of a block of `width` by `height` at (`x`, `y`) lies within the border.
    #[inline]
    pub(crate) fn holds(&self, x: isize, y: isize, width: usize, height: usize) -> bool {
        let border = self.border as isize;
        x >= -border
            && y >= -border
            && x + width as isize <= self.width as isize + border
            && y + height as isize <= self.height as isize + border
    }
}

/// The samples of one plane, to be painted on.
#[derive(Debug)]
pub(crate) struct PlaneViewMut<'a> {
    /// The whole plane, border included.
    pub(crate) samples: &'a mut [u8],
    /// Samples from one row to the next.
    pub(crate) stride: usize,
    /// Where the sample (0, 0) lies in `samples`.
    pub(crate) origin: usize,
}

impl PlaneViewMut<'_> {
    /// The index of the sample at (`x`, `y`).
    #[inline]
    pub(crate) fn index(&self, x: usize, y: usize) -> usize {
        self.origin + y * self.stride + x
    }

    /// The samples from (`x`, `y`) on, row after row at [`Self::stride`].
    #[inline]
    pub(crate) fn at_mut(&mut self, x: usize, y: usize) -> &mut [u8] {
        let index = self.index(x, y);
        &mut self.samples[index..]
    }
}

/// A picture being painted. Its border means nothing until [`PictureBuffer::freeze`].
pub(crate) struct PictureBuffer {
    size: Size,
    layouts: [Layout; 3],
    samples: Samples,
}

impl PictureBuffer {
    /// A picture whose samples are all 0.
    pub(crate) fn new(size: Size) -> Self {
        let layouts = Layout::of(size);
        Self { size, layouts, samples: Samples::zeros(layouts.iter().map(Layout::bytes).sum()) }
    }

    /// A picture all of whose macroblocks are yet to be painted: what its samples are means nothing.
    pub(crate) fn unpainted(size: Size) -> Self {
        let layouts = Layout::of(size);
        Self { size, layouts, samples: Samples::unpainted(layouts.iter().map(Layout::bytes).sum()) }
    }

    /// A copy of `picture`, border and all: for a frame most of which will stay as it is.
    pub(crate) fn from_picture(picture: &Picture) -> Self {
        Self { size: picture.size, layouts: picture.layouts, samples: picture.samples.clone() }
    }

    /// A copy of `image`; what macroblocks hold beyond the picture's own edges repeats those edges.
    pub(crate) fn from_image(executor: &dyn Executor, image: &Image) -> Self {
        let size = image.size();
        let mut copy = Self::unpainted(size);
        let layouts = copy.layouts;
        each(executor, copy.strips_mut().enumerate(), |(row, strip)| {
            for (((mut plane, layout), samples), (width, height)) in
                strip.into_iter().zip(&layouts).zip(image.planes()).zip(size.planes())
            {
                let side = layout.height / size.macroblock_rows();
                for y in 0..side {
                    let from = &samples[(row * side + y).min(height - 1) * width..][..width];
                    let (to, beyond) = plane.at_mut(0, y)[..layout.width].split_at_mut(width);
                    to.copy_from_slice(from);
                    beyond.fill(from[width - 1]);
                }
            }
        });
        copy
    }

    /// The picture whose rows, cropped to its size, `read` gives one after another; beyond them as [`Self::from_image`].
    pub(crate) fn from_rows<E>(size: Size, mut read: impl FnMut(&mut [u8]) -> Result<(), E>) -> Result<Self, E> {
        let mut picture = Self::unpainted(size);
        for (layout, (width, height)) in picture.layouts.iter().zip(size.planes()) {
            let first = layout.start + layout.origin();
            for start in (0..height).map(|y| first + y * layout.stride) {
                let (row, beyond) = picture.samples[start..][..layout.width].split_at_mut(width);
                read(row)?;
                beyond.fill(row[width - 1]);
            }
            let last = first + (height - 1) * layout.stride;
            for start in (height..layout.height).map(|y| first + y * layout.stride) {
                picture.samples.copy_within(last..last + layout.width, start);
            }
        }
        Ok(picture)
    }

    /// Width and height.
    pub(crate) fn size(&self) -> Size {
        self.size
    }

    /// One plane, to be read.
    pub(crate) fn plane(&self, plane: Plane) -> PlaneView<'_> {
        view(&self.samples, &self.layouts[plane as usize])
    }

    /// All three planes, to be painted on.
    pub(crate) fn planes_mut(&mut self) -> [PlaneViewMut<'_>; 3] {
        let [y, u, v] = &self.layouts;
        let (y_samples, chroma) = self.samples.split_at_mut(y.bytes());
        let (u_samples, v_samples) = chroma.split_at_mut(u.bytes());
        [(y_samples, y), (u_samples, u), (v_samples, v)].map(|(samples, layout)| PlaneViewMut {
            samples,
            stride: layout.stride,
            origin: layout.origin(),
        })
    }

    /// The rows of macroblocks from the top, each as planes of its own with the border to its left and right.
    pub(crate) fn strips_mut(&mut self) -> impl ExactSizeIterator<Item = [PlaneViewMut<'_>; 3]> {
        let (rows, layouts) = (self.size.macroblock_rows(), self.layouts);
        let mut strips = self.planes_mut().into_iter().zip(layouts).map(|(plane, layout)| {
            let stride = plane.stride;
            let within = &mut plane.samples[layout.border * stride..][..layout.height * stride];
            let strips = within.chunks_exact_mut(layout.height / rows * stride);
            strips.map(move |samples| PlaneViewMut { samples, stride, origin: layout.border })
        });
        let mut next = || strips.next().expect("a picture has three planes");
        let (y, u, v) = (next(), next(), next());
        y.zip(u).zip(v).map(|((y, u), v)| [y, u, v])
    }

    /// Fills the border to the left and right of macroblock rows `rows`, whose samples must be final.
    pub(crate) fn extend_sides(&mut self, rows: Range<usize>) {
        for layout in &self.layouts {
            let side = layout.height / self.size.macroblock_rows();
            for y in rows.start * side..rows.end * side {
                let row = &mut self.samples[layout.start + (y + layout.border) * layout.stride..][..layout.stride];
                match layout.border {
                    LUMA_BORDER => extend_row::<LUMA_BORDER>(row, layout.width),
                    _ => extend_row::<CHROMA_BORDER>(row, layout.width),
                }
            }
        }
    }

    /// Fills the border above and below, once the sides of the first and last row have been.
    fn extend_ends(&mut self) {
        for layout in &self.layouts {
            let samples = &mut self.samples[layout.start..][..layout.bytes()];
            let first = layout.border * layout.stride;
            let last = (layout.border + layout.height - 1) * layout.stride;
            for row in 0..layout.border {
                samples.copy_within(first..first + layout.stride, row * layout.stride);
                samples.copy_within(last..last + layout.stride, last + (row + 1) * layout.stride);
            }
        }
    }

    /// The finished picture, its whole border filled.
    pub(crate) fn freeze(mut self) -> Arc<Picture> {
        self.extend_sides(0..self.size.macroblock_rows());
        self.freeze_with_sides()
    }

    /// The finished picture, where [`Self::extend_sides`] has been called for every row.
    pub(crate) fn freeze_with_sides(mut self) -> Arc<Picture> {
        self.extend_ends();
        Arc::new(Picture { size: self.size, layouts: self.layouts, samples: self.samples, id: OnceLock::new() })
    }
}

/// A picture to be encoded, where an encoder wants it: in whole macroblocks.
pub struct Raster(pub(crate) PictureBuffer);

impl Raster {
    /// Width and height.
    pub fn size(&self) -> Size {
        self.0.size
    }
}

impl fmt::Debug for Raster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Raster({})", self.0.size)
    }
}

impl From<&Image> for Raster {
    fn from(image: &Image) -> Self {
        Self(PictureBuffer::from_image(&Serial, image))
    }
}

/// Repeats the outermost of `width` samples on either side, which are `BORDER` from the left: in lengths that the compiler
/// knows, for there are thousands of rows.
#[inline(always)]
fn extend_row<const BORDER: usize>(row: &mut [u8], width: usize) {
    let (left, right) = (row[BORDER], row[BORDER + width - 1]);
    *row.first_chunk_mut().expect("a row begins with a border") = [left; BORDER];
    let (after, padding) = row[BORDER + width..].split_first_chunk_mut().expect("a row ends with a border");
    *after = [right; BORDER];
    if !padding.is_empty() {
        padding.fill(right);
    }
}

fn view<'a>(samples: &'a [u8], layout: &Layout) -> PlaneView<'a> {
    PlaneView {
        samples: &samples[layout.start..][..layout.bytes()],
        stride: layout.stride,
        border: layout.border,
        width: layout.width,
        height: layout.height,
    }
}

/// An immutable reference picture.
///
/// Equality is of size and macroblock-aligned samples, as is [`Picture::id`].
pub struct Picture {
    size: Size,
    layouts: [Layout; 3],
    samples: Samples,
    id: OnceLock<PictureId>,
}

impl Picture {
    /// Width and height.
    pub fn size(&self) -> Size {
        self.size
    }

    /// The picture cropped to its size, as a screen would show it.
    pub fn image(&self) -> Image {
        let mut i420 = Vec::with_capacity(self.size.i420_bytes());
        for row in Plane::ALL.into_iter().flat_map(|plane| self.rows(plane)) {
            i420.extend_from_slice(row);
        }
        Image::from_i420(self.size, i420).expect("the planes' rows add up to the size")
    }

    /// The rows of one plane from the top, cropped to the picture's size, where they lie.
    pub fn rows(&self, plane: Plane) -> impl ExactSizeIterator<Item = &[u8]> + '_ {
        let (width, height) = self.size.planes()[plane as usize];
        let view = self.plane(plane);
        (0..height).map(move |y| view.row(0, y as isize, width))
    }

    /// What names this picture: computed when first asked for, then kept.
    pub fn id(&self) -> PictureId {
        *self.id.get_or_init(|| self.compute_id())
    }

    /// One plane with its border.
    #[inline]
    pub(crate) fn plane(&self, plane: Plane) -> PlaneView<'_> {
        view(&self.samples, &self.layouts[plane as usize])
    }

    /// All planes with their borders.
    pub(crate) fn planes(&self) -> [PlaneView<'_>; 3] {
        Plane::ALL.map(|plane| self.plane(plane))
    }

    /// The rows of all planes without border: macroblock-aligned, Y, then U, then V.
    pub(crate) fn aligned_rows(&self) -> impl Iterator<Item = &[u8]> {
        Plane::ALL.into_iter().flat_map(|plane| {
            let view = self.plane(plane);
            (0..view.height).map(move |y| view.row(0, y as isize, view.width))
        })
    }

    /// A picture whose samples are all 0, its border, too: it costs nothing until it is read.
    pub(crate) fn zeros(size: Size) -> Arc<Self> {
        let layouts = Layout::of(size);
        let samples = Samples::fresh(layouts.iter().map(Layout::bytes).sum());
        Arc::new(Self { size, layouts, samples, id: OnceLock::new() })
    }

    /// How many samples [`Self::aligned_rows`] gives for a picture of `size`.
    pub(crate) fn aligned_samples(size: Size) -> usize {
        size.macroblock_columns() * size.macroblock_rows() * (256 + 2 * 64)
    }

    /// The picture of `size` whose [`Self::aligned_rows`] `read` gives, one after another.
    pub(crate) fn from_aligned_rows<E>(
        size: Size,
        mut read: impl FnMut(&mut [u8]) -> Result<(), E>,
    ) -> Result<Arc<Self>, E> {
        let mut buffer = PictureBuffer::unpainted(size);
        for layout in buffer.layouts {
            for y in 0..layout.height {
                read(&mut buffer.samples[layout.start + layout.origin() + y * layout.stride..][..layout.width])?;
            }
        }
        Ok(buffer.freeze())
    }

    fn compute_id(&self) -> PictureId {
        let mut hasher = blake3::Hasher::new();
        let mut gathered = Vec::with_capacity(GATHERED_BYTES + Size::MAX_SIDE as usize + 16);
        gathered.extend_from_slice(&(self.size.width() as u16).to_le_bytes());
        gathered.extend_from_slice(&(self.size.height() as u16).to_le_bytes());
        for row in self.aligned_rows() {
            gathered.extend_from_slice(row);
            if gathered.len() >= GATHERED_BYTES {
                hasher.update(&gathered[..GATHERED_BYTES]);
                gathered.drain(..GATHERED_BYTES);
            }
        }
        hasher.update(&gathered);
        PictureId(*hasher.finalize().as_bytes())
    }
}

/// How many bytes are gathered before they are hashed, within L2. BLAKE3 hashes many kilobytes at once far faster than row by row, and
/// as a whole subtree only what begins at a multiple of its own length, a power of two.
const GATHERED_BYTES: usize = 128 * 1024;

impl PartialEq for Picture {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other) || (self.size == other.size && self.aligned_rows().eq(other.aligned_rows()))
    }
}

impl Eq for Picture {}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Picture({})", self.size)
    }
}

/// The name of a picture: BLAKE3 over width and height (two bytes each, little end first), then the
/// macroblock-aligned samples: Y row by row from the top, then U, then V.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PictureId(pub [u8; 32]);

impl fmt::Debug for PictureId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PictureId({self})")
    }
}

impl fmt::Display for PictureId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
#[path = "picture_tests.rs"]
mod tests;
