//! A packed file: its header, then its chunks, each a row of frames.
//!
//! The header is the magic, the version, the file's length, the chunks' length, the scans (by scan the length of a JPEG header and that
//! header, all compressed by zstd, behind the lengths of both), if there are any the primer (its length, and if it has one
//! where in the file it is from and its frame), by chunk its stored length in four bytes, and a check of all this. It is as
//! long before the stored lengths are known as it is after.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::str::FromStr;

use crate::frame::{Head, MAX_HEAD_BYTES, decode_frame, piece_of};
use crate::jpeg::header::Scan;
use crate::plan::Plan;
use crate::shared::{PrimerFrame, Shared};
use crate::survey::MAX_SCANS;
use crate::{MAX_CHUNK_BYTES, numbers};

/// What decoding a chunk takes beside the chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    file_bytes: u64,
    chunk_bytes: u64,
    shared: Shared,
    /// By chunk.
    stored_bytes: Vec<u32>,
}

/// Why bytes are no container.
#[derive(Debug)]
#[non_exhaustive]
pub enum ContainerError {
    /// The first bytes are not those of a container.
    NotPacked,
    /// They are those of a container as an older or newer version of this crate makes it.
    Version {
        /// Which.
        version: u8,
    },
    /// The header says what cannot be, or its checksum is another.
    Header {
        /// What is wrong.
        what: &'static str,
    },
    /// The bytes cannot be read.
    Read(io::Error),
}

/// Bytes of the original file that cannot be given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Which bytes.
    pub bytes: Range<u64>,
    /// What is wrong with what they were packed as.
    pub what: Cow<'static, str>,
}

impl Damage {
    pub(crate) fn at(bytes: Range<u64>, what: &'static str) -> Self {
        Self { bytes, what: what.into() }
    }
}

/// Text that tells of no [`Damage`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoDamage;

impl FromStr for Damage {
    type Err = NoDamage;

    /// Reads what is displayed, for those whom it reaches as text.
    fn from_str(text: &str) -> Result<Self, NoDamage> {
        let parse = || {
            let (range, what) = text.strip_prefix("bytes ")?.split_once(" are damaged: ")?;
            let (start, end) = range.split_once('-')?;
            let bytes = start.parse().ok()?..end.parse().ok()?;
            (bytes.start <= bytes.end).then(|| Self { bytes, what: what.to_owned().into() })
        };
        parse().ok_or(NoDamage)
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bytes {}-{} are damaged: {}", self.bytes.start, self.bytes.end, self.what)
    }
}

impl std::error::Error for Damage {}

impl fmt::Display for NoDamage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this tells of no damage")
    }
}

impl std::error::Error for NoDamage {}

impl fmt::Display for ContainerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPacked => {
                write!(f, "not a packed file: it does not begin with {:?}", MAGIC.escape_ascii().to_string())
            }
            Self::Version { version } => write!(f, "packed in version {version} of the format; this reads {VERSION}"),
            Self::Header { what } => write!(f, "the header is damaged: {what}"),
            Self::Read(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ContainerError {}

impl From<io::Error> for ContainerError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Header { what: "it is not all there" },
            _ => Self::Read(error),
        }
    }
}

impl Header {
    /// The header of a file that is packed as planned, with no stored length known yet.
    pub fn new(plan: &Plan) -> Self {
        let chunks = plan.file_bytes.div_ceil(plan.chunk_bytes) as usize;
        let shared = plan.shared.clone();
        Self { file_bytes: plan.file_bytes, chunk_bytes: plan.chunk_bytes, shared, stored_bytes: vec![0; chunks] }
    }

    /// The header of a file that is one frame, of no piece of the plan.
    pub fn of_one_frame(plan: &Plan) -> Self {
        Self { shared: Shared::default(), ..Self::new(plan) }
    }

    /// Counts a frame, whose piece begins at `start` in the file, in its chunk's stored length.
    pub fn count_frame(&mut self, start: u64, frame: &[u8]) {
        if let Some(stored) = self.stored_bytes.get_mut((start / self.chunk_bytes) as usize) {
            *stored += frame.len() as u32;
        }
    }

    /// The original's length.
    pub fn file_bytes(&self) -> u64 {
        self.file_bytes
    }

    /// Every chunk's length but the last one's, in bytes of the original.
    pub fn chunk_bytes(&self) -> u64 {
        self.chunk_bytes
    }

