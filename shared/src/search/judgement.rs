//! Whether a level of load keeps the objective, from its iterations.

use super::{Objective, SearchAxis, SearchMeasurement};
use crate::measurement::{Iteration, LatencyHistogram};
use crate::request::Metric;
use crate::statistics::median;
use crate::verdict::metric_name;

/// The most iterations of a level: of three, two agree.
pub(super) const MOST_ITERATIONS: usize = 3;
/// A server that works off what arrives for 1 s in 1/0.97 s or less keeps up: two thirds of the 5% to which a rate is
/// searched. The rest is for what waits at the end of a transfer by chance, in a server that does keep up.
const KEEPS_UP: f64 = 0.97;
/// From here on it clearly does.
const CLEARLY_KEEPS_UP: f64 = 0.985;
/// A figure below this share of its limit is clearly within: percentiles of the same load scatter by less.
const CLEARLY_WITHIN: f64 = 0.8;
/// In a shorter transfer a stall of 30 ms, which any host has now and then, is 3%: it is never clear.
const LONG_ENOUGH_MS: f64 = 1000.0;

/// A level that was measured.
pub(crate) struct Judged<'a> {
    /// Associations, or instances a second.
    pub level: f64,
    /// Its iterations.
    pub iterations: Vec<&'a Iteration>,
    /// What they say.
    pub judgement: Judgement,
}

/// What the iterations of a level say.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Judgement {
    /// Too little: it is measured again.
    Undecided,
    /// It keeps the objective.
    Keeps,
    /// It does not, and why.
    Breaks(String),
}

/// What one iteration says.
enum Vote {
    /// Within the objective, and so far within that chance cannot have done it.
    ClearlyKeeps,
    Keeps,
    Breaks(String),
}

impl SearchMeasurement {
    /// Every level that was measured, in ascending order.
    pub(crate) fn judged(&self) -> Vec<Judged<'_>> {
        let mut made: Vec<_> = self.iterations.iter().map(|one| (one.level, &one.iteration)).collect();
        // Stable: the iterations of a level stay in their order.
        made.sort_by(|a, b| a.0.total_cmp(&b.0));
        made.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq())
            .map(|of_level| {
                let level = of_level[0].0;
                let iterations: Vec<_> = of_level.iter().map(|(_, iteration)| *iteration).collect();
                Judged { level, judgement: self.judge(level, &iterations), iterations }
            })
            .collect()
    }

    /// The majority of three, each by itself: an iteration that a stall of the host has spoilt is outvoted, and what is
    /// asked of a level does not get harder with the number of its iterations, as it would for the slowest C-STORE of all.
    fn judge(&self, level: f64, iterations: &[&Iteration]) -> Judgement {
        // Losing instances is no noise.
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
            _ if keeps * 2 > MOST_ITERATIONS => Judgement::Keeps,
            // A stall can make a level break, but none can make it keep: only what keeps is believed at once.
            (_, [Vote::ClearlyKeeps]) => Judgement::Keeps,
            _ => Judgement::Undecided,
        }
    }

    fn vote(&self, level: f64, iteration: &Iteration) -> Vote {
        let mut clear = iteration.transfer_ms >= LONG_ENOUGH_MS;
        for objective in &self.slo {
            let found = objective.figure(&iteration.latency_us);
            if found > objective.max {
                let name = metric_name(objective.metric);
                return Vote::Breaks(format!("{name} is {found:.1}, and {} is allowed", objective.max));
            }
            clear &= found <= objective.max * CLEARLY_WITHIN;
        }
        if self.axis == SearchAxis::Rate {
            let share = share_kept_up_with(level, iteration);
            if share < KEEPS_UP {
                return Vote::Breaks(format!("the server kept up with {:.1}% of what arrived", share * 100.0));
            }
            clear &= share >= CLEARLY_KEEPS_UP;
        }
        if clear { Vote::ClearlyKeeps } else { Vote::Keeps }
    }
}

impl Judged<'_> {
    /// The median of the valid iterations, in instances per second.
    pub(crate) fn instances_per_second(&self) -> Option<f64> {
        let rates: Vec<_> = self.valid().map(instances_per_second).collect();
        median(&rates)
    }

    /// Times of all C-STOREs of its valid iterations together.
    pub(crate) fn latency(&self) -> LatencyHistogram {
        let mut latency = LatencyHistogram::new();
        self.valid().for_each(|iteration| latency.add(&iteration.latency_us));
        latency
    }

    /// Its valid iterations.
    pub(crate) fn valid(&self) -> impl Iterator<Item = &Iteration> {
        self.iterations.iter().copied().filter(|iteration| is_usable(iteration))
    }

    /// Whether a backlog that grows slowly might not have shown.
    pub(super) fn is_short(&self) -> bool {
        self.valid().all(|iteration| iteration.transfer_ms < LONG_ENOUGH_MS)
    }

    pub(super) fn keeps(&self) -> bool {
        self.judgement == Judgement::Keeps
    }

    pub(super) fn breaks(&self) -> bool {
        matches!(self.judgement, Judgement::Breaks(_))
    }
}

impl Objective {
    fn figure(&self, latency: &LatencyHistogram) -> f64 {
        match self.metric {
            Metric::LatencyP50 => latency.percentile_ms(50.0),
            Metric::LatencyP90 => latency.percentile_ms(90.0),
            Metric::LatencyP95 => latency.percentile_ms(95.0),
            Metric::LatencyP99 => latency.percentile_ms(99.0),
            Metric::LatencyMax => latency.max_ms(),
            // No search is asked for these: [`crate::request::Slo`] has none.
            Metric::InstancesPerSecond | Metric::BytesPerSecond => 0.0,
        }
    }
}

/// Instances that were stored per second of an iteration's transfer.
pub(super) fn instances_per_second(iteration: &Iteration) -> f64 {
    f64::from(iteration.instances_sent) / (iteration.transfer_ms / 1000.0)
}

/// Valid, and timed.
pub(super) fn is_usable(iteration: &Iteration) -> bool {
    iteration.valid && iteration.transfer_ms.is_finite() && iteration.transfer_ms > 0.0
}

/// From the first arrival to the last, over the time from the first request to the last response, but for what a C-STORE
/// takes that waits for none. A server that keeps up answers the last as soon as the first: 1. One that is offered
/// (1 + e) of what it can do has a backlog when the last arrives, however many there are: 1 / (1 + e).
#[expect(clippy::cast_precision_loss, reason = "counts and times far below 2^52")]
fn share_kept_up_with(rate: f64, iteration: &Iteration) -> f64 {
    let arriving_ms = (iteration.latency_us.len() as f64 - 1.0) / rate * 1000.0;
    let alone_ms = iteration.latency_us.0.min() as f64 / 1000.0;
    let taken_ms = iteration.transfer_ms - alone_ms;
    if taken_ms > 0.0 { arriving_ms / taken_ms } else { 1.0 }
}
