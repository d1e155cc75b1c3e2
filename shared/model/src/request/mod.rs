//! The request of a run: one JSON document. Every field has a default.
//!
//! [`Request::from_json`] checks a document against the JSON Schema of this type, then against the rules that a schema
//! cannot express. It returns every error at once.

mod axis_values;
mod build;
mod dataset;
pub mod existing;
mod keep;
mod matrix;
mod metric;
mod schema;
mod search;

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

pub use self::axis_values::{Arrival, InstancesPerAssociation, TcpNoDelay};
pub(crate) use self::axis_values::{MAX_ARRIVAL_PER_SECOND, MIN_ARRIVAL_PER_SECOND};
pub use self::build::{BuildObject, OrthancBuild, S3Build};
pub use self::dataset::{Dataset, Directory, Modality, OwnObjects, S3Objects, Synthetic};
pub use self::existing::{Cleanup, Existing, Receipt};
pub use self::keep::KeepHosts;
pub use self::matrix::{Matrix, Sender, Target, TransferSyntax};
pub use self::metric::{LatencyFigure, Metric, Threshold};
pub(crate) use self::schema::keyword as pattern_keyword;
pub use self::schema::request_schema;
pub use self::search::{Objective, Search, SearchAxis, Slo};
use crate::host_type::TypePreference;
use crate::validation::{FieldError, InvalidRequest};
use crate::{baseline_name, orthanc, run_id};

/// A request to measure. `{}` is the classic test: one storescu sends 200 CT instances to Orthanc, between two t3.micro
/// hosts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Request {
    /// A name to find the run by: letters, digits, space and `. _ -`, 64 characters at most.
    #[schemars(regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$"))]
    pub name: String,
    /// The dataset to send.
    pub dataset: Dataset,
    /// The host that receives, with Orthanc; or a server that exists already.
    #[serde(serialize_with = "serialize_server")]
    pub server: Server,
    /// The host that sends, with DCMTK.
    pub client: Client,
    /// The settings to measure: every combination of the axes' values is one scenario.
    pub matrix: Matrix,
    /// The search for the most that the server sustains, after the iterations of each scenario in the first round.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Search")]
    pub search: Option<Search>,
    /// Counted iterations of each scenario in each round.
    #[schemars(range(min = 1, max = 100))]
    pub iterations: u32,
    /// Iterations of each scenario in each round that are made first and do not count.
    #[schemars(range(max = 20))]
    pub warmup: u32,
    /// Repetitions of the blocks, in ABBA order: a drift of the hosts then affects all blocks alike.
    #[schemars(range(min = 1, max = 10))]
    pub rounds: u32,
    /// The baseline that the run is compared with, beside the comparisons inside the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Baseline")]
    pub baseline: Option<Baseline>,
    /// Limits on the result. The verdict names the broken ones.
    #[schemars(length(max = 32))]
    pub thresholds: Vec<Threshold>,
    /// Limits on time and cost. A plan over a limit is refused before anything is launched.
    pub limits: Limits,
    /// True for a dry run: it checks permissions, limits and resources, and launches nothing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// The time for which the hosts stay after the report. They stay only if everything was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "KeepHosts")]
    pub keep_hosts: Option<KeepHosts>,
}

/// The host that receives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Server {
    /// EC2 instance type, x86_64, or a list of types in order of preference. A later one is launched only if no zone has
    /// capacity for an earlier one.
    pub instance_type: TypePreference,
    /// The root volume, gp3 and encrypted.
    pub volume: Volume,
    /// CPU credits of a burstable (T) type; no effect on others.
    pub cpu_credits: CpuCredits,
    /// An AMI id, or the path of an SSM parameter that contains one. It replaces the stack's AMI.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", regex(pattern = r"^(ami-[0-9a-f]{8,17}|/aws/service/[A-Za-z0-9._/-]{1,200})$"))]
    pub ami: Option<String>,
    /// Orthanc's AE title (PS3.5 6.2, without the characters that cause trouble).
    #[schemars(regex(pattern = r"^[A-Za-z0-9_.-]([A-Za-z0-9 _.-]{0,14}[A-Za-z0-9_.-])?$"))]
    pub ae_title: String,
    /// Orthanc configuration keys, for every scenario. docs/request.md lists the allowed ones.
    #[schemars(schema_with = "orthanc::schema")]
    pub orthanc: BTreeMap<String, Value>,
    /// A server that exists already. All other fields of `server` are then errors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Existing")]
    pub existing: Option<Existing>,
}

/// The host that sends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Client {
    /// EC2 instance type, x86_64, or a list of types in order of preference. A later one is launched only if no zone has
    /// capacity for an earlier one.
    pub instance_type: TypePreference,
    /// The root volume, gp3 and encrypted.
    pub volume: Volume,
    /// CPU credits of a burstable (T) type; no effect on others.
    pub cpu_credits: CpuCredits,
    /// An AMI id, or the path of an SSM parameter that contains one. It replaces the stack's AMI.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", regex(pattern = r"^(ami-[0-9a-f]{8,17}|/aws/service/[A-Za-z0-9._/-]{1,200})$"))]
    pub ami: Option<String>,
    /// The AE title that the sender calls from (PS3.5 6.2, without the characters that cause trouble).
    #[schemars(regex(pattern = r"^[A-Za-z0-9_.-]([A-Za-z0-9 _.-]{0,14}[A-Za-z0-9_.-])?$"))]
    pub ae_title: String,
}

/// A host's root volume.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Volume {
    /// Size in GiB (2^30 bytes).
    #[serde(rename = "sizeGiB")]
    #[schemars(range(min = 8, max = 1000))]
    pub size_gib: u32,
}

