//! The plan of a request: blocks of scenarios, their order, the estimate and the expiry.

mod block;
mod copies;
mod estimate;
mod hosts;
mod memory;
mod offline;
mod search;

use std::path::PathBuf;

use jiff::Timestamp;
use rand::distr::{Alphanumeric, SampleString as _};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::block::{Block, BlockRun, MAX_BLOCK_RUNS, Scenario, scenario_order};
pub use self::copies::MAX_INSTANCES;
pub use self::estimate::Estimate;
pub use self::hosts::{ExistingIdentity, FingerprintParts, HostPlan, Hosts, credits_of};
pub use self::offline::try_plan;
pub use self::search::max_search_load;

use crate::dataset::{self, PlannedObject, Refused};
use crate::hash::hash;
use crate::host_role::HostRole;
use crate::host_type::HostType;
use crate::measurement::Negotiated;
use crate::request::{Baseline, Request, Synthetic};
use crate::validation::{FieldError, InvalidRequest};

/// Scenarios in a plan at most.
pub const MAX_SCENARIOS: usize = 200;

/// A run, planned in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The run's id: the name of its execution.
    pub run_id: String,
    /// The request, defaults filled in.
    pub request: Request,
    /// Time of planning, RFC 3339.
    #[schemars(with = "String")]
    pub created_at: Timestamp,
    /// Time at which its work ends, and its hosts expire unless it keeps them: the earlier of limits.maxMinutes and the
    /// time at which limits.maxCostUsd is spent.
    #[schemars(with = "String")]
    pub expires_at: Timestamp,
    /// Time at which hosts that the run keeps expire at the latest: `expiresAt` and the minutes of `keepHosts`. Absent if
    /// it keeps no host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub kept_until_at_most: Option<Timestamp>,
    /// Id of the run whose hosts this run uses. It launches and terminates no host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hosts_of: Option<String>,
    /// True if the run only empties the hosts that it uses.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub clears: bool,
    /// The hosts that the run launches.
    pub hosts: Hosts,
    /// The dataset to send.
    pub dataset: DatasetPlan,
    /// The scenarios, by server configuration.
    pub blocks: Vec<Block>,
    /// The order in which the blocks run, rounds in ABBA order.
    pub sequence: Vec<BlockRun>,
    /// The estimated time and cost.
    pub estimate: Estimate,
    /// Hash of the properties that two runs must share to be compared.
    pub fingerprint: String,
    /// The properties that the fingerprint is a hash of.
    pub fingerprint_of: FingerprintParts,
    /// Notes for the reader of the results, found while planning.
    pub notes: Vec<String>,
    /// The run that had the name of the request's baseline at the time of planning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named_baseline: Option<String>,
}

/// The dataset, as planned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DatasetPlan {
    /// The origin of the instances: made, or the user's own.
    pub source: DatasetOrigin,
    /// Instances to send.
    pub instances: u32,
    /// Bytes to send; an upper bound for a synthetic dataset.
    pub bytes: u64,
    /// Hash of the content: equal for the same bytes.
    pub hash: String,
    /// Objects that are not sent, each with its reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<Refused>,
}

/// The origin of a dataset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum DatasetOrigin {
    /// Made on the client.
    Synthetic(Synthetic),
    /// A user's own objects.
    S3 {
        /// The bucket.
        bucket: String,
        /// The objects, sorted by key.
        objects: Vec<PlannedObject>,
    },
    /// A user's own files in a directory of this machine.
    Directory {
        /// The directory's path.
        path: PathBuf,
        /// The files by their paths in the directory, sorted.
        objects: Vec<PlannedObject>,
    },
}

/// Secrets of the two hosts. They are worthless once the hosts are gone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Secrets {
    /// User of Orthanc's REST interface.
    pub rest_user: String,
    /// Its password.
    pub rest_password: String,
}

