//! What was found for each scenario of a run, which later runs are compared with.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_dynamo::aws_sdk_dynamodb_1::{from_item, to_item};
use serde_json::{Map, Value};

use super::{Item, Records, run_key, sortable, text, unfit};
use crate::aws::failed;
use crate::failure::Failure;
use crate::verdict::HistoricScenario;

/// DynamoDB takes 400 KB an item; its names and types count too.
const LARGEST_SUMMARY: usize = 150_000;
/// What is kept of a summary that is too large.
const ESSENTIAL: [&str; 4] = ["block", "scenario", "settings", "instancesPerSecond"];

/// What was found for a scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScenarioRecord {
    /// The run.
    pub run_id: String,
    /// The block.
    pub block: u32,
    /// The scenario.
    pub scenario: u32,
    /// When the run was planned.
    pub created_at: Timestamp,
    /// Hardware and dataset, hashed.
    pub fingerprint: String,
    /// The settings, hashed.
    pub settings_key: String,
    /// Median instances per second, where it may be compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instances_per_second: Option<f64>,
    /// The scenario as in report.json, without its iterations: these stay in the bucket.
    pub summary: Map<String, Value>,
}

impl ScenarioRecord {
    /// Takes out of the summary what an item has no room for.
    #[must_use]
    pub fn within_limits(mut self) -> Self {
        self.summary.remove("iterations");
        if serde_json::to_string(&self.summary).map_or(0, |json| json.len()) > LARGEST_SUMMARY {
            self.summary.retain(|name, _| ESSENTIAL.contains(&name.as_str()));
        }
        self
    }
}

impl Records {
    /// Writes what was found for a scenario, over what was there.
    ///
    /// # Errors
    /// DynamoDB does not take it.
    pub async fn write_scenario(&self, record: &ScenarioRecord) -> Result<(), Failure> {
        let doing = format!("recording scenario {} of run {}", record.scenario, record.run_id);
        let mut item: Item = to_item(record).map_err(|error| unfit(&doing, &error))?;
        // The numbers are padded so that text order is their order.
        item.extend(run_key(&record.run_id, &format!("BLOCK#{:04}#SCENARIO#{:04}", record.block, record.scenario)));
        if record.instances_per_second.is_some() {
            let history_key = format!("{}#{}", record.settings_key, sortable(record.created_at));
            item.insert("historyKey".to_owned(), text(history_key));
        }
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .send()
            .await
            .map_err(failed(doing))
            .map(|_| ())
    }

    /// What is known of the scenarios of a run, in their order.
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
            let item = item.map_err(failed(&doing))?;
            scenarios.push(from_item(item).map_err(|error| unfit(&doing, &error))?);
        }
        Ok(scenarios)
    }

    /// The latest earlier findings with the same hardware, dataset and settings, the newest first.
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
            // A millisecond earlier: BETWEEN has both of its ends, and a run is not its own history.
            .expression_attribute_values(
                ":last",
                text(format!("{settings_key}#{}", sortable(before - jiff::SignedDuration::from_millis(1)))),
            )
            .scan_index_forward(false)
            .limit(limit)
            .send()
            .await
            .map_err(failed(doing))?;
        answer.items().iter().cloned().map(|item| from_item(item).map_err(|error| unfit(doing, &error))).collect()
    }
}
