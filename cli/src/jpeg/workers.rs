//! Threads for the work on pieces of one file, or on many files.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Mutex, PoisonError};

use anyhow::Result;
use oyster_lepton::{Executor, InTurn, Task};

/// What a thread does before its first task.
pub(crate) type Enter = fn() -> Result<()>;

/// Threads that work on tasks; the caller's thread reads and writes meanwhile.
#[derive(Debug)]
pub(crate) struct Workers {
    pub(crate) threads: usize,
    pub(crate) enter: Option<Enter>,
}

impl Executor for Workers {
    fn in_order(
        &self,
        tasks: &mut (dyn Iterator<Item = io::Result<Task>> + Send),
        work: &(dyn Fn(Task) -> Task + Sync),
        take: &mut dyn FnMut(Task) -> io::Result<()>,
    ) -> io::Result<()> {
        if self.threads == 1 && self.enter.is_none() {
            return InTurn.in_order(tasks, work, take);
        }
        let (to_work, queue) = mpsc::channel::<Task>();
        let queue = Mutex::new(queue);
        let (done, results) = mpsc::channel();
        std::thread::scope(|scope| {
            for _ in 0..self.threads {
                let (queue, done) = (&queue, done.clone());
                scope.spawn(move || {
                    if let Some(Err(error)) = self.enter.map(|enter| enter()) {
                        let _ = done.send(Err(io::Error::other(error)));
                        return;
                    }
                    // The lock is held for the wait alone. That nobody takes results any more ends the work.
                    while let Ok(task) = { queue.lock().unwrap_or_else(PoisonError::into_inner).recv() } {
                        if done.send(Ok(work(task))).is_err() {
                            break;
                        }
                    }
                });
            }
            drop(done);
            let outcome = exchange(tasks, self.threads + 1, &to_work, &results, take);
            drop(to_work);
            drop(results);
            outcome
        })
    }
}

/// Hands out tasks, `most` of them at a time, and takes results in their order.
fn exchange(
    tasks: &mut dyn Iterator<Item = io::Result<Task>>,
    most: usize,
    to_work: &mpsc::Sender<Task>,
    results: &mpsc::Receiver<io::Result<Task>>,
    take: &mut dyn FnMut(Task) -> io::Result<()>,
) -> io::Result<()> {
    let gone = || io::Error::other("the threads that work are gone");
    let mut early = BTreeMap::new();
    let (mut given, mut taken) = (0, 0);
    let mut is_last = false;
    loop {
        while !is_last && given - taken < most {
            match tasks.next() {
                Some(task) => to_work.send(Task { number: given, ..task? }).map_err(|_| gone())?,
                None => {
                    is_last = true;
                    break;
                }
            }
            given += 1;
        }
        if taken == given {
            return Ok(());
        }
        let result = results.recv().map_err(|_| gone())??;
        early.insert(result.number, result);
        while let Some(result) = early.remove(&taken) {
            taken += 1;
            take(result)?;
        }
    }
}

/// Works on every item on so many threads; `tell` is told of each as it is done, in whatever order.
pub(crate) fn on_each<T: Sync, U: Send>(
    items: &[T],
    threads: usize,
    work: &(dyn Fn(&T) -> U + Sync),
    tell: &mut dyn FnMut(usize),
) -> Vec<U> {
    let next = AtomicUsize::new(0);
    let (done, results) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..threads.min(items.len()) {
            let (next, done) = (&next, done.clone());
            scope.spawn(move || {
                while let number = next.fetch_add(1, Ordering::Relaxed)
                    && let Some(item) = items.get(number)
                    && done.send((number, work(item))).is_ok()
                {}
            });
        }
        drop(done);
        let mut outcomes: Vec<Option<U>> = items.iter().map(|_| None).collect();
        for (count, (number, outcome)) in (1..).zip(results) {
            outcomes[number] = Some(outcome);
            tell(count);
        }
        outcomes.into_iter().flatten().collect()
    })
}
