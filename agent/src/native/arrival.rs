//! The schedule: the time at which each instance is due.

use std::num::NonZeroU64;
use std::sync::{Barrier, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use dicomperf::request::Arrival;

use super::transport::WallTime;

/// When the instances of every lane are due.
pub(super) struct Schedule {
    /// Instances per second, where the arrival is open.
    rate: Option<f64>,
    /// For each lane, the places of its instances in the order over all lanes.
    places: Vec<Vec<u64>>,
    /// The lanes wait for each other here.
    barrier: Barrier,
    /// When the first instance is due, by both clocks.
    start: OnceLock<(Instant, WallTime)>,
}

impl Schedule {
    /// For lanes of these lengths.
    pub(super) fn new(arrival: Arrival, lanes: &[usize]) -> Self {
        let rate = match arrival {
            Arrival::Closed => None,
            Arrival::Open(rate) => Some(rate),
        };
        Self { rate, places: places(lanes), barrier: Barrier::new(lanes.len()), start: OnceLock::new() }
    }

    /// Called once by each lane when it could begin. Where the arrival is open, it waits for the other lanes: what one of
    /// them needs to associate is not lateness of its instances.
    pub(super) fn begin(&self) {
        if self.rate.is_none() {
            return;
        }
        // What a timer may come late for the sake of saving power: 50 us unless told otherwise. It is fine without.
        let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
        self.barrier.wait();
        self.start.get_or_init(|| (Instant::now(), WallTime::now()));
    }

    /// Waits until an instance is due, and says when that was; `None` where it always is.
    pub(super) fn wait(&self, lane: usize, index: usize) -> Option<WallTime> {
        let (rate, (monotonic, wall)) = (self.rate?, self.start.get()?);
        #[expect(clippy::cast_precision_loss, reason = "no dataset has 2^52 instances")]
        let after = Duration::try_from_secs_f64(self.places[lane][index] as f64 / rate).unwrap_or(Duration::MAX);
        let due = monotonic.checked_add(after)?;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        Some(wall.after(after))
    }
}

/// The order over all lanes: the first instance of each, the second of each, and so on.
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
