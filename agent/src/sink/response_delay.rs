//! The delay of a C-STORE's response.

use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::document::SinkDocument;

/// The schedule of the responses to C-STOREs.
#[derive(Debug)]
pub(super) struct ResponseDelay {
    delay: Duration,
    /// The growth of the delay with each received instance.
    growth: Duration,
    /// The time of the latest response; `None` if C-STOREs do not wait for each other.
    last: Option<Mutex<Instant>>,
}

impl ResponseDelay {
    pub fn new(document: &SinkDocument) -> Self {
        let last = document.one_at_a_time.then(|| Mutex::new(Instant::now()));
        let [delay, growth] = [document.delay_us, document.delay_growth_us].map(Duration::from_micros);
        Self { delay, growth, last }
    }

    /// Waits until it is time to answer, when `held` instances were received before. Each response has a scheduled
    /// time, so that one thread's long sleep does not delay the others.
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

    /// The time that 12 C-STOREs take which arrive at once on 4 associations.
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
        // A busy machine makes sleeps longer, never shorter, so there is no upper bound.
        assert!(duration(true) >= Duration::from_millis(120));
        assert!(duration(false) >= Duration::from_millis(30));
    }
}
