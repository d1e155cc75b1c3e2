//! Pages of runs, the newest first.

use jiff::Timestamp;
use serde_dynamo::aws_sdk_dynamodb_1::from_item;

use super::{Item, META_SORT_KEY, Records, RunRecord, item_failure, run_key, sortable_text, text};
use crate::clients::aws_failure;
use crate::failure::Failure;

/// Runs that one call reads. A record has less than 2 KB, and DynamoDB returns at most 1 MB.
const RUNS_PER_CALL: i32 = 250;
/// Calls for one page at most. A rare name is then found in parts, by the position of the last run that was read.
const MAX_CALLS: usize = 8;

/// Conditions on the runs of a page. An absent one is met by every run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Name of the request.
    pub name: Option<String>,
    /// Hash of hardware and dataset, or its beginning.
    pub fingerprint: Option<String>,
    /// The earliest time of planning.
    pub since: Option<Timestamp>,
    /// The latest time of planning.
    pub until: Option<Timestamp>,
}

/// Position of a run in the order of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunPosition {
    /// Id of the run.
    pub run_id: String,
    /// Time at which the run was planned.
    pub created_at: Timestamp,
}

impl RunRecord {
    fn has_fingerprint(&self, beginning: &str) -> bool {
        self.fingerprint.as_ref().is_some_and(|fingerprint| fingerprint.starts_with(beginning))
    }
}

impl RunPosition {
    fn of_run(run: &RunRecord) -> Self {
        Self { run_id: run.run_id.clone(), created_at: run.created_at }
    }
}

impl RunFilter {
    /// Returns true if a run meets the conditions. An execution that only empties kept hosts is not a run of a list.
    fn admits(&self, run: &RunRecord) -> bool {
        !run.clears
            && (self.name.is_none() || self.name == run.name)
            && self.fingerprint.as_ref().is_none_or(|beginning| run.has_fingerprint(beginning))
    }

    /// Returns true if a page may begin after this position. DynamoDB refuses a position outside of the range.
    #[must_use]
    pub fn has_position(&self, position: &RunPosition) -> bool {
        self.since.is_none_or(|since| since <= position.created_at)
            && self.until.is_none_or(|until| position.created_at <= until)
    }
}

impl Records {
    /// Returns at most `limit` runs that meet the conditions, after a position, and the position to go on from. Without
    /// such a position there are no more.
    ///
    /// # Errors
    /// DynamoDB does not answer.
    pub async fn page_of_runs(
        &self,
        filter: &RunFilter,
        limit: usize,
        after: Option<RunPosition>,
    ) -> Result<(Vec<RunRecord>, Option<RunPosition>), Failure> {
        let doing = "looking for runs";
        let mut runs = Vec::new();
        let mut start = after.map(|position| start_key(&position));
        for _ in 0..MAX_CALLS {
            let answer = self
                .client
                .query()
                .table_name(&self.table)
                .index_name("byTime")
                .key_condition_expression("#type = :run AND createdAt BETWEEN :since AND :until")
                .expression_attribute_names("#type", "type")
                .expression_attribute_values(":run", text("RUN"))
                .expression_attribute_values(
                    ":since",
                    text(sortable_text(filter.since.unwrap_or(Timestamp::UNIX_EPOCH))),
                )
                .expression_attribute_values(
                    ":until",
                    filter.until.map_or_else(|| text("9999"), |until| text(sortable_text(until))),
                )
                .scan_index_forward(false)
                .limit(RUNS_PER_CALL)
                .set_exclusive_start_key(start.take())
                .send()
                .await
                .map_err(aws_failure(doing))?;
            let last = answer.last_evaluated_key;
            let read =
                answer.items.unwrap_or_default().into_iter().map(from_item).collect::<Result<Vec<RunRecord>, _>>();
            let read = read.map_err(|error| item_failure(doing, &error))?;
            let mut admitted = read.into_iter().filter(|run| filter.admits(run));
            runs.extend(admitted.by_ref().take(limit - runs.len()));
            if runs.len() == limit {
                let more = last.is_some() || admitted.next().is_some();
                let position = runs.last().filter(|_| more).map(RunPosition::of_run);
                return Ok((runs, position));
            }
            let Some(last) = last else { return Ok((runs, None)) };
            start = Some(last);
        }
        let position = start.and_then(|key| position_of(&key));
        Ok((runs, position))
    }
}

/// Returns the key of the index that DynamoDB begins after.
fn start_key(position: &RunPosition) -> Item {
    let mut key = run_key(&position.run_id, META_SORT_KEY);
    key.insert("type".to_owned(), text("RUN"));
    key.insert("createdAt".to_owned(), text(sortable_text(position.created_at)));
    key
}

fn position_of(key: &Item) -> Option<RunPosition> {
    let run_id = key.get("PK")?.as_s().ok()?.strip_prefix("RUN#")?.to_owned();
    Some(RunPosition { run_id, created_at: key.get("createdAt")?.as_s().ok()?.parse().ok()? })
}
