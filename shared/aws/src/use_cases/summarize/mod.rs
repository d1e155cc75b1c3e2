//! Summarizes a run: reads its measurements and writes statistics, verdict and reports.

mod check;
mod kept;

use jiff::Timestamp;
use serde_json::{Map, Value};

use self::kept::number_of_hosts;
use crate::clients::artifacts::Artifacts;
use crate::clients::records::{Records, RunEnd, RunRecord, ScenarioRecord};
use crate::failure::Failure;
use crate::use_cases::launch::LaunchRecord;
use crate::workflow::{SummarizeAnswer, SummarizeEvent};
use dicomperf_analysis::summarize::{HostSamples, Outcome, Stores, summarize};
use dicomperf_analysis::two_runs;
use dicomperf_analysis::verdict::{HistoricScenario, MAX_RUNS};
use dicomperf_model::keys::RunKeys;
use dicomperf_model::plan::Plan;
use dicomperf_model::request::Baseline;
use dicomperf_model::results::RunError;
use dicomperf_model::results::RunStatus;
use dicomperf_model::results::Verdict;
use dicomperf_model::results::{ScenarioSummary, Summary};
use dicomperf_model::step::{StepId, StepOutput, StepReport};

/// Summarizes runs.
#[derive(Debug, Clone)]
pub struct Summarizer {
    /// The bucket, which has the measurements and gets the reports.
    pub artifacts: Artifacts,
    /// The table, which has the history and gets the results.
    pub records: Records,
}

