//! Ends the leftovers of executions that were aborted, timed out or failed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_lambda::config::retry::RetryConfig;
use aws_sdk_lambda::config::timeout::TimeoutConfig;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::teardown::Teardown;
use crate::clients::aws_failure;
use crate::clients::executions::{Execution, Executions, ending};
use crate::failure::Failure;
use crate::workflow::{StatesError, SummarizeEvent};
use dicomperf_model::results::RunStatus;

/// Terminates hosts that are left, and gets their runs summarized and published.
#[derive(Debug, Clone)]
pub struct Reaper {
    /// Terminates a run's hosts.
    pub teardown: Teardown,
    /// Executions, which show if a run is over.
    pub executions: Executions,
    /// Invokes `summarize` and `publish`.
    pub lambda: aws_sdk_lambda::Client,
    /// Name of the function `summarize`.
    pub summarize_function: String,
    /// Name of the function `publish`.
    pub publish_function: String,
}

/// The longest wait for `summarize`: its own time limit, and a cold start.
const SUMMARIZE_TIMEOUT: Duration = Duration::from_secs(200);

/// Number of latest runs to check. A run may be over although its record shows it as running.
const MAX_LATEST_RUNS: i32 = 50;

/// An execution that ended, in the form of an EventBridge event.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct EndedExecution {
    name: String,
    execution_arn: String,
    status: String,
    error: Option<String>,
    cause: Option<String>,
}

impl Reaper {
    /// Reaps the run of the event's execution. For any other event, reaps every run that needs it.
    ///
    /// # Errors
    /// Lists the failure of each run. One failure does not stop the other runs.
    pub async fn reap(&self, event: &Value, now: Timestamp) -> Result<(), Failure> {
        match ended_execution(event) {
            Some(ended) => self.reap_execution(ended).await,
            None => self.sweep(now).await,
        }
    }

    async fn reap_execution(&self, ended: EndedExecution) -> Result<(), Failure> {
        let record = self.teardown.records.run(&ended.name).await?;
        let is_settled =
            record.is_some_and(|record| record.status != RunStatus::Running && record.hosts_left == Some(0));
        if is_settled {
            return Ok(());
        }
        let error = match (ended.error, ended.cause) {
            (Some(error), cause) => Some(StatesError { error, cause: cause.unwrap_or_default() }),
            // An event has the error only if its cause is short.
            (None, _) => match self.executions.find(&ended.execution_arn).await? {
                Some(execution) => execution.ending(),
                None => ending(&ended.status),
            },
        };
        self.end_run(&ended.name, error).await
    }

    /// Reaps the whole project: expired hosts, and runs that are over although their records show them as running.
    async fn sweep(&self, now: Timestamp) -> Result<(), Failure> {
        let mut expired: BTreeMap<String, bool> = BTreeMap::new();
        for host in self.teardown.hosts.find_all().await? {
            let Some(run_id) = host.run_id else {
                tracing::warn!(host = host.id, "a host of the project belongs to no run");
                continue;
            };
            *expired.entry(run_id).or_default() |= host.expires_at.is_none_or(|expiry| expiry <= now);
        }
        let mut unsettled: BTreeSet<String> = expired.keys().cloned().collect();
        let latest = self.teardown.records.latest_runs(MAX_LATEST_RUNS).await?;
        unsettled.extend(
            latest.into_iter().filter(|record| record.status == RunStatus::Running).map(|record| record.run_id),
        );
        let mut failures = Vec::new();
        for run_id in unsettled {
            let is_expired = expired.get(&run_id).copied().unwrap_or(false);
            if let Err(failure) = self.settle(&run_id, is_expired, now).await {
                failures.push(format!("{run_id}: {failure}"));
            }
        }
        if failures.is_empty() {
            return Ok(());
        }
        Err(Failure::Aws { doing: "reaping".to_owned(), reason: failures.join("; ") })
    }

