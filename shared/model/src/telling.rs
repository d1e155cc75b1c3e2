//! The events that the stack puts on EventBridge: a run that finished, and a run that a schedule could not start.
//!
//! docs/telling.md shows them.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::history;
use crate::results::{
    BaselineComparison, Change, LatencySummary, RunError, RunStatus, ScenarioSummary, Summary, Verdict,
};
use crate::statistics::Interval;

/// The source of the events.
pub const SOURCE: &str = "dicomperf";
/// The detail-type of a [`FinishedRun`].
pub const RUN_FINISHED: &str = "Run finished";
/// The detail-type of an [`UnstartedRun`].
pub const RUN_NOT_STARTED: &str = "Run not started";
/// Bytes of an event's detail at most. PutEvents takes 256 KB for an entry, with its source and detail-type (Amazon
/// EventBridge User Guide, Calculating PutEvents event entry size).
pub const MAX_DETAIL_BYTES: usize = 250_000;

/// Detail of the event `Run finished`: the figures of a run, and the changes against its history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FinishedRun {
    /// Name of the stack.
    pub stack: String,
    /// The run's id.
    pub run_id: String,
    /// Its request's name; absent if the request was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Status of the run.
    pub status: RunStatus,
    /// The verdict on its result.
    pub verdict: Verdict,
    /// The error that ended the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<RunError>,
    /// The schedule that started the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// Hash of the properties that two runs must share to be compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// Time of planning, RFC 3339.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub created_at: Timestamp,
    /// Time of the summary, RFC 3339.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub finished_at: Timestamp,
    /// Hosts of the run that still existed when it was summarized.
    pub hosts_left: u32,
    /// The figures of its scenarios, in the plan's order.
    pub scenarios: Vec<FinishedScenario>,
    /// Scenarios that an event has no room for: the last ones.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub scenarios_left_out: usize,
    /// The comparison with the run that the request names as its baseline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<Against>,
    /// The run's report, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<ReportPlace>,
}

/// The figures of a scenario in an event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FinishedScenario {
    /// The scenario's number in the plan.
    pub scenario: u32,
    /// The settings that are not the default, for a person.
    pub settings: String,
    /// True for a probe, which the request did not ask for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub probe: bool,
    /// Instances per second: the median over iterations, with its interval; null without a valid iteration.
    pub instances_per_second: Option<Interval>,
    /// Bytes of files per second: the median over iterations, with its interval.
    pub bytes_per_second: Option<Interval>,
    /// Times of all C-STOREs, from request to response, in ms.
    pub latency_ms: Option<LatencySummary>,
    /// Valid counted iterations.
    pub valid_iterations: u32,
    /// Change against the earlier runs of the same fingerprint and settings, if the request asks for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<HistoryChange>,
}

/// Change of a scenario against its history.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistoryChange {
    /// The verdict.
    pub verdict: Change,
    /// Earlier runs.
    pub runs: usize,
    /// This run's median divided by the median of the earlier runs.
    pub ratio: Option<f64>,
}

/// Comparison of a run with the run that its request names as the baseline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Against {
    /// Id of that run.
    pub run_id: String,
    /// The worst of the verdicts on the pairs of scenarios.
    pub verdict: Change,
    /// Conclusion in a sentence or two.
    pub says: String,
}

/// The place of a run's report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReportPlace {
    /// The stack's bucket.
    pub bucket: String,
    /// Key of report.html.
    pub html: String,
    /// Key of report.json.
    pub json: String,
    /// URL of the report through the HTTP API, for requests signed for execute-api. Absent without an API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// Detail of the event `Run not started`: Scheduler could not start an execution, and gave up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnstartedRun {
    /// Name of the stack.
    pub stack: String,
    /// Name of the schedule, if Scheduler told it.
    pub schedule: Option<String>,
    /// Time at which the run should have started, as Scheduler told it.
    pub scheduled_at: Option<String>,
    /// The error's code, as AWS gave it.
    pub error: Option<String>,
    /// The error's message, as AWS gave it.
    pub cause: Option<String>,
}

