//! The knee: the level above which more load gains little.

use super::judgement::Judged;
use crate::request::SearchAxis;

/// Share of the greatest throughput. Once it is reached, more associations gain little.
const SHARE_OF_GREATEST_RATE: f64 = 0.95;
/// Growth of the median time from which a C-STORE waits more than it works. An M/M/1 queue reaches it at half the load,
/// where the ratio of throughput to response time is greatest. (Kleinrock, Power and deterministic rules of thumb for
/// probabilistic problems in computer communications, ICC 1979.)
const WAITING_FACTOR: f64 = 2.0;

/// Returns the knee of levels in ascending order; `None` if the highest level is not beyond it, or if nothing valid was
/// measured.
pub(super) fn knee(axis: SearchAxis, levels: &[Judged<'_>]) -> Option<f64> {
    let found = match axis {
        SearchAxis::Associations => {
            let rates: Vec<_> =
                levels.iter().filter_map(|level| Some((level.level, level.instances_per_second()?))).collect();
            let greatest = rates.iter().map(|(_, rate)| *rate).fold(0.0, f64::max);
            rates.iter().find(|(_, rate)| *rate >= SHARE_OF_GREATEST_RATE * greatest).map(|(level, _)| *level)
        }
        SearchAxis::Rate => {
            let medians: Vec<_> = levels
                .iter()
                .map(|level| (level.level, level.latency()))
                .filter(|(_, latency)| !latency.is_empty())
                .map(|(level, latency)| (level, latency.percentile_ms(50.0)))
                .collect();
            let lowest = medians.first()?.1;
            medians.iter().take_while(|(_, median)| *median < WAITING_FACTOR * lowest).last().map(|(level, _)| *level)
        }
    };
    found.filter(|&knee| levels.last().is_some_and(|last| last.level > knee))
}