impl Summarizer {
    /// Summarizes a run from the files that exist. Called again, it writes the same results again. A late call with an
    /// error does not change a run that succeeded.
    ///
    /// # Errors
    /// S3 or DynamoDB does not answer.
    pub async fn summarize(&self, event: SummarizeEvent, now: Timestamp) -> Result<SummarizeAnswer, Failure> {
        if let Some(checks) = event.checks {
            return Ok(self.summarize_dry_run(event.run_id, checks, now).await);
        }
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
            return self.finish_without_plan(event.run_id, error, event.hosts_left, finished_at).await;
        };
        if plan.clears {
            return self.finish_clearing(event.run_id, error, finished_at).await;
        }
        let launched = self.artifacts.read::<LaunchRecord>(&keys.launch()).await?.unwrap_or_default();
        let plan = plan.with_launched_types(|role| launched.launched.get(&role).cloned());
        let steps = self.step_reports(&plan).await?;
        // Before the history, which is looked up by the fingerprint.
        let plan = with_negotiated(plan, &steps);
        let history = self.history(&plan).await?;
        let (samples, stores) = self.samples(&plan).await?;
        let outcome = Outcome { error, hosts_left: event.hosts_left, history, samples, stores, finished_at };
        let mut summary = summarize(&plan, &steps, outcome);
        if let Some(earlier_id) = plan.baseline_run() {
            let earlier = self.earlier_summary(&plan, earlier_id).await?;
            two_runs::compare_with_baseline(&mut summary, earlier_id, earlier.as_ref().map_err(String::as_str));
            if let Some(Baseline::Named(name)) = &plan.request.baseline {
                summary.notes.push(format!("The baseline {name} was run {earlier_id} when this run was planned."));
            }
        }
        summary.kept = self.kept(&plan, &summary, &launched.hosts, record.as_ref(), finished_at, event.keep);
        self.write_reports(&summary).await?;
        for scenario in &summary.scenarios {
            self.records.write_scenario(&scenario_record(&plan, &summary, scenario)?).await?;
        }
        let end = RunEnd {
            status: summary.status,
            verdict: summary.verdict,
            error: summary.error.clone(),
            hosts_left: summary.kept.as_ref().map_or(summary.hosts_left, number_of_hosts),
            finished_at,
            report: Some(self.artifacts.uri(&keys.report("json"))),
            fingerprint: Some(plan.fingerprint.clone()),
            kept_until: summary.kept.as_ref().map(|kept| kept.until),
        };
        let answer = self.finish(event.run_id, end).await?;
        Ok(SummarizeAnswer { kept: summary.kept, ..answer })
    }

    /// Finishes a run whose request was refused. It has an error and no measurement.
    async fn finish_without_plan(
        &self,
        run_id: String,
        error: Option<RunError>,
        hosts_left: u32,
        finished_at: Timestamp,
    ) -> Result<SummarizeAnswer, Failure> {
        let (status, verdict) = (RunStatus::Failed, Verdict::Invalid);
        let report = None;
        self.finish(
            run_id,
            RunEnd { status, verdict, error, hosts_left, finished_at, report, fingerprint: None, kept_until: None },
        )
        .await
    }

    async fn finish(&self, run_id: String, end: RunEnd) -> Result<SummarizeAnswer, Failure> {
        self.records.finish(&run_id, &end).await?;
        Ok(SummarizeAnswer {
            run_id,
            status: end.status,
            verdict: end.verdict,
            report: end.report.unwrap_or_default(),
            kept: None,
            error: end.error,
            checks: Vec::new(),
        })
    }

    /// Writes report.json, report.html and report.md.
    async fn write_reports(&self, summary: &Summary) -> Result<(), Failure> {
        let keys = RunKeys(&summary.run_id);
        self.artifacts.write_json(&keys.report("json"), summary).await?;
        for (extension, text, content_type) in [
            ("html", dicomperf_report::html(summary), "text/html; charset=utf-8"),
            ("md", dicomperf_report::markdown(summary), "text/markdown; charset=utf-8"),
        ] {
            self.artifacts.write(&keys.report(extension), text.into_bytes(), content_type).await?;
        }
        Ok(())
    }

    /// Returns every step report that exists.
    async fn step_reports(&self, plan: &Plan) -> Result<Vec<StepReport>, Failure> {
        let mut steps = vec![StepId::ConfigureClient];
        for run in &plan.sequence {
            let ordinal = run.ordinal;
            steps.extend([StepId::ConfigureServer { ordinal }, StepId::Measure { ordinal, part: 0 }]);
        }
        steps.push(StepId::Collect);
        // An existing server has no step.
        steps.retain(|step| plan.hosts.get(step.host()).is_some());
        let mut reports = Vec::new();
        for step in &steps {
            reports.extend(self.artifacts.read(&RunKeys(&plan.run_id).step_report(step)).await?);
        }
        Ok(reports)
    }

    /// Returns the samples of the hosts. They explain a result, and a run is summarized without them too.
    async fn samples(&self, plan: &Plan) -> Result<(HostSamples, Stores), Failure> {
        let (mut samples, mut stores) = (HostSamples::default(), Stores::default());
        for (host, _) in plan.hosts.iter() {
            let key = RunKeys(&plan.run_id).samples(host);
            let Some(file) = self.artifacts.read_bytes(&key).await? else { continue };
            if let Err(error) = samples.add(host, &file, &mut stores) {
                tracing::warn!("{}: {error}", self.artifacts.uri(&key));
            }
        }
        Ok((samples, stores))
    }

    /// Returns the summary of an earlier run, or the reason why it is missing. A run is summarized without it too.
    async fn earlier_summary(&self, plan: &Plan, earlier_id: &str) -> Result<Result<Summary, String>, Failure> {
        // A run's own report exists only when the run is summarized a second time.
        if earlier_id == plan.run_id {
            return Ok(Err("it is this run".to_owned()));
        }
        let key = RunKeys(earlier_id).report("json");
        let Some(report) = self.artifacts.read_bytes(&key).await? else {
            return Ok(Err(format!("{} is not there", self.artifacts.uri(&key))));
        };
        let read = serde_json::from_slice(&report);
        Ok(read.map_err(|error| format!("{} is of another version: {error}", self.artifacts.uri(&key))))
    }

    async fn history(&self, plan: &Plan) -> Result<Vec<HistoricScenario>, Failure> {
        let mut history = Vec::new();
        if plan.request.baseline == Some(Baseline::History) {
            let limit = i32::try_from(MAX_RUNS).unwrap_or(i32::MAX);
            for scenario in plan.blocks.iter().flat_map(|block| &block.scenarios) {
                let key = scenario.settings.key();
                history.extend(self.records.history(&plan.fingerprint, &key, plan.created_at, limit).await?);
            }
        }
        Ok(history)
    }
}

/// Returns the plan with the identity that an existing server announced, if it was measured.
fn with_negotiated(plan: Plan, steps: &[StepReport]) -> Plan {
    let negotiated = steps.iter().find_map(|report| match &report.output {
        Some(StepOutput::Measured(measured)) => measured.negotiated.as_ref(),
        _ => None,
    });
    match negotiated {
        Some(negotiated) => plan.with_negotiated(negotiated),
        None => plan,
    }
}

fn answer_of(record: &RunRecord) -> SummarizeAnswer {
    SummarizeAnswer {
        run_id: record.run_id.clone(),
        status: record.status,
        verdict: record.verdict.unwrap_or(Verdict::Invalid),
        report: record.report.clone().unwrap_or_default(),
        kept: None,
        error: record.error.clone(),
        checks: Vec::new(),
    }
}

fn scenario_record(plan: &Plan, summary: &Summary, scenario: &ScenarioSummary) -> Result<ScenarioRecord, Failure> {
    let json = serde_json::to_value(scenario).map_err(|error| Failure::Aws {
        doing: format!("recording scenario {}", scenario.number),
        reason: error.to_string(),
    })?;
    // An incomplete run does not show the hosts' speed, and nobody requested a probe.
    let is_sample = summary.status == RunStatus::Succeeded && !scenario.probe;
    let record = ScenarioRecord {
        run_id: plan.run_id.clone(),
        block: scenario.block,
        scenario: scenario.number,
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
