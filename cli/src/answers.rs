//! The documents that `--json` prints. schemas/cli/ has a JSON Schema of each.

use dicomperf_aws::use_cases::runs::PlanOutline;
use dicomperf_model::history::NamedBaseline;
use dicomperf_model::results::{Check, KeptHosts, RunError, RunStatus, Verdict};
use schemars::JsonSchema;
use serde::Serialize;

/// Prints the one document of a command.
pub fn print_json(document: &impl Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(document)?);
    Ok(())
}

/// Answer of `run`, `attach`, `again`, `clear` and `doctor`: a run and its end.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunAnswer {
    /// Id of the run.
    pub run_id: String,
    /// Status of the run. RUNNING if it was left running.
    pub status: RunStatus,
    /// Verdict on the results; absent without a report.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// The error that ended the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<RunError>,
    /// S3 location of the run's files.
    pub location: String,
    /// Paths of the reports that were written to this machine.
    pub files: Vec<String>,
    /// The checks of a dry run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
    /// The hosts that stay after the report, with the commands to use them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<KeptHosts>,
}

/// An error in one field of the input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FieldProblem {
    /// Path of the field: `matrix.associations[0]`; empty for the document itself.
    pub path: String,
    /// The problem.
    pub problem: String,
    /// The allowed values.
    pub allowed: String,
}

/// Answer of `validate`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ValidateAnswer {
    /// True if the request is allowed.
    pub valid: bool,
    /// Every error of the request; empty if it is allowed.
    pub errors: Vec<FieldProblem>,
    /// The plan, with minutes and price. Absent for a user's own objects, which only a run can inspect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanOutline>,
    /// Notes for the person who starts the run.
    pub warnings: Vec<String>,
}

/// Answer of `abort` and `teardown`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AbortAnswer {
    /// Id of the run.
    pub run_id: String,
    /// True if the run was over before. Nothing was changed then.
    pub was_over: bool,
    /// Hosts that are left; null if that is not known yet.
    pub hosts_left: Option<u32>,
}

/// Answer of `report` and `history`: files that were written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FilesAnswer {
    /// Their paths.
    pub files: Vec<String>,
    /// True if a browser was started.
    pub opened: bool,
}

/// Answer of `baseline list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct BaselineList {
    /// The baselines, by name.
    pub baselines: Vec<NamedBaseline>,
}

/// Answer of `baseline delete` and `schedule delete`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Deleted {
    /// The name.
    pub name: String,
    /// False if it did not exist.
    pub deleted: bool,
}