    async fn settle(&self, run_id: &str, is_expired: bool, now: Timestamp) -> Result<(), Failure> {
        // The run's own record first, because a redeployed stack may have another state machine.
        let record = self.teardown.records.run(run_id).await?;
        // The tag of hosts that a run keeps has the latest time at which they expire, and the record has the time.
        let kept_until = record.as_ref().and_then(|record| record.kept_until);
        let is_expired = is_expired || kept_until.is_some_and(|until| until <= now);
        let recorded = record.and_then(|record| record.execution_arn);
        let arn = recorded.unwrap_or_else(|| self.executions.arn(run_id));
        match self.executions.find(&arn).await? {
            Some(execution) if !execution.is_over() => {
                // The execution itself detects that the hosts are lost, and summarizes.
                if is_expired { self.teardown.run(run_id).await.map(|_| ()) } else { Ok(()) }
            }
            execution => {
                let unknown =
                    || Some(StatesError { error: "Lost".to_owned(), cause: "there is no execution".to_owned() });
                self.end_run(run_id, execution.as_ref().map_or_else(unknown, Execution::ending)).await
            }
        }
    }

    /// Terminates the run's hosts and gets the run summarized, even if hosts are left.
    async fn end_run(&self, run_id: &str, error: Option<StatesError>) -> Result<(), Failure> {
        let torn_down = self.teardown.run(run_id).await;
        let hosts_left = match &torn_down {
            Ok(answer) => answer.hosts_left,
            // At least one. The record has the number.
            Err(_) => self.teardown.records.run(run_id).await?.and_then(|record| record.hosts_left).unwrap_or(1),
        };
        let event = SummarizeEvent { run_id: run_id.to_owned(), error, hosts_left, keep: false, checks: None };
        self.summarize(&event).await?;
        self.request_publication(run_id).await?;
        torn_down.map(|_| ())
    }

    /// Has a run summarized, and waits for that: what is published next is in the report.
    async fn summarize(&self, event: &SummarizeEvent) -> Result<(), Failure> {
        let doing = format!("requesting the summary of run {}", event.run_id);
        let failure = |reason: String| Failure::Aws { doing: doing.clone(), reason };
        let payload = serde_json::to_vec(event).map_err(|error| failure(error.to_string()))?;
        // An attempt that takes long is not tried again beside the first.
        let timeouts =
            TimeoutConfig::builder().operation_attempt_timeout(SUMMARIZE_TIMEOUT).operation_timeout(SUMMARIZE_TIMEOUT);
        let patience = aws_sdk_lambda::Config::builder()
            .timeout_config(timeouts.read_timeout(SUMMARIZE_TIMEOUT).build())
            .retry_config(RetryConfig::disabled());
        let invocation = self.lambda.invoke().function_name(&self.summarize_function).payload(Blob::new(payload));
        let answer =
            invocation.customize().config_override(patience).send().await.map_err(aws_failure(doing.clone()))?;
        match answer.function_error() {
            Some(error) => {
                let message = answer.payload().map(|payload| String::from_utf8_lossy(payload.as_ref()).into_owned());
                Err(failure(message.unwrap_or_else(|| error.to_owned())))
            }
            None => Ok(()),
        }
    }

    /// Requests that a run is published.
    async fn request_publication(&self, run_id: &str) -> Result<(), Failure> {
        let payload = json!({ "runId": run_id }).to_string();
        let invocation = self.lambda.invoke().function_name(&self.publish_function);
        let invocation = invocation.invocation_type(InvocationType::Event).payload(Blob::new(payload));
        let answer = invocation.send().await;
        answer.map(|_| ()).map_err(aws_failure(format!("requesting the publication of run {run_id}")))
    }
}

/// Returns the execution of an event, if the event reports the end of one.
fn ended_execution(event: &Value) -> Option<EndedExecution> {
    if event["detail-type"] != "Step Functions Execution Status Change" {
        return None;
    }
    EndedExecution::deserialize(&event["detail"]).ok()
}

#[cfg(test)]
mod tests;
