//! Functions of JPEGs: a file, or one chunk of it, packed or given back.

use std::fmt;
use std::io::{self, Cursor};

use oyster_excamera::{CallError, put_off};
use oyster_lepton::{Container, ContainerError, Header, InTurn, Plan, encode_chunk, pack};
use oyster_thunks::{Digest, Input, Thunk, ThunkError};

use crate::Failed;
use crate::folder::Folder;

/// The word before the others.
pub const NAME: &str = "jpeg";
const KNOWN: &str = "pack BYTES, encode NUMBER, chunk NUMBER and decode NUMBER";

/// A function with its settings, as the executable of a thunk is told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Of `original`, a whole file, `packed`.
    Pack {
        /// How much of the original each chunk is about.
        chunk_bytes: u64,
    },
    /// Of `header` (the container's, no stored length known yet), `pieces` ([`Plan::chunk_to_bytes`]) and `original`, the
    /// chunk's bytes, `chunk`.
    Encode {
        /// Which chunk, from 0 on.
        number: usize,
    },
    /// Of `packed`, `header` and `chunk`.
    Chunk {
        /// Which chunk.
        number: usize,
    },
    /// Of `header` and `chunk`, `original`, those of the chunk's bytes that can be given back, and `damaged`, by line the
    /// [`Damage`](oyster_lepton::Damage) of those that cannot.
    Decode {
        /// Which chunk.
        number: usize,
    },
}

/// Why a function cannot be applied to its inputs.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be packed.
    Pack(io::Error),
    /// The header cannot be read.
    Header(ContainerError),
    /// There is no such chunk.
    NoChunk {
        /// Which was asked for.
        number: usize,
        /// How many there are.
        chunks: usize,
    },
    /// The pieces are not this chunk's.
    Pieces,
    /// The original is not as long as the chunk.
    Length {
        /// How many bytes it has.
        bytes: usize,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pack(error) => error.fmt(f),
            Self::Header(error) => error.fmt(f),
            Self::NoChunk { number, chunks } => write!(f, "there are {chunks} chunks, no number {number}"),
            Self::Pieces => write!(f, "pieces: not those of this chunk"),
            Self::Length { bytes } => write!(f, "original: the chunk has not {bytes} bytes"),
        }
    }
}

impl std::error::Error for Error {}

impl Call {
    /// The words that [`Call::parse`] reads.
    pub fn words(&self) -> [String; 2] {
        let (name, number) = match *self {
            Self::Pack { chunk_bytes } => ("pack", chunk_bytes),
            Self::Encode { number } => ("encode", number as u64),
            Self::Chunk { number } => ("chunk", number as u64),
            Self::Decode { number } => ("decode", number as u64),
        };
        [name.to_owned(), number.to_string()]
    }

    /// Reads the words of a call.
    pub fn parse(words: &[&str]) -> Result<Self, CallError> {
        let call = match *words {
            ["pack", bytes] => bytes.parse().ok().map(|chunk_bytes| Self::Pack { chunk_bytes }),
            ["encode", number] => number.parse().ok().map(|number| Self::Encode { number }),
            ["chunk", number] => number.parse().ok().map(|number| Self::Chunk { number }),
            ["decode", number] => number.parse().ok().map(|number| Self::Decode { number }),
            _ => None,
        };
        call.ok_or_else(|| CallError::new(&[&[NAME], words].concat(), KNOWN))
    }

    /// The names of what it reads and of what it makes.
    pub(crate) fn files(&self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Self::Pack { .. } => (&["original"], &["packed"]),
            Self::Encode { .. } => (&["header", "pieces", "original"], &["chunk"]),
            Self::Chunk { .. } => (&["packed"], &["header", "chunk"]),
            Self::Decode { .. } => (&["header", "chunk"], &["original", "damaged"]),
        }
    }

    /// Puts it off: `function` is the executable, `inputs` are what it reads, in the order in which it is said above.
    pub fn thunk(&self, function: Digest, inputs: &[Digest]) -> Result<Thunk, ThunkError> {
        let words = [NAME.to_owned()].into_iter().chain(self.words());
        let inputs: Vec<Input> = inputs.iter().copied().map(Input::value).collect();
        put_off(function, words, self.files(), &inputs)
    }

    /// Applies the function to the files of a folder.
    pub(crate) fn apply(&self, folder: &Folder) -> Result<(), Failed> {
        match *self {
            Self::Pack { chunk_bytes } => {
                let mut packed = Cursor::new(Vec::new());
                pack(&mut Cursor::new(folder.read("original")?), &mut packed, chunk_bytes, &InTurn, &mut |_| {})
                    .map_err(Error::Pack)?;
                folder.write("packed", &|output| output.write_all(packed.get_ref()))
            }
            Self::Encode { number } => {
                let header = header(&folder.read("header")?, number)?;
                let plan = Plan::of_chunk(&header, number, &folder.read("pieces")?).ok_or(Error::Pieces)?;
                let (original, chunk) = (folder.read("original")?, header.chunk(number));
                if original.len() as u64 != chunk.end - chunk.start {
                    return Err(Error::Length { bytes: original.len() }.into());
                }
                folder.write("chunk", &|output| output.write_all(&encode_chunk(&plan, number, &original)))
            }
            Self::Chunk { number } => {
                let mut container = Container::open(Cursor::new(folder.read("packed")?)).map_err(Error::Header)?;
                expect_chunk(container.header(), number)?;
                folder.write("header", &|output| output.write_all(&container.header().to_bytes()))?;
                let chunk = container.stored(number).map_err(|error| Failed::Read("packed", error))?;
                folder.write("chunk", &|output| output.write_all(&chunk))
            }
            Self::Decode { number } => {
                let header = header(&folder.read("header")?, number)?;
                let (mut original, mut damaged) = (Vec::new(), String::new());
                for piece in header.decode_pieces(number, &folder.read("chunk")?) {
                    match piece {
                        Ok(bytes) => original.extend(bytes),
                        Err(damage) => damaged.push_str(&format!("{damage}\n")),
                    }
                }
                folder.write("original", &|output| output.write_all(&original))?;
                folder.write("damaged", &|output| output.write_all(damaged.as_bytes()))
            }
        }
    }
}

fn header(bytes: &[u8], number: usize) -> Result<Header, Error> {
    let header = Header::read(bytes).map_err(Error::Header)?;
    expect_chunk(&header, number).map(|()| header)
}

fn expect_chunk(header: &Header, number: usize) -> Result<(), Error> {
    let chunks = header.chunks();
    if number < chunks { Ok(()) } else { Err(Error::NoChunk { number, chunks }) }
}
