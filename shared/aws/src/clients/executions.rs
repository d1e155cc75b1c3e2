//! Executions of the state machine. Each run is one execution.

use aws_sdk_sfn::Client;
use aws_sdk_sfn::error::ProvideErrorMetadata as _;
use aws_sdk_sfn::types::ExecutionStatus;
use jiff::Timestamp;
use serde_json::Value;

use super::aws_failure;
use crate::failure::Failure;
use crate::workflow::StatesError;

/// The executions of the stack's state machine.
#[derive(Debug, Clone)]
pub struct Executions {
    client: Client,
    state_machine_arn: String,
}

/// An execution, as Step Functions reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// Status of the execution.
    pub status: ExecutionStatus,
    /// Error of the execution, if it failed with one.
    pub error: Option<StatesError>,
    /// Time at which it started, to the second.
    pub started_at: Timestamp,
}

impl Executions {
    /// Wraps a client of Step Functions.
    #[must_use]
    pub fn new(client: Client, state_machine_arn: String) -> Self {
        Self { client, state_machine_arn }
    }

    /// Returns the ARN of a run's execution.
    #[must_use]
    pub fn arn(&self, run_id: &str) -> String {
        format!("{}:{run_id}", self.state_machine_arn.replacen(":stateMachine:", ":execution:", 1))
    }

    /// Starts a run and returns the execution's ARN.
    ///
    /// # Errors
    /// Step Functions refuses it.
    pub async fn start(&self, run_id: &str, input: &Value) -> Result<String, Failure> {
        let request = self.client.start_execution().state_machine_arn(&self.state_machine_arn).name(run_id);
        let answer =
            request.input(input.to_string()).send().await.map_err(aws_failure(format!("starting run {run_id}")))?;
        Ok(answer.execution_arn().to_owned())
    }

    /// Stops the execution of this ARN. Not an error if it is over.
    ///
    /// # Errors
    /// Step Functions refuses it.
    pub async fn stop(&self, arn: &str, cause: &str) -> Result<(), Failure> {
        let request = self.client.stop_execution().execution_arn(arn).error("Aborted").cause(cause);
        request.send().await.map(|_| ()).map_err(aws_failure(format!("stopping execution {arn}")))
    }

    /// Starts a run unless it was started before, and returns the execution's ARN.
    ///
    /// # Errors
    /// Step Functions refuses it.
    pub async fn start_once(&self, run_id: &str, input: &Value) -> Result<String, Failure> {
        let request = self.client.start_execution().state_machine_arn(&self.state_machine_arn).name(run_id);
        match request.input(input.to_string()).send().await {
            Ok(answer) => Ok(answer.execution_arn().to_owned()),
            Err(error) if error.code() == Some("ExecutionAlreadyExists") => Ok(self.arn(run_id)),
            Err(error) => Err(aws_failure(format!("starting run {run_id}"))(error)),
        }
    }

    /// Returns the ARN of the state machine.
    #[must_use]
    pub fn state_machine_arn(&self) -> &str {
        &self.state_machine_arn
    }

    /// Returns the execution of this ARN, if it exists.
    ///
    /// # Errors
    /// Step Functions does not answer.
    pub async fn find(&self, arn: &str) -> Result<Option<Execution>, Failure> {
        match self.client.describe_execution().execution_arn(arn).send().await {
            Ok(answer) => Ok(Some(Execution {
                error: answer.error().map(|error| StatesError {
                    error: error.to_owned(),
                    cause: answer.cause().unwrap_or_default().to_owned(),
                }),
                started_at: Timestamp::from_second(answer.start_date.secs()).unwrap_or(Timestamp::UNIX_EPOCH),
                status: answer.status,
            })),
            Err(error) if matches!(error.code(), Some("ExecutionDoesNotExist" | "InvalidArn")) => Ok(None),
            Err(error) => Err(aws_failure(format!("looking at execution {arn}"))(error)),
        }
    }
}

impl Execution {
    /// Returns true if the execution is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        !matches!(self.status, ExecutionStatus::Running | ExecutionStatus::PendingRedrive)
    }

    /// Returns the error that ended the execution, if it did not succeed.
    #[must_use]
    pub fn ending(&self) -> Option<StatesError> {
        self.error.clone().or_else(|| ending(self.status.as_str()))
    }
}

/// Returns the error for a status for which Step Functions names none.
pub(crate) fn ending(status: &str) -> Option<StatesError> {
    let (error, cause) = match status {
        "RUNNING" | "SUCCEEDED" | "PENDING_REDRIVE" => return None,
        "ABORTED" => ("Aborted", "the execution was stopped"),
        "TIMED_OUT" => ("TimedOut", "the execution took longer than allowed"),
        _ => ("Failed", "the execution failed, and Step Functions gives no reason"),
    };
    Some(StatesError { error: error.to_owned(), cause: cause.to_owned() })
}
