//! The two ends that sound has on this machine: devices that come and go, files, or nothing; and how they keep time.

use std::sync::mpsc::{Receiver, TryRecvError};
use std::thread::Thread;
use std::time::Duration;

use oyster_audio::BLOCK_SAMPLES;

use super::choice::Choice;
use super::device::{Microphone, Speaker, open_apart};
use super::wav::{self, Recording};
use super::{Event, Side};
use crate::Clock;

/// One end, and what is to be there.
pub(super) struct Line<D> {
    choice: Choice,
    state: State<D>,
    /// Why there is none, as it was told last.
    missing: Option<String>,
    clock: Clock,
    worker: Thread,
}

enum State<D> {
    Off,
    /// A thread is at it.
    Opening(Receiver<Result<D, String>>),
    Open(D),
    Away {
        retry_at: Duration,
    },
}

/// What can be at an end.
pub(super) trait End: Sized + Send + 'static {
    const SIDE: Side;
    fn open(choice: &Choice, clock: Clock, worker: &Thread) -> Result<Self, String>;
    /// What it is called.
    fn name(&self) -> String;
    /// Why it is gone, if it is.
    fn lost(&self, now: Duration) -> Option<String>;
    /// No sound crosses any longer.
    fn close(self) -> Result<(), String>;
}

impl<D: End> Line<D> {
    /// Begins to open what was chosen. A file is opened here and now, a device in its own time.
    ///
    /// # Errors
    /// What to tell the user: the file is not to be had.
    pub(super) fn open(choice: Choice, clock: Clock, worker: Thread) -> Result<Self, String> {
        let state = match choice {
            Choice::File(_) => State::Open(D::open(&choice, clock, &worker)?),
            Choice::None => State::Off,
            Choice::Default | Choice::Named(_) => begin(&choice, clock, &worker),
        };
        Ok(Self { choice, state, missing: None, clock, worker })
    }

    /// Puts something else in its place; what is there stays where that is not to be had at once.
    pub(super) fn switch(&mut self, choice: Choice, tell: &mut impl FnMut(Event)) {
        match Self::open(choice, self.clock, self.worker.clone()) {
            Ok(line) => {
                let before = std::mem::replace(self, line);
                before.close(tell);
            }
            Err(why) => tell(Event::Missing { side: D::SIDE, why }),
        }
    }

    /// Looks after devices that come and go.
    pub(super) fn poll(&mut self, now: Duration, tell: &mut impl FnMut(Event)) {
        let side = D::SIDE;
        match &mut self.state {
            State::Off => {}
            State::Opening(opened) => match opened.try_recv() {
                Ok(Ok(end)) => {
                    tell(Event::Opened { side, name: end.name() });
                    self.missing = None;
                    self.state = State::Open(end);
                }
                Ok(Err(why)) => {
                    // It is looked for every few seconds; once is enough to be told.
                    if self.missing.replace(why.clone()).is_none_or(|told| told != why) {
                        tell(Event::Missing { side, why });
                    }
                    self.state = State::Away { retry_at: now + RETRY };
                }
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => self.state = State::Away { retry_at: now + RETRY },
            },
            State::Open(end) => {
                if let Some(why) = end.lost(now) {
                    tell(Event::Lost { side, why });
                    self.state = match self.choice {
                        Choice::File(_) | Choice::None => State::Off,
                        Choice::Default | Choice::Named(_) => State::Away { retry_at: now + RETRY },
                    };
                }
            }
            State::Away { retry_at } => {
                if now >= *retry_at {
                    self.state = begin(&self.choice, self.clock, &self.worker);
                }
            }
        }
    }

    pub(super) fn end(&mut self) -> Option<&mut D> {
        match &mut self.state {
            State::Open(end) => Some(end),
            State::Off | State::Opening(_) | State::Away { .. } => None,
        }
    }

    pub(super) fn close(self, tell: &mut impl FnMut(Event)) {
        if let State::Open(end) = self.state
            && let Err(why) = end.close()
        {
            tell(Event::Lost { side: D::SIDE, why });
        }
    }
}

fn begin<D: End>(choice: &Choice, clock: Clock, worker: &Thread) -> State<D> {
    let (choice, worker) = (choice.clone(), worker.clone());
    State::Opening(open_apart("sound device", move || D::open(&choice, clock, &worker)))
}

/// Where sound comes from.
pub(super) enum Input {
    Device(Microphone),
    File { name: String, samples: Vec<f32>, at: usize, pace: Pace },
}

impl End for Input {
    const SIDE: Side = Side::Microphone;

