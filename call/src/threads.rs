//! Threads for what goes on side by side within one job: the rows of a frame, its versions.

use std::cell::Cell;
use std::fmt;
use std::hint::spin_loop;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use oyster_codec::executor::Executor;
use rayon::{ThreadPool, ThreadPoolBuilder};

/// A fixed number of threads that share work.
pub struct Threads {
    pool: ThreadPool,
    /// Tasks that nobody has begun yet.
    waiting: Arc<AtomicUsize>,
}

thread_local! {
    /// How many runs this thread has under way, one within the other: it waits for their ends, and may not look elsewhere.
    static UNDER_WAY: Cell<usize> = const { Cell::new(0) };
}

/// Why threads were not started.
#[derive(Debug)]
pub struct ThreadsError(rayon::ThreadPoolBuildError);

impl fmt::Display for ThreadsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "threads were not started: {}", self.0)
    }
}

impl std::error::Error for ThreadsError {}

/// How often a thread looks for the next tasks before it sleeps: for some hundred microseconds.
const LOOKS: usize = 6000;

/// A frame of a call falls into so many parts that take a thread's waking up as often; more threads would mostly wait.
const MOST_OF_A_CALL: usize = 4;

impl Threads {
    /// Starts `count` threads.
    pub fn new(count: NonZero<usize>) -> Result<Self, ThreadsError> {
        let builder = ThreadPoolBuilder::new().num_threads(count.get()).thread_name(|n| format!("side by side {n}"));
        Ok(Self { pool: builder.build().map_err(ThreadsError)?, waiting: Arc::default() })
    }

    /// Starts as many threads as encoding a call has use for on this machine.
    pub fn for_a_call() -> Result<Self, ThreadsError> {
        let processors = std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
        Self::new(processors.min(NonZero::new(MOST_OF_A_CALL).expect("it is not 0")))
    }

    /// Runs `work` on one of the threads. What it hands to this executor then takes no more than waking the others up.
    pub fn within<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.pool.install(work)
    }
}

impl Executor for Threads {
    fn width(&self) -> usize {
        self.pool.current_num_threads()
    }

    fn run(&self, tasks: &[&(dyn Fn() + Sync)]) {
        self.waiting.fetch_add(tasks.len(), Ordering::Release);
        self.pool.install(|| {
            let _under_way = UnderWay::begin();
            side_by_side(tasks, &|task| self.run_one(task));
        });
    }
}

impl Threads {
    /// Runs a task on this thread, which then looks out for the next ones for a while: a frame has a handful of runs with little in
    /// between, and a thread that went to sleep there would come late to every one.
    fn run_one(&self, task: &(dyn Fn() + Sync)) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        task();
        if UNDER_WAY.get() == 0 {
            let waiting = Arc::clone(&self.waiting);
            rayon::spawn(move || {
                // Another thread may have taken this.
                if UNDER_WAY.get() == 0 {
                    (0..LOOKS).take_while(|_| waiting.load(Ordering::Acquire) == 0).for_each(|_| spin_loop());
                }
            });
        }
    }
}

/// That this thread has a run under way, until it is dropped.
struct UnderWay;

impl UnderWay {
    fn begin() -> Self {
        UNDER_WAY.set(UNDER_WAY.get() + 1);
        Self
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        UNDER_WAY.set(UNDER_WAY.get() - 1);
    }
}

/// Runs the first task while the others are there for threads that have nothing to do.
fn side_by_side(tasks: &[&(dyn Fn() + Sync)], run: &(dyn Fn(&(dyn Fn() + Sync)) + Sync)) {
    match tasks {
        [] => {}
        [only] => run(only),
        [first, rest @ ..] => {
            rayon::join(|| run(first), || side_by_side(rest, run));
        }
    }
}

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Threads({})", self.pool.current_num_threads())
    }
}

#[cfg(test)]
mod tests {
    use oyster_codec::executor::{all, both};

    use super::*;

    #[test]
    fn all_tasks_are_run_once_from_without_and_from_within() {
        for count in 1..5 {
            let threads = Threads::new(NonZero::new(count).unwrap()).unwrap();
            assert_eq!(threads.width(), count);
            let runs: Vec<AtomicUsize> = (0..20).map(|_| AtomicUsize::new(0)).collect();
            let run = || all(&threads, runs.iter().map(|run| || run.fetch_add(1, Ordering::Relaxed)));
            assert_eq!(run(), [0; 20]);
            assert_eq!(threads.within(|| both(&threads, run, || 5)), (vec![1; 20], 5));
        }
    }
}
