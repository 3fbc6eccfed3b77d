//! As many threads as were asked for.

use std::num::NonZero;

use anyhow::Result;
use oyster_call::Threads;
use oyster_codec::executor::{Executor, Serial};

/// Runs `work` with an executor of `count` threads; with one thread there is no other.
pub(crate) fn on_threads<T: Send>(
    count: NonZero<usize>,
    work: impl FnOnce(&dyn Executor) -> Result<T> + Send,
) -> Result<T> {
    if count.get() == 1 {
        return work(&Serial);
    }
    let threads = Threads::new(count)?;
    threads.within(|| work(&threads))
}
