//! The hosts' resource use over the whole run, thinned out for a chart.

use jiff::Timestamp;

use super::resources::HostSamples;
use dicomperf_model::results::{Timeline, TimelinePoint};
use dicomperf_model::samples::ResourceSample;

use crate::resources;

/// Points of a host's timeline at most.
const MAX_POINTS: usize = 300;

/// Returns both hosts' resource use over a run that was planned at `started_at`.
pub(super) fn timeline(samples: &HostSamples, started_at: Timestamp) -> Timeline {
    let started_ms = u64::try_from(started_at.as_millisecond()).unwrap_or_default();
    Timeline { server: points(&samples.server, started_ms), client: points(&samples.client, started_ms) }
}

/// Makes each point from as many neighbouring samples as it takes to stay within [`MAX_POINTS`].
fn points(samples: &[ResourceSample], started_ms: u64) -> Vec<TimelinePoint> {
    let every = samples.len().div_ceil(MAX_POINTS).max(1);
    // The last sample of a stretch is the first of the next one.
    samples.windows(every + 1).step_by(every).filter_map(|stretch| point(stretch, started_ms)).collect()
}

#[expect(clippy::cast_precision_loss, reason = "hours in ms")]
fn point(stretch: &[ResourceSample], started_ms: u64) -> Option<TimelinePoint> {
    let (from_ms, to_ms) = (stretch.first()?.at_ms, stretch.last()?.at_ms);
    let used = resources::use_between(stretch, from_ms, to_ms)?;
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
