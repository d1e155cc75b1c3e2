//! The schedule of an open arrival: the time at which each instance is due.

use std::num::NonZeroU64;
use std::sync::{Barrier, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use dicomperf_model::request::Arrival;

use super::transport::WallTime;
use crate::interrupt;

/// The longest sleep without a look for an interruption.
const INTERRUPT_INTERVAL: Duration = Duration::from_millis(200);

/// The times at which the instances of every lane are due.
pub(super) struct Schedule {
    /// Instances per second; `None` with closed arrival.
    rate: Option<f64>,
    /// For each lane, the positions of its instances in the order over all lanes.
    places: Vec<Vec<u64>>,
    /// The barrier at which the lanes wait for each other.
    barrier: Barrier,
    /// The time at which the first instance is due, by both clocks.
    start: OnceLock<(Instant, WallTime)>,
}

impl Schedule {
    /// The schedule for lanes with these numbers of instances.
    pub(super) fn new(arrival: Arrival, lanes: &[usize]) -> Self {
        let rate = match arrival {
            Arrival::Closed => None,
            Arrival::Open(rate) => Some(rate),
        };
        Self { rate, places: places(lanes), barrier: Barrier::new(lanes.len()), start: OnceLock::new() }
    }

    /// Starts the schedule. Each lane calls it once, when it is ready to send. With open arrival it waits for the other
    /// lanes, so that the time to open their associations does not count as lateness of their instances.
    pub(super) fn begin(&self) {
        if self.rate.is_none() {
            return;
        }
        // To save power, the kernel may run a timer late, by default up to 50 us. A failure here is harmless.
        let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
        self.barrier.wait();
        self.start.get_or_init(|| (Instant::now(), WallTime::now()));
    }

    /// Waits until an instance is due, and returns that time; `None` with closed arrival, where an instance is always
    /// due. An interruption ends the wait.
    pub(super) fn wait(&self, lane: usize, index: usize) -> Option<WallTime> {
        let (rate, (monotonic, wall)) = (self.rate?, self.start.get()?);
        #[expect(clippy::cast_precision_loss, reason = "no dataset has 2^52 instances")]
        let after = Duration::try_from_secs_f64(self.places[lane][index] as f64 / rate).unwrap_or(Duration::MAX);
        let due = monotonic.checked_add(after)?;
        while !interrupt::is_requested() {
            let left = due.saturating_duration_since(Instant::now());
            thread::sleep(left.min(INTERRUPT_INTERVAL));
            if left <= INTERRUPT_INTERVAL {
                break;
            }
        }
        Some(wall.after(after))
    }
}

/// The positions in the order over all lanes: the first instance of each, then the second of each, and so on.
fn places(lanes: &[usize]) -> Vec<Vec<u64>> {
    let mut places = vec![Vec::new(); lanes.len()];
    let mut next = 0;
    for index in 0..lanes.iter().copied().max().unwrap_or_default() {
        for (lane, places) in places.iter_mut().enumerate() {
            if index < lanes[lane] {
                places.push(next);
                next += 1;
            }
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_take_turns_until_they_are_empty() {
        assert_eq!(places(&[3, 1, 2]), [vec![0, 3, 5], vec![1], vec![2, 4]]);
    }
}
