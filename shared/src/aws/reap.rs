//! What an execution that ended otherwise than it should has left behind.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::executions::{Execution, Executions, ending};
use super::failed;
use super::teardown::Teardown;
use crate::failure::Failure;
use crate::workflow::{RunStatus, StatesError, SummarizeEvent};

/// Ends what is left of runs.
#[derive(Debug, Clone)]
pub struct Reaper {
    /// Ends what a run has.
    pub teardown: Teardown,
    /// Tells which runs are over.
    pub executions: Executions,
    /// Invokes `summarize`.
    pub lambda: aws_sdk_lambda::Client,
    /// The function `summarize`.
    pub summarize_function: String,
}

/// The latest runs, of which one may be over without its record saying so.
const LATEST_RUNS: i32 = 50;

/// An execution that ended, as EventBridge tells it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ended {
    name: String,
    execution_arn: String,
    status: String,
    error: Option<String>,
    cause: Option<String>,
}

impl Reaper {
    /// Reaps after the execution that an event is about, or on any other event, whatever needs it.
    ///
    /// # Errors
    /// What went wrong with each run; one does not stop the others.
    pub async fn reap(&self, event: &Value, now: Timestamp) -> Result<(), Failure> {
        match ended(event) {
            Some(ended) => self.after(ended).await,
            None => self.sweep(now).await,
        }
    }

    async fn after(&self, ended: Ended) -> Result<(), Failure> {
        let record = self.teardown.records.run(&ended.name).await?;
        let is_settled =
            record.is_some_and(|record| record.status != RunStatus::Running && record.hosts_left == Some(0));
        if is_settled {
            return Ok(());
        }
        let error = match (ended.error, ended.cause) {
            (Some(error), cause) => Some(StatesError { error, cause: cause.unwrap_or_default() }),
            // The event has room for a short cause only.
            (None, _) => match self.executions.find(&ended.execution_arn).await? {
                Some(execution) => execution.ending(),
                None => ending(&ended.status),
            },
        };
        self.end(&ended.name, error).await
    }

    /// Everything of the project: hosts past their expiry, and runs that are over and do not look like it.
    async fn sweep(&self, now: Timestamp) -> Result<(), Failure> {
        let mut expired: BTreeMap<String, bool> = BTreeMap::new();
        for host in self.teardown.hosts.of_project().await? {
            let Some(run_id) = host.run_id else {
                tracing::warn!(host = host.id, "a host of the project belongs to no run");
                continue;
            };
            *expired.entry(run_id).or_default() |= host.expires_at.is_none_or(|expiry| expiry <= now);
        }
        let mut unsettled: BTreeSet<String> = expired.keys().cloned().collect();
        let latest = self.teardown.records.latest(LATEST_RUNS).await?;
        unsettled.extend(
            latest.into_iter().filter(|record| record.status == RunStatus::Running).map(|record| record.run_id),
        );
        let mut failures = Vec::new();
        for run_id in unsettled {
            let is_expired = expired.get(&run_id).copied().unwrap_or(false);
            if let Err(failure) = self.settle(&run_id, is_expired).await {
                failures.push(format!("{run_id}: {failure}"));
            }
        }
        if failures.is_empty() {
            return Ok(());
        }
        Err(Failure::Aws { doing: "reaping".to_owned(), reason: failures.join("; ") })
    }

    async fn settle(&self, run_id: &str, is_expired: bool) -> Result<(), Failure> {
        // Its own record first: a stack that was deployed anew may have another state machine.
        let recorded = self.teardown.records.run(run_id).await?.and_then(|record| record.execution_arn);
        let arn = recorded.unwrap_or_else(|| self.executions.arn(run_id));
        match self.executions.find(&arn).await? {
            Some(execution) if !execution.is_over() => {
                // Its own state machine sees that the hosts are lost, and summarizes.
                if is_expired { self.teardown.run(run_id).await.map(|_| ()) } else { Ok(()) }
            }
            execution => {
                let unknown =
                    || Some(StatesError { error: "Lost".to_owned(), cause: "there is no execution".to_owned() });
                self.end(run_id, execution.as_ref().map_or_else(unknown, Execution::ending)).await
            }
        }
    }

    /// Terminates what the run has, and has it summarized whether or not hosts are left.
    async fn end(&self, run_id: &str, error: Option<StatesError>) -> Result<(), Failure> {
        let torn_down = self.teardown.run(run_id).await;
        let hosts_left = match &torn_down {
            Ok(answer) => answer.hosts_left,
            // More than none; the record has the number.
            Err(_) => self.teardown.records.run(run_id).await?.and_then(|record| record.hosts_left).unwrap_or(1),
        };
        let event = SummarizeEvent { run_id: run_id.to_owned(), error, hosts_left };
        let doing = format!("having run {run_id} summarized");
        let payload = serde_json::to_vec(&event)
            .map_err(|error| Failure::Aws { doing: doing.clone(), reason: error.to_string() })?;
        self.lambda
            .invoke()
            .function_name(&self.summarize_function)
            .invocation_type(InvocationType::Event)
            .payload(Blob::new(payload))
            .send()
            .await
            .map_err(failed(doing))?;
        torn_down.map(|_| ())
    }
}

/// The execution that an event is about, if it is about one.
fn ended(event: &Value) -> Option<Ended> {
    if event["detail-type"] != "Step Functions Execution Status Change" {
        return None;
    }
    Ended::deserialize(&event["detail"]).ok()
}

#[cfg(test)]
mod tests;
