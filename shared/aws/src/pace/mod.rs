//! The times at which the state machine looks at a run's hosts and steps.
//!
//! A look is one invocation of a function. Near the end of a step, the look watches the step's report and sees the end
//! at once. Otherwise it returns the time until the next look. A further look costs as much as 7 s of watching
//! (docs/cost.md).

use dicomperf_model::step::Progress;
use dicomperf_model::time_limits::{MAX_WAIT_SECONDS, STEP_BUDGET_SECONDS};

/// Maximum number of looks at a step. The state machine counts them.
pub const MAX_STEP_LOOKS: u32 = 40;
/// Maximum number of looks at the hosts until they are ready. The state machine counts them.
pub const MAX_LAUNCH_LOOKS: u32 = 30;
/// Maximum number of further parts of a step. The state machine counts them. The longest run has time for eight.
pub const MAX_FURTHER_PARTS: u32 = 8;
/// The longest time that one look watches.
pub const MAX_WATCH_SECONDS: u64 = 50;
/// The pause between two looks at hosts that are not ready.
pub const LAUNCH_WAIT_SECONDS: u64 = 1;

/// A look always watches for an end that is expected within this time.
const NEAR_SECONDS: f64 = 15.0;
/// Fewer units give no estimate, because the first ones wait for packages, caches and connections.
const MIN_UNITS: u32 = 3;

/// Progress of a step in one of its reports.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reported {
    /// Units done.
    pub done: u32,
    /// Units in all.
    pub total: u32,
    /// Seconds since the agent began the step.
    pub elapsed_seconds: f64,
}

impl Reported {
    /// Returns the agent's progress report, made this many seconds after the step began.
    #[must_use]
    pub const fn new(progress: &Progress, elapsed_seconds: f64) -> Self {
        Self { done: progress.done, total: progress.total, elapsed_seconds }
    }
}

/// A running step, as a look sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RunningStep {
    /// Seconds since its command was sent.
    pub elapsed_seconds: f64,
    /// Seconds since this look began.
    pub watched_seconds: f64,
    /// The latest report.
    pub latest: Option<Reported>,
    /// An earlier report with fewer units done, if this look saw one.
    pub earlier: Option<Reported>,
}

impl RunningStep {
    /// Estimates the remaining seconds, if enough units are done.
    ///
    /// Uses the faster of two rates: of all units, and of the latest ones. After an installation, units are faster than
    /// the average. If the estimate is too short, the look watches longer. If it is too long, the look misses the end.
    #[must_use]
    pub fn remaining_seconds(&self) -> Option<f64> {
        let latest = self.latest.filter(|latest| latest.done >= MIN_UNITS)?;
        let average = latest.elapsed_seconds / f64::from(latest.done);
        let recent = self
            .earlier
            .filter(|earlier| earlier.done < latest.done)
            .map(|earlier| (latest.elapsed_seconds - earlier.elapsed_seconds) / f64::from(latest.done - earlier.done));
        let unit_seconds = recent.map_or(average, |recent| recent.min(average));
        let age_seconds = (self.elapsed_seconds - latest.elapsed_seconds).max(0.0);
        Some((unit_seconds * f64::from(latest.total.saturating_sub(latest.done)) - age_seconds).max(0.0))
    }

    /// Returns true if the step may end within this look: its end is near, or there is no estimate.
    #[must_use]
    pub fn is_worth_watching(&self) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let (budget, longest) = (STEP_BUDGET_SECONDS as f64, MAX_WATCH_SECONDS as f64);
        // An estimate is accurate to an eighth.
        let near = (self.elapsed_seconds / 8.0).clamp(NEAR_SECONDS, longest);
        self.elapsed_seconds < budget
            && self.watched_seconds < longest
            && self.remaining_seconds().is_none_or(|remaining| remaining <= near)
    }

    /// Returns the seconds until the next look: at most [`MAX_WAIT_SECONDS`]. The last of [`MAX_STEP_LOOKS`] looks comes
    /// when the step's time is up.
    ///
    /// The next look comes shortly before the expected end. The elapsed time limits the wait, because progress may be
    /// misleading: three seconds of installation and one instance of two hundred do not mean ten minutes.
    #[must_use]
    pub fn wait_seconds(&self, looks_made: u32) -> u64 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds since a command was sent")]
        let elapsed = self.elapsed_seconds.max(0.0) as u64;
        let budget_left = STEP_BUDGET_SECONDS.saturating_sub(elapsed).max(1);
        // The looks after the next one can cover this much at most.
        let covered_later = u64::from(MAX_STEP_LOOKS.saturating_sub(looks_made + 2)) * MAX_WAIT_SECONDS;
        // The estimate was wrong if this look watched for its whole time without seeing the end.
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let remaining = self.remaining_seconds().filter(|_| self.watched_seconds < MAX_WATCH_SECONDS as f64);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative")]
        let wait = match remaining {
            Some(remaining) => (remaining * 7.0 / 8.0) as u64,
            None => elapsed / 4,
        };
        // At least an eighth: a step that always seems about to end must not use up its looks.
        let wait = wait.clamp((elapsed / 8).min(MAX_WATCH_SECONDS), elapsed * 2);
        wait.max(budget_left.saturating_sub(covered_later)).clamp(1, budget_left.min(MAX_WAIT_SECONDS))
    }
}

#[cfg(test)]
mod tests;
