//! Whole files through the pure functions: read, code on an executor, write in order.

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;

use crate::container::{Container, Damage, Header};
use crate::frame::{encode_generally, encode_piece, encode_primer, encode_whole};
use crate::plan::{Piece, Plan};
use crate::survey::survey;

/// One piece of work: some bytes, and where in the original file their piece lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Its number in its row.
    pub number: usize,
    /// The piece's bytes in the original.
    pub piece: Range<u64>,
    /// What is to be worked on, or why there is nothing.
    pub bytes: Result<Vec<u8>, Damage>,
}

/// What tasks run on.
pub trait Executor {
    /// Takes tasks as it has room for them, works on each, and hands over the results in the order of the tasks. Holds no
    /// more of either than a few for each thread, and ends at the first error.
    fn in_order(
        &self,
        tasks: &mut (dyn Iterator<Item = io::Result<Task>> + Send),
        work: &(dyn Fn(Task) -> Task + Sync),
        take: &mut dyn FnMut(Task) -> io::Result<()>,
    ) -> io::Result<()>;
}

/// Runs one task after another where it is called.
#[derive(Clone, Copy, Debug, Default)]
pub struct InTurn;

impl Executor for InTurn {
    fn in_order(
        &self,
        tasks: &mut (dyn Iterator<Item = io::Result<Task>> + Send),
        work: &(dyn Fn(Task) -> Task + Sync),
        take: &mut dyn FnMut(Task) -> io::Result<()>,
    ) -> io::Result<()> {
        for task in tasks {
            take(work(task?))?;
        }
        Ok(())
    }
}

/// Plans a file for [`encode_chunk`], whose chunks may then be coded anywhere and in any order.
///
/// ```
/// use oyster_lepton::{Header, encode_chunk, plan};
/// use std::io::Cursor;
///
/// let original = b"any file at all, JPEG or not".repeat(100);
/// let plan = plan(&mut Cursor::new(&original), 1000)?;
/// let mut header = Header::new(&plan);
/// let mut chunks = Vec::new();
/// for number in 0..header.chunks() {
///     let bytes = header.chunk(number);
///     let stored = encode_chunk(&plan, number, &original[bytes.start as usize..bytes.end as usize]);
///     header.count_frame(bytes.start, &stored);
///     chunks.push(stored);
/// }
/// // A container is the header's bytes and then the chunks. Elsewhere, with one chunk and the header's bytes alone:
/// let header = Header::read(&header.to_bytes()[..])?;
/// assert_eq!(header.decode_chunk(1, &chunks[1])?, original[1000..2000]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn plan(input: &mut (impl Read + Seek), chunk_bytes: u64) -> io::Result<Plan> {
    input.seek(SeekFrom::Start(0))?;
    let mut plan = survey(&mut *input, chunk_bytes)?;
    prime(&mut plan, input)?;
    Ok(plan)
}

/// Codes one chunk, whose bytes are `original`; what is given back was decoded and compared.
///
/// # Panics
/// If the file has no such chunk, or `original` is not as long as it.
pub fn encode_chunk(plan: &Plan, number: usize, original: &[u8]) -> Vec<u8> {
    let chunk = Header::new(plan).chunk(number);
    assert_eq!(original.len() as u64, chunk.end - chunk.start, "these are not the chunk's bytes");
    let within = |at: u64| (at - chunk.start) as usize;
    let encode =
        |piece: &Piece| encode_piece(plan, piece, &original[within(piece.bytes.start)..within(piece.bytes.end)]);
    plan.chunk(number).iter().flat_map(encode).collect()
}

/// What packing a file came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Savings {
    /// The original's length.
    pub original_bytes: u64,
    /// The container's.
    pub packed_bytes: u64,
}

/// Packs a file in chunks of `chunk_bytes`. Each piece was decoded and compared before it is written. The output must not
/// be used before this has returned: its header is written last. `tell` hears how many bytes of the original are done.
pub fn pack(
    input: &mut (impl Read + Seek + Send),
    output: &mut (impl Write + Seek),
    chunk_bytes: u64,
    executor: &dyn Executor,
    tell: &mut dyn FnMut(u64),
) -> io::Result<Savings> {
    input.seek(SeekFrom::Start(0))?;
    let mut plan = survey(&mut *input, chunk_bytes)?;
    let start = output.stream_position()?;
    if let Some(frame) = one_frame(&plan, input)? {
        let mut header = Header::of_one_frame(&plan);
        header.count_frame(0, &frame);
        output.write_all(&header.to_bytes())?;
        output.write_all(&frame)?;
    } else {
        prime(&mut plan, input)?;
        let mut header = Header::new(&plan);
        output.write_all(&header.to_bytes())?;
        let mut tasks = plan.pieces().iter().enumerate().map(|(number, piece)| {
            let bytes = read_range(input, &piece.bytes())?;
            Ok(Task { number, piece: piece.bytes(), bytes: Ok(bytes) })
        });
        let encode = |task: Task| {
            let bytes = task.bytes.map(|bytes| encode_piece(&plan, &plan.pieces()[task.number], &bytes));
            Task { bytes, ..task }
        };
        executor.in_order(&mut tasks, &encode, &mut |task| {
            let frame = task.bytes.map_err(io::Error::other)?;
            header.count_frame(task.piece.start, &frame);
            tell(task.piece.end);
            output.write_all(&frame)
        })?;
        output.seek(SeekFrom::Start(start))?;
        output.write_all(&header.to_bytes())?;
    }
    let packed_bytes = output.seek(SeekFrom::End(0))? - start;
    Ok(Savings { original_bytes: plan.file_bytes(), packed_bytes })
}

