//! Network links driven by mahimahi trace files: in virtual time, as a UDP relay, as a shell.
//!
//! A [`Trace`] says when a link may deliver, a [`Link`] carries packets of any type along it in virtual time: the same
//! trace, configuration and calls give the same arrivals, to the millisecond. The link itself reads no clock, opens
//! nothing and never looks into a packet.
//!
//! Three packets over a 12 Mbit/s link, one opportunity of 1500 bytes each millisecond, behind 20 ms of cable:
//!
//! ```
//! use oyster_emulator::{Link, LinkConfig, Trace};
//! use std::time::Duration;
//!
//! let mut link = Link::new(Trace::constant(12_000_000)?, &LinkConfig::default());
//! for name in ["one", "two", "three"] {
//!     link.send(name, 1000, Duration::ZERO);
//! }
//! let mut arrivals = Vec::new();
//! while let Some(wake) = link.poll_timeout() {
//!     while let Some(delivery) = link.poll(wake) {
//!         arrivals.push((delivery.packet, delivery.arrival.as_millis()));
//!     }
//! }
//! assert_eq!(arrivals, [("one", 21), ("two", 22), ("three", 22)]);
//! # Ok::<(), oyster_emulator::TraceError>(())
//! ```

mod bound;
mod codel;
mod cubic;
mod impairment;
mod link;
mod log;
mod pie;
mod queue;
mod random;
#[cfg(feature = "real-time")]
mod relay;
#[cfg(all(feature = "shell", target_os = "linux"))]
mod shell;
mod synthetic;
mod trace;
mod world;

pub use bound::{Bound, BoundError, DelayFigures, MAX_FRAMES_PER_SECOND, MAX_WINDOW_MS};
pub use cubic::Cubic;
pub use impairment::{Loss, Reordering};
pub use link::{Delivery, Link, LinkConfig, LinkFigures, MAX_IN_FLIGHT_PACKETS};
pub use log::{Event, LogHeader, MAX_EVENTS};
pub use queue::{MAX_QUEUED_PACKETS, QueueDiscipline, QueueError, QueueLimit};
pub use random::Random;
#[cfg(feature = "real-time")]
pub use relay::{MAX_DATAGRAM_BYTES, Relay, RelayFigures};
#[cfg(all(feature = "shell", target_os = "linux"))]
pub use shell::{Direction, Shell, ShellError, TUN_HEADER_BYTES};
pub use trace::{MAX_BITS_PER_SECOND, MAX_OPPORTUNITIES, MAX_TIME_MS, OPPORTUNITY_BYTES, Trace, TraceError};
pub use world::{MAX_PENDING_EVENTS, World};
