//! A live call: camera, screen, clock, threads.
//!
//! Everything that touches the machine while people talk lives here, each thing behind a small door: the one
//! [`Clock`], the [`Worker`] threads that run pure jobs, the [`Threads`] that share one, the [`Stop`] flag that a signal raises, and the [`screen`]
//! a call is seen on. Nothing here decides what is sent; that is the sender's, in virtual time and without devices.
//!
//! ```
//! use oyster_call::{Clock, Inbox, Worker};
//! use std::time::Duration;
//!
//! let clock = Clock::start();
//! let inbox = Inbox::new();
//! let worker = Worker::spawn("square", &inbox)?;
//! worker.submit(|| 12 * 12).expect("an idle worker takes a job");
//! assert_eq!(inbox.wait(Duration::from_secs(10)), Some(144));
//! assert!(clock.now() < Duration::from_secs(10));
//! # Ok::<(), std::io::Error>(())
//! ```

mod clock;
pub mod demo;
mod executor;
pub mod screen;
mod stop;
mod threads;

pub use clock::Clock;
pub use executor::{Inbox, SubmitError, Worker};
pub use stop::Stop;
pub use threads::{Threads, ThreadsError};
