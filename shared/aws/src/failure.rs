//! Failures that end a run. Their names are stable: the state machine, scripts and people match on them.

use dicomperf_model::step::HostRole;
use dicomperf_model::validation::InvalidRequest;

/// A failure of a run. [`Failure::name`] is the error's name in Step Functions, and `Display` gives its cause.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The request, or the plan made from it, is not allowed. Nothing was launched.
    #[error("{0}")]
    InvalidRequest(#[from] InvalidRequest),
    /// Objects were refused and the request does not skip refused ones. Nothing was launched.
    #[error("{refused} of {objects} objects are refused: {reasons}")]
    DatasetRefused {
        /// Number of refused objects.
        refused: usize,
        /// Number of all objects.
        objects: usize,
        /// Key and reason of each refused object, cut to the size of a message.
        reasons: String,
    },
    /// Another run of the same schedule is not over. Nothing was launched.
    #[error("run {holder} of schedule {schedule} is not over")]
    ScheduleOverlaps {
        /// Name of the schedule.
        schedule: String,
        /// Id of the run that holds the schedule's lock.
        holder: String,
    },
    /// As many runs as the stack allows are not over. Nothing was launched.
    #[error(
        "{limit} runs at the same time are allowed (the stack's parameter MaxConcurrentRuns), and these are not over: \
         {running}; start this one later"
    )]
    TooManyRuns {
        /// Ids of the runs that are not over.
        running: String,
        /// Runs at the same time at most.
        limit: u32,
    },
    /// The AMI cannot be launched.
    #[error("{host} host: AMI {ami}: {reason}")]
    AmiUnusable {
        /// Role of the host.
        host: HostRole,
        /// Id of the AMI.
        ami: String,
        /// Message of EC2 or SSM.
        reason: String,
    },
    /// The credentials of an existing server cannot be read.
    #[error("server.existing.credentials: parameter {parameter}: {reason}")]
    CredentialsUnusable {
        /// Name of the SSM parameter.
        parameter: String,
        /// Message of SSM, or the fault of the content without the content.
        reason: String,
    },
    /// EC2 has no capacity for the hosts in any of the tried zones, with any of the tried types.
    #[error("no capacity: {tried}; try another type or region, or later")]
    NoCapacity {
        /// The tried hosts, types and zones, each with EC2's error code.
        tried: String,
    },
    /// EC2 refused the launch, because of the account or the stack's parameters.
    #[error("{host} host: EC2 refused to launch it: {reason}")]
    LaunchRefused {
        /// Role of the host.
        host: HostRole,
        /// Message of EC2.
        reason: String,
    },
    /// A host did not become ready in time.
    #[error("{host} host {id}: {reason}")]
    HostNotReady {
        /// Role of the host.
        host: HostRole,
        /// EC2 instance id.
        id: String,
        /// The missing condition, and advice on what to check.
        reason: String,
    },
    /// A host was stopped or terminated during the run.
    #[error("{host} host {id}, step {step}: {reason}")]
    HostLost {
        /// Role of the host.
        host: HostRole,
        /// EC2 instance id.
        id: String,
        /// The step that ran on the host.
        step: String,
        /// Reason that EC2 or SSM reports.
        reason: String,
    },
    /// A step failed.
    #[error("{host} host {id}, step {step}: {reason}")]
    StepFailed {
        /// Role of the host.
        host: HostRole,
        /// EC2 instance id.
        id: String,
        /// The step.
        step: String,
        /// The agent's message.
        reason: String,
    },
    /// A step did not end in time.
    #[error("{host} host {id}, step {step}: not done after {seconds} s; last seen: {doing}")]
    StepTimedOut {
        /// Role of the host.
        host: HostRole,
        /// EC2 instance id.
        id: String,
        /// The step.
        step: String,
        /// Seconds since the step's command was sent.
        seconds: u64,
        /// The agent's last reported work.
        doing: String,
    },
    /// The agent shows no sign of life.
    #[error("{host} host {id}, step {step}: no sign of life of the agent for {seconds} s; last seen: {doing}")]
    StepStalled {
        /// Role of the host.
        host: HostRole,
        /// EC2 instance id.
        id: String,
        /// The step.
        step: String,
        /// Seconds since the agent's last report or heartbeat.
        seconds: u64,
        /// The agent's last reported work.
        doing: String,
    },
    /// The run reached its limit of time or cost.
    #[error("the run expired at {expired_at} before step {step}: raise limits.maxMinutes or limits.maxCostUsd")]
    RunExpired {
        /// Time of expiry.
        expired_at: String,
        /// The next step.
        step: String,
    },
    /// Hosts are left. `reap` tries again.
    #[error("hosts left after {seconds} s: {hosts}")]
    TeardownIncomplete {
        /// Instance ids and states of the hosts that are left.
        hosts: String,
        /// Seconds that teardown waited.
        seconds: u64,
    },
    /// A call to AWS failed. A retry may succeed.
    #[error("{doing}: {reason}")]
    Aws {
        /// The work that failed.
        doing: String,
        /// The SDK's error with all its causes.
        reason: String,
    },
}

impl Failure {
    /// Every error name that a Lambda of this project can return.
    pub const NAMES: &[&str] = &[
        "InvalidRequest",
        "DatasetRefused",
        "ScheduleOverlaps",
        "TooManyRuns",
        "AmiUnusable",
        "CredentialsUnusable",
        "NoCapacity",
        "LaunchRefused",
        "HostNotReady",
        "HostLost",
        "StepFailed",
        "StepTimedOut",
        "StepStalled",
        "RunExpired",
        "TeardownIncomplete",
        "AwsError",
    ];

    /// Returns the error's name in Step Functions.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "InvalidRequest",
            Self::DatasetRefused { .. } => "DatasetRefused",
            Self::ScheduleOverlaps { .. } => "ScheduleOverlaps",
            Self::TooManyRuns { .. } => "TooManyRuns",
            Self::AmiUnusable { .. } => "AmiUnusable",
            Self::CredentialsUnusable { .. } => "CredentialsUnusable",
            Self::NoCapacity { .. } => "NoCapacity",
            Self::LaunchRefused { .. } => "LaunchRefused",
            Self::HostNotReady { .. } => "HostNotReady",
            Self::HostLost { .. } => "HostLost",
            Self::StepFailed { .. } => "StepFailed",
            Self::StepTimedOut { .. } => "StepTimedOut",
            Self::StepStalled { .. } => "StepStalled",
            Self::RunExpired { .. } => "RunExpired",
            Self::TeardownIncomplete { .. } => "TeardownIncomplete",
            Self::Aws { .. } => "AwsError",
        }
    }
}

/// Step Functions gets a failure under its own name.
#[cfg(feature = "lambda")]
impl From<Failure> for lambda_runtime::Diagnostic {
    fn from(failure: Failure) -> Self {
        Self { error_type: failure.name().to_owned(), error_message: failure.to_string() }
    }
}
