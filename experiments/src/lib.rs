//! Scenarios, baselines, metrics, bounds and plots of calls over emulated links.

pub mod metrics;
pub mod report;
