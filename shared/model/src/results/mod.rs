//! The results of a run: the types of report.json.
//!
//! The analysis writes them; the report and scripts read them.

mod check;
mod decomposition;
mod error;
mod existing;
mod finding;
mod growth;
mod kept;
mod resources;
mod scenario;
mod search;
mod server_fault;
mod timeline;
mod two_runs;
mod verdict;
mod within_run;

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::check::Check;
pub use self::decomposition::{BySize, Decomposition};
pub use self::error::RunError;
pub use self::existing::{ExistingSummary, NegotiationSummary};
pub use self::finding::{Confidence, ConfigurationAdvice, Evidence, Finding, Gain, Rule};
pub use self::growth::{Growth, LatencyBucket};
pub use self::kept::{BuildSummary, KeptCommand, KeptHosts};
pub use self::resources::{CpuUse, DiskUse, OrthancUse, ResourceUse, ScenarioResources, TrafficUse};
pub use self::scenario::{IterationSummary, LatencySummary, NotMeasured, ScenarioSummary};
pub use self::search::{SearchLevel, SearchSummary};
pub use self::server_fault::{FaultyIteration, ServerFault};
pub use self::timeline::{Timeline, TimelinePoint};
pub use self::two_runs::{ComparedRun, DifferenceOf, RunComparison, RunDifference, RunNoise, ScenarioPair};
pub use self::verdict::{BaselineComparison, Change, RunStatus, ThresholdOutcome, ThresholdState, Verdict};
pub use self::within_run::ScenarioComparison;
use crate::dataset::Refused;
use crate::measurement::{Clock, HostVersions, ReadBack};
use crate::network::NetworkBaseline;
use crate::plan::{Estimate, FingerprintParts, Hosts};
use crate::request::Request;
use crate::step::{HostRole, StepError};

/// The results of a run.
///
/// Scripts may rely on `runId`, `status`, `verdict`, `error`, `fingerprint`, `hostsLeft`, `scenarios`, `comparisons`,
/// `diagnosis` and `checks`. The other fields may grow. docs/results.md explains each figure, and the comparisons that
/// are allowed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// The run's id.
    pub run_id: String,
    /// Succeeded if there was no error, no host is left, and everything in the plan is measured. Otherwise failed.
    pub status: RunStatus,
    /// The verdict on the result.
    pub verdict: Verdict,
    /// The error that ended the run early, or that prevented its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<RunError>,
    /// Hash of the properties that two runs must share to be compared.
    pub fingerprint: String,
    /// Hosts of this run that still exist, except those that the request keeps.
    pub hosts_left: u32,
    /// The scenarios and their figures, in the plan's order. A scenario without a valid iteration has null for its
    /// figures.
    pub scenarios: Vec<ScenarioSummary>,
    /// Every pair of scenarios that differ in one setting.
    pub comparisons: Vec<ScenarioComparison>,
    /// The limits of the transfer, the most certain finding first.
    pub diagnosis: Vec<Finding>,
    /// The checks of a dry run, which has no scenario.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,

    /// The hosts that stay after this report, because the request keeps them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<KeptHosts>,
    /// Id of the run whose hosts this run used. It launched none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hosts_of: Option<String>,
    /// The build of Orthanc in each block, if the request names a build.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub builds: Vec<BuildSummary>,
    /// Failures of the server, seen on its own host. An iteration with such a failure does not count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub server_faults: Vec<ServerFault>,
    /// Orthanc's live configuration, compared with the advice for ingest.
    pub configuration_advice: Vec<ConfigurationAdvice>,
    /// The results of searches, if the request asks for the most that the server sustains.
    pub searches: Vec<SearchSummary>,
    /// This run, compared with the one that the request names as its baseline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<RunComparison>,
    /// Each threshold, checked in each scenario.
    pub thresholds: Vec<ThresholdOutcome>,
    /// Each scenario, compared with its history if the request asks for that.
    pub baseline: Vec<BaselineComparison>,
    /// Counted iterations of the plan that did not run.
    pub not_measured: Vec<NotMeasured>,
    /// Steps that ended with an error on their host.
    pub failed_steps: Vec<FailedStep>,
    /// Instances that were fetched back and compared, one for each block run.
    pub samples: Vec<ReadBackSummary>,
    /// The network's own capacity, one entry for each block run.
    pub network: Vec<NetworkSummary>,
    /// The hosts' use of resources over the run.
    pub timeline: Timeline,
    /// Notes for the reader, found while planning and while summarizing.
    pub notes: Vec<String>,
    /// Time of planning, RFC 3339.
    #[schemars(with = "String")]
    pub started_at: Timestamp,
    /// Time of the summary, RFC 3339.
    #[schemars(with = "String")]
    pub finished_at: Timestamp,
    /// The estimate of the plan.
    pub estimate: Estimate,
    /// US dollars at list price, as if all hosts had existed from `startedAt` to `finishedAt`: an upper bound. 0 for a run
    /// without hosts.
    pub cost_usd_at_most: f64,
    /// The dataset that was sent.
    pub dataset: DatasetSummary,
    /// The hosts, as launched. As planned, if launch did not get to both. Empty if this machine sends to an existing server.
    pub hosts: Hosts,
    /// The software of the hosts.
    pub versions: Versions,
    /// The existing server that was measured, and the studies that it received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub existing: Option<ExistingSummary>,
    /// The answers of an existing server to an association request: one entry, unless the block runs differ.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub negotiated: Vec<NegotiationSummary>,
    /// Orthanc's live configuration in the last block run, as it reported it; null if it could not be asked.
    pub server_configuration: Option<ServerConfigurationSummary>,
    /// The clocks that the times come from: one entry, unless the block runs differ.
    pub clocks: Vec<Clock>,
    /// The properties that the fingerprint is a hash of, and the implementation that an existing server announced.
    pub fingerprint_of: FingerprintParts,
    /// The request, defaults filled in.
    pub request: Request,
}

