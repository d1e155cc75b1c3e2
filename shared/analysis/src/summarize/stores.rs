//! Every C-STORE of a run in a compact form: the time of its request and its latency.

use std::collections::BTreeMap;

use crate::diagnosis::UnusualStore;
use dicomperf_model::results::{Growth, IterationSummary, LatencyBucket};
use dicomperf_model::samples::StoreSample;
use dicomperf_model::statistics::LeastSquares;

/// The C-STOREs of a run, by iteration.
#[derive(Debug, Clone, Default)]
pub struct Stores {
    /// By scenario, block run and index.
    iterations: BTreeMap<(u32, u32, u32), Vec<Answered>>,
    /// By the same.
    unusual: BTreeMap<(u32, u32, u32), Vec<UnusualStore>>,
}

/// A C-STORE that the server answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Answered {
    /// The time of the request, in us since 1970-01-01 UTC.
    requested_us: u64,
    /// The time until the answer, in us.
    latency_us: u32,
}

/// The C-STOREs of a scenario's valid counted iterations, each in the order of its requests.
pub(super) struct OverTime(Vec<Vec<Answered>>);

/// Buckets of equal width that the longest iteration is divided into.
const BUCKETS: u64 = 60;
/// A C-STORE that waits for at least this time is unusual.
const MIN_UNUSUAL_WAIT_US: u64 = 1_000_000;
/// The status of a C-STORE that succeeded, as the agent writes it.
const SUCCESS: &str = "Success";
/// C-STOREs that an iteration needs before its quarters are compared.
const MIN_STORES_FOR_GROWTH: usize = 40;

impl Stores {
    /// Adds a C-STORE. One without an answer has no latency and is skipped.
    pub fn add(&mut self, store: &StoreSample) {
        let iteration = (store.scenario, store.ordinal, store.index);
        self.unusual.entry(iteration).or_default().extend(unusual(store));
        let Some(latency_us) = store.latency_us else { return };
        let latency_us = u32::try_from(latency_us).unwrap_or(u32::MAX);
        // With open arrival the latency counts from the time at which the request was due.
        let requested_us = store.scheduled_us.unwrap_or(store.requested_us);
        self.iterations.entry(iteration).or_default().push(Answered { requested_us, latency_us });
    }

    /// Returns the C-STOREs of an iteration that failed or waited long.
    pub(super) fn unusual(&self, scenario: u32, ordinal: u32, index: u32) -> &[UnusualStore] {
        self.unusual.get(&(scenario, ordinal, index)).map_or(&[], Vec::as_slice)
    }

    /// Returns a scenario's C-STOREs in the iterations that count.
    pub(super) fn over_time(&self, scenario: u32, iterations: &[IterationSummary]) -> OverTime {
        let counted = iterations.iter().filter(|iteration| iteration.counts());
        let stores = counted.filter_map(|one| self.iterations.get(&(scenario, one.ordinal, one.index)));
        OverTime(
            stores
                .map(|stores| {
                    // The agent writes the samples of one association after those of another.
                    let mut stores = stores.clone();
                    stores.sort_unstable();
                    stores
                })
                .collect(),
        )
    }
}

/// Returns `None` for a C-STORE that succeeded without a long wait.
fn unusual(store: &StoreSample) -> Option<UnusualStore> {
    // With open arrival the latency counts from the time at which the request was due.
    let late_us = store.scheduled_us.map_or(0, |scheduled| store.requested_us.saturating_sub(scheduled));
    let waited_us = store.latency_us.map(|latency| latency.saturating_sub(late_us));
    let failed = store.status.as_deref() != Some(SUCCESS);
    let is_unusual = failed || waited_us.is_none_or(|waited| waited >= MIN_UNUSUAL_WAIT_US);
    is_unusual.then_some(UnusualStore { requested_us: store.requested_us, waited_us, bytes: store.bytes, failed })
}

impl OverTime {
    /// Groups the C-STOREs into buckets by the time of their request.
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

    /// Fits the latency to the number of C-STOREs requested before. `None` if there are too few.
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
    pub(super) fn growth(&self) -> Option<Growth> {
        let instances = self.0.iter().map(Vec::len).max().filter(|&most| most >= MIN_STORES_FOR_GROWTH)?;
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

/// Returns the nearest-rank percentile in ms of ascending times in us; 0 if there are no times.
fn percentile_ms(sorted_us: &[u32], percentile: usize) -> f64 {
    let rank = (sorted_us.len() * percentile).div_ceil(100).max(1);
    sorted_us.get(rank - 1).map_or(0.0, |&us| f64::from(us) / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summarize::fixture;

    /// Iterations of `count` C-STOREs, one every 10 ms; `latency_us` returns the latency at each position.
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
        (0..count)
            .map(|index| crate::summarize::scenario::iteration_summary(0, 0, &fixture::iteration(3, index, 1000.0)))
            .collect()
    }

    #[test]
    fn a_stall_shows_at_the_time_at_which_it_was() {
        let stores = stores(3, 120, |position| if position == 60 { 500_000 } else { 2_000 });
        let buckets = stores.over_time(3, &iterations(3)).buckets();
        let slow: Vec<_> = buckets.iter().filter(|bucket| bucket.max_ms > 100.0).collect();
        assert_eq!((buckets.len(), slow.len()), (60, 1));
        assert!((slow[0].at_seconds - 0.6).abs() < 0.02, "{slow:?}");
        assert_eq!(buckets.iter().map(|bucket| bucket.c_stores).sum::<u32>(), 360);
        assert!((buckets[0].p50_ms - 2.0).abs() < 1e-9);
    }

    #[test]
    fn what_grows_with_the_number_of_instances_is_told_from_what_does_not() {
        let flat = stores(2, 400, |_| 2_000).over_time(3, &iterations(2)).growth().expect("enough");
        assert!(flat.ms_per_thousand.abs() < 1e-9 && flat.instances == 400, "{flat:?}");
        let growing =
            stores(2, 400, |position| 2_000 + 10 * position).over_time(3, &iterations(2)).growth().expect("enough");
        assert!((growing.ms_per_thousand - 10.0).abs() < 1e-6, "{growing:?}");
        assert!((growing.first_quarter_p50_ms - 2.49).abs() < 0.02, "{growing:?}");
        assert!((growing.last_quarter_p50_ms - 5.49).abs() < 0.02, "{growing:?}");
        assert_eq!(stores(2, 20, |_| 2_000).over_time(3, &iterations(2)).growth(), None);
    }

    #[test]
    fn only_iterations_that_count_are_in_it() {
        let stores = stores(2, 120, |_| 2_000);
        let mut made = iterations(2);
        made[0].warmup = true;
        assert_eq!(stores.over_time(3, &made).buckets().iter().map(|bucket| bucket.c_stores).sum::<u32>(), 120);
        assert_eq!(stores.over_time(4, &made).buckets(), []);
    }
}
