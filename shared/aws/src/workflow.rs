//! Inputs and outputs of each Lambda, as the state machine sends and receives them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use dicomperf_model::plan::{BlockRun, Plan};
use dicomperf_model::results::Check;
use dicomperf_model::results::KeptHosts;
use dicomperf_model::results::RunError;
use dicomperf_model::results::{RunStatus, Verdict};
use dicomperf_model::step::{HostRole, StepId, StepState};

/// Input of `plan`: the execution's input, and facts of Step Functions about the execution.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanEvent {
    /// A request or a [`Scheduled`] request.
    pub input: Value,
    /// Name of the execution.
    pub run_id: String,
    /// ARN of the execution.
    pub execution_arn: String,
    /// Start time of the execution.
    pub started_at: Timestamp,
}

/// Input of an execution that a schedule starts. Runs of the same schedule must not overlap.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scheduled {
    /// Name of the schedule.
    pub schedule: String,
    /// The request of the run.
    pub request: Value,
}

/// Input of an execution that measures once more on the hosts that another run keeps.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Again {
    /// Id of the run that keeps the hosts.
    pub again: String,
    /// The request to measure; that of the run if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Value>,
}

/// Input of an execution that empties the hosts that another run keeps.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clearing {
    /// Id of the run that keeps the hosts.
    pub clear: String,
}

/// Output of `plan`: the part of a plan that the state machine needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanAnswer {
    /// Id of the run.
    pub run_id: String,
    /// The block runs in order.
    pub sequence: Vec<BlockRun>,
    /// Time at which the hosts expire.
    pub expires_at: Timestamp,
    /// True if the run starts the server under test on a host of its own, false if it sends to an existing server.
    pub starts_server: bool,
    /// True if the request keeps the hosts after the report.
    pub keeps_hosts: bool,
    /// The hosts to empty, in an execution that only does that.
    pub clears: Vec<HostRole>,
    /// The plan of a dry run; null for a run.
    pub dry_run: Option<DryRun>,
}

/// A dry run: a plan whose needs the functions check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DryRun {
    /// The plan without the parts that no check needs. The functions take it from here and not from the bucket, so that a
    /// bucket that cannot be read hides no other fault.
    pub plan: Box<Plan>,
    /// The checks that `plan` made.
    pub checks: Vec<Check>,
}

/// Input of a function in a dry run.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckEvent {
    /// The dry run.
    pub dry_run: DryRun,
}

/// Output of a function in a dry run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checks {
    /// The checks that the function made.
    pub checks: Vec<Check>,
}

/// Input of a function that takes part in runs and in dry runs.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum RunOrCheck<E> {
    /// A dry run. Only its input has the field `dryRun`.
    Check(Box<CheckEvent>),
    /// A run.
    Run(E),
}

/// Output of a function that takes part in runs and in dry runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Answer<A> {
    /// The checks of a dry run.
    Checks(Checks),
    /// The output in a run.
    Run(A),
}

/// Input of `launch`, which is called until the hosts are ready.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LaunchEvent {
    /// Id of the run.
    pub run_id: String,
    /// Number of looks before this one.
    pub look: u32,
}

/// Output of `launch`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LaunchAnswer {
    /// True if all hosts run and SSM manages them.
    pub ready: bool,
    /// Number of looks, including this one. 0 if the hosts are ready, because the first step counts from 0.
    pub look: u32,
    /// Seconds until the next look.
    pub wait_seconds: u64,
    /// The hosts that exist.
    pub hosts: LaunchedHosts,
}

/// The hosts of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchedHosts {
    /// The host of the server under test; null with an existing server.
    pub server: Option<LaunchedHost>,
    /// The host that sends.
    pub client: Option<LaunchedHost>,
}

/// A launched host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchedHost {
    /// EC2 instance id.
    pub id: String,
    /// Private IPv4 address.
    pub address: String,
    /// Availability Zone.
    pub zone: String,
}

/// Input of `run-step`, which is called until the step is over.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepEvent {
    /// Id of the run.
    pub run_id: String,
    /// The step.
    pub step: StepId,
    /// The run's hosts.
    pub hosts: LaunchedHosts,
    /// Time at which the hosts expire.
    pub expires_at: Timestamp,
    /// Number of looks before this one. The first look starts the step.
    #[serde(default)]
    pub look: u32,
}

/// Output of `run-step`. A failed step is an error, not an output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepAnswer {
    /// State of the step: running, succeeded or incomplete.
    pub state: StepState,
    /// Number of looks, including this one. 0 if the step is over, because the next step counts from 0.
    pub look: u32,
    /// Seconds until the next look.
    pub wait_seconds: u64,
    /// The agent's current work, for a person who watches the execution.
    pub doing: String,
}

/// Input of `teardown`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TeardownEvent {
    /// Id of the run.
    pub run_id: String,
}

/// Output of `teardown`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TeardownAnswer {
    /// Always 0. Any other number is an error.
    pub hosts_left: u32,
}

/// Input of `summarize`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SummarizeEvent {
    /// Id of the run.
    pub run_id: String,
    /// The first error in the form of `$states.errorOutput`: `Error` and `Cause`.
    #[serde(default)]
    pub error: Option<StatesError>,
    /// Number of hosts that are left.
    pub hosts_left: u32,
    /// True if the hosts stay, because the request keeps them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep: bool,
    /// The checks of the other functions in a dry run; null or absent for a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checks: Option<Vec<Check>>,
}

/// An error in the form of Step Functions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StatesError {
    /// Name of the error.
    pub error: String,
    /// Message of the error. For a Lambda's error it is a JSON document that contains the message.
    #[serde(default)]
    pub cause: String,
}

/// Output of `summarize`, which is the output of the execution too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SummarizeAnswer {
    /// Id of the run.
    pub run_id: String,
    /// Status of the run.
    pub status: RunStatus,
    /// Verdict on the results.
    pub verdict: Verdict,
    /// `s3://BUCKET/KEY` of report.json.
    pub report: String,
    /// The hosts that stay, if the run keeps them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<KeptHosts>,
    /// Cause of the failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<RunError>,
    /// Every check of a dry run. They are in the report too, if it could be written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
}

/// Returns the host of a role.
#[must_use]
pub const fn host_of(hosts: &LaunchedHosts, role: HostRole) -> Option<&LaunchedHost> {
    match role {
        HostRole::Server => hosts.server.as_ref(),
        HostRole::Client => hosts.client.as_ref(),
    }
}
