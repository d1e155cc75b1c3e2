//! What a host used during a window of time, from the samples around and in it.

mod counters;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::samples::{ResourceSample, TrafficSample};
use counters::Counters;

/// How far around a window a reading of the ENA allowances is looked for, in samples: these are read in every tenth.
const ENA_READING_WITHIN: usize = 50;

/// What a host used during a window. Shares are 0 to 1; MB is nowhere, rates are bytes a second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceUse {
    /// How much of the window the samples tell of, in ms: less than the window where the sampler began later, ended
    /// earlier, or the host started again in between.
    pub covered_ms: f64,
    /// The samples that it was made from: those in the window and one before and after it.
    pub samples: u32,
    /// No sample lies in the window, so this is the mean of the longer time between the two around it.
    pub between_samples: bool,
    /// CPUs of the host.
    pub cpus: u32,
    /// Where the time of all CPUs together went.
    pub cpu: CpuUse,
    /// Of the busiest single CPU, the share of the window in which it was neither idle nor waiting for I/O.
    pub busiest_cpu: f64,
    /// The server's own processes; absent where none ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orthanc: Option<OrthancUse>,
    /// The least memory that was available, in bytes.
    pub memory_available_min_bytes: u64,
    /// Disks.
    pub disk: DiskUse,
    /// All network interfaces but `lo`.
    pub network: TrafficUse,
    /// The interface `lo`.
    pub loopback: TrafficUse,
    /// TCP segments sent again, the host's whole.
    pub retransmitted_segments: f64,
    /// Mean number of threads that ran or could have run, the sampler's own (always 1) among them. More than there are
    /// CPUs means that they waited for one.
    pub mean_run_queue: f64,
    /// Packets queued or dropped because EC2's allowances for the host's type were exceeded, by allowance, between the
    /// readings before and after the window, which lie up to 2 s outside of it. Absent where they are not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ena_allowance_exceeded: Option<BTreeMap<String, u64>>,
}

/// Shares of the time of all CPUs together. What is missing to 1 was idle.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CpuUse {
    /// User mode, with that of low priority.
    pub user: f64,
    /// System mode, with interrupts and soft interrupts.
    pub system: f64,
    /// Idle while a thread waited for I/O.
    pub iowait: f64,
    /// Taken by the hypervisor.
    pub steal: f64,
}

/// What the processes called Orthanc used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrthancUse {
    /// CPU time over time: 1.0 is one CPU, all the time.
    pub cpu_cores: f64,
    /// The share of the window in which its busiest thread ran: the busiest from one sample to the next, since Orthanc's
    /// pool of threads takes up each message of an association anew, mostly but not always with the same thread. Absent
    /// where the kernel does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub busiest_thread: Option<f64>,
}

/// What disks did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiskUse {
    /// Bytes read a second, all disks.
    pub read_bytes_per_second: f64,
    /// Bytes written a second, all disks.
    pub written_bytes_per_second: f64,
    /// Reads and writes a second, all disks.
    pub operations_per_second: f64,
    /// Of the busiest disk, the share of the window in which it had at least one operation under way. A disk that works
    /// on several at once, as EBS does, may be at 1 and still have room.
    pub busy: f64,
}

/// What went over network interfaces.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrafficUse {
    /// Bytes received a second.
    pub received_bytes_per_second: f64,
    /// Bytes sent a second.
    pub sent_bytes_per_second: f64,
}

impl ResourceUse {
    /// What was used from `from_ms` to `to_ms` (ms since 1970-01-01 UTC). The samples are one host's, in their order.
    ///
    /// Counters are taken to grow evenly from sample to sample, so the intervals that the window cuts count by the part
    /// that lies in it. A window of no length counts as 1 ms. `None` where no two samples have any of it between them.
    #[must_use]
    pub fn over(samples: &[ResourceSample], from_ms: u64, to_ms: u64) -> Option<Self> {
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
        Some(Self {
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
            mean_run_queue: running / count(momentary.len()),
            ena_allowance_exceeded: exceeded(samples, first, last),
        })
    }

    /// Of several windows of one host: shares and rates are means in which each window counts by what is covered of it,
    /// `retransmittedSegments` is the mean of the windows, memory the least of all, `coveredMs`, `samples` and the
    /// allowances are sums (windows that lie closer than 2 s may count the same packets), `betweenSamples` is true if it
    /// is for any. `None` of none.
    #[must_use]
    pub fn mean(windows: &[Self]) -> Option<Self> {
        let covered_ms: f64 = windows.iter().map(|one| one.covered_ms).sum();
        let mean = |value: &dyn Fn(&Self) -> f64| {
            windows.iter().map(|one| value(one) * one.covered_ms).sum::<f64>() / covered_ms
        };
        let traffic = |of: &dyn Fn(&Self) -> TrafficUse| TrafficUse {
            received_bytes_per_second: mean(&|one| of(one).received_bytes_per_second),
            sent_bytes_per_second: mean(&|one| of(one).sent_bytes_per_second),
        };
        let retransmitted: f64 = windows.iter().map(|one| one.retransmitted_segments).sum();
        Some(Self {
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
            retransmitted_segments: retransmitted / count(windows.len()),
            mean_run_queue: mean(&|one| one.mean_run_queue),
            ena_allowance_exceeded: sums(windows),
        })
    }
}

/// Over the windows in which Orthanc ran: elsewhere nothing is known of it, not that it did nothing.
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

fn sums(windows: &[ResourceUse]) -> Option<BTreeMap<String, u64>> {
    let mut sums: Option<BTreeMap<String, u64>> = None;
    for (name, exceeded) in windows.iter().filter_map(|one| one.ena_allowance_exceeded.as_ref()).flatten() {
        *sums.get_or_insert_default().entry(name.clone()).or_default() += exceeded;
    }
    sums
}

/// By how much the allowances' counters grew between the reading before a window and the one after it.
fn exceeded(samples: &[ResourceSample], first: usize, last: usize) -> Option<BTreeMap<String, u64>> {
    let read = |sample: &&ResourceSample| sample.ena_allowance_exceeded.is_some();
    let before = samples[..=first].iter().rev().take(ENA_READING_WITHIN).find(read);
    // At a file's beginning and end there is none outside; the nearest inside tells at least a part.
    let before = before.or_else(|| samples[first..=last].iter().find(read))?;
    let after = samples[last..].iter().take(ENA_READING_WITHIN).find(read);
    let after = after.or_else(|| samples[first..=last].iter().rev().find(read))?;
    let before = before.ena_allowance_exceeded.as_ref()?;
    let grown = |(name, &now): (&String, &u64)| {
        let then = before.get(name).copied().unwrap_or_default();
        (name.clone(), now.checked_sub(then).unwrap_or(now))
    };
    Some(after.ena_allowance_exceeded.as_ref()?.iter().map(grown).collect())
}

/// A count as a number to divide by.
fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

/// Bytes a second of what came in so many ms.
fn traffic(received: f64, sent: f64, covered_ms: f64) -> TrafficUse {
    TrafficUse {
        received_bytes_per_second: received * 1e3 / covered_ms,
        sent_bytes_per_second: sent * 1e3 / covered_ms,
    }
}
