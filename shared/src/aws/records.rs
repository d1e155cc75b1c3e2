//! What is known of runs, in one DynamoDB table.
//!
//! | PK | SK | what |
//! |---|---|---|
//! | `RUN#id` | `META` | a [`RunRecord`] |
//! | `RUN#id` | `BLOCK#n#SCENARIO#n` | a [`ScenarioRecord`] |
//! | `LOCK#schedule` | `LOCK` | the run that a schedule waits for |
//!
//! Index `byTime`: `type` (`RUN`), `createdAt`. Index `byFingerprint`: `fingerprint`, `historyKey` (settings and time).

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::ProvideErrorMetadata as _;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_dynamo::aws_sdk_dynamodb_1::{from_item, to_attribute_value, to_item};

use super::failed;
use crate::failure::{Failure, RunError};
use crate::step::StepState;
use crate::verdict::Verdict;
use crate::workflow::RunStatus;

mod locks;
mod scenarios;

pub use locks::Lock;
pub use scenarios::ScenarioRecord;

const META: &str = "META";
const CONDITION_FAILED: Option<&str> = Some("ConditionalCheckFailedException");

type Item = HashMap<String, AttributeValue>;

/// The table of the stack.
#[derive(Debug, Clone)]
pub struct Records {
    client: Client,
    table: String,
}

/// What is known of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunRecord {
    /// The run.
    pub run_id: String,
    /// Where it stands.
    pub status: RunStatus,
    /// When it was planned.
    pub created_at: Timestamp,
    /// The request's name, once it is planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_arn: Option<String>,
    /// When its hosts expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Hardware and dataset, hashed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// The schedule that started it, whose lock it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// How far it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<RunProgress>,
    /// What its result means, once it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<RunError>,
    /// Hosts that are left, once that was looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hosts_left: Option<u32>,
    /// When it was summarized.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// `s3://BUCKET/KEY` of report.json.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<String>,
}

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunProgress {
    /// Where the step stands.
    pub state: StepState,
    /// Its name.
    pub step: String,
    /// What the agent does.
    pub doing: String,
    /// Units done.
    pub done: u32,
    /// Units in all.
    pub total: u32,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunEnd {
    /// Whether it was carried out.
    pub status: RunStatus,
    /// What its result means.
    pub verdict: Verdict,
    /// Why it failed.
    pub error: Option<RunError>,
    /// Hosts that are left.
    pub hosts_left: u32,
    /// When.
    pub finished_at: Timestamp,
    /// `s3://BUCKET/KEY` of report.json, if there is one.
    pub report: Option<String>,
}

impl Records {
    /// The table, by a client.
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Writes a run's record unless there is one.
    ///
    /// # Errors
    /// DynamoDB does not take it.
    pub async fn create(&self, record: &RunRecord) -> Result<(), Failure> {
        let doing = format!("recording run {}", record.run_id);
        let mut item: Item = to_item(record).map_err(|error| unfit(&doing, &error))?;
        item.extend(run_key(&record.run_id, META));
        item.insert("type".to_owned(), text("RUN"));
        item.insert("createdAt".to_owned(), text(sortable(record.created_at)));
        let request = self.client.put_item().table_name(&self.table).set_item(Some(item));
        match request.condition_expression("attribute_not_exists(PK)").send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == CONDITION_FAILED => Ok(()),
            Err(error) => Err(failed(doing)(error)),
        }
    }

    /// A run's record.
    ///
    /// # Errors
    /// DynamoDB does not answer.
    pub async fn run(&self, run_id: &str) -> Result<Option<RunRecord>, Failure> {
        let doing = format!("reading the record of run {run_id}");
        let request = self.client.get_item().table_name(&self.table).set_key(Some(run_key(run_id, META)));
        let answer = request.consistent_read(true).send().await.map_err(failed(&doing))?;
        answer.item.map(|item| from_item(item).map_err(|error| unfit(&doing, &error))).transpose()
    }

    /// The latest runs, the newest first.
    ///
    /// # Errors
    /// DynamoDB does not answer.
    pub async fn latest(&self, limit: i32) -> Result<Vec<RunRecord>, Failure> {
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
            .map_err(failed(doing))?;
        answer.items().iter().cloned().map(|item| from_item(item).map_err(|error| unfit(doing, &error))).collect()
    }

    /// Says how far a run is.
    ///
    /// # Errors
    /// DynamoDB does not take it. A run that is over, or that is not known, keeps its record: that is none.
    pub async fn progress(&self, run_id: &str, progress: &RunProgress) -> Result<(), Failure> {
        let doing = format!("recording the progress of run {run_id}");
        let value = to_attribute_value(progress).map_err(|error| unfit(&doing, &error))?;
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(run_key(run_id, META)))
            .update_expression("SET #progress = :progress")
            .condition_expression("#status = :running")
            .expression_attribute_names("#progress", "progress")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":progress", value)
            .expression_attribute_values(":running", text("RUNNING"));
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == CONDITION_FAILED => Ok(()),
            Err(error) => Err(failed(doing)(error)),
        }
    }

    /// Says how many hosts of a run are left. A run that is not known stays so.
    ///
    /// # Errors
    /// DynamoDB does not take it.
    pub async fn hosts_left(&self, run_id: &str, hosts: u32) -> Result<(), Failure> {
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(run_key(run_id, META)))
            .update_expression("SET hostsLeft = :hosts")
            .condition_expression("attribute_exists(PK)")
            .expression_attribute_values(":hosts", AttributeValue::N(hosts.to_string()));
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == CONDITION_FAILED => Ok(()),
            Err(error) => Err(failed(format!("recording the hosts of run {run_id}"))(error)),
        }
    }

    /// Says how a run ended, over what was said before; but a run that succeeded does not fail afterwards.
    ///
    /// # Errors
    /// DynamoDB does not take it.
    pub async fn finish(&self, run_id: &str, end: &RunEnd) -> Result<(), Failure> {
        let doing = format!("recording the end of run {run_id}");
        let mut item: Item = to_item(end).map_err(|error| unfit(&doing, &error))?;
        item.insert("type".to_owned(), text("RUN"));
        item.insert("runId".to_owned(), text(run_id));
        let set: Vec<_> = item.keys().map(|name| format!("#{name} = :{name}")).collect();
        let mut request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(run_key(run_id, META)))
            // A run that failed before it was planned has no record yet.
            .update_expression(format!(
                "SET {}, createdAt = if_not_exists(createdAt, :created) REMOVE #progress",
                set.join(", ")
            ))
            .expression_attribute_names("#progress", "progress")
            .expression_attribute_values(":created", text(sortable(end.finished_at)));
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
            Err(error) => Err(failed(doing)(error)),
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

/// A time of which text order is time order: always with milliseconds.
fn sortable(time: Timestamp) -> String {
    format!("{time:.3}")
}

/// What is read or written has not the form of an item.
fn unfit(doing: &str, error: &serde_dynamo::Error) -> Failure {
    Failure::Aws { doing: doing.to_owned(), reason: error.to_string() }
}

#[cfg(test)]
mod tests;
