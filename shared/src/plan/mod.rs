//! From a request to what will be done: blocks of scenarios, their order, what it takes and when it expires.

mod block;
mod estimate;
mod offline;

use std::fmt::Write as _;

use jiff::Timestamp;
use rand::distr::{Alphanumeric, SampleString as _};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub use self::block::{Block, BlockRun, Scenario, ServerSettings, Settings, turn};
pub use self::estimate::Estimate;
pub use self::offline::try_plan;

use crate::dataset::{self, Refused};
use crate::host_type::HostType;
use crate::request::{CpuCredits, Request, Search, Synthetic};
use crate::search::{self, SearchAxis};
use crate::validation::{FieldError, InvalidRequest};

/// The most block runs (blocks times rounds): with more, the execution's history could grow past 5,000 events.
pub const MAX_BLOCK_RUNS: usize = 18;
/// The most scenarios in a plan.
pub const MAX_SCENARIOS: usize = 200;

/// A run, worked out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The run: the name of its execution.
    pub run_id: String,
    /// The request, defaults filled in.
    pub request: Request,
    /// When it was planned, RFC 3339.
    #[schemars(with = "String")]
    pub created_at: Timestamp,
    /// When its hosts expire: the earlier of limits.maxMinutes and the time at which limits.maxCostUsd is spent.
    #[schemars(with = "String")]
    pub expires_at: Timestamp,
    /// The hosts.
    pub hosts: Hosts,
    /// What is sent.
    pub dataset: DatasetPlan,
    /// The scenarios, by server configuration.
    pub blocks: Vec<Block>,
    /// The order in which the blocks run, rounds in ABBA order.
    pub sequence: Vec<BlockRun>,
    /// What it will take.
    pub estimate: Estimate,
    /// What must be the same for two runs to be compared, hashed.
    pub fingerprint: String,
    /// What the fingerprint is of.
    pub fingerprint_of: FingerprintParts,
    /// What a reader of the results should know, found while planning.
    pub notes: Vec<String>,
}

/// The two hosts of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Hosts {
    /// Runs Orthanc.
    pub server: HostPlan,
    /// Sends.
    pub client: HostPlan,
}

/// A host to launch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostPlan {
    /// EC2 instance type.
    pub instance_type: String,
    /// AMI id.
    pub ami: String,
    /// Root volume in GiB.
    #[serde(rename = "volumeGiB")]
    pub volume_gib: u32,
    /// For burstable types.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_credits: Option<CpuCredits>,
}

/// The dataset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DatasetPlan {
    /// Made or brought.
    pub source: DatasetOrigin,
    /// Instances to send.
    pub instances: u32,
    /// Bytes to send; an upper bound for a synthetic dataset.
    pub bytes: u64,
    /// The same for the same bytes.
    pub hash: String,
    /// Objects that are left out, each with its reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<Refused>,
}

/// Where the dataset comes from.
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
}

/// A user's own object that will be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedObject {
    /// S3 key.
    pub key: String,
    /// Size in bytes.
    pub bytes: u64,
    /// S3's ETag, which stands for the content.
    pub etag: String,
    /// SOP Instance UID (0008,0018).
    pub sop_instance_uid: String,
    /// SOP Class UID (0008,0016).
    pub sop_class_uid: String,
    /// Transfer Syntax UID (0002,0010).
    pub transfer_syntax_uid: String,
}

/// Hardware and dataset: what two runs must share to be compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FingerprintParts {
    /// EC2 instance type of the server.
    pub server_type: String,
    /// EC2 instance type of the client.
    pub client_type: String,
    /// Credit option of the server, if it is burstable.
    pub server_cpu_credits: Option<CpuCredits>,
    /// Credit option of the client, if it is burstable.
    pub client_cpu_credits: Option<CpuCredits>,
    /// Root volume of the server in GiB.
    #[serde(rename = "serverVolumeGiB")]
    pub server_volume_gib: u32,
    /// Root volume of the client in GiB.
    #[serde(rename = "clientVolumeGiB")]
    pub client_volume_gib: u32,
    /// Hash of the dataset.
    pub dataset: String,
}

/// What nobody but the two hosts needs to know. It is worthless once they are gone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Secrets {
    /// User of Orthanc's REST interface.
    pub rest_user: String,
    /// Its password.
    pub rest_password: String,
}

/// What a plan is made from, beside the request.
#[derive(Debug, Clone)]
pub struct Circumstances {
    /// The run.
    pub run_id: String,
    /// The time.
    pub now: Timestamp,
    /// AMI id for the server.
    pub server_ami: String,
    /// AMI id for the client.
    pub client_ami: String,
}

/// GiB of a root volume that the operating system and its packages take.
const SYSTEM_GIB: u64 = 6;

