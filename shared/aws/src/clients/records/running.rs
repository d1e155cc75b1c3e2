//! The runs that count against the stack's limit of runs at the same time.
//!
//! One item has a map from a run's id to the time until which it counts. A run enters and leaves it in one conditional
//! write each, so that two plans at the same time cannot both take the last place. A run that nobody tears down leaves
//! by its time.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::error::ProvideErrorMetadata as _;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use jiff::Timestamp;

use super::{CONDITION_FAILED, Item, Records, key};
use crate::clients::aws_failure;
use crate::failure::Failure;

const RUNNING_KEY: &str = "RUNNING";

/// A run that wants to count among those that run.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// Id of the run.
    pub run_id: &'a str,
    /// Time from which the run does not count, even if nobody tore it down.
    pub until: Timestamp,
    /// Runs at the same time at most.
    pub limit: u32,
}

impl Records {
    /// Counts a run among those that run. Succeeds if it counts already.
    ///
    /// # Errors
    /// [`Failure::TooManyRuns`] if the limit is reached.
    pub async fn enter(&self, entry: &Entry<'_>, now: Timestamp) -> Result<(), Failure> {
        let running = self.running().await?;
        if running.contains_key(entry.run_id) {
            return Ok(());
        }
        for (run_id, until) in running {
            if until < now.as_second() {
                self.remove(&run_id, "runs.#run = :until", Some(until)).await?;
            }
        }
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(running_key()))
            .update_expression("SET runs.#run = :until")
            // Another invocation for this run may have been faster.
            .condition_expression("size(runs) < :limit OR attribute_exists(runs.#run)")
            .expression_attribute_names("#run", entry.run_id)
            .expression_attribute_values(":until", number(entry.until.as_second()))
            .expression_attribute_values(":limit", number(i64::from(entry.limit)));
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == CONDITION_FAILED => Err(Failure::TooManyRuns {
                running: self.running().await?.into_keys().collect::<Vec<_>>().join(", "),
                limit: entry.limit,
            }),
            Err(error) => Err(aws_failure(format!("counting run {}", entry.run_id))(error)),
        }
    }

    /// Ends the counting of a run. Not an error if it does not count.
    ///
    /// # Errors
    /// DynamoDB refuses it.
    pub async fn leave(&self, run_id: &str) -> Result<(), Failure> {
        self.remove(run_id, "attribute_exists(runs.#run)", None).await
    }

    /// Returns the ids of the runs that count at a time.
    ///
    /// # Errors
    /// DynamoDB refuses it.
    pub async fn counted(&self, now: Timestamp) -> Result<Vec<String>, Failure> {
        let running = self.running().await?.into_iter();
        Ok(running.filter(|(_, until)| *until >= now.as_second()).map(|(run_id, _)| run_id).collect())
    }

    /// Returns the runs that count, with the seconds since 1970 until which they do. Makes the item if it is absent.
    async fn running(&self) -> Result<BTreeMap<String, i64>, Failure> {
        let answer = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(running_key()))
            .update_expression("SET runs = if_not_exists(runs, :none)")
            .expression_attribute_values(":none", AttributeValue::M(Item::new()))
            .return_values(ReturnValue::AllNew)
            .send()
            .await
            .map_err(aws_failure("reading the runs that run"))?;
        let runs = answer.attributes().and_then(|item| item.get("runs")?.as_m().ok());
        let until = |value: &AttributeValue| value.as_n().ok().and_then(|number| number.parse().ok()).unwrap_or(0);
        Ok(runs.into_iter().flatten().map(|(run_id, value)| (run_id.clone(), until(value))).collect())
    }

    async fn remove(&self, run_id: &str, condition: &str, until: Option<i64>) -> Result<(), Failure> {
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(running_key()))
            .update_expression("REMOVE runs.#run")
            .condition_expression(condition)
            .expression_attribute_names("#run", run_id);
        let request = match until {
            Some(until) => request.expression_attribute_values(":until", number(until)),
            None => request,
        };
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == CONDITION_FAILED => Ok(()),
            Err(error) => Err(aws_failure(format!("ending the counting of run {run_id}"))(error)),
        }
    }
}

fn running_key() -> Item {
    key(RUNNING_KEY, RUNNING_KEY)
}

fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}
