//! Records finished runs in the history, and writes the page of all runs.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::clients::artifacts::Artifacts;
use crate::clients::records::{Records, RunRecord};
use crate::failure::Failure;
use dicomperf_model::history::HistoryEntry;
use dicomperf_model::keys::HISTORY_PAGE;
use dicomperf_model::results::{Summary, Verdict};
use dicomperf_report::{HistoryPage, MAX_RUNS, history_page};

/// Rewrites of the page for runs that were recorded meanwhile. Each of those runs writes the page as well.
const MAX_REWRITES: u32 = 10;

/// Properties of the stack that the page depends on.
#[derive(Debug, Clone, Default)]
pub struct PageSettings {
    /// Region of the bucket, for links to the console of S3.
    pub region: Option<String>,
    /// Days after which the bucket deletes a run's files; `None` if it keeps them.
    pub retention_days: Option<u32>,
    /// Ids of runs whose report lies beside the page. Empty for the page in the bucket: its links are not signed.
    pub local_reports: BTreeSet<String>,
}

/// Returns the entry of a finished run. `None` for a dry run, and for a run whose request was refused before it had a
/// name.
#[must_use]
pub fn entry(record: &RunRecord, summary: Option<&Summary>) -> Option<HistoryEntry> {
    if let Some(summary) = summary {
        return summary.checks.is_empty().then(|| HistoryEntry::from_summary(summary));
    }
    let name = record.name.clone()?;
    Some(HistoryEntry {
        run_id: record.run_id.clone(),
        name: Some(name),
        created_at: record.created_at,
        status: record.status,
        verdict: record.verdict.unwrap_or(Verdict::Invalid),
        fingerprint: record.fingerprint.clone(),
        measured: None,
        error: record.error.as_ref().map(|error| error.error.clone()),
        has_report: false,
        scenarios: Vec::new(),
    })
}

/// Writes the entry of a run and the page. Called again, it writes the same entry again.
///
/// Several runs may do this at the same time. Each reads the history again after it wrote the page, and repeats that
/// until nothing was added. So the last write of the page has every run, without a lock.
///
/// # Errors
/// DynamoDB or S3 refuses it.
pub async fn update(
    records: &Records,
    artifacts: &Artifacts,
    entry: &HistoryEntry,
    settings: &PageSettings,
    now: Timestamp,
) -> Result<(), Failure> {
    records.write_history(entry).await?;
    let mut entries = latest(records).await?;
    for _ in 0..MAX_REWRITES {
        let page = render(records, artifacts, &entries, settings, now).await?;
        artifacts.write(HISTORY_PAGE, page.into_bytes(), "text/html; charset=utf-8").await?;
        let after = latest(records).await?;
        if after == entries {
            return Ok(());
        }
        entries = after;
    }
    tracing::warn!("runs were recorded faster than the page was written; the next run writes it");
    Ok(())
}

/// Returns the page of all runs, for a reader who keeps it outside of the bucket.
///
/// # Errors
/// DynamoDB does not answer.
pub async fn page(
    records: &Records,
    artifacts: &Artifacts,
    settings: &PageSettings,
    now: Timestamp,
) -> Result<String, Failure> {
    render(records, artifacts, &latest(records).await?, settings, now).await
}

async fn render(
    records: &Records,
    artifacts: &Artifacts,
    entries: &[HistoryEntry],
    settings: &PageSettings,
    now: Timestamp,
) -> Result<String, Failure> {
    let baselines = records.baselines().await?;
    Ok(history_page(&HistoryPage {
        entries,
        baselines: &baselines,
        bucket: settings.region.as_deref().map(|region| (artifacts.bucket(), region)),
        local_reports: &settings.local_reports,
        retention_days: settings.retention_days,
        made_at: now,
    }))
}

/// Returns the latest entries. One more than the page shows, so that it reports the rest.
async fn latest(records: &Records) -> Result<Vec<HistoryEntry>, Failure> {
    records.history_entries(MAX_RUNS + 1).await
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use aws_sdk_dynamodb::Client as DynamoDb;
    use aws_sdk_dynamodb::operation::put_item::PutItemOutput;
    use aws_sdk_dynamodb::operation::query::QueryOutput;
    use aws_sdk_dynamodb::types::AttributeValue;
    use aws_smithy_mocks::mock;
    use dicomperf_model::results::{RunError, RunStatus};
    use serde_json::json;

    use super::*;
    use crate::mocked::{Bucket, client, noon};

    fn record(run_id: &str, name: Option<&str>) -> RunRecord {
        let document = json!({
            "runId": run_id, "status": "FAILED", "createdAt": "2026-01-01T12:00:00Z", "name": name,
            "verdict": "invalid", "error": { "error": "NoCapacity", "cause": "why" },
        });
        serde_json::from_value(document).expect("a record")
    }

    #[test]
    fn a_failure_with_a_name_is_part_of_the_history_and_one_without_is_not() {
        let found = entry(&record("run-1", Some("nightly")), None).expect("an entry");
        assert_eq!((found.status, found.error.as_deref()), (RunStatus::Failed, Some("NoCapacity")));
        assert!(!found.has_report && found.scenarios.is_empty());
        assert_eq!(
            record("run-1", None).error,
            Some(RunError { error: "NoCapacity".to_owned(), cause: "why".to_owned() })
        );
        assert_eq!(entry(&record("run-1", None), None), None);
    }

    /// Another run enters the history after this one wrote the page.
    #[tokio::test]
    async fn the_page_is_written_again_for_a_run_that_was_recorded_meanwhile() {
        let mine = entry(&record("run-1", Some("mine")), None).expect("an entry");
        let other = entry(&record("run-2", Some("other")), None).expect("an entry");
        let item = |entry: &HistoryEntry| -> std::collections::HashMap<String, AttributeValue> {
            serde_dynamo::aws_sdk_dynamodb_1::to_item(entry).expect("an item")
        };
        let (mine_item, other_item) = (item(&mine), item(&other));
        let queries = Arc::new(Mutex::new(0));
        let query = mock!(DynamoDb::query).then_compute_output(move |request| {
            let partition = format!("{:?}", request.expression_attribute_values());
            if !partition.contains("HISTORY") {
                return QueryOutput::builder().build();
            }
            let mut count = queries.lock().expect("not poisoned");
            *count += 1;
            let found = QueryOutput::builder().items(mine_item.clone());
            if *count == 1 { found.build() } else { found.items(other_item.clone()).build() }
        });
        let put = mock!(DynamoDb::put_item).then_output(|| PutItemOutput::builder().build());
        let records = Records::new(client!(aws_sdk_dynamodb, [query, put]), "table".to_owned());
        let bucket = Bucket::default();
        let artifacts = Artifacts::new(bucket.client(), "bucket".to_owned());
        update(&records, &artifacts, &mine, &PageSettings::default(), noon()).await.expect("written");
        let page = bucket.text(HISTORY_PAGE).expect("a page");
        assert!(page.contains("run-1") && page.contains("run-2"));
    }
}
