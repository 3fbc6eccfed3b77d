//! The rows of a frame side by side, each a little behind the one above it: a macroblock sees its neighbours above, and the one
//! above and to the right. Rows are begun from the top, so one that waits waits for one that somebody is working on.

use std::hint::spin_loop;
use std::iter::Enumerate;
use std::ops::Range;
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::predict::intra::LowestSamples;

/// Columns that a row tells the one below of at once. What is dear to encode often lies in few columns, and where these are one
/// span all rows wait for each other there; telling of single columns takes time.
pub(super) const SPAN: usize = LowestSamples::COUNT;

/// How often one looks whether the row above has come further before one goes to sleep: some ten microseconds in all, which is what
/// a span of macroblocks takes, and less than waking up does.
const LOOKS: usize = 300;

/// The rows of one frame: those not begun yet, and what each tells the one below it, a `P` for each [`SPAN`] of columns.
pub(super) struct Wavefront<I, P> {
    waiting: Mutex<Enumerate<I>>,
    seams: Vec<Seam<P>>,
    columns: usize,
}

/// What one row tells, left to right; `None` where it was given up in a panic.
type Seam<P> = Vec<OnceLock<Option<P>>>;

/// A row that somebody is working on.
pub(super) struct Row<'a, R, P> {
    pub(super) number: usize,
    /// What the row's work is done with, or where its result goes.
    pub(super) own: R,
    pub(super) above: Above<'a, P>,
    pub(super) below: Below<'a, P>,
}

impl<I: ExactSizeIterator, P> Wavefront<I, P> {
    /// As many rows of `columns` as `own` has items.
    pub(super) fn new(own: impl IntoIterator<IntoIter = I>, columns: usize) -> Self {
        let own = own.into_iter();
        let seam = || (0..columns.div_ceil(SPAN)).map(|_| OnceLock::new()).collect();
        let seams = (1..own.len()).map(|_| seam()).collect();
        Self { waiting: Mutex::new(own.enumerate()), seams, columns }
    }

    /// The topmost row that nobody has begun.
    pub(super) fn begin(&self) -> Option<Row<'_, I::Item, P>> {
        let (number, own) = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).next()?;
        let above = number.checked_sub(1).map_or(&[][..], |above| &self.seams[above]);
        let below = self.seams.get(number).map_or(&[][..], |below| below);
        Some(Row { number, own, above: Above { seam: above, taken: 0 }, below: Below { seam: below, told: 0 } })
    }

    /// The spans of a row.
    pub(super) fn spans(&self) -> impl Iterator<Item = Range<usize>> + use<I, P> {
        let columns = self.columns;
        (0..columns).step_by(SPAN).map(move |first| first..(first + SPAN).min(columns))
    }
}

/// What the row above tells.
pub(super) struct Above<'a, P> {
    seam: &'a [OnceLock<Option<P>>],
    taken: usize,
}

impl<P> Above<'_, P> {
    /// Waits until the row above has told of `column`, or all it has to tell where that lies beyond the last one; hands `take` what
    /// is new, and of which columns that tells from which on.
    #[inline]
    pub(super) fn reach(&mut self, column: usize, mut take: impl FnMut(usize, &P)) {
        while self.taken * SPAN <= column && self.taken < self.seam.len() {
            take(self.taken * SPAN, wait(&self.seam[self.taken]));
            self.taken += 1;
        }
    }
}

fn wait<P>(told: &OnceLock<Option<P>>) -> &P {
    for _ in 0..LOOKS {
        if told.get().is_some() {
            break;
        }
        spin_loop();
    }
    told.wait().as_ref().expect("the row above was not given up")
}

/// What a row tells the one below it.
pub(super) struct Below<'a, P> {
    seam: &'a [OnceLock<Option<P>>],
    told: usize,
}

impl<P> Below<'_, P> {
    /// Tells of the next span, if there is a row below.
    pub(super) fn tell(&mut self, of_span: impl FnOnce() -> P) {
        if let Some(next) = self.seam.get(self.told) {
            // Nobody else tells for this row.
            let _ = next.set(Some(of_span()));
            self.told += 1;
        }
    }
}

impl<P> Drop for Below<'_, P> {
    /// A row that panics would be waited for without end.
    fn drop(&mut self) {
        for untold in &self.seam[self.told..] {
            let _ = untold.set(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::tests::Threads;
    use crate::executor::{Executor, Serial, on_each_thread};

    /// Each cell is the sum of its upper neighbours (left, middle, right) and its place.
    fn sums(executor: &dyn Executor, rows: usize, columns: usize) -> Vec<Vec<u64>> {
        let mut sums = vec![vec![0; columns]; rows];
        let front: Wavefront<_, [u64; SPAN]> = Wavefront::new(sums.iter_mut(), columns);
        on_each_thread(executor, &|| {
            while let Some(Row { number, own, mut above, mut below }) = front.begin() {
                let mut seen = vec![0u64; columns];
                for span in front.spans() {
                    for column in span.clone() {
                        above.reach(column + 1, |first, told| {
                            let count = SPAN.min(columns - first);
                            seen[first..first + count].copy_from_slice(&told[..count]);
                        });
                        let neighbours = &seen[column.saturating_sub(1)..(column + 2).min(columns)];
                        own[column] = neighbours.iter().fold((number + column) as u64, |sum, n| sum.wrapping_add(*n));
                    }
                    below.tell(|| std::array::from_fn(|i| own.get(span.start + i).copied().unwrap_or(0)));
                }
            }
        });
        sums
    }

    #[test]
    fn rows_see_what_is_above_them_however_many_are_under_way() {
        for (rows, columns) in [(1, 1), (1, 20), (20, 1), (9, 8), (13, 17), (40, 41)] {
            let alone = sums(&Serial, rows, columns);
            for threads in 1..5 {
                assert_eq!(sums(&Threads(threads), rows, columns), alone, "{rows}x{columns} on {threads} threads");
            }
        }
    }

    #[test]
    fn a_row_that_panics_is_not_waited_for() {
        let outcome = std::panic::catch_unwind(|| {
            let front: Wavefront<_, ()> = Wavefront::new([(); 9], 9);
            on_each_thread(&Threads(2), &|| {
                while let Some(Row { number, mut above, mut below, .. }) = front.begin() {
                    for column in 0..9 {
                        above.reach(column + 1, |_, ()| ());
                        assert!(number < 4, "on purpose, in a test");
                    }
                    front.spans().for_each(|_| below.tell(|| ()));
                }
            });
        });
        assert!(outcome.is_err());
    }
}
