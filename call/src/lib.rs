//! A live call: camera, screen, sound, clock, threads.
//!
//! Everything that touches the machine while people talk lives here, each thing behind a small door: the one
//! [`Clock`], the [`Worker`] threads that run pure jobs, the [`Threads`] that share one, the [`Stop`] flag that a signal raises, the
//! [`screen`] a call is seen on, and its [`sound`]. Nothing here decides what is sent; that is the sender's, in virtual time and
//! without devices.
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

pub mod camera;
mod clock;
pub mod connection;
pub mod demo;
mod end;
mod executor;
pub mod figures;
mod letters;
pub mod live;
mod new_file;
pub mod recording;
mod scale;
pub mod screen;
pub mod sound;
mod stop;
mod threads;
pub mod webm;

pub use clock::Clock;
pub use end::Happening;
pub use executor::{Inbox, Post, SubmitError, Worker};
pub use new_file::NewFile;
pub use stop::Stop;
pub use threads::{Threads, ThreadsError};
