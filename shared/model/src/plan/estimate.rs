//! The estimate of a run: minutes, dollars, and the lifetime of its hosts.

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Block, DatasetPlan, Hosts, search};
use crate::host_type::HostType;
use crate::request::{Arrival, InstancesPerAssociation, Request, TcpNoDelay};
use crate::settings::Settings;

/// A rough estimate of a run's time and cost.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Estimate {
    /// Minutes from start to report.
    pub minutes: f64,
    /// US dollars for hosts, volumes and public addresses, with the minutes for which the request keeps the hosts.
    pub cost_usd: f64,
    /// US dollars an hour.
    pub usd_per_hour: f64,
}

impl Estimate {
    /// Returns the estimate of the same work on hosts that exist. The run that keeps them pays for them.
    #[must_use]
    pub fn without_launch(self) -> Self {
        Self { minutes: (self.minutes - FIXED_MINUTES).max(0.0), cost_usd: 0.0, ..self }
    }
}

/// Minutes of a run beside its blocks: launch, SSM registration, installation, teardown.
const FIXED_MINUTES: f64 = 6.0;
/// Seconds of a block beside its iterations: a restart of the SCP, the network's baseline, two commands.
const BLOCK_SECONDS: f64 = 24.0;
/// Seconds of an iteration beside the transfer: emptying the server, the association, counting the stored instances.
const ITERATION_SECONDS: f64 = 1.5;
/// Bytes per second between small hosts, with Orthanc as the server.
const BYTES_PER_SECOND: f64 = 60e6;
/// Seconds of a C-STORE with TCP_NODELAY at both ends, and without. Without it, a delayed ACK comes in between.
const STORE_SECONDS: [f64; 2] = [0.005, 0.05];
/// Seconds of an association: starting a process, opening and releasing.
const ASSOCIATION_SECONDS: f64 = 0.05;
/// Bytes per second of a conversion to another transfer syntax.
const CONVERTED_BYTES_PER_SECOND: f64 = 30e6;
/// A gp3 volume, US dollars a GiB and month (730 hours), us-east-1.
const VOLUME_USD_PER_GIB_MONTH: f64 = 0.08;
/// A public IPv4 address, US dollars an hour.
const ADDRESS_USD_PER_HOUR: f64 = 0.005;

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
pub(super) fn estimate(request: &Request, dataset: &DatasetPlan, blocks: &[Block], hosts: &Hosts) -> Estimate {
    let seconds: f64 = blocks
        .iter()
        .map(|block| {
            let transfers: f64 =
                block.scenarios.iter().map(|scenario| iteration_seconds(&scenario.settings, dataset)).sum();
            let per_scenario = f64::from(block.iterations(request) + request.warmup);
            f64::from(block.rounds(request)) * (BLOCK_SECONDS + per_scenario * transfers)
        })
        .sum();
    // A search runs in the first round only.
    let searches: f64 = request.search.as_ref().map_or(0.0, |search| {
        let (iterations, transfers) = search::max_search_load(search.axis);
        let scenarios = blocks.iter().flat_map(|block| &block.scenarios);
        scenarios
            .map(|one| {
                iterations * ITERATION_SECONDS
                    + transfers * (iteration_seconds(&one.settings, dataset) - ITERATION_SECONDS)
            })
            .sum()
    });
    let converted = request.matrix.transfer_syntax.iter().filter(|syntax| syntax.uid().is_some()).count();
    let conversion = converted as f64 * dataset.bytes as f64 / CONVERTED_BYTES_PER_SECOND;
    let fixed_minutes = if hosts.iter().next().is_some() { FIXED_MINUTES } else { 0.0 };
    let minutes = fixed_minutes + (conversion + seconds + searches) / 60.0;
    let usd_per_hour: f64 = hosts
        .iter()
        .map(|(_, host)| {
            // The dearest of a list: any of them may be launched.
            let prices = host.types().filter_map(HostType::find).map(|host_type| host_type.usd_per_hour);
            let dearest = prices.fold(0.0, f64::max);
            dearest + ADDRESS_USD_PER_HOUR + f64::from(host.volume_gib) * VOLUME_USD_PER_GIB_MONTH / 730.0
        })
        // The sum of nothing is -0.0, and a limit divided by that is minus infinity.
        .fold(0.0, |all, one| all + one);
    let paid_minutes = minutes + kept_minutes(request);
    Estimate { minutes, cost_usd: usd_per_hour * paid_minutes / 60.0, usd_per_hour }
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn iteration_seconds(settings: &Settings, dataset: &DatasetPlan) -> f64 {
    let instances = f64::from(dataset.instances);
    let at_once = f64::from(settings.associations.min(4));
    let associations = match settings.instances_per_association {
        InstancesPerAssociation::All => 1.0,
        InstancesPerAssociation::Count(count) => instances / f64::from(count) / at_once,
    };
    let store_seconds = STORE_SECONDS[usize::from(settings.tcp_no_delay != TcpNoDelay::Both)];
    let sending = instances * store_seconds / at_once
        + associations * ASSOCIATION_SECONDS
        + dataset.bytes as f64 / BYTES_PER_SECOND;
    ITERATION_SECONDS
        + match settings.arrival {
            Arrival::Closed => sending,
            Arrival::Open(instances_per_second) => sending.max(instances / instances_per_second),
        }
}

/// Returns the minutes for which the request keeps the hosts after the report.
fn kept_minutes(request: &Request) -> f64 {
    request.keep_hosts.map_or(0.0, |keep| f64::from(keep.minutes))
}

/// Returns the time from the plan until the run's work ends. With the minutes for which the request keeps the hosts, they
/// never cost more than the request allows.
#[expect(clippy::cast_possible_truncation, reason = "at most 240 minutes")]
pub(super) fn lifetime(request: &Request, estimate: &Estimate) -> SignedDuration {
    // Infinite without a host.
    let affordable_minutes = request.limits.max_cost_usd / estimate.usd_per_hour * 60.0 - kept_minutes(request);
    SignedDuration::from_secs((affordable_minutes.min(f64::from(request.limits.max_minutes)) * 60.0) as i64)
}
