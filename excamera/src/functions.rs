//! The functions: pictures are read as y4m, frames as IVF, states as [`State::write_content`] has them. A task is so short that what it
//! reads comes straight to where it is needed.

use std::fmt;
use std::io::{self, Read};

use oyster_codec::container::FrameRate;
use oyster_codec::container::ivf::{IvfError, IvfReader, IvfWriter};
use oyster_codec::container::y4m::{Y4mError, Y4mReader};
use oyster_codec::{
    DecisionReader, DecodeError, Effort, EncodeError, Encoded, Hints, Image, Plan, QuantizerIndex, RebaseError, Size,
    State, StateError, altref_shown, analyse, decode, show_altref,
};

/// How film is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The quantizer about which the frames' are: key frames and anchors are finer, as others are predicted from them, and the rest is
    /// coarser.
    pub quantizer: QuantizerIndex,
    /// How hard to search.
    pub effort: Effort,
}

/// The quantizers of key frames, of anchors and of other frames, in hundredths of what is asked for: the longer a frame is predicted from,
/// the more its bits are worth. Found by measuring BD-rate.
const KEY_PERCENT: u8 = 30;
const ANCHOR_PERCENT: u8 = 50;
const BETWEEN_PERCENT: u8 = 125;

/// That of the key frame which an anchor is decided from. Its bits are never sent; the less it blurs, the more of what is decided fits the
/// true state.
const STAND_IN_PERCENT: u8 = 15;

impl Settings {
    fn key(&self) -> Plan {
        Plan::key(self.quantizer.percent(KEY_PERCENT))
    }

    /// An anchor is hidden until the pictures before it are shown.
    fn anchor(&self) -> Plan {
        let plan = Plan::inter(self.quantizer.percent(ANCHOR_PERCENT));
        Plan { refresh_last: false, refresh_altref: true, shown: false, ..plan }
    }

    /// A frame between anchors leaves nothing behind but what the next one up to the anchor is predicted from: so states at anchors follow from
    /// anchors alone.
    fn between(&self) -> Plan {
        Plan { refresh_probabilities: false, ..Plan::inter(self.quantizer.percent(BETWEEN_PERCENT)) }
    }

    /// Encodes a picture, and answers what its analysis can tell the next one.
    fn encode(&self, source: &State, picture: &Image, plan: &Plan, hints: &Hints) -> Result<(Encoded, Hints), Error> {
        let analysis = analyse(source, picture, plan, hints, self.effort).map_err(Error::Encode)?;
        Ok((analysis.finish(plan.finest), analysis.hints()))
    }
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

/// Encodes the picture that a batch begins with, as a key frame. Answers the frame, as IVF, and the state.
pub fn open(picture: impl Read, settings: Settings) -> Result<(Vec<u8>, State), Error> {
    let picture = one_picture(picture)?;
    let (key, _) = settings.encode(&State::blank(), &picture, &settings.key(), &Hints::default())?;
    Ok((write_frames(picture.size(), &[key.frame])?, key.target))
}

/// Decides how the anchor `picture` is predicted from the one `before`, of which nothing is known yet but the picture: it
/// is encoded as a key frame first. `count` pictures of the batch come before the anchor: it renews the background where these will
/// have come to. Answers both frames.
pub fn decide(before: impl Read, picture: impl Read, count: usize, settings: Settings) -> Result<Vec<u8>, Error> {
    let (before, picture) = (one_picture(before)?, one_picture(picture)?);
    let stand_in = Plan::key(settings.quantizer.percent(STAND_IN_PERCENT));
    let (key, hints) = settings.encode(&State::blank(), &before, &stand_in, &Hints::default())?;
    let hints = hints.renewing_after(count);
    let (anchor, _) = settings.encode(&key.target, &picture, &settings.anchor(), &hints)?;
    write_frames(picture.size(), &[key.frame, anchor.frame])
}

/// Moves an anchor, with what [`decide`] decided, onto the state that it does follow. Answers its frame, and the state that the chunk
/// ends in.
pub fn rebase(picture: impl Read, decided: impl Read, before: impl Read) -> Result<(Vec<u8>, State), Error> {
    let mut picture = Y4mReader::new(picture).map_err(Error::Pictures)?;
    let (size, decided) = (picture.size(), frames(decided)?);
    let [key, anchor] = &decided[..] else { return Err(Error::Count { pictures: 2, frames: decided.len() }) };
    let mut reader = DecisionReader::new(&State::blank());
    reader.pass(key).map_err(Error::Decode)?;
    let decisions = reader.read(anchor).map_err(Error::Decode)?;
    let before = State::read_content(before).map_err(Error::State)?;
    let picture = picture.read_raster().map_err(Error::Pictures)?.ok_or(Error::Count { pictures: 0, frames: 1 })?;
    let anchor = decisions.rebase(&before, picture).map_err(Error::Rebase)?;
    let after = altref_shown(&anchor.target).map_err(Error::Encode)?;
    Ok((write_frames(size, &[anchor.frame])?, after))
}

/// Encodes the `pictures` of a chunk up to its anchor, which lies between the state `before` and them. Answers the chunk's frames.
pub fn encode(pictures: impl Read, anchor: impl Read, before: impl Read, settings: Settings) -> Result<Vec<u8>, Error> {
    let (mut pictures, mut frames) = (Y4mReader::new(pictures).map_err(Error::Pictures)?, frames(anchor)?);
    let before = State::read_content(before).map_err(Error::State)?;
    let [anchor] = &frames[..] else { return Err(Error::Count { pictures: 1, frames: frames.len() }) };
    let mut state = decode(&before, anchor).map_err(Error::Decode)?.target;
    while let Some(picture) = pictures.read_frame().map_err(Error::Pictures)? {
        // Without hints nothing is renewed, which would not last.
        let (encoded, _) = settings.encode(&state, &picture, &settings.between(), &Hints::default())?;
        state = encoded.target;
        frames.push(encoded.frame);
    }
    let size = state.size().ok_or(Error::Encode(EncodeError::NothingToPredictFrom))?;
    frames.push(show_altref(&state).map_err(Error::Encode)?.frame);
    write_frames(size, &frames)
}

/// The frames of an IVF file.
pub fn frames(ivf: impl Read) -> Result<Vec<Vec<u8>>, Error> {
    let mut reader = IvfReader::new(ivf).map_err(Error::Frames)?;
    let mut frames = Vec::new();
    while let Some(frame) = reader.read_frame().map_err(Error::Frames)? {
        frames.push(frame.bytes);
    }
    Ok(frames)
}

fn one_picture(y4m: impl Read) -> Result<Image, Error> {
    let mut reader = Y4mReader::new(y4m).map_err(Error::Pictures)?;
    reader.read_frame().map_err(Error::Pictures)?.ok_or(Error::Count { pictures: 0, frames: 1 })
}

/// Frames as IVF. Chunks know nothing of the film's rate: time counts in frames.
fn write_frames(size: Size, frames: &[Vec<u8>]) -> Result<Vec<u8>, Error> {
    let written = || -> io::Result<Vec<u8>> {
        let rate = FrameRate::new(1, 1).expect("one a second is a rate");
        let mut writer = IvfWriter::new(io::Cursor::new(Vec::new()), size, rate)?;
        for (number, frame) in (0..).zip(frames) {
            writer.write_frame(frame, number)?;
        }
        Ok(writer.finish()?.into_inner())
    };
    written().map_err(Error::Write)
}