/// Works out a plan.
///
/// # Errors
/// Every limit that the plan would break, at the field that decides it.
pub fn plan(request: Request, dataset: DatasetPlan, circumstances: Circumstances) -> Result<Plan, InvalidRequest> {
    let mut errors = Vec::new();
    let scenarios = block::scenario_count(&request);
    if scenarios > MAX_SCENARIOS {
        let allowed = format!("a matrix whose product is at most {MAX_SCENARIOS} scenarios");
        // The product itself is not made: it may not fit in memory.
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
        errors.extend(search_errors(search, scenarios, dataset.instances));
    }
    // The client keeps the dataset once in each transfer syntax.
    let conversions = request.matrix.transfer_syntax.iter().filter(|syntax| syntax.uid().is_some()).count() as u64;
    for (path, volume, copies) in [
        ("server.volume.sizeGiB", &request.server.volume, 1),
        ("client.volume.sizeGiB", &request.client.volume, 1 + conversions),
    ] {
        // A tenth more, for the database and the file system.
        let bytes = dataset.bytes.saturating_mul(copies);
        let needed = SYSTEM_GIB + (bytes + bytes / 10).div_ceil(1 << 30);
        if u64::from(volume.size_gib) < needed {
            let problem =
                format!("is {}, too small for a dataset of {} MB", volume.size_gib, dataset.bytes / 1_000_000);
            errors.push(FieldError::new(path, problem, format!("at least {needed}")));
        }
    }
    let estimate = estimate::estimate(&request, &dataset, &blocks);
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

    let fingerprint_of = FingerprintParts {
        server_type: request.server.instance_type.clone(),
        client_type: request.client.instance_type.clone(),
        server_cpu_credits: credits(&request.server.instance_type, request.server.cpu_credits),
        client_cpu_credits: credits(&request.client.instance_type, request.client.cpu_credits),
        server_volume_gib: request.server.volume.size_gib,
        client_volume_gib: request.client.volume.size_gib,
        dataset: dataset.hash.clone(),
    };
    Ok(Plan {
        hosts: Hosts {
            server: HostPlan {
                instance_type: request.server.instance_type.clone(),
                ami: circumstances.server_ami,
                volume_gib: request.server.volume.size_gib,
                cpu_credits: fingerprint_of.server_cpu_credits,
            },
            client: HostPlan {
                instance_type: request.client.instance_type.clone(),
                ami: circumstances.client_ami,
                volume_gib: request.client.volume.size_gib,
                cpu_credits: fingerprint_of.client_cpu_credits,
            },
        },
        created_at: circumstances.now,
        expires_at: circumstances.now + estimate::lifetime(&request, &estimate),
        sequence: block::sequence(&blocks, &request),
        fingerprint: hash(&fingerprint_of),
        notes: notes(&request, &dataset, &blocks),
        run_id: circumstances.run_id,
        fingerprint_of,
        blocks,
        estimate,
        dataset,
        request,
    })
}

impl DatasetPlan {
    /// The plan of a synthetic dataset, which needs no look at anything.
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

    /// The plan of a user's own objects.
    #[must_use]
    pub fn objects(bucket: String, mut objects: Vec<PlannedObject>, refused: Vec<Refused>) -> Self {
        objects.sort_by(|a, b| a.key.cmp(&b.key));
        let content: Vec<_> =
            objects.iter().map(|object| (&object.sop_instance_uid, object.bytes, &object.etag)).collect();
        Self {
            instances: u32::try_from(objects.len()).unwrap_or(u32::MAX),
            bytes: objects.iter().map(|object| object.bytes).sum(),
            hash: hash(&content),
            source: DatasetOrigin::S3 { bucket, objects },
            refused,
        }
    }
}

impl Plan {
    /// The block that a block run measures.
    #[must_use]
    pub fn block_of(&self, ordinal: u32) -> Option<(&BlockRun, &Block)> {
        let run = self.sequence.iter().find(|run| run.ordinal == ordinal)?;
        Some((run, self.blocks.iter().find(|block| block.block == run.block)?))
    }
}

impl Secrets {
    /// New ones.
    pub fn generate(random: &mut impl rand::Rng) -> Self {
        Self { rest_user: "dicomperf".to_owned(), rest_password: Alphanumeric.sample_string(random, 32) }
    }
}

/// What a search needs of the plan.
fn search_errors(search: &Search, scenarios: usize, instances: u32) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if scenarios > search::MOST_SCENARIOS {
        let problem = format!("makes {scenarios} scenarios, and a search from each");
        errors.push(FieldError::new("matrix", problem, format!("at most {} with search", search::MOST_SCENARIOS)));
    }
    if search.axis == SearchAxis::Rate && instances < search::LEAST_INSTANCES {
        let problem = format!("is rate, and no backlog can be told from {instances} instances");
        let allowed = format!("associations, or at least {} instances", search::LEAST_INSTANCES);
        errors.push(FieldError::new("search.axis", problem, allowed));
    }
    errors
}

fn notes(request: &Request, dataset: &DatasetPlan, blocks: &[Block]) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(probe) = blocks.iter().filter(|block| block.probe).find_map(|block| block.scenarios.first()) {
        notes.push(format!(
            "Scenario {} is a probe: no scenario of the matrix has TCP_NODELAY at both ends, and without one a slow server \
             cannot be told from a timer of TCP. It counts for no verdict.",
            probe.scenario
        ));
    }
    for (role, name) in [("server", &request.server.instance_type), ("client", &request.client.instance_type)] {
        let Some(host_type) = HostType::find(name) else { continue };
        if dataset.bytes > u64::from(host_type.memory_mib) << 19 {
            notes.push(format!(
                "The dataset ({} MB) is more than half of the {role}'s memory: its disk is measured too.",
                dataset.bytes / 1_000_000
            ));
        }
        if host_type.burstable {
            notes.push(format!(
                "The {role} ({name}) is burstable: steal time and spent credits disturb what is measured."
            ));
        }
    }
    notes
}

fn credits(instance_type: &str, credits: CpuCredits) -> Option<CpuCredits> {
    HostType::find(instance_type).filter(|host_type| host_type.burstable).map(|_| credits)
}

/// The first 16 hexadecimal digits of the SHA-256 of a value's JSON.
fn hash<T: Serialize>(value: &T) -> String {
    // Every value hashed here is plain data whose maps have string keys: it has a JSON form.
    let json = serde_json::to_vec(value).expect("plain data");
    Sha256::digest(json).iter().take(8).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
