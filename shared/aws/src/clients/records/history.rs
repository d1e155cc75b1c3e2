//! The history: one entry for each finished run.

use serde_dynamo::aws_sdk_dynamodb_1::{from_item, to_item};

use super::{Item, Records, item_failure, key, sortable_text, text};
use crate::clients::aws_failure;
use crate::failure::Failure;
use dicomperf_model::history::HistoryEntry;

const HISTORY_KEY: &str = "HISTORY";

impl Records {
    /// Writes a run's entry in the history and replaces an earlier one of the same run.
    ///
    /// # Errors
    /// DynamoDB refuses it.
    pub async fn write_history(&self, entry: &HistoryEntry) -> Result<(), Failure> {
        let doing = format!("recording run {} in the history", entry.run_id);
        let mut item: Item = to_item(entry).map_err(|error| item_failure(&doing, &error))?;
        item.extend(key(HISTORY_KEY, &format!("{}#{}", sortable_text(entry.created_at), entry.run_id)));
        let request = self.client.put_item().table_name(&self.table).set_item(Some(item));
        request.send().await.map_err(aws_failure(doing)).map(|_| ())
    }

    /// Returns the latest entries of the history, the newest first.
    ///
    /// # Errors
    /// DynamoDB does not answer.
    pub async fn history_entries(&self, limit: usize) -> Result<Vec<HistoryEntry>, Failure> {
        let doing = "reading the history";
        // A page has 1 MB at most.
        let mut items = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("PK = :history")
            .expression_attribute_values(":history", text(HISTORY_KEY))
            .scan_index_forward(false)
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut entries = Vec::new();
        while entries.len() < limit
            && let Some(item) = items.next().await
        {
            let item = item.map_err(aws_failure(doing))?;
            entries.push(from_item(item).map_err(|error| item_failure(doing, &error))?);
        }
        Ok(entries)
    }
}
