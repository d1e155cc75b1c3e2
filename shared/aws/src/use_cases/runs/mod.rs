//! Starts and shows runs for the HTTP API.

use jiff::Timestamp;
use rand::Rng;
use serde_json::{Value, json};

use crate::clients::executions::Executions;
use crate::clients::records::Records;
use crate::failure::Failure;
use dicomperf_model::plan::{Circumstances, try_plan};
use dicomperf_model::request::Request;
use dicomperf_model::results::RunError;
use dicomperf_model::results::RunStatus;
use dicomperf_model::run_id;

/// The runs of a stack.
#[derive(Debug, Clone)]
pub struct Runs {
    /// Executions of the state machine, one for each run.
    pub executions: Executions,
    /// The table with the runs' records.
    pub records: Records,
}

/// A run that was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartedRun {
    /// Id of the run.
    pub run_id: String,
    /// ARN of its execution.
    pub execution_arn: String,
}

impl Runs {
    /// Makes all checks of a request that need no AWS, and starts a run.
    ///
    /// # Errors
    /// [`Failure::InvalidRequest`], or Step Functions refuses the execution.
    pub async fn start(&self, document: &Value, now: Timestamp, random: &mut impl Rng) -> Result<StartedRun, Failure> {
        let request = Request::from_json(document)?;
        let run_id = run_id::new(now, &request.name, random);
        try_plan(&request, Circumstances::offline(&run_id, now))?;
        let execution_arn = self.executions.start(&run_id, document).await?;
        Ok(StartedRun { run_id, execution_arn })
    }

    /// Returns a run's record with its scenarios, if the run exists.
    ///
    /// A run without a plan has no record. Its status comes from its execution.
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
