//! The content of the page of all runs.

use std::collections::BTreeSet;

use dicomperf_model::history::{HistoryEntry, NamedBaseline};
use jiff::Timestamp;

/// Runs that the page shows, the latest ones. Older runs stay in the table of the stack.
pub const MAX_RUNS: usize = 10_000;
/// Figures of scenarios that the page shows, those of the latest runs.
pub const MAX_POINTS: usize = 100_000;

/// The content of the page.
#[derive(Debug, Clone, Copy)]
pub struct HistoryPage<'a> {
    /// The runs, in any order.
    pub entries: &'a [HistoryEntry],
    /// The runs that have a name as a baseline.
    pub baselines: &'a [NamedBaseline],
    /// Bucket and region of the reports, for links to the console of S3.
    pub bucket: Option<(&'a str, &'a str)>,
    /// Ids of runs whose report lies beside the page, at `runs/ID/report.html`.
    pub local_reports: &'a BTreeSet<String>,
    /// Days after which the bucket deletes a run's files; `None` if it keeps them.
    pub retention_days: Option<u32>,
    /// Time at which the page is made.
    pub made_at: Timestamp,
}
