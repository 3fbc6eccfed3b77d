//! Threads for pure jobs: an encode or a decode is a value, a [`Worker`] runs it, the result comes to an [`Inbox`].
//! One thread a worker; several workers may share one inbox, so that a loop waits in one place. Nothing is unbounded:
//! a worker that is behind says so instead of queueing, or drops what newer work has made pointless.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;
use std::{fmt, io};

/// Where the results of one or more workers arrive, in the order in which they were finished.
#[derive(Debug)]
pub struct Inbox<T> {
    sender: Sender<Finished<T>>,
    receiver: Receiver<Finished<T>>,
}

impl<T> Inbox<T> {
    /// An empty inbox.
    pub fn new() -> Self {
        let (sender, receiver) = channel();
        Self { sender, receiver }
    }

    /// A way to put values here from threads that run no jobs, at most `limit` that are not yet taken.
    pub fn post(&self, limit: usize) -> Post<T> {
        Post { results: self.sender.clone(), open: Arc::default(), limit }
    }

    /// The next result, if there is one.
    pub fn poll(&self) -> Option<T> {
        self.receiver.try_recv().ok().map(Finished::take)
    }

    /// The next result, waiting up to `timeout` for it.
    pub fn wait(&self, timeout: Duration) -> Option<T> {
        self.receiver.recv_timeout(timeout).ok().map(Finished::take)
    }
}

impl<T> Default for Inbox<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// Puts values into an inbox. Copies share their limit.
#[derive(Debug)]
pub struct Post<T> {
    results: Sender<Finished<T>>,
    open: Arc<AtomicUsize>,
    limit: usize,
}

impl<T> Post<T> {
    /// Puts a value behind those that are there; false if there are too many, or nobody takes them any more.
    pub fn put(&self, value: T) -> bool {
        if self.open.fetch_add(1, Ordering::Relaxed) >= self.limit {
            self.open.fetch_sub(1, Ordering::Relaxed);
            return false;
        }
        self.results.send(Finished { value, open: Arc::clone(&self.open) }).is_ok()
    }
}

impl<T> Clone for Post<T> {
    fn clone(&self) -> Self {
        Self { results: self.results.clone(), open: Arc::clone(&self.open), limit: self.limit }
    }
}

/// A thread that runs jobs one after another. Dropped, it forgets the jobs not begun and waits for the one that runs.
#[derive(Debug)]
pub struct Worker<T> {
    lane: Arc<Lane<T>>,
    thread: Option<JoinHandle<()>>,
}

/// Why a worker did not take a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubmitError {
    /// [`Worker::OPEN_LIMIT`] jobs are waiting, running, or finished and not yet taken from the inbox.
    Busy,
    /// An earlier job panicked and took the thread with it.
    Dead,
}

impl fmt::Display for SubmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => write!(f, "the worker has {OPEN_LIMIT} jobs open and takes no more"),
            Self::Dead => write!(f, "the worker's thread ended in a panic"),
        }
    }
}

impl std::error::Error for SubmitError {}

impl<T: Send + 'static> Worker<T> {
    /// Jobs of one worker that may be open at once: submitted, and their result not yet taken from the inbox.
    pub const OPEN_LIMIT: usize = OPEN_LIMIT;

    /// Starts a thread called `name` whose results go to `inbox`.
    pub fn spawn(name: &str, inbox: &Inbox<T>) -> io::Result<Self> {
        let lane = Arc::new(Lane::default());
        let results = inbox.sender.clone();
        let thread = Builder::new().name(name.to_owned()).spawn({
            let lane = Arc::clone(&lane);
            move || lane.run(&results)
        })?;
        Ok(Self { lane, thread: Some(thread) })
    }

    /// Queues a job behind those that wait. Never blocks.
    pub fn submit(&self, job: impl FnOnce() -> T + Send + 'static) -> Result<(), SubmitError> {
        self.lane.push(&mut self.lane.queue(), Box::new(job))
    }

    /// Queues a job in place of those that wait (the one that runs is not disturbed) and says how many it replaced:
    /// for work where only the latest is worth doing. Never blocks.
    pub fn submit_latest(&self, job: impl FnOnce() -> T + Send + 'static) -> Result<usize, SubmitError> {
        let mut queue = self.lane.queue();
        let replaced = queue.waiting.len();
        queue.waiting.clear();
        self.lane.open.fetch_sub(replaced, Ordering::Relaxed);
        self.lane.push(&mut queue, Box::new(job))?;
        Ok(replaced)
    }

    /// Whether no job waits or runs.
    pub fn is_idle(&self) -> bool {
        let queue = self.lane.queue();
        queue.waiting.is_empty() && !queue.running
    }
}

