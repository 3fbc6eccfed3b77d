//! SIGINT, SIGTERM and SIGHUP as one flag, so that a call ends by itself: with its summary, its logs written and the
//! terminal as it was.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// A flag that says the call shall end. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// A flag that only [`Stop::set`] raises.
    pub fn new() -> Self {
        Self::default()
    }

    /// A flag that SIGINT, SIGTERM or SIGHUP raises, too. A second SIGINT or SIGTERM ends the process at once with
    /// status 128 + signal, so that a call that hangs while it stops can still be ended from the keyboard.
    pub fn on_signals() -> io::Result<Self> {
        let stop = Self::new();
        for signal in [SIGINT, SIGTERM] {
            // Registered before the flag's own handler, so that the first signal finds the flag still down.
            signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&stop.0))?;
        }
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::flag::register(signal, Arc::clone(&stop.0))?;
        }
        Ok(stop)
    }

    /// Raises the flag, as q does.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the call shall end.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_raises_the_flag_and_the_process_goes_on() {
        let stop = Stop::on_signals().unwrap();
        assert!(!stop.is_set());
        signal_hook::low_level::raise(SIGHUP).unwrap();
        assert!(stop.is_set());
    }

    #[test]
    fn clones_share_the_flag() {
        let stop = Stop::new();
        let other = stop.clone();
        other.set();
        assert!(stop.is_set());
    }
}
