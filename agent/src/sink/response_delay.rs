//! The time that a C-STORE waits for its response.

use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::document::SinkDocument;

/// The times at which C-STOREs are answered.
#[derive(Debug)]
pub(super) struct ResponseDelay {
    delay: Duration,
    /// By how much the delay grows with each instance that is held.
    growth: Duration,
    /// When the latest C-STORE is answered, where they wait for each other.
    last: Option<Mutex<Instant>>,
}

impl ResponseDelay {
    pub fn new(document: &SinkDocument) -> Self {
        let last = document.one_at_a_time.then(|| Mutex::new(Instant::now()));
        let [delay, growth] = [document.delay_us, document.delay_growth_us].map(Duration::from_micros);
        Self { delay, growth, last }
    }

    /// Waits until it is time to answer, with a number of instances held. All times are set beforehand, so that one thread's
    /// long sleep does not delay the others.
    pub fn wait(&self, held: u64) {
        let delay = self.delay + self.growth * u32::try_from(held).unwrap_or(u32::MAX);
        if delay.is_zero() {
            return;
        }
        let now = Instant::now();
        let due = match &self.last {
            None => now + delay,
            Some(last) => {
                let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
                *last = now.max(*last) + delay;
                *last
            }
        };
        thread::sleep(due - now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The time of 12 C-STOREs that come in at once on 4 associations.
    fn duration(one_at_a_time: bool) -> Duration {
        let last = one_at_a_time.then(|| Mutex::new(Instant::now()));
        let delay = ResponseDelay { delay: Duration::from_millis(10), growth: Duration::ZERO, last };
        let started = Instant::now();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..3).for_each(|_| delay.wait(0)));
            }
        });
        started.elapsed()
    }

    #[test]
    fn c_stores_that_wait_for_each_other_are_answered_once_every_delay() {
        // A busy machine makes sleeps longer, never shorter: there is no upper bound.
        assert!(duration(true) >= Duration::from_millis(120));
        assert!(duration(false) >= Duration::from_millis(30));
    }
}
