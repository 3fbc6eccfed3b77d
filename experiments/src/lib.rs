//! Calls over emulated links in virtual time: scenarios, baselines, metrics, bounds and plots.
//!
//! A [`Scenario`] is a value; [`run`] plays it as fast as the machine can and answers what happened to every captured
//! picture; [`metrics`] makes figures of that as the Salsify paper defines them. With stated costs of encoding and
//! decoding the same scenario gives the same bytes.

mod clip;
pub mod metrics;
mod peers;
mod record;
pub mod report;
mod run;
mod sharing;
pub mod swarm;

pub use clip::Clip;
pub use record::{Record, Recording};
pub use run::{Cost, Neighbour, Run, Scenario, Stopwatch, run};
pub use sharing::Sharing;
