//! The hosts' resource use while a scenario was measured.

use dicomperf_model::results::{IterationSummary, ScenarioResources};
use dicomperf_model::samples::{self, ResourceSample, Sample, ServerEnd, ServerLogSample, UnreadableSamples};
use dicomperf_model::step::HostRole;

use super::stores::Stores;
use crate::resources;

/// The resource samples of both hosts, in the order of time. A host that died before its upload has no samples.
#[derive(Debug, Clone, Default)]
pub struct HostSamples {
    /// Samples of the host that receives.
    pub server: Vec<ResourceSample>,
    /// Samples of the host that sends.
    pub client: Vec<ResourceSample>,
    /// Ends of servers' processes.
    pub ends: Vec<ServerEnd>,
    /// Warnings and errors of the server's log.
    pub log: Vec<ServerLogSample>,
}

impl HostSamples {
    /// Reads a host's samples file: adds the resource samples to `self` and the C-STOREs to `stores`.
    ///
    /// # Errors
    /// Fails if the file is not a samples file or is cut off. The samples before the fault are added nevertheless.
    pub fn add(&mut self, host: HostRole, file: &[u8], stores: &mut Stores) -> Result<(), UnreadableSamples> {
        let (ends, log) = (&mut self.ends, &mut self.log);
        let resources = match host {
            HostRole::Server => &mut self.server,
            HostRole::Client => &mut self.client,
        };
        let read = samples::for_each_sample(file, |sample| match sample {
            Sample::Resources(sample) => resources.push(*sample),
            Sample::Store(store) => stores.add(&store),
            Sample::ServerEnd(end) => ends.push(end),
            Sample::ServerLog(message) => log.push(message),
        });
        // The agent appends in the order of time, but a resumed step may sample at the same time as the first attempt.
        resources.sort_by_key(|sample| sample.at_ms);
        read
    }
}

/// Returns both hosts' resource use over the iterations that count. Each iteration counts from its start to its end, by
/// the wall clock of the host itself.
pub(super) fn used_by(samples: &HostSamples, iterations: &[IterationSummary]) -> ScenarioResources {
    let over = |samples: &[ResourceSample]| {
        let windows: Vec<_> = iterations
            .iter()
            .filter(|iteration| iteration.counts())
            .filter_map(|iteration| {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most an hour")]
                let duration_ms = iteration.duration_ms.max(0.0) as u64;
                resources::use_between(samples, iteration.started_at_ms, iteration.started_at_ms + duration_ms)
            })
            .collect();
        resources::mean(&windows)
    };
    ScenarioResources { server: over(&samples.server), client: over(&samples.client) }
}
