//! `oyster jpeg function`: what thunks of JPEGs run. Reads and writes files of the folder it is started in, and nothing else.

use std::io::Cursor;

use anyhow::{Context, Result, ensure};
use clap::Subcommand;
use oyster_lepton::{Container, Header, InTurn, pack};

#[derive(Debug, Subcommand)]
pub(crate) enum Function {
    /// original -> packed
    Pack {
        /// How much of the original each chunk is about
        #[arg(value_parser = super::pack::chunk_bytes)]
        chunk_bytes: u64,
    },
    /// packed -> chunk, with the header before it
    Chunk {
        /// Which, from 0 on
        number: usize,
    },
    /// chunk, with the header before it -> original, of that chunk alone
    Unpack {
        /// Which it is
        number: usize,
    },
}

pub(crate) fn run(function: &Function) -> Result<()> {
    match function {
        Function::Pack { chunk_bytes } => {
            let mut packed = Cursor::new(Vec::new());
            pack(&mut Cursor::new(read("original")?), &mut packed, *chunk_bytes, &InTurn, &mut |_| {})?;
            write("packed", &packed.into_inner())
        }
        Function::Chunk { number } => {
            let mut container = Container::open(Cursor::new(read("packed")?))?;
            expect_chunk(container.header(), *number)?;
            let header = container.header().to_bytes();
            write("chunk", &[header, container.stored(*number)?].concat())
        }
        Function::Unpack { number } => {
            let chunk = read("chunk")?;
            let mut stored = &chunk[..];
            let header = Header::read(&mut stored)?;
            expect_chunk(&header, *number)?;
            write("original", &header.decode_chunk(*number, stored)?)
        }
    }
}

fn expect_chunk(header: &Header, number: usize) -> Result<()> {
    ensure!(number < header.chunks(), "there are {} chunks, no number {number}", header.chunks());
    Ok(())
}

fn read(name: &str) -> Result<Vec<u8>> {
    std::fs::read(name).with_context(|| format!("{name}: cannot read"))
}

/// Nobody looks at an output before the function has ended, so it need not be written beside.
fn write(name: &str, bytes: &[u8]) -> Result<()> {
    std::fs::write(name, bytes).with_context(|| format!("{name}: cannot write"))
}
