//! INTERIM: replaced by the eyes' camera.

use std::fmt;
use std::fs::File;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use oyster_codec::container::y4m::Y4mReader;
use oyster_codec::{Image, Size};
use oyster_scene::Scene;
use parking_lot::{Condvar, Mutex};

use crate::Clock;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Wanted {
    pub size: Option<Size>,
    pub frames_per_second: Option<f64>,
}

#[derive(Clone, Debug)]
pub struct Capture {
    pub number: u64,
    pub captured_at: Duration,
    pub image: Arc<Image>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Lost(String),
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Lost(reason) = self;
        f.write_str(reason)
    }
}

#[derive(Debug)]
pub struct CameraError(String);

impl fmt::Display for CameraError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CameraError {}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Device(PathBuf),
    File(PathBuf),
    Pattern,
    None,
}

impl FromStr for Source {
    type Err = CameraError;

    fn from_str(text: &str) -> Result<Self, CameraError> {
        match text.split_once(':') {
            Some(("v4l", device)) => Ok(Self::Device(device.into())),
            Some(("file", path)) => Ok(Self::File(path.into())),
            None if text == "pattern" => Ok(Self::Pattern),
            None if text == "none" => Ok(Self::None),
            _ => Err(CameraError(format!("\"{text}\" is no camera"))),
        }
    }
}

#[derive(Debug)]
pub struct Camera {
    slot: Arc<Mutex<Option<Capture>>>,
    closed: Arc<(Mutex<bool>, Condvar, AtomicBool)>,
    thread: Option<JoinHandle<()>>,
    size: Size,
}

impl Camera {
    pub fn open(
        source: &Source,
        wanted: Wanted,
        clock: Clock,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, CameraError> {
        let size = wanted.size.unwrap_or(Size::new(640, 360).expect("valid"));
        let mut rate = wanted.frames_per_second;
        let mut size_of = size;
        let mut next: Box<dyn FnMut() -> Arc<Image> + Send> = match source {
            Source::Pattern | Source::Device(_) | Source::None => {
                let scene = Scene::new(size, 1);
                let mut number = 0;
                Box::new(move || {
                    number += 1;
                    Arc::new(scene.frame(number))
                })
            }
            Source::File(path) => {
                let fail = |e: String| CameraError(format!("{}: {e}", path.display()));
                let mut file = Y4mReader::new(File::open(path).map_err(|e| fail(e.to_string()))?)
                    .map_err(|e| fail(e.to_string()))?;
                size_of = file.size();
                rate = rate.or(file.frame_rate().map(|r| r.per_second()));
                let mut read: Vec<Arc<Image>> = Vec::new();
                let mut ended = false;
                let mut n: usize = 0;
                Box::new(move || {
                    if !ended {
                        match file.read_frame() {
                            Ok(Some(image)) => read.push(Arc::new(image)),
                            _ => ended = true,
                        }
                    }
                    let last = read.len() - 1;
                    let place = n % (2 * last).max(1);
                    n += 1;
                    Arc::clone(&read[if place <= last { place } else { 2 * last - place }])
                })
            }
        };
        let slot = Arc::new(Mutex::new(None));
        let closed = Arc::new((Mutex::new(false), Condvar::new(), AtomicBool::new(false)));
        let interval = Duration::from_secs_f64(1.0 / rate.unwrap_or(30.0));
        let thread = if *source == Source::None {
            None
        } else {
            let (slot, closed) = (Arc::clone(&slot), Arc::clone(&closed));
            Some(
                std::thread::Builder::new()
                    .name("camera".into())
                    .spawn(move || {
                        let mut due = clock.now();
                        for number in 0.. {
                            let image = next();
                            let mut lock = closed.0.lock();
                            while !*lock && clock.now() < due {
                                let _ = closed.1.wait_for(&mut lock, due.saturating_sub(clock.now()));
                            }
                            if *lock {
                                return;
                            }
                            drop(lock);
                            *slot.lock() = Some(Capture { number, captured_at: clock.now(), image });
                            wake();
                            due += interval;
                        }
                    })
                    .map_err(|e| CameraError(e.to_string()))?,
            )
        };
        closed.2.store(true, Ordering::Relaxed);
        Ok(Self { slot, closed, thread, size: size_of })
    }

    pub fn take(&self) -> Option<Capture> {
        self.slot.lock().take()
    }

    pub fn poll_event(&self) -> Option<Event> {
        None
    }

    pub fn size(&self) -> Size {
        self.size
    }

    pub fn description(&self) -> &str {
        "camera"
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        *self.closed.0.lock() = true;
        self.closed.1.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
