//! Records of scenarios, with which later runs are compared.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_dynamo::aws_sdk_dynamodb_1::{from_item, to_item};
use serde_json::{Map, Value};

use super::{Item, Records, item_failure, run_key, sortable_text, text};
use crate::clients::aws_failure;
use crate::failure::Failure;
use dicomperf_analysis::verdict::HistoricScenario;

/// DynamoDB allows 400 KB for an item, including names and types.
const MAX_SUMMARY_BYTES: usize = 150_000;
/// Fields that remain of a summary that is too large.
const ESSENTIAL_FIELDS: [&str; 4] = ["block", "scenario", "settings", "instancesPerSecond"];

/// Record of a scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScenarioRecord {
    /// Id of the run.
    pub run_id: String,
    /// Number of the block.
    pub block: u32,
    /// Number of the scenario.
    pub scenario: u32,
    /// Time at which the run was planned.
    pub created_at: Timestamp,
    /// Hash of hardware and dataset.
    pub fingerprint: String,
    /// Hash of the settings.
    pub settings_key: String,
    /// Median instances per second. Absent if later runs must not be compared with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instances_per_second: Option<f64>,
    /// The scenario as in report.json, without its iterations, which only the bucket has.
    pub summary: Map<String, Value>,
}

impl ScenarioRecord {
    /// Removes the parts of the summary that are too large for an item.
    #[must_use]
    pub fn within_limits(mut self) -> Self {
        self.summary.remove("iterations");
        if serde_json::to_string(&self.summary).map_or(0, |json| json.len()) > MAX_SUMMARY_BYTES {
            self.summary.retain(|name, _| ESSENTIAL_FIELDS.contains(&name.as_str()));
        }
        self
    }
}

impl Records {
    /// Writes the record of a scenario and replaces an existing one.
    ///
    /// # Errors
    /// DynamoDB refuses it.
    pub async fn write_scenario(&self, record: &ScenarioRecord) -> Result<(), Failure> {
        let doing = format!("recording scenario {} of run {}", record.scenario, record.run_id);
        let mut item: Item = to_item(record).map_err(|error| item_failure(&doing, &error))?;
        // The numbers are padded, so that text order is numeric order.
        item.extend(run_key(&record.run_id, &format!("BLOCK#{:04}#SCENARIO#{:04}", record.block, record.scenario)));
        if record.instances_per_second.is_some() {
            let history_key = format!("{}#{}", record.settings_key, sortable_text(record.created_at));
            item.insert("historyKey".to_owned(), text(history_key));
        }
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .send()
            .await
            .map_err(aws_failure(doing))
            .map(|_| ())
    }

    /// Returns the records of a run's scenarios, in order.
    ///
    /// # Errors
    /// DynamoDB does not answer.
    pub async fn scenarios(&self, run_id: &str) -> Result<Vec<ScenarioRecord>, Failure> {
        let doing = format!("reading the scenarios of run {run_id}");
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("PK = :run AND begins_with(SK, :block)")
            .expression_attribute_values(":run", text(format!("RUN#{run_id}")))
            .expression_attribute_values(":block", text("BLOCK#"))
            .into_paginator()
            .items()
            .send();
        let mut scenarios = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.map_err(aws_failure(&doing))?;
            scenarios.push(from_item(item).map_err(|error| item_failure(&doing, &error))?);
        }
        Ok(scenarios)
    }

    /// Returns the latest earlier records with the same hardware, dataset and settings, the newest first.
    ///
    /// # Errors
    /// DynamoDB does not answer.
    pub async fn history(
        &self,
        fingerprint: &str,
        settings_key: &str,
        before: Timestamp,
        limit: i32,
    ) -> Result<Vec<HistoricScenario>, Failure> {
        let doing = "looking for earlier runs";
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("byFingerprint")
            .key_condition_expression("fingerprint = :fingerprint AND historyKey BETWEEN :first AND :last")
            .expression_attribute_values(":fingerprint", text(fingerprint))
            .expression_attribute_values(":first", text(format!("{settings_key}#")))
            // A millisecond earlier: BETWEEN includes both ends, and a run is not part of its own history.
            .expression_attribute_values(
                ":last",
                text(format!("{settings_key}#{}", sortable_text(before - jiff::SignedDuration::from_millis(1)))),
            )
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
}