/// The input of a plan beside the request.
#[derive(Debug, Clone)]
pub struct Circumstances {
    /// The run's id.
    pub run_id: String,
    /// The current time.
    pub now: Timestamp,
    /// AMI id for the server.
    pub server_ami: String,
    /// AMI id for the client.
    pub client_ami: String,
    /// True if this machine sends: the run launches no client.
    pub sends_from_here: bool,
}

/// GiB of a root volume for the operating system and its packages.
const SYSTEM_GIB: u64 = 6;

/// Plans a run.
///
/// # Errors
/// Returns every limit that the plan would break, at the field that decides it.
pub fn plan(request: Request, dataset: DatasetPlan, circumstances: Circumstances) -> Result<Plan, InvalidRequest> {
    let mut errors: Vec<_> = directory_error(&request, &circumstances).into_iter().collect();
    let scenarios = block::scenario_count(&request);
    if scenarios > MAX_SCENARIOS {
        let allowed = format!("a matrix whose product is at most {MAX_SCENARIOS} scenarios");
        // The product itself is not created: it may not fit in memory.
        return Err(InvalidRequest {
            errors: vec![FieldError::new("matrix", format!("makes {scenarios} scenarios"), allowed)],
        });
    }
    let blocks = block::blocks(&request);
    let block_runs = block::sequence(&blocks, &request).len();
    if block_runs > MAX_BLOCK_RUNS {
        let problem = format!(
            "makes {} server configurations, {block_runs} block runs in {} rounds",
            blocks.len(),
            request.rounds
        );
        errors.push(FieldError::new("matrix", problem, format!("at most {MAX_BLOCK_RUNS} block runs")));
    }
    if let Some(search) = &request.search {
        errors.extend(search::errors(search, scenarios, dataset.instances));
    }
    // The client stores the dataset once for each transfer syntax.
    let conversions = request.matrix.transfer_syntax.iter().filter(|syntax| syntax.uid().is_some()).count() as u64;
    let client_ami = Some(&*circumstances.client_ami).filter(|_| !circumstances.sends_from_here);
    let hosts = hosts::planned(&request, &circumstances.server_ami, client_ami);
    for (role, host) in hosts.iter() {
        let path = format!("{role}.volume.sizeGiB");
        let copies = if role == HostRole::Client { 1 + conversions } else { 1 };
        // A tenth more, for the database and the file system.
        let bytes = dataset.bytes.saturating_mul(copies);
        let needed = SYSTEM_GIB + (bytes + bytes / 10).div_ceil(1 << 30);
        if u64::from(host.volume_gib) < needed {
            let problem =
                format!("is {}, too small for a dataset of {} MB", host.volume_gib, dataset.bytes / 1_000_000);
            errors.push(FieldError::new(path, problem, format!("at least {needed}")));
        }
    }
    if circumstances.sends_from_here && matches!(request.baseline, Some(Baseline::Named(_))) {
        let problem = "only a stack knows the names of baselines";
        errors.push(FieldError::new("baseline.named", problem, "baseline.run, or \"history\""));
    }
    errors.extend(memory::error(&request, &dataset));
    errors.extend(copies::error(&request, &dataset));
    let estimate = estimate::estimate(&request, &dataset, &blocks, &hosts);
    if estimate.minutes > f64::from(request.limits.max_minutes) {
        let problem =
            format!("is {}, and the plan takes about {:.0}", request.limits.max_minutes, estimate.minutes.ceil());
        errors.push(FieldError::new("limits.maxMinutes", problem, "more minutes (240 at most), or a smaller plan"));
    }
    if estimate.cost_usd > request.limits.max_cost_usd {
        let problem = format!("is {}, and the plan costs about {:.2}", request.limits.max_cost_usd, estimate.cost_usd);
        errors.push(FieldError::new("limits.maxCostUsd", problem, "more, or a smaller plan"));
    }
    if !errors.is_empty() {
        return Err(InvalidRequest { errors });
    }

    let fingerprint_of = hosts::fingerprint_parts(&hosts, request.server.existing.as_ref(), &dataset.hash);
    let expires_at = circumstances.now + estimate::lifetime(&request, &estimate);
    Ok(Plan {
        created_at: circumstances.now,
        expires_at,
        kept_until_at_most: request.keep_hosts.map(|keep| expires_at + keep.duration()),
        hosts_of: None,
        clears: false,
        sequence: block::sequence(&blocks, &request),
        fingerprint: fingerprint_of.fingerprint(),
        notes: notes(&request, &dataset, &blocks, &hosts),
        named_baseline: None,
        hosts,
        run_id: circumstances.run_id,
        fingerprint_of,
        blocks,
        estimate,
        dataset,
        request,
    })
}