/// The frame of a file that is best coded at once: because the model takes it as it is, or because it is so short that a
/// second frame would show.
fn one_frame(plan: &Plan, input: &mut (impl Read + Seek)) -> io::Result<Option<Vec<u8>>> {
    if plan.chunk_bytes < plan.file_bytes || !(plan.may_be_whole || (1..SHORT_BYTES).contains(&plan.file_bytes)) {
        return Ok(None);
    }
    let bytes = read_range(input, &(0..plan.file_bytes))?;
    if let Some(frame) = encode_whole(plan, &bytes) {
        return Ok(Some(frame));
    }
    if plan.file_bytes >= SHORT_BYTES {
        return Ok(None);
    }
    let frame = encode_generally(0, &bytes);
    let piecewise = |piece: &Piece| {
        let Range { start, end } = piece.bytes();
        encode_piece(plan, piece, &bytes[start as usize..end as usize]).len()
    };
    let pieces = plan.pieces().iter().map(piecewise).sum::<usize>() + Header::new(plan).to_bytes().len();
    Ok((frame.len() + Header::of_one_frame(plan).to_bytes().len() <= pieces).then_some(frame))
}

/// Gives a plan of more than one chunk its primer: of the pieces that may be it the one in the middle of the file, as at
/// its edges a photograph is blurred or sky.
fn prime(plan: &mut Plan, input: &mut (impl Read + Seek)) -> io::Result<()> {
    let several = plan.file_bytes > plan.chunk_bytes;
    let choice = plan.candidates.get(plan.candidates.len() / 2).copied().filter(|_| several);
    if let Some(choice) = choice {
        let piece = &plan.pieces[choice];
        plan.shared.primer = encode_primer(plan, piece, &read_range(input, &piece.bytes())?);
    }
    plan.join_candidates(choice);
    Ok(())
}

fn read_range(input: &mut (impl Read + Seek), range: &Range<u64>) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; (range.end - range.start) as usize];
    input.seek(SeekFrom::Start(range.start))?;
    input.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Why a file was not unpacked.
#[derive(Debug)]
#[non_exhaustive]
pub enum UnpackError {
    /// The range is not one of the original's.
    OutOfRange {
        /// What was asked for.
        range: Range<u64>,
        /// The original's length.
        file_bytes: u64,
    },
    /// These parts cannot be given back; all others can.
    Damaged(Vec<Damage>),
    /// Reading or writing failed.
    Io(io::Error),
}

impl fmt::Display for UnpackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfRange { range, file_bytes } => {
                write!(f, "bytes {}-{} of a file that has {file_bytes}", range.start, range.end)
            }
            Self::Damaged(parts) => {
                let parts: Vec<_> = parts.iter().take(MAX_NAMED).map(Damage::to_string).collect();
                write!(f, "{}", parts.join("; "))
            }
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for UnpackError {}

impl From<io::Error> for UnpackError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Writes bytes `range` of the original. Decodes only the pieces they lie in; writes as it decodes, and stops writing at
/// the first part that is damaged, but goes on to name the others.
pub fn unpack(
    container: &mut Container<impl Read + Seek + Send>,
    range: Range<u64>,
    output: &mut impl Write,
    executor: &dyn Executor,
) -> Result<(), UnpackError> {
    let file_bytes = container.header().file_bytes();
    if range.start > range.end || range.end > file_bytes {
        return Err(UnpackError::OutOfRange { range, file_bytes });
    }
    let mut damaged = Vec::new();
    decode_all(container, range.clone(), executor, &mut |task| {
        match task.bytes {
            Ok(bytes) if damaged.is_empty() => {
                let within = |at: u64| (at.clamp(task.piece.start, task.piece.end) - task.piece.start) as usize;
                output.write_all(&bytes[within(range.start)..within(range.end)])?;
            }
            Ok(_) => {}
            Err(damage) => damaged.push(damage),
        }
        Ok(())
    })?;
    if damaged.is_empty() { Ok(()) } else { Err(UnpackError::Damaged(damaged)) }
}

/// Decodes all pieces that bytes `range` of the original lie in and hands them over in their order, each with its bytes or
/// what is wrong with it.
pub fn decode_all(
    container: &mut Container<impl Read + Seek + Send>,
    range: Range<u64>,
    executor: &dyn Executor,
    take: &mut dyn FnMut(Task) -> io::Result<()>,
) -> io::Result<()> {
    let header = container.header().clone();
    let overlaps = |piece: &Range<u64>| piece.start < range.end && range.start < piece.end;
    let pieces = container.frames(range.clone()).map(|frame| {
        frame.map(|frame| match frame {
            Ok(frame) => (frame.piece(), Ok(frame.bytes)),
            Err(damage) => (damage.bytes.clone(), Err(damage)),
        })
    });
    let needed = pieces.filter(|piece| piece.as_ref().map_or(true, |(piece, _)| overlaps(piece)));
    let mut tasks = needed.enumerate().map(|(number, piece)| piece.map(|(piece, bytes)| Task { number, piece, bytes }));
    let decode = |task: Task| {
        let bytes = task.bytes.and_then(|bytes| header.decode_frame(task.piece.start, &bytes));
        Task { bytes, ..task }
    };
    executor.in_order(&mut tasks, &decode, take)
}

/// In a file so short a frame's head is felt.
const SHORT_BYTES: u64 = 1 << 16;
/// An error names so many damaged parts and leaves out the rest.
const MAX_NAMED: usize = 20;
