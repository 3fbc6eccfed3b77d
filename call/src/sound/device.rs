//! Sound devices, by cpal: PulseAudio or PipeWire where a server answers, else ALSA.
//!
//! The system calls us in a thread of its own, where nothing may wait: samples cross a wait-free ring. Buffers are always of a fixed
//! size: left to itself, PulseAudio hands over microphones two seconds late [measured].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::Thread;
use std::time::Duration;

use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{
    BufferSize, Device, ErrorKind, FromSample, Sample, SampleFormat, SizedSample, StreamConfig, StreamInstant,
    SupportedStreamConfigRange,
};
use oyster_audio::{BLOCK_SAMPLES, SAMPLE_RATE, SampleClock};
use rtrb::{Consumer, Producer, RingBuffer};

use super::choice::{self, Choice};
use crate::Clock;

/// A sound device as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceName {
    /// What the system calls it.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Whether it is what is taken when none is named.
    pub is_default: bool,
}

/// The sound devices of this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Devices {
    /// What they are found through: PulseAudio or ALSA.
    pub host: String,
    /// What can be heard with.
    pub microphones: Vec<DeviceName>,
    /// What can be heard through.
    pub speakers: Vec<DeviceName>,
}

/// The sound devices of this machine. Takes up to two seconds where a sound server hangs.
pub fn devices() -> Devices {
    let _quiet = Quiet::new();
    let host = cpal::default_host();
    let named = |direction| {
        let default = default_device(&host, direction).and_then(|device| device.id().ok());
        let name = |device: &Device| {
            let [id, name] = names_of(device);
            DeviceName { id, name, is_default: device.id().ok() == default }
        };
        all_devices(&host, direction).iter().map(name).collect()
    };
    Devices { host: host.id().name().to_owned(), microphones: named(Direction::In), speakers: named(Direction::Out) }
}

/// A microphone that runs, or its remains: dropped, it is closed.
pub(super) struct Microphone {
    pub(super) name: String,
    samples: Consumer<f32>,
    marks: Consumer<Mark>,
    clock: SampleClock,
    taken: u64,
    health: Arc<Health>,
    _stream: cpal::Stream,
}

/// A loudspeaker that runs.
pub(super) struct Speaker {
    pub(super) name: String,
    samples: Producer<f32>,
    health: Arc<Health>,
    /// Samples kept ready in the ring beyond what the device takes at once.
    cushion: usize,
    underruns_seen: u64,
    calm_blocks: u32,
    _stream: cpal::Stream,
}

/// When a sample was captured.
struct Mark {
    sample: u64,
    at: Duration,
}

/// What the system's thread tells ours.
struct Health {
    lost: AtomicBool,
    /// By the call's clock, µs.
    last_call_us: AtomicU64,
    /// Of the device, µs.
    latency_us: AtomicU64,
    /// Samples asked for in the last call.
    call_samples: AtomicU64,
    xruns: AtomicU64,
    underruns: AtomicU64,
}

impl Health {
    fn new(clock: Clock) -> Arc<Self> {
        Arc::new(Self {
            lost: AtomicBool::new(false),
            last_call_us: AtomicU64::new(micros(clock.now())),
            latency_us: AtomicU64::new(0),
            call_samples: AtomicU64::new(0),
            xruns: AtomicU64::new(0),
            underruns: AtomicU64::new(0),
        })
    }

    fn on_call(&self, now: Duration, latency: Duration, samples: usize) {
        self.last_call_us.store(micros(now), Ordering::Relaxed);
        self.latency_us.store(micros(latency), Ordering::Relaxed);
        self.call_samples.store(samples as u64, Ordering::Relaxed);
    }

    fn on_error(&self, kind: ErrorKind) {
        match kind {
            ErrorKind::Xrun => {
                self.xruns.fetch_add(1, Ordering::Relaxed);
            }
            // Sound goes on.
            ErrorKind::RealtimeDenied | ErrorKind::DeviceChanged => {}
            _ => self.lost.store(true, Ordering::Relaxed),
        }
    }

    /// Whether the device is gone: it said so, or has been silent for longer than any lives.
    fn is_lost(&self, now: Duration) -> bool {
        let last_call = Duration::from_micros(self.last_call_us.load(Ordering::Relaxed));
        self.lost.load(Ordering::Relaxed) || now.saturating_sub(last_call) > SILENCE_MAX
    }
}