/// Returns the error of a run in AWS whose dataset is on this machine.
fn directory_error(request: &Request, circumstances: &Circumstances) -> Option<FieldError> {
    if circumstances.sends_from_here || request.dataset.directory.is_none() {
        return None;
    }
    let problem = "only dicomperf measure reads a directory: no host in AWS can";
    Some(FieldError::new("dataset.directory", problem, "dataset.synthetic or dataset.s3"))
}

impl DatasetPlan {
    /// Returns the plan of a synthetic dataset, from its specification alone.
    #[must_use]
    pub fn synthetic(spec: &Synthetic) -> Self {
        Self {
            source: DatasetOrigin::Synthetic(spec.clone()),
            instances: spec.instances,
            bytes: dataset::synthetic_bytes(spec),
            hash: hash(&(dataset::GENERATOR_VERSION, spec)),
            refused: Vec::new(),
        }
    }

    /// Returns the plan of a user's own objects.
    #[must_use]
    pub fn objects(bucket: String, objects: Vec<PlannedObject>, refused: Vec<Refused>) -> Self {
        Self::own(objects, refused, |objects| DatasetOrigin::S3 { bucket, objects })
    }

    /// Returns the plan of a user's own files in a directory.
    #[must_use]
    pub fn directory(path: PathBuf, objects: Vec<PlannedObject>, refused: Vec<Refused>) -> Self {
        Self::own(objects, refused, |objects| DatasetOrigin::Directory { path, objects })
    }

    fn own(
        mut objects: Vec<PlannedObject>,
        refused: Vec<Refused>,
        source: impl FnOnce(Vec<PlannedObject>) -> DatasetOrigin,
    ) -> Self {
        objects.sort_by(|a, b| a.key.cmp(&b.key));
        let content: Vec<_> =
            objects.iter().map(|object| (&object.sop_instance_uid, object.bytes, &object.etag)).collect();
        Self {
            instances: u32::try_from(objects.len()).unwrap_or(u32::MAX),
            bytes: objects.iter().map(|object| object.bytes).sum(),
            hash: hash(&content),
            source: source(objects),
            refused,
        }
    }
}

impl Plan {
    /// Returns the time at which the run's hosts expire at the latest.
    #[must_use]
    pub fn hosts_expire_at(&self) -> Timestamp {
        self.kept_until_at_most.unwrap_or(self.expires_at)
    }

    /// Returns the time until which the run keeps its hosts, if it is summarized at a time. Whole seconds, as people read
    /// them. `None` if it keeps no host.
    #[must_use]
    pub fn kept_until(&self, summarized_at: Timestamp) -> Option<Timestamp> {
        let until = (summarized_at + self.request.keep_hosts?.duration()).min(self.hosts_expire_at());
        Timestamp::from_second(until.as_second()).ok()
    }

