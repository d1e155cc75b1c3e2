//! The two clocks: durations come from the monotonic clock, and the senders' logs have wall-clock times.

use std::time::{Duration, Instant, SystemTime};

use dicomperf_model::measurement::Clock;
use rustix::time::{ClockId, clock_getres};

/// Both clocks, read one right after the other.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// `CLOCK_MONOTONIC`, which Rust's `Instant` uses on Linux.
    pub monotonic: Instant,
    /// `CLOCK_REALTIME`
    pub wall: SystemTime,
}

/// The largest difference that is not a step of the clock. Reading two clocks in turn and a slew of 500 ppm explain it.
const STEP_TOLERANCE: Duration = Duration::from_millis(5);

impl Moment {
    /// Reads both clocks.
    #[must_use]
    pub fn now() -> Self {
        Self { monotonic: Instant::now(), wall: SystemTime::now() }
    }

    /// The wall clock in ms since 1970-01-01 UTC.
    #[must_use]
    pub fn wall_ms(&self) -> u64 {
        let since = self.wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    /// The wall clock in us since 1970-01-01 UTC.
    #[must_use]
    pub fn wall_us(&self) -> u64 {
        let since = self.wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    }

    /// The wall clock's time at a later moment, in us since 1970-01-01 UTC.
    #[must_use]
    pub fn wall_us_at(&self, later: Instant) -> u64 {
        let since = later.saturating_duration_since(self.monotonic);
        self.wall_us() + u64::try_from(since.as_micros()).unwrap_or_default()
    }

    /// The ms by which the wall clock was set between this moment and a later one; `None` if nobody set it.
    #[must_use]
    pub fn wall_clock_step_ms(&self, later: &Self) -> Option<f64> {
        let monotonic = later.monotonic.duration_since(self.monotonic);
        let wall = match later.wall.duration_since(self.wall) {
            Ok(wall) => wall.as_secs_f64(),
            Err(backwards) => -backwards.duration().as_secs_f64(),
        };
        let step = wall - monotonic.as_secs_f64();
        let allowed = STEP_TOLERANCE + monotonic / 1000;
        (step.abs() > allowed.as_secs_f64()).then_some(step * 1e3)
    }
}

/// The duration in ms.
#[must_use]
pub fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Describes the clocks of a measurement with these senders.
#[must_use]
pub fn description(native: bool, dcmtk: bool) -> Clock {
    let resolution = clock_getres(ClockId::Monotonic);
    let nanoseconds = resolution.tv_sec * 1_000_000_000 + resolution.tv_nsec;
    let mut latency = Vec::new();
    if dcmtk {
        latency.push("CLOCK_REALTIME, as DCMTK's log has it, in steps of 1 us");
    }
    if native {
        latency.push("CLOCK_REALTIME, of native: its own and the kernel's stamp of the response, in steps of 1 us");
    }
    Clock {
        duration: "CLOCK_MONOTONIC".to_owned(),
        resolution_ns: u64::try_from(nanoseconds).unwrap_or_default(),
        latency: latency.join("; "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wall_clock_that_is_set_is_noticed_and_one_that_runs_is_not() {
        let start = Moment::now();
        let after = |monotonic_ms: u64, wall_ms: i64| {
            let wall = Duration::from_millis(wall_ms.unsigned_abs());
            Moment {
                monotonic: start.monotonic + Duration::from_millis(monotonic_ms),
                wall: if wall_ms < 0 { start.wall - wall } else { start.wall + wall },
            }
        };
        assert_eq!(start.wall_clock_step_ms(&after(10_000, 10_000)), None);
        assert_eq!(start.wall_clock_step_ms(&after(10_000, 10_014)), None);
        for wall_ms in [10_020, 9_980, -5] {
            let step = start.wall_clock_step_ms(&after(10_000, wall_ms)).expect("a step");
            #[expect(clippy::cast_precision_loss, reason = "small")]
            let expected = (wall_ms - 10_000) as f64;
            assert!((step - expected).abs() < 0.01, "{step} {expected}");
        }
    }
}
