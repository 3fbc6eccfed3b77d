//! A y4m clip as a camera: played forwards and backwards without end. What was read is kept, as far as
//! [`KEPT_BYTES`] goes, so that the first picture is there at once and the way back needs no file.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use oyster_codec::container::FrameRate;
use oyster_codec::container::y4m::{Y4mError, Y4mReader};
use oyster_codec::{Image, Size};

use super::outlet::Pictures;
use super::{CameraError, Event};
use crate::scale::filled;

pub(super) struct Clip {
    path: PathBuf,
    /// None once the file has ended.
    file: Option<Y4mReader<File>>,
    own_size: Size,
    frames_per_second: Option<f64>,
    size: Size,
    read: Vec<Arc<Image>>,
    /// Where in what was read the next picture stands, and whether that runs backwards.
    next: usize,
    is_backwards: bool,
}

impl Clip {
    /// Opens the clip and reads its first picture; pictures will be of `size`, or of the clip's own.
    pub(super) fn open(path: &Path, size: Option<Size>) -> Result<Self, CameraError> {
        let file = File::open(path).map_err(|source| CameraError::Open { path: path.to_owned(), source })?;
        let broken = |source| CameraError::Clip { path: path.to_owned(), source: Box::new(source) };
        let mut file = Y4mReader::new(file).map_err(broken)?;
        let Some(first) = file.read_frame().map_err(broken)? else {
            return Err(CameraError::Blank { path: path.to_owned() });
        };
        let own_size = first.size();
        let size = size.unwrap_or(own_size);
        Ok(Self {
            path: path.to_owned(),
            frames_per_second: file.frame_rate().map(FrameRate::per_second),
            file: Some(file),
            own_size,
            size,
            read: vec![Arc::new(filled(first, size))],
            next: 0,
            is_backwards: false,
        })
    }

    pub(super) fn size(&self) -> Size {
        self.size
    }

    pub(super) fn own_size(&self) -> Size {
        self.own_size
    }

    pub(super) fn frames_per_second(&self) -> Option<f64> {
        self.frames_per_second
    }

    /// Reads one more picture, if there is one and room for it.
    fn read_on(&mut self) -> Result<(), Y4mError> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let is_full = (self.read.len() + 1).saturating_mul(self.size.i420_bytes()) > KEPT_BYTES;
        let image = if is_full { Ok(None) } else { file.read_frame() };
        match image {
            Ok(Some(image)) => self.read.push(Arc::new(filled(image, self.size))),
            Ok(None) => self.file = None,
            Err(error) => {
                self.file = None;
                return Err(error);
            }
        }
        Ok(())
    }
}

impl Pictures for Clip {
    fn next(&mut self) -> Result<Arc<Image>, Event> {
        if self.next == self.read.len() {
            let path = self.path.display().to_string();
            let broken = |error| Event::Damaged(format!("{path}: {error}; it goes on with what came before"));
            self.read_on().map_err(broken)?;
        }
        if self.next == self.read.len() {
            // The last one is not shown twice; a clip of one picture is that picture.
            self.is_backwards = true;
            self.next = self.next.saturating_sub(2);
        }
        let image = Arc::clone(&self.read[self.next]);
        if self.is_backwards && self.next == 0 {
            self.is_backwards = false;
            self.next = 1;
        } else {
            self.next = if self.is_backwards { self.next - 1 } else { self.next + 1 };
        }
        Ok(image)
    }
}

/// 90 s of 640x360 at 30 a second; longer clips turn back there.
const KEPT_BYTES: usize = 1 << 30;

#[cfg(test)]
mod tests {
    use super::*;
    use oyster_codec::container::y4m::Y4mWriter;

    /// A file with a picture for each level, and some bytes behind them.
    fn file(name: &str, levels: &[u8], tail: &[u8]) -> PathBuf {
        let size = Size::new(4, 2).unwrap();
        let mut writer = Y4mWriter::new(Vec::new(), size, FrameRate::new(25, 1).unwrap()).unwrap();
        for level in levels {
            let mut image = Image::black(size);
            image.i420_mut().fill(*level);
            writer.write_frame(&image).unwrap();
        }
        let path = std::env::temp_dir().join(format!("oyster-clip-{name}-{}.y4m", std::process::id()));
        std::fs::write(&path, [&writer.finish().unwrap()[..], tail].concat()).unwrap();
        path
    }

    fn levels(clip: &mut Clip, count: usize) -> Vec<u8> {
        (0..count).map(|_| clip.next().map_or(0, |image| image.planes()[0][0])).collect()
    }

    #[test]
    fn a_clip_plays_to_and_fro() {
        let path = file("to-and-fro", &[30, 40, 50], b"");
        let mut clip = Clip::open(&path, None).unwrap();
        assert_eq!((clip.frames_per_second(), clip.size()), (Some(25.0), Size::new(4, 2).unwrap()));
        assert_eq!(levels(&mut clip, 9), [30, 40, 50, 40, 30, 40, 50, 40, 30]);
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn short_clips_play_too() {
        for (count, expected) in [(1, [30, 30, 30, 30]), (2, [30, 31, 30, 31])] {
            let path = file(&format!("short-{count}"), &[30, 31][..count], b"");
            assert_eq!(levels(&mut Clip::open(&path, None).unwrap(), 4), expected);
            std::fs::remove_file(path).unwrap();
        }
    }

    #[test]
    fn a_damaged_clip_says_so_once_and_plays_what_was_read() {
        let path = file("damaged", &[30, 40], b"FRAME\nxx");
        let mut clip = Clip::open(&path, Some(Size::new(8, 8).unwrap())).unwrap();
        assert_eq!(levels(&mut clip, 2), [30, 40]);
        let Err(Event::Damaged(words)) = clip.next() else { panic!("no word of the damage") };
        assert!(words.contains("frame 2 is cut off"), "{words}");
        assert_eq!(levels(&mut clip, 3), [30, 40, 30]);
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_clip_without_a_picture_is_refused() {
        let path = file("blank", &[], b"");
        assert!(matches!(Clip::open(&path, None), Err(CameraError::Blank { .. })));
        std::fs::remove_file(path).unwrap();
    }
}