impl Microphone {
    /// Opens the device. `worker` is woken when there is a block.
    ///
    /// # Errors
    /// What to tell the user.
    pub(super) fn open(choice: &Choice, clock: Clock, worker: &Thread) -> Result<Self, String> {
        let _quiet = Quiet::new();
        let device = chosen(choice, Direction::In)?;
        let [_, name] = names_of(&device);
        let about = |error: cpal::Error| format!("{name}: {error}");
        let (config, format) = pick(device.supported_input_configs().map_err(about)?, &name)?;
        let (samples, taken) = RingBuffer::new(RING_SAMPLES);
        let (marks, taken_marks) = RingBuffer::new(RING_MARKS);
        let health = Health::new(clock);
        let ears = Ears {
            channels: usize::from(config.channels),
            clock,
            samples,
            marks,
            given: 0,
            health: Arc::clone(&health),
            worker: worker.clone(),
        };
        let stream = match format {
            SampleFormat::F32 => ears.listen::<f32>(&device, config),
            SampleFormat::I32 => ears.listen::<i32>(&device, config),
            _ => ears.listen::<i16>(&device, config),
        };
        let stream = stream.and_then(|stream| stream.play().map(|()| stream)).map_err(about)?;
        let clock = SampleClock::default();
        Ok(Self { samples: taken, marks: taken_marks, clock, taken: 0, health, name, _stream: stream })
    }

    /// The next block and when its first sample was captured.
    pub(super) fn read(&mut self) -> Option<([f32; BLOCK_SAMPLES], Duration)> {
        let mut block = [0.0; BLOCK_SAMPLES];
        self.samples.pop_entire_slice(&mut block).ok()?;
        while let Ok(mark) = self.marks.pop() {
            self.clock.observe(mark.sample, mark.at);
        }
        let captured = self.clock.time_of(self.taken)?;
        self.taken += BLOCK_SAMPLES as u64;
        Some((block, captured))
    }

    pub(super) fn is_lost(&self, now: Duration) -> bool {
        self.health.is_lost(now)
    }
}

impl Speaker {
    /// Opens the device. `worker` is woken when it has taken samples.
    ///
    /// # Errors
    /// What to tell the user.
    pub(super) fn open(choice: &Choice, clock: Clock, worker: &Thread) -> Result<Self, String> {
        let _quiet = Quiet::new();
        let device = chosen(choice, Direction::Out)?;
        let [_, name] = names_of(&device);
        let about = |error: cpal::Error| format!("{name}: {error}");
        let (config, format) = pick(device.supported_output_configs().map_err(about)?, &name)?;
        let (given, samples) = RingBuffer::new(RING_SAMPLES);
        let health = Health::new(clock);
        let channels = usize::from(config.channels);
        let mouth = Mouth { channels, clock, samples, health: Arc::clone(&health), worker: worker.clone() };
        let stream = match format {
            SampleFormat::F32 => mouth.speak::<f32>(&device, config),
            SampleFormat::I32 => mouth.speak::<i32>(&device, config),
            _ => mouth.speak::<i16>(&device, config),
        };
        let stream = stream.and_then(|stream| stream.play().map(|()| stream)).map_err(about)?;
        let (cushion, underruns_seen, calm_blocks) = (0, 0, 0);
        Ok(Self { samples: given, health, cushion, underruns_seen, calm_blocks, name, _stream: stream })
    }

    /// How long a block written now will take to sound, if one is wanted.
    pub(super) fn wants(&mut self) -> Option<Duration> {
        let call_samples = self.health.call_samples.load(Ordering::Relaxed) as usize;
        let ready = RING_SAMPLES - self.samples.slots();
        if call_samples == 0 || ready >= call_samples.min(RING_SAMPLES / 2) + self.cushion {
            return None;
        }
        let ready = oyster_audio::duration_of(ready as u64);
        Some(ready + Duration::from_micros(self.health.latency_us.load(Ordering::Relaxed)))
    }

    pub(super) fn write(&mut self, block: &[f32; BLOCK_SAMPLES]) {
        // The ring holds more than is ever kept ready.
        let _ = self.samples.push_entire_slice(block);
        self.mind_the_cushion();
    }

    pub(super) fn underruns(&self) -> u64 {
        self.health.underruns.load(Ordering::Relaxed) + self.health.xruns.load(Ordering::Relaxed)
    }

