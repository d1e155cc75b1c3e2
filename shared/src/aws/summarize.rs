//! From what was measured to what it means, written down.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::artifacts::Artifacts;
use super::records::{Records, RunEnd, RunRecord, ScenarioRecord};
use crate::comparison;
use crate::failure::{Failure, RunError};
use crate::keys::RunKeys;
use crate::plan::Plan;
use crate::report;
use crate::request::Baseline;
use crate::step::{HostRole, StepId, StepReport};
use crate::summary::{HostSamples, Outcome, ScenarioSummary, Stores, Summary, summarize};
use crate::verdict::{HistoricScenario, MOST_RUNS, Verdict};
use crate::workflow::{RunStatus, SummarizeAnswer, SummarizeEvent};

/// Summarizes runs.
#[derive(Debug, Clone)]
pub struct Summarizer {
    /// Has the measurements, and gets the reports.
    pub artifacts: Artifacts,
    /// Has the history, and gets the results.
    pub records: Records,
}

impl Summarizer {
    /// Summarizes a run from whatever there is of it. Asked again, it writes the same again; but a run that succeeded
    /// does not fail because somebody reaps it late.
    ///
    /// # Errors
    /// S3 or DynamoDB do not answer.
    pub async fn summarize(&self, event: SummarizeEvent, now: Timestamp) -> Result<SummarizeAnswer, Failure> {
        let run_id = &event.run_id;
        let record = self.records.run(run_id).await?;
        if let Some(record) = &record
            && record.status == RunStatus::Succeeded
            && event.error.is_some()
        {
            return Ok(answer_of(record));
        }
        let error = event.error.as_ref().map(|error| RunError::from_states(&error.error, &error.cause));
        let finished_at = record.as_ref().and_then(|record| record.finished_at).unwrap_or(now);
        let keys = RunKeys(run_id);
        let Some(plan) = self.artifacts.read::<Plan>(&keys.plan()).await? else {
            return self.without_plan(event.run_id, error, event.hosts_left, finished_at).await;
        };
        let steps = self.step_reports(&plan).await?;
        let history = self.history(&plan).await?;
        let (samples, stores) = self.samples(keys).await?;
        let outcome = Outcome { error, hosts_left: event.hosts_left, history, samples, stores, finished_at };
        let mut summary = summarize(&plan, &steps, outcome);
        if let Some(Baseline::Run(earlier_id)) = &plan.request.baseline {
            let earlier = self.earlier(&plan, earlier_id).await?;
            comparison::hold_against(&mut summary, earlier_id, earlier.as_ref().map_err(String::as_str));
        }
        let report_key = keys.report("json");
        self.artifacts.write_json(&report_key, &summary).await?;
        for (extension, text, content_type) in [
            ("html", report::html(&summary), "text/html; charset=utf-8"),
            ("md", report::markdown(&summary), "text/markdown; charset=utf-8"),
        ] {
            self.artifacts.write(&keys.report(extension), text.into_bytes(), content_type).await?;
        }
        for scenario in &summary.scenarios {
            self.records.write_scenario(&scenario_record(&plan, &summary, scenario)?).await?;
        }
        let end = RunEnd {
            status: summary.status,
            verdict: summary.verdict,
            error: summary.error.clone(),
            hosts_left: summary.hosts_left,
            finished_at,
            report: Some(self.artifacts.uri(&report_key)),
        };
        self.finish(event.run_id, end).await
    }

    /// A run whose request was refused has nothing but its error.
    async fn without_plan(
        &self,
        run_id: String,
        error: Option<RunError>,
        hosts_left: u32,
        finished_at: Timestamp,
    ) -> Result<SummarizeAnswer, Failure> {
        let (status, verdict) = (RunStatus::Failed, Verdict::Invalid);
        self.finish(run_id, RunEnd { status, verdict, error, hosts_left, finished_at, report: None }).await
    }

    async fn finish(&self, run_id: String, end: RunEnd) -> Result<SummarizeAnswer, Failure> {
        self.records.finish(&run_id, &end).await?;
        Ok(SummarizeAnswer {
            run_id,
            status: end.status,
            verdict: end.verdict,
            report: end.report.unwrap_or_default(),
            error: end.error,
        })
    }

