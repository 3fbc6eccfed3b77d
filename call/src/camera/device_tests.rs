//! What of a device can be tested anywhere; and, in the guest of `make test-camera`, the kernel's own test webcam.

use std::collections::HashSet;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;
use crate::Clock;
use crate::camera::{Camera, Capture, Source, list};
use oyster_codec::Image;

/// How many pictures of a second are let by at 30 a second when a camera gives `given`, each up to 8 ms late.
fn admitted(given: u64) -> usize {
    let mut thinning = Thinning::new(30.0);
    let at = |number: u64| Duration::from_micros(number * 1_000_000 / given + number * 7919 % 8000);
    (0..given).filter(|number| thinning.admits(at(*number))).count()
}

#[test]
fn a_camera_that_is_too_fast_is_thinned_and_others_are_not() {
    assert_eq!([admitted(30), admitted(25), admitted(15)], [30, 25, 15]);
    assert!((30..=32).contains(&admitted(60)), "{}", admitted(60));
    assert!((30..=32).contains(&admitted(120)), "{}", admitted(120));
}

#[test]
fn a_range_of_rates_stands_for_the_usual_ones_in_it() {
    let range = v4l::frameinterval::Stepwise {
        min: Fraction::new(1, 50),
        max: Fraction::new(1, 20),
        step: Fraction::new(1, 1),
    };
    assert_eq!(rates(&FrameIntervalEnum::Stepwise(range)), [24.0, 25.0, 30.0, 50.0]);
    assert_eq!(rates(&FrameIntervalEnum::Discrete(Fraction::new(0, 0))), [0.0; 0]);
}

/// The guest's webcam.
const WEBCAM: &str = "/dev/video0";

fn wanted(width: u32, height: u32) -> Wanted {
    Wanted { size: Some(Size::new(width, height).unwrap()), frames_per_second: Some(30.0) }
}

/// A camera's pictures and events as they come.
struct Watch {
    camera: Camera,
    woken: Receiver<()>,
    clock: Clock,
}

impl Watch {
    fn open(wanted: Wanted) -> Self {
        let (wake, woken): (Sender<()>, _) = channel();
        let clock = Clock::start();
        let source = Source::Device(WEBCAM.into());
        let camera = Camera::open(&source, wanted, clock, move || _ = wake.send(())).unwrap();
        Self { camera, woken, clock }
    }

    /// Waits for something.
    fn until<T>(&self, mut look: impl FnMut(&Camera) -> Option<T>) -> T {
        let end = self.clock.now() + Duration::from_secs(30);
        loop {
            if let Some(found) = look(&self.camera) {
                return found;
            }
            assert!(self.clock.now() < end, "nothing came in half a minute");
            let _ = self.woken.recv_timeout(Duration::from_millis(100));
        }
    }

    fn captures(&self, count: usize) -> Vec<Capture> {
        (0..count).map(|_| self.until(Camera::take)).collect()
    }
}

/// Y, U and V in the middle of each of the eight colour bars.
fn bars(image: &Image) -> Vec<[u8; 3]> {
    let size = image.size();
    let [y, u, v] = image.planes();
    let row = size.height() * 3 / 4;
    let at = |bar: usize| {
        let x = (2 * bar + 1) * size.width() / 16;
        let chroma = row / 2 * size.chroma_width() + x / 2;
        [y[row * size.width() + x], u[chroma], v[chroma]]
    };
    (0..8).map(at).collect()
}

#[test]
#[ignore = "runs in the virtual machine of make test-camera"]
fn in_the_guest_every_raw_format_shows_the_same_moving_bars() {
    let mut seen: Vec<(PixelFormat, Vec<[u8; 3]>)> = Vec::new();
    for format in [PixelFormat::Yu12, PixelFormat::Nv12, PixelFormat::Yuyv] {
        for size in [wanted(640, 360), wanted(640, 480)] {
            let device = Device::open_in(&[format], WEBCAM.as_ref(), size).unwrap();
            println!("{device}");
            assert_eq!((device.layout.format, device.layout.size), (format, size.size()));
            let outlet = Arc::new(Outlet::new(Clock::start(), Box::new(|| ())));
            let theirs = Arc::clone(&outlet);
            let thread = std::thread::Builder::new().spawn(move || device.run(&theirs)).unwrap();
            let mut images = Vec::new();
            while images.len() < 10 {
                assert!(outlet.rest(Duration::from_millis(5)) && outlet.now() < Duration::from_secs(30));
                images.extend(outlet.take().map(|capture| capture.image));
            }
            outlet.close();
            thread.join().unwrap();
            let different: HashSet<&[u8]> = images.iter().map(|image| image.i420()).collect();
            assert_eq!(different.len(), 10, "{format}: pictures that stand still");
            seen.push((format, bars(&images[9])));
        }
    }
    println!("{:?}", seen[0]);
    let luma: Vec<u8> = seen[0].1.iter().map(|bar| bar[0]).collect();
    assert!(luma.is_sorted_by(|left, right| left > right), "bars go from white to black: {luma:?}");
    for (format, bars) in &seen[1..] {
        let pairs = bars.as_flattened().iter().zip(seen[0].1.as_flattened());
        assert!(pairs.clone().all(|(a, b)| a.abs_diff(*b) <= 2), "{format}: {bars:?}");
    }
}