/// EC2's credit option for burstable types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum CpuCredits {
    /// Throttled to the baseline when the credits are spent.
    Standard,
    /// Never throttled; surplus credits are charged. EC2's own default for T3.
    Unlimited,
}

/// The baseline of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Baseline {
    /// `"history"`: the earlier runs of the same fingerprint and settings.
    History,
    /// `{"run": "RUN-ID"}`: one earlier run.
    Run(String),
    /// `{"named": "NAME"}`: the run that has this name when the run is planned.
    Named(String),
}

/// Limits on the time and the cost of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Limits {
    /// Minutes from the start of the run after which its hosts expire.
    #[schemars(range(min = 10, max = 240))]
    pub max_minutes: u32,
    /// US dollars for hosts and volumes at list price. The hosts expire before they cost more.
    #[schemars(range(min = 0.01, max = 1000.0))]
    pub max_cost_usd: f64,
}

impl Request {
    /// Reads a request and checks all of it.
    ///
    /// # Errors
    /// Returns every wrong field, with its path and the allowed values.
    pub fn from_json(document: &Value) -> Result<Self, InvalidRequest> {
        let mut errors = schema::errors(document);
        // These rules can also read a document that breaks the schema.
        errors.extend(threshold_errors(document));
        errors.extend(Search::errors(document));
        let is_synthetic = ["s3", "directory"].iter().all(|own| document["dataset"].get(own).is_none());
        errors.extend(Matrix::errors(&document["matrix"], is_synthetic));
        errors.extend(existing::errors(document));
        errors.extend(OrthancBuild::errors(&document["matrix"]["orthancBuild"]));
        errors.extend(keep::errors(document));
        if !errors.is_empty() {
            return Err(InvalidRequest { errors });
        }
        let request: Self = serde_json::from_value(document.clone()).map_err(|error| InvalidRequest {
            errors: vec![FieldError::new("", error.to_string(), "see the schema")],
        })?;
        Ok(request.with_defaults_of_existing(&document["matrix"]))
    }

    /// Returns the request with the defaults of the axes that an existing server decides. `matrix` is that of the
    /// document.
    fn with_defaults_of_existing(mut self, matrix: &Value) -> Self {
        if let Some(existing) = &self.server.existing {
            self.matrix.target = vec![Target::Existing];
            self.matrix.tls = vec![existing.tls];
            if matrix.get("tcpNoDelay").is_none() {
                self.matrix.tcp_no_delay = vec![TcpNoDelay::Client];
            }
        }
        self
    }
}

impl JsonSchema for Baseline {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Baseline".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            { "const": "history", "description": "The earlier runs of the same fingerprint and settings." },
            {
                "type": "object",
                "properties": { "run": { "type": "string", "pattern": run_id::PATTERN, "maxLength": run_id::MAX_LENGTH } },
                "required": ["run"],
                "additionalProperties": false,
                "description": "One earlier run, by its id.",
            },
            {
                "type": "object",
                "properties": { "named": {
                    "type": "string",
                    "pattern": baseline_name::PATTERN,
                    "maxLength": baseline_name::MAX_LENGTH,
                } },
                "required": ["named"],
                "additionalProperties": false,
                "description": "The run that has this name as a baseline, when the run is planned. Only the stack knows the names.",
            },
        ] })
    }
}

/// Returns the errors that a JSON Schema cannot find: `min > max`.
fn threshold_errors(document: &Value) -> Vec<FieldError> {
    let thresholds = document["thresholds"].as_array().map_or(&[][..], Vec::as_slice);
    thresholds
        .iter()
        .enumerate()
        .filter(|(_, threshold)| threshold["min"].as_f64() > threshold["max"].as_f64() && threshold["max"].is_number())
        .map(|(index, threshold)| {
            let problem = format!("min {} is greater than max {}", threshold["min"], threshold["max"]);
            FieldError::new(format!("thresholds[{index}]"), problem, "min <= max")
        })
        .collect()
}

impl Default for Request {
    fn default() -> Self {
        Self {
            name: "classic".to_owned(),
            dataset: Dataset::default(),
            server: Server::default(),
            client: Client::default(),
            matrix: Matrix::default(),
            search: None,
            iterations: 5,
            warmup: 1,
            rounds: 2,
            baseline: None,
            thresholds: Vec::new(),
            limits: Limits::default(),
            dry_run: false,
            keep_hosts: None,
        }
    }
}

/// Writes the server. An existing server has no fields of a host.
fn serialize_server<S: Serializer>(server: &Server, serializer: S) -> Result<S::Ok, S::Error> {
    match &server.existing {
        Some(existing) => BTreeMap::from([("existing", existing)]).serialize(serializer),
        None => server.serialize(serializer),
    }
}

impl Default for Server {
    fn default() -> Self {
        Self {
            instance_type: "t3.micro".into(),
            volume: Volume::default(),
            cpu_credits: CpuCredits::Unlimited,
            ami: None,
            ae_title: "ORTHANC".to_owned(),
            orthanc: BTreeMap::new(),
            existing: None,
        }
    }
}

impl Default for Client {
    fn default() -> Self {
        Self {
            instance_type: "t3.micro".into(),
            volume: Volume::default(),
            cpu_credits: CpuCredits::Unlimited,
            ami: None,
            ae_title: "DICOMPERF".to_owned(),
        }
    }
}

impl Default for Volume {
    fn default() -> Self {
        Self { size_gib: 20 }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_minutes: 60, max_cost_usd: 1.0 }
    }
}