    /// What is in it beside the lengths.
    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// How many chunks there are.
    pub fn chunks(&self) -> usize {
        self.stored_bytes.len()
    }

    /// The bytes of the original that a chunk is about.
    pub fn chunk(&self, number: usize) -> Range<u64> {
        let start = number as u64 * self.chunk_bytes;
        start..(start + self.chunk_bytes).min(self.file_bytes)
    }

    /// The chunks that bytes `range` of the original lie in.
    pub fn chunks_of(&self, range: &Range<u64>) -> Range<usize> {
        let first = (range.start / self.chunk_bytes) as usize;
        let end = range.end.min(self.file_bytes).div_ceil(self.chunk_bytes) as usize;
        first..if range.is_empty() { first } else { end }
    }

    /// Decodes one chunk from its stored bytes, with nothing else: the function of this crate that is fit to be run
    /// anywhere.
    pub fn decode_chunk(&self, number: usize, stored: &[u8]) -> Result<Vec<u8>, Damage> {
        let pieces = self.decode_pieces(number, stored).collect::<Result<Vec<_>, _>>()?;
        Ok(pieces.concat())
    }

    /// The same piece by piece: where one is damaged, those after it are given nevertheless.
    pub fn decode_pieces(&self, number: usize, mut stored: &[u8]) -> impl Iterator<Item = Result<Vec<u8>, Damage>> {
        let mut row = Row::of(self.chunk(number), stored.len() as u64);
        let frames = std::iter::from_fn(move || row.next(&mut stored).expect("memory can be read"));
        frames.map(|frame| frame.and_then(|frame| self.decode_frame(frame.start, &frame.bytes)))
    }

    /// Decodes one frame, whose piece begins at `start` in the original.
    pub fn decode_frame(&self, start: u64, frame: &[u8]) -> Result<Vec<u8>, Damage> {
        decode_frame(&self.shared, start, frame)
    }

    /// As it stands in a container.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut scans = Vec::new();
        for scan in &*self.shared.scans {
            let header = scan.to_header();
            numbers::put(&mut scans, header.len() as u64);
            scans.extend(header);
        }
        let compressed = zstd::bulk::compress(&scans, 19).expect("memory can be compressed into memory");
        let mut bytes = [&MAGIC[..], &[VERSION]].concat();
        numbers::put(&mut bytes, self.file_bytes);
        numbers::put(&mut bytes, self.chunk_bytes);
        numbers::put(&mut bytes, scans.len() as u64);
        if !scans.is_empty() {
            numbers::put(&mut bytes, compressed.len() as u64);
            bytes.extend(compressed);
            let (start, frame) =
                self.shared.primer.as_ref().map_or((0, &[][..]), |primer| (primer.start, &primer.frame));
            numbers::put(&mut bytes, frame.len() as u64);
            if !frame.is_empty() {
                numbers::put(&mut bytes, start);
                bytes.extend(frame);
            }
        }
        bytes.extend(self.stored_bytes.iter().flat_map(|stored| stored.to_le_bytes()));
        bytes.extend(check(&bytes));
        bytes
    }

    /// Reads a header off the front of a container.
    pub fn read(input: impl Read) -> Result<Self, ContainerError> {
        Self::read_counting(input).map(|(header, _)| header)
    }

    /// And says how long it is.
    fn read_counting(input: impl Read) -> Result<(Self, u64), ContainerError> {
        let mut input = Recorded { input, bytes: Vec::new() };
        if input.take(MAGIC.len() as u64).map_err(|_| ContainerError::NotPacked)? != MAGIC {
            return Err(ContainerError::NotPacked);
        }
        let version = input.take(1)?[0];
        if version != VERSION {
            return Err(ContainerError::Version { version });
        }
        let file_bytes = input.number(MAX_FILE_BYTES, "the file's length")?;
        let chunk_bytes = input.number(MAX_CHUNK_BYTES, "the chunks' length")?;
        if chunk_bytes == 0 {
            return Err(ContainerError::Header { what: "chunks of no bytes" });
        }
        let scans_bytes = input.number(MAX_SCANS_BYTES, "the length of its scans")?;
        let mut shared = Shared::default();
        if scans_bytes > 0 {
            let compressed = input.number(MAX_SCANS_BYTES, "the length of its scans")?;
            let compressed = input.take(compressed)?;
            let scans = read_scans(&compressed, scans_bytes).ok_or(ContainerError::Header { what: "its scans" })?;
            shared.scans = scans.into();
            let primer_bytes = input.number(MAX_PRIMER_BYTES, "the length of its primer")?;
            if primer_bytes > 0 {
                let start = input.number(file_bytes, "where its primer is from")?;
                shared.primer = Some(PrimerFrame::new(start, input.take(primer_bytes)?));
            }
        }
        let chunks = file_bytes.div_ceil(chunk_bytes);
        let lengths =
            input.take(chunks.checked_mul(4).ok_or(ContainerError::Header { what: "the number of chunks" })?)?;
        let stored_bytes = lengths.as_chunks().0.iter().map(|&length| u32::from_le_bytes(length)).collect();
        let expected = check(&input.bytes);
        if input.take(expected.len() as u64)? != expected && !cfg!(fuzzing) {
            return Err(ContainerError::Header { what: "its checksum is another" });
        }
        Ok((Self { file_bytes, chunk_bytes, shared, stored_bytes }, input.bytes.len() as u64))
    }
}