#[test]
#[ignore = "runs in the virtual machine of make test-camera"]
fn in_the_guest_the_best_mode_is_taken_and_said() {
    let small = Watch::open(wanted(640, 360));
    println!("{}", small.camera.description());
    assert_eq!(small.camera.description(), "/dev/video0: YU12 640x360 at 30 a second");
    drop(small);
    // The webcam gives no more than 12.5 a second at 1280x720: motion goes before detail.
    let large = Watch::open(wanted(1280, 720));
    println!("{}", large.camera.description());
    assert!(large.camera.description().ends_with("at 30 a second, cut and scaled to 1280x720"));
    assert!(large.captures(3).iter().all(|capture| capture.image.size() == Size::new(1280, 720).unwrap()));
}

#[test]
#[ignore = "runs in the virtual machine of make test-camera"]
fn in_the_guest_pictures_are_numbered_and_stamped_in_order() {
    let watch = Watch::open(wanted(320, 180));
    let captures = watch.captures(20);
    let now = watch.clock.now();
    assert!(captures.is_sorted_by(|a, b| a.number < b.number && a.captured_at < b.captured_at));
    let seconds = (captures[19].captured_at - captures[0].captured_at).as_secs_f64();
    let numbers = (captures[19].number - captures[0].number) as f64;
    println!("{:.1} pictures a second; the last is {:?} old", numbers / seconds, now - captures[19].captured_at);
    assert!((5.0..35.0).contains(&(numbers / seconds)), "{numbers} in {seconds} s");
}

#[test]
#[ignore = "runs in the virtual machine of make test-camera"]
fn in_the_guest_one_that_is_taken_or_missing_says_so() {
    let open = |path: &str| {
        let camera = Camera::open(&Source::Device(path.into()), wanted(320, 180), Clock::start(), || ());
        camera.map(drop).map_err(|error| error.to_string())
    };
    assert!(open("/dev/video7").unwrap_err().starts_with("/dev/video7: there is no such camera"));
    let watch = Watch::open(wanted(320, 180));
    watch.captures(1);
    let error = open(WEBCAM).unwrap_err();
    assert!(error.ends_with("another program is using this camera"), "{error}");
}

#[test]
#[ignore = "runs in the virtual machine of make test-camera"]
fn in_the_guest_a_webcam_is_listed_with_its_modes() {
    let found = list().unwrap();
    let [webcam] = &found[..] else { panic!("{} webcams", found.len()) };
    assert!(webcam.path == Path::new(WEBCAM) && webcam.name.contains("vivid"));
    assert!(webcam.modes.iter().any(|mode| mode.to_string() == "NV12 640x360 at 30 a second"));
}

#[test]
#[ignore = "runs in the virtual machine of make test-camera"]
fn in_the_guest_unplugged_it_is_told_and_plugged_in_again_it_goes_on() {
    let plug = |what: &str| std::fs::write(format!("/sys/bus/platform/drivers/vivid/{what}"), "vivid.0").unwrap();
    let watch = Watch::open(wanted(320, 180));
    let before = watch.captures(3)[2].number;
    plug("unbind");
    let lost = watch.until(Camera::poll_event);
    println!("{lost}");
    assert!(matches!(lost, Event::Lost(_)), "{lost}");
    plug("bind");
    let back = watch.until(Camera::poll_event);
    println!("{back}");
    assert!(matches!(back, Event::Back(_)), "{back}");
    assert!(watch.until(|camera| camera.take().filter(|capture| capture.number > before + 1)).number > before);
}
