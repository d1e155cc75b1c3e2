//! The runs that have a name as a baseline.

use aws_sdk_dynamodb::types::ReturnValue;
use serde_dynamo::aws_sdk_dynamodb_1::{from_item, to_item};

use super::{Item, Records, item_failure, key, text};
use crate::clients::aws_failure;
use crate::failure::Failure;
use dicomperf_model::history::NamedBaseline;

/// Partition key of every named baseline. `policies/baselines.json` permits writing these items only.
pub const BASELINE_KEY: &str = "BASELINE";

impl Records {
    /// Writes a named baseline and replaces the one of the same name.
    ///
    /// # Errors
    /// DynamoDB refuses it.
    pub async fn write_baseline(&self, baseline: &NamedBaseline) -> Result<(), Failure> {
        let doing = format!("recording baseline {}", baseline.name);
        let mut item: Item = to_item(baseline).map_err(|error| item_failure(&doing, &error))?;
        item.extend(key(BASELINE_KEY, &baseline.name));
        let request = self.client.put_item().table_name(&self.table).set_item(Some(item));
        request.send().await.map_err(aws_failure(doing)).map(|_| ())
    }

    /// Returns the baseline of a name, if there is one.
    ///
    /// # Errors
    /// DynamoDB does not answer.
    pub async fn baseline(&self, name: &str) -> Result<Option<NamedBaseline>, Failure> {
        let doing = format!("reading baseline {name}");
        let request = self.client.get_item().table_name(&self.table).set_key(Some(key(BASELINE_KEY, name)));
        let answer = request.consistent_read(true).send().await.map_err(aws_failure(&doing))?;
        answer.item.map(from_item).transpose().map_err(|error| item_failure(&doing, &error))
    }

    /// Returns all named baselines, by name.
    ///
    /// # Errors
    /// DynamoDB does not answer.
    pub async fn baselines(&self) -> Result<Vec<NamedBaseline>, Failure> {
        let doing = "reading the named baselines";
        let mut items = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("PK = :baseline")
            .expression_attribute_values(":baseline", text(BASELINE_KEY))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut baselines = Vec::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(aws_failure(doing))?;
            baselines.push(from_item(item).map_err(|error| item_failure(doing, &error))?);
        }
        Ok(baselines)
    }

    /// Removes the baseline of a name. Returns false if there was no such baseline.
    ///
    /// # Errors
    /// DynamoDB refuses it.
    pub async fn remove_baseline(&self, name: &str) -> Result<bool, Failure> {
        let request = self.client.delete_item().table_name(&self.table).set_key(Some(key(BASELINE_KEY, name)));
        let answer = request.return_values(ReturnValue::AllOld).send().await;
        let answer = answer.map_err(aws_failure(format!("removing baseline {name}")))?;
        Ok(answer.attributes.is_some())
    }
}
