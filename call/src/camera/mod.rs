//! Where a call's pictures come from: a webcam, a y4m clip, a made-up scene, or nowhere. A thread a camera puts the newest
//! picture in a place for one and wakes the call's loop; a picture that nobody took by then is gone, so that a slow encoder
//! never works on the past.
//!
//! ```
//! use oyster_call::{Clock, camera::{Camera, Source, Wanted}};
//! use oyster_codec::Size;
//! use std::sync::mpsc::channel;
//!
//! let wanted = Wanted { size: Some(Size::new(160, 90)?), frames_per_second: Some(30.0) };
//! let (wake, woken) = channel();
//! let camera = Camera::open(&Source::Pattern, wanted, Clock::start(), move || _ = wake.send(()))?;
//! woken.recv()?;
//! let capture = camera.take().expect("a picture woke us");
//! assert_eq!((capture.number, capture.image.size()), (0, camera.size()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod clip;
#[cfg(all(feature = "v4l", target_os = "linux"))]
mod device;
#[cfg(fuzzing)]
pub mod fuzzing;
#[cfg(any(test, all(feature = "v4l", target_os = "linux")))]
mod jpeg;
#[cfg(any(test, all(feature = "v4l", target_os = "linux")))]
mod layout;
#[cfg_attr(
    not(any(test, all(feature = "v4l", target_os = "linux"))),
    expect(dead_code, reason = "a mode is chosen for webcams, which this program is built without")
)]
mod mode;
mod outlet;
mod pattern;
mod source;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use std::{fmt, io};

use oyster_codec::container::y4m::Y4mError;
use oyster_codec::{Image, Size};

use crate::Clock;
pub use mode::{Mode, PixelFormat};
use outlet::Outlet;
pub use pattern::pattern_number;
pub use source::{Source, SourceError};

/// What a call would like to see. A camera comes as near as it can; pictures are then cut and scaled to the size.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Wanted {
    /// The size of every picture; if none, a clip's own, else [`DEFAULT_SIZE`].
    pub size: Option<Size>,
    /// Pictures a second; if none, a clip's own rate, else [`DEFAULT_FRAMES_PER_SECOND`].
    pub frames_per_second: Option<f64>,
}

impl Wanted {
    fn size(&self) -> Size {
        self.size.unwrap_or(DEFAULT_SIZE)
    }

    fn frames_per_second(&self) -> f64 {
        self.frames_per_second.unwrap_or(DEFAULT_FRAMES_PER_SECOND)
    }
}

/// The size of pictures when nothing else says it.
pub const DEFAULT_SIZE: Size = match Size::new(640, 360) {
    Ok(size) => size,
    Err(_) => unreachable!(),
};
/// Pictures a second when nothing else says it.
pub const DEFAULT_FRAMES_PER_SECOND: f64 = 30.0;

/// A picture a camera gave.
#[derive(Clone, Debug)]
pub struct Capture {
    /// How many the camera gave before it, those included that nobody took.
    pub number: u64,
    /// When it was seen, by the call's clock.
    pub captured_at: Duration,
    /// The picture.
    pub image: Arc<Image>,
}

/// What a person should know of their camera. Shown as words.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// No further pictures for now: it was unplugged, or fell silent. The camera is tried again by and by.
    Lost(String),
    /// It gives pictures again; how.
    Back(String),
    /// It ended for good; why. A clip that is damaged goes on with what was read of it.
    Damaged(String),
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost(reason) => write!(f, "the camera is gone ({reason}); its last picture stays until it is back"),
            Self::Back(how) => write!(f, "the camera is back: {how}"),
            Self::Damaged(reason) => f.write_str(reason),
        }
    }
}

