//! The resource use of a host during a window of time, computed from the samples in and around the window.

mod counters;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use counters::Counters;
use dicomperf_model::results::{CpuUse, DiskUse, OrthancUse, ResourceUse, TrafficUse};
use dicomperf_model::samples::ResourceSample;

/// Samples before and after a window that are searched for a reading of the ENA allowances. Every tenth sample has one.
const MAX_SAMPLES_TO_ENA_READING: usize = 50;

/// Returns the resource use from `from_ms` to `to_ms` (ms since 1970-01-01 UTC). The samples are one host's, in the
/// order of time.
///
/// Counters are assumed to grow evenly from sample to sample. An interval that lies partly in the window counts by the
/// part inside. A window of no length counts as 1 ms. `None` if no two samples enclose any part of the window.
#[must_use]
pub fn use_between(samples: &[ResourceSample], from_ms: u64, to_ms: u64) -> Option<ResourceUse> {
    let to_ms = to_ms.max(from_ms + 1);
    let first = samples.partition_point(|sample| sample.at_ms <= from_ms).saturating_sub(1);
    let last = samples.partition_point(|sample| sample.at_ms < to_ms).min(samples.len().checked_sub(1)?);
    let used = samples.get(first..=last)?;
    let mut counters = Counters::default();
    for pair in used.windows(2) {
        counters.add(&pair[0], &pair[1], from_ms, to_ms);
    }
    if counters.covered_ms <= 0.0 {
        return None;
    }
    let inside: Vec<_> = used.iter().filter(|one| (from_ms..=to_ms).contains(&one.at_ms)).collect();
    let between_samples = inside.is_empty();
    let momentary = if between_samples { used.iter().collect() } else { inside };
    let running: f64 = momentary.iter().map(|sample| f64::from(sample.procs_running)).sum();
    let memory = momentary.iter().map(|sample| sample.memory.available_bytes).min();
    Some(ResourceUse {
        covered_ms: counters.covered_ms,
        samples: u32::try_from(used.len()).unwrap_or(u32::MAX),
        between_samples,
        cpus: u32::try_from(used[0].cpu_busy_ms.len()).unwrap_or(u32::MAX),
        cpu: counters.cpu(),
        busiest_cpu: counters.busiest_cpu(),
        orthanc: counters.orthanc(),
        memory_available_min_bytes: memory.unwrap_or_default(),
        disk: counters.disk(),
        network: counters.network(),
        loopback: counters.loopback(),
        retransmitted_segments: counters.retransmitted_segments,
        mean_run_queue: running / as_divisor(momentary.len()),
        ena_allowance_exceeded: allowance_growth(samples, first, last),
    })
}

/// Returns the mean resource use over several windows of one host, or `None` if there is no window.
///
/// - Shares and rates are means, weighted by the covered time of each window.
/// - `retransmittedSegments` is the unweighted mean, and memory is the minimum.
/// - `coveredMs`, `samples` and the allowances are sums. Windows closer than 2 s may count the same packets twice.
/// - `betweenSamples` is true if it is true for any window.
#[must_use]
pub fn mean(windows: &[ResourceUse]) -> Option<ResourceUse> {
    let covered_ms: f64 = windows.iter().map(|one| one.covered_ms).sum();
    let mean = |value: &dyn Fn(&ResourceUse) -> f64| {
        windows.iter().map(|one| value(one) * one.covered_ms).sum::<f64>() / covered_ms
    };
    let traffic = |of: &dyn Fn(&ResourceUse) -> TrafficUse| TrafficUse {
        received_bytes_per_second: mean(&|one| of(one).received_bytes_per_second),
        sent_bytes_per_second: mean(&|one| of(one).sent_bytes_per_second),
    };
    let retransmitted: f64 = windows.iter().map(|one| one.retransmitted_segments).sum();
    Some(ResourceUse {
        covered_ms,
        samples: windows.iter().map(|one| one.samples).sum(),
        between_samples: windows.iter().any(|one| one.between_samples),
        cpus: windows.iter().map(|one| one.cpus).max()?,
        cpu: CpuUse {
            user: mean(&|one| one.cpu.user),
            system: mean(&|one| one.cpu.system),
            iowait: mean(&|one| one.cpu.iowait),
            steal: mean(&|one| one.cpu.steal),
        },
        busiest_cpu: mean(&|one| one.busiest_cpu),
        orthanc: mean_of_orthanc(windows),
        memory_available_min_bytes: windows.iter().map(|one| one.memory_available_min_bytes).min()?,
        disk: DiskUse {
            read_bytes_per_second: mean(&|one| one.disk.read_bytes_per_second),
            written_bytes_per_second: mean(&|one| one.disk.written_bytes_per_second),
            operations_per_second: mean(&|one| one.disk.operations_per_second),
            busy: mean(&|one| one.disk.busy),
        },
        network: traffic(&|one| one.network),
        loopback: traffic(&|one| one.loopback),
        retransmitted_segments: retransmitted / as_divisor(windows.len()),
        mean_run_queue: mean(&|one| one.mean_run_queue),
        ena_allowance_exceeded: allowance_sums(windows),
    })
}

