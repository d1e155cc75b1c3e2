//! Every C-STORE of a run, kept small: when it was requested and how long it took.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::IterationSummary;
use crate::samples::StoreSample;
use crate::statistics::LeastSquares;

/// The C-STOREs of a run, by iteration.
#[derive(Debug, Clone, Default)]
pub struct Stores {
    /// By scenario, block run and index.
    iterations: BTreeMap<(u32, u32, u32), Vec<Answered>>,
}

/// A C-STORE that was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Answered {
    /// When it was requested, in us since 1970-01-01 UTC.
    requested_us: u64,
    /// How long the answer took, in us.
    latency_us: u32,
}

/// C-STOREs that were requested in the same part of an iteration, those of all iterations together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LatencyBucket {
    /// The middle of that part, in seconds since the iteration's first request.
    pub at_seconds: f64,
    /// How many.
    pub c_stores: u32,
    /// Half of them took no longer, in ms.
    pub p50_ms: f64,
    /// 99% took no longer, in ms.
    pub p99_ms: f64,
    /// The slowest, in ms.
    pub max_ms: f64,
}

/// How the time of a C-STORE grows with the number of instances that were sent before it in its iteration.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Growth {
    /// What each thousand instances add to the time of a C-STORE, in ms: the least squares line through all of them.
    pub ms_per_thousand: f64,
    /// Median of the first quarter of each iteration, in ms.
    pub first_quarter_p50_ms: f64,
    /// Median of the last quarter of each iteration, in ms.
    pub last_quarter_p50_ms: f64,
    /// Instances of the longest iteration.
    pub instances: u32,
}

/// The C-STOREs of a scenario's valid counted iterations, each in the order of its requests.
pub(super) struct OverTime(Vec<Vec<Answered>>);

/// Parts that the longest iteration is cut into.
const BUCKETS: u64 = 60;
/// An iteration of fewer C-STOREs has no quarters to compare.
const LEAST_FOR_GROWTH: usize = 40;

impl Stores {
    /// Adds one; one without an answer took no time that could be told.
    pub fn add(&mut self, store: &StoreSample) {
        let Some(latency_us) = store.latency_us else { return };
        let latency_us = u32::try_from(latency_us).unwrap_or(u32::MAX);
        // Where instances arrive at a rate, its time counts from when it should have been requested.
        let requested_us = store.scheduled_us.unwrap_or(store.requested_us);
        let iteration = (store.scenario, store.ordinal, store.index);
        self.iterations.entry(iteration).or_default().push(Answered { requested_us, latency_us });
    }

    /// Those of the iterations that count.
    pub(super) fn of(&self, scenario: u32, iterations: &[IterationSummary]) -> OverTime {
        let counted = iterations.iter().filter(|iteration| iteration.counts());
        let stores = counted.filter_map(|one| self.iterations.get(&(scenario, one.ordinal, one.index)));
        OverTime(
            stores
                .map(|stores| {
                    // Associations are written one after another.
                    let mut stores = stores.clone();
                    stores.sort_unstable();
                    stores
                })
                .collect(),
        )
    }
}

impl OverTime {
    /// By when they were requested.
    #[expect(clippy::cast_precision_loss, reason = "an hour in us")]
    pub(super) fn buckets(&self) -> Vec<LatencyBucket> {
        let since = |stores: &[Answered]| {
            let first_us = stores.first().map_or(0, |first| first.requested_us);
            stores.iter().map(|one| (one.requested_us - first_us, one.latency_us)).collect::<Vec<_>>()
        };
        let mut all: Vec<_> = self.0.iter().flat_map(|stores| since(stores)).collect();
        all.sort_unstable();
        let longest_us = all.last().map_or(0, |last| last.0);
        let width_us = longest_us / BUCKETS + 1;
        all.chunk_by(|a, b| a.0 / width_us == b.0 / width_us)
            .map(|bucket| {
                let mut latencies: Vec<_> = bucket.iter().map(|one| one.1).collect();
                latencies.sort_unstable();
                LatencyBucket {
                    at_seconds: (bucket[0].0 / width_us * width_us + width_us / 2) as f64 / 1e6,
                    c_stores: u32::try_from(latencies.len()).unwrap_or(u32::MAX),
                    p50_ms: percentile_ms(&latencies, 50),
                    p99_ms: percentile_ms(&latencies, 99),
                    max_ms: percentile_ms(&latencies, 100),
                }
            })
            .collect()
    }

