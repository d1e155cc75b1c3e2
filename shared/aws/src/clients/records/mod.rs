//! Records of runs in one DynamoDB table.
//!
//! | PK | SK | item |
//! |---|---|---|
//! | `RUN#id` | `META` | a [`RunRecord`] |
//! | `RUN#id` | `BLOCK#n#SCENARIO#n` | a [`ScenarioRecord`] |
//! | `LOCK#schedule` | `LOCK` | the run that holds the schedule's lock |
//! | `BASELINE` | name | a [`NamedBaseline`](dicomperf_model::history::NamedBaseline) |
//! | `HISTORY` | time and id | a [`HistoryEntry`](dicomperf_model::history::HistoryEntry) |
//! | `LOCK#hosts of id` | `LOCK` | the run that uses the hosts that a run keeps |
//! | `RUNNING` | `RUNNING` | the runs that count against the limit of runs at the same time |
//! | `TOKEN#hash` | `TOKEN` | the run that a client token started |
//!
//! Index `byTime`: `type` (`RUN`), `createdAt`. Index `byFingerprint`: `fingerprint`, `historyKey` (settings and time).

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::ProvideErrorMetadata as _;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_dynamo::aws_sdk_dynamodb_1::{from_item, to_attribute_value, to_item};

use super::aws_failure;
use crate::failure::Failure;
use dicomperf_model::results::RunError;
use dicomperf_model::results::RunStatus;
use dicomperf_model::results::Verdict;
use dicomperf_model::step::StepState;

mod baselines;
mod history;
mod locks;
mod pages;
mod running;
mod scenarios;
mod tokens;

pub use baselines::BASELINE_KEY;
pub use locks::{Lock, hosts_lock};
pub use pages::{RunFilter, RunPosition};
pub use running::Entry;
pub use scenarios::ScenarioRecord;
pub use tokens::Token;

const META_SORT_KEY: &str = "META";
const CONDITION_FAILED: Option<&str> = Some("ConditionalCheckFailedException");

type Item = HashMap<String, AttributeValue>;

/// The table of the stack.
#[derive(Debug, Clone)]
pub struct Records {
    client: Client,
    table: String,
}

/// Record of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunRecord {
    /// Id of the run.
    pub run_id: String,
    /// Status of the run.
    pub status: RunStatus,
    /// Time at which the run was planned.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub created_at: Timestamp,
    /// Name of the request, once the run is planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// ARN of the execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_arn: Option<String>,
    /// Time at which the hosts expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub expires_at: Option<Timestamp>,
    /// Hash of hardware and dataset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// Schedule that started the run. The run holds the schedule's lock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// Progress of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<RunProgress>,
    /// Verdict on the results, once the run is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// Cause of the failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<RunError>,
    /// Number of hosts that are left, once teardown has run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hosts_left: Option<u32>,
    /// Time at which the run was summarized.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub finished_at: Option<Timestamp>,
    /// `s3://BUCKET/KEY` of report.json.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<String>,
    /// Time at which the event and the metrics of the finished run were published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub published_at: Option<Timestamp>,
    /// Time until which the run keeps its hosts after its report. They are gone earlier if `hostsLeft` is 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub kept_until: Option<Timestamp>,
    /// Id of the run whose hosts this run uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hosts_of: Option<String>,
    /// True if the run only empties these hosts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub clears: bool,
}

/// Progress of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunProgress {
    /// State of the step.
    pub state: StepState,
    /// Name of the step.
    pub step: String,
    /// The agent's current work.
    pub doing: String,
    /// Units done.
    pub done: u32,
    /// Units in all.
    pub total: u32,
}

/// End of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunEnd {
    /// Status of the run.
    pub status: RunStatus,
    /// Verdict on the results.
    pub verdict: Verdict,
    /// Cause of the failure.
    pub error: Option<RunError>,
    /// Number of hosts that are left.
    pub hosts_left: u32,
    /// Time at which the run was summarized.
    pub finished_at: Timestamp,
    /// `s3://BUCKET/KEY` of report.json, if it was written.
    pub report: Option<String>,
    /// Hash of hardware and dataset, with the types that were launched. If absent, the planned one stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// Time until which the run keeps its hosts. If absent, the recorded one stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept_until: Option<Timestamp>,
}