/// Why a camera cannot be opened.
#[derive(Debug)]
#[non_exhaustive]
pub enum CameraError {
    /// The device or file cannot be opened or asked.
    Open {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Not a y4m clip, or not one picture in it.
    Clip {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: Box<Y4mError>,
    },
    /// A clip without a picture.
    Blank {
        /// Which file.
        path: PathBuf,
    },
    /// The device is no camera, or has no mode we know.
    Unfit {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// This program was built without its feature `v4l`.
    NotBuilt,
}

impl fmt::Display for CameraError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open { path, source } => {
                write!(f, "{}: ", path.display())?;
                match source.kind() {
                    io::ErrorKind::NotFound => {
                        f.write_str("there is no such camera (`oyster devices` lists those there are)")
                    }
                    io::ErrorKind::PermissionDenied => {
                        f.write_str("not permitted; is this person in the group \"video\"?")
                    }
                    io::ErrorKind::ResourceBusy => f.write_str("another program is using this camera"),
                    _ => write!(f, "{source}"),
                }
            }
            Self::Clip { path, source } => write!(f, "{}: {source}", path.display()),
            Self::Blank { path } => write!(f, "{}: a y4m header but no frame", path.display()),
            Self::Unfit { path, reason } => write!(f, "{}: {reason}", path.display()),
            Self::NotBuilt => f.write_str("this oyster was built without cameras (cargo feature \"v4l\")"),
        }
    }
}

impl std::error::Error for CameraError {}

/// A camera that is running. Dropped, it stops and its device is free for others.
pub struct Camera {
    outlet: Arc<Outlet>,
    thread: Option<JoinHandle<()>>,
    size: Size,
    description: String,
}