fn read_scans(compressed: &[u8], bytes: u64) -> Option<Vec<Scan>> {
    let headers = zstd::bulk::decompress(compressed, bytes as usize).ok()?;
    let mut rest = &headers[..];
    let mut scans = Vec::new();
    while !rest.is_empty() {
        let length = numbers::take(&mut rest)?;
        scans.push(Scan::from_header(numbers::take_bytes(&mut rest, length)?)?);
    }
    (scans.len() <= MAX_SCANS).then_some(scans)
}

fn check(bytes: &[u8]) -> [u8; 4] {
    *blake3::hash(bytes).as_bytes().first_chunk().expect("a hash has 32 bytes")
}

/// Input whose bytes are kept for the checksum.
struct Recorded<R> {
    input: R,
    bytes: Vec<u8>,
}

impl<R: Read> Recorded<R> {
    fn take(&mut self, count: u64) -> Result<Vec<u8>, ContainerError> {
        // Memory is taken as the bytes come, not as they are promised.
        let mut taken = Vec::new();
        if self.input.by_ref().take(count).read_to_end(&mut taken)? as u64 != count {
            return Err(ContainerError::Header { what: "it is not all there" });
        }
        self.bytes.extend(&taken);
        Ok(taken)
    }

    fn number(&mut self, most: u64, what: &'static str) -> Result<u64, ContainerError> {
        let mut bytes = Vec::new();
        while bytes.last().is_none_or(|&byte| byte >= 0x80) && bytes.len() < 9 {
            bytes.extend(self.take(1)?);
        }
        numbers::take(&mut &bytes[..]).filter(|&number| number <= most).ok_or(ContainerError::Header { what })
    }
}

/// A frame and where in the original its piece begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Bytes of the original before its piece.
    pub start: u64,
    /// As it stands in the container.
    pub bytes: Vec<u8>,
}

impl Frame {
    /// The bytes of the original that it is about.
    pub fn piece(&self) -> Range<u64> {
        piece_of(self.start, &self.bytes).unwrap_or(self.start..self.start)
    }
}

/// A container in a file.
#[derive(Debug)]
pub struct Container<R> {
    input: R,
    header: Header,
    /// Where in the container the first chunk begins.
    first_chunk: u64,
}

impl<R: Read + Seek> Container<R> {
    /// Reads the header.
    pub fn open(mut input: R) -> Result<Self, ContainerError> {
        input.seek(SeekFrom::Start(0))?;
        let (header, first_chunk) = Header::read_counting(io::BufReader::new(&mut input))?;
        Ok(Self { input, header, first_chunk })
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Where in the container a chunk's stored bytes are: with the header all that decoding it takes.
    pub fn place(&self, number: usize) -> Range<u64> {
        let start = self.start(number);
        start..start + self.header.stored_bytes.get(number).map_or(0, |&stored| u64::from(stored))
    }

    /// A chunk's stored bytes, or as many of them as there are.
    pub fn stored(&mut self, number: usize) -> io::Result<Vec<u8>> {
        let Range { start, end } = self.place(number);
        self.input.seek(SeekFrom::Start(start))?;
        let mut stored = Vec::new();
        self.input.by_ref().take(end - start).read_to_end(&mut stored)?;
        Ok(stored)
    }

    /// Where a chunk's stored bytes begin.
    fn start(&self, number: usize) -> u64 {
        let passed = self.header.stored_bytes.iter().take(number).map(|&stored| u64::from(stored));
        self.first_chunk + passed.sum::<u64>()
    }

    /// The frames of the chunks that bytes `range` of the original lie in. Where a chunk's row of frames is broken, its
    /// [`Damage`] stands for the rest of the chunk, and the next one follows.
    pub fn frames(&mut self, range: Range<u64>) -> Frames<'_, R> {
        let chunks = self.header.chunks_of(&range);
        Frames { next_chunk_at: self.start(chunks.start), chunks, row: Row::default(), container: self }
    }
}