    fn open(choice: &Choice, clock: Clock, worker: &Thread) -> Result<Self, String> {
        let Choice::File(path) = choice else { return Microphone::open(choice, clock, worker).map(Self::Device) };
        Ok(Self::File { name: choice.to_string(), samples: wav::read(path)?, at: 0, pace: Pace::default() })
    }

    fn name(&self) -> String {
        match self {
            Self::Device(device) => device.name.clone(),
            Self::File { name, .. } => name.clone(),
        }
    }

    fn lost(&self, now: Duration) -> Option<String> {
        match self {
            Self::Device(device) => device.is_lost(now).then(|| device.name.clone()),
            Self::File { .. } => None,
        }
    }

    fn close(self) -> Result<(), String> {
        Ok(())
    }
}

impl Input {
    /// The next block, if it is there, and when its first sample was captured. A file begins again when it ends.
    pub(super) fn read(&mut self, now: Duration) -> Option<([f32; BLOCK_SAMPLES], Duration)> {
        match self {
            Self::Device(device) => device.read(),
            Self::File { samples, at, pace, .. } => {
                let end = pace.poll(now)?;
                let block = std::array::from_fn(|_| {
                    let sample = samples[*at]; // a file without sound was refused
                    *at = (*at + 1) % samples.len();
                    sample
                });
                Some((block, end.saturating_sub(BLOCK)))
            }
        }
    }
}

/// Where sound goes to.
pub(super) enum Output {
    Device(Speaker),
    File { recording: Recording, pace: Pace, failed: Option<String> },
}

impl End for Output {
    const SIDE: Side = Side::Speaker;

    fn open(choice: &Choice, clock: Clock, worker: &Thread) -> Result<Self, String> {
        let Choice::File(path) = choice else { return Speaker::open(choice, clock, worker).map(Self::Device) };
        Ok(Self::File { recording: Recording::create(path)?, pace: Pace::default(), failed: None })
    }

    fn name(&self) -> String {
        match self {
            Self::Device(device) => device.name.clone(),
            Self::File { recording, .. } => format!("file:{}", recording.path().display()),
        }
    }

    fn lost(&self, now: Duration) -> Option<String> {
        match self {
            Self::Device(device) => device.is_lost(now).then(|| device.name.clone()),
            Self::File { failed, .. } => failed.clone(),
        }
    }

    fn close(self) -> Result<(), String> {
        match self {
            Self::Device(_) => Ok(()),
            Self::File { mut recording, .. } => recording.finish(),
        }
    }
}

impl Output {
    /// How long a block written now will take to sound, if one is wanted.
    pub(super) fn wants(&mut self, now: Duration) -> Option<Duration> {
        match self {
            Self::Device(device) => device.wants(),
            Self::File { pace, .. } => pace.poll(now).map(|_| Duration::ZERO),
        }
    }

    pub(super) fn write(&mut self, block: &[f32; BLOCK_SAMPLES]) {
        match self {
            Self::Device(device) => device.write(block),
            Self::File { recording, failed, .. } => *failed = recording.write(block).err(),
        }
    }

    pub(super) fn underruns(&self) -> u64 {
        match self {
            Self::Device(device) => device.underruns(),
            Self::File { .. } => 0,
        }
    }
}

/// A block each 10 ms by the call's clock, where no device counts them.
#[derive(Default)]
pub(super) struct Pace {
    next: Option<Duration>,
}

impl Pace {
    /// The end of the block that is over, if one is. One who was away for long is not given all he missed.
    pub(super) fn poll(&mut self, now: Duration) -> Option<Duration> {
        let next = *self.next.get_or_insert(now + BLOCK);
        if now < next {
            return None;
        }
        let end = if now - next > MISSED_MAX { now } else { next };
        self.next = Some(end + BLOCK);
        Some(end)
    }
}

/// 10 ms.
pub(super) const BLOCK: Duration = Duration::from_millis(10);

/// A device that is away is looked for this often.
const RETRY: Duration = Duration::from_secs(1);

const MISSED_MAX: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_of_ten_milliseconds_is_kept_however_late_one_asks() {
        let ms = Duration::from_millis;
        let mut pace = Pace::default();
        assert_eq!(pace.poll(ms(0)), None);
        assert_eq!(pace.poll(ms(13)), Some(ms(10)));
        assert_eq!(pace.poll(ms(13)), None);
        assert_eq!(pace.poll(ms(35)), Some(ms(20)));
        assert_eq!(pace.poll(ms(35)), Some(ms(30)));
        assert_eq!(pace.poll(ms(35)), None);
        assert_eq!(pace.poll(ms(900)), Some(ms(900)));
        assert_eq!(pace.poll(ms(909)), None);
    }
}
