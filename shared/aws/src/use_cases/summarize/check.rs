//! The summary of a dry run. It succeeds as long as its function runs: a fault of the bucket or of the table is one more
//! check.

use jiff::Timestamp;

use super::Summarizer;
use crate::check_list::CheckList;
use crate::clients::records::RunEnd;
use crate::workflow::SummarizeAnswer;
use dicomperf_analysis::summarize::{Outcome, summarize_checks};
use dicomperf_model::keys::RunKeys;
use dicomperf_model::plan::Plan;
use dicomperf_model::results::{Check, RunStatus, Summary, Verdict};

impl Summarizer {
    /// Makes the checks of `summarize`, adds those of the other functions, and writes the report.
    pub(super) async fn summarize_dry_run(
        &self,
        run_id: String,
        others: Vec<Check>,
        now: Timestamp,
    ) -> SummarizeAnswer {
        let mut list = CheckList::new("summarize");
        let plan = self.artifacts.plan(&run_id).await;
        list.add("bucket", "s3:GetObject", plan.as_ref().map(|_| "the plan is read"));
        let history = self.records.history("dry run", "dry run", now, 1).await;
        list.add("table", "dynamodb:Query", history.map(|_| "earlier runs can be looked up"));
        let put = self.records.try_put(&run_id).await;
        list.add("table", "dynamodb:PutItem", put.map(|()| "results can be recorded"));
        list.add("table", "dynamodb:GetItem", self.records.run(&run_id).await.map(|_| "the record can be read"));
        let mut checks = others;
        checks.extend(list.finish());
        let mut list = CheckList::new("summarize");
        let report = RunKeys(&run_id).report("json");
        let is_written = match &plan {
            Ok(plan) => {
                let written = self.write_reports(&summary(plan, checks.clone(), now)).await;
                let is_written = written.is_ok();
                list.add(
                    "report",
                    "s3:PutObject",
                    written.map(|()| format!("{} is written", self.artifacts.uri(&report))),
                );
                is_written
            }
            Err(_) => false,
        };
        let end = |checks: &[Check]| RunEnd {
            status: RunStatus::Succeeded,
            verdict: verdict(checks),
            error: None,
            hosts_left: 0,
            finished_at: now,
            report: is_written.then(|| self.artifacts.uri(&report)),
            fingerprint: None,
            kept_until: None,
        };
        let finished = self.records.finish(&run_id, &end(&checks)).await;
        list.add("table", "dynamodb:UpdateItem", finished.map(|()| "the end of a run can be recorded"));
        checks.extend(list.finish());
        // With the last checks, which are about the report and the record themselves.
        if let (Ok(plan), true) = (&plan, is_written)
            && let Err(failure) = self.write_reports(&summary(plan, checks.clone(), now)).await
        {
            tracing::warn!(%failure, run_id, "the report is without the last checks");
        }
        let end = end(&checks);
        SummarizeAnswer {
            run_id,
            status: end.status,
            verdict: end.verdict,
            report: end.report.unwrap_or_default(),
            kept: None,
            error: None,
            checks,
        }
    }
}

fn summary(plan: &Plan, checks: Vec<Check>, now: Timestamp) -> Summary {
    summarize_checks(plan, checks, Outcome::new(now))
}

fn verdict(checks: &[Check]) -> Verdict {
    if checks.iter().all(|check| check.ok) { Verdict::Passed } else { Verdict::CheckFailed }
}
