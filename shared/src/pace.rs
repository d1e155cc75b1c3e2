//! The times at which the state machine looks at a run's hosts and steps.
//!
//! A look is one invocation of a function. Near the end of a step it watches the step's report, so that the end is seen at
//! once. Otherwise it answers when to look again. A further look costs as much as 7 s of watching (docs/cost.md).

use crate::step::{Progress, STEP_SECONDS};

/// Looks at a step at most. The state machine counts them.
pub const MAX_STEP_LOOKS: u32 = 11;
/// Looks at the hosts at most until they are ready. The state machine counts them.
pub const MAX_LAUNCH_LOOKS: u32 = 30;
/// Further parts of a step at most. The state machine counts them. The longest run has room for eight.
pub const MAX_FURTHER_PARTS: u32 = 8;
/// The longest wait for a step's end: its own time, and some for its command to be delivered and its last upload.
pub const STEP_BUDGET_SECONDS: u64 = STEP_SECONDS + 300;
/// The longest that one look watches.
pub const MAX_WATCH_SECONDS: u64 = 50;
/// The pause between two looks at hosts that are not ready.
pub const LAUNCH_WAIT_SECONDS: u64 = 1;

/// An end that is so near is always watched for.
const NEAR_SECONDS: f64 = 15.0;
/// Fewer units say nothing: the first ones wait for packages, caches and connections.
const MIN_UNITS: u32 = 3;

/// How far a step was when it last reported.
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
    /// Returns what the agent reported after so many seconds.
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
    /// The report before it, of fewer units, if this look saw one.
    pub earlier: Option<Reported>,
}

impl RunningStep {
    /// Estimates the seconds that are left, if the units done so far allow it.
    ///
    /// Counts the quicker of all units and the latest ones: after an installation, units are quicker than the average.
    /// An end that is expected too early is watched for, one that is expected too late is missed.
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

    /// Returns true if the end may come within this look: it is near, or nothing is known of it.
    #[must_use]
    pub fn is_worth_watching(&self) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let (budget, longest) = (STEP_BUDGET_SECONDS as f64, MAX_WATCH_SECONDS as f64);
        // An estimate is good to an eighth.
        let near = (self.elapsed_seconds / 8.0).clamp(NEAR_SECONDS, longest);
        self.elapsed_seconds < budget
            && self.watched_seconds < longest
            && self.remaining_seconds().is_none_or(|remaining| remaining <= near)
    }

    /// Returns the seconds until the next look, so that the last of [`MAX_STEP_LOOKS`] looks comes when the step's time is up.
    ///
    /// Looks again shortly before the expected end. The waits grow with the time that has passed, for progress may err:
    /// three seconds of installation and one instance of two hundred do not mean ten minutes.
    #[must_use]
    pub fn wait_seconds(&self, looks_made: u32) -> u64 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time since a command was sent")]
        let elapsed = self.elapsed_seconds.max(0.0) as u64;
        let budget_left = STEP_BUDGET_SECONDS.saturating_sub(elapsed).max(1);
        if looks_made + 1 >= MAX_STEP_LOOKS {
            return budget_left;
        }
        // An estimate is wrong if this look watched for the end in vain.
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let remaining = self.remaining_seconds().filter(|_| self.watched_seconds < MAX_WATCH_SECONDS as f64);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative")]
        let wait = match remaining {
            Some(remaining) => (remaining * 7.0 / 8.0) as u64,
            None => elapsed / 4,
        };
        // At least an eighth: a step that is always about to end must not use up its looks.
        wait.clamp((elapsed / 8).min(MAX_WATCH_SECONDS), elapsed * 2).clamp(1, budget_left)
    }
}

#[cfg(test)]
mod tests;
