//! Runs, as the HTTP API starts and shows them.

use jiff::Timestamp;
use rand::Rng;
use serde_json::{Value, json};

use super::executions::Executions;
use super::records::Records;
use crate::failure::{Failure, RunError};
use crate::plan::{Circumstances, try_plan};
use crate::request::Request;
use crate::run_id;
use crate::workflow::RunStatus;

/// The runs of a stack.
#[derive(Debug, Clone)]
pub struct Runs {
    /// The executions that runs are.
    pub executions: Executions,
    /// The runs' records.
    pub records: Records,
}

/// A run that was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartedRun {
    /// The run.
    pub run_id: String,
    /// Its execution.
    pub execution_arn: String,
}

impl Runs {
    /// Checks a request as far as that is possible without AWS, and starts a run of it.
    ///
    /// # Errors
    /// [`Failure::InvalidRequest`], or Step Functions does not take it.
    pub async fn start(&self, document: &Value, now: Timestamp, random: &mut impl Rng) -> Result<StartedRun, Failure> {
        let request = Request::from_json(document)?;
        let run_id = run_id::new(now, &request.name, random);
        try_plan(&request, Circumstances::offline(&run_id, now))?;
        let execution_arn = self.executions.start(&run_id, document).await?;
        Ok(StartedRun { run_id, execution_arn })
    }

    /// Returns a run's record with its scenarios, if there is such a run. A run that is not planned yet has no record:
    /// its execution says how it stands.
    ///
    /// # Errors
    /// DynamoDB or Step Functions does not answer.
    pub async fn find(&self, run_id: &str) -> Result<Option<Value>, Failure> {
        if !run_id::is_valid(run_id) {
            return Ok(None);
        }
        let Some(record) = self.records.run(run_id).await? else {
            let execution = self.executions.find(&self.executions.arn(run_id)).await?;
            return Ok(execution.map(|execution| {
                let status = if execution.is_over() { RunStatus::Failed } else { RunStatus::Running };
                let error = execution.ending().map(|error| RunError::from_states(&error.error, &error.cause));
                json!({ "runId": run_id, "status": status, "error": error, "scenarios": [] })
            }));
        };
        let scenarios = self.records.scenarios(run_id).await?.into_iter().map(|scenario| scenario.summary);
        let mut run = json!(record);
        run["scenarios"] = scenarios.collect();
        Ok(Some(run))
    }
}

#[cfg(test)]
mod tests;