impl RunRecord {
    /// Returns the record of a run of which nothing else is known.
    #[must_use]
    pub fn new(run_id: &str, status: RunStatus, created_at: Timestamp) -> Self {
        Self {
            run_id: run_id.to_owned(),
            status,
            created_at,
            name: None,
            execution_arn: None,
            expires_at: None,
            fingerprint: None,
            schedule: None,
            progress: None,
            verdict: None,
            error: None,
            hosts_left: None,
            finished_at: None,
            report: None,
            published_at: None,
            kept_until: None,
            hosts_of: None,
            clears: false,
        }
    }
}

impl Records {
    /// Returns the table of this name.
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Writes a run's record unless it exists.
    ///
    /// # Errors
    /// DynamoDB refuses it.
    pub async fn create(&self, record: &RunRecord) -> Result<(), Failure> {
        let doing = format!("recording run {}", record.run_id);
        let mut item: Item = to_item(record).map_err(|error| item_failure(&doing, &error))?;
        item.extend(run_key(&record.run_id, META_SORT_KEY));
        item.insert("type".to_owned(), text("RUN"));
        item.insert("createdAt".to_owned(), text(sortable_text(record.created_at)));
        let request = self.client.put_item().table_name(&self.table).set_item(Some(item));
        match request.condition_expression("attribute_not_exists(PK)").send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == CONDITION_FAILED => Ok(()),
            Err(error) => Err(aws_failure(doing)(error)),
        }
    }

    /// Returns a run's record.
    ///
    /// # Errors
    /// DynamoDB does not answer.
    pub async fn run(&self, run_id: &str) -> Result<Option<RunRecord>, Failure> {
        let doing = format!("reading the record of run {run_id}");
        let request = self.client.get_item().table_name(&self.table).set_key(Some(run_key(run_id, META_SORT_KEY)));
        let answer = request.consistent_read(true).send().await.map_err(aws_failure(&doing))?;
        answer.item.map(|item| from_item(item).map_err(|error| item_failure(&doing, &error))).transpose()
    }

    /// Returns the latest runs, the newest first.
    ///
    /// # Errors
    /// DynamoDB does not answer.
    pub async fn latest_runs(&self, limit: i32) -> Result<Vec<RunRecord>, Failure> {
        let doing = "looking for the latest runs";
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("byTime")
            .key_condition_expression("#type = :run")
            .expression_attribute_names("#type", "type")
            .expression_attribute_values(":run", text("RUN"))
            .scan_index_forward(false)
            .limit(limit)
            .send()
            .await
            .map_err(aws_failure(doing))?;
        answer
            .items()
            .iter()
            .cloned()
            .map(|item| from_item(item).map_err(|error| item_failure(doing, &error)))
            .collect()
    }

    /// Records the progress of a run. If the run is over or unknown, its record stays as it is. That is not an error.
    ///
    /// # Errors
    /// DynamoDB refuses it.
    pub async fn record_progress(&self, run_id: &str, progress: &RunProgress) -> Result<(), Failure> {
        let doing = format!("recording the progress of run {run_id}");
        let value = to_attribute_value(progress).map_err(|error| item_failure(&doing, &error))?;
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(run_key(run_id, META_SORT_KEY)))
            .update_expression("SET #progress = :progress")
            .condition_expression("#status = :running")
            .expression_attribute_names("#progress", "progress")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":progress", value)
            .expression_attribute_values(":running", text("RUNNING"));
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == CONDITION_FAILED => Ok(()),
            Err(error) => Err(aws_failure(doing)(error)),
        }
    }

    /// Records how many hosts of a run are left. Writes no record for an unknown run.
    ///
    /// # Errors
    /// DynamoDB refuses it.
    pub async fn record_hosts_left(&self, run_id: &str, hosts: u32) -> Result<(), Failure> {
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(run_key(run_id, META_SORT_KEY)))
            .update_expression("SET hostsLeft = :hosts")
            .condition_expression("attribute_exists(PK)")
            .expression_attribute_values(":hosts", AttributeValue::N(hosts.to_string()));
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == CONDITION_FAILED => Ok(()),
            Err(error) => Err(aws_failure(format!("recording the hosts of run {run_id}"))(error)),
        }
    }

    /// Records that the event and the metrics of a finished run were published. Does nothing for an unknown run.
    ///
    /// # Errors
    /// DynamoDB refuses it.
    pub async fn record_published(&self, run_id: &str, at: Timestamp) -> Result<(), Failure> {
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(run_key(run_id, META_SORT_KEY)))
            .update_expression("SET publishedAt = :at")
            .condition_expression("attribute_exists(PK)")
            .expression_attribute_values(":at", text(sortable_text(at)));
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == CONDITION_FAILED => Ok(()),
            Err(error) => Err(aws_failure(format!("recording that run {run_id} was published"))(error)),
        }
    }

    /// Records the end of a run and replaces an earlier end. A run that succeeded does not fail afterwards.
    ///
    /// # Errors
    /// DynamoDB refuses it.
    pub async fn finish(&self, run_id: &str, end: &RunEnd) -> Result<(), Failure> {
        let doing = format!("recording the end of run {run_id}");
        let mut item: Item = to_item(end).map_err(|error| item_failure(&doing, &error))?;
        item.insert("type".to_owned(), text("RUN"));
        item.insert("runId".to_owned(), text(run_id));
        let set: Vec<_> = item.keys().map(|name| format!("#{name} = :{name}")).collect();
        let mut request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(run_key(run_id, META_SORT_KEY)))
            // A run that failed before it was planned has no record yet.
            .update_expression(format!(
                "SET {}, createdAt = if_not_exists(createdAt, :created) REMOVE #progress",
                set.join(", ")
            ))
            .expression_attribute_names("#progress", "progress")
            .expression_attribute_values(":created", text(sortable_text(end.finished_at)));
        for (name, value) in item {
            request = request
                .expression_attribute_names(format!("#{name}"), &name)
                .expression_attribute_values(format!(":{name}"), value);
        }
        if end.status != RunStatus::Succeeded {
            request = request
                .condition_expression("attribute_not_exists(#status) OR #status <> :succeeded")
                .expression_attribute_values(":succeeded", text("SUCCEEDED"));
        }
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == CONDITION_FAILED => Ok(()),
            Err(error) => Err(aws_failure(doing)(error)),
        }
    }
}

