//! What the hosts did over the whole run, thinned out for a chart.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::HostSamples;
use crate::resources::ResourceUse;
use crate::samples::ResourceSample;

/// What both hosts did over the run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Timeline {
    /// The host that receives.
    pub server: Vec<TimelinePoint>,
    /// The host that sends.
    pub client: Vec<TimelinePoint>,
}

/// What a host did from the point before to this one. Shares are 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TimelinePoint {
    /// The middle of the time that it is of, in seconds since the run's `startedAt`, by the host's own wall clock.
    pub at_seconds: f64,
    /// Of all CPUs together, the share that was neither idle nor stolen.
    pub cpu: f64,
    /// Of the busiest single CPU, the share in which it was busy.
    pub busiest_cpu: f64,
    /// The share of CPU time taken by the hypervisor.
    pub steal: f64,
    /// CPU time of the processes called Orthanc over time: 1.0 is one CPU. Null where none ran.
    pub orthanc_cpus: Option<f64>,
    /// Of the busiest disk, the share in which it had an operation under way.
    pub disk_busy: f64,
    /// Bytes read and written a second, all disks.
    pub disk_bytes_per_second: f64,
    /// Bytes received and sent a second, all interfaces but `lo`.
    pub network_bytes_per_second: f64,
    /// Memory that a new program could have had, in bytes.
    pub memory_available_bytes: u64,
}

/// Points of a host at most.
const POINTS: usize = 300;

impl Timeline {
    /// Of a run that was planned at `started_at`.
    pub(super) fn of(samples: &HostSamples, started_at: Timestamp) -> Self {
        let started_ms = u64::try_from(started_at.as_millisecond()).unwrap_or_default();
        Self { server: points(&samples.server, started_ms), client: points(&samples.client, started_ms) }
    }
}

/// Each from as many neighbouring samples as it takes to stay within [`POINTS`].
fn points(samples: &[ResourceSample], started_ms: u64) -> Vec<TimelinePoint> {
    let every = samples.len().div_ceil(POINTS).max(1);
    // The last sample of a stretch is the first of the next one.
    samples.windows(every + 1).step_by(every).filter_map(|stretch| point(stretch, started_ms)).collect()
}

#[expect(clippy::cast_precision_loss, reason = "hours in ms")]
fn point(stretch: &[ResourceSample], started_ms: u64) -> Option<TimelinePoint> {
    let (from_ms, to_ms) = (stretch.first()?.at_ms, stretch.last()?.at_ms);
    let used = ResourceUse::over(stretch, from_ms, to_ms)?;
    Some(TimelinePoint {
        at_seconds: (f64::midpoint(from_ms as f64, to_ms as f64) - started_ms as f64) / 1000.0,
        cpu: used.cpu.user + used.cpu.system,
        busiest_cpu: used.busiest_cpu,
        steal: used.cpu.steal,
        orthanc_cpus: used.orthanc.map(|orthanc| orthanc.cpu_cores),
        disk_busy: used.disk.busy,
        disk_bytes_per_second: used.disk.read_bytes_per_second + used.disk.written_bytes_per_second,
        network_bytes_per_second: used.network.received_bytes_per_second + used.network.sent_bytes_per_second,
        memory_available_bytes: used.memory_available_min_bytes,
    })
}