impl<T> Drop for Worker<T> {
    fn drop(&mut self) {
        self.lane.queue().closed = true;
        self.lane.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so on standard error; there is nothing left to do about it here.
            let _ = thread.join();
        }
    }
}

type Job<T> = Box<dyn FnOnce() -> T + Send>;

/// What a worker and its thread share.
struct Lane<T> {
    queue: Mutex<Queue<T>>,
    wake: Condvar,
    open: Arc<AtomicUsize>,
}

struct Queue<T> {
    waiting: VecDeque<Job<T>>,
    running: bool,
    closed: bool,
    dead: bool,
}

impl<T> Lane<T> {
    fn queue(&self) -> MutexGuard<'_, Queue<T>> {
        // Jobs run outside the lock, so a poisoned queue is still whole.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, queue: &mut Queue<T>, job: Job<T>) -> Result<(), SubmitError> {
        if queue.dead {
            return Err(SubmitError::Dead);
        }
        if self.open.load(Ordering::Relaxed) >= OPEN_LIMIT {
            return Err(SubmitError::Busy);
        }
        self.open.fetch_add(1, Ordering::Relaxed);
        queue.waiting.push_back(job);
        self.wake.notify_one();
        Ok(())
    }

    /// The thread's life.
    fn run(&self, results: &Sender<Finished<T>>) {
        let obituary = Obituary(self);
        while let Some(job) = self.next_job() {
            let value = job();
            self.queue().running = false;
            // Without an inbox nobody wants results any more.
            if results.send(Finished { value, open: Arc::clone(&self.open) }).is_err() {
                break;
            }
        }
        drop(obituary);
    }

    /// The next job, once there is one; `None` when the worker was dropped.
    fn next_job(&self) -> Option<Job<T>> {
        let mut queue = self.queue();
        loop {
            if queue.closed {
                return None;
            }
            if let Some(job) = queue.waiting.pop_front() {
                queue.running = true;
                return Some(job);
            }
            queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl<T> Default for Lane<T> {
    fn default() -> Self {
        let queue = Queue { waiting: VecDeque::new(), running: false, closed: false, dead: false };
        Self { queue: Mutex::new(queue), wake: Condvar::new(), open: Arc::default() }
    }
}

impl<T> fmt::Debug for Lane<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lane({} open)", self.open.load(Ordering::Relaxed))
    }
}

/// Marks the lane dead when its thread ends, be it by a panic.
struct Obituary<'a, T>(&'a Lane<T>);

impl<T> Drop for Obituary<'_, T> {
    fn drop(&mut self) {
        let mut queue = self.0.queue();
        queue.dead = true;
        queue.running = false;
        queue.waiting.clear();
    }
}

/// A result that has not been taken: until then it counts as open.
#[derive(Debug)]
struct Finished<T> {
    value: T,
    open: Arc<AtomicUsize>,
}

impl<T> Finished<T> {
    fn take(self) -> T {
        self.open.fetch_sub(1, Ordering::Relaxed);
        self.value
    }
}

