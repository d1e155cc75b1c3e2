//! How long a C-STORE waits for its answer.

use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::SinkDocument;

/// When C-STOREs are answered.
#[derive(Debug)]
pub(super) struct Turns {
    delay: Duration,
    /// By how much the delay grows with each instance that is held.
    growth: Duration,
    /// When the one who came last is answered, where they wait for each other.
    last: Option<Mutex<Instant>>,
}

impl Turns {
    pub fn new(document: &SinkDocument) -> Self {
        let last = document.one_at_a_time.then(|| Mutex::new(Instant::now()));
        let [delay, growth] = [document.delay_us, document.delay_growth_us].map(Duration::from_micros);
        Self { delay, growth, last }
    }

    /// Waits until it is time to answer one more than are held. Whose sleep is long holds nobody up: all times are set
    /// beforehand.
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

    /// How long 12 C-STOREs take that come in at once on 4 associations.
    fn taken(one_at_a_time: bool) -> Duration {
        let last = one_at_a_time.then(|| Mutex::new(Instant::now()));
        let turns = Turns { delay: Duration::from_millis(10), growth: Duration::ZERO, last };
        let started = Instant::now();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..3).for_each(|_| turns.wait(0)));
            }
        });
        started.elapsed()
    }

    #[test]
    fn who_waits_for_the_others_is_answered_once_every_delay() {
        // No upper bound that a busy machine might miss by chance: sleeps are never shorter.
        assert!(taken(true) >= Duration::from_millis(120));
        assert!(taken(false) >= Duration::from_millis(30));
        assert!(taken(true) > taken(false));
    }
}