/// Condition that no item meets.
const NEVER: &str = "attribute_exists(PK) AND attribute_not_exists(PK)";

impl Records {
    /// Attempts to put an item on a condition that it cannot meet, so that only the right to do so is used.
    pub(crate) async fn try_put(&self, run_id: &str) -> Result<(), Failure> {
        let request = self.client.put_item().table_name(&self.table).set_item(Some(run_key(run_id, "CHECK")));
        match request.condition_expression(NEVER).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == CONDITION_FAILED => Ok(()),
            Err(error) => Err(aws_failure("putting an item")(error)),
        }
    }
}

fn run_key(run_id: &str, sort_key: &str) -> Item {
    key(&format!("RUN#{run_id}"), sort_key)
}

fn key(partition_key: &str, sort_key: &str) -> Item {
    Item::from([("PK".to_owned(), text(partition_key)), ("SK".to_owned(), text(sort_key))])
}

fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// Formats a time, always with milliseconds, so that text order is time order.
fn sortable_text(time: Timestamp) -> String {
    format!("{time:.3}")
}

/// Returns the failure for a value that cannot be converted from or to an item.
fn item_failure(doing: &str, error: &serde_dynamo::Error) -> Failure {
    Failure::Aws { doing: doing.to_owned(), reason: error.to_string() }
}

#[cfg(test)]
mod tests;