    pub(super) fn is_lost(&self, now: Duration) -> bool {
        self.health.is_lost(now)
    }

    /// A machine that wakes us late gets more kept ready, until it has been calm for long.
    fn mind_the_cushion(&mut self) {
        let underruns = self.health.underruns.load(Ordering::Relaxed);
        if underruns > self.underruns_seen {
            self.underruns_seen = underruns;
            self.cushion = (self.cushion + CUSHION_STEP).min(CUSHION_MAX);
            self.calm_blocks = 0;
            return;
        }
        self.calm_blocks += 1;
        if self.calm_blocks >= CALM_BLOCKS {
            self.calm_blocks = 0;
            self.cushion = self.cushion.saturating_sub(CUSHION_STEP);
        }
    }
}

/// What runs in the system's thread of a microphone.
struct Ears {
    channels: usize,
    clock: Clock,
    samples: Producer<f32>,
    marks: Producer<Mark>,
    given: u64,
    health: Arc<Health>,
    worker: Thread,
}

impl Ears {
    fn listen<T: SizedSample>(mut self, device: &Device, config: StreamConfig) -> Result<cpal::Stream, cpal::Error>
    where
        f32: FromSample<T>,
    {
        let health = Arc::clone(&self.health);
        let heard = move |data: &[T], info: &cpal::InputCallbackInfo| {
            let times = info.timestamp();
            self.hear(data, age(times.callback, times.capture));
        };
        device.build_input_stream(config, heard, move |error| health.on_error(error.kind()), Some(OPEN_TIMEOUT))
    }

    fn hear<T: SizedSample>(&mut self, data: &[T], age: Duration)
    where
        f32: FromSample<T>,
    {
        let now = self.clock.now();
        let frames = data.len() / self.channels;
        self.health.on_call(now, age, frames);
        // Where no latency is told, a block began to be captured its own length ago.
        let age = if age.is_zero() { oyster_audio::duration_of(frames as u64) } else { age };
        // One who does not listen for longer than the rings last misses what came meanwhile.
        let _ = self.marks.push(Mark { sample: self.given, at: now.saturating_sub(age) });
        for frame in data.chunks_exact(self.channels) {
            let sum: f32 = frame.iter().map(|&sample| f32::from_sample(sample)).sum();
            if self.samples.push(sum / self.channels as f32).is_ok() {
                self.given += 1;
            }
        }
        if RING_SAMPLES - self.samples.slots() >= BLOCK_SAMPLES {
            self.worker.unpark();
        }
    }
}

/// What runs in the system's thread of a loudspeaker.
struct Mouth {
    channels: usize,
    clock: Clock,
    samples: Consumer<f32>,
    health: Arc<Health>,
    worker: Thread,
}

impl Mouth {
    fn speak<T: SizedSample + FromSample<f32>>(
        mut self,
        device: &Device,
        config: StreamConfig,
    ) -> Result<cpal::Stream, cpal::Error> {
        let health = Arc::clone(&self.health);
        let said = move |data: &mut [T], info: &cpal::OutputCallbackInfo| {
            let times = info.timestamp();
            self.say(data, age(times.playback, times.callback));
        };
        device.build_output_stream(config, said, move |error| health.on_error(error.kind()), Some(OPEN_TIMEOUT))
    }

    fn say<T: SizedSample + FromSample<f32>>(&mut self, data: &mut [T], latency: Duration) {
        let frames = data.len() / self.channels;
        let first = self.health.call_samples.load(Ordering::Relaxed) == 0;
        self.health.on_call(self.clock.now(), latency, frames);
        if !first && self.samples.slots() < frames {
            self.health.underruns.fetch_add(1, Ordering::Relaxed);
        }
        for frame in data.chunks_exact_mut(self.channels) {
            frame.fill(T::from_sample(self.samples.pop().unwrap_or(0.0)));
        }
        self.worker.unpark();
    }
}

fn age(later: StreamInstant, earlier: StreamInstant) -> Duration {
    later.checked_duration_since(earlier).unwrap_or_default().min(LATENCY_MAX)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    In,
    Out,
}

fn all_devices(host: &cpal::Host, direction: Direction) -> Vec<Device> {
    let supports = |device: &Device| match direction {
        Direction::In => device.supports_input(),
        Direction::Out => device.supports_output(),
    };
    host.devices().map(|devices| devices.filter(supports).collect()).unwrap_or_default()
}

