//! The three functions, from bytes to bytes: pictures as y4m, frames as IVF, states as the codec serialises them.

use std::fmt;
use std::io;

use oyster_codec::container::FrameRate;
use oyster_codec::container::ivf::{IvfError, IvfReader, IvfWriter};
use oyster_codec::container::y4m::{Y4mError, Y4mReader};
use oyster_codec::{
    DecisionReader, DecodeError, Effort, EncodeError, Hints, Image, Plan, QuantizerIndex, RebaseError, State,
    StateError, analyse,
};

/// How film is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The quantizer of every frame.
    pub quantizer: QuantizerIndex,
    /// How hard to search.
    pub effort: Effort,
}

/// Why a function cannot be applied to its inputs.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The pictures cannot be read.
    Pictures(Y4mError),
    /// The frames cannot be read.
    Frames(IvfError),
    /// The frames cannot be written.
    Write(io::Error),
    /// A state cannot be read.
    State(StateError),
    /// A picture cannot be encoded.
    Encode(EncodeError),
    /// A frame cannot be read.
    Decode(DecodeError),
    /// A frame cannot be moved.
    Rebase(RebaseError),
    /// There are other numbers of pictures and of frames, or none.
    Count {
        /// How many pictures.
        pictures: usize,
        /// How many frames.
        frames: usize,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pictures(error) => error.fmt(f),
            Self::Frames(error) => error.fmt(f),
            Self::Write(error) => error.fmt(f),
            Self::State(error) => error.fmt(f),
            Self::Encode(error) => error.fmt(f),
            Self::Decode(error) => error.fmt(f),
            Self::Rebase(error) => error.fmt(f),
            Self::Count { pictures, frames } => write!(f, "{frames} frames cannot show {pictures} pictures"),
        }
    }
}

impl std::error::Error for Error {}

/// Encodes a chunk of pictures from a key frame on. The last frame refreshes all references, so that the state it leads to
/// has one picture (ExCamera's encode and terminate). `before` frames of the batch come before it: it goes on with renewing
/// the background where these will have come to. Answers the frames, as IVF, and the state.
pub fn encode(pictures: &[u8], before: usize, settings: Settings) -> Result<(Vec<u8>, Vec<u8>), Error> {
    let pictures = read_pictures(pictures)?;
    let (mut state, mut hints) = (State::blank(), Hints::default());
    let mut frames = Vec::with_capacity(pictures.len());
    for (number, picture) in pictures.iter().enumerate() {
        let plan = match number {
            0 => Plan::key(settings.quantizer),
            _ if number + 1 == pictures.len() => refreshing_all(settings.quantizer),
            _ => Plan::inter(settings.quantizer),
        };
        let analysis = analyse(&state, picture, &plan, &hints, settings.effort).map_err(Error::Encode)?;
        let encoded = analysis.finish(settings.quantizer);
        hints = analysis.hints();
        if number == 0 {
            hints = hints.renewing_after(before);
        }
        state = encoded.target;
        frames.push(encoded.frame);
    }
    Ok((write_frames(&pictures, &frames)?, state.serialise()))
}

/// Encodes the first picture of a chunk as an inter frame that follows the state `before`; answers the frame, as IVF. As the
/// key frame in whose place it comes, it refreshes all references.
pub fn reencode(pictures: &[u8], before: &[u8], settings: Settings) -> Result<Vec<u8>, Error> {
    let before = State::deserialise(before).map_err(Error::State)?;
    let pictures = first_picture(pictures)?;
    let plan = refreshing_all(settings.quantizer);
    let hints = Hints::default();
    let analysis = analyse(&before, &pictures[0], &plan, &hints, settings.effort).map_err(Error::Encode)?;
    write_frames(&pictures, &[analysis.finish(settings.quantizer).frame])
}

/// A chunk to be moved to where the one before it ends.
#[derive(Clone, Copy, Debug)]
pub struct JoinedChunk<'a> {
    /// Its pictures, as y4m.
    pub pictures: &'a [u8],
    /// Its frames from a key frame on, as [`encode`] made them.
    pub chunk: &'a [u8],
    /// The frame in the key frame's place, as [`reencode`] made it.
    pub first: &'a [u8],
    /// The state which that was made to follow.
    pub expected: &'a [u8],
    /// The state which it does follow.
    pub before: &'a [u8],
}

/// Moves a chunk onto the state that it follows; answers its frames, as IVF, and the state they lead to.
pub fn rebase(joined: &JoinedChunk<'_>) -> Result<(Vec<u8>, Vec<u8>), Error> {
    let state = |bytes: &[u8]| State::deserialise(bytes).map_err(Error::State);
    let (pictures, chunk) = (read_pictures(joined.pictures)?, frames(joined.chunk)?);
    let first = frames(joined.first)?;
    if chunk.len() != pictures.len() || first.len() != 1 {
        return Err(Error::Count { pictures: pictures.len(), frames: chunk.len() });
    }
    let mut target = state(joined.before)?;
    let mut own = DecisionReader::new(&State::blank());
    own.read(&chunk[0]).map_err(Error::Decode)?;
    let mut moved = Vec::with_capacity(chunk.len());
    for (number, (picture, frame)) in pictures.iter().zip(&chunk).enumerate() {
        let decisions = match number {
            0 => DecisionReader::new(&state(joined.expected)?).read(&first[0]),
            _ => own.read(frame),
        };
        let encoded = decisions.map_err(Error::Decode)?.rebase(&target, picture).map_err(Error::Rebase)?;
        target = encoded.target;
        moved.push(encoded.frame);
    }
    Ok((write_frames(&pictures, &moved)?, target.serialise()))
}

/// The frames of an IVF file.
pub fn frames(ivf: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
    let mut reader = IvfReader::new(ivf).map_err(Error::Frames)?;
    let mut frames = Vec::new();
    while let Some(frame) = reader.read_frame().map_err(Error::Frames)? {
        frames.push(frame.bytes);
    }
    Ok(frames)
}

fn refreshing_all(quantizer: QuantizerIndex) -> Plan {
    Plan { refresh_golden: true, refresh_altref: true, ..Plan::inter(quantizer) }
}

fn first_picture(y4m: &[u8]) -> Result<Vec<Image>, Error> {
    let mut reader = Y4mReader::new(y4m).map_err(Error::Pictures)?;
    let first = reader.read_frame().map_err(Error::Pictures)?;
    first.map(|first| vec![first]).ok_or(Error::Count { pictures: 0, frames: 0 })
}

fn read_pictures(y4m: &[u8]) -> Result<Vec<Image>, Error> {
    let mut reader = Y4mReader::new(y4m).map_err(Error::Pictures)?;
    let mut pictures = Vec::new();
    while let Some(picture) = reader.read_frame().map_err(Error::Pictures)? {
        pictures.push(picture);
    }
    if pictures.is_empty() { Err(Error::Count { pictures: 0, frames: 0 }) } else { Ok(pictures) }
}

/// Frames as IVF. Chunks know nothing of the film's rate: time counts in frames.
fn write_frames(pictures: &[Image], frames: &[Vec<u8>]) -> Result<Vec<u8>, Error> {
    let written = || -> io::Result<Vec<u8>> {
        let rate = FrameRate::new(1, 1).expect("one a second is a rate");
        let mut writer = IvfWriter::new(io::Cursor::new(Vec::new()), pictures[0].size(), rate)?;
        for (number, frame) in (0..).zip(frames) {
            writer.write_frame(frame, number)?;
        }
        Ok(writer.finish()?.into_inner())
    };
    written().map_err(Error::Write)
}