impl FinishedScenario {
    /// Returns the figures of a scenario, with its change against `baseline`.
    #[must_use]
    pub fn new(scenario: &ScenarioSummary, baseline: &[BaselineComparison]) -> Self {
        let history = baseline.iter().find(|one| one.scenario == scenario.number);
        Self {
            scenario: scenario.number,
            settings: history::settings_words(&scenario.settings),
            probe: scenario.probe,
            instances_per_second: scenario.instances_per_second,
            bytes_per_second: scenario.bytes_per_second,
            latency_ms: scenario.latency_ms,
            valid_iterations: scenario.valid_iterations,
            history: history.map(|one| HistoryChange { verdict: one.verdict, runs: one.runs, ratio: one.ratio }),
        }
    }
}

impl FinishedRun {
    /// Returns the run with the figures of its report.
    #[must_use]
    pub fn with_summary(mut self, summary: &Summary, report: ReportPlace) -> Self {
        let scenarios = summary.scenarios.iter();
        self.scenarios = scenarios.map(|one| FinishedScenario::new(one, &summary.baseline)).collect();
        self.against = summary.against.as_ref().map(|comparison| Against {
            run_id: comparison.a.run_id.clone(),
            verdict: comparison.verdict,
            says: comparison.says.clone(),
        });
        self.report = Some(report);
        self
    }

    /// Returns the run without its last scenarios, so that its JSON has [`MAX_DETAIL_BYTES`] at most.
    #[must_use]
    pub fn within_limits(mut self) -> Self {
        let mut bytes = json_bytes(&self);
        while bytes > MAX_DETAIL_BYTES
            && let Some(left_out) = self.scenarios.pop()
        {
            self.scenarios_left_out += 1;
            bytes -= json_bytes(&left_out);
        }
        self
    }

    /// True if a scenario is slower than its history or its baseline, beyond the noise.
    #[must_use]
    pub fn is_regressed(&self) -> bool {
        let against = self.against.as_ref().map(|against| against.verdict);
        let scenarios = self.scenarios.iter().filter_map(|one| Some(one.history?.verdict));
        self.verdict == Verdict::Regressed || scenarios.chain(against).any(|verdict| verdict == Change::Regressed)
    }
}

fn json_bytes(value: &impl Serialize) -> usize {
    serde_json::to_vec(value).map_or(0, |json| json.len())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(count: &usize) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario(number: u32) -> FinishedScenario {
        FinishedScenario {
            scenario: number,
            settings: "x".repeat(160),
            probe: false,
            instances_per_second: Some(Interval { median: 1.0, low: 0.5, high: 2.0 }),
            bytes_per_second: None,
            latency_ms: None,
            valid_iterations: 5,
            history: None,
        }
    }

    fn run(scenarios: u32) -> FinishedRun {
        FinishedRun {
            stack: "dicomperf".to_owned(),
            run_id: "run-1".to_owned(),
            name: Some("nightly".to_owned()),
            status: RunStatus::Succeeded,
            verdict: Verdict::Passed,
            error: None,
            schedule: None,
            fingerprint: None,
            created_at: Timestamp::UNIX_EPOCH,
            finished_at: Timestamp::UNIX_EPOCH,
            hosts_left: 0,
            scenarios: (0..scenarios).map(scenario).collect(),
            scenarios_left_out: 0,
            against: None,
            report: None,
        }
    }

    #[test]
    fn a_run_with_too_many_scenarios_is_told_with_the_first_and_the_number_of_the_others() {
        let told = run(2000).within_limits();
        // Commas between the scenarios count as room that is not used.
        assert!((MAX_DETAIL_BYTES - 2500..=MAX_DETAIL_BYTES).contains(&json_bytes(&told)), "{}", json_bytes(&told));
        assert_eq!(told.scenarios.len() + told.scenarios_left_out, 2000);
        assert_eq!(run(200).within_limits(), run(200), "the most that a plan may have");
    }

    #[test]
    fn a_run_is_regressed_if_one_scenario_is_whatever_its_verdict() {
        let mut slower = run(2);
        assert!(!slower.is_regressed());
        slower.scenarios[1].history = Some(HistoryChange { verdict: Change::Regressed, runs: 5, ratio: Some(0.8) });
        slower.verdict = Verdict::ThresholdBroken;
        assert!(slower.is_regressed());
    }
}