fn default_device(host: &cpal::Host, direction: Direction) -> Option<Device> {
    match direction {
        Direction::In => host.default_input_device(),
        Direction::Out => host.default_output_device(),
    }
}

/// What the system and what people call it.
fn names_of(device: &Device) -> [String; 2] {
    let id = device.id().map(|id| id.id().to_owned()).unwrap_or_default();
    let name = device.description().map(|description| description.name().to_owned()).unwrap_or_else(|_| id.clone());
    [id, name]
}

fn chosen(choice: &Choice, direction: Direction) -> Result<Device, String> {
    let host = cpal::default_host();
    let what = if direction == Direction::In { "microphone" } else { "loudspeaker" };
    let Choice::Named(name) = choice else {
        return default_device(&host, direction).ok_or_else(|| format!("no {what} was found"));
    };
    let mut devices = all_devices(&host, direction);
    let names: Vec<[String; 2]> = devices.iter().map(names_of).collect();
    let names: Vec<[&str; 2]> = names.iter().map(|[id, name]| [id.as_str(), name.as_str()]).collect();
    let index = choice::find(name, &names).map_err(|why| format!("{what}: {why}"))?;
    Ok(devices.swap_remove(index))
}

/// The configuration to run a device with: 48 kHz, in a format we read, with the fewest channels.
fn pick(
    configs: impl Iterator<Item = SupportedStreamConfigRange>,
    name: &str,
) -> Result<(StreamConfig, SampleFormat), String> {
    let rank = |format| match format {
        SampleFormat::F32 => Some(0),
        SampleFormat::I16 => Some(1),
        SampleFormat::I32 => Some(2),
        _ => None,
    };
    let rates = |config: &SupportedStreamConfigRange| {
        (config.min_sample_rate()..=config.max_sample_rate()).contains(&SAMPLE_RATE)
    };
    let best = configs
        .filter(rates)
        .filter_map(|config| Some((config.channels(), rank(config.sample_format())?, config)))
        .min_by_key(|(channels, rank, _)| (*channels, *rank));
    let (channels, _, config) = best.ok_or_else(|| format!("{name}: it does not work at {SAMPLE_RATE} Hz"))?;
    let buffer_size = BufferSize::Fixed(PERIOD_SAMPLES);
    Ok((StreamConfig { channels, sample_rate: SAMPLE_RATE, buffer_size }, config.sample_format()))
}

/// While one lives, what libasound complains of in this thread is kept from standard error, which the picture may be on.
struct Quiet {
    _complaints: Option<std::rc::Rc<std::cell::RefCell<alsa::Output>>>,
}

impl Quiet {
    fn new() -> Self {
        Self { _complaints: alsa::Output::local_error_handler().ok() }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// 10 ms: what a loaded machine serves in time. With PulseAudio 20 ms lie between a sample played and captured, with 5 ms 5.5 ms.
const PERIOD_SAMPLES: u32 = 480;

/// 0.34 s: more than is ever kept ready.
const RING_SAMPLES: usize = 1 << 14;

/// PulseAudio hands over a microphone in pieces of 0.5 ms: as many as a block has, four times over.
const RING_MARKS: usize = 256;

/// How what is kept ready for a loudspeaker, beside what it takes at once, grows when that was too little: from nothing.
const CUSHION_STEP: usize = 240;
const CUSHION_MAX: usize = 2400;

/// 20 s without a gap.
const CALM_BLOCKS: u32 = 2000;

/// A device that has not called for as long is taken as gone.
const SILENCE_MAX: Duration = Duration::from_secs(2);

/// A latency beyond is a wrong one.
const LATENCY_MAX: Duration = Duration::from_secs(1);

/// A sound server that hangs is not waited for longer.
const OPEN_TIMEOUT: Duration = Duration::from_secs(2);

/// Opens a device in a thread of its own, as that may take seconds.
pub(super) fn open_apart<T: Send + 'static>(
    name: &str,
    open: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> std::sync::mpsc::Receiver<Result<T, String>> {
    let (opened, receiver): (SyncSender<Result<T, String>>, _) = sync_channel(1);
    let answer = opened.clone();
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        // One who does not wait any longer has the device closed again.
        let _ = opened.send(open());
    });
    if let Err(error) = thread {
        let _ = answer.send(Err(format!("no thread to open it in: {error}")));
    }
    receiver
}
