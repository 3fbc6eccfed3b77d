//! `oyster codec decode`.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result, anyhow, bail, ensure};
use md5::{Digest, Md5};
use oyster_call::NewFile;
use oyster_call::Stop;
use oyster_codec::container::FrameRate;
use oyster_codec::container::y4m::{Y4mWriteError, Y4mWriter};
use oyster_codec::{Image, State, decode};

use crate::files::{self, open_ivf, writing};
use crate::progress::Progress;
use crate::words::STANDARD_OUTPUT;

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
    let stop = Stop::on_signals().context("signals cannot be caught")?;
    let mut output = arguments.output.as_deref().map(|path| Output::create(path, rate)).transpose()?;
    let mut hashes = BufWriter::new(std::io::stdout().lock());
    let mut state = State::blank();
    let mut number = 0_u64;
    let input = arguments.input.display();
    let mut progress = Progress::of("frames decoded");
    while let Some(frame) = ivf.read_frame().with_context(|| input.to_string())? {
        if stop.is_set() {
            bail!("{input}: interrupted at frame {number}");
        }
        let decoded = decode(&state, &frame.bytes).with_context(|| format!("{input}: frame {number}"))?;
        state = decoded.target;
        number += 1;
        progress.tell(number);
        let Some(picture) = decoded.shown.filter(|_| arguments.md5 || output.is_some()) else { continue };
        let image = picture.image();
        if arguments.md5 {
            let digest = Md5::digest(image.i420());
            let line: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            writeln!(hashes, "{line}").context(STANDARD_OUTPUT)?;
        }
        if let Some(output) = &mut output {
            output.write(&image).map_err(|error| match error {
                Y4mWriteError::Size { .. } => anyhow!("{input}: frame {}: {error}", number - 1),
                error => Error::new(error).context(writing(&output.path)),
            })?;
        }
    }
    ensure!(number > 0, "{input}: an IVF header but no frame");
    hashes.flush().context(STANDARD_OUTPUT)?;
    output.map_or(Ok(()), Output::finish)
}

/// A y4m file being written, whose header waits for the first picture's size.
struct Output {
    path: PathBuf,
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
        let (file, output) = files::create(path)?;
        Ok(Self { path: path.to_owned(), file, rate, writer: Writer::Waiting(Some(output)) })
    }

    fn write(&mut self, image: &Image) -> Result<(), Y4mWriteError> {
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
            Writer::Waiting(_) => bail!("{}: not written: no frame is shown", self.path.display()),
            Writer::Writing(writer) => drop(writer.finish().with_context(|| writing(&self.path))?),
        }
        self.file.commit().with_context(|| writing(&self.path))
    }
}
