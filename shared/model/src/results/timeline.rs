//! Both hosts over the whole run, thinned out for a chart.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The use of both hosts' resources over the run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Timeline {
    /// The host that receives.
    pub server: Vec<TimelinePoint>,
    /// The host that sends.
    pub client: Vec<TimelinePoint>,
}

/// The use of a host's resources since the point before. Shares are 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TimelinePoint {
    /// The middle of the covered time, in seconds since the run's `startedAt`, by the host's own wall clock.
    pub at_seconds: f64,
    /// Of all CPUs together, the share that was neither idle nor stolen.
    pub cpu: f64,
    /// Of the busiest single CPU, the share in which it was busy.
    pub busiest_cpu: f64,
    /// The share of CPU time taken by the hypervisor.
    pub steal: f64,
    /// CPU time of the processes called Orthanc, divided by time: 1.0 is one CPU. Null if no such process ran.
    pub orthanc_cpus: Option<f64>,
    /// Of the busiest disk, the share with an operation in progress.
    pub disk_busy: f64,
    /// Bytes read and written a second, all disks.
    pub disk_bytes_per_second: f64,
    /// Bytes received and sent a second, all interfaces except `lo`.
    pub network_bytes_per_second: f64,
    /// Memory that a new program could have had, in bytes.
    pub memory_available_bytes: u64,
}
