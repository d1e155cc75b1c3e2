//! What the state machine says to each Lambda, and what it is answered.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::RunError;
use crate::plan::BlockRun;
use crate::step::{HostRole, STEP_SECONDS, StepId, StepState};
use crate::verdict::Verdict;

/// A step is looked at this often at most.
pub const STEP_LOOKS: u32 = 10;
/// The hosts are looked at this often at most until they are ready.
pub const LAUNCH_LOOKS: u32 = 30;
/// How long a step is waited for: its own time, and some for its command to be delivered and its last upload.
pub const STEP_BUDGET_SECONDS: u64 = STEP_SECONDS + 300;

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
    /// How often it was asked before, from 0.
    pub look: u32,
}

/// What `launch` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LaunchAnswer {
    /// Whether both hosts run and are managed by SSM.
    pub ready: bool,
    /// How often it was asked, this time included.
    pub look: u32,
    /// When to ask again.
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

/// `run-step`: start a step, or look how it is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepEvent {
    /// What to do.
    pub action: StepAction,
    /// The run.
    pub run_id: String,
    /// The step.
    pub step: StepId,
    /// The run's hosts.
    pub hosts: LaunchedHosts,
    /// When they expire.
    pub expires_at: Timestamp,
    /// The SSM command, when polling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command_id: Option<String>,
    /// When the command was sent, when polling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<Timestamp>,
    /// How often it was looked before, from 0.
    #[serde(default)]
    pub look: u32,
}

/// What to do with a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StepAction {
    /// Write its document and send its command.
    Start,
    /// Look how it is.
    Poll,
}

/// What `run-step` answers. A step that failed is an error, not an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepAnswer {
    /// Where it stands: running, succeeded or incomplete.
    pub state: StepState,
    /// The SSM command.
    pub command_id: String,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// How often it was looked, this time included; 0 from `start`.
    pub look: u32,
    /// When to look again.
    pub wait_seconds: u64,
    /// What the agent is doing, for whoever watches the execution.
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

/// When to look at a step next, in seconds, so that the last of [`STEP_LOOKS`] looks comes when its time is up.
///
/// The waits double. Where the agent's progress tells that less is left, that is waited, so that a step's end is seldom
/// seen late.
#[must_use]
pub fn step_wait_seconds(looks_made: u32, elapsed_seconds: u64, remaining_estimate: Option<f64>) -> u64 {
    let budget_left = STEP_BUDGET_SECONDS.saturating_sub(elapsed_seconds).max(1);
    if looks_made + 1 >= STEP_LOOKS {
        return budget_left;
    }
    let doubled = 2_u64 << looks_made;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped below")]
    let expected = remaining_estimate.map_or(doubled, |seconds| seconds.max(0.0).ceil() as u64 + 1);
    // A step that is always just about to end must not use up its looks; one whose first unit took long is not trusted.
    expected.clamp(doubled / 8, doubled).clamp(1, budget_left)
}

/// When to ask for the hosts again: quickly at first, for a host that is ready at once, then every 15 s.
#[must_use]
pub const fn launch_wait_seconds(look: u32) -> u64 {
    match look {
        0 | 1 => 1,
        2..=4 => 5,
        _ => 15,
    }
}

/// Where the run's role is used in tags and names.
#[must_use]
pub const fn host_of(hosts: &LaunchedHosts, role: HostRole) -> Option<&LaunchedHost> {
    match role {
        HostRole::Server => hosts.server.as_ref(),
        HostRole::Client => hosts.client.as_ref(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_looks_cover_a_steps_whole_time_whatever_the_agent_says() {
        for estimate in [None, Some(0.0), Some(0.4), Some(30.0), Some(1e9), Some(-5.0), Some(f64::NAN)] {
            let elapsed = (0..STEP_LOOKS).fold(0, |elapsed, look| elapsed + step_wait_seconds(look, elapsed, estimate));
            assert!(elapsed >= STEP_BUDGET_SECONDS, "{estimate:?}: only {elapsed} s");
        }
    }

    #[test]
    fn progress_brings_the_next_look_to_the_expected_end() {
        assert_eq!(step_wait_seconds(3, 60, Some(12.2)), 14);
        assert_eq!(step_wait_seconds(3, 60, None), 16);
        assert_eq!(step_wait_seconds(8, 300, Some(0.1)), 64);
    }

    /// Three seconds of installation and one instance of two hundred: that does not mean ten minutes.
    #[test]
    fn progress_never_makes_a_look_later() {
        assert_eq!(step_wait_seconds(1, 3, Some(600.0)), step_wait_seconds(1, 3, None));
    }

    #[test]
    fn hosts_are_waited_for_at_least_six_minutes() {
        let waited: u64 = (0..LAUNCH_LOOKS).map(launch_wait_seconds).sum();
        assert!(waited >= 360, "{waited} s");
    }
}
