//! The place for one picture between a camera's thread and the call's loop.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use oyster_codec::Image;

use super::{Capture, Event};
use crate::Clock;

/// What both threads share: the newest picture, what there is to tell, whether the camera is still wanted.
pub(super) struct Outlet {
    clock: Clock,
    state: Mutex<State>,
    closed: Condvar,
    wake: Box<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct State {
    newest: Option<Capture>,
    captured: u64,
    events: VecDeque<Event>,
    is_closed: bool,
}

/// Makes pictures when asked.
pub(super) trait Pictures {
    /// The next picture, or what became of the camera. Called once a picture, in time before it is due.
    fn next(&mut self) -> Result<Arc<Image>, Event>;
}

impl Outlet {
    pub(super) fn new(clock: Clock, wake: Box<dyn Fn() + Send + Sync>) -> Self {
        Self { clock, state: Mutex::default(), closed: Condvar::new(), wake }
    }

    pub(super) fn take(&self) -> Option<Capture> {
        self.state().newest.take()
    }

    pub(super) fn poll_event(&self) -> Option<Event> {
        self.state().events.pop_front()
    }

    /// The camera is not wanted any more.
    pub(super) fn close(&self) {
        self.state().is_closed = true;
        self.closed.notify_all();
    }

    /// Now, by the call's clock.
    pub(super) fn now(&self) -> Duration {
        self.clock.now()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state().is_closed
    }

    /// Puts a picture in place of the last.
    pub(super) fn put(&self, image: Arc<Image>, captured_at: Duration) {
        let mut state = self.state();
        state.newest = Some(Capture { number: state.captured, captured_at, image });
        state.captured += 1;
        drop(state);
        (self.wake)();
    }

    /// Tells of the camera; if nobody listens, the oldest is forgotten.
    pub(super) fn tell(&self, event: Event) {
        let mut state = self.state();
        if state.events.len() == EVENT_LIMIT {
            state.events.pop_front();
        }
        state.events.push_back(event);
        drop(state);
        (self.wake)();
    }

    /// Waits for a while; at once back, with false, when the camera is not wanted any more.
    pub(super) fn rest(&self, pause: Duration) -> bool {
        let state = self.state();
        let waited = self.closed.wait_timeout_while(state, pause, |state| !state.is_closed);
        !waited.unwrap_or_else(PoisonError::into_inner).0.is_closed
    }

    /// Puts pictures at a steady rate until the camera is not wanted any more or they end.
    pub(super) fn play(&self, mut pictures: impl Pictures, frames_per_second: f64) {
        let interval = Duration::from_secs_f64(1.0 / frames_per_second);
        let mut due = self.now();
        loop {
            match pictures.next() {
                Ok(image) => {
                    // A machine that was away does not catch up in a burst.
                    due = due.max(self.now().saturating_sub(interval));
                    if !self.rest(due.saturating_sub(self.now())) {
                        return;
                    }
                    self.put(image, self.now());
                    due += interval;
                }
                Err(event) => {
                    self.tell(event);
                    if self.is_closed() {
                        return;
                    }
                }
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs under the lock, so a poisoned state is still whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Plugging in and out that nobody looks at.
const EVENT_LIMIT: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use oyster_codec::Size;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn outlet() -> (Arc<Outlet>, Arc<AtomicUsize>) {
        let woken = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&woken);
        let wake = Box::new(move || _ = count.fetch_add(1, Ordering::Relaxed));
        (Arc::new(Outlet::new(Clock::start(), wake)), woken)
    }

    fn black() -> Arc<Image> {
        Arc::new(Image::black(Size::new(2, 2).unwrap()))
    }

    #[test]
    fn only_the_newest_picture_waits_and_its_number_tells_of_the_others() {
        let (outlet, woken) = outlet();
        for ms in 0..5 {
            outlet.put(black(), Duration::from_millis(ms));
        }
        let capture = outlet.take().unwrap();
        assert_eq!((capture.number, capture.captured_at), (4, Duration::from_millis(4)));
        assert!(outlet.take().is_none());
        assert_eq!(woken.load(Ordering::Relaxed), 5);
    }

    #[test]
    fn a_thousand_events_unheard_take_no_room() {
        let (outlet, _) = outlet();
        (0..1000).for_each(|number| outlet.tell(Event::Lost(number.to_string())));
        let heard: Vec<_> = std::iter::from_fn(|| outlet.poll_event()).collect();
        assert_eq!((heard.len(), heard.last()), (EVENT_LIMIT, Some(&Event::Lost("999".to_owned()))));
    }

    #[test]
    fn a_camera_that_rests_wakes_when_it_is_closed() {
        let (outlet, _) = outlet();
        let sleeper = Arc::clone(&outlet);
        let thread = std::thread::Builder::new().spawn(move || sleeper.rest(Duration::from_secs(3600))).unwrap();
        outlet.close();
        assert!(!thread.join().unwrap());
    }

    /// Pictures without end that close their outlet after some.
    struct Closing(u64, Arc<Outlet>);

    impl Pictures for Closing {
        fn next(&mut self) -> Result<Arc<Image>, Event> {
            if self.0 == 0 {
                self.1.close();
            }
            self.0 = self.0.saturating_sub(1);
            Ok(black())
        }
    }

    #[test]
    fn pictures_come_no_faster_than_their_rate() {
        let (outlet, _) = outlet();
        outlet.play(Closing(5, Arc::clone(&outlet)), 200.0);
        let last = outlet.state().newest.take().unwrap();
        assert_eq!(last.number, 4);
        assert!(last.captured_at >= Duration::from_millis(20), "{:?}", last.captured_at);
    }
}
