//! What the state machine says to each Lambda, and what it is answered.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::RunError;
use crate::plan::BlockRun;
use crate::step::{HostRole, StepId, StepState};
use crate::verdict::Verdict;

/// `plan`: the execution's own input and what Step Functions says of the execution.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanEvent {
    /// The request, or a [`Scheduled`] one.
    pub input: Value,
    /// The execution's name.
    pub run_id: String,
    /// The execution's ARN.
    pub execution_arn: String,
    /// When the execution started.
    pub started_at: Timestamp,
}

/// What a schedule starts an execution with: a request that must not overlap another of the same schedule.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scheduled {
    /// The schedule's name.
    pub schedule: String,
    /// The request.
    pub request: Value,
}

/// What `plan` answers: all that the state machine needs to know of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanAnswer {
    /// The run.
    pub run_id: String,
    /// The block runs in their order.
    pub sequence: Vec<BlockRun>,
    /// When the hosts expire.
    pub expires_at: Timestamp,
}

/// `launch`: called until it answers that the hosts are ready.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LaunchEvent {
    /// The run.
    pub run_id: String,
    /// Looks made before this one.
    pub look: u32,
}

/// What `launch` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LaunchAnswer {
    /// Whether both hosts run and are managed by SSM.
    pub ready: bool,
    /// Looks made, this one included; 0 if both are ready, because the first step counts from 0.
    pub look: u32,
    /// Seconds until the next look.
    pub wait_seconds: u64,
    /// The hosts, as far as they exist.
    pub hosts: LaunchedHosts,
}

/// The hosts of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchedHosts {
    /// Runs Orthanc.
    pub server: Option<LaunchedHost>,
    /// Sends.
    pub client: Option<LaunchedHost>,
}

/// A host that exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchedHost {
    /// EC2 instance id.
    pub id: String,
    /// Private IPv4 address.
    pub address: String,
    /// Availability Zone.
    pub zone: String,
}

/// `run-step`: called until it answers that the step is over.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepEvent {
    /// The run.
    pub run_id: String,
    /// The step.
    pub step: StepId,
    /// The run's hosts.
    pub hosts: LaunchedHosts,
    /// When they expire.
    pub expires_at: Timestamp,
    /// Looks made before this one. The first look starts the step.
    #[serde(default)]
    pub look: u32,
}

/// The answer of `run-step`. A step that failed is an error, not an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepAnswer {
    /// Running, succeeded or incomplete.
    pub state: StepState,
    /// Looks made, this one included; 0 if the step is over, because the next step counts from 0.
    pub look: u32,
    /// Seconds until the next look.
    pub wait_seconds: u64,
    /// The agent's current work, for a person who watches the execution.
    pub doing: String,
}

/// `teardown`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TeardownEvent {
    /// The run.
    pub run_id: String,
}

/// What `teardown` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TeardownAnswer {
    /// Always 0: anything else is an error.
    pub hosts_left: u32,
}

/// `summarize`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SummarizeEvent {
    /// The run.
    pub run_id: String,
    /// The first error, as `$states.errorOutput` has it: `Error` and `Cause`.
    #[serde(default)]
    pub error: Option<StatesError>,
    /// Hosts that are left.
    pub hosts_left: u32,
}

/// An error as Step Functions has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StatesError {
    /// Its name.
    pub error: String,
    /// For a Lambda's error, a JSON document with the message inside.
    #[serde(default)]
    pub cause: String,
}

/// What `summarize` answers: the end of the execution, and its output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SummarizeAnswer {
    /// The run.
    pub run_id: String,
    /// Whether it was carried out.
    pub status: RunStatus,
    /// What its result means.
    pub verdict: Verdict,
    /// `s3://BUCKET/KEY` of report.json.
    pub report: String,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<RunError>,
}

/// Whether a run was carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RunStatus {
    /// Not over.
    Running,
    /// All of it.
    Succeeded,
    /// Not all of it; what was measured is kept.
    Failed,
}

/// Returns the host of a role.
#[must_use]
pub const fn host_of(hosts: &LaunchedHosts, role: HostRole) -> Option<&LaunchedHost> {
    match role {
        HostRole::Server => hosts.server.as_ref(),
        HostRole::Client => hosts.client.as_ref(),
    }
}
