//! The level from which on raising it gains little.

use super::{Judged, SearchAxis};

/// More associations are worth little once this share of the greatest throughput is reached.
const OF_THE_GREATEST: f64 = 0.95;
/// A median that has grown by this factor is more waiting than work. In an M/M/1 queue it has at half the load, where
/// the ratio of throughput to response time is greatest (Kleinrock, Power and deterministic rules of thumb for
/// probabilistic problems in computer communications, ICC 1979).
const WAITING: f64 = 2.0;

/// Of levels in ascending order; `None` where the highest is not beyond it, or nothing valid was measured.
pub(super) fn knee(axis: SearchAxis, levels: &[Judged<'_>]) -> Option<f64> {
    let found = match axis {
        SearchAxis::Associations => {
            let rates: Vec<_> =
                levels.iter().filter_map(|level| Some((level.level, level.instances_per_second()?))).collect();
            let greatest = rates.iter().map(|(_, rate)| *rate).fold(0.0, f64::max);
            rates.iter().find(|(_, rate)| *rate >= OF_THE_GREATEST * greatest).map(|(level, _)| *level)
        }
        SearchAxis::Rate => {
            let medians: Vec<_> = levels
                .iter()
                .map(|level| (level.level, level.latency()))
                .filter(|(_, latency)| !latency.is_empty())
                .map(|(level, latency)| (level, latency.percentile_ms(50.0)))
                .collect();
            let lowest = medians.first()?.1;
            medians.iter().take_while(|(_, median)| *median < WAITING * lowest).last().map(|(level, _)| *level)
        }
    };
    found.filter(|&knee| levels.last().is_some_and(|last| last.level > knee))
}
