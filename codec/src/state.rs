//! What a decoder remembers between frames, as a value named by its content.

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::{Arc, OnceLock};

use crate::bitstream::frame_header::SegmentValues;
use crate::bitstream::probabilities::Probabilities;
use crate::container::fill;
use crate::loop_filter::FilterDeltas;
use crate::macroblock::Reference;
use crate::picture::{Picture, PictureId};
use crate::{Size, SizeError};

/// Everything that decides how later frames decode; nothing else.
///
/// A clone costs a few reference counts. What a frame always says itself (sign biases, whether there are segments, the
/// filter's level and kind) is not remembered, and neither is the clamping bit, which changes no sample here.
#[derive(Clone, Debug)]
pub struct State {
    stream: Option<Stream>,
    id: OnceLock<StateId>,
}

/// What a state is once a key frame has set it up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stream {
    /// The size of all references.
    pub(crate) size: Size,
    /// The references by [`Reference`] less one: last, golden, altref; all of `size`.
    pub(crate) references: [Arc<Picture>; 3],
    /// Probabilities that the next frame starts from.
    pub(crate) probabilities: Arc<Probabilities>,
    /// What segments change, in frames that have segments.
    pub(crate) segment_values: SegmentValues,
    /// The segment that each macroblock keeps.
    pub(crate) segment_map: SegmentMap,
    /// By how much references and modes change the filter level, in frames that let them.
    pub(crate) filter_deltas: FilterDeltas,
}

impl Stream {
    /// The picture that inter macroblocks with `reference` are predicted from; for intra ones the last.
    pub(crate) fn reference(&self, reference: Reference) -> &Arc<Picture> {
        &self.references[(reference as usize).saturating_sub(1)]
    }
}

/// The segment, 0..=3, of each macroblock in raster order; nothing is kept where all are in segment 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SegmentMap(Option<Arc<[u8]>>);

impl SegmentMap {
    /// The map with these segments.
    pub(crate) fn new(segments: &[u8]) -> Self {
        Self(segments.iter().any(|&segment| segment != 0).then(|| segments.into()))
    }

    /// The segment of macroblock `index`.
    #[inline]
    pub(crate) fn segment(&self, index: usize) -> u8 {
        self.0.as_ref().map_or(0, |segments| segments[index])
    }
}

impl State {
    /// A state before any frame: only a key frame applies to it.
    pub fn blank() -> Self {
        Self { stream: None, id: OnceLock::new() }
    }

    pub(crate) fn new(stream: Stream) -> Self {
        Self { stream: Some(stream), id: OnceLock::new() }
    }

    /// What a key frame has set up, if one has.
    pub(crate) fn stream(&self) -> Option<&Stream> {
        self.stream.as_ref()
    }

    /// The size of the pictures, once a key frame has said it.
    pub fn size(&self) -> Option<Size> {
        self.stream.as_ref().map(|stream| stream.size)
    }

    /// The last, golden and alternate reference pictures, once there are any.
    pub fn references(&self) -> Option<&[Arc<Picture>; 3]> {
        self.stream.as_ref().map(|stream| &stream.references)
    }

    /// The state at another size: its pictures scaled, all that frames say of macroblocks one by one forgotten. A blank state is blank
    /// at any size.
    ///
    /// A key frame is not needed where the size changes, for whoever has the state can do this, too.
    #[must_use]
    pub fn scaled(&self, size: Size) -> Self {
        let Some(stream) = self.stream.as_ref().filter(|stream| stream.size != size) else { return self.clone() };
        let (which, pictures) = distinct(&stream.references);
        let pictures: Vec<_> = pictures.into_iter().map(|picture| picture.scaled(size)).collect();
        let references = which.map(|index| Arc::clone(&pictures[usize::from(index)]));
        Self::new(Stream { size, references, segment_map: SegmentMap::default(), ..stream.clone() })
    }

    /// What names this state: computed when first asked for, then kept.
    pub fn id(&self) -> StateId {
        *self.id.get_or_init(|| {
            let mut hasher = blake3::Hasher::new();
            hasher.update(MAGIC);
            hasher.update(&self.head_bytes());
            for picture in self.references().into_iter().flatten() {
                hasher.update(&picture.id().0);
            }
            StateId(*hasher.finalize().as_bytes())
        })
    }