/// A step that ended with an error on its host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailedStep {
    /// The host of the step.
    pub host: HostRole,
    /// The step's name.
    pub step: String,
    /// The agent's error.
    pub error: StepError,
}

/// An instance that was fetched back and compared element by element.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReadBackSummary {
    /// The block run's place in the sequence.
    pub ordinal: u32,
    /// Number of the block.
    pub block: u32,
    /// Number of the round, from 0.
    pub round: u32,
    /// The result of the comparison.
    #[serde(flatten)]
    pub check: ReadBack,
}

/// The network's own capacity between the hosts, measured before a block run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NetworkSummary {
    /// The block run's place in the sequence.
    pub ordinal: u32,
    /// Number of the block.
    pub block: u32,
    /// Number of the round, from 0.
    pub round: u32,
    /// The baseline; null if it could not be measured.
    pub baseline: Option<NetworkBaseline>,
    /// The reason why it could not be measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The dataset that was sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DatasetSummary {
    /// Instances as the client counted them, or as planned if it did not count them.
    pub instances: u32,
    /// Bytes of the files as the client counted them, or as planned if it did not count them.
    pub bytes: u64,
    /// Hash of the content, part of the fingerprint: equal for the same bytes.
    pub hash: String,
    /// SHA-256 over the files' own SHA-256, as the client computed it; null if the client never had the files.
    pub sha256: Option<String>,
    /// Objects that were not sent, each with its reason.
    pub refused: Vec<Refused>,
}

/// The software of the hosts; null for a host that did not report it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Versions {
    /// The host with Orthanc.
    pub server: Option<HostVersions>,
    /// The host with DCMTK.
    pub client: Option<HostVersions>,
}

/// Orthanc's live configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ServerConfigurationSummary {
    /// Its configuration, without secrets.
    pub orthanc: BTreeMap<String, Value>,
    /// The part of its environment that affects DICOM.
    pub environment: BTreeMap<String, Value>,
}