/// Returns the mean over the windows in which Orthanc ran. In other windows its use is unknown, not 0.
fn mean_of_orthanc(windows: &[ResourceUse]) -> Option<OrthancUse> {
    let known: Vec<_> = windows.iter().filter_map(|one| Some((one.covered_ms, one.orthanc?))).collect();
    let covered_ms: f64 = known.iter().map(|(covered, _)| covered).sum();
    if known.is_empty() {
        return None;
    }
    let thread: Option<Vec<f64>> = known.iter().map(|(covered, one)| Some(covered * one.busiest_thread?)).collect();
    Some(OrthancUse {
        cpu_cores: known.iter().map(|(covered, one)| covered * one.cpu_cores).sum::<f64>() / covered_ms,
        busiest_thread: thread.map(|shares| shares.iter().sum::<f64>() / covered_ms),
    })
}

fn allowance_sums(windows: &[ResourceUse]) -> Option<BTreeMap<String, u64>> {
    let mut sums: Option<BTreeMap<String, u64>> = None;
    for (name, exceeded) in windows.iter().filter_map(|one| one.ena_allowance_exceeded.as_ref()).flatten() {
        *sums.get_or_insert_default().entry(name.clone()).or_default() += exceeded;
    }
    sums
}

/// Returns the growth of the allowances' counters between the reading before a window and the one after it.
fn allowance_growth(samples: &[ResourceSample], first: usize, last: usize) -> Option<BTreeMap<String, u64>> {
    let read = |sample: &&ResourceSample| sample.ena_allowance_exceeded.is_some();
    let before = samples[..=first].iter().rev().take(MAX_SAMPLES_TO_ENA_READING).find(read);
    // The file's beginning and end have no reading outside the window; the nearest one inside covers at least a part.
    let before = before.or_else(|| samples[first..=last].iter().find(read))?;
    let after = samples[last..].iter().take(MAX_SAMPLES_TO_ENA_READING).find(read);
    let after = after.or_else(|| samples[first..=last].iter().rev().find(read))?;
    let before = before.ena_allowance_exceeded.as_ref()?;
    let grown = |(name, &now): (&String, &u64)| {
        let then = before.get(name).copied().unwrap_or_default();
        (name.clone(), now.checked_sub(then).unwrap_or(now))
    };
    Some(after.ena_allowance_exceeded.as_ref()?.iter().map(grown).collect())
}

/// Converts a count to a number to divide by.
fn as_divisor(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

/// Returns bytes a second from the bytes of `covered_ms`.
fn traffic(received: f64, sent: f64, covered_ms: f64) -> TrafficUse {
    TrafficUse {
        received_bytes_per_second: received * 1e3 / covered_ms,
        sent_bytes_per_second: sent * 1e3 / covered_ms,
    }
}