/// See [`Container::frames`].
#[derive(Debug)]
pub struct Frames<'a, R> {
    container: &'a mut Container<R>,
    /// Those whose frames have not been begun with.
    chunks: Range<usize>,
    next_chunk_at: u64,
    row: Row,
}

impl<R: Read + Seek> Iterator for Frames<'_, R> {
    type Item = io::Result<Result<Frame, Damage>>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(frame) = self.row.next(&mut self.container.input).transpose() {
                return Some(frame);
            }
            let number = self.chunks.next()?;
            let stored = u64::from(*self.container.header.stored_bytes.get(number)?);
            if let Err(error) = self.container.input.seek(SeekFrom::Start(self.next_chunk_at)) {
                return Some(Err(error));
            }
            self.next_chunk_at += stored;
            self.row = Row::of(self.container.header.chunk(number), stored);
        }
    }
}

/// The frames of one chunk, as they are read.
#[derive(Debug, Default)]
struct Row {
    /// The bytes of the original yet to come.
    bytes: Range<u64>,
    /// Stored bytes yet to be read.
    stored: u64,
    /// What was read ahead.
    ahead: Vec<u8>,
}

impl Row {
    fn of(bytes: Range<u64>, stored: u64) -> Self {
        Self { bytes, stored, ahead: Vec::new() }
    }

    /// The next frame, if there is to be one.
    fn next(&mut self, input: impl Read) -> io::Result<Option<Result<Frame, Damage>>> {
        if self.bytes.is_empty() {
            return Ok(None);
        }
        let frame = self.frame(input)?;
        let rest = self.bytes.clone();
        self.bytes.start = frame.as_ref().map_or(rest.end, |frame| frame.piece().end);
        Ok(Some(frame.ok_or(Damage::at(rest, "its frames are not all there"))))
    }

    /// Reads one frame; `None` where there is none that can be.
    fn frame(&mut self, mut input: impl Read) -> io::Result<Option<Frame>> {
        self.read_ahead(&mut input, MAX_HEAD_BYTES)?;
        let Some((head, content)) = Head::split(&self.ahead) else { return Ok(None) };
        let frame_bytes = self.ahead.len() - content.len() + head.content_bytes as usize;
        if head.piece_bytes > self.bytes.end - self.bytes.start {
            return Ok(None);
        }
        self.read_ahead(&mut input, frame_bytes)?;
        if self.ahead.len() < frame_bytes {
            return Ok(None);
        }
        let rest = self.ahead.split_off(frame_bytes);
        Ok(Some(Frame { start: self.bytes.start, bytes: std::mem::replace(&mut self.ahead, rest) }))
    }

    /// Sees to it that `count` bytes are at hand, if the row has so many.
    fn read_ahead(&mut self, input: impl Read, count: usize) -> io::Result<()> {
        let missing = (count.saturating_sub(self.ahead.len()) as u64).min(self.stored);
        self.stored -= input.take(missing).read_to_end(&mut self.ahead)? as u64;
        Ok(())
    }
}

/// Oyster Lepton.
const MAGIC: &[u8; 3] = b"OyL";
/// Version 1 had neither primers nor stretches that end within a line, version 2 none that are in columns.
const VERSION: u8 = 3;
/// More than any file system holds.
const MAX_FILE_BYTES: u64 = 1 << 50;
/// The scans of a file, each with eight tables and more.
const MAX_SCANS_BYTES: u64 = 4096 * MAX_SCANS as u64;
/// A primer is part of a chunk, and small.
const MAX_PRIMER_BYTES: u64 = 1 << 20;
