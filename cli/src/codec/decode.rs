//! `oyster codec decode`.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use md5::{Digest, Md5};
use oyster_codec::container::FrameRate;
use oyster_codec::container::y4m::Y4mWriter;
use oyster_codec::{Image, State, decode};

use crate::files::{NewFile, open_ivf};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The IVF file
    input: PathBuf,
    /// Write the shown pictures as y4m
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print a line a shown frame: the MD5 of its cropped I420
    #[arg(long)]
    md5: bool,
}

/// What a file without a rate is played at.
const DEFAULT_RATE: FrameRate = FrameRate::new(30, 1).expect("30 a second is a rate");

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mut ivf = open_ivf(&arguments.input)?;
    let rate = ivf.header().rate.unwrap_or(DEFAULT_RATE);
    let mut output = arguments.output.as_deref().map(|path| Output::create(path, rate)).transpose()?;
    let mut hashes = BufWriter::new(std::io::stdout().lock());
    let mut state = State::blank();
    let mut number = 0_u64;
    let input = arguments.input.display();
    while let Some(frame) = ivf.read_frame().with_context(|| input.to_string())? {
        let decoded = decode(&state, &frame.bytes).with_context(|| format!("{input}: frame {number}"))?;
        state = decoded.target;
        number += 1;
        let Some(picture) = decoded.shown.filter(|_| arguments.md5 || output.is_some()) else { continue };
        let image = picture.image();
        if arguments.md5 {
            for byte in Md5::digest(image.i420()) {
                write!(hashes, "{byte:02x}")?;
            }
            writeln!(hashes)?;
        }
        if let Some(output) = &mut output {
            output.write(&image).with_context(|| format!("{input}: frame {}", number - 1))?;
        }
    }
    hashes.flush()?;
    output.map_or(Ok(()), Output::finish)
}

/// A y4m file being written, whose header waits for the first picture's size.
struct Output {
    file: NewFile,
    rate: FrameRate,
    writer: Writer,
}

enum Writer {
    Waiting(Option<BufWriter<File>>),
    Writing(Y4mWriter<BufWriter<File>>),
}

impl Output {
    fn create(path: &Path, rate: FrameRate) -> Result<Self> {
        let (file, output) = NewFile::create(path)?;
        Ok(Self { file, rate, writer: Writer::Waiting(Some(output)) })
    }

    fn write(&mut self, image: &Image) -> Result<()> {
        if let Writer::Waiting(output) = &mut self.writer
            && let Some(output) = output.take()
        {
            self.writer = Writer::Writing(Y4mWriter::new(output, image.size(), self.rate)?);
        }
        if let Writer::Writing(writer) = &mut self.writer {
            writer.write_frame(image)?;
        }
        Ok(())
    }

    fn finish(self) -> Result<()> {
        match self.writer {
            Writer::Waiting(_) => bail!("there is no picture to write"),
            Writer::Writing(writer) => drop(writer.finish()?),
        }
        self.file.commit()
    }
}
