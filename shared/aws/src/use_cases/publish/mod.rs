//! Publishes a finished run: an event, metrics, and its line in the history.

mod metrics;
mod unstarted;

use std::io::Write;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::clients::artifacts::Artifacts;
use crate::clients::events::Events;
use crate::clients::records::{Records, RunRecord};
use crate::failure::Failure;
use crate::use_cases::history::{self, PageSettings};
use crate::use_cases::plan::Input;
use dicomperf_model::keys::RunKeys;
use dicomperf_model::results::{Summary, Verdict};
use dicomperf_model::telling::{FinishedRun, RUN_FINISHED, RUN_NOT_STARTED, ReportPlace};

/// Publishes finished runs, and runs that no schedule could start.
#[derive(Debug, Clone)]
pub struct Publisher {
    /// Name of the stack.
    pub stack: String,
    /// The table, which has the runs' records and gets the history.
    pub records: Records,
    /// The bucket, which has the reports and gets the page of all runs.
    pub artifacts: Artifacts,
    /// The bus that gets the events.
    pub events: Events,
    /// URL of the HTTP API, if there is one.
    pub api_url: Option<String>,
    /// Properties of the stack that the page of all runs depends on.
    pub page: PageSettings,
}

/// An event of this function: a run that is over, or messages of the dead-letter queue.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Event {
    /// From `reap`, which has had the run summarized.
    #[serde(rename_all = "camelCase")]
    Run { run_id: String },
    /// From EventBridge: Step Functions Execution Status Change.
    Execution { detail: Execution },
    /// From SQS.
    Messages {
        #[serde(rename = "Records")]
        records: Vec<unstarted::Message>,
    },
}

#[derive(Debug, Deserialize)]
struct Execution {
    name: String,
    /// Its input as text. Absent if it is too long for an event.
    input: Option<String>,
}

impl Execution {
    fn is_dry_run(&self) -> bool {
        let input = self.input.as_deref().and_then(|text| serde_json::from_str(text).ok());
        let input = input.and_then(|input| Input::read(input).ok());
        matches!(input, Some(Input::Request { document, .. }) if document["dryRun"] == true)
    }
}

impl Publisher {
    /// Publishes what an event is about. `metrics` is the function's standard output, from which CloudWatch takes them.
    ///
    /// A run may be published twice, if this function ends before it can record that it did.
    ///
    /// # Errors
    /// The event is of another kind, or AWS does not answer.
    pub async fn publish(&self, event: Value, now: Timestamp, metrics: &mut impl Write) -> Result<(), Failure> {
        let event = Event::deserialize(event)
            .map_err(|error| Failure::Aws { doing: "reading the event".to_owned(), reason: error.to_string() })?;
        match event {
            Event::Run { run_id } => self.publish_run(&run_id, now, metrics).await,
            // A dry run that was refused has no report that says so.
            Event::Execution { detail } if detail.is_dry_run() => Ok(()),
            Event::Execution { detail } => self.publish_run(&detail.name, now, metrics).await,
            Event::Messages { records } => {
                for message in records {
                    let run = message.into_run(&self.stack);
                    let resource = run.schedule.clone().unwrap_or_else(|| self.stack.clone());
                    self.events.put(RUN_NOT_STARTED, &resource, &run).await?;
                }
                Ok(())
            }
        }
    }

    async fn publish_run(&self, run_id: &str, now: Timestamp, output: &mut impl Write) -> Result<(), Failure> {
        // A clearing has no result. `reap` publishes a run that is not summarized yet.
        let Some(record) = self.records.run(run_id).await?.filter(|record| !record.clears) else { return Ok(()) };
        let Some(finished_at) = record.finished_at else { return Ok(()) };
        let summary = self.summary(&record).await?;
        if summary.as_ref().is_some_and(|summary| summary.request.dry_run) {
            return Ok(());
        }
        if let Some(entry) = history::entry(&record, summary.as_ref()) {
            history::update(&self.records, &self.artifacts, &entry, &self.page, now).await?;
        }
        if record.published_at.is_some() {
            return Ok(());
        }
        let run = self.finished_run(&record, finished_at, summary.as_ref()).within_limits();
        let resource = record.execution_arn.as_deref().unwrap_or(run_id);
        self.events.put(RUN_FINISHED, resource, &run).await?;
        metrics::write(output, &run, now)?;
        self.records.record_published(run_id, now).await
    }

    async fn summary(&self, record: &RunRecord) -> Result<Option<Summary>, Failure> {
        if record.report.is_none() {
            return Ok(None);
        }
        self.artifacts.read(&RunKeys(&record.run_id).report("json")).await
    }

    fn finished_run(&self, record: &RunRecord, finished_at: Timestamp, summary: Option<&Summary>) -> FinishedRun {
        let run = FinishedRun {
            stack: self.stack.clone(),
            run_id: record.run_id.clone(),
            name: record.name.clone(),
            status: record.status,
            verdict: record.verdict.unwrap_or(Verdict::Invalid),
            error: record.error.clone(),
            schedule: record.schedule.clone(),
            fingerprint: record.fingerprint.clone(),
            created_at: record.created_at,
            finished_at,
            hosts_left: record.hosts_left.unwrap_or(0),
            scenarios: Vec::new(),
            scenarios_left_out: 0,
            against: None,
            report: None,
        };
        let Some(summary) = summary else { return run };
        let keys = RunKeys(&record.run_id);
        let url = self.api_url.as_ref().map(|url| format!("{url}/runs/{}/report", record.run_id));
        let bucket = self.artifacts.bucket().to_owned();
        let report = ReportPlace { bucket, html: keys.report("html"), json: keys.report("json"), url };
        run.with_summary(summary, report)
    }
}

#[cfg(test)]
mod tests;
