//! A webcam through V4L2 (the kernel's documentation: Video for Linux API). The best mode is chosen for what is wanted; the device
//! may vanish at any moment and come back.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use oyster_codec::Size;
use rustix::event::PollFlags;
use v4l::buffer::{Flags as BufferFlags, Metadata, Type};
use v4l::format::{Colorspace, Quantization};
use v4l::frameinterval::FrameIntervalEnum;
use v4l::framesize::FrameSizeEnum;
use v4l::io::mmap::Stream;
use v4l::io::traits::{CaptureStream, Stream as _};
use v4l::video::Capture;
use v4l::video::capture::Parameters;
use v4l::{Format, FourCC, Fraction};

use super::layout::Layout;
use super::mode::{Mode, PixelFormat, choose, fitted};
use super::outlet::Outlet;
use super::{CameraError, Event, Found, Wanted};
use crate::scale::filled;

/// A device that is set to a mode and has not begun to give pictures.
pub(super) struct Device {
    path: PathBuf,
    wanted: Wanted,
    device: v4l::Device,
    layout: Layout,
    frames_per_second: f64,
}

impl Device {
    /// Opens the device and sets the mode that serves best.
    pub(super) fn open(path: &Path, wanted: Wanted) -> Result<Self, CameraError> {
        Self::open_in(&PixelFormat::ALL, path, wanted)
    }

    /// The same, of some formats only.
    fn open_in(formats: &[PixelFormat], path: &Path, wanted: Wanted) -> Result<Self, CameraError> {
        let failed = |source| CameraError::Open { path: path.to_owned(), source };
        let unfit = |reason: String| CameraError::Unfit { path: path.to_owned(), reason };
        let device = v4l::Device::with_path(path).map_err(failed)?;
        expect_camera(&device).map_err(unfit)?;
        let mut offered = modes(&device, wanted.size());
        offered.retain(|mode| formats.contains(&mode.format));
        let Some(mode) = choose(&offered, wanted.size(), wanted.frames_per_second()) else {
            return Err(unfit(format!("it offers no mode in {}", known_formats())));
        };
        let (layout, frames_per_second) = set(&device, mode).map_err(failed)?;
        let layout = layout.map_err(unfit)?;
        Ok(Self { path: path.to_owned(), wanted, device, layout, frames_per_second })
    }

    /// Puts pictures until the camera is not wanted any more. A device that vanishes is told of and tried again.
    pub(super) fn run(self, outlet: &Outlet) {
        let (path, wanted) = (self.path.clone(), self.wanted);
        let mut lost = self.stream(outlet);
        while let Some(reason) = lost {
            outlet.tell(Event::Lost(reason));
            let Some(device) = await_return(&path, wanted, outlet) else { return };
            outlet.tell(Event::Back(device.to_string()));
            lost = device.stream(outlet);
        }
    }

    /// Puts pictures until the camera is not wanted any more, or the device says why it gives none.
    fn stream(self, outlet: &Outlet) -> Option<String> {
        let mut stream = match begin(&self.device) {
            Ok(stream) => stream,
            Err(error) => return Some(error.to_string()),
        };
        let handle = stream.handle();
        let mut thinning = Thinning::new(self.wanted.frames_per_second());
        let mut good_at = outlet.now();
        let mut damage = None;
        while !outlet.is_closed() {
            if outlet.now().saturating_sub(good_at) > SILENCE {
                return Some(damage.unwrap_or_else(|| "it has given no picture for some time".to_owned()));
            }
            // Waiting is done here: a stream that has waited in vain cannot be asked again.
            let ready = handle.poll(PollFlags::IN.bits() as i16, LOOK_MS);
            let (bytes, about) =
                match ready.and_then(|count| if count > 0 { stream.next().map(Some) } else { Ok(None) }) {
                    Ok(Some(frame)) => frame,
                    Ok(None) => continue,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => return Some(error.to_string()),
                };
            let captured_at = outlet.now().saturating_sub(age(about));
            if about.flags.contains(BufferFlags::ERROR) || !thinning.admits(captured_at) {
                continue;
            }
            let used = (about.bytesused as usize).min(bytes.len());
            match self.layout.image(&bytes[..used]) {
                Ok(image) => {
                    outlet.put(Arc::new(filled(image, self.wanted.size())), captured_at);
                    good_at = outlet.now();
                }
                // A damaged picture now and then is a webcam's way; nothing but damage is a lost camera.
                Err(error) => damage = Some(error.to_string()),
            }
        }
        None
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Layout { format, size, .. } = self.layout;
        let mode = Mode { format, size, frames_per_second: self.frames_per_second };
        write!(f, "{}: {mode}", self.path.display())?;
        if size != self.wanted.size() { write!(f, ", cut and scaled to {}", self.wanted.size()) } else { Ok(()) }
    }
}

