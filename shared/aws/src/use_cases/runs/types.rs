//! Inputs and answers of the use cases of runs, as the command line and the HTTP API show them.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::clients::records::RunRecord;
use dicomperf_model::results::RunStatus;

/// A run that was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StartedRun {
    /// Id of the run.
    pub run_id: String,
    /// ARN of its execution.
    pub execution_arn: String,
    /// Status of the run: RUNNING, unless a client token names a run that is over.
    pub status: RunStatus,
}

/// Conditions on the runs of a list, and the page of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunQuery {
    /// Name of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Hash of hardware and dataset, or its beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// The earliest time of planning, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub since: Option<Timestamp>,
    /// The latest time of planning, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub until: Option<Timestamp>,
    /// Runs of a page at most, 1 to 100; 25 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u32", range(min = 1, max = 100))]
    pub limit: Option<u32>,
    /// `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
}

/// A page of runs, the newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunPage {
    /// The runs. A page may have fewer than its limit, even none, although another one follows.
    pub runs: Vec<RunRecord>,
    /// Token of the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A run with its scenarios.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ShownRun {
    /// Record of the run. A run that is not planned yet has few of the fields.
    #[serde(flatten)]
    pub record: RunRecord,
    /// Scenarios as in report.json, without their iterations. Empty until the run is summarized.
    pub scenarios: Vec<Map<String, Value>>,
}

/// A run that was stopped, or was over before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AbortedRun {
    /// Id of the run.
    pub run_id: String,
    /// True if the run was over before. Nothing was changed then.
    pub was_over: bool,
    /// Result of the call, for people.
    pub says: String,
}

/// Formats of a report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReportFormat {
    /// The page for people.
    #[default]
    Html,
    /// Every figure: schemas/report.schema.json.
    Json,
    /// The same as the page, for a pull request.
    Md,
}

/// A link to a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReportLink {
    /// Presigned URL. Whoever has it can read the report until it expires.
    pub url: String,
    /// Time at which the URL expires.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub expires_at: Timestamp,
}

/// A request that is allowed, and the plan that it leads to. Nothing was started.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Validation {
    /// Name of the request.
    pub name: String,
    /// The plan. Absent for a user's own objects, which only a run can inspect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanOutline>,
    /// Notes for whoever starts the run.
    pub warnings: Vec<String>,
}

/// Size, time and cost of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanOutline {
    /// Combinations of settings.
    pub scenarios: u64,
    /// Server configurations.
    pub blocks: u64,
    /// Block runs in all rounds. The server restarts once for each.
    pub block_runs: u64,
    /// Instances to send in one iteration.
    pub instances: u32,
    /// Bytes to send in one iteration; an upper bound for a synthetic dataset.
    pub bytes: u64,
    /// Estimated minutes from start to end.
    pub minutes: f64,
    /// Estimated US dollars.
    pub cost_usd: f64,
    /// Hash of hardware and dataset.
    pub fingerprint: String,
}
