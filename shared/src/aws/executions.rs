//! The executions that runs are.

use aws_sdk_sfn::Client;
use aws_sdk_sfn::error::ProvideErrorMetadata as _;
use aws_sdk_sfn::types::ExecutionStatus;
use serde_json::Value;

use super::failed;
use crate::failure::Failure;
use crate::workflow::StatesError;

/// The executions of the stack's state machine.
#[derive(Debug, Clone)]
pub struct Executions {
    client: Client,
    state_machine_arn: String,
}

/// An execution, as Step Functions sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// Where it stands.
    pub status: ExecutionStatus,
    /// Why it failed.
    pub error: Option<StatesError>,
}

impl Executions {
    /// By a client.
    #[must_use]
    pub fn new(client: Client, state_machine_arn: String) -> Self {
        Self { client, state_machine_arn }
    }

    /// The ARN of a run's execution.
    #[must_use]
    pub fn arn(&self, run_id: &str) -> String {
        format!("{}:{run_id}", self.state_machine_arn.replacen(":stateMachine:", ":execution:", 1))
    }

    /// Starts a run; returns the execution's ARN.
    ///
    /// # Errors
    /// Step Functions does not take it.
    pub async fn start(&self, run_id: &str, input: &Value) -> Result<String, Failure> {
        let request = self.client.start_execution().state_machine_arn(&self.state_machine_arn).name(run_id);
        let answer = request.input(input.to_string()).send().await.map_err(failed(format!("starting run {run_id}")))?;
        Ok(answer.execution_arn().to_owned())
    }

    /// The execution of this ARN, if there is one.
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
                status: answer.status,
            })),
            Err(error) if matches!(error.code(), Some("ExecutionDoesNotExist" | "InvalidArn")) => Ok(None),
            Err(error) => Err(failed(format!("looking at execution {arn}"))(error)),
        }
    }
}

impl Execution {
    /// Whether it is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        !matches!(self.status, ExecutionStatus::Running | ExecutionStatus::PendingRedrive)
    }

    /// Why it is over, if not because all went well.
    #[must_use]
    pub fn ending(&self) -> Option<StatesError> {
        self.error.clone().or_else(|| ending(self.status.as_str()))
    }
}

/// What a status means where Step Functions names no error.
pub(super) fn ending(status: &str) -> Option<StatesError> {
    let (error, cause) = match status {
        "RUNNING" | "SUCCEEDED" | "PENDING_REDRIVE" => return None,
        "ABORTED" => ("Aborted", "the execution was stopped"),
        "TIMED_OUT" => ("TimedOut", "the execution took longer than it may"),
        _ => ("Failed", "the execution failed, and Step Functions does not say why"),
    };
    Some(StatesError { error: error.to_owned(), cause: cause.to_owned() })
}