/// Sets the device going. One buffer stays with us, as its stream expects of one that has been going before.
fn begin(device: &v4l::Device) -> io::Result<Stream<'_>> {
    let mut stream = Stream::with_buffers(device, Type::VideoCapture, BUFFERS)?;
    // A driver may give fewer.
    for index in 1..BUFFERS as usize {
        if let Err(error) = stream.queue(index)
            && error.kind() != io::ErrorKind::InvalidInput
        {
            return Err(error);
        }
    }
    stream.start()?;
    Ok(stream)
}

/// Tries the device again, ever more patiently; `None` when the camera is not wanted any more.
fn await_return(path: &Path, wanted: Wanted, outlet: &Outlet) -> Option<Device> {
    let mut pause = FIRST_PAUSE;
    while outlet.rest(pause) {
        if let Ok(device) = Device::open(path, wanted) {
            return Some(device);
        }
        pause = (2 * pause).min(LONGEST_PAUSE);
    }
    None
}

/// Only what captures has a format for it. (Asking for abilities and the name would panic on a name that is no UTF-8.)
fn expect_camera(device: &v4l::Device) -> Result<(), String> {
    device.format().map(drop).map_err(|error| format!("it is no camera ({error})"))
}

/// Sets the mode, and says how pictures will really come: a driver takes what is nearest. The inner error is a picture that is
/// none.
fn set(device: &v4l::Device, mode: Mode) -> io::Result<(Result<Layout, String>, f64)> {
    let asked = Format {
        width: mode.size.width() as u32,
        height: mode.size.height() as u32,
        fourcc: fourcc(mode.format),
        // Left over from the mode before, these would be taken for a wish.
        stride: 0,
        size: 0,
        ..device.format()?
    };
    let taken = device.set_format(&asked)?;
    // Some cameras have but one rate and refuse to be asked.
    let interval = interval(mode.frames_per_second);
    let rate = device.set_params(&Parameters::new(interval)).ok().and_then(|taken| rate(taken.interval));
    Ok((layout(&taken), rate.unwrap_or(mode.frames_per_second)))
}

fn layout(taken: &Format) -> Result<Layout, String> {
    let Some(format) = PixelFormat::ALL.into_iter().find(|format| fourcc(*format) == taken.fourcc) else {
        return Err(format!("it takes none of {}, but insists on {}", known_formats(), taken.fourcc));
    };
    let size = Size::new(taken.width, taken.height).map_err(|error| error.to_string())?;
    let is_full_range = match taken.quantization {
        Quantization::FullRange => true,
        Quantization::LimitedRange => false,
        Quantization::Default => matches!(taken.colorspace, Colorspace::JPEG),
    };
    Ok(Layout { format, size, stride: taken.stride as usize, is_full_range })
}

/// What the device offers in the formats we know, ranges as the size that fits `wanted` best.
fn modes(device: &v4l::Device, wanted: Size) -> Vec<Mode> {
    let mut found = Vec::new();
    for format in PixelFormat::ALL {
        // An error here is a format the device does not have.
        for offered in device.enum_framesizes(fourcc(format)).unwrap_or_default() {
            let (width, height) = match offered.size {
                FrameSizeEnum::Discrete(size) => (size.width, size.height),
                FrameSizeEnum::Stepwise(range) => fitted(
                    (range.min_width, range.min_height),
                    (range.max_width, range.max_height),
                    (range.step_width, range.step_height),
                    wanted,
                ),
            };
            let Ok(size) = Size::new(width, height) else { continue };
            let intervals = device.enum_frameintervals(fourcc(format), width, height).unwrap_or_default();
            let mut rates: Vec<f64> = intervals.iter().flat_map(|offered| rates(&offered.interval)).collect();
            if rates.is_empty() {
                // A driver that does not say gives what it gives.
                rates.push(super::DEFAULT_FRAMES_PER_SECOND);
            }
            let room = MODE_LIMIT.saturating_sub(found.len());
            found
                .extend(rates.into_iter().map(|frames_per_second| Mode { format, size, frames_per_second }).take(room));
        }
    }
    found
}