/// A few frames: at 30 frames a second, eight open jobs are a quarter of a second, and nobody wants results that old.
const OPEN_LIMIT: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    /// A worker held inside a job until the returned sender speaks.
    fn occupied() -> (Inbox<u32>, Worker<u32>, Sender<()>) {
        let inbox = Inbox::new();
        let worker = Worker::spawn("occupied", &inbox).unwrap();
        let (started, has_started) = channel();
        let (release, released) = channel::<()>();
        worker
            .submit(move || {
                started.send(()).unwrap();
                let _ = released.recv();
                0
            })
            .unwrap();
        has_started.recv_timeout(PATIENCE).unwrap();
        (inbox, worker, release)
    }

    #[test]
    fn results_come_in_the_order_of_submission() {
        let (inbox, worker, release) = occupied();
        for number in 1..4 {
            worker.submit(move || number).unwrap();
        }
        release.send(()).unwrap();
        let results: Vec<_> = (0..4).map(|_| inbox.wait(PATIENCE).unwrap()).collect();
        assert_eq!(results, [0, 1, 2, 3]);
    }

    #[test]
    fn the_latest_job_replaces_those_that_wait_but_not_the_one_that_runs() {
        let (inbox, worker, release) = occupied();
        worker.submit(|| 1).unwrap();
        worker.submit(|| 2).unwrap();
        assert_eq!(worker.submit_latest(|| 3), Ok(2));
        release.send(()).unwrap();
        assert_eq!((inbox.wait(PATIENCE), inbox.wait(PATIENCE)), (Some(0), Some(3)));
        assert_eq!(inbox.poll(), None);
    }

    #[test]
    fn a_worker_at_its_limit_says_busy_until_a_result_is_taken() {
        let (inbox, worker, release) = occupied();
        for _ in 1..Worker::<u32>::OPEN_LIMIT {
            worker.submit(|| 1).unwrap();
        }
        assert_eq!(worker.submit(|| 2), Err(SubmitError::Busy));
        release.send(()).unwrap();
        assert_eq!(inbox.wait(PATIENCE), Some(0));
        assert_eq!(worker.submit(|| 2), Ok(()));
    }

    #[test]
    fn untaken_results_count_against_the_limit() {
        let inbox = Inbox::new();
        let worker = Worker::spawn("unread", &inbox).unwrap();
        for _ in 0..Worker::<u32>::OPEN_LIMIT {
            worker.submit(|| 1).unwrap();
        }
        while !worker.is_idle() {
            std::thread::yield_now();
        }
        assert_eq!(worker.submit_latest(|| 2), Err(SubmitError::Busy));
        assert_eq!(inbox.wait(PATIENCE), Some(1));
        assert_eq!(worker.submit_latest(|| 2), Ok(0));
    }

    #[test]
    fn a_job_that_panics_leaves_a_worker_that_says_so() {
        let inbox = Inbox::<u32>::new();
        let worker = Worker::spawn("doomed", &inbox).unwrap();
        worker.submit(|| panic!("on purpose, in a test")).unwrap();
        while !worker.lane.queue().dead {
            std::thread::yield_now();
        }
        assert_eq!(worker.submit(|| 1), Err(SubmitError::Dead));
    }

    #[test]
    fn a_dropped_worker_finishes_the_job_that_runs_and_forgets_the_rest() {
        let (inbox, worker, release) = occupied();
        worker.submit(|| 1).unwrap();
        worker.lane.queue().closed = true;
        release.send(()).unwrap();
        drop(worker);
        assert_eq!((inbox.poll(), inbox.poll()), (Some(0), None));
    }

    #[test]
    fn a_post_refuses_what_nobody_takes() {
        let inbox = Inbox::new();
        let post = inbox.post(2);
        assert_eq!([1, 2, 3].map(|value| post.clone().put(value)), [true, true, false]);
        assert_eq!(inbox.poll(), Some(1));
        assert!(post.put(4));
        drop(inbox);
        assert!(!post.put(5));
    }

    #[test]
    fn workers_that_share_an_inbox_run_side_by_side() {
        let inbox = Inbox::new();
        let (left, right) = (Worker::spawn("left", &inbox).unwrap(), Worker::spawn("right", &inbox).unwrap());
        let (give, take) = channel();
        left.submit(move || take.recv().unwrap()).unwrap();
        right.submit(move || give.send(7).map_or(0, |()| 8)).unwrap();
        let mut results = [inbox.wait(PATIENCE).unwrap(), inbox.wait(PATIENCE).unwrap()];
        results.sort_unstable();
        assert_eq!(results, [7, 8]);
    }
}
