//! What the hosts used while a scenario was measured, and what that says against its figures.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{IterationSummary, Stores};
use crate::host_type::HostType;
use crate::plan::{Plan, Settings};
use crate::request::Target;
use crate::resources::ResourceUse;
use crate::samples::{self, ResourceSample, Sample, UnreadableSamples};
use crate::step::HostRole;

/// What both hosts sampled, in its order. Either may be empty: a host that died took its samples with it.
#[derive(Debug, Clone, Default)]
pub struct HostSamples {
    /// The host that receives.
    pub server: Vec<ResourceSample>,
    /// The host that sends.
    pub client: Vec<ResourceSample>,
}

impl HostSamples {
    /// Adds what is in a host's samples file: resources here, the C-STOREs to `stores`.
    ///
    /// # Errors
    /// The file is none, or not whole. What could be read of it is added nevertheless.
    pub fn add(&mut self, host: HostRole, file: &[u8], stores: &mut Stores) -> Result<(), UnreadableSamples> {
        let resources = match host {
            HostRole::Server => &mut self.server,
            HostRole::Client => &mut self.client,
        };
        let read = samples::each(file, |sample| match sample {
            Sample::Resources(sample) => resources.push(*sample),
            Sample::Store(store) => stores.add(&store),
        });
        // The agent appends in the order of time, but a step that was taken up again samples beside the first.
        resources.sort_by_key(|sample| sample.at_ms);
        read
    }
}

/// What both hosts used, over all valid counted iterations of a scenario; null for a host without samples.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScenarioResources {
    /// The host that receives.
    pub server: Option<ResourceUse>,
    /// The host that sends.
    pub client: Option<ResourceUse>,
}

/// From this share of one CPU on, a sender that has one thread cannot do more.
const BUSY: f64 = 0.95;
/// Up to this share of its busiest CPU, and of Orthanc's busiest thread, the server could do more.
const IDLE: f64 = 0.80;
/// From this share of CPU time on, taken by the hypervisor, a burstable host is throttled.
const THROTTLED: f64 = 0.02;

impl ScenarioResources {
    /// Over the iterations that count, from the start of each to its end, by each host's own wall clock.
    pub(super) fn of(samples: &HostSamples, iterations: &[IterationSummary]) -> Self {
        let over = |samples: &[ResourceSample]| {
            let windows: Vec<_> = iterations
                .iter()
                .filter(|iteration| iteration.counts())
                .filter_map(|iteration| {
                    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most an hour")]
                    let duration_ms = iteration.duration_ms.max(0.0) as u64;
                    ResourceUse::over(samples, iteration.started_at_ms, iteration.started_at_ms + duration_ms)
                })
                .collect();
            ResourceUse::mean(&windows)
        };
        Self { server: over(&samples.server), client: over(&samples.client) }
    }

    /// What a reader must know before believing the scenario's figures. Nothing is dropped for it.
    pub(super) fn warnings(&self, plan: &Plan, settings: &Settings) -> Vec<String> {
        let mut warnings = Vec::new();
        if let (Some(client), Some(server), Target::Orthanc) = (&self.client, &self.server, settings.target) {
            let thread = server.orthanc.and_then(|orthanc| orthanc.busiest_thread).unwrap_or_default();
            if client.busiest_cpu >= BUSY && server.busiest_cpu <= IDLE && thread <= IDLE {
                warnings.push(format!(
                    "The client was the bottleneck: its busiest CPU was {:.0}% busy, the server's {:.0}%. The server can \
                     do more than is shown here.",
                    client.busiest_cpu * 100.0,
                    server.busiest_cpu * 100.0
                ));
            }
        }
        let hosts = [
            ("server", &self.server, &plan.request.server.instance_type),
            ("client", &self.client, &plan.request.client.instance_type),
        ];
        for (role, used, instance_type) in hosts {
            let burstable = HostType::find(instance_type).is_some_and(|host_type| host_type.burstable);
            if let Some(used) = used.as_ref().filter(|used| burstable && used.cpu.steal >= THROTTLED) {
                warnings.push(format!(
                    "The {role} ({instance_type}) is burstable and was throttled: {:.0}% of its CPU time was stolen.",
                    used.cpu.steal * 100.0
                ));
            }
        }
        warnings
    }
}
