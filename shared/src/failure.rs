//! What can end a run, by names that do not change: the state machine, scripts and people match on them.

use serde::{Deserialize, Serialize};

use crate::step::HostRole;
use crate::validation::InvalidRequest;

/// A failure of a run. [`Failure::name`] is the error's name in Step Functions, the `Display` its cause.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The request or the plan made from it is not allowed. Nothing was launched.
    #[error("{0}")]
    InvalidRequest(#[from] InvalidRequest),
    /// Objects were refused and the request does not skip refused ones. Nothing was launched.
    #[error("{refused} of {objects} objects are refused: {reasons}")]
    DatasetRefused {
        /// How many.
        refused: usize,
        /// Out of how many.
        objects: usize,
        /// Key and reason of each, as far as there is room.
        reasons: String,
    },
    /// Another run of the same schedule is not over. Nothing was launched.
    #[error("run {holder} of schedule {schedule} is not over")]
    ScheduleOverlaps {
        /// The schedule.
        schedule: String,
        /// The run that holds its lock.
        holder: String,
    },
    /// The AMI cannot be launched.
    #[error("{host} host: AMI {ami}: {reason}")]
    AmiUnusable {
        /// The host.
        host: HostRole,
        /// The AMI.
        ami: String,
        /// What EC2 or SSM said.
        reason: String,
    },
    /// EC2 has no capacity for the type in any zone that was tried.
    #[error("{host} host: no capacity for {instance_type} in {zones}; try another type or region, or later")]
    NoCapacity {
        /// The host.
        host: HostRole,
        /// EC2 instance type.
        instance_type: String,
        /// The zones that were tried.
        zones: String,
    },
    /// The account does not allow what is needed.
    #[error("{host} host: EC2 refused to launch it: {reason}")]
    LaunchRefused {
        /// The host.
        host: HostRole,
        /// What EC2 said.
        reason: String,
    },
    /// A host did not become usable in time.
    #[error("{host} host {id}: {reason}")]
    HostNotReady {
        /// The host.
        host: HostRole,
        /// EC2 instance id.
        id: String,
        /// What is missing, and what to look at.
        reason: String,
    },
    /// A host went away.
    #[error("{host} host {id}, step {step}: {reason}")]
    HostLost {
        /// The host.
        host: HostRole,
        /// EC2 instance id.
        id: String,
        /// The step that it was in.
        step: String,
        /// What EC2 or SSM says of it.
        reason: String,
    },
    /// A step could not be done.
    #[error("{host} host {id}, step {step}: {reason}")]
    StepFailed {
        /// The host.
        host: HostRole,
        /// EC2 instance id.
        id: String,
        /// The step.
        step: String,
        /// The agent's own words.
        reason: String,
    },
    /// A step did not end in time.
    #[error("{host} host {id}, step {step}: not done after {seconds} s; last seen: {doing}")]
    StepTimedOut {
        /// The host.
        host: HostRole,
        /// EC2 instance id.
        id: String,
        /// The step.
        step: String,
        /// How long it was waited for.
        seconds: u64,
        /// What it was doing.
        doing: String,
    },
    /// The run reached its limit of time or money.
    #[error("the run expired at {expired_at} before step {step}: raise limits.maxMinutes or limits.maxCostUsd")]
    RunExpired {
        /// When.
        expired_at: String,
        /// The step that was to come.
        step: String,
    },
    /// Hosts are left. Reap goes on trying.
    #[error("hosts left after {seconds} s: {hosts}")]
    TeardownIncomplete {
        /// Instance ids and states.
        hosts: String,
        /// How long it was waited.
        seconds: u64,
    },
    /// A service of AWS did not do what was asked: worth another try.
    #[error("{doing}: {reason}")]
    Aws {
        /// What was asked of it.
        doing: String,
        /// The SDK's error with all of its causes.
        reason: String,
    },
}

impl Failure {
    /// Every name that a Lambda of this project can end with.
    pub const NAMES: &[&str] = &[
        "InvalidRequest",
        "DatasetRefused",
        "ScheduleOverlaps",
        "AmiUnusable",
        "NoCapacity",
        "LaunchRefused",
        "HostNotReady",
        "HostLost",
        "StepFailed",
        "StepTimedOut",
        "RunExpired",
        "TeardownIncomplete",
        "AwsError",
    ];

    /// The name that Step Functions sees.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "InvalidRequest",
            Self::DatasetRefused { .. } => "DatasetRefused",
            Self::ScheduleOverlaps { .. } => "ScheduleOverlaps",
            Self::AmiUnusable { .. } => "AmiUnusable",
            Self::NoCapacity { .. } => "NoCapacity",
            Self::LaunchRefused { .. } => "LaunchRefused",
            Self::HostNotReady { .. } => "HostNotReady",
            Self::HostLost { .. } => "HostLost",
            Self::StepFailed { .. } => "StepFailed",
            Self::StepTimedOut { .. } => "StepTimedOut",
            Self::RunExpired { .. } => "RunExpired",
            Self::TeardownIncomplete { .. } => "TeardownIncomplete",
            Self::Aws { .. } => "AwsError",
        }
    }
}

/// An error as Step Functions hands it on, and as a report names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RunError {
    /// The error's name.
    pub error: String,
    /// What happened, for a person.
    pub cause: String,
}

impl RunError {
    /// From `$states.errorOutput`, where a Lambda's cause is a JSON document with the message inside.
    #[must_use]
    pub fn from_states(error: &str, cause: &str) -> Self {
        let message = serde_json::from_str::<serde_json::Value>(cause)
            .ok()
            .and_then(|document| document["errorMessage"].as_str().map(str::to_owned));
        Self { error: error.to_owned(), cause: message.unwrap_or_else(|| cause.to_owned()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_is_taken_out_of_a_lambdas_cause() {
        let cause = r#"{"errorType":"NoCapacity","errorMessage":"server host: no capacity"}"#;
        assert_eq!(RunError::from_states("NoCapacity", cause).cause, "server host: no capacity");
    }

    #[test]
    fn a_cause_that_is_no_json_stays_as_it_is() {
        assert_eq!(RunError::from_states("States.Timeout", "too slow").cause, "too slow");
    }
}