    /// All but the pictures, in the byte order that ids and serialised states share:
    ///
    /// - width and height, two bytes each, little end first; 0 and 0, and nothing more, of a blank state
    /// - of segments: whether values are absolute (1 byte), quantizers (4), filter levels (4)
    /// - filter deltas by reference (4), by mode (4)
    /// - probabilities as [`Probabilities::bytes`] has them
    /// - the segment of each macroblock (1 byte each)
    fn head_bytes(&self) -> Vec<u8> {
        let Some(stream) = &self.stream else { return vec![0; SIZE_BYTES] };
        let mut bytes = Vec::with_capacity(head_length(stream.size));
        bytes.extend_from_slice(&(stream.size.width() as u16).to_le_bytes());
        bytes.extend_from_slice(&(stream.size.height() as u16).to_le_bytes());
        bytes.push(stream.segment_values.absolute.into());
        let signed = [
            stream.segment_values.quantizers,
            stream.segment_values.filter_levels,
            stream.filter_deltas.references,
            stream.filter_deltas.modes,
        ];
        bytes.extend(signed.as_flattened().iter().map(|&value| value as u8));
        bytes.extend(stream.probabilities.bytes());
        bytes.extend((0..macroblocks(stream.size)).map(|index| stream.segment_map.segment(index)));
        bytes
    }

    /// The state as bytes that [`State::deserialise`] reads back: those that [`State::write_content`] writes, and the id.
    pub fn serialise(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write_content(&mut bytes).expect("memory takes what is written");
        bytes.extend_from_slice(&self.id().0);
        bytes
    }

    /// The state whose [`State::serialise`] gave `bytes`.
    ///
    /// Nothing is taken on trust: every value is within its range and the id is that of the content.
    pub fn deserialise(bytes: &[u8]) -> Result<Self, StateError> {
        let mut input = Input { from: bytes, read: 0 };
        let state = Self::read(&mut input)?;
        let id = input.take()?;
        input.end()?;
        if state.id() == StateId(id) { Ok(state) } else { Err(StateError::WrongId) }
    }

    /// Writes what [`State::read_content`] reads back, in rows of samples, for a store that names bytes by a hash of its own: a version,
    /// the head, which of the pictures that follow each reference is, and the pictures' macroblock-aligned samples.
    pub fn write_content(&self, to: &mut (impl Write + ?Sized)) -> io::Result<()> {
        to.write_all(MAGIC)?;
        to.write_all(&self.head_bytes())?;
        let Some(stream) = &self.stream else { return Ok(()) };
        let (which, pictures) = distinct(&stream.references);
        to.write_all(&which)?;
        pictures.iter().flat_map(|picture| picture.aligned_rows()).try_for_each(|row| to.write_all(row))
    }

    /// The state that [`State::write_content`] wrote, and nothing after it. Every value is within its range. Reads are as long as a row of
    /// samples.
    pub fn read_content(from: impl Read) -> Result<Self, StateError> {
        let mut input = Input { from, read: 0 };
        let state = Self::read(&mut input)?;
        input.end().map(|()| state)
    }

    fn read(input: &mut Input<impl Read>) -> Result<Self, StateError> {
        let magic: Result<[u8; MAGIC.len()], _> = input.take();
        match magic {
            Ok(magic) if magic == MAGIC => {}
            Err(error @ StateError::Io(_)) => return Err(error),
            _ => return Err(StateError::NotAState),
        }
        let size: [u8; SIZE_BYTES] = input.take()?;
        if size == [0; SIZE_BYTES] {
            return Ok(Self::blank());
        }
        let side = |at: usize| u32::from(u16::from_le_bytes([size[at], size[at + 1]]));
        let size = Size::new(side(0), side(2)).map_err(StateError::Size)?;
        let mut head = vec![0; head_length(size) - SIZE_BYTES];
        input.fill(&mut head)?;
        let which = input.take()?;
        let count = match which {
            [0, 0, 0] => 1,
            [0, 0, 1] | [0, 1, 0] | [0, 1, 1] => 2,
            [0, 1, 2] => 3,
            _ => return Err(StateError::OutOfRange),
        };
        let pictures: Vec<_> = (0..count)
            .map(|_| Picture::from_aligned_rows(size, |row| input.fill(row)))
            .collect::<Result<_, StateError>>()?;
        let references = which.map(|index: u8| Arc::clone(&pictures[usize::from(index)]));
        Ok(Self::new(read_head(size, &head, references)?))
    }
}

/// Where a state is read from.
struct Input<R> {
    from: R,
    /// How many bytes were.
    read: usize,
}

