//! The judgement of a level of load from its iterations: it meets the objective or fails it.

use crate::measurement::{Iteration, LatencyHistogram, SearchMeasurement};
use crate::request::{Objective, SearchAxis};
use crate::statistics::median;

/// Iterations of a level at most: of three, two agree.
pub(super) const MAX_ITERATIONS: usize = 3;
/// Share of the arrival rate from which a server keeps up: it handles the arrivals of 1 s in 1/0.97 s or less. These 3%
/// are two thirds of the 5% to which a rate is searched. The rest is for instances that wait by chance at the end of a
/// transfer, even if the server keeps up.
const MIN_SHARE_KEPT_UP: f64 = 0.97;
/// Share from which the server clearly keeps up.
const CLEAR_SHARE_KEPT_UP: f64 = 0.985;
/// A figure below this share of its limit clearly meets it: percentiles of the same load vary by less.
const CLEAR_SHARE_OF_LIMIT: f64 = 0.8;
/// Transfers shorter than this are never clear: a stall of 30 ms, which any host has now and then, is 3% of it.
const MIN_CLEAR_TRANSFER_MS: f64 = 1000.0;

/// A measured level.
pub struct Judged<'a> {
    /// The load: associations, or instances a second.
    pub level: f64,
    /// Its iterations.
    pub iterations: Vec<&'a Iteration>,
    /// Judgement from these iterations.
    pub judgement: Judgement,
}

/// The judgement of a level.
#[derive(Debug, Clone, PartialEq)]
pub enum Judgement {
    /// Not enough iterations: the level is measured again.
    Undecided,
    /// The level meets the objective.
    Keeps,
    /// The level fails the objective, for this reason.
    Breaks(String),
}

/// The judgement of one iteration.
enum Vote {
    /// The iteration meets the objective with a margin that chance cannot explain.
    ClearlyKeeps,
    Keeps,
    Breaks(String),
}

impl SearchMeasurement {
    /// Returns every measured level, in ascending order.
    pub fn judge_levels(&self) -> Vec<Judged<'_>> {
        let mut made: Vec<_> = self.iterations.iter().map(|one| (one.level, &one.iteration)).collect();
        // The sort is stable: the iterations of a level stay in their order.
        made.sort_by(|a, b| a.0.total_cmp(&b.0));
        made.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq())
            .map(|of_level| {
                let level = of_level[0].0;
                let iterations: Vec<_> = of_level.iter().map(|(_, iteration)| *iteration).collect();
                Judged { level, judgement: self.judge(level, &iterations), iterations }
            })
            .collect()
    }

    /// Judges a level by the majority of three iterations, each by itself. An iteration that a stall of the host has
    /// spoilt is outvoted. The demand on a level also does not grow with its number of iterations, as it would for the
    /// slowest C-STORE of all.
    fn judge(&self, level: f64, iterations: &[&Iteration]) -> Judgement {
        // A lost instance is not noise.
        if let Some(invalid) = iterations.iter().find(|iteration| !is_usable(iteration)) {
            let reason = invalid.reason.as_deref().unwrap_or("no time of transfer was measured");
            return Judgement::Breaks(format!("an iteration is not valid: {reason}"));
        }
        let votes: Vec<_> = iterations.iter().map(|iteration| self.vote(level, iteration)).collect();
        let mut broken = votes.iter().filter_map(|vote| match vote {
            Vote::Breaks(reason) => Some(reason),
            _ => None,
        });
        let (first, breaks) = (broken.next(), broken.next().is_some());
        let keeps = votes.iter().filter(|vote| !matches!(vote, Vote::Breaks(_))).count();
        match (first, votes.as_slice()) {
            (Some(reason), _) if breaks => Judgement::Breaks(reason.clone()),
            _ if keeps * 2 > MAX_ITERATIONS => Judgement::Keeps,
            // A stall can make a level fail, but never pass. So one clear pass is enough; a failure is always measured
            // again.
            (_, [Vote::ClearlyKeeps]) => Judgement::Keeps,
            _ => Judgement::Undecided,
        }
    }

    fn vote(&self, level: f64, iteration: &Iteration) -> Vote {
        let mut clear = iteration.transfer_ms >= MIN_CLEAR_TRANSFER_MS;
        for objective in &self.slo {
            // The schema of a request allows only figures of C-STORE times.
            let Some(figure) = objective.metric.latency() else { continue };
            let found = iteration.latency_us.figure_ms(figure);
            if found > objective.max {
                let Objective { metric, max } = objective;
                return Vote::Breaks(format!("{metric} is {found:.1}, and {max} is allowed"));
            }
            clear &= found <= objective.max * CLEAR_SHARE_OF_LIMIT;
        }
        if self.axis == SearchAxis::Rate {
            let share = share_kept_up_with(level, iteration);
            if share < MIN_SHARE_KEPT_UP {
                return Vote::Breaks(format!(
                    "the server kept up with {:.1}% of the arriving instances",
                    share * 100.0
                ));
            }
            clear &= share >= CLEAR_SHARE_KEPT_UP;
        }
        if clear { Vote::ClearlyKeeps } else { Vote::Keeps }
    }
}