    /// Every report that there is.
    async fn step_reports(&self, plan: &Plan) -> Result<Vec<StepReport>, Failure> {
        let mut steps = vec![StepId::ConfigureClient];
        for run in &plan.sequence {
            let ordinal = run.ordinal;
            steps.extend([StepId::ConfigureServer { ordinal }, StepId::Measure { ordinal, part: 0 }]);
        }
        steps.push(StepId::Collect);
        let mut reports = Vec::new();
        for step in &steps {
            reports.extend(self.artifacts.read(&RunKeys(&plan.run_id).step_report(step)).await?);
        }
        Ok(reports)
    }

    /// What the hosts sampled. It explains a result: a run is summarized without it, too.
    async fn samples(&self, keys: RunKeys<'_>) -> Result<(HostSamples, Stores), Failure> {
        let (mut samples, mut stores) = (HostSamples::default(), Stores::default());
        for host in [HostRole::Server, HostRole::Client] {
            let key = keys.samples(host);
            let Some(file) = self.artifacts.bytes(&key).await? else { continue };
            if let Err(error) = samples.add(host, &file, &mut stores) {
                tracing::warn!("{}: {error}", self.artifacts.uri(&key));
            }
        }
        Ok((samples, stores))
    }

    /// The summary of an earlier run, or why there is none. A run is summarized without it, too.
    async fn earlier(&self, plan: &Plan, earlier_id: &str) -> Result<Result<Summary, String>, Failure> {
        // Its own report is there when it is summarized a second time, and not the first.
        if earlier_id == plan.run_id {
            return Ok(Err("it is this run".to_owned()));
        }
        let key = RunKeys(earlier_id).report("json");
        let Some(report) = self.artifacts.bytes(&key).await? else {
            return Ok(Err(format!("{} is not there", self.artifacts.uri(&key))));
        };
        let read = serde_json::from_slice(&report);
        Ok(read.map_err(|error| format!("{} is of another version: {error}", self.artifacts.uri(&key))))
    }

    async fn history(&self, plan: &Plan) -> Result<Vec<HistoricScenario>, Failure> {
        let mut history = Vec::new();
        if plan.request.baseline == Some(Baseline::History) {
            let limit = i32::try_from(MOST_RUNS).unwrap_or(i32::MAX);
            for scenario in plan.blocks.iter().flat_map(|block| &block.scenarios) {
                let key = scenario.settings.key();
                history.extend(self.records.history(&plan.fingerprint, &key, plan.created_at, limit).await?);
            }
        }
        Ok(history)
    }
}

fn answer_of(record: &RunRecord) -> SummarizeAnswer {
    SummarizeAnswer {
        run_id: record.run_id.clone(),
        status: record.status,
        verdict: record.verdict.unwrap_or(Verdict::Invalid),
        report: record.report.clone().unwrap_or_default(),
        error: record.error.clone(),
    }
}

fn scenario_record(plan: &Plan, summary: &Summary, scenario: &ScenarioSummary) -> Result<ScenarioRecord, Failure> {
    let json = serde_json::to_value(scenario).map_err(|error| Failure::Aws {
        doing: format!("recording scenario {}", scenario.scenario),
        reason: error.to_string(),
    })?;
    // A run that was cut short is no sample of how fast the hosts are, and a probe is not what was asked for.
    let is_sample = summary.status == RunStatus::Succeeded && !scenario.probe;
    let record = ScenarioRecord {
        run_id: plan.run_id.clone(),
        block: scenario.block,
        scenario: scenario.scenario,
        created_at: plan.created_at,
        fingerprint: plan.fingerprint.clone(),
        settings_key: scenario.settings_key.clone(),
        instances_per_second: scenario.instances_per_second.filter(|_| is_sample).map(|interval| interval.median),
        summary: match json {
            Value::Object(fields) => fields,
            _ => Map::new(),
        },
    };
    Ok(record.within_limits())
}

#[cfg(test)]
mod tests;