impl<R: Read> Input<R> {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), StateError> {
        let needed = self.read + bytes.len();
        self.read += fill(&mut self.from, bytes).map_err(|error| StateError::Io(error.kind()))?;
        if self.read == needed { Ok(()) } else { Err(StateError::WrongLength { needed, found: self.read }) }
    }

    fn take<const BYTES: usize>(&mut self) -> Result<[u8; BYTES], StateError> {
        let mut bytes = [0; BYTES];
        self.fill(&mut bytes).map(|()| bytes)
    }

    /// That nothing follows.
    fn end(&mut self) -> Result<(), StateError> {
        let needed = self.read;
        match self.take::<1>() {
            Ok(_) => Err(StateError::WrongLength { needed, found: self.read }),
            Err(StateError::WrongLength { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Reads what follows the size in [`State::head_bytes`].
fn read_head(size: Size, head: &[u8], references: [Arc<Picture>; 3]) -> Result<Stream, StateError> {
    let (&absolute, rest) = head.split_first().ok_or(StateError::OutOfRange)?;
    let (signed, rest) = rest.split_first_chunk::<16>().ok_or(StateError::OutOfRange)?;
    let (probabilities, segments) = rest.split_first_chunk().ok_or(StateError::OutOfRange)?;
    let four = |at: usize| [0, 1, 2, 3].map(|index| signed[at + index] as i8);
    let (quantizers, levels, by_reference, by_mode) = (four(0), four(4), four(8), four(12));
    let within = |values: [i8; 4], limit: u8| values.iter().all(|value| value.unsigned_abs() <= limit);
    let all_within = absolute <= 1
        && within(quantizers, 127)
        && [levels, by_reference, by_mode].iter().all(|&values| within(values, 63))
        && segments.iter().all(|&segment| segment <= 3);
    if !all_within {
        return Err(StateError::OutOfRange);
    }
    Ok(Stream {
        size,
        references,
        probabilities: Arc::new(Probabilities::from_bytes(probabilities)),
        segment_values: SegmentValues { absolute: absolute == 1, quantizers, filter_levels: levels },
        segment_map: SegmentMap::new(segments),
        filter_deltas: FilterDeltas { references: by_reference, modes: by_mode },
    })
}

/// Which of the pictures that differ each reference is, and these pictures.
fn distinct(references: &[Arc<Picture>; 3]) -> ([u8; 3], Vec<&Arc<Picture>>) {
    let mut pictures: Vec<&Arc<Picture>> = Vec::with_capacity(3);
    let which = [0, 1, 2].map(|index| {
        let picture = &references[index];
        let known = pictures.iter().position(|&known| known == picture);
        known.unwrap_or_else(|| {
            pictures.push(picture);
            pictures.len() - 1
        }) as u8
    });
    (which, pictures)
}

/// What every id is computed over first and every serialised state starts with. The number is the version of both.
const MAGIC: &[u8] = b"oyster VP8 state 1\n";
const SIZE_BYTES: usize = 4;

fn macroblocks(size: Size) -> usize {
    size.macroblock_columns() * size.macroblock_rows()
}

fn head_length(size: Size) -> usize {
    SIZE_BYTES + 1 + 16 + Probabilities::BYTES + macroblocks(size)
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        self.stream == other.stream
    }
}

impl Eq for State {}

impl Default for State {
    fn default() -> Self {
        Self::blank()
    }
}

/// The name of a state: BLAKE3 over a version, all values in a written order and the three pictures' ids.
///
/// It names content, not history: states that came about in different ways and are equal have one id.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StateId(pub [u8; 32]);

impl fmt::Debug for StateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StateId({self})")
    }
}

impl fmt::Display for StateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        PictureId(self.0).fmt(f)
    }
}

/// Why bytes are not a serialised state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StateError {
    /// They do not start as one of this version does.
    NotAState,
    /// They are too few or too many.
    WrongLength {
        /// How many there should be at least, or exactly where there are too many.
        needed: usize,
        /// How many there are; where there are too many, one too many.
        found: usize,
    },
    /// No state has pictures of this size.
    Size(SizeError),
    /// A value is over its range.
    OutOfRange,
    /// The id is not that of the content.
    WrongId,
    /// Reading failed.
    Io(io::ErrorKind),
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAState => write!(f, "these bytes are not a serialised VP8 state of version 1"),
            Self::WrongLength { needed, found } => write!(f, "the state takes {needed} bytes, not {found}"),
            Self::Size(error) => error.fmt(f),
            Self::OutOfRange => write!(f, "a value of the state is out of its range"),
            Self::WrongId => write!(f, "the state's id is not that of its content"),
            Self::Io(kind) => write!(f, "the state cannot be read: {kind}"),
        }
    }
}

impl std::error::Error for StateError {}

#[cfg(test)]
#[path = "state_tests.rs"]
pub(crate) mod tests;