    /// By how many were requested before. `None` where there are too few to tell.
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
    pub(super) fn growth(&self) -> Option<Growth> {
        let instances = self.0.iter().map(Vec::len).max().filter(|&most| most >= LEAST_FOR_GROWTH)?;
        let mut line = LeastSquares::default();
        let (mut first, mut last) = (Vec::new(), Vec::new());
        for stores in &self.0 {
            for (position, one) in stores.iter().enumerate() {
                line.add(position as f64, f64::from(one.latency_us));
                match position * 4 / stores.len() {
                    0 => first.push(one.latency_us),
                    3 => last.push(one.latency_us),
                    _ => {}
                }
            }
        }
        first.sort_unstable();
        last.sort_unstable();
        Some(Growth {
            ms_per_thousand: line.line()?.slope,
            first_quarter_p50_ms: percentile_ms(&first, 50),
            last_quarter_p50_ms: percentile_ms(&last, 50),
            instances: u32::try_from(instances).unwrap_or(u32::MAX),
        })
    }
}

/// The nearest-rank percentile of ascending times in us, in ms; 0 of none.
fn percentile_ms(sorted_us: &[u32], percentile: usize) -> f64 {
    let rank = (sorted_us.len() * percentile).div_ceil(100).max(1);
    sorted_us.get(rank - 1).map_or(0.0, |&us| f64::from(us) / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::fixture;

    /// An iteration of so many C-STOREs, one every 10 ms, that take what the function says.
    fn stores(iterations: u32, count: u64, latency_us: impl Fn(u64) -> u64) -> Stores {
        let mut stores = Stores::default();
        for index in 0..iterations {
            // Two associations take turns, and are written one after the other.
            for association in 0..2 {
                for position in (0..count).filter(|position| position % 2 == u64::from(association)) {
                    stores.add(&StoreSample {
                        scenario: 3,
                        index,
                        association,
                        requested_us: 1_000_000 * u64::from(index + 1) + position * 10_000,
                        latency_us: Some(latency_us(position)),
                        ..StoreSample::default()
                    });
                }
            }
        }
        stores
    }

    fn iterations(count: u32) -> Vec<IterationSummary> {
        (0..count).map(|index| IterationSummary::new(0, 0, &fixture::iteration(3, index, 1000.0))).collect()
    }

    #[test]
    fn a_stall_shows_at_the_time_at_which_it_was() {
        let stores = stores(3, 120, |position| if position == 60 { 500_000 } else { 2_000 });
        let buckets = stores.of(3, &iterations(3)).buckets();
        let slow: Vec<_> = buckets.iter().filter(|bucket| bucket.max_ms > 100.0).collect();
        assert_eq!((buckets.len(), slow.len()), (60, 1));
        assert!((slow[0].at_seconds - 0.6).abs() < 0.02, "{slow:?}");
        assert_eq!(buckets.iter().map(|bucket| bucket.c_stores).sum::<u32>(), 360);
        assert!((buckets[0].p50_ms - 2.0).abs() < 1e-9);
    }

    #[test]
    fn what_grows_with_the_number_of_instances_is_told_from_what_does_not() {
        let flat = stores(2, 400, |_| 2_000).of(3, &iterations(2)).growth().expect("enough");
        assert!(flat.ms_per_thousand.abs() < 1e-9 && flat.instances == 400, "{flat:?}");
        let growing = stores(2, 400, |position| 2_000 + 10 * position).of(3, &iterations(2)).growth().expect("enough");
        assert!((growing.ms_per_thousand - 10.0).abs() < 1e-6, "{growing:?}");
        assert!((growing.first_quarter_p50_ms - 2.49).abs() < 0.02, "{growing:?}");
        assert!((growing.last_quarter_p50_ms - 5.49).abs() < 0.02, "{growing:?}");
        assert_eq!(stores(2, 20, |_| 2_000).of(3, &iterations(2)).growth(), None);
    }

    #[test]
    fn only_iterations_that_count_are_in_it() {
        let stores = stores(2, 120, |_| 2_000);
        let mut made = iterations(2);
        made[0].warmup = true;
        assert_eq!(stores.of(3, &made).buckets().iter().map(|bucket| bucket.c_stores).sum::<u32>(), 120);
        assert_eq!(stores.of(4, &made).buckets(), []);
    }
}
