//! The resources that a host used during a window of time.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The resources that a host used during a window. Shares are 0 to 1, sizes are in bytes, rates in bytes a second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceUse {
    /// The part of the window that the samples cover, in ms. It is shorter than the window if the sampler started later
    /// or ended earlier, or if the host restarted in between.
    pub covered_ms: f64,
    /// The samples that it is computed from: those in the window, and one before and after it.
    pub samples: u32,
    /// True if no sample lies in the window. The figures are then means of the longer time between the two samples
    /// around it.
    pub between_samples: bool,
    /// CPUs of the host.
    pub cpus: u32,
    /// Shares of the time of all CPUs together.
    pub cpu: CpuUse,
    /// Of the busiest single CPU, the share of the window in which it was neither idle nor waiting for I/O.
    pub busiest_cpu: f64,
    /// The server's own processes; absent if no such process ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orthanc: Option<OrthancUse>,
    /// The least memory that was available, in bytes.
    pub memory_available_min_bytes: u64,
    /// Disks.
    pub disk: DiskUse,
    /// All network interfaces except `lo`.
    pub network: TrafficUse,
    /// The interface `lo`.
    pub loopback: TrafficUse,
    /// TCP segments that the whole host sent again.
    pub retransmitted_segments: f64,
    /// Mean number of threads that ran or could have run, including the sampler's own (always 1). If there are more
    /// than CPUs, threads waited for a CPU.
    pub mean_run_queue: f64,
    /// Packets that were queued or dropped because EC2's allowances for the host's type were exceeded, by allowance.
    /// They are counted between the readings before and after the window, which lie up to 2 s outside it. Absent if
    /// they are not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ena_allowance_exceeded: Option<BTreeMap<String, u64>>,
}

/// Shares of the time of all CPUs together. The rest to 1 was idle.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CpuUse {
    /// User mode, including low priority.
    pub user: f64,
    /// System mode, including interrupts and soft interrupts.
    pub system: f64,
    /// Idle while a thread waited for I/O.
    pub iowait: f64,
    /// Taken by the hypervisor.
    pub steal: f64,
}

/// The resources that the processes called Orthanc used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrthancUse {
    /// CPU time divided by time: 1.0 is one CPU, all the time.
    pub cpu_cores: f64,
    /// The share of the window in which its busiest thread ran. The busiest thread is chosen anew between each two
    /// samples. A thread of Orthanc's pool takes each message of an association, mostly but not always the same one.
    /// Absent if the kernel did not report it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub busiest_thread: Option<f64>,
}

/// The use of disks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiskUse {
    /// Bytes read a second, all disks.
    pub read_bytes_per_second: f64,
    /// Bytes written a second, all disks.
    pub written_bytes_per_second: f64,
    /// Reads and writes a second, all disks.
    pub operations_per_second: f64,
    /// Of the busiest disk, the share of the window with at least one operation in progress. A disk that works on
    /// several at once, like EBS, may be at 1 and still have room.
    pub busy: f64,
}

/// The traffic over network interfaces.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrafficUse {
    /// Bytes received a second.
    pub received_bytes_per_second: f64,
    /// Bytes sent a second.
    pub sent_bytes_per_second: f64,
}

/// The resources that both hosts used over all valid counted iterations of a scenario; null for a host without samples.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScenarioResources {
    /// The host that receives.
    pub server: Option<ResourceUse>,
    /// The host that sends.
    pub client: Option<ResourceUse>,
}