impl Camera {
    /// Opens the camera: nothing was opened before, and pictures come from now on. `wake` is called, from the camera's thread,
    /// after each new picture or event.
    pub fn open(
        source: &Source,
        wanted: Wanted,
        clock: Clock,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, CameraError> {
        let outlet = Arc::new(Outlet::new(clock, Box::new(wake)));
        let running = |size, description, thread| Self { outlet: Arc::clone(&outlet), thread, size, description };
        match source {
            Source::None => Ok(running(wanted.size(), "no camera".to_owned(), None)),
            Source::Pattern => {
                let (size, rate) = (wanted.size(), wanted.frames_per_second());
                let play = move |outlet: &Outlet| outlet.play(pattern::Pattern::new(size), rate);
                let thread = start(&outlet, Path::new("pattern"), play)?;
                Ok(running(size, format!("pattern: {size} at {rate} a second"), Some(thread)))
            }
            Source::File(path) => {
                let clip = clip::Clip::open(path, wanted.size)?;
                let own_rate = clip.frames_per_second();
                let rate = wanted.frames_per_second.or(own_rate).unwrap_or(DEFAULT_FRAMES_PER_SECOND);
                let size = clip.size();
                let rate_of = match (wanted.frames_per_second, own_rate) {
                    (Some(_), _) => "as asked for",
                    (None, Some(_)) => "its own rate",
                    (None, None) => "as it states none",
                };
                let description =
                    format!("{}: {} at {} a second, {rate_of}", path.display(), clip.own_size(), tidy(rate));
                let thread = start(&outlet, path, move |outlet| outlet.play(clip, rate))?;
                Ok(running(size, description, Some(thread)))
            }
            Source::Device(path) => {
                let (description, thread) = open_device(path, wanted, &outlet)?;
                Ok(running(wanted.size(), description, Some(thread)))
            }
        }
    }

    /// The newest picture, if it was not taken before.
    pub fn take(&self) -> Option<Capture> {
        self.outlet.take()
    }

    /// What happened to the camera, oldest first.
    pub fn poll_event(&self) -> Option<Event> {
        self.outlet.poll_event()
    }

    /// The size of every picture.
    pub fn size(&self) -> Size {
        self.size
    }

    /// What was opened and in which mode, in words.
    pub fn description(&self) -> &str {
        &self.description
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        self.outlet.close();
        if let Some(thread) = self.thread.take() {
            // A panic there has said so on standard error.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Camera {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Camera({})", self.description)
    }
}

/// A rate with as many decimals as it has, at most three.
fn tidy(rate: f64) -> f64 {
    (rate * 1000.0).round() / 1000.0
}

/// A camera's thread, which puts its pictures into `outlet` until that is closed.
fn start(
    outlet: &Arc<Outlet>,
    path: &Path,
    work: impl FnOnce(&Outlet) + Send + 'static,
) -> Result<JoinHandle<()>, CameraError> {
    let outlet = Arc::clone(outlet);
    let started = std::thread::Builder::new().name("camera".to_owned()).spawn(move || work(&outlet));
    started.map_err(|source| CameraError::Open { path: path.to_owned(), source })
}

#[cfg(all(feature = "v4l", target_os = "linux"))]
fn open_device(path: &Path, wanted: Wanted, outlet: &Arc<Outlet>) -> Result<(String, JoinHandle<()>), CameraError> {
    let device = device::Device::open(path, wanted)?;
    let description = device.to_string();
    Ok((description, start(outlet, path, move |outlet| device.run(outlet))?))
}

#[cfg(not(all(feature = "v4l", target_os = "linux")))]
fn open_device(_: &Path, _: Wanted, _: &Arc<Outlet>) -> Result<(String, JoinHandle<()>), CameraError> {
    Err(CameraError::NotBuilt)
}

/// A camera that is there, in use or not.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Its device: `--camera v4l:PATH` opens it.
    pub path: PathBuf,
    /// What its maker calls it.
    pub name: String,
    /// What it can do in the formats we know.
    pub modes: Vec<Mode>,
}

/// The cameras there are, by their paths. Opens each for a moment, but takes no picture.
#[cfg(all(feature = "v4l", target_os = "linux"))]
pub fn list() -> Result<Vec<Found>, CameraError> {
    Ok(device::list())
}

/// The cameras there are; this program was built without them.
#[cfg(not(all(feature = "v4l", target_os = "linux")))]
pub fn list() -> Result<Vec<Found>, CameraError> {
    Err(CameraError::NotBuilt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_device_and_a_missing_file_are_named() {
        for source in [Source::File("/no/clip.y4m".into()), Source::Device("/no/video".into())] {
            let error = Camera::open(&source, Wanted::default(), Clock::start(), || ()).unwrap_err().to_string();
            let is_plain =
                error.starts_with("/no/clip.y4m: ") || error.starts_with("/no/video: there is no such camera");
            assert!(is_plain || matches!(source, Source::Device(_)) && !cfg!(feature = "v4l"), "{error}");
        }
    }

    #[test]
    fn a_clip_plays_at_its_own_rate_unless_another_is_asked_for_and_says_so() {
        use oyster_codec::container::{FrameRate, y4m::Y4mWriter};
        let path = std::env::temp_dir().join(format!("oyster-clip-rate-{}.y4m", std::process::id()));
        let size = Size::new(4, 2).unwrap();
        let mut writer = Y4mWriter::new(Vec::new(), size, FrameRate::new(24000, 1001).unwrap()).unwrap();
        writer.write_frame(&Image::black(size)).unwrap();
        std::fs::write(&path, writer.finish().unwrap()).unwrap();
        let said = |frames_per_second| {
            let wanted = Wanted { size: None, frames_per_second };
            let camera = Camera::open(&Source::File(path.clone()), wanted, Clock::start(), || ()).unwrap();
            camera.description().rsplit(": ").next().unwrap().to_owned()
        };
        assert_eq!(said(None), "4x2 at 23.976 a second, its own rate");
        assert_eq!(said(Some(15.0)), "4x2 at 15 a second, as asked for");
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_file_is_no_camera() {
        let source = Source::Device("/dev/null".into());
        let error = Camera::open(&source, Wanted::default(), Clock::start(), || ()).unwrap_err();
        assert!(matches!(error, CameraError::Unfit { .. } | CameraError::NotBuilt), "{error}");
    }

    #[test]
    fn no_camera_gives_no_picture_and_keeps_no_thread() {
        let camera = Camera::open(&Source::None, Wanted::default(), Clock::start(), || ()).unwrap();
        assert!(camera.take().is_none() && camera.poll_event().is_none() && camera.thread.is_none());
    }
}
