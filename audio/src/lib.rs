//! The sound of a call, without a device, a clock or a thread: samples in, datagrams out, and back.
//!
//! [`AudioSender`] turns frames of 20 ms into packets, protected as losses ask for; [`AudioReceiver`] takes packets in any
//! order and gives exactly the samples it is asked for, with as little delay as the network allows. Around them:
//! [`Cleaner`] (echo, noise, gain), [`Talk`] (mute and push-to-talk), [`LevelMeter`], [`SampleClock`] (when a sample was
//! captured), [`LipSync`] (when the picture that belongs to a sound is due) and [`Tape`] (a voice on a recording).
//!
//! Sound is mono at [`SAMPLE_RATE`], samples from −1 to 1. A time is a `Duration` since an epoch of the caller's choosing; sender and
//! receiver need not agree on it.
//!
//! ```
//! use std::time::Duration;
//! use oyster_audio::{AudioReceiver, AudioSender, FRAME, FRAME_SAMPLES};
//!
//! let mut sender = AudioSender::new()?;
//! let mut receiver = AudioReceiver::new()?;
//! let mut now = Duration::ZERO;
//! let mut heard = [0.0; FRAME_SAMPLES];
//! for _ in 0..50 {
//!     let samples: [f32; FRAME_SAMPLES] = std::array::from_fn(|i| (i as f32 / 10.0).sin() / 4.0);
//!     if let Some(packet) = sender.send(&samples, now) {
//!         receiver.handle_packet(&packet, now + FRAME).expect("we wrote it");
//!     }
//!     now += FRAME;
//!     receiver.pull(&mut heard, now, Duration::ZERO);
//! }
//! assert!(heard.iter().any(|sample| sample.abs() > 0.1));
//! # Ok::<(), oyster_audio::CodecError>(())
//! ```

use std::time::Duration;

mod arrivals;
mod clean;
mod clock;
mod codec;
mod level;
mod lip_sync;
mod packet;
mod receiver;
mod sender;
mod stretch;
mod talk;
mod tape;

pub use clean::Cleaner;
pub use clock::SampleClock;
pub use codec::CodecError;
pub use level::{Level, LevelMeter};
pub use lip_sync::LipSync;
pub use packet::{MAX_PIECES, Packet, PacketError, Piece};
pub use receiver::{AudioReceiver, PlayOut, ReceiverFigures};
pub use sender::{AudioSender, Protection};
pub use talk::Talk;
pub use tape::Tape;

/// Samples a second, everywhere: what Opus works at inside.
pub const SAMPLE_RATE: u32 = 48_000;

/// The time one packet's frame covers. Shorter frames cost more in headers than they save in delay.
pub const FRAME: Duration = Duration::from_millis(20);

/// Samples of one frame.
pub const FRAME_SAMPLES: usize = 960;

/// Samples of one block of the [`Cleaner`]: 10 ms, half a frame.
pub const BLOCK_SAMPLES: usize = 480;

/// How long so many samples last.
pub fn duration_of(samples: u64) -> Duration {
    Duration::from_nanos(samples.saturating_mul(1_000_000_000) / u64::from(SAMPLE_RATE))
}

/// A time in µs, so that differences between clocks can be negative.
fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}
