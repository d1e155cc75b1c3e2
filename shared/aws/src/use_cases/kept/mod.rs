//! The hosts that a run keeps after its report: measured once more, emptied, torn down.

use jiff::Timestamp;
use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clients::executions::Executions;
use crate::clients::records::{Records, RunRecord, hosts_lock};
use crate::failure::Failure;
use crate::workflow::{Again, Clearing};
use dicomperf_model::request::Request;
use dicomperf_model::results::RunStatus;
use dicomperf_model::run_id;
use dicomperf_model::validation::{FieldError, InvalidRequest};

/// The kept hosts of a stack's runs.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Executions of the state machine.
    pub executions: Executions,
    /// The table with the runs' records.
    pub records: Records,
}

/// An execution that was started on kept hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StartedOnHosts {
    /// Id of the new run.
    pub run_id: String,
    /// ARN of its execution.
    pub execution_arn: String,
    /// Id of the run that keeps the hosts.
    pub hosts_of: String,
    /// Time at which the hosts are torn down, RFC 3339. The new run ends before it.
    #[schemars(with = "String")]
    pub until: Timestamp,
}

/// A run whose kept hosts are being torn down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TornDown {
    /// Id of the run.
    pub run_id: String,
    /// ARN of its execution, which was stopped. `reap` then terminates the hosts.
    pub execution_arn: String,
}

/// A run that keeps its hosts.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptRun {
    /// Record of the run.
    pub record: RunRecord,
    /// Time at which its hosts are torn down.
    pub until: Timestamp,
}

impl Kept {
    /// Starts a run on the hosts that another run keeps: with that run's request, or with another one for the same hosts.
    ///
    /// # Errors
    /// [`Failure::InvalidRequest`] if there are no such hosts or they are in use; Step Functions refuses the execution.
    pub async fn again(
        &self,
        run_id: &str,
        request: Option<Value>,
        now: Timestamp,
        random: &mut impl Rng,
    ) -> Result<StartedOnHosts, Failure> {
        let name = match &request {
            Some(document) => Some(Request::from_json(document).map_err(|errors| errors.below("request"))?.name),
            None => None,
        };
        let kept = find(&self.records, run_id, "again", now).await?;
        let name = name.or_else(|| kept.record.name.clone()).unwrap_or_default();
        let input = json!(Again { again: run_id.to_owned(), request });
        self.start(&kept, &name, "again", &input, now, random).await
    }

    /// Starts an execution that empties the server and deletes the client's datasets.
    ///
    /// # Errors
    /// As for [`Kept::again`].
    pub async fn clear(&self, run_id: &str, now: Timestamp, random: &mut impl Rng) -> Result<StartedOnHosts, Failure> {
        let kept = find(&self.records, run_id, "clear", now).await?;
        let input = json!(Clearing { clear: run_id.to_owned() });
        self.start(&kept, "clear", "clear", &input, now, random).await
    }

    /// Ends the keeping: stops the run's execution, so that `reap` terminates the hosts.
    ///
    /// # Errors
    /// [`Failure::InvalidRequest`] if the run keeps no host; Step Functions refuses to stop the execution.
    pub async fn teardown(&self, run_id: &str, now: Timestamp) -> Result<TornDown, Failure> {
        let kept = find(&self.records, run_id, "teardown", now).await?;
        let execution_arn = kept.record.execution_arn.unwrap_or_else(|| self.executions.arn(run_id));
        self.executions.stop(&execution_arn, "teardown of the kept hosts was requested").await?;
        Ok(TornDown { run_id: run_id.to_owned(), execution_arn })
    }

    async fn start(
        &self,
        kept: &KeptRun,
        name: &str,
        field: &str,
        input: &Value,
        now: Timestamp,
        random: &mut impl Rng,
    ) -> Result<StartedOnHosts, Failure> {
        let hosts_of = kept.record.run_id.clone();
        // The plan takes the lock. This only answers earlier.
        if let Some(holder) = self.records.lock_holder(&hosts_lock(&hosts_of), now).await? {
            return Err(in_use(field, &hosts_of, &holder));
        }
        let run_id = run_id::new(now, name, random);
        let execution_arn = self.executions.start(&run_id, input).await?;
        Ok(StartedOnHosts { run_id, execution_arn, hosts_of, until: kept.until })
    }
}

/// Finds the run that keeps its hosts at a time. `field` is the field of the input that names it.
///
/// # Errors
/// [`Failure::InvalidRequest`] if the run is unknown, is not over, keeps no host, or does no longer.
pub async fn find(records: &Records, run_id: &str, field: &str, now: Timestamp) -> Result<KeptRun, Failure> {
    let record = if run_id::is_valid(run_id) { records.run(run_id).await? } else { None };
    let Some(record) = record else {
        return Err(invalid(field, format!("is {run_id:?}, and no run has this id"), "a run that keeps its hosts"));
    };
    if let Some(owner) = &record.hosts_of {
        return Err(invalid(field, format!("is {run_id}, which uses the hosts of {owner}"), owner));
    }
    let Some(until) = record.kept_until else {
        let problem = if record.status == RunStatus::Running { "is not over" } else { "keeps no host" };
        let allowed = "a run whose request has keepHosts and whose report is written";
        return Err(invalid(field, format!("is {run_id}, which {problem}"), allowed));
    };
    if until <= now || record.hosts_left == Some(0) {
        let problem = format!("is {run_id}, whose hosts are gone (they were kept until {until})");
        return Err(invalid(field, problem, "a run that keeps its hosts"));
    }
    Ok(KeptRun { record, until })
}

/// Returns the failure for hosts that another run uses.
pub(crate) fn in_use(field: &str, hosts_of: &str, holder: &str) -> Failure {
    invalid(field, format!("is {hosts_of}, whose hosts run {holder} uses"), "hosts that no run uses: start it later")
}

/// Returns the failure for a wrong field.
pub(crate) fn invalid(field: &str, problem: impl Into<String>, allowed: impl Into<String>) -> Failure {
    InvalidRequest { errors: vec![FieldError::new(field, problem.into(), allowed.into())] }.into()
}

#[cfg(test)]
mod tests;
