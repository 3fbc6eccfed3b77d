//! The processor time this process has used: what a piece of work costs, whatever else the machine is doing.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Processor time of all threads since the process began.
pub(crate) fn used() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Runs `work` and says how much processor time it took.
pub(crate) fn of<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let before = used();
    let result = work();
    (result, used().saturating_sub(before))
}

/// In milliseconds.
pub(crate) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
