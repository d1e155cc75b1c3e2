//! Two runs side by side.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::finding::Finding;
use super::scenario::LatencySummary;
use super::verdict::{Change, RunStatus};
use crate::settings::Difference;
use crate::statistics::Interval;

/// Run b, compared with run a.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunComparison {
    /// The run that serves as the reference.
    pub a: ComparedRun,
    /// The run that is judged.
    pub b: ComparedRun,
    /// True if both have the same fingerprint. Otherwise only the differences are reported.
    pub comparable: bool,
    /// Differences in the fingerprints, the versions, the requests' settings and Orthanc's live configuration.
    pub differences: Vec<RunDifference>,
    /// The pairs of scenarios that belong together.
    pub scenarios: Vec<ScenarioPair>,
    /// Scenarios of a without a partner in b, by number.
    pub only_in_a: Vec<u32>,
    /// Scenarios of b without a partner in a, by number.
    pub only_in_b: Vec<u32>,
    /// The worst of the pairs' verdicts: regressed before inconclusive before improved before equivalent.
    pub verdict: Change,
    /// Conclusion in a sentence or two.
    pub says: String,
    /// The noise between runs that was taken into account.
    pub noise: RunNoise,
}

/// A run in a comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ComparedRun {
    /// The run's id.
    pub run_id: String,
    /// Its request's name.
    pub name: String,
    /// Status of the run.
    pub status: RunStatus,
    /// Time of planning, RFC 3339.
    #[schemars(with = "String")]
    pub started_at: Timestamp,
    /// Its fingerprint.
    pub fingerprint: String,
}

/// A difference between two runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunDifference {
    /// Kind of the difference.
    pub of: DifferenceOf,
    /// Name for a person: `server Orthanc`, `DicomThreadsCount`.
    pub name: String,
    /// Value in run a; null if it is absent or unknown.
    pub a: Value,
    /// Value in run b; null if it is absent or unknown.
    pub b: Value,
}

/// The kinds of differences between two runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum DifferenceOf {
    /// Hardware and dataset. Runs that differ here are not compared.
    Fingerprint,
    /// Software of the hosts.
    Versions,
    /// The requests: the matrix, and the number of iterations.
    Settings,
    /// Orthanc's live configuration.
    Configuration,
}

/// Two scenarios that belong together: equal in all settings, except those in which the runs differ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScenarioPair {
    /// Number of the scenario in run a.
    pub a: u32,
    /// Number of the scenario in run b.
    pub b: u32,
    /// Name of both for a person: the settings that distinguish the pairs.
    pub name: String,
    /// The settings in which they differ.
    pub differences: Vec<Difference>,
    /// Instances per second in a.
    pub a_instances_per_second: Option<Interval>,
    /// Instances per second in b.
    pub b_instances_per_second: Option<Interval>,
    /// Times of C-STOREs in a, in ms.
    pub a_latency_ms: Option<LatencySummary>,
    /// Times of C-STOREs in b, in ms.
    pub b_latency_ms: Option<LatencySummary>,
    /// Median instances per second of b divided by those of a, with the 95% interval from the noise between iterations.
    pub ratio: Option<Interval>,
    /// The same, including the noise between runs. The verdict uses this ratio.
    pub ratio_between_runs: Option<Interval>,
    /// The verdict; improved means that b is faster than a.
    pub verdict: Change,
    /// The reason why there is no verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The explanation of the difference: findings of the diagnosis in the slower scenario that the faster one does not
    /// have.
    pub because: Vec<Finding>,
}

/// The noise between runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunNoise {
    /// Standard deviation of the logarithm of a run's median.
    pub standard_deviation: f64,
    /// Its source, for a person.
    pub source: String,
}