/// The rates a kind of interval stands for; of a range the usual ones inside and its ends.
fn rates(interval: &FrameIntervalEnum) -> Vec<f64> {
    match interval {
        FrameIntervalEnum::Discrete(interval) => rate(*interval).into_iter().collect(),
        FrameIntervalEnum::Stepwise(range) => {
            let (Some(most), Some(least)) = (rate(range.min), rate(range.max)) else { return Vec::new() };
            let usual = USUAL_RATES.into_iter().filter(|rate| (least..most).contains(rate));
            usual.chain([most]).collect()
        }
    }
}

fn rate(interval: Fraction) -> Option<f64> {
    let rate = f64::from(interval.denominator) / f64::from(interval.numerator);
    (rate.is_finite() && rate > 0.0).then_some(rate)
}

/// To a thousandth of a picture a second.
fn interval(frames_per_second: f64) -> Fraction {
    Fraction::new(1000, (frames_per_second * 1000.0).round().clamp(1.0, 1e6) as u32)
}

fn fourcc(format: PixelFormat) -> FourCC {
    let name = format.fourcc().as_bytes();
    FourCC::new(&[name[0], name[1], name[2], name[3]])
}

fn known_formats() -> String {
    PixelFormat::ALL.map(|format| format.to_string()).join(", ")
}

/// How long ago the picture was taken, if the kernel says so by the monotonic clock; a moment at most, else it is not believed.
fn age(about: &Metadata) -> Duration {
    if !about.flags.contains(BufferFlags::TIMESTAMP_MONOTONIC) {
        return Duration::ZERO;
    }
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let now_us = now.tv_sec * 1_000_000 + now.tv_nsec / 1000;
    let taken_us = about.timestamp.sec.saturating_mul(1_000_000).saturating_add(about.timestamp.usec);
    let age = Duration::from_micros(u64::try_from(now_us.saturating_sub(taken_us)).unwrap_or_default());
    if age < OLDEST { age } else { Duration::ZERO }
}

/// Lets pictures by at no more than a rate: a camera that gives more than is wanted is not encoded in vain.
struct Thinning {
    interval: Duration,
    due: Duration,
}

impl Thinning {
    fn new(frames_per_second: f64) -> Self {
        Self { interval: Duration::from_secs_f64(1.0 / frames_per_second), due: Duration::ZERO }
    }

    fn admits(&mut self, at: Duration) -> bool {
        // A third early is a camera's jitter.
        if at + self.interval / 3 < self.due {
            return false;
        }
        self.due = self.due.max(at.saturating_sub(self.interval)) + self.interval;
        true
    }
}

/// The cameras among the devices.
pub(super) fn list() -> Vec<Found> {
    let mut nodes = v4l::context::enum_devices();
    nodes.sort_by_key(v4l::context::Node::index);
    let found = nodes.into_iter().filter_map(|node| {
        let device = v4l::Device::with_path(node.path()).ok()?;
        expect_camera(&device).ok()?;
        let name = node.name().unwrap_or_default();
        Some(Found { path: node.path().to_owned(), name, modes: modes(&device, super::DEFAULT_SIZE) })
    });
    found.take(DEVICE_LIMIT).collect()
}

/// One being filled, one full, one with us, one to spare.
const BUFFERS: u32 = 4;
/// How often a silent device's thread looks whether it is still wanted.
const LOOK_MS: i32 = 100;
/// Webcams need up to two seconds to give their first picture.
const SILENCE: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Past this a stamp is of another clock.
const OLDEST: Duration = Duration::from_secs(1);
/// A webcam offers a few dozen.
const MODE_LIMIT: usize = 512;
const DEVICE_LIMIT: usize = 64;
const USUAL_RATES: [f64; 6] = [10.0, 15.0, 24.0, 25.0, 30.0, 60.0];

#[cfg(test)]
#[path = "device_tests.rs"]
mod tests;
