//! Who runs what may go on side by side. This crate starts no thread: where work falls into parts, an [`Executor`] is handed
//! in. Which one it is changes when a result is there, never what it is.

use std::sync::{Mutex, PoisonError};

/// Runs tasks, side by side where it can.
pub trait Executor: Sync {
    /// How many tasks it runs at once at most.
    fn width(&self) -> usize;

    /// Runs each of `tasks` once, and returns when all are done.
    ///
    /// They may run one after another in any order. A task waits for nothing but what another one has already begun.
    fn run(&self, tasks: &[&(dyn Fn() + Sync)]);
}

/// Runs everything on the thread that asks for it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Serial;

impl Executor for Serial {
    fn width(&self) -> usize {
        1
    }

    fn run(&self, tasks: &[&(dyn Fn() + Sync)]) {
        tasks.iter().for_each(|task| task());
    }
}

/// The results of two pieces of work.
pub fn both<A: Send, B: Send>(
    executor: &dyn Executor,
    a: impl FnOnce() -> A + Send,
    b: impl FnOnce() -> B + Send,
) -> (A, B) {
    let (a, b) = (Task::new(a), Task::new(b));
    executor.run(&[&|| a.run(), &|| b.run()]);
    (a.result(), b.result())
}

/// The result of each piece of work, in order.
pub fn all<T: Send, F: FnOnce() -> T + Send>(executor: &dyn Executor, work: impl IntoIterator<Item = F>) -> Vec<T> {
    let tasks: Vec<Task<F, T>> = work.into_iter().map(Task::new).collect();
    let calls: Vec<_> = tasks.iter().map(|task| || task.run()).collect();
    let calls: Vec<&(dyn Fn() + Sync)> = calls.iter().map(|call| call as _).collect();
    executor.run(&calls);
    tasks.into_iter().map(Task::result).collect()
}

/// Does `work` on each of `items`.
pub(crate) fn each<T>(executor: &dyn Executor, items: impl Iterator<Item = T> + Send, work: impl Fn(T) + Sync) {
    let items = Mutex::new(items);
    // Nothing is done under the lock but to step on.
    let next = || items.lock().unwrap_or_else(PoisonError::into_inner).next();
    on_each_thread(executor, &|| {
        while let Some(item) = next() {
            work(item);
        }
    });
}

/// Calls `work` as often as `executor` runs tasks at once: for work that takes the next part of a whole until none is left.
pub(crate) fn on_each_thread(executor: &dyn Executor, work: &(dyn Fn() + Sync)) {
    executor.run(&vec![work; executor.width().max(1)]);
}

/// Work to be done once, from which a result is taken.
struct Task<F, T> {
    work: Mutex<Option<F>>,
    result: Mutex<Option<T>>,
}

impl<F: FnOnce() -> T, T> Task<F, T> {
    fn new(work: F) -> Self {
        Self { work: Mutex::new(Some(work)), result: Mutex::new(None) }
    }

    fn run(&self) {
        // Work runs outside the lock, so nothing is ever half done under one.
        let work = self.work.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(work) = work {
            let result = work();
            *self.result.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        }
    }

    fn result(self) -> T {
        let result = self.result.into_inner().unwrap_or_else(PoisonError::into_inner);
        result.expect("an executor runs every task before it returns")
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A new thread for every task.
    pub(crate) struct Threads(pub(crate) usize);

    impl Executor for Threads {
        fn width(&self) -> usize {
            self.0
        }

        fn run(&self, tasks: &[&(dyn Fn() + Sync)]) {
            std::thread::scope(|scope| tasks.iter().for_each(|task| drop(scope.spawn(task))));
        }
    }

    #[test]
    fn results_are_those_of_their_own_work() {
        for executor in [&Serial as &dyn Executor, &Threads(3)] {
            assert_eq!(both(executor, || 1, || "two"), (1, "two"));
            assert_eq!(all(executor, (0..9).map(|n| move || n * n)), [0, 1, 4, 9, 16, 25, 36, 49, 64]);
        }
    }
}