impl Judged<'_> {
    /// Returns the median of the valid iterations, in instances per second.
    pub fn instances_per_second(&self) -> Option<f64> {
        let rates: Vec<_> = self.valid().map(instances_per_second).collect();
        median(&rates)
    }

    /// Returns the times of all C-STOREs of its valid iterations together.
    pub fn latency(&self) -> LatencyHistogram {
        let mut latency = LatencyHistogram::new();
        self.valid().for_each(|iteration| latency.add(&iteration.latency_us));
        latency
    }

    /// Returns its valid iterations.
    pub fn valid(&self) -> impl Iterator<Item = &Iteration> {
        self.iterations.iter().copied().filter(|iteration| is_usable(iteration))
    }

    /// True if the transfers are so short that a slowly growing backlog might not be visible.
    pub fn is_short(&self) -> bool {
        self.valid().all(|iteration| iteration.transfer_ms < MIN_CLEAR_TRANSFER_MS)
    }

    /// True if the level meets the objective.
    #[must_use]
    pub fn keeps(&self) -> bool {
        self.judgement == Judgement::Keeps
    }

    /// True if the level fails the objective.
    #[must_use]
    pub fn breaks(&self) -> bool {
        matches!(self.judgement, Judgement::Breaks(_))
    }
}

/// Returns the instances stored per second of an iteration's transfer.
pub(super) fn instances_per_second(iteration: &Iteration) -> f64 {
    f64::from(iteration.instances_sent) / (iteration.transfer_ms / 1000.0)
}

/// True if an iteration is valid and has a transfer time.
pub(super) fn is_usable(iteration: &Iteration) -> bool {
    iteration.valid && iteration.transfer_ms.is_finite() && iteration.transfer_ms > 0.0
}

/// Returns the time from the first arrival to the last, divided by the time from the first request to the last
/// response. The time of one C-STORE that does not wait is subtracted. A server that keeps up answers the last C-STORE
/// as fast as the first: 1. If the load is (1 + e) times the server's capacity, a backlog remains when the last
/// instance arrives: 1 / (1 + e). This does not depend on the number of instances.
#[expect(clippy::cast_precision_loss, reason = "counts and times far below 2^52")]
fn share_kept_up_with(rate: f64, iteration: &Iteration) -> f64 {
    let arriving_ms = (iteration.latency_us.len() as f64 - 1.0) / rate * 1000.0;
    let alone_ms = iteration.latency_us.0.min() as f64 / 1000.0;
    let taken_ms = iteration.transfer_ms - alone_ms;
    if taken_ms > 0.0 { arriving_ms / taken_ms } else { 1.0 }
}
