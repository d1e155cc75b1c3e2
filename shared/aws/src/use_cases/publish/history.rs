//! A run's entry in the history, and the page of all runs.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::Publisher;
use crate::clients::records::RunRecord;
use crate::failure::Failure;
use dicomperf_model::history::HistoryEntry;
use dicomperf_model::keys::HISTORY_PAGE;
use dicomperf_model::results::{Summary, Verdict};
use dicomperf_report::{HistoryPage, MAX_RUNS, history_page};

/// Writes the page again at most so often, if other runs finish meanwhile. The last of them writes it too.
const MAX_ROUNDS: u32 = 5;

/// Writes a run's entry, and the page of all runs from all entries.
///
/// Two runs may finish at the same time. Each writes its entry first and looks again after it wrote the page, so that the
/// later one of two pages has both.
pub(super) async fn update(
    publisher: &Publisher,
    record: &RunRecord,
    summary: Option<&Summary>,
    now: Timestamp,
) -> Result<(), Failure> {
    let entry = summary.map_or_else(|| without_report(record), HistoryEntry::from_summary);
    publisher.records.write_history(&entry).await?;
    let baselines = publisher.records.baselines().await?;
    let mut entries = publisher.records.history_entries(MAX_RUNS).await?;
    for _ in 0..MAX_ROUNDS {
        let page = HistoryPage {
            entries: &entries,
            baselines: &baselines,
            bucket: Some((publisher.artifacts.bucket(), &publisher.region)),
            local_reports: &BTreeSet::new(),
            retention_days: publisher.retention_days,
            made_at: now,
        };
        let html = history_page(&page).into_bytes();
        publisher.artifacts.write(HISTORY_PAGE, html, "text/html; charset=utf-8").await?;
        let after = publisher.records.history_entries(MAX_RUNS).await?;
        if after == entries {
            break;
        }
        entries = after;
    }
    Ok(())
}

/// Returns the entry of a run without a report: its request was refused, or it failed before.
fn without_report(record: &RunRecord) -> HistoryEntry {
    HistoryEntry {
        run_id: record.run_id.clone(),
        name: record.name.clone(),
        created_at: record.created_at,
        status: record.status,
        verdict: record.verdict.unwrap_or(Verdict::Invalid),
        fingerprint: record.fingerprint.clone(),
        measured: None,
        error: record.error.as_ref().map(|error| error.error.clone()),
        has_report: false,
        scenarios: Vec::new(),
    }
}
