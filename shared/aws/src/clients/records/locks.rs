//! Locks of schedules and of kept hosts. A run does not begin while another run of the same schedule is not over, or uses
//! the same hosts.

use aws_sdk_dynamodb::error::ProvideErrorMetadata as _;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::{CONDITION_FAILED, Item, Records, key, text};
use crate::clients::aws_failure;
use crate::failure::Failure;

const LOCK_SORT_KEY: &str = "LOCK";

/// Returns the name of the lock of the hosts that a run keeps. No schedule has a name with a space.
#[must_use]
pub fn hosts_lock(run_id: &str) -> String {
    format!("hosts of {run_id}")
}

/// The lock of a schedule, or of kept hosts.
#[derive(Debug, Clone, Copy)]
pub struct Lock<'a> {
    /// Name of the schedule.
    pub schedule: &'a str,
    /// Id of the run that takes the lock.
    pub run_id: &'a str,
    /// Time from which another run may take the lock, even if no run released it.
    pub until: Timestamp,
}

impl Records {
    /// Takes a schedule's lock. Succeeds if the run already has the lock.
    ///
    /// # Errors
    /// [`Failure::ScheduleOverlaps`] if another run has the lock.
    pub async fn lock(&self, lock: &Lock<'_>, now: Timestamp) -> Result<(), Failure> {
        let doing = format!("taking the lock of schedule {}", lock.schedule);
        let mut item = lock_key(lock.schedule);
        item.insert("runId".to_owned(), text(lock.run_id));
        item.insert("until".to_owned(), epoch_seconds(lock.until));
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(PK) OR runId = :run OR #until < :now")
            .expression_attribute_names("#until", "until")
            .expression_attribute_values(":run", text(lock.run_id))
            .expression_attribute_values(":now", epoch_seconds(now));
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == CONDITION_FAILED => Err(Failure::ScheduleOverlaps {
                schedule: lock.schedule.to_owned(),
                holder: self.holder(lock.schedule).await?.unwrap_or_else(|| "that is just over".to_owned()),
            }),
            Err(error) => Err(aws_failure(doing)(error)),
        }
    }

    /// Releases a schedule's lock, if the run has it.
    ///
    /// # Errors
    /// DynamoDB refuses it.
    pub async fn unlock(&self, schedule: &str, run_id: &str) -> Result<(), Failure> {
        let request = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(lock_key(schedule)))
            .condition_expression("runId = :run")
            .expression_attribute_values(":run", text(run_id));
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == CONDITION_FAILED => Ok(()),
            Err(error) => Err(aws_failure(format!("releasing the lock of schedule {schedule}"))(error)),
        }
    }

    /// Returns the run that has a lock at a time.
    ///
    /// # Errors
    /// DynamoDB does not answer.
    pub async fn lock_holder(&self, schedule: &str, now: Timestamp) -> Result<Option<String>, Failure> {
        let Some(item) = self.lock_item(schedule).await? else { return Ok(None) };
        let until = item.get("until").and_then(|until| until.as_n().ok()?.parse().ok()).unwrap_or(0);
        Ok(item.get("runId").and_then(|run| run.as_s().ok().cloned()).filter(|_| until >= now.as_second()))
    }

    async fn holder(&self, schedule: &str) -> Result<Option<String>, Failure> {
        let item = self.lock_item(schedule).await?;
        Ok(item.and_then(|item| item.get("runId")?.as_s().ok().cloned()))
    }

    async fn lock_item(&self, schedule: &str) -> Result<Option<Item>, Failure> {
        let request = self.client.get_item().table_name(&self.table).set_key(Some(lock_key(schedule)));
        let answer = request
            .consistent_read(true)
            .send()
            .await
            .map_err(aws_failure(format!("reading the lock of schedule {schedule}")))?;
        Ok(answer.item)
    }
}

fn lock_key(schedule: &str) -> Item {
    key(&format!("LOCK#{schedule}"), LOCK_SORT_KEY)
}

fn epoch_seconds(time: Timestamp) -> AttributeValue {
    AttributeValue::N(time.as_second().to_string())
}
