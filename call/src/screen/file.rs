//! A y4m file as a screen: every picture shown, once, for programs to look at. It gets its name when the call is over.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use oyster_codec::container::FrameRate;
use oyster_codec::container::y4m::{Y4mWriteError, Y4mWriter};
use oyster_codec::{Image, Size};

use crate::NewFile;
use crate::scale::filled;

pub(super) struct FileScreen {
    path: PathBuf,
    file: NewFile,
    /// Until the first picture says how large they are.
    output: Option<BufWriter<File>>,
    writer: Option<(Y4mWriter<BufWriter<File>>, Size)>,
}

impl FileScreen {
    /// Begins a file; nothing is under `path` before [`FileScreen::finish`].
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let (file, output) = NewFile::create(path)?;
        Ok(Self { path: path.to_owned(), file, output: Some(output), writer: None })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a picture; one that is not of the first one's size is cut and scaled to it.
    pub(super) fn show(&mut self, image: &Image) -> io::Result<()> {
        if let Some(output) = self.output.take() {
            self.writer = Some((Y4mWriter::new(output, image.size(), RATE)?, image.size()));
        }
        let Some((writer, size)) = &mut self.writer else { return Ok(()) };
        let written = if image.size() == *size {
            writer.write_frame(image)
        } else {
            writer.write_frame(&filled(image.clone(), *size))
        };
        written.map_err(|error| match error {
            Y4mWriteError::Io(error) => error,
            other => io::Error::other(other),
        })
    }

    /// Gives the file its name. Without a picture there is none.
    pub(super) fn finish(self) -> io::Result<()> {
        let Some((writer, _)) = self.writer else { return Ok(()) };
        writer.finish()?;
        self.file.commit()
    }
}

/// What the header says. Pictures are shown when they come; y4m has no way to say when.
const RATE: FrameRate = FrameRate::new(30, 1).expect("30 a second is a rate");

#[cfg(test)]
mod tests {
    use super::*;
    use oyster_codec::container::y4m::Y4mReader;

    fn path(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("oyster-screen-{name}-{}.y4m", std::process::id()))
    }

    #[test]
    fn every_picture_is_in_the_file_once_and_of_one_size() {
        let path = path("once");
        let mut screen = FileScreen::create(&path).unwrap();
        for (width, level) in [(32, 40), (64, 90), (32, 90)] {
            let mut image = Image::black(Size::new(width, width / 2).unwrap());
            image.planes_mut()[0].fill(level);
            screen.show(&image).unwrap();
            assert!(!path.exists());
        }
        screen.finish().unwrap();
        let images = Y4mReader::new(File::open(&path).unwrap()).unwrap().map(|image| image.unwrap());
        let seen: Vec<_> = images.map(|image| (image.size().width(), image.planes()[0][0])).collect();
        assert_eq!(seen, [(32, 40), (32, 90), (32, 90)]);
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_call_that_is_broken_off_leaves_no_file() {
        let path = path("none");
        let mut screen = FileScreen::create(&path).unwrap();
        screen.show(&Image::black(Size::new(2, 2).unwrap())).unwrap();
        drop(screen);
        assert!(!path.exists() && !path.with_extension(format!("y4m.{}.part", std::process::id())).exists());
    }
}