    /// Returns the plan with the types that were launched. They decide the fingerprint and the notes on the hosts.
    #[must_use]
    pub fn with_launched_types(mut self, launched_type: impl Fn(HostRole) -> Option<String>) -> Self {
        let (server, client) = (&self.request.server, &self.request.client);
        for (role, host, credits) in [
            (HostRole::Server, &mut self.hosts.server, server.cpu_credits),
            (HostRole::Client, &mut self.hosts.client, client.cpu_credits),
        ] {
            let (Some(host), Some(launched)) = (host, launched_type(role)) else { continue };
            host.cpu_credits = hosts::credits_of(&launched, credits);
            host.instance_type = launched;
            host.further_types.clear();
        }
        self.notes = notes(&self.request, &self.dataset, &self.blocks, &self.hosts);
        let existing = self.request.server.existing.as_ref();
        self.fingerprint_of = hosts::fingerprint_parts(&self.hosts, existing, &self.dataset.hash);
        self.fingerprint = self.fingerprint_of.fingerprint();
        self
    }

    /// Returns the plan with the implementation that an existing server announced. The fingerprint stays the same.
    #[must_use]
    pub fn with_negotiated(mut self, negotiated: &Negotiated) -> Self {
        let existing = self.fingerprint_of.existing.take();
        self.fingerprint_of.existing = existing.map(|one| one.with_implementation(Some(negotiated)));
        self
    }

    /// Returns the id of the one run that this run is compared with.
    #[must_use]
    pub fn baseline_run(&self) -> Option<&str> {
        match self.request.baseline.as_ref()? {
            Baseline::Run(run_id) => Some(run_id),
            Baseline::Named(_) => self.named_baseline.as_deref(),
            Baseline::History => None,
        }
    }

    /// Returns the block run with this ordinal, and its block.
    #[must_use]
    pub fn block_of(&self, ordinal: u32) -> Option<(&BlockRun, &Block)> {
        let run = self.sequence.iter().find(|run| run.ordinal == ordinal)?;
        Some((run, self.blocks.iter().find(|block| block.number == run.block)?))
    }
}

impl Secrets {
    /// Returns new secrets.
    pub fn generate(random: &mut impl rand::Rng) -> Self {
        Self { rest_user: "dicomperf".to_owned(), rest_password: Alphanumeric.sample_string(random, 32) }
    }
}

/// Returns the notes on a plan with these hosts. Of several types each has its own notes.
fn notes(request: &Request, dataset: &DatasetPlan, blocks: &[Block], hosts: &Hosts) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(probe) = blocks.iter().filter(|block| block.probe).find_map(|block| block.scenarios.first()) {
        notes.push(format!(
            "Scenario {} is a probe: no scenario of the matrix has TCP_NODELAY at both ends. Without one, \
             a slow server looks like a TCP timer. The probe counts for no verdict.",
            probe.number
        ));
    }
    let server_types = hosts.server.iter().flat_map(HostPlan::types);
    notes.extend(server_types.filter_map(|server_type| memory::note(request, dataset, server_type)));
    if let DatasetOrigin::S3 { objects, .. } | DatasetOrigin::Directory { objects, .. } = &dataset.source {
        let contexts = dataset::context_count(objects);
        if contexts > dataset::MAX_CONTEXTS {
            notes.push(format!(
                "The dataset has {contexts} pairs of SOP class and transfer syntax, and an association carries {} (PS3.8 \
                 9.3.2.2): every sender opens further associations for the rest.",
                dataset::MAX_CONTEXTS
            ));
        }
    }
    for (role, host) in hosts.iter() {
        for name in host.types() {
            let Some(host_type) = HostType::find(name) else { continue };
            if dataset.bytes > u64::from(host_type.memory_mib) << 19 {
                notes.push(format!(
                    "The dataset ({} MB) is more than half of the {role}'s memory ({name}): its disk is measured too.",
                    dataset.bytes / 1_000_000
                ));
            }
            if host_type.burstable {
                notes.push(format!(
                    "The {role} ({name}) is burstable: steal time and spent credits disturb the measurement."
                ));
            }
        }
    }
    notes
}

#[cfg(test)]
mod tests;
